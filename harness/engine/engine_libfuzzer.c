/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer speaks on stderr: "#12345\tNEW    cov: 123 ft: 456 corp: 12/34b ..." as it goes,
 * "stat::name: number" at the end, and before that, when it stops with a finding, the report and
 * "Test unit written to PATH". The first two kinds become numbers; all other lines are kept for
 * the report.
 */
#include "engine_internal.h"
#include "base/complain.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/crash_stack.h"
#include "engine_aside.h"

#define INTERRUPTED	 72 /* libFuzzer's exit status after SIGINT */
#define SHA1_OF_NO_BYTES "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define SLOW_UNIT	 "slow-unit-"
#define FINDING_MARK	 "Test unit written to "
#define UNITS_MARK	 "stat::number_of_executed_units:"
#define RSS_MARK	 "stat::peak_rss_mb:"

/* ---- starting ---- */

void engine_add_libfuzzer(struct command_line *c, const struct engine_dirs *dirs,
			  const char *target)
{
	command_line_add(c, "%s/%s", dirs->engines, target);
	command_line_add(c, "-max_len=%d", MAX_LEN);
	command_line_add(c, "-timeout=%d", INPUT_SECONDS);
	command_line_add(c, "-rss_limit_mb=%d", RSS_LIMIT_MB);
}

static void make_arguments(struct command_line *a, const struct engine_job *job)
{
	const struct engine_dirs *dirs = job->dirs;
	char path[PATH_BYTES];

	a->count = 0;
	engine_add_libfuzzer(a, dirs, job->target);
	if (job->edges_alone)
		command_line_add(a, LIBFUZZER_EDGES_ALONE);
	command_line_add(a, "-max_total_time=%u", job->seconds);
	if (job->runs) {
		command_line_add(a, "-runs=%u", job->runs);
		/* nor does it read its own corpus again each second: that would be by the clock */
		command_line_add(a, "-reload=0");
	}
	command_line_add(a, "-print_final_stats=1");
	command_line_add(a, "-artifact_prefix=%s/findings/%s/", dirs->out, job->target);
	snprintf(path, sizeof(path), "%s/%s.dict", dirs->dictionaries, job->target);
	if (access(path, R_OK) == 0)
		command_line_add(a, "-dict=%s", path);
	command_line_add(a, "%s/%s/%s", dirs->out, job->corpus, job->target);
	if (job->set_aside)
		snprintf(path, sizeof(path), "%s/" ASIDE_SEEDS "/%s", dirs->out, job->target);
	else
		snprintf(path, sizeof(path), "%s/%s", dirs->corpora, job->target);
	if (engine_is_dir(path))
		command_line_add(a, "%s", path);
}

static bool libfuzzer_ready(const struct engine_dirs *dirs, char names[][NAME_BYTES], size_t count)
{
	(void)dirs, (void)names, (void)count; /* its programs are the targets */
	return true;
}

static bool libfuzzer_start(struct engine *e, const struct engine_job *job)
{
	struct command_line program;
	int err;

	make_arguments(&program, job);
	err = process_start(&e->process, &program, NULL);
	if (err)
		complain("cannot start %s: %s; try fewer --jobs", job->target, strerror(-err));
	return err == 0;
}

static void libfuzzer_signal(const struct engine *e, int signal_number)
{
	process_signal(&e->process, signal_number);
}

/* ---- what it says ---- */

static void small_number_after(const char *line, const char *key, unsigned int *number)
{
	uint64_t value;

	if (engine_number_after(line, key, &value))
		*number = value < UINT_MAX ? (unsigned int)value : UINT_MAX;
}

static bool take_progress(struct engine *e, const char *line)
{
	const char *tab = strchr(line, '\t');

	if (line[0] != '#' || !isdigit((unsigned char)line[1]) || !tab)
		return false;
	e->units = strtoull(line + 1, NULL, 10);
	e->units_ms = engine_now();
	small_number_after(tab, " cov: ", &e->coverage);
	small_number_after(tab, " corp: ", &e->corpus);
	small_number_after(tab, " rss: ", &e->rss_mb);
	if (strncmp(tab, "\tINITED", 7) == 0) {
		e->inited_units = e->units;
		e->inited_ms = e->units_ms;
	} else if (strncmp(tab, "\tDONE", 5) == 0) {
		e->done_ms = e->units_ms;
	}
	return true;
}

static bool take_statistic(struct engine *e, const char *line)
{
	if (strncmp(line, "stat::", 6) != 0)
		return false;
	if (engine_number_after(line, UNITS_MARK, &e->units))
		e->units_ms = engine_now();
	small_number_after(line, RSS_MARK, &e->rss_mb);
	return true;
}

