/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the driver sets queues up and stops them, right or wrong. guest_legacy.c has what only a
 * legacy driver does.
 */
#include "guest_internal.h"

#include <string.h>

#include "guest_legacy.h"

/* What the driver programs for a queue. */
struct guest_setup {
	unsigned int queue;
	uint32_t size;
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
	uint32_t ready;
	unsigned int skip; /* enum setup_skip */
};

void guest_fresh_queue(struct guest_driver *g, unsigned int queue, uint16_t size)
{
	struct guest_queue *q = &g->queue[queue];

	q->size = size;
	q->stopped = false;
	q->avail_idx = 0;
	q->last_used = 0;
	q->frees = size;
	q->head = 0;
	q->next = PVIRTQ_PLACE_WRAP;
	q->next_used = PVIRTQ_PLACE_WRAP;
	q->room = size;
	memset(q->entries, 0, size * sizeof(q->entries[0]));
	q->desc = guest_desc(g->p, queue);
	q->avail = guest_avail_ring(g->p, queue);
	q->used = guest_used_ring(g->p, queue);
	if (g->p->legacy)
		guest_legacy_place(q);
	for (uint16_t i = 0; i < size; i++) {
		q->free[i] = (uint16_t)(size - 1 - i);
		q->chain_more[i] = false;
	}
}

void guest_wait_for_reset(struct guest_driver *g, uint32_t reg)
{
	struct machine *m = g->bus->machine;

	for (unsigned int i = 0; i < FAKE_DISK_PENDING; i++) {
		if (!guest_get(g, reg) || !machine_waiting(m))
			return;
		machine_complete(m, 0, 0);
	}
}

static uint32_t in_use_register(const struct guest_driver *g)
{
	return g->p->legacy ? VIRTIO_MMIO_QUEUE_PFN : VIRTIO_MMIO_QUEUE_READY;
}

/* A device need not forget the high half of an address that was programmed before a reset. */
static void set_address(struct guest_driver *g, uint32_t low, uint64_t gpa, bool high_half)
{
	gpa = machine_gpa(g->bus->machine, gpa);
	high_half |= !g->bus->machine->exact;
	guest_reg(g, low, (uint32_t)gpa);
	if (high_half || gpa >> 32)
		guest_reg(g, low + 4, (uint32_t)(gpa >> 32));
}

static void setup_queue(struct guest_driver *g, const struct guest_setup *s, bool high_halves)
{
	guest_reg(g, VIRTIO_MMIO_QUEUE_SEL, s->queue);
	if (!(s->skip & SKIP_SIZE))
		guest_reg(g, VIRTIO_MMIO_QUEUE_SIZE, s->size);
	if (g->p->legacy) {
		guest_legacy_start_queue(g, s->queue);
		return;
	}
	if (!(s->skip & SKIP_DESC))
		set_address(g, VIRTIO_MMIO_QUEUE_DESC_LOW, s->desc, high_halves);
	if (!(s->skip & SKIP_DRIVER))
		set_address(g, VIRTIO_MMIO_QUEUE_DRIVER_LOW, s->driver, high_halves);
	if (!(s->skip & SKIP_DEVICE))
		set_address(g, VIRTIO_MMIO_QUEUE_DEVICE_LOW, s->device, high_halves);
	guest_reg(g, VIRTIO_MMIO_QUEUE_READY, s->ready);
}

static uint16_t choose_size(const struct guest_driver *g, unsigned int class)
{
	uint16_t size = setup_queue_size(class);

	return class == 0 || size > g->p->queue_size_max ? g->p->queue_size_max : size;
}

/* A queue where the driver keeps it. */
static struct guest_setup right_setup(const struct guest_driver *g, unsigned int queue,
				      uint16_t size)
{
	return (struct guest_setup){
		.queue = queue,
		.size = size,
		.desc = g->queue[queue].desc,
		.driver = g->queue[queue].avail,
		.device = g->queue[queue].used,
		.ready = 1,
	};
}

void guest_bring_up_queue(struct guest_driver *g, unsigned int queue, unsigned int class)
{
	uint16_t size = choose_size(g, class);
	struct guest_setup s = right_setup(g, queue, size);

	guest_fresh_queue(g, queue, size);
	if (!g->clean)
		guest_clear_rings(g, queue);
	setup_queue(g, &s, false);
}

