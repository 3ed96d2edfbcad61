/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packed rings (2.8): what the guest makes available, and what the device publishes. A place is an
 * offset with a wrap counter, as in virtio_spec.h.
 */
#include "safety_internal.h"

static unsigned int offset_of(uint16_t place)
{
	return place & PVIRTQ_PLACE_OFFSET;
}

static uint16_t forward(const struct safety_queue *q, uint16_t place, unsigned int by)
{
	unsigned int offset = offset_of(place) + by;
	unsigned int wrap = place & PVIRTQ_PLACE_WRAP;

	if (offset >= q->entries) {
		offset -= q->entries;
		wrap ^= PVIRTQ_PLACE_WRAP;
	}
	return (uint16_t)(offset | wrap);
}

static struct pvirtq_desc descriptor(const struct safety *s, const struct safety_queue *q,
				     uint16_t place)
{
	struct pvirtq_desc d;

	safety_copy(s, q->desc + 16ull * offset_of(place), &d, sizeof(d));
	d.addr = safety_u64(s, d.addr);
	d.len = safety_u32(s, d.len);
	d.id = safety_u16(s, d.id);
	d.flags = safety_u16(s, d.flags);
	return d;
}

static bool available(const struct pvirtq_desc *d, uint16_t place)
{
	bool wrap = place & PVIRTQ_PLACE_WRAP;

	return !!(d->flags & VIRTQ_DESC_F_AVAIL) == wrap &&
	       !!(d->flags & VIRTQ_DESC_F_USED) != wrap;
}

static bool used(const struct pvirtq_desc *d, uint16_t place)
{
	bool wrap = place & PVIRTQ_PLACE_WRAP;

	return !!(d->flags & VIRTQ_DESC_F_AVAIL) == wrap &&
	       !!(d->flags & VIRTQ_DESC_F_USED) == wrap;
}

/* ---- the guest's part ---- */

static void walk_descriptor(struct safety *s, struct safety_version *v, uint64_t at,
			    const struct pvirtq_desc *d)
{
	if (d->flags & VIRTQ_DESC_F_INDIRECT) {
		safety_version_table(s, v, at, d->addr, d->len, false, SAFETY_TABLE_MAX);
		if (d->flags & VIRTQ_DESC_F_NEXT || !safety_accepted(s, VIRTIO_F_INDIRECT_DESC))
			v->malformed = true;
	}
	if (!(d->flags & VIRTQ_DESC_F_INDIRECT) || v->malformed)
		safety_version_segment(s, v, at, d->addr, d->len, d->flags & VIRTQ_DESC_F_WRITE);
}

/* Which of two with one id is given back, nobody knows. */
static bool has_twin(const struct safety_queue *q, const struct safety_chain *c)
{
	for (unsigned int i = 0; q->named[c->id % SETUP_QUEUE_SIZE] > 1 && i < q->chains; i++) {
		if (q->held[i] != c && q->held[i]->id == c->id)
			return true;
	}
	return false;
}

/* The chain that begins at its place: which id it has, and how many entries. */
static void walk(struct safety *s, struct safety_queue *q, struct safety_chain *c)
{
	struct safety_version v;
	uint16_t place = c->place;
	struct pvirtq_desc d;
	bool known = c->entries;
	unsigned int n = 0;
	uint64_t at;

	safety_version_begin(s, &v);
	do {
		d = descriptor(s, q, place);
		at = q->desc + 16ull * offset_of(place);
		safety_version_source(&v, at, sizeof(d));
		walk_descriptor(s, &v, at, &d);
		place = forward(q, place, 1);
		n++;
	} while (d.flags & VIRTQ_DESC_F_NEXT && n < q->entries);
	if (d.flags & VIRTQ_DESC_F_NEXT || v.descriptors > q->entries)
		v.malformed = true;
	if (known && (c->id != d.id || c->entries != n))
		safety_queue_wild(q);
	safety_chain_rename(q, c, d.id);
	c->entries = (uint16_t)n;
	if (has_twin(q, c))
		safety_queue_wild(q);
	safety_version_end(s, q, c, &v);
	c->fresh = true;
}

/* Whether the device has written there. */
static bool is_over(const struct safety_queue *q, const struct safety_chain *c)
{
	for (unsigned int i = 0; i < c->entries; i++) {
		if (safety_marked(q->slot.over, offset_of(forward(q, c->place, i))))
			return true;
	}
	return false;
}

/* Whether what it says is known, since the guest has not stored there. */
static bool is_known(const struct safety *s, const struct safety_chain *c)
{
	return c->fresh && !safety_changed(s, c->source.from, c->source.to);
}

/* Unless the device has written there: then what the chain was is known already. */
static void walk_again(struct safety *s, struct safety_queue *q, struct safety_chain *c)
{
	struct pvirtq_desc d = descriptor(s, q, c->place);

	c->fresh = false;
	if (is_over(q, c))
		return;
	if (available(&d, c->place)) {
		walk(s, q, c);
		return;
	}
	safety_chain_withdrawn(s, q, c); /* the device may wait here for ever */
	safety_queue_wild(q);
}

static unsigned int entries_held(const struct safety_queue *q)
{
	unsigned int entries = 0;

	for (unsigned int i = 0; i < q->chains; i++)
		entries += q->held[i]->entries;
	return entries;
}

static void unmark_slots(struct safety_queue *q, uint16_t place, unsigned int entries)
{
	for (unsigned int i = 0; i < entries; i++) {
		unsigned int slot = offset_of(forward(q, place, i));

		safety_unmark(q->slot.id, slot);
		safety_unmark(q->slot.len, slot);
		safety_unmark(q->slot.flags, slot);
	}
}

