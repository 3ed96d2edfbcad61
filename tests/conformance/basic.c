/* SPDX-License-Identifier: BSD-3-Clause */
/* Basic facilities: status, features, reset, configuration space, queue reset, shared memory (2,
 * 6).
 */
#include "array_size.h"
#include "bench.h"

#define MOST_FEATURES 128u

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* ---- 2.1 ---- */

static void poke(struct bench *b)
{
	static const struct anvil_nic_offload none;

	for (uint32_t queue = 0; queue < 4; queue++)
		guest_notify(&b->guest, queue);
	anvil_mmio_poll(&b->guest.mmio);
	if (!b->is_blk)
		net_receive(b, net_frame(net_broadcast, 60), 60, none);
}

static void nothing_is_taken_or_sent_before_driver_ok(void **state)
{
	struct bench *b = *state;
	static const uint32_t step[] = { UP_TO_ACKNOWLEDGE, UP_TO_DRIVER };

	bench_watch(b);
	poke(b);
	for (size_t i = 0; i < ARRAY_SIZE(step); i++) {
		reg_write(&b->guest, VIRTIO_MMIO_STATUS, step[i]);
		poke(b);
	}
	assert_int_equal(b->accesses, 0);
	bench_prepare(b, features(-1));
	bench_offer(b);
	if (!b->is_blk)
		net_offer(b, NET_RX_AT, 2048);
	poke(b);
	assert_int_equal(guest_status(&b->guest), UP_TO_FEATURES_OK);
	assert_int_equal(b->accesses, 0);
	assert_int_equal(b->guest.irq_edges, 0);
	assert_int_equal(bench_host_requests(b), 0);
	/* and then it is */
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK);
	guest_notify(&b->guest, b->queue);
	assert_int_equal(bench_host_requests(b), 1);
	ring_expect(bench_ring(b), 0, bench_used_len(b));
}

static void broken_ring_sets_needs_reset_and_tells(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(-1));
	bench_request(b);
	guest_take_interrupts(&b->guest);
	ring_offer(bench_ring(b), BENCH_QUEUE); /* no such descriptor */
	guest_notify(&b->guest, b->queue);
	assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET);
	assert_int_equal(guest_take_interrupts(&b->guest), VIRTIO_INTERRUPT_CONFIG);
	/* a reset is what helps */
	bench_drive(b, features(-1));
	bench_request(b);
}

/* ---- 2.2, 6 ---- */

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

/* ---- 2.4 ---- */

static void reset_clears_status_interrupts_and_queues(void **state)
{
	struct bench *b = *state;

	for (unsigned int broken = 0; broken < 2; broken++) {
		bench_drive(b, bench_features(b));
		bench_offer(b);
		if (broken)
			ring_offer(bench_ring(b), BENCH_QUEUE);
		guest_notify(&b->guest, b->queue);
		assert_int_not_equal(reg_read(&b->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
		assert_int_equal(guest_status(&b->guest), 0);
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		assert_false(b->guest.irq);
		for (unsigned int i = 0; i < bench_queues(b, bench_features(b)); i++) {
			reg_write(&b->guest, VIRTIO_MMIO_QUEUE_SEL, i);
			assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_QUEUE_READY), 0);
		}
	}
}

static void nothing_happens_after_a_reset(void **state)
{
	struct bench *b = *state;
	unsigned int edges;

	b->disk.defer = true;
	b->nic.verdict = -EAGAIN;
	bench_drive(b, features(-1));
	bench_offer(b);
	guest_notify(&b->guest, b->queue);
	assert_int_equal(bench_host_requests(b), 1);
	bench_offer(b);
	if (!b->is_blk)
		net_offer(b, NET_RX_AT, 2048);
	edges = b->guest.irq_edges;
	bench_watch(b);
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
	while (b->disk.pendings)
		test_disk_finish(&b->disk, 0, 0);
	b->nic.verdict = 0;
	if (!b->is_blk)
		b->nic.nic.sendable(&b->nic.nic);
	poke(b);
	assert_int_equal(b->accesses, 0);
	assert_int_equal(b->guest.irq_edges, edges);
	assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	/* a driver that comes later is served */
	b->disk.defer = false;
	bench_drive(b, features(-1));
	bench_request(b);
}

/* ---- 2.5 ---- */

static void read_config(struct bench *b, uint8_t *bytes)
{
	for (uint32_t i = 0; i < ANVIL_MMIO_WINDOW - VIRTIO_MMIO_CONFIG; i++)
		bytes[i] = (uint8_t)anvil_mmio_read(&b->guest.mmio, VIRTIO_MMIO_CONFIG + i, 1);
}

