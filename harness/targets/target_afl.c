/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked to a target that AFL++ runs: each process that the fork server starts is killed when the
 * fork server ends. AFL++ 4.04c, when it ends or is killed, would leave some of them stopped for
 * ever.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static pid_t server;

static void die_with_server(void)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != server)
		_exit(1);
}

static void __attribute__((constructor)) watch_forks(void)
{
	server = getpid();
	(void)pthread_atfork(NULL, NULL, die_with_server);
}
