/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linux' Landlock: a thread gives up the file system, but for what is listed. The numbers are those
 * of the kernel's ABI, which headers of the time of Linux 5.13 to 6.15 have in part.
 */
#ifndef LANDLOCK_H
#define LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

struct landlock_rules {
	const char *const *readable; /* files that may be read; what does not exist is left out */
	size_t readable_count;
	bool all_readable; /* all files may be read and run; none written */
	bool tcp;	   /* TCP sockets may be bound and connected */
};

/* The ABI's version, or 0: this kernel has none, or it is not switched on. */
int landlock_abi(void);

/*
 * Takes from this thread, and those that it will start, all that ABI 7 and older can take: making,
 * opening, changing or removing files, TCP (from ABI 4), signals to others and their abstract
 * sockets (6). Files that are open stay usable. Needs no_new_privs. Returns 0 or a negative errno.
 */
int landlock_restrict(int abi, const struct landlock_rules *rules)
	__attribute__((warn_unused_result));

#endif
