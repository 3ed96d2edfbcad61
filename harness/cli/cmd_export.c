/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil export: a script for those who do not have the harness.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "base/complain.h"
#include "findings/export.h"
#include "script/files.h"

struct arguments {
	unsigned int as;
	const char *device;
};

static const struct form {
	void (*write)(const struct exported *e, FILE *out);
	bool x86; /* for a device on such a machine */
} forms[] = {
	{ export_c, false },
	{ export_qtest, true },
};

static const struct option_word names[] = {
	{ "c", "a C program, to be compiled with devices/ alone" },
	{ "qtest", "accesses for the virtio-mmio device of QEMU's microvm" },
	{ 0 },
};

static int export_script_as(const struct form *form, const char *path, const struct script *script)
{
	struct play_log *log = play_log_create();
	struct outcome o = { 0 };
	int status = EXIT_USAGE;

	if (!log || runner_play_logged(script, log, &o)) {
		complain("cannot play: %s", log ? runner_problem() : "not enough memory");
	} else {
		form->write(&(struct exported){ path, script, log, &o }, stdout);
		if (!fflush(stdout) && !ferror(stdout))
			status = EXIT_OK;
		else
			complain("standard output: %s", strerror(errno));
	}
	free(o.report);
	if (log)
		play_log_destroy(log);
	return status;
}

/* Why there is nothing to export, or NULL */
static const char *prevents(const struct form *form, const struct script *script)
{
	struct setup p;

	if (!export_kind((enum device_kind)script->header.code))
		return "its device is the harness's own, there is no other";
	setup_from(&script->header, &p);
	if (form->x86 && p.big_endian)
		return "its guest is big-endian, and QEMU's microvm an x86 machine";
	for (unsigned int i = 0; i < script->ops; i++) {
		if (script->op[i].code == OP_RESTORE)
			return "it saves and restores its device, which only the harness does";
	}
	return NULL;
}

static int run(void *opaque, char **operand, int count)
{
	const struct arguments *a = opaque;
	const struct form *form = &forms[a->as];
	struct script script;
	const char *why;

	(void)count;
	if (a->device) {
		complain_of(a->device, "what is exported shows our devices, or QEMU's, and not a "
				       "device of yours; give its input to those who have it, and "
				       "anvil play --device");
		return EXIT_USAGE;
	}
	if (!files_read_script(operand[0], &script))
		return EXIT_USAGE;
	why = prevents(form, &script);
	if (why) {
		complain_of(operand[0], why);
		return EXIT_USAGE;
	}
	return export_script_as(form, operand[0], &script);
}

static const struct command_option options[] = {
	{ "as", "FORM", "what to make of it", "c", .words = names,
	  SETS_WORD(struct arguments, as) },
	{ "device", "FILE", "a device of yours, as in anvil play: there is nothing to export", NULL,
	  SETS_TEXT(struct arguments, device) },
	{ 0 },
};

static const struct command_operand operands[] = {
	{ .name = "FILE", .help = "a script, as bytes or as text" },
	{ 0 },
};

const struct command command_export = {
	.name = "export",
	.help = "Prints a script for those who do not have the harness",
	.options = options,
	.operands = operands,
	.arguments_size = sizeof(struct arguments),
	.run = run,
};
