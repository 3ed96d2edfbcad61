/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What goes wrong is told in one line on stderr that begins with "anvil COMMAND: ", wherever in the
 * harness it comes up.
 */
#ifndef COMPLAIN_H
#define COMPLAIN_H

#include <stdbool.h>

/* From now on lines begin with "anvil COMMAND: "; with NULL, as at first, with "anvil: " alone. */
void complain_as(const char *command);

/*
 * Writes one line: no line feed at the end of the format; control characters of what is quoted
 * become "?". What was printed on stdout before comes before it.
 */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same of a file, or anything else with a name: "PATH: WHAT". Returns false. */
bool complain_of(const char *path, const char *what);

#endif
