/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Under MemorySanitizer: bytes that leave the host must have been written by somebody.
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

#endif
