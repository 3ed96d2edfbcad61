/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MemorySanitizer: check_initialized reports uninitialised bytes, for those that a device stores in
 * guest memory; first_unwritten is the first of them, or -1. take_as_written: somebody has written
 * these, whom MemorySanitizer does not see. A function that is SEES_NOTHING takes all for written.
 * MSAN_COMPILED: whether MemorySanitizer has compiled this code.
 * enter_library and leave_library stand around calls into libraries that were built without
 * MemorySanitizer, and would be reported by mistake.
 */
#ifndef MSAN_H
#define MSAN_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define MSAN_COMPILED		      1
#define check_initialized(bytes, len) __msan_check_mem_is_initialized(bytes, len)
#define first_unwritten(bytes, len)   __msan_test_shadow(bytes, len)
#define take_as_written(bytes, len)   __msan_unpoison(bytes, len)
#define SEES_NOTHING		      __attribute__((no_sanitize("memory")))
#define enter_library()		      __msan_scoped_disable_interceptor_checks()
#define leave_library()		      __msan_scoped_enable_interceptor_checks()
#endif
#endif

#ifndef check_initialized
#define MSAN_COMPILED		      0
#define check_initialized(bytes, len) ((void)(bytes), (void)(len))
#define first_unwritten(bytes, len)   ((void)(bytes), (void)(len), (ptrdiff_t)-1)
#define take_as_written(bytes, len)   ((void)(bytes), (void)(len))
#define SEES_NOTHING
#endif

#ifndef enter_library
#define enter_library() ((void)0)
#define leave_library() ((void)0)
#endif

#endif
