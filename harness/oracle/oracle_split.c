/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The split ring (2.7), from what the device fetched and stored there.
 */
#include "oracle_internal.h"

/* ---- taking a chain ---- */

static void finish_walk(struct oracle *o)
{
	struct model_queue *q = &o->queue[o->walk.queue];

	q->next_avail++;
	if (q->next_avail > q->size)
		hit(MILESTONE_RING_WRAPPED);
	oracle_taken(o, o->walk.chain);
}

static void enter_table(struct oracle *o, const struct virtq_desc *d)
{
	struct model_walk *w = &o->walk;

	if (!oracle_table_fine(o, &(struct model_segment){ d->addr, d->len }, d->flags)) {
		oracle_must_break(o, MILESTONE_BREAK_INDIRECT);
		return;
	}
	w->indirect = true;
	w->table = d->addr;
	w->entries = d->len / 16;
	w->index = 0;
}

static void add_segment(struct oracle *o, const struct virtq_desc *d)
{
	struct model_walk *w = &o->walk;
	const struct model_segment s = { d->addr, d->len };

	if (!oracle_add_segment(o, w->chain, &s, d->flags & VIRTQ_DESC_F_WRITE))
		return;
	if (!(d->flags & VIRTQ_DESC_F_NEXT)) {
		finish_walk(o);
		return;
	}
	w->index = d->next;
	if (w->index >= w->entries)
		oracle_must_break(o, MILESTONE_BREAK_NEXT);
}

static void descriptor_fetched(struct oracle *o, uint64_t gpa, const void *bytes, size_t len)
{
	struct model_walk *w = &o->walk;
	const uint8_t *raw = bytes;
	struct virtq_desc d;

	if (gpa != w->table + 16ull * w->index || len != sizeof(d))
		oracle_fail(o, 10, "fetches %zu bytes at 0x%llx instead of descriptor %u", len,
			    (unsigned long long)gpa, w->index);
	d.addr = oracle_64(o, raw);
	d.len = oracle_32(o, raw + 8);
	d.flags = (uint16_t)oracle_16(o, raw + 12);
	d.next = (uint16_t)oracle_16(o, raw + 14);
	if (d.flags & VIRTQ_DESC_F_INDIRECT)
		enter_table(o, &d);
	else
		add_segment(o, &d);
}

bool oracle_split_jumped(const struct model_queue *q)
{
	return (uint16_t)(q->seen_idx - q->next_avail) > q->size;
}

static void head_fetched(struct oracle *o, unsigned int queue, uint16_t head)
{
	struct model_queue *q = &o->queue[queue];
	struct model_chain *c;

	if (o->suspending)
		oracle_fail(o, 7, "takes a chain from queue %u while it is to be suspended", queue);
	if (q->seen_idx == q->next_avail)
		oracle_fail(o, 4, "takes a chain from queue %u that was not made available", queue);
	if (oracle_split_jumped(q))
		oracle_fail(o, 4, "takes a chain from queue %u though its index jumped", queue);
	if (head >= q->size) {
		oracle_must_break(o, MILESTONE_BREAK_HEAD);
		return;
	}
	c = &q->chain[head];
	if (c->taken) {
		oracle_must_break(o, MILESTONE_BREAK_IN_FLIGHT);
		return;
	}
	oracle_clear_chain(c, head);
	o->walk = (struct model_walk){
		.active = true,
		.queue = queue,
		.table = q->desc,
		.entries = q->size,
		.index = head,
		.chain = c,
	};
}

/* ---- what the driver wants to hear ---- */

unsigned int oracle_split_unnotified(const struct model_queue *q)
{
	return (uint16_t)(q->next_used - q->ask_from);
}

bool oracle_split_asks_to_notify(const struct oracle *o, const struct model_queue *q)
{
	return oracle_accepted(o, VIRTIO_F_EVENT_IDX) ? q->avail_event == q->seen_idx
						      : !q->used_flags;
}

