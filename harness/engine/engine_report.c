/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is told of an engine: how it ended, and its findings.
 */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/complain.h"
#include "script/files.h"

#define FAILED_LINES 10 /* shown of a process that failed */

void engine_complain_end(const struct engine *e, const char *target, const char *what)
{
	const struct process *p = e->kind->speaker(e);
	char text[PATH_MAX + 64];
	size_t kept = process_lines(p);
	size_t i = kept > FAILED_LINES ? kept - FAILED_LINES : 0;
	const char *line;

	e->kind->describe(e, text, sizeof(text));
	complain("%s: %s; its last lines:", target, what ? what : text);
	for (; (line = process_line(p, i)); i++)
		fprintf(stderr, "    %s\n", line);
}

static bool write_report(const struct engine *e, const char *path)
{
	FILE *file = fopen(path, "w");
	const char *line;
	bool good;

	if (!file)
		return false;
	fprintf(file, "%s\n\n", e->summary);
	if (e->replay)
		fputs(e->replay, file);
	for (size_t i = 0; !e->replay && (line = process_line(&e->process, i)); i++)
		fprintf(file, "%s\n", line);
	good = !ferror(file);
	return fclose(file) == 0 && good;
}

bool engine_save_report(const struct engine *e)
{
	char part[sizeof(e->artefact) + 16];
	char path[sizeof(e->artefact) + 16];

	snprintf(part, sizeof(part), "%s.txt.part", e->artefact);
	snprintf(path, sizeof(path), "%s.txt", e->artefact);
	if (write_report(e, part) && rename(part, path) == 0)
		return true;
	complain("%s: cannot write it: %s; make room or give another --out", path, strerror(errno));
	(void)unlink(part);
	return false;
}

void engine_print_replay(const struct engine *e)
{
	fputs("  replay: ", stdout);
	files_put_program(stdout);
	fputs(" play ", stdout);
	files_put_word(e->artefact, stdout);
	putchar('\n');
}
