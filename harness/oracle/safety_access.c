/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's loads and stores: whether it may, and what they mean.
 */
#include "safety_internal.h"

enum access { LOAD, STORE };

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Bytes of [start, start + len) from `gpa` on. */
static uint64_t rest(uint64_t start, uint64_t len, uint64_t gpa)
{
	return gpa - start < len ? len - (gpa - start) : 0;
}

static uint64_t in_rings(const struct safety_queue *q, enum access access, uint64_t gpa)
{
	struct safety_parts parts = safety_parts(q);
	uint64_t most = rest(q->device, parts.device, gpa);

	if (q->packed || access == LOAD)
		most = max(most, rest(q->desc, parts.desc, gpa));
	if (access == LOAD)
		most = max(most, rest(q->driver, parts.driver, gpa));
	return most;
}

static uint64_t in_chain(const struct safety *s, const struct safety_chain *c, enum access access,
			 uint64_t gpa)
{
	for (unsigned int i = 0; i < c->count; i++) {
		const struct safety_segment *g = &s->segment[c->first + i];
		bool may = access == STORE ? g->writable : !g->writable;

		if (may && gpa - g->gpa < g->len)
			return g->len - (gpa - g->gpa);
	}
	return 0;
}

/* How many bytes from `gpa` on the device may touch so. */
static uint64_t permitted(const struct safety *s, enum access access, uint64_t gpa)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];
		uint64_t bytes;

		if (!q->ready)
			continue;
		bytes = in_rings(q, access, gpa);
		for (unsigned int k = 0; k < q->chains && !bytes; k++)
			bytes = in_chain(s, q->held[k], access, gpa);
		if (bytes)
			return bytes;
	}
	return 0;
}

static bool may(const struct safety *s, enum access access, uint64_t gpa, uint64_t len)
{
	for (uint64_t done = 0, part; done < len; done += part) {
		part = permitted(s, access, gpa + done);
		if (!part)
			return false;
	}
	return true;
}

/* ---- counting ---- */

static bool running(const struct safety *s)
{
	uint32_t from = s->p->legacy ? VIRTIO_STATUS_DRIVER
				     : VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_SUSPEND;

	for (unsigned int i = 0; s->status & from && i < s->p->queues; i++) {
		if (s->queue[i].ready)
			return true;
	}
	return false;
}

static void count(struct safety *s, const char *what, uint64_t gpa)
{
	if (++s->accesses > s->access_bound)
		oracle_fail(
			s->oracle, 10,
			"more than %llu guest memory accesses in one call, for what is available",
			(unsigned long long)s->access_bound);
	if (!running(s))
		safety_fail(s, 6, "%s at 0x%llx while no queue runs", what,
			    (unsigned long long)gpa);
}

/* ---- loads ---- */

void safety_load(struct safety *s, uint64_t gpa, size_t len, const void *place)
{
	if (s->off)
		return;
	count(s, "reads guest memory", gpa);
	if (!may(s, LOAD, gpa, len))
		safety_fail(s, 2, "reads %zu bytes at 0x%llx, no ring and not device-readable", len,
			    (unsigned long long)gpa);
	if (place)
		safety_fetch(s, gpa, len, place);
}

/* ---- stores ---- */

static void remember(struct safety_chain *c, uint64_t from, uint64_t to)
{
	unsigned int i = 0;

	while (i < c->intervals) {
		if (from > c->stored[i].to || to < c->stored[i].from) {
			i++;
			continue;
		}
		if (c->stored[i].from < from)
			from = c->stored[i].from;
		if (c->stored[i].to > to)
			to = c->stored[i].to;
		c->stored[i] = c->stored[--c->intervals];
		i = 0;
	}
	if (c->intervals == SAFETY_INTERVALS) {
		c->many = true;
		return;
	}
	c->stored[c->intervals].from = from;
	c->stored[c->intervals++].to = to;
}

/* What of the chain's writable bytes was stored. */
static void note_store(const struct safety *s, struct safety_chain *c, uint64_t gpa, uint64_t len)
{
	uint64_t position = 0;

	for (unsigned int i = 0; i < c->now.count; i++) {
		const struct safety_segment *g = &s->segment[c->now.first + i];

		if (!g->writable)
			continue;
		if (safety_meets(gpa, len, g->gpa, g->len)) {
			uint64_t from = gpa > g->gpa ? gpa - g->gpa : 0;
			uint64_t to = gpa + len - g->gpa;

			remember(c, position + from, position + (to < g->len ? to : g->len));
		}
		position += g->len;
	}
}

