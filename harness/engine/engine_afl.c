/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AFL++ at work on one target: a main instance that is fast, and secondary ones with sanitizers,
 * CmpLog and other schedules, all with the mutator of the target; then libFuzzer, which merges what
 * they kept.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "afl.h"
#include "base/complain.h"
#include "script/files.h"

/* Which of these a target has to have */
static const char *const needed[] = { "fast/%s", "asan/%s", "cmplog/%s", "mutator/%s.so" };

#define NEEDED	     (ARRAY_SIZE(needed))
#define NEEDED_EMPTY 1 /* by the one that does nothing */

/* ---- starting ---- */

static struct afl *create(const struct engine_job *job)
{
	size_t count = job->instances;
	struct afl *a = calloc(1, sizeof(*a) + count * sizeof(a->instance[0]));

	if (!a) {
		complain("%s: out of memory; try fewer --jobs", job->target);
		return NULL;
	}
	a->dirs = *job->dirs;
	a->target = job->target;
	a->corpus = job->corpus;
	a->count = count;
	afl_name_instances(a);
	return a;
}

static bool afl_start(struct engine *e, const struct engine_job *job)
{
	struct afl *a = create(job);

	e->afl = a;
	if (!a || !afl_make_folders(a) || !afl_gather_inputs(a))
		return false;
	e->started_ms = engine_now();
	for (size_t i = 0; a->phase == AFL_FUZZING && i < a->count; i++) {
		if (!afl_start_instance(a, i, job->seconds)) {
			e->kind->signal(e, SIGKILL);
			return false;
		}
	}
	return true;
}

/* ---- working and merging ---- */

static bool start_merge(struct engine *e)
{
	struct afl *a = e->afl;
	struct command_line program = { .count = 0 };
	char path[AFL_FILE_BYTES];

	for (size_t i = 0; i < a->count; i++) {
		if (!afl_keep_queue(a, &a->instance[i]))
			return false;
	}
	engine_add_libfuzzer(&program, &a->dirs, a->target);
	command_line_add(&program, LIBFUZZER_EDGES_ALONE);
	command_line_add(&program, "-merge=1");
	afl_path(a, path, "merge-");
	command_line_add(&program, "-artifact_prefix=%s", path);
	command_line_add(&program, "%s/%s/%s", a->dirs.out, a->corpus, a->target);
	afl_path(a, path, "new");
	command_line_add(&program, "%s", path);
	return process_start(&e->process, &program, NULL) == 0;
}

static bool keep_line(void *opaque, const char *line)
{
	(void)opaque, (void)line;
	return false;
}

/* All stop when one could not go on */
static size_t poll_instances(struct engine *e)
{
	struct afl *a = e->afl;
	size_t running = 0;

	for (size_t i = 0; i < a->count; i++) {
		struct process *p = &a->instance[i].process;

		if (!process_poll(p, keep_line, NULL)) {
			running++;
		} else if (p->status != 0 && !a->failed) {
			a->failed = true;
			e->kind->signal(e, SIGINT);
		}
	}
	return running;
}

static void end_fuzzing(struct engine *e)
{
	e->ended_ms = engine_now();
	afl_take_last_numbers(e);
	e->afl->phase = AFL_MERGING;
	if (!start_merge(e)) {
		e->afl->failed = true;
		e->afl->phase = AFL_OVER;
	}
}

static bool afl_poll(struct engine *e)
{
	struct afl *a = e->afl;

	if (a->phase == AFL_FUZZING) {
		afl_read_numbers(e);
		if (poll_instances(e) == 0)
			end_fuzzing(e);
	} else if (a->phase == AFL_MERGING && process_poll(&e->process, keep_line, NULL)) {
		a->failed |= e->process.status != 0;
		a->phase = AFL_OVER;
	}
	return a->phase == AFL_OVER;
}

/* Merging takes its time, and is let to */
static void afl_signal(const struct engine *e, int signal_number)
{
	for (size_t i = 0; i < e->afl->count; i++)
		process_signal(&e->afl->instance[i].process, signal_number);
	if (signal_number == SIGKILL)
		process_signal(&e->process, signal_number);
}

/* ---- how it ended ---- */

static enum engine_end afl_end(const struct engine *e)
{
	return e->afl && !e->afl->failed ? ENGINE_DONE : ENGINE_FAILED;
}

/* The first instance that did not end well, or NULL */
static const struct afl_instance *failed_instance(const struct afl *a)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->instance[i].process.status != 0)
			return &a->instance[i];
	}
	return NULL;
}

static void afl_describe(const struct engine *e, char *text, size_t room)
{
	const struct afl_instance *in = failed_instance(e->afl);
	char how[128];

	engine_describe_status(in ? in->process.status : e->process.status, how, sizeof(how));
	if (in)
		snprintf(text, room, AFL_FUZZ " -%c %s %s", in == e->afl->instance ? 'M' : 'S',
			 in->name, how);
	else
		snprintf(text, room, "merging what was found %s", how);
}

static const struct process *afl_speaker(const struct engine *e)
{
	const struct afl_instance *in = failed_instance(e->afl);

	return in ? &in->process : &e->process;
}

static void afl_free(struct engine *e)
{
	if (e->afl)
		afl_free_suspects(e->afl);
	free(e->afl);
	e->afl = NULL;
}

/* ---- what it needs ---- */

static bool in_path(const char *program)
{
	const char *dir = getenv("PATH");
	char path[PATH_MAX];

	for (; dir && *dir; dir += strcspn(dir, ":"), dir += *dir == ':') {
		snprintf(path, sizeof(path), "%.*s/%s", (int)strcspn(dir, ":"), dir, program);
		if (engine_is_program(path))
			return true;
	}
	return false;
}

static bool has_needed(const struct engine_dirs *dirs, const char *target)
{
	size_t count = strcmp(target, ENGINE_EMPTY) == 0 ? NEEDED_EMPTY : NEEDED;
	char path[AFL_FILE_BYTES];

	for (size_t i = 0; i < count; i++) {
		int len = snprintf(path, sizeof(path), "%s/", dirs->afl);

		snprintf(path + len, sizeof(path) - (size_t)len, needed[i], target);
		if (!engine_is_program(path)) {
			complain("%s: no such program; 'make fuzz ENGINE=afl' builds it", path);
			return false;
		}
	}
	return true;
}

static bool afl_ready(const struct engine_dirs *dirs, char names[][NAME_BYTES], size_t count)
{
	if (!in_path(AFL_FUZZ)) {
		complain("no " AFL_FUZZ " in PATH; 'make deps' installs AFL++");
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (!has_needed(dirs, names[i]))
			return false;
	}
	return true;
}

const struct engine_kind engine_afl = {
	.name = "afl",
	.ready = afl_ready,
	.start = afl_start,
	.poll = afl_poll,
	.signal = afl_signal,
	.next_finding = afl_next_finding,
	.set_aside = afl_set_aside,
	.end = afl_end,
	.describe = afl_describe,
	.speaker = afl_speaker,
	.free = afl_free,
};
