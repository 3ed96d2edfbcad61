/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_device.h: serving queues, in turns that are bounded, and interrupts (2.7). */
#include "device_fixture.h"

static void offer_byte(struct fixture *f, uint16_t head)
{
	ring_desc(&f->ring, head, RAM_HIGH, 1, 0, 0);
	ring_offer(&f->ring, head);
}

static unsigned int served;
static bool break_at_two;

static enum anvil_served serve_one(struct anvil_device *dev, unsigned int queue)
{
	struct anvil_descriptor_segment storage[8];
	struct anvil_descriptor_chain chain;

	anvil_descriptor_chain_init(&chain, dev->queue[queue].memory, storage, 8);

	enum anvil_served result =
		anvil_device_popped(dev, queue, anvil_virtqueue_pop(&dev->queue[queue], &chain));

	if (result != ANVIL_SERVED_ONE)
		return result;
	served++;
	anvil_virtqueue_fill(&dev->queue[queue], &chain);
	anvil_device_publish(dev, queue);
	if (break_at_two && served == 2)
		anvil_device_break(dev, 0, -EPROTO);
	return ANVIL_SERVED_ONE;
}

static enum anvil_served serve_later(struct anvil_device *dev, unsigned int queue)
{
	(void)dev;
	(void)queue;
	served++;
	return ANVIL_SERVED_LATER;
}

/* A guest that refills the ring under our hands. */
static enum anvil_served serve_and_refill(struct anvil_device *dev, unsigned int queue)
{
	struct fixture *f = dev->transport_opaque;
	enum anvil_served result = serve_one(dev, queue);

	offer_byte(f, (uint16_t)(served % 8));
	return result;
}

static uint16_t used_flags(struct fixture *f)
{
	return ram_get16(&f->ram, f->ring.used);
}

static void serving_ends_with_the_queue(void **state)
{
	struct fixture *f = *state;

	for (uint16_t n = 0; n < 8; n++) {
		served = 0;
		break_at_two = false;
		f->used_interrupts = 0;
		go_live(f, features(-1));
		for (uint16_t i = 0; i < n; i++)
			offer_byte(f, i);
		anvil_device_serve(f->dev, 0, serve_one);
		assert_int_equal(served, n);
		assert_int_equal(f->used_interrupts, n);
		assert_int_equal(f->defers, 0);
		assert_int_equal(used_flags(f), 0);
		assert_int_equal(ring_published(&f->ring), n);
	}
}

static void serving_is_bounded_by_the_queue_size(void **state)
{
	struct fixture *f = *state;

	served = 0;
	break_at_two = false;
	go_live(f, features(-1));
	offer_byte(f, 0);
	anvil_device_serve(f->dev, 0, serve_and_refill);
	assert_int_equal(served, 8);
	assert_int_equal(f->defers, 1);
	assert_int_equal(used_flags(f), VIRTQ_USED_F_NO_NOTIFY); /* we come back by ourselves */
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 1);
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 1);
}

static void serving_stops_when_told_later_or_broken(void **state)
{
	struct fixture *f = *state;

	served = 0;
	go_live(f, features(-1));
	for (uint16_t i = 0; i < 4; i++)
		offer_byte(f, i);
	anvil_device_serve(f->dev, 0, serve_later);
	assert_int_equal(served, 1);
	assert_int_equal(f->defers, 0);

	served = 0;
	break_at_two = true;
	anvil_device_serve(f->dev, 0, serve_one);
	assert_int_equal(served, 2);
	assert_int_equal(f->dev->status, STATUS_BROKEN);
	assert_int_equal(f->defers, 0);
}

static void serving_a_broken_ring_breaks_the_device(void **state)
{
	struct fixture *f = *state;

	served = 0;
	break_at_two = false;
	go_live(f, features(-1));
	offer_byte(f, 0);
	ring_offer(&f->ring, 8);
	anvil_device_serve(f->dev, 0, serve_one);
	assert_int_equal(served, 1);
	assert_int_equal(f->dev->status, STATUS_BROKEN);
	assert_int_equal(f->config_interrupts, 1);
	assert_int_equal(ring_published(&f->ring), 1);
}

/* The next chain arrives just as we go to sleep. */
static void serving_sees_what_comes_at_the_last_moment(void **state)
{
	struct fixture *f = *state;

	served = 0;
	break_at_two = false;
	go_live(f, features(-1));
	ring_desc(&f->ring, 0, RAM_HIGH, 1, 0, 0);
	ram_watch(&f->ram);
	f->ram.race_at = f->ring.avail + 2;
	f->ram.race_gpa = f->ring.avail + 2;
	f->ram.race_value = 1;
	f->ram.race_len = 2;
	f->ram.race_after = 1; /* not at the first look, at the one after asking */
	anvil_device_serve(f->dev, 0, serve_one);
	assert_int_equal(served, 1);
	assert_int_equal(f->defers, 0);
}

static void poll_serves_what_was_deferred_alone(void **state)
{
	struct fixture *f = *state;

	anvil_features_add(&f->dev->offered, 1);
	go_live(f, features(FAKE_QUEUE_2, -1));
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 0);
	anvil_device_defer(f->dev, 0);
	anvil_device_defer(f->dev, 0);
	assert_int_equal(f->defers, 2);
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 1);
	assert_int_equal(f->fake.notified[1] + f->fake.notified[2], 0);
}

static void publish_interrupts_if_the_driver_wants_it(void **state)
{
	struct fixture *f = *state;

	break_at_two = false;
	for (uint16_t unwanted = 0; unwanted < 2; unwanted++) {
		f->used_interrupts = 0;
		go_live(f, features(-1));
		ram_put16(&f->ram, f->ring.avail, unwanted);
		offer_byte(f, 0);
		assert_int_equal(serve_one(f->dev, 0), ANVIL_SERVED_ONE);
		assert_int_equal(f->used_interrupts, !unwanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(serving_ends_with_the_queue),
		TEST(serving_is_bounded_by_the_queue_size),
		TEST(serving_stops_when_told_later_or_broken),
		TEST(serving_a_broken_ring_breaks_the_device),
		TEST(serving_sees_what_comes_at_the_last_moment),
		TEST(poll_serves_what_was_deferred_alone),
		TEST(publish_interrupts_if_the_driver_wants_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
