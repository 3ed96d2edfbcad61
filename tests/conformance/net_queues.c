/* SPDX-License-Identifier: BSD-3-Clause */
/* Network devices of several queues: steering, hashes, coalescing, statistics, announcements
 * (5.1.4.1, 5.1.9.4.4 to 5.1.9.5.11). */
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

#define RX_AT(pair) (RAM_LOW + 0x8000 + 0x1000ull * (pair))
#define REPLY_AT    (NET_CTRL_AT + 0x4000)

struct many {
	struct bench *b;
	struct ring ring[CTRL + 1];
	uint8_t reply[512];
};

static const struct anvil_nic_offload none;

/* ---- set-up ---- */

static void make(struct bench *b, uint16_t pairs)
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

static void start_queue(struct many *m, unsigned int queue)
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

static void reset_queue(struct many *m, unsigned int queue)
{
	reg_write(&m->b->guest, VIRTIO_MMIO_QUEUE_SEL, queue);
	reg_write(&m->b->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
}

/* A driver of PAIRS pairs that accepts CTRL_VQ, MQ, RING_RESET and these; after a reset. */
static void restart(struct many *m, struct anvil_features set)
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
static void start(struct many *m, struct bench *b, struct anvil_features set)
{
	make(b, PAIRS);
	m->b = b;
	restart(m, set);
}

static uint8_t command(struct many *m, uint8_t class, uint8_t number, const void *data,
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

static uint64_t config(struct bench *b, size_t offset, unsigned int len)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < len; i++)
		value |= anvil_mmio_read(&b->guest.mmio, VIRTIO_MMIO_CONFIG + offset + i, 1)
			 << 8 * i;
	return value;
}

enum { AT_STATUS = 6, AT_PAIRS = 8, AT_SPEED = 12, AT_DUPLEX = 16, AT_KEY = 17, AT_TABLE = 18 };

/* ---- frames ---- */

#define FRAME 100u

/* UDP over IPv4 of which addresses and ports come from `flow`; a plain one for flow 0. */
static const uint8_t *flow_frame(unsigned int flow, bool from_guest)
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

static void offer_everywhere(struct many *m)
{
	for (unsigned int pair = 0; pair < PAIRS; pair++) {
		struct ring *r = &m->ring[2 * pair];
		struct buffer buffer = { RX_AT(pair), 0x800, WRITABLE };

		if (r->avail_idx == r->used_idx)
			ring_chain(r, &buffer, 1);
		guest_notify(&m->b->guest, 2 * pair);
	}
}

/* The pair on which a frame arrives, or -1. */
static int arrives(struct many *m, const uint8_t *frame)
{
	int at = -1;

	offer_everywhere(m);
	net_receive(m->b, frame, FRAME, none);
	for (unsigned int pair = 0; pair < PAIRS; pair++) {
		struct ring *r = &m->ring[2 * pair];

		if (ring_published(r) == r->used_idx)
			continue;
		assert_int_equal(at, -1); /* once */
		r->used_idx++;
		at = (int)pair;
	}
	return at;
}

static void transmit(struct many *m, unsigned int pair, const uint8_t *frame)
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

static uint8_t set_pairs(struct many *m, unsigned int pairs)
{
	uint16_t value = htole16((uint16_t)pairs);

	return command(m, CLASS_MQ, 0, &value, sizeof(value), 0);
}

/* ---- configuration (5.1.4.1) ---- */

static void max_pairs_are_in_range(void **state)
{
	static const uint16_t pairs[] = { 0, 1, 2, PAIRS };
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		make(b, pairs[i]);
		assert_in_range(config(b, AT_PAIRS, 2), 1, 0x8000);
		assert_int_equal(config(b, AT_PAIRS, 2), pairs[i] ? pairs[i] : 1);
	}
}

static void rss_limits_are_large_enough(void **state)
{
	struct bench *b = *state;

	make(b, PAIRS);
	assert_true(config(b, AT_KEY, 1) >= 40);
	assert_true(config(b, AT_TABLE, 2) >= 128);
	b->net_options.queue_pairs_max = 1;
	b->net_options.features = features(VIRTIO_NET_F_CTRL_VQ, F_HASH_REPORT, -1);
	bench_recreate(b);
	assert_true(config(b, AT_KEY, 1) >= 40);
}

