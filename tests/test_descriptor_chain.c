/* SPDX-License-Identifier: BSD-3-Clause */
/* descriptor_chain.h: what may enter a chain, and the two cursors over every cut of it. */
#include "array_size.h"
#include "support.h"

#define SEGMENTS 8u

struct fixture {
	struct ram ram;
	struct anvil_descriptor_segment storage[SEGMENTS];
	struct anvil_descriptor_chain chain;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	ram_init(&f->ram);
	anvil_descriptor_chain_init(&f->chain, &f->ram.memory, f->storage, SEGMENTS);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ram_destroy(&f->ram);
	free(f);
	return 0;
}

static void append(struct fixture *f, uint64_t gpa, uint32_t len, bool writable)
{
	assert_int_equal(anvil_descriptor_chain_append(&f->chain, gpa, len, writable), 0);
}

/* A chain from a string of lengths: r3 r0 w1 ...; segments lie 256 bytes apart. */
static void build(struct fixture *f, const char *cut)
{
	uint64_t gpa = RAM_LOW;

	anvil_descriptor_chain_init(&f->chain, &f->ram.memory, f->storage, SEGMENTS);
	for (; *cut; gpa += 256) {
		bool writable = *cut == 'w';
		char *end;

		append(f, gpa, (uint32_t)strtoul(cut + 1, &end, 10), writable);
		cut = end + (*end == ' ');
	}
	anvil_descriptor_chain_rewind(&f->chain);
}

/* ---- append ---- */

static void refused_segments_leave_the_chain_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct anvil_descriptor_chain before;

	append(f, RAM_LOW, 16, false);
	append(f, RAM_LOW, 4, true);
	before = f->chain;
	assert_int_equal(anvil_descriptor_chain_append(&f->chain, RAM_LOW, 1, false), -EPROTO);
	assert_memory_equal(&f->chain, &before, sizeof(before));
	assert_int_equal(anvil_descriptor_chain_append(&f->chain, RAM_LOW, 0, false), -EPROTO);
	assert_memory_equal(&f->chain, &before, sizeof(before));
	assert_int_equal(anvil_descriptor_chain_append(&f->chain, RAM_LOW_END - 4, 5, true),
			 -EFAULT);
	assert_memory_equal(&f->chain, &before, sizeof(before));
	assert_int_equal(anvil_descriptor_chain_append(&f->chain, 0, 1, true), -EFAULT);
	assert_memory_equal(&f->chain, &before, sizeof(before));
	assert_int_equal(f->chain.count, 2);
	assert_int_equal(f->chain.readable, 1);
	assert_int_equal(f->chain.readable_bytes, 16);
	assert_int_equal(f->chain.writable_bytes, 4);
}

static void chain_takes_as_many_segments_as_its_storage(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < SEGMENTS; i++)
		append(f, RAM_LOW + i, 1, i >= 4);
	assert_int_equal(anvil_descriptor_chain_append(&f->chain, RAM_LOW, 1, true), -ELOOP);
	assert_int_equal(anvil_descriptor_chain_append(&f->chain, RAM_LOW, 0, true), -ELOOP);
	assert_int_equal(f->chain.count, SEGMENTS);
	assert_int_equal(f->chain.readable, 4);

	anvil_descriptor_chain_init(&f->chain, &f->ram.memory, f->storage, 0);
	assert_int_equal(anvil_descriptor_chain_append(&f->chain, RAM_LOW, 1, true), -ELOOP);
}

static void segments_may_cross_the_seam_and_be_empty_anywhere(void **state)
{
	struct fixture *f = *state;

	append(f, RAM_SEAM - 8, 16, false);
	append(f, RAM_LOW, 2 * RAM_BYTES, false);
	append(f, 0, 0, false);
	append(f, UINT64_MAX, 0, true);
	assert_int_equal(f->chain.readable_bytes, 16 + 2 * RAM_BYTES);
	assert_int_equal(f->chain.writable_bytes, 0);
}

