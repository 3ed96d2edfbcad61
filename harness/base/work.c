/* SPDX-License-Identifier: BSD-3-Clause */
#include "work.h"

#include <stddef.h>
#include <string.h>

#include "base/msan.h"

static _Thread_local struct {
	uint64_t left; /* of `limit`; it goes round when there are more */
	uint64_t limit;
	uint64_t copied;
	uint64_t copies;
	void (*over)(void *opaque);
	void *opaque;
} work = { UINT64_MAX, UINT64_MAX, 0, 0, NULL, NULL };

void work_begin(uint64_t steps)
{
	work.left = work.limit = steps;
	work.copied = work.copies = 0;
}

void work_allow(uint64_t steps)
{
	if (steps > UINT64_MAX - work.limit)
		steps = UINT64_MAX - work.limit;
	work.left += steps;
	work.limit += steps;
}

void work_allow_copies(uint64_t bytes)
{
	work.copies += bytes;
}

uint64_t work_done(void)
{
	return work.limit - work.left;
}

uint64_t work_copied(void)
{
	return work.copied;
}

uint64_t work_copies_allowed(void)
{
	return work.copies;
}

void work_watch(void (*over)(void *opaque), void *opaque)
{
	work.over = over;
	work.opaque = opaque;
	work.left += UINT64_MAX - work.limit;
	work.limit = UINT64_MAX;
}

static __attribute__((noinline, cold)) void over(void)
{
	work_allow(UINT64_MAX);
	if (work.over)
		work.over(work.opaque);
}

static inline void step(void)
{
	if (__builtin_expect(work.left-- == 0, 0))
		over();
}

/* What the linker puts in the place of libFuzzer's own; and where there is no libFuzzer. It is
 * called so often that each instruction counts: ci/flavour.mk compiles this file without frame
 * pointers. */
void __wrap___sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void);

void __wrap___sanitizer_cov_trace_pc(void)
{
	step();
}

__attribute__((weak)) void __sanitizer_cov_trace_pc(void)
{
	step();
}

/*
 * What objcopy puts in a device's objects in the place of these functions, or of a sanitizer's own
 * (work.syms). Each ends in a jump (from -O2 on), so that in a report it was the device that called
 * them. MemorySanitizer's caller does not say which arguments are written.
 */
#define COPIES(name, what)                                                                         \
	void *work_##name(void *to, what, size_t len);                                             \
	SEES_NOTHING void *work_##name(void *to, what, size_t len)                                 \
	{                                                                                          \
		work.copied += len;                                                                \
		return name(to, from, len);                                                        \
	}

#define COPIES_OF(sanitizer, name, what)                                                           \
	__attribute__((weak)) void *__##sanitizer##_##name(void *to, what, size_t len);            \
	void *work_##sanitizer##_##name(void *to, what, size_t len);                               \
	SEES_NOTHING void *work_##sanitizer##_##name(void *to, what, size_t len)                   \
	{                                                                                          \
		work.copied += len;                                                                \
		return __##sanitizer##_##name(to, from, len);                                      \
	}

COPIES(memcpy, const void *from)
COPIES(memmove, const void *from)
COPIES(memset, int from)
/* in any code that MemorySanitizer has not compiled, AddressSanitizer may be in the program */
#if MSAN_COMPILED
COPIES_OF(msan, memcpy, const void *from)
COPIES_OF(msan, memmove, const void *from)
COPIES_OF(msan, memset, int from)
#else
COPIES_OF(asan, memcpy, const void *from)
COPIES_OF(asan, memmove, const void *from)
COPIES_OF(asan, memset, int from)
#endif
