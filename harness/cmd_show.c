/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil show and anvil pack: binary to text and back.
 */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "files.h"

int cmd_show(int argc, char **argv)
{
	struct script script;

	if (argc != 2) {
		fputs("anvil: usage: anvil show FILE\n", stderr);
		return EXIT_USAGE;
	}
	if (!files_read_script(argv[1], &script))
		return EXIT_USAGE;
	script_print(&script, -1, stdout);
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_OK;
	perror("anvil: standard output");
	return EXIT_USAGE;
}

int cmd_pack(int argc, char **argv)
{
	struct script script;

	if (argc != 3) {
		fputs("anvil: usage: anvil pack FILE.txt OUT\n", stderr);
		return EXIT_USAGE;
	}
	if (!files_read_script(argv[1], &script) || !files_write_script(argv[2], &script))
		return EXIT_USAGE;
	return EXIT_OK;
}
