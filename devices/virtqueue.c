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

static size_t held_words(const struct anvil_virtqueue *vq)
{
	return (vq->heads + WORD_BITS - 1) / WORD_BITS;
}

static bool power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

int anvil_virtqueue_init(struct anvil_virtqueue *vq, const struct anvil_guest_memory *memory,
			 uint16_t size_max, bool packed)
{
	memset(vq, 0, sizeof(*vq));
	vq->heads = packed ? PVIRTQ_IDS : size_max;
	if (!power_of_two(size_max) || size_max > VIRTQ_SIZE_MAX)
		return -EINVAL;
	vq->memory = memory;
	vq->size_max = size_max;
	/* here alone: else a guest could use up the host's memory by starting queues again; in one
	 * piece: first the words, then the entries */
	vq->held = calloc(1, held_words(vq) * sizeof(*vq->held) + size_max * sizeof(*vq->finished));
	if (!vq->held)
		return -ENOMEM;
	vq->finished = (struct anvil_virtqueue_used *)(void *)(vq->held + held_words(vq));
	return 0;
}

void anvil_virtqueue_destroy(struct anvil_virtqueue *vq)
{
	free(vq->held);
	memset(vq, 0, sizeof(*vq));
}

void anvil_virtqueue_reset(struct anvil_virtqueue *vq)
{
	const struct anvil_virtqueue fresh = {
		.memory = vq->memory,
		.size_max = vq->size_max,
		.heads = vq->heads,
		.held = vq->held,
		.finished = vq->finished,
	};

	if (vq->in_flight) /* else no bit is set */
		memset(vq->held, 0, held_words(vq) * sizeof(*vq->held));
	/* else a guest could have its old ring written, where other data is by now, or have the
	 * first chains of the new one passed over or refused */
	*vq = fresh;
}

bool anvil_virtqueue_enabled(const struct anvil_virtqueue *vq)
{
	return vq->layout != NULL;
}

bool anvil_virtqueue_moved(const struct anvil_virtqueue *vq)
{
	return vq->layout &&
	       (vq->next_used != vq->layout->first || vq->notified_used != vq->layout->first);
}

int anvil_virtqueue_enable(struct anvil_virtqueue *vq, struct anvil_virtqueue_features accepted)
{
	const struct anvil_virtqueue_layout *layout =
		accepted.packed ? &anvil_virtqueue_packed : &anvil_virtqueue_split;

	/* else a guest could have us divide by 0, or write behind `held` */
	if (vq->size == 0 || vq->size > vq->size_max)
		return -EINVAL;
	vq->indirect = accepted.indirect;
	vq->event_idx = accepted.event_idx;
	vq->in_order = accepted.in_order;
	vq->big_endian = accepted.big_endian;

	int err = layout->check(vq);

	/* else a guest could start rings outside RAM, where the first load fails an assert */
	if (err)
		return err;
	vq->next_avail = layout->first;
	vq->next_used = layout->first;
	vq->flushed_used = layout->first;
	vq->notified_used = layout->first;
	vq->layout = layout;
	return 0;
}

static void toggle_held(struct anvil_virtqueue *vq, uint16_t head)
{
	vq->held[head / WORD_BITS] ^= 1ull << (head % WORD_BITS);
}

static struct anvil_virtqueue_used *finished(const struct anvil_virtqueue *vq, uint16_t order)
{
	return &vq->finished[order & (vq->size_max - 1u)];
}

static uint32_t work_of(const struct anvil_descriptor_chain *chain)
{
	uint64_t buffers =
		(chain->readable_bytes + chain->writable_bytes) / ANVIL_VIRTQUEUE_WORK_BYTES;

	if (buffers > ANVIL_VIRTQUEUE_WORK_BUFFERS)
		buffers = ANVIL_VIRTQUEUE_WORK_BUFFERS;
	return ANVIL_VIRTQUEUE_WORK_CHAIN + chain->count + (uint32_t)buffers;
}

int anvil_virtqueue_pop(struct anvil_virtqueue *vq, struct anvil_descriptor_chain *chain)
{
	int got = vq->layout->take(vq, chain);

	/* an error, too: else a guest could have us try for ever what fails each time */
	if (got <= 0)
		return got;
	anvil_descriptor_chain_rewind(chain);
	toggle_held(vq, chain->head);
	vq->in_flight++;
	vq->work += work_of(chain);
	chain->order = vq->next_taken++;
	if (vq->in_order)
		finished(vq, chain->order)->done = false;
	return 1;
}

static void release(struct anvil_virtqueue *vq, uint16_t head)
{
	assert(anvil_virtqueue_holds(vq, head));
	toggle_held(vq, head);
	vq->in_flight--;
}

void anvil_virtqueue_unpop(struct anvil_virtqueue *vq, const struct anvil_descriptor_chain *chain)
{
	release(vq, chain->head);
	vq->next_taken--;
	vq->layout->untake(vq, chain);
}

static void put(struct anvil_virtqueue *vq, const struct anvil_virtqueue_used *used)
{
	release(vq, used->head);
	vq->layout->fill(vq, used);
}

/* All that were taken before it may be done by now. */
static void put_in_order(struct anvil_virtqueue *vq)
{
	while (vq->first_taken != vq->next_taken && finished(vq, vq->first_taken)->done)
		put(vq, finished(vq, vq->first_taken++));
}

void anvil_virtqueue_fill(struct anvil_virtqueue *vq, const struct anvil_descriptor_chain *chain)
{
	struct anvil_virtqueue_used used = {
		/* bytes stored: else a guest could take for data what was there before */
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

bool anvil_virtqueue_publish(struct anvil_virtqueue *vq)
{
	anvil_virtqueue_flush(vq);
	return anvil_virtqueue_need_notify(vq);
}

void anvil_virtqueue_flush(struct anvil_virtqueue *vq)
{
	if (vq->flushed_used == vq->next_used)
		return;
	vq->layout->flush(vq);
	vq->flushed_used = vq->next_used;
}

bool anvil_virtqueue_need_notify(struct anvil_virtqueue *vq)
{
	uint16_t first = vq->notified_used;

	if (first == vq->next_used)
		return false;
	vq->notified_used = vq->next_used;
	/* orders what was shown before the driver's wish, without which both may miss each other */
	atomic_thread_fence(memory_order_seq_cst);
	return vq->layout->need_notify(vq, first);
}

uint16_t anvil_virtqueue_unnotified(const struct anvil_virtqueue *vq)
{
	return anvil_virtqueue_enabled(vq)
		       ? vq->layout->distance(vq, vq->notified_used, vq->next_used)
		       : 0;
}

void anvil_virtqueue_suppress_notification(struct anvil_virtqueue *vq)
{
	vq->layout->suppress_notification(vq);
}

bool anvil_virtqueue_want_notification(struct anvil_virtqueue *vq)
{
	return vq->layout->want_notification(vq);
}
