/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_tap.h with a real interface, in a network namespace of our own. Skipped where that is not
 * allowed.
 */
#include "nic_tap_rig.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST	0x0a090901u
#define GUEST	0x0a090902u
#define PATIENT 100

static const uint8_t guest_mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

/* ---- a device ---- */

static void turn(struct fixture *f, int timeout)
{
	struct pollfd p;

	anvil_nic_tap_fill(&f->nic, &p);
	assert_true(poll(&p, 1, timeout) >= 0);
	anvil_nic_tap_dispatch(&f->nic, &p);
}

static void expect_frame(struct fixture *f, unsigned int had)
{
	for (int i = 0; i < PATIENT && f->got == had; i++)
		turn(f, 50);
	assert_true(f->got > had);
}

/* ---- frames ---- */

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value & 0xffff);
}

static unsigned int sum(const uint8_t *p, uint32_t len)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < len; i++)
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* Of the pseudo header, which is what a checksum field holds while the rest is still to be done. */
static unsigned int pseudo_sum(const uint8_t *frame, uint32_t len)
{
	uint8_t pseudo[12] = { 0 };

	memcpy(pseudo, frame + ETH + 12, 8);
	pseudo[9] = frame[ETH + 9];
	put16(pseudo + 10, len - IP);
	return sum(pseudo, sizeof(pseudo));
}

/* 0xffff says that the checksum is right. */
static unsigned int whole_sum(const uint8_t *frame, uint32_t len)
{
	uint8_t both[4];

	put16(both, pseudo_sum(frame, len));
	put16(both + 2, sum(frame + IP, len - IP));
	return sum(both, 4);
}

static void put_ip(uint8_t *frame, const uint8_t *mac, uint32_t len, uint8_t protocol,
		   uint32_t from, uint32_t to)
{
	static const uint8_t start[] = { 0x45, 0, 0, 0, 0, 1, 0, 0, 64 };

	memcpy(frame, mac, 6);
	memcpy(frame + 6, guest_mac, 6);
	put16(frame + 12, 0x0800);
	memcpy(frame + ETH, start, sizeof(start));
	put16(frame + ETH + 2, len - ETH);
	frame[ETH + 9] = protocol;
	put16(frame + ETH + 10, 0);
	put32(frame + ETH + 12, from);
	put32(frame + ETH + 16, to);
	put16(frame + ETH + 10, ~sum(frame + ETH, 20) & 0xffff);
}

/* A TCP frame that is to be cut into segments, and how. */
#define LONG_BYTES (TCP + 4000u)
static void put_long_tcp(uint8_t *frame, const uint8_t *mac, uint32_t from, uint32_t to)
{
	memset(frame, 0, LONG_BYTES);
	put_ip(frame, mac, LONG_BYTES, 6, from, to);
	put16(frame + IP, 1000);
	put16(frame + IP + 2, 2000);
	put32(frame + IP + 4, 1);
	put32(frame + IP + 8, 1);
	frame[IP + 12] = 5 << 4;
	frame[IP + 13] = 0x10;
	put16(frame + IP + 14, 1000);
	put16(frame + IP + 16, pseudo_sum(frame, LONG_BYTES));
}

/* ---- a real interface ---- */

static const char *no_interface; /* why there is none */

/* QEMU's emulation of a single program has not all that the kernel has. */
static bool packets_have_offloads(void)
{
	int on = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_IP));
	bool have = fd >= 0 && !setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on));

	if (fd >= 0)
		close(fd);
	return have;
}

static void enter_namespace(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		no_interface = "no network namespace of our own";
	else if (open_nic(f, "anvil%d"))
		no_interface = f->error;
	else
		anvil_nic_tap_close(&f->nic);
	if (!no_interface && !packets_have_offloads())
		no_interface = "no packet sockets with offloads";
	if (no_interface)
		printf("skipped: real interfaces: %s\n", no_interface);
	if (no_interface != f->error)
		free(f); /* else it holds the words */
}

static void set_address(struct fixture *f, int fd)
{
	struct ifreq r = { 0 };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(HOST) };

	strcpy(r.ifr_name, f->nic.name);
	memcpy(&r.ifr_addr, &a, sizeof(a));
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &r), 0);
	a.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&r.ifr_netmask, &a, sizeof(a));
	assert_int_equal(ioctl(fd, SIOCSIFNETMASK, &r), 0);
	memset(&r.ifr_ifru, 0, sizeof(r.ifr_ifru));
	r.ifr_flags = IFF_UP | IFF_RUNNING;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
}

static void set_neighbour(struct fixture *f, int fd)
{
	struct arpreq r = { .arp_flags = ATF_COM | ATF_PERM };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(GUEST) };

	memcpy(&r.arp_pa, &a, sizeof(a));
	r.arp_ha.sa_family = ARPHRD_ETHER;
	memcpy(r.arp_ha.sa_data, guest_mac, 6);
	strcpy(r.arp_dev, f->nic.name);
	assert_int_equal(ioctl(fd, SIOCSARP, &r), 0);
}

