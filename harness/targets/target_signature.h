/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What two findings have in common when they are the same: a line of text. Numbers that vary are
 * '#' in it; of a stack it has the innermost functions of the device.
 */
#ifndef TARGET_SIGNATURE_H
#define TARGET_SIGNATURE_H

#include "target_catch.h"

#define SIGNATURE_BYTES 400u

/* Of a verdict, or, if it is not NULL, of what was caught; without functions. */
void signature_head(const struct verdict *v, const struct caught *c, char *text, size_t room);
/* Adds the functions: " in read < get". Takes milliseconds, where their names are not known yet. */
void signature_add_functions(const struct caught *c, char *text, size_t room);
/* One line for each frame of the stack, up to the harness. */
void signature_print_stack(const struct caught *c, FILE *out);
/* A report with its functions' names, without the bytes of AddressSanitizer's map. */
void signature_print_report(const char *text, FILE *out);

#endif
