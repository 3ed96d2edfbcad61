/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a fuzz target would call the same finding (targets/target_signature.h), of the report of a
 * process that it ended: so one list of known ones is for both.
 */
#ifndef CRASH_SIGNATURE_H
#define CRASH_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#define CRASH_SIGNATURE_BYTES 400u

/* "address:heap-buffer-overflow read in f < g < h". False: the report has no stack of a device. */
bool crash_signature(const char *report, char *text, size_t room);

/* "leak:f", of LeakSanitizer's: the function that has allocated what is lost. */
void crash_leak(const char *report, char *text, size_t room);

#endif
