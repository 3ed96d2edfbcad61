/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_mmio_legacy.h: where the queues of a legacy driver lie (2.7.2, 4.2.4). */
#include "array_size.h"
#include "legacy_fixture.h"
#include "virtio_mmio_legacy.h"

/* ---- arithmetic (2.7.2) ---- */

/* 2.7.2, word for word; ALIGN means a mask there. An overflow fails the test. */
static void right_layout(uint64_t pfn, uint64_t page, uint64_t size, uint64_t align,
			 uint64_t *avail, uint64_t *used)
{
	uint64_t rings;

	assert_false(__builtin_mul_overflow(pfn, page, &rings));
	assert_false(__builtin_add_overflow(rings, 16 * size, avail));
	assert_false(__builtin_add_overflow(*avail, 2 * (3 + size) + align - 1, used));
	*used = *used / align * align;
}

static void layout_is_that_of_the_formula_and_never_overflows(void **state)
{
	static const uint32_t pfn[] = { 0, 1, 0x40000, 0x7fffffff, 0x80000000, UINT32_MAX };
	struct anvil_mmio_legacy_rings r;

	(void)state;
	for (uint32_t size = 1; size <= VIRTQ_SIZE_MAX; size = size < 40 ? size + 1 : size * 2) {
		for (size_t p = 0; p < ARRAY_SIZE(pfn) * 32 * 32; p++) {
			uint32_t page = 1u << (p / 32 % 32);
			uint32_t align = 1u << (p % 32);
			uint64_t avail, used;

			right_layout(pfn[p / 1024], page, size, align, &avail, &used);
			assert_true(anvil_mmio_legacy_layout(pfn[p / 1024], page, size, align, &r));
			assert_true(r.desc == (uint64_t)pfn[p / 1024] * page);
			assert_true(r.avail == avail);
			assert_true(r.used == used);
		}
	}
}

static void layout_refuses_what_is_no_power_of_2_and_sizes_out_of_range(void **state)
{
	static const uint32_t odd[] = { 0, 3, 5, 6, 3000, 0x7fffffff, 0x80000001, UINT32_MAX };
	static const uint32_t size[] = { 0, VIRTQ_SIZE_MAX + 1, 0x10000, UINT32_MAX };
	struct anvil_mmio_legacy_rings r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		assert_false(anvil_mmio_legacy_layout(1, odd[i], 8, PAGE, &r));
		assert_false(anvil_mmio_legacy_layout(1, PAGE, 8, odd[i], &r));
	}
	for (size_t i = 0; i < ARRAY_SIZE(size); i++)
		assert_false(anvil_mmio_legacy_layout(1, PAGE, size[i], PAGE, &r));
}

/* ---- queues ---- */

static void queue_pfn_starts_and_stops_a_queue(void **state)
{
	struct fixture *f = *state;
	uint32_t pfn = (uint32_t)(desc_at(1) / PAGE);

	drive(f, 0, 2);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, 1);
	assert_int_equal(read_pfn(f), pfn);
	assert_int_equal(f->fake.dev.queue[1].desc_area, desc_at(1));
	assert_int_equal(f->fake.dev.queue[1].driver_area, desc_at(1) + 16 * 8);
	assert_int_equal(f->fake.dev.queue[1].device_area, used_at(1));

	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_PFN, 0);
	assert_int_equal(read_pfn(f), 0);
	assert_int_equal(f->fake.stopped[1], 1);
	guest_notify(&f->guest, 1);
	assert_int_equal(f->fake.notified[1], 0);
	/* nothing of it is left: it has to be set up anew */
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_PFN, pfn);
	assert_int_equal(read_pfn(f), 0);
	place_well(f, 1);
	assert_int_equal(read_pfn(f), pfn);

	/* "The device sets QueuePFN to zero for all queues": */
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	for (uint32_t i = 0; i < 3; i++) {
		reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, i);
		assert_int_equal(read_pfn(f), 0);
	}
}

static void a_running_queue_stays_where_it_is(void **state)
{
	struct fixture *f = *state;
	struct anvil_virtqueue before;

	drive(f, 0, 1);
	before = f->fake.dev.queue[0];
	reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, 2 * PAGE);
	place(f, 0, 4, 64, 7);
	assert_memory_equal(&before, &f->fake.dev.queue[0], sizeof(before));
	assert_int_equal(read_pfn(f), QUEUE_AT / PAGE);
}

