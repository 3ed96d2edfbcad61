/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil health: plays scripts and tells which milestones no script reached, with --all which ones
 * scripts did, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "files.h"
#include "player.h"

static bool play_files(char **path, size_t count)
{
	static struct machine machine;
	struct carrier carrier;
	struct script script;
	struct verdict v;

	machine_create(&machine);
	carrier_model_init(&carrier, &machine);
	for (size_t i = 0; i < count; i++) {
		if (!files_read_script(path[i], &script))
			return false;
		player_play(&carrier, &script, NULL, &v);
	}
	return true;
}

/* Returns how many were not */
static unsigned int tell(bool all)
{
	unsigned int missed = 0;

	for (unsigned int i = 0; i < MILESTONE_COUNT; i++) {
		if (!oracle_milestone[i])
			printf("not reached: %s\n", oracle_milestone_text[i]);
		else if (all)
			printf("reached: %s\n", oracle_milestone_text[i]);
		missed += !oracle_milestone[i];
	}
	return missed;
}

int cmd_health(int argc, char **argv)
{
	bool all = argc > 1 && !strcmp(argv[1], "--all");
	unsigned int missed;
	size_t count;
	char **path;

	argc -= all;
	argv += all;
	if (argc < 2 || argv[1][0] == '-') {
		fputs("anvil: usage: anvil health [--all] FILE|FOLDER...\n", stderr);
		return EXIT_USAGE;
	}
	path = files_list(argv + 1, argc - 1, &count);
	if (!path || !play_files(path, count)) {
		files_free(path, path ? count : 0);
		return EXIT_USAGE;
	}
	files_free(path, count);
	missed = tell(all);
	printf("%u of %u milestones reached by %zu scripts\n", MILESTONE_COUNT - missed,
	       MILESTONE_COUNT, count);
	return missed ? EXIT_FINDING : EXIT_OK;
}
