/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packed ring (2.8), from what the device fetched and stored there.
 */
#include <endian.h>
#include <string.h>

#include "oracle_internal.h"

#define WRAP  PVIRTQ_PLACE_WRAP
#define TURNS (VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED)

/* What the device fetches and stores of an entry in one piece. */
#define ENTRY_BYTES  16u
#define REST_BYTES   14u /* without the flags */
#define USED_BYTES   6u	 /* length and id */
#define USED_OFFSET  8u
#define FLAGS_OFFSET 14u

void oracle_packed_start(struct model_queue *q)
{
	q->packed = true;
	q->at.avail = WRAP;
	q->at.used = WRAP;
}

/* ---- places ---- */

static uint16_t next_place(const struct model_queue *q, uint16_t place)
{
	if ((place & ~WRAP) + 1u == q->size)
		return (place & WRAP) ^ WRAP;
	return (uint16_t)(place + 1);
}

static uint16_t later(const struct model_queue *q, uint16_t place, unsigned int entries)
{
	while (entries--)
		place = next_place(q, place);
	return place;
}

static uint64_t entry_gpa(const struct model_queue *q, uint16_t place)
{
	return q->desc + 16ull * (place & ~WRAP);
}

static uint64_t flags_gpa(const struct model_queue *q, uint16_t place)
{
	return entry_gpa(q, place) + FLAGS_OFFSET;
}

bool oracle_packed_available(uint16_t flags, uint16_t place)
{
	return (flags & TURNS) == (place & WRAP ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED);
}

uint64_t oracle_packed_avail_gpa(const struct model_queue *q)
{
	return flags_gpa(q, q->at.avail);
}

/* The first entry that the device has not seen available. */
static uint16_t frontier(const struct model_queue *q)
{
	return later(q, q->at.avail, q->at.known);
}

bool oracle_packed_asks_to_notify(const struct model_queue *q)
{
	return q->used_flags == RING_EVENT_FLAGS_ENABLE ||
	       (q->used_flags == RING_EVENT_FLAGS_DESC && q->avail_event == frontier(q));
}

/* ---- taking a chain ---- */

/* One a ring entry is enough for those that are in flight. */
static struct model_chain *unused_chain(const struct model_queue *q)
{
	struct model_chain *c = q->chain;

	while (c->taken)
		c++;
	return c;
}

static void finish_list(struct oracle *o, uint16_t id)
{
	struct model_walk *w = &o->walk;
	struct model_queue *q = &o->queue[w->queue];
	struct model_chain *list = w->chain;
	struct model_chain *c;

	if (oracle_chain_of(q, id)) {
		hit(MILESTONE_PACKED_BREAK_IN_FLIGHT);
		oracle_must_break(o, MILESTONE_BREAK_IN_FLIGHT);
		return;
	}
	if (id >= q->size)
		hit(MILESTONE_PACKED_ANY_ID);
	c = unused_chain(q);
	oracle_clear_chain(c, id);
	c->entries = list->entries;
	c->count = list->count;
	c->readable = list->readable;
	c->readable_bytes = list->readable_bytes;
	c->writable_bytes = list->writable_bytes;
	memcpy(c->segment, list->segment, list->count * sizeof(c->segment[0]));
	if ((q->at.avail & ~WRAP) + c->entries >= q->size) {
		hit(MILESTONE_PACKED_WRAPPED);
		if (q->size & (q->size - 1))
			hit(MILESTONE_PACKED_ODD_SIZE);
	}
	if (c->entries > 1)
		hit(MILESTONE_PACKED_LIST);
	if (w->indirect)
		hit(MILESTONE_PACKED_INDIRECT);
	q->at.avail = later(q, q->at.avail, c->entries);
	q->at.known = q->at.known > c->entries ? (uint16_t)(q->at.known - c->entries) : 0;
	q->at.held = (uint16_t)(q->at.held + c->entries);
	q->at.seen = false;
	oracle_taken(o, c);
}

static void check_entry(struct oracle *o, const struct pvirtq_desc *d)
{
	struct model_walk *w = &o->walk;
	struct model_queue *q = &o->queue[w->queue];
	const struct model_segment s = { d->addr, d->len };

	if (q->at.held + w->chain->entries >= q->size) {
		hit(MILESTONE_PACKED_BREAK_LONG);
		oracle_must_break(o, MILESTONE_BREAK_LOOP);
		return;
	}
	w->chain->entries++;
	if (d->flags & VIRTQ_DESC_F_INDIRECT) {
		if (w->chain->entries > 1 || !oracle_table_fine(o, &s, d->flags)) {
			hit(MILESTONE_PACKED_BREAK_TABLE);
			oracle_must_break(o, MILESTONE_BREAK_INDIRECT);
			return;
		}
		w->indirect = true;
		w->table = d->addr;
		w->entries = d->len / ENTRY_BYTES;
		w->id = d->id;
		return;
	}
	if (!oracle_add_segment(o, w->chain, &s, d->flags & VIRTQ_DESC_F_WRITE))
		return;
	if (d->flags & VIRTQ_DESC_F_NEXT)
		w->place = next_place(q, w->place);
	else
		finish_list(o, d->id);
}

