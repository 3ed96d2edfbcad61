/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked to a target that AFL++ runs: what its fork server forks dies with the fork server. AFL++
 * 4.04c forgets some of them when it ends, stopped and for ever; or it is killed itself.
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