static void take_artefact(struct engine *e, const char *line)
{
	const char *at = strstr(line, FINDING_MARK);
	const char *name;

	if (!at)
		return;
	at += strlen(FINDING_MARK);
	name = strrchr(at, '/');
	name = name ? name + 1 : at;
	if (strncmp(name, SLOW_UNIT, strlen(SLOW_UNIT)) != 0) /* a remark: the run goes on */
		engine_cut(e->artefact, sizeof(e->artefact), at);
}

/* The line that says best what was found ranks highest */
static int rank_of(const char *line)
{
	if (strncmp(line, "anvil: ", 7) == 0)
		return 4;
	if (strstr(line, ": Assertion `"))
		return 3;
	if (strncmp(line, "SUMMARY: ", 9) == 0)
		return 2;
	return strncmp(line, "==", 2) == 0 && strstr(line, "ERROR: ") ? 1 : 0;
}

static void take_summary(struct engine *e, const char *line)
{
	int rank = rank_of(line);

	if (rank <= e->summary_rank)
		return;
	e->summary_rank = rank;
	engine_summarise(e, rank == 1 ? strstr(line, "ERROR: ") : line);
}

static bool take_line(void *opaque, const char *line)
{
	struct engine *e = opaque;

	if (take_progress(e, line) || take_statistic(e, line))
		return true;
	take_artefact(e, line);
	take_summary(e, line);
	if (!e->environment)
		e->environment = crash_report_environment(line);
	return false;
}

static bool libfuzzer_poll(struct engine *e)
{
	if (!process_poll(&e->process, take_line, e))
		return false;
	if (e->done_ms > e->inited_ms)
		e->rate = (e->units - e->inited_units) * 1000 / (e->done_ms - e->inited_ms);
	return true;
}

/* ---- how it ended ---- */

/* libFuzzer names an artefact that it could not write, too */
static bool artefact_is_whole(const struct engine *e)
{
	struct stat st;

	if (stat(e->artefact, &st) != 0)
		return false;
	return st.st_size > 0 || strstr(e->artefact, SHA1_OF_NO_BYTES);
}

static enum engine_end libfuzzer_end(const struct engine *e)
{
	bool exited = WIFEXITED(e->process.status);

	if (e->finding_told)
		return ENGINE_FINDING;
	if (exited && WEXITSTATUS(e->process.status) == 0)
		return e->done_ms && e->units ? ENGINE_DONE : ENGINE_FAILED;
	if (!e->environment && e->artefact[0] && artefact_is_whole(e))
		return ENGINE_FINDING;
	return exited && WEXITSTATUS(e->process.status) == INTERRUPTED ? ENGINE_INTERRUPTED
								       : ENGINE_FAILED;
}

/* It has but one, and that ends it */
static bool libfuzzer_next_finding(struct engine *e)
{
	bool found = !e->finding_told && e->ended_ms && libfuzzer_end(e) == ENGINE_FINDING;

	e->finding_told = e->finding_told || found;
	e->at_start = !e->inited_ms;
	return found;
}

static int libfuzzer_set_aside(const struct engine *e, void (*tell)(const char *path))
{
	return aside_put(&e->job, e->artefact, tell);
}

static void libfuzzer_describe(const struct engine *e, char *text, size_t room)
{
	int status = e->process.status;

	if (e->environment)
		snprintf(text, room, "%s, which no guest can cause", e->environment);
	else if (e->artefact[0] && !artefact_is_whole(e))
		snprintf(text, room, "could not write %s", e->artefact);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		snprintf(text, room, "exited without having fuzzed");
	else if (WIFEXITED(status))
		snprintf(text, room, "exited with status %d and no artefact", WEXITSTATUS(status));
	else
		engine_describe_status(status, text, room);
}

static const struct process *libfuzzer_speaker(const struct engine *e)
{
	return &e->process;
}

static void libfuzzer_free(struct engine *e)
{
	(void)e;
}

const struct engine_kind engine_libfuzzer = {
	.name = "libfuzzer",
	.ready = libfuzzer_ready,
	.start = libfuzzer_start,
	.poll = libfuzzer_poll,
	.signal = libfuzzer_signal,
	.next_finding = libfuzzer_next_finding,
	.set_aside = libfuzzer_set_aside,
	.end = libfuzzer_end,
	.describe = libfuzzer_describe,
	.speaker = libfuzzer_speaker,
	.free = libfuzzer_free,
	.wakes = true,
};