static void speed_and_duplex_are_values_that_there_are(void **state)
{
	static const uint32_t speed[] = { 0, 10, 0x7fffffff, 0xffffffff };
	static const uint8_t duplex[] = { 0, 1, 0xff };
	struct bench *b = *state;
	struct anvil_net_options o;
	struct anvil_net net;

	make(b, PAIRS);
	for (size_t i = 0; i < ARRAY_SIZE(speed) * ARRAY_SIZE(duplex); i++) {
		b->net_options.speed = speed[i / ARRAY_SIZE(duplex)];
		b->net_options.duplex = duplex[i % ARRAY_SIZE(duplex)];
		bench_recreate(b);
		assert_int_equal(config(b, AT_SPEED, 4), b->net_options.speed);
		assert_int_equal(config(b, AT_DUPLEX, 1), b->net_options.duplex);
	}
	o = b->net_options;
	o.speed = 0x80000000;
	assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
	o = b->net_options;
	o.duplex = 2;
	assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
}

static void speed_stays_while_the_link_is_up(void **state)
{
	struct many m = { 0 };

	start(&m, *state, features(F_SPEED_DUPLEX, VIRTIO_NET_F_STATUS, F_DEVICE_STATS, -1));
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(config(m.b, AT_STATUS, 2) & VIRTIO_NET_S_LINK_UP, 1);
		assert_int_equal(config(m.b, AT_SPEED, 4), 1000);
		assert_int_equal(config(m.b, AT_DUPLEX, 1), 1);
		for (uint32_t at = AT_SPEED; at <= AT_DUPLEX; at++)
			anvil_mmio_write(&m.b->guest.mmio, VIRTIO_MMIO_CONFIG + at, 1, 0x55);
		transmit(&m, 0, flow_frame(1, true));
		set_pairs(&m, 1 + i);
	}
}

static void hash_report_needs_ctrl_vq(void **state)
{
	struct bench *b = *state;
	struct anvil_net_options o = b->net_options;
	struct anvil_net net;

	o.features = features(F_HASH_REPORT, -1);
	assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
}

/* ---- announcements (5.1.9.5.4.2) ---- */

struct moment {
	struct bench *b;
	uint64_t used_idx;
	bool seen;
	uint16_t status;
};

static void moment_none(void *opaque, uint64_t gpa, size_t len)
{
	(void)opaque;
	(void)gpa;
	(void)len;
}

static void moment_fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	(void)bytes;
	moment_none(opaque, gpa, len);
}

static void moment_stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct moment *m = opaque;

	(void)bytes;
	(void)len;
	if (gpa != m->used_idx)
		return;
	m->seen = true;
	m->status = (uint16_t)config(m->b, AT_STATUS, 2);
}

static void announce_is_cleared_before_its_ack_is_used(void **state)
{
	struct many m = { 0 };
	struct moment moment = { .b = *state };
	struct anvil_guest_memory_tap tap = { moment_none, moment_fetched, moment_stored, &moment };

	start(&m, *state, features(F_GUEST_ANNOUNCE, VIRTIO_NET_F_STATUS, -1));
	moment.used_idx = m.ring[CTRL].used + 2;
	anvil_net_announce(&m.b->net);
	assert_int_equal(config(m.b, AT_STATUS, 2), VIRTIO_NET_S_LINK_UP | 2);
	assert_int_equal(guest_take_interrupts(&m.b->guest), VIRTIO_INTERRUPT_CONFIG);
	m.b->guest.ram.memory.tap = &tap;
	assert_int_equal(command(&m, CLASS_ANNOUNCE, 0, NULL, 0, 0), OK);
	m.b->guest.ram.memory.tap = NULL;
	assert_true(moment.seen);
	assert_int_equal(moment.status, VIRTIO_NET_S_LINK_UP);
}

/* ---- automatic steering (5.1.9.5.6.2) ---- */

static void frames_come_on_the_first_pair_after_a_reset(void **state)
{
	struct many m = { 0 };

	start(&m, *state, features(-1));
	for (unsigned int i = 0; i < 3; i++) {
		restart(&m, features(-1));
		for (unsigned int flow = 0; flow < 100; flow++)
			assert_int_equal(arrives(&m, flow_frame(flow, false)), 0);
		assert_int_equal(set_pairs(&m, PAIRS), OK);
		for (unsigned int flow = 1; flow < 50; flow++)
			transmit(&m, flow % PAIRS, flow_frame(flow, true));
	}
}

