/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_blk.h: requests in flight: their order, slots to wait for, a device that breaks. */
#include "array_size.h"
#include "blk_fixture.h"

/* ---- requests in flight ---- */

static void requests_complete_in_the_order_of_the_disk(void **state)
{
	static const unsigned int order[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
						 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct fixture *f = *state;

	f->disk.defer = true;
	for (size_t o = 0; o < ARRAY_SIZE(order); o++) {
		struct anvil_disk_request *request[3];
		uint16_t head[3];

		for (unsigned int i = 0; i < 3; i++)
			head[i] = offer_read(f, i);
		guest_notify(&f->guest, 0);
		assert_int_equal(f->disk.pendings, 3);
		assert_false(anvil_blk_idle(&f->blk));
		ring_expect_none(&f->guest.ring[0]);
		memcpy(request, f->disk.pending, sizeof(request));
		for (unsigned int n = 0; n < 3; n++) {
			unsigned int at = 0;

			while (f->disk.pending[at] != request[order[o][n]])
				at++;
			test_disk_finish(&f->disk, at, 0);
			expect_read(f, order[o][n], head[order[o][n]]);
			ring_expect_none(&f->guest.ring[0]);
			assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_USED);
		}
		assert_true(anvil_blk_idle(&f->blk));
		f->disk.logs = 0;
	}
}

/* 6, 2.7.9: with IN_ORDER the driver hears of requests as it made them, whatever the disk does */
static void in_order_requests_complete_as_they_were_made(void **state)
{
	static const unsigned int order[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
						 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct fixture *f = *state;

	guest_drive(&f->guest, features(VIRTIO_BLK_F_FLUSH, VIRTIO_F_IN_ORDER, -1), 1, QUEUE);
	f->disk.defer = true;
	for (size_t o = 0; o < ARRAY_SIZE(order); o++) {
		struct anvil_disk_request *request[3];
		bool done[3] = { 0 };
		uint16_t head[3];
		unsigned int next = 0;

		for (unsigned int i = 0; i < 3; i++)
			head[i] = offer_read(f, i);
		guest_notify(&f->guest, 0);
		memcpy(request, f->disk.pending, sizeof(request));
		for (unsigned int n = 0; n < 3; n++) {
			unsigned int at = 0;

			while (f->disk.pending[at] != request[order[o][n]])
				at++;
			test_disk_finish(&f->disk, at, 0);
			done[order[o][n]] = true;
			for (; next < 3 && done[next]; next++)
				expect_read(f, next, head[next]);
			ring_expect_none(&f->guest.ring[0]);
		}
		f->disk.logs = 0;
	}
}

static void requests_wait_in_the_ring_for_a_slot(void **state)
{
	struct fixture *f = *state;
	uint16_t head[8];

	f->disk.defer = true;
	for (unsigned int i = 0; i < 8; i++)
		head[i] = offer_read(f, i);
	guest_notify(&f->guest, 0);
	guest_notify(&f->guest, 0);
	assert_int_equal(f->disk.pendings, SLOTS);
	/* no further notification is needed */
	for (unsigned int i = 0; i < 8; i++) {
		test_disk_finish(&f->disk, 0, 0);
		expect_read(f, i, head[i]);
		assert_int_equal(f->disk.pendings, 7 - i < SLOTS ? 7 - i : SLOTS);
	}
	ring_expect_none(&f->guest.ring[0]);
	assert_int_equal(f->disk.logs, 8);
	/* and afterwards notifications are wanted again */
	assert_int_equal(ram_get16(&f->guest.ram, f->guest.ring[0].used), 0);
}

static void slot_freed_inside_submit_is_used_again_at_once(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 20; i++)
		offer_read(f, i);
	guest_notify(&f->guest, 0);
	assert_int_equal(ring_published(&f->guest.ring[0]), 20);
}

/* ---- a broken or failed driver ---- */

static void completions_of_a_broken_or_failed_device_touch_nothing(void **state)
{
	struct fixture *f = *state;

	f->disk.defer = true;
	for (unsigned int failed = 0; failed < 2; failed++) {
		guest_drive(&f->guest, usual(), 1, QUEUE);
		offer_read(f, 0);
		guest_notify(&f->guest, 0);
		if (failed) {
			reg_write(&f->guest, VIRTIO_MMIO_STATUS,
				  UP_TO_DRIVER_OK | VIRTIO_STATUS_FAILED);
		} else {
			ring_offer(&f->guest.ring[0], QUEUE);
			guest_notify(&f->guest, 0);
			assert_int_equal(guest_status(&f->guest), STATUS_BROKEN);
			assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
		}
		ram_watch(&f->guest.ram);
		test_disk_finish(&f->disk, 0, 0);
		guest_notify(&f->guest, 0);
		assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
		assert_false(f->guest.irq);
	}
}

static void requests_before_the_broken_one_are_answered(void **state)
{
	struct fixture *f = *state;
	uint16_t head = offer_read(f, 0);

	ring_offer(&f->guest.ring[0], QUEUE);
	guest_notify(&f->guest, 0);
	expect_read(f, 0, head);
	ring_expect_none(&f->guest.ring[0]);
	assert_int_equal(guest_status(&f->guest), STATUS_BROKEN);
	assert_int_equal(f->guest.refusals, 1);
	assert_int_equal(f->guest.refused_queue, 0);
	assert_int_equal(f->guest.refused_err, -EPROTO);
	assert_int_equal(guest_take_interrupts(&f->guest),
			 VIRTIO_INTERRUPT_USED | VIRTIO_INTERRUPT_CONFIG);
	/* and a reset heals it */
	guest_drive(&f->guest, usual(), 1, QUEUE);
	head = offer_read(f, 1);
	guest_notify(&f->guest, 0);
	expect_read(f, 1, head);
}

static void nothing_is_taken_before_driver_ok(void **state)
{
	struct fixture *f = *state;

	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(guest_negotiate(&f->guest, usual()));
	ring_init(&f->guest.ring[0], &f->guest.ram, RAM_HIGH, QUEUE);
	assert_true(guest_start_queue(&f->guest, 0));
	offer_read(f, 0);
	ram_watch(&f->guest.ram);
	guest_notify(&f->guest, 0);
	anvil_mmio_poll(&f->guest.mmio);
	assert_int_equal(f->guest.ram.fetches, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK);
	guest_notify(&f->guest, 0);
	expect_read(f, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_complete_in_the_order_of_the_disk),
		TEST(in_order_requests_complete_as_they_were_made),
		TEST(requests_wait_in_the_ring_for_a_slot),
		TEST(slot_freed_inside_submit_is_used_again_at_once),
		TEST(completions_of_a_broken_or_failed_device_touch_nothing),
		TEST(requests_before_the_broken_one_are_answered),
		TEST(nothing_is_taken_before_driver_ok),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
