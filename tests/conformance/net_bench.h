/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network device of several pairs of queues on the bench, and its driver: for net_*.c that are
 * about more than one pair, or about commands that came with them.
 */
#ifndef TESTS_CONFORMANCE_NET_BENCH_H
#define TESTS_CONFORMANCE_NET_BENCH_H

#include "array_size.h"
#include "bench.h"

#include <endian.h>

#define PAIRS 3u
#define CTRL  (2 * PAIRS)
#define OK    VIRTIO_NET_OK
#define ERR   VIRTIO_NET_ERR

enum { /* feature bits (5.1.3) */
       F_GUEST_ANNOUNCE = 21,
       F_MQ = 22,
       F_DEVICE_STATS = 50,
       F_HASH_TUNNEL = 51,
       F_VQ_NOTF_COAL = 52,
       F_NOTF_COAL = 53,
       F_HASH_REPORT = 57,
       F_RSS = 60,
       F_SPEED_DUPLEX = 63,
       F_RSS_CONTEXT = 64,
};

enum {
	CLASS_ANNOUNCE = 3,
	CLASS_MQ,
	CLASS_OFFLOADS,
	CLASS_COAL,
	CLASS_TUNNEL,
	CLASS_STATS,
	CLASS_CONTEXT
};

#define REPLY_AT (NET_CTRL_AT + 0x4000)

struct many {
	struct bench *b;
	struct ring ring[CTRL + 1];
	uint8_t reply[512];
};

/* ---- set-up ---- */

static inline void make(struct bench *b, uint16_t pairs)
{
	static const int bit[] = { F_GUEST_ANNOUNCE, F_MQ,	   F_DEVICE_STATS, F_HASH_TUNNEL,
				   F_VQ_NOTF_COAL,   F_NOTF_COAL,  F_HASH_REPORT,  F_RSS,
				   F_SPEED_DUPLEX,   F_RSS_CONTEXT };

	for (size_t i = 0; i < ARRAY_SIZE(bit); i++)
		anvil_features_add(&b->net_options.features, (unsigned int)bit[i]);
	b->net_options.queue_pairs_max = pairs;
	b->net_options.speed = 1000;
	b->net_options.duplex = 1;
	bench_recreate(b);
}

static inline void start_queue(struct many *m, unsigned int queue)
{
	struct guest *g = &m->b->guest;
	struct ring *r = &m->ring[queue];

	ring_init(r, &g->ram, RAM_HIGH + 0x800ull * queue, BENCH_QUEUE);
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, queue);
	reg_write(g, VIRTIO_MMIO_QUEUE_SIZE, r->size);
	reg_write(g, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)r->desc);
	reg_write(g, VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(r->desc >> 32));
	reg_write(g, VIRTIO_MMIO_QUEUE_DRIVER_LOW, (uint32_t)r->avail);
	reg_write(g, VIRTIO_MMIO_QUEUE_DRIVER_HIGH, (uint32_t)(r->avail >> 32));
	reg_write(g, VIRTIO_MMIO_QUEUE_DEVICE_LOW, (uint32_t)r->used);
	reg_write(g, VIRTIO_MMIO_QUEUE_DEVICE_HIGH, (uint32_t)(r->used >> 32));
	reg_write(g, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 1);
}

static inline void reset_queue(struct many *m, unsigned int queue)
{
	reg_write(&m->b->guest, VIRTIO_MMIO_QUEUE_SEL, queue);
	reg_write(&m->b->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
}

/* A driver of PAIRS pairs that accepts CTRL_VQ, MQ, RING_RESET and these; after a reset. */
static inline void restart(struct many *m, struct anvil_features set)
{
	struct bench *b = m->b;

	anvil_features_add(&set, VIRTIO_NET_F_CTRL_VQ);
	anvil_features_add(&set, F_MQ);
	anvil_features_add(&set, VIRTIO_F_RING_RESET);
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(guest_negotiate(&b->guest, set));
	for (unsigned int i = 0; i <= CTRL; i++)
		start_queue(m, i);
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK);
	guest_take_interrupts(&b->guest);
}

