/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Raw accesses: registers, memory, and races for it.
 */
#include <endian.h>
#include <string.h>

#include "guest_internal.h"

#include "array_size.h"

static unsigned int width_of(uint8_t class)
{
	static const uint8_t width[] = { 4, 1, 2, 8 };

	return width[class % 4];
}

void guest_write(struct guest_driver *g, const struct script_op *r)
{
	g->bus->ops->write(g->bus, r->write.offset, width_of(r->write.width), r->write.value);
}

void guest_read(struct guest_driver *g, const struct script_op *r)
{
	g->bus->ops->read(g->bus, r->read.offset, width_of(r->read.width));
}

static uint64_t base_address(const struct guest_driver *g, unsigned int base, uint8_t queue)
{
	unsigned int q = guest_pick_queue(g, queue);

	switch ((enum base)base) {
	case BASE_DESC:
		return g->queue[q].desc;
	case BASE_AVAIL:
		return g->queue[q].avail;
	case BASE_USED:
		return g->queue[q].used;
	case BASE_INDIRECT:
		return GUEST_INDIRECT;
	case BASE_DATA:
		return GUEST_DATA;
	case BASE_HIGH:
		return MAP_HIGH;
	case BASE_SEAM:
		return MAP_LOW_SEAM - 16;
	default:
		return 0;
	}
}

static unsigned int poke_len(uint8_t class)
{
	return class == 0 ? 8 : class % 9u;
}

void guest_poke(struct guest_driver *g, const struct script_op *r)
{
	uint64_t raw = htole64(r->poke.bytes);

	g->bus->ops->store(g->bus, base_address(g, r->poke.base, r->poke.queue) + r->poke.at, &raw,
			   poke_len(r->poke.len));
}

#define FILL_MAX 4096u

void guest_fill(struct guest_driver *g, const struct script_op *r)
{
	uint8_t bytes[FILL_MAX];
	size_t len = r->fill.len % (FILL_MAX + 1);

	memset(bytes, r->fill.byte, len);
	g->bus->ops->store(g->bus, base_address(g, r->fill.base, r->fill.queue) + r->fill.at, bytes,
			   len);
}

/* The first byte of the field that a race is about, whose size is `unit`: an avail index, an entry
 * or flags, a descriptor, data. */
static uint64_t watched(const struct guest_driver *g, const struct script_op *r, uint32_t unit)
{
	unsigned int base = r->race.base % 8;
	uint64_t start = base_address(g, base, r->race.queue);
	bool first = r->race.at == 0;

	if (base == BASE_RAW)
		return r->race.at;
	if (base == BASE_AVAIL && g->packed) /* the event's flags, and its place */
		return start + (first ? PVIRTQ_EVENT_FLAGS : PVIRTQ_EVENT_DESC);
	start += (r->race.at & 0xfff) * unit;
	if (base == BASE_AVAIL)
		start += first ? VIRTQ_AVAIL_IDX : VIRTQ_AVAIL_RING - unit;
	return start;
}

void guest_race(struct guest_driver *g, const struct script_op *r)
{
	static const uint32_t unit[] = { 16, 2, 8, 16, 1, 1, 1, 1 };
	static const int by[] = {
		[RACE_ONCE] = 0, [RACE_GROWS] = 1, [RACE_MORE] = 1, [RACE_LESS] = -1
	};
	unsigned int again = r->race.again % ARRAY_SIZE(by);
	uint64_t raw = htole64(r->race.bytes);
	struct race race = {
		.countdown = 1u + r->race.nth,
		.watch_bytes = unit[r->race.base % 8],
		.len = poke_len(r->race.len),
		.by = by[again],
		.grows = again == RACE_GROWS,
	};

	race.watch = watched(g, r, race.watch_bytes);
	race.gpa = race.watch + r->race.field;
	memcpy(race.bytes, &raw, sizeof(race.bytes));
	machine_add_race(g->bus->machine, &race);
}
