/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over the split ring: every way in which a guest can bend a chain (2.7.4 to 2.7.6). */
#include "array_size.h"
#include "split_ring.h"

/* ---- pop ---- */

static void empty_ring_gives_nothing(void **state)
{
	struct fixture *f = *state;

	ram_watch(&f->ram);
	assert_int_equal(pop(f), 0);
	assert_int_equal(f->ram.fetches, 1);
	assert_int_equal(f->ram.stores, 0);
	assert_int_equal(f->vq.in_flight, 0);
}

static void chain_has_the_descriptors_in_order(void **state)
{
	static const struct buffer b[] = { { DATA, 16, 0 },
					   { RAM_SEAM - 1, 3, 0 },
					   { DATA + 100, 7, WRITABLE },
					   { RAM_HIGH + RAM_BYTES - 1, 1, WRITABLE } };
	struct fixture *f = *state;

	f->ring.free = 6; /* so that the chain wraps in the table */
	assert_int_equal(ring_chain(&f->ring, b, ARRAY_SIZE(b)), 6);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.head, 6);
	assert_int_equal(f->chain.count, 4);
	assert_int_equal(f->chain.readable, 2);
	assert_int_equal(f->chain.readable_bytes, 19);
	assert_int_equal(f->chain.writable_bytes, 8);
	assert_int_equal(f->chain.read.left, 19);
	assert_int_equal(f->chain.write.left, 8);
	for (unsigned int i = 0; i < ARRAY_SIZE(b); i++) {
		assert_int_equal(f->storage[i].gpa, b[i].gpa);
		assert_int_equal(f->storage[i].len, b[i].len);
	}
	assert_int_equal(f->vq.in_flight, 1);
	assert_int_equal(pop(f), 0);
}

static void malformed_chains_are_refused(void **state)
{
	static const struct {
		const char *what;
		int result;
		struct desc d[4];
	} t[] = {
		{ "nothing wrong", 1, { { DATA, 4, NEXT, 1 }, { DATA, 4, WRITABLE, 0 } } },
		{ "no bytes", 1, { { 0, 0, 0, 0 } } },
		{ "unknown flags", 1, { { DATA, 4, 0xfff8, 9 } } },
		{ "next without NEXT", 1, { { DATA, 4, 0, 0xffff } } },
		{ "writable first",
		  -EPROTO,
		  { { DATA, 4, WRITABLE | NEXT, 1 }, { DATA, 4, 0, 0 } } },
		{ "empty writable first",
		  -EPROTO,
		  { { DATA, 0, WRITABLE | NEXT, 1 }, { DATA, 4, 0, 0 } } },
		{ "next is the size", -EPROTO, { { DATA, 4, NEXT, SIZE } } },
		{ "next is below size_max", -EPROTO, { { DATA, 4, NEXT, LIMIT - 1 } } },
		{ "next is 65535", -EPROTO, { { DATA, 4, NEXT, 0xffff } } },
		{ "to itself", -ELOOP, { { DATA, 4, NEXT, 0 } } },
		{ "to itself, empty", -ELOOP, { { DATA, 0, NEXT, 0 } } },
		{ "two in a circle", -ELOOP, { { DATA, 4, NEXT, 1 }, { DATA, 4, NEXT, 0 } } },
		{ "writable circle",
		  -ELOOP,
		  { { DATA, 4, NEXT | WRITABLE, 1 }, { DATA, 4, NEXT | WRITABLE, 1 } } },
		{ "circle back to readable",
		  -EPROTO,
		  { { DATA, 4, NEXT, 1 }, { DATA, 4, NEXT | WRITABLE, 0 } } },
		{ "below RAM", -EFAULT, { { RAM_LOW - 1, 1, 0, 0 } } },
		{ "past RAM", -EFAULT, { { RAM_LOW_END - 3, 4, 0, 0 } } },
		{ "to the end of RAM", 1, { { RAM_LOW_END - 4, 4, 0, 0 } } },
		{ "over the seam", 1, { { RAM_SEAM - 2, 4, 0, 0 } } },
		{ "in the hole", -EFAULT, { { RAM_LOW_END, 1, WRITABLE, 0 } } },
		{ "over the hole", -EFAULT, { { RAM_LOW, 0xc0000001, 0, 0 } } },
		{ "wraps at 2^64", -EFAULT, { { UINT64_MAX, 2, 0, 0 } } },
		{ "longest", -EFAULT, { { RAM_LOW, UINT32_MAX, 0, 0 } } },
		{ "second one bad",
		  -EFAULT,
		  { { DATA, 4, NEXT, 1 }, { RAM_LOW_END, 1, WRITABLE, 0 } } },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		assert_int_equal(enable(f, SIZE, true, false), 0);
		for (uint16_t d = 0; d < ARRAY_SIZE(t[i].d); d++)
			ring_desc(&f->ring, d, t[i].d[d].gpa, t[i].d[d].len, t[i].d[d].flags,
				  t[i].d[d].next);
		ring_offer(&f->ring, 0);

		int result = pop(f);

		if (result != t[i].result)
			fail_msg("%s: %d", t[i].what, result);
		assert_int_equal(f->vq.in_flight, result == 1);
	}
}

