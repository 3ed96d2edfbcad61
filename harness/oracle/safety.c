/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the driver programs, calls into the device from beginning to end, and the end of a script.
 */
#include "safety_internal.h"

#include <stdlib.h>
#include <string.h>

#include "array_size.h"

/* ---- a new device ---- */

/* Chains lie apart: what is looked at of all queues is near together. */
static void create_queue(struct safety_queue *q)
{
	struct safety_chain *chain = calloc(SAFETY_CHAINS, sizeof(*chain));

	q->held = calloc(SAFETY_CHAINS, sizeof(struct safety_chain *));
	q->wild_at = calloc(SETUP_QUEUE_SIZE, sizeof(struct safety_chain *));
	if (!chain || !q->held || !q->wild_at)
		abort();
	for (unsigned int i = 0; i < SAFETY_CHAINS; i++)
		q->held[i] = &chain[i];
}

void safety_create(struct safety *s, struct oracle *oracle)
{
	memset(s, 0, sizeof(*s));
	s->oracle = oracle;
	s->segment = calloc(SAFETY_SEGMENTS, sizeof(*s->segment));
	s->fetch = calloc(SAFETY_FETCHES, sizeof(*s->fetch));
	if (!s->segment || !s->fetch)
		abort();
	for (unsigned int i = 0; i < SETUP_QUEUES; i++)
		create_queue(&s->queue[i]);
}

void safety_attach(struct safety *s, const struct safety_ram *ram, bool tapped, bool exact)
{
	memcpy(s->ram, ram, sizeof(s->ram));
	s->tapped = tapped;
	s->exact = exact;
}

/* What was under way may be on the disk, or not. */
static void forget_queue(struct safety *s, struct safety_queue *q)
{
	s->disk.unknown |= q->chains > 0;
	s->hit = NULL;
	if (q->chains)
		memset(q->named, 0, sizeof(q->named));
	memset(q, 0, offsetof(struct safety_queue, named));
	q->chains = 0;
}

static void forget(struct safety *s)
{
	for (unsigned int i = 0; i < s->p->queues; i++)
		forget_queue(s, &s->queue[i]);
	s->segments = 0;
	s->live = 0;
	s->over_rings = false;
	s->status = 0;
	s->features[0] = s->features[1] = 0;
	s->features_final = false;
	s->off = false;
	s->features_sel = 0;
	s->queue_sel = 0;
	s->sel_known = s->exact; /* the specification does not say what a reset makes of it */
	/* the same on two devices, whatever was free before */
	s->order = (s->order | UINT32_MAX) + 1;
}

void safety_start(struct safety *s, const struct setup *p, const struct anvil_features *offered)
{
	s->p = p;
	s->offered = *offered;
	safety_work_abandoned(); /* the last script may have ended within a call */
	forget(s);
	s->broken_rule = 0;
	s->had = 0;
	s->device_status = 0;
	s->resetting = false;
	s->reset_goes_on = false;
	s->stopping = -1;
	s->starting = -1;
	s->sel_known = true;
	s->page_size = 0;
	s->stale = false;
	s->raced = false;
	s->order = 0;
	s->accesses = 0;
	s->access_bound = s->exact ? 0 : SAFETY_ACCESSES_LEAST;
	if (s->exact)
		return;
	safety_blk_start(s);
	safety_net_start(s);
}

/* ---- calls ---- */

void safety_event(struct safety *s)
{
	s->call++;
	s->accesses = 0;
	safety_work_begins(s);
	s->stale |= s->raced;
	s->raced = false;
	s->overlaps = false;
	if (s->stale)
		safety_look(s);
}

void safety_polls(struct safety *s)
{
	s->accesses = 0;
	safety_work_ends(s);
	safety_work_begins(s);
}

void safety_raced(struct safety *s)
{
	s->raced = true;
	safety_look(s);
}

