/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Split rings (2.7): what the guest makes available, and what the device publishes.
 */
#include "safety_internal.h"

/* ---- the guest's part ---- */

/* One descriptor, and whether another one follows, `*i`. */
static bool walk_descriptor(struct safety *s, const struct safety_queue *q,
			    struct safety_version *v, uint32_t *i)
{
	uint64_t at = q->desc + 16ull * *i;
	struct virtq_desc d;
	unsigned int flags;
	uint64_t gpa;
	uint32_t len;

	safety_version_source(v, at, sizeof(d));
	if (!safety_copy(s, at, &d, sizeof(d))) {
		v->malformed = true;
		return false;
	}
	flags = safety_u16(s, d.flags);
	gpa = safety_u64(s, d.addr);
	len = safety_u32(s, d.len);
	if (flags & VIRTQ_DESC_F_INDIRECT) {
		safety_version_table(s, v, at, gpa, len, true, SAFETY_TABLE_MAX);
		if (flags & VIRTQ_DESC_F_NEXT || !safety_accepted(s, VIRTIO_F_INDIRECT_DESC))
			v->malformed = true;
	}
	if (!(flags & VIRTQ_DESC_F_INDIRECT) || v->malformed)
		safety_version_segment(s, v, at, gpa, len, flags & VIRTQ_DESC_F_WRITE);
	*i = safety_u16(s, d.next);
	return flags & VIRTQ_DESC_F_NEXT;
}

static void walk(struct safety *s, struct safety_queue *q, struct safety_chain *c)
{
	struct safety_version v;
	uint32_t i = c->id % q->entries;
	unsigned int n = 0;

	safety_version_begin(s, &v);
	v.malformed = c->id >= q->entries;
	while (walk_descriptor(s, q, &v, &i)) {
		if (i >= q->entries || ++n == q->entries) {
			v.malformed = true;
			break;
		}
	}
	if (v.descriptors > q->entries)
		v.malformed = true;
	safety_version_end(s, q, c, &v);
	c->fresh = true;
}

static uint64_t entry_gpa(const struct safety_queue *q, uint16_t at)
{
	return q->driver + VIRTQ_AVAIL_RING + 2ull * (at % q->entries);
}

static uint16_t entry(const struct safety *s, const struct safety_queue *q, uint16_t at)
{
	return safety_load16(s, entry_gpa(q, at));
}

/* Whether what it says is known, since the guest has not stored there. */
static bool is_known(const struct safety *s, const struct safety_queue *q,
		     const struct safety_chain *c)
{
	uint64_t at = entry_gpa(q, c->place);

	return c->fresh && !safety_changed(s, c->source.from, c->source.to) &&
	       !safety_changed(s, at, at + 2);
}

static struct safety_chain *add(struct safety *s, unsigned int queue, uint16_t at)
{
	struct safety_queue *q = &s->queue[queue];
	uint16_t head = entry(s, q, at);
	bool twice = safety_chain_of(q, head);
	struct safety_chain *c = safety_chain_add(s, queue, head);

	if (twice) /* which of the two is given back, nobody knows */
		safety_queue_wild(q);
	if (!c) {
		s->off = true;
		return NULL;
	}
	c->place = at;
	c->head = (uint16_t)c->id;
	walk(s, q, c);
	return c;
}

/* The guest may have exchanged it for another one, which the device finds there or does not. */
static void walk_again(struct safety *s, unsigned int queue, struct safety_chain *c)
{
	struct safety_queue *q = &s->queue[queue];
	uint16_t head = entry(s, q, c->place);
	struct safety_chain *other;

	walk(s, q, c);
	if (head == c->head)
		return;
	c->fresh = false; /* the other one may be seen later */
	if ((uint16_t)(q->walked - c->place) > q->entries)
		return;
	c->head = head;
	c->vague = true;
	q->broken = true;
	other = add(s, queue, c->place);
	if (other)
		other->vague = true;
}

static void walk_alike(struct safety *s, struct safety_queue *q, struct safety_chain *c,
		       const struct safety_chain *known)
{
	struct safety_version v;

	safety_version_copy(s, &v, known);
	safety_version_end(s, q, c, &v);
	c->fresh = true;
}

/* Any entry of the ring may be meant. Most name the same head as the one before: 0. */
static void look_wild(struct safety *s, unsigned int queue)
{
	struct safety_queue *q = &s->queue[queue];
	const struct safety_chain *known = NULL;

	for (uint16_t i = 0; i < q->entries; i++) {
		uint16_t head = entry(s, q, i);
		struct safety_chain *c = safety_chain_wild(s, queue, i, head);

		if (!c)
			return;
		if (!is_known(s, q, c)) {
			safety_chain_rename(q, c, head);
			if (known && known->id == head)
				walk_alike(s, q, c, known);
			else
				walk(s, q, c);
		}
		known = c;
	}
}

/* Whether the guest may have stored into entries from one place to another. */
static bool entries_changed(const struct safety *s, const struct safety_queue *q, uint16_t from,
			    uint16_t to)
{
	uint64_t start = entry_gpa(q, from);
	uint64_t end = entry_gpa(q, to);
	uint64_t ring = q->driver + VIRTQ_AVAIL_RING;

	if (start < end)
		return safety_changed(s, start, end);
	return safety_changed(s, start, ring + 2ull * q->entries) || safety_changed(s, ring, end);
}

/* Whether the guest may have stored where a chain stands. Most of the time it has only added others
 * behind those that are there. */
static bool any_changed(const struct safety *s, const struct safety_queue *q)
{
	return q->chains && (q->broken || safety_changed(s, q->source.from, q->source.to) ||
			     entries_changed(s, q, q->held[0]->place, q->walked));
}

