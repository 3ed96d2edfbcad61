/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the rings say, and how much work that is at most.
 */
#include "safety_internal.h"

static void look_at_queue(struct safety *s, unsigned int queue)
{
	if (s->off)
		return;
	if (s->queue[queue].packed)
		safety_packed_look(s, queue);
	else
		safety_split_look(s, queue);
}

/* What a device may do for what it finds; and, while the guest adds more, for a queue that is full
 * of the largest there is. */
static void set_bound(struct safety *s)
{
	uint64_t bound = SAFETY_ACCESSES_LEAST;

	SAFETY_EACH_LIVE(s, i)
	{
		const struct safety_queue *q = &s->queue[i];
		uint64_t most = 64;

		for (unsigned int k = 0; s->raced && k < q->chains; k++) {
			uint64_t of = q->held[k]->bound;

			most = of > most ? of : most;
		}
		bound += q->bound + q->entries * most;
	}
	if (!s->raced || bound > s->access_bound)
		s->access_bound = bound;
}

void safety_look(struct safety *s)
{
	safety_chains_tidy(s);
	if (!s->exact ||
	    !(s->device_status & VIRTIO_STATUS_NEEDS_RESET)) { /* else it looks no more */
		SAFETY_EACH_LIVE(s, i)
		look_at_queue(s, (unsigned int)i);
		s->stores = 0;
	}
	set_bound(s);
	s->stale = false;
}
