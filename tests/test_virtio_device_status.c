/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_device.h: a device is created, goes from status to status, breaks, is reset (2.1). */
#include "array_size.h"
#include "device_fixture.h"

/* ---- creation ---- */

static void init_checks_its_arguments(void **state)
{
	static const struct {
		unsigned int queues;
		uint16_t size;
		int result;
	} t[] = {
		{ 0, 8, -EINVAL }, { 1, 8, 0 },	      { 64, 1, 0 },	     { 65, 8, -EINVAL },
		{ 1, 0, -EINVAL }, { 1, 3, -EINVAL }, { 2, 0x8000, 0 },	     { 1, 0x8001, -EINVAL },
		{ 1, 7, -EINVAL }, { 1, 9, -EINVAL }, { 1, 0xffff, -EINVAL }
	};
	struct fixture *f = *state;
	struct anvil_features none = { { 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct anvil_device dev;

		assert_int_equal(anvil_device_init(&dev, f->dev->ops, &f->ram.memory, t[i].queues,
						   t[i].size, &none),
				 t[i].result);
		if (t[i].result)
			continue;
		assert_int_equal(dev.offered.word[0], 1ull << VIRTIO_F_VERSION_1);
		assert_int_equal(dev.offered.word[1], 0);
		assert_int_equal(dev.status, 0);
		anvil_device_destroy(&dev);
	}
}

/* ---- status (2.1, 3.1.1) ---- */

/* What the specification makes of writing `value` when the features are acceptable. */
static uint8_t expected_status(uint8_t from, uint32_t value)
{
	uint8_t broken = from & VIRTIO_STATUS_NEEDS_RESET;
	uint8_t now = from & (uint8_t)~broken;
	uint32_t to = value & ~VIRTIO_STATUS_NEEDS_RESET;

	if (value == 0)
		return 0;
	if (to == (now | VIRTIO_STATUS_FAILED))
		return from | VIRTIO_STATUS_FAILED;
	if ((now == 0 && (to == UP_TO_ACKNOWLEDGE || to == UP_TO_DRIVER)) ||
	    (now == UP_TO_ACKNOWLEDGE && to == UP_TO_DRIVER) ||
	    (now == UP_TO_DRIVER && to == UP_TO_FEATURES_OK) ||
	    (now == UP_TO_FEATURES_OK && to == UP_TO_DRIVER_OK))
		return (uint8_t)to | broken;
	return from;
}

static void status_moves_one_step_at_a_time(void **state)
{
	struct fixture *f = *state;

	for (uint32_t from = 0; from <= UINT8_MAX; from++) {
		for (uint32_t value = 0; value <= UINT8_MAX; value++) {
			f->dev->status = (uint8_t)from;
			f->dev->driver = features(VIRTIO_F_VERSION_1, -1);
			anvil_device_set_status(f->dev, value);
			if (f->dev->status != expected_status((uint8_t)from, value))
				fail_msg("%#x -> %#x: %#x", from, value, f->dev->status);
		}
	}
}

static void status_bits_above_the_byte_are_not_cut_off(void **state)
{
	static const uint32_t high[] = { 0x100, 0x8000, 0x10000, 0x80000000, 0xffffff00 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(high); i++) {
		anvil_device_set_status(f->dev, 0);
		anvil_device_set_status(f->dev, high[i]); /* no reset and no step */
		assert_int_equal(f->dev->status, 0);
		anvil_device_set_status(f->dev, high[i] | UP_TO_ACKNOWLEDGE);
		assert_int_equal(f->dev->status, 0);
		anvil_device_set_status(f->dev, UP_TO_ACKNOWLEDGE);
		anvil_device_set_status(f->dev, high[i]);
		anvil_device_set_status(f->dev, high[i] | UP_TO_ACKNOWLEDGE | VIRTIO_STATUS_FAILED);
		assert_int_equal(f->dev->status, UP_TO_ACKNOWLEDGE);
	}
}

static void driver_cannot_set_or_clear_needs_reset(void **state)
{
	struct fixture *f = *state;

	anvil_device_set_status(f->dev, VIRTIO_STATUS_NEEDS_RESET);
	assert_int_equal(f->dev->status, 0);
	go_live(f, features(-1));
	anvil_device_set_status(f->dev, STATUS_BROKEN);
	assert_int_equal(f->dev->status, UP_TO_DRIVER_OK);
	anvil_device_break(f->dev, 0, -EPROTO);
	anvil_device_set_status(f->dev, UP_TO_DRIVER_OK);
	assert_int_equal(f->dev->status, STATUS_BROKEN);
	anvil_device_set_status(f->dev, UP_TO_DRIVER_OK | VIRTIO_STATUS_FAILED);
	assert_int_equal(f->dev->status, STATUS_BROKEN | VIRTIO_STATUS_FAILED);
	anvil_device_set_status(f->dev, 0);
	assert_int_equal(f->dev->status, 0);
}

/* ---- reset (2.4) ---- */

static void reset_leaves_no_trace(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(FAKE_QUEUE_2, -1));
	program(f, 1); /* programmed, not started */
	anvil_device_defer(f->dev, 0);
	f->fake.resets = 0;
	anvil_device_set_status(f->dev, 0);
	assert_int_equal(f->fake.resets, 1);
	assert_int_equal(f->fake.stopped[0], 1);
	assert_int_equal(f->fake.stopped[1] + f->fake.stopped[2], 0);
	assert_int_equal(f->dev->driver.word[0] | f->dev->driver.word[1], 0);
	assert_false(anvil_device_has(f->dev, FAKE_QUEUE_2));
	for (unsigned int i = 0; i < 3; i++) {
		assert_false(anvil_virtqueue_enabled(&f->dev->queue[i]));
		assert_int_equal(f->dev->queue[i].size, 0);
		assert_int_equal(f->dev->queue[i].desc_area, 0);
	}
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 0);
}

/* ---- breaking (2.1.2) ---- */

static void broken_device_says_so_once_and_rests(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(-1));
	anvil_device_defer(f->dev, 0);
	assert_int_equal(anvil_device_popped(f->dev, 0, 1), ANVIL_SERVED_ONE);
	assert_int_equal(anvil_device_popped(f->dev, 0, 0), ANVIL_SERVED_ALL);
	assert_int_equal(f->dev->status, UP_TO_DRIVER_OK);
	assert_int_equal(anvil_device_popped(f->dev, 0, -EPROTO), ANVIL_SERVED_LATER);
	assert_int_equal(f->dev->status, STATUS_BROKEN);
	assert_int_equal(f->config_interrupts, 1);
	ram_watch(&f->ram);
	anvil_device_poll(f->dev);
	anvil_device_notify(f->dev, 0);
	assert_int_equal(f->fake.notified[0], 0);
	assert_int_equal(f->ram.fetches + f->ram.stores, 0);
	assert_int_equal(f->used_interrupts, 0);
	/* every way of popping wrongly */
	static const int bad[] = { -ELOOP, -EFAULT, -EOVERFLOW };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		go_live(f, features(-1));
		assert_int_equal(anvil_device_popped(f->dev, 0, bad[i]), ANVIL_SERVED_LATER);
		assert_int_equal(f->dev->status, STATUS_BROKEN);
		assert_int_equal(f->config_interrupts, 2 + i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(init_checks_its_arguments),
		TEST(status_moves_one_step_at_a_time),
		TEST(status_bits_above_the_byte_are_not_cut_off),
		TEST(driver_cannot_set_or_clear_needs_reset),
		TEST(reset_leaves_no_trace),
		TEST(broken_device_says_so_once_and_rests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
