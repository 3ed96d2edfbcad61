/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "anvil fuzz": runs every target for its share of the time, shows how they get on, keeps and
 * prints what they find.
 *
 * With J jobs and K targets each gets J/K of the time (all of it when there are jobs enough). The
 * shares are laid end to end and cut into J strips of equal length, one a job: no job idles, a
 * target that lies across a cut runs in two pieces, and no two pieces of one overlap.
 *
 * AFL++ gets all cores for one target after the other: for the schedule it is a single job. Inputs
 * are played before it and merged after it: that is not in the time, and takes none from the target
 * that is next.
 *
 * Each target's course is recorded for the report: campaign.h.
 */
#include "commands.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "campaign.h"
#include "complain.h"
#include "engine.h"
#include "engine_aside.h"
#include "engine_options.h"
#include "files.h"
#include "sanitizer.h"
#include "signals.h"

#define PIECE_MS      2000  /* libFuzzer counts whole seconds: nothing shorter is worth a start */
#define OVERDUE_MS    15000 /* longer than the slowest input may take */
#define KILL_MS	      5000  /* from the request to stop to the end of patience */
#define TICK_MS	      200
#define REDRAW_MS     500
#define PLAIN_MS      10000
#define RECORD_MS     10000 /* between two writes of a target's record */
#define ROOM_MS	      1000
#define INSTANCES_MIN 2	 /* of AFL++: one that is fast, one with the sanitizers */
#define ALIKE_MAX     3	 /* told of findings that are alike */
#define FINDINGS_MAX  20 /* of fuzzing; those among what it starts from are as many as they are */
#define SUMMARIES_MAX 256
#define CORPUS	      "corpus"

enum state { WAITING, RUNNING, DONE, STOPPED, FAILED };

static const char *const state_names[] = {
	[WAITING] = "waiting", [RUNNING] = "running", [DONE] = "done",
	[STOPPED] = "stopped", [FAILED] = "failed",
};

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
	uint64_t stop_sent_ms; /* 0: not asked to stop */

	/* Of its processes that are over */
	unsigned int starts;
	uint64_t units;
	uint64_t ran_ms;
	unsigned int coverage;
	unsigned int corpus;
	unsigned int rss_mb;

	bool enough; /* findings: it is not to go on */
	unsigned int findings;
	unsigned int fuzzed;	/* of them; the others were among what it starts from */
	unsigned int set_aside; /* inputs of those */
	uint64_t first_ms;	/* fuzzing time up to the first finding */
	struct seen seen[SUMMARIES_MAX];
	size_t seen_count;
	struct campaign_record record;
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

/* ---- the numbers of a target, its running process included ---- */

static uint64_t units_of(const struct target *t)
{
	return t->units + (t->state == RUNNING ? t->engine.units : 0);
}

/* Up to the last word from the process: libFuzzer reports seldom when nothing is new */
static uint64_t measured_ms(const struct target *t)
{
	if (t->state != RUNNING || t->engine.units_ms <= t->engine.started_ms)
		return t->ran_ms;
	return t->ran_ms + t->engine.units_ms - t->engine.started_ms;
}

static uint64_t rate_of(const struct target *t)
{
	uint64_t ms = measured_ms(t);

	return ms ? units_of(t) * 1000 / ms : 0;
}

static unsigned int larger(unsigned int a, unsigned int b)
{
	return a > b ? a : b;
}

static unsigned int coverage_of(const struct target *t)
{
	return larger(t->coverage, t->engine.coverage);
}

static unsigned int corpus_of(const struct target *t)
{
	return t->engine.corpus ? t->engine.corpus : t->corpus;
}

/* ---- its record ---- */

/* Its numbers mean little before the seeds have been run */
static void record(struct run *run, struct target *t, bool end)
{
	bool begun = end || t->starts > 1 || t->engine.inited_ms;
	const struct campaign_row row = {
		.ms = begun ? measured_ms(t) : 0,
		.inputs = units_of(t),
		.coverage = coverage_of(t),
		.corpus = corpus_of(t),
		.findings = t->findings,
	};
	uint64_t now = engine_now();

	campaign_note(&t->record, &row, end);
	if (!end && now - t->record.written_ms < RECORD_MS)
		return;
	t->record.written_ms = now;
	if (campaign_write(&run->campaign, t->name, state_names[t->state], &t->record))
		return;
	run->drawn = 0; /* what was said stays on the screen */
	run->failed = true;
}

