/* SPDX-License-Identifier: BSD-3-Clause */
/* Basic facilities: status, configuration space, shared memory (2), SUSPEND not on offer (3.4). */
#include "array_size.h"
#include "bench.h"

/* ---- 2.1 ---- */

static void nothing_is_taken_or_sent_before_driver_ok(void **state)
{
	struct bench *b = *state;
	static const uint32_t step[] = { UP_TO_ACKNOWLEDGE, UP_TO_DRIVER };

	bench_watch(b);
	bench_poke(b);
	for (size_t i = 0; i < ARRAY_SIZE(step); i++) {
		reg_write(&b->guest, VIRTIO_MMIO_STATUS, step[i]);
		bench_poke(b);
	}
	assert_int_equal(b->accesses, 0);
	bench_prepare(b, features(-1));
	bench_offer(b);
	if (!b->is_blk)
		net_offer(b, NET_RX_AT, 2048);
	bench_poke(b);
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
		BOTH("2.5.2/1", config_is_readable_before_features_ok),
		BOTH("2.10.2/1", there_is_no_shared_memory),
		BOTH("3.4.2/1", suspend_is_ignored_before_driver_ok),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
