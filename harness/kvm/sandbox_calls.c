/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list, made into a seccomp filter by libseccomp, and the handler of the signal that the filter
 * sends.
 */
#include "sandbox_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

#include "array_size.h"
#include "sandbox.h"

/* ---- the list ---- */

/* Allowed whatever their arguments, and the purposes that each line is for */
static const struct {
	unsigned int purposes;
	const char *names;
} whole[] = {
	/* what is open: events, consoles, frames, captures */
	{ CALLS_ALWAYS, "read write ppoll poll writev lseek fstat close" },
	/* memory */
	{ CALLS_ALWAYS, "munmap mremap madvise brk getrandom" },
	/* time */
	{ CALLS_ALWAYS, "clock_gettime gettimeofday time nanosleep clock_nanosleep" },
	/* threads and signals */
	{ CALLS_ALWAYS, "sched_yield restart_syscall rt_sigreturn rt_sigprocmask rt_sigtimedwait "
			"sigaltstack getpid gettid exit exit_group" },
	/* what the C library does in a thread that was created, but has not run yet; or ends */
	{ CALLS_ALWAYS, "set_robust_list rseq" },
	{ CALLS_DISK_FILE, "pread64 pwrite64 fdatasync fallocate" },
	{ CALLS_DISK_IO_URING, "io_uring_enter" },
	{ CALLS_SOCKETS, "recvfrom sendto recvmsg sendmsg connect accept accept4 bind listen "
			 "shutdown getsockname getpeername getsockopt" },
	/* to look whether /etc/resolv.conf has changed */
	{ CALLS_SOCKETS, "newfstatat" },
	/* maps and symbols of the process, a program that knows lines, other threads' stacks */
	{ CALLS_SANITIZER,
	  "access arch_prctl capget clone clone3 dup dup2 dup3 execve faccessat faccessat2 fcntl "
	  "fork fstatfs getcwd getdents getdents64 getegid geteuid getgid getppid getrlimit getuid "
	  "lstat "
	  "mincore mmap mprotect newfstatat pipe pipe2 prctl pread64 prlimit64 process_vm_readv "
	  "ptrace readlink readlinkat rt_sigaction sched_getaffinity "
	  "set_tid_address stat statfs statx sysinfo uname vfork wait4 waitid" },
	/* a file, and a lock on it for those who write the same one */
	{ CALLS_COVERAGE, "fcntl flock ftruncate mkdir openat prctl uname" },
};

#define CONDITIONS 3

/* Allowed on conditions, of which all must be met */
struct call {
	const char *name;
	unsigned int purposes;
	struct scmp_arg_cmp when[CONDITIONS]; /* those with an `op` */
	int error;			      /* not 0: is refused, but the caller just gets this */
};

#define CALL(call, why, ...)                                                                       \
	{                                                                                          \
		.name = (call), .purposes = (why), .when = { __VA_ARGS__ }                         \
	}

/*
 * On argument `i`. The kernel takes most for 32 bits wide: what it ignores in the upper half must
 * make no difference here, or be refused.
 */
/* releases of clang-format do not agree about these braces */
/* clang-format off */
#define WHEN(i, op, a, b) { (i), SCMP_CMP_##op, (a), (b) }
/* clang-format on */
#define IS(i, value)	      WHEN(i, MASKED_EQ, UINT32_MAX, value)
#define IS_BUT(i, but, value) WHEN(i, MASKED_EQ, UINT32_MAX & ~(uint64_t)(but), value)
#define HAS(i, bits)	      WHEN(i, MASKED_EQ, bits, bits)
#define HAS_NOT(i, bits)      WHEN(i, MASKED_EQ, bits, 0)
#define LESS(i, value)	      WHEN(i, LT, value, 0)
#define IS_THIS_PROCESS	      WHEN(0, EQ, THIS_PROCESS, 0)
#define THIS_PROCESS	      UINT64_MAX /* stands for its number */

#define IOCTL(request, why)    CALL("ioctl", why, IS(1, request))
#define FUTEX(op)	       CALL("futex", CALLS_ALWAYS, IS_BUT(1, FUTEX_FLAGS, op))
#define FUTEX_FLAGS	       (FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)
#define FCNTL(command)	       CALL("fcntl", CALLS_ALWAYS, IS(1, command))
#define SETSOCKOPT(level, opt) CALL("setsockopt", CALLS_SOCKETS, IS(1, level), IS(2, opt))
#define SOCKET_FLAGS	       (SOCK_CLOEXEC | SOCK_NONBLOCK)
#define SOCKET(family, type, protocol)                                                             \
	CALL("socket", CALLS_SOCKETS, IS(0, family), IS_BUT(1, SOCKET_FLAGS, type), IS(2, protocol))
#define NOT_TO_READ (O_ACCMODE | O_CREAT | O_TRUNC)