static void numbers_that_fit_no_queue_leave_it_stopped(void **state)
{
	static const struct {
		uint32_t page, size, align, pfn;
	} bad[] = {
		{ 0, 8, PAGE, QUEUE_AT / PAGE },
		{ 3000, 8, PAGE, QUEUE_AT / PAGE },
		{ PAGE, 8, 0, QUEUE_AT / PAGE },
		{ PAGE, 8, 0x600, QUEUE_AT / PAGE },
		{ PAGE, 8, 2, QUEUE_AT / PAGE }, /* the used ring would not be at a multiple of 4 */
		{ PAGE, 0, PAGE, QUEUE_AT / PAGE },
		{ PAGE, 3, PAGE, QUEUE_AT / PAGE },
		{ PAGE, 16, PAGE, QUEUE_AT / PAGE }, /* above QueueSizeMax */
		{ PAGE, 0x10008, PAGE, QUEUE_AT / PAGE },
		{ PAGE, UINT32_MAX, PAGE, QUEUE_AT / PAGE },
		{ 8, 8, 4, QUEUE_AT / 8 + 1 }, /* no multiple of 16 */
		{ PAGE, 8, 0x80000000, QUEUE_AT / PAGE },
		{ PAGE, 8, PAGE, (RAM_LOW_END - PAGE) / PAGE },
		{ PAGE, 8, PAGE, RAM_LOW_END / PAGE },
		{ PAGE, 8, PAGE, UINT32_MAX },
		{ 0x80000000, 8, PAGE, UINT32_MAX },
		{ 0x80000000, 8, 0x80000000, UINT32_MAX },
		{ 1, 8, PAGE, 1 },
	};
	struct fixture *f = *state;

	drive(f, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, bad[i].page);
		place(f, 0, bad[i].size, bad[i].align, bad[i].pfn);
		if (read_pfn(f))
			fail_msg("row %zu is taken", i);
		guest_notify(&f->guest, 0);
		assert_int_equal(f->fake.notified[0], 0);
	}
	/* the same queue in the same place, with the numbers right */
	reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE);
	place_well(f, 0);
	assert_int_equal(read_pfn(f), QUEUE_AT / PAGE);
}

/* Up to the last byte, event fields included where they count (2.7.6, 2.7.8). */
static void a_queue_may_end_where_ram_ends(void **state)
{
	struct fixture *f = *state;
	uint64_t bytes =
		2 * 16 + 12 + 4 + 2 * 8; /* of 2 entries, its used ring at a multiple of 4 */

	for (uint32_t event = 0; event < 2; event++) {
		begin(f, event << VIRTIO_F_EVENT_IDX);
		reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, 16);
		place(f, 0, 2, 4, (uint32_t)((RAM_LOW_END - bytes) / 16));
		assert_int_equal(read_pfn(f) != 0, !event);
		place(f, 1, 2, 4, (uint32_t)((RAM_LOW_END - bytes) / 16) - 1);
		assert_int_not_equal(read_pfn(f), 0);
		place(f, 2, 2, 4, (uint32_t)((RAM_LOW_END - bytes) / 16) + 1);
		assert_int_equal(read_pfn(f), 0);
	}
}

static void queues_that_do_not_exist_take_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f, 0);
	for (uint32_t sel = 3; sel < 70; sel++) {
		place(f, sel, 8, PAGE, QUEUE_AT / PAGE);
		assert_int_equal(read_pfn(f), 0);
		assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
	}
	/* queue 2 has no purpose without a feature of above bit 31 */
	place(f, 2, 8, PAGE, QUEUE_AT / PAGE);
	assert_int_equal(read_pfn(f), 0);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, UINT32_MAX);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_PFN, 0);
}

/* Stock drivers write it once, before they reset the device for the first time. */
static void the_page_size_outlives_a_reset(void **state)
{
	struct fixture *f = *state;

	reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE);
	for (unsigned int i = 0; i < 2; i++) {
		reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
		reg_write(&f->guest, VIRTIO_MMIO_STATUS, 3);
		place_well(f, 0);
		assert_int_not_equal(read_pfn(f), 0);
	}
}

/* 3.1.2: "MUST support the driver writing device configuration fields before ..." features */
static void configuration_space_can_be_written_at_any_time(void **state)
{
	struct fixture *f = *state;

	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 1, 2, 0x1234);
	assert_int_equal(f->fake.config_writes, 1);
	drive(f, 0, 1);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 1, 2, 0x1234);
	assert_int_equal(f->fake.config_writes, 2);
	assert_int_equal(f->fake.config_offset, 1);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 11, 2, 0x1234);
	assert_int_equal(f->fake.config_writes, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_is_that_of_the_formula_and_never_overflows),
		cmocka_unit_test(layout_refuses_what_is_no_power_of_2_and_sizes_out_of_range),
		FAKE(queue_pfn_starts_and_stops_a_queue),
		FAKE(a_running_queue_stays_where_it_is),
		FAKE(numbers_that_fit_no_queue_leave_it_stopped),
		FAKE(a_queue_may_end_where_ram_ends),
		FAKE(queues_that_do_not_exist_take_nothing),
		FAKE(the_page_size_outlives_a_reset),
		FAKE(configuration_space_can_be_written_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
