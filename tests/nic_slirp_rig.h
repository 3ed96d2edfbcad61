/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card on nic_slirp.h and a guest of hand-made frames: for test_nic_slirp_*.c. libslirp's entry
 * points below stand between the two, so that only one file of a program may include this.
 */
#ifndef TESTS_NIC_SLIRP_RIG_H
#define TESTS_NIC_SLIRP_RIG_H

#include "support.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <slirp/libslirp.h>
#include <sys/socket.h>

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

static inline void *called(const char *name)
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

static inline int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
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

static inline void attach(struct fixture *f)
{
	f->nic.nic.device = f;
	f->nic.nic.receive = receive;
}

static inline int open_nic(struct fixture *f, const struct anvil_nic_slirp_options *options)
{
	memset(f->error, 0, sizeof(f->error));
	int err = anvil_nic_slirp_open(&f->nic, options, f->error, sizeof(f->error));

	if (err == 0)
		attach(f);
	return err;
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct anvil_nic_slirp_options options = { .ring_frames = RING, .host = true };

	assert_non_null(f);
	assert_non_null(slirp_version_string()); /* has the linker take the library */
	assert_int_equal(open_nic(f, &options), 0);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_nic_slirp_close(&f->nic);
	free(f);
	return 0;
}

/* One turn of an event loop. Returns whether something was ready. */
static inline bool turn(struct fixture *f, int timeout)
{
	struct pollfd pollfds[64];
	unsigned int count = anvil_nic_slirp_fill(&f->nic, pollfds, ARRAY_SIZE(pollfds), &timeout);
	int ready = poll(pollfds, count, timeout);

	assert_true(ready >= 0);
	anvil_nic_slirp_dispatch(&f->nic, pollfds, count);
	return ready > 0;
}

/* Until one more frame than `had` is here. */
static inline void expect_frame(struct fixture *f, unsigned int had)
{
	for (int i = 0; i < PATIENT && f->got == had; i++)
		(void)turn(f, 50);
	assert_true(f->got > had);
}

static inline void guest_sends(struct fixture *f, const uint8_t *data, uint32_t len)
{
	struct anvil_nic_frame frame = { .data = data, .len = len };

	f->inside = true;
	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	f->inside = false;
}

/* ---- frames ---- */

static inline void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value & 0xffff);
}

static inline unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline uint32_t sum(const uint8_t *p, uint32_t len)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < len; i++)
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return total;
}

static inline unsigned int folded(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* All 16-bit words of a right header, or segment with its pseudo header, give 0xffff. */
static inline unsigned int transport_sum(const uint8_t *frame, uint32_t len)
{
	return folded(sum(frame + ETH + 12, 8) + frame[ETH + 9] + (len - IP) +
		      sum(frame + IP, len - IP));
}

static inline void put_ethernet(struct fixture *f, uint8_t *frame, unsigned int type)
{
	memcpy(frame, f->gateway_mac, 6);
	memcpy(frame + 6, guest_mac, 6);
	put16(frame + 12, type);
}

static inline void put_ip(struct fixture *f, uint8_t *frame, uint32_t len, uint8_t protocol,
			  uint32_t from, uint32_t to)
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
static inline uint32_t put_udp(struct fixture *f, uint8_t *frame, uint32_t payload, uint32_t to,
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

static inline void guest_arp_from(struct fixture *f, uint32_t sender, unsigned int operation,
				  uint32_t target)
{
	static const uint8_t start[] = { 0, 1, 8, 0, 6, 4 };
	uint8_t frame[ETH + 28] = { 0 };

	put_ethernet(f, frame, 0x0806);
	memset(frame, 0xff, 6);
	memcpy(frame + ETH, start, sizeof(start));
	put16(frame + ETH + 6, operation);
	memcpy(frame + ETH + 8, guest_mac, 6);
	put32(frame + ETH + 14, sender);
	put32(frame + ETH + 24, target);
	guest_sends(f, frame, sizeof(frame));
}

static inline void guest_arp(struct fixture *f, unsigned int operation, uint32_t target)
{
	guest_arp_from(f, GUEST, operation, target);
}

/* The guest introduces itself and learns where the gateway is. */
static inline void greet(struct fixture *f)
{
	unsigned int had = f->got;

	guest_arp(f, 1, HOST);
	expect_frame(f, had);
	memcpy(f->gateway_mac, f->frame + ETH + 8, 6);
}

/* ---- host sockets ---- */

static inline int host_socket(int type, unsigned int *port)
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
static inline void await(struct fixture *f, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (int i = 0; i < PATIENT && poll(&p, 1, 0) == 0; i++)
		(void)turn(f, 20);
	assert_true(p.revents & POLLIN);
}

/* ---- a guest's side of TCP ---- */

/* A guest's side of a TCP connection. */
struct tcp {
	unsigned int port;
	uint32_t sent;		/* next sequence number */
	uint32_t seen;		/* acknowledged */
	uint32_t to;		/* 0: HOST */
	unsigned int from_port; /* 0: 4321 */
};

static inline void tcp_send(struct fixture *f, struct tcp *t, uint8_t flags, const char *text)
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
static inline void tcp_expect(struct fixture *f, uint8_t flags)
{
	for (int i = 0; i < PATIENT; i++) {
		expect_frame(f, f->got);
		if (f->frame[ETH + 9] == 6 && (f->frame[IP + 13] & flags) == flags)
			break;
	}
	assert_int_equal(f->frame[IP + 13] & flags, flags);
	assert_int_equal(transport_sum(f->frame, ETH + get16(f->frame + ETH + 2)), 0xffff);
}

/* ---- a card with other options ---- */

static inline void reopen(struct fixture *f, const struct anvil_nic_slirp_options *options)
{
	anvil_nic_slirp_close(&f->nic);
	assert_int_equal(open_nic(f, options), 0);
	greet(f);
}

#endif
