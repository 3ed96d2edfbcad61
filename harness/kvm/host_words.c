/* SPDX-License-Identifier: BSD-3-Clause */
#include "host_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "name", "name=VALUE" or "name[=VALUE]", of which `word` gives the name and perhaps a value */
static bool is_word(const char *told, const char *word, const char **value)
{
	size_t len = strcspn(told, "=[");

	if (strncmp(told, word, len))
		return false;
	*value = word[len] == '=' ? word + len + 1 : NULL;
	if (!told[len])
		return !word[len];
	return *value || (told[len] == '[' && !word[len]);
}

int host_word_find(const struct option_word *words, const char *word, const char **value)
{
	for (int i = 0; words[i].name; i++) {
		if (words[i].name[0] == ',' && is_word(words[i].name + 1, word, value))
			return i;
	}
	return -1;
}

bool host_word_number(const char *value, unsigned int most, unsigned int *number)
{
	unsigned long n;

	if (strspn(value, "0123456789") != strlen(value))
		return false;
	n = strtoul(value, NULL, 10); /* ULONG_MAX if it is more than that */
	if (n < 1 || n > most)
		return false;
	*number = (unsigned int)n;
	return true;
}

void host_word_list(const struct option_word *words, bool after_comma, char *list, size_t room)
{
	size_t used = 0;

	list[0] = 0;
	for (; words->name; words++) {
		if ((words->name[0] == ',') != after_comma)
			continue;
		used += (size_t)snprintf(list + used, used < room ? room - used : 0, "%s%s",
					 used ? ", " : "", words->name + after_comma);
	}
}
