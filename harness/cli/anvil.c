/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line tool: finds the command, reads what is said to it, and runs it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "commands.h"
#include "base/complain.h"
#include "manual.h"
#include "options.h"
#include "base/sanitizer.h"
#include "virtio_anvil.h"

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	}
	complain("there is no command %s; see anvil --help", name);
	return NULL;
}

/* What was printed is there, or a complaint. */
static int flushed(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_OK;
	complain("standard output: %s", strerror(errno));
	return EXIT_USAGE;
}

static int help_of(const struct command *c)
{
	manual_command(c, stdout);
	return flushed();
}

static int run(const struct command *c, int argc, char **argv)
{
	void *arguments = calloc(1, c->arguments_size + 1);
	int status = EXIT_USAGE;
	int operands;

	complain_as(c->name);
	if (!arguments) {
		complain("not enough memory");
		return EXIT_USAGE;
	}
	switch (options_read(c, argc, argv, arguments, &operands)) {
	case OPTIONS_GOOD:
		status = c->run(arguments, argv + 1, operands);
		break;
	case OPTIONS_HELP:
		status = help_of(c);
		break;
	case OPTIONS_BAD:
		break;
	}
	free(arguments);
	return status;
}

/* "anvil help COMMAND" */
static int help(const char *name)
{
	const struct command *c = name ? find_command(name) : NULL;

	if (c)
		return help_of(c);
	if (name)
		return EXIT_USAGE;
	manual_overview(stdout);
	return flushed();
}

static void print_version(FILE *out)
{
	fputs("anvil (virtio-anvil) " VIRTIO_ANVIL_VERSION "\n", out);
}

typedef void (*print_text)(FILE *out);

/* --man and --completion are for those who install anvil; see the Makefile. */
static print_text find_text(const char *option)
{
	static const struct {
		const char *option;
		print_text print;
	} text[] = {
		{ "--help", manual_overview },	       { "-h", manual_overview },
		{ "--version", print_version },	       { "--man", manual_page },
		{ "--completion", manual_completion },
	};

	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		if (!strcmp(option, text[i].option))
			return text[i].print;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	print_text print = argc > 1 ? find_text(argv[1]) : NULL;
	const struct command *c;

	signal(SIGPIPE, SIG_IGN);
	sanitizer_end_quietly();
	if (argc < 2) {
		complain("give a command; see anvil --help");
		return EXIT_USAGE;
	}
	if (print) {
		print(stdout);
		return flushed();
	}
	if (!strcmp(argv[1], "help"))
		return help(argv[2]);
	if (argv[1][0] == '-') {
		complain("there is no option %s; see anvil --help", argv[1]);
		return EXIT_USAGE;
	}
	c = find_command(argv[1]);
	return c ? run(c, argc - 1, argv + 1) : EXIT_USAGE;
}
