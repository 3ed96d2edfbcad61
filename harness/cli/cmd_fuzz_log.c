/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A target in numbers, and the record of its course (campaign.h).
 */
#include "cmd_fuzz_internal.h"

#define LOG_MS 10000 /* between two writes of a target's record */

static const char *const state_names[] = {
	[WAITING] = "waiting", [RUNNING] = "running", [DONE] = "done",
	[STOPPED] = "stopped", [FAILED] = "failed",
};

const char *cmd_fuzz_state(const struct target *t)
{
	return state_names[t->state];
}

/* ---- its numbers, those of a running process included ---- */

uint64_t cmd_fuzz_units(const struct target *t)
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

uint64_t cmd_fuzz_rate(const struct target *t)
{
	uint64_t ms = measured_ms(t);

	return ms ? cmd_fuzz_units(t) * 1000 / ms : 0;
}

unsigned int cmd_fuzz_coverage(const struct target *t)
{
	return t->coverage > t->engine.coverage ? t->coverage : t->engine.coverage;
}

unsigned int cmd_fuzz_corpus(const struct target *t)
{
	return t->engine.corpus ? t->engine.corpus : t->corpus;
}

/* ---- its record ---- */

/* Its numbers mean little before the seeds have been run */
void cmd_fuzz_log(struct run *run, struct target *t, bool end)
{
	bool begun = end || t->starts > 1 || t->engine.inited_ms;
	const struct campaign_row row = {
		.ms = begun ? measured_ms(t) : 0,
		.inputs = cmd_fuzz_units(t),
		.coverage = cmd_fuzz_coverage(t),
		.corpus = cmd_fuzz_corpus(t),
		.findings = t->findings,
	};
	uint64_t now = engine_now();

	campaign_note(&t->record, &row, end);
	if (!end && now - t->record.written_ms < LOG_MS)
		return;
	t->record.written_ms = now;
	if (campaign_write(&run->campaign, t->name, cmd_fuzz_state(t), &t->record))
		return;
	run->drawn = 0; /* what was said stays on the screen */
	run->failed = true;
}
