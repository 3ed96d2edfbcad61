/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The findings of a target that goes on after them. Each is told once, by its signature, and the
 * first input that has it is kept; all are counted.
 *
 *   ANVIL_FINDINGS=DIR  where inputs are kept; else findings/ beside the program
 *   ANVIL_KNOWN=FILE    signatures that are accepted, one a line; `*` at the end stands for any
 *                       end, a line that begins with `#` is a comment
 */
#ifndef TARGET_FINDINGS_H
#define TARGET_FINDINGS_H

#include "target_catch.h"

struct finding {
	const uint8_t *data; /* the input */
	size_t size;
	const struct script *script;
	const struct verdict *verdict; /* of a crash: `op` alone */
	const struct caught *caught;   /* NULL: it is a violation, or wedged */
};

/* Once a process. A list of known ones that cannot be read: a complaint, exit status 2. */
void findings_start(const char *program);
/* Takes note of it. Returns whether it is not known. */
bool findings_add(const struct finding *f);
/* Of a broken rule: whether it is known, and counted. The script goes on then. */
bool findings_pass(void *opaque, unsigned int rule, const char *reason);
/* The table of all, if there are any, once; returns whether one is not known. */
bool findings_close(void);

#endif
