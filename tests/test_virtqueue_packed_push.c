/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over the packed ring: used descriptors, in any order and in order (2.8). */
#include "packed_ring.h"

/* ---- giving back ---- */

/* 2.8.6: one used descriptor stands for a whole list, in the order of completion */
static void used_entries_come_in_the_order_of_completion(void **state)
{
	struct fixture *f = *state;

	offer_list(f, 2, 0);
	offer_desc(f, DATA, 7, 1, WRITABLE);
	offer_list(f, 2, 2);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pop_number(f, i), 1);
	assert_int_equal(anvil_descriptor_chain_write(&f->chain[1], "abc", 3), 0);
	anvil_virtqueue_fill(&f->vq, &f->chain[2]);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 2, 0, false, 2);
	expect_nothing_used(f);
	anvil_virtqueue_fill(&f->vq, &f->chain[1]);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
	expect_nothing_used(f);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 1, 3, true, 1);
	expect_used(f, 0, 0, false, 2);
	assert_int_equal(f->used, f->next);
}

/* 2.8.3: WRITE says whether anything was written, the length how much from the start */
static void write_flag_tells_of_a_lone_last_byte(void **state)
{
	struct fixture *f = *state;

	offer_desc(f, DATA, 7, 1, WRITABLE);
	assert_int_equal(pop(f), 1);
	assert_int_equal(anvil_descriptor_chain_write_last(&f->chain[0], 1), 0);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 1, 0, true, 1);
}

/* 2.8.9: the first entry of a batch is shown last */
static void first_entry_is_shown_last(void **state)
{
	struct fixture *f = *state;

	for (uint16_t i = 0; i < 3; i++) {
		offer_desc(f, DATA, 1, i, 0);
		pop_and_push(f);
	}
	assert_int_equal(ram_get16(&f->ram, entry(0) + 14), AVAIL);
	assert_int_equal(ram_get16(&f->ram, entry(1) + 14), AVAIL | USED);
	assert_int_equal(ram_get16(&f->ram, entry(2) + 14), AVAIL | USED);
	assert_true(anvil_virtqueue_publish(&f->vq));
	assert_int_equal(ram_get16(&f->ram, entry(0) + 14), AVAIL | USED);
	assert_false(anvil_virtqueue_publish(&f->vq)); /* nothing new */
}

static void unpop_is_as_if_never_taken(void **state)
{
	struct fixture *f = *state;

	for (unsigned int round = 0; round < 12; round++) {
		uint16_t place = f->vq.next_avail;

		offer_list(f, 3, 0);
		offer_list(f, 2, 1);
		assert_int_equal(pop_number(f, 0), 1);
		assert_int_equal(pop_number(f, 1), 1);
		anvil_virtqueue_unpop(&f->vq, &f->chain[1]);
		anvil_virtqueue_unpop(&f->vq, &f->chain[0]);
		assert_int_equal(f->vq.in_flight, 0);
		assert_int_equal(f->vq.next_avail, place);
		assert_int_equal(pop_number(f, 0), 1);
		assert_int_equal(f->chain[0].head, 0);
		assert_int_equal(pop_number(f, 1), 1);
		anvil_virtqueue_fill(&f->vq, &f->chain[1]);
		anvil_virtqueue_fill(&f->vq, &f->chain[0]);
		assert_true(anvil_virtqueue_publish(&f->vq));
		expect_used(f, 1, 0, false, 2);
		expect_used(f, 0, 0, false, 3);
		offer_desc(f, DATA, 1, 2, 0); /* so that rounds begin everywhere */
		pop_and_push(f);
		assert_true(anvil_virtqueue_publish(&f->vq));
		expect_used(f, 2, 0, false, 1);
	}
}

/* 2.8.16: a driver must not change what it made available */
static void what_went_back_must_stay_available(void **state)
{
	struct fixture *f = *state;

	offer_list(f, 2, 0);
	assert_int_equal(pop(f), 1);
	anvil_virtqueue_unpop(&f->vq, &f->chain[0]);
	put_desc(f, entry(WRAP), DATA, 1, 0, 0);
	assert_int_equal(pop(f), -EPROTO);
}

/* ---- in order (2.7.9, 2.8.8) ---- */

static void in_order_holds_back_what_is_early(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 5, PACKED(.in_order = true)), 0);
	for (unsigned int round = 0; round < 9; round++) {
		offer_list(f, 2, 3);
		offer_desc(f, DATA, 7, 1, WRITABLE);
		offer_list(f, 2, 0);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(pop_number(f, i), 1);
		assert_int_equal(anvil_descriptor_chain_write(&f->chain[1], "abc", 3), 0);
		ram_watch(&f->ram);
		anvil_virtqueue_fill(&f->vq, &f->chain[2]);
		assert_false(anvil_virtqueue_publish(&f->vq));
		anvil_virtqueue_fill(&f->vq, &f->chain[1]);
		assert_false(anvil_virtqueue_publish(&f->vq));
		assert_int_equal(f->ram.stores + f->ram.fetches, 0);
		expect_nothing_used(f);
		assert_int_equal(f->vq.in_flight, 3);
		anvil_virtqueue_fill(&f->vq, &f->chain[0]);
		assert_true(anvil_virtqueue_publish(&f->vq));
		expect_used(f, 3, 0, false, 2);
		expect_used(f, 1, 3, true, 1);
		expect_used(f, 0, 0, false, 2);
		assert_int_equal(f->vq.in_flight, 0);
	}
}

static void in_order_knows_what_went_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 5, PACKED(.in_order = true)), 0);
	for (uint16_t i = 0; i < 3; i++)
		offer_desc(f, DATA, 1, i, 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pop_number(f, i), 1);
	anvil_virtqueue_fill(&f->vq, &f->chain[1]);
	anvil_virtqueue_unpop(&f->vq, &f->chain[2]);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 0, 0, false, 1);
	expect_used(f, 1, 0, false, 1);
	expect_nothing_used(f);
	pop_and_push(f);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 2, 0, false, 1);
}

/* A head whose entry waits is still in flight. */
static void in_order_head_that_waits_is_in_flight(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 5, PACKED(.in_order = true)), 0);
	for (uint16_t i = 0; i < 2; i++) {
		offer_desc(f, DATA, 1, i, 0);
		assert_int_equal(pop_number(f, i), 1);
	}
	anvil_virtqueue_fill(&f->vq, &f->chain[1]);
	offer_desc(f, DATA, 1, 1, 0);
	assert_int_equal(pop_number(f, 2), -EPROTO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(used_entries_come_in_the_order_of_completion),
		TEST(write_flag_tells_of_a_lone_last_byte),
		TEST(first_entry_is_shown_last),
		TEST(unpop_is_as_if_never_taken),
		TEST(what_went_back_must_stay_available),
		TEST(in_order_holds_back_what_is_early),
		TEST(in_order_knows_what_went_back),
		TEST(in_order_head_that_waits_is_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
