/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One libFuzzer process: started, read, reaped, judged. Shared by "anvil fuzz" and "anvil bench",
 * together with what both need around it: options, the list of targets, folders, the clock.
 *
 * A target is one executable <engines>/fuzz_NAME; its seeds are <corpora>/fuzz_NAME and its
 * dictionary, when there is one, <dictionaries>/fuzz_NAME.dict. What it writes goes below <out>.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MAX_LEN	      4096 /* bytes of the longest input that an engine makes */
#define INPUT_SECONDS 10   /* an input that takes longer is a finding */
#define RSS_LIMIT_MB  2048 /* so is a process that grows beyond */
/* Whether an edge taken more often is new: no, or corpora fill with ever longer scripts */
#define USE_COUNTERS 0
/* The entropic schedule pays for large corpora; ours have a hundred scripts or two */
#define USE_ENTROPIC 0

#define DIR_BYTES      1024 /* a folder from the command line */
#define NAME_BYTES     256  /* a target's name */
#define SUMMARY_BYTES  256
#define REPORT_LINES   200 /* what is kept of a target's messages: the last lines, cut in width */
#define REPORT_COLUMNS 400

/* One command line option: its operand goes to the number or to the list of texts */
struct engine_option {
	const char *name;
	const char *help;
	unsigned int *number;
	const char **text;
	size_t *count; /* not NULL: the option may be repeated, up to ENGINE_TARGETS times */
};

#define ENGINE_TARGETS 64
#define ENGINE_EMPTY   "fuzz_empty" /* does nothing: the speed of the engine itself */

struct engine_dirs {
	const char *engines;
	const char *corpora;
	const char *dictionaries;
	const char *out;
};

struct engine_job {
	const struct engine_dirs *dirs;
	const char *target;
	const char *corpus; /* folder below out that gets the new inputs: <out>/<corpus>/<target> */
	unsigned int seconds;
};

enum engine_end {
	ENGINE_DONE,	    /* ran its time */
	ENGINE_FINDING,	    /* stopped with an artefact */
	ENGINE_INTERRUPTED, /* by SIGINT */
	ENGINE_FAILED, /* anything else: did not start, did not fuzz, died without an artefact */
};

struct engine {
	pid_t pid; /* 0: no process */
	int fd;	   /* its messages; -1: closed */
	int status;
	uint64_t started_ms;
	uint64_t ended_ms;

	/* Read from its messages; 0: not said yet */
	uint64_t units;
	uint64_t units_ms; /* when that number came */
	uint64_t inited_units;
	uint64_t inited_ms; /* when the seeds had been run */
	uint64_t done_ms;
	unsigned int coverage;
	unsigned int corpus;
	unsigned int rss_mb;

	char artefact[PATH_MAX];
	char summary[SUMMARY_BYTES];
	int summary_rank;

	char line[PATH_MAX + 256];
	size_t line_len;
	char report[REPORT_LINES][REPORT_COLUMNS];
	size_t report_count; /* lines ever; the last REPORT_LINES are there */
};

/* SIGINT, SIGTERM and SIGHUP are counted, up to 2, from the first call on; false after a complaint
 */
bool engine_catch_signals(void);
int engine_stop_requests(void);

#define EXIT_INTERRUPTED 130

/* Milliseconds on the monotonic clock */
uint64_t engine_now(void);

/* One line on stderr, after "anvil COMMAND: " */
void engine_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Reads "--name operand" and "--name=operand"; numbers are 1 to 1,000,000. The table ends with a
 * NULL name. Returns -1 to go on, or the exit status: 0 after --help, 2 after a complaint.
 */
int engine_options(int argc, char **argv, const struct engine_option *table);

/*
 * Fills names with the targets to run, sorted, each once: those asked for, or every executable
 * engines/fuzz_* but ENGINE_EMPTY. Checks that each has its program and its folder of seeds, which
 * ENGINE_EMPTY needs not. Returns how many, or -1 after a complaint.
 */
int engine_find_targets(const struct engine_dirs *dirs, const char *const *asked, size_t count,
			char names[ENGINE_TARGETS][NAME_BYTES]);

/* Makes <out>/<kind>/<target>, with its parents; false after a complaint. target may be "". */
bool engine_make_dir(const struct engine_dirs *dirs, const char *kind, const char *target);

/* Removes the files of <out>/<kind>/<target> and the folder; what is not there is no error. */
void engine_remove_dir(const struct engine_dirs *dirs, const char *kind, const char *target);

/* Whether out's file system still has room; complains, if asked to, when not. out may not exist. */
bool engine_has_room(const struct engine_dirs *dirs, bool complain);

/* Starts the process; it dies with this one. False after a complaint. */
bool engine_start(struct engine *e, const struct engine_job *job);

/* Waits up to timeout_ms for messages of any of the engines (NULL entries and idle ones are fine)
 */
void engine_wait(struct engine *const *engines, size_t count, int timeout_ms);

/* Reads what has come, without waiting; true when the process is over and reaped */
bool engine_poll(struct engine *e);

void engine_signal(const struct engine *e, int signal_number);

/* How a process that is over ended */
enum engine_end engine_end(const struct engine *e);

/* Complains about a failed process: what happened (NULL: as its exit status tells), last lines */
void engine_complain_end(const struct engine *e, const char *target, const char *what);

/* Writes summary and kept lines to <artefact>.txt, whole or not at all; false after a complaint */
bool engine_save_report(const struct engine *e);

/* Prints "  replay: <this program> play <artefact>", quoted for a shell where it must be */
void engine_print_replay(const struct engine *e);

#endif
