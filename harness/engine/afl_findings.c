/* SPDX-License-Identifier: BSD-3-Clause */
#include "afl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "base/complain.h"
#include "script/files.h"
#include "run/runner.h"

static const char *const folder[AFL_FINDING_KINDS] = { "crashes", "hangs" };
static const char *const prefix[AFL_FINDING_KINDS] = { "crash", "timeout" };

static uint64_t hash_of(const struct script *script)
{
	uint8_t bytes[SCRIPT_BYTES_MAX];
	size_t len = script_encode(script, bytes, sizeof(bytes));
	uint64_t hash = 0xcbf29ce484222325ull; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ull;
	return hash;
}

static bool was_told(struct afl *a, uint64_t hash)
{
	for (size_t i = 0; i < a->told_count; i++) {
		if (a->told[i] == hash)
			return true;
	}
	if (a->told_count < AFL_TOLD_MAX)
		a->told[a->told_count++] = hash;
	return false;
}

/* As libFuzzer's target says it itself */
static void summarise(struct engine *e, const struct outcome *o)
{
	const char *line = o->report ? strstr(o->report, "SUMMARY: ") : NULL;
	char text[3 * SUMMARY_BYTES];

	if (line)
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
	else if (o->finding)
		snprintf(text, sizeof(text), "anvil: %s at operation %d: %s", o->verdict, o->op,
			 o->reason);
	else
		snprintf(text, sizeof(text), "anvil: a crash that did not happen again");
	engine_summarise(e, text);
}

static void write_replay(struct engine *e, const struct script *script, const struct outcome *o)
{
	size_t len;
	FILE *out;

	free(e->replay);
	e->replay = NULL;
	out = open_memstream(&e->replay, &len);
	if (!out)
		return;
	runner_tell(o, e->artefact, script, out);
	(void)fclose(out);
}

/* afl-fuzz names the signal: "id:000000,sig:09,src:000001" */
static bool was_ended_by_others(const char *path)
{
	static const int others[] = { SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM, SIGXCPU, SIGXFSZ };
	const char *at = strstr(path, ",sig:");
	int number = at ? atoi(at + strlen(",sig:")) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (number == others[i])
			return true;
	}
	return false;
}

static void tell(struct engine *e, const struct script *script, size_t kind,
		 const struct outcome *o)
{
	struct afl *a = e->afl;

	snprintf(e->artefact, sizeof(e->artefact), "%s/findings/%s/%s-%016llx", a->dirs.out,
		 a->target, prefix[kind], (unsigned long long)hash_of(script));
	a->failed |= !files_write_script(e->artefact, script);
	summarise(e, o);
	write_replay(e, script, o);
}

/*
 * What does not happen again was the machine's where it is a time-out, or a death by a signal that
 * comes from outside.
 */
static bool take_finding(struct engine *e, const char *path, size_t kind)
{
	const struct runner_stage model = { .on = RUN_ON_MODEL };
	struct afl *a = e->afl;
	struct script script;
	struct outcome o;

	if (!files_read_script(path, &script) || was_told(a, hash_of(&script)))
		return false;
	if (runner_play_one(&model, &script, &o)) {
		complain("%s: %s: cannot play it: %s", a->target, path, runner_problem());
		a->failed = true;
		return false;
	}
	if (!o.finding && (kind == AFL_HANG || was_ended_by_others(path)))
		return false;
	tell(e, &script, kind, &o);
	e->at_start = false;
	free(o.report);
	return true;
}

/* It was played already; each that was there before is told, to be named */
static bool take_suspect(struct engine *e, size_t number)
{
	struct afl *a = e->afl;
	const struct afl_suspect *s = &a->suspects[number];
	struct script script;

	e->at_start = number < a->given;
	if (!files_read_script(s->path, &script))
		return false;
	if (was_told(a, hash_of(&script)) && !e->at_start)
		return false;
	tell(e, &script, strcmp(s->outcome.verdict, "hang") == 0 ? AFL_HANG : AFL_CRASH,
	     &s->outcome);
	return true;
}

static bool take_from(struct engine *e, struct afl_instance *in, size_t kind)
{
	size_t count;
	char **path = afl_list(e->afl, in, folder[kind], false, &count);
	bool found = false;

	while (path && !found && in->seen[kind] < count &&
	       (kind != AFL_HANG || e->afl->hangs < AFL_HANGS_MAX))
		found = take_finding(e, path[in->seen[kind]++], kind);
	if (found && kind == AFL_HANG)
		e->afl->hangs++;
	files_free(path, count);
	return found;
}

bool afl_next_finding(struct engine *e)
{
	struct afl *a = e->afl;

	while (a->suspect < a->suspect_count) {
		if (take_suspect(e, a->suspect++))
			return true;
	}
	for (size_t i = 0; i < a->count; i++) {
		for (size_t kind = 0; kind < AFL_FINDING_KINDS; kind++) {
			if (take_from(e, &a->instance[i], kind))
				return true;
		}
	}
	return false;
}

/* They were left out when it started */
int afl_set_aside(const struct engine *e, void (*tell_path)(const char *path))
{
	const char *path = e->afl->suspects[e->afl->suspect - 1].path;

	if (afl_is_first(e->afl, path))
		return 0;
	tell_path(path);
	return 1;
}
