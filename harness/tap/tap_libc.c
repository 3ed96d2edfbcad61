/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Functions of the C library that look at guest RAM or change it. No compiler tells what they do: a
 * device's objects call these instead, after objcopy --redefine-syms=tap_libc.syms.
 */
#include <string.h>

#include "tap_internal.h"

extern __typeof__(memcpy) __tap_memcpy;
extern __typeof__(memmove) __tap_memmove;
extern __typeof__(memset) __tap_memset;
extern __typeof__(memcmp) __tap_memcmp, __tap_bcmp;
extern __typeof__(memchr) __tap_memchr;
extern __typeof__(strlen) __tap_strlen;
extern __typeof__(strnlen) __tap_strnlen;
extern __typeof__(strncpy) __tap_strncpy;
extern __typeof__(mempcpy) __tap_mempcpy;
void *__tap_memcpy_chk(void *to, const void *from, size_t bytes, size_t room);
void *__tap_memmove_chk(void *to, const void *from, size_t bytes, size_t room);
void *__tap_memset_chk(void *to, int value, size_t bytes, size_t room);

int __tap_memcmp(const void *a, const void *b, size_t bytes)
{
	TAP(load, a, bytes);
	TAP(load, b, bytes);
	return memcmp(a, b, bytes);
}

int __tap_bcmp(const void *a, const void *b, size_t bytes)
{
	TAP(load, a, bytes);
	TAP(load, b, bytes);
	return memcmp(a, b, bytes);
}

void *__tap_memchr(const void *at, int value, size_t bytes)
{
	TAP(load, at, bytes);
	return memchr(at, value, bytes);
}

/* Those that end at a byte of 0 are told with it. */
static size_t bytes_of(const char *text, size_t limit)
{
	size_t bytes = strnlen(text, limit);

	return bytes < limit ? bytes + 1 : bytes;
}

size_t __tap_strlen(const char *text)
{
	TAP(load, text, strlen(text) + 1);
	return strlen(text);
}

size_t __tap_strnlen(const char *text, size_t limit)
{
	TAP(load, text, bytes_of(text, limit));
	return strnlen(text, limit);
}

char *__tap_strncpy(char *restrict to, const char *restrict from, size_t bytes)
{
	TAP(load, from, bytes_of(from, bytes));
	TAP(store, to, bytes);
	return strncpy(to, from, bytes);
}

void *__tap_mempcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	TAP(load, from, bytes);
	TAP(store, to, bytes);
	return mempcpy(to, from, bytes);
}

/* What _FORTIFY_SOURCE makes of memcpy and the like. They jump, so that the place is the device's.
 */

void *__tap_memcpy_chk(void *to, const void *from, size_t bytes, size_t room)
{
	if (bytes > room)
		__builtin_trap();
	return __tap_memcpy(to, from, bytes);
}

void *__tap_memmove_chk(void *to, const void *from, size_t bytes, size_t room)
{
	if (bytes > room)
		__builtin_trap();
	return __tap_memmove(to, from, bytes);
}

void *__tap_memset_chk(void *to, int value, size_t bytes, size_t room)
{
	if (bytes > room)
		__builtin_trap();
	return __tap_memset(to, value, bytes);
}
