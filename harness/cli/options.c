/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"

/* ---- values ---- */

static bool take_number(const struct command_option *o, const char *value, unsigned int *number)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno || n < o->min || n > o->max) {
		complain("--%s %s: give a whole number from %u to %u", o->name, value, o->min,
			 o->max);
		return false;
	}
	*number = (unsigned int)n;
	return true;
}

static bool take_word(const struct command_option *o, const char *value, unsigned int *index)
{
	char list[256] = "";
	size_t used = 0;

	for (unsigned int i = 0; o->words[i].name; i++) {
		if (!strcmp(o->words[i].name, value)) {
			*index = i;
			return true;
		}
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 i == 0			? ""
					 : o->words[i + 1].name ? ", "
								: " or ",
					 o->words[i].name);
	}
	complain("--%s %s: give %s", o->name, value, list);
	return false;
}

/*
 * A name that begins with a dash would be an option of the programs that get it: libFuzzer then
 * takes the next folder for the one to write to.
 */
static bool is_text(const struct command_option *o, const char *value)
{
	if (!value[0])
		complain("--%s: is empty; give its %s", o->name, o->value);
	else if (value[0] == '-' && strcmp(o->value, "TEXT") != 0)
		complain("--%s %s: begins with a dash; give a name, or ./%s", o->name, value,
			 value);
	else if (o->bytes_max && strlen(value) >= o->bytes_max)
		complain("--%s %.40s...: too long; give at most %u characters", o->name, value,
			 o->bytes_max - 1);
	else
		return true;
	return false;
}

static bool add_text(const struct command_option *o, const char *value, struct option_texts *texts)
{
	if (texts->count == OPTION_TEXTS_MAX) {
		complain("--%s %s: one too many; give at most %u", o->name, value,
			 OPTION_TEXTS_MAX);
		return false;
	}
	texts->text[texts->count++] = value;
	return true;
}

static bool take_value(const struct command_option *o, char *value, void *arguments)
{
	void *member = (char *)arguments + o->at;

	switch (o->type) {
	case OPTION_NUMBER:
		return take_number(o, value, member);
	case OPTION_WORD:
		return take_word(o, value, member);
	case OPTION_TEXT:
		if (!is_text(o, value))
			return false;
		*(const char **)member = value;
		return true;
	case OPTION_TEXTS:
		return is_text(o, value) && add_text(o, value, member);
	case OPTION_OTHER:
		return is_text(o, value) && o->take(arguments, value);
	default:
		*(bool *)member = true;
		return true;
	}
}

/* ---- the command line ---- */

/* Of "--name" or "--name=VALUE" */
static const struct command_option *find_option(const struct command *c, const char *word)
{
	size_t len = strcspn(word + 2, "=");

	for (const struct command_option *o = c->options; o && o->name; o++) {
		if (strlen(o->name) == len && !memcmp(o->name, word + 2, len))
			return o;
	}
	return NULL;
}

/* `next` is the word after it, or NULL. Returns how many words it took, 0 after a complaint. */
static int read_option(const struct command *c, char *word, char *next, void *arguments)
{
	const struct command_option *o = strncmp(word, "--", 2) ? NULL : find_option(c, word);
	char *value = strchr(word, '=');

	if (!o) {
		complain("there is no option %s; see anvil %s --help", word, c->name);
		return 0;
	}
	if (!o->value && value) {
		complain("%s: --%s takes no value", word, o->name);
		return 0;
	}
	if (!o->value || value)
		return take_value(o, value ? value + 1 : NULL, arguments) ? 1 : 0;
	if (!next) {
		complain("--%s: give its %s; see anvil %s --help", o->name, o->value, c->name);
		return 0;
	}
	return take_value(o, next, arguments) ? 2 : 0;
}

/* The defaults are values like any other. */
static bool take_initial(const struct command *c, void *arguments)
{
	for (const struct command_option *o = c->options; o && o->name; o++) {
		if (o->initial && !take_value(o, (char *)o->initial, arguments))
			return false;
	}
	return true;
}

static bool count_fits(const struct command *c, char **operand, int count)
{
	const struct command_operand *o = c->operands;
	int i = 0;

	for (; o && o->name && i < count && !o->repeated; o++)
		i++;
	if (o && o->name && i < count) /* any number of them */
		return true;
	if (o && o->name && !o->optional)
		complain("give %s; see anvil %s --help", o->name, c->name);
	else if (i < count)
		complain("%s: one operand too many; see anvil %s --help", operand[i], c->name);
	else
		return true;
	return false;
}

enum options_end options_read(const struct command *c, int argc, char **argv, void *arguments,
			      int *operands)
{
	bool ended = false;

	*operands = 0;
	if (!take_initial(c, arguments))
		return OPTIONS_BAD;
	for (int i = 1; i < argc;) {
		int taken = 1;

		if (!ended && !strcmp(argv[i], "--"))
			ended = true;
		else if (!ended && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")))
			return OPTIONS_HELP;
		else if (ended || argv[i][0] != '-' || !argv[i][1])
			argv[1 + (*operands)++] = argv[i];
		else
			taken = read_option(c, argv[i], i + 1 < argc ? argv[i + 1] : NULL,
					    arguments);
		if (taken == 0)
			return OPTIONS_BAD;
		i += taken;
	}
	return count_fits(c, argv + 1, *operands) ? OPTIONS_GOOD : OPTIONS_BAD;
}

bool options_read_known(struct known *known, const char *path, const char *device)
{
	if (!path)
		return true;
	if (device)
		return known_read(known, path);
	complain("--known is for a device of yours: give --device, too");
	return false;
}
