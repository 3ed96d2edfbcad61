/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The second half of sandbox.h: which system calls a runner makes, and what happens at any other.
 */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

/* What makes a call allowed; CALLS_ALWAYS goes without saying. */
enum calls_for {
	CALLS_ALWAYS = 1,
	CALLS_DISK_FILE = 2,
	CALLS_DISK_IO_URING = 4,
	CALLS_TAP = 8,
	CALLS_SOCKETS = 16,
	CALLS_SANITIZER = 32, /* its reports, with the stacks' symbols, and the search for leaks */
	CALLS_COVERAGE = 64,  /* a profile written at exit */
};

/*
 * Refuses, to all threads of the process, calls that are for none of `purposes`. A refused one ends
 * the process with SANDBOX_REFUSED and a line on stderr, after `on_refusal` (NULL: nothing) has run
 * in the signal handler. Returns how many calls are allowed at least in part, or a negative errno.
 */
int calls_restrict(unsigned int purposes, void (*on_refusal)(void))
	__attribute__((warn_unused_result));

#endif
