/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over the split ring: where it may lie, and its reset (2.6, 2.7). */
#include "array_size.h"
#include "split_ring.h"

static void size_max_is_a_power_of_two_up_to_32768(void **state)
{
	struct fixture *f = *state;

	for (uint32_t size = 0; size <= UINT16_MAX; size++) {
		bool good = size && !(size & (size - 1));
		struct anvil_virtqueue vq;

		assert_int_equal(
			anvil_virtqueue_init(&vq, &f->ram.memory, (uint16_t)size, size % 2),
			good ? 0 : -EINVAL);
		if (good)
			anvil_virtqueue_destroy(&vq);
	}
}

static void enable_checks_the_size(void **state)
{
	struct fixture *f = *state;
	static const uint32_t bad[] = { 0,	3,	    6,		7,
					9,	15,	    17,		32,
					0x8000, 0x10000,    0x10008,	0x80000000,
					0xffff, 0xffffffff, 0x80000008, 0x10010 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(enable(f, SIZE, false, false), 0);
		anvil_virtqueue_reset(&f->vq);
		f->vq.size = bad[i];
		f->vq.desc_area = f->vq.driver_area = f->vq.device_area = RING;
		assert_int_equal(
			anvil_virtqueue_enable(&f->vq, (struct anvil_virtqueue_features){ 0 }),
			-EINVAL);
		assert_false(anvil_virtqueue_enabled(&f->vq));
	}
	for (uint16_t size = 1; size <= LIMIT; size = (uint16_t)(size * 2)) {
		assert_int_equal(enable(f, size, false, false), 0);
		assert_true(anvil_virtqueue_enabled(&f->vq));
	}
}

/* Programs one area with `gpa`, the others with good ones. */
static int enable_at(struct fixture *f, unsigned int area, uint64_t gpa, bool event_idx)
{
	uint64_t *const field[] = { &f->vq.desc_area, &f->vq.driver_area, &f->vq.device_area };

	anvil_virtqueue_reset(&f->vq);
	f->vq.size = SIZE;
	f->vq.desc_area = RING;
	f->vq.driver_area = RING + 0x1000;
	f->vq.device_area = RING + 0x2000;
	*field[area] = gpa;
	return anvil_virtqueue_enable(&f->vq,
				      (struct anvil_virtqueue_features){ .event_idx = event_idx });
}

static void enable_checks_alignment(void **state)
{
	static const uint32_t align[] = { 16, 2, 4 };
	struct fixture *f = *state;

	for (unsigned int area = 0; area < 3; area++) {
		for (uint32_t offset = 0; offset <= 16; offset++) {
			assert_int_equal(enable_at(f, area, RING + 0x4000 + offset, false),
					 offset % align[area] ? -EINVAL : 0);
			assert_int_equal(anvil_virtqueue_enabled(&f->vq),
					 offset % align[area] == 0);
		}
	}
}

static void enable_wants_each_ring_wholly_in_ram(void **state)
{
	/* bytes of descriptor table, available ring and used ring; the last two plus event field */
	static const uint64_t len[2][3] = { { 16 * SIZE, 4 + 2 * SIZE, 4 + 8 * SIZE },
					    { 16 * SIZE, 6 + 2 * SIZE, 6 + 8 * SIZE } };
	static const uint64_t step[] = { 16, 2, 4 };
	struct fixture *f = *state;

	for (unsigned int event = 0; event < 2; event++) {
		for (unsigned int area = 0; area < 3; area++) {
			uint64_t last = (RAM_LOW_END - len[event][area]) & ~(step[area] - 1);

			assert_int_equal(enable_at(f, area, last, event), 0);
			assert_int_equal(enable_at(f, area, last + step[area], event), -EFAULT);
			assert_false(anvil_virtqueue_enabled(&f->vq));
			assert_int_equal(enable_at(f, area, RAM_SEAM - step[area], event), 0);
			assert_int_equal(enable_at(f, area, RAM_LOW - step[area], event), -EFAULT);
			assert_int_equal(enable_at(f, area, 0, event), -EFAULT);
			assert_int_equal(enable_at(f, area, UINT64_MAX - step[area] + 1, event),
					 -EFAULT);
			assert_int_equal(enable_at(f, area, UINT64_MAX & ~0xfull, event), -EFAULT);
		}
	}
}

static void reset_forgets_everything(void **state)
{
	struct fixture *f = *state;
	const uint64_t *held = f->vq.held;
	const struct anvil_virtqueue_used *finished = f->vq.finished;
	struct anvil_virtqueue fresh = { .memory = &f->ram.memory,
					 .size_max = LIMIT,
					 .heads = LIMIT };

	offer_byte(f, 5);
	assert_int_equal(pop(f), 1);
	anvil_virtqueue_reset(&f->vq);
	assert_false(anvil_virtqueue_enabled(&f->vq));
	fresh.held = f->vq.held;
	fresh.finished = f->vq.finished;
	assert_ptr_equal(held, f->vq.held);
	assert_ptr_equal(finished, f->vq.finished);
	assert_memory_equal(&f->vq, &fresh, sizeof(fresh));
	/* the head that was in flight may come again, at index 0 */
	assert_int_equal(enable(f, SIZE, false, false), 0);
	offer_byte(f, 5);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.head, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(size_max_is_a_power_of_two_up_to_32768),
		TEST(enable_checks_the_size),
		TEST(enable_checks_alignment),
		TEST(enable_wants_each_ring_wholly_in_ram),
		TEST(reset_forgets_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
