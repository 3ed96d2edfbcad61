/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked with --wrap for each function here (ci/dut.mk): what the device calls, or the compiler for
 * it, when something is wrong. UndefinedBehaviorSanitizer's handlers report a place of the source
 * once and are silent from then on; here each place stays as new, and a report leaves the script.
 */
#include "target_catch.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What a handler's data begins with (compiler-rt, ubsan_value.h). */
struct source {
	const char *file;
	uint32_t line;
	uint32_t column; /* REPORTED, when it was */
};

#define REPORTED UINT32_MAX

static void watch(struct source *source, uint32_t column)
{
	if (column == REPORTED || source->column != REPORTED)
		return; /* not reported: there was nothing wrong */
	source->column = column;
	catch_leave(CAUGHT_UNDEFINED, NULL);
}

/* More arguments than a handler has do no harm: they are in registers. */
#define HANDLER(name)                                                                              \
	void __real___ubsan_handle_##name(struct source *source, uintptr_t a, uintptr_t b,         \
					  uintptr_t c);                                            \
	void __wrap___ubsan_handle_##name(struct source *source, uintptr_t a, uintptr_t b,         \
					  uintptr_t c);                                            \
	void __wrap___ubsan_handle_##name(struct source *source, uintptr_t a, uintptr_t b,         \
					  uintptr_t c)                                             \
	{                                                                                          \
		uint32_t column = source->column;                                                  \
                                                                                                   \
		__real___ubsan_handle_##name(source, a, b, c);                                     \
		watch(source, column);                                                             \
	}

HANDLER(type_mismatch_v1)
HANDLER(alignment_assumption)
HANDLER(add_overflow)
HANDLER(sub_overflow)
HANDLER(mul_overflow)
HANDLER(negate_overflow)
HANDLER(divrem_overflow)
HANDLER(shift_out_of_bounds)
HANDLER(out_of_bounds)
HANDLER(vla_bound_not_positive)
HANDLER(float_cast_overflow)
HANDLER(load_invalid_value)
HANDLER(invalid_builtin)
HANDLER(nonnull_arg)
HANDLER(pointer_overflow)
HANDLER(dynamic_type_cache_miss)

/* ---- the C library ---- */

void __real___assert_fail(const char *what, const char *file, unsigned int line,
			  const char *function) __attribute__((noreturn));
void __wrap___assert_fail(const char *what, const char *file, unsigned int line,
			  const char *function) __attribute__((noreturn));
void __real_exit(int status) __attribute__((noreturn));
void __wrap_exit(int status) __attribute__((noreturn));

void __wrap___assert_fail(const char *what, const char *file, unsigned int line,
			  const char *function)
{
	char text[512];

	snprintf(text, sizeof(text), "%s:%u: %s: Assertion `%s' failed.", file, line, function,
		 what);
	catch_leave(CAUGHT_ASSERTION, text);
	__real___assert_fail(what, file, line, function);
}

void __wrap_exit(int status)
{
	char text[32];

	snprintf(text, sizeof(text), "exit(%d)", status);
	catch_leave(CAUGHT_EXIT, text);
	__real_exit(status);
}

/* ---- C++'s library ---- */

void __wrap___cxa_pure_virtual(void) __attribute__((noreturn));
void __wrap__ZSt21__glibcxx_assert_failPKciS0_S0_(const char *file, int line, const char *function,
						  const char *what) __attribute__((noreturn));

void __wrap___cxa_pure_virtual(void)
{
	catch_say("a pure virtual function is called");
	abort();
}

/* With _GLIBCXX_ASSERTIONS */
void __wrap__ZSt21__glibcxx_assert_failPKciS0_S0_(const char *file, int line, const char *function,
						  const char *what)
{
	__wrap___assert_fail(what, file, (unsigned int)line, function);
}
