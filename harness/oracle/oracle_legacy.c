/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion on the register window of version 1 (4.2.4), with numbers of its own.
 */
#include "oracle_internal.h"

#define LEGACY_PAGE_SIZE 0x28u
#define LEGACY_ALIGN	 0x3cu
#define LEGACY_PFN	 0x40u

static bool power_of_2(uint32_t n)
{
	return n && !(n & (n - 1));
}

static uint64_t next_multiple(uint64_t n, uint64_t of)
{
	return n % of ? n - n % of + of : n;
}

static void features_are_final(struct oracle *o)
{
	if (o->agreed)
		return;
	oracle_cut_features(o);
	o->agreed = true;
	oracle_agreed(o);
}

static void write_status(struct oracle *o, uint32_t value)
{
	uint32_t now = o->status & (SAID_LEGACY_DRIVER_OK | VIRTIO_STATUS_FAILED);
	/* there is no FEATURES_OK, and NEEDS_RESET is the device's */
	uint32_t wish = value & ~(VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_NEEDS_RESET);

	if (o->resetting) {
		oracle_write_status_early(o, value);
	} else if (value == 0) {
		oracle_reset(o);
	} else if (wish == (now | VIRTIO_STATUS_FAILED)) {
		hit(MILESTONE_STATUS_FAILED);
		o->status |= VIRTIO_STATUS_FAILED;
	} else if ((now == 0 && (wish == SAID_ACKNOWLEDGE || wish == SAID_DRIVER)) ||
		   (now == SAID_ACKNOWLEDGE && wish == SAID_DRIVER)) {
		o->status |= wish;
	} else if (now == SAID_DRIVER && wish == SAID_LEGACY_DRIVER_OK) {
		hit(MILESTONE_LEGACY_LIVE);
		o->status |= VIRTIO_STATUS_DRIVER_OK;
		features_are_final(o);
		if (o->kind->driver_ok)
			o->kind->driver_ok(o);
	} else if (wish != now) {
		hit(MILESTONE_STATUS_REFUSED);
	}
}

/* 2.7.2: descriptors, available ring with used_event, padding, used ring */
static void place(struct oracle *o, uint32_t pfn)
{
	struct model_queue *q = &o->queue[o->queue_sel];

	if (!power_of_2(o->page_size)) {
		hit(MILESTONE_LEGACY_BAD_PAGE);
		return;
	}
	if (!power_of_2(q->align)) {
		hit(MILESTONE_LEGACY_BAD_ALIGN);
		return;
	}
	if (q->size == 0 || q->size > 32768) {
		hit(MILESTONE_QUEUE_BAD_SIZE);
		return;
	}
	q->desc = (uint64_t)o->page_size * pfn;
	q->driver = q->desc + 16ull * q->size;
	q->device = next_multiple(q->driver + 6 + 2ull * q->size, q->align);
	q->pfn = pfn;
	if (q->desc > UINT32_MAX)
		hit(MILESTONE_LEGACY_HIGH);
	oracle_start_queue(o, q);
}

static void write_pfn(struct oracle *o, uint32_t pfn)
{
	const struct model_queue *q = &o->queue[o->queue_sel];

	if (pfn == 0) {
		oracle_halt_queue(o, o->queue_sel, MILESTONE_LEGACY_STOPPED);
	} else if (oracle_may_set_up(o, q)) {
		features_are_final(o);
		if (oracle_queue_exists(o, o->queue_sel))
			place(o, pfn);
	} else if (q->ready && q->pfn != pfn) {
		hit(MILESTONE_LEGACY_PFN_FROZEN);
	}
}

static void write_queue_number(struct oracle *o, uint64_t offset, uint32_t value)
{
	struct model_queue *q = &o->queue[o->queue_sel];

	if (!oracle_may_set_up(o, q))
		return;
	if (offset == LEGACY_ALIGN)
		q->align = value;
	else
		q->size = value;
}

static void write_page_size(struct oracle *o, uint32_t value)
{
	for (unsigned int i = 0; i < o->p->queues; i++) {
		if (o->queue[i].ready && value != o->page_size)
			hit(MILESTONE_LEGACY_PAGE_CHANGED);
	}
	o->page_size = value;
}

void oracle_legacy_write(struct oracle *o, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		o->device_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		o->driver_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		oracle_take_features(o, value);
		break;
	case LEGACY_PAGE_SIZE:
		write_page_size(o, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		o->queue_sel = value;
		break;
	case VIRTIO_MMIO_QUEUE_SIZE:
	case LEGACY_ALIGN:
		if (oracle_queue_exists(o, o->queue_sel))
			write_queue_number(o, offset, value);
		break;
	case LEGACY_PFN:
		if (oracle_queue_exists(o, o->queue_sel))
			write_pfn(o, value);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		o->interrupts &= ~value;
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(o, value);
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		break;
	default:
		hit(MILESTONE_REG_BAD_ACCESS);
	}
}

static uint32_t read_queue(const struct oracle *o, uint64_t offset)
{
	if (!oracle_queue_exists(o, o->queue_sel))
		return 0;
	if (offset == VIRTIO_MMIO_QUEUE_SIZE_MAX)
		return o->p->queue_size_max;
	if (o->queue[o->queue_sel].ready)
		return o->queue[o->queue_sel].pfn;
	return oracle_in_use(o, o->queue_sel) ? o->stopped[o->queue_sel].pfn : 0;
}

uint32_t oracle_legacy_read(const struct oracle *o, uint64_t offset)
{
	switch (offset) {
	case VIRTIO_MMIO_MAGIC:
		return 0x74726976;
	case VIRTIO_MMIO_VERSION:
		return 1;
	case VIRTIO_MMIO_DEVICE_ID:
		return o->kind->device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return 0x4c56414e;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return o->device_sel ? 0 : (uint32_t)o->p->offered.word[0];
	case VIRTIO_MMIO_QUEUE_SIZE_MAX:
	case LEGACY_PFN:
		return read_queue(o, offset);
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return o->interrupts;
	case VIRTIO_MMIO_STATUS:
		return oracle_status(o);
	default:
		hit(MILESTONE_REG_BAD_ACCESS);
		return 0;
	}
}