/* The guest has made another chain available in entries that the device wrote into: those that had
 * them before. */
static void take_entries(struct safety_queue *q, const struct safety_chain *c)
{
	unsigned int at = offset_of(c->place);

	unmark_slots(q, c->place, c->entries);
	for (unsigned int i = 0; i < c->entries; i++)
		safety_unmark(q->slot.over, offset_of(forward(q, c->place, i)));
	for (unsigned int i = 0; i < q->chains; i++) {
		struct safety_chain *o = q->held[i];
		unsigned int of = offset_of(o->place);

		if (o != c && ((at + q->entries - of) % q->entries < o->entries ||
			       (of + q->entries - at) % q->entries < c->entries))
			o->fresh = false;
	}
}

/* The chain at `walked`, if there is one. */
static bool take(struct safety *s, unsigned int queue, unsigned int *entries)
{
	struct safety_queue *q = &s->queue[queue];
	struct pvirtq_desc d = descriptor(s, q, q->walked);
	struct safety_chain *c;

	if (!available(&d, q->walked))
		return false;
	if (*entries >= q->entries || !(c = safety_chain_add(s, queue, 0))) {
		safety_queue_wild(q);
		return false;
	}
	c->place = q->walked;
	walk(s, q, c);
	take_entries(q, c);
	*entries += c->entries;
	q->walked = forward(q, q->walked, c->entries);
	if (*entries > q->entries) /* it goes on over the entries of another one */
		safety_queue_wild(q);
	return true;
}

/* Any entry of the ring may be meant. */
static void look_wild(struct safety *s, unsigned int queue)
{
	struct safety_queue *q = &s->queue[queue];

	for (uint16_t i = 0; i < q->entries; i++) {
		struct safety_chain *c = safety_chain_wild(s, queue, i, 0);

		if (!c)
			return;
		if (!is_known(s, c) || is_over(q, c))
			walk(s, q, c);
	}
}

void safety_packed_look(struct safety *s, unsigned int queue)
{
	struct safety_queue *q = &s->queue[queue];
	bool changed = q->chains && safety_changed(s, q->source.from, q->source.to);
	unsigned int entries = entries_held(q);

	for (unsigned int i = 0; i < q->chains; i++) {
		struct safety_chain *c = q->held[i];

		if (!c->wild && (!c->fresh || (changed && !is_known(s, c))))
			walk_again(s, q, c);
	}
	while (!q->wild && take(s, queue, &entries))
		;
	if (q->wild)
		look_wild(s, queue);
}

/* ---- the device's part ---- */

/* Entries that the device has used up by giving back `c`. In order, one entry stands for those
 * before it (2.8.9). */
static unsigned int entries_used(struct safety *s, struct safety_queue *q,
				 const struct safety_chain *c)
{
	unsigned int entries = c->entries;

	while (safety_accepted(s, VIRTIO_F_IN_ORDER) && q->held[0] != c) {
		entries += q->held[0]->entries;
		safety_chain_drop(s, q, q->held[0]);
	}
	return entries;
}

/* The used entry at the next place, if it is there. */
static bool publish(struct safety *s, unsigned int queue)
{
	struct safety_queue *q = &s->queue[queue];
	unsigned int slot = offset_of(q->used);
	struct pvirtq_desc d = descriptor(s, q, q->used);
	struct safety_chain *c;
	unsigned int entries;

	if (!safety_marked(q->slot.flags, slot) || !used(&d, q->used))
		return false;
	safety_queue_published(s, q);
	if (q->confused)
		return false;
	if (s->tapped && !(safety_marked(q->slot.id, slot) && safety_marked(q->slot.len, slot))) {
		if (!q->broken && !q->behind)
			safety_fail(s, 5, "queue %u: shows used entry %u before it is written",
				    queue, slot);
		q->behind = true; /* until it is */
		return false;
	}
	q->behind = false;
	c = safety_chain_of(q, d.id);
	if (!c)
		safety_fail(s, 4, "queue %u gives back chain %u, which was not made available",
			    queue, d.id);
	if (!c)
		return false;
	entries = entries_used(s, q, c);
	unmark_slots(q, q->used, entries);
	q->used = forward(q, q->used, entries);
	safety_kind_returned(s, queue, c, d.len);
	if (q->broken)
		safety_chain_drop(s, q, c);
	else
		safety_chain_returned(s, queue, c, d.len);
	return true;
}

void safety_packed_stored(struct safety *s, unsigned int queue, uint64_t gpa, size_t len)
{
	struct safety_queue *q = &s->queue[queue];

	for (unsigned int i = gpa > q->desc ? (unsigned int)(gpa - q->desc) / 16 : 0;
	     i < q->entries && q->desc + 16ull * i < gpa + len; i++) {
		uint64_t at = q->desc + 16ull * i;

		if (safety_meets(gpa, len, at + 8, 4))
			safety_mark(q->slot.len, i);
		if (safety_meets(gpa, len, at + 12, 2))
			safety_mark(q->slot.id, i);
		if (safety_meets(gpa, len, at + 14, 2))
			safety_mark(q->slot.flags, i);
		if (safety_meets(gpa, len, at, 16))
			safety_mark(q->slot.over, i);
	}
	while (!q->confused && publish(s, queue))
		;
	if (q->confused) /* anything may have been served */
		s->disk.unknown = s->frames.unknown = true;
}
