/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_slirp.h, driven by a guest of hand-made frames. Beside the network inside the process, only
 * sockets of 127.0.0.1 are reached.
 */
#include "support.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <malloc.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "array_size.h"
#include "nic_slirp.h"

#define ETH   14u
#define IP    (ETH + 20u)
#define UDP   (IP + 8u)
#define TCP   (IP + 20u)
#define GUEST 0x0a00020fu
#define HOST  0x0a000202u

#define RING	4u
#define PATIENT 200 /* polls before a test gives up */

static const uint8_t guest_mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

/* ---- between the nic and libslirp: what it calls, and whether it holds the lock then ---- */

static pthread_mutex_t all_networks = PTHREAD_MUTEX_INITIALIZER;
static unsigned int calls, unlocked_calls, inputs;

static void *called(const char *name)
{
	bool held = pthread_mutex_trylock(&all_networks) == EBUSY;

	if (!held)
		(void)pthread_mutex_unlock(&all_networks);
	calls++;
	unlocked_calls += !held;
	return dlsym(RTLD_NEXT, name);
}

/* the same type, so that ISO C has nothing against it */
#define REAL(name, type) (*(type *)(void *)&(void *){ called(name) })

typedef Slirp *new_function(const SlirpConfig *, const SlirpCb *, void *);
typedef void cleanup_function(Slirp *);
typedef void fill_function(Slirp *, uint32_t *, SlirpAddPollCb, void *);
typedef void poll_function(Slirp *, int, SlirpGetREventsCb, void *);
typedef void input_function(Slirp *, const uint8_t *, int);
typedef int forward_function(Slirp *, int, struct in_addr, int, struct in_addr, int);

Slirp *slirp_new(const SlirpConfig *config, const SlirpCb *callbacks, void *opaque)
{
	return REAL("slirp_new", new_function *)(config, callbacks, opaque);
}

void slirp_cleanup(Slirp *slirp)
{
	REAL("slirp_cleanup", cleanup_function *)(slirp);
}

void slirp_pollfds_fill(Slirp *slirp, uint32_t *timeout, SlirpAddPollCb add, void *opaque)
{
	REAL("slirp_pollfds_fill", fill_function *)(slirp, timeout, add, opaque);
}

void slirp_pollfds_poll(Slirp *slirp, int error, SlirpGetREventsCb get, void *opaque)
{
	REAL("slirp_pollfds_poll", poll_function *)(slirp, error, get, opaque);
}

void slirp_input(Slirp *slirp, const uint8_t *frame, int len)
{
	inputs++;
	REAL("slirp_input", input_function *)(slirp, frame, len);
}

int slirp_add_hostfwd(Slirp *slirp, int udp, struct in_addr from, int port, struct in_addr to,
		      int to_port)
{
	return REAL("slirp_add_hostfwd", forward_function *)(slirp, udp, from, port, to, to_port);
}

struct fixture {
	struct anvil_nic_slirp nic;
	bool full;   /* receive says -EAGAIN */
	bool inside; /* send is running: receive must not */
	unsigned int got;
	uint8_t frame[ANVIL_NIC_SLIRP_FRAME_BYTES]; /* the last one */
	uint32_t len;
	uint8_t gateway_mac[6];
	char error[256];
};

static int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	struct fixture *f = nic->device;
	static const struct anvil_nic_offload none;

	assert_false(f->inside);
	assert_in_range(frame->len, ANVIL_NIC_FRAME_BYTES_MIN, ANVIL_NIC_SLIRP_FRAME_BYTES);
	assert_memory_equal(&frame->offload, &none, sizeof(none));
	if (f->full)
		return -EAGAIN;
	memcpy(f->frame, frame->data, frame->len);
	f->len = frame->len;
	f->got++;
	return 0;
}

static void attach(struct fixture *f)
{
	f->nic.nic.device = f;
	f->nic.nic.receive = receive;
}

