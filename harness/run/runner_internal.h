/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the runner: runner has the processes, runner_stage what a child plays on.
 */
#ifndef RUNNER_INTERNAL_H
#define RUNNER_INTERNAL_H

#include "death.h"
#include "play/bus_trace.h"
#include "play/seen.h"
#include "runner.h"

/* What a child tells its parent; it survives the child's death. */
struct shared {
	volatile size_t current; /* script being played */
	volatile int op;
	volatile bool ready;  /* there is a device to play on */
	volatile bool asking; /* it is asked what it offers */
	struct machine_questions questions;
	volatile bool done; /* with `current`; the verdict is there */
	volatile bool unstable;
	volatile bool leaked; /* the child has ended itself: memory is lost, by its report */
	volatile bool looked; /* none is before the first script */
	volatile bool over;   /* the child has ended itself: this script is for another one */
	struct death death;
	struct verdict verdict;
	char difference[256];
	char error[512]; /* why there is no device; empty: it did not come to say */
};

/* On which buses a child plays; `other` is NULL when the model is all. */
struct stage {
	struct machine machine;
	struct bus model;
	struct bus *other;
	struct bus_trace trace[2];
	struct play_log *log; /* NULL: none */
	struct seen *seen;    /* NULL: none */
	struct seen_bus seen_bus;
};

/* A machine with its device, and buses. Returns 0 or a negative errno, with a reason in `error`. */
int runner_set_stage(struct stage *st, const struct runner_stage *where, char *error, size_t room);
/* A device of somebody else has to say what it offers before it is played on. The same. */
int runner_ask(struct stage *st, const struct runner_stage *where, struct shared *sh, char *error,
	       size_t room);
/* Plays it once on all buses, and compares them. */
void runner_play_once(struct stage *st, const struct script *script, struct shared *sh,
		      struct verdict *v);
bool runner_same(const struct verdict *a, const struct verdict *b);

#endif
