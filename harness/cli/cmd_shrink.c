/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil shrink: the smallest script with the same verdict.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "base/complain.h"
#include "base/signature.h"
#include "script/files.h"
#include "run/shrink.h"

struct arguments {
	const char *device;
	const char *known;
};

static bool same_reason(const struct outcome *a, const struct outcome *b)
{
	char of_a[sizeof(a->reason) + 32];
	char of_b[sizeof(b->reason) + 32];

	signature_of_rule(1, a->reason, of_a, sizeof(of_a));
	signature_of_rule(1, b->reason, of_b, sizeof(of_b));
	return !strcmp(of_a, of_b);
}

/* A rule may be broken in many ways: the smallest script breaks it in the same one. */
static bool same_verdict(const void *opaque, const struct outcome *o)
{
	const struct outcome *first = opaque;

	return !strcmp(o->verdict, first->verdict) &&
	       (strncmp(o->verdict, "violation:", 10) != 0 || same_reason(o, first));
}

static int shrink(const struct runner_stage *stage, char **operand)
{
	struct outcome o = { 0 };
	struct shrink s = { .same = same_verdict, .opaque = &o, .stage = *stage };
	struct script script;

	if (!files_read_script(operand[0], &script) || !files_can_write(operand[1], operand[0]))
		return EXIT_USAGE;
	if (runner_play_one(&s.stage, &script, &o)) {
		complain("cannot play: %s", runner_problem());
		return EXIT_USAGE;
	}
	free(o.report);
	if (!strcmp(o.verdict, "ok")) {
		complain("%s: its verdict is ok, the smallest script with that does nothing; name "
			 "a finding",
			 operand[0]);
		return EXIT_USAGE;
	}
	s.stage.no_leaks = strncmp(o.verdict, "leak:", 5) != 0;
	shrink_script(&s, &script);
	if (s.failed)
		complain("cannot play: %s", runner_problem());
	if (s.failed || !files_write_script(operand[1], &script))
		return EXIT_USAGE;
	fprintf(strcmp(operand[1], "-") ? stdout : stderr,
		"%s: %s, %u operations, after %u plays\n", operand[1], o.verdict, script.ops,
		s.plays);
	return EXIT_OK;
}

static int run(void *opaque, char **operand, int count)
{
	const struct arguments *a = opaque;
	struct known known = { 0 };
	struct runner_asked asked = { .tell = NULL };
	const struct runner_stage stage = {
		.on = RUN_ON_MODEL, .device = a->device, .asked = &asked, .known = &known
	};
	int status = EXIT_USAGE;

	(void)count;
	if (options_read_known(&known, a->known, a->device))
		status = shrink(&stage, operand);
	known_free(&known);
	return status;
}

const struct command command_shrink = {
	.name = "shrink",
	.help = "Makes the smallest script with the same verdict, and the same way to break a rule",
	.options =
		(const struct command_option[]){
			{ "device", "FILE",
			  "the device of yours that is played on, as in anvil play; else one of "
			  "ours",
			  NULL, SETS_TEXT(struct arguments, device) },
			{ "known", "FILE", KNOWN_HELP, NULL, SETS_TEXT(struct arguments, known) },
			{ 0 },
		},
	.operands =
		(const struct command_operand[]){
			{ .name = "FILE", .help = "a script that is a finding" },
			{ .name = "OUT", .help = "the file to write" },
			{ 0 },
		},
	.arguments_size = sizeof(struct arguments),
	.run = run,
};