static int open_nic(struct fixture *f, const struct anvil_nic_slirp_options *options)
{
	memset(f->error, 0, sizeof(f->error));
	int err = anvil_nic_slirp_open(&f->nic, options, f->error, sizeof(f->error));

	if (err == 0)
		attach(f);
	return err;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct anvil_nic_slirp_options options = { .ring_frames = RING, .host = true };

	assert_non_null(f);
	assert_non_null(slirp_version_string()); /* has the linker take the library */
	assert_int_equal(open_nic(f, &options), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_nic_slirp_close(&f->nic);
	free(f);
	return 0;
}

/* One turn of an event loop. Returns whether something was ready. */
static bool turn(struct fixture *f, int timeout)
{
	struct pollfd pollfds[64];
	unsigned int count = anvil_nic_slirp_fill(&f->nic, pollfds, ARRAY_SIZE(pollfds), &timeout);
	int ready = poll(pollfds, count, timeout);

	assert_true(ready >= 0);
	anvil_nic_slirp_dispatch(&f->nic, pollfds, count);
	return ready > 0;
}

/* Until one more frame than `had` is here. */
static void expect_frame(struct fixture *f, unsigned int had)
{
	for (int i = 0; i < PATIENT && f->got == had; i++)
		(void)turn(f, 50);
	assert_true(f->got > had);
}

static void guest_sends(struct fixture *f, const uint8_t *data, uint32_t len)
{
	struct anvil_nic_frame frame = { .data = data, .len = len };

	f->inside = true;
	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	f->inside = false;
}

/* ---- frames ---- */

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value & 0xffff);
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t sum(const uint8_t *p, uint32_t len)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < len; i++)
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return total;
}

