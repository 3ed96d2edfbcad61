/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which sectors of zones were written since these were emptied; and, of zones in front of a slow
 * disk, what the first sectors hold, so that a read has to give what its sectors held at some time
 * while it was under way.
 */
#include <string.h>

#include "oracle_blk_internal.h"

/* ---- spans that were written ---- */

static void add_span(struct oracle *o, uint64_t from, uint64_t to)
{
	if (from >= to)
		return;
	if (o->zone_spans < ORACLE_ZONE_SPANS)
		o->zone_span[o->zone_spans] = (struct model_span){ from, to };
	o->zone_spans++; /* too many: what was written is not known any more */
}

bool oracle_content_known(const struct oracle *o)
{
	return o->zone_spans <= ORACLE_ZONE_SPANS;
}

bool oracle_content_written(const struct oracle *o, uint64_t sector)
{
	for (unsigned int i = 0; i < o->zone_spans; i++) {
		if (sector >= o->zone_span[i].from && sector < o->zone_span[i].to)
			return true;
	}
	return false;
}

void oracle_content_mark(struct oracle *o, uint64_t first, uint64_t end, bool written)
{
	if (!oracle_content_known(o))
		return;
	for (unsigned int i = o->zone_spans; i > 0; i--) {
		struct model_span had = o->zone_span[i - 1];

		if (had.from >= end || had.to <= first)
			continue;
		o->zone_span[i - 1] = o->zone_span[--o->zone_spans];
		add_span(o, had.from, first);
		add_span(o, end, had.to);
	}
	if (written)
		add_span(o, first, end);
}

/* ---- what they hold ---- */

uint64_t oracle_content_sum(const uint8_t *sector)
{
	uint64_t sum = ORACLE_CONTENT_ZEROES;
	uint64_t any = 0;

	for (unsigned int i = 0; i < 512; i += 8) {
		uint64_t eight;

		memcpy(&eight, sector + i, sizeof(eight));
		any |= eight;
		oracle_digest_number(&sum, eight);
	}
	return any ? sum | 2 : ORACLE_CONTENT_ZEROES;
}

void oracle_content_set(struct oracle *o, uint64_t sector, uint64_t value)
{
	struct model_content *c = &o->content;

	if (sector >= SETUP_SECTORS || c->now[sector] == value)
		return;
	if (c->logs < MODEL_CONTENT_LOG)
		c->log[c->logs] = (struct model_held){ (unsigned int)sector, c->now[sector] };
	c->logs += c->logs <= MODEL_CONTENT_LOG;
	c->now[sector] = value;
}

void oracle_content_set_all(struct oracle *o, uint64_t first, uint64_t end, uint64_t value)
{
	for (uint64_t i = first; i < end && i < SETUP_SECTORS; i++)
		oracle_content_set(o, i, value);
}

static bool fits(uint64_t held, uint64_t value)
{
	return held == ORACLE_CONTENT_UNSURE || held == value;
}

bool oracle_content_held(const struct oracle *o, uint64_t sector, uint64_t value,
			 unsigned int since)
{
	const struct model_content *c = &o->content;

	if (sector >= SETUP_SECTORS || c->logs > MODEL_CONTENT_LOG || fits(c->now[sector], value))
		return true;
	for (unsigned int i = since; i < c->logs; i++) {
		if (c->log[i].sector == sector && fits(c->log[i].value, value))
			return true;
	}
	return false;
}
