/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The subcommands of anvil. Each takes its own argument vector, argv[0] being its name, and returns
 * an exit status: 0, 1 (a finding, a gate that failed) or 2 (a usage error, one line on stderr that
 * names the thing and what to do).
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#define EXIT_OK	     0
#define EXIT_FINDING 1
#define EXIT_USAGE   2

int cmd_play(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_pack(int argc, char **argv);
int cmd_shrink(int argc, char **argv);
int cmd_triage(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_fuzz(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_health(int argc, char **argv);
int cmd_boot(int argc, char **argv);

#endif
