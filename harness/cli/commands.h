/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of anvil. Each is one table: its options, their values and defaults, its operands.
 * The command line is read by it (options.h), and --help, the manual page and the completion of
 * bash are made of it (manual.h), so that what is told is what is understood.
 *
 * To add an option: a member in the command's arguments, and an entry in its table.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "base/command.h"

extern const struct command command_play, command_show, command_pack, command_shrink,
	command_compare, command_triage, command_export, command_merge, command_fuzz, command_bench,
	command_boot, command_health;

/* All of them, up to NULL: commands.c */
extern const struct command *const commands[];

#endif