static unsigned int folded(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* All 16-bit words of a right header, or segment with its pseudo header, give 0xffff. */
static unsigned int transport_sum(const uint8_t *frame, uint32_t len)
{
	return folded(sum(frame + ETH + 12, 8) + frame[ETH + 9] + (len - IP) +
		      sum(frame + IP, len - IP));
}

static void put_ethernet(struct fixture *f, uint8_t *frame, unsigned int type)
{
	memcpy(frame, f->gateway_mac, 6);
	memcpy(frame + 6, guest_mac, 6);
	put16(frame + 12, type);
}

static void put_ip(struct fixture *f, uint8_t *frame, uint32_t len, uint8_t protocol, uint32_t from,
		   uint32_t to)
{
	static const uint8_t start[] = { 0x45, 0, 0, 0, 0, 1, 0, 0, 64 };

	put_ethernet(f, frame, 0x0800);
	memcpy(frame + ETH, start, sizeof(start));
	put16(frame + ETH + 2, len - ETH);
	frame[ETH + 9] = protocol;
	put16(frame + ETH + 10, 0);
	put32(frame + ETH + 12, from);
	put32(frame + ETH + 16, to);
	put16(frame + ETH + 10, ~folded(sum(frame + ETH, 20)) & 0xffff);
}

/* The payload is there already. Returns the frame's length. */
static uint32_t put_udp(struct fixture *f, uint8_t *frame, uint32_t payload, uint32_t to,
			unsigned int from_port, unsigned int to_port)
{
	uint32_t len = UDP + payload;

	put_ip(f, frame, len, 17, to == 0xffffffff ? 0 : GUEST, to);
	put16(frame + IP, from_port);
	put16(frame + IP + 2, to_port);
	put16(frame + IP + 4, len - IP);
	put16(frame + IP + 6, 0);
	put16(frame + IP + 6, ~transport_sum(frame, len) & 0xffff);
	return len;
}

static void guest_arp(struct fixture *f, unsigned int operation, uint32_t target)
{
	static const uint8_t start[] = { 0, 1, 8, 0, 6, 4 };
	uint8_t frame[ETH + 28] = { 0 };

	put_ethernet(f, frame, 0x0806);
	memset(frame, 0xff, 6);
	memcpy(frame + ETH, start, sizeof(start));
	put16(frame + ETH + 6, operation);
	memcpy(frame + ETH + 8, guest_mac, 6);
	put32(frame + ETH + 14, GUEST);
	put32(frame + ETH + 24, target);
	guest_sends(f, frame, sizeof(frame));
}

/* The guest introduces itself and learns where the gateway is. */
static void greet(struct fixture *f)
{
	unsigned int had = f->got;

	guest_arp(f, 1, HOST);
	expect_frame(f, had);
	memcpy(f->gateway_mac, f->frame + ETH + 8, 6);
}

/* ---- host sockets ---- */

static int host_socket(int type, unsigned int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* The event loop turns until the socket can be read. */
static void await(struct fixture *f, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (int i = 0; i < PATIENT && poll(&p, 1, 0) == 0; i++)
		(void)turn(f, 20);
	assert_true(p.revents & POLLIN);
}

/* ---- tests ---- */

static void gateway_answers_arp(void **state)
{
	struct fixture *f = *state;

	greet(f);
	assert_int_equal(f->got, 1);
	assert_memory_equal(f->frame, guest_mac, 6);
	assert_int_equal(get16(f->frame + 12), 0x0806);
	assert_int_equal(get16(f->frame + ETH + 6), 2);
	assert_int_equal(get32(f->frame + ETH + 14), HOST);
	assert_int_equal(get32(f->frame + ETH + 24), GUEST);
}

/* Finds a DHCP option; fails without it. */
static const uint8_t *dhcp_option(struct fixture *f, uint8_t code)
{
	uint32_t at = UDP + 240;

	while (at + 2 < f->len && f->frame[at] != 255 && f->frame[at] != code)
		at += 2u + f->frame[at + 1];
	assert_true(at + 2 < f->len && f->frame[at] == code);
	return f->frame + at + 2;
}

static void dhcp_offers_the_usual_address(void **state)
{
	static const uint8_t options[] = { 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255 };
	struct fixture *f = *state;
	uint8_t frame[UDP + 300] = { 0 };

	frame[UDP] = 1; /* request, by Ethernet */
	frame[UDP + 1] = 1;
	frame[UDP + 2] = 6;
	put32(frame + UDP + 4, 0xcafe1234);
	memcpy(frame + UDP + 28, guest_mac, 6);
	memcpy(frame + UDP + 236, options, sizeof(options));
	memset(f->gateway_mac, 0xff, 6);
	guest_sends(f, frame, put_udp(f, frame, 300, 0xffffffff, 68, 67));
	expect_frame(f, 0);
	assert_int_equal(get16(f->frame + IP + 2), 68);
	assert_int_equal(get32(f->frame + UDP + 4), 0xcafe1234);
	assert_int_equal(get32(f->frame + UDP + 16), GUEST);
	assert_int_equal(*dhcp_option(f, 53), 2);
	assert_int_equal(get32(dhcp_option(f, 3)), HOST);
	assert_int_equal(get32(dhcp_option(f, 54)), HOST);
}

static void udp_reaches_a_host_socket_and_comes_back(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[UDP + 8], text[16];
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	unsigned int port;
	int fd = host_socket(SOCK_DGRAM, &port);

	greet(f);
	memcpy(frame + UDP, "question", 8);
	guest_sends(f, frame, put_udp(f, frame, 8, HOST, 1234, port));
	await(f, fd);
	assert_int_equal(recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&peer, &len), 8);
	assert_memory_equal(text, "question", 8);

	unsigned int had = f->got;

	assert_int_equal(sendto(fd, "answer", 6, 0, (struct sockaddr *)&peer, len), 6);
	expect_frame(f, had);
	assert_int_equal(get32(f->frame + ETH + 12), HOST);
	assert_int_equal(get16(f->frame + IP), port);
	assert_int_equal(get16(f->frame + IP + 2), 1234);
	assert_memory_equal(f->frame + UDP, "answer", 6);
	assert_int_equal(folded(sum(f->frame + ETH, 20)), 0xffff);
	assert_int_equal(close(fd), 0);
}

/* A guest's side of a TCP connection. */
struct tcp {
	unsigned int port;
	uint32_t sent;		/* next sequence number */
	uint32_t seen;		/* acknowledged */
	uint32_t to;		/* 0: HOST */
	unsigned int from_port; /* 0: 4321 */
};

static void tcp_send(struct fixture *f, struct tcp *t, uint8_t flags, const char *text)
{
	uint8_t frame[TCP + 32];
	uint32_t payload = (uint32_t)strlen(text);
	uint32_t len = TCP + payload;

	put_ip(f, frame, len, 6, GUEST, t->to ? t->to : HOST);
	put16(frame + IP, t->from_port ? t->from_port : 4321);
	put16(frame + IP + 2, t->port);
	put32(frame + IP + 4, t->sent);
	put32(frame + IP + 8, t->seen);
	frame[IP + 12] = 5 << 4;
	frame[IP + 13] = flags;
	put16(frame + IP + 14, 8000);
	put32(frame + IP + 16, 0);
	memcpy(frame + TCP, text, payload);
	put16(frame + IP + 16, ~transport_sum(frame, len) & 0xffff);
	t->sent += payload + (flags & 3 ? 1u : 0u);
	guest_sends(f, frame, len);
}

/* Until a segment with all of these flags came. */
static void tcp_expect(struct fixture *f, uint8_t flags)
{
	for (int i = 0; i < PATIENT; i++) {
		expect_frame(f, f->got);
		if (f->frame[ETH + 9] == 6 && (f->frame[IP + 13] & flags) == flags)
			break;
	}
	assert_int_equal(f->frame[IP + 13] & flags, flags);
	assert_int_equal(transport_sum(f->frame, ETH + get16(f->frame + ETH + 2)), 0xffff);
}

static void tcp_carries_text_both_ways(void **state)
{
	struct fixture *f = *state;
	struct tcp t = { .sent = 1000 };
	char text[16];
	int listener = host_socket(SOCK_STREAM, &t.port);

	assert_int_equal(listen(listener, 1), 0);
	greet(f);
	tcp_send(f, &t, 0x02, "");
	tcp_expect(f, 0x12); /* SYN, ACK */
	assert_int_equal(get32(f->frame + IP + 8), t.sent);
	t.seen = get32(f->frame + IP + 4) + 1;
	tcp_send(f, &t, 0x18, "to the host");

	int fd = accept(listener, NULL, NULL);

	assert_true(fd >= 0);
	await(f, fd);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 11);
	assert_memory_equal(text, "to the host", 11);
	assert_int_equal(send(fd, "to the guest", 12, 0), 12);
	tcp_expect(f, 0x18); /* PSH, ACK */
	assert_memory_equal(f->frame + IP + (f->frame[IP + 12] >> 4) * 4, "to the guest", 12);
	assert_int_equal(close(fd), 0);
	t.seen += 12;
	tcp_send(f, &t, 0x10, "");
	tcp_expect(f, 0x11); /* FIN, ACK */
	assert_int_equal(close(listener), 0);
}

