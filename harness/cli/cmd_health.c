/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil health: plays scripts and tells which milestones no script reached; with --all, also which
 * milestones were reached.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "script/files.h"
#include "play/player.h"

struct arguments {
	bool all;
};

static bool play_files(char **path, size_t count)
{
	static struct machine machine;
	struct bus bus;
	struct script script;
	struct verdict v;

	machine_create(&machine);
	bus_model_init(&bus, &machine);
	for (size_t i = 0; i < count; i++) {
		if (!files_read_script(path[i], &script))
			return false;
		player_play(&bus, &script, NULL, &v);
	}
	return true;
}

/* Returns how many were not */
static unsigned int tell(bool all)
{
	unsigned int missed = 0;

	for (unsigned int i = 0; i < MILESTONE_COUNT; i++) {
		missed += !oracle_milestone[i];
		if (oracle_milestone[i] && !all)
			continue;
		printf("%s: %s (%s)\n", oracle_milestone[i] ? "reached" : "not reached",
		       oracle_milestone_name[i], oracle_milestone_text[i]);
	}
	return missed;
}

static int run(void *opaque, char **operand, int count)
{
	const struct arguments *a = opaque;
	unsigned int missed;
	size_t found;
	char **path = files_operands(operand, count, &found);

	if (!path || !play_files(path, found)) {
		files_free(path, path ? found : 0);
		return EXIT_USAGE;
	}
	files_free(path, found);
	missed = tell(a->all);
	printf("%u of %u milestones reached by %zu scripts\n", MILESTONE_COUNT - missed,
	       MILESTONE_COUNT, found);
	return missed ? EXIT_FINDING : EXIT_OK;
}

static const struct command_option options[] = {
	{ "all", NULL, "tell also which ones are reached", NULL,
	  SETS_SWITCH(struct arguments, all) },
	{ 0 },
};

static const struct command_operand operands[] = {
	{ .name = "FILE|FOLDER", .help = "scripts, as bytes or as text", .repeated = true },
	{ 0 },
};

const struct command command_health = {
	.name = "health",
	.help = "Tells which milestones no script reaches",
	.details = "The exit status is 1 if one is not reached.\n",
	.options = options,
	.operands = operands,
	.arguments_size = sizeof(struct arguments),
	.run = run,
};
