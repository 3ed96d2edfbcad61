/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sandbox.h. A sandbox is for life, so each test plays the runner in a process of its own, and
 * looks at how that ended and what it said.
 */
#include "support.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "array_size.h"
#include "disk_file.h"
#include "disk_io_uring.h"
#include "kvm/bus_kvm.h"
#include "kvm/landlock.h"
#include "kvm/sandbox.h"
#include "nic_pcap.h"
#include "nic_slirp.h"
#include "nic_tap.h"
#include "play/player.h"

__attribute__((weak)) void __sanitizer_print_stack_trace(void);
__attribute__((weak)) void __asan_init(void);
__attribute__((weak)) int __llvm_profile_write_file(void);
__attribute__((weak)) void __llvm_profile_set_filename(const char *name);

/* ---- a process in the sandbox ---- */

#define SECONDS 60

static struct {
	int status;
	char text[16384]; /* of stdout and stderr */
	pid_t parent;	  /* who the child must not reach */
} run;

/* cmocka's checks are the parent's: a child says what is wrong and ends. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			give_up(#condition, __LINE__);                                             \
	} while (0)

#define CHILD_FAILED 99
#define CHILD_SKIPS  98

static _Noreturn void end(int status)
{
	for (;;)
		(void)syscall(SYS_exit_group, status);
}

static _Noreturn void give_up(const char *what, int line)
{
	dprintf(STDERR_FILENO, "child: line %d: %s (%s)\n", line, what, strerror(errno));
	end(CHILD_FAILED);
}

static _Noreturn void child_skips(const char *why)
{
	dprintf(STDERR_FILENO, "%s", why);
	end(CHILD_SKIPS);
}

static void collect(int fd)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, run.text + len, sizeof(run.text) - 1 - len)) > 0)
		len += (size_t)n;
	run.text[len] = '\0';
}

/* Plays `body` in a child, which ends with 0 if it returns. */
static void play(void (*body)(const void *), const void *arg)
{
	int out[2];

	assert_int_equal(pipe(out), 0);
	run.parent = getpid();
	fflush(NULL);

	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(SECONDS); /* a hang is a failure */
		(void)dup2(out[1], STDOUT_FILENO);
		(void)dup2(out[1], STDERR_FILENO);
		(void)close(out[0]);
		(void)close(out[1]);
		body(arg);
		exit(0);
	}
	(void)close(out[1]);
	collect(out[0]);
	(void)close(out[0]);
	assert_int_equal(waitpid(pid, &run.status, 0), pid);
	if (WIFEXITED(run.status) && WEXITSTATUS(run.status) == CHILD_SKIPS) {
		print_message("skipped: %s\n", run.text);
		skip();
	}
}

static void expect_status(int status)
{
	if (!WIFEXITED(run.status) || WEXITSTATUS(run.status) != status)
		fail_msg("wait status %#x instead of exit status %d: %s", (unsigned int)run.status,
			 status, run.text);
}

static void expect_text(const char *text)
{
	if (!strstr(run.text, text))
		fail_msg("\"%s\" does not say \"%s\"", run.text, text);
}

/* The one line, and nothing else. */
static void expect_refusal(const char *name, long nr)
{
	char start[96];

	(void)snprintf(start, sizeof(start),
		       "anvil boot: sandbox: refused system call %s (%ld) of 0x", name, nr);
	expect_status(SANDBOX_REFUSED);
	expect_text(start);
	expect_text(", which a runner never makes; the run ends. To look into it, run again with "
		    "--no-sandbox\n");
	assert_int_equal(strncmp(run.text, start, strlen(start)), 0);
	assert_ptr_equal(strchr(run.text, '\n'), run.text + strlen(run.text) - 1);
}

static const struct sandbox_needs nothing;

static void begin(const struct sandbox_needs *needs)
{
	char error[SANDBOX_LINE_BYTES] = "";

	if (sandbox_begin(needs, error, sizeof(error)))
		give_up(error, __LINE__);
}

static void enter(void)
{
	char error[SANDBOX_LINE_BYTES] = "";

	if (sandbox_enter(error, sizeof(error)))
		give_up(error, __LINE__);
}

static void begin_and_enter(const struct sandbox_needs *needs)
{
	begin(needs);
	enter();
}

/* A thread that is there before the sandbox is entered, and works once it is. */
struct worker {
	pthread_t thread;
	int go;
	void *(*work)(void *);
	void *arg;
};

static void *await_go(void *arg)
{
	struct worker *w = arg;
	eventfd_t value;

	CHECK(eventfd_read(w->go, &value) == 0);
	return w->work(w->arg);
}

static void start(struct worker *w, void *(*work)(void *), void *arg)
{
	w->work = work;
	w->arg = arg;
	w->go = eventfd(0, EFD_CLOEXEC);
	CHECK(w->go >= 0);
	CHECK(pthread_create(&w->thread, NULL, await_go, w) == 0);
}

