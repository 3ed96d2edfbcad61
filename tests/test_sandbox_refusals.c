/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sandbox.h: which system calls end the run, and what is said then.
 */
#include "sandbox_rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "array_size.h"

#define PARENT LONG_MIN /* stands for the test's own process */

struct forbidden {
	const char *name;
	long nr;
	long arg[6];
	bool reports_need_it; /* a sanitizer's, or a profile */
};

static const struct forbidden forbidden[] = {
	{ "execve", SYS_execve, { 0 }, true },
	{ "execveat", SYS_execveat, { AT_FDCWD }, false },
	{ "clone", SYS_clone, { SIGCHLD }, true },
	{ "clone3", SYS_clone3, { 0 }, true },
	{ "openat", SYS_openat, { AT_FDCWD, (long)"/etc/passwd", O_RDONLY }, true },
	{ "open", SYS_open, { (long)"/etc/passwd", O_RDONLY }, true },
	{ "openat2", SYS_openat2, { AT_FDCWD, (long)"/etc/passwd" }, false },
	{ "creat", SYS_creat, { (long)"/tmp/anvil", 0600 }, false },
	{ "unlink", SYS_unlink, { (long)"/tmp/anvil" }, false },
	{ "rename", SYS_rename, { 0 }, false },
	{ "newfstatat", SYS_newfstatat, { AT_FDCWD, (long)"/etc/passwd", 0, 0 }, true },
	{ "memfd_create", SYS_memfd_create, { 0 }, false },
	{ "dup2", SYS_dup2, { 0, 1 }, true },
	{ "dup", SYS_dup, { 0 }, true },
	{ "fcntl", SYS_fcntl, { 0, F_SETOWN, PARENT }, true },
	{ "socket", SYS_socket, { AF_INET, SOCK_STREAM, 0 }, false },
	{ "socketpair", SYS_socketpair, { AF_UNIX, SOCK_STREAM, 0 }, false },
	{ "connect", SYS_connect, { 0 }, false },
	{ "sendmsg", SYS_sendmsg, { 0 }, false },
	{ "ptrace", SYS_ptrace, { 0, PARENT }, true },
	{ "process_vm_writev", SYS_process_vm_writev, { PARENT }, false },
	{ "kill", SYS_kill, { PARENT, SIGTERM }, false },
	{ "kill", SYS_kill, { 0, 0 }, false },
	{ "kill", SYS_kill, { -1, 0 }, false },
	{ "tgkill", SYS_tgkill, { PARENT, PARENT, SIGTERM }, false },
	{ "tkill", SYS_tkill, { PARENT, SIGTERM }, false },
	{ "pidfd_open", SYS_pidfd_open, { PARENT }, false },
	{ "ioctl", SYS_ioctl, { 0, TIOCSTI, (long)"x" }, false },
	{ "ioctl", SYS_ioctl, { 0, TIOCLINUX, (long)"x" }, false },
	{ "ioctl", SYS_ioctl, { 0, KVM_CREATE_VM }, false },
	{ "ioctl", SYS_ioctl, { 0, KVM_SET_USER_MEMORY_REGION }, false },
	{ "ioctl", SYS_ioctl, { 0, 0x400454d0 /* TUNSETOFFLOAD */ }, false },
	{ "ioctl", SYS_ioctl, { 0, FIONREAD }, false },
	{ "mmap", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANON, -1 }, true },
	{ "mprotect", SYS_mprotect, { 0, 4096, PROT_READ | PROT_EXEC }, true },
	{ "pkey_mprotect", SYS_pkey_mprotect, { 0, 4096, PROT_READ | PROT_EXEC }, false },
	{ "shmat", SYS_shmat, { 0 }, false },
	{ "personality", SYS_personality, { 0xffffffff }, false },
	{ "prctl", SYS_prctl, { PR_SET_DUMPABLE, 1 }, true },
	{ "prlimit64", SYS_prlimit64, { 0, RLIMIT_NOFILE }, true },
	{ "setuid", SYS_setuid, { 0 }, false },
	{ "capset", SYS_capset, { 0 }, false },
	{ "unshare", SYS_unshare, { 0 }, false },
	{ "mount", SYS_mount, { 0 }, false },
	{ "bpf", SYS_bpf, { 0 }, false },
	{ "seccomp", SYS_seccomp, { 0 }, false },
	{ "userfaultfd", SYS_userfaultfd, { 0 }, false },
	{ "perf_event_open", SYS_perf_event_open, { 0 }, false },
	{ "keyctl", SYS_keyctl, { 0 }, false },
	{ "io_uring_setup", SYS_io_uring_setup, { 0 }, false },
	{ "io_uring_enter", SYS_io_uring_enter, { -1 }, false },
	{ "pread64", SYS_pread64, { -1 }, true },
	{ "pwrite64", SYS_pwrite64, { -1 }, false },
	{ "futex", SYS_futex, { 0, FUTEX_LOCK_PI }, false },
	{ "rt_sigaction", SYS_rt_sigaction, { SIGSYS }, true },
};

struct attempt {
	struct forbidden call;
	struct sandbox_needs needs;
	bool in_thread;
};

static void *attempt_call(void *arg)
{
	const struct forbidden *f = arg;
	long a[6];

	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		a[i] = f->arg[i] == PARENT ? run.parent : f->arg[i];
	if (syscall(f->nr, a[0], a[1], a[2], a[3], a[4], a[5]) == 0 && f->nr == SYS_clone)
		end(CHILD_FAILED); /* the child that should not be */
	return NULL;
}

