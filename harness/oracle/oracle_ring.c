/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue, whichever of the two layouts its ring has.
 */
#include "oracle_internal.h"

static struct model_queue *running_queue(struct oracle *o, unsigned int queue, uint64_t gpa,
					 const char *what)
{
	oracle_counts_access(o);
	if (!oracle_queue_live(o, queue))
		oracle_fail(o, 6, "%s at 0x%llx: queue %u is not running", what,
			    (unsigned long long)gpa, queue);
	return &o->queue[queue];
}

void oracle_ring_fetched(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			 size_t len)
{
	const struct model_queue *q = running_queue(o, queue, gpa, "ring fetch");

	(q->packed ? oracle_packed_fetched : oracle_split_fetched)(o, queue, gpa, bytes, len);
}

void oracle_ring_stored(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			size_t len)
{
	const struct model_queue *q = running_queue(o, queue, gpa, "ring store");

	(q->packed ? oracle_packed_stored : oracle_split_stored)(o, queue, gpa, bytes, len);
}

/* The device gives the chain taken last back to the ring. */
void oracle_unpopped(struct oracle *o, unsigned int queue)
{
	struct model_queue *q = &o->queue[queue];

	if (q->helds == 0)
		return;
	q->held[--q->helds]->taken = false;
	if (q->packed)
		oracle_packed_untaken(q, q->held[q->helds]);
	else
		q->next_avail--;
	q->gave_back = true;
	o->last = NULL;
	hit(MILESTONE_RING_UNPOP);
}

/* ---- what is left ---- */

bool oracle_jumped(const struct model_queue *q)
{
	return q->saw_jump || (!q->packed && oracle_split_jumped(q));
}

bool oracle_sees_more(const struct model_queue *q)
{
	return q->packed ? q->at.seen : q->seen_idx != q->next_avail;
}

unsigned int oracle_unnotified(const struct model_queue *q)
{
	return q->packed ? oracle_packed_unnotified(q) : oracle_split_unnotified(q);
}

bool oracle_asks_to_notify(const struct oracle *o, unsigned int queue)
{
	const struct model_queue *q = &o->queue[queue];

	return q->packed ? oracle_packed_asks_to_notify(q) : oracle_split_asks_to_notify(o, q);
}

uint64_t oracle_avail_gpa(const struct oracle *o, unsigned int queue)
{
	const struct model_queue *q = &o->queue[queue];

	return q->packed ? oracle_packed_avail_gpa(q) : q->driver + VIRTQ_AVAIL_IDX;
}

void oracle_drained(struct oracle *o, unsigned int queue, const uint8_t *bytes)
{
	const struct model_queue *q = &o->queue[queue];
	uint16_t avail = (uint16_t)oracle_16(o, bytes);

	if (!oracle_queue_live(o, queue))
		return;
	if (q->helds)
		oracle_fail(o, 4, "queue %u still holds chain %u with nothing left to wait for",
			    queue, q->held[0]->head);
	if (o->kind->receives && o->kind->receives(o, queue))
		return;
	if (o->suspending)
		return;
	if (q->packed && oracle_packed_available(avail, q->at.avail))
		oracle_fail(o, 4, "queue %u leaves the available chain at place 0x%x alone", queue,
			    q->at.avail);
	if (!q->packed && avail != q->next_avail)
		oracle_fail(o, 4, "queue %u leaves available chains alone (at %u of %u)", queue,
			    q->next_avail, avail);
}
