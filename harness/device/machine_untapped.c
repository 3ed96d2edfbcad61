/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that does not tell its accesses: what it has stored shows in what has changed. A copy of
 * the script's regions has what the guest wrote and what is known of the device. After each call
 * the places where the device may store are compared with it, and at the end of a script all of
 * them. There MemorySanitizer knows what the device has stored without anybody having written it.
 */
#include "machine_internal.h"

#include <stdlib.h>
#include <string.h>

#define CHANGES 4096u

/* Ranges that have changed, in the device's addresses. */
struct changes {
	struct machine *m;
	unsigned int count;
	struct {
		uint64_t gpa;
		size_t len;
	} change[CHANGES];
};

void machine_untapped_create(struct machine *m)
{
	m->copy = calloc(MAP_REGIONS, MAP_REGION_BYTES);
	if (!m->copy)
		abort();
}

static void add(struct changes *c, uint64_t gpa, size_t len)
{
	if (c->count == CHANGES)
		return;
	c->change[c->count].gpa = gpa;
	c->change[c->count++].len = len;
}

/* Runs of bytes that differ in a part of one region. */
static void compare_part(struct changes *c, unsigned int region, size_t from, size_t len)
{
	const uint8_t *now = c->m->ram[region] + from;
	const uint8_t *before = c->m->copy + region * MAP_REGION_BYTES + from;
	size_t i = 0;

	machine_gives_out(c->m, now, len, "guest RAM at", c->m->window[region] + from);
	if (!memcmp(now, before, len))
		return;
	while (i < len) {
		size_t start = i;

		for (; i < len && now[i] != before[i]; i++)
			;
		if (i > start)
			add(c, c->m->window[region] + from + start, i - start);
		else
			i++;
	}
}

static void compare(void *opaque, uint64_t gpa, uint64_t len)
{
	struct changes *c = opaque;

	for (unsigned int i = 0; i < MAP_REGIONS; i++) {
		uint64_t from = gpa > c->m->window[i] ? gpa : c->m->window[i];
		uint64_t end = c->m->window[i] + MAP_REGION_BYTES;
		uint64_t to = gpa + len < end ? gpa + len : end;

		if (from < to)
			compare_part(c, i, (size_t)(from - c->m->window[i]), (size_t)(to - from));
	}
}

/* The device has stored these. Returns whether there are any. */
static bool tell(struct changes *c)
{
	bool any = c->count;

	for (unsigned int i = 0; i < c->count; i++) {
		uint64_t gpa = c->change[i].gpa;
		uint64_t script = 0;

		if (machine_script_gpa(c->m, gpa, &script))
			machine_known(c->m, script, c->change[i].len);
		c->m->host.stored(c->m->dut, gpa, NULL, c->change[i].len);
	}
	c->count = 0;
	return any;
}

/* All changes anywhere. Where nobody knows what the device may do, they only become known. */
static void compare_all(struct machine *m)
{
	static _Thread_local struct changes c;

	c.m = m;
	c.count = 0;
	for (unsigned int i = 0; i < MAP_REGIONS; i++)
		compare_part(&c, i, 0, MAP_REGION_BYTES);
	(void)tell(&c);
}

void machine_untapped_settle(struct machine *m)
{
	static _Thread_local struct changes c;

	if (m->safety.off) {
		compare_all(m);
		return;
	}
	c.m = m;
	c.count = 0;
	/* what was stored over a ring leads to other buffers */
	do {
		safety_each_buffer(&m->safety, compare, &c);
	} while (tell(&c) && m->safety.over_rings);
	safety_each_ring(&m->safety, compare, &c);
	(void)tell(&c);
}

void machine_untapped_ends(struct machine *m)
{
	compare_all(m);
	m->unseen = false;
}

void machine_untapped_stops(struct machine *m)
{
	const size_t unit = MACHINE_DIRTY_UNIT;

	for (unsigned int i = 0; i < MAP_REGIONS; i++) {
		const uint8_t *before = m->copy + i * MAP_REGION_BYTES;

		take_as_written(m->ram[i], MAP_REGION_BYTES);
		for (size_t at = 0; at < MAP_REGION_BYTES; at += unit) {
			if (memcmp(m->ram[i] + at, before + at, unit))
				machine_device_stored(m, m->window[i] + at, unit);
		}
	}
	m->unseen = false;
}
