/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "anvil bench": how many inputs a second each target runs, beside the target that does nothing.
 *
 * One process at a time; every round runs every target once, so that a machine that slows down
 * slows all of them. A speed is the inputs after the seeds over the wall time from the end of the
 * seeds to the end of the run: start-up and reading the seeds do not count. The corpus stays what
 * it is, short scripts: what is measured is a target, not what a campaign has collected by then.
 */
#include "commands.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define DEFAULT_SECONDS 4
#define DEFAULT_ROUNDS	3
#define ROUNDS_MAX	100
#define GRACE_MS	15000 /* longer than the slowest input may take */
#define TICK_MS		200

struct target {
	char name[NAME_BYTES];
	uint64_t rates[ROUNDS_MAX];
};

struct bench {
	const struct engine_kind *kind;
	struct engine_dirs dirs;
	unsigned int seconds;
	unsigned int rounds;
	struct target targets[ENGINE_TARGETS + 1]; /* the first is the empty one */
	size_t count;
	struct engine engine;
};

/* libFuzzer stops in the second after max_total_time */
static bool run_process(struct bench *b, const char *target)
{
	struct engine *e = &b->engine;
	struct engine_job job = {
		.dirs = &b->dirs,
		.target = target,
		.corpus = "bench",
		.seconds = b->seconds > 2 ? b->seconds - 1 : 1,
		.instances = 1,
		.edges_alone = true,
	};
	uint64_t patience = (uint64_t)b->seconds * 1000 + GRACE_MS;

	if (!engine_start(e, b->kind, &job))
		return false;
	while (!engine_poll(e)) {
		uint64_t ran = engine_now() - e->started_ms;

		if (ran > 2 * patience || engine_stop_requests() > 1)
			engine_signal(e, SIGKILL);
		else if (ran > patience || engine_stop_requests() > 0)
			engine_signal(e, SIGINT);
		engine_wait(&e, 1, TICK_MS);
	}
	return true;
}

static int judge(struct bench *b, const char *target, uint64_t *rate)
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
	if (engine_stop_requests() > 0)
		return EXIT_INTERRUPTED;
	if (end != ENGINE_DONE || !e->inited_ms) {
		engine_complain_end(e, target, NULL);
		return EXIT_USAGE;
	}
	*rate = e->rate;
	return EXIT_OK;
}

static int measure(struct bench *b, const char *target, uint64_t *rate)
{
	int status = EXIT_USAGE;

	engine_remove_dir(&b->dirs, "bench", target);
	if (!engine_has_room(&b->dirs, true) || !engine_make_dir(&b->dirs, "bench", target) ||
	    !engine_make_dir(&b->dirs, "findings", target))
		return EXIT_USAGE;
	if (run_process(b, target))
		status = judge(b, target, rate);
	engine_remove_dir(&b->dirs, "bench", target);
	return status;
}

static int measure_all(struct bench *b)
{
	for (unsigned int round = 0; round < b->rounds; round++) {
		for (size_t i = 0; i < b->count; i++) {
			struct target *t = &b->targets[i];
			int status = measure(b, t->name, &t->rates[round]);

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

/* Of sorted rates */
static uint64_t median(const struct bench *b, const struct target *t)
{
	return (t->rates[(b->rounds - 1) / 2] + t->rates[b->rounds / 2]) / 2;
}

static void print_row(const struct bench *b, const struct target *t)
{
	uint64_t empty = median(b, &b->targets[0]);
	uint64_t middle = median(b, t);
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
		qsort(b->targets[i].rates, b->rounds, sizeof(uint64_t), compare_rates);
	for (size_t i = 1; i < b->count; i++)
		print_row(b, &b->targets[i]);
	print_row(b, &b->targets[0]);
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

	if (b->rounds > ROUNDS_MAX) {
		engine_complain("--rounds %u: at most %d", b->rounds, ROUNDS_MAX);
		return EXIT_USAGE;
	}
	if (!find_targets(b, asked, asked_count) || !all_ready(b) || !engine_catch_signals())
		return EXIT_USAGE;
	status = measure_all(b);
	if (status == EXIT_OK)
		print_table(b);
	return status;
}

int cmd_bench(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	const char *engine = "libfuzzer";
	const char *asked[ENGINE_TARGETS];
	size_t asked_count = 0;
	int status;

	if (!b) {
		perror("anvil bench");
		return EXIT_USAGE;
	}
	b->dirs = (struct engine_dirs){ "build/fuzz", "corpora", "dictionaries", "build",
					"build/afl" };
	b->seconds = DEFAULT_SECONDS;
	b->rounds = DEFAULT_ROUNDS;
	const struct engine_option options[] = {
		{ "engine", "NAME: libfuzzer or afl (libfuzzer)", NULL, &engine, NULL },
		{ "time", "SECONDS of each target in each round (4)", &b->seconds, NULL, NULL },
		{ "rounds", "NUMBER of rounds (3)", &b->rounds, NULL, NULL },
		{ "target", "NAME of a target; may be repeated (all)", NULL, asked, &asked_count },
		{ "engines", "DIR with the targets (build/fuzz)", NULL, &b->dirs.engines, NULL },
		{ "afl", "DIR with the targets for AFL++ (build/afl)", NULL, &b->dirs.afl, NULL },
		{ "corpora", "DIR with the seeds (corpora)", NULL, &b->dirs.corpora, NULL },
		{ "dictionaries", "DIR (dictionaries)", NULL, &b->dirs.dictionaries, NULL },
		{ "out", "DIR for what is thrown away, and findings (build)", NULL, &b->dirs.out,
		  NULL },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	status = engine_options(argc, argv, options);
	if (status < 0)
		b->kind = engine_kind(engine);
	if (status < 0)
		status = b->kind ? run_bench(b, asked, asked_count) : EXIT_USAGE;
	engine_free(&b->engine);
	free(b);
	return status;
}
