/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over the packed ring: its set-up, its wrap counters, and saving it (2.8). */
#include "array_size.h"
#include "packed_ring.h"

/* ---- life cycle ---- */

/* 2.8.10.1: any size up to the device's limit */
static void enable_takes_any_size_up_to_the_limit(void **state)
{
	static const uint32_t bad[] = { 0,	LIMIT + 1, 2 * LIMIT, 0x8000,	 0x8001,
					0xffff, 0x10000,   0x10005,   0x80000005 };
	struct fixture *f = *state;

	for (uint32_t size = 1; size <= LIMIT; size++)
		assert_int_equal(enable(f, size, PACKED()), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(enable(f, bad[i], PACKED()), -EINVAL);
		assert_false(anvil_virtqueue_enabled(&f->vq));
	}
}

/* 2.8.10.1, the table: 16, 4, 4 */
static void enable_checks_alignment_and_place(void **state)
{
	static const uint64_t align[] = { 16, 4, 4 };
	static const uint64_t bytes[] = { 16 * 5, 4, 4 };
	struct fixture *f = *state;

	for (unsigned int area = 0; area < 3; area++) {
		uint64_t *const field[] = { &f->vq.desc_area, &f->vq.driver_area,
					    &f->vq.device_area };

		for (uint64_t off = 0; off < 32; off++) {
			int want = off % align[area] ? -EINVAL : 0;

			assert_int_equal(enable(f, 5, PACKED()), 0);
			anvil_virtqueue_reset(&f->vq);
			f->vq.size = 5;
			f->vq.desc_area = RING;
			f->vq.driver_area = DRIVER;
			f->vq.device_area = DEVICE;
			*field[area] = RING + 0x3000 + off;
			assert_int_equal(anvil_virtqueue_enable(&f->vq, PACKED()), want);
			anvil_virtqueue_reset(&f->vq);
			f->vq.size = 5;
			f->vq.desc_area = RING;
			f->vq.driver_area = DRIVER;
			f->vq.device_area = DEVICE;
			*field[area] = RAM_LOW_END - bytes[area] + off;
			if (!want && off)
				want = -EFAULT;
			assert_int_equal(anvil_virtqueue_enable(&f->vq, PACKED()), want);
		}
	}
}

/* 2.8.1: both counters begin at 1; a ring of zeroes has nothing available */
static void zeroed_ring_is_empty(void **state)
{
	struct fixture *f = *state;

	ram_watch(&f->ram);
	assert_int_equal(pop(f), 0);
	assert_int_equal(f->ram.fetches, 1);
	assert_int_equal(f->ram.stores, 0);
}

/* 2.8.1, 2.8.15.1: a descriptor is available when AVAIL is the lap's and USED is not */
static void availability_follows_the_wrap_counter(void **state)
{
	struct fixture *f = *state;

	for (unsigned int lap = 0; lap < 2; lap++) {
		for (unsigned int bits = 0; bits < 4; bits++) {
			uint16_t flags = (bits & 1 ? AVAIL : 0) | (bits & 2 ? USED : 0);

			assert_int_equal(enable(f, 3, PACKED()), 0);
			for (uint16_t i = 0; i < 3 * lap; i++) {
				offer_desc(f, DATA, 1, i % 3, 0);
				pop_and_push(f);
			}
			put_desc(f, entry(0), DATA, 1, 0, flags);
			assert_int_equal(pop(f), bits == (lap ? 2 : 1));
		}
	}
}

static void goes_round_many_times_at_every_size(void **state)
{
	struct fixture *f = *state;

	for (uint32_t size = 1; size <= LIMIT; size++) {
		assert_int_equal(enable(f, size, PACKED()), 0);
		for (unsigned int i = 0; i < 70; i++) {
			unsigned int count = 1 + i % size;
			uint16_t id = (uint16_t)(i * 7 % size);

			offer_list(f, count, id);
			assert_int_equal(pop(f), 1);
			assert_int_equal(f->chain[0].head, id);
			assert_int_equal(f->chain[0].count, count);
			assert_int_equal(pop_number(f, 1), 0);
			anvil_virtqueue_fill(&f->vq, &f->chain[0]);
			expect_nothing_used(f);
			assert_true(anvil_virtqueue_publish(&f->vq));
			expect_used(f, id, 0, false, count);
			expect_nothing_used(f);
		}
	}
}

/* ---- save and restore ---- */

/* Changes where it stands, and what it told, by what these say. */
static int save_and_restore(struct fixture *f, uint16_t damage, uint16_t told_damage)
{
	uint8_t image[64];
	struct anvil_state_writer w = { .bytes = image, .room = sizeof(image) };
	struct anvil_state_reader r = { .bytes = image };

	anvil_virtqueue_save(&f->vq, &w);
	assert_true(w.len <= w.room);
	image[w.len - 4] ^= (uint8_t)damage;
	image[w.len - 3] ^= (uint8_t)(damage >> 8);
	image[w.len - 2] ^= (uint8_t)told_damage;
	image[w.len - 1] ^= (uint8_t)(told_damage >> 8);
	r.left = w.len;
	anvil_virtqueue_reset(&f->vq);
	return anvil_virtqueue_restore(&f->vq, PACKED(.indirect = true), &r);
}

/* Wherever the queue stands, with either wrap counter */
static void restored_ring_goes_on_where_it_was(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 12; i++) {
		assert_int_equal(save_and_restore(f, 0, 0), 0);
		assert_int_equal(anvil_virtqueue_moved(&f->vq), f->next != WRAP);
		assert_int_equal(pop(f), 0);
		offer_list(f, 2, 1);
		pop_and_push(f);
		assert_true(anvil_virtqueue_publish(&f->vq));
		expect_used(f, 1, 0, false, 2);
		expect_nothing_used(f);
	}
}

static void restored_ring_has_its_place(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(save_and_restore(f, 4, 4), 0); /* the fifth of five */
	assert_int_equal(f->vq.next_avail, WRAP | 4);
	assert_int_equal(anvil_virtqueue_unnotified(&f->vq), 0);
	assert_int_equal(save_and_restore(f, 0, 4), 0); /* and was told of none of the first four */
	assert_int_equal(anvil_virtqueue_unnotified(&f->vq), 4);
	assert_int_equal(save_and_restore(f, 0, WRAP), -EINVAL); /* of none for more than a lap */
	assert_int_equal(enable(f, 5, PACKED()), 0);
	assert_int_equal(save_and_restore(f, 5, 5), -EINVAL);
	assert_false(anvil_virtqueue_enabled(&f->vq));
	for (uint16_t place = 5; place != 0; place = (uint16_t)(place << 1)) {
		assert_int_equal(enable(f, 5, PACKED()), 0);
		if (place != WRAP)
			assert_int_equal(save_and_restore(f, place, place), -EINVAL);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(enable_takes_any_size_up_to_the_limit),
		TEST(enable_checks_alignment_and_place),
		TEST(zeroed_ring_is_empty),
		TEST(availability_follows_the_wrap_counter),
		TEST(goes_round_many_times_at_every_size),
		TEST(restored_ring_goes_on_where_it_was),
		TEST(restored_ring_has_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
