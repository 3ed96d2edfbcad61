/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked with --wrap for each function here (ci/dut.mk): what the compiler calls where a device of
 * -fsanitize=memory makes a decision by what nobody has written, and the harness where it is given
 * such bytes. They report, and the script is left. An origin is a number for how a value came
 * there.
 */
#include "target_catch.h"

#include <stdint.h>
#include <string.h>

#include "base/msan.h"
#include "base/sanitizer.h"

/* A summary is not written anywhere, but tells that something was reported. */
const char sanitizer_memory_options[] = CATCH_OPTIONS ":print_summary=1:fast_unwind_on_fatal=1";

/* MemorySanitizer leaves it to the program, which may have it. */
void __sanitizer_report_error_summary(const char *summary);

void __real___msan_warning_with_origin(uint32_t origin);
void __wrap___msan_warning_with_origin(uint32_t origin);
void __real___msan_warning_with_origin_noreturn(uint32_t origin) __attribute__((noreturn));
void __wrap___msan_warning_with_origin_noreturn(uint32_t origin) __attribute__((noreturn));
uint32_t __msan_get_origin(const volatile void *at);
void __real___msan_check_mem_is_initialized(const volatile void *bytes, size_t len);
void __wrap___msan_check_mem_is_initialized(const volatile void *bytes, size_t len);

void __sanitizer_report_error_summary(const char *summary)
{
	/* UndefinedBehaviorSanitizer has them, too */
	if (strstr(summary, "MemorySanitizer: "))
		catch_report(CAUGHT_MEMORY, NULL);
}

static void warn(const void *origin)
{
	__real___msan_warning_with_origin(*(const uint32_t *)origin);
}

void __wrap___msan_warning_with_origin(uint32_t origin)
{
	catch_reportable(CAUGHT_MEMORY, origin, warn, &origin);
}

/* The harness's own code does not go on behind it. */
void __wrap___msan_warning_with_origin_noreturn(uint32_t origin)
{
	catch_reportable(CAUGHT_MEMORY, origin, warn, &origin);
	__real___msan_warning_with_origin_noreturn(origin);
}

struct bytes {
	const volatile void *at;
	size_t len;
};

static void check(const void *opaque)
{
	const struct bytes *b = opaque;

	__real___msan_check_mem_is_initialized(b->at, b->len);
}

void __wrap___msan_check_mem_is_initialized(const volatile void *bytes, size_t len)
{
	ptrdiff_t first = first_unwritten(bytes, len);
	struct bytes b = { bytes, len };

	if (first >= 0)
		catch_reportable(CAUGHT_MEMORY,
				 __msan_get_origin((const volatile char *)bytes + first), check,
				 &b);
}