static void frames_come_on_pairs_in_use_alone(void **state)
{
	struct many m = { 0 };
	unsigned int seen[PAIRS] = { 0 };

	start(&m, *state, features(-1));
	for (unsigned int pairs = PAIRS; pairs >= 1; pairs--) {
		assert_int_equal(set_pairs(&m, pairs), OK);
		for (unsigned int flow = 0; flow < 100; flow++) {
			int at = arrives(&m, flow_frame(flow, false));

			assert_in_range(at, 0, pairs - 1);
			seen[at]++;
			/* what was learnt before does not count, either */
			transmit(&m, flow % PAIRS, flow_frame(flow, true));
		}
	}
	for (unsigned int pair = 0; pair < PAIRS; pair++)
		assert_int_not_equal(seen[pair], 0);
	assert_int_equal(set_pairs(&m, 0), ERR);
	assert_int_equal(set_pairs(&m, PAIRS + 1), ERR);
}

static void frames_evade_queues_that_were_reset(void **state)
{
	struct many m = { 0 };

	start(&m, *state, features(-1));
	assert_int_equal(set_pairs(&m, PAIRS), OK);
	for (unsigned int flow = 1; flow < 60; flow++)
		transmit(&m, flow % PAIRS, flow_frame(flow, true));
	reset_queue(&m, 2);
	for (unsigned int flow = 1; flow < 60; flow++)
		assert_true(arrives(&m, flow_frame(flow, false)) % 2 == 0);
	reset_queue(&m, 0);
	for (unsigned int flow = 1; flow < 60; flow++)
		assert_int_equal(arrives(&m, flow_frame(flow, false)), 2);
	reset_queue(&m, 4);
	for (unsigned int flow = 1; flow < 60; flow++)
		assert_int_equal(arrives(&m, flow_frame(flow, false)), -1);
	assert_int_equal(guest_status(&m.b->guest), UP_TO_DRIVER_OK);
}

/* ---- RSS (5.1.9.5.7.3) ---- */

/* The key that published examples of the Toeplitz hash use. */
static const uint8_t key[40] = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
				 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
				 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
				 0xf2, 0x0c, 0x6a, 0x42, 0xb3, 0x3b, 0xbe, 0xac, 0x01, 0xfa };

#define TYPE_IPV4  1u
#define TYPE_TCPV4 2u
#define TYPE_UDPV4 4u

static uint32_t put16(uint8_t *at, uint32_t len, unsigned int value)
{
	at[len] = (uint8_t)value;
	at[len + 1] = (uint8_t)(value >> 8);
	return len + 2;
}

/* struct virtio_net_rss_config with a table of 8: entry i is the pair i % PAIRS */
static uint32_t rss_config(uint8_t *data, uint32_t types, unsigned int unclassified)
{
	uint32_t len = put16(data, put16(data, 0, types), 0);

	len = put16(data, len, 7);
	len = put16(data, len, unclassified);
	for (unsigned int i = 0; i < 8; i++)
		len = put16(data, len, i % PAIRS);
	len = put16(data, len, PAIRS);
	data[len++] = sizeof(key);
	memcpy(data + len, key, sizeof(key));
	return len + (uint32_t)sizeof(key);
}

static uint8_t set_rss(struct many *m, uint32_t types, unsigned int unclassified)
{
	uint8_t data[128];

	return command(m, CLASS_MQ, 1, data, rss_config(data, types, unclassified), 0);
}

/* Bit by bit, as the definition has it. */
static uint32_t toeplitz(const uint8_t *bytes, unsigned int len)
{
	uint32_t result = 0;

	for (unsigned int i = 0; i < 8 * len; i++) {
		if (!(bytes[i / 8] >> (7 - i % 8) & 1))
			continue;
		for (unsigned int n = 0; n < 32; n++) {
			unsigned int at = i + n;

			result ^= (uint32_t)(key[at / 8] >> (7 - at % 8) & 1) << (31 - n);
		}
	}
	return result;
}

static uint32_t flow_hash(const uint8_t *frame, bool ports)
{
	return toeplitz(frame + 26, ports ? 12 : 8);
}

