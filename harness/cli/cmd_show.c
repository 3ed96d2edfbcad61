/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil show and anvil pack: binary to text and back; lists of what a script and a finding may
 * have.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "base/complain.h"
#include "findings/describe.h"
#include "oracle/oracle.h"
#include "script/files.h"

struct show {
	bool explain;
	bool operands;
	bool rules;
};

static const struct command_option show_options[] = {
	{ "explain", NULL, "says of each line and operand what it means",
	  SETS_SWITCH(struct show, explain) },
	{ "operands", NULL, "lists all operations, operands and names; takes no FILE",
	  SETS_SWITCH(struct show, operands) },
	{ "rules", NULL,
	  "lists the oracle's rules, and their sections of virtio 1.4; takes no FILE",
	  SETS_SWITCH(struct show, rules) },
	{ 0 },
};

static void print_rules(void)
{
	for (unsigned int i = 1; oracle_rule(i); i++) {
		const struct oracle_rule *r = oracle_rule(i);

		printf("%u %s\n  %s\n  %s\n", i, r->name, r->broken, r->specification);
	}
}

static int show(void *arguments, char **operand, int count)
{
	const struct show *args = arguments;
	const char *list = NULL;
	struct script script;

	if (args->operands)
		list = "--operands";
	else if (args->rules)
		list = "--rules";
	if (list && count) {
		complain("%s takes no FILE; see anvil show --help", list);
		return EXIT_USAGE;
	}
	if (!list && !count) {
		complain("give FILE; see anvil show --help");
		return EXIT_USAGE;
	}
	if (count && !files_read_script(operand[0], &script))
		return EXIT_USAGE;
	if (args->operands)
		describe_operands(stdout);
	if (args->rules)
		print_rules();
	if (count && args->explain)
		describe_lines(&script, stdout);
	else if (count)
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
	.options = show_options,
	.operands =
		(const struct command_operand[]){
			{ .name = "FILE",
			  .help = "a script, as bytes or as text",
			  .optional = true },
			{ 0 },
		},
	.arguments_size = sizeof(struct show),
	.run = show,
};

const struct command command_pack = {
	.name = "pack",
	.help = "Writes a script as bytes, as a fuzzer takes it",
	.operands =
		(const struct command_operand[]){
			{ .name = "FILE", .help = "a script, as text or as bytes" },
			{ .name = "OUT", .help = "the file to write" },
			{ 0 },
		},
	.run = pack,
};
