/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over the packed ring: every way in which a guest can bend a chain (2.8). */
#include "array_size.h"
#include "packed_ring.h"

#define TABLE (RAM_HIGH + 0x8000)

/* ---- taking ---- */

/* 2.8.6: the id is in the last one; each is fetched once, flags of the first one on their own */
static void list_is_fetched_once(void **state)
{
	struct fixture *f = *state;

	offer_desc(f, DATA, 8, 99, NEXT);
	offer_desc(f, DATA + 8, 4, 99, NEXT | WRITABLE);
	offer_desc(f, DATA + 16, 2, 3, WRITABLE);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->ram.fetches, 4);
	assert_int_equal(f->chain[0].head, 3);
	assert_int_equal(f->chain[0].readable, 1);
	assert_int_equal(f->chain[0].count, 3);
	assert_int_equal(f->chain[0].readable_bytes, 8);
	assert_int_equal(f->chain[0].writable_bytes, 6);
	assert_int_equal(f->storage[0][2].gpa, DATA + 16);
}

/* 2.8: an id is 16 bits of the driver's choice, which it gets back */
static void any_id_comes_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 5, PACKED()), 0);
	for (uint32_t id = 0; id < PVIRTQ_IDS; id++) {
		struct pvirtq_desc used;
		uint64_t at = entry(f->next);

		offer_desc(f, DATA, 1, (uint16_t)id, 0);
		assert_int_equal(pop(f), 1);
		assert_int_equal(f->chain[0].head, id);
		anvil_virtqueue_fill(&f->vq, &f->chain[0]);
		assert_true(anvil_virtqueue_publish(&f->vq));
		ram_get(&f->ram, at, &used, sizeof(used));
		assert_int_equal(le16toh(used.id), id);
	}
}

/* Those of a queue that is reset in between may be had again, and no others. */
static void ids_in_flight_are_forgotten_with_the_queue(void **state)
{
	static const uint16_t id[] = { 0, 4, 5, 63, 64, 0x7fff, 0x8000, 0xffff };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(id); i++) {
		assert_int_equal(enable(f, 5, PACKED()), 0);
		offer_desc(f, DATA, 1, id[i], 0);
		offer_desc(f, DATA, 1, (uint16_t)(id[i] ^ 64), 0);
		offer_desc(f, DATA, 1, id[i], 0);
		assert_int_equal(pop(f), 1);
		assert_int_equal(pop_number(f, 1), 1);
		assert_int_equal(pop_number(f, 2), -EPROTO);
		anvil_virtqueue_reset(&f->vq);
		for (size_t word = 0; word < PVIRTQ_IDS / 64; word++)
			assert_int_equal(f->vq.held[word], 0);
	}
}

/* It has no bits for all ids. */
static void a_queue_not_made_for_it_gets_no_packed_ring(void **state)
{
	struct fixture *f = *state;

	anvil_virtqueue_destroy(&f->vq);
	assert_int_equal(anvil_virtqueue_init(&f->vq, &f->ram.memory, LIMIT, false), 0);
	assert_int_equal(enable(f, 5, PACKED()), -EINVAL);
	assert_false(anvil_virtqueue_enabled(&f->vq));
}

static void id_in_flight_breaks_the_ring(void **state)
{
	struct fixture *f = *state;

	offer_desc(f, DATA, 1, 4, 0);
	offer_desc(f, DATA, 1, 4, 0);
	assert_int_equal(pop(f), 1);
	assert_int_equal(pop_number(f, 1), -EPROTO);
	/* and not once it is used */
	assert_int_equal(enable(f, 5, PACKED()), 0);
	offer_desc(f, DATA, 1, 4, 0);
	pop_and_push(f);
	offer_desc(f, DATA, 1, 4, 0);
	assert_int_equal(pop(f), 1);
}

/* 2.8.17: the driver makes the first descriptor available after all others */
static void list_in_parts_breaks_the_ring(void **state)
{
	struct fixture *f = *state;

	offer_desc(f, DATA, 1, 0, NEXT);
	assert_int_equal(pop(f), -EPROTO);
	/* one with the other lap's flags is not there either */
	assert_int_equal(enable(f, 5, PACKED()), 0);
	offer_desc(f, DATA, 1, 0, NEXT);
	put_desc(f, entry(f->next), DATA, 1, 0, USED);
	assert_int_equal(pop(f), -EPROTO);
	put_desc(f, entry(f->next), DATA, 1, 0, USED | AVAIL);
	assert_int_equal(pop(f), -EPROTO);
}

static void list_longer_than_the_ring_breaks_it(void **state)
{
	struct fixture *f = *state;

	for (uint16_t i = 0; i < 5; i++)
		offer_desc(f, DATA, 1, 0, NEXT);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), -EPROTO);
	assert_true(f->ram.fetches <= 2 + 5);
}