static void the_hash_of_this_test_is_the_published_one(void)
{
	/* 66.9.149.187:2794 to 161.142.100.80:1766 */
	static const uint8_t input[12] = { 66,	9,  149,  187,	161,  142,
					   100, 80, 0x0a, 0xea, 0x06, 0xe6 };

	assert_int_equal(toeplitz(input, 8), 0x323e8fc2);
	assert_int_equal(toeplitz(input, 12), 0x51ccc178);
}

static void rss_chooses_by_hash_and_table(void **state)
{
	struct many m = { 0 };

	the_hash_of_this_test_is_the_published_one();
	start(&m, *state, features(F_RSS, -1));
	for (unsigned int ports = 0; ports < 2; ports++) {
		assert_int_equal(set_rss(&m, ports ? TYPE_UDPV4 : TYPE_IPV4, 2), OK);
		for (unsigned int flow = 1; flow < 100; flow++) {
			const uint8_t *frame = flow_frame(flow, false);

			assert_int_equal(arrives(&m, frame), flow_hash(frame, ports) % 8 % PAIRS);
		}
		assert_int_equal(arrives(&m, flow_frame(0, false)), 2); /* no hash of that */
	}
	assert_int_equal(set_rss(&m, TYPE_TCPV4, 1), OK);
	assert_int_equal(arrives(&m, flow_frame(9, false)), 1);
}

static void rss_drops_what_a_reset_queue_would_get(void **state)
{
	struct many m = { 0 };

	start(&m, *state, features(F_RSS, -1));
	assert_int_equal(set_rss(&m, TYPE_UDPV4, 1), OK);
	reset_queue(&m, 2);
	for (unsigned int flow = 1; flow < 100; flow++) {
		const uint8_t *frame = flow_frame(flow, false);
		unsigned int pair = flow_hash(frame, true) % 8 % PAIRS;

		assert_int_equal(arrives(&m, frame), pair == 1 ? -1 : (int)pair);
	}
	assert_int_equal(arrives(&m, flow_frame(0, false)), -1);
}

/* ---- RSS contexts (5.1.9.5.8.3) ---- */

static uint8_t add_context(struct many *m, unsigned int id)
{
	uint8_t data[160] = { 0 };
	uint32_t len = 8;

	put16(data, 0, id);
	len += rss_config(data + len, TYPE_IPV4, 0);
	return command(m, CLASS_CONTEXT, 1, data, len, 0);
}

static uint8_t delete_context(struct many *m, unsigned int id)
{
	uint8_t data[2];

	return command(m, CLASS_CONTEXT, 3, data, put16(data, 0, id), 0);
}

static void rss_contexts_exist_until_a_reset(void **state)
{
	struct many m = { 0 };
	unsigned int max = 0;

	start(&m, *state, features(F_RSS, F_RSS_CONTEXT, -1));
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(command(&m, CLASS_CONTEXT, 0, NULL, 0, 2), OK);
		max = m.reply[0] | (unsigned int)m.reply[1] << 8;
		assert_true(max >= 1);
		for (unsigned int id = 1; id <= max; id++) {
			assert_int_equal(delete_context(&m, id), ERR);
			assert_int_equal(add_context(&m, id), OK);
		}
		assert_int_equal(delete_context(&m, 1), OK);
		assert_int_equal(add_context(&m, 1), OK);
		restart(&m, features(F_RSS, F_RSS_CONTEXT, -1));
		for (unsigned int id = 1; id <= max; id++)
			assert_int_equal(delete_context(&m, id), ERR);
	}
}

/* ---- inner hash (5.1.9.4.4.4) ---- */

#define TUNNEL_VXLAN 0x10u

/* An IPv4 packet inside VXLAN; the inner one is that of flow_frame(1). */
static const uint8_t *vxlan_frame(unsigned int port)
{
	static uint8_t f[FRAME];

	memcpy(f, flow_frame(7, false), FRAME);
	f[36] = (uint8_t)(port >> 8);
	f[37] = (uint8_t)port;
	f[42] = 0x08; /* the VNI is there */
	memset(f + 43, 0, 7);
	memcpy(f + 50, flow_frame(1, false), FRAME - 50);
	f[50 + 17] = FRAME - 50 - 14;
	f[50 + 39] = FRAME - 50 - 34;
	return f;
}

static uint8_t set_tunnels(struct many *m, uint32_t types)
{
	types = htole32(types);
	return command(m, CLASS_TUNNEL, 0, &types, sizeof(types), 0);
}

