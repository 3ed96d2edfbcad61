/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: several queues, automatic steering and RSS (5.1.9.5.5 to 5.1.9.5.8). */
#include "array_size.h"
#include "net.h"

#define PAIRS 4u

static struct net_rig rig;

static struct anvil_features many(void)
{
	return features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ, VIRTIO_NET_F_RSS,
			VIRTIO_NET_F_HASH_REPORT, VIRTIO_NET_F_RSS_CONTEXT, VIRTIO_F_RING_RESET,
			-1);
}

static struct anvil_features mq(void)
{
	return features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ, VIRTIO_F_RING_RESET, -1);
}

static int setup(void **state)
{
	(void)state;
	net_start(&rig, many(), PAIRS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	net_stop(&rig);
	return 0;
}

static void offer_all(void)
{
	for (unsigned int pair = 0; 2 * pair < rig.queues; pair++)
		net_offer(&rig, pair);
}

/* 5.1.2: the control queue comes behind all pairs that there are with the features accepted */
static void queues_depend_on_features(void **state)
{
	static const struct {
		int feature;
		unsigned int queues;
	} t[] = { { VIRTIO_NET_F_MQ, 2 * PAIRS + 1 },
		  { VIRTIO_NET_F_RSS, 2 * PAIRS + 1 },
		  { -1, 3 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		net_drive(&rig, features(VIRTIO_NET_F_CTRL_VQ, t[i].feature, -1));
		assert_int_equal(rig.queues + 1, t[i].queues);
		reg_write(&rig.guest, VIRTIO_MMIO_QUEUE_SEL, t[i].queues - 1);
		assert_int_equal(reg_read(&rig.guest, VIRTIO_MMIO_QUEUE_SIZE_MAX), NET_QUEUE);
		reg_write(&rig.guest, VIRTIO_MMIO_QUEUE_SEL, t[i].queues);
		assert_int_equal(reg_read(&rig.guest, VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
		/* and it answers there */
		assert_int_equal(net_command(&rig, 99, 0, NULL, 0), VIRTIO_NET_ERR);
	}
}

/* 5.1.4.1 */
static void config_space_shows_the_limits(void **state)
{
	(void)state;
	assert_int_equal(anvil_mmio_read(&rig.guest.mmio, VIRTIO_MMIO_CONFIG + 8, 2), PAIRS);
	assert_int_equal(anvil_mmio_read(&rig.guest.mmio, VIRTIO_MMIO_CONFIG + 17, 1), 40);
	assert_int_equal(anvil_mmio_read(&rig.guest.mmio, VIRTIO_MMIO_CONFIG + 18, 2), 128);
	assert_int_equal(anvil_mmio_read(&rig.guest.mmio, VIRTIO_MMIO_CONFIG + 20, 4), 0x1ff);
	/* what is not offered is not there */
	assert_int_equal(anvil_mmio_read(&rig.guest.mmio, VIRTIO_MMIO_CONFIG + 12, 4), 0);
	assert_int_equal(anvil_mmio_read(&rig.guest.mmio, VIRTIO_MMIO_CONFIG + 24, 4), 0);
}

static void options_say_how_many_pairs(void **state)
{
	static const struct {
		uint16_t pairs;
		bool mq;
		int err;
	} t[] = {
		{ 0, false, 0 }, { 1, false, 0 }, { 2, false, -EINVAL }, { 0, true, 0 },
		{ 1, true, 0 },	 { 31, true, 0 }, { 32, true, -EINVAL }, { 0x8000, true, -EINVAL }
	};
	struct anvil_net_options o = rig.options;
	struct test_nic nic;
	struct anvil_net net;

	(void)state;
	test_nic_init(&nic);
	o.nic = &nic.nic;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		o.features = t[i].mq ? mq() : features(-1);
		o.queue_pairs_max = t[i].pairs;
		assert_int_equal(anvil_net_init(&net, &o), t[i].err);
		if (!t[i].err)
			anvil_net_destroy(&net);
	}
	test_nic_destroy(&nic);
}

/* 5.1.9.5.6.2: between 1 and the maximum, and exactly two bytes */
static void pairs_are_checked(void **state)
{
	uint8_t bytes[3] = { 2, 0, 0 };

	(void)state;
	net_drive(&rig, mq());
	for (unsigned int pairs = 0; pairs < 0x10000; pairs += pairs < 16 ? 1 : 0x1111)
		assert_int_equal(net_set_pairs(&rig, (uint16_t)pairs),
				 pairs >= 1 && pairs <= PAIRS ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
	for (uint32_t len = 0; len <= 3; len++)
		assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_MQ, 0, bytes, len),
				 len == 2 ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
	net_drive(&rig, features(VIRTIO_NET_F_CTRL_VQ, -1));
	assert_int_equal(net_set_pairs(&rig, 1), VIRTIO_NET_ERR);
}

/* 5.1.9.5.6.2: after a reset, and again with one pair, receiveq1 alone */
static void one_pair_is_the_default(void **state)
{
	uint8_t frame[NET_FRAME];

	(void)state;
	net_drive(&rig, mq());
	offer_all();
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int flow = 0; flow < 40; flow++) {
			net_tcp4(frame, flow, 1, 1000 + flow, 80);
			assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, NULL), 0);
		}
		assert_int_equal(net_set_pairs(&rig, PAIRS), VIRTIO_NET_OK);
		if (round == 0) {
			assert_int_equal(net_set_pairs(&rig, 1), VIRTIO_NET_OK);
		} else {
			net_drive(&rig, mq());
			offer_all();
		}
	}
}