static void parse(const void *bytes, size_t len, struct pvirtq_desc *d)
{
	memset(d, 0, sizeof(*d));
	memcpy(d, bytes, len);
	d->addr = le64toh(d->addr);
	d->len = le32toh(d->len);
	d->id = le16toh(d->id);
	d->flags = le16toh(d->flags);
}

static void walk_fetched(struct oracle *o, uint64_t gpa, const void *bytes, size_t len)
{
	struct model_walk *w = &o->walk;
	const struct model_queue *q = &o->queue[w->queue];
	uint64_t right = w->indirect ? w->table + 16ull * w->index : entry_gpa(q, w->place);
	struct pvirtq_desc d;

	if (gpa != right || len != ENTRY_BYTES)
		oracle_fail(o, 10, "fetches %zu bytes at 0x%llx instead of a descriptor at 0x%llx",
			    len, (unsigned long long)gpa, (unsigned long long)right);
	parse(bytes, len, &d);
	if (w->indirect) {
		if (oracle_add_segment(o, w->chain, &(struct model_segment){ d.addr, d.len },
				       d.flags & VIRTQ_DESC_F_WRITE) &&
		    ++w->index == w->entries)
			finish_list(o, w->id);
	} else if (!oracle_packed_available(d.flags, w->place)) {
		oracle_must_break(o, MILESTONE_PACKED_BREAK_PART);
	} else {
		check_entry(o, &d);
	}
}

static void head_fetched(struct oracle *o, unsigned int queue, const void *bytes)
{
	struct model_queue *q = &o->queue[queue];
	struct pvirtq_desc d;

	if (o->suspending)
		oracle_fail(o, 7, "takes a chain from queue %u while it is to be suspended", queue);
	if (!q->at.seen)
		oracle_fail(o, 4, "takes a chain from queue %u that was not made available", queue);
	q->at.seen = false;
	oracle_clear_chain(o->list, 0);
	o->list->entries = 0;
	o->walk = (struct model_walk){
		.active = true,
		.queue = queue,
		.chain = o->list,
		.place = q->at.avail,
	};
	parse(bytes, REST_BYTES, &d);
	d.flags = q->at.head_flags;
	check_entry(o, &d);
}

void oracle_packed_untaken(struct model_queue *q, const struct model_chain *c)
{
	for (unsigned int i = 0; i < c->entries; i++) {
		if (q->at.avail & ~WRAP)
			q->at.avail--;
		else
			q->at.avail = (uint16_t)((q->size - 1) | ((q->at.avail & WRAP) ^ WRAP));
	}
	q->at.known = (uint16_t)(q->at.known + c->entries);
	q->at.held = (uint16_t)(q->at.held - c->entries);
	q->at.seen = false;
	hit(MILESTONE_PACKED_UNPOP);
}

/* ---- what the driver wants to hear ---- */

unsigned int oracle_packed_unnotified(const struct model_queue *q)
{
	unsigned int entries = 0;

	for (uint16_t p = q->at.ask_first; p != q->at.used; p = next_place(q, p))
		entries++;
	return entries;
}

static void wish_fetched(struct oracle *o, struct model_queue *q, uint16_t flags)
{
	q->must_ask = false;
	if ((flags & RING_EVENT_FLAGS_MASK) == RING_EVENT_FLAGS_DISABLE) {
		hit(MILESTONE_PACKED_DISABLED);
	} else if ((flags & RING_EVENT_FLAGS_MASK) == RING_EVENT_FLAGS_DESC &&
		   oracle_accepted(o, VIRTIO_F_EVENT_IDX)) {
		q->must_ask = true;
		q->at.ask_place = true;
	} else {
		oracle_interrupt(o, q);
	}
}

/* 2.8.10: notify when that entry is among those just published, skipped ones included */
static void event_fetched(struct oracle *o, struct model_queue *q, uint16_t event)
{
	bool among = false;

	q->must_ask = false;
	q->at.ask_place = false;
	for (uint16_t p = q->at.ask_first; p != q->at.used; p = next_place(q, p))
		among |= p == event;
	hit(among ? MILESTONE_PACKED_EVENT_NOW : MILESTONE_PACKED_EVENT);
	if (among)
		oracle_interrupt(o, q);
}

static bool flags_fetched(struct oracle *o, struct model_queue *q, uint64_t gpa, uint16_t value)
{
	q->notified = false;
	q->must_look = false;
	if (gpa == flags_gpa(q, q->at.avail)) {
		q->at.head_flags = value;
		q->at.seen = oracle_packed_available(value, q->at.avail);
		if (q->at.known && !q->at.seen)
			q->saw_jump = o->saw_jump = true;
		return true;
	}
	return gpa == flags_gpa(q, frontier(q));
}

