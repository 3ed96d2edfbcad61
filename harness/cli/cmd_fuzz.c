/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "anvil fuzz": runs every target for its share of the time, shows how they get on, keeps and
 * prints what they find.
 *
 * Each target's course is recorded for the report: campaign.h.
 */
#include "cmd_fuzz_internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "base/complain.h"
#include "engine/engine_aside.h"
#include "engine/engine_options.h"
#include "base/sanitizer.h"
#include "engine/signals.h"

#define OVERDUE_MS 15000 /* longer than the slowest input may take */
#define KILL_MS	   5000	 /* from the request to stop to the end of patience */
#define TICK_MS	   200
#define ROOM_MS	   1000

/* ---- the run ---- */

/* Asks, and after a while insists */
static void stop_target(struct target *t, uint64_t now, bool insist)
{
	if (t->stop_sent_ms == 0) {
		t->stop_sent_ms = now;
		engine_signal(&t->engine, SIGINT);
	} else if (insist || now - t->stop_sent_ms > KILL_MS) {
		engine_signal(&t->engine, SIGKILL);
	}
}

static void stop_late(struct run *run, uint64_t now)
{
	for (size_t i = 0; i < run->count; i++) {
		struct target *t = &run->targets[i];

		if (t->state != RUNNING)
			continue;
		if (run->stopping || t->enough || now > t->piece_end_ms + PIECE_MS + OVERDUE_MS)
			stop_target(t, now, signals_stop_requests() > 1);
	}
}

static void check_room(struct run *run, uint64_t now)
{
	if (run->stopping || now - run->room_ms < ROOM_MS)
		return;
	run->room_ms = now;
	if (engine_has_room(&run->dirs, false))
		return;
	cmd_fuzz_erase_status(run);
	(void)engine_has_room(&run->dirs, true);
	run->failed = true;
	run->stopping = true;
}

static void wait_and_collect(struct run *run)
{
	struct engine *engines[ENGINE_TARGETS] = { NULL };

	for (size_t i = 0; i < run->count; i++)
		engines[i] = run->targets[i].state == RUNNING ? &run->targets[i].engine : NULL;
	engine_wait(engines, run->count, TICK_MS);
	for (size_t i = 0; i < run->count; i++) {
		bool over;

		if (!engines[i])
			continue;
		over = engine_poll(engines[i]);
		cmd_fuzz_take_findings(run, &run->targets[i]);
		if (over)
			cmd_fuzz_take_end(run, &run->targets[i]);
		cmd_fuzz_log(run, &run->targets[i], over);
	}
}

static void run_all(struct run *run)
{
	run->start_ms = engine_now();
	run->shown_ms = run->terminal ? 0 : run->start_ms;
	run->room_ms = run->start_ms;
	while (true) {
		if (signals_stop_requests())
			run->stopping = true;
		if (!run->stopping)
			cmd_fuzz_fill_jobs(run);
		if (cmd_fuzz_all_over(run))
			break;
		wait_and_collect(run);
		check_room(run, engine_now());
		stop_late(run, engine_now());
		cmd_fuzz_show(run);
	}
	for (size_t i = 0; i < run->count; i++)
		cmd_fuzz_log(run, &run->targets[i], true);
	cmd_fuzz_erase_status(run);
}

/* ---- the command ---- */

static bool prepare(struct run *run, char names[ENGINE_TARGETS][NAME_BYTES])
{
	if (!engine_has_room(&run->dirs, true))
		return false;
	for (size_t i = 0; i < run->count; i++) {
		if (!engine_make_dir(&run->dirs, "findings", names[i]) ||
		    !engine_make_dir(&run->dirs, CORPUS, names[i]) ||
		    !aside_restore(&run->dirs, CORPUS, names[i]))
			return false;
	}
	run->targets = calloc(run->count, sizeof(*run->targets));
	if (!run->targets) {
		complain("out of memory");
		return false;
	}
	for (size_t i = 0; i < run->count; i++)
		memcpy(run->targets[i].name, names[i], NAME_BYTES);
	return true;
}

static bool on_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

static int verdict(const struct run *run)
{
	if (run->failed)
		return EXIT_USAGE;
	for (size_t i = 0; i < run->count; i++) {
		if (run->targets[i].findings)
			return EXIT_FINDING;
	}
	return signals_stop_requests() ? EXIT_INTERRUPTED : EXIT_OK;
}

static unsigned int online_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores > 0 && cores < ENGINE_TARGETS ? (unsigned int)cores : 1;
}

/* Asks for what is there, and makes what is not */
static bool find_and_prepare(struct run *run, const struct option_texts *asked)
{
	char names[ENGINE_TARGETS][NAME_BYTES];
	int found;

	found = engine_find_targets(&run->dirs, asked->text, asked->count, names);
	if (found < 0)
		return false;
	run->count = (size_t)found;
	return engine_ready(run->kind, &run->dirs, names, run->count) && prepare(run, names) &&
	       campaign_begin(&run->campaign, &run->dirs, run->kind->name) && signals_catch();
}

static void free_targets(struct run *run)
{
	for (size_t i = 0; run->targets && i < run->count; i++)
		engine_free(&run->targets[i].engine);
	free(run->targets);
}

struct arguments {
	struct engine_arguments common;
	unsigned int seconds;
	unsigned int jobs; /* 0: not given */
};

static int fuzz(void *opaque, char **operand, int operands)
{
	const struct arguments *a = opaque;
	struct run run = {
		.kind = engine_kind(a->common.engine),
		.dirs = a->common.dirs,
		.seconds = a->seconds,
		.jobs = a->jobs ? a->jobs : online_cores(),
		.terminal = on_terminal(),
	};
	int status;

	(void)operand, (void)operands;
	if (!find_and_prepare(&run, &a->common.targets)) {
		free_targets(&run);
		return EXIT_USAGE;
	}
	sanitizer_tell_leaks();
	if (run.terminal) /* one write a redraw */
		(void)setvbuf(stdout, NULL, _IOFBF, 1 << 14);
	cmd_fuzz_make_schedule(&run);
	run_all(&run);
	cmd_fuzz_print_table(&run);
	status = verdict(&run);
	free_targets(&run);
	return status;
}

static const struct command_option options[] = {
	ENGINE_OPTIONS(struct arguments, "for findings and new inputs"),
	{ "time", "SECONDS", "of fuzzing in all, shared by the targets", "60",
	  SETS_NUMBER(struct arguments, seconds, 1, 1000000) },
	{ "jobs", "NUMBER",
	  "of targets at a time, or of AFL++'s processes; else the number of processors", NULL,
	  SETS_NUMBER(struct arguments, jobs, 1, 1000000) },
	{ 0 },
};

const struct command command_fuzz = {
	.name = "fuzz",
	.help = "Fuzzes all targets, keeps and tells what they find",
	.details = "The exit status is 130 if it was interrupted before it found anything.\n",
	.options = options,
	.arguments_size = sizeof(struct arguments),
	.run = fuzz,
};