/* 5.1.9.5.6: a flow comes back on the pair that it was last sent on, in the other direction */
static void flows_follow_what_was_sent(void **state)
{
	static const uint8_t header[12];
	uint8_t out[NET_FRAME];
	uint8_t in[NET_FRAME];

	(void)state;
	net_drive(&rig, mq());
	offer_all();
	assert_int_equal(net_set_pairs(&rig, PAIRS), VIRTIO_NET_OK);
	for (unsigned int i = 0; i < 60; i++) {
		unsigned int pair = i * 7 % PAIRS;

		net_tcp4(out, 0x0a000001, 0x0a000002 + i % 20, 4000 + i % 20, 443);
		net_tcp4(in, 0x0a000002 + i % 20, 0x0a000001, 443, 4000 + i % 20);
		assert_true(net_send(&rig, pair, header, 12, out, NET_FRAME));
		assert_int_equal(net_arrives_at(&rig, in, NET_FRAME, NULL), pair);
	}
	/* fewer pairs: not those that are gone */
	assert_int_equal(net_set_pairs(&rig, 2), VIRTIO_NET_OK);
	for (unsigned int i = 0; i < 20; i++) {
		net_tcp4(in, 0x0a000002 + i, 0x0a000001, 443, 4000 + i);
		assert_in_range(net_arrives_at(&rig, in, NET_FRAME, NULL), 0, 1);
	}
	/* what is not IP goes to the first */
	net_eth(in, 0x88b5);
	assert_int_equal(net_arrives_at(&rig, in, NET_FRAME, NULL), 0);
}

static void other_flows_are_spread(void **state)
{
	unsigned int seen[PAIRS] = { 0 };
	uint8_t frame[NET_FRAME];

	(void)state;
	net_drive(&rig, mq());
	offer_all();
	assert_int_equal(net_set_pairs(&rig, PAIRS), VIRTIO_NET_OK);
	for (unsigned int i = 0; i < 200; i++) {
		net_tcp4(frame, 0x0a000000 + i, 0x0a000001, 1024 + i, 80);
		seen[net_arrives_at(&rig, frame, NET_FRAME, NULL)]++;
	}
	for (unsigned int pair = 0; pair < PAIRS; pair++)
		assert_true(seen[pair] > 20);
}

