/* SPDX-License-Identifier: BSD-3-Clause */
#include "work.h"

#include <stddef.h>

static _Thread_local struct {
	uint64_t left; /* of `limit`; it goes round when there are more */
	uint64_t limit;
	void (*over)(void *opaque);
	void *opaque;
} work = { UINT64_MAX, UINT64_MAX, NULL, NULL };

void work_begin(uint64_t steps)
{
	work.left = work.limit = steps;
}

void work_allow(uint64_t steps)
{
	if (steps > UINT64_MAX - work.limit)
		steps = UINT64_MAX - work.limit;
	work.left += steps;
	work.limit += steps;
}

uint64_t work_done(void)
{
	return work.limit - work.left;
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
