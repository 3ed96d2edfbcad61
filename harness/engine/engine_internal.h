/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For the engines.
 */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "engine.h"

/* The options of the target's program that say what libFuzzer is to make of an input */
void engine_add_libfuzzer(struct command_line *c, const struct engine_dirs *dirs,
			  const char *target);

/* The number after `key` and spaces, if it is there */
bool engine_number_after(const char *line, const char *key, uint64_t *number);

/* How a process ended, in words */
void engine_describe_status(int status, char *text, size_t room);

/* Makes this line the summary, without what changes from run to run: findings that are alike have
 * the same summary */
void engine_summarise(struct engine *e, const char *line);

/* As much of text as fits */
void engine_cut(char *to, size_t size, const char *text);

#endif