/* 5.1.9.5.6.2, 2.6.1: another queue while one is reset, and none when all are */
static void reset_of_one_queue_leaves_the_others_alone(void **state)
{
	uint8_t frame[NET_FRAME];

	(void)state;
	net_drive(&rig, mq());
	offer_all();
	assert_int_equal(net_set_pairs(&rig, 2), VIRTIO_NET_OK);
	net_eth(frame, 0x88b5);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, NULL), 0);
	reg_write(&rig.guest, VIRTIO_MMIO_QUEUE_SEL, 0);
	reg_write(&rig.guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, NULL), 1);
	reg_write(&rig.guest, VIRTIO_MMIO_QUEUE_SEL, 2);
	reg_write(&rig.guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, NULL), -1);
	ring_init(&rig.guest.ring[0], &rig.guest.ram, RAM_HIGH, NET_QUEUE);
	assert_true(guest_start_queue(&rig.guest, 0));
	net_offer(&rig, 0);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, NULL), 0);
}

static void frame_without_buffers_holds_up_no_other_queue(void **state)
{
	uint8_t frame[NET_FRAME];

	(void)state;
	net_drive(&rig, mq());
	net_eth(frame, 0x88b5);
	assert_int_equal(net_receive(&rig, frame, NET_FRAME, NULL), -EAGAIN);
	assert_int_equal(rig.nic.receivables, 0);
	/* the nic waits for receiveq1 no longer */
	assert_int_equal(net_set_pairs(&rig, PAIRS), VIRTIO_NET_OK);
	assert_int_equal(rig.nic.receivables, 1);
	assert_int_equal(net_receive(&rig, frame, NET_FRAME, NULL), 0);
}

/* Each queue that waits for the nic has its turn, though there is room for one frame at a time. */
static void blocked_queues_take_turns(void **state)
{
	static const uint8_t zero[12 + 60];
	unsigned int sent[3] = { 0 };
	uint16_t before[3];

	(void)state;
	net_drive(&rig, mq());
	ram_put(&rig.guest.ram, NET_TX_AT, zero, sizeof(zero));
	rig.nic.verdict = -EAGAIN;
	for (unsigned int pair = 0; pair < 3; pair++) {
		struct buffer b = { NET_TX_AT, sizeof(zero), 0 };

		for (unsigned int i = 0; i < 8; i++)
			ring_chain(&rig.guest.ring[2 * pair + 1], &b, 1);
		guest_notify(&rig.guest, 2 * pair + 1);
	}
	for (unsigned int round = 0; round < 6; round++) {
		unsigned int moved = 0;

		for (unsigned int pair = 0; pair < 3; pair++)
			before[pair] = ring_published(&rig.guest.ring[2 * pair + 1]);
		rig.nic.room = 1;
		rig.nic.nic.sendable(&rig.nic.nic);
		for (unsigned int pair = 0; pair < 3; pair++) {
			if (ring_published(&rig.guest.ring[2 * pair + 1]) == before[pair])
				continue;
			sent[pair]++;
			moved++;
		}
		assert_int_equal(moved, 1);
	}
	for (unsigned int pair = 0; pair < 3; pair++)
		assert_int_equal(sent[pair], 2);
}

/* ---- RSS ---- */

struct rss {
	uint8_t bytes[600];
	uint32_t len;
};

static const uint8_t key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* A command as 5.1.9.5.7.1 says, of any content. */
static struct rss make_rss(uint32_t types, unsigned int mask, unsigned int unclassified,
			   unsigned int entries, unsigned int odd, unsigned int tx,
			   unsigned int key_len)
{
	struct rss r = { .len = 8 };
	uint32_t le = htole32(types);

	memcpy(r.bytes, &le, 4);
	r.bytes[4] = (uint8_t)mask;
	r.bytes[5] = (uint8_t)(mask >> 8);
	r.bytes[6] = (uint8_t)unclassified;
	r.bytes[7] = (uint8_t)(unclassified >> 8);
	for (unsigned int i = 0; i < entries; i++) {
		unsigned int pair = i + 1 == entries ? odd : i % PAIRS;

		r.bytes[r.len++] = (uint8_t)pair;
		r.bytes[r.len++] = (uint8_t)(pair >> 8);
	}
	r.bytes[r.len++] = (uint8_t)tx;
	r.bytes[r.len++] = (uint8_t)(tx >> 8);
	r.bytes[r.len++] = (uint8_t)key_len;
	for (unsigned int i = 0; i < key_len; i++)
		r.bytes[r.len++] = key[i % 40];
	return r;
}

