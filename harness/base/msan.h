/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Under MemorySanitizer: bytes that leave the host must have been written by somebody; libraries
 * that it has not compiled compare bytes of which it does not know that they were. Under
 * AddressSanitizer: bytes that nobody may touch for a while.
 */
#ifndef MSAN_H
#define MSAN_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define check_initialized(bytes, len) __msan_check_mem_is_initialized(bytes, len)
#define enter_library()		      __msan_scoped_disable_interceptor_checks()
#define leave_library()		      __msan_scoped_enable_interceptor_checks()
#endif
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define fence_off(at, len)  __asan_poison_memory_region(at, len)
#define take_fence(at, len) __asan_unpoison_memory_region(at, len)
#endif
#endif

#ifndef check_initialized
#define check_initialized(bytes, len) ((void)(bytes), (void)(len))
#endif

#ifndef enter_library
#define enter_library() ((void)0)
#define leave_library() ((void)0)
#endif

#ifndef fence_off
#define fence_off(at, len)  ((void)(at), (void)(len))
#define take_fence(at, len) ((void)(at), (void)(len))
#endif

#endif
