/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The record of a campaign, from which the report is made: for each target a table of its numbers
 * over time, in <out>/campaigns/<number>/<engine>-<target>.tsv, the first campaign being 1.
 * ci/dut-campaign keeps records like these of devices of others.
 *
 * The table has at most CAMPAIGN_ROWS rows however long a campaign runs: when it is full, every
 * second row goes, and rows come half as often from then on. A number may be late, as engines say
 * theirs when they like, but is never made up.
 */
#ifndef CAMPAIGN_H
#define CAMPAIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAMPAIGN_ROWS 256u
#define CAMPAIGN_KEPT 20u /* the newest of them */

struct engine_dirs;

struct campaign_row {
	uint64_t ms; /* fuzzing time of this target; 0: nothing was said yet, and there is no row */
	uint64_t inputs;
	unsigned int coverage; /* edges of devices/, as the engine counts them */
	unsigned int corpus;
	unsigned int findings;
};

struct campaign_log {
	struct campaign_row row[CAMPAIGN_ROWS];
	size_t rows;
	uint64_t interval_ms;
	uint64_t written_ms; /* when the file was written last, on the engine's clock */
};

struct campaign {
	const struct engine_dirs *dirs;
	const char *engine;
	unsigned int number;
	char started[32]; /* "2026-01-31T08:30:00Z" */
};

/*
 * Makes the folder of a new campaign, its number one above the highest there, and removes the
 * folders of all but the newest CAMPAIGN_KEPT. False after a complaint.
 */
bool campaign_begin(struct campaign *c, const struct engine_dirs *dirs, const char *engine);

/* Adds the row. One of the same time replaces the last row; one that is earlier, or comes too soon
 * and is not the `end`, is dropped. */
void campaign_note(struct campaign_log *r, const struct campaign_row *row, bool end);

/* Writes the file, whole or not at all; `state` is a word. False after a complaint. */
bool campaign_write(const struct campaign *c, const char *target, const char *state,
		    const struct campaign_log *r);

#endif
