/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The oracle as a whole: a new device, and what has to hold at the end of each call.
 */
#include <string.h>

#include "oracle_internal.h"

static const struct oracle_kind *const kinds[DEVICE_KINDS] = {
	[DEVICE_BLK] = &oracle_kind_blk,
	[DEVICE_NET] = &oracle_kind_net,
	[DEVICE_ECHO] = &oracle_kind_echo,
};

/*
 * In one call: each chain of a full ring, as long as may be, with a few accesses for each
 * descriptor and each chain; and no more than a device of ours promises (ANVIL_DEVICE_ACCESSES).
 */
static uint64_t calls_accesses(const struct oracle_kind *kind, const struct setup *p)
{
	uint64_t promised = 5 * 16384 + 8ull * p->queue_size_max + 512;
	uint64_t rings = (p->queue_size_max + 8ull) * (4ull * p->queue_size_max + 32);

	if (kind->keeps && p->queues > 1) /* a free slot may serve all queues */
		rings *= p->queues + 1;
	rings *= p->pairs; /* when the nic can send again, all of them do */
	return rings < promised ? rings : promised;
}

/* What the last script left in flight is not, before others get the storage of its chains. */
static void share_out_chains(struct oracle *o, const struct setup *p)
{
	for (unsigned int i = 0; i < o->had_queues; i++) {
		struct model_queue *q = &o->queue[i];

		for (unsigned int k = 0; k < q->helds; k++)
			q->held[k]->taken = false;
		q->helds = 0;
	}
	for (unsigned int i = 0; i < p->queues; i++)
		o->queue[i].chain = o->chain + (size_t)i * p->queue_size_max;
	o->had_queues = p->queues;
}

void oracle_start(struct oracle *o, const struct setup *p, jmp_buf *escape)
{
	share_out_chains(o, p);
	o->p = p;
	o->kind = kinds[p->kind];
	o->escape = escape;
	o->broken_rule = 0;
	o->digest = (struct oracle_digest){ 0 };
	o->reason[0] = 0;
	o->generation = 0;
	o->page_size = 0;
	o->config_late = 0;
	o->irq = false;
	o->in_read = false;
	o->access_bound = calls_accesses(o->kind, p);
	o->saw_jump = false;
	o->accesses = 0;
	o->walk.active = false;
	o->last = NULL;
	o->logs = 0;
	o->log_used = 0;
	o->current = NULL;
	o->order = 0;
	o->at_disk = 0;
	o->resetting = 0;
	o->capacity = p->capacity;
	memset(o->config, 0, sizeof(o->config));
	memset(o->net.waiting, 0, sizeof(o->net.waiting));
	oracle_clear_registers(o);
	o->kind->reset(o, true);
}

/* ---- the end of a call ---- */

static void settle_queue(struct oracle *o, unsigned int queue)
{
	const struct model_queue *q = &o->queue[queue];

	if (!q->ready)
		return;
	if (q->filled)
		oracle_fail(o, 4, "queue %u: %u used entries are not published", queue, q->filled);
	if (q->must_ask)
		oracle_fail(o, 4, "queue %u: did not ask whether the driver wants to hear", queue);
	if (!oracle_queue_live(o, queue) || (q->helds && !o->kind->keeps) || q->gave_back ||
	    oracle_jumped(q) || o->suspending)
		return;
	if (o->kind->receives && o->kind->receives(o, queue))
		return; /* it asks when it needs buffers: oracle_frame_ends */
	if (o->kind->keeps && o->at_disk >= o->p->slots)
		return; /* it looks when a slot is free */
	if (o->kind->keeps && q->notified)
		oracle_fail(o, 4, "queue %u: was notified, has a slot, and does not look", queue);
	if (q->must_look)
		oracle_fail(o, 4, "queue %u: resumed, and did not look for chains", queue);
	if (oracle_sees_more(q))
		oracle_fail(o, 4, "queue %u: saw that there are chains and left them alone", queue);
	if (!oracle_asks_to_notify(o, queue))
		oracle_fail(o, 4, "queue %u is empty, and the driver is not asked to notify",
			    queue);
}

/* A jump need not be noticed at once: the device may have no reason to take a chain now. */
static bool may_break(const struct oracle *o, enum milestone *m)
{
	for (unsigned int i = 0; i < o->p->queues; i++) {
		*m = o->queue[i].packed ? MILESTONE_PACKED_BREAK_WITHDRAWN : MILESTONE_BREAK_INDEX;
		if (oracle_queue_live(o, i) && oracle_jumped(&o->queue[i]))
			return true;
	}
	return false;
}

/* In order, what is done may wait for what was taken before it. */
static bool may_wait(struct oracle *o)
{
	if (!oracle_accepted(o, VIRTIO_F_IN_ORDER))
		return false;
	for (unsigned int i = 0; i < o->p->queues; i++) {
		if (oracle_queue_live(o, i) && o->queue[i].helds > 1) {
			hit(MILESTONE_RING_IN_ORDER);
			return true;
		}
	}
	return o->logs == 0;
}

/* Suspend completes when the last chain in flight is returned. */
static void settle_suspend(struct oracle *o)
{
	if (!o->suspending || o->status != ORACLE_STATUS_LIVE)
		return;
	for (unsigned int i = 0; i < o->p->queues; i++) {
		if (o->queue[i].helds || oracle_draining(o)) {
			hit(MILESTONE_SUSPEND_WAITS);
			return;
		}
	}
	hit(MILESTONE_SUSPENDED);
	o->suspending = false;
	o->status = ORACLE_STATUS_LIVE - VIRTIO_STATUS_DRIVER_OK + VIRTIO_STATUS_SUSPEND;
}

void oracle_settle(struct oracle *o, uint32_t status)
{
	enum milestone m;

	if (oracle_has_allocated(o))
		oracle_fail(o, 10, "allocates memory while a guest drives it");
	if (o->walk.active)
		oracle_fail(o, 4, "stops in the middle of a chain of queue %u", o->walk.queue);
	if (o->logs && !may_wait(o))
		oracle_fail(o, 3, "stores at 0x%llx for a chain that it does not give back",
			    (unsigned long long)o->log[0].gpa);
	if (status & VIRTIO_STATUS_NEEDS_RESET && !(o->status & VIRTIO_STATUS_NEEDS_RESET) &&
	    may_break(o, &m))
		oracle_must_break(o, m);
	settle_suspend(o);
	if (status != oracle_status(o))
		oracle_fail(o,
			    o->resetting || !o->status			      ? 6
			    : status & ~o->status & VIRTIO_STATUS_NEEDS_RESET ? 4
									      : 7,
			    "status is 0x%02x instead of 0x%02x", status, oracle_status(o));
	if (o->irq != (o->interrupts != 0))
		oracle_fail(o, 4, "the interrupt line is %s, events 0x%x are due",
			    o->irq ? "up" : "down", o->interrupts);
	for (unsigned int i = 0; i < o->p->queues; i++)
		settle_queue(o, i);
	if (o->kind->settle)
		o->kind->settle(o);
	o->last = NULL;
}
