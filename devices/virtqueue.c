/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue's life cycle and the book of chains in flight, the same for every ring layout.
 */
#include "virtqueue.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_spec.h"
#include "virtqueue_layout.h"

static size_t held_words(const struct virtqueue *vq)
{
	return (vq->heads + WORD_BITS - 1) / WORD_BITS;
}

static bool power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

int virtqueue_init(struct virtqueue *vq, const struct guest_memory *memory, uint16_t size_max,
		   bool packed)
{
	memset(vq, 0, sizeof(*vq));
	vq->heads = packed ? PVIRTQ_IDS : size_max;
	if (!power_of_two(size_max) || size_max > VIRTQ_SIZE_MAX)
		return -EINVAL;
	vq->memory = memory;
	vq->size_max = size_max;
	/* in one piece: first the words, then the entries */
	vq->held = calloc(1, held_words(vq) * sizeof(*vq->held) + size_max * sizeof(*vq->finished));
	if (!vq->held)
		return -ENOMEM;
	vq->finished = (struct virtqueue_used *)(void *)(vq->held + held_words(vq));
	return 0;
}

void virtqueue_destroy(struct virtqueue *vq)
{
	free(vq->held);
	memset(vq, 0, sizeof(*vq));
}

void virtqueue_reset(struct virtqueue *vq)
{
	const struct guest_memory *memory = vq->memory;
	uint16_t size_max = vq->size_max;
	uint32_t heads = vq->heads;
	uint64_t *held = vq->held;
	struct virtqueue_used *finished = vq->finished;

	if (vq->in_flight) /* else no bit is set */
		memset(held, 0, held_words(vq) * sizeof(*held));
	memset(vq, 0, sizeof(*vq));
	vq->memory = memory;
	vq->size_max = size_max;
	vq->heads = heads;
	vq->held = held;
	vq->finished = finished;
}

bool virtqueue_enabled(const struct virtqueue *vq)
{
	return vq->layout != NULL;
}

bool virtqueue_moved(const struct virtqueue *vq)
{
	return vq->layout &&
	       (vq->next_used != vq->layout->first || vq->notified_used != vq->layout->first);
}

int virtqueue_enable(struct virtqueue *vq, struct virtqueue_features accepted)
{
	const struct virtqueue_layout *layout =
		accepted.packed ? &virtqueue_packed : &virtqueue_split;

	if (vq->size == 0 || vq->size > vq->size_max)
		return -EINVAL;
	vq->indirect = accepted.indirect;
	vq->event_idx = accepted.event_idx;
	vq->in_order = accepted.in_order;
	vq->big_endian = accepted.big_endian;

	int err = layout->check(vq);

	if (err)
		return err;
	vq->next_avail = layout->first;
	vq->next_used = layout->first;
	vq->flushed_used = layout->first;
	vq->notified_used = layout->first;
	vq->layout = layout;
	return 0;
}

static void toggle_held(struct virtqueue *vq, uint16_t head)
{
	vq->held[head / WORD_BITS] ^= 1ull << (head % WORD_BITS);
}

static struct virtqueue_used *finished(const struct virtqueue *vq, uint16_t order)
{
	return &vq->finished[order & (vq->size_max - 1u)];
}

static uint32_t work_of(const struct descriptor_chain *chain)
{
	uint64_t buffers = (chain->readable_bytes + chain->writable_bytes) / VIRTQUEUE_WORK_BYTES;

	if (buffers > VIRTQUEUE_WORK_BUFFERS)
		buffers = VIRTQUEUE_WORK_BUFFERS;
	return VIRTQUEUE_WORK_CHAIN + chain->count + (uint32_t)buffers;
}

int virtqueue_pop(struct virtqueue *vq, struct descriptor_chain *chain)
{
	int got = vq->layout->take(vq, chain);

	if (got <= 0)
		return got;
	descriptor_chain_rewind(chain);
	toggle_held(vq, chain->head);
	vq->in_flight++;
	vq->work += work_of(chain);
	chain->order = vq->next_taken++;
	if (vq->in_order)
		finished(vq, chain->order)->done = false;
	return 1;
}

static void release(struct virtqueue *vq, uint16_t head)
{
	assert(virtqueue_holds(vq, head));
	toggle_held(vq, head);
	vq->in_flight--;
}

void virtqueue_unpop(struct virtqueue *vq, const struct descriptor_chain *chain)
{
	release(vq, chain->head);
	vq->next_taken--;
	vq->layout->untake(vq, chain);
}

static void put(struct virtqueue *vq, const struct virtqueue_used *used)
{
	release(vq, used->head);
	vq->layout->fill(vq, used);
}

/* All that were taken before it may be done by now. */
static void put_in_order(struct virtqueue *vq)
{
	while (vq->first_taken != vq->next_taken && finished(vq, vq->first_taken)->done)
		put(vq, finished(vq, vq->first_taken++));
}

void virtqueue_fill(struct virtqueue *vq, const struct descriptor_chain *chain)
{
	struct virtqueue_used used = {
		.len = (uint32_t)chain->written,
		.head = chain->head,
		.entries = chain->entries,
		.wrote = chain->write.left != chain->writable_bytes,
		.done = true,
	};

	if (!vq->in_order) {
		put(vq, &used);
		return;
	}
	*finished(vq, chain->order) = used;
	put_in_order(vq);
}

bool virtqueue_publish(struct virtqueue *vq)
{
	virtqueue_flush(vq);
	return virtqueue_need_notify(vq);
}

void virtqueue_flush(struct virtqueue *vq)
{
	if (vq->flushed_used == vq->next_used)
		return;
	vq->layout->flush(vq);
	vq->flushed_used = vq->next_used;
}

bool virtqueue_need_notify(struct virtqueue *vq)
{
	uint16_t first = vq->notified_used;

	if (first == vq->next_used)
		return false;
	vq->notified_used = vq->next_used;
	/* orders what was shown before the driver's wish, without which both may miss each other */
	atomic_thread_fence(memory_order_seq_cst);
	return vq->layout->need_notify(vq, first);
}

uint16_t virtqueue_unnotified(const struct virtqueue *vq)
{
	return virtqueue_enabled(vq) ? vq->layout->distance(vq, vq->notified_used, vq->next_used)
				     : 0;
}

void virtqueue_suppress_notification(struct virtqueue *vq)
{
	vq->layout->suppress_notification(vq);
}

bool virtqueue_want_notification(struct virtqueue *vq)
{
	return vq->layout->want_notification(vq);
}
