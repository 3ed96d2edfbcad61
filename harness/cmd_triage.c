/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil triage: the findings of a folder in groups, each with its smallest script and what a person
 * needs to understand it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "files.h"
#include "triage.h"

#define USAGE "anvil triage [--out FOLDER] [--hang SECONDS] FILE|FOLDER..."

static void show(const char *what, size_t done, size_t all)
{
	printf("\r\033[K%zu of %zu %s", done, all, what);
	fflush(stdout);
}

static void complain(const char *what)
{
	fprintf(stderr, "anvil triage: %s; usage: %s\n", what, USAGE);
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
		fputs("anvil triage: not enough memory for so many scripts\n", stderr);
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

static int triage_all(struct triage *t, const char *out)
{
	int err = triage_run(t);

	if (t->progress)
		printf("\r\033[K");
	if (err) {
		fprintf(stderr, "anvil triage: cannot play: %s\n", strerror(-err));
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

/* Takes the options; returns the index of the first operand, or 0 after a complaint. */
static int take_options(int argc, char **argv, struct triage *t, const char **out)
{
	int i = 1;

	for (; i < argc && !strncmp(argv[i], "--", 2); i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--out") && value[0])
			*out = value;
		else if (strcmp(argv[i], "--hang") != 0 ||
			 !runner_take_hang(value, &t->hang_seconds))
			return complain("--out takes a folder, --hang 1 to 3600 seconds"), 0;
	}
	if (i < argc)
		return i;
	return complain("no inputs"), 0;
}

int cmd_triage(int argc, char **argv)
{
	struct triage t = { .progress = isatty(STDOUT_FILENO) ? show : NULL };
	const char *out = "build/triage";
	int first = take_options(argc, argv, &t, &out);
	int status = EXIT_USAGE;
	size_t count;
	char **path;

	if (!first)
		return EXIT_USAGE;
	path = files_list(argv + first, argc - first, &count);
	if (!path)
		return EXIT_USAGE;
	if (read_inputs(&t, path, count))
		status = triage_all(&t, out);
	triage_free(&t);
	free(t.input);
	files_free(path, count);
	return status;
}
