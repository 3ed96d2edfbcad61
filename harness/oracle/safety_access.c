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
	uint64_t most = rest(q->device, q->parts.device, gpa);

	if (q->packed || access == LOAD)
		most = max(most, rest(q->desc, q->parts.desc, gpa));
	if (access == LOAD)
		most = max(most, rest(q->driver, q->parts.driver, gpa));
	return most;
}

/* Most accesses are nowhere near most chains. */
static bool near(const struct safety_chain *c, uint64_t gpa, uint64_t len)
{
	return gpa < c->high && gpa + len > c->low;
}

static uint64_t in_chain(const struct safety *s, const struct safety_chain *c, enum access access,
			 uint64_t gpa)
{
	if (!near(c, gpa, 1))
		return 0;
	for (unsigned int i = 0; i < c->count; i++) {
		const struct safety_segment *g = &s->segment[c->first + i];

		if (gpa - g->gpa < g->len && g->writable == (access == STORE))
			return g->len - (gpa - g->gpa);
	}
	return 0;
}

static uint64_t in_chains(struct safety *s, enum access access, uint64_t gpa)
{
	uint64_t bytes = s->hit ? in_chain(s, s->hit, access, gpa) : 0;

	if (bytes)
		return bytes;
	SAFETY_EACH_LIVE(s, i)
	{
		const struct safety_queue *q = &s->queue[i];

		for (unsigned int k = 0; k < q->chains; k++) {
			bytes = in_chain(s, q->held[k], access, gpa);
			if (!bytes)
				continue;
			s->hit = q->held[k];
			return bytes;
		}
	}
	return 0;
}

/* Whether all of it is in one ring's parts that the device may touch so. */
static bool is_ring(const struct safety *s, enum access access, uint64_t gpa, uint64_t len)
{
	SAFETY_EACH_LIVE(s, i)
	{
		if (in_rings(&s->queue[i], access, gpa) >= len)
			return true;
	}
	return false;
}

/* How many bytes from `gpa` on the device may touch so. */
static uint64_t permitted(struct safety *s, enum access access, uint64_t gpa)
{
	uint64_t bytes = in_chains(s, access, gpa);

	SAFETY_EACH_LIVE(s, i)
	bytes = max(bytes, in_rings(&s->queue[i], access, gpa));
	return bytes;
}

static bool may(struct safety *s, enum access access, uint64_t gpa, uint64_t len)
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

	return s->status & from && s->live;
}

/* Where the rings are not known, so much is permitted: a loop without end it is all the same. */
#define ACCESSES_MAX (1u << 24)

static void count_unwatched(struct safety *s)
{
	if (!s->exact && ++s->accesses > ACCESSES_MAX)
		oracle_fail(s->oracle, 10, "more than %u guest memory accesses in one call",
			    ACCESSES_MAX);
}

/* Nothing is checked; whether it is. */
static bool unwatched(struct safety *s)
{
	if (s->off)
		count_unwatched(s);
	return s->off;
}

/* A look at the rings of the queue that begins to run; anywhere, where the driver has not
 * programmed all of it, since what stands in the rest is the device's own affair. */
