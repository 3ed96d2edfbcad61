/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads numbers and summaries from the messages of engines, and tells in words how they ended.
 */
#include "engine_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "run/crash_stack.h"

bool engine_number_after(const char *line, const char *key, uint64_t *number)
{
	const char *at = strstr(line, key);

	if (!at)
		return false;
	at += strlen(key);
	at += strspn(at, " ");
	if (!isdigit((unsigned char)*at))
		return false;
	*number = strtoull(at, NULL, 10);
	return true;
}

void engine_cut(char *to, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	memcpy(to, text, len);
	to[len] = '\0';
}

void engine_summarise(struct engine *e, const char *line)
{
	bool ours = strncmp(line, "anvil: ", 7) == 0; /* a guest's addresses stay */
	char *clean = ours ? NULL : crash_report_clean(line);

	engine_cut(e->summary, sizeof(e->summary), clean ? clean : line);
	e->summary[strcspn(e->summary, "\n")] = '\0';
	free(clean);
}

void engine_describe_status(int status, char *text, size_t room)
{
	if (WIFSIGNALED(status))
		snprintf(text, room, "killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(text, room, "exited with status %d", WEXITSTATUS(status));
}
