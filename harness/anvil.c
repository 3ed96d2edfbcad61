/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line tool: finds the subcommand.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} command[] = {
	{ "play", cmd_play, "play FILE|FOLDER...     a verdict for each script" },
	{ "show", cmd_show, "show FILE               a script as text" },
	{ "pack", cmd_pack, "pack FILE.txt OUT       a script as a fuzzer takes it" },
	{ "shrink", cmd_shrink,
	  "shrink FILE OUT         the smallest script with the same verdict" },
	{ "triage", cmd_triage,
	  "triage FILE|FOLDER...   findings in groups, each explained and made small" },
	{ "export", cmd_export,
	  "export --as FORM FILE   a script as a C program, or for QEMU (qtest)" },
	{ "merge", cmd_merge, "merge OUT FOLDER...     the fewest inputs with the same coverage" },
	{ "fuzz", cmd_fuzz, "fuzz                    run all targets (--help)" },
	{ "bench", cmd_bench, "bench                   inputs per second (--help)" },
	{ "boot", cmd_boot, "boot --kernel FILE ...  a real kernel on these devices" },
	{ "health", cmd_health, "health FOLDER...        milestones that scripts reach" },
};

static void usage(FILE *out)
{
	fputs("usage: anvil COMMAND ...\n", out);
	for (size_t i = 0; i < sizeof(command) / sizeof(command[0]); i++)
		fprintf(out, "  %s\n", command[i].help);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
		usage(stdout);
		return EXIT_OK;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(command) / sizeof(command[0]); i++) {
		if (!strcmp(argv[1], command[i].name))
			return command[i].run(argc - 1, argv + 1);
	}
	if (argc > 1)
		fprintf(stderr, "anvil: there is no command \"%s\"; see anvil --help\n", argv[1]);
	else
		usage(stderr);
	return EXIT_USAGE;
}
