/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_blk.h: requests in flight when their device or queue is reset (2.4, 2.6.1). */
#include "blk_fixture.h"

static void late_completions_after_a_reset_touch_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t sum;

	f->disk.defer = true;
	for (unsigned int i = 0; i < 5; i++)
		offer_read(f, i);
	guest_notify(&f->guest, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(f->disk.cancels, SLOTS);
	assert_false(anvil_blk_idle(&f->blk));
	sum = ram_sum(&f->guest.ram);
	ram_watch(&f->guest.ram);
	for (unsigned int i = 0; i < SLOTS; i++)
		test_disk_finish(&f->disk, 0, i == 1 ? -EIO : 0);
	assert_int_equal(f->disk.pendings, 0);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
	assert_int_equal(ram_sum(&f->guest.ram), sum);
	assert_false(f->guest.irq);
	assert_true(anvil_blk_idle(&f->blk));
}

static void second_reset_does_not_cancel_again(void **state)
{
	struct fixture *f = *state;

	f->disk.defer = true;
	offer_read(f, 0);
	guest_notify(&f->guest, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(f->disk.cancels, 1);
	test_disk_finish(&f->disk, 0, 0);
}

static void cancel_may_finish_the_request_at_once(void **state)
{
	struct fixture *f = *state;

	f->disk.defer = true;
	f->disk.cancel_finishes = true;
	for (unsigned int i = 0; i < 5; i++)
		offer_read(f, i);
	guest_notify(&f->guest, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(f->disk.logs, SLOTS); /* those in the ring were not taken */
	assert_true(anvil_blk_idle(&f->blk));
	ring_expect_none(&f->guest.ring[0]);
}

static void cancel_may_be_missing(void **state)
{
	struct fixture *f = *state;
	struct anvil_disk_ops ops = *f->disk.disk.ops;

	ops.cancel = NULL;
	f->disk.disk.ops = &ops;
	f->disk.defer = true;
	offer_read(f, 0);
	guest_notify(&f->guest, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	test_disk_finish(&f->disk, 0, 0);
	ring_expect_none(&f->guest.ring[0]);
}

static void queue_reset_cancels_and_the_queue_works_again(void **state)
{
	struct fixture *f = *state;
	uint16_t head;

	f->disk.defer = true;
	offer_read(f, 0);
	offer_read(f, 1);
	guest_notify(&f->guest, 0);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(f->disk.cancels, 2);
	ram_watch(&f->guest.ram);
	test_disk_finish(&f->disk, 0, 0);
	test_disk_finish(&f->disk, 0, 0);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);

	ring_init(&f->guest.ring[0], &f->guest.ram, RAM_HIGH, QUEUE);
	assert_true(guest_start_queue(&f->guest, 0));
	head = offer_read(f, 2);
	guest_notify(&f->guest, 0);
	test_disk_finish(&f->disk, 0, 0);
	expect_read(f, 2, head);
}

/* A disk that finishes everything when one request is cancelled, while the queue still stands. */
static void stopping_queue_is_not_touched_by_other_completions(void **state)
{
	struct fixture *f = *state;

	f->disk.defer = true;
	f->disk.cancel_finishes_all = true;
	for (unsigned int i = 0; i < 5; i++)
		offer_read(f, i);
	guest_notify(&f->guest, 0);
	ram_watch(&f->guest.ram);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
	assert_int_equal(f->disk.logs, SLOTS);
	assert_int_equal(f->disk.pendings, 0);
	ring_expect_none(&f->guest.ring[0]);
}

static void cancelled_request_takes_no_further_step(void **state)
{
	static const struct virtio_blk_range range[] = { { 0, 1, 0 }, { 1, 1, 0 } };
	struct fixture *f = *state;
	struct request r = ranges(T_ZERO, range, 2);

	f->disk.defer = true;
	for (unsigned int broken = 0; broken < 2; broken++) {
		guest_drive(&f->guest, usual(), 1, QUEUE);
		f->disk.logs = 0;
		offer(f, &r);
		guest_notify(&f->guest, 0);
		if (broken)
			anvil_device_break(&f->blk.dev, 0, -EPROTO);
		else
			reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
		test_disk_finish(&f->disk, 0, 0);
		assert_int_equal(f->disk.logs, 1);
		assert_true(anvil_blk_idle(&f->blk));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(late_completions_after_a_reset_touch_nothing),
		TEST(second_reset_does_not_cancel_again),
		TEST(cancel_may_finish_the_request_at_once),
		TEST(cancel_may_be_missing),
		TEST(queue_reset_cancels_and_the_queue_works_again),
		TEST(stopping_queue_is_not_touched_by_other_completions),
		TEST(cancelled_request_takes_no_further_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