/* ---- showing ---- */

static void erase_status(struct run *run)
{
	if (run->drawn)
		printf("\033[%uA\r\033[J", run->drawn);
	run->drawn = 0;
}

static uint64_t length_of(const struct piece *p)
{
	return p->end_ms - p->begin_ms;
}

static uint64_t seconds_left(const struct run *run, const struct target *t, uint64_t now)
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

static void screen_size(int *rows, int *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
		*rows = size.ws_row;
		*columns = size.ws_col;
	}
}

/* Never wider than the screen: a line that wraps could not be redrawn */
static void draw_line(struct run *run, int columns, const char *line)
{
	printf("%.*s\n", columns - 1, line);
	run->drawn++;
}

static void draw_status(struct run *run, uint64_t now)
{
	char line[NAME_BYTES + 160];
	int rows;
	int columns;

	screen_size(&rows, &columns);
	erase_status(run);
	snprintf(line, sizeof(line), "%-20s %-8s %10s %9s %7s %9s %6s", "target", "state",
		 "inputs/s", "coverage", "corpus", "findings", "left");
	draw_line(run, columns, line);
	for (size_t i = 0; i < run->count && run->drawn + 2 < (unsigned int)rows; i++) {
		const struct target *t = &run->targets[i];

		snprintf(line, sizeof(line), "%-20s %-8s %10llu %9u %7u %9u %4llu s", t->name,
			 state_names[t->state], (unsigned long long)rate_of(t), coverage_of(t),
			 corpus_of(t), t->findings, (unsigned long long)seconds_left(run, t, now));
		draw_line(run, columns, line);
	}
	snprintf(line, sizeof(line), "%llu s%s", (unsigned long long)(now - run->start_ms) / 1000,
		 run->stopping ? ", stopping" : "");
	draw_line(run, columns, line);
}

static void print_status(const struct run *run, uint64_t now)
{
	for (size_t i = 0; i < run->count; i++) {
		const struct target *t = &run->targets[i];

		if (t->state != RUNNING)
			continue;
		printf("%5llu s  %-20s %llu inputs/s, coverage %u, corpus %u, findings %u\n",
		       (unsigned long long)(now - run->start_ms) / 1000, t->name,
		       (unsigned long long)rate_of(t), coverage_of(t), corpus_of(t), t->findings);
	}
}

static void show(struct run *run)
{
	uint64_t now = engine_now();

	if (now - run->shown_ms < (run->terminal ? REDRAW_MS : PLAIN_MS))
		return;
	run->shown_ms = now;
	if (run->terminal)
		draw_status(run, now);
	else
		print_status(run, now);
	(void)fflush(stdout);
}

/* How a target's row ends when it did not run all its time */
static const char *remark_of(const struct target *t)
{
	switch (t->state) {
	case WAITING:
		return "  cut";
	case STOPPED:
		return "  stopped";
	case FAILED:
		return "  failed";
	default:
		return "";
	}
}

static void print_table(const struct run *run)
{
	uint64_t units = 0;
	unsigned int findings = 0;

	printf("%-16s %12s %9s %8s %6s %7s %8s %7s\n", "target", "inputs", "inputs/s", "coverage",
	       "corpus", "peak MB", "findings", "first");
	for (size_t i = 0; i < run->count; i++) {
		const struct target *t = &run->targets[i];
		char first[32] = "-";

		if (t->findings)
			snprintf(first, sizeof(first), "%llu.%llu s",
				 (unsigned long long)t->first_ms / 1000,
				 (unsigned long long)t->first_ms % 1000 / 100);
		printf("%-16s %12llu %9llu %8u %6u %7u %8u %7s%s", t->name,
		       (unsigned long long)units_of(t), (unsigned long long)rate_of(t),
		       coverage_of(t), corpus_of(t), t->rss_mb, t->findings, first, remark_of(t));
		if (t->set_aside)
			printf("  %u input%s set aside", t->set_aside, t->set_aside > 1 ? "s" : "");
		putchar('\n');
		units += units_of(t);
		findings += t->findings;
	}
	printf("%llu inputs in %llu s, %u findings\n", (unsigned long long)units,
	       (unsigned long long)(engine_now() - run->start_ms + 500) / 1000, findings);
}

