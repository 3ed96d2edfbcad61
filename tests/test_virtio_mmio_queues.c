/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_mmio.h: registers of a queue, and notifications of the driver (4.2.2, 4.2.3). */
#include "array_size.h"
#include "mmio_fixture.h"

static void queue_registers_need_a_queue(void **state)
{
	static const uint32_t none[] = { 2, 3, 4, 0xffff, 0x10000, UINT32_MAX };
	struct fixture *f = *state;
	struct guest *g = &f->guest;
	struct snapshot before, after;

	/* queue 2 has no purpose here */
	assert_true(guest_negotiate(g, features(VIRTIO_F_RING_RESET, -1)));
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		reg_write(g, VIRTIO_MMIO_QUEUE_SEL, none[i]);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_RESET), 0);
		take(f, &before);
		for (uint32_t reg_at = VIRTIO_MMIO_QUEUE_SIZE; reg_at < VIRTIO_MMIO_CONFIG;
		     reg_at += 4) {
			if (reg_at != VIRTIO_MMIO_STATUS)
				reg_write(g, reg_at, 1);
		}
		take(f, &after);
		assert_memory_equal(&after, &before, sizeof(after));
	}
}

static void queue_addresses_are_made_of_two_halves(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;
	struct anvil_virtqueue *vq = &f->fake.dev.queue[1];
	uint64_t *const field[] = { &vq->desc_area, &vq->driver_area, &vq->device_area };
	static const uint32_t low[] = { VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DRIVER_LOW,
					VIRTIO_MMIO_QUEUE_DEVICE_LOW };

	assert_true(guest_negotiate(g, features(-1)));
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 1);
	for (size_t i = 0; i < ARRAY_SIZE(low); i++) {
		reg_write(g, low[i] + 4, 0xffffffff);
		assert_int_equal(*field[i], 0xffffffff00000000);
		reg_write(g, low[i], 0x89abcdef);
		assert_int_equal(*field[i], 0xffffffff89abcdef);
		reg_write(g, low[i] + 4, 0x01234567);
		assert_int_equal(*field[i], 0x0123456789abcdef);
	}
	assert_int_equal(f->fake.dev.queue[0].desc_area, 0);
}

static void queue_starts_reads_ready_and_stops(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	assert_true(guest_negotiate(g, features(-1)));
	ring_init(&g->ring[1], &g->ram, RAM_LOW, 4);
	assert_true(guest_start_queue(g, 1));
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 0);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_READY, 2); /* neither start nor stop */
	reg_write(g, VIRTIO_MMIO_QUEUE_READY, 0x80000000);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(f->fake.stopped[1], 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_READY, UINT32_MAX);
	reg_write(g, VIRTIO_MMIO_QUEUE_READY, 2);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
}

static void queue_programmed_wrongly_does_not_become_ready(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	assert_true(guest_negotiate(g, features(-1)));
	ring_init(&g->ring[0], &g->ram, RAM_LOW, 8);
	g->ring[0].size = 16; /* above QueueSizeMax */
	assert_false(guest_start_queue(g, 0));
	g->ring[0].size = 0;
	assert_false(guest_start_queue(g, 0));
	g->ring[0].size = 8;
	g->ring[0].desc += 8;
	assert_false(guest_start_queue(g, 0));
	g->ring[0].desc = RAM_LOW_END;
	assert_false(guest_start_queue(g, 0));
	g->ring[0].desc = RAM_LOW;
	assert_true(guest_start_queue(g, 0));
}

/* Geometry of a ready queue cannot be changed, nor any once DRIVER_OK is set */
static void queue_geometry_freezes(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;
	struct snapshot before, after;

	guest_drive(g, features(-1), 1, 8);
	for (uint32_t queue = 0; queue < 2; queue++) {
		reg_write(g, VIRTIO_MMIO_QUEUE_SEL, queue);
		take(f, &before);
		reg_write(g, VIRTIO_MMIO_QUEUE_SIZE, 2);
		for (uint32_t at = VIRTIO_MMIO_QUEUE_DESC_LOW; at <= VIRTIO_MMIO_QUEUE_DEVICE_HIGH;
		     at += 4)
			reg_write(g, at, 0x40000000);
		reg_write(g, VIRTIO_MMIO_QUEUE_READY, 1);
		reg_write(g, VIRTIO_MMIO_QUEUE_RESET, 1); /* not negotiated */
		take(f, &after);
		assert_memory_equal(&after, &before, sizeof(after));
	}
}

static void queue_reset_stops_the_queue_and_lets_it_be_set_up_again(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;
	static const struct buffer b = { RAM_LOW, 1, 0 };

	guest_drive(g, features(VIRTIO_F_RING_RESET, -1), 2, 8);
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_RESET, 0);
	reg_write(g, VIRTIO_MMIO_QUEUE_RESET, 2);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_RESET), 0);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(f->fake.stopped[1], 1);
	assert_int_equal(f->fake.stopped[0], 0);
	guest_notify(g, 1);
	assert_int_equal(f->fake.notified[1], 0);

	ring_init(&g->ring[1], &g->ram, RAM_SEAM, 2);
	assert_true(guest_start_queue(g, 1));
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_RESET), 0);
	ring_chain(&g->ring[1], &b, 1);
	guest_notify(g, 1);
	assert_int_equal(f->fake.notified[1], 1);
}

/* 2.9, 4.2.3.3: the queue is in the lower half; the rest is a hint, right or wrong */
static void notification_data_is_a_hint(void **state)
{
	static const uint32_t hint[] = { 0, 1, 0x7fff, 0x8000, 0xffff };
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	anvil_features_add(&f->fake.dev.offered, VIRTIO_F_NOTIFICATION_DATA);
	guest_drive(g, features(FAKE_QUEUE_2, VIRTIO_F_NOTIFICATION_DATA, -1), 3, 8);
	for (unsigned int i = 0; i < ARRAY_SIZE(hint); i++) {
		guest_notify(g, hint[i] << 16 | 1);
		guest_notify(g, hint[i] << 16 | 3);
		assert_int_equal(f->fake.notified[0], 0);
		assert_int_equal(f->fake.notified[1], i + 1);
		assert_int_equal(f->fake.notified[2], 0);
	}
}

static void notification_names_the_queue_in_its_value(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	guest_drive(g, features(FAKE_QUEUE_2, -1), 3, 8);
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 2);
	guest_notify(g, 1);
	guest_notify(g, 3);
	guest_notify(g, 0x10001);
	guest_notify(g, UINT32_MAX);
	assert_int_equal(f->fake.notified[0], 0);
	assert_int_equal(f->fake.notified[1], 1);
	assert_int_equal(f->fake.notified[2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(queue_registers_need_a_queue),
		TEST(queue_addresses_are_made_of_two_halves),
		TEST(queue_starts_reads_ready_and_stops),
		TEST(queue_programmed_wrongly_does_not_become_ready),
		TEST(queue_geometry_freezes),
		TEST(queue_reset_stops_the_queue_and_lets_it_be_set_up_again),
		TEST(notification_names_the_queue_in_its_value),
		TEST(notification_data_is_a_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
