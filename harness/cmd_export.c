/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil export: a script for those who do not have the harness.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "export.h"
#include "files.h"

#define USAGE "anvil export --as c|qtest FILE"

static const struct form {
	const char *name;
	void (*write)(const struct exported *e, FILE *out);
	bool x86; /* for a device on such a machine */
} forms[] = {
	{ "c", export_c, false },
	{ "qtest", export_qtest, true },
};

static const struct form *find_form(const char *name)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!strcmp(forms[i].name, name))
			return &forms[i];
	}
	fprintf(stderr, "anvil export: there is no form \"%s\"; usage: %s\n", name, USAGE);
	return NULL;
}

static int export_script_as(const struct form *form, const char *path, const struct script *script)
{
	struct play_log *log = play_log_create();
	struct outcome o = { 0 };
	int status = EXIT_USAGE;

	if (!log || runner_play_logged(script, log, &o)) {
		fputs("anvil export: cannot start a process to play in\n", stderr);
	} else {
		form->write(&(struct exported){ path, script, log, &o }, stdout);
		if (!fflush(stdout) && !ferror(stdout))
			status = EXIT_OK;
		else
			perror("anvil export: standard output");
	}
	free(o.report);
	if (log)
		play_log_destroy(log);
	return status;
}

/* Why there is nothing to export, or NULL */
static const char *prevents(const struct form *form, const struct script *script)
{
	struct personality p;

	if (script->header.code == DEVICE_ECHO)
		return "its device is the harness's own, there is no other";
	personality_from(&script->header, &p);
	if (form->x86 && p.big_endian)
		return "its guest is big-endian, and QEMU's microvm an x86 machine";
	for (unsigned int i = 0; i < script->ops; i++) {
		if (script->op[i].code == OP_RESTORE)
			return "it saves and restores its device, which only the harness does";
	}
	return NULL;
}

int cmd_export(int argc, char **argv)
{
	const struct form *form;
	struct script script;
	const char *why;

	if (argc != 4 || strcmp(argv[1], "--as") != 0) {
		fprintf(stderr, "anvil export: usage: %s\n", USAGE);
		return EXIT_USAGE;
	}
	form = find_form(argv[2]);
	if (!form || !files_read_script(argv[3], &script))
		return EXIT_USAGE;
	why = prevents(form, &script);
	if (why) {
		fprintf(stderr, "anvil export: %s: %s\n", argv[3], why);
		return EXIT_USAGE;
	}
	return export_script_as(form, argv[3], &script);
}