static void config_is_readable_before_features_ok(void **state)
{
	static const uint32_t step[] = { 0, UP_TO_ACKNOWLEDGE, UP_TO_DRIVER, UP_TO_FEATURES_OK,
					 UP_TO_DRIVER_OK };
	static uint8_t bytes[ARRAY_SIZE(step)][ANVIL_MMIO_WINDOW - VIRTIO_MMIO_CONFIG];
	struct bench *b = *state;
	const struct anvil_blk_config *blk = (const struct anvil_blk_config *)bytes[0];
	const struct anvil_net_config *net = (const struct anvil_net_config *)bytes[0];

	for (size_t i = 0; i < ARRAY_SIZE(step); i++) {
		if (step[i] == UP_TO_FEATURES_OK) {
			reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
			assert_true(guest_negotiate(&b->guest, bench_features(b)));
		} else if (step[i]) {
			reg_write(&b->guest, VIRTIO_MMIO_STATUS, step[i]);
		}
		read_config(b, bytes[i]);
		if (b->is_blk) /* it depends on what is accepted */
			bytes[i][offsetof(struct anvil_blk_config, writeback)] = 0;
		assert_memory_equal(bytes[i], bytes[0], sizeof(bytes[0]));
	}
	if (b->is_blk) {
		assert_int_equal(blk->capacity, b->disk.disk.capacity);
		assert_int_equal(blk->size_max, b->blk_options.size_max);
		assert_int_equal(blk->seg_max, b->blk_options.seg_max);
		assert_int_equal(blk->geometry.cylinders, b->blk_options.cylinders);
		assert_int_equal(blk->geometry.heads, b->blk_options.heads);
		assert_int_equal(blk->geometry.sectors, b->blk_options.sectors);
		assert_int_equal(blk->blk_size, b->blk_options.blk_size);
		assert_int_equal(blk->topology.physical_block_exp,
				 b->blk_options.physical_block_exp);
		assert_int_equal(blk->topology.opt_io_size, b->blk_options.opt_io_size);
		assert_int_equal(blk->max_discard_sectors, b->blk_options.range_sectors_max);
		assert_int_equal(blk->max_discard_seg, b->blk_options.range_segments_max);
		assert_int_equal(blk->discard_sector_alignment, 1);
		assert_int_equal(blk->max_write_zeroes_sectors, b->blk_options.range_sectors_max);
		assert_int_equal(blk->max_write_zeroes_seg, b->blk_options.range_segments_max);
	} else {
		assert_memory_equal(net->mac, b->net_options.mac, ANVIL_NIC_MAC_BYTES);
		assert_int_equal(net->status, VIRTIO_NET_S_LINK_UP);
		assert_int_equal(net->mtu, BENCH_MTU);
	}
}

/* ---- 2.6.1 ---- */

static void reset_queue(struct bench *b)
{
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_SEL, b->queue);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
}

static void nothing_happens_for_a_queue_after_its_reset(void **state)
{
	struct bench *b = *state;
	unsigned int edges;

	b->disk.defer = true;
	b->nic.verdict = -EAGAIN;
	bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
	bench_offer(b);
	guest_notify(&b->guest, b->queue);
	edges = b->guest.irq_edges;
	bench_watch(b);
	reset_queue(b);
	while (b->disk.pendings)
		test_disk_finish(&b->disk, 0, 0);
	b->nic.verdict = 0;
	if (!b->is_blk)
		b->nic.nic.sendable(&b->nic.nic);
	bench_offer(b);
	guest_notify(&b->guest, b->queue);
	anvil_mmio_poll(&b->guest.mmio);
	assert_int_equal(b->accesses, 0);
	assert_int_equal(b->guest.irq_edges, edges);
	assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER_OK);
}

/* As a driver waits for the end of a reset, with a disk that cannot cancel: what it still carries
 * out, it does before. */
static void wait_for_reset(struct bench *b, uint32_t reg)
{
	while (reg_read(&b->guest, reg)) {
		assert_true(b->disk.pendings > 0);
		test_disk_finish(&b->disk, 0, 0);
	}
	assert_int_equal(b->disk.pendings, 0);
}

/* What the host finishes late is not for the ring that stands there by then. */
static void requests_of_before_do_not_reach_the_queue_of_after(void **state)
{
	struct bench *b = *state;

	for (unsigned int whole = 0; whole < 2; whole++) {
		unsigned int requests;

		b->disk.defer = true;
		b->nic.verdict = -EAGAIN;
		bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
		bench_offer(b);
		guest_notify(&b->guest, b->queue);
		b->disk.defer = false;
		b->nic.verdict = 0;
		if (whole) {
			reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
			wait_for_reset(b, VIRTIO_MMIO_STATUS);
			bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
		} else {
			reset_queue(b);
			wait_for_reset(b, VIRTIO_MMIO_QUEUE_RESET);
			ring_init(bench_ring(b), &b->guest.ram, RAM_HIGH + 0x6000, BENCH_QUEUE);
			assert_true(guest_start_queue(&b->guest, b->queue));
		}
		bench_request(b);
		guest_take_interrupts(&b->guest);
		requests = bench_host_requests(b);
		bench_watch(b);
		if (!b->is_blk)
			b->nic.nic.sendable(&b->nic.nic);
		anvil_mmio_poll(&b->guest.mmio);
		assert_false(bench_stored(b, 0, UINT64_MAX));
		assert_int_equal(bench_host_requests(b), requests);
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		bench_request(b);
	}
}

