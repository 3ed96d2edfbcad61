/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For a device that clang compiles with -fsanitize=address: tells an access, then goes on to
 * AddressSanitizer as if it had been called at once.
 *
 * Each callback ends in a jump, so that a report has the device's line as its frame #0 and not this
 * file's: compile with -O2 (clang 14 jumps so from there on), and without sanitizers.
 */
#include "tap_clang_internal.h"
#include "tap_internal.h"

/* clang-format off */
#define FEW(kind, size, tail)                                                                      \
	void __asan_##kind##size##tail(const void *at);                                            \
	void __tap_##kind##size##tail(const void *at);                                             \
	TAP_SELDOM static void tell_##kind##size##tail(const void *at, const void *place)          \
	{                                                                                          \
		tap_tell_##kind(at, size, place);                                                  \
		__asan_##kind##size##tail(at);                                                     \
	}                                                                                          \
	void __tap_##kind##size##tail(const void *at)                                              \
	{                                                                                          \
		if (tap_touches_few(at, size))                                                     \
			tell_##kind##size##tail(at, TAP_PLACE);                                    \
		else                                                                               \
			__asan_##kind##size##tail(at);                                             \
	}

#define ANY(kind, tail)                                                                            \
	void __asan_##kind##N##tail(const void *at, size_t bytes);                                 \
	void __tap_##kind##N##tail(const void *at, size_t bytes);                                  \
	void __tap_##kind##N##tail(const void *at, size_t bytes)                                   \
	{                                                                                          \
		TAP(kind, at, bytes);                                                              \
		__asan_##kind##N##tail(at, bytes);                                                 \
	}

TAP_CLANG(FEW, ANY)
/* clang-format on */

void *__asan_memcpy(void *to, const void *from, size_t bytes);
void *__asan_memmove(void *to, const void *from, size_t bytes);
void *__asan_memset(void *to, int value, size_t bytes);
void *__tap_memcpy(void *to, const void *from, size_t bytes);
void *__tap_memmove(void *to, const void *from, size_t bytes);
void *__tap_memset(void *to, int value, size_t bytes);

void *__tap_memcpy(void *to, const void *from, size_t bytes)
{
	TAP(load, from, bytes);
	TAP(store, to, bytes);
	return __asan_memcpy(to, from, bytes);
}

void *__tap_memmove(void *to, const void *from, size_t bytes)
{
	TAP(load, from, bytes);
	TAP(store, to, bytes);
	return __asan_memmove(to, from, bytes);
}

void *__tap_memset(void *to, int value, size_t bytes)
{
	TAP(store, to, bytes);
	return __asan_memset(to, value, bytes);
}