/* One that goes on where the last one ended, or is inside it, is one with it. */
static void note_store(struct safety *s, uint64_t gpa, size_t len)
{
	struct safety_span *last = s->stores ? &s->store[s->stores - 1] : NULL;
	uint64_t to = gpa + len;

	if (s->stores >= SAFETY_STORES)
		return;
	if (to < gpa)
		s->stores = SAFETY_STORES;
	else if (last && gpa >= last->from && gpa <= last->to)
		last->to = to > last->to ? to : last->to;
	else
		s->store[s->stores++] = (struct safety_span){ gpa, to };
}

void safety_guest_stored(struct safety *s, uint64_t gpa, size_t len)
{
	s->stale = true;
	note_store(s, gpa, len);
	if (!s->exact)
		safety_guest_stirs(s, gpa, len);
	SAFETY_EACH_LIVE(s, i)
	{
		struct safety_queue *q = &s->queue[i];

		if (!q->packed && safety_meets(gpa, len, q->device, q->parts.device))
			q->broken = q->confused = true;
	}
}

/* ---- registers ---- */

static void program(struct safety_queue *q, uint64_t offset, uint32_t value)
{
	unsigned int part = (unsigned int)(offset - VIRTIO_MMIO_QUEUE_DESC_LOW) / 0x10;
	uint64_t *address = &q->address[part];

	q->written |= 1u << (2 * part + !!(offset % 8));
	if (offset % 8)
		*address = (*address & UINT32_MAX) | (uint64_t)value << 32;
	else
		*address = (*address & ~(uint64_t)UINT32_MAX) | value;
}

/* As they are when the queue begins to run. */
static void place_rings(struct safety *s, struct safety_queue *q)
{
	uint64_t align = q->align ? q->align : 1;

	q->entries = q->size;
	q->desc = q->address[0];
	q->driver = q->address[1];
	q->device = q->address[2];
	if (!s->p->legacy)
		return;
	q->desc *= s->page_size; /* the page's number */
	q->driver = q->desc + 16ull * q->size;
	q->device = (q->driver + 6 + 2ull * q->size + align - 1) / align * align;
}

static struct safety_parts parts_of(const struct safety_queue *q)
{
	uint64_t n = q->entries;

	if (q->packed)
		return (struct safety_parts){ 16 * n, PVIRTQ_EVENT_SIZE, PVIRTQ_EVENT_SIZE };
	return (struct safety_parts){ 16 * n, 6 + 2 * n, 6 + 8 * n };
}

static bool overlap(const struct safety_queue *a, const struct safety_queue *b)
{
	struct safety_parts parts_a = a->parts;
	struct safety_parts parts_b = b->parts;
	const uint64_t of_a[3][2] = { { a->desc, parts_a.desc },
				      { a->driver, parts_a.driver },
				      { a->device, parts_a.device } };
	const uint64_t of_b[3][2] = { { b->desc, parts_b.desc },
				      { b->driver, parts_b.driver },
				      { b->device, parts_b.device } };

	for (unsigned int i = 0; i < 9; i++) {
		const uint64_t *x = of_a[i / 3];
		const uint64_t *y = of_b[i % 3];

		if ((a != b || i / 3 != i % 3) && safety_meets(x[0], x[1], y[0], y[1]))
			return true;
	}
	return false;
}

/* Rings over rings: what stands there may be the one's or the other's. */
static void look_for_overlaps(struct safety *s, struct safety_queue *q)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		struct safety_queue *other = &s->queue[i];

		if (!other->ready || !overlap(q, other))
			continue;
		q->broken = q->confused = true;
		other->broken = other->confused = true;
	}
}

/*
 * By 4.2.2.2 a driver stops a queue by writing 0 to QueueReady. Whether a device that is told to
 * go on with it begins at its first entry or where it was is not said, but for a queue reset
 * (2.6.1).
 */
