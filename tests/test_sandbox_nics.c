/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sandbox.h: network cards work inside, and a hostile guest does not end the run by them.
 */
#include "sandbox_rig.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "array_size.h"
#include "kvm/landlock.h"
#include "nic_pcap.h"
#include "nic_slirp.h"
#include "nic_tap.h"

#define ETH 14u
#define IP  (ETH + 20u)

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static uint32_t sum(const uint8_t *p, uint32_t len, uint32_t total)
{
	for (uint32_t i = 0; i < len; i++)
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* Of the guest 10.0.2.15 to 10.0.2.`host`; what is behind the IP header is there but its sum. */
static void put_headers(uint8_t *frame, uint32_t len, uint8_t protocol, uint8_t host,
			uint32_t sum_at)
{
	static const uint8_t start[] = { 0x52, 0x55, 10,   0, 2, 2, 0x52, 0x54, 0,
					 0x12, 0x34, 0x56, 8, 0, /* Ethernet */
					 0x45, 0,    0,	   0, 0, 1, 0,	  0,	64 };
	static const uint8_t addresses[] = { 10, 0, 2, 15, 10, 0, 2 };

	memcpy(frame, start, sizeof(start));
	put16(frame + ETH + 2, len - ETH);
	frame[ETH + 9] = protocol;
	put16(frame + ETH + 10, 0);
	memcpy(frame + ETH + 12, addresses, sizeof(addresses));
	frame[ETH + 19] = host;
	put16(frame + ETH + 10, ~sum(frame + ETH, 20, 0) & 0xffff);
	put16(frame + sum_at, 0);
	put16(frame + sum_at, ~sum(frame + ETH + 12, len - ETH - 12, protocol + len - IP) & 0xffff);
}

static unsigned int frames_received;

static int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	(void)nic, (void)frame;
	frames_received++;
	return 0;
}

static void guest_sends(struct anvil_nic *nic, const uint8_t *data, uint32_t len)
{
	const struct anvil_nic_frame frame = { .data = data, .len = len };

	CHECK(nic->ops->send(nic, &frame) == 0);
}

static void guest_connects(struct anvil_nic *nic, unsigned int port)
{
	uint8_t frame[IP + 20] = { 0 };

	put16(frame + IP, 4321);
	put16(frame + IP + 2, port);
	frame[IP + 7] = 1; /* sequence number */
	frame[IP + 12] = 5 << 4;
	frame[IP + 13] = 2; /* SYN */
	put16(frame + IP + 14, 8000);
	put_headers(frame, sizeof(frame), 6, 2, IP + 16);
	guest_sends(nic, frame, sizeof(frame));
}

static void guest_asks(struct anvil_nic *nic, uint8_t host)
{
	uint8_t frame[IP + 8 + 8];

	memset(frame, 0, sizeof(frame));
	put16(frame + IP, 1234);
	put16(frame + IP + 2, 53);
	put16(frame + IP + 4, 16);
	memcpy(frame + IP + 8, "question", 8);
	put_headers(frame, sizeof(frame), 17, host, IP + 6);
	guest_sends(nic, frame, sizeof(frame));
}

static void guest_pings(struct anvil_nic *nic)
{
	uint8_t frame[IP + 8] = { 0 };

	frame[IP] = 8;
	put_headers(frame, sizeof(frame), 1, 2, IP + 2);
	guest_sends(nic, frame, sizeof(frame));
}

