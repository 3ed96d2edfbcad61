/* SPDX-License-Identifier: BSD-3-Clause */
#include "work.h"

#include <stddef.h>

static _Thread_local struct {
	uint64_t done;
	uint64_t limit;
	void (*over)(void *opaque);
	void *opaque;
} work = { .limit = UINT64_MAX };

void work_begin(uint64_t steps)
{
	work.done = 0;
	work.limit = steps;
}

void work_allow(uint64_t steps)
{
	work.limit = steps < UINT64_MAX - work.limit ? work.limit + steps : UINT64_MAX;
}

uint64_t work_done(void)
{
	return work.done;
}

void work_watch(void (*over)(void *opaque), void *opaque)
{
	work.over = over;
	work.opaque = opaque;
	work.limit = UINT64_MAX;
}

static void step(void)
{
	if (__builtin_expect(++work.done <= work.limit, 1))
		return;
	work.limit = UINT64_MAX;
	if (work.over)
		work.over(work.opaque);
}

/* What the linker puts in the place of libFuzzer's own; and where there is no libFuzzer. */
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
