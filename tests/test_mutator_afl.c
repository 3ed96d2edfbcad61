/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What afl-fuzz gets from the mutator: mutants that are scripts, in buffers that are the mutator's,
 * and trimming that drops whole operations and ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "targets/target.h"
#include "targets/mutator_afl.h"

FUZZ_TARGET(DEVICE_NET, OP_INIT, OP_TX, OP_RX, OP_RACE);

static uint32_t seed_state = 1;

static uint32_t any(void)
{
	seed_state = seed_state * 1664525u + 1013904223u;
	return seed_state >> 8;
}

/* On the heap and of the exact size, so that AddressSanitizer sees a read beyond its end */
static uint8_t *any_bytes(size_t len)
{
	uint8_t *bytes = malloc(len ? len : 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)any();
	return bytes;
}

static struct mutator_afl *create(unsigned int seed)
{
	struct mutator_afl *m = afl_custom_init(NULL, seed);

	assert_non_null(m);
	return m;
}

static void assert_canonical(const uint8_t *bytes, size_t len)
{
	uint8_t again[SCRIPT_BYTES_MAX];
	struct script s;

	script_decode(bytes, len, &s);
	assert_int_equal(s.header.code, fuzz_target.kind);
	assert_int_equal(script_encode(&s, again, sizeof(again)), len);
	assert_memory_equal(bytes, again, len);
}

static void mutants_are_scripts_of_the_target(void **state)
{
	struct mutator_afl *m = create(7);
	unsigned int crossed = 0;

	(void)state;
	for (unsigned int i = 0; i < 3000; i++) {
		size_t size = any() % (2 * SCRIPT_BYTES_MAX);
		size_t other_size = any() % SCRIPT_BYTES_MAX;
		uint8_t *buf = any_bytes(size);
		uint8_t *other = i % 2 ? any_bytes(other_size) : NULL;
		uint8_t *out = NULL;
		size_t made =
			afl_custom_fuzz(m, buf, size, &out, other, other ? other_size : 0, 1 << 20);

		assert_in_range(made, SCRIPT_OP_BYTES, SCRIPT_BYTES_MAX);
		assert_canonical(out, made);
		if (!strcmp(afl_custom_describe(m, 64), "crossover")) {
			assert_non_null(other);
			crossed++;
		}
		free(buf);
		free(other);
		out[made - 1] = 0; /* still there, and ours to write to as AFL++ does */
	}
	assert_in_range(crossed, 500, 1000);
	afl_custom_deinit(m);
}

static void room_is_kept_to(void **state)
{
	struct mutator_afl *m = create(8);
	uint8_t *buf = any_bytes(20 * SCRIPT_OP_BYTES);

	(void)state;
	for (size_t room = 0; room < 10 * SCRIPT_OP_BYTES; room++) {
		uint8_t *out = NULL;
		size_t made = afl_custom_fuzz(m, buf, 20 * SCRIPT_OP_BYTES, &out, buf,
					      20 * SCRIPT_OP_BYTES, room);

		assert_non_null(out);
		assert_true(made <= room);
		assert_int_equal(made % SCRIPT_OP_BYTES, 0);
	}
	free(buf);
	afl_custom_deinit(m);
}

static void the_same_seed_gives_the_same_mutants(void **state)
{
	struct mutator_afl *a = create(9);
	struct mutator_afl *b = create(9);
	uint8_t *x = any_bytes(240);
	uint8_t *y = any_bytes(240);

	(void)state;
	for (unsigned int i = 0; i < 500; i++) {
		uint8_t *one = NULL;
		uint8_t *two = NULL;
		size_t made = afl_custom_fuzz(a, x, 240, &one, y, 240, 4096);

		assert_int_equal(afl_custom_fuzz(b, x, 240, &two, y, 240, 4096), made);
		assert_ptr_not_equal(one, two);
		assert_memory_equal(one, two, made);
	}
	free(x);
	free(y);
	afl_custom_deinit(a);
	afl_custom_deinit(b);
}

/* What "the same coverage" means to the loop below: these of the operations, in this order */
static bool has_all(const struct script *s, const struct script_op *wanted, unsigned int count)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < s->ops && found < count; i++)
		found += !memcmp(&s->op[i], &wanted[found], sizeof(*wanted));
	return found == count;
}

/* Trims as afl-fuzz does; returns the size of what is left in `kept` */
static size_t trim(struct mutator_afl *m, uint8_t *buf, size_t size, const struct script_op *wanted,
		   unsigned int count, uint8_t *kept)
{
	int32_t max = afl_custom_init_trim(m, buf, size);
	size_t left = 0;
	int32_t at = 0;

	for (int32_t i = 0; at < max; i++) {
		uint8_t *out = NULL;
		size_t len = afl_custom_trim(m, &out);
		struct script s;
		bool fine;

		assert_true(i < max);
		assert_true(len >= SCRIPT_OP_BYTES && len < size);
		assert_int_equal(len % SCRIPT_OP_BYTES, 0);
		script_decode(out, len, &s);
		fine = has_all(&s, wanted, count);
		if (fine)
			memcpy(kept, out, left = len);
		at = afl_custom_post_trim(m, fine);
	}
	return left;
}

static void trimming_leaves_what_is_needed(void **state)
{
	struct mutator_afl *m = create(10);

	(void)state;
	for (unsigned int i = 0; i < 300; i++) {
		size_t size = (2 + i % SCRIPT_OPS_MAX) * SCRIPT_OP_BYTES - i % 3;
		uint8_t *buf = any_bytes(size);
		uint8_t kept[SCRIPT_BYTES_MAX];
		struct script_op wanted[2];
		struct script all;
		struct script s;
		size_t left;

		script_decode(buf, size, &all);
		wanted[0] = all.op[any() % all.ops];
		left = trim(m, buf, size, wanted, 1, kept);
		if (all.ops > 1) {
			script_decode(kept, left, &s);
			assert_int_equal(s.ops, 1);
			assert_memory_equal(&s.header, &all.header, sizeof(s.header));
			assert_memory_equal(&s.op[0], &wanted[0], sizeof(wanted[0]));
		}
		wanted[0] = all.op[0];
		wanted[1] = all.op[all.ops - 1];
		left = trim(m, buf, size, wanted, all.ops > 1 ? 2 : 1, kept);
		assert_int_equal(left, all.ops > 2 ? 3 * SCRIPT_OP_BYTES : 0);
		free(buf);
	}
	afl_custom_deinit(m);
}

static void a_script_without_operations_is_not_trimmed(void **state)
{
	struct mutator_afl *m = create(11);
	uint8_t bytes[SCRIPT_OP_BYTES] = { 0 };

	(void)state;
	assert_int_equal(afl_custom_init_trim(m, bytes, 0), 0);
	assert_int_equal(afl_custom_init_trim(m, bytes, 1), 0);
	assert_int_equal(afl_custom_init_trim(m, bytes, sizeof(bytes)), 0);
	afl_custom_deinit(m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutants_are_scripts_of_the_target),
		cmocka_unit_test(room_is_kept_to),
		cmocka_unit_test(the_same_seed_gives_the_same_mutants),
		cmocka_unit_test(trimming_leaves_what_is_needed),
		cmocka_unit_test(a_script_without_operations_is_not_trimmed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