static bool meets_chain(const struct safety *s, const struct safety_chain *c, bool writable,
			uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < c->now.count; i++) {
		const struct safety_segment *g = &s->segment[c->now.first + i];

		if (!g->table && g->writable == writable && safety_meets(gpa, len, g->gpa, g->len))
			return true;
	}
	return false;
}

/* Data of one chain over data of another: neither's are what they were. */
static void stir(struct safety *s, uint64_t gpa, uint64_t len)
{
	struct safety_chain *first = NULL;

	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];

		for (unsigned int k = 0; q->ready && k < q->chains; k++) {
			struct safety_chain *c = q->held[k];

			if (meets_chain(s, c, false, gpa, len))
				c->stirred = true;
			if (!meets_chain(s, c, true, gpa, len))
				continue;
			if (first)
				c->stirred = first->stirred = true;
			first = c;
		}
	}
}

static void note_stores(struct safety *s, uint64_t gpa, size_t len)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];

		for (unsigned int k = 0; q->ready && k < q->chains; k++)
			note_store(s, q->held[k], gpa, len);
	}
	if (!s->exact)
		stir(s, gpa, len);
}

static bool meets_table(const struct safety *s, const struct safety_chain *c, uint64_t gpa,
			uint64_t len)
{
	for (unsigned int i = 0; i < c->count; i++) {
		const struct safety_segment *g = &s->segment[c->first + i];

		if (g->table && safety_meets(gpa, len, g->gpa, g->len))
			return true;
	}
	return false;
}

/* Whether a store into a buffer changes what the driver says, since the two overlap. */
static bool changes_rings(struct safety *s, uint64_t gpa, uint64_t len)
{
	bool changes = false;

	for (unsigned int i = 0; i < s->p->queues; i++) {
		struct safety_queue *q = &s->queue[i];
		struct safety_parts parts = safety_parts(q);
		bool met = safety_meets(gpa, len, q->driver, parts.driver) ||
			   (!q->packed && safety_meets(gpa, len, q->desc, parts.desc));

		for (unsigned int k = 0; q->ready && !met && k < q->chains; k++)
			met = meets_table(s, q->held[k], gpa, len);
		q->broken |= q->ready && met;
		changes |= q->ready && met;
	}
	return changes;
}

/* Whether a buffer is there, too. */
static bool is_buffer(const struct safety *s, uint64_t gpa)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];

		for (unsigned int k = 0; q->ready && k < q->chains; k++) {
			if (in_chain(s, q->held[k], STORE, gpa))
				return true;
		}
	}
	return false;
}

static void stored_in_rings(struct safety *s, uint64_t gpa, size_t len)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		struct safety_queue *q = &s->queue[i];
		struct safety_parts parts = safety_parts(q);

		if (!q->ready)
			continue;
		if (safety_meets(gpa, len, q->packed ? q->desc : q->device,
				 q->packed ? parts.desc : parts.device) &&
		    is_buffer(s, gpa))
			q->broken = q->confused = true;
		if (q->packed && safety_meets(gpa, len, q->desc, parts.desc))
			safety_packed_stored(s, i, gpa, len);
		else if (!q->packed && safety_meets(gpa, len, q->device, parts.device))
			safety_split_stored(s, i, gpa, len);
	}
}

void safety_stored(struct safety *s, uint64_t gpa, size_t len)
{
	if (s->off || !len)
		return;
	count(s, "stores", gpa);
	if (!may(s, STORE, gpa, len))
		safety_fail(s, 1,
			    "stores %zu bytes at 0x%llx, neither its part of a ring nor "
			    "device-writable",
			    len, (unsigned long long)gpa);
	note_stores(s, gpa, len);
	stored_in_rings(s, gpa, len);
	if (changes_rings(s, gpa, len))
		safety_look(s);
}

/* The guest itself. */
void safety_guest_stirs(struct safety *s, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];

		for (unsigned int k = 0; q->ready && k < q->chains; k++)
			q->held[k]->stirred |= meets_chain(s, q->held[k], false, gpa, len) ||
					       meets_chain(s, q->held[k], true, gpa, len);
	}
}