static void forwards_bring_in_datagrams(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct anvil_nic_slirp_forward forward = { .udp = true, .guest_port = 7 };
	struct anvil_nic_slirp_options options = { .forwards = &forward,
						   .forward_count = 1,
						   .isolated = true };
	unsigned int port;

	assert_int_equal(close(host_socket(SOCK_DGRAM, &port)), 0); /* was free just now */
	anvil_nic_slirp_close(&f->nic);
	forward.host_port = (uint16_t)port;
	a.sin_port = htons(forward.host_port);
	assert_int_equal(open_nic(f, &options), 0);

	int fd = host_socket(SOCK_DGRAM, &port);

	greet(f);
	assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&a, sizeof(a)), 5);
	expect_frame(f, f->got);
	assert_int_equal(f->frame[ETH + 9], 17);
	assert_int_equal(get32(f->frame + ETH + 16), GUEST);
	assert_int_equal(get16(f->frame + IP + 2), 7);
	assert_memory_equal(f->frame + UDP, "hello", 5);
	assert_int_equal(close(fd), 0);
}

/* ---- what the guest does not reach ---- */

static void reopen(struct fixture *f, const struct anvil_nic_slirp_options *options)
{
	anvil_nic_slirp_close(&f->nic);
	assert_int_equal(open_nic(f, options), 0);
	greet(f);
}

/* An address of the host's that is not 127.0.0.1, or 0. */
static uint32_t other_own_address(void)
{
	struct ifaddrs *all;
	uint32_t address = 0;

	assert_int_equal(getifaddrs(&all), 0);
	for (struct ifaddrs *a = all; a && !address; a = a->ifa_next) {
		struct sockaddr_in in;

		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET ||
		    a->ifa_flags & IFF_LOOPBACK)
			continue;
		memcpy(&in, a->ifa_addr, sizeof(in));
		address = ntohl(in.sin_addr.s_addr);
	}
	freeifaddrs(all);
	return address;
}

static int listen_everywhere(int type, unsigned int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 16), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* Whether a connection, and a datagram, from the guest to this address reach sockets of the host */
static bool reached(struct fixture *f, uint32_t to, int listener, struct tcp t, int datagrams,
		    unsigned int port)
{
	static unsigned int from_port = 20000;
	struct pollfd p[] = { { .fd = listener, .events = POLLIN },
			      { .fd = datagrams, .events = POLLIN } };
	uint8_t frame[UDP + 8], text[16];
	bool tcp;

	t.to = to;
	t.from_port = ++from_port;
	tcp_send(f, &t, 0x02, "");
	memcpy(frame + UDP, "question", 8);
	guest_sends(f, frame, put_udp(f, frame, 8, to, from_port, port));
	for (int i = 0; i < 3 && poll(p, 2, 0) < 2; i++)
		(void)turn(f, 20); /* a connection inside the host takes no time */
	(void)poll(p, 2, 0);
	tcp = p[0].revents & POLLIN;
	if (tcp)
		assert_int_equal(close(accept(listener, NULL, NULL)), 0);
	if (p[1].revents & POLLIN)
		assert_int_equal(recv(datagrams, text, sizeof(text), 0), 8);
	assert_int_equal(tcp, !!(p[1].revents & POLLIN));
	return tcp;
}

