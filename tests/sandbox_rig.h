/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process in the sandbox, which plays the runner: a sandbox is for life. What it said, and how it
 * ended: for test_sandbox_*.c.
 */
#ifndef TESTS_SANDBOX_RIG_H
#define TESTS_SANDBOX_RIG_H

#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvm/sandbox.h"

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

static inline _Noreturn void end(int status)
{
	for (;;)
		(void)syscall(SYS_exit_group, status);
}

static inline _Noreturn void give_up(const char *what, int line)
{
	dprintf(STDERR_FILENO, "child: line %d: %s (%s)\n", line, what, strerror(errno));
	end(CHILD_FAILED);
}

static inline _Noreturn void child_skips(const char *why)
{
	dprintf(STDERR_FILENO, "%s", why);
	end(CHILD_SKIPS);
}

static inline void collect(int fd)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, run.text + len, sizeof(run.text) - 1 - len)) > 0)
		len += (size_t)n;
	run.text[len] = '\0';
}

/* Plays `body` in a child, which ends with 0 if it returns. */
static inline void play(void (*body)(const void *), const void *arg)
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

static inline void expect_status(int status)
{
	if (!WIFEXITED(run.status) || WEXITSTATUS(run.status) != status)
		fail_msg("wait status %#x instead of exit status %d: %s", (unsigned int)run.status,
			 status, run.text);
}

static inline void expect_text(const char *text)
{
	if (!strstr(run.text, text))
		fail_msg("\"%s\" does not say \"%s\"", run.text, text);
}

/* The one line, and nothing else. */
static inline void expect_refusal(const char *name, long nr)
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

static inline void begin(const struct sandbox_needs *needs)
{
	char error[SANDBOX_LINE_BYTES] = "";

	if (sandbox_begin(needs, error, sizeof(error)))
		give_up(error, __LINE__);
}

static inline void enter(void)
{
	char error[SANDBOX_LINE_BYTES] = "";

	if (sandbox_enter(error, sizeof(error)))
		give_up(error, __LINE__);
}

static inline void begin_and_enter(const struct sandbox_needs *needs)
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

static inline void *await_go(void *arg)
{
	struct worker *w = arg;
	eventfd_t value;

	CHECK(eventfd_read(w->go, &value) == 0);
	return w->work(w->arg);
}

static inline void start(struct worker *w, void *(*work)(void *), void *arg)
{
	w->work = work;
	w->arg = arg;
	w->go = eventfd(0, EFD_CLOEXEC);
	CHECK(w->go >= 0);
	CHECK(pthread_create(&w->thread, NULL, await_go, w) == 0);
}

static inline void finish(struct worker *w)
{
	CHECK(eventfd_write(w->go, 1) == 0);
	CHECK(pthread_join(w->thread, NULL) == 0);
}

/* Arenas are made, grow and shrink; large blocks have mappings of their own. */
__attribute__((noinline, unused)) static void use_memory(void)
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

#endif