static void pause_queue(struct safety *s, struct safety_queue *q)
{
	q->paused |= q->ready && !s->exact;
	q->was_reset = false;
	s->stopping = (int)s->queue_sel;
}

/* What a device makes of another one is its own affair. */
static bool is_size(const struct safety_queue *q)
{
	bool power_of_two = (q->entries & (q->entries - 1)) == 0; /* 2.7 */

	return q->entries && q->entries <= SETUP_QUEUE_SIZE && (q->packed || power_of_two);
}

bool safety_queue_was_reset(const struct safety *s)
{
	const struct safety_queue *q = &s->queue[s->queue_sel % SETUP_QUEUES];

	return s->queue_sel < s->p->queues && q->was_reset && q->stopping;
}

void safety_queue_runs(struct safety *s, bool before, bool resets, bool runs)
{
	struct safety_queue *q;

	s->starting = -1;
	if (s->queue_sel >= s->p->queues) { /* it has more than the script has */
		s->off |= runs && !s->exact;
		return;
	}
	q = &s->queue[s->queue_sel];
	if (!runs && q->ready)
		pause_queue(s, q);
	if (!runs || (before && !q->ready))
		return;
	if (q->ready) {
		s->off |= !s->exact;
		return;
	}
	/* what a device keeps over a reset, or has at first, is its own affair */
	if (!s->exact && !s->p->legacy && q->written != SAFETY_WROTE_ALL)
		s->off = true;
	place_rings(s, q);
	q->packed = safety_accepted(s, VIRTIO_F_RING_PACKED);
	if (!is_size(q)) {
		s->off |= !s->exact;
		return;
	}
	q->ready = true;
	q->parts = parts_of(q);
	s->live |= 1ull << s->queue_sel;
	q->walked = q->used = q->packed ? PVIRTQ_PLACE_WRAP : 0;
	q->broken = q->stopping && (resets || !q->was_reset);
	q->was_reset = false;
	if (q->paused)
		safety_queue_wild(q);
	s->stale = true;
	look_for_overlaps(s, q);
	safety_chains_meet_rings(s);
}

/* Others may look at its rings at once, at where the driver is, say. */
static void start_queue(struct safety *s, struct safety_queue *q)
{
	if (s->exact || q->ready)
		return;
	place_rings(s, q);
	q->packed = safety_accepted(s, VIRTIO_F_RING_PACKED);
	q->parts = parts_of(q);
	s->starting = (int)s->queue_sel;
}

/* 3.1.1, 3.4.2: when a device that is exact lets its queues be set up. */
static bool exact_lets_program(const struct safety *s)
{
	const uint32_t begun = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
	const uint32_t agreed = begun | VIRTIO_STATUS_FEATURES_OK;

	if (s->reset_goes_on)
		return false;
	if (s->p->legacy)
		return (s->device_status & ~VIRTIO_STATUS_DRIVER_OK) == begun;
	return s->device_status == agreed ||
	       (s->device_status == (agreed | VIRTIO_STATUS_DRIVER_OK) &&
		safety_accepted(s, VIRTIO_F_RING_RESET));
}

static bool may_program(const struct safety *s, const struct safety_queue *q, bool in_use)
{
	return !q->ready && (!s->exact || (!in_use && exact_lets_program(s)));
}

/* 2.6.1: what the driver has programmed is gone, also of a queue that does not run. */
static void reset_queue(struct safety *s, struct safety_queue *q)
{
	bool stopping = q->stopping;

	s->stopping = (int)s->queue_sel;
	q->paused = false;
	q->was_reset = true;
	if (q->ready)
		return; /* at the end of the call */
	forget_queue(s, q);
	q->stopping = stopping;
	q->was_reset = true;
}

