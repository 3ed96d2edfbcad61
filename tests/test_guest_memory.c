/* SPDX-License-Identifier: BSD-3-Clause */
/* guest_memory.h: maps, bounds, copies across regions, atomics, the tap. */
#include "array_size.h"
#include "support.h"

#include <sys/mman.h>

static int setup(void **state)
{
	struct ram *ram = malloc(sizeof(*ram));

	assert_non_null(ram);
	ram_init(ram);
	*state = ram;
	return 0;
}

static int teardown(void **state)
{
	ram_destroy(*state);
	free(*state);
	return 0;
}

/* ---- maps ---- */

static uint8_t page[2 * ANVIL_GUEST_MEMORY_ALIGN]
	__attribute__((aligned(ANVIL_GUEST_MEMORY_ALIGN)));

static void map_rules_are_enforced(void **state)
{
	static const struct {
		const char *what;
		int result;
		unsigned int regions;
		struct anvil_guest_memory_region region[3];
	} t[] = {
		{ "one page", 0, 1, { { 0, 4096, page } } },
		{ "no region", -EINVAL, 0, { { 0, 4096, page } } },
		{ "no host address", -EINVAL, 1, { { 0, 4096, NULL } } },
		{ "no bytes", -EINVAL, 1, { { 0, 0, page } } },
		{ "odd gpa", -EINVAL, 1, { { 1, 4096, page } } },
		{ "half-page gpa", -EINVAL, 1, { { 2048, 4096, page } } },
		{ "odd size", -EINVAL, 1, { { 0, 4095, page } } },
		{ "half-page size", -EINVAL, 1, { { 0, 6144, page } } },
		{ "misaligned host", -EINVAL, 1, { { 0, 4096, page + 2048 } } },
		{ "up to 2^64", 0, 1, { { UINT64_MAX - 4095, 4096, page } } },
		{ "past 2^64", -EINVAL, 1, { { UINT64_MAX - 4095, 8192, page } } },
		{ "all of 2^64 but a page",
		  UINTPTR_MAX == UINT64_MAX ? 0 : -EINVAL, /* there a host address has 32 bits */
		  1,
		  { { 4096, UINT64_MAX - 8191, (void *)4096 } } },
		{ "up to the last host address",
		  0,
		  1,
		  { { 0, 4096, (void *)(UINTPTR_MAX - 4095) } } },
		{ "past it", -EINVAL, 1, { { 0, 8192, (void *)(UINTPTR_MAX - 4095) } } },
		{ "adjacent", 0, 2, { { 0, 4096, page }, { 4096, 4096, page } } },
		{ "a hole", 0, 2, { { 0, 4096, page }, { 12288, 4096, page } } },
		{ "overlapping", -EINVAL, 2, { { 0, 8192, page }, { 4096, 4096, page } } },
		{ "the same twice", -EINVAL, 2, { { 0, 4096, page }, { 0, 4096, page } } },
		{ "unsorted", -EINVAL, 2, { { 4096, 4096, page }, { 0, 4096, page } } },
		{ "bad last one",
		  -EINVAL,
		  3,
		  { { 0, 4096, page }, { 4096, 4096, page }, { 8192, 1, page } } },
	};
	struct anvil_guest_memory memory;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		int result = anvil_guest_memory_init(&memory, t[i].region, t[i].regions);

		if (result != t[i].result)
			fail_msg("%s: %d", t[i].what, result);
	}
}

static void map_holds_eight_regions_and_no_more(void **state)
{
	struct anvil_guest_memory_region region[ANVIL_GUEST_MEMORY_REGIONS_MAX + 1];
	struct anvil_guest_memory memory;

	(void)state;
	assert_int_equal(ANVIL_GUEST_MEMORY_REGIONS_MAX, 8);
	for (unsigned int i = 0; i < ARRAY_SIZE(region); i++)
		region[i] = (struct anvil_guest_memory_region){ i * 8192ull, 4096, page };
	assert_int_equal(anvil_guest_memory_init(&memory, region, 9), -EINVAL);
	assert_int_equal(anvil_guest_memory_init(&memory, region, 8), 0);
	assert_null(memory.tap);
	assert_true(anvil_guest_memory_contains(&memory, 7 * 8192, 4096));
	assert_false(anvil_guest_memory_contains(&memory, 8 * 8192, 1));
}

/* ---- bounds, the same for contains, read and write ---- */

