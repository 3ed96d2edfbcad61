/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A fuzzing engine at work on one target: started, watched, ended, checked. Shared by "anvil fuzz"
 * and "anvil bench".
 *
 * Of the two kinds of engine, libFuzzer is one process, and a finding ends it. AFL++ is several
 * processes of afl-fuzz that work on the same target and go on after a finding; their programs are
 * <afl>/{fast,asan,cmplog}/fuzz_NAME, with the mutator <afl>/mutator/fuzz_NAME.so. What they keep
 * is merged, when they end, into the folder that libFuzzer would have used.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine_folders.h"
#include "process.h"

#define MAX_LEN	      4096 /* bytes of the longest input that an engine makes */
#define INPUT_SECONDS 10   /* an input that takes longer is a finding */
#define RSS_LIMIT_MB  2048 /* so is a process that grows beyond */

#define SUMMARY_BYTES 256

#define LIBFUZZER_EDGES_ALONE "-use_counters=0"

struct engine_kind;
extern const struct engine_kind engine_libfuzzer;
extern const struct engine_kind engine_afl;

struct engine_job {
	const struct engine_dirs *dirs;
	const char *target;
	const char *corpus; /* folder below out that gets the new inputs: <out>/<corpus>/<target> */
	unsigned int seconds;
	unsigned int runs;	/* libFuzzer: so many inputs at most, seeds among them; 0: any */
	unsigned int instances; /* processes of AFL++ */
	bool set_aside; /* inputs were set aside before (engine_set_aside): start without them */
	/*
	 * Ignore how often an edge is taken (libFuzzer: -use_counters=0). Campaigns do so in every
	 * other turn: how often guides them to large operands, many pieces, many sectors, and fills
	 * a corpus with ever longer scripts. Merge does so always: its corpus must stay small.
	 */
	bool edges_alone;
};

enum engine_end {
	ENGINE_DONE,	    /* ran its time */
	ENGINE_FINDING,	    /* stopped with an artefact */
	ENGINE_INTERRUPTED, /* by SIGINT */
	ENGINE_FAILED, /* anything else: did not start, did not fuzz, died without an artefact */
};

struct engine {
	const struct engine_kind *kind;
	uint64_t started_ms;
	uint64_t ended_ms; /* 0: still at work */

	/* What it said last; 0: not said yet */
	uint64_t units;
	uint64_t units_ms; /* when that number came */
	uint64_t inited_units;
	uint64_t inited_ms; /* when the seeds had been run */
	uint64_t done_ms;
	uint64_t rate; /* inputs a second after the seeds, at the end */
	unsigned int coverage;
	unsigned int corpus;
	unsigned int rss_mb;

	/* The finding that engine_next_finding told last */
	char artefact[PATH_MAX];
	char summary[SUMMARY_BYTES];
	int summary_rank;
	const char
		*environment; /* what the host refused it, in words; NULL: nothing that it said */
	bool finding_told;
	bool at_start; /* it is an input that the target was to start from, or tries before all */
	char *replay;  /* what a replay of it showed, where the engine's own messages do not */

	struct engine_job job;
	struct afl *afl; /* AFL++'s own */
	struct process process;
};

/* What differs between the engines; see the functions below. */
struct engine_kind {
	const char *name;
	bool (*ready)(const struct engine_dirs *dirs, char names[][NAME_BYTES], size_t count);
	bool (*start)(struct engine *e, const struct engine_job *job);
	bool (*poll)(struct engine *e);
	void (*signal)(const struct engine *e, int signal_number);
	bool (*next_finding)(struct engine *e);
	int (*set_aside)(const struct engine *e, void (*tell)(const char *path));
	enum engine_end (*end)(const struct engine *e);
	void (*describe)(const struct engine *e, char *text, size_t room);
	const struct process *(*speaker)(const struct engine *e);
	void (*free)(struct engine *e);
	bool wakes; /* a message of `process` ends engine_wait; if not, poll it now and then */
};

/* Milliseconds on the monotonic clock */
uint64_t engine_now(void);

enum { ENGINE_LIBFUZZER, ENGINE_AFL };

const struct engine_kind *engine_kind(unsigned int which);

/* Whether all is there that the engine needs for these targets; false after a complaint. */
bool engine_ready(const struct engine_kind *kind, const struct engine_dirs *dirs,
		  char names[][NAME_BYTES], size_t count);

/*
 * Starts it; its processes die with this one. False after a complaint. What it had before is freed,
 * so it must be zero the first time.
 */
bool engine_start(struct engine *e, const struct engine_kind *kind, const struct engine_job *job);

/* Waits up to timeout_ms for messages of any of the engines (NULL entries and idle ones are fine)
 */
void engine_wait(struct engine *const *engines, size_t count, int timeout_ms);

/* Reads what has come, without waiting; true when it is over and all its processes are reaped */
bool engine_poll(struct engine *e);

/* SIGINT asks it to stop and to tidy up, SIGKILL insists. */
void engine_signal(const struct engine *e, int signal_number);

/* The next finding: sets artefact and summary. To be asked after each poll until false. */
bool engine_next_finding(struct engine *e);

/*
 * For a finding that is at_start: sets aside the files with this input, so that the target can be
 * started without them, and calls `tell` with the path of each. Returns how many; 0 if no file has
 * it, -1 after a complaint.
 */
int engine_set_aside(const struct engine *e, void (*tell)(const char *path));

/* How an engine that is over ended */
enum engine_end engine_end(const struct engine *e);

/* Complains about one that failed: what happened (NULL: as its exit status tells), last lines */
void engine_complain_end(const struct engine *e, const char *target, const char *what);

/* Frees what an engine that is over still has. */
void engine_free(struct engine *e);

/* Writes summary and messages to <artefact>.txt, whole or not at all; false after a complaint */
bool engine_save_report(const struct engine *e);

/* Prints "  replay: <this program> play <artefact>", quoted for a shell where it must be */
void engine_print_replay(const struct engine *e);

#endif
