/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays scripts in a child process, so that a crash is a verdict like any other.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include "player.h"

struct outcome {
	char verdict[128]; /* "ok", "violation:3", "crash:heap-buffer-overflow in f", "hang" */
	bool finding;
	bool unstable; /* another play of the same script gave another verdict */
	int op;
	char reason[256];
	char *report; /* what a sanitizer printed, or NULL; free it */
};

/*
 * Plays `count` scripts, each `repeat` times, on the model, and calls `each` with the outcome of
 * one after the other. Returns 0, or a negative errno when no child could be started.
 */
int runner_play(const struct script *scripts, size_t count, unsigned int repeat,
		void (*each)(void *opaque, size_t index, struct outcome *outcome), void *opaque);

/* Plays one script once. */
int runner_play_one(const struct script *script, struct outcome *outcome);

#endif