static void finish(struct worker *w)
{
	CHECK(eventfd_write(w->go, 1) == 0);
	CHECK(pthread_join(w->thread, NULL) == 0);
}

/* ---- what is refused ---- */

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

/* ---- what is given up before threads ---- */

static void expect_no_rights(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	CHECK(syscall(SYS_capget, &header, data) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		CHECK(!data[i].effective && !data[i].permitted && !data[i].inheritable);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static void *thread_without_rights(void *arg)
{
	expect_no_rights();
	return arg;
}

static void give_up_rights(const void *arg)
{
	const bool root = geteuid() == 0;
	struct rlimit limit;
	struct worker w;

	(void)arg;
	begin(&nothing);
	expect_no_rights();
	CHECK(!root || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0);
	CHECK(!root || prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 0);
	CHECK(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max <= SANDBOX_DESCRIPTORS);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == (__sanitizer_print_stack_trace ? 1 : 0));
	start(&w, thread_without_rights, NULL);
	finish(&w);
}

static void rights_are_gone_before_threads_start(void **state)
{
	(void)state;
	play(give_up_rights, NULL);
	expect_status(0);
}

/* Between the two steps Landlock alone stands before files. */
static void open_between(const void *arg)
{
	begin(&nothing);
	CHECK(open("/tmp/anvil", O_RDWR | O_CREAT, 0600) < 0 && errno == EACCES);
	CHECK(unlink(arg) < 0 && errno == EACCES);
	CHECK(open(arg, O_WRONLY) < 0 && errno == EACCES);
	if (!__sanitizer_print_stack_trace)
		CHECK(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
}

static void files_are_gone_before_threads_start(void **state)
{
	char path[] = "/tmp/anvil.XXXXXX";

	(void)state;
	if (landlock_abi() == 0 || __llvm_profile_write_file) {
		print_message("skipped: no Landlock in this kernel, or coverage is gathered\n");
		skip();
	}
	assert_int_equal(close(mkstemp(path)), 0);
	play(open_between, path);
	assert_int_equal(unlink(path), 0);
	expect_status(0);
}

static void *return_at_once(void *arg)
{
	return arg;
}

static void begin_late(const void *arg)
{
	char error[SANDBOX_LINE_BYTES] = "";
	char text[SANDBOX_LINE_BYTES];
	struct worker w;

	(void)arg;
	CHECK(sandbox_enter(error, sizeof(error)) == -EINVAL);
	CHECK(strstr(error, "before it began"));
	start(&w, return_at_once, NULL);
	CHECK(sandbox_begin(&nothing, error, sizeof(error)) == -EBUSY);
	CHECK(strstr(error, "2 threads before it begins"));
	sandbox_summary(text, sizeof(text));
	CHECK(!strcmp(text, "none"));
	finish(&w);
	begin(&nothing);
	sandbox_summary(text, sizeof(text));
	CHECK(strstr(text, "system calls not yet"));
	enter();
	sandbox_summary(text, sizeof(text));
	puts(text);
	CHECK(sandbox_enter(error, sizeof(error)) == -EINVAL);
}

static void steps_out_of_order_are_refused_and_the_summary_tells(void **state)
{
	char abi[32];

	(void)state;
	play(begin_late, NULL);
	expect_status(0);
	expect_text("no_new_privs, no capabilities, seccomp (");
	expect_text(" calls), ");
	(void)snprintf(abi, sizeof(abi), "Landlock ABI %d", landlock_abi());
	if (__llvm_profile_write_file)
		expect_text("no Landlock while coverage is gathered");
	else
		expect_text(landlock_abi() ? abi : "no Landlock in this kernel");
	if (__sanitizer_print_stack_trace)
		expect_text("; this build's sanitizer keeps calls allowed that are refused");
	else if (!__llvm_profile_write_file)
		assert_null(strstr(run.text, "this build"));
}

/* ---- kernels that have less ---- */

static void take_away(int nr, uint32_t error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	CHECK(filter && seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), nr, 0) == 0);
	CHECK(seccomp_load(filter) == 0);
	seccomp_release(filter);
}

static void live_without_landlock(const void *arg)
{
	const struct sandbox_needs sockets = { .sockets = true };
	char text[SANDBOX_LINE_BYTES];

	take_away(444 /* landlock_create_ruleset */, ENOSYS);
	begin_and_enter(arg ? &sockets : &nothing);
	sandbox_summary(text, sizeof(text));
	dprintf(STDOUT_FILENO, "%s\n", text);
	(void)open("/etc/passwd", O_RDONLY);
}

