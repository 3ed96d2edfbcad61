/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the conformance tests share: a block or a network device with everything on offer behind a
 * register window, and a driver's requests to it. Tests cite the statements that they are about
 * (tests/conformance/statements) with the macros at the end.
 */
#ifndef TESTS_CONFORMANCE_BENCH_H
#define TESTS_CONFORMANCE_BENCH_H

#include "../support.h"

#include "virtio_blk.h"
#include "virtio_net.h"

#define BENCH_QUEUE 16u
#define BENCH_MTU   1500u
#define BENCH_LOG   4096u

/* One access of the device to guest memory. */
struct bench_access {
	bool store;
	uint64_t gpa;
	size_t len;
	uint64_t value; /* stores of up to 8 bytes */
};

struct bench {
	struct guest guest;
	struct test_disk disk;
	struct test_nic nic;
	struct anvil_blk_options blk_options;
	struct anvil_net_options net_options;
	struct anvil_blk blk;
	struct anvil_net net;
	struct anvil_device *dev; /* of either */
	unsigned int queue;	  /* the one that bench_offer uses */
	bool is_blk;
	/* after bench_watch */
	struct anvil_guest_memory_tap tap;
	struct bench_access log[BENCH_LOG];
	unsigned int accesses;
};

int bench_setup_blk(void **state);
int bench_setup_net(void **state);
int bench_teardown(void **state);

/* Makes the device anew, with the options as they are now. */
void bench_recreate(struct bench *b);

/* The same with one more feature on offer; skips the test if the device does not know it. */
void bench_offer_feature(struct bench *b, unsigned int bit);

/* All features that a device may offer at one time beside others, as far as they are there. */
struct anvil_features bench_features(const struct bench *b);
/* The device in use: all queues running, DRIVER_OK, no interrupt pending. */
void bench_drive(struct bench *b, struct anvil_features set);
/* Up to FEATURES_OK, with rings laid out and queues ready; no DRIVER_OK. */
void bench_prepare(struct bench *b, struct anvil_features set);
/* How many queues there are with these features. */
unsigned int bench_queues(const struct bench *b, struct anvil_features set);
struct ring *bench_ring(struct bench *b);

/* From now on logs what the device does. */
void bench_watch(struct bench *b);
/* Whether the device has stored in, or fetched from, any byte of a range. */
bool bench_stored(const struct bench *b, uint64_t gpa, uint64_t len);
bool bench_fetched(const struct bench *b, uint64_t gpa, uint64_t len);

/* A request that the device can carry out: a sector to be read, or a frame to be sent. Returns the
 * head and, of a block device, how many bytes it will store. */
uint16_t bench_offer(struct bench *b);
uint32_t bench_used_len(const struct bench *b);
/* Has the device carry out such a request, and checks its used entry. */
void bench_request(struct bench *b);
/* What the host's side has seen of them. */
unsigned int bench_host_requests(const struct bench *b);
/* Whatever makes the device look at its rings: notifications, polls, a frame from the host. */
void bench_poke(struct bench *b);

/* ---- block requests ---- */

#define BLK_OUT	      RAM_LOW
#define BLK_IN	      (RAM_LOW + 0x8000)
#define BLK_NO_STATUS 0xee

/* Header and `out_len` bytes of `out` at BLK_OUT; `in_len` bytes and the status at BLK_IN. Returns
 * the status, with the used entry and the interrupt checked. */
uint8_t blk_request(struct bench *b, uint32_t type, uint64_t sector, const void *out,
		    uint32_t out_len, uint32_t in_len);
/* The same, not yet notified; returns the head. */
uint16_t blk_offer(struct bench *b, uint32_t type, uint64_t sector, const void *out,
		   uint32_t out_len, uint32_t in_len);

/* ---- network requests ---- */

#define NET_HEADER  12u
#define NET_TX_AT   RAM_LOW
#define NET_RX_AT   (RAM_LOW + 0x8000)
#define NET_CTRL_AT (RAM_HIGH + 0x8000)

/* A frame with these first bytes and any others. */
const uint8_t *net_frame(const uint8_t *to, uint32_t len);
extern const uint8_t net_broadcast[6];

/* Sends a frame; its buffers come back. Returns whether the nic got it, whole. */
bool net_send(struct bench *b, const struct virtio_net_header *header, const uint8_t *frame,
	      uint32_t len);
/* Offers a receive buffer of `len` bytes at `gpa`; returns its head. */
uint16_t net_offer(struct bench *b, uint64_t gpa, uint32_t len);
/* A frame from the host. */
int net_receive(struct bench *b, const uint8_t *frame, uint32_t len,
		struct anvil_nic_offload offload);
/* The same, into a buffer of its own at NET_RX_AT. Returns whether it arrived; `header` and
 * `got`, of `len` bytes, may be NULL. */
bool net_arrives(struct bench *b, const uint8_t *frame, uint32_t len,
		 struct anvil_nic_offload offload, struct virtio_net_header *header, uint8_t *got);
/* A frame to an address, of any content. */
bool net_passes(struct bench *b, const uint8_t *to);
/* A control command; returns the ack. */
uint8_t net_command(struct bench *b, uint8_t class, uint8_t number, const void *data, uint32_t len);

/* ---- registration ---- */

/* releases of clang-format do not agree about these braces */
/* clang-format off */
#define BLK(statements, test) { statements " " #test, test, bench_setup_blk, bench_teardown, NULL }
#define NET(statements, test) { statements " " #test, test, bench_setup_net, bench_teardown, NULL }
/* clang-format on */
/* with either */
#define BOTH(statements, test)                                                                     \
	{ statements " blk_" #test, test, bench_setup_blk, bench_teardown, NULL },                 \
	{                                                                                          \
		statements " net_" #test, test, bench_setup_net, bench_teardown, NULL              \
	}

#endif
