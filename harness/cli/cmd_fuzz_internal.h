/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of "anvil fuzz".
 */
#ifndef CMD_FUZZ_INTERNAL_H
#define CMD_FUZZ_INTERNAL_H

#include "engine/campaign.h"
#include "engine/engine.h"

#define PIECE_MS      2000 /* libFuzzer counts whole seconds: nothing shorter is worth a start */
#define SUMMARIES_MAX 256
#define CORPUS	      "corpus"

enum state { WAITING, RUNNING, DONE, STOPPED, FAILED };

/* Findings that are alike */
struct seen {
	char summary[SUMMARY_BYTES];
	unsigned int count;
	unsigned int first; /* number of the first finding with it */
};

struct target {
	char name[NAME_BYTES];
	enum state state;
	struct engine engine;
	uint64_t piece_end_ms;
	uint64_t turn_end_ms; /* that of the piece, or sooner */
	uint64_t turn_ms;
	unsigned int turns;    /* so far; odd: edges alone */
	uint64_t stop_sent_ms; /* 0: not asked to stop */

	/* Of its processes that are over */
	unsigned int starts;
	uint64_t units;
	uint64_t ran_ms;
	unsigned int coverage;
	unsigned int corpus;
	unsigned int rss_mb;

	bool enough; /* it has had enough findings, and is not started again */
	unsigned int findings;
	unsigned int fuzzed;	/* of them; the others were among what it starts from */
	unsigned int set_aside; /* inputs of those */
	uint64_t first_ms;	/* fuzzing time up to the first finding */
	struct seen seen[SUMMARIES_MAX];
	size_t seen_count;
	struct campaign_log record;
};

/* begin and end count from the start of the run */
struct piece {
	struct target *target;
	unsigned int job;
	uint64_t begin_ms;
	uint64_t end_ms;
	bool taken;
};

struct run {
	const struct engine_kind *kind;
	struct engine_dirs dirs;
	struct campaign campaign;
	unsigned int seconds;
	unsigned int jobs;
	unsigned int instances; /* of AFL++ at a job */

	struct target *targets;
	size_t count;
	struct piece pieces[2 * ENGINE_TARGETS]; /* in order, job by job */
	size_t piece_count;
	struct target *busy[ENGINE_TARGETS]; /* by job */

	uint64_t start_ms;
	uint64_t shown_ms;
	uint64_t room_ms;
	bool terminal;
	unsigned int drawn; /* lines of the live status on the screen */
	bool stopping;
	bool failed;
};

/* ---- cmd_fuzz_log.c ---- */

/* The state as a word */
const char *cmd_fuzz_state(const struct target *t);

/* Of all its processes, a running one included; the rate is inputs a second. */
uint64_t cmd_fuzz_units(const struct target *t);
uint64_t cmd_fuzz_rate(const struct target *t);
unsigned int cmd_fuzz_coverage(const struct target *t);
unsigned int cmd_fuzz_corpus(const struct target *t);

/* Notes the numbers, and writes the record when it is old, or this is the end. */
void cmd_fuzz_log(struct run *run, struct target *t, bool end);

/* ---- cmd_fuzz_view.c ---- */

/* Before anything else is printed */
void cmd_fuzz_erase_status(struct run *run);

/* How all get on, now and then */
void cmd_fuzz_show(struct run *run);

/* Something else was printed: the next cmd_fuzz_show draws the live status at once. */
void cmd_fuzz_show_again(struct run *run);

/* The table at the end: a line for each target, and the sum */
void cmd_fuzz_print_table(const struct run *run);

/* ---- cmd_fuzz_findings.c ---- */

/* Prints and keeps the findings that the engine has to tell; none after the target had enough. */
void cmd_fuzz_take_findings(struct run *run, struct target *t);

/* Its process is over. */
void cmd_fuzz_take_end(struct run *run, struct target *t);

/* ---- cmd_fuzz_schedule.c ---- */

/* Once, before all else */
void cmd_fuzz_make_schedule(struct run *run);

/* Starts what is next at jobs that have nothing to do. */
void cmd_fuzz_fill_jobs(struct run *run);

/* Whether nothing runs and nothing is to come */
bool cmd_fuzz_all_over(const struct run *run);

/* What a target has before it: whether there are pieces, and their time */
bool cmd_fuzz_has_more(const struct run *run, const struct target *t);
uint64_t cmd_fuzz_seconds_left(const struct run *run, const struct target *t, uint64_t now);

#endif