static int host_socket(int type, unsigned int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	a.sin_port = htons((uint16_t)*port);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	CHECK(type != SOCK_STREAM || listen(fd, 1) == 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void open_slirp(struct anvil_nic_slirp *n, bool host)
{
	const struct anvil_nic_slirp_options options = { .ring_frames = 4, .host = host };
	char error[256];

	(void)signal(SIGPIPE, SIG_IGN);
	CHECK(anvil_nic_slirp_open(n, &options, error, sizeof(error)) == 0);
	n->nic.receive = receive;
}

/* The event loop turns until `fd` can be read, or (-1) a few times. */
static void turn(struct anvil_nic_slirp *n, int fd)
{
	for (int i = 0; i < (fd < 0 ? 3 : 200); i++) {
		struct pollfd pollfds[64], p = { .fd = fd, .events = POLLIN };
		int timeout = 20;
		unsigned int count =
			anvil_nic_slirp_fill(n, pollfds, ARRAY_SIZE(pollfds), &timeout);

		CHECK(poll(pollfds, count, timeout) >= 0);
		anvil_nic_slirp_dispatch(n, pollfds, count);
		if (fd >= 0 && poll(&p, 1, 0) == 1)
			return;
	}
	CHECK(fd < 0);
}

static void play_slirp(const void *arg)
{
	const struct sandbox_needs *needs = arg;
	struct anvil_nic_slirp n, closed;
	unsigned int port = 0;
	int listener = host_socket(SOCK_STREAM, &port);
	char text[16];

	open_slirp(&n, true);
	open_slirp(&closed, false);
	begin_and_enter(needs);
	guest_connects(&n.nic, port);
	turn(&n, listener);

	int fd = accept(listener, NULL, NULL);

	CHECK(fd >= 0);
	CHECK(send(fd, "hello", 5, 0) == 5);
	turn(&n, -1);
	CHECK(frames_received > 0); /* SYN, ACK */
	CHECK(recv(fd, text, sizeof(text), MSG_DONTWAIT) < 0 && errno == EAGAIN);
	CHECK(close(fd) == 0);
	turn(&n, -1);
	guest_pings(&n.nic);
	turn(&n, -1);
	anvil_nic_slirp_close(&n);
	guest_asks(&closed.nic, 77); /* it looks whether the host has that address */
	CHECK(anvil_nic_slirp_flows(&closed) == 1);
	anvil_nic_slirp_close(&closed);
}

static void slirp_connects_with_sockets_alone(void **state)
{
	const struct sandbox_needs sockets = { .sockets = true };

	(void)state;
	play(play_slirp, &sockets);
	expect_status(0);
	play(play_slirp, &nothing);
	expect_refusal("socket", SYS_socket);
}

static void raw_sockets_are_an_error(const void *arg)
{
	const struct sandbox_needs needs = { .sockets = true };

	(void)arg;
	begin_and_enter(&needs);
	CHECK(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP) < 0 && errno == EPERM);
	CHECK(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
	CHECK(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0);
}

static void libslirp_may_try_to_ping(void **state)
{
	(void)state;
	play(raw_sockets_are_an_error, NULL);
	expect_status(0);
}

static void bring_up_loopback(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	r.ifr_flags = IFF_UP | IFF_RUNNING;
	CHECK(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &r) == 0 && close(fd) == 0);
}

/* In namespaces of our own, where the name server is us. */
static void pretend_name_server(void)
{
	char path[] = "/tmp/anvil.XXXXXX";
	int fd;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS))
		child_skips("no namespaces of our own");
	bring_up_loopback();
	fd = mkstemp(path);
	CHECK(fd >= 0 && dprintf(fd, "nameserver 127.0.0.1\n") > 0 && close(fd) == 0);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL)) {
		(void)unlink(path);
		child_skips("no /etc/resolv.conf that can be replaced");
	}
	CHECK(unlink(path) == 0);
}

/* What a hostile guest sends must not end the run as what it asks for is refused. */
static void guest_sends_garbage(struct anvil_nic_slirp *n)
{
	static const uint8_t protocol[] = { 1, 6, 17, 2 };
	uint8_t frame[200];
	uint32_t seed = 1;

	for (uint32_t round = 0; round < 3000; round++) {
		uint32_t len = IP + 20 + round % (uint32_t)(sizeof(frame) - IP - 20);

		for (uint32_t i = 0; i < sizeof(frame); i++) {
			seed = seed * 1664525 + 1013904223;
			frame[i] = (uint8_t)(seed >> 24);
		}
		if (round % 2) {
			frame[IP + 12] = 5 << 4;
			frame[IP + 13] = 2;
		}
		put_headers(frame, len, protocol[round % ARRAY_SIZE(protocol)], round % 3 ? 2 : 3,
			    IP + (round % 4 == 1   ? 16
				  : round % 4 == 2 ? 6
						   : 2));
		if (round % 5 == 0)
			frame[ETH + 8] = (uint8_t)round; /* the time to live */
		guest_sends(&n->nic, frame, len);
		if (round % 100 == 0)
			turn(n, -1);
	}
}

/* Its lines go through GLib, which looks at stderr and at the clock. */
static void libslirp_complains(void)
{
	void (*log)(const char *domain, int level, const char *format, ...);
	void *found = dlsym(RTLD_DEFAULT, "g_log");

	CHECK(found);
	memcpy(&log, &found, sizeof(found));
	log("Slirp", 1 << 4, "a complaint");
}

static void play_dns(const void *arg)
{
	static const char *const readable[] = { "/nowhere/at/all", "/etc/resolv.conf" };
	const struct sandbox_needs needs = { .sockets = true,
					     .readable = readable,
					     .readable_count = arg ? 2 : 1 };
	struct anvil_nic_slirp n;
	unsigned int port = 53;
	char text[16];

	pretend_name_server();

	int fd = host_socket(SOCK_DGRAM, &port);

	open_slirp(&n, true);
	begin_and_enter(&needs);
	guest_asks(&n.nic, 3);
	if (!arg) { /* libslirp asks 127.0.0.1 anyway when it cannot read: look ourselves */
		CHECK(open("/etc/resolv.conf", O_RDONLY) < 0 && errno == EACCES);
		return;
	}
	CHECK(open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC) >= 0);
	turn(&n, fd);
	CHECK(recv(fd, text, sizeof(text), 0) == 8 && !memcmp(text, "question", 8));
	libslirp_complains();
	guest_sends_garbage(&n);
	anvil_nic_slirp_close(&n);
}