static void look_again(struct safety *s, unsigned int queue)
{
	struct safety_queue *q = &s->queue[queue];
	bool changed = any_changed(s, q);

	for (unsigned int i = 0, n = q->chains; i < n; i++) {
		struct safety_chain *c = q->held[i];

		if (!c->wild && (!c->fresh || (changed && !is_known(s, q, c))))
			walk_again(s, queue, c);
	}
}

void safety_split_look(struct safety *s, unsigned int queue)
{
	struct safety_queue *q = &s->queue[queue];
	uint16_t idx = safety_load16(s, q->driver + VIRTQ_AVAIL_IDX);
	uint16_t ahead = (uint16_t)(idx - q->walked);

	look_again(s, queue);
	if (ahead > q->entries || q->chains + ahead > q->entries)
		safety_queue_wild(q);
	for (; !q->wild && q->walked != idx; q->walked++)
		add(s, queue, q->walked);
	if (q->wild)
		look_wild(s, queue);
}

/* ---- the device's part ---- */

static void mark_slots(struct safety_queue *q, uint64_t gpa, size_t len)
{
	uint64_t ring = q->device + VIRTQ_USED_RING;
	uint64_t i = gpa > ring ? (gpa - ring) / 8 : 0;

	for (; i < q->entries && ring + 8 * i < gpa + len; i++) {
		if (safety_meets(gpa, len, ring + 8 * i, 4))
			safety_mark(q->slot.id, (unsigned int)i);
		if (safety_meets(gpa, len, ring + 8 * i + 4, 4))
			safety_mark(q->slot.len, (unsigned int)i);
	}
}

/* In order, one entry stands for those before it (2.7.9). */
static void drop_before(struct safety *s, struct safety_queue *q, const struct safety_chain *c)
{
	while (safety_accepted(s, VIRTIO_F_IN_ORDER) && q->held[0] != c)
		safety_chain_drop(s, q, q->held[0]);
}

static bool is_written(const struct safety_queue *q, unsigned int slot)
{
	return safety_marked(q->slot.id, slot) && safety_marked(q->slot.len, slot);
}

static void publish_entry(struct safety *s, unsigned int queue, unsigned int slot, bool last)
{
	struct safety_queue *q = &s->queue[queue];
	bool in_order = safety_accepted(s, VIRTIO_F_IN_ORDER);
	bool written = is_written(q, slot);
	struct safety_chain *c;
	struct virtq_used_elem e;

	safety_unmark(q->slot.id, slot);
	safety_unmark(q->slot.len, slot);
	safety_copy(s, q->device + VIRTQ_USED_RING + 8ull * slot, &e, sizeof(e));
	c = safety_chain_of(q, safety_u32(s, e.id));
	if (in_order && !last && (!written || !c))
		return;
	if (!c)
		safety_fail(s, 4, "queue %u gives back chain %u, which was not made available",
			    queue, safety_u32(s, e.id));
	if (!c)
		return;
	drop_before(s, q, c);
	safety_kind_returned(s, queue, c, safety_u32(s, e.len));
	if (q->broken)
		safety_chain_drop(s, q, c);
	else
		safety_chain_returned(s, queue, c, safety_u32(s, e.len));
}

/* The first entry of these that is shown, but not written, and has to be; or `count`. In order it
 * is the last one alone (2.7.9). */
static uint16_t first_unwritten(const struct safety *s, const struct safety_queue *q,
				uint16_t count)
{
	bool in_order = safety_accepted(s, VIRTIO_F_IN_ORDER);

	for (uint16_t i = 0; s->tapped && i < count && i < q->entries; i++) {
		if ((!in_order || i + 1 == count) &&
		    !is_written(q, (uint16_t)(q->used + i) % q->entries))
			return in_order ? 0 : i;
	}
	return count;
}

/* `shown`: the index is stored, and not entries behind it. */
static void publish(struct safety *s, unsigned int queue, bool shown)
{
	struct safety_queue *q = &s->queue[queue];
	uint16_t idx = safety_load16(s, q->device + VIRTQ_USED_IDX);
	uint16_t count = (uint16_t)(idx - q->used);
	uint16_t there;

	if (count && shown)
		safety_queue_published(s, q);
	if (q->confused) { /* anything may have been served */
		s->disk.unknown = s->frames.unknown = true;
		return;
	}
	if (!q->broken && count > q->chains) {
		if (shown)
			safety_fail(s, 4,
				    "queue %u: the used index goes from %u to %u, %u chains are "
				    "available",
				    queue, q->used, idx, q->chains);
		return; /* until it is where it may be */
	}
	s->frames.shown += shown && count && queue % 2 == 0 && queue < 2 * s->p->pairs;
	there = first_unwritten(s, q, count);
	if (there < count && shown && !q->broken)
		safety_fail(s, 5, "queue %u: shows used entry %u before it is written", queue,
			    (uint16_t)(q->used + there) % q->entries);
	for (uint16_t i = 0; i < there && i < q->entries; i++)
		publish_entry(s, queue, (uint16_t)(q->used + i) % q->entries, i + 1 == there);
	q->used = (uint16_t)(q->used + there);
	q->behind = there < count; /* the rest comes when it is written */
}

void safety_split_stored(struct safety *s, unsigned int queue, uint64_t gpa, size_t len)
{
	struct safety_queue *q = &s->queue[queue];
	bool shown = safety_meets(gpa, len, q->device + VIRTQ_USED_IDX, 2);

	mark_slots(q, gpa, len);
	if (shown || q->behind)
		publish(s, queue, shown);
}
