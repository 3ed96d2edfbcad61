/* SPDX-License-Identifier: BSD-3-Clause */
/* base/work.h: where a device's steps are counted, the bytes that it copies are counted, too. */
#include "support.h"

#include "base/work.h"
#include "guest_memory.h"

#define BYTES 4096u

static void copies_of_devices_are_counted_with_their_steps(void **state)
{
	struct ram ram;
	uint8_t bytes[BYTES];
	uint64_t gpa;

	(void)state;
	ram_init(&ram);
	gpa = ram.memory.region[0].gpa;
	work_begin(UINT64_MAX);
	assert_int_equal(anvil_guest_memory_read(&ram.memory, gpa, bytes, BYTES), 0);
	if (work_done()) {
		assert_int_equal(work_copied(), BYTES);
		assert_int_equal(anvil_guest_memory_write(&ram.memory, gpa, bytes, 100), 0);
		assert_int_equal(work_copied(), BYTES + 100);
	}
	ram_destroy(&ram);
}

/* In the place of those in a device's objects: without a sanitizer. */
void *work_memcpy(void *to, const void *from, size_t len);
void *work_memmove(void *to, const void *from, size_t len);
void *work_memset(void *to, int byte, size_t len);

static void copies_are_made_and_counted(void **state)
{
	char bytes[] = "0123456789";

	(void)state;
	work_begin(0);
	assert_int_equal(work_copied(), 0);
	assert_ptr_equal(work_memcpy(bytes, "abc", 3), bytes);
	assert_string_equal(bytes, "abc3456789");
	assert_int_equal(work_copied(), 3);
	assert_ptr_equal(work_memmove(bytes + 1, bytes, 5), bytes + 1);
	assert_string_equal(bytes, "aabc346789");
	assert_int_equal(work_copied(), 8);
	assert_ptr_equal(work_memset(bytes, '-', 7), bytes);
	assert_string_equal(bytes, "-------789");
	assert_int_equal(work_copied(), 15);
	work_allow_copies(4);
	work_allow_copies(5);
	assert_int_equal(work_copies_allowed(), 9);
	work_begin(0);
	assert_int_equal(work_copied(), 0);
	assert_int_equal(work_copies_allowed(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_of_devices_are_counted_with_their_steps),
		cmocka_unit_test(copies_are_made_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