/* ---- what a process leaves ---- */

static void add_up(struct target *t)
{
	const struct engine *e = &t->engine;

	t->units += e->units;
	t->ran_ms += e->ended_ms - e->started_ms;
	t->coverage = coverage_of(t);
	t->corpus = corpus_of(t);
	t->rss_mb = larger(t->rss_mb, e->rss_mb);
}

/* The numbers of what breaks a rule are as many as there are inputs */
static void without_numbers(const char *summary, char *text)
{
	const char *at = strstr(summary, " at operation ");
	size_t len = at && strncmp(summary, "anvil: ", 7) == 0 ? (size_t)(at - summary)
							       : strlen(summary);

	memcpy(text, summary, len);
	for (at = summary + len; *at; at++) {
		if (!isdigit((unsigned char)*at)) {
			text[len++] = *at;
			continue;
		}
		text[len++] = '#';
		while (isxdigit((unsigned char)at[1]) || at[1] == 'x')
			at++;
	}
	text[len] = '\0';
}

/* Of this summary, now included; NULL: there is no room for more of them */
static struct seen *count_alike(struct target *t)
{
	char summary[SUMMARY_BYTES];
	struct seen *s;

	without_numbers(t->engine.summary, summary);
	for (size_t i = 0; i < t->seen_count; i++) {
		s = &t->seen[i];
		if (strcmp(s->summary, summary) == 0) {
			s->count++;
			return s;
		}
	}
	if (t->seen_count == SUMMARIES_MAX)
		return NULL;
	s = &t->seen[t->seen_count++];
	memcpy(s->summary, summary, sizeof(s->summary));
	s->count = 1;
	s->first = t->findings + 1;
	return s;
}

/* Of all its processes so far */
static uint64_t time_of(const struct target *t)
{
	uint64_t now = t->engine.ended_ms ? t->engine.ended_ms : engine_now();

	return t->ran_ms + now - t->engine.started_ms;
}

static void tell_finding(struct run *run, struct target *t)
{
	uint64_t ms = time_of(t);

	if (t->findings++ == 0)
		t->first_ms = ms;
	printf("%s: finding %u after %llu.%llu s: %s\n", t->name, t->findings,
	       (unsigned long long)ms / 1000, (unsigned long long)ms % 1000 / 100,
	       t->engine.summary[0] ? t->engine.summary : "(no summary)");
	if (engine_save_report(&t->engine))
		printf("  report: %s.txt\n", t->engine.artefact);
	else
		run->failed = true;
	engine_print_replay(&t->engine);
}

/* One that was told has its report beside it, and stays */
static void forget_finding(const struct target *t)
{
	char path[sizeof(t->engine.artefact) + 16];

	snprintf(path, sizeof(path), "%s.txt", t->engine.artefact);
	if (access(path, F_OK) != 0)
		(void)unlink(t->engine.artefact);
}

static void name_aside(const char *path)
{
	fputs("  set aside: ", stdout);
	files_put_word(path, stdout);
	putchar('\n');
}

/* Each start would end there. An input that is no file is the one that an engine tries of itself.
 */
static void set_aside(struct run *run, struct target *t)
{
	int count = engine_set_aside(&t->engine, name_aside);

	if (count < 0) {
		run->failed = true;
		t->enough = true;
	} else if (count == 0) {
		t->enough = true;
		printf("%s: the input without an operation ends it: nothing can be fuzzed before "
		       "that is mended\n",
		       t->name);
	} else {
		t->set_aside += (unsigned int)count;
	}
}

/* Those that are alike do not keep others from being found behind them */
static void take_finding(struct run *run, struct target *t)
{
	const struct seen *seen = count_alike(t);
	bool at_start = t->engine.at_start;
	bool told = seen && seen->count <= ALIKE_MAX;

	if (told)
		tell_finding(run, t);
	else if (at_start && seen)
		printf("%s: finding %u again\n", t->name, seen->first);
	else if (at_start)
		printf("%s: one more finding\n", t->name);
	if (at_start)
		set_aside(run, t);
	if (!told)
		forget_finding(t);
	else if (seen->count == ALIKE_MAX)
		printf("%s: more that are alike are not told\n", t->name);
	if (!told || at_start || ++t->fuzzed < FINDINGS_MAX)
		return;
	t->enough = true;
	printf("%s: stopped after %u findings\n", t->name, t->findings);
}

