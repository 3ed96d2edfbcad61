/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a command where the kernel refuses one system call, as containers and hardened hosts do.
 * Usage: deny CALL ERROR COMMAND...; ERROR is a number of errno.
 */
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int call = argc > 3 ? seccomp_syscall_resolve_name(argv[1]) : __NR_SCMP_ERROR;

	if (call == __NR_SCMP_ERROR || !filter) {
		fputs("usage: deny CALL ERROR COMMAND...\n", stderr);
		return 125;
	}
	if (seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned int)atoi(argv[2])), call, 0) ||
	    seccomp_load(filter)) {
		fputs("deny: the kernel takes no filter\n", stderr);
		return 125;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