static void host_is_reached_only_when_asked_for(void **state)
{
	struct fixture *f = *state;
	uint32_t own = other_own_address();
	const uint32_t to[] = { HOST,	    0x7f000001, 0x7f000002, 0x7fffffff,
				0x00000000, 0x00000001, own };
	struct tcp t = { .sent = 1000 };
	unsigned int port;
	int listener = listen_everywhere(SOCK_STREAM, &t.port);
	int datagrams = listen_everywhere(SOCK_DGRAM, &port);

	for (unsigned int open = 0; open < 2; open++) {
		struct anvil_nic_slirp_options options = { .ring_frames = RING, .host = open };

		reopen(f, &options);
		for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
			/* who may reach the host reaches what is there: not all of 0.0.0.0/8 */
			bool there = open && (i < 3 || (i == 6 && own));

			if (i > 2 && open && !there)
				continue;
			if (reached(f, to[i], listener, t, datagrams, port) != there)
				fail_msg("%08x, %s", to[i], open ? "open" : "closed");
		}
	}
	assert_int_equal(close(listener), 0);
	assert_int_equal(close(datagrams), 0);
}

/* The guest is told at once, rather than left to wait. */
static void connection_to_the_host_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct anvil_nic_slirp_options closed = { .ring_frames = RING };
	struct tcp t = { .sent = 1000 };
	int listener = host_socket(SOCK_STREAM, &t.port);

	assert_int_equal(listen(listener, 1), 0);
	reopen(f, &closed);
	tcp_send(f, &t, 0x02, "");
	expect_frame(f, f->got - (f->got > 1));
	assert_true(f->frame[ETH + 9] == 1 || f->frame[IP + 13] & 0x04); /* unreachable, or RST */
	assert_int_equal(anvil_nic_slirp_flows(&f->nic), 0);
	assert_int_equal(close(listener), 0);
}

static void forwards_come_in_though_the_host_is_closed(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct anvil_nic_slirp_forward forward = { .guest_port = 7 };
	const struct anvil_nic_slirp_options options = { .forwards = &forward, .forward_count = 1 };
	unsigned int port;

	assert_int_equal(close(host_socket(SOCK_STREAM, &port)), 0); /* was free just now */
	forward.host_port = (uint16_t)port;
	a.sin_port = htons(forward.host_port);
	reopen(f, &options);
	assert_int_equal(anvil_nic_slirp_flows(&f->nic), 0); /* who listens is none */

	int fd = host_socket(SOCK_STREAM, &port);

	(void)connect(fd, (struct sockaddr *)&a, sizeof(a));
	expect_frame(f, f->got);
	assert_int_equal(f->frame[ETH + 9], 6);
	assert_int_equal(get16(f->frame + IP + 2), 7);
	assert_int_equal(f->frame[IP + 13], 0x02);
	assert_int_equal(anvil_nic_slirp_flows(&f->nic), 1);
	assert_int_equal(close(fd), 0);
}

/* ---- limits ---- */

static void answers_come_from_neighbours_alone(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[IP + 8] = { [IP] = 8, [IP + 1] = 0 }; /* an echo request */
	unsigned int before;

	greet(f);
	put16(frame + IP + 2, 0xf7ff);
	before = inputs;
	for (unsigned int i = 0; i < 1000; i++) {
		put_ip(f, frame, sizeof(frame), 1, 0x0a000210 + i % 64, HOST);
		guest_sends(f, frame, sizeof(frame));
	}
	assert_int_equal(inputs - before, 64);
	put_ip(f, frame, sizeof(frame), 1, GUEST, HOST);
	guest_sends(f, frame, sizeof(frame)); /* who answered ARP goes on */
	assert_int_equal(inputs - before, 65);
}

/* One fragment; the next ones of a datagram have the same `id`. */
static void fragment(struct fixture *f, uint16_t id, uint32_t offset, uint32_t bytes, bool more)
{
	uint8_t frame[ANVIL_NIC_SLIRP_FRAME_BYTES] = { 0 };

	put_ip(f, frame, IP + bytes, 17, GUEST, HOST);
	put16(frame + ETH + 4, id);
	put16(frame + ETH + 6, offset / 8 | (more ? 0x2000 : 0));
	put16(frame + ETH + 10, 0);
	put16(frame + ETH + 10, ~folded(sum(frame + ETH, 20)) & 0xffff);
	guest_sends(f, frame, IP + bytes);
}