static void attempt(const void *arg)
{
	struct attempt a = *(const struct attempt *)arg;
	struct worker w;

	begin(&a.needs);
	if (a.in_thread)
		start(&w, attempt_call, &a.call);
	enter();
	if (a.in_thread)
		finish(&w);
	else
		(void)attempt_call(&a.call);
}

static bool build_needs(const struct forbidden *f)
{
	return f->reports_need_it && (__sanitizer_print_stack_trace || __llvm_profile_write_file);
}

static void expect_each_refused(bool in_thread)
{
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		struct attempt a = { .call = forbidden[i], .in_thread = in_thread };

		if (build_needs(&a.call))
			continue;
		play(attempt, &a);
		expect_refusal(a.call.name, a.call.nr);
	}
}

static void calls_that_no_runner_makes_end_the_run(void **state)
{
	(void)state;
	expect_each_refused(false);
}

static void threads_from_before_are_inside_too(void **state)
{
	(void)state;
	expect_each_refused(true);
}

static void refusals_show_the_arguments(void **state)
{
	struct attempt a = { .call = { "ioctl", SYS_ioctl, { 7, TIOCSTI, 0x1234 }, false } };

	(void)state;
	play(attempt, &a);
	expect_refusal("ioctl", SYS_ioctl);
	expect_text(" (16) of 0x7, 0x5412, 0x1234, which");
}

static void numbers_without_a_name_are_refused(void **state)
{
	struct attempt a = { .call = { "of no name", 511, { 0 }, false } };

	(void)state;
	play(attempt, &a);
	expect_refusal("of no name", 511);
	a.call.nr = 100000;
	play(attempt, &a);
	expect_refusal("of no name", 100000);
}

/* The kernel looks at 32 bits of a request, a signal or an option: so must the filter. */
static void upper_halves_of_arguments_open_nothing(void **state)
{
	static const long upper = 1l << 32;
	static const struct forbidden t[] = {
		{ "rt_sigaction", SYS_rt_sigaction, { upper | SIGSYS }, true },
		{ "ioctl", SYS_ioctl, { 0, upper | TIOCSTI }, false },
		{ "futex", SYS_futex, { 0, upper | FUTEX_LOCK_PI }, false },
		{ "kill", SYS_kill, { upper, 0 }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct attempt a = { .call = t[i] };

		if (build_needs(&t[i]))
			continue;
		play(attempt, &a);
		expect_refusal(t[i].name, t[i].nr);
	}
}

/* The other table of system calls, which some filters forget */
static void x32_kill(const void *arg)
{
	(void)arg;
	begin_and_enter(&nothing);
	(void)syscall(0x40000000 | SYS_getpid);
}

static void calls_of_another_architecture_kill(void **state)
{
	(void)state;
	play(x32_kill, NULL);
	assert_true(WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGSYS);
}

static void networks_get_sockets_and_no_more(void **state)
{
	static const struct forbidden t[] = {
		{ "socket", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 }, false },
		{ "socket", SYS_socket, { AF_NETLINK, SOCK_DGRAM, 0 }, false },
		{ "socket", SYS_socket, { AF_PACKET, SOCK_DGRAM, 0 }, false },
		{ "socket", SYS_socket, { AF_INET, SOCK_SEQPACKET, 0 }, false },
		{ "socket", SYS_socket, { AF_INET, SOCK_STREAM, 262 /* MPTCP */ }, false },
		{ "setsockopt", SYS_setsockopt, { 0, SOL_SOCKET, SO_ATTACH_FILTER }, false },
		{ "setsockopt", SYS_setsockopt, { 0, IPPROTO_IP, 64 /* iptables */ }, false },
		{ "openat", SYS_openat, { AT_FDCWD, (long)"/tmp/anvil", O_RDWR }, true },
		{ "openat", SYS_openat, { AT_FDCWD, (long)"/tmp/anvil", O_CREAT }, true },
		{ "execveat", SYS_execveat, { AT_FDCWD }, false },
		{ "clone", SYS_clone, { SIGCHLD }, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct attempt a = { .call = t[i], .needs = { .sockets = true } };

		if (t[i].nr == SYS_openat ? __llvm_profile_write_file != NULL : build_needs(&t[i]))
			continue;
		play(attempt, &a);
		expect_refusal(t[i].name, t[i].nr);
	}
}

static void hook(void)
{
	(void)syscall(SYS_write, STDERR_FILENO, "hook ", 5);
}

static void probe(const void *arg)
{
	const struct sandbox_needs needs = { .on_refusal = hook };

	if (arg)
		begin_and_enter(&needs);
	sandbox_probe();
}

static void probe_shows_a_refusal(void **state)
{
	(void)state;
	play(probe, "");
	expect_status(SANDBOX_REFUSED);
	assert_int_equal(strncmp(run.text,
				 "hook anvil boot: sandbox: refused system call unshare (272)", 59),
			 0);
	play(probe, NULL);
	expect_status(0);
	assert_string_equal(run.text, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_that_no_runner_makes_end_the_run),
		cmocka_unit_test(threads_from_before_are_inside_too),
		cmocka_unit_test(refusals_show_the_arguments),
		cmocka_unit_test(numbers_without_a_name_are_refused),
		cmocka_unit_test(upper_halves_of_arguments_open_nothing),
		cmocka_unit_test(calls_of_another_architecture_kill),
		cmocka_unit_test(networks_get_sockets_and_no_more),
		cmocka_unit_test(probe_shows_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
