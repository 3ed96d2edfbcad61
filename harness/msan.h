/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Under MemorySanitizer: bytes that leave the host must have been written by somebody. Under
 * AddressSanitizer: bytes that nobody may touch for a while; there is none if its runtime is not.
 */
#ifndef MSAN_H
#define MSAN_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define check_initialized(bytes, len) __msan_check_mem_is_initialized(bytes, len)
#endif
#endif

#ifndef check_initialized
#define check_initialized(bytes, len) ((void)(bytes), (void)(len))
#endif

void __asan_poison_memory_region(void const volatile *at, size_t len) __attribute__((weak));
void __asan_unpoison_memory_region(void const volatile *at, size_t len) __attribute__((weak));

static inline void fence_off(const void *at, size_t len)
{
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(at, len);
}

static inline void take_fence(const void *at, size_t len)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(at, len);
}

#endif
