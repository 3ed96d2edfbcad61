/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "anvil bench": how many inputs a second each target runs.
 *
 * First beside the target that does nothing. A speed is the inputs after the seeds over the wall
 * time from the end of the seeds to the end of the run: start-up and reading the seeds do not
 * count. The corpus stays what it is, short scripts: what is measured is a target, not what a
 * campaign has collected by then.
 *
 * Then as libFuzzer's campaigns run: from the seeds, so many inputs by edges alone, and as many by
 * counters with what those have left (cmd_fuzz_schedule.c). A speed is all of them over the
 * processor time, start-up and seeds among them.
 *
 * One process at a time; every round runs every target once, so that a machine that slows down
 * slows all of them.
 */
#include "commands.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "engine/engine.h"
#include "engine/engine_options.h"
#include "engine/signals.h"

#define ROUNDS_MAX 100
#define GRACE_MS   15000 /* longer than the slowest input may take */
#define TICK_MS	   200

#define CAMPAIGN_SECONDS 3600

struct target {
	char name[NAME_BYTES];
	uint64_t rates[ROUNDS_MAX];
	uint64_t campaign_rates[ROUNDS_MAX];
	uint64_t edges[ROUNDS_MAX];
};

struct bench {
	const struct engine_kind *kind;
	struct engine_dirs dirs;
	unsigned int seconds;
	unsigned int rounds;
	unsigned int runs;
	struct target targets[ENGINE_TARGETS + 1]; /* the first is the empty one */
	size_t count;
	struct engine engine;
};

static struct engine_job job_of(const struct bench *b, const char *target)
{
	return (struct engine_job){
		.dirs = &b->dirs,
		.target = target,
		.corpus = "bench",
		.instances = 1,
		.edges_alone = true,
	};
}

static bool run_process(struct bench *b, const struct engine_job *job)
{
	struct engine *e = &b->engine;
	uint64_t patience = (uint64_t)(job->seconds + 1) * 1000 + GRACE_MS;

	if (!engine_start(e, b->kind, job))
		return false;
	while (!engine_poll(e)) {
		uint64_t ran = engine_now() - e->started_ms;

		if (ran > 2 * patience || signals_stop_requests() > 1)
			engine_signal(e, SIGKILL);
		else if (ran > patience || signals_stop_requests() > 0)
			engine_signal(e, SIGINT);
		engine_wait(&e, 1, TICK_MS);
	}
	return true;
}

