/* SPDX-License-Identifier: BSD-3-Clause */
#include "process.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_START 127

void command_line_add(struct command_line *c, const char *format, ...)
{
	va_list args;

	if (c->count == PROCESS_ARGUMENTS)
		abort();
	va_start(args, format);
	vsnprintf(c->text[c->count], PROCESS_ARG_BYTES, format, args);
	va_end(args);
	c->vector[c->count] = c->text[c->count];
	c->vector[++c->count] = NULL;
}

/* Not posix_spawn: only between fork and exec can the child be bound to die with its parent */
static _Noreturn void run_child(const struct command_line *program,
				const struct command_line *environment, int messages, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(CANNOT_START);
	for (size_t i = 0; environment && i < environment->count; i++)
		(void)putenv(environment->vector[i]);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(messages, STDOUT_FILENO) >= 0 &&
	    dup2(messages, STDERR_FILENO) >= 0)
		execvp(program->vector[0], program->vector);
	dprintf(messages, "cannot start %s: %s\n", program->vector[0], strerror(errno));
	_exit(CANNOT_START);
}

int process_start(struct process *p, const struct command_line *program,
		  const struct command_line *environment)
{
	pid_t parent = getpid();
	int ends[2];
	int err = 0;

	p->pid = 0;
	p->fd = -1;
	p->line_len = 0;
	p->report_count = 0;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	(void)fflush(NULL);
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
		err = -errno;
	else
		p->pid = fork();
	if (p->pid == 0 && !err)
		run_child(program, environment, ends[1], parent);
	if (p->pid < 0)
		err = -errno;
	(void)close(ends[1]);
	if (err) {
		(void)close(ends[0]);
		p->pid = 0;
		return err;
	}
	p->fd = ends[0];
	return 0;
}

void process_signal(const struct process *p, int signal_number)
{
	if (p->pid > 0)
		(void)kill(p->pid, signal_number);
}

/* ---- what it says ---- */

/* Colours go, and other control characters become harmless */
static void make_plain(struct process *p)
{
	size_t len = 0;

	for (size_t i = 0; i < p->line_len; i++) {
		char c = p->line[i];

		if (c == '\033' && i + 1 < p->line_len && p->line[i + 1] == '[')
			for (i += 2; i < p->line_len && !isalpha((unsigned char)p->line[i]);)
				i++;
		else
			p->line[len++] = (char)(iscntrl((unsigned char)c) && c != '\t' ? '?' : c);
	}
	p->line[len] = '\0';
}

static void take_line(struct process *p, bool (*take)(void *opaque, const char *line), void *opaque)
{
	char *kept = p->report[p->report_count % REPORT_LINES];
	size_t len;

	make_plain(p);
	p->line_len = 0;
	if (take(opaque, p->line))
		return;
	len = strnlen(p->line, REPORT_COLUMNS - 1);
	memcpy(kept, p->line, len);
	kept[len] = '\0';
	p->report_count++;
}

static void take_bytes(struct process *p, const char *bytes, size_t count,
		       bool (*take)(void *opaque, const char *line), void *opaque)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\n')
			take_line(p, take, opaque);
		else if (p->line_len < sizeof(p->line) - 1)
			p->line[p->line_len++] = bytes[i];
	}
}

static void read_messages(struct process *p, bool (*take)(void *opaque, const char *line),
			  void *opaque)
{
	char bytes[4096];
	ssize_t n;

	while (p->fd >= 0) {
		n = read(p->fd, bytes, sizeof(bytes));
		if (n > 0) {
			take_bytes(p, bytes, (size_t)n, take, opaque);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			(void)close(p->fd);
			p->fd = -1;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

static uint64_t milliseconds(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000 + (uint64_t)t->tv_usec / 1000;
}

bool process_poll(struct process *p, bool (*take)(void *opaque, const char *line), void *opaque)
{
	struct rusage usage;
	pid_t reaped;

	if (p->pid == 0)
		return true;
	reaped = wait4(p->pid, &p->status, WNOHANG, &usage);
	read_messages(p, take, opaque);
	if (reaped != p->pid)
		return false;
	if (p->line_len)
		take_line(p, take, opaque);
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
	p->pid = 0;
	p->rss_mb = (unsigned int)(usage.ru_maxrss / 1024);
	p->cpu_ms = milliseconds(&usage.ru_utime) + milliseconds(&usage.ru_stime);
	return true;
}

size_t process_lines(const struct process *p)
{
	return p->report_count < REPORT_LINES ? p->report_count : REPORT_LINES;
}

const char *process_line(const struct process *p, size_t i)
{
	size_t kept = process_lines(p);

	return i < kept ? p->report[(p->report_count - kept + i) % REPORT_LINES] : NULL;
}
