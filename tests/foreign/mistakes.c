/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The names of the mistakes, and the choice of one.
 */
#include "mistakes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int foreign_mistake;
const char *foreign_unwritten;

const struct foreign_mistake_text foreign_mistakes[MISTAKES] = {
	[MISTAKE_NONE] = { "", "do nothing that it must not" },
#define X(name, could) [MISTAKE_##name] = { #name, could },
	BLK_MISTAKES(X) NET_MISTAKES(X) IOT_MISTAKES(X) WIDE_MISTAKES(X)
#undef X
};

int foreign_mistake_from_environment(const char *of)
{
	const char *name = getenv("FOREIGN_MISTAKE");

	foreign_unwritten = getenv("FOREIGN_UNWRITTEN");
	foreign_mistake = MISTAKE_NONE;
	if (!name || !*name)
		return 0;
	for (int i = 1; i < MISTAKES; i++) {
		if (strcmp(foreign_mistakes[i].name, name) == 0 &&
		    strncmp(name, of, strlen(of)) == 0) {
			foreign_mistake = i;
			return 0;
		}
	}
	fprintf(stderr, "FOREIGN_MISTAKE=%s: no mistake of this device; see mistakes.h\n", name);
	return -EINVAL;
}