static void chain_may_be_as_long_as_the_queue_and_no_longer(void **state)
{
	struct fixture *f = *state;
	struct buffer b[SIZE];

	for (unsigned int i = 0; i < SIZE; i++)
		b[i] = (struct buffer){ DATA + i, 1, 0 };
	ring_chain(&f->ring, b, SIZE);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.count, SIZE);

	/* the storage, of one segment less, is a limit too */
	assert_int_equal(enable(f, SIZE, true, false), 0);
	ring_chain(&f->ring, b, SIZE);
	anvil_descriptor_chain_init(&f->chain, &f->ram.memory, f->storage, SIZE - 1);
	assert_int_equal(anvil_virtqueue_pop(&f->vq, &f->chain), -ELOOP);
}

static void heads_are_below_the_ring_size(void **state)
{
	static const uint16_t bad[] = { SIZE, SIZE + 1, LIMIT - 1, LIMIT, 0x8000, 0xffff };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(enable(f, SIZE, true, false), 0);
		ring_offer(&f->ring, bad[i]);
		assert_int_equal(pop(f), -EPROTO);
	}
	for (uint16_t head = 0; head < SIZE; head++) {
		assert_int_equal(enable(f, SIZE, true, false), 0);
		offer_byte(f, head);
		assert_int_equal(pop(f), 1);
		assert_int_equal(f->chain.head, head);
	}
}

static void available_index_may_lead_by_the_ring_size_and_no_more(void **state)
{
	static const uint16_t start[] = { 0, 1, 0x7fff, 0xfff8, 0xffff };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(start); i++) {
		for (uint32_t lead = 0; lead <= UINT16_MAX; lead++) {
			/* near the limits all values, else a sample */
			if (lead > 2 * SIZE && lead < 0xfff0 && lead % 257)
				continue;
			assert_int_equal(enable(f, SIZE, true, false), 0);
			f->vq.next_avail = f->vq.avail_idx = start[i];
			ring_desc(&f->ring, 0, DATA, 1, 0, 0);
			set_avail_idx(f, (uint16_t)(start[i] + lead));
			assert_int_equal(pop(f), lead == 0 ? 0 : lead <= SIZE ? 1 : -EPROTO);
		}
	}
}

static void head_in_flight_may_not_come_again(void **state)
{
	struct fixture *f = *state;
	struct anvil_descriptor_segment storage[LIMIT];
	struct anvil_descriptor_chain again;

	offer_byte(f, 3);
	offer_byte(f, 3);
	assert_int_equal(pop(f), 1);
	assert_int_equal(pop_into(f, &again, storage), -EPROTO);
	assert_int_equal(f->vq.in_flight, 1);
	anvil_virtqueue_fill(&f->vq, &f->chain);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.head, 3);
}

