/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t engine_now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

bool engine_ready(const struct engine_kind *kind, const struct engine_dirs *dirs,
		  char names[][NAME_BYTES], size_t count)
{
	return kind->ready(dirs, names, count);
}

void engine_free(struct engine *e)
{
	if (e->kind)
		e->kind->free(e);
	free(e->replay);
	e->replay = NULL;
}

bool engine_start(struct engine *e, const struct engine_kind *kind, const struct engine_job *job)
{
	engine_free(e);
	memset(e, 0, offsetof(struct engine, process));
	e->kind = kind;
	e->job = *job;
	e->process.pid = 0;
	e->started_ms = engine_now();
	return kind->start(e, job);
}

void engine_wait(struct engine *const *engines, size_t count, int timeout_ms)
{
	struct pollfd fds[ENGINE_TARGETS];
	nfds_t n = 0;

	for (size_t i = 0; i < count && n < ENGINE_TARGETS; i++) {
		if (!engines[i] || engines[i]->process.pid == 0 || !engines[i]->kind->wakes)
			continue;
		if (engines[i]->process.fd >= 0)
			fds[n++] =
				(struct pollfd){ .fd = engines[i]->process.fd, .events = POLLIN };
		else
			timeout_ms = 10; /* has said its last word, is not reaped yet */
	}
	(void)poll(fds, n, timeout_ms);
}

bool engine_poll(struct engine *e)
{
	if (!e->kind->poll(e))
		return false;
	if (!e->ended_ms)
		e->ended_ms = engine_now();
	return true;
}

void engine_signal(const struct engine *e, int signal_number)
{
	e->kind->signal(e, signal_number);
}

bool engine_next_finding(struct engine *e)
{
	return e->kind->next_finding(e);
}

int engine_set_aside(const struct engine *e, void (*tell)(const char *path))
{
	return e->kind->set_aside(e, tell);
}

enum engine_end engine_end(const struct engine *e)
{
	return e->kind->end(e);
}