static void missing_landlock_is_said(void **state)
{
	const char *files = "no Landlock in this kernel: files can be read for the network's sake";
	const bool reads = __sanitizer_print_stack_trace || __llvm_profile_write_file;

	(void)state;
	play(live_without_landlock, NULL);
	expect_status(reads ? 0 : SANDBOX_REFUSED);
	assert_null(strstr(run.text, files));
	if (!__llvm_profile_write_file)
		expect_text(", no Landlock in this kernel");
	play(live_without_landlock, "");
	expect_status(0);
	if (!__llvm_profile_write_file)
		expect_text(files);
}

static void fail_to_enter(const void *arg)
{
	char error[SANDBOX_LINE_BYTES] = "";
	char text[SANDBOX_LINE_BYTES];

	(void)arg;
	take_away(SYS_seccomp, EPERM);
	begin(&nothing);
	CHECK(sandbox_enter(error, sizeof(error)) < 0);
	CHECK(strstr(error, "sandbox: seccomp: "));
	CHECK(strstr(error, "; run with --no-sandbox to go on without"));
	sandbox_summary(text, sizeof(text));
	CHECK(strstr(text, "system calls not yet"));
}

static void missing_seccomp_is_an_error(void **state)
{
	(void)state;
	play(fail_to_enter, NULL);
	expect_status(0);
}

/* What a kernel of each ABI is asked for, this one knows too. */
static void restrict_files(const void *arg)
{
	static const char *const readable[] = { "/etc/passwd" };
	const struct landlock_rules rules = { .readable = readable, .readable_count = 1 };
	const int *abi = arg;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(landlock_restrict(*abi, &rules) == 0);
	CHECK(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
	CHECK(open("/etc/group", O_RDONLY) < 0 && errno == EACCES);
	CHECK(open("/etc/passwd", O_WRONLY) < 0 && errno == EACCES);
	end(0); /* no report of a sanitizer, nor a profile, from here */
}

static void older_landlocks_are_asked_for_what_they_have(void **state)
{
	(void)state;
	if (landlock_abi() == 0) {
		print_message("skipped: no Landlock in this kernel\n");
		skip();
	}
	for (int abi = 1; abi <= landlock_abi(); abi++) {
		play(restrict_files, &abi);
		expect_status(0);
	}
}

/* ---- what still works ---- */

#define WORKERS 12 /* more than the C library has arenas before it counts processors */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static unsigned int turns;

static void take_turns(unsigned int me)
{
	for (unsigned int i = 0; i < 50; i++) {
		CHECK(pthread_mutex_lock(&mutex) == 0);
		while (turns % WORKERS != me)
			CHECK(pthread_cond_wait(&turned, &mutex) == 0);
		turns++;
		CHECK(pthread_cond_broadcast(&turned) == 0);
		CHECK(pthread_mutex_unlock(&mutex) == 0);
	}
}

/* Arenas are made, grow and shrink; large blocks have mappings of their own. */
static void use_memory(void)
{
	enum { BLOCKS = 400, BYTES = 60000 };
	char *block[BLOCKS];
	char *large = malloc(8 << 20);

	CHECK(large);
	large = realloc(large, 32 << 20);
	CHECK(large);
	memset(large, 1, 32 << 20);
	for (unsigned int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(BYTES);
		CHECK(block[i]);
		memset(block[i], 1, BYTES);
	}
	for (unsigned int i = BLOCKS; i > 0; i--)
		free(block[i - 1]);
	free(large);
}

static void *work(void *arg)
{
	take_turns((unsigned int)(uintptr_t)arg);
	use_memory();
	if ((uintptr_t)arg % 2)
		pthread_exit(NULL);
	return NULL;
}

static volatile sig_atomic_t kicked;

static void kick(int signal)
{
	(void)signal;
	kicked = 1;
}

static void use_descriptors(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
	struct timespec moment = { .tv_nsec = 1000000 };
	struct termios modes;
	struct stat st;

	CHECK(poll(&p, 1, 0) == 1 && ppoll(&p, 1, &moment, NULL) == 1);
	CHECK(nanosleep(&moment, NULL) == 0);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL) == 0);
	CHECK(time(NULL) != (time_t)-1);
	CHECK(fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode));
	CHECK(fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK) == 0);
	CHECK(tcgetattr(STDOUT_FILENO, &modes) != 0 && errno == ENOTTY);
	CHECK(tcsetattr(STDOUT_FILENO, TCSANOW, &modes) != 0 && errno == ENOTTY);
	CHECK(!isatty(STDOUT_FILENO));
	CHECK(lseek(STDOUT_FILENO, 0, SEEK_CUR) < 0 && errno == ESPIPE);
	CHECK(close(STDIN_FILENO) == 0);
}

