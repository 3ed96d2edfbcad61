/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chain from the first fetch of its first descriptor to the end of its queue, whatever ring it
 * came by (2.6, 2.7.5, 2.8.6).
 */
#include <string.h>

#include "oracle_internal.h"

/* Ids of a packed ring are any. */
struct model_chain *oracle_chain_of(const struct model_queue *q, uint32_t head)
{
	for (unsigned int i = 0; i < q->helds; i++) {
		if (q->held[i]->head == head)
			return q->held[i];
	}
	return NULL;
}

void oracle_works_at(struct oracle *o, unsigned int queue, uint16_t head)
{
	o->current = oracle_chain_of(&o->queue[queue], head);
}

/* ---- the end of a queue ---- */

static void forget_chains(struct oracle *o, unsigned int queue)
{
	struct model_queue *q = &o->queue[queue];

	for (unsigned int i = 0; i < q->helds; i++)
		q->held[i]->taken = false;
	q->helds = 0;
	if (o->last && o->last_queue == queue)
		o->last = NULL;
}

void oracle_drop_stores(struct oracle *o, unsigned int from, unsigned int count)
{
	uint8_t *to = o->log_bytes;

	memmove(&o->log[from], &o->log[from + count], (o->logs - from - count) * sizeof(*o->log));
	o->logs -= count;
	for (unsigned int i = 0; i < o->logs; i++) {
		memmove(to, o->log[i].bytes, o->log[i].len);
		o->log[i].bytes = to;
		to += o->log[i].len;
	}
	o->log_used = (size_t)(to - o->log_bytes);
}

/* In order, what is done may wait for others that now are forgotten. */
static void drop_stores_of(struct oracle *o, const struct model_queue *q)
{
	for (unsigned int i = o->logs; i > 0; i--) {
		const struct model_chain *by = o->log[i - 1].by;

		if (by >= q->chain && by < q->chain + o->p->queue_size_max)
			oracle_drop_stores(o, i - 1, 1);
	}
}

void oracle_stop_queue(struct oracle *o, unsigned int queue)
{
	struct model_queue *q = &o->queue[queue];
	bool ran_before = q->ran_before;

	if (o->kind->stopped)
		o->kind->stopped(o, queue);
	if (q->ready)
		o->stopped[queue].pfn = q->pfn;
	for (unsigned int i = 0; i < o->at_disk; i++)
		o->disk_request[i].stopped |= o->disk_request[i].queue == queue;
	forget_chains(o, queue);
	drop_stores_of(o, q);
	memset(q, 0, offsetof(struct model_queue, chain));
	q->ran_before = ran_before;
}

void oracle_forget_waiting(struct oracle *o)
{
	if (!oracle_accepted(o, VIRTIO_F_IN_ORDER))
		return;
	o->logs = 0;
	o->log_used = 0;
}

void oracle_must_break(struct oracle *o, enum milestone m)
{
	hit(m);
	o->walk.active = false;
	o->status |= VIRTIO_STATUS_NEEDS_RESET;
	if (o->status & VIRTIO_STATUS_DRIVER_OK)
		o->interrupts |= VIRTIO_INTERRUPT_CONFIG;
	for (unsigned int i = 0; i < o->p->queues; i++)
		forget_chains(o, i);
	oracle_forget_waiting(o);
}

/* ---- taking a chain ---- */

void oracle_taken(struct oracle *o, struct model_chain *c)
{
	struct model_walk *w = &o->walk;
	struct model_queue *q = &o->queue[w->queue];

	w->active = false;
	c->taken = true;
	c->capture = o->captures + (size_t)(c - o->chain) * ORACLE_CAPTURE_BYTES;
	c->order = o->order++;
	q->held[q->helds++] = c;
	q->gave_back = false;
	if (w->indirect)
		hit(MILESTONE_RING_INDIRECT);
	if (!(o->status & VIRTIO_STATUS_DRIVER_OK))
		hit(MILESTONE_LEGACY_EARLY);
	o->last = c;
	o->current = c;
	o->last_queue = w->queue;
	if (o->kind->taken)
		o->kind->taken(o, w->queue);
}

bool oracle_table_fine(const struct oracle *o, const struct model_segment *table,
		       unsigned int flags)
{
	return oracle_accepted(o, VIRTIO_F_INDIRECT_DESC) && !o->walk.indirect &&
	       !(flags & VIRTQ_DESC_F_NEXT) && table->len >= 16 && table->len % 16 == 0 &&
	       oracle_in_ram(table->gpa, table->len);
}

static bool breaks(struct oracle *o, enum milestone m)
{
	oracle_must_break(o, m);
	return false;
}

bool oracle_add_segment(struct oracle *o, struct model_chain *c, const struct model_segment *s,
			bool writable)
{
	if (c->count == o->queue[o->walk.queue].size)
		return breaks(o, MILESTONE_BREAK_LOOP);
	if (!writable && c->readable < c->count)
		return breaks(o, MILESTONE_BREAK_ORDER);
	if (c->readable_bytes + c->writable_bytes + s->len > 0x100000000ull)
		return breaks(o, MILESTONE_BREAK_TOTAL);
	if (!oracle_in_ram(s->gpa, s->len))
		return breaks(o, MILESTONE_BREAK_ADDRESS);
	c->segment[c->count++] = *s;
	if (writable) {
		c->writable_bytes += s->len;
	} else {
		c->readable_bytes += s->len;
		c->readable++;
	}
	return true;
}

void oracle_clear_chain(struct model_chain *c, uint16_t head)
{
	c->head = head;
	c->entries = 1;
	c->count = 0;
	c->readable = 0;
	c->readable_bytes = 0;
	c->writable_bytes = 0;
	c->read_pos = 0;
	c->plan = PLAN_NONE;
	c->request = NULL;
	c->waiting = false;
	c->failed = false;
	c->sent = false;
}

void oracle_interrupt(struct oracle *o, const struct model_queue *q)
{
	o->interrupts |= VIRTIO_INTERRUPT_USED;
	if (o->kind->interrupts)
		o->kind->interrupts(o, (unsigned int)(q - o->queue));
}
