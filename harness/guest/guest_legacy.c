/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues by page number: rightly, and in each way that the numbers allow wrongly.
 */
#include "guest_legacy.h"

#include "guest_internal.h"

#define PAGE 0x1000u

/* The largest alignment that keeps a queue of ours within GUEST_RING_BYTES */
static uint32_t right_align(uint32_t size)
{
	return size > 128 ? 0x400 : PAGE;
}

/* Bytes from the descriptor table to the used ring (2.7.2), for a table at a multiple of both. */
static uint64_t used_offset(uint64_t size, uint64_t align)
{
	return (16 * size + 2 * (3 + size) + align - 1) / align * align;
}

void guest_legacy_place(struct guest_queue *q)
{
	q->avail = q->desc + 16ull * q->size;
	q->used = q->desc + used_offset(q->size, right_align(q->size));
}

/* The page at which the device has what is on this one. */
static void write_pfn(struct guest_driver *g, uint32_t pfn, uint32_t page_size)
{
	uint64_t gpa = machine_gpa(g->bus->machine, (uint64_t)pfn * page_size);

	guest_reg(g, VIRTIO_MMIO_QUEUE_PFN,
		  page_size && !g->bus->machine->exact ? (uint32_t)(gpa / page_size) : pfn);
}

void guest_legacy_begin(struct guest_driver *g)
{
	guest_reg(g, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE);
}

void guest_legacy_start_queue(struct guest_driver *g, unsigned int queue)
{
	const struct guest_queue *q = &g->queue[queue];

	guest_reg(g, VIRTIO_MMIO_QUEUE_ALIGN, right_align(q->size));
	write_pfn(g, (uint32_t)(q->desc / PAGE), PAGE);
}

/* operand `wrong` of queue, for legacy drivers */
enum legacy_wrong {
	LEGACY_RIGHT,
	LEGACY_SIZE_ZERO,
	LEGACY_SIZE_ODD,
	LEGACY_SIZE_OVER,
	LEGACY_ALIGN_ZERO,
	LEGACY_ALIGN_ODD, /* no power of 2 */
	LEGACY_ALIGN_TWO, /* too small for a used ring */
	LEGACY_ALIGN_HUGE,
	LEGACY_PAGE_ZERO,
	LEGACY_PFN_HUGE, /* the last page that there can be */
	LEGACY_AT_END,	 /* as close to the end of RAM as fits */
	LEGACY_PAST_END, /* 16 bytes further */
	LEGACY_OVER_SEAM,
	LEGACY_HIGH,
	LEGACY_PAGE_ODD,
	LEGACY_SIZE_HUGE,
	LEGACY_PFN_CHANGED,  /* once more with another page */
	LEGACY_PAGE_CHANGED, /* another page size, then the page once more */
};

static void put_at(struct guest_legacy_setup *s, uint64_t gpa)
{
	s->page_size = 16;
	s->align = 4;
	s->pfn = (uint32_t)(gpa / s->page_size);
}

static uint64_t queue_bytes(const struct guest_legacy_setup *s)
{
	return used_offset(s->size, 4) + 4 + 8ull * s->size;
}

static void spoil_numbers(struct guest_legacy_setup *s, enum legacy_wrong wrong, uint16_t size_max)
{
	if (wrong == LEGACY_SIZE_ZERO)
		s->size = 0;
	else if (wrong == LEGACY_SIZE_ODD)
		s->size = size_max > 2 ? 3 : 0xffff;
	else if (wrong == LEGACY_SIZE_OVER)
		s->size = 2u * size_max;
	else if (wrong == LEGACY_SIZE_HUGE)
		s->size |= 0x10000;
	else if (wrong == LEGACY_ALIGN_ZERO)
		s->align = 0;
	else if (wrong == LEGACY_ALIGN_ODD)
		s->align = 0x600;
	else if (wrong == LEGACY_ALIGN_TWO)
		s->align = 2;
	else if (wrong == LEGACY_ALIGN_HUGE)
		s->align = 0x80000000;
	else if (wrong == LEGACY_PAGE_ZERO)
		s->page_size = 0;
}