/* The driver overwrites what it made available and did not get back. */
static void more_than_the_ring_holds_breaks_it(void **state)
{
	struct fixture *f = *state;

	for (uint16_t i = 0; i < 5; i++) {
		offer_desc(f, DATA, 1, i, 0);
		assert_int_equal(pop_number(f, i), 1);
	}
	assert_int_equal(pop_number(f, 5), 0);
	offer_desc(f, DATA, 1, 0, 0);
	assert_int_equal(pop_number(f, 5), -ELOOP);
	/* the same within a list */
	assert_int_equal(enable(f, 5, PACKED()), 0);
	offer_list(f, 3, 0);
	assert_int_equal(pop(f), 1);
	offer_list(f, 3, 1);
	assert_int_equal(pop_number(f, 1), -ELOOP);
}

/* ---- indirect tables (2.8.7) ---- */

static void table_is_one_chain_whatever_its_flags(void **state)
{
	struct fixture *f = *state;

	/* WRITE alone means anything in a table, and nothing on the descriptor that refers to it */
	put_desc(f, TABLE, DATA, 8, 0x7777, NEXT | INDIRECT);
	put_desc(f, TABLE + 16, DATA + 8, 4, 0xffff, WRITABLE | USED | AVAIL | 0x7f00);
	put_desc(f, TABLE + 32, DATA + 16, 2, 0, 0xffff);
	offer_desc(f, TABLE, 48, 2, INDIRECT | WRITABLE);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->ram.fetches, 5);
	assert_int_equal(f->chain[0].head, 2);
	assert_int_equal(f->chain[0].count, 3);
	assert_int_equal(f->chain[0].entries, 1);
	assert_int_equal(f->chain[0].readable_bytes, 8);
	assert_int_equal(f->chain[0].writable_bytes, 6);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 2, 0, false, 1);
}

static void bad_table_breaks_the_ring(void **state)
{
	struct fixture *f = *state;
	static const struct {
		uint64_t gpa;
		uint32_t len;
		uint16_t flags;
		int err;
	} bad[] = {
		{ TABLE, 0, INDIRECT, -EPROTO },
		{ TABLE, 15, INDIRECT, -EPROTO },
		{ TABLE, 33, INDIRECT, -EPROTO },
		{ TABLE, 16, INDIRECT | NEXT, -EPROTO },
		{ RAM_LOW_END - 16, 32, INDIRECT, -EFAULT },
		{ UINT64_MAX - 15, 32, INDIRECT, -EFAULT },
		{ TABLE, 0xfffffff0, INDIRECT, -EFAULT },
		{ TABLE, 16 * 6, INDIRECT, -ELOOP }, /* more than the queue has entries */
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(enable(f, 5, PACKED(.indirect = true)), 0);
		for (unsigned int k = 0; k < 6; k++)
			put_desc(f, TABLE + 16 * k, DATA, 1, 0, 0);
		offer_desc(f, bad[i].gpa, bad[i].len, 0, bad[i].flags);
		offer_desc(f, DATA, 1, 0, 0);
		assert_int_equal(pop(f), bad[i].err);
	}
	/* not negotiated (2.8.19) */
	assert_int_equal(enable(f, 5, PACKED()), 0);
	offer_desc(f, TABLE, 16, 0, INDIRECT);
	assert_int_equal(pop(f), -EPROTO);
	/* not at the end of a list */
	assert_int_equal(enable(f, 5, PACKED(.indirect = true)), 0);
	offer_desc(f, DATA, 1, 0, NEXT);
	offer_desc(f, TABLE, 16, 0, INDIRECT);
	assert_int_equal(pop(f), -EPROTO);
}

/* ---- a racing guest ---- */

static void race(struct fixture *f, uint64_t at, uint64_t gpa, uint64_t value, uint32_t len)
{
	f->ram.race_at = at;
	f->ram.race_gpa = gpa;
	f->ram.race_value = value;
	f->ram.race_len = len;
	f->ram.race_after = 0;
}

/* What was checked is what is used: flags of the first one that change after their fetch. */
static void flags_are_not_read_again(void **state)
{
	struct fixture *f = *state;

	offer_desc(f, DATA, 4, 1, WRITABLE);
	ram_watch(&f->ram);
	race(f, entry(WRAP), entry(WRAP) + 14, NEXT | INDIRECT | AVAIL, 2);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain[0].writable_bytes, 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(list_is_fetched_once),
		TEST(any_id_comes_back),
		TEST(ids_in_flight_are_forgotten_with_the_queue),
		TEST(a_queue_not_made_for_it_gets_no_packed_ring),
		TEST(id_in_flight_breaks_the_ring),
		TEST(list_in_parts_breaks_the_ring),
		TEST(list_longer_than_the_ring_breaks_it),
		TEST(more_than_the_ring_holds_breaks_it),
		TEST(table_is_one_chain_whatever_its_flags),
		TEST(bad_table_breaks_the_ring),
		TEST(flags_are_not_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