static const struct call conditional[] = {
	IOCTL(KVM_RUN, CALLS_ALWAYS),
	IOCTL(KVM_IRQ_LINE, CALLS_ALWAYS),
	IOCTL(KVM_SIGNAL_MSI, CALLS_ALWAYS),
	IOCTL(KVM_GET_REGS, CALLS_ALWAYS),
	IOCTL(KVM_SET_REGS, CALLS_ALWAYS),
	IOCTL(KVM_GET_SREGS, CALLS_ALWAYS),
	IOCTL(KVM_SET_SREGS, CALLS_ALWAYS),
	IOCTL(TCGETS, CALLS_ALWAYS),
	IOCTL(TCSETS, CALLS_ALWAYS),
	IOCTL(TCSETSW, CALLS_ALWAYS),
	IOCTL(TCSETSF, CALLS_ALWAYS),
	IOCTL(TIOCGWINSZ, CALLS_ALWAYS),
	IOCTL(TUNSETOFFLOAD, CALLS_TAP),
	IOCTL(FIONREAD, CALLS_SOCKETS),
	IOCTL(FIONBIO, CALLS_SOCKETS),

	FUTEX(FUTEX_WAIT),
	FUTEX(FUTEX_WAKE),
	FUTEX(FUTEX_WAIT_BITSET),
	FCNTL(F_GETFL),
	FCNTL(F_SETFL),
	FCNTL(F_GETFD),
	FCNTL(F_SETFD),
	CALL("mmap", CALLS_ALWAYS, HAS_NOT(2, PROT_EXEC)),
	CALL("mprotect", CALLS_ALWAYS, HAS_NOT(2, PROT_EXEC)),
	CALL("newfstatat", CALLS_ALWAYS, HAS(3, AT_EMPTY_PATH)), /* the C library's fstat */
	CALL("rt_sigaction", CALLS_ALWAYS, LESS(0, SIGSYS)),
	CALL("tgkill", CALLS_ALWAYS, IS_THIS_PROCESS),
	CALL("kill", CALLS_ALWAYS, IS_THIS_PROCESS),

	/* libslirp 4.7 */
	SOCKET(AF_INET, SOCK_STREAM, 0),
	SOCKET(AF_INET, SOCK_DGRAM, 0),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
	SOCKET(AF_INET6, SOCK_STREAM, 0),
	SOCKET(AF_INET6, SOCK_DGRAM, 0),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6),
	/* to ping with where the host does not let it have the above; without, it goes on */
	{ .name = "socket",
	  .purposes = CALLS_SOCKETS,
	  .when = { IS_BUT(1, SOCKET_FLAGS, SOCK_RAW) },
	  .error = EPERM },
	SETSOCKOPT(SOL_SOCKET, SO_REUSEADDR),
	SETSOCKOPT(SOL_SOCKET, SO_OOBINLINE),
	SETSOCKOPT(IPPROTO_TCP, TCP_NODELAY),
	SETSOCKOPT(IPPROTO_IP, IP_TTL),
	SETSOCKOPT(IPPROTO_IP, IP_RECVERR),
	SETSOCKOPT(IPPROTO_IPV6, IPV6_UNICAST_HOPS),
	SETSOCKOPT(IPPROTO_IPV6, IPV6_RECVERR),
	SETSOCKOPT(IPPROTO_IPV6, IPV6_V6ONLY),
	/* /etc/resolv.conf, and what a sanitizer reads */
	CALL("openat", CALLS_SOCKETS | CALLS_SANITIZER, HAS_NOT(2, NOT_TO_READ)),
	CALL("open", CALLS_SANITIZER, HAS_NOT(1, NOT_TO_READ)),
};

/* ---- a refusal ---- */

#define NAMES	   512
#define NAME_BYTES 32

/* Filled in before: a signal handler may ask nobody. */
static struct {
	char name[NAMES][NAME_BYTES];
	void (*on_refusal)(void);
} refusal;

struct line {
	char text[512];
	size_t len;
};

static void put(struct line *line, const char *text)
{
	while (*text && line->len < sizeof(line->text))
		line->text[line->len++] = *text++;
}

static void put_number(struct line *line, unsigned long long number, unsigned int base)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number > 0);
	put(line, base == 16 ? "0x" : "");
	put(line, digits + at);
}

/* Where the kernel finds the first three arguments. */
static void put_arguments(struct line *line, const ucontext_t *context)
{
#ifdef __x86_64__
	static const int place[] = { REG_RDI, REG_RSI, REG_RDX };

	for (size_t i = 0; i < ARRAY_SIZE(place); i++) {
		put(line, i == 0 ? " of " : ", ");
		put_number(line, (unsigned long long)context->uc_mcontext.gregs[place[i]], 16);
	}
#else
	(void)line, (void)context;
#endif
}

