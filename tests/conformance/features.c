/* SPDX-License-Identifier: BSD-3-Clause */
/* Feature bits: what is offered, what requires what, and what is accepted (2.2, 6). */
#include "array_size.h"
#include "bench.h"

#define MOST_FEATURES 128u

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* 5.1.3.1 and 5.2.5.2: `feature` requires one of `any` and all of `all`, which end at -1 */
static const struct rule {
	bool is_blk;
	int feature;
	int any[3];
	int all[5];
} rule[] = {
	{ false, 7, { 1, -1 }, { -1 } },	     /* GUEST_TSO4: GUEST_CSUM */
	{ false, 8, { 1, -1 }, { -1 } },	     /* GUEST_TSO6: GUEST_CSUM */
	{ false, 9, { 7, 8, -1 }, { -1 } },	     /* GUEST_ECN: GUEST_TSO4 or 6 */
	{ false, 10, { 1, -1 }, { -1 } },	     /* GUEST_UFO: GUEST_CSUM */
	{ false, 54, { 1, -1 }, { -1 } },	     /* GUEST_USO4: GUEST_CSUM */
	{ false, 55, { 1, -1 }, { -1 } },	     /* GUEST_USO6: GUEST_CSUM */
	{ false, 65, { -1 }, { 7, 8, 54, 55, -1 } }, /* GUEST_UDP_TUNNEL_GSO */
	{ false, 66, { 65, -1 }, { -1 } },	     /* GUEST_UDP_TUNNEL_GSO_CSUM */
	{ false, 11, { 0, -1 }, { -1 } },	     /* HOST_TSO4: CSUM */
	{ false, 12, { 0, -1 }, { -1 } },	     /* HOST_TSO6: CSUM */
	{ false, 13, { 11, 12, -1 }, { -1 } },	     /* HOST_ECN: HOST_TSO4 or 6 */
	{ false, 14, { 0, -1 }, { -1 } },	     /* HOST_UFO: CSUM */
	{ false, 56, { 0, -1 }, { -1 } },	     /* HOST_USO: CSUM */
	{ false, 67, { -1 }, { 11, 12, 56, -1 } },   /* HOST_UDP_TUNNEL_GSO */
	{ false, 68, { 67, -1 }, { -1 } },	     /* HOST_UDP_TUNNEL_GSO_CSUM */
	{ false, 18, { 17, -1 }, { -1 } },	     /* CTRL_RX: CTRL_VQ */
	{ false, 19, { 17, -1 }, { -1 } },	     /* CTRL_VLAN: CTRL_VQ */
	{ false, 20, { 17, -1 }, { -1 } },	     /* CTRL_RX_EXTRA: CTRL_VQ (5.1.4.1, 5.1.4.2) */
	{ false, 21, { 17, -1 }, { -1 } },	     /* GUEST_ANNOUNCE: CTRL_VQ */
	{ false, 22, { 17, -1 }, { -1 } },	     /* MQ: CTRL_VQ */
	{ false, 23, { 17, -1 }, { -1 } },	     /* CTRL_MAC_ADDR: CTRL_VQ */
	{ false, 53, { 17, -1 }, { -1 } },	     /* NOTF_COAL: CTRL_VQ */
	{ false, 57, { 17, -1 }, { -1 } },	     /* HASH_REPORT: CTRL_VQ (5.1.4.1, 5.1.4.2) */
	{ false, 61, { 11, 12, -1 }, { -1 } },	     /* RSC_EXT: HOST_TSO4 or 6 */
	{ false, 60, { 17, -1 }, { -1 } },	     /* RSS: CTRL_VQ */
	{ false, 52, { 17, -1 }, { -1 } },	     /* VQ_NOTF_COAL: CTRL_VQ */
	{ false, 51, { 57, 60, -1 }, { 17, -1 } },   /* HASH_TUNNEL */
	{ false, 64, { -1 }, { 17, 60, -1 } },	     /* RSS_CONTEXT */
	{ true, 11, { 9, -1 }, { -1 } }, /* CONFIG_WCE: FLUSH, of what is offered alone */
};

static bool has(const struct anvil_features *set, int bit)
{
	return anvil_features_has(set, (unsigned int)bit);
}

static bool rule_holds(const struct rule *r, const struct anvil_features *set)
{
	bool any = r->any[0] < 0;

	if (!has(set, r->feature))
		return true;
	for (const int *bit = r->any; *bit >= 0; bit++)
		any |= has(set, *bit);
	for (const int *bit = r->all; *bit >= 0; bit++)
		any &= has(set, *bit);
	return any;
}

static bool rules_hold(const struct bench *b, const struct anvil_features *set)
{
	for (size_t i = 0; i < ARRAY_SIZE(rule); i++) {
		if (rule[i].is_blk == b->is_blk && !rule_holds(&rule[i], set))
			return false;
	}
	return true;
}

/* What the driver reads as offered. */
static struct anvil_features read_offered(struct bench *b)
{
	struct anvil_features set = { { 0 } };

	for (uint32_t sel = 0; sel < 4; sel++) {
		reg_write(&b->guest, VIRTIO_MMIO_DEVICE_FEATURES_SEL, sel);
		set.word[sel / 2] |= (uint64_t)reg_read(&b->guest, VIRTIO_MMIO_DEVICE_FEATURES)
				     << sel % 2 * 32;
	}
	return set;
}

static struct anvil_features random_subset(const struct anvil_features *of, uint32_t *seed)
{
	struct anvil_features set = { { 0 } };
	uint32_t density = next_random(seed) % 8;

