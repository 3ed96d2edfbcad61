/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over the split ring: indirect tables (2.7.5.3). */
#include "array_size.h"
#include "split_ring.h"

/* releases of clang-format do not agree about these braces */
/* clang-format off */
#define IND(len) { TABLE, len, INDIRECT, 0 }
/* clang-format on */

static const struct {
	const char *what;
	int result;
	unsigned int segments;
	struct desc ring[2];
	struct desc table[3];
} shapes[] = {
	{ "one entry", 1, 1, { IND(16) }, { { DATA, 4, 0, 0 } } },
	{ "WRITE on the referring one means nothing",
	  1,
	  1,
	  { { TABLE, 16, INDIRECT | WRITABLE, 0 } },
	  { { DATA, 4, 0, 0 } } },
	{ "no entry", -EPROTO, 0, { IND(0) }, { { DATA, 4, 0, 0 } } },
	{ "half an entry", -EPROTO, 0, { IND(8) }, { { DATA, 4, 0, 0 } } },
	{ "a byte short", -EPROTO, 0, { IND(15) }, { { DATA, 4, 0, 0 } } },
	{ "a byte long", -EPROTO, 0, { IND(17) }, { { DATA, 4, 0, 0 } } },
	{ "longest", -EPROTO, 0, { IND(UINT32_MAX) }, { { DATA, 4, 0, 0 } } },
	{ "longest whole", -EFAULT, 0, { IND(0xfffffff0) }, { { DATA, 4, 0, 0 } } },
	{ "with NEXT",
	  -EPROTO,
	  0,
	  { { TABLE, 16, INDIRECT | NEXT, 1 }, { DATA, 4, 0, 0 } },
	  { { DATA, 4, 0, 0 } } },
	{ "chain in the table, out of order",
	  1,
	  3,
	  { IND(48) },
	  { { DATA, 4, NEXT, 2 }, { DATA, 1, WRITABLE, 0 }, { DATA, 4, NEXT, 1 } } },
	{ "next is the last entry",
	  1,
	  2,
	  { IND(32) },
	  { { DATA, 4, NEXT, 1 }, { DATA, 4, 0, 0 } } },
	{ "next is past the table",
	  -EPROTO,
	  0,
	  { IND(32) },
	  { { DATA, 4, NEXT, 2 }, { DATA, 4, 0, 0 }, { DATA, 4, 0, 0 } } },
	{ "next is 65535", -EPROTO, 0, { IND(32) }, { { DATA, 4, NEXT, 0xffff } } },
	{ "table in a table", -EPROTO, 0, { IND(16) }, { { TABLE + 16, 16, INDIRECT, 0 } } },
	{ "table in itself", -EPROTO, 0, { IND(16) }, { IND(16) } },
	{ "circle", -ELOOP, 0, { IND(16) }, { { DATA, 0, NEXT, 0 } } },
	{ "bad order inside",
	  -EPROTO,
	  0,
	  { IND(32) },
	  { { DATA, 4, NEXT | WRITABLE, 1 }, { DATA, 4, 0, 0 } } },
	{ "after a direct one",
	  1,
	  2,
	  { { DATA, 4, NEXT, 1 }, IND(16) },
	  { { DATA, 4, WRITABLE, 0 } } },
	{ "bad order across",
	  -EPROTO,
	  0,
	  { { DATA, 4, NEXT | WRITABLE, 1 }, IND(16) },
	  { { DATA, 4, 0, 0 } } },
	{ "bad buffer inside", -EFAULT, 0, { IND(16) }, { { RAM_LOW_END, 1, 0, 0 } } },
	{ "table out of RAM",
	  -EFAULT,
	  0,
	  { { RAM_HIGH + RAM_BYTES - 16, 32, INDIRECT, 0 } },
	  { { DATA, 4, 0, 0 } } },
	{ "table nowhere", -EFAULT, 0, { { 0, 16, INDIRECT, 0 } }, { { DATA, 4, 0, 0 } } },
	{ "table wraps at 2^64",
	  -EFAULT,
	  0,
	  { { UINT64_MAX - 15, 32, INDIRECT, 0 } },
	  { { DATA, 4, 0, 0 } } },
};

static void indirect_tables_of_all_shapes(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (unsigned int negotiated = 0; negotiated < 2; negotiated++) {
			int expected = negotiated ? shapes[i].result : -EPROTO;

			assert_int_equal(enable(f, SIZE, negotiated, false), 0);
			for (uint16_t d = 0; d < ARRAY_SIZE(shapes[i].ring); d++)
				ring_desc(&f->ring, d, shapes[i].ring[d].gpa, shapes[i].ring[d].len,
					  shapes[i].ring[d].flags, shapes[i].ring[d].next);
			for (unsigned int d = 0; d < ARRAY_SIZE(shapes[i].table); d++)
				ram_desc(&f->ram, TABLE + 16 * d, shapes[i].table[d].gpa,
					 shapes[i].table[d].len, shapes[i].table[d].flags,
					 shapes[i].table[d].next);
			ring_offer(&f->ring, 0);

			int result = pop(f);

			if (result != expected)
				fail_msg("%s: %d", shapes[i].what, result);
			if (result == 1)
				assert_int_equal(f->chain.count, shapes[i].segments);
		}
	}
}

/* 2.7.5.3.1: what counts is the chain, not the table */
static void indirect_chain_is_bounded_by_the_queue_size(void **state)
{
	struct fixture *f = *state;

	for (unsigned int direct = 0; direct <= 1; direct++) {
		for (unsigned int n = SIZE - 1; n <= SIZE + 1; n++) {
			assert_int_equal(enable(f, SIZE, true, false), 0);
			for (uint16_t i = 0; i < n; i++)
				ram_desc(&f->ram, TABLE + 16u * i, DATA, 1, i + 1u < n ? NEXT : 0,
					 (uint16_t)(i + 1));
			ring_desc(&f->ring, 0, DATA, 1, NEXT, 1);
			ring_desc(&f->ring, 1, TABLE, 16 * 4 * SIZE, INDIRECT, 0);
			ring_offer(&f->ring, direct ? 0 : 1);
			assert_int_equal(pop(f), n + direct <= SIZE ? 1 : -ELOOP);
		}
	}
}

static void indirect_table_may_lie_anywhere_in_ram(void **state)
{
	static const uint64_t table[] = {
		RAM_SEAM - 1,	 RAM_SEAM - 15, RAM_SEAM - 16, TABLE + 3, RAM_HIGH + RAM_BYTES - 32,
		RAM_LOW_END - 32
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(enable(f, SIZE, true, false), 0);
		ram_desc(&f->ram, table[i], DATA, 5, NEXT, 1);
		ram_desc(&f->ram, table[i] + 16, DATA, 6, WRITABLE, 0);
		ring_desc(&f->ring, 0, table[i], 32, INDIRECT, 0);
		ring_offer(&f->ring, 0);
		assert_int_equal(pop(f), 1);
		assert_int_equal(f->chain.readable_bytes, 5);
		assert_int_equal(f->chain.writable_bytes, 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(indirect_tables_of_all_shapes),
		TEST(indirect_chain_is_bounded_by_the_queue_size),
		TEST(indirect_table_may_lie_anywhere_in_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
