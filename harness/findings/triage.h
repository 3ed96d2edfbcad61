/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Findings in groups, each with its smallest script.
 *
 * Two findings are the same when they have the same verdict and
 *  - the same innermost frames of the device and harness/, by function, where there is a stack;
 *  - where there is none, the same complaint of the oracle, numbers aside, about the same kind of
 *    device at the same operation.
 * The smallest input of each group is shrunk; it may lose an operation that only showed what
 * another one shows too, so groups that then are the same become one.
 */
#ifndef TRIAGE_H
#define TRIAGE_H

#include "run/crash_stack.h"
#include "run/runner.h"

#define TRIAGE_FRAMES	  4u /* of a stack that count */
#define TRIAGE_NAME_BYTES 96u
#define TRIAGE_ASKED	  8u
#define TRIAGE_KEY_BYTES  1200u /* with the names of TRIAGE_FRAMES functions */

/* One input that was played. */
struct triage_input {
	const char *path;
	struct script script;
	struct outcome outcome; /* of its last play before anything is shrunk; owns its report */
	char key[TRIAGE_KEY_BYTES]; /* what it is grouped by; empty: no finding */
};

struct triage_group {
	char name[TRIAGE_NAME_BYTES]; /* "violation-8-blk", "heap-buffer-overflow-parse_get_id" */
	char key[TRIAGE_KEY_BYTES];
	char target[64];	  /* "fuzz_blk": where in crashes/ it belongs */
	struct script script;	  /* the smallest */
	struct outcome outcome;	  /* of `script`; owns its report */
	struct crash_stack stack; /* no frames: none */
	unsigned int rule;	  /* of a violation, or 0 */
	const struct triage_input *smallest;
	const struct triage_input **input; /* all, in the order of their paths */
	size_t inputs;
	bool shrunk;	    /* not: another play gave something else */
	const char *device; /* as in struct triage */
};

struct triage {
	struct triage_input *input;
	size_t inputs;
	/* what the device of `device` does when it is asked what it offers: by scripts that do
	 * nothing; those beyond are not kept */
	struct triage_input asked[TRIAGE_ASKED];
	size_t asks;
	struct runner_asked asking;
	struct triage_group *group; /* by name */
	size_t groups;
	unsigned int hang_seconds; /* see runner.h */
	const char *device;	   /* a shared object that all is played on; NULL: ours */
	const struct known *known; /* of that device, see runner.h */
	/* for whoever shows how it gets on: done of all inputs played, then groups shrunk */
	void (*progress)(const char *what, size_t done, size_t all);
};

/* Plays all inputs, twice each, and groups them. Returns 0 or a negative errno. */
int triage_run(struct triage *t);
void triage_free(struct triage *t);

size_t triage_findings(const struct triage *t);

/*
 * Writes all there is to know into `folder`, which must not exist, or be empty, or be what an
 * earlier triage wrote, which is replaced. Returns false after one line on stderr; `folder` then is
 * as it was.
 */
bool triage_write(const struct triage *t, const char *folder);

/* The table of all groups. */
void triage_print(const struct triage *t, FILE *out);
/* Between the parts of triage_write: what a group says in words, and all groups for machines. */
void triage_tell(const struct triage_group *g, FILE *out);
void triage_write_sarif(const struct triage *t, FILE *out);
void triage_write_json(const struct triage *t, FILE *out);

#endif
