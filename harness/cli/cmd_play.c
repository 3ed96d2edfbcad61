/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil play: a verdict for each script, and all there is to know about a finding.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "base/complain.h"
#include "script/files.h"
#include "run/runner.h"

struct arguments {
	unsigned int on; /* enum runner_bus */
	const char *kernel;
	const char *device;
	const char *known;
	unsigned int repeat;
	unsigned int hang_seconds;
	bool quiet;
	bool no_fork;
};

struct play {
	char **path;
	const struct script *script;
	struct runner_stage stage;
	struct runner_asked asked;
	bool quiet;
	size_t findings;
};

static void tell(void *opaque, size_t index, struct outcome *o)
{
	struct play *p = opaque;

	if (!p->quiet || o->finding)
		runner_tell(o, p->path[index], &p->script[index], stdout);
	p->findings += o->finding;
	free(o->report);
}

/* What the device does before the first script. */
static void tell_asked(void *opaque, struct outcome *o)
{
	struct play *p = opaque;
	struct script nothing;

	script_decode(NULL, 0, &nothing);
	runner_tell(o, p->stage.device, &nothing, stdout);
	printf("signature: %s\n\n", p->asked.signature);
	fflush(stdout);
	p->findings++;
	free(o->report);
}

static int play_all(struct play *p, size_t count, unsigned int repeat)
{
	struct script *script = calloc(count ? count : 1, sizeof(*script));
	int err = 0;

	if (!script) {
		complain("not enough memory for so many scripts");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < count && !err; i++)
		err = !files_read_script(p->path[i], &script[i]);
	if (!err) {
		p->script = script;
		err = runner_play(&p->stage, script, count, repeat, tell, p);
		if (err)
			complain("cannot play: %s", runner_problem());
	}
	free(script);
	if (err)
		return EXIT_USAGE;
	if (p->quiet)
		printf("%zu scripts, %zu findings\n", count, p->findings);
	return p->findings ? EXIT_FINDING : EXIT_OK;
}

static const struct option_word bus[] = {
	[RUN_ON_MODEL] = { "model", "calls, in this process" },
	[RUN_ON_KVM] = { "kvm", "a bare guest on /dev/kvm; compared with the model" },
	[RUN_ON_LINUX] = { "linux", "a booted Linux on /dev/kvm; compared with the model" },
	{ 0 },
};

static const struct command_option options[] = {
	{ "on", "BUS", "how the guest's accesses come about", "model", .words = bus,
	  SETS_WORD(struct arguments, on) },
	{ "kernel", "FILE",
	  "what linux boots; else one in /boot, or what make guest-kernel has fetched", NULL,
	  SETS_TEXT(struct arguments, kernel) },
	{ "device", "FILE", "a device of yours, as make dut builds it; else one of ours", NULL,
	  SETS_TEXT(struct arguments, device) },
	{ "known", "FILE", KNOWN_HELP, NULL, SETS_TEXT(struct arguments, known) },
	{ "repeat", "NUMBER", "of plays of each script, which have to agree", "1",
	  SETS_NUMBER(struct arguments, repeat, 1, 1000000) },
	{ "hang", "SECONDS", "of processor time after which a script hangs", "10",
	  SETS_NUMBER(struct arguments, hang_seconds, 1, 3600) },
	{ "quiet", NULL, "tell findings only, and how many there are", NULL,
	  SETS_SWITCH(struct arguments, quiet) },
	{ "no-fork", NULL,
	  "play in this process, for a debugger: no limit of time, no search for leaks", NULL,
	  SETS_SWITCH(struct arguments, no_fork) },
	{ 0 },
};

static const struct command_operand operands[] = {
	{ .name = "FILE|FOLDER", .help = "scripts, as bytes or as text", .repeated = true },
	{ 0 },
};

static int play_operands(struct play *p, char **operand, int count, unsigned int repeat)
{
	char error[256];
	size_t found;
	int status;

	if (!runner_can(&p->stage, error, sizeof(error))) {
		complain("%s", error);
		return EXIT_USAGE;
	}
	p->path = files_operands(operand, count, &found);
	if (!p->path)
		return EXIT_USAGE;
	status = play_all(p, found, repeat);
	files_free(p->path, found);
	return status;
}

static int run(void *opaque, char **operand, int count)
{
	const struct arguments *a = opaque;
	struct known known = { 0 };
	struct play p = {
		.stage = { .on = (enum runner_bus)a->on,
			   .hang_seconds = a->hang_seconds,
			   .here = a->no_fork,
			   .kernel = a->kernel,
			   .device = a->device,
			   .asked = &p.asked,
			   .known = &known },
		.asked = { .tell = tell_asked, .opaque = &p },
		.quiet = a->quiet,
	};
	int status = EXIT_USAGE;

	if (options_read_known(&known, a->known, a->device))
		status = play_operands(&p, operand, count, a->repeat);
	known_free(&known);
	return status;
}

const struct command command_play = {
	.name = "play",
	.help = "Plays scripts, and gives a verdict for each",
	.details =
		"Verdicts are ok, rejected (the device asks for a reset), wedged, violation:RULE, "
		"crash:WHAT, leak:WHERE and hang; of the last five all there is to know is told.\n"
		"A device of yours is a shared object with the function device_under_test. On kvm "
		"and linux its guest RAM begins on a page.\n",
	.options = options,
	.operands = operands,
	.arguments_size = sizeof(struct arguments),
	.run = run,
};
