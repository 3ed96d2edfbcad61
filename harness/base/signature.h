/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What two findings have in common when they are the same, as a line of text: numbers that vary are
 * '#' in it.
 */
#ifndef SIGNATURE_H
#define SIGNATURE_H

#include <stddef.h>

/* Adds what is first on this line to the string `text`: `len` characters at most, as many as `room`
 * has place for. Of "reads 4 bytes at 0x80001000" becomes "reads # bytes at #"; digits in a name
 * stay. */
void signature_add(char *text, size_t room, const char *what, size_t len);
/* "violation:1 stores # bytes at #", of a broken rule (1 to 10) and its reason. */
void signature_of_rule(unsigned int rule, const char *reason, char *text, size_t room);

/* Of a sanitizer's report, without functions: "address:heap-buffer-overflow read", "memory:never
 * written: disk, byte #", "undefined:division by zero". */
void signature_of_report(const char *report, char *text, size_t room);

#endif
