/* SPDX-License-Identifier: BSD-3-Clause */
/* The legacy interface: registers of MMIO version 1 and where queues lie (2.7.2, 4.2.4). */
#include "array_size.h"
#include "legacy_bench.h"

static void version_is_1(void **state)
{
	struct driver d;

	make_legacy(&d, *state, false);
	assert_int_equal(get(&d, VIRTIO_MMIO_VERSION), 1);
	assert_int_equal(get(&d, VIRTIO_MMIO_MAGIC), 0x74726976);
}

static void queues_lie_where_pfn_size_and_align_say(void **state)
{
	static const uint32_t page[] = { 512, 1024, 4096, 16384 };
	static const uint32_t align[] = { 4, 64, 512, 4096, 8192 };
	struct bench *b = *state;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(page) * ARRAY_SIZE(align); i++) {
		uint32_t page_size = page[i / 2 % ARRAY_SIZE(page)];
		uint32_t used_align = align[i / 2 / ARRAY_SIZE(page)];

		for (uint32_t size = 4; size <= BENCH_QUEUE; size *= 2) {
			struct driver d;

			make_legacy(&d, b, i % 2);
			find(&d, features(-1));
			put(&d, GUEST_PAGE_SIZE, page_size);
			assert_true(place(&d, b->queue, RAM_SEAM + page_size, size, used_align,
					  page_size));
			for (uint32_t n = 0; n < 2 * size; n++)
				works(&d);
		}
	}
}

static void pfn_reads_back_and_0_stops_the_queue(void **state)
{
	struct bench *b = *state;
	struct driver d;

	make_legacy(&d, b, false);
	start(&d, features(-1));
	put(&d, VIRTIO_MMIO_QUEUE_SEL, b->queue);
	assert_int_equal(get(&d, QUEUE_PFN), RING_AT(b->queue) / PAGE);
	works(&d);
	put(&d, VIRTIO_MMIO_QUEUE_SEL, b->queue);
	put(&d, QUEUE_PFN, 0);
	assert_int_equal(get(&d, QUEUE_PFN), 0);
	bench_watch(b);
	guest_notify(&b->guest, b->queue);
	assert_int_equal(b->accesses, 0);
	b->guest.ram.memory.tap = NULL;
	assert_true(place(&d, b->queue, RING_AT(2), BENCH_QUEUE, PAGE, PAGE));
	works(&d);
}

static void queue_size_max_is_0_for_no_queue(void **state)
{
	struct bench *b = *state;
	struct driver d;

	make_legacy(&d, b, false);
	for (uint32_t i = 0; i < 70; i++) {
		bool there = i < bench_queues(b, bench_features(b));

		put(&d, VIRTIO_MMIO_QUEUE_SEL, i < 69 ? i : UINT32_MAX);
		assert_int_equal(get(&d, VIRTIO_MMIO_QUEUE_SIZE_MAX), there ? BENCH_QUEUE : 0);
		assert_int_equal(get(&d, QUEUE_PFN), 0);
	}
}

static void reset_clears_every_pfn(void **state)
{
	struct bench *b = *state;
	struct driver d;

	make_legacy(&d, b, false);
	start(&d, features(-1));
	works(&d);
	put(&d, VIRTIO_MMIO_STATUS, 0);
	for (uint32_t i = 0; i < bench_queues(b, features(-1)); i++) {
		put(&d, VIRTIO_MMIO_QUEUE_SEL, i);
		assert_int_equal(get(&d, QUEUE_PFN), 0);
	}
	assert_int_equal(guest_status(&b->guest), 0);
	bench_watch(b);
	guest_notify(&b->guest, b->queue);
	assert_int_equal(b->accesses, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH("4.2.4/a", version_is_1),
		BOTH("2.7.2/3 4.2.4/b 4.2.4/c", queues_lie_where_pfn_size_and_align_say),
		BOTH("4.2.4/d", pfn_reads_back_and_0_stops_the_queue),
		BOTH("4.2.4/e", queue_size_max_is_0_for_no_queue),
		BOTH("4.2.4/f", reset_clears_every_pfn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