/* 2.7.5.2; the bytes never have to exist twice, so 1 GiB of address space is enough */
static void chain_holds_four_gibibytes_and_not_one_byte_more(void **state)
{
	static uint8_t page[4096] __attribute__((aligned(4096)));
	struct anvil_guest_memory_region region = { 0, 1ull << 30, page }; /* not touched */
	struct anvil_descriptor_segment storage[SEGMENTS];
	struct anvil_guest_memory memory;
	struct anvil_descriptor_chain chain;

	(void)state;
	assert_int_equal(anvil_guest_memory_init(&memory, &region, 1), 0);
	anvil_descriptor_chain_init(&chain, &memory, storage, SEGMENTS);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(anvil_descriptor_chain_append(&chain, 0, 1u << 30, i > 0), 0);
	assert_int_equal(anvil_descriptor_chain_append(&chain, 0, (1u << 30) - 1, true), 0);
	assert_int_equal(anvil_descriptor_chain_append(&chain, 0, 2, true), -EOVERFLOW);
	assert_int_equal(anvil_descriptor_chain_append(&chain, 0, UINT32_MAX, true), -EOVERFLOW);
	assert_int_equal(anvil_descriptor_chain_append(&chain, 0, 1, true), 0);
	assert_int_equal(anvil_descriptor_chain_append(&chain, 0, 1, true), -EOVERFLOW);
	assert_int_equal(anvil_descriptor_chain_append(&chain, 0, 0, true), 0);
	assert_int_equal(chain.readable_bytes + chain.writable_bytes, 1ull << 32);
}

/* ---- cursors ---- */

static const char *const read_cut[] = { "r9",	 "r1 r8",    "r8 r1",	   "r3 r3 r3",
					"r0 r9", "r9 r0",    "r4 r0 r5",   "r0 r4 r0 r0 r5 r0",
					"r9 w4", "r4 r5 w0", "r2 r7 w3 w1" };

static void reads_do_not_see_how_the_bytes_are_cut(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(read_cut); i++) {
		for (size_t first = 0; first <= 9; first++) {
			char got[10] = "";
			uint8_t n = 0;

			build(f, read_cut[i]);
			for (unsigned int s = 0; s < f->chain.readable; s++) {
				for (uint32_t j = 0; j < f->storage[s].len; j++)
					ram_fill(&f->ram, f->storage[s].gpa + j,
						 (uint8_t)("GUESTDATA"[n++]), 1);
			}
			assert_int_equal(anvil_descriptor_chain_read(&f->chain, got, first), 0);
			assert_int_equal(f->chain.read.left, 9 - first);
			assert_int_equal(
				anvil_descriptor_chain_read(&f->chain, got + first, 9 - first), 0);
			assert_string_equal(got, "GUESTDATA");
			assert_int_equal(anvil_descriptor_chain_read(&f->chain, got, 1), -ENODATA);
			assert_int_equal(anvil_descriptor_chain_read(&f->chain, got, 0), 0);
			assert_int_equal(f->chain.written, 0);
		}
	}
}

static void too_long_a_read_reads_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t got[10];

	memset(got, 0xaa, sizeof(got));
	build(f, "r4 r5");
	ram_watch(&f->ram);
	assert_int_equal(anvil_descriptor_chain_read(&f->chain, got, 10), -ENODATA);
	assert_int_equal(anvil_descriptor_chain_read(&f->chain, got, SIZE_MAX), -ENODATA);
	assert_int_equal(f->ram.fetches, 0);
	assert_int_equal(got[0], 0xaa);
	assert_int_equal(f->chain.read.left, 9);
	assert_int_equal(anvil_descriptor_chain_read(&f->chain, got, 9), 0);
}