/* Its frames come and go with the kernel's short offload header of 10 bytes. */
static int packet_socket(struct fixture *f)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int on = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_IP));

	assert_true(fd >= 0);
	a.sll_ifindex = (int)if_nametoindex(f->nic.name);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static int setup_real(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	if (no_interface)
		return 0;
	assert_int_equal(open_nic(f, "anvil%d"), 0);

	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	set_address(f, fd);
	set_neighbour(f, fd);
	assert_int_equal(close(fd), 0);
	f->packets = packet_socket(f);
	return 0;
}

static int teardown_real(void **state)
{
	struct fixture *f = *state;

	if (!no_interface) {
		assert_int_equal(close(f->packets), 0);
		anvil_nic_tap_close(&f->nic);
	}
	free(f);
	return 0;
}

static void need_interface(void)
{
	if (no_interface) {
		print_message("skipped: %s\n", no_interface);
		skip();
	}
}

static void mac_of_interface(struct fixture *f, uint8_t *mac)
{
	struct ifreq r = { 0 };

	strcpy(r.ifr_name, f->nic.name);
	assert_int_equal(ioctl(f->packets, SIOCGIFHWADDR, &r), 0);
	memcpy(mac, r.ifr_hwaddr.sa_data, 6);
}

static int host_udp(unsigned int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(HOST) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static uint32_t put_udp(struct fixture *f, uint8_t *frame, unsigned int port, const char *text)
{
	uint32_t len = UDP + (uint32_t)strlen(text);
	uint8_t mac[6];

	mac_of_interface(f, mac);
	put_ip(frame, mac, len, 17, GUEST, HOST);
	put16(frame + IP, 7);
	put16(frame + IP + 2, port);
	put16(frame + IP + 4, len - IP);
	put16(frame + IP + 6, 0);
	memcpy(frame + UDP, text, strlen(text));
	return len;
}

static const struct anvil_nic_offload udp_csum = { .needs_csum = true,
						   .csum_start = IP,
						   .csum_offset = 6 };

/* What comes in at a socket; a loaded kernel may take its time. */
static ssize_t await(int fd, void *data, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 5000), 1);
	return recv(fd, data, len, 0);
}

/* The kernel takes our word for a checksum to be completed, and drops a wrong one. */
static void host_socket_gets_what_the_guest_sends(void **state)
{
	static const struct anvil_nic_offload none;
	struct fixture *f = *state;
	uint8_t frame[128];
	char text[32];
	unsigned int port;

	need_interface();

	int fd = host_udp(&port);
	uint32_t len = put_udp(f, frame, port, "complete");

	put16(frame + IP + 6, ~whole_sum(frame, len) & 0xffff);
	assert_int_equal(send_to(f, frame, len, &none), 0);
	assert_int_equal(await(fd, text, sizeof(text)), 8);

	len = put_udp(f, frame, port, "left to do");
	put16(frame + IP + 6, pseudo_sum(frame, len));
	assert_int_equal(send_to(f, frame, len, &none), 0);
	assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
	assert_int_equal(send_to(f, frame, len, &udp_csum), 0);
	assert_int_equal(await(fd, text, sizeof(text)), 10);
	assert_memory_equal(text, "left to do", 10);
	assert_int_equal(f->nic.dropped_from_guest, 0);
	assert_int_equal(close(fd), 0);
}

static void host_sends(int fd, const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(GUEST) };

	a.sin_port = htons(7);
	assert_int_equal(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&a, sizeof(a)),
			 (ssize_t)strlen(text));
}

static void guest_gets_checksums_as_it_wants_them(void **state)
{
	static const struct anvil_nic_tap_offloads csum = { .csum = true };
	struct fixture *f = *state;
	unsigned int port;

	need_interface();

	int fd = host_udp(&port);

	host_sends(fd, "complete");
	expect_frame(f, 0);
	assert_int_equal(f->len, UDP + 8);
	assert_memory_equal(f->frame, guest_mac, 6);
	assert_false(f->offload.needs_csum);
	assert_int_equal(whole_sum(f->frame, f->len), 0xffff);

	assert_int_equal(anvil_nic_tap_set_offloads(&f->nic, &csum), 0);
	host_sends(fd, "left to do");
	expect_frame(f, 1);
	assert_true(f->offload.needs_csum);
	assert_int_equal(f->offload.csum_start, IP);
	assert_int_equal(f->offload.csum_offset, 6);
	assert_int_equal(f->frame[IP + 6] << 8 | f->frame[IP + 7], pseudo_sum(f->frame, f->len));
	assert_int_equal(f->offload.gso, ANVIL_NIC_GSO_NONE);
	assert_memory_equal(f->frame + UDP, "left to do", 10);
	assert_int_equal(close(fd), 0);
}

