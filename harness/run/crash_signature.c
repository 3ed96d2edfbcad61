/* SPDX-License-Identifier: BSD-3-Clause */
#include "crash_signature.h"

#include <stdio.h>
#include <string.h>

#include "base/signature.h"
#include "crash_stack.h"

#define FUNCTIONS 3u

static bool is_signal(const char *error)
{
	return !strcmp(error, "SEGV") || !strcmp(error, "BUS") || !strcmp(error, "FPE") ||
	       !strcmp(error, "ILL");
}

static void add_head(const char *report, const struct crash_stack *s, char *text, size_t room)
{
	if (is_signal(s->error))
		snprintf(text, room, "signal:SIG%s", s->error);
	else
		signature_of_report(report, text, room);
}

/* Of C++'s library, which allocates for the device */
static bool is_library(const char *function)
{
	return !strncmp(function, "std::", 5) || !strncmp(function, "__gnu_cxx::", 11);
}

void crash_leak(const char *report, char *text, size_t room)
{
	struct crash_stack s;
	const char *function = "";

	if (crash_stack_read_foreign(report, &s))
		function = crash_stack_place(&s)->function;
	for (unsigned int i = 0; i < s.frames && is_library(function); i++) {
		if (s.frame[i].device)
			function = s.frame[i].function;
	}
	snprintf(text, room, "leak:%s", function);
}

bool crash_signature(const char *report, char *text, size_t room)
{
	unsigned int count = 0;
	struct crash_stack s;

	if (!crash_stack_read_foreign(report, &s) || !strcmp(s.error, "assertion") ||
	    !strcmp(s.error, "leak"))
		return false;
	add_head(report, &s, text, room);
	for (unsigned int i = 0; i < s.frames && count < FUNCTIONS; i++) {
		size_t len = strlen(text);

		if (!s.frame[i].device && count)
			break; /* the harness, which calls it */
		if (s.frame[i].device)
			snprintf(text + len, room - len, "%s%s", count++ ? " < " : " in ",
				 s.frame[i].function);
	}
	return count > 0;
}