	for (int bit = 0; bit < (int)MOST_FEATURES; bit++) {
		if (has(of, bit) && next_random(seed) % 8 <= density)
			anvil_features_add(&set, (unsigned int)bit);
	}
	return set;
}

static bool init_takes(struct bench *b, struct anvil_features set, struct anvil_features *offered)
{
	bool taken;

	if (b->is_blk) {
		struct anvil_blk_options o = b->blk_options;
		struct anvil_blk blk;

		o.features = set;
		taken = anvil_blk_init(&blk, &o) == 0;
		if (taken) {
			*offered = blk.dev.offered;
			anvil_blk_destroy(&blk);
		}
	} else {
		struct anvil_net_options o = b->net_options;
		struct anvil_net net;
		struct test_nic nic;

		test_nic_init(&nic);
		o.nic = &nic.nic;
		o.features = set;
		taken = anvil_net_init(&net, &o) == 0;
		if (taken) {
			*offered = net.dev.offered;
			anvil_net_destroy(&net);
		}
	}
	return taken;
}

static void offered_features_come_with_what_they_require(void **state)
{
	struct bench *b = *state;
	struct anvil_features all = bench_features(b);
	struct anvil_features offered = read_offered(b);
	unsigned int taken = 0;
	uint32_t seed = 1;

	assert_true(rules_hold(b, &offered));
	for (unsigned int i = 0; i < 2000; i++) {
		if (init_takes(b, random_subset(&all, &seed), &offered)) {
			assert_true(rules_hold(b, &offered));
			taken++;
		}
	}
	assert_true(taken > 100);
	for (size_t i = 0; i < ARRAY_SIZE(rule); i++) {
		if (rule[i].is_blk == b->is_blk)
			assert_false(init_takes(b, features(rule[i].feature, -1), &offered));
	}
}

static void every_valid_subset_is_accepted_and_accepted_again(void **state)
{
	struct bench *b = *state;
	struct anvil_features offered = read_offered(b);
	unsigned int valid = 0;
	uint32_t seed = 2;

	for (unsigned int i = 0; i < 3000; i++) {
		struct anvil_features set = random_subset(&offered, &seed);

		/* CONFIG_WCE without FLUSH is the driver's to choose (5.2.5.2) */
		if (!b->is_blk && !rules_hold(b, &set))
			continue;
		valid++;
		for (unsigned int times = 0; times < 3; times++) {
			reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
			assert_true(guest_negotiate(&b->guest, set));
			if (times == 1)
				reg_write(&b->guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK);
		}
	}
	assert_true(valid > 50);
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(guest_negotiate(&b->guest, offered));
}

static void refused(struct bench *b, struct anvil_features set)
{
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
	assert_false(guest_negotiate(&b->guest, set));
	assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER);
}

static void other_features_are_refused(void **state)
{
	struct bench *b = *state;
	struct anvil_features offered = read_offered(b);

	for (int bit = 0; bit < (int)MOST_FEATURES; bit++) {
		if (!has(&offered, bit))
			refused(b, features(bit, -1));
	}
	for (size_t i = 0; i < ARRAY_SIZE(rule); i++) {
		if (!b->is_blk && !rule[i].is_blk && has(&offered, rule[i].feature))
			refused(b, features(rule[i].feature, -1));
	}
}

/* Bits that mean something to these devices on MMIO and that they may be asked to offer. */
static const int transport_bits[] = { 28, 29, 34, 35, 36, 38, 40, 43, -1 };
static const int blk_bits[] = { 1, 2, 4, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, -1 };
static const int net_bits[] = { 0,  1,	2,  3,	5,  7,	8,  9,	10, 11, 12, 13, 14, 15,
				16, 17, 18, 19, 20, 21, 22, 23, 50, 51, 52, 53, 54, 55,
				56, 57, 59, 60, 63, 64, 65, 66, 67, 68, 69, -1 };

static bool listed(const int *list, int bit)
{
	while (*list >= 0 && *list != bit)
		list++;
	return *list >= 0;
}

static void nothing_else_can_be_offered(void **state)
{
	struct bench *b = *state;
	struct anvil_features offered = read_offered(b);

	for (int bit = 0; bit < (int)MOST_FEATURES; bit++) {
		struct anvil_features with = bench_features(b);

		if (listed(transport_bits, bit) || listed(b->is_blk ? blk_bits : net_bits, bit) ||
		    bit == VIRTIO_F_VERSION_1)
			continue;
		assert_false(has(&offered, bit));
		anvil_features_add(&with, (unsigned int)bit);
		if (init_takes(b, with, &offered))
			fail_msg("bit %d can be offered", bit);
	}
}

static void version_1_is_offered(void **state)
{
	struct bench *b = *state;
	struct anvil_features offered = read_offered(b);

	assert_true(has(&offered, VIRTIO_F_VERSION_1));
	assert_true(init_takes(b, features(-1), &offered));
	assert_true(has(&offered, VIRTIO_F_VERSION_1));
}

#define SR_IOV 37

static void sr_iov_is_not_offered(void **state)
{
	struct bench *b = *state;
	struct anvil_features offered = read_offered(b);

	assert_false(has(&offered, SR_IOV));
	assert_false(init_takes(b, features(SR_IOV, -1), &offered));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH("2.2.2/1", offered_features_come_with_what_they_require),
		BOTH("2.2.2/2 2.2.2/5", every_valid_subset_is_accepted_and_accepted_again),
		BOTH("2.2.2/3", other_features_are_refused),
		BOTH("2.2.2/4", nothing_else_can_be_offered),
		BOTH("6.2/1", version_1_is_offered),
		BOTH("6.2/10", sr_iov_is_not_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