static void live(const void *arg)
{
	struct worker w[WORKERS];
	struct sigaction action = { .sa_handler = kick };
	time_t now = 0;
	struct tm tm;

	(void)arg;
	begin(&nothing);
	for (uintptr_t i = 0; i < WORKERS; i++)
		start(&w[i], work, (void *)i);
	enter();
	for (unsigned int i = 0; i < WORKERS; i++)
		CHECK(eventfd_write(w[i].go, 1) == 0);
	for (unsigned int i = 0; i < WORKERS; i++)
		CHECK(pthread_join(w[i].thread, NULL) == 0);
	use_memory();
	use_descriptors();
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0 && kicked);
	CHECK(kill(getpid(), SIGUSR1) == 0);
	CHECK(localtime_r(&now, &tm));
	printf("lived %u turns\n", turns);
	exit(7);
}

static void what_a_runner_does_goes_on(void **state)
{
	(void)state;
	play(live, NULL);
	expect_status(7);
	assert_string_equal(run.text, "lived 600 turns\n");
}

static void abort_inside(const void *arg)
{
	begin_and_enter(&nothing);
	if (arg)
		abort();
	__assert_fail("the devices' own bug", "file.c", 1, "function");
}

static void abort_and_assert_end_the_process(void **state)
{
	(void)state;
	play(abort_inside, "");
	assert_true(WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGABRT);
	play(abort_inside, NULL);
	assert_true(WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGABRT);
	expect_text("the devices' own bug");
}

/* ---- disks ---- */

#define SECTORS 16u

static const char *make_image(void)
{
	static char path[32];
	int fd;

	strcpy(path, "/tmp/anvil.XXXXXX");
	fd = mkstemp(path);
	CHECK(fd >= 0 && ftruncate(fd, SECTORS * ANVIL_DISK_SECTOR_BYTES) == 0);
	CHECK(close(fd) == 0);
	return path;
}

struct job {
	struct anvil_disk_request request;
	bool done;
	int result;
};

static void job_done(struct anvil_disk_request *request, int result)
{
	struct job *job = (struct job *)(void *)request;

	job->done = true;
	job->result = result;
}

/* `uring` is NULL for the disk of a disk_file. */
static int carry_out(struct anvil_disk *disk, struct anvil_disk_io_uring *uring,
		     enum anvil_disk_op op, uint8_t *data)
{
	struct job job = { .request = { .op = op,
					.sector = 1,
					.sectors = op == ANVIL_DISK_FLUSH ? 0 : 2,
					.data = data,
					.unmap = true,
					.done = job_done } };

	disk->ops->submit(disk, &job.request);
	if (!uring)
		anvil_disk_file_drain((struct anvil_disk_file *)(void *)disk);
	while (!job.done && uring) {
		struct pollfd p = { .fd = uring->event_fd, .events = POLLIN };

		CHECK(poll(&p, 1, 10000) == 1);
		anvil_disk_io_uring_poll(uring);
	}
	CHECK(job.done);
	return job.result;
}

static void use_disk(struct anvil_disk *disk, struct anvil_disk_io_uring *uring)
{
	static uint8_t data[2 * ANVIL_DISK_SECTOR_BYTES], seen[sizeof(data)];

	memset(data, 0x5a, sizeof(data));
	CHECK(carry_out(disk, uring, ANVIL_DISK_WRITE, data) == 0);
	CHECK(carry_out(disk, uring, ANVIL_DISK_FLUSH, NULL) == 0);
	CHECK(carry_out(disk, uring, ANVIL_DISK_READ, seen) == 0);
	CHECK(!memcmp(seen, data, sizeof(data)));
	CHECK(carry_out(disk, uring, ANVIL_DISK_WRITE_ZEROES, NULL) == 0);
	CHECK(carry_out(disk, uring, ANVIL_DISK_DISCARD, NULL) == 0);
	CHECK(carry_out(disk, uring, ANVIL_DISK_READ, seen) == 0);
	CHECK(seen[0] == 0 && seen[sizeof(seen) - 1] == 0);
}

static void play_disk_file(const void *arg)
{
	const struct sandbox_needs needs = { .disk_file = true };
	const char *path = make_image();
	struct anvil_disk_file file;
	char error[256];

	(void)arg;
	CHECK(anvil_disk_file_open(&file, path, false, error, sizeof(error)) == 0);
	CHECK(unlink(path) == 0);
	begin_and_enter(&needs);
	use_disk(&file.disk, NULL);
	anvil_disk_file_close(&file);
}

static void disk_file_works_inside(void **state)
{
	(void)state;
	play(play_disk_file, NULL);
	expect_status(0);
}

static void play_disk_io_uring(const void *arg)
{
	const struct sandbox_needs needs = { .disk_io_uring = true };
	const char *path = make_image();
	struct anvil_disk_io_uring uring;
	char error[256];
	int err = anvil_disk_io_uring_open(&uring, path, false, 4, error, sizeof(error));

	(void)arg;
	CHECK(unlink(path) == 0);
	if (err == -ENOSYS || err == -EPERM)
		child_skips("the kernel refuses io_uring");
	CHECK(err == 0);
	begin_and_enter(&needs);
	use_disk(&uring.disk, &uring);
	anvil_disk_io_uring_drain(&uring);
	anvil_disk_io_uring_close(&uring);
}