/* The hash that the header of a received frame reports. */
static uint32_t reported(struct many *m, const uint8_t *frame)
{
	uint32_t value;
	int pair = arrives(m, frame);

	assert_true(pair >= 0);
	ram_get(&m->b->guest.ram, RX_AT((unsigned int)pair) + 12, &value, 4);
	return le32toh(value);
}

static void inner_hash_is_for_tunnels_that_are_enabled(void **state)
{
	struct many m = { 0 };
	uint32_t supported;

	start(&m, *state, features(F_RSS, F_HASH_REPORT, F_HASH_TUNNEL, -1));
	supported = (uint32_t)config(m.b, 24, 4);
	assert_true(supported & TUNNEL_VXLAN);
	assert_int_equal(set_rss(&m, TYPE_IPV4, 0), OK);

	const uint8_t *frame = vxlan_frame(4789);
	uint32_t outer = toeplitz(frame + 26, 8);
	uint32_t inner = toeplitz(frame + 50 + 26, 8);

	assert_int_not_equal(outer, inner);
	assert_int_equal(reported(&m, frame), outer); /* none after a reset */
	assert_int_equal(set_tunnels(&m, supported & ~TUNNEL_VXLAN), OK);
	assert_int_equal(reported(&m, frame), outer);
	assert_int_equal(set_tunnels(&m, TUNNEL_VXLAN), OK);
	assert_int_equal(reported(&m, frame), inner);
	assert_int_equal(reported(&m, vxlan_frame(4790)), outer); /* that is no VXLAN */
	for (unsigned int bit = 0; bit < 32; bit++) {
		if (!(supported >> bit & 1))
			assert_int_equal(set_tunnels(&m, 1u << bit), ERR);
	}
	assert_int_equal(reported(&m, vxlan_frame(4789)), inner); /* a refusal changes nothing */
	assert_int_equal(set_tunnels(&m, 0), OK);
	assert_int_equal(reported(&m, frame), outer);
	assert_int_equal(set_tunnels(&m, TUNNEL_VXLAN), OK);
	restart(&m, features(F_RSS, F_HASH_REPORT, F_HASH_TUNNEL, -1));
	assert_int_equal(set_rss(&m, TYPE_IPV4, 0), OK);
	assert_int_equal(reported(&m, frame), outer);
}

/* ---- coalescing (5.1.9.5.10.6) ---- */

static uint8_t coal(struct many *m, uint8_t number, unsigned int queue, unsigned int reserved,
		    uint32_t packets, uint32_t usecs)
{
	uint8_t data[12];
	uint32_t len = 0;

	if (number >= 2)
		len = put16(data, put16(data, 0, queue), reserved);
	if (number < 3) {
		len = put16(data, put16(data, len, packets), packets >> 16);
		len = put16(data, put16(data, len, usecs), usecs >> 16);
	}
	return command(m, CLASS_COAL, number, data, len, number == 3 ? 8 : 0);
}

/* VQ_GET: packets and microseconds of a queue. */
static void coal_is(struct many *m, unsigned int queue, uint32_t packets, uint32_t usecs)
{
	uint32_t got[2];

	assert_int_equal(coal(m, 3, queue, 0, 0, 0), OK);
	memcpy(got, m->reply, sizeof(got));
	assert_int_equal(le32toh(got[0]), packets);
	assert_int_equal(le32toh(got[1]), usecs);
}

static void start_coal(struct many *m, struct bench *b)
{
	start(m, b, features(F_NOTF_COAL, F_VQ_NOTF_COAL, -1));
}

static void coalescing_ignores_what_is_reserved(void **state)
{
	struct many m = { 0 };

	start_coal(&m, *state);
	assert_int_equal(coal(&m, 2, 1, 0xffff, 5, 6), OK);
	coal_is(&m, 1, 5, 6);
	assert_int_equal(coal(&m, 3, 1, 0xffff, 0, 0), OK);
}

