/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a sanitizer needs of the host, looked at before it fails for want of it: an environment that
 * is not as it should be is one line on stderr, never a finding.
 *
 *  - Address space: its maps are terabytes, of which little is ever used. `ulimit -v` and
 *    vm.overcommit_memory=2 refuse them. One line, exit status 2.
 *  - A place for its maps: with vm.mmap_rnd_bits above 28 (Ubuntu 24.04, Fedora: 32), what the
 *    kernel maps may lie where the maps of clang 14's sanitizers have to. The program starts again
 *    with fixed addresses; where that is refused (containers), one line, exit status 2.
 *  - ptrace, by which LeakSanitizer stops the process: refused in some containers, by Yama, and to
 *    what is traced already (gdb, strace). Leaks are not looked for then.
 */
#ifndef SANITIZER_H
#define SANITIZER_H

#include <stdbool.h>
#include <stddef.h>

/* Options for AddressSanitizer, for MemorySanitizer; a program may define them. */
extern const char sanitizer_options[] __attribute__((weak));
extern const char sanitizer_memory_options[] __attribute__((weak));

/* Where sanitizers write their reports: stderr, if the program has not told them otherwise. */
extern int sanitizer_reports;

/*
 * Whether leaks are looked for in this build and can be. Tried once, with a process that traces
 * this one; a process that is going to give up its rights has to ask before.
 */
bool sanitizer_sees_leaks(void);

/* Prints a line on stderr, once, if this build looks for leaks and this process cannot. */
void sanitizer_tell_leaks(void);

/* Looks for leaks now. Returns whether there is one, after a report on stderr. */
bool sanitizer_found_leak(void);

/* Leaks are not to be looked for any more. */
void sanitizer_leave_leaks(void);

/* Keeps the end of this process silent about leaks that are not looked for: its caller calls
 * sanitizer_tell_leaks where that matters. */
void sanitizer_end_quietly(void);

/* Bytes of memory that are allocated now, in all threads; 0 in a build without AddressSanitizer. */
size_t sanitizer_allocated(void);

#endif