static void disk_io_uring_works_inside(void **state)
{
	(void)state;
	play(play_disk_io_uring, NULL);
	expect_status(0);
}

/* ---- networks ---- */

#define ETH 14u
#define IP  (ETH + 20u)

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static uint32_t sum(const uint8_t *p, uint32_t len, uint32_t total)
{
	for (uint32_t i = 0; i < len; i++)
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* Of the guest 10.0.2.15 to 10.0.2.`host`; what is behind the IP header is there but its sum. */
static void put_headers(uint8_t *frame, uint32_t len, uint8_t protocol, uint8_t host,
			uint32_t sum_at)
{
	static const uint8_t start[] = { 0x52, 0x55, 10,   0, 2, 2, 0x52, 0x54, 0,
					 0x12, 0x34, 0x56, 8, 0, /* Ethernet */
					 0x45, 0,    0,	   0, 0, 1, 0,	  0,	64 };
	static const uint8_t addresses[] = { 10, 0, 2, 15, 10, 0, 2 };

	memcpy(frame, start, sizeof(start));
	put16(frame + ETH + 2, len - ETH);
	frame[ETH + 9] = protocol;
	put16(frame + ETH + 10, 0);
	memcpy(frame + ETH + 12, addresses, sizeof(addresses));
	frame[ETH + 19] = host;
	put16(frame + ETH + 10, ~sum(frame + ETH, 20, 0) & 0xffff);
	put16(frame + sum_at, 0);
	put16(frame + sum_at, ~sum(frame + ETH + 12, len - ETH - 12, protocol + len - IP) & 0xffff);
}

static unsigned int frames_received;

static int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	(void)nic, (void)frame;
	frames_received++;
	return 0;
}

static void guest_sends(struct anvil_nic *nic, const uint8_t *data, uint32_t len)
{
	const struct anvil_nic_frame frame = { .data = data, .len = len };

	CHECK(nic->ops->send(nic, &frame) == 0);
}

static void guest_connects(struct anvil_nic *nic, unsigned int port)
{
	uint8_t frame[IP + 20] = { 0 };

	put16(frame + IP, 4321);
	put16(frame + IP + 2, port);
	frame[IP + 7] = 1; /* sequence number */
	frame[IP + 12] = 5 << 4;
	frame[IP + 13] = 2; /* SYN */
	put16(frame + IP + 14, 8000);
	put_headers(frame, sizeof(frame), 6, 2, IP + 16);
	guest_sends(nic, frame, sizeof(frame));
}

static void guest_asks(struct anvil_nic *nic, uint8_t host)
{
	uint8_t frame[IP + 8 + 8];

	memset(frame, 0, sizeof(frame));
	put16(frame + IP, 1234);
	put16(frame + IP + 2, 53);
	put16(frame + IP + 4, 16);
	memcpy(frame + IP + 8, "question", 8);
	put_headers(frame, sizeof(frame), 17, host, IP + 6);
	guest_sends(nic, frame, sizeof(frame));
}

static void guest_pings(struct anvil_nic *nic)
{
	uint8_t frame[IP + 8] = { 0 };

	frame[IP] = 8;
	put_headers(frame, sizeof(frame), 1, 2, IP + 2);
	guest_sends(nic, frame, sizeof(frame));
}