/* The host's end sees the same offload header, 10 bytes of it. */
static void host_gets_long_frames_uncut(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[LONG_BYTES], seen[10 + LONG_BYTES + 1], mac[6];
	struct virtio_net_header header = { 0 };

	need_interface();
	mac_of_interface(f, mac);
	put_long_tcp(frame, mac, GUEST, HOST);
	assert_int_equal(send_to(f, frame, LONG_BYTES, &long_tcp), 0);
	assert_int_equal(await(f->packets, seen, sizeof(seen)), 10 + LONG_BYTES);
	memcpy(&header, seen, 10);
	assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(header.gso_size, 1000);
	assert_true(header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_memory_equal(seen + 10, frame, LONG_BYTES);
}

static void host_sends_long_tcp(struct fixture *f)
{
	struct virtio_net_header header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					    .hdr_len = TCP,
					    .gso_size = 1000,
					    .csum_start = IP,
					    .csum_offset = 16 };
	uint8_t out[10 + LONG_BYTES];

	memcpy(out, &header, 10);
	put_long_tcp(out + 10, guest_mac, HOST, GUEST);
	assert_int_equal(send(f->packets, out, sizeof(out), 0), (ssize_t)sizeof(out));
}

static void guest_gets_long_frames_as_it_wants_them(void **state)
{
	static const struct anvil_nic_tap_offloads tso = { .csum = true,
							   .tso4 = true,
							   .ecn = true };
	struct fixture *f = *state;

	need_interface();
	host_sends_long_tcp(f);
	for (unsigned int had = 0; had < 4; had++)
		expect_frame(f, f->got > had ? f->got - 1 : f->got);
	turn(f, 0);
	assert_int_equal(f->got, 4); /* cut by the kernel */
	assert_int_equal(f->len, TCP + 1000);
	assert_int_equal(f->offload.gso, ANVIL_NIC_GSO_NONE);
	assert_int_equal(whole_sum(f->frame, f->len), 0xffff);

	assert_int_equal(anvil_nic_tap_set_offloads(&f->nic, &tso), 0);
	host_sends_long_tcp(f);
	expect_frame(f, 4);
	assert_int_equal(f->len, LONG_BYTES);
	assert_int_equal(f->offload.gso, ANVIL_NIC_GSO_TCP4);
	assert_int_equal(f->offload.gso_size, 1000);
	assert_int_equal(f->offload.header_len, TCP);
	assert_true(f->offload.needs_csum);
}

static void frames_wait_in_the_kernel_while_the_guest_is_full(void **state)
{
	struct fixture *f = *state;
	struct pollfd p;
	unsigned int port;

	need_interface();

	int fd = host_udp(&port);

	f->full = true;
	for (int i = 0; i < PATIENT && !f->nic.guest_full; i++) {
		host_sends(fd, "one");
		turn(f, 10);
	}
	host_sends(fd, "last one");
	anvil_nic_tap_fill(&f->nic, &p);
	assert_int_equal(poll(&p, 1, 0), 0); /* does not spin */
	f->nic.nic.ops->receivable(&f->nic.nic);
	assert_int_equal(f->got, 0);
	f->full = false;
	f->nic.nic.ops->receivable(&f->nic.nic);
	expect_frame(f, f->got);
	for (int i = 0; i < PATIENT && f->len != UDP + 8; i++)
		turn(f, 10);
	assert_memory_equal(f->frame + UDP, "last one", 8);
	assert_int_equal(close(fd), 0);
}

static void busy_and_foreign_interfaces_are_named(void **state)
{
	struct fixture *f = *state;
	struct anvil_nic_tap other;
	char name[16];

	need_interface();
	memcpy(name, f->nic.name, sizeof(name));
	assert_int_equal(anvil_nic_tap_open(&other, name, f->error, sizeof(f->error)), -EBUSY);
	assert_non_null(strstr(f->error, ": in use by another program"));
	assert_int_equal(anvil_nic_tap_open(&other, "lo", f->error, sizeof(f->error)), -EINVAL);
	assert_non_null(strstr(f->error, "lo: is not a TAP interface"));
}

/* The interface is down: frames are lost, as without a cable. */
static void interface_that_is_down_loses_frames(void **state)
{
	static const struct anvil_nic_offload none;
	static const uint8_t frame[60];
	struct fixture *f = *state;
	struct anvil_nic_tap other;

	need_interface();
	assert_int_equal(anvil_nic_tap_open(&other, NULL, f->error, sizeof(f->error)), 0);
	assert_string_not_equal(other.name, "");

	struct anvil_nic_frame out = { frame, sizeof(frame), none };

	assert_int_equal(other.nic.ops->send(&other.nic, &out), 0);
	assert_int_equal(other.dropped_from_guest, 1);
	anvil_nic_tap_close(&other);
}

#define REAL(name) cmocka_unit_test_setup_teardown(name, setup_real, teardown_real)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		REAL(host_socket_gets_what_the_guest_sends),
		REAL(guest_gets_checksums_as_it_wants_them),
		REAL(host_gets_long_frames_uncut),
		REAL(guest_gets_long_frames_as_it_wants_them),
		REAL(frames_wait_in_the_kernel_while_the_guest_is_full),
		REAL(busy_and_foreign_interfaces_are_named),
		REAL(interface_that_is_down_loses_frames),
	};

	enter_namespace();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
