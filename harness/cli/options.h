/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads a command line by the command's table. "--name VALUE" and "--name=VALUE" are the same;
 * options may stand before operands, between and after; "--" ends them; "-" is an operand.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "base/known.h"
#include "commands.h"

enum options_end {
	OPTIONS_GOOD,
	OPTIONS_HELP, /* somebody asks for it */
	OPTIONS_BAD,  /* after a complaint */
};

/*
 * argv[0] is the command's name. Sets the members of `arguments`, which are 0 at first, and moves
 * the operands to the front of argv + 1.
 */
enum options_end options_read(const struct command *command, int argc, char **argv, void *arguments,
			      int *operands);

/* What --known is, of a command that plays on the device of --device. */
#define KNOWN_HELP                                                                                 \
	"with --device: rules that it is known to break, as its fuzz target tells them; such a "   \
	"script goes on"

/* Reads the file of --known, of a command that plays on the device of --device; NULL: it was not
 * given. False after a complaint. */
bool options_read_known(struct known *known, const char *path, const char *device);

#endif