static int host_socket(int type, unsigned int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	a.sin_port = htons((uint16_t)*port);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	CHECK(type != SOCK_STREAM || listen(fd, 1) == 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void open_slirp(struct anvil_nic_slirp *n, bool host)
{
	const struct anvil_nic_slirp_options options = { .ring_frames = 4, .host = host };
	char error[256];

	(void)signal(SIGPIPE, SIG_IGN);
	CHECK(anvil_nic_slirp_open(n, &options, error, sizeof(error)) == 0);
	n->nic.receive = receive;
}

/* The event loop turns until `fd` can be read, or (-1) a few times. */
static void turn(struct anvil_nic_slirp *n, int fd)
{
	for (int i = 0; i < (fd < 0 ? 3 : 200); i++) {
		struct pollfd pollfds[64], p = { .fd = fd, .events = POLLIN };
		int timeout = 20;
		unsigned int count =
			anvil_nic_slirp_fill(n, pollfds, ARRAY_SIZE(pollfds), &timeout);

		CHECK(poll(pollfds, count, timeout) >= 0);
		anvil_nic_slirp_dispatch(n, pollfds, count);
		if (fd >= 0 && poll(&p, 1, 0) == 1)
			return;
	}
	CHECK(fd < 0);
}

static void play_slirp(const void *arg)
{
	const struct sandbox_needs *needs = arg;
	struct anvil_nic_slirp n, closed;
	unsigned int port = 0;
	int listener = host_socket(SOCK_STREAM, &port);
	char text[16];

	open_slirp(&n, true);
	open_slirp(&closed, false);
	begin_and_enter(needs);
	guest_connects(&n.nic, port);
	turn(&n, listener);

	int fd = accept(listener, NULL, NULL);

	CHECK(fd >= 0);
	CHECK(send(fd, "hello", 5, 0) == 5);
	turn(&n, -1);
	CHECK(frames_received > 0); /* SYN, ACK */
	CHECK(recv(fd, text, sizeof(text), MSG_DONTWAIT) < 0 && errno == EAGAIN);
	CHECK(close(fd) == 0);
	turn(&n, -1);
	guest_pings(&n.nic);
	turn(&n, -1);
	anvil_nic_slirp_close(&n);
	guest_asks(&closed.nic, 77); /* it looks whether the host has that address */
	CHECK(anvil_nic_slirp_flows(&closed) == 1);
	anvil_nic_slirp_close(&closed);
}

static void slirp_connects_with_sockets_alone(void **state)
{
	const struct sandbox_needs sockets = { .sockets = true };

	(void)state;
	play(play_slirp, &sockets);
	expect_status(0);
	play(play_slirp, &nothing);
	expect_refusal("socket", SYS_socket);
}

static void raw_sockets_are_an_error(const void *arg)
{
	const struct sandbox_needs needs = { .sockets = true };

	(void)arg;
	begin_and_enter(&needs);
	CHECK(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP) < 0 && errno == EPERM);
	CHECK(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
	CHECK(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0);
}

static void libslirp_may_try_to_ping(void **state)
{
	(void)state;
	play(raw_sockets_are_an_error, NULL);
	expect_status(0);
}

static void bring_up_loopback(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	r.ifr_flags = IFF_UP | IFF_RUNNING;
	CHECK(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &r) == 0 && close(fd) == 0);
}

/* In namespaces of our own, where the name server is us. */
static void pretend_name_server(void)
{
	char path[] = "/tmp/anvil.XXXXXX";
	int fd;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS))
		child_skips("no namespaces of our own");
	bring_up_loopback();
	fd = mkstemp(path);
	CHECK(fd >= 0 && dprintf(fd, "nameserver 127.0.0.1\n") > 0 && close(fd) == 0);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL)) {
		(void)unlink(path);
		child_skips("no /etc/resolv.conf that can be replaced");
	}
	CHECK(unlink(path) == 0);
}

/* What a hostile guest sends must not end the run as what it asks for is refused. */
static void guest_sends_garbage(struct anvil_nic_slirp *n)
{
	static const uint8_t protocol[] = { 1, 6, 17, 2 };
	uint8_t frame[200];
	uint32_t seed = 1;

	for (uint32_t round = 0; round < 3000; round++) {
		uint32_t len = IP + 20 + round % (uint32_t)(sizeof(frame) - IP - 20);

		for (uint32_t i = 0; i < sizeof(frame); i++) {
			seed = seed * 1664525 + 1013904223;
			frame[i] = (uint8_t)(seed >> 24);
		}
		if (round % 2) {
			frame[IP + 12] = 5 << 4;
			frame[IP + 13] = 2;
		}
		put_headers(frame, len, protocol[round % ARRAY_SIZE(protocol)], round % 3 ? 2 : 3,
			    IP + (round % 4 == 1   ? 16
				  : round % 4 == 2 ? 6
						   : 2));
		if (round % 5 == 0)
			frame[ETH + 8] = (uint8_t)round; /* the time to live */
		guest_sends(&n->nic, frame, len);
		if (round % 100 == 0)
			turn(n, -1);
	}
}

/* Its lines go through GLib, which looks at stderr and at the clock. */
static void libslirp_complains(void)
{
	void (*log)(const char *domain, int level, const char *format, ...);
	void *found = dlsym(RTLD_DEFAULT, "g_log");

	CHECK(found);
	memcpy(&log, &found, sizeof(found));
	log("Slirp", 1 << 4, "a complaint");
}

static void play_dns(const void *arg)
{
	static const char *const readable[] = { "/nowhere/at/all", "/etc/resolv.conf" };
	const struct sandbox_needs needs = { .sockets = true,
					     .readable = readable,
					     .readable_count = arg ? 2 : 1 };
	struct anvil_nic_slirp n;
	unsigned int port = 53;
	char text[16];

	pretend_name_server();

	int fd = host_socket(SOCK_DGRAM, &port);

	open_slirp(&n, true);
	begin_and_enter(&needs);
	guest_asks(&n.nic, 3);
	if (!arg) { /* libslirp asks 127.0.0.1 anyway when it cannot read: look ourselves */
		CHECK(open("/etc/resolv.conf", O_RDONLY) < 0 && errno == EACCES);
		return;
	}
	CHECK(open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC) >= 0);
	turn(&n, fd);
	CHECK(recv(fd, text, sizeof(text), 0) == 8 && !memcmp(text, "question", 8));
	libslirp_complains();
	guest_sends_garbage(&n);
	anvil_nic_slirp_close(&n);
}