static void flags_fetched(struct oracle *o, struct model_queue *q, uint16_t flags)
{
	q->must_ask = false;
	if (flags & VIRTQ_AVAIL_F_NO_INTERRUPT)
		hit(MILESTONE_RING_NO_INTERRUPT);
	else
		oracle_interrupt(o, q);
}

/* 2.7.7.2: notify when the entry at index used_event is among those just published */
static void used_event_fetched(struct oracle *o, struct model_queue *q, uint16_t event)
{
	bool among = false;

	q->must_ask = false;
	for (uint16_t i = q->ask_from; i != q->next_used; i++)
		among |= i == event;
	if (among)
		oracle_interrupt(o, q);
	else
		hit(MILESTONE_RING_EVENT_IDX);
}

void oracle_split_fetched(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			  size_t len)
{
	struct model_queue *q = &o->queue[queue];
	bool event_idx = oracle_accepted(o, VIRTIO_F_EVENT_IDX);
	uint16_t value = 0;

	if (o->walk.active && o->walk.queue == queue) {
		descriptor_fetched(o, gpa, bytes, len);
		return;
	}
	if (len == sizeof(value))
		value = (uint16_t)oracle_16(o, bytes);
	if (len == 2 && gpa == q->driver + 2) {
		q->must_look = false;
		q->seen_idx = value;
		q->notified = false;
		if (oracle_split_jumped(q))
			q->saw_jump = o->saw_jump = true;
	} else if (len == 2 && gpa == q->driver + 4 + 2ull * (q->next_avail % q->size))
		head_fetched(o, queue, value);
	else if (len == 2 && gpa == q->driver && !event_idx && q->must_ask)
		flags_fetched(o, q, value);
	else if (len == 2 && gpa == q->driver + 4 + 2ull * q->size && event_idx && q->must_ask)
		used_event_fetched(o, q, value);
	else
		oracle_fail(o, 10, "fetches %zu ring bytes of queue %u at 0x%llx without need", len,
			    queue, (unsigned long long)gpa);
}

/* ---- giving a chain back ---- */

static void used_entry(struct oracle *o, unsigned int queue, const uint8_t *bytes)
{
	oracle_gives_back(o, queue, oracle_32(o, bytes), oracle_32(o, bytes + 4));
}

static void index_stored(struct oracle *o, unsigned int queue, uint16_t value)
{
	struct model_queue *q = &o->queue[queue];

	if (q->filled == 0 || value != (uint16_t)(q->next_used + q->filled))
		oracle_fail(o, 5,
			    "used index of queue %u goes from %u to %u with %u entries written",
			    queue, q->next_used, value, q->filled);
	if (o->net.waiting[queue] == 0)
		q->ask_from = q->next_used;
	q->next_used = value;
	q->filled = 0;
	q->must_ask = true;
	if (o->kind->published)
		o->kind->published(o, queue);
}

void oracle_split_stored(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			 size_t len)
{
	struct model_queue *q = &o->queue[queue];
	bool event_idx = oracle_accepted(o, VIRTIO_F_EVENT_IDX);
	uint64_t slot = (uint16_t)(q->next_used + q->filled) % q->size;
	uint16_t value = 0;

	if (len == sizeof(value))
		value = (uint16_t)oracle_16(o, bytes);
	if (len == sizeof(struct virtq_used_elem) && gpa == q->device + 4 + 8 * slot)
		used_entry(o, queue, bytes);
	else if (len == 2 && gpa == q->device + 2)
		index_stored(o, queue, value);
	else if (len == 2 && gpa == q->device && !event_idx && value <= 1)
		q->used_flags = value;
	else if (len == 2 && gpa == q->device + 4 + 8ull * q->size && event_idx)
		q->avail_event = value;
	else
		oracle_fail(o, 1,
			    "stores %zu bytes at 0x%llx, no place in the used ring of queue %u",
			    len, (unsigned long long)gpa, queue);
}