static void skip_moves_on_without_reading(void **state)
{
	struct fixture *f = *state;
	uint8_t byte;

	for (size_t i = 0; i < ARRAY_SIZE(read_cut); i++) {
		for (uint64_t skip = 0; skip < 9; skip++) {
			uint64_t at = 0;

			build(f, read_cut[i]);
			ram_watch(&f->ram);
			for (unsigned int s = 0; s < f->chain.readable; s++) {
				for (uint32_t j = 0; j < f->storage[s].len; j++)
					ram_fill(&f->ram, f->storage[s].gpa + j, (uint8_t)at++, 1);
			}
			assert_int_equal(anvil_descriptor_chain_skip(&f->chain, skip), 0);
			assert_int_equal(f->ram.fetches, 0);
			assert_int_equal(anvil_descriptor_chain_skip(&f->chain, 10 - skip),
					 -ENODATA);
			assert_int_equal(anvil_descriptor_chain_skip(&f->chain, UINT64_MAX),
					 -ENODATA);
			assert_int_equal(anvil_descriptor_chain_read(&f->chain, &byte, 1), 0);
			assert_int_equal(byte, skip);
			assert_int_equal(f->chain.read.left, 8 - skip);
		}
		assert_int_equal(anvil_descriptor_chain_skip(&f->chain, 0), 0);
		assert_int_equal(anvil_descriptor_chain_skip(&f->chain, 1), -ENODATA);
	}
}

static const char *const write_cut[] = { "w9",	     "w1 w8",	    "w8 w1",	  "w3 w3 w3",
					 "w0 w9",    "w9 w0",	    "w4 w0 w5",	  "r2 w9",
					 "r0 w4 w5", "r3 r1 w6 w3", "w4 w0 w0 w5" };

/* The writable bytes of a chain, one after the other. */
static void writable_bytes(struct fixture *f, uint8_t *out)
{
	for (unsigned int s = f->chain.readable; s < f->chain.count; s++) {
		if (f->storage[s].len == 0)
			continue;
		ram_get(&f->ram, f->storage[s].gpa, out, f->storage[s].len);
		out += f->storage[s].len;
	}
}

static void writes_do_not_see_how_the_bytes_are_cut(void **state)
{
	static const char bytes[] = "HOSTBYTES";
	struct fixture *f = *state;
	char got[10] = "";

	for (size_t i = 0; i < ARRAY_SIZE(write_cut); i++) {
		for (size_t first = 0; first <= 9; first++) {
			uint64_t outside;

			build(f, write_cut[i]);
			ram_fill(&f->ram, RAM_LOW, 0, 4096);
			outside = ram_sum(&f->ram);
			assert_int_equal(anvil_descriptor_chain_write(&f->chain, bytes, first), 0);
			assert_int_equal(f->chain.written, first);
			assert_int_equal(
				anvil_descriptor_chain_write(&f->chain, bytes + first, 9 - first),
				0);
			assert_int_equal(f->chain.written, 9);
			writable_bytes(f, (uint8_t *)got);
			assert_string_equal(got, bytes);
			assert_int_equal(anvil_descriptor_chain_write(&f->chain, "x", 1), -ENOSPC);
			assert_int_equal(anvil_descriptor_chain_write(&f->chain, "x", 0), 0);
			assert_int_equal(f->chain.written, 9);
			for (unsigned int s = f->chain.readable; s < f->chain.count; s++)
				ram_fill(&f->ram, RAM_LOW + 256 * s, 0, f->storage[s].len);
			assert_int_equal(ram_sum(&f->ram), outside);
		}
	}
}

static void too_long_a_write_writes_nothing(void **state)
{
	struct fixture *f = *state;

	build(f, "r1 w4 w5");
	ram_watch(&f->ram);
	assert_int_equal(anvil_descriptor_chain_write(&f->chain, "0123456789", 10), -ENOSPC);
	assert_int_equal(anvil_descriptor_chain_write(&f->chain, "0", SIZE_MAX), -ENOSPC);
	assert_int_equal(f->ram.stores, 0);
	assert_int_equal(f->chain.written, 0);
	assert_int_equal(anvil_descriptor_chain_write(&f->chain, "012345678", 9), 0);
}

