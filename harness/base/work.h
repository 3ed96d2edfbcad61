/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steps that a device computes, without looking at memory: basic blocks of code that was compiled
 * with -fsanitize-coverage=trace-pc, which calls this at each. Of other code nothing is counted.
 */
#ifndef WORK_H
#define WORK_H

#include <stdint.h>

/* Steps are counted from 0 on, in this thread, and may be so many. */
void work_begin(uint64_t steps);
/* So many more. */
void work_allow(uint64_t steps);
/* Since work_begin. */
uint64_t work_done(void);

/* When there are more: called once, within the device; may leave by longjmp. NULL: nobody is. */
void work_watch(void (*over)(void *opaque), void *opaque);

#endif