static int check(struct bench *b, const char *target)
{
	struct engine *e = &b->engine;
	enum engine_end end = engine_end(e);

	if (engine_next_finding(e)) {
		printf("%s: finding: %s\n", target, e->summary);
		if (!engine_save_report(e))
			return EXIT_USAGE;
		printf("  report: %s.txt\n", e->artefact);
		engine_print_replay(e);
		return EXIT_FINDING;
	}
	if (signals_stop_requests() > 0)
		return EXIT_INTERRUPTED;
	if (end != ENGINE_DONE || !e->inited_ms) {
		engine_complain_end(e, target, NULL);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

static int run_job(struct bench *b, const struct engine_job *job)
{
	return run_process(b, job) ? check(b, job->target) : EXIT_USAGE;
}

/* libFuzzer stops in the second after max_total_time */
static int measure_alone(struct bench *b, struct target *t, unsigned int round)
{
	struct engine_job job = job_of(b, t->name);
	int status;

	job.seconds = b->seconds > 2 ? b->seconds - 1 : 1;
	status = run_job(b, &job);
	t->rates[round] = b->engine.rate;
	return status;
}

static int measure_campaign(struct bench *b, struct target *t, unsigned int round)
{
	struct engine_job job = job_of(b, t->name);
	int status;
	uint64_t units;
	uint64_t cpu_ms;

	job.seconds = CAMPAIGN_SECONDS;
	job.runs = b->runs;
	status = run_job(b, &job);
	units = b->engine.units;
	cpu_ms = b->engine.process.cpu_ms;
	if (status != EXIT_OK)
		return status;
	job.edges_alone = false;
	status = run_job(b, &job);
	units += b->engine.units;
	cpu_ms += b->engine.process.cpu_ms;
	t->campaign_rates[round] = cpu_ms ? units * 1000 / cpu_ms : 0;
	t->edges[round] = b->engine.coverage;
	return status;
}

/* In a corpus of its own, which goes away. */
static int measure(struct bench *b, struct target *t, unsigned int round,
		   int (*how)(struct bench *b, struct target *t, unsigned int round))
{
	int status;

	engine_remove_dir(&b->dirs, "bench", t->name);
	if (!engine_has_room(&b->dirs, true) || !engine_make_dir(&b->dirs, "bench", t->name) ||
	    !engine_make_dir(&b->dirs, "findings", t->name))
		return EXIT_USAGE;
	status = how(b, t, round);
	engine_remove_dir(&b->dirs, "bench", t->name);
	return status;
}

static bool has_campaigns(const struct bench *b)
{
	return b->runs && b->kind == &engine_libfuzzer;
}

static int measure_all(struct bench *b)
{
	for (unsigned int round = 0; round < b->rounds; round++) {
		for (size_t i = 0; i < b->count; i++) {
			struct target *t = &b->targets[i];
			int status = measure(b, t, round, measure_alone);

			if (status == EXIT_OK && i && has_campaigns(b))
				status = measure(b, t, round, measure_campaign);
			if (status != EXIT_OK)
				return status;
		}
	}
	return EXIT_OK;
}

static int compare_rates(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

static void sort(const struct bench *b, uint64_t *values)
{
	qsort(values, b->rounds, sizeof(*values), compare_rates);
}

/* Of sorted values */
static uint64_t median(const struct bench *b, const uint64_t *values)
{
	return (values[(b->rounds - 1) / 2] + values[b->rounds / 2]) / 2;
}

static void print_row(const struct bench *b, const struct target *t)
{
	uint64_t empty = median(b, b->targets[0].rates);
	uint64_t middle = median(b, t->rates);
	double percent = empty ? 100.0 * (double)middle / (double)empty : 0;

	printf("%-20s %12llu %12llu %12llu %10.1f %%\n", t->name, (unsigned long long)t->rates[0],
	       (unsigned long long)middle, (unsigned long long)t->rates[b->rounds - 1], percent);
}

static void print_table(struct bench *b)
{
	printf("inputs/s after the seeds, wall time; %u rounds of %u s, one process at a time\n",
	       b->rounds, b->seconds);
	printf("%-20s %12s %12s %12s %12s\n", "target", "min", "median", "max", "of empty");
	for (size_t i = 0; i < b->count; i++)
		sort(b, b->targets[i].rates);
	for (size_t i = 1; i < b->count; i++)
		print_row(b, &b->targets[i]);
	print_row(b, &b->targets[0]);
}

static void print_campaigns(struct bench *b)
{
	printf("\nas campaigns run: inputs/s of processor time, of %u by edges alone and %u by "
	       "counters, "
	       "from the seeds\n",
	       b->runs, b->runs);
	printf("%-20s %12s %12s %12s %12s\n", "target", "min", "median", "max", "edges");
	for (size_t i = 1; i < b->count; i++) {
		struct target *t = &b->targets[i];
		const uint64_t *rates = t->campaign_rates;

		sort(b, t->campaign_rates);
		sort(b, t->edges);
		printf("%-20s %12llu %12llu %12llu %12llu\n", t->name, (unsigned long long)rates[0],
		       (unsigned long long)median(b, rates),
		       (unsigned long long)rates[b->rounds - 1],
		       (unsigned long long)median(b, t->edges));
	}
}

/* The empty target first, then the others */
static bool find_targets(struct bench *b, const char *const *asked, size_t asked_count)
{
	static const char *const empty[] = { ENGINE_EMPTY };
	char names[ENGINE_TARGETS][NAME_BYTES];
	int found = engine_find_targets(&b->dirs, asked, asked_count, names);

	if (found < 0)
		return false;
	for (int i = 0; i < found; i++) {
		if (strcmp(names[i], ENGINE_EMPTY) != 0)
			memcpy(b->targets[++b->count].name, names[i], NAME_BYTES);
	}
	b->count++;
	if (engine_find_targets(&b->dirs, empty, 1, names) != 1)
		return false;
	memcpy(b->targets[0].name, names[0], NAME_BYTES);
	return true;
}

static bool all_ready(struct bench *b)
{
	char names[ENGINE_TARGETS + 1][NAME_BYTES];

	for (size_t i = 0; i < b->count; i++)
		memcpy(names[i], b->targets[i].name, NAME_BYTES);
	return engine_ready(b->kind, &b->dirs, names, b->count);
}

static int run_bench(struct bench *b, const char *const *asked, size_t asked_count)
{
	int status;

	if (!find_targets(b, asked, asked_count) || !all_ready(b) || !signals_catch())
		return EXIT_USAGE;
	status = measure_all(b);
	if (status == EXIT_OK)
		print_table(b);
	if (status == EXIT_OK && has_campaigns(b))
		print_campaigns(b);
	return status;
}

struct arguments {
	struct engine_arguments common;
	unsigned int seconds;
	unsigned int rounds;
	unsigned int runs;
};

static int run(void *opaque, char **operand, int operands)
{
	const struct arguments *a = opaque;
	struct bench *b = calloc(1, sizeof(*b));
	int status;

	(void)operand, (void)operands;
	if (!b) {
		complain("not enough memory");
		return EXIT_USAGE;
	}
	b->kind = engine_kind(a->common.engine);
	b->dirs = a->common.dirs;
	b->seconds = a->seconds;
	b->rounds = a->rounds;
	b->runs = a->runs;
	status = run_bench(b, a->common.targets.text, a->common.targets.count);
	engine_free(&b->engine);
	free(b);
	return status;
}

static const struct command_option options[] = {
	ENGINE_OPTIONS(struct arguments, "for what is thrown away, and findings"),
	{ "time", "SECONDS", "that each target runs in each round", "4",
	  SETS_NUMBER(struct arguments, seconds, 1, 1000000) },
	{ "rounds", "NUMBER", "of rounds, each with every target once", "3",
	  SETS_NUMBER(struct arguments, rounds, 1, ROUNDS_MAX) },
	{ "runs", "NUMBER", "of inputs by edges alone, and by counters, as campaigns run; 0: none",
	  "100000", SETS_NUMBER(struct arguments, runs, 0, 1000000000) },
	{ 0 },
};

const struct command command_bench = {
	.name = "bench",
	.help = "Measures how many inputs a second each target runs",
	.options = options,
	.arguments_size = sizeof(struct arguments),
	.run = run,
};