static void coalescing_says_whether_it_is_in_force(void **state)
{
	struct many m = { 0 };

	start_coal(&m, *state);
	for (uint8_t number = 0; number < 2; number++) { /* TX_SET, RX_SET */
		uint32_t packets = 7u + number;

		assert_int_equal(coal(&m, number, 0, 0, packets, 9), OK);
		for (unsigned int pair = 0; pair < PAIRS; pair++)
			coal_is(&m, 2 * pair + !number, packets, 9);
		assert_int_equal(command(&m, CLASS_COAL, number, "\1\0\0\0\1\0\0", 7, 0), ERR);
		coal_is(&m, !number, packets, 9);
	}
	for (unsigned int queue = 0; queue < CTRL; queue++) {
		assert_int_equal(coal(&m, 2, queue, 0, 20 + queue, 30), OK);
		coal_is(&m, queue, 20 + queue, 30);
	}
	assert_int_equal(command(&m, CLASS_COAL, 2, "\1\0\0\0\1\0\0", 7, 0), ERR);
	coal_is(&m, 1, 21, 30);
}

static void coalescing_is_for_enabled_queues(void **state)
{
	static const unsigned int bad[] = { CTRL, CTRL + 1, 100, 0xffff };
	struct many m = { 0 };

	start_coal(&m, *state);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(coal(&m, 2, bad[i], 0, 1, 1), ERR);
		assert_int_equal(coal(&m, 3, bad[i], 0, 0, 0), ERR);
	}
	reset_queue(&m, 2);
	assert_int_equal(coal(&m, 2, 2, 0, 1, 1), ERR);
	assert_int_equal(coal(&m, 3, 2, 0, 0, 0), ERR);
	start_queue(&m, 2);
	assert_int_equal(coal(&m, 2, 2, 0, 1, 1), OK);
}

static void queue_enabled_again_has_the_common_parameters(void **state)
{
	struct many m = { 0 };

	for (uint8_t number = 0; number < 2; number++) {
		unsigned int queue = 2u + !number;

		start_coal(&m, *state);
		assert_int_equal(coal(&m, 2, queue, 0, 5, 6), OK);
		reset_queue(&m, queue);
		start_queue(&m, queue);
		coal_is(&m, queue, 0, 0);
		assert_int_equal(coal(&m, number, 0, 0, 11, 12), OK);
		assert_int_equal(coal(&m, 2, queue, 0, 5, 6), OK);
		coal_is(&m, queue, 5, 6);
		reset_queue(&m, queue);
		start_queue(&m, queue);
		coal_is(&m, queue, 11, 12);
	}
}

static void coalescing_does_not_overrule_suppression(void **state)
{
	struct many m = { 0 };
	uint64_t next;

	start_coal(&m, *state);
	assert_int_equal(coal(&m, 0, 0, 0, 3, 100), OK);
	guest_take_interrupts(&m.b->guest);
	ram_put16(&m.b->guest.ram, m.ring[1].avail, VIRTQ_AVAIL_F_NO_INTERRUPT);
	for (unsigned int i = 0; i < 10; i++)
		transmit(&m, 0, flow_frame(1, true));
	anvil_net_tick(&m.b->net, 1000, &next);
	assert_int_equal(guest_take_interrupts(&m.b->guest), 0);
	/* and without it three at a time are told of */
	ram_put16(&m.b->guest.ram, m.ring[1].avail, 0);
	guest_take_interrupts(&m.b->guest);
	for (unsigned int i = 0; i < 3; i++)
		transmit(&m, 0, flow_frame(1, true));
	assert_int_equal(guest_take_interrupts(&m.b->guest), VIRTIO_INTERRUPT_USED);
}

static void coalescing_is_0_after_a_reset(void **state)
{
	struct many m = { 0 };

	start_coal(&m, *state);
	assert_int_equal(coal(&m, 0, 0, 0, 11, 12), OK);
	assert_int_equal(coal(&m, 1, 0, 0, 13, 14), OK);
	assert_int_equal(coal(&m, 2, 2, 0, 15, 16), OK);
	restart(&m, features(F_NOTF_COAL, F_VQ_NOTF_COAL, -1));
	for (unsigned int i = 0; i < CTRL; i++)
		coal_is(&m, i, 0, 0);
}

/* ---- statistics (5.1.9.5.11.12) ---- */

#define RX_BASIC (1ull << 0)
#define RX_CSUM	 (1ull << 1)
#define RX_GSO	 (1ull << 2)
#define RX_SPEED (1ull << 3)
#define TX_BASIC (1ull << 16)
#define TX_CSUM	 (1ull << 17)
#define TX_GSO	 (1ull << 18)
#define TX_SPEED (1ull << 19)
#define CVQ	 (1ull << 32)
#define TYPES                                                                                      \
	(RX_BASIC | RX_CSUM | RX_GSO | RX_SPEED | TX_BASIC | TX_CSUM | TX_GSO | TX_SPEED | CVQ)