static void slirp_finds_the_name_server_and_bears_a_hostile_guest(void **state)
{
	(void)state;
	play(play_dns, "");
	expect_status(0);
	expect_text("a complaint");
}

static bool landlock_reads(void)
{
	const char *why = landlock_abi() == 0		  ? "no Landlock in this kernel"
			  : __llvm_profile_write_file	  ? "no Landlock while coverage is gathered"
			  : __sanitizer_print_stack_trace ? "a sanitizer's reports read files"
							  : NULL;

	if (why)
		print_message("skipped: files that may be read: %s\n", why);
	return !why;
}

static void resolv_conf_unlisted_is_not_read(void **state)
{
	(void)state;
	if (!landlock_reads())
		skip();
	play(play_dns, NULL);
	expect_status(0);
}

static void read_files(const void *arg)
{
	static const char *const readable[] = { "/etc/passwd" };
	const struct sandbox_needs needs = { .sockets = true,
					     .readable = readable,
					     .readable_count = 1 };
	char text[8];

	(void)arg;
	begin_and_enter(&needs);

	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && read(fd, text, sizeof(text)) == sizeof(text) && close(fd) == 0);
	CHECK(open("/etc/group", O_RDONLY) < 0 && errno == EACCES);
	CHECK(open("/etc", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES);
	CHECK(open("/proc/self/maps", O_RDONLY) < 0 && errno == EACCES);
	CHECK(open("/proc/1/environ", O_RDONLY) < 0 && errno == EACCES);
	CHECK(open("/dev/zero", O_RDONLY) < 0 && errno == EACCES);
}

static void only_listed_files_are_read(void **state)
{
	(void)state;
	if (!landlock_reads())
		skip();
	play(read_files, NULL);
	expect_status(0);
}

static void play_tap(const void *arg)
{
	static const struct anvil_nic_tap_offloads offloads = { .csum = true, .tso4 = true };
	static const uint8_t frame[60];
	const struct sandbox_needs *needs = arg;
	struct anvil_nic_tap tap;
	struct pollfd p;
	char error[256];

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		child_skips("no network namespace of our own");
	if (anvil_nic_tap_open(&tap, NULL, error, sizeof(error)))
		child_skips(error);
	tap.nic.receive = receive;
	begin_and_enter(needs);
	CHECK(anvil_nic_tap_set_offloads(&tap, &offloads) == 0);
	guest_sends(&tap.nic, frame, sizeof(frame));
	anvil_nic_tap_fill(&tap, &p);
	CHECK(poll(&p, 1, 0) >= 0);
	anvil_nic_tap_dispatch(&tap, &p);
	anvil_nic_tap_close(&tap);
}

static void tap_works_inside(void **state)
{
	const struct sandbox_needs tap = { .tap = true };

	(void)state;
	play(play_tap, &tap);
	expect_status(0);
	play(play_tap, &nothing);
	expect_refusal("ioctl", SYS_ioctl);
}

static void play_pcap(const void *arg)
{
	static const uint8_t frame[60];
	struct anvil_nic_pcap_options options = { .out = arg };
	struct anvil_nic_pcap pcap;
	char error[256];

	CHECK(anvil_nic_pcap_open(&pcap, &options, error, sizeof(error)) == 0);
	pcap.nic.receive = receive;
	begin_and_enter(&nothing);
	guest_sends(&pcap.nic, frame, sizeof(frame));
	CHECK(anvil_nic_pcap_poll(&pcap, 10) == -ENODATA);
	CHECK(anvil_nic_pcap_close(&pcap) == 0);
}

static void play_back_pcap(const void *arg)
{
	struct anvil_nic_pcap_options options = { .in = arg };
	struct anvil_nic_pcap pcap;
	char error[256];

	CHECK(anvil_nic_pcap_open(&pcap, &options, error, sizeof(error)) == 0);
	pcap.nic.receive = receive;
	begin_and_enter(&nothing);
	CHECK(anvil_nic_pcap_poll(&pcap, 10) == 1 && frames_received == 1);
	CHECK(anvil_nic_pcap_close(&pcap) == 0);
}

static void captures_are_written_and_read_inside(void **state)
{
	char path[] = "/tmp/anvil.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	play(play_pcap, path);
	expect_status(0);
	play(play_back_pcap, path);
	expect_status(0);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(slirp_connects_with_sockets_alone),
		cmocka_unit_test(libslirp_may_try_to_ping),
		cmocka_unit_test(slirp_finds_the_name_server_and_bears_a_hostile_guest),
		cmocka_unit_test(resolv_conf_unlisted_is_not_read),
		cmocka_unit_test(only_listed_files_are_read),
		cmocka_unit_test(tap_works_inside),
		cmocka_unit_test(captures_are_written_and_read_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
