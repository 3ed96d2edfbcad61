/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a process leaves: its numbers, its findings, how it ended.
 */
#include "cmd_fuzz_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/complain.h"
#include "script/files.h"
#include "engine/signals.h"

#define ALIKE_MAX    3	/* told of findings that are alike */
#define FINDINGS_MAX 20 /* of fuzzing; those among what it starts from are as many as they are */

static void add_up(struct target *t)
{
	const struct engine *e = &t->engine;

	t->units += e->units;
	t->ran_ms += e->ended_ms - e->started_ms;
	t->coverage = cmd_fuzz_coverage(t);
	t->corpus = cmd_fuzz_corpus(t);
	if (e->rss_mb > t->rss_mb)
		t->rss_mb = e->rss_mb;
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

/* A terminal sends Ctrl-C to the targets as well: they may be first to act on it */
static bool was_asked_to_stop(const struct run *run, const struct target *t)
{
	bool stopping = run->stopping || signals_stop_requests() > 0;

	return stopping && (t->stop_sent_ms || engine_end(&t->engine) == ENGINE_INTERRUPTED);
}

void cmd_fuzz_take_end(struct run *run, struct target *t)
{
	enum engine_end end = engine_end(&t->engine);

	add_up(t);
	t->state = t->enough ? STOPPED : cmd_fuzz_has_more(run, t) ? WAITING : DONE;
	if (was_asked_to_stop(run, t))
		return;
	if ((end == ENGINE_DONE || end == ENGINE_FINDING) && (t->units || t->findings))
		return;
	cmd_fuzz_erase_status(run);
	if (end == ENGINE_DONE)
		take_idleness(run, t);
	else
		take_failure(run, t);
	cmd_fuzz_show_again(run);
}

void cmd_fuzz_take_findings(struct run *run, struct target *t)
{
	while (!t->enough && engine_next_finding(&t->engine)) {
		cmd_fuzz_erase_status(run);
		take_finding(run, t);
		cmd_fuzz_show_again(run);
	}
}
