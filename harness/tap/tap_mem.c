/* SPDX-License-Identifier: BSD-3-Clause */
/* memcpy, memmove and memset of a device without AddressSanitizer; with it, tap_asan.c has them. */
#include <string.h>

#include "tap_internal.h"

extern __typeof__(memcpy) __tap_memcpy;
extern __typeof__(memmove) __tap_memmove;
extern __typeof__(memset) __tap_memset;

void *__tap_memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	TAP(load, from, bytes);
	TAP(store, to, bytes);
	return memcpy(to, from, bytes);
}

void *__tap_memmove(void *to, const void *from, size_t bytes)
{
	TAP(load, from, bytes);
	TAP(store, to, bytes);
	return memmove(to, from, bytes);
}

void *__tap_memset(void *to, int value, size_t bytes)
{
	TAP(store, to, bytes);
	return memset(to, value, bytes);
}

/* as newer clangs call them with -fsanitize=thread */
TAP_ALIAS(__tsan_memcpy, __tap_memcpy);
TAP_ALIAS(__tsan_memmove, __tap_memmove);
TAP_ALIAS(__tsan_memset, __tap_memset);