static void fragments_kept_are_bounded(void **state)
{
	struct fixture *f = *state;
	unsigned int before;
	size_t kept;

	greet(f);
	before = inputs;
	kept = mallinfo2().uordblks;
	for (uint32_t i = 0; i < 20000; i++)
		fragment(f, (uint16_t)i, 0, 1480, true);
	assert_int_equal(inputs - before, ANVIL_NIC_SLIRP_REASSEMBLIES);
	assert_int_equal(f->nic.refused_from_guest, 20000 - ANVIL_NIC_SLIRP_REASSEMBLIES);
	/* of one datagram: pieces of 8 bytes, every other one left out */
	for (uint32_t i = 1; i < 4000; i++)
		fragment(f, 0, 2000 + 16 * i, 8, true);
	assert_int_equal(inputs - before,
			 ANVIL_NIC_SLIRP_REASSEMBLIES + ANVIL_NIC_SLIRP_FRAGMENTS - 1);
	kept = mallinfo2().uordblks - kept;
	if (kept > 4096 * (ANVIL_NIC_SLIRP_REASSEMBLIES + ANVIL_NIC_SLIRP_FRAGMENTS))
		fail_msg("%zu bytes are kept", kept);
}

/* Whoever sends whole datagrams in pieces may send any number of them. */
static void complete_datagrams_make_room(void **state)
{
	struct fixture *f = *state;
	unsigned int before;

	greet(f);
	before = inputs;
	for (uint32_t i = 0; i < 10 * ANVIL_NIC_SLIRP_REASSEMBLIES; i++) {
		fragment(f, (uint16_t)i, 0, 1480, true);
		fragment(f, (uint16_t)i, 1480, 1480, true);
		fragment(f, (uint16_t)i, 2960, 100, false);
	}
	assert_int_equal(inputs - before, 30 * ANVIL_NIC_SLIRP_REASSEMBLIES);
	assert_int_equal(f->nic.refused_from_guest, 0);
}

/* What libslirp throws away must not look like the end of a datagram. */
static void fragments_with_bad_headers_do_not_count(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[IP + 100] = { 0 };
	unsigned int before;

	greet(f);
	before = inputs;
	for (uint32_t i = 0; i < 10 * ANVIL_NIC_SLIRP_REASSEMBLIES; i++) {
		fragment(f, (uint16_t)i, 0, 1480, true);
		put_ip(f, frame, sizeof(frame), 17, GUEST, HOST);
		put16(frame + ETH + 4, i);
		put16(frame + ETH + 6, 1480 / 8); /* the sum is wrong now */
		guest_sends(f, frame, sizeof(frame));
		put16(frame + ETH + 10, 0);
		frame[ETH + 8] = 0; /* no time to live */
		put16(frame + ETH + 10, ~folded(sum(frame + ETH, 20)) & 0xffff);
		guest_sends(f, frame, sizeof(frame));
	}
	assert_int_equal(inputs - before, ANVIL_NIC_SLIRP_REASSEMBLIES);
}

static void flows_are_bounded_and_go_on(void **state)
{
	struct fixture *f = *state;
	const struct anvil_nic_slirp_options options = { .ring_frames = RING,
							 .host = true,
							 .flows = 20 };
	uint8_t frame[UDP + 8], text[16];
	struct tcp t = { .sent = 1000 };
	unsigned int port;
	int fd = host_socket(SOCK_DGRAM, &port);
	int listener = host_socket(SOCK_STREAM, &t.port);

	assert_int_equal(listen(listener, 1), 0);
	reopen(f, &options);
	memcpy(frame + UDP, "question", 8);
	for (unsigned int i = 0; i < 500; i++)
		guest_sends(f, frame, put_udp(f, frame, 8, HOST, 1000 + i, port));
	tcp_send(f, &t, 0x02, "");
	assert_int_equal(anvil_nic_slirp_flows(&f->nic), 20);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(recv(fd, text, sizeof(text), 0), 8);
	assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
	/* those that there are go on */
	guest_sends(f, frame, put_udp(f, frame, 8, HOST, 1019, port));
	assert_int_equal(recv(fd, text, sizeof(text), 0), 8);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(listener), 0);
}

