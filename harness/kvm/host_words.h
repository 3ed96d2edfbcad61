/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words that follow the name of a disk or a network card, after commas: read by the table that
 * --help lists.
 */
#ifndef HOST_WORDS_H
#define HOST_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/command.h"

/*
 * The index of `word` among the words of the table that begin with a comma, or -1. ",ro" is the
 * word "ro", ",queues=N" has a value after "queues=", which *value is set to, and that of
 * ",zoned[=MIB]" may be left out (*value is NULL then). What the value has to be is the caller's
 * business.
 */
int host_word_find(const struct option_word *words, const char *word, const char **value)
	__attribute__((warn_unused_result));

/* Decimal digits alone, of 1 to `most`; whether `value` is that. */
bool host_word_number(const char *value, unsigned int most, unsigned int *number)
	__attribute__((warn_unused_result));

/*
 * What stands in `list`: the words of the table that begin with a comma, or those that do not,
 * separated by commas.
 */
void host_word_list(const struct option_word *words, bool after_comma, char *list, size_t room);

#endif