static const struct {
	uint64_t gpa;
	uint64_t len;
	bool inside;
} bound[] = {
	{ RAM_LOW, 1, true },
	{ RAM_LOW - 1, 1, false },
	{ RAM_LOW - 1, 2, false },
	{ RAM_LOW, RAM_BYTES, true },
	{ RAM_LOW, RAM_BYTES + 1, true }, /* the seam is no edge */
	{ RAM_LOW, 2 * RAM_BYTES, true },
	{ RAM_LOW, 2 * RAM_BYTES + 1, false },
	{ RAM_SEAM - 1, 2, true },
	{ RAM_SEAM - 1, 1, true },
	{ RAM_SEAM, 1, true },
	{ RAM_LOW_END - 1, 1, true },
	{ RAM_LOW_END - 1, 2, false },
	{ RAM_LOW_END, 1, false },
	{ RAM_HIGH - 1, 1, false },
	{ RAM_HIGH - 1, 2, false },
	{ RAM_HIGH, RAM_BYTES, true },
	{ RAM_HIGH, RAM_BYTES + 1, false },
	{ RAM_HIGH + RAM_BYTES - 1, 1, true },
	{ RAM_HIGH + RAM_BYTES, 1, false },
	{ RAM_LOW, RAM_HIGH - RAM_LOW + 1, false }, /* both ends in RAM, a hole between */
	{ 0, 1, false },
	{ UINT64_MAX, 1, false },
	{ UINT64_MAX, 2, false },
	{ RAM_LOW, UINT64_MAX, false },
	{ RAM_LOW, UINT64_MAX - RAM_LOW + 1, false },
	{ RAM_LOW, UINT64_MAX - RAM_LOW + 2, false },
	{ 0, 0, true },
	{ UINT64_MAX, 0, true },
	{ RAM_LOW_END, 0, true },
};

static void ranges_are_checked_exactly(void **state)
{
	struct ram *ram = *state;
	static uint8_t bytes[2 * RAM_BYTES + 1];

	for (size_t i = 0; i < ARRAY_SIZE(bound); i++) {
		int expected = bound[i].inside ? 0 : -EFAULT;
		uint64_t gpa = bound[i].gpa, len = bound[i].len;

		if (anvil_guest_memory_contains(&ram->memory, gpa, len) != bound[i].inside)
			fail_msg("%zu: %#llx + %#llx", i, (unsigned long long)gpa,
				 (unsigned long long)len);
		if (len > SIZE_MAX)
			continue;
		/* a length that is refused before a byte moves needs no buffer of that size */
		assert_int_equal(anvil_guest_memory_read(&ram->memory, gpa, bytes, (size_t)len),
				 expected);
		assert_int_equal(anvil_guest_memory_write(&ram->memory, gpa, bytes, (size_t)len),
				 expected);
	}
}

static void range_may_end_at_the_top_of_the_address_space(void **state)
{
	struct anvil_guest_memory_region top = { UINT64_MAX - 4095, 4096, page };
	struct anvil_guest_memory memory;
	uint8_t byte = 0;

	(void)state;
	assert_int_equal(anvil_guest_memory_init(&memory, &top, 1), 0);
	page[4095] = 0x77;
	assert_int_equal(anvil_guest_memory_read(&memory, UINT64_MAX, &byte, 1), 0);
	assert_int_equal(byte, 0x77);
	assert_true(anvil_guest_memory_contains(&memory, UINT64_MAX - 4095, 4096));
	assert_false(anvil_guest_memory_contains(&memory, UINT64_MAX - 4095, 4097));
	assert_false(anvil_guest_memory_contains(&memory, UINT64_MAX, 2));
}

/* ---- copies ---- */

static void copies_cross_the_seam_byte_for_byte(void **state)
{
	struct ram *ram = *state;
	uint8_t out[64], in[64], seen[66];

	for (unsigned int i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i + 1);
	for (unsigned int before = 0; before <= sizeof(out); before++) {
		uint64_t gpa = RAM_SEAM - before;

		ram_fill(ram, RAM_SEAM - 100, 0xee, 200);
		assert_int_equal(anvil_guest_memory_write(&ram->memory, gpa, out, sizeof(out)), 0);
		ram_get(ram, gpa - 1, seen, sizeof(seen));
		assert_int_equal(seen[0], 0xee);
		assert_memory_equal(seen + 1, out, sizeof(out));
		assert_int_equal(seen[65], 0xee);
		memset(in, 0, sizeof(in));
		assert_int_equal(anvil_guest_memory_read(&ram->memory, gpa, in, sizeof(in)), 0);
		assert_memory_equal(in, out, sizeof(in));
	}
}

static void copies_fill_whole_regions(void **state)
{
	struct ram *ram = *state;
	size_t len = 2 * RAM_BYTES;
	uint8_t *out = malloc(len), *in = malloc(len);

	assert_non_null(out);
	assert_non_null(in);
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(i * 31 + i / 256);
	assert_int_equal(anvil_guest_memory_write(&ram->memory, RAM_LOW, out, len), 0);
	assert_int_equal(anvil_guest_memory_read(&ram->memory, RAM_LOW, in, len), 0);
	assert_memory_equal(in, out, len);
	assert_memory_equal(ram->host[0], out, RAM_BYTES);
	assert_memory_equal(ram->host[1], out + RAM_BYTES, RAM_BYTES);
	free(out);
	free(in);
}