static bool looks_at_start(struct safety *s, uint64_t gpa, size_t len)
{
	const struct safety_queue *q;

	if (s->starting < 0)
		return false;
	q = &s->queue[s->starting];
	if ((s->p->legacy || q->written == SAFETY_WROTE_ALL) && in_rings(q, LOAD, gpa) < len)
		return false;
	count_unwatched(s);
	return true;
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
	safety_work_given(len);
	if (unwatched(s) || looks_at_start(s, gpa, len))
		return;
	count(s, "reads guest memory", gpa);
	if (!is_ring(s, LOAD, gpa, len) && !may(s, LOAD, gpa, len))
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

/* Whether used.len is compared with what was stored; what is not, never is again. */
static bool is_measured(const struct safety_queue *q, const struct safety_chain *c)
{
	return !q->broken && !c->vague && !c->wild;
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

	SAFETY_EACH_LIVE(s, i)
	{
		const struct safety_queue *q = &s->queue[i];

		for (unsigned int k = 0; k < q->chains; k++) {
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

static bool meets_table(const struct safety *s, const struct safety_chain *c, uint64_t gpa,
			uint64_t len)
{
	for (unsigned int i = 0; c->tables && i < c->count; i++) {
		const struct safety_segment *g = &s->segment[c->first + i];

		if (g->table && safety_meets(gpa, len, g->gpa, g->len))
			return true;
	}
	return false;
}

/* A store into buffers: which chains' it is. Returns whether it is over a table. */
static bool note_stores(struct safety *s, uint64_t gpa, size_t len)
{
	bool changes = false;

	SAFETY_EACH_LIVE(s, i)
	{
		struct safety_queue *q = &s->queue[i];

		for (unsigned int k = 0; k < q->chains; k++) {
			struct safety_chain *c = q->held[k];

			if (!near(c, gpa, len))
				continue;
			if (is_measured(q, c))
				note_store(s, c, gpa, len);
			changes |= meets_table(s, c, gpa, len);
		}
	}
	if (!s->exact)
		stir(s, gpa, len);
	return changes;
}

/* Whether it is over what the driver says in the rings. `buffer`: one lies there; else the
 * descriptors of a packed ring are the device's, too. */
static bool meets_drivers(const struct safety *s, uint64_t gpa, size_t len, bool buffer)
{
	bool changes = false;

	SAFETY_EACH_LIVE(s, i)
	{
		const struct safety_queue *q = &s->queue[i];

		changes |= safety_meets(gpa, len, q->driver, q->parts.driver);
		if (!q->packed || buffer)
			changes |= safety_meets(gpa, len, q->desc, q->parts.desc);
	}
	return changes;
}

/* `alone`: no buffer lies there. */
static void stored_in_rings(struct safety *s, uint64_t gpa, size_t len, bool alone)
{
	SAFETY_EACH_LIVE(s, i)
	{
		struct safety_queue *q = &s->queue[i];
		uint64_t start = q->packed ? q->desc : q->device;

		if (!safety_meets(gpa, len, start, q->packed ? q->parts.desc : q->parts.device))
			continue;
		if (!alone && in_chains(s, STORE, gpa))
			q->broken = q->confused = true;
		if (q->packed)
			safety_packed_stored(s, (unsigned int)i, gpa, len);
		else
			safety_split_stored(s, (unsigned int)i, gpa, len);
	}
}

/* What the driver says has changed by a store over a ring or a table: nobody can tell then what the
 * device has seen of it, and when. */
void safety_stored(struct safety *s, uint64_t gpa, size_t len)
{
	uint64_t buffer;
	bool changes;

	safety_work_given(len);
	if (!len || unwatched(s))
		return;
	count(s, "stores", gpa);
	if (!s->over_rings && is_ring(s, STORE, gpa, len)) {
		stored_in_rings(s, gpa, len, true);
		return;
	}
	buffer = in_chains(s, STORE, gpa);
	/* where the guest races, the exact model knows what the device has seen of the chain */
	if (buffer < len && !may(s, STORE, gpa, len))
		safety_fail(s, 1,
			    "stores %zu bytes at 0x%llx, neither its part of a ring nor "
			    "device-writable",
			    len, (unsigned long long)gpa);
	changes = note_stores(s, gpa, len);
	if (s->over_rings || buffer < len) { /* else all of it is beside the rings */
		changes |= meets_drivers(s, gpa, len, buffer);
		stored_in_rings(s, gpa, len, false);
	}
	s->off |= changes;
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

/* ---- a device that tells nothing ---- */

void safety_each_buffer(const struct safety *s,
			void (*each)(void *opaque, uint64_t gpa, uint64_t len), void *opaque)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];

		for (unsigned int k = 0; q->ready && k < q->chains; k++) {
			const struct safety_chain *c = q->held[k];

			for (unsigned int n = 0; n < c->count; n++) {
				const struct safety_segment *g = &s->segment[c->first + n];

				if (g->writable && g->len)
					each(opaque, g->gpa, g->len);
			}
		}
	}
}

void safety_each_ring(const struct safety *s,
		      void (*each)(void *opaque, uint64_t gpa, uint64_t len), void *opaque)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];
		if (!q->ready)
			continue;
		each(opaque, q->device, q->parts.device);
		if (q->packed)
			each(opaque, q->desc, q->parts.desc);
	}
}
