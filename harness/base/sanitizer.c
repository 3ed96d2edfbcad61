/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked to every program that is built with a sanitizer. Until the maps are there, nothing may be
 * called that a sanitizer watches: system calls only, from functions that are not instrumented.
 */
#include "sanitizer.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOOKS_FOR_LEAKS true
#endif
#if __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define MAPS_ALL_MEMORY true
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define LOOKS_FOR_LEAKS true
#endif

#ifndef LOOKS_FOR_LEAKS
#define LOOKS_FOR_LEAKS false
#endif
#ifndef MAPS_ALL_MEMORY
#define MAPS_ALL_MEMORY false
#endif

#ifdef __clang__
#define NOT_INSTRUMENTED                                                                           \
	__attribute__((disable_sanitizer_instrumentation, no_sanitize("address", "undefined")))
#else
#define NOT_INSTRUMENTED
#endif

int sanitizer_reports = STDERR_FILENO;

/* What the sanitizers ask, before they map anything: so that is when to look. */
const char *__asan_default_options(void);
const char *__msan_default_options(void);
const char *__tsan_default_options(void);
int __lsan_is_turned_off(void);
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* ---- address space and addresses ---- */

#ifdef __x86_64__

#define MAP_BYTES 0xdfff0001000ull /* AddressSanitizer's largest map */
#ifndef PROGRAM_MAX		   /* what 28 random bits give, rounded; a test has its own */
#define PROGRAM_MAX 0x568000000000ull
#endif
#define LIBRARY_MIN 0x7e8000000000ull
#define ASK_PERSONA 0xffffffffu

/* Where the kernel has put argc, argv and the environment; the C library has not looked yet. */
extern void *__libc_stack_end;

static const char no_map[] =
	"anvil: a sanitizer needs 16 TiB of address space, which are refused here: 'ulimit -v "
	"unlimited' helps, or 'sudo sysctl vm.overcommit_memory=0'\n";
static const char no_place[] = "anvil: a sanitizer cannot start where addresses are this random, "
			       "and fixed ones are refused "
			       "here: 'sudo sysctl vm.mmap_rnd_bits=28' helps\n";

static NOT_INSTRUMENTED void give_up(const char *line, size_t len)
{
	(void)!syscall(SYS_write, STDERR_FILENO, line, len);
	syscall(SYS_exit_group, 2);
}

/* AddressSanitizer minds the program's place alone, the others that of libraries, too. */
static NOT_INSTRUMENTED bool is_misplaced(void)
{
	uintptr_t library = getauxval(AT_BASE);

	return (uintptr_t)is_misplaced > PROGRAM_MAX ||
	       (MAPS_ALL_MEMORY && library && library < LIBRARY_MIN);
}

static NOT_INSTRUMENTED void start_again(long persona)
{
	char **argv = (char **)__libc_stack_end + 1;
	long argc = *(long *)__libc_stack_end;

	if (persona >= 0 && syscall(SYS_personality, persona | ADDR_NO_RANDOMIZE) >= 0)
		syscall(SYS_execve, "/proc/self/exe", argv, argv + argc + 1);
	give_up(no_place, sizeof(no_place) - 1);
}

static NOT_INSTRUMENTED void look(void)
{
	long map = syscall(SYS_mmap, NULL, MAP_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long persona;

	if (map == -1)
		give_up(no_map, sizeof(no_map) - 1);
	syscall(SYS_munmap, map, MAP_BYTES);
	persona = syscall(SYS_personality, ASK_PERSONA);
	if (is_misplaced() && (persona < 0 || !(persona & ADDR_NO_RANDOMIZE)))
		start_again(persona);
}

#else

static void look(void)
{
}

#endif

NOT_INSTRUMENTED const char *__asan_default_options(void)
{
	look();
	return sanitizer_options ? sanitizer_options : "";
}

NOT_INSTRUMENTED const char *__msan_default_options(void)
{
	look();
	return sanitizer_memory_options ? sanitizer_memory_options : "";
}

NOT_INSTRUMENTED const char *__tsan_default_options(void)
{
	look();
	return "";
}

/* ---- leaks ---- */

static enum { NOT_TRIED, SEEN, UNSEEN } leaks;
static bool told;
static bool quiet;

static void __attribute__((noreturn)) trace(pid_t process)
{
	int status;

	if (ptrace(PTRACE_ATTACH, process, NULL, NULL) || waitpid(process, &status, __WALL) < 0)
		_exit(1);
	ptrace(PTRACE_DETACH, process, NULL, NULL);
	_exit(0);
}

/*
 * As LeakSanitizer does it: by a process that is born for that, and allowed by this one. Not by
 * fork, which takes locks of LeakSanitizer's that it has while it asks here (clang 19).
 */
static bool may_be_traced(void)
{
	pid_t self = getpid();
	int status = -1;
	pid_t child;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* fails without Yama, which alone minds */
	child = _Fork();
	if (child == 0)
		trace(self);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	prctl(PR_SET_PTRACER, 0);
	told |= child < 0; /* no process: that has its own line elsewhere */
	return child > 0 && status == 0;
}

bool sanitizer_sees_leaks(void)
{
	if (!LOOKS_FOR_LEAKS)
		return false;
	if (leaks == NOT_TRIED)
		leaks = may_be_traced() ? SEEN : UNSEEN;
	return leaks == SEEN;
}

void sanitizer_tell_leaks(void)
{
	if (!LOOKS_FOR_LEAKS || sanitizer_sees_leaks() || told)
		return;
	told = true;
	fputs("anvil: leaks are not looked for: nothing may trace this process (a container, Yama, "
	      "gdb "
	      "or strace); docker's --cap-add=SYS_PTRACE helps, or kernel.yama.ptrace_scope=1\n",
	      stderr);
}

bool sanitizer_found_leak(void)
{
	return sanitizer_sees_leaks() && __lsan_do_recoverable_leak_check &&
	       __lsan_do_recoverable_leak_check() != 0;
}

void sanitizer_leave_leaks(void)
{
	leaks = UNSEEN;
}

void sanitizer_end_quietly(void)
{
	quiet = true;
}

/* LeakSanitizer asks each time before it looks. */
int __lsan_is_turned_off(void)
{
	if (!quiet)
		sanitizer_tell_leaks();
	return !sanitizer_sees_leaks();
}

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

size_t sanitizer_allocated(void)
{
	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
						       : 0;
}
