/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Functions that stop in the middle and go on later, each on a stack of its own, all in one thread:
 * one goes on when another one says so. AddressSanitizer is told of each change of stacks. The main
 * one is what was there before, and has no struct fiber.
 */
#ifndef FIBER_H
#define FIBER_H

#include <stdbool.h>

struct fiber;

/* Whether this machine has them: x86-64 alone. */
bool fiber_possible(void);

/* Calls `run`, which never returns, when it is switched to for the first time. No memory: abort. */
struct fiber *fiber_create(void (*run)(void *opaque), void *opaque);
/* It begins anew, wherever it was; not the one that runs. */
void fiber_renew(struct fiber *f);

/* Goes on there, until somebody switches back; NULL: the main one. */
void fiber_switch(struct fiber *to);

/* Calls `how`, which does not return, on the main stack: longjmp does not lead from one stack to
 * another. The fiber that called this is to be renewed. */
void fiber_leave(void (*how)(void *opaque), void *opaque) __attribute__((noreturn));

#endif
