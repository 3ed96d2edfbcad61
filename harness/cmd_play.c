/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil play: a verdict for each script, and all there is to know about a finding.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "files.h"
#include "runner.h"

struct play {
	char **path;
	const struct script *script;
	struct runner_stage stage;
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

static int play_all(struct play *p, size_t count, unsigned int repeat)
{
	struct script *script = calloc(count ? count : 1, sizeof(*script));
	int err = 0;

	if (!script) {
		fputs("anvil: not enough memory for so many scripts\n", stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < count && !err; i++)
		err = !files_read_script(p->path[i], &script[i]);
	if (!err) {
		p->script = script;
		err = runner_play(&p->stage, script, count, repeat, tell, p);
		if (err)
			fprintf(stderr, "anvil: cannot play: %s\n", strerror(-err));
	}
	free(script);
	if (err)
		return EXIT_USAGE;
	if (p->quiet)
		printf("%zu scripts, %zu findings\n", count, p->findings);
	return p->findings ? EXIT_FINDING : EXIT_OK;
}

#define USAGE                                                                                      \
	"anvil play [--on model|kvm|linux] [--kernel FILE] [--repeat N] [--hang SECONDS] "         \
	"[--quiet] "                                                                               \
	"FILE|FOLDER..."

static bool take_carrier(const char *name, enum runner_carrier *on)
{
	static const char *const carrier[] = {
		[RUN_ON_MODEL] = "model",
		[RUN_ON_KVM] = "kvm",
		[RUN_ON_LINUX] = "linux",
	};

	for (size_t i = 0; i < sizeof(carrier) / sizeof(carrier[0]); i++) {
		if (!strcmp(name, carrier[i])) {
			*on = (enum runner_carrier)i;
			return true;
		}
	}
	return false;
}

/* Takes the options; returns the index of the first operand, or 0 after a complaint. */
static int take_options(int argc, char **argv, struct play *p, unsigned int *repeat)
{
	int i = 1;

	for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
		if (!strcmp(argv[i], "--quiet")) {
			p->quiet = true;
		} else if (!strcmp(argv[i], "--repeat") && i + 1 < argc && atoi(argv[i + 1]) > 0) {
			*repeat = (unsigned int)atoi(argv[++i]);
		} else if (!strcmp(argv[i], "--on") && i + 1 < argc &&
			   take_carrier(argv[i + 1], &p->stage.on)) {
			i++;
		} else if (!strcmp(argv[i], "--hang") && i + 1 < argc &&
			   runner_take_hang(argv[i + 1], &p->stage.hang_seconds)) {
			i++;
		} else if (!strcmp(argv[i], "--kernel") && i + 1 < argc) {
			p->stage.kernel = argv[++i];
		} else {
			fprintf(stderr, "anvil: play: \"%s\" is not understood; usage: %s\n",
				argv[i], USAGE);
			return 0;
		}
	}
	if (i < argc)
		return i;
	fprintf(stderr, "anvil: play: no script; usage: %s\n", USAGE);
	return 0;
}

int cmd_play(int argc, char **argv)
{
	struct play p = { 0 };
	unsigned int repeat = 1;
	int first = take_options(argc, argv, &p, &repeat);
	char error[256];
	size_t count;
	int status;

	if (!first)
		return EXIT_USAGE;
	if (!runner_can(&p.stage, error, sizeof(error))) {
		fprintf(stderr, "anvil: %s\n", error);
		return EXIT_USAGE;
	}
	p.path = files_list(argv + first, argc - first, &count);
	if (!p.path)
		return EXIT_USAGE;
	status = play_all(&p, count, repeat);
	files_free(p.path, count);
	return status;
}
