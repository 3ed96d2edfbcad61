/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over the split ring: used entries (2.7.8), and chains that go back unused. */
#include "split_ring.h"

/* ---- push and publish ---- */

static void used_entry_is_invisible_until_published(void **state)
{
	static const struct buffer b[] = { { DATA, 4, 0 }, { DATA + 64, 9, WRITABLE } };
	struct fixture *f = *state;
	uint16_t head = ring_chain(&f->ring, b, 2);

	assert_int_equal(pop(f), 1);
	assert_int_equal(anvil_descriptor_chain_write(&f->chain, "1234567", 7), 0);
	ram_watch(&f->ram);
	f->ram.allowed[0][0] = f->ring.used + 4;
	f->ram.allowed[0][1] = 8;
	f->ram.alloweds = 1;
	anvil_virtqueue_fill(&f->vq, &f->chain);
	assert_int_equal(f->ram.stores, 1);
	ring_expect_none(&f->ring);
	f->ram.allowed[0][0] = f->ring.used + 2;
	f->ram.allowed[0][1] = 2;
	assert_true(anvil_virtqueue_publish(&f->vq));
	assert_int_equal(f->ram.stores, 2);
	ring_expect(&f->ring, head, 7);
	ring_expect_none(&f->ring);
}

static void used_length_is_what_the_cursor_wrote(void **state)
{
	static const struct buffer b[] = { { DATA, 9, WRITABLE } };
	struct fixture *f = *state;

	for (uint32_t written = 0; written <= 9; written++) {
		uint16_t head = ring_chain(&f->ring, b, 1);

		assert_int_equal(pop(f), 1);
		assert_int_equal(anvil_descriptor_chain_write(&f->chain, "123456789", written), 0);
		anvil_virtqueue_fill(&f->vq, &f->chain);
		assert_true(anvil_virtqueue_publish(&f->vq));
		ring_expect(&f->ring, head, written);
	}
}

static void indices_wrap_at_65536(void **state)
{
	static const struct buffer b[] = { { DATA, 1, 0 }, { DATA, 1, WRITABLE } };
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 70000; i++) {
		uint16_t head = ring_chain(&f->ring, b, 2);

		if (pop(f) != 1 || f->chain.head != head)
			fail_msg("round %u", i);
		anvil_virtqueue_fill(&f->vq, &f->chain);
		assert_true(anvil_virtqueue_publish(&f->vq));
		ring_expect(&f->ring, head, 0);
		ring_expect_none(&f->ring);
	}
	assert_int_equal(ring_published(&f->ring), 70000 - 65536);
	assert_int_equal(f->vq.in_flight, 0);
}

static void ring_of_one_entry_works(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 1, true, true), 0);
	for (unsigned int i = 0; i < 5; i++) {
		ram_put16(&f->ram, f->ring.avail + 6, (uint16_t)i); /* used_event */
		offer_byte(f, 0);
		assert_int_equal(pop(f), 1);
		anvil_virtqueue_fill(&f->vq, &f->chain);
		assert_true(anvil_virtqueue_publish(&f->vq));
		ring_expect(&f->ring, 0, 0);
	}
}

static void largest_ring_works(void **state)
{
	size_t bytes = 1u << 20;
	uint8_t *host = aligned_alloc(4096, bytes);
	struct anvil_guest_memory_region region = { 0, bytes, host };
	struct anvil_guest_memory memory;
	struct anvil_descriptor_segment *storage = calloc(VIRTQ_SIZE_MAX, sizeof(*storage));
	struct anvil_descriptor_chain chain;
	struct anvil_virtqueue vq;

	(void)state;
	assert_non_null(host);
	assert_non_null(storage);
	memset(host, 0, bytes);
	assert_int_equal(anvil_guest_memory_init(&memory, &region, 1), 0);
	assert_int_equal(anvil_virtqueue_init(&vq, &memory, VIRTQ_SIZE_MAX, false), 0);
	vq.size = VIRTQ_SIZE_MAX;
	vq.driver_area = 0x80000;
	vq.device_area = 0xa0000;
	assert_int_equal(
		anvil_virtqueue_enable(&vq, (struct anvil_virtqueue_features){ .event_idx = true }),
		0);

	/* every descriptor in one chain, from the last one down */
	for (uint32_t i = 0; i < VIRTQ_SIZE_MAX; i++) {
		struct virtq_desc d = { 0, htole32(1), htole16(i ? NEXT : 0),
					htole16((uint16_t)(i - 1)) };

		memcpy(host + 16 * i, &d, sizeof(d));
	}
	memcpy(host + 0x80000, "\0\0\1\0\xff\x7f", 6);
	anvil_descriptor_chain_init(&chain, &memory, storage, VIRTQ_SIZE_MAX);
	assert_int_equal(anvil_virtqueue_pop(&vq, &chain), 1);
	assert_int_equal(chain.head, VIRTQ_SIZE_MAX - 1);
	assert_int_equal(chain.count, VIRTQ_SIZE_MAX);
	anvil_virtqueue_fill(&vq, &chain);
	assert_true(anvil_virtqueue_publish(&vq));
	assert_memory_equal(host + 0xa0000, "\0\0\1\0\xff\x7f\0\0\0\0\0\0", 12);
	anvil_virtqueue_destroy(&vq);
	free(storage);
	free(host);
}

/* ---- unpop ---- */

static void unpopped_chains_come_again_in_the_same_order(void **state)
{
	struct fixture *f = *state;
	struct anvil_descriptor_segment storage[3][LIMIT];
	struct anvil_descriptor_chain chain[3];

	for (unsigned int event = 0; event < 2; event++) {
		assert_int_equal(enable(f, SIZE, true, event), 0);
		for (uint16_t i = 0; i < 3; i++)
			offer_byte(f, (uint16_t)(i * 2));
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(pop_into(f, &chain[i], storage[i]), 1);
		anvil_virtqueue_unpop(&f->vq, &chain[2]);
		anvil_virtqueue_unpop(&f->vq, &chain[1]);
		assert_int_equal(f->vq.in_flight, 1);
		/* the wish is for a chain after those that are there already */
		assert_false(anvil_virtqueue_want_notification(&f->vq));
		if (event)
			assert_int_equal(avail_event(f), 3);
		for (uint16_t i = 1; i < 3; i++) {
			assert_int_equal(pop(f), 1);
			assert_int_equal(f->chain.head, i * 2);
		}
		assert_int_equal(pop(f), 0);
		ring_expect_none(&f->ring);
	}
}

static void unpop_works_over_the_index_wrap(void **state)
{
	struct fixture *f = *state;

	f->vq.next_avail = f->vq.avail_idx = f->ring.avail_idx = 0xffff;
	offer_byte(f, 7);
	assert_int_equal(pop(f), 1);
	anvil_virtqueue_unpop(&f->vq, &f->chain);
	assert_int_equal(f->vq.next_avail, 0xffff);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.head, 7);
	assert_int_equal(pop(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(used_entry_is_invisible_until_published),
		TEST(used_length_is_what_the_cursor_wrote),
		TEST(indices_wrap_at_65536),
		TEST(ring_of_one_entry_works),
		TEST(largest_ring_works),
		TEST(unpopped_chains_come_again_in_the_same_order),
		TEST(unpop_works_over_the_index_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
