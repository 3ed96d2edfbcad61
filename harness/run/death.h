/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who ends a process in which a device plays: the device, or somebody else. A signal that another
 * process or a terminal sends, a limit of the host, the kernel where memory is short: none of that
 * is a finding. What the device itself raises is, SIGKILL included.
 */
#ifndef DEATH_H
#define DEATH_H

#include <stdbool.h>
#include <stddef.h>

struct rusage;

/* In memory that outlives the process. */
struct death {
	volatile int foreign;	   /* the signal that came from outside; 0: none did */
	volatile int sender;	   /* the process that sent it; 0: the kernel, or a terminal */
	volatile bool killed_self; /* the process sent SIGKILL */
};

/*
 * From now on, what ends this process is noted in `d`. Signals that others handle, a sanitizer for
 * one, are passed on to them. Where the kernel has no seccomp, SIGKILL is taken for foreign.
 */
void death_watch(struct death *d);

/*
 * Whether something else than the device ended the process; if so, `why` says what. `report` is the
 * text that the process wrote to stderr, or NULL.
 */
bool death_is_foreign(const struct death *d, int status, const struct rusage *usage,
		      const char *report, char *why, size_t room);

#endif
