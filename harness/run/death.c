/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A handler in front of those that are there looks who sent the signal. SIGKILL cannot be handled:
 * a filter of system calls sees the process send it, and else it came from outside.
 */
#include "death.h"

#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array_size.h"
#include "crash_stack.h"
#include "base/msan.h"

#define OWN_MEMORY_KIB (2048l * 1024) /* a device that took so much was killed for it */

#define BY_SECCOMP 1 /* SYS_SECCOMP, which the C library's headers lack */

static const int watched[] = {
	SIGHUP,	 SIGINT,  SIGQUIT, SIGILL,  SIGTRAP,   SIGABRT, SIGBUS,	 SIGFPE,  SIGUSR1, SIGSEGV,
	SIGUSR2, SIGALRM, SIGTERM, SIGXCPU, SIGVTALRM, SIGPROF, SIGXFSZ, SIGPOLL, SIGSYS,
};

static struct death *death;
static struct sigaction before[NSIG];

/* What the kernel sends by itself, of which the device knows nothing */
static bool is_of_host(int number)
{
	return number == SIGHUP || number == SIGINT || number == SIGQUIT || number == SIGTERM ||
	       number == SIGXCPU || number == SIGXFSZ;
}

static bool is_foreign(int number, const siginfo_t *info)
{
	if (info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL)
		return info->si_pid != getpid();
	return info->si_code == SI_KERNEL && is_of_host(number);
}

/* Not instrumented: before a call that does not return AddressSanitizer allocates memory, for which
 * it would wait for ever if the signal came in the middle of an allocation. */
__attribute__((no_sanitize("address"))) static void on_signal(int number, siginfo_t *info,
							      void *context)
{
	const struct sigaction *old = &before[number];

	if (number == SIGSYS && info->si_code == BY_SECCOMP) {
		death->killed_self = true;
		_exit(128 + SIGKILL);
	}
	if (is_foreign(number, info)) {
		death->sender = info->si_code == SI_KERNEL ? 0 : info->si_pid;
		death->foreign = number;
		_exit(128 + number);
	}
	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(number, info, context);
	} else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
		old->sa_handler(number);
	} else {
		(void)signal(number, old->sa_handler);
		(void)raise(number); /* comes when this returns */
	}
}

/* kill(2) and its kin with SIGKILL become a SIGSYS. */
static void watch_kill(void)
{
	static const struct {
		int call;
		unsigned int argument;
	} calls[] = {
		{ SCMP_SYS(kill), 1 },
		{ SCMP_SYS(tkill), 1 },
		{ SCMP_SYS(tgkill), 2 },
	};
	scmp_filter_ctx filter;
	int err;

	enter_library();
	filter = seccomp_init(SCMP_ACT_ALLOW);
	err = filter ? 0 : -1;
	for (size_t i = 0; !err && i < ARRAY_SIZE(calls); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_TRAP, calls[i].call, 1,
				       SCMP_CMP(calls[i].argument, SCMP_CMP_EQ, SIGKILL, 0));
	if (!err)
		(void)seccomp_load(filter);
	seccomp_release(filter);
	leave_library();
}

void death_watch(struct death *d)
{
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	death = d;
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
		(void)sigaction(watched[i], &action, &before[watched[i]]);
	watch_kill();
}

/* ---- afterwards ---- */

static const char *by_whom(const struct death *d, char *text, size_t room)
{
	snprintf(text, room, d->sender ? "process %d" : "a terminal or a limit", d->sender);
	return text;
}

bool death_is_foreign(const struct death *d, int status, const struct rusage *usage,
		      const char *report, char *why, size_t room)
{
	const char *host = crash_report_environment(report);
	char sender[48];

	if (d->foreign)
		snprintf(why, room, "its process was ended by %s (%s)",
			 by_whom(d, sender, sizeof(sender)), strsignal(d->foreign));
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !d->killed_self &&
		 usage->ru_maxrss < OWN_MEMORY_KIB)
		snprintf(why, room,
			 "its process was killed from outside, as the kernel does where memory is "
			 "short "
			 "(it had %ld MiB)",
			 usage->ru_maxrss / 1024);
	else if (host)
		snprintf(why, room, "%s", host);
	else
		return false;
	return true;
}