static void write_queue(struct safety *s, uint64_t offset, uint32_t value, bool in_use)
{
	struct safety_queue *q;

	if (s->queue_sel >= s->p->queues)
		return;
	q = &s->queue[s->queue_sel];
	if (!s->sel_known)
		s->off = true;
	if (safety_programs(offset) && !may_program(s, q, in_use)) {
		s->off |= !s->exact; /* what others make of that is their own affair */
		return;
	}
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_SIZE:
		q->size = value;
		q->written |= SAFETY_WROTE_SIZE;
		return;
	case VIRTIO_MMIO_QUEUE_ALIGN:
		q->align = value;
		return;
	case VIRTIO_MMIO_QUEUE_PFN:
		if (s->p->legacy && !q->ready)
			q->address[0] = value;
		if (s->p->legacy && !value)
			pause_queue(s, q);
		s->features_final |= value && may_program(s, q, in_use);
		if (s->p->legacy && value)
			start_queue(s, q);
		return;
	case VIRTIO_MMIO_QUEUE_READY:
		if (!s->p->legacy && value == 0)
			pause_queue(s, q);
		else if (!s->p->legacy)
			start_queue(s, q);
		return;
	case VIRTIO_MMIO_QUEUE_RESET:
		if (!s->p->legacy && value == 1 && safety_accepted(s, VIRTIO_F_RING_RESET))
			reset_queue(s, q);
		s->off |= value != 1 && !s->exact;
		return;
	default:
		if (!s->p->legacy && offset >= VIRTIO_MMIO_QUEUE_DESC_LOW &&
		    offset <= VIRTIO_MMIO_QUEUE_DEVICE_HIGH && offset % 0x10 <= 4)
			program(q, offset, value);
	}
}

/* 2.2: when a device takes them. What others make of them at another time is their own affair. */
static bool may_accept(struct safety *s)
{
	const uint32_t begun = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
	uint32_t final = s->p->legacy ? VIRTIO_STATUS_DRIVER_OK : VIRTIO_STATUS_FEATURES_OK;

	if (s->exact)
		return s->device_status == begun && !s->features_final;
	if (s->device_status & final)
		return false;
	s->off |= !(s->device_status & VIRTIO_STATUS_DRIVER);
	return true;
}

static void write_features(struct safety *s, uint32_t value)
{
	unsigned int shift = s->features_sel % 2 * 32;

	if (s->features_sel >= 4 || !may_accept(s))
		return;
	s->stores = SAFETY_STORES; /* a chain may be another one with another feature */
	s->features[s->features_sel / 2] &= ~((uint64_t)UINT32_MAX << shift);
	s->features[s->features_sel / 2] |= (uint64_t)value << shift;
}

void safety_write(struct safety *s, uint64_t offset, unsigned int width, uint64_t value,
		  bool in_use)
{
	safety_event(s);
	if (width != 4 || offset % 4) {
		s->off |= !s->exact && offset < VIRTIO_MMIO_CONFIG;
		return;
	}
	switch (offset) {
	case VIRTIO_MMIO_STATUS:
		s->resetting = !(uint32_t)value;
		s->status |= (uint32_t)value;
		return;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		s->features_sel = (uint32_t)value;
		return;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_features(s, (uint32_t)value);
		return;
	case VIRTIO_MMIO_QUEUE_SEL:
		s->queue_sel = (uint32_t)value;
		s->sel_known = true;
		return;
	case VIRTIO_MMIO_GUEST_PAGE_SIZE:
		s->page_size = (uint32_t)value;
		return;
	default:
		write_queue(s, offset, (uint32_t)value, in_use);
	}
}

/* ---- the end of a call ---- */

/* What the driver has programmed for it is gone, too; for a queue that does not run it stays. */
static void stop(struct safety *s, unsigned int queue)
{
	struct safety_queue *q = &s->queue[queue];
	bool stopping = q->stopping || q->chains;
	bool paused = q->paused;
	bool was_reset = q->was_reset;

	if (!q->ready)
		return;
	forget_queue(s, q);
	s->live &= ~(1ull << queue);
	q->stopping = stopping;
	q->paused = paused;
	q->was_reset = was_reset;
}

