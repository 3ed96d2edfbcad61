/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the driver has programmed so far: status, features, queues.
 */
#include <string.h>

#include "recorder_internal.h"
#include "virtio_spec.h"

bool recorder_accepted(const struct recorder *r, unsigned int feature)
{
	return r->features >> feature & 1;
}

struct anvil_virtqueue_features recorder_ring_features(const struct recorder *r)
{
	return (struct anvil_virtqueue_features){
		.indirect = recorder_accepted(r, VIRTIO_F_INDIRECT_DESC),
		.event_idx = recorder_accepted(r, VIRTIO_F_EVENT_IDX),
	};
}

static uint64_t offered(const struct recorder *r)
{
	const struct recorder_options *o = &r->options;
	uint64_t bits = o->blk ? o->blk->features.word[0] : o->net->features.word[0];

	if (o->blk && o->blk->disk->read_only)
		bits |= 1ull << VIRTIO_BLK_F_RO;
	return bits | 1ull << VIRTIO_F_VERSION_1;
}

bool recorder_live(const struct recorder *r)
{
	uint32_t all = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
		       VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK;

	return r->status == all && recorder_accepted(r, VIRTIO_F_VERSION_1) &&
	       !(r->features & ~offered(r));
}

struct anvil_virtqueue *recorder_selected(struct recorder *r)
{
	return r->queue_sel < r->encoder.p.queues ? &r->queue[r->queue_sel].vq : NULL;
}

uint64_t *recorder_ring_area(struct anvil_virtqueue *vq, uint64_t offset)
{
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		return &vq->desc_area;
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
		return &vq->driver_area;
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
	case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
		return &vq->device_area;
	default:
		return NULL;
	}
}

static void set_half(uint64_t *address, bool high, uint64_t value)
{
	unsigned int shift = high ? 32 : 0;

	*address = (*address & ~(0xffffffffull << shift)) | (value & 0xffffffff) << shift;
}

bool recorder_queue_writable(const struct recorder *r, const struct anvil_virtqueue *vq)
{
	return !anvil_virtqueue_enabled(vq) && (!(r->status & VIRTIO_STATUS_DRIVER_OK) ||
						recorder_accepted(r, VIRTIO_F_RING_RESET));
}

static void start_queue(struct recorder *r)
{
	struct recorder_queue *q = &r->queue[r->queue_sel];
	int err = anvil_virtqueue_enable(&q->vq, recorder_ring_features(r));

	(void)err; /* then the driver finds it stopped, and so do we */
	q->used_seen = 0;
	q->flags = 0;
}

static void program_queue(struct recorder *r, uint64_t offset, uint64_t value)
{
	struct anvil_virtqueue *vq = recorder_selected(r);
	bool stops = (offset == VIRTIO_MMIO_QUEUE_READY && value == 0) ||
		     (offset == VIRTIO_MMIO_QUEUE_RESET && value == 1 &&
		      recorder_accepted(r, VIRTIO_F_RING_RESET));

	if (!vq)
		return;
	if (stops)
		anvil_virtqueue_reset(vq);
	else if (!recorder_queue_writable(r, vq))
		return;
	else if (offset == VIRTIO_MMIO_QUEUE_READY && value == 1)
		start_queue(r);
	else if (offset == VIRTIO_MMIO_QUEUE_SIZE)
		vq->size = (uint32_t)value;
	else if (recorder_ring_area(vq, offset))
		set_half(recorder_ring_area(vq, offset), offset & RECORDER_HIGH_HALF, value);
}

void recorder_program(struct recorder *r, uint64_t offset, uint64_t value)
{
	if (offset == VIRTIO_MMIO_DRIVER_FEATURES_SEL)
		r->driver_sel = (uint32_t)value;
	else if (offset == VIRTIO_MMIO_QUEUE_SEL)
		r->queue_sel = (uint32_t)value;
	else if (offset == VIRTIO_MMIO_STATUS)
		r->status = (uint32_t)value;
	else if (offset != VIRTIO_MMIO_DRIVER_FEATURES)
		program_queue(r, offset, value);
	else if (r->driver_sel < 2 && !(r->status & VIRTIO_STATUS_FEATURES_OK))
		set_half(&r->features, r->driver_sel == 1, value);
}

void recorder_forget_driver(struct recorder *r)
{
	for (unsigned int i = 0; i < r->encoder.p.queues; i++)
		anvil_virtqueue_reset(&r->queue[i].vq);
	r->status = 0;
	r->features = 0;
	r->driver_sel = 0;
	r->queue_sel = 0;
	memset(&r->receive, 0, sizeof(r->receive));
}