/* A process may run out of descriptors, by a guest that opens sockets: then it goes on. */
static void few_descriptors_stop_no_card(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, few;
	const struct anvil_nic_slirp_options options = { .ring_frames = RING, .host = true };
	uint8_t frame[UDP + 8];
	unsigned int port;
	int fd = host_socket(SOCK_DGRAM, &port);
	int next = dup(fd);

	assert_int_equal(close(next), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)next + 10 + ANVIL_NIC_SLIRP_FDS_KEPT;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	reopen(f, &options);
	memcpy(frame + UDP, "question", 8);
	for (unsigned int i = 0; i < 500; i++)
		guest_sends(f, frame, put_udp(f, frame, 8, HOST, 1000 + i, port));
	assert_in_range(anvil_nic_slirp_flows(&f->nic), 6, 11);
	for (unsigned int i = 0; i + 4 < ANVIL_NIC_SLIRP_FDS_KEPT; i++) /* are left to others */
		assert_true(dup(fd) >= 0);
	assert_true(turn(f, 0)); /* poll takes what fill gave it */
	greet(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = fd + 1; i < next + 10 + (int)ANVIL_NIC_SLIRP_FDS_KEPT; i++)
		(void)(i != f->nic.wake && i > next + 10 && close(i));
	assert_int_equal(close(fd), 0);
}

/* libslirp has data for all networks of a process together. */
static void libslirp_is_called_under_the_lock(void **state)
{
	struct fixture *f = *state;
	struct anvil_nic_slirp_forward forward = { .udp = true, .guest_port = 7 };
	const struct anvil_nic_slirp_options options = { .forwards = &forward,
							 .forward_count = 1,
							 .lock = &all_networks };
	struct tcp t = { .sent = 1000, .port = 9 };
	unsigned int port;

	assert_int_equal(close(host_socket(SOCK_DGRAM, &port)), 0); /* was free just now */
	forward.host_port = (uint16_t)port;
	anvil_nic_slirp_close(&f->nic);
	calls = unlocked_calls = 0;
	assert_int_equal(open_nic(f, &options), 0);
	greet(f);
	tcp_send(f, &t, 0x02, "");
	(void)turn(f, 0);
	anvil_nic_slirp_close(&f->nic);
	assert_in_range(calls, 7, 100);
	assert_int_equal(unlocked_calls, 0);
	assert_int_equal(pthread_mutex_trylock(&all_networks), 0);
	assert_int_equal(pthread_mutex_unlock(&all_networks), 0);
	assert_int_equal(open_nic(f, &(struct anvil_nic_slirp_options){ 0 }), 0);
}

static void frames_wait_for_buffers_in_order(void **state)
{
	struct fixture *f = *state;

	f->full = true;
	for (uint32_t i = 0; i < RING; i++)
		guest_arp(f, 1, HOST + i % 2);
	assert_true(turn(f, 1000)); /* at once: send woke it */
	assert_int_equal(f->got, 0);
	assert_false(turn(f, 0)); /* and does not spin while the guest is full */
	assert_int_equal(f->nic.dropped_to_guest, 0);
	f->nic.nic.ops->receivable(&f->nic.nic);
	assert_int_equal(f->got, 0);
	f->full = false;
	f->nic.nic.ops->receivable(&f->nic.nic);
	assert_int_equal(f->got, RING);
	assert_int_equal(get32(f->frame + ETH + 14), HOST + (RING - 1) % 2);
}

static void frames_beyond_the_ring_are_dropped_and_counted(void **state)
{
	struct fixture *f = *state;

	for (unsigned int round = 0; round < 3; round++) { /* the ring wraps */
		f->full = true;
		for (unsigned int i = 0; i < RING + 3; i++)
			guest_arp(f, 1, HOST);
		(void)turn(f, 0);
		f->full = false;
		f->nic.nic.ops->receivable(&f->nic.nic);
		assert_int_equal(f->got, (round + 1) * RING);
		assert_int_equal(f->nic.dropped_to_guest, (round + 1) * 3);
		greet(f);
		f->got--;
	}
}

static void work_it_does_not_do_is_dropped(void **state)
{
	static uint8_t data[ANVIL_NIC_FRAME_BYTES_MAX];
	struct fixture *f = *state;
	struct anvil_nic_frame frame = { .data = data, .len = ANVIL_NIC_SLIRP_FRAME_BYTES + 1 };

	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	frame.len = ANVIL_NIC_FRAME_BYTES_MAX;
	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	frame.len = 60;
	frame.offload.needs_csum = true;
	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	frame.offload.gso = ANVIL_NIC_GSO_TCP4;
	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	assert_int_equal(f->nic.dropped_from_guest, 4);
	memset(&frame.offload, 0, sizeof(frame.offload));
	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	assert_int_equal(f->nic.dropped_from_guest, 4);
}