static void failed_copies_move_no_byte(void **state)
{
	struct ram *ram = *state;
	uint8_t bytes[32], before[32];
	uint64_t sum;

	memset(bytes, 0x5a, sizeof(bytes));
	memset(before, 0x5a, sizeof(before));
	ram_fill(ram, RAM_LOW, 1, RAM_BYTES);
	sum = ram_sum(ram);
	for (uint64_t gpa = RAM_LOW_END - 31; gpa < RAM_LOW_END; gpa++) {
		assert_int_equal(anvil_guest_memory_read(&ram->memory, gpa, bytes, 32), -EFAULT);
		assert_memory_equal(bytes, before, sizeof(bytes));
		assert_int_equal(anvil_guest_memory_write(&ram->memory, gpa, bytes, 32), -EFAULT);
	}
	assert_int_equal(ram_sum(ram), sum);
}

/* ---- 16-bit accesses ---- */

static void u16_accesses_need_an_even_address_in_ram(void **state)
{
	static const struct {
		uint64_t gpa;
		int result;
	} t[] = {
		{ RAM_LOW, 0 },
		{ RAM_LOW + 1, -EFAULT },
		{ RAM_LOW - 2, -EFAULT },
		{ RAM_LOW - 1, -EFAULT },
		{ RAM_SEAM - 2, 0 },
		{ RAM_SEAM - 1, -EFAULT },
		{ RAM_SEAM, 0 },
		{ RAM_LOW_END - 2, 0 },
		{ RAM_LOW_END - 1, -EFAULT },
		{ RAM_LOW_END, -EFAULT },
		{ RAM_HIGH + RAM_BYTES - 2, 0 },
		{ RAM_HIGH + RAM_BYTES, -EFAULT },
		{ 0, -EFAULT },
		{ UINT64_MAX, -EFAULT },
		{ UINT64_MAX - 1, -EFAULT },
	};
	struct ram *ram = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint16_t value = 0x1234;

		assert_int_equal(anvil_guest_memory_store_u16(&ram->memory, t[i].gpa, 0xbeef),
				 t[i].result);
		assert_int_equal(anvil_guest_memory_load_u16(&ram->memory, t[i].gpa, &value),
				 t[i].result);
		assert_int_equal(value, t[i].result ? 0x1234 : 0xbeef);
	}
}

static void u16_accesses_are_little_endian(void **state)
{
	struct ram *ram = *state;
	uint16_t value;

	assert_int_equal(anvil_guest_memory_store_u16(&ram->memory, RAM_LOW + 6, 0x0102), 0);
	assert_int_equal(ram_get8(ram, RAM_LOW + 5), 0);
	assert_int_equal(ram_get8(ram, RAM_LOW + 6), 2);
	assert_int_equal(ram_get8(ram, RAM_LOW + 7), 1);
	assert_int_equal(ram_get8(ram, RAM_LOW + 8), 0);
	ram_put(ram, RAM_LOW + 8, "\xfe\xca", 2);
	assert_int_equal(anvil_guest_memory_load_u16(&ram->memory, RAM_LOW + 8, &value), 0);
	assert_int_equal(value, 0xcafe);
}

/* ---- the tap ---- */

struct seen {
	struct ram *ram;
	char order[16]; /* g: fetching, f: fetched, s: stored */
	uint64_t gpa;
	size_t len;
	uint8_t bytes[16];
	uint8_t change_to; /* in `fetching` and `fetched`, at the address fetched */
};

static void note(struct seen *seen, char what, uint64_t gpa, const void *bytes, size_t len)
{
	seen->order[strlen(seen->order)] = what;
	seen->gpa = gpa;
	seen->len = len;
	if (bytes)
		memcpy(seen->bytes, bytes, len);
}

static void see_fetching(void *opaque, uint64_t gpa, size_t len)
{
	struct seen *seen = opaque;

	note(seen, 'g', gpa, NULL, len);
	ram_fill(seen->ram, gpa, seen->change_to, len);
}

static void see_fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct seen *seen = opaque;

	note(seen, 'f', gpa, bytes, len);
	ram_fill(seen->ram, gpa, 0xff, len);
}

static void see_stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	note(opaque, 's', gpa, bytes, len);
}