static uint8_t send_rss(struct rss r)
{
	return net_command(&rig, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, r.bytes, r.len);
}

/* 5.1.9.5.7.1: everything about it is checked, and a command that is refused changes nothing */
static void rss_configurations_are_checked(void **state)
{
	static const struct {
		const char *what;
		bool fine;
		uint32_t types;
		unsigned int mask, unclassified, entries, odd, tx, key;
	} t[] = {
		{ "common", true, 0x1ff, 127, 0, 128, 3, 4, 40 },
		{ "one entry", true, 0x1ff, 0, 3, 1, 0, 1, 40 },
		{ "short key", true, 0x1ff, 7, 0, 8, 0, 1, 1 },
		{ "no hash, no key", true, 0, 7, 0, 8, 0, 1, 0 },
		{ "no key", false, 1, 7, 0, 8, 0, 1, 0 },
		{ "key too long", false, 0x1ff, 7, 0, 8, 0, 1, 41 },
		{ "unknown type", false, 0x200, 7, 0, 8, 0, 1, 40 },
		{ "unknown high type", false, 0x80000000, 7, 0, 8, 0, 1, 40 },
		{ "table too long", false, 0x1ff, 255, 0, 256, 0, 1, 40 },
		{ "mask wraps", false, 0x1ff, 0xffff, 0, 0, 0, 1, 40 },
		{ "no power of two", false, 0x1ff, 6, 0, 7, 0, 1, 40 },
		{ "no power of two", false, 0x1ff, 126, 0, 127, 0, 1, 40 },
		{ "entry out of range", false, 0x1ff, 7, 0, 8, PAIRS, 1, 40 },
		{ "reserved bit of an entry", false, 0x1ff, 7, 0, 8, 0x8000, 1, 40 },
		{ "unclassified out of range", false, 0x1ff, 7, PAIRS, 8, 0, 1, 40 },
		{ "reserved bit", false, 0x1ff, 7, 0x8000, 8, 0, 1, 40 },
		{ "no transmit queue", false, 0x1ff, 7, 0, 8, 0, 0, 40 },
		{ "too many of them", false, 0x1ff, 7, 0, 8, 0, PAIRS + 1, 40 },
		{ "table shorter than its mask", false, 0x1ff, 7, 0, 4, 0, 1, 40 },
		{ "table longer than its mask", false, 0x1ff, 7, 0, 9, 0, 1, 40 },
	};
	struct rss r;

	(void)state;
	net_drive(&rig, many());
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		r = make_rss(t[i].types, t[i].mask, t[i].unclassified, t[i].entries, t[i].odd,
			     t[i].tx, t[i].key);
		if (send_rss(r) != (t[i].fine ? VIRTIO_NET_OK : VIRTIO_NET_ERR))
			fail_msg("%s", t[i].what);
	}
	r = make_rss(0x1ff, 7, 0, 8, 0, 1, 40);
	for (uint32_t len = 0; len < r.len; len++)
		assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_MQ, 1, r.bytes, len),
				 VIRTIO_NET_ERR);
	/* padding behind it, which Linux 6.12.95 sends */
	assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_MQ, 1, r.bytes, r.len + 1),
			 VIRTIO_NET_OK);
	net_drive(&rig, mq());
	assert_int_equal(send_rss(r), VIRTIO_NET_ERR);
}