/* 2.2.2: it must not say FEATURES_OK to what it did not offer. */
static void check_features(struct safety *s)
{
	uint64_t more[2] = { s->features[0] & ~s->offered.word[0],
			     s->features[1] & ~s->offered.word[1] };

	if (!s->p->legacy && s->device_status & VIRTIO_STATUS_FEATURES_OK && (more[0] || more[1]))
		safety_fail(s, 7, "accepts features that it does not offer: 0x%llx, 0x%llx",
			    (unsigned long long)more[0], (unsigned long long)more[1]);
}

void safety_settle(struct safety *s, uint32_t status)
{
	bool agreed = s->device_status & VIRTIO_STATUS_FEATURES_OK;

	s->device_status = status;
	s->reset_goes_on = (s->resetting || s->reset_goes_on) && status;
	if (!agreed && !s->off && !s->resetting)
		check_features(s);
	if (status & VIRTIO_STATUS_FEATURES_OK || s->p->legacy)
		s->had |= s->features[0];
	if (s->resetting)
		forget(s);
	if (s->stopping >= 0)
		stop(s, (unsigned int)s->stopping);
	/* a thread may have carried out what is forgotten now */
	s->disk.unknown |= s->overlaps && (s->resetting || s->stopping >= 0);
	s->resetting = false;
	s->stopping = -1;
	s->starting = -1;
	for (unsigned int i = 0; status & VIRTIO_STATUS_NEEDS_RESET && i < s->p->queues; i++)
		s->queue[i].broken = true;
	if (!s->exact && s->p->kind == DEVICE_BLK)
		safety_blk_settle(s);
	else if (!s->exact)
		safety_net_settle(s);
	if (s->broken_rule)
		oracle_fail(s->oracle, s->broken_rule, "%s", s->reason);
}

void safety_restored(struct safety *s)
{
	s->off = true;
}

/* ---- the end of a script ---- */

bool safety_queue_live(const struct safety *s, unsigned int queue)
{
	const uint32_t begun = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
	uint32_t live =
		s->p->legacy ? begun : begun | VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK;

	return s->queue[queue].ready && (s->device_status & live) == live &&
	       !(s->device_status & (VIRTIO_STATUS_NEEDS_RESET | VIRTIO_STATUS_FAILED));
}

/* Whether the device has a use for the queue, with the features that were accepted. */
static bool is_used(const struct safety *s, unsigned int queue)
{
	bool many = s->p->kind == DEVICE_NET ? safety_accepted(s, VIRTIO_NET_F_MQ) ||
						       safety_accepted(s, VIRTIO_NET_F_RSS)
					     : safety_accepted(s, VIRTIO_BLK_F_MQ);
	unsigned int pairs = many ? s->p->pairs : 1;

	if (s->p->kind == DEVICE_NET)
		return queue < 2 * pairs ||
		       (queue == 2 * pairs && safety_accepted(s, VIRTIO_NET_F_CTRL_VQ));
	return s->p->kind != DEVICE_BLK || queue == 0 || many;
}

static bool is_owed(const struct safety_chain *c)
{
	return !c->wild && !c->vague && !c->now.malformed;
}

void safety_drained(struct safety *s, unsigned int queue)
{
	const struct safety_queue *q = &s->queue[queue];
	bool receives = s->p->kind == DEVICE_NET && queue % 2 == 0 && queue < 2 * s->p->pairs;

	if (!safety_queue_live(s, queue) || q->broken || s->off || !is_used(s, queue))
		return;
	for (unsigned int i = 0; i < q->chains; i++) {
		const struct safety_chain *c = q->held[i];

		/* of a receive queue, a chain that another one has overtaken */
		if (is_owed(c) && (!receives || c->order < q->newest))
			safety_fail(s, 4, "queue %u: chain %u is never given back", queue, c->id);
	}
}