static void queue_reset_forgets_all_state(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
	for (unsigned int i = 0; i < 3; i++)
		bench_request(b);
	reset_queue(b);
	/* not what was programmed before, either */
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_QUEUE_READY), 0);
	/* nor what was programmed since */
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_SIZE, BENCH_QUEUE);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_DESC_LOW, RAM_LOW);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_DRIVER_LOW, RAM_LOW + 0x1000);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_DEVICE_LOW, RAM_LOW + 0x2000);
	reset_queue(b);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_QUEUE_READY), 0);
	/* and both indices are 0 again */
	ring_init(bench_ring(b), &b->guest.ram, RAM_HIGH, BENCH_QUEUE);
	assert_true(guest_start_queue(&b->guest, b->queue));
	bench_request(b);
	assert_int_equal(ring_published(bench_ring(b)), 1);
}

static void queue_comes_back_with_new_size_and_addresses(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
	for (uint16_t size = BENCH_QUEUE; size >= 2; size /= 2) {
		reset_queue(b);
		ring_init(bench_ring(b), &b->guest.ram, RAM_HIGH + 0x5000 + 0x100u * size, size);
		assert_true(guest_start_queue(&b->guest, b->queue));
		for (unsigned int i = 0; i < 2u * BENCH_QUEUE; i++)
			bench_request(b);
	}
}

/* ---- 2.10 ---- */

static void there_is_no_shared_memory(void **state)
{
	struct bench *b = *state;

	for (uint32_t i = 0; i < 258; i++) {
		reg_write(&b->guest, VIRTIO_MMIO_SHM_SEL, i < 257 ? i : UINT32_MAX);
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_SHM_LEN_LOW), UINT32_MAX);
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_SHM_LEN_HIGH), UINT32_MAX);
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_SHM_BASE_LOW), UINT32_MAX);
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_SHM_BASE_HIGH), UINT32_MAX);
	}
}

/* ---- 3.4 ---- */

#define SUSPEND 16u

static void suspend_is_ignored_before_driver_ok(void **state)
{
	static const uint32_t step[] = { UP_TO_ACKNOWLEDGE, UP_TO_DRIVER, UP_TO_FEATURES_OK };
	struct bench *b = *state;
	uint32_t before = 0;

	for (size_t i = 0; i < ARRAY_SIZE(step); i++) {
		reg_write(&b->guest, VIRTIO_MMIO_STATUS, SUSPEND);
		reg_write(&b->guest, VIRTIO_MMIO_STATUS, before | SUSPEND);
		assert_int_equal(guest_status(&b->guest), before);
		before = step[i];
		if (before == UP_TO_FEATURES_OK)
			bench_prepare(b, features(-1));
		else
			reg_write(&b->guest, VIRTIO_MMIO_STATUS, before);
		assert_int_equal(guest_status(&b->guest), before);
	}
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, before | SUSPEND);
	assert_int_equal(guest_status(&b->guest), before);
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK);
	bench_request(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH("2.1.2/1", nothing_is_taken_or_sent_before_driver_ok),
		BOTH("2.1.2/2 2.1.2/3", broken_ring_sets_needs_reset_and_tells),
		BOTH("2.2.2/1", offered_features_come_with_what_they_require),
		BOTH("2.2.2/2 2.2.2/5", every_valid_subset_is_accepted_and_accepted_again),
		BOTH("2.2.2/3", other_features_are_refused),
		BOTH("2.2.2/4", nothing_else_can_be_offered),
		BOTH("6.2/1", version_1_is_offered),
		BOTH("6.2/10", sr_iov_is_not_offered),
		BOTH("2.4.1/1 4.2.2.1/5", reset_clears_status_interrupts_and_queues),
		BOTH("2.4.1/2", nothing_happens_after_a_reset),
		BOTH("2.5.2/1", config_is_readable_before_features_ok),
		BOTH("2.6.1.1.1/1", nothing_happens_for_a_queue_after_its_reset),
		BOTH("2.4.1/2 2.6.1.1.1/1 2.6.1.1.1/2",
		     requests_of_before_do_not_reach_the_queue_of_after),
		BOTH("2.6.1.1.1/2", queue_reset_forgets_all_state),
		BOTH("2.6.1.2.1/1", queue_comes_back_with_new_size_and_addresses),
		BOTH("2.10.2/1", there_is_no_shared_memory),
		BOTH("3.4.2/1", suspend_is_ignored_before_driver_ok),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
