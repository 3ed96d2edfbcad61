/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file of signatures that are known and accepted: one a line, `*` at the end of a line stands for
 * any end; empty lines and those that begin with `#` say nothing.
 */
#ifndef KNOWN_H
#define KNOWN_H

#include <stdbool.h>
#include <stddef.h>

struct known {
	char **line;
	size_t count;
};

/* Adds those of a file. False after one line on stderr. `k` begins as zeroes. */
bool known_read(struct known *k, const char *path);
bool known_has(const struct known *k, const char *signature);
void known_free(struct known *k);

#endif