/* Only what may be called in a signal handler. The C library's _exit is a sanitizer's to change. */
static void refuse(int signal, siginfo_t *info, void *context)
{
	struct line line = { .len = 0 };
	int nr = info->si_syscall;

	(void)signal;
	if (refusal.on_refusal)
		refusal.on_refusal();
	put(&line, "anvil boot: sandbox: refused system call ");
	put(&line, nr >= 0 && nr < NAMES && *refusal.name[nr] ? refusal.name[nr] : "of no name");
	put(&line, " (");
	put_number(&line, (unsigned int)nr, 10);
	put(&line, ")");
	put_arguments(&line, context);
	put(&line, ", which a runner never makes; the run ends. To look into it, run again with "
		   "--no-sandbox\n");
	(void)syscall(SYS_write, STDERR_FILENO, line.text, line.len);
	for (;;)
		(void)syscall(SYS_exit_group, SANDBOX_REFUSED);
}

static int prepare_refusal(void (*on_refusal)(void))
{
	struct sigaction action = { .sa_sigaction = refuse, .sa_flags = SA_SIGINFO };

	for (int nr = 0; nr < NAMES; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

		if (name)
			strncpy(refusal.name[nr], name, NAME_BYTES - 1);
		free(name);
	}
	refusal.on_refusal = on_refusal;
	return sigaction(SIGSYS, &action, NULL) ? -errno : 0;
}

/* ---- the filter ---- */

struct filter {
	scmp_filter_ctx context;
	unsigned int purposes;
	bool whole[NAMES]; /* by the call's number */
	bool part[NAMES];
};

static bool applies(const struct filter *filter, unsigned int call_purposes)
{
	return call_purposes & (filter->purposes | CALLS_ALWAYS);
}

/* Returns the call's number, below NAMES; -1 if this architecture has none; or a negative errno. */
static int number_of(const char *name, size_t len)
{
	char text[NAME_BYTES] = "";
	int nr;

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, name, len);
	nr = seccomp_syscall_resolve_name(text);
	if (nr == __NR_SCMP_ERROR || nr >= NAMES)
		return -EINVAL;
	return nr < 0 ? -1 : nr;
}

static int allow_whole(struct filter *filter, const char *names)
{
	while (*names) {
		size_t len = strcspn(names, " ");
		int nr = number_of(names, len);
		int err = nr < -1 ? nr : 0;

		if (nr >= 0 && !filter->whole[nr])
			err = seccomp_rule_add_array(filter->context, SCMP_ACT_ALLOW, nr, 0, NULL);
		if (err)
			return err;
		if (nr >= 0)
			filter->whole[nr] = true;
		names += len + (names[len] == ' ');
	}
	return 0;
}

static int allow_part(struct filter *filter, const struct call *call)
{
	uint32_t action = call->error ? SCMP_ACT_ERRNO((uint32_t)call->error) : SCMP_ACT_ALLOW;
	int nr = number_of(call->name, strlen(call->name));
	struct scmp_arg_cmp when[CONDITIONS];
	unsigned int n = 0;

	if (nr < -1)
		return nr;
	if (nr == -1 || filter->whole[nr])
		return 0;
	for (; n < CONDITIONS && call->when[n].op; n++) {
		when[n] = call->when[n];
		if (when[n].datum_a == THIS_PROCESS)
			when[n].datum_a = (scmp_datum_t)getpid();
	}
	filter->part[nr] = true;
	return seccomp_rule_add_array(filter->context, action, nr, n, when);
}

static int allow(struct filter *filter)
{
	int err =
		seccomp_syscall_priority(filter->context, SCMP_SYS(ioctl), UINT8_MAX); /* KVM_RUN */

	for (size_t i = 0; i < ARRAY_SIZE(whole) && !err; i++) {
		if (applies(filter, whole[i].purposes))
			err = allow_whole(filter, whole[i].names);
	}
	for (size_t i = 0; i < ARRAY_SIZE(conditional) && !err; i++) {
		if (applies(filter, conditional[i].purposes))
			err = allow_part(filter, &conditional[i]);
	}
	return err;
}

static int count_allowed(const struct filter *filter)
{
	int count = 0;

	for (size_t nr = 0; nr < NAMES; nr++)
		count += filter->whole[nr] || filter->part[nr];
	return count;
}

static int set_up(scmp_filter_ctx context)
{
	int err = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (!err)
		err = seccomp_attr_set(context, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = seccomp_attr_set(context, SCMP_FLTATR_API_SYSRAWRC, 1);
	return err;
}

int calls_restrict(unsigned int purposes, void (*on_refusal)(void))
{
	struct filter filter = { .context = seccomp_init(SCMP_ACT_TRAP), .purposes = purposes };
	int err;

	if (!filter.context)
		return -ENOMEM;
	err = set_up(filter.context);
	if (!err)
		err = allow(&filter);
	if (!err)
		err = prepare_refusal(on_refusal);
	if (!err)
		err = seccomp_load(filter.context);
	seccomp_release(filter.context);
	if (err)
		return err < 0 ? err : -ESRCH; /* the number of a thread that cannot be had */
	return count_allowed(&filter);
}