static void tap_sees_every_access_with_its_bytes(void **state)
{
	struct ram *ram = *state;
	struct seen seen = { .ram = ram, .change_to = 0x11 };
	const struct anvil_guest_memory_tap tap = { see_fetching, see_fetched, see_stored, &seen };
	uint8_t bytes[3] = { 0 };
	uint16_t value = 0;

	ram->memory.tap = &tap;
	/* what the guest writes before the fetch counts, what it writes after does not */
	assert_int_equal(anvil_guest_memory_read(&ram->memory, RAM_SEAM - 1, bytes, 3), 0);
	assert_string_equal(seen.order, "gf");
	assert_int_equal(seen.gpa, RAM_SEAM - 1);
	assert_int_equal(seen.len, 3);
	assert_memory_equal(seen.bytes, "\x11\x11\x11", 3);
	assert_memory_equal(bytes, "\x11\x11\x11", 3);
	assert_int_equal(ram_get8(ram, RAM_SEAM), 0xff);

	seen.change_to = 0x22;
	assert_int_equal(anvil_guest_memory_load_u16(&ram->memory, RAM_HIGH + 2, &value), 0);
	assert_string_equal(seen.order, "gfgf");
	assert_int_equal(seen.gpa, RAM_HIGH + 2);
	assert_int_equal(seen.len, 2);
	assert_int_equal(value, 0x2222);

	assert_int_equal(anvil_guest_memory_write(&ram->memory, RAM_SEAM - 2, "abcd", 4), 0);
	assert_string_equal(seen.order, "gfgfs");
	assert_int_equal(seen.gpa, RAM_SEAM - 2);
	assert_int_equal(seen.len, 4);
	assert_memory_equal(seen.bytes, "abcd", 4);

	assert_int_equal(anvil_guest_memory_store_u16(&ram->memory, RAM_LOW, 0x3344), 0);
	assert_string_equal(seen.order, "gfgfss");
	assert_int_equal(seen.gpa, RAM_LOW);
	assert_int_equal(seen.len, 2);
	assert_memory_equal(seen.bytes, "\x44\x33", 2);
}

static void tap_does_not_see_refused_accesses(void **state)
{
	struct ram *ram = *state;
	uint8_t bytes[2];
	uint16_t value;

	ram_watch(ram);
	assert_int_equal(anvil_guest_memory_read(&ram->memory, RAM_LOW_END - 1, bytes, 2), -EFAULT);
	assert_int_equal(anvil_guest_memory_write(&ram->memory, RAM_LOW_END - 1, "ab", 2), -EFAULT);
	assert_int_equal(anvil_guest_memory_load_u16(&ram->memory, RAM_LOW + 1, &value), -EFAULT);
	assert_int_equal(anvil_guest_memory_store_u16(&ram->memory, RAM_LOW_END, 1), -EFAULT);
	assert_int_equal(ram->fetches + ram->stores, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- regions of more bytes than 32 bits count ---- */

#define LARGE_BYTES (UINT64_C(1) << 32)

/* Of address space alone: what is touched is a page at each end. */
static void regions_may_be_larger_than_4_gib(void **state)
{
	const uint64_t size[] = { LARGE_BYTES, LARGE_BYTES + ANVIL_GUEST_MEMORY_ALIGN };
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(size); i++) {
		struct anvil_guest_memory_region region = { .gpa = 0, .size = size[i] };
		struct anvil_guest_memory memory;

		if (size[i] > SIZE_MAX)
			continue; /* no such region on 32 bits */
		region.host = mmap(NULL, (size_t)size[i], PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		assert_ptr_not_equal(region.host, MAP_FAILED);
		assert_int_equal(anvil_guest_memory_init(&memory, &region, 1), 0);
		assert_true(anvil_guest_memory_contains(&memory, 0, size[i]));
		assert_false(anvil_guest_memory_contains(&memory, 1, size[i]));
		assert_int_equal(anvil_guest_memory_write(&memory, 0, "first", 5), 0);
		assert_int_equal(anvil_guest_memory_write(&memory, size[i] - 4, "last", 4), 0);
		assert_int_equal(anvil_guest_memory_read(&memory, 0, bytes, sizeof(bytes)), 0);
		assert_memory_equal(bytes, "first", 6);
		assert_int_equal(
			anvil_guest_memory_read(&memory, size[i] - 16, bytes, sizeof(bytes)), 0);
		assert_memory_equal(bytes + 12, "last", 4);
		assert_int_equal(munmap(region.host, (size_t)size[i]), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_rules_are_enforced),
		cmocka_unit_test(map_holds_eight_regions_and_no_more),
		TEST(ranges_are_checked_exactly),
		cmocka_unit_test(range_may_end_at_the_top_of_the_address_space),
		TEST(copies_cross_the_seam_byte_for_byte),
		TEST(copies_fill_whole_regions),
		TEST(failed_copies_move_no_byte),
		TEST(u16_accesses_need_an_even_address_in_ram),
		TEST(u16_accesses_are_little_endian),
		TEST(tap_sees_every_access_with_its_bytes),
		TEST(tap_does_not_see_refused_accesses),
		cmocka_unit_test(regions_may_be_larger_than_4_gib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