static void take_failure(struct run *run, struct target *t)
{
	engine_complain_end(&t->engine, t->name,
			    t->stop_sent_ms ? "did not end in its time and was stopped" : NULL);
	t->state = FAILED;
	run->failed = true;
}

/* Nothing was tried: that is no clean target */
static void take_idleness(struct run *run, struct target *t)
{
	complain("%s: ran no input in its time; give it more --time", t->name);
	t->state = FAILED;
	run->failed = true;
}

static bool has_more(const struct run *run, const struct target *t)
{
	for (size_t i = 0; i < run->piece_count; i++) {
		if (run->pieces[i].target == t && !run->pieces[i].taken)
			return true;
	}
	return false;
}

/* A terminal sends Ctrl-C to the targets as well: they may be first to act on it */
static bool was_asked_to_stop(const struct run *run, const struct target *t)
{
	bool stopping = run->stopping || signals_stop_requests() > 0;

	return stopping && (t->stop_sent_ms || engine_end(&t->engine) == ENGINE_INTERRUPTED);
}

static void show_again(struct run *run)
{
	(void)fflush(stdout);
	if (run->terminal)
		run->shown_ms = 0;
}

static void take_end(struct run *run, struct target *t)
{
	enum engine_end end = engine_end(&t->engine);

	add_up(t);
	t->state = t->enough ? STOPPED : has_more(run, t) ? WAITING : DONE;
	if (was_asked_to_stop(run, t))
		return;
	if ((end == ENGINE_DONE || end == ENGINE_FINDING) && (t->units || t->findings))
		return;
	erase_status(run);
	if (end == ENGINE_DONE)
		take_idleness(run, t);
	else
		take_failure(run, t);
	show_again(run);
}

/* What an engine tells when nobody listens any more is not looked at */
static void take_findings(struct run *run, struct target *t)
{
	while (!t->enough && engine_next_finding(&t->engine)) {
		erase_status(run);
		take_finding(run, t);
		show_again(run);
	}
}

/* ---- who runs when ---- */

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

static void make_schedule(struct run *run)
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

/* libFuzzer stops in the second after max_total_time, and AFL++ has to be merged */
static void start(struct run *run, struct target *t, uint64_t now)
{
	uint64_t left = t->piece_end_ms > now ? t->piece_end_ms - now : 0;
	uint64_t seconds = (left + 500) / 1000;
	struct engine_job job = {
		.dirs = &run->dirs,
		.target = t->name,
		.corpus = CORPUS,
		.set_aside = t->set_aside > 0,
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
		if (p->target->state == WAITING && !has_more(run, p->target))
			p->target->state = DONE;
	}
	return NULL;
}

/* After a finding the same target goes on with what is left of its piece */
static bool goes_on(const struct target *t, uint64_t now)
{
	return (t->state == DONE || t->state == WAITING) && t->piece_end_ms >= now + PIECE_MS;
}

static void fill_job(struct run *run, unsigned int job)
{
	struct target *t = run->busy[job];
	uint64_t now = engine_now();
	struct piece *p;

	if (t && t->state != RUNNING && goes_on(t, now))
		start(run, t, now);
	if (t && t->state == RUNNING)
		return;
	run->busy[job] = NULL;
	p = next_piece(run, job, now);
	if (!p)
		return;
	p->taken = true;
	p->target->piece_end_ms =
		run->kind == &engine_afl ? now + length_of(p) : run->start_ms + p->end_ms;
	start(run, p->target, now);
	run->busy[job] = p->target;
}

/* Frees the jobs of targets that are over before any job takes one of them up again */
static void fill_jobs(struct run *run)
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

static bool all_over(const struct run *run)
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
	erase_status(run);
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
		take_findings(run, &run->targets[i]);
		if (over)
			take_end(run, &run->targets[i]);
		record(run, &run->targets[i], over);
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
			fill_jobs(run);
		if (all_over(run))
			break;
		wait_and_collect(run);
		check_room(run, engine_now());
		stop_late(run, engine_now());
		show(run);
	}
	for (size_t i = 0; i < run->count; i++)
		record(run, &run->targets[i], true);
	erase_status(run);
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
	make_schedule(&run);
	run_all(&run);
	print_table(&run);
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
