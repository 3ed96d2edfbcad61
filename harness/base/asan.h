/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AddressSanitizer, where it is in the program but has not compiled this code: in fuzz targets the
 * harness is plain, and its copies are too (target_copy.c). Where it is not, these do nothing.
 */
#ifndef ASAN_H
#define ASAN_H

#include <stdbool.h>
#include <stddef.h>

/* Makes each access to these bytes an error until take_fence. */
void fence_off(const void *at, size_t len);
void take_fence(const void *at, size_t len);

/*
 * For memory that a device hands over, before the harness reads or writes it: one that a program
 * must not touch is reported as if this place had touched it. Code that AddressSanitizer has
 * compiled is silent here; its access is what is reported.
 */
void check_handed_over(const void *bytes, size_t len, bool written);

#endif