/* 5.1.9.5.7.2 with Microsoft's examples: 161.142.100.80:1766 <- 66.9.149.187:2794 is 0x51ccc178 */
static void rss_chooses_by_the_table(void **state)
{
	uint8_t frame[NET_FRAME];
	uint8_t plain[NET_FRAME];

	(void)state;
	net_drive(&rig, many());
	for (unsigned int pair = 0; pair < PAIRS; pair++)
		net_offer(&rig, pair);
	net_tcp4(frame, 0x420995bb, 0xa18e6450, 2794, 1766);
	net_eth(plain, 0x88b5);
	assert_int_equal(send_rss(make_rss(0x1ff, 127, 2, 128, 3, 4, 40)), VIRTIO_NET_OK);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, NULL), (0x51ccc178 & 127) % PAIRS);
	assert_memory_equal(rig.header + 12, "\x78\xc1\xcc\x51\x02\x00\x00\x00", 8);
	assert_int_equal(net_arrives_at(&rig, plain, NET_FRAME, NULL), 2);
	assert_memory_equal(rig.header + 12, "\0\0\0\0\0\0\0\0", 8);
	/* by addresses alone: 0x323e8fc2 */
	assert_int_equal(send_rss(make_rss(1, 127, 2, 128, 3, 4, 40)), VIRTIO_NET_OK);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, NULL), (0x323e8fc2 & 127) % PAIRS);
	assert_memory_equal(rig.header + 12, "\xc2\x8f\x3e\x32\x01\x00", 6);
	/* a queue that is reset: dropped */
	reg_write(&rig.guest, VIRTIO_MMIO_QUEUE_SEL, 4);
	reg_write(&rig.guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(net_arrives_at(&rig, plain, NET_FRAME, NULL), -1);
	/* the last command decides */
	assert_int_equal(net_set_pairs(&rig, 1), VIRTIO_NET_OK);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, NULL), 0);
}

/* 5.1.9.5.8 */
static void rss_contexts_come_and_go(void **state)
{
	struct rss r = make_rss(0x1ff, 7, 0, 8, 0, 1, 40);
	uint8_t data[700] = { 1 };
	uint8_t cap[2];
	uint8_t ack;

	(void)state;
	memcpy(data + 8, r.bytes, r.len);
	net_drive(&rig, many());
	assert_int_equal(net_ask(&rig, 9, 0, NULL, 0, cap, 2, &ack), 2);
	assert_int_equal(cap[0] | cap[1] << 8, ANVIL_NET_RSS_CONTEXTS);
	assert_int_equal(net_command(&rig, 9, 2, data, 8 + r.len), VIRTIO_NET_ERR);
	assert_int_equal(net_command(&rig, 9, 3, data, 2), VIRTIO_NET_ERR);
	assert_int_equal(net_command(&rig, 9, 1, data, 8 + r.len - 1), VIRTIO_NET_ERR);
	assert_int_equal(net_command(&rig, 9, 1, data, 8 + r.len), VIRTIO_NET_OK);
	assert_int_equal(net_command(&rig, 9, 1, data, 8 + r.len), VIRTIO_NET_ERR);
	data[2] = 0x99; /* reserved: ignored */
	assert_int_equal(net_command(&rig, 9, 2, data, 8 + r.len), VIRTIO_NET_OK);
	assert_int_equal(net_set_pairs(&rig, 2), VIRTIO_NET_ERR);
	assert_int_equal(net_command(&rig, 9, 3, data, 2), VIRTIO_NET_OK);
	assert_int_equal(net_set_pairs(&rig, 2), VIRTIO_NET_OK);
	for (unsigned int id = 0; id < 256; id++) {
		data[0] = (uint8_t)id;
		assert_int_equal(net_command(&rig, 9, 1, data, 8 + r.len),
				 id >= 1 && id <= ANVIL_NET_RSS_CONTEXTS ? VIRTIO_NET_OK
									 : VIRTIO_NET_ERR);
	}
	/* a reset clears them */
	net_drive(&rig, many());
	data[0] = 1;
	assert_int_equal(net_command(&rig, 9, 1, data, 8 + r.len), VIRTIO_NET_OK);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(queues_depend_on_features),
		T(config_space_shows_the_limits),
		T(options_say_how_many_pairs),
		T(pairs_are_checked),
		T(one_pair_is_the_default),
		T(flows_follow_what_was_sent),
		T(other_flows_are_spread),
		T(reset_of_one_queue_leaves_the_others_alone),
		T(frame_without_buffers_holds_up_no_other_queue),
		T(blocked_queues_take_turns),
		T(rss_configurations_are_checked),
		T(rss_chooses_by_the_table),
		T(rss_contexts_come_and_go),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