static void write_last_finds_the_last_byte_of_every_cut(void **state)
{
	struct fixture *f = *state;
	uint8_t got[9];

	for (size_t i = 0; i < ARRAY_SIZE(write_cut); i++) {
		for (size_t before = 0; before <= 8; before++) {
			uint8_t expected[9] = { 0 };

			build(f, write_cut[i]);
			ram_fill(&f->ram, RAM_LOW, 0, 4096);
			memset(expected, 'd', before);
			expected[8] = 0x5f;
			assert_int_equal(
				anvil_descriptor_chain_write(&f->chain, "dddddddd", before), 0);
			ram_watch(&f->ram);
			assert_int_equal(anvil_descriptor_chain_write_last(&f->chain, 0x5f), 0);
			assert_int_equal(f->ram.stores, 1);
			/* a gap before it: then it is not in the prefix that used.len names */
			assert_int_equal(f->chain.written, before == 8 ? 9 : before);
			writable_bytes(f, got);
			assert_memory_equal(got, expected, sizeof(got));
			assert_int_equal(anvil_descriptor_chain_write(&f->chain, "x", 1), -ENOSPC);
			assert_int_equal(anvil_descriptor_chain_write_last(&f->chain, 1), -ENOSPC);
		}
	}
}

static void write_last_needs_a_byte_not_yet_passed(void **state)
{
	static const char *const cut[] = { "r4", "", "w0", "r4 w0 w0" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cut); i++) {
		build(f, cut[i]);
		assert_int_equal(anvil_descriptor_chain_write_last(&f->chain, 1), -ENOSPC);
		assert_int_equal(f->chain.written, 0);
	}
	build(f, "w2");
	assert_int_equal(anvil_descriptor_chain_write(&f->chain, "ab", 2), 0);
	assert_int_equal(anvil_descriptor_chain_write_last(&f->chain, 1), -ENOSPC);
	assert_int_equal(ram_get8(&f->ram, RAM_LOW + 1), 'b');
}

static void cursors_cross_regions(void **state)
{
	struct fixture *f = *state;
	char got[9] = "";

	append(f, RAM_SEAM - 4, 8, false);
	append(f, RAM_SEAM - 2, 4, true);
	append(f, RAM_HIGH + RAM_BYTES - 2, 2, true);
	anvil_descriptor_chain_rewind(&f->chain);
	ram_put(&f->ram, RAM_SEAM - 4, "leftrest", 8);
	assert_int_equal(anvil_descriptor_chain_read(&f->chain, got, 8), 0);
	assert_string_equal(got, "leftrest");
	assert_int_equal(anvil_descriptor_chain_write(&f->chain, "UVWXYZ", 6), 0);
	ram_get(&f->ram, RAM_SEAM - 4, got, 8);
	assert_string_equal(got, "leUVWXst");
	ram_get(&f->ram, RAM_HIGH + RAM_BYTES - 2, got, 2);
	assert_memory_equal(got, "YZ", 2);
}

static void cursors_are_independent_and_rewind(void **state)
{
	struct fixture *f = *state;
	char got[4];

	build(f, "r4 w4");
	ram_put(&f->ram, RAM_LOW, "abcd", 4);
	assert_int_equal(anvil_descriptor_chain_read(&f->chain, got, 2), 0);
	assert_int_equal(anvil_descriptor_chain_write(&f->chain, "123", 3), 0);
	assert_int_equal(f->chain.read.left, 2);
	assert_int_equal(f->chain.write.left, 1);
	anvil_descriptor_chain_rewind(&f->chain);
	assert_int_equal(f->chain.written, 0);
	assert_int_equal(f->chain.read.left, 4);
	assert_int_equal(f->chain.write.left, 4);
	assert_int_equal(anvil_descriptor_chain_read(&f->chain, got, 4), 0);
	assert_memory_equal(got, "abcd", 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refused_segments_leave_the_chain_as_it_was),
		TEST(chain_takes_as_many_segments_as_its_storage),
		TEST(segments_may_cross_the_seam_and_be_empty_anywhere),
		TEST(chain_holds_four_gibibytes_and_not_one_byte_more),
		TEST(reads_do_not_see_how_the_bytes_are_cut),
		TEST(too_long_a_read_reads_nothing),
		TEST(skip_moves_on_without_reading),
		TEST(writes_do_not_see_how_the_bytes_are_cut),
		TEST(too_long_a_write_writes_nothing),
		TEST(write_last_finds_the_last_byte_of_every_cut),
		TEST(write_last_needs_a_byte_not_yet_passed),
		TEST(cursors_cross_regions),
		TEST(cursors_are_independent_and_rewind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
