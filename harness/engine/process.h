/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A child process that talks to us: started, read line by line without waiting, reaped. Its last
 * lines are kept. It dies with this process.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define REPORT_LINES   200 /* what is kept of the messages: the last lines, cut in width */
#define REPORT_COLUMNS 400

#define PROCESS_ARGUMENTS 48
#define PROCESS_ARG_BYTES 1664

/* What to start: owned by the caller's stack, nothing to free */
struct command_line {
	char text[PROCESS_ARGUMENTS][PROCESS_ARG_BYTES];
	char *vector[PROCESS_ARGUMENTS + 1];
	size_t count;
};

void command_line_add(struct command_line *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct process {
	pid_t pid; /* 0: no process */
	int fd;	   /* its messages; -1: closed */
	int status;
	/* when it is over; of its children, too */
	unsigned int rss_mb; /* at most */
	uint64_t cpu_ms;     /* processor time, user and system */

	char line[PATH_MAX + 256];
	size_t line_len;
	char report[REPORT_LINES][REPORT_COLUMNS];
	size_t report_count; /* lines ever; the last REPORT_LINES are there */
};

/*
 * Starts the program, looked for in PATH when it has no slash; `environment`, which may be NULL, is
 * added to ours, NAME=VALUE each. Both channels of its messages are one. Returns 0, or a negative
 * errno; a program that cannot be executed says so in its messages.
 */
int process_start(struct process *p, const struct command_line *program,
		  const struct command_line *environment);

/*
 * Reads what has come, without waiting, and calls `take` for each line, free of control characters;
 * a line that it does not want kept it answers with true. True when the process is over and reaped.
 */
bool process_poll(struct process *p, bool (*take)(void *opaque, const char *line), void *opaque);

void process_signal(const struct process *p, int signal_number);

/* The kept lines, oldest first; NULL: no more */
const char *process_line(const struct process *p, size_t i);
size_t process_lines(const struct process *p);

#endif
