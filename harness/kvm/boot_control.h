/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The named pipe by which the host changes devices while the guest runs; see README.md.
 */
#ifndef BOOT_CONTROL_H
#define BOOT_CONTROL_H

#include <stddef.h>

#include "board.h"

#define BOOT_CONTROL_ROOM 64u

struct boot_control {
	int fd; /* -1: there is none */
	char line[BOOT_CONTROL_ROOM];
	size_t len; /* of the line so far; the whole room: it is too long */
};

/*
 * Opens the named pipe; `path` is NULL if there is none. Returns 0, or -EINVAL after one line in
 * `error`, of `room` bytes.
 */
int boot_control_open(struct boot_control *c, const char *path, char *error, size_t room);
void boot_control_close(struct boot_control *c);

/* Does what the lines say that have come, and answers each on stderr. */
void boot_control_read(struct boot_control *c, const struct board *board);

/* Says on stderr how far each device is. */
void boot_report(const struct board *board);

#endif