static void spoil_setup(struct guest_setup *s, enum queue_wrong wrong, uint16_t size_max)
{
	switch (wrong) {
	case QUEUE_RIGHT:
	case QUEUE_NO_WAIT:
		break;
	case QUEUE_SIZE_ZERO:
		s->size = 0;
		break;
	case QUEUE_SIZE_ODD:
		s->size = size_max > 2 ? 3 : 0xffff;
		break;
	case QUEUE_SIZE_OVER:
		s->size = 2u * size_max;
		break;
	case QUEUE_DESC_ODD:
		s->desc += 8;
		break;
	case QUEUE_DRIVER_ODD:
		s->driver += 1;
		break;
	case QUEUE_DEVICE_ODD:
		s->device += 2;
		break;
	case QUEUE_DESC_OUTSIDE:
		s->desc = MAP_LOW_END;
		break;
	case QUEUE_DRIVER_OUTSIDE:
		s->driver = MAP_LOW_END;
		break;
	case QUEUE_DEVICE_OUTSIDE:
		s->device = UINT64_MAX - 3;
		break;
	case QUEUE_AT_END:
		s->desc = MAP_HIGH_END - 16ull * s->size;
		break;
	case QUEUE_PAST_END:
		s->desc = MAP_HIGH_END - 16ull * s->size + 16;
		break;
	case QUEUE_OVER_SEAM:
		s->desc = MAP_LOW_SEAM - 16;
		break;
	case QUEUE_HIGH:
		s->desc += MAP_HIGH - MAP_LOW;
		s->driver += MAP_HIGH - MAP_LOW;
		s->device += MAP_HIGH - MAP_LOW;
		break;
	case QUEUE_USED_PAST_END:
		s->device = MAP_HIGH_END - 8ull * s->size;
		break;
	case QUEUE_SIZE_HUGE:
		s->size = 0x10000u | s->size;
		break;
	case QUEUE_AVAIL_EVENT_PAST_END: /* 2.7.8 */
		s->device = MAP_HIGH_END - 4 - 8ull * s->size;
		break;
	case QUEUE_USED_EVENT_PAST_END: /* 2.7.6 */
		s->driver = MAP_LOW_END - 4 - 2ull * s->size;
		break;
	}
}

/* The device's own limit, which of a device that is not ours may be more than is used. */
static uint16_t largest(const struct guest_driver *g)
{
	const struct machine *m = g->bus->machine;

	return m->exact ? g->p->queue_size_max : m->offer.queue_size_max;
}

void guest_set_queue(struct guest_driver *g, const struct script_op *r)
{
	unsigned int queue = guest_pick_queue(g, r->queue.queue);
	uint16_t size = choose_size(g, r->queue.size);
	struct guest_legacy_setup legacy;
	struct guest_setup s;

	if (g->queue[queue].stopped && r->queue.wrong != QUEUE_NO_WAIT) {
		guest_reg(g, VIRTIO_MMIO_QUEUE_SEL, queue);
		guest_wait_for_reset(g, in_use_register(g));
	}
	guest_fresh_queue(g, queue, size);
	if (g->p->legacy)
		guest_legacy_choose(g, r, queue, &legacy);
	guest_clear_rings(g, queue);
	if (g->p->legacy) {
		guest_legacy_set_queue(g, r, queue, &legacy);
		return;
	}
	s = right_setup(g, queue, size);
	s.ready = r->queue.ready ^ 1u;
	s.skip = r->queue.skip;
	spoil_setup(&s, (enum queue_wrong)r->queue.wrong, largest(g));
	if (g->packed && s.size > 0 && s.size < size)
		guest_fresh_queue(g, queue, (uint16_t)s.size); /* an odd one is fine */
	setup_queue(g, &s, true);
	if (s.skip) /* whether it is taken */
		guest_get(g, VIRTIO_MMIO_QUEUE_READY);
}

/* The driver waits when it sets the queue up again. */
void guest_stop(struct guest_driver *g, const struct script_op *r)
{
	unsigned int queue = guest_pick_queue(g, r->stop.queue);

	guest_reg(g, VIRTIO_MMIO_QUEUE_SEL, queue);
	if (r->stop.how)
		guest_reg(g, VIRTIO_MMIO_QUEUE_RESET, 1);
	else
		guest_reg(g, in_use_register(g), 0);
	g->queue[queue].stopped = true;
}
