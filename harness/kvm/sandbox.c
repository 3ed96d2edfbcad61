/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order matters: what prepares needs rights that are dropped afterwards.
 */
#include "sandbox.h"

#include <errno.h>
#include <execinfo.h>
#include <linux/capability.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "landlock.h"
#include "base/sanitizer.h"
#include "sandbox_calls.h"

#define ARENAS 8

/* What the process has, once for all of it. */
static struct {
	bool begun;
	unsigned int purposes;
	void (*on_refusal)(void);
	int landlock; /* ABI, 0: none in this kernel */
	int calls;    /* 0: not entered */
} sandbox;

/* What a build has linked in, whichever compiler made which part of it. */
__attribute__((weak)) void __sanitizer_print_stack_trace(void);
__attribute__((weak)) int __llvm_profile_write_file(void);

static bool sanitizer_linked(void)
{
	return __sanitizer_print_stack_trace;
}

static bool coverage_linked(void)
{
	return __llvm_profile_write_file;
}

static int fail(int err, char *error, size_t room, const char *what, const char *advice)
{
	(void)snprintf(error, room, "sandbox: %s: %s; %s", what, strerror(-err), advice);
	return err;
}

static const char otherwise[] = "run with --no-sandbox to go on without";

/* ---- before threads ---- */

static int check_threads(char *error, size_t room)
{
	struct stat tasks;

	if (stat("/proc/self/task", &tasks))
		return fail(-errno, error, room, "/proc/self/task", "mount /proc");
	if (tasks.st_nlink == 3)
		return 0;
	(void)snprintf(error, room,
		       "sandbox: %u threads before it begins, which would keep their "
		       "rights; start them afterwards",
		       (unsigned int)tasks.st_nlink - 2);
	return -EBUSY;
}

/*
 * What the C library does once, at an unforeseeable time, and with files that cannot be opened
 * then: it counts processors before it makes more arenas, looks how the system overcommits before
 * it trims one, reads the time zone, and loads the library that ends a thread.
 */
static void prepare_libc(void)
{
	void *frame[1];

	(void)mallopt(M_ARENA_MAX, ARENAS);
	(void)mallopt(M_TRIM_THRESHOLD, -1);
	tzset();
	(void)backtrace(frame, 1);
}

static int lower(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit))
		return -errno;
	if (limit.rlim_max > most)
		limit.rlim_max = most;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(resource, &limit) ? -errno : 0;
}

/* The bounding set takes a capability to drop; who lacks that gains none anyhow. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	return syscall(SYS_capset, &header, none) ? -errno : 0;
}

/* A sanitizer's search for leaks traces its own process, which takes one that can be dumped. */
static int drop_privileges(void)
{
	int err = lower(RLIMIT_CORE, 0);

	if (!err)
		err = lower(RLIMIT_NOFILE, SANDBOX_DESCRIPTORS);
	if (!err && !sanitizer_linked() && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		err = -errno;
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	return err ? err : drop_capabilities();
}

static int drop_files(const struct sandbox_needs *needs)
{
	const struct landlock_rules rules = {
		.readable = needs->readable,
		.readable_count = needs->sockets ? needs->readable_count : 0,
		.all_readable = sanitizer_linked(),
		.tcp = needs->sockets,
	};

	sandbox.landlock = coverage_linked() ? 0 : landlock_abi();
	return sandbox.landlock ? landlock_restrict(sandbox.landlock, &rules) : 0;
}

static unsigned int purposes(const struct sandbox_needs *needs)
{
	return (needs->disk_file ? CALLS_DISK_FILE : 0u) |
	       (needs->disk_io_uring ? CALLS_DISK_IO_URING : 0u) | (needs->tap ? CALLS_TAP : 0u) |
	       (needs->sockets ? CALLS_SOCKETS : 0u) | (sanitizer_linked() ? CALLS_SANITIZER : 0u) |
	       (coverage_linked() ? CALLS_COVERAGE : 0u);
}

int sandbox_begin(const struct sandbox_needs *needs, char *error, size_t room)
{
	int err = check_threads(error, room);

	if (err)
		return err;
	(void)sanitizer_sees_leaks(); /* from here on it could not be tried */
	prepare_libc();
	err = drop_privileges();
	if (err)
		return fail(err, error, room, "privileges cannot be dropped", otherwise);
	err = drop_files(needs);
	if (err)
		return fail(err, error, room, "Landlock", otherwise);
	sandbox.purposes = purposes(needs);
	sandbox.on_refusal = needs->on_refusal;
	sandbox.begun = true;
	return 0;
}

/* ---- after threads ---- */

int sandbox_enter(char *error, size_t room)
{
	int count;

	if (!sandbox.begun || sandbox.calls)
		return fail(-EINVAL, error, room, "entered before it began, or twice", otherwise);
	count = calls_restrict(sandbox.purposes, sandbox.on_refusal);
	if (count < 0)
		return fail(count, error, room, "seccomp", otherwise);
	sandbox.calls = count;
	return 0;
}

void sandbox_probe(void)
{
	(void)syscall(SYS_unshare, 0);
}

/* ---- what is in force ---- */

static const char *without_landlock(void)
{
	if (coverage_linked())
		return "no Landlock while coverage is gathered";
	return sandbox.purposes & CALLS_SOCKETS
		       ? "no Landlock in this kernel: files can be read for the network's sake"
		       : "no Landlock in this kernel";
}

static const char *kept(void)
{
	if (sandbox.purposes & CALLS_SANITIZER)
		return "; this build's sanitizer keeps calls allowed that are refused otherwise";
	if (sandbox.purposes & CALLS_COVERAGE)
		return "; this build's coverage keeps calls allowed that are refused otherwise";
	return "";
}

void sandbox_summary(char *text, size_t room)
{
	char calls[64] = "system calls not yet";
	char landlock[32];

	if (!sandbox.begun) {
		(void)snprintf(text, room, "none");
		return;
	}
	if (sandbox.calls)
		(void)snprintf(calls, sizeof(calls), "seccomp (%d calls)", sandbox.calls);
	(void)snprintf(landlock, sizeof(landlock), "Landlock ABI %d", sandbox.landlock);
	(void)snprintf(text, room, "no_new_privs, no capabilities, %s, %s%s", calls,
		       sandbox.landlock ? landlock : without_landlock(), kept());
}
