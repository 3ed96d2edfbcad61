/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many chains at once, each well-formed and in RAM of its own: what a device keeps of each, and by
 * which numbers it finds that, shows when there are many.
 */
#include "guest_internal.h"

/* In high RAM, of each chain: what is readable but data, the last writable byte, an indirect table;
 * and data, which all share. */
#define MANY_OWN   (MAP_HIGH + 0x400u)
#define MANY_BYTES 0x60u
#define MANY_LAST  0x20u
#define MANY_TABLE 0x30u
#define MANY_DATA  (MANY_OWN + SETUP_QUEUE_SIZE * MANY_BYTES)

/* Those that are free, the lowest first; returns how many. */
static unsigned int sort_heads(const struct guest_queue *q, uint16_t *sorted)
{
	uint64_t set[(SETUP_QUEUE_SIZE + 63) / 64] = { 0 };
	unsigned int count = 0;

	for (unsigned int i = 0; i < q->frees; i++)
		set[q->free[i] / 64] |= 1ull << (q->free[i] % 64);
	for (unsigned int head = 0; head < q->size; head++) {
		if (set[head / 64] >> (head % 64) & 1)
			sorted[count++] = (uint16_t)head;
	}
	return count;
}

/* They are taken from the end of the list. */
static void order_heads(struct guest_queue *q, enum heads order)
{
	uint16_t sorted[SETUP_QUEUE_SIZE];
	unsigned int count = order == HEADS_FREED ? 0 : sort_heads(q, sorted);

	for (unsigned int turn = 0; turn < count; turn++) {
		unsigned int high = order == HEADS_HIGH ? turn : turn / 2;

		q->free[count - 1 - turn] = order == HEADS_ENDS && turn % 2
						    ? sorted[turn / 2]
						    : sorted[count - 1 - high];
	}
	if (count)
		q->frees = (uint16_t)count;
}

void guest_many(struct guest_driver *g, const struct script_op *r)
{
	unsigned int queue = guest_pick_queue(g, r->many.queue);
	struct guest_queue *q = &g->queue[queue];
	unsigned int count = r->many.count == UINT8_MAX ? q->size : r->many.count + 1u;
	unsigned int flags = r->many.flags & (CHAIN_INDIRECT | CHAIN_MIXED);
	uint16_t place;

	order_heads(q, (enum heads)r->many.heads);
	for (unsigned int i = 0; i < count && i < q->size; i++) {
		struct guest_many_chain c = {
			.number = i,
			.own = MANY_OWN + i * MANY_BYTES,
			.last = MANY_OWN + i * MANY_BYTES + MANY_LAST,
			.data = MANY_DATA,
		};
		struct chain_plan plan;

		guest_plan(&plan, q, flags | CHAIN_QUIET, WRONG_NOTHING, 0);
		plan.table = c.own + MANY_TABLE;
		g->kind->one_of_many(g, r, queue, &c, &plan);
		place = guest_place_in_ring(g, queue);
		guest_submit(g, queue, &plan);
		if (guest_place_in_ring(g, queue) == place) /* there is no room */
			break;
	}
	if (!(r->many.flags & CHAIN_QUIET))
		guest_notify(g, queue, guest_place_in_ring(g, queue));
}
