/* SPDX-License-Identifier: BSD-3-Clause */
#include "complain.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* Two paths of any length fit. */
#define LINE_BYTES (3u * 4096)

static const char *of_command;

void complain_as(const char *command)
{
	of_command = command;
}

/* In one write, as other processes may complain at the same time */
static void put_line(char *line)
{
	for (char *c = line; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	(void)fflush(stdout);
	fprintf(stderr, "anvil%s%s: %s\n", of_command ? " " : "", of_command ? of_command : "",
		line);
}

void complain(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	put_line(line);
}

bool complain_of(const char *path, const char *what)
{
	complain("%s: %s", path, what);
	return false;
}
