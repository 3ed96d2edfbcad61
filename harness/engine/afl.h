/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the AFL++ engine share: engine_afl.c says what happens when, afl_instance.c
 * starts one afl-fuzz and reads its numbers, afl_inputs.c moves inputs, afl_findings.c tells what
 * was found. Below <out>/afl/run/<target>/:
 *
 *   in/    the seeds, each played before: AFL++ leaves a seed that crashes out, and would not say
 *          so
 *   out/   AFL++'s own, an instance a folder; the main one also takes in what either engine kept
 *          earlier, and what libFuzzer finds meanwhile: it tries each once, where it would run each
 *          file of in/ eight times or more before it begins
 *   new/   what the instances kept, each played too: most of them have no sanitizers; libFuzzer
 *          then merges it into its corpus
 */
#ifndef AFL_H
#define AFL_H

#include "engine_internal.h"
#include "run/runner.h"

#define AFL_FUZZ       "afl-fuzz"
#define AFL_FILE_BYTES (PATH_BYTES + NAME_BYTES)
#define AFL_TOLD_MAX   64
#define AFL_HANGS_MAX  3 /* a hang takes INPUT_SECONDS to play: more of them are left alone */

struct afl_role;

enum afl_finding { AFL_CRASH, AFL_HANG, AFL_FINDING_KINDS };

struct afl_instance {
	const struct afl_role *role;
	char name[32];
	int socket; /* its numbers come here; -1: none */
	uint64_t units;
	size_t seen[AFL_FINDING_KINDS]; /* of its files, oldest first */
	struct process process;
};

enum afl_phase { AFL_FUZZING, AFL_MERGING, AFL_OVER };

/* A file that was a finding when it was played */
struct afl_suspect {
	char *path;
	struct outcome outcome;
};

struct afl {
	struct engine_dirs dirs;
	const char *target;
	const char *corpus;
	enum afl_phase phase;
	bool failed;

	struct afl_suspect *suspects; /* those before number `suspect` were looked at already */
	size_t suspect_count;
	size_t suspect;
	size_t given;		     /* so many suspects are inputs that it was to start from */
	uint64_t told[AFL_TOLD_MAX]; /* hashes of findings */
	size_t told_count;
	size_t hangs; /* that the instances found and that were played */

	size_t count;
	struct afl_instance instance[]; /* the first is the main one */
};

/* ---- afl_inputs.c ---- */

/* A path of AFL_FILE_BYTES below the folder of this run. */
void afl_path(const struct afl *a, char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Makes the folders anew. All of these return false after a complaint. */
bool afl_make_folders(const struct afl *a);

/*
 * Plays what there is to start from: what is a finding becomes a suspect; other seeds go to in/.
 * Where the script without an operation is one, the phase is AFL_OVER then.
 */
bool afl_gather_inputs(struct afl *a);
void afl_free_suspects(struct afl *a);

/* Whether the file is the script without an operation, which this engine wrote itself. */
bool afl_is_first(const struct afl *a, const char *path);

/* Plays what the instance kept and had not been given, likewise, to new/ */
bool afl_keep_queue(struct afl *a, const struct afl_instance *in);

/*
 * The instance's files in that folder, oldest first; if `own`, only those that it was not given.
 * NULL when there is no memory. Free with files_free.
 */
char **afl_list(const struct afl *a, const struct afl_instance *in, const char *dir, bool own,
		size_t *count);

/* ---- afl_instance.c ---- */

/* Names and roles of all. */
void afl_name_instances(struct afl *a);

bool afl_start_instance(struct afl *a, size_t number, unsigned int seconds);

/* Looks for numbers that have come; the main instance's coverage is that of the engine. */
void afl_read_numbers(struct engine *e);

/* All are over: the last numbers, and nothing more comes. */
void afl_take_last_numbers(struct engine *e);

/* ---- afl_findings.c ---- */

/* As engine_next_finding and engine_set_aside have it. */
bool afl_next_finding(struct engine *e);
int afl_set_aside(const struct engine *e, void (*tell)(const char *path));

#endif
