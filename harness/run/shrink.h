/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The smallest script that still does the same. First operations go, several at a time and then one
 * by one, then operands become zero, then single bits of them; again, until nothing more goes. The
 * same script and the same question give the same result, every time. What takes longer than
 * SHRINK_SECONDS of processor time is taken for a hang meanwhile, so that hangs can be shrunk, too;
 * the result is asked again with all the time there is.
 */
#ifndef SHRINK_H
#define SHRINK_H

#include "runner.h"

#define SHRINK_SECONDS 1u

struct shrink {
	/* whether an outcome still is the one that is looked for */
	bool (*same)(const void *opaque, const struct outcome *outcome);
	const void *opaque;
	struct runner_stage stage; /* where to play, with the time that a hang takes in the end */
	/* called before each play, for whoever shows how it gets on; NULL: nobody */
	void (*tick)(void *opaque, const struct shrink *s);
	void *tick_opaque;

	unsigned int plays; /* so far */
	bool failed; /* no process could be started: the result is right, but not the smallest */
};

/* Makes `script`, which is taken to be `same` as it comes, smaller; with all else in `s` set. */
void shrink_script(struct shrink *s, struct script *script);

#endif
