/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who runs when.
 *
 * With J jobs and K targets each gets J/K of the time (all of it when there are jobs enough). The
 * shares are laid end to end and cut into J strips of equal length, one a job: no job idles, a
 * target that lies across a cut runs in two pieces, and no two pieces of one overlap.
 *
 * AFL++ gets all cores for one target after the other: for the schedule it is a single job. Inputs
 * are played before it and merged after it: that is not in the time, and takes none from the target
 * that is next.
 *
 * libFuzzer spends a piece in turns. In one, an edge of the code is all that is new: scripts stay
 * short, twice as many are played, and most findings come sooner. In the next one it is new, too,
 * that an edge is taken more often, without which a few are not found at all. Both go on with the
 * same corpus.
 */
#include "cmd_fuzz_internal.h"

#define INSTANCES_MIN 2	   /* of AFL++: one that is fast, one with the sanitizers */
#define TURN_MS_MIN   3000 /* after a shorter one the next may be too late to start */
#define TURN_MS_MAX   300000

static uint64_t length_of(const struct piece *p)
{
	return p->end_ms - p->begin_ms;
}

bool cmd_fuzz_has_more(const struct run *run, const struct target *t)
{
	for (size_t i = 0; i < run->piece_count; i++) {
		if (run->pieces[i].target == t && !run->pieces[i].taken)
			return true;
	}
	return false;
}

uint64_t cmd_fuzz_seconds_left(const struct run *run, const struct target *t, uint64_t now)
{
	uint64_t left = 0;

	if (t->state != WAITING && t->state != RUNNING)
		return 0;
	for (size_t i = 0; i < run->piece_count; i++) {
		const struct piece *p = &run->pieces[i];

		if (p->target == t && !p->taken)
			left += length_of(p);
	}
	if (t->state == RUNNING && t->piece_end_ms > now)
		left += t->piece_end_ms - now;
	return (left + 500) / 1000;
}

static void add_piece(struct run *run, struct target *t, unsigned int job, uint64_t begin,
		      uint64_t end)
{
	run->pieces[run->piece_count++] =
		(struct piece){ .target = t, .job = job, .begin_ms = begin, .end_ms = end };
}

/* A share that lies across a cut loses its shorter piece when that is too short to start for */
static void add_share(struct run *run, struct target *t, uint64_t begin, uint64_t share,
		      uint64_t strip)
{
	unsigned int job = (unsigned int)(begin / strip);
	uint64_t first = strip - begin % strip;
	uint64_t second = share > first ? share - first : 0;

	first = share - second;
	if (first >= PIECE_MS || first > second)
		add_piece(run, t, job, begin % strip, begin % strip + first);
	if (second >= PIECE_MS || second >= first)
		add_piece(run, t, job + 1, 0, second);
}

void cmd_fuzz_make_schedule(struct run *run)
{
	uint64_t total = (uint64_t)run->seconds * 1000;
	uint64_t count = run->count;
	uint64_t share;
	uint64_t strip;

	if (run->kind == &engine_afl) {
		run->instances = run->jobs > INSTANCES_MIN ? run->jobs : INSTANCES_MIN;
		run->jobs = 1;
	}
	if (run->jobs > count)
		run->jobs = (unsigned int)count;
	share = total * run->jobs / count;
	if (share < PIECE_MS)
		share = PIECE_MS;
	strip = (share * count + run->jobs - 1) / run->jobs;
	for (size_t i = 0; i < run->count; i++)
		add_share(run, &run->targets[i], i * share, share, strip);
}

static void begin_turn(struct target *t, uint64_t now)
{
	if (t->turn_end_ms >= now + PIECE_MS)
		return; /* a finding has interrupted it */
	t->turns++;
	t->turn_end_ms = now + t->turn_ms;
	if (t->piece_end_ms < t->turn_end_ms + TURN_MS_MIN)
		t->turn_end_ms = t->piece_end_ms;
}