struct wish {
	unsigned int queue;
	uint64_t types;
};

static uint8_t stats(struct many *m, const struct wish *wish, unsigned int wishes,
		     uint32_t reply_len)
{
	uint8_t data[16 * 8];

	memset(data, 0, sizeof(data));
	for (unsigned int i = 0; i < wishes; i++) {
		uint64_t types = htole64(wish[i].types);

		put16(data, 16 * i, wish[i].queue);
		memcpy(data + 16 * i + 8, &types, 8);
	}
	return command(m, CLASS_STATS, 1, data, 16 * wishes, reply_len);
}

static void start_stats(struct many *m, struct bench *b)
{
	start(m, b,
	      features(F_DEVICE_STATS, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM,
		       VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_HOST_TSO4, -1));
}

static void query_tells_what_can_be_asked_for(void **state)
{
	struct many m = { 0 };
	uint64_t types;

	start_stats(&m, *state);
	assert_int_equal(command(&m, CLASS_STATS, 0, NULL, 0, 8), OK);
	memcpy(&types, m.reply, 8);
	types = le64toh(types);
	assert_int_equal(types & ~TYPES, 0);
	for (unsigned int bit = 0; bit < 64; bit++) {
		struct wish wish = { bit >= 32 ? CTRL : bit >= 16 ? 1 : 0, 1ull << bit };

		assert_int_equal(stats(&m, &wish, 1, 100), types >> bit & 1 ? OK : ERR);
	}
	assert_true(types & RX_BASIC && types & TX_BASIC && types & CVQ);
}

static void wrong_wishes_fail_the_whole_command(void **state)
{
	static const struct wish wrong[] = {
		{ CTRL + 1, RX_BASIC }, { 0xffff, CVQ }, { 0, 1ull << 40 },  { 0, TX_BASIC },
		{ 1, RX_BASIC },	{ 1, CVQ },	 { CTRL, RX_BASIC }, { 0, RX_BASIC | CVQ },
	};
	struct many m = { 0 };

	start_stats(&m, *state);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct wish wish[] = { { 0, RX_BASIC }, wrong[i], { 1, TX_BASIC } };

		assert_int_equal(stats(&m, wish, 3, 200), ERR);
		for (size_t n = 0; n < 200; n++)
			assert_int_equal(m.reply[n], 0xee);
	}
	/* types without their feature */
	start(&m, *state, features(F_DEVICE_STATS, -1));
	for (unsigned int i = 0; i < 4; i++) {
		static const struct wish wish[] = {
			{ 0, RX_CSUM }, { 0, RX_GSO }, { 1, TX_CSUM }, { 1, TX_GSO }
		};

		assert_int_equal(stats(&m, &wish[i], 1, 100), ERR);
	}
}

/* The reply at `at`: its counters follow; returns where the next one is. */
static uint32_t reply_is(struct many *m, uint32_t at, uint8_t type, unsigned int queue,
			 unsigned int counters)
{
	const uint8_t *r = m->reply + at;

	assert_int_equal(r[0], type);
	assert_int_equal(r[2] | r[3] << 8, queue);
	assert_int_equal(r[6] | r[7] << 8, 8 + 8 * counters);
	return at + 8 + 8 * counters;
}

static uint64_t counter(const struct many *m, uint32_t at)
{
	uint64_t value;

	memcpy(&value, m->reply + at, 8);
	return le64toh(value);
}

static void replies_say_type_queue_and_size(void **state)
{
	const struct wish wish[] = { { 2, RX_BASIC }, { 3, TX_BASIC }, { CTRL, CVQ } };
	struct many m = { 0 };
	uint32_t at;

	start_stats(&m, *state);
	transmit(&m, 1, flow_frame(1, true));
	transmit(&m, 1, flow_frame(1, true));
	assert_int_equal(stats(&m, wish, 3, 400), OK);
	at = reply_is(&m, 0, 0, 2, 6);
	assert_int_equal(counter(&m, at + 16), 2);	   /* tx_packets */
	assert_int_equal(counter(&m, at + 24), 2 * FRAME); /* tx_bytes */
	at = reply_is(&m, at, 16, 3, 6);
	assert_int_equal(counter(&m, at + 8), 1); /* commands, this one included */
	assert_int_equal(counter(&m, at + 16), 1);
	at = reply_is(&m, at, 32, CTRL, 2);
	for (; at < 400; at++)
		assert_int_equal(m.reply[at], 0xee); /* nothing beyond what is valid */
}

