/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device computes, without looking at guest memory. Steps are basic blocks of code that was
 * compiled with -fsanitize-coverage=trace-pc, which calls this at each. Bytes that a step copies or
 * sets by one of memcpy, memmove and memset are counted where objcopy has renamed these by
 * work.syms; not those few that the compiler has made plain instructions of. Of other code nothing
 * is counted.
 */
#ifndef WORK_H
#define WORK_H

#include <stdint.h>

/* Counted from 0 on, in this thread; and may be so many steps. */
void work_begin(uint64_t steps);
/* So many more; and so many bytes copied, which are none at first. */
void work_allow(uint64_t steps);
void work_allow_copies(uint64_t bytes);
/* Since work_begin. */
uint64_t work_done(void);
uint64_t work_copied(void);
/* How many bytes may be copied; more are no more than counted. */
uint64_t work_copies_allowed(void);

/* When there are more steps: called once, within the device; may leave by longjmp. NULL: nobody is.
 */
void work_watch(void (*over)(void *opaque), void *opaque);

#endif