static void all_heads_may_be_in_flight(void **state)
{
	struct fixture *f = *state;
	struct anvil_descriptor_segment storage[SIZE][LIMIT];
	struct anvil_descriptor_chain chain[SIZE];

	for (uint16_t i = 0; i < SIZE; i++)
		offer_byte(f, (uint16_t)(SIZE - 1 - i));
	for (unsigned int i = 0; i < SIZE; i++)
		assert_int_equal(pop_into(f, &chain[i], storage[i]), 1);
	assert_int_equal(f->vq.in_flight, SIZE);
	assert_int_equal(pop(f), 0);
	/* given back in another order than taken */
	for (unsigned int i = 0; i < SIZE; i++)
		anvil_virtqueue_fill(&f->vq, &chain[i * 3 % SIZE]);
	assert_true(anvil_virtqueue_publish(&f->vq));
	for (unsigned int i = 0; i < SIZE; i++)
		ring_expect(&f->ring, (uint16_t)(SIZE - 1 - i * 3 % SIZE), 0);
	ring_expect_none(&f->ring);
	assert_int_equal(f->vq.in_flight, 0);
}

/* ---- how often guest memory is touched ---- */

static void each_field_is_fetched_once(void **state)
{
	struct fixture *f = *state;
	static const struct buffer b[] = { { DATA, 1, 0 }, { DATA, 1, 0 }, { DATA, 1, WRITABLE } };
	struct anvil_descriptor_segment storage[LIMIT];
	struct anvil_descriptor_chain chain;

	ring_chain(&f->ring, b, 3);
	ring_chain(&f->ring, b, 3);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->ram.fetches, 1 + 1 + 3); /* idx, ring entry, descriptors */
	assert_int_equal(pop_into(f, &chain, storage), 1);
	assert_int_equal(f->ram.fetches, 5 + 1 + 3); /* idx was seen already */
	assert_int_equal(f->ram.stores, 0);
}

static void endless_chains_cost_a_bounded_number_of_fetches(void **state)
{
	struct fixture *f = *state;

	ring_desc(&f->ring, 0, DATA, 1, NEXT, 0);
	ring_offer(&f->ring, 0);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), -ELOOP);
	assert_int_equal(f->ram.fetches, 3 + SIZE);

	assert_int_equal(enable(f, SIZE, true, false), 0);
	ring_desc(&f->ring, 0, TABLE, 16, INDIRECT, 0);
	ram_desc(&f->ram, TABLE, DATA, 1, NEXT, 0);
	ring_offer(&f->ring, 0);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), -ELOOP);
	assert_int_equal(f->ram.fetches, 4 + SIZE);
}

/* A guest that changes a field after the fetch gets nowhere; just before, it is checked as changed.
 */
static void what_is_checked_is_what_was_fetched(void **state)
{
	struct fixture *f = *state;
	uint64_t desc1 = f->ring.desc + 16;
	static const struct buffer b[] = { { DATA, 1, 0 }, { DATA, 1, 0 } };

	ring_chain(&f->ring, b, 2);
	ram_watch(&f->ram);
	/* while descriptor 1 is fetched, number 0 changes: too late */
	f->ram.race_at = desc1;
	f->ram.race_gpa = f->ring.desc;
	f->ram.race_value = 0;
	f->ram.race_len = 8;
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->ram.race_len, 0);
	assert_int_equal(f->storage[0].gpa, DATA);

	/* and number 1 itself: just in time */
	assert_int_equal(enable(f, SIZE, true, false), 0);
	ring_chain(&f->ring, b, 2);
	f->ram.race_gpa = desc1;
	f->ram.race_len = 8;
	assert_int_equal(pop(f), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(empty_ring_gives_nothing),
		TEST(chain_has_the_descriptors_in_order),
		TEST(malformed_chains_are_refused),
		TEST(chain_may_be_as_long_as_the_queue_and_no_longer),
		TEST(heads_are_below_the_ring_size),
		TEST(available_index_may_lead_by_the_ring_size_and_no_more),
		TEST(head_in_flight_may_not_come_again),
		TEST(all_heads_may_be_in_flight),
		TEST(each_field_is_fetched_once),
		TEST(endless_chains_cost_a_bounded_number_of_fetches),
		TEST(what_is_checked_is_what_was_fetched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
