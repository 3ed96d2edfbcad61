/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the driver does with its rings, of whichever layout.
 */
#include "guest_internal.h"

static const struct guest_ring *ring(const struct guest_driver *g)
{
	return g->packed ? &guest_packed : &guest_split;
}

void guest_clear_rings(struct guest_driver *g, unsigned int queue)
{
	ring(g)->clear(g, queue);
}

void guest_submit(struct guest_driver *g, unsigned int queue, struct chain_plan *plan)
{
	if (plan->pieces == 0)
		return;
	guest_spoil_pieces(g, plan, queue);
	if (plan->pieces > g->queue[queue].size && plan->wrong == WRONG_FULL)
		plan->pieces = g->queue[queue].size;
	ring(g)->submit(g, queue, plan);
}

static uint32_t chain_len(unsigned int class, uint64_t arg)
{
	const uint32_t len[16] = { 16,	  0,	      1,	  2,
				   12,	  64,	      100,	  512,
				   513,	  1526,	      4096,	  65536,
				   65535, 0x7fffffff, 0x80000000, (uint32_t)arg };

	return len[class % 16];
}

void guest_chain(struct guest_driver *g, const struct script_op *r)
{
	unsigned int queue = guest_pick_queue(g, r->chain.queue);
	uint32_t len = chain_len(r->chain.len, r->chain.arg);
	struct chain_plan plan;

	guest_plan(&plan, &g->queue[queue], r->chain.flags, r->chain.wrong, r->chain.arg);

	for (unsigned int i = 0; i < (r->chain.readable ^ 1u) % 24 + r->chain.writable % 24u; i++) {
		uint64_t at =
			r->chain.at ? r->chain.at : guest_place(g, r->chain.where, queue, len);

		guest_add_piece(&plan, at, len, i >= (r->chain.readable ^ 1u) % 24);
	}
	guest_submit(g, queue, &plan);
}

uint16_t guest_place_in_ring(const struct guest_driver *g, unsigned int queue)
{
	return ring(g)->place(&g->queue[queue]);
}

void guest_kick(struct guest_driver *g, const struct script_op *r)
{
	unsigned int queue = guest_pick_queue(g, r->kick.queue);

	if (r->kick.raw)
		guest_reg(g, VIRTIO_MMIO_QUEUE_NOTIFY, (uint32_t)r->kick.value);
	else
		guest_notify(g, queue, guest_place_in_ring(g, queue));
}

void guest_avail(struct guest_driver *g, const struct script_op *r)
{
	unsigned int queue = guest_pick_queue(g, r->avail.queue);

	ring(g)->avail(g, r, queue);
}

void guest_used(struct guest_driver *g, const struct script_op *r)
{
	unsigned int queue = guest_pick_queue(g, r->used.queue);

	ring(g)->reclaim(g, queue);
	ring(g)->ask(g, queue, r->used.event);
	guest_ack(g, r);
}

void guest_ack(struct guest_driver *g, const struct script_op *r)
{
	(void)r;
	guest_reg(g, VIRTIO_MMIO_INTERRUPT_ACK, guest_get(g, VIRTIO_MMIO_INTERRUPT_STATUS));
}

bool guest_returned(struct guest_driver *g, unsigned int queue)
{
	return ring(g)->returned(g, queue);
}

bool guest_round_trip(struct guest_driver *g, unsigned int queue, const void *out, size_t out_len,
		      uint64_t in_gpa, size_t in_len)
{
	struct chain_plan plan;
	/* the last byte by itself, as most drivers have it: many devices know nothing else */
	bool apart = !g->bus->machine->exact;

	guest_plan(&plan, &g->queue[queue], 0, WRONG_NOTHING, 0);
	if (out_len) {
		g->bus->ops->store(g->bus, GUEST_DATA, out, out_len);
		guest_add_piece(&plan, GUEST_DATA, out_len, false);
	}
	if (in_len)
		guest_add_stream(&plan, in_gpa, in_len, in_len - apart, 0, true);
	/* a short queue holds no more pieces: through a table if it may */
	if (plan.pieces > g->queue[queue].size)
		return true;
	guest_submit(g, queue, &plan);
	return guest_returned(g, queue);
}