void oracle_packed_fetched(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			   size_t len)
{
	struct model_queue *q = &o->queue[queue];
	uint16_t value = 0;

	if (o->walk.active && o->walk.queue == queue) {
		walk_fetched(o, gpa, bytes, len);
		return;
	}
	if (len == sizeof(value))
		memcpy(&value, bytes, sizeof(value));
	value = le16toh(value);
	if (len == REST_BYTES && gpa == entry_gpa(q, q->at.avail))
		head_fetched(o, queue, bytes);
	else if (len == 2 && gpa == q->driver + PVIRTQ_EVENT_FLAGS && q->must_ask &&
		 !q->at.ask_place)
		wish_fetched(o, q, value);
	else if (len == 2 && gpa == q->driver + PVIRTQ_EVENT_DESC && q->at.ask_place)
		event_fetched(o, q, value);
	else if (len != 2 || !flags_fetched(o, q, gpa, value))
		oracle_fail(o, 10, "fetches %zu ring bytes of queue %u at 0x%llx without need", len,
			    queue, (unsigned long long)gpa);
}

/* ---- giving a chain back ---- */

static void used_stored(struct oracle *o, unsigned int queue, const void *bytes)
{
	struct model_queue *q = &o->queue[queue];
	uint16_t place = q->at.used;
	uint16_t flags = place & WRAP ? TURNS : 0;
	const struct model_chain *c;
	uint32_t used_len;
	uint16_t id;

	memcpy(&used_len, bytes, sizeof(used_len));
	memcpy(&id, (const uint8_t *)bytes + sizeof(used_len), sizeof(id));
	id = le16toh(id);
	if (q->at.flags_due)
		oracle_fail(o, 5, "queue %u: the used entry at place 0x%x is left without flags",
			    queue, q->at.due_place);
	c = oracle_chain_of(q, id);
	if (c && q->held[0] != c)
		hit(MILESTONE_PACKED_OUT_OF_ORDER);
	if (oracle_gives_back(o, queue, id, le32toh(used_len)))
		flags |= VIRTQ_DESC_F_WRITE;
	if (q->filled == 1) {
		q->at.first = place;
		q->at.first_flags = flags;
	} else {
		q->at.flags_due = true;
		q->at.due_place = place;
		q->at.due_flags = flags;
		hit(MILESTONE_PACKED_BATCH);
	}
	q->at.used = later(q, place, c->entries);
	q->at.held = (uint16_t)(q->at.held - c->entries);
}

static void check_flags(struct oracle *o, unsigned int queue, uint16_t place, uint16_t flags,
			uint16_t right)
{
	if (flags != right)
		oracle_fail(o, 5, "queue %u: the used entry at place 0x%x has flags 0x%x, not 0x%x",
			    queue, place, flags, right);
}

static void published(struct oracle *o, unsigned int queue, uint16_t flags)
{
	struct model_queue *q = &o->queue[queue];

	check_flags(o, queue, q->at.first, flags, q->at.first_flags);
	if (q->at.flags_due)
		oracle_fail(o, 5, "queue %u: shows the first used entry before the last is written",
			    queue);
	if (o->net.waiting[queue] == 0)
		q->at.ask_first = q->at.first;
	q->at.ask_place = false;
	q->filled = 0;
	q->must_ask = true;
	if (o->kind->published)
		o->kind->published(o, queue);
}

/* The device's event structure: enabled, disabled, or with EVENT_IDX at a place. */
static bool event_stored(const struct oracle *o, struct model_queue *q, uint64_t gpa,
			 uint16_t value)
{
	bool event_idx = oracle_accepted(o, VIRTIO_F_EVENT_IDX);

	if (gpa == q->device + PVIRTQ_EVENT_FLAGS) {
		q->used_flags = value;
		return value <= RING_EVENT_FLAGS_DISABLE ||
		       (value == RING_EVENT_FLAGS_DESC && event_idx);
	}
	q->avail_event = value;
	return gpa == q->device + PVIRTQ_EVENT_DESC && event_idx;
}

void oracle_packed_stored(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			  size_t len)
{
	struct model_queue *q = &o->queue[queue];
	uint16_t value = 0;

	if (len == sizeof(value))
		memcpy(&value, bytes, sizeof(value));
	value = le16toh(value);
	if (len == USED_BYTES && gpa == entry_gpa(q, q->at.used) + USED_OFFSET) {
		used_stored(o, queue, bytes);
	} else if (len == 2 && q->at.flags_due && gpa == flags_gpa(q, q->at.due_place)) {
		check_flags(o, queue, q->at.due_place, value, q->at.due_flags);
		q->at.flags_due = false;
	} else if (len == 2 && q->filled && gpa == flags_gpa(q, q->at.first)) {
		published(o, queue, value);
	} else if (len != 2 || !event_stored(o, q, gpa, value)) {
		oracle_fail(o, 1,
			    "stores %zu bytes at 0x%llx, no place in the packed ring of queue %u",
			    len, (unsigned long long)gpa, queue);
	}
}
