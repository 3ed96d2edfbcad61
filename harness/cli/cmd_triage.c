/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil triage: the findings of a folder in groups, each with its smallest script and what a person
 * needs to understand it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "base/complain.h"
#include "script/files.h"
#include "findings/triage.h"

struct arguments {
	const char *out;
	const char *device;
	const char *known;
	unsigned int hang_seconds;
};

static void show(const char *what, size_t done, size_t all)
{
	printf("\r\033[K%zu of %zu %s", done, all, what);
	fflush(stdout);
}

/* "crash-1234.txt" is what the fuzzer said about "crash-1234", not an input. */
static bool is_report(char *const *path, size_t count, size_t index)
{
	size_t len = strlen(path[index]);

	if (len < 5 || strcmp(path[index] + len - 4, ".txt") != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strlen(path[i]) == len - 4 && !strncmp(path[i], path[index], len - 4))
			return true;
	}
	return false;
}

static bool read_inputs(struct triage *t, char *const *path, size_t count)
{
	t->input = calloc(count ? count : 1, sizeof(*t->input));
	if (!t->input) {
		complain("not enough memory for so many scripts");
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (is_report(path, count, i))
			continue;
		t->input[t->inputs].path = path[i];
		if (!files_read_script(path[i], &t->input[t->inputs++].script))
			return false;
	}
	return true;
}

/* What it reads must not be in the folder that it replaces. */
static bool is_below(const char *path, const char *folder)
{
	char inner[PATH_MAX];
	char outer[PATH_MAX];
	size_t len;

	if (!realpath(path, inner) || !realpath(folder, outer))
		return false;
	len = strlen(outer);
	return !strncmp(inner, outer, len) && inner[len] == '/';
}

static bool apart(char *const *path, size_t count, const char *out)
{
	for (size_t i = 0; i < count; i++) {
		if (is_below(path[i], out)) {
			complain("%s: is in %s, which is to be replaced; give another --out",
				 path[i], out);
			return false;
		}
	}
	return true;
}

static int triage_all(struct triage *t, const char *out)
{
	int err = triage_run(t);

	if (t->progress)
		printf("\r\033[K");
	if (err) {
		complain("cannot play: %s", err == -ENOMEM ? strerror(ENOMEM) : runner_problem());
		return EXIT_USAGE;
	}
	if (!triage_write(t, out))
		return EXIT_USAGE;
	triage_print(t, stdout);
	if (t->groups)
		printf("%s: summary.txt, triage.sarif, triage.json, and a folder for each group\n",
		       out);
	return t->groups ? EXIT_FINDING : EXIT_OK;
}

static int triage_operands(struct triage *t, char **operand, int count, const char *out)
{
	int status = EXIT_USAGE;
	size_t found;
	char **path = files_operands(operand, count, &found);

	if (!path)
		return EXIT_USAGE;
	if (apart(path, found, out) && read_inputs(t, path, found))
		status = triage_all(t, out);
	triage_free(t);
	free(t->input);
	files_free(path, found);
	return status;
}

static int run(void *opaque, char **operand, int count)
{
	const struct arguments *a = opaque;
	struct known known = { 0 };
	struct triage t = {
		.progress = isatty(STDOUT_FILENO) ? show : NULL,
		.hang_seconds = a->hang_seconds,
		.device = a->device,
		.known = &known,
	};
	int status = EXIT_USAGE;

	if (options_read_known(&known, a->known, a->device))
		status = triage_operands(&t, operand, count, a->out);
	known_free(&known);
	return status;
}

static const struct command_option options[] = {
	{ "out", "FOLDER", "to write: a new one, or one of a triage before", "build/triage",
	  SETS_TEXT(struct arguments, out) },
	{ "device", "FILE",
	  "the device of yours that is played on, as in anvil play; else one of ours", NULL,
	  SETS_TEXT(struct arguments, device) },
	{ "known", "FILE", KNOWN_HELP, NULL, SETS_TEXT(struct arguments, known) },
	{ "hang", "SECONDS", "of processor time after which a script hangs", "10",
	  SETS_NUMBER(struct arguments, hang_seconds, 1, 3600) },
	{ 0 },
};

static const struct command_operand operands[] = {
	{ .name = "FILE|FOLDER", .help = "scripts, as bytes or as text", .repeated = true },
	{ 0 },
};

const struct command command_triage = {
	.name = "triage",
	.help = "Puts findings into groups, explains each and makes it small",
	.options = options,
	.operands = operands,
	.arguments_size = sizeof(struct arguments),
	.run = run,
};