static void slirp_finds_the_name_server_and_bears_a_hostile_guest(void **state)
{
	(void)state;
	play(play_dns, "");
	expect_status(0);
	expect_text("a complaint");
}

static bool landlock_reads(void)
{
	const char *why = landlock_abi() == 0		  ? "no Landlock in this kernel"
			  : __llvm_profile_write_file	  ? "no Landlock while coverage is gathered"
			  : __sanitizer_print_stack_trace ? "a sanitizer's reports read files"
							  : NULL;

	if (why)
		print_message("skipped: files that may be read: %s\n", why);
	return !why;
}

static void resolv_conf_unlisted_is_not_read(void **state)
{
	(void)state;
	if (!landlock_reads())
		skip();
	play(play_dns, NULL);
	expect_status(0);
}

static void read_files(const void *arg)
{
	static const char *const readable[] = { "/etc/passwd" };
	const struct sandbox_needs needs = { .sockets = true,
					     .readable = readable,
					     .readable_count = 1 };
	char text[8];

	(void)arg;
	begin_and_enter(&needs);

	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && read(fd, text, sizeof(text)) == sizeof(text) && close(fd) == 0);
	CHECK(open("/etc/group", O_RDONLY) < 0 && errno == EACCES);
	CHECK(open("/etc", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES);
	CHECK(open("/proc/self/maps", O_RDONLY) < 0 && errno == EACCES);
	CHECK(open("/proc/1/environ", O_RDONLY) < 0 && errno == EACCES);
	CHECK(open("/dev/zero", O_RDONLY) < 0 && errno == EACCES);
}

static void only_listed_files_are_read(void **state)
{
	(void)state;
	if (!landlock_reads())
		skip();
	play(read_files, NULL);
	expect_status(0);
}

static void play_tap(const void *arg)
{
	static const struct anvil_nic_tap_offloads offloads = { .csum = true, .tso4 = true };
	static const uint8_t frame[60];
	const struct sandbox_needs *needs = arg;
	struct anvil_nic_tap tap;
	struct pollfd p;
	char error[256];

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		child_skips("no network namespace of our own");
	if (anvil_nic_tap_open(&tap, NULL, error, sizeof(error)))
		child_skips(error);
	tap.nic.receive = receive;
	begin_and_enter(needs);
	CHECK(anvil_nic_tap_set_offloads(&tap, &offloads) == 0);
	guest_sends(&tap.nic, frame, sizeof(frame));
	anvil_nic_tap_fill(&tap, &p);
	CHECK(poll(&p, 1, 0) >= 0);
	anvil_nic_tap_dispatch(&tap, &p);
	anvil_nic_tap_close(&tap);
}

static void tap_works_inside(void **state)
{
	const struct sandbox_needs tap = { .tap = true };

	(void)state;
	play(play_tap, &tap);
	expect_status(0);
	play(play_tap, &nothing);
	expect_refusal("ioctl", SYS_ioctl);
}

static void play_pcap(const void *arg)
{
	static const uint8_t frame[60];
	struct anvil_nic_pcap_options options = { .out = arg };
	struct anvil_nic_pcap pcap;
	char error[256];

	CHECK(anvil_nic_pcap_open(&pcap, &options, error, sizeof(error)) == 0);
	pcap.nic.receive = receive;
	begin_and_enter(&nothing);
	guest_sends(&pcap.nic, frame, sizeof(frame));
	CHECK(anvil_nic_pcap_poll(&pcap, 10) == -ENODATA);
	CHECK(anvil_nic_pcap_close(&pcap) == 0);
}

static void play_back_pcap(const void *arg)
{
	struct anvil_nic_pcap_options options = { .in = arg };
	struct anvil_nic_pcap pcap;
	char error[256];

	CHECK(anvil_nic_pcap_open(&pcap, &options, error, sizeof(error)) == 0);
	pcap.nic.receive = receive;
	begin_and_enter(&nothing);
	CHECK(anvil_nic_pcap_poll(&pcap, 10) == 1 && frames_received == 1);
	CHECK(anvil_nic_pcap_close(&pcap) == 0);
}

static void captures_are_written_and_read_inside(void **state)
{
	char path[] = "/tmp/anvil.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	play(play_pcap, path);
	expect_status(0);
	play(play_back_pcap, path);
	expect_status(0);
	assert_int_equal(unlink(path), 0);
}

/* ---- a guest ---- */

