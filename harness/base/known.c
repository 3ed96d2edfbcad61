/* SPDX-License-Identifier: BSD-3-Clause */
#include "known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"

static void add(struct known *k, char *line)
{
	size_t len = strlen(line);

	while (len && strchr(" \t\r\n", line[len - 1]))
		line[--len] = 0;
	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return;
	k->line = realloc(k->line, (k->count + 1) * sizeof(*k->line));
	if (!k->line)
		abort();
	k->line[k->count] = strdup(line);
	if (!k->line[k->count++])
		abort();
}

bool known_read(struct known *k, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	bool read = f != NULL;

	while (f && getline(&line, &room, f) >= 0)
		add(k, line);
	if (f) {
		read = !ferror(f);
		(void)fclose(f);
	}
	free(line);
	if (!read)
		complain("%s: %s", path, strerror(errno));
	return read;
}

bool known_has(const struct known *k, const char *signature)
{
	for (size_t i = 0; i < k->count; i++) {
		size_t len = strlen(k->line[i]);

		if (k->line[i][len - 1] == '*' ? !strncmp(k->line[i], signature, len - 1)
					       : !strcmp(k->line[i], signature))
			return true;
	}
	return false;
}

void known_free(struct known *k)
{
	for (size_t i = 0; i < k->count; i++)
		free(k->line[i]);
	free(k->line);
	*k = (struct known){ 0 };
}
