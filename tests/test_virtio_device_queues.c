/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_device.h: which queues there are, their set-up, start and stop (2.6). */
#include "device_fixture.h"

static void queues_exist_by_number_and_purpose(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 3; i++)
		assert_ptr_equal(anvil_device_queue(f->dev, i), &f->dev->queue[i]);
	assert_null(anvil_device_queue(f->dev, 3));
	assert_null(anvil_device_queue(f->dev, 0x10000));
	assert_null(anvil_device_queue(f->dev, UINT32_MAX));

	accept(f, features(VIRTIO_F_VERSION_1, -1));
	assert_non_null(anvil_device_queue(f->dev, 1));
	assert_null(anvil_device_queue(f->dev, 2));
	program(f, 2);
	anvil_device_start_queue(f->dev, 2);
	assert_false(anvil_virtqueue_enabled(&f->dev->queue[2]));

	accept(f, features(VIRTIO_F_VERSION_1, FAKE_QUEUE_2, -1));
	assert_non_null(anvil_device_queue(f->dev, 2));
	program(f, 2);
	anvil_device_start_queue(f->dev, 2);
	assert_true(anvil_virtqueue_enabled(&f->dev->queue[2]));
}

static void queues_are_set_up_in_the_states_that_allow_it_alone(void **state)
{
	struct fixture *f = *state;

	for (unsigned int ring_reset = 0; ring_reset < 2; ring_reset++) {
		for (uint32_t status = 0; status <= UINT8_MAX; status++) {
			bool may = status == UP_TO_FEATURES_OK ||
				   (status == UP_TO_DRIVER_OK && ring_reset);

			anvil_device_set_status(f->dev, 0);
			f->dev->driver = features(VIRTIO_F_VERSION_1,
						  ring_reset ? VIRTIO_F_RING_RESET : -1, -1);
			f->dev->status = (uint8_t)status;
			assert_int_equal(anvil_device_queue_writable(f->dev, &f->dev->queue[0]),
					 may);
			program(f, 0);
			anvil_device_start_queue(f->dev, 0);
			assert_int_equal(anvil_virtqueue_enabled(&f->dev->queue[0]), may);
			assert_false(may && anvil_device_queue_writable(f->dev, &f->dev->queue[0]));
		}
	}
}

static void running_queue_is_not_started_again(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(VIRTIO_F_RING_RESET, -1));
	f->dev->queue[0].next_avail = 5;
	anvil_device_start_queue(f->dev, 0);
	assert_int_equal(f->dev->queue[0].next_avail, 5);
	anvil_device_start_queue(f->dev, 3);
	anvil_device_start_queue(f->dev, UINT32_MAX);
}

static void features_reach_the_queue(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(-1));
	assert_false(f->dev->queue[0].indirect);
	assert_false(f->dev->queue[0].event_idx);
	go_live(f, features(VIRTIO_F_INDIRECT_DESC, -1));
	assert_true(f->dev->queue[0].indirect);
	assert_false(f->dev->queue[0].event_idx);
	go_live(f, features(VIRTIO_F_EVENT_IDX, -1));
	assert_false(f->dev->queue[0].indirect);
	assert_true(f->dev->queue[0].event_idx);
}

static void stopped_queue_is_forgotten(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(VIRTIO_F_RING_RESET, -1));
	anvil_device_defer(f->dev, 0);
	anvil_device_stop_queue(f->dev, 0);
	assert_int_equal(f->fake.stopped[0], 1);
	assert_false(anvil_device_queue_live(f->dev, 0));
	assert_int_equal(f->dev->queue[0].size, 0);
	anvil_device_notify(f->dev, 0);
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 0);
	anvil_device_stop_queue(f->dev, 0); /* again: nothing to stop */
	anvil_device_stop_queue(f->dev, 1);
	anvil_device_stop_queue(f->dev, 3);
	anvil_device_stop_queue(f->dev, UINT32_MAX);
	assert_int_equal(f->fake.stopped[0] + f->fake.stopped[1], 1);
	/* and comes back (2.6.1.2) */
	program(f, 0);
	anvil_device_start_queue(f->dev, 0);
	assert_true(anvil_device_queue_live(f->dev, 0));
}

static void notifications_reach_live_queues_alone(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(-1));
	for (uint32_t status = 0; status <= UINT8_MAX; status++) {
		f->dev->status = (uint8_t)status;
		f->fake.notified[0] = 0;
		anvil_device_notify(f->dev, 0);
		assert_int_equal(f->fake.notified[0], status == UP_TO_DRIVER_OK);
	}
	f->dev->status = UP_TO_DRIVER_OK;
	anvil_device_notify(f->dev, 1); /* not started */
	anvil_device_notify(f->dev, 3);
	anvil_device_notify(f->dev, 0x10000);
	anvil_device_notify(f->dev, UINT32_MAX);
	assert_int_equal(f->fake.notified[0] + f->fake.notified[1] + f->fake.notified[2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(queues_exist_by_number_and_purpose),
		TEST(queues_are_set_up_in_the_states_that_allow_it_alone),
		TEST(running_queue_is_not_started_again),
		TEST(features_reach_the_queue),
		TEST(stopped_queue_is_forgotten),
		TEST(notifications_reach_live_queues_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
