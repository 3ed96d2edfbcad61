/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* glibc before 2.38 has the member under its own name only */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Whether a line of flags has one of the two; separated by blanks */
static bool has_flag(char *line)
{
	char *rest = NULL;

	for (char *word = strtok_r(line, " \t\n:", &rest); word;
	     word = strtok_r(NULL, " \t\n:", &rest)) {
		if (!strcmp(word, "vmx") || !strcmp(word, "svm"))
			return true;
	}
	return false;
}

bool watch_hardware(const char *cpuinfo)
{
	FILE *f = fopen(cpuinfo, "re");
	bool told = false;
	bool found = false;
	char *line = NULL;
	size_t room = 0;

	if (!f)
		return true;
	while (!found && getline(&line, &room, f) > 0) {
		if (strncmp(line, "flags", 5) != 0)
			continue;
		told = true;
		found = has_flag(line);
	}
	free(line);
	fclose(f);
	return found || !told;
}

int watch_start(struct watch *w, int signal, pid_t thread)
{
	const struct itimerspec when = { .it_value.tv_sec = WATCH_SECONDS,
					 .it_interval.tv_sec = 1 };
	struct sigevent event = { .sigev_signo = signal };

	w->running = false;
	if (watch_hardware(WATCH_CPUINFO))
		return 0;
	event.sigev_notify = thread ? SIGEV_THREAD_ID : SIGEV_SIGNAL;
	if (thread)
		event.sigev_notify_thread_id = thread;
	if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &w->timer))
		return -errno;
	w->running = true;
	return timer_settime(w->timer, 0, &when, NULL) ? -errno : 0;
}

void watch_stop(struct watch *w)
{
	if (w->running)
		timer_delete(w->timer);
	w->running = false;
}
