/* SPDX-License-Identifier: BSD-3-Clause */
/* Suspending and resuming a device (3.4.2). Skipped by devices that do not offer it. */
#include "bench.h"

#include <endian.h>

#define F_SUSPEND 43
#define SUSPEND	  16u

#define UP_TO_SUSPEND (UP_TO_FEATURES_OK | SUSPEND)

static void set_status(struct bench *b, uint32_t status)
{
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, status);
}

/* A driver that accepts SUSPEND, and `more` unless that is negative; the device works. */
static void start(struct bench *b, int more)
{
	struct anvil_features set = features(F_SUSPEND, more, -1);

	bench_offer_feature(b, F_SUSPEND);
	bench_drive(b, set);
	bench_request(b);
	guest_take_interrupts(&b->guest);
}

static void suspend(struct bench *b)
{
	set_status(b, UP_TO_DRIVER_OK | SUSPEND);
	assert_int_equal(guest_status(&b->guest), UP_TO_SUSPEND);
}

static void resume(struct bench *b)
{
	set_status(b, UP_TO_SUSPEND | VIRTIO_STATUS_DRIVER_OK);
	assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER_OK);
}

static void suspend_is_ignored_before_driver_ok(void **state)
{
	struct bench *b = *state;

	bench_offer_feature(b, F_SUSPEND);
	set_status(b, SUSPEND);
	assert_int_equal(guest_status(&b->guest), 0);
	set_status(b, UP_TO_ACKNOWLEDGE);
	set_status(b, UP_TO_ACKNOWLEDGE | SUSPEND);
	assert_int_equal(guest_status(&b->guest), UP_TO_ACKNOWLEDGE);
	bench_prepare(b, features(F_SUSPEND, -1));
	set_status(b, UP_TO_FEATURES_OK | SUSPEND);
	assert_int_equal(guest_status(&b->guest), UP_TO_FEATURES_OK);
	set_status(b, UP_TO_DRIVER_OK);
	assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER_OK);
	bench_request(b);
}

static void device_suspends_and_resumes(void **state)
{
	struct bench *b = *state;

	start(b, -1);
	for (unsigned int i = 0; i < 20; i++) {
		suspend(b);
		resume(b);
		bench_request(b);
		assert_int_equal(guest_take_interrupts(&b->guest), VIRTIO_INTERRUPT_USED);
	}
	/* a reset ends it, too */
	suspend(b);
	bench_drive(b, features(-1));
	bench_request(b);
}

static void nothing_happens_while_suspended(void **state)
{
	static const struct anvil_nic_offload none;
	struct bench *b = *state;
	unsigned int requests;
	uint16_t head;

	start(b, -1);
	suspend(b);
	requests = bench_host_requests(b);
	bench_watch(b);
	head = bench_offer(b);
	if (b->is_blk)
		requests = 0; /* bench_offer forgets them */
	else
		net_offer(b, NET_RX_AT, 2048);
	for (uint32_t queue = 0; queue < 3; queue++)
		guest_notify(&b->guest, queue);
	anvil_mmio_poll(&b->guest.mmio);
	if (!b->is_blk) {
		net_receive(b, net_frame(net_broadcast, 60), 60, none);
		b->nic.nic.sendable(&b->nic.nic);
	}
	assert_int_equal(b->accesses, 0);
	assert_int_equal(bench_host_requests(b), requests);
	assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_int_equal(guest_status(&b->guest), UP_TO_SUSPEND);
	/* and then it does */
	resume(b);
	anvil_mmio_poll(&b->guest.mmio);
	guest_notify(&b->guest, b->queue);
	ring_expect(bench_ring(b), head, bench_used_len(b));
}

/* Capacity, or the link. */
static uint32_t config_field(struct bench *b)
{
	return (uint32_t)anvil_mmio_read(&b->guest.mmio, VIRTIO_MMIO_CONFIG + (b->is_blk ? 0 : 6),
					 b->is_blk ? 4 : 2);
}

