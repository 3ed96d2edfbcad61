/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the rings say, and how much work that is at most.
 */
#include "safety_internal.h"

static void look_at_queue(struct safety *s, unsigned int queue)
{
	const struct safety_queue *q = &s->queue[queue];

	if (!q->ready || s->off)
		return;
	if (s->exact && s->device_status & VIRTIO_STATUS_NEEDS_RESET)
		return; /* it looks no more */
	if (q->packed)
		safety_packed_look(s, queue);
	else
		safety_split_look(s, queue);
}

/* Each byte once or twice, each descriptor some times. */
static uint64_t chain_bound(const struct safety *s, const struct safety_chain *c)
{
	uint64_t bound = 0;

	for (unsigned int n = 0; n < c->count; n++)
		bound += 64 + 4ull * s->segment[c->first + n].len;
	return bound;
}

/* What a device may do for what it finds; and, while the guest adds more, for a queue that is full
 * of the largest there is. */
static void set_bound(struct safety *s)
{
	uint64_t bound = SAFETY_ACCESSES_LEAST;

	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];
		uint64_t most = 64;

		if (!q->ready)
			continue;
		for (unsigned int k = 0; k < q->chains; k++) {
			uint64_t of = chain_bound(s, q->held[k]);

			bound += of;
			most = of > most ? of : most;
		}
		bound += q->entries * (s->raced ? most : 64);
	}
	if (!s->raced || bound > s->access_bound)
		s->access_bound = bound;
}

void safety_look(struct safety *s)
{
	safety_chains_tidy(s);
	for (unsigned int i = 0; i < s->p->queues; i++)
		look_at_queue(s, i);
	set_bound(s);
	s->stale = false;
}
