/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tables of commands say, for people and for bash.
 */
#ifndef MANUAL_H
#define MANUAL_H

#include <stdio.h>

#include "commands.h"

/* anvil --help: a line for each command */
void manual_overview(FILE *out);

/* anvil COMMAND --help */
void manual_command(const struct command *command, FILE *out);

/* anvil(1), for man; and what bash sources to complete a command line */
void manual_page(FILE *out);
void manual_completion(FILE *out);

#endif