static void change_config(struct bench *b, unsigned int i)
{
	if (b->is_blk) {
		b->disk.disk.capacity = TEST_DISK_SECTORS - 1 - i;
		anvil_blk_resized(&b->blk);
	} else {
		anvil_net_set_link(&b->net, false);
	}
}

static void config_changes_wait_for_resuming(void **state)
{
	struct bench *b = *state;
	uint32_t before;

	start(b, b->is_blk ? -1 : VIRTIO_NET_F_STATUS);
	before = config_field(b);
	suspend(b);
	for (unsigned int i = 0; i < 3; i++) {
		change_config(b, i);
		assert_int_equal(config_field(b), before);
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	}
	resume(b);
	assert_int_equal(config_field(b), b->is_blk ? TEST_DISK_SECTORS - 3 : 0);
	assert_int_equal(guest_take_interrupts(&b->guest) & VIRTIO_INTERRUPT_CONFIG,
			 VIRTIO_INTERRUPT_CONFIG);
	/* nothing is told of that did not change */
	suspend(b);
	resume(b);
	assert_int_equal(guest_take_interrupts(&b->guest) & VIRTIO_INTERRUPT_CONFIG, 0);
}

#define WRITEBACK (VIRTIO_MMIO_CONFIG + offsetof(struct anvil_blk_config, writeback))

static void config_is_not_written_while_suspended(void **state)
{
	struct bench *b = *state;

	start(b, VIRTIO_BLK_F_CONFIG_WCE);
	anvil_mmio_write(&b->guest.mmio, WRITEBACK, 1, 1);
	assert_int_equal(anvil_mmio_read(&b->guest.mmio, WRITEBACK, 1), 1);
	suspend(b);
	anvil_mmio_write(&b->guest.mmio, WRITEBACK, 1, 0);
	assert_int_equal(anvil_mmio_read(&b->guest.mmio, WRITEBACK, 1), 1);
	resume(b);
	assert_int_equal(anvil_mmio_read(&b->guest.mmio, WRITEBACK, 1), 1);
	anvil_mmio_write(&b->guest.mmio, WRITEBACK, 1, 0);
	assert_int_equal(anvil_mmio_read(&b->guest.mmio, WRITEBACK, 1), 0);
}

static void requests_in_flight_are_used_before(void **state)
{
	struct bench *b = *state;
	struct ring *ring = &b->guest.ring[0];
	uint16_t head[3];

	start(b, -1);
	b->disk.defer = true;
	for (unsigned int i = 0; i < 2; i++)
		head[i] = bench_offer(b);
	guest_notify(&b->guest, 0);
	assert_int_equal(b->disk.pendings, 2);
	set_status(b, UP_TO_DRIVER_OK | SUSPEND);
	assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER_OK);
	/* no more is taken */
	head[2] = bench_offer(b);
	guest_notify(&b->guest, 0);
	assert_int_equal(b->disk.pendings, 2);
	test_disk_finish(&b->disk, 0, 0);
	assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER_OK);
	test_disk_finish(&b->disk, 0, 0);
	ring_expect(ring, head[0], ANVIL_DISK_SECTOR_BYTES + 1);
	ring_expect(ring, head[1], ANVIL_DISK_SECTOR_BYTES + 1);
	ring_expect_none(ring);
	assert_int_equal(b->disk.pendings, 0);
	assert_int_equal(guest_take_interrupts(&b->guest), VIRTIO_INTERRUPT_USED);
	assert_int_equal(guest_status(&b->guest), UP_TO_SUSPEND);
	b->disk.defer = false;
	resume(b);
	anvil_mmio_poll(&b->guest.mmio);
	ring_expect(ring, head[2], ANVIL_DISK_SECTOR_BYTES + 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH("3.4.2/1", suspend_is_ignored_before_driver_ok),
		BLK("3.4.2/2", config_is_not_written_while_suspended),
		BOTH("3.4.2/3", nothing_happens_while_suspended),
		BOTH("3.4.2/3 3.4.2/4 3.4.2/5", config_changes_wait_for_resuming),
		BOTH("3.4.2/6 3.4.2/7", device_suspends_and_resumes),
		BLK("3.4.2/8", requests_in_flight_are_used_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