/* The same of a device that is new. */
static inline void start(struct many *m, struct bench *b, struct anvil_features set)
{
	make(b, PAIRS);
	m->b = b;
	restart(m, set);
}

static inline uint8_t command(struct many *m, uint8_t class, uint8_t number, const void *data,
			      uint32_t len, uint32_t reply_len)
{
	struct buffer buffer[] = { { NET_CTRL_AT, 2 + len, 0 },
				   { REPLY_AT, 1 + reply_len, WRITABLE } };
	struct ring *ring = &m->ring[CTRL];
	struct ram *ram = &m->b->guest.ram;

	ram_put(ram, NET_CTRL_AT, &class, 1);
	ram_put(ram, NET_CTRL_AT + 1, &number, 1);
	ram_put(ram, NET_CTRL_AT + 2, data, len);
	ram_fill(ram, REPLY_AT, 0xee, 1 + reply_len);
	ring_chain(ring, buffer, ARRAY_SIZE(buffer));
	guest_notify(&m->b->guest, CTRL);
	assert_int_not_equal(ring_published(ring), ring->used_idx);
	ring->used_idx++;
	assert_true(reply_len <= sizeof(m->reply));
	ram_get(ram, REPLY_AT + 1, m->reply, reply_len);
	return ram_get8(ram, REPLY_AT);
}

static inline uint64_t config(struct bench *b, size_t offset, unsigned int len)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < len; i++)
		value |= anvil_mmio_read(&b->guest.mmio, VIRTIO_MMIO_CONFIG + offset + i, 1)
			 << 8 * i;
	return value;
}

/* ---- frames ---- */

#define FRAME 100u

/* UDP over IPv4 of which addresses and ports come from `flow`; a plain one for flow 0. */
static inline const uint8_t *flow_frame(unsigned int flow, bool from_guest)
{
	static uint8_t f[FRAME];
	uint8_t peer[4] = { 10, 1, 2, (uint8_t)flow };
	uint8_t guest[4] = { 10, 9, 9, 9 };
	uint8_t port[2][2] = { { 0x10, (uint8_t)flow }, { 0x20, 7 } };

	memcpy(f, net_frame(net_broadcast, FRAME), FRAME);
	if (flow == 0)
		return f;
	f[12] = 0x08;
	f[13] = 0;
	f[14] = 0x45;
	f[16] = 0;
	f[17] = FRAME - 14;
	f[20] = f[21] = 0;
	f[23] = 17;
	memcpy(f + 26, from_guest ? guest : peer, 4);
	memcpy(f + 30, from_guest ? peer : guest, 4);
	memcpy(f + 34, port[from_guest], 2);
	memcpy(f + 36, port[!from_guest], 2);
	f[38] = 0;
	f[39] = FRAME - 34;
	return f;
}

static inline void transmit(struct many *m, unsigned int pair, const uint8_t *frame)
{
	struct ring *r = &m->ring[2 * pair + 1];
	struct buffer buffer = { NET_TX_AT, NET_HEADER + FRAME, 0 };
	unsigned int sends = m->b->nic.sends;

	ram_fill(&m->b->guest.ram, NET_TX_AT, 0, NET_HEADER);
	ram_put(&m->b->guest.ram, NET_TX_AT + NET_HEADER, frame, FRAME);
	ring_chain(r, &buffer, 1);
	guest_notify(&m->b->guest, 2 * pair + 1);
	assert_int_equal(m->b->nic.sends, sends + 1);
	assert_int_not_equal(ring_published(r), r->used_idx);
	r->used_idx++;
}

static inline uint8_t set_pairs(struct many *m, unsigned int pairs)
{
	uint16_t value = htole16((uint16_t)pairs);

	return command(m, CLASS_MQ, 0, &value, sizeof(value), 0);
}

/* ---- bytes of a command ---- */

static inline uint32_t put16(uint8_t *at, uint32_t len, unsigned int value)
{
	at[len] = (uint8_t)value;
	at[len + 1] = (uint8_t)(value >> 8);
	return len + 2;
}

#endif
