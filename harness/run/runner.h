/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays scripts in a child process, so that a crash is a verdict like any other.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include "crash_signature.h"
#include "play/player.h"

enum runner_bus { RUN_ON_MODEL, RUN_ON_KVM, RUN_ON_LINUX };

struct known;
struct play_log;
struct seen;
struct runner_offer;
struct outcome;

#define RUNNER_HANG_SECONDS  10u
#define RUNNER_VERDICT_BYTES 320u /* with a function of C++ */

/*
 * A device from a file is asked what it offers before the first script. What ends its process then
 * is a finding of its own, told once; that question is not put again, and scripts are played if the
 * device can do without. One for all plays on a device.
 */
struct runner_asked {
	struct machine_questions questions;
	bool looked; /* for leaks */
	bool leaks;  /* it loses memory already then: they are not looked for any more */
	/* of the last one, as a fuzz target tells it: the next question may have the same */
	char signature[CRASH_SIGNATURE_BYTES];
	/* called with it, as with a script's outcome, if it is not known; NULL: nobody is told */
	void (*tell)(void *opaque, struct outcome *outcome);
	void *opaque;
};

/* Where to play. */
struct runner_stage {
	enum runner_bus on;
	unsigned int hang_seconds;  /* of processor time that are a hang; 0: RUNNER_HANG_SECONDS */
	bool here;		    /* in this process, without a limit of time: for a debugger */
	bool no_leaks;		    /* they are not looked for, which takes long */
	const char *kernel;	    /* for RUN_ON_LINUX; NULL: the one that is found */
	const char *device;	    /* a shared object, for RUN_ON_MODEL; NULL: one of ours */
	struct runner_asked *asked; /* of a device from a file: never NULL */
	/* of a device from a file, by their signatures: rules that it breaks, and that do not end a
	 * script, and what it does when it is asked; NULL: none */
	const struct known *known;
	struct play_log
		*log; /* takes down what happens on the model, see play_log.h; NULL: nobody */
	/* To compare two devices on the model: what they have in common, and where what this one
	 * shows is taken down (play/seen.h), in memory that a child process shares. Both or none.
	 */
	const struct machine_ground *ground;
	struct seen *seen;
	struct runner_offer *offer; /* likewise, and what it offers; NULL: nobody asks */
};

/* What a device from a file offers, and its disk's first content where that can be seen. */
struct runner_offer {
	struct machine_offer offer;
	uint64_t sectors; /* of `disk`; 0: it cannot be seen */
	uint8_t disk[SETUP_SECTORS * 512];
};

struct outcome {
	char verdict[RUNNER_VERDICT_BYTES]; /* "ok", "violation:3", "crash:heap-buffer-overflow in
					       f", "hang" */
	bool finding;
	bool unstable; /* another play of the same script gave another verdict */
	int op;	       /* that showed it; -1: it came before the first one */
	char reason[256];
	char difference[256]; /* where another bus than the model parts from it, or empty */
	char *report;	      /* what a sanitizer printed, or NULL; free it */
};

/*
 * Plays `count` scripts, each `repeat` times, and calls `each` with the outcome of one after the
 * other. On another bus than the model each is played on both and compared.
 *
 * What ends a child and is not the device, a signal from outside or a host without memory, is no
 * outcome: the script is played again. When that fails three times in a row, this script and those
 * after it have no outcome. Returns 0, or a negative errno in that case and when no child could be
 * started; runner_problem says why.
 */
int runner_play(const struct runner_stage *stage, const struct script *scripts, size_t count,
		unsigned int repeat,
		void (*each)(void *opaque, size_t index, struct outcome *outcome), void *opaque);

/* Why the last play that failed did, for one line to a person */
const char *runner_problem(void);

/* Whether scripts can be played there; if not, one line in `error`. */
bool runner_can(const struct runner_stage *stage, char *error, size_t room);

/* Prints the verdict on the script called `name`; of a finding also the script, with a mark at the
 * operation, the reason, and the sanitizer's report. */
void runner_tell(const struct outcome *outcome, const char *name, const struct script *script,
		 FILE *out);

/* Plays one script once. */
int runner_play_one(const struct runner_stage *stage, const struct script *script,
		    struct outcome *outcome);
/* The same with our own device on the model, with RUNNER_HANG_SECONDS, and writes what the device
 * meets to `log`: see play_log.h. */
int runner_play_logged(const struct script *script, struct play_log *log, struct outcome *outcome);

#endif
