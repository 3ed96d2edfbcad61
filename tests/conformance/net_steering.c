/* SPDX-License-Identifier: BSD-3-Clause */
/* Network devices of several queues: which one a frame comes in on (5.1.9.4.4, 5.1.9.5.6 to 8). */
#include "net_bench.h"

#define RX_AT(pair) (RAM_LOW + 0x8000 + 0x1000ull * (pair))

static const struct anvil_nic_offload none;

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		NET("5.1.9.5.6.2/1", frames_come_on_the_first_pair_after_a_reset),
		NET("5.1.9.5.6.2/2", frames_come_on_pairs_in_use_alone),
		NET("5.1.9.5.6.2/3 5.1.9.5.6.2/4", frames_evade_queues_that_were_reset),
		NET("5.1.9.5.7.3/1", rss_chooses_by_hash_and_table),
		NET("5.1.9.5.7.3/2", rss_drops_what_a_reset_queue_would_get),
		NET("5.1.9.5.8.3/1 5.1.9.5.8.3/2", rss_contexts_exist_until_a_reset),
		NET("5.1.9.4.4.4/1 5.1.9.4.4.4/2 5.1.9.4.4.4/3",
		    inner_hash_is_for_tunnels_that_are_enabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
