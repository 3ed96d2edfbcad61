/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue's life cycle and the book of chains in flight, the same for every ring layout.
 */
#include "virtqueue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_spec.h"
#include "virtqueue_layout.h"

#define WORD_BITS 64u

static size_t held_words(const struct virtqueue *vq)
{
	return (vq->size_max + WORD_BITS - 1) / WORD_BITS;
}

static bool power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

int virtqueue_init(struct virtqueue *vq, const struct guest_memory *memory, uint16_t size_max)
{
	memset(vq, 0, sizeof(*vq));
	if (!power_of_two(size_max) || size_max > VIRTQ_SIZE_MAX)
		return -EINVAL;
	vq->memory = memory;
	vq->size_max = size_max;
	vq->held = calloc(held_words(vq), sizeof(*vq->held));
	return vq->held ? 0 : -ENOMEM;
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
	uint64_t *held = vq->held;

	memset(vq, 0, sizeof(*vq));
	vq->memory = memory;
	vq->size_max = size_max;
	vq->held = held;
	memset(held, 0, held_words(vq) * sizeof(*held));
}

bool virtqueue_enabled(const struct virtqueue *vq)
{
	return vq->layout != NULL;
}

int virtqueue_enable(struct virtqueue *vq, bool indirect, bool event_idx)
{
	if (!power_of_two(vq->size) || vq->size > vq->size_max)
		return -EINVAL;
	vq->indirect = indirect;
	vq->event_idx = event_idx;

	int err = virtqueue_split.check(vq);

	if (!err)
		vq->layout = &virtqueue_split;
	return err;
}

bool virtqueue_holds(const struct virtqueue *vq, uint16_t head)
{
	return vq->held[head / WORD_BITS] >> (head % WORD_BITS) & 1;
}

static void toggle_held(struct virtqueue *vq, uint16_t head)
{
	vq->held[head / WORD_BITS] ^= 1ull << (head % WORD_BITS);
}

int virtqueue_pop(struct virtqueue *vq, struct descriptor_chain *chain)
{
	int got = vq->layout->take(vq, chain);

	if (got <= 0)
		return got;
	toggle_held(vq, chain->head);
	vq->in_flight++;
	vq->next_avail++;
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
	vq->next_avail--;
}

void virtqueue_push(struct virtqueue *vq, const struct descriptor_chain *chain)
{
	release(vq, chain->head);
	vq->layout->put(vq, chain->head, (uint32_t)chain->written);
	vq->next_used++;
}

bool virtqueue_publish(struct virtqueue *vq)
{
	virtqueue_show(vq);
	return virtqueue_wants_to_hear(vq);
}

void virtqueue_show(struct virtqueue *vq)
{
	vq->layout->show(vq);
}

bool virtqueue_wants_to_hear(struct virtqueue *vq)
{
	return vq->layout->wants_to_hear(vq);
}

uint16_t virtqueue_untold(const struct virtqueue *vq)
{
	return (uint16_t)(vq->next_used - vq->published_used);
}

void virtqueue_suppress_notification(struct virtqueue *vq)
{
	vq->layout->suppress_notification(vq);
}

bool virtqueue_want_notification(struct virtqueue *vq)
{
	return vq->layout->want_notification(vq);
}
