/* SPDX-License-Identifier: BSD-3-Clause */
#include "asan.h"

#include <stdint.h>

/* as <sanitizer/asan_interface.h> has them */
void __asan_poison_memory_region(void const volatile *at, size_t len) __attribute__((weak));
void __asan_unpoison_memory_region(void const volatile *at, size_t len) __attribute__((weak));

/* Pointers, read at run time: OSS-Fuzz takes a program with one call of these for built with it. */
static void (*volatile const poison)(void const volatile *, size_t) = __asan_poison_memory_region;
static void (*volatile const unpoison)(void const volatile *,
				       size_t) = __asan_unpoison_memory_region;

void fence_off(const void *at, size_t len)
{
	if (poison)
		poison(at, len);
}

void take_fence(const void *at, size_t len)
{
	if (unpoison)
		unpoison(at, len);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COMPILED_SO
#endif
#endif

#ifdef COMPILED_SO

void check_handed_over(const void *bytes, size_t len, bool written)
{
	(void)bytes, (void)len, (void)written;
}

#else

void *__asan_region_is_poisoned(void *at, size_t len) __attribute__((weak));
void __asan_report_error(void *pc, void *bp, void *sp, void *at, int written, size_t len)
	__attribute__((weak));

static void *(*volatile const first_poisoned)(void *, size_t) = __asan_region_is_poisoned;
static void (*volatile const report)(void *, void *, void *, void *, int,
				     size_t) = __asan_report_error;

__attribute__((noinline)) void check_handed_over(const void *bytes, size_t len, bool written)
{
	void *bad = len && first_poisoned ? first_poisoned((void *)(uintptr_t)bytes, len) : NULL;

	if (bad)
		report(__builtin_return_address(0), __builtin_frame_address(0), &bad, bad, written,
		       (size_t)((const uint8_t *)bytes + len - (uint8_t *)bad));
}

#endif