static void play_guest(const void *arg)
{
	static struct machine machine;
	struct bus *bus;
	struct script script;
	struct verdict verdict;
	char error[256];

	CHECK(script_parse(arg, &script, error, sizeof(error)) == 0);
	if (access("/dev/kvm", R_OK | W_OK))
		child_skips("no /dev/kvm that can be written");
	machine_create(&machine);
	CHECK(bus_kvm_create(&bus, &machine, error, sizeof(error)) == 0);
	begin_and_enter(&nothing);
	bus->ops->restart(bus);
	player_play(bus, &script, NULL, &verdict);
	CHECK(verdict.kind == VERDICT_OK);
	bus->ops->destroy(bus);
}

static void guest_runs_inside(void **state)
{
	(void)state;
	play(play_guest, "device blk\ninit\nfill byte=0x5a base=4 at=0x10 len=0x200\n"
			 "blk type=1 sector=3\nblk sector=3\n");
	expect_status(0);
}

/* ---- reports ---- */

__attribute__((noinline)) static void overflow_by_one(volatile char *block, size_t len)
{
	block[len] = 1;
}

static void *make_mistake(void *arg)
{
	char *block = malloc(10);

	overflow_by_one(block, 10);
	free(block);
	return arg;
}

static void overflow(const void *arg)
{
	struct worker w;

	begin(&nothing);
	if (arg)
		start(&w, make_mistake, NULL);
	enter();
	if (arg)
		finish(&w);
	else
		(void)make_mistake(NULL);
}

__attribute__((noinline)) static void forget_a_block(void)
{
	volatile char *block = malloc(1234);

	block[0] = 1;
}

static void leak(const void *arg)
{
	(void)arg;
	begin_and_enter(&nothing);
	forget_a_block();
	use_memory(); /* and nothing of it is left in a register or on the stack */
	exit(7);
}

static void need_asan(void)
{
	if (!__asan_init) {
		print_message("skipped: reports: no AddressSanitizer in this build\n");
		skip();
	}
}

static void findings_have_symbolised_stacks(void **state)
{
	(void)state;
	need_asan();
	for (unsigned int thread = 0; thread < 2; thread++) {
		play(overflow, thread ? "" : NULL);
		assert_true(WIFEXITED(run.status) ? WEXITSTATUS(run.status) != 0
						  : WTERMSIG(run.status) == SIGABRT);
		assert_null(strstr(run.text, "refused system call"));
		expect_text("heap-buffer-overflow");
		expect_text("in overflow_by_one ");
		expect_text("tests/test_sandbox.c:");
		expect_text("in make_mistake ");
	}
}

static void leaks_are_found(void **state)
{
	(void)state;
	need_asan();
	play(leak, NULL);
	expect_status(1); /* not 7 */
	expect_text("LeakSanitizer: detected memory leaks");
	expect_text("in forget_a_block ");
}

static void gather(const void *arg)
{
	__llvm_profile_set_filename(arg);
	begin_and_enter(&nothing);
}

static void profiles_are_written(void **state)
{
	char path[] = "/tmp/anvil.XXXXXX";
	struct stat st;

	(void)state;
	if (!__llvm_profile_set_filename) {
		print_message("skipped: profiles: this build gathers no coverage\n");
		skip();
	}
	assert_int_equal(close(mkstemp(path)), 0);
	assert_int_equal(unlink(path), 0);
	play(gather, path);
	expect_status(0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(unlink(path), 0);
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
		cmocka_unit_test(rights_are_gone_before_threads_start),
		cmocka_unit_test(files_are_gone_before_threads_start),
		cmocka_unit_test(steps_out_of_order_are_refused_and_the_summary_tells),
		cmocka_unit_test(missing_landlock_is_said),
		cmocka_unit_test(missing_seccomp_is_an_error),
		cmocka_unit_test(older_landlocks_are_asked_for_what_they_have),
		cmocka_unit_test(what_a_runner_does_goes_on),
		cmocka_unit_test(abort_and_assert_end_the_process),
		cmocka_unit_test(disk_file_works_inside),
		cmocka_unit_test(disk_io_uring_works_inside),
		cmocka_unit_test(slirp_connects_with_sockets_alone),
		cmocka_unit_test(libslirp_may_try_to_ping),
		cmocka_unit_test(slirp_finds_the_name_server_and_bears_a_hostile_guest),
		cmocka_unit_test(resolv_conf_unlisted_is_not_read),
		cmocka_unit_test(only_listed_files_are_read),
		cmocka_unit_test(tap_works_inside),
		cmocka_unit_test(captures_are_written_and_read_inside),
		cmocka_unit_test(guest_runs_inside),
		cmocka_unit_test(findings_have_symbolised_stacks),
		cmocka_unit_test(leaks_are_found),
		cmocka_unit_test(profiles_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
