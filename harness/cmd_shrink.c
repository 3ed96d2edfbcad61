/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil shrink: the smallest script with the same verdict.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "files.h"
#include "shrink.h"

static bool same_verdict(const void *opaque, const struct outcome *o)
{
	return !strcmp(o->verdict, ((const struct outcome *)opaque)->verdict);
}

int cmd_shrink(int argc, char **argv)
{
	struct outcome o = { 0 };
	struct shrink s = { .same = same_verdict, .opaque = &o };
	struct script script;

	if (argc != 3) {
		fputs("anvil: usage: anvil shrink FILE OUT\n", stderr);
		return EXIT_USAGE;
	}
	if (!files_read_script(argv[1], &script))
		return EXIT_USAGE;
	if (runner_play_one(&script, 0, &o)) {
		fputs("anvil: cannot start a process to play in\n", stderr);
		return EXIT_USAGE;
	}
	free(o.report);
	shrink_script(&s, &script);
	if (s.failed || !files_write_script(argv[2], &script))
		return EXIT_USAGE;
	printf("%s: %s, %u operations, after %u plays\n", argv[2], o.verdict, script.ops, s.plays);
	return EXIT_OK;
}
