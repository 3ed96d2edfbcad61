/* SPDX-License-Identifier: BSD-3-Clause */
/* Network devices of several queues: configuration space (5.1.4.1), announcements (5.1.9.5.4.2). */
#include "array_size.h"
#include "net_bench.h"

enum { AT_STATUS = 6, AT_PAIRS = 8, AT_SPEED = 12, AT_DUPLEX = 16, AT_KEY = 17, AT_TABLE = 18 };

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		NET("5.1.4.1/1", max_pairs_are_in_range),
		NET("5.1.4.1/7 5.1.4.1/8", rss_limits_are_large_enough),
		NET("5.1.4.1/10 5.1.4.1/11", speed_and_duplex_are_values_that_there_are),
		NET("5.1.4.1/12", speed_stays_while_the_link_is_up),
		NET("5.1.4.1/13", hash_report_needs_ctrl_vq),
		NET("5.1.9.5.4.2/1", announce_is_cleared_before_its_ack_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