/* Any bytes behind any Ethernet type: nothing but the process surviving is promised. */
static void garbage_from_the_guest_is_survived(void **state)
{
	static const unsigned int type[] = { 0x0800, 0x0806, 0x86dd, 0 };
	struct fixture *f = *state;
	uint8_t frame[200];
	uint32_t seed = 1;

	for (uint32_t round = 0; round < 4000; round++) {
		for (uint32_t i = 0; i < sizeof(frame); i++) {
			seed = seed * 1664525 + 1013904223;
			frame[i] = (uint8_t)(seed >> 24);
		}
		put_ethernet(f, frame, type[round % ARRAY_SIZE(type)]);
		frame[ETH] = 0x45;
		put32(frame + ETH + 16, 0x0a000209); /* nobody, should it be right by chance */
		guest_sends(f, frame, ETH + seed % (sizeof(frame) - ETH + 1));
	}
	(void)turn(f, 0);
	greet(f);
}

static void small_arrays_and_no_sockets_are_enough(void **state)
{
	struct fixture *f = *state;
	struct pollfd one;
	int timeout = -1;

	assert_int_equal(anvil_nic_slirp_fill(&f->nic, &one, 1, &timeout), 1);
	anvil_nic_slirp_dispatch(&f->nic, &one, 1);
	timeout = 0;
	(void)anvil_nic_slirp_fill(&f->nic, &one, 1, &timeout);
	assert_int_equal(timeout, 0);
}

static void forwards_that_cannot_be_are_refused_with_advice(void **state)
{
	static const struct {
		struct anvil_nic_slirp_forward forward;
		const char *says;
	} t[] = {
		{ { false, "localhost", 1, NULL, 1 }, "localhost: is not an IPv4 address" },
		{ { false, NULL, 1, "10.0.3.1", 1 }, "10.0.3.1: is not an address of the guest's" },
		{ { true, NULL, 1, "x", 1 }, "x: is not an address of the guest's" },
		{ { true, NULL, 0, NULL, 1 }, "port 0 cannot be forwarded" },
		{ { true, NULL, 1, NULL, 0 }, "port 0 cannot be forwarded" },
	};
	struct fixture *f = *state;
	struct anvil_nic_slirp_forward busy = { .guest_port = 22 };
	struct anvil_nic_slirp_options options = { .forward_count = 1 };
	unsigned int port;
	int fd = host_socket(SOCK_STREAM, &port);

	assert_int_equal(listen(fd, 1), 0);
	anvil_nic_slirp_close(&f->nic);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		options.forwards = &t[i].forward;
		assert_int_equal(open_nic(f, &options), -EINVAL);
		assert_non_null(strstr(f->error, t[i].says));
	}
	busy.host_port = (uint16_t)port;
	options.forwards = &busy;
	assert_int_equal(open_nic(f, &options), -EADDRINUSE);
	assert_non_null(strstr(f->error, "cannot be forwarded: Address already in use; choose"));
	assert_null(strchr(f->error, '\n'));
	assert_int_equal(close(fd), 0);
	options.forward_count = 0;
	assert_int_equal(open_nic(f, &options), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gateway_answers_arp),
		TEST(dhcp_offers_the_usual_address),
		TEST(udp_reaches_a_host_socket_and_comes_back),
		TEST(tcp_carries_text_both_ways),
		TEST(forwards_bring_in_datagrams),
		TEST(host_is_reached_only_when_asked_for),
		TEST(connection_to_the_host_is_refused),
		TEST(forwards_come_in_though_the_host_is_closed),
		TEST(answers_come_from_neighbours_alone),
		TEST(fragments_kept_are_bounded),
		TEST(complete_datagrams_make_room),
		TEST(fragments_with_bad_headers_do_not_count),
		TEST(flows_are_bounded_and_go_on),
		TEST(few_descriptors_stop_no_card),
		TEST(libslirp_is_called_under_the_lock),
		TEST(frames_wait_for_buffers_in_order),
		TEST(frames_beyond_the_ring_are_dropped_and_counted),
		TEST(work_it_does_not_do_is_dropped),
		TEST(garbage_from_the_guest_is_survived),
		TEST(small_arrays_and_no_sockets_are_enough),
		TEST(forwards_that_cannot_be_are_refused_with_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