static void replies_are_cut_at_the_end_of_the_buffer(void **state)
{
	const struct wish wish[] = { { 0, RX_BASIC }, { 1, TX_BASIC } };
	struct many m = { 0 };
	uint8_t whole[112];

	start_stats(&m, *state);
	assert_int_equal(stats(&m, wish, 2, sizeof(whole)), OK);
	memcpy(whole, m.reply, sizeof(whole));
	for (uint32_t len = 0; len <= 300; len += 7) {
		uint32_t valid = len < sizeof(whole) ? len : (uint32_t)sizeof(whole);

		assert_int_equal(stats(&m, wish, 2, len), OK);
		assert_memory_equal(m.reply, whole, valid);
		for (uint32_t i = valid; i < len; i++)
			assert_int_equal(m.reply[i], 0xee);
	}
}

/* From the outside 2^64 frames are too many: the counter is moved there. */
static void counters_wrap(void **state)
{
	const struct wish wish = { 1, TX_BASIC };
	struct many m = { 0 };

	start_stats(&m, *state);
	for (size_t i = 0; i < ARRAY_SIZE(m.b->net.queue[1].basic); i++)
		m.b->net.queue[1].basic[i] = UINT64_MAX;
	transmit(&m, 0, flow_frame(1, true));
	assert_int_equal(stats(&m, &wish, 1, 56), OK);
	assert_int_equal(counter(&m, 16), 0);
	assert_int_equal(counter(&m, 24), FRAME - 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		NET("5.1.4.1/1", max_pairs_are_in_range),
		NET("5.1.4.1/7 5.1.4.1/8", rss_limits_are_large_enough),
		NET("5.1.4.1/10 5.1.4.1/11", speed_and_duplex_are_values_that_there_are),
		NET("5.1.4.1/12", speed_stays_while_the_link_is_up),
		NET("5.1.4.1/13", hash_report_needs_ctrl_vq),
		NET("5.1.9.5.4.2/1", announce_is_cleared_before_its_ack_is_used),
		NET("5.1.9.5.6.2/1", frames_come_on_the_first_pair_after_a_reset),
		NET("5.1.9.5.6.2/2", frames_come_on_pairs_in_use_alone),
		NET("5.1.9.5.6.2/3 5.1.9.5.6.2/4", frames_evade_queues_that_were_reset),
		NET("5.1.9.5.7.3/1", rss_chooses_by_hash_and_table),
		NET("5.1.9.5.7.3/2", rss_drops_what_a_reset_queue_would_get),
		NET("5.1.9.5.8.3/1 5.1.9.5.8.3/2", rss_contexts_exist_until_a_reset),
		NET("5.1.9.4.4.4/1 5.1.9.4.4.4/2 5.1.9.4.4.4/3",
		    inner_hash_is_for_tunnels_that_are_enabled),
		NET("5.1.9.5.10.6/1", coalescing_ignores_what_is_reserved),
		NET("5.1.9.5.10.6/2 5.1.9.5.10.6/3", coalescing_says_whether_it_is_in_force),
		NET("5.1.9.5.10.6/4", coalescing_is_for_enabled_queues),
		NET("5.1.9.5.10.6/5 5.1.9.5.10.6/6", queue_enabled_again_has_the_common_parameters),
		NET("5.1.9.5.10.6/8", coalescing_does_not_overrule_suppression),
		NET("5.1.9.5.10.6/9", coalescing_is_0_after_a_reset),
		NET("5.1.9.5.11.12/1", query_tells_what_can_be_asked_for),
		NET("5.1.9.5.11.12/2 5.1.9.5.11.12/3", wrong_wishes_fail_the_whole_command),
		NET("5.1.9.5.11.12/4 5.1.9.5.11.12/5", replies_say_type_queue_and_size),
		NET("5.1.9.5.11.12/6", replies_are_cut_at_the_end_of_the_buffer),
		NET("5.1.9.5.11.12/7", counters_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
