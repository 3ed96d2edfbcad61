/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil show and anvil pack: binary to text and back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "base/complain.h"
#include "script/files.h"

static int show(void *arguments, char **operand, int count)
{
	struct script script;

	(void)arguments, (void)count;
	if (!files_read_script(operand[0], &script))
		return EXIT_USAGE;
	script_print(&script, -1, stdout);
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_OK;
	complain("standard output: %s", strerror(errno));
	return EXIT_USAGE;
}

static int pack(void *arguments, char **operand, int count)
{
	struct script script;

	(void)arguments, (void)count;
	if (!files_read_script(operand[0], &script) || !files_can_write(operand[1], operand[0]) ||
	    !files_write_script(operand[1], &script))
		return EXIT_USAGE;
	return EXIT_OK;
}

const struct command command_show = {
	.name = "show",
	.help = "Prints a script as text",
	.operands =
		(const struct command_operand[]){
			{ "FILE", "a script, as bytes or as text", false },
			{ 0 },
		},
	.run = show,
};

const struct command command_pack = {
	.name = "pack",
	.help = "Writes a script as bytes, as a fuzzer takes it",
	.operands =
		(const struct command_operand[]){
			{ "FILE", "a script, as text or as bytes", false },
			{ "OUT", "the file to write", false },
			{ 0 },
		},
	.run = pack,
};
