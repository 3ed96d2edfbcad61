/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For a device that clang compiles with -fsanitize=kernel-address: tells an access, and nothing
 * else. No AddressSanitizer in the program: for valgrind, for other sanitizers, for speed.
 */
#include "tap_clang_internal.h"
#include "tap_internal.h"

/* clang-format off */
#define FEW(kind, size, tail)                                                                      \
	void __tap_##kind##size##tail(const void *at);                                             \
	void __tap_##kind##size##tail(const void *at)                                              \
	{                                                                                          \
		if (tap_touches_few(at, size))                                                     \
			tap_tell_##kind(at, size, TAP_PLACE);                                      \
	}

#define ANY(kind, tail)                                                                            \
	void __tap_##kind##N##tail(const void *at, size_t bytes);                                  \
	void __tap_##kind##N##tail(const void *at, size_t bytes)                                   \
	{                                                                                          \
		TAP(kind, at, bytes);                                                              \
	}

TAP_CLANG(FEW, ANY)
/* clang-format on */

/* clang calls it before a function that does not return. A harness may have AddressSanitizer's own.
 */
void __asan_handle_no_return(void) __attribute__((weak));

void __asan_handle_no_return(void)
{
}