static uint64_t turn_of(const struct run *run, uint64_t length)
{
	uint64_t half = (length + 1) / 2;

	if (run->kind == &engine_afl || half < TURN_MS_MIN)
		return length;
	return half < TURN_MS_MAX ? half : TURN_MS_MAX;
}

/* libFuzzer stops in the second after max_total_time, and AFL++ has to be merged */
static void start(struct run *run, struct target *t, uint64_t now)
{
	uint64_t left = t->turn_end_ms > now ? t->turn_end_ms - now : 0;
	uint64_t seconds = (left + 500) / 1000;
	struct engine_job job = {
		.dirs = &run->dirs,
		.target = t->name,
		.corpus = CORPUS,
		.set_aside = t->set_aside > 0,
		.edges_alone = t->turns % 2,
		.seconds = seconds > 2 ? (unsigned int)seconds - 1 : 1,
		.instances = run->instances,
	};

	t->starts++;
	t->stop_sent_ms = 0;
	t->state = engine_start(&t->engine, run->kind, &job) ? RUNNING : FAILED;
	if (t->state == FAILED)
		run->failed = true;
}

static bool is_held(const struct run *run, const struct target *t)
{
	for (unsigned int j = 0; j < run->jobs; j++) {
		if (run->busy[j] == t)
			return true;
	}
	return false;
}

/* The job's next piece, if its target may start: a late first piece delays the second */
static struct piece *next_piece(struct run *run, unsigned int job, uint64_t now)
{
	for (size_t i = 0; i < run->piece_count; i++) {
		struct piece *p = &run->pieces[i];

		if (p->job != job || p->taken)
			continue;
		if (is_held(run, p->target))
			return NULL;
		if (p->target->state != STOPPED && p->target->state != FAILED &&
		    (p->target->starts == 0 || run->start_ms + p->end_ms >= now + PIECE_MS))
			return p;
		p->taken = true;
		if (p->target->state == WAITING && !cmd_fuzz_has_more(run, p->target))
			p->target->state = DONE;
	}
	return NULL;
}

/* After a finding, or a turn, the same target goes on with what is left of its piece */
static bool goes_on(const struct target *t, uint64_t now)
{
	return (t->state == DONE || t->state == WAITING) && t->piece_end_ms >= now + PIECE_MS;
}

static void fill_job(struct run *run, unsigned int job)
{
	struct target *t = run->busy[job];
	uint64_t now = engine_now();
	struct piece *p;

	if (t && t->state != RUNNING && goes_on(t, now)) {
		begin_turn(t, now);
		start(run, t, now);
	}
	if (t && t->state == RUNNING)
		return;
	run->busy[job] = NULL;
	p = next_piece(run, job, now);
	if (!p)
		return;
	p->taken = true;
	p->target->piece_end_ms =
		run->kind == &engine_afl ? now + length_of(p) : run->start_ms + p->end_ms;
	p->target->turn_ms = turn_of(run, length_of(p));
	p->target->turn_end_ms = 0;
	begin_turn(p->target, now);
	start(run, p->target, now);
	run->busy[job] = p->target;
}

/* Frees the jobs of targets that are over before any job takes one of them up again */
void cmd_fuzz_fill_jobs(struct run *run)
{
	uint64_t now = engine_now();

	for (unsigned int j = 0; j < run->jobs; j++) {
		const struct target *t = run->busy[j];

		if (t && t->state != RUNNING && !goes_on(t, now))
			run->busy[j] = NULL;
	}
	for (unsigned int j = 0; j < run->jobs; j++)
		fill_job(run, j);
}

bool cmd_fuzz_all_over(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		if (run->targets[i].state == RUNNING)
			return false;
	}
	if (run->stopping)
		return true;
	for (size_t i = 0; i < run->piece_count; i++) {
		if (!run->pieces[i].taken)
			return false;
	}
	for (unsigned int j = 0; j < run->jobs; j++) {
		if (run->busy[j])
			return false;
	}
	return true;
}
