/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Double fetches: in one call, two places of the device's code fetch the same bytes of a
 * descriptor, an available entry or a request's header. What the first one has validated, the guest
 * may have changed before the second.
 *
 * A place that comes again is a loop, or a chain taken anew, and says nothing. Nor does what
 * several chains share, or a ring that the guest broke.
 */
#include "safety_internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define HEADER_BYTES 16u
#define MOST	     32u /* bytes of a fetch; longer ones are of data */

/* Sanitizers have it. */
__attribute__((weak)) void __sanitizer_symbolize_pc(void *pc, const char *format, char *out,
						    size_t room);

#define NAMES	   64u /* known ones: sanitizers take long for each */
#define NAME_BYTES 80u

static void symbolize(char *at, char *name, size_t room)
{
	static struct {
		const char *at;
		char name[NAME_BYTES];
	} known[NAMES];
	size_t slot = (uintptr_t)at % NAMES;

	if (known[slot].at != at)
		__sanitizer_symbolize_pc(at, "%f, line %l", known[slot].name, NAME_BYTES);
	known[slot].at = at;
	snprintf(name, room, "%s", known[slot].name);
}

/* The function and line before `place`, or where that is in its file: the same each time. */
static void name_of(const void *place, char *name, size_t room)
{
	char *at = (char *)(uintptr_t)place - 1; /* in the function that makes the access */
	Dl_info info;

	if (__sanitizer_symbolize_pc)
		symbolize(at, name, room);
	else if (dladdr(at, &info) && info.dli_fbase)
		snprintf(name, room, "0x%zx", (size_t)(at - (char *)info.dli_fbase));
	else
		snprintf(name, room, "somewhere");
}

static bool within(uint64_t start, uint64_t len, uint64_t gpa)
{
	return gpa - start < len;
}

/* How often the chain's walk of a split ring comes by a descriptor. */
static unsigned int visits(const struct safety *s, const struct safety_queue *q,
			   const struct safety_chain *c, unsigned int index)
{
	uint32_t i = c->id % q->entries;
	unsigned int found = 0;

	for (unsigned int n = 0; n < q->entries; n++) {
		struct virtq_desc d;

		found += i == index;
		safety_copy(s, q->desc + 16ull * i, &d, sizeof(d));
		if (!(safety_u16(s, d.flags) & VIRTQ_DESC_F_NEXT))
			break;
		i = safety_u16(s, d.next) % q->entries;
	}
	return found;
}

static bool in_table(const struct safety *s, const struct safety_chain *c, uint64_t gpa)
{
	for (unsigned int i = 0; i < c->now.count; i++) {
		const struct safety_segment *g = &s->segment[c->now.first + i];

		if (g->table && within(g->gpa, g->len, gpa))
			return true;
	}
	return false;
}

/* In how many of its readable buffers that is, those from byte `most` on counted twice. */
static unsigned int in_readable(const struct safety *s, const struct safety_chain *c, uint64_t gpa,
				uint64_t most)
{
	uint64_t position = 0;
	unsigned int found = 0;

	for (unsigned int i = 0; i < c->now.count; i++) {
		const struct safety_segment *g = &s->segment[c->now.first + i];

		if (g->table || g->writable)
			continue;
		if (within(g->gpa, g->len, gpa))
			found += position + (gpa - g->gpa) < most ? 1 : 2;
		position += g->len;
	}
	return found;
}

/* An entry of the available ring. The index beside it, and what the driver says of events, change
 * at any time without anybody racing: a device may look as often as it likes. */
static bool in_available(const struct safety_queue *q, uint64_t gpa)
{
	return !q->packed && within(q->driver + VIRTQ_AVAIL_RING, 2ull * q->entries, gpa);
}

/* How many things the queue and its outstanding chains say by these bytes. What may be fetched as
 * often as the device likes, as data may, counts twice. */
static unsigned int owners(const struct safety *s, const struct safety_queue *q, uint64_t gpa)
{
	bool ring = within(q->desc, 16ull * q->entries, gpa);
	unsigned int found = 0;

	if (within(q->driver, q->parts.driver, gpa))
		found += in_available(q, gpa) ? 1 : 2;
	if (within(q->device, q->parts.device, gpa))
		found += 2;
	if (ring && q->packed)
		found++;
	for (unsigned int k = 0; k < q->chains; k++) {
		const struct safety_chain *c = q->held[k];

		if (ring && !q->packed)
			found += visits(s, q, c, (unsigned int)(gpa - q->desc) / 16);
		found += in_table(s, c, gpa);
		found += in_readable(s, c, gpa, HEADER_BYTES);
	}
	return found;
}

/* The queue whose chain says something by these bytes, and that one alone; else NULL. */
static const struct safety_queue *owner(const struct safety *s, uint64_t gpa)
{
	const struct safety_queue *found = NULL;

	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];
		unsigned int count = q->ready ? owners(s, q, gpa) : 0;

		if (count > 1 || (count && (found || q->broken)))
			return NULL;
		if (count)
			found = q;
	}
	return found;
}

static bool is_header(const struct safety *s, uint64_t gpa)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];

		for (unsigned int k = 0; q->ready && k < q->chains; k++) {
			if (in_readable(s, q->held[k], gpa, HEADER_BYTES) == 1)
				return true;
		}
	}
	return false;
}

/* A device that takes a chain looks at its available entry. */
static bool takes(const struct safety *s, uint64_t gpa)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];

		if (!q->ready)
			continue;
		if (in_available(q, gpa) || (q->packed && within(q->desc, 16ull * q->entries, gpa)))
			return true;
	}
	return false;
}

void safety_fetch(struct safety *s, uint64_t gpa, size_t len, const void *place)
{
	char first[NAME_BYTES];
	char now[NAME_BYTES];

	s->take += takes(s, gpa);
	/* in units of 2 bytes, those that are fetched as a whole */
	for (uint64_t at = (gpa + 1) & ~1ull; at + 2 <= gpa + len && len <= MOST; at += 2) {
		struct safety_fetch *f = &s->fetch[at / 2 % SAFETY_FETCHES];

		if (f->call != s->call || f->gpa != at || f->gone != s->gone) {
			*f = (struct safety_fetch){ s->call, at, place, s->take, s->gone };
			continue;
		}
		if (f->place == place && (f->take != s->take || !is_header(s, at)))
			continue;
		if (!owner(s, at))
			continue;
		name_of(f->place, first, sizeof(first));
		name_of(place, now, sizeof(now));
		safety_fail(s, 10, "fetches what it has validated again: in %s, then in %s", first,
			    now);
	}
}