static void spoil_place(struct guest_legacy_setup *s, enum legacy_wrong wrong)
{
	if (wrong == LEGACY_PFN_HUGE) {
		s->page_size = 0x80000000;
		s->pfn = UINT32_MAX;
	} else if (wrong == LEGACY_AT_END) {
		put_at(s, MAP_HIGH_END - queue_bytes(s));
	} else if (wrong == LEGACY_PAST_END) {
		put_at(s, MAP_HIGH_END - queue_bytes(s) + 16);
	} else if (wrong == LEGACY_PAGE_ODD) { /* all else is fine */
		s->page_size = 3 * PAGE;
		s->pfn = (uint32_t)((MAP_LOW + s->page_size - 1) / s->page_size);
	} else if (wrong == LEGACY_OVER_SEAM) {
		put_at(s, (MAP_LOW_SEAM - queue_bytes(s) / 2) / 64 * 64 + 16);
		s->align = 64; /* what counts is the address, not the distance */
	} else if (wrong == LEGACY_HIGH) {
		s->page_size = 0x10000;
		s->pfn = (uint32_t)(MAP_HIGH / s->page_size);
	}
}

/* The driver follows to a place that is fine. */
static void follow(struct guest_queue *q, const struct guest_legacy_setup *s)
{
	q->desc = (uint64_t)s->pfn * s->page_size;
	q->avail = q->desc + 16ull * q->size;
	q->used = (q->avail + 6 + 2ull * q->size + s->align - 1) / s->align * s->align;
}

void guest_legacy_choose(struct guest_driver *g, const struct script_op *r, unsigned int queue,
			 struct guest_legacy_setup *s)
{
	struct guest_queue *q = &g->queue[queue];
	enum legacy_wrong wrong = (enum legacy_wrong)r->queue.wrong;

	*s = (struct guest_legacy_setup){
		.page_size = PAGE,
		.size = q->size,
		.align = right_align(q->size),
		.pfn = (uint32_t)(q->desc / PAGE),
	};
	spoil_numbers(s, wrong, g->p->queue_size_max);
	spoil_place(s, wrong);
	if (wrong == LEGACY_AT_END || wrong == LEGACY_OVER_SEAM || wrong == LEGACY_HIGH)
		follow(q, s);
	if (r->queue.ready) /* of all other values, 1 stops it */
		s->pfn = r->queue.ready ^ 1u;
}

void guest_legacy_set_queue(struct guest_driver *g, const struct script_op *r, unsigned int queue,
			    const struct guest_legacy_setup *s)
{
	enum legacy_wrong wrong = (enum legacy_wrong)r->queue.wrong;

	if (!(r->queue.skip & SKIP_PAGE_SIZE))
		guest_reg(g, VIRTIO_MMIO_GUEST_PAGE_SIZE, s->page_size);
	guest_reg(g, VIRTIO_MMIO_QUEUE_SEL, queue);
	if (!(r->queue.skip & SKIP_SIZE))
		guest_reg(g, VIRTIO_MMIO_QUEUE_SIZE, s->size);
	if (!(r->queue.skip & SKIP_ALIGN))
		guest_reg(g, VIRTIO_MMIO_QUEUE_ALIGN, s->align);
	write_pfn(g, s->pfn, s->page_size);
	if (wrong == LEGACY_PAGE_CHANGED)
		guest_reg(g, VIRTIO_MMIO_GUEST_PAGE_SIZE, 2 * PAGE);
	if (wrong == LEGACY_PAGE_CHANGED || wrong == LEGACY_PFN_CHANGED)
		write_pfn(g, s->pfn + 1, s->page_size);
	guest_get(g, VIRTIO_MMIO_QUEUE_PFN);
}
