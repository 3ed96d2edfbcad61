/* SPDX-License-Identifier: BSD-3-Clause */
/* What the callbacks share: the range that is listened to, and how an access is told. */
#ifndef TAP_INTERNAL_H
#define TAP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tap/tap.h"

/* Nobody listens: no access touches a range that begins here and has no bytes. */
#define TAP_NOWHERE (UINTPTR_MAX / 2)

/* hidden: read without a detour by the global offset table */
extern uintptr_t tap_from __attribute__((visibility("hidden")));
extern size_t tap_bytes __attribute__((visibility("hidden")));

extern const struct tap_locks *tap_locks __attribute__((visibility("hidden")));
extern void *tap_locks_opaque __attribute__((visibility("hidden")));

void tap_tell_load(const void *at, size_t bytes, const void *place);
void tap_tell_store(const void *at, size_t bytes, const void *place);
void tap_tell_stored(const void *at, size_t bytes, const void *place);

/* The device's place, from a function that it has called */
#define TAP_PLACE __builtin_extract_return_addr(__builtin_return_address(0))

/* Of an access of a few bytes, by one compare */
static inline bool tap_touches_few(const void *at, size_t bytes)
{
	return (uintptr_t)at - tap_from + (bytes - 1) < tap_bytes + (bytes - 1);
}

/* Of any number of bytes, none and SIZE_MAX among them */
static inline bool tap_touches(const void *at, size_t bytes)
{
	return bytes && ((uintptr_t)at - tap_from < tap_bytes || tap_from - (uintptr_t)at < bytes);
}

/* In a macro, as TAP_PLACE is of the function that it stands in */
#define TAP(kind, at, bytes)                                                                       \
	(tap_touches(at, bytes) ? tap_tell_##kind(at, bytes, TAP_PLACE) : (void)0)

/* What is not worth a stack frame on the way of all other accesses */
#define TAP_SELDOM __attribute__((noinline))

/* Another name of a function in the same file */
#define TAP_ALIAS(name, of) extern __typeof__(of) name __attribute__((alias(#of)))

#endif
