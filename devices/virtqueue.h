/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtqueue seen from the device (2.6, 2.7): what the driver programmed, where the device stands
 * in the rings, and which chains it holds.
 *
 *     configure (size, addresses) -> enable -> { pop -> (read, write) -> push -> publish } -> reset
 *
 * Ring state lives here and is never read back from the guest. A negative result of virtqueue_pop
 * means that the guest broke the ring: the device must say DEVICE_NEEDS_RESET and stop.
 * Calls into one queue must not run at the same time; the guest may.
 */
#ifndef VIRTQUEUE_H
#define VIRTQUEUE_H

#include "descriptor_chain.h"

struct virtqueue_layout;

struct virtqueue {
	const struct guest_memory *memory;
	uint16_t size_max; /* fixed at init */

	/* as last written by the driver; judged by virtqueue_enable */
	uint32_t size;
	uint64_t desc_area;
	uint64_t driver_area;
	uint64_t device_area;
	uint32_t used_align;  /* legacy (4.2.4): QueueAlign, in bytes, */
	uint32_t page_number; /* and QueuePFN */
	bool big_endian;      /* legacy: the guest's byte order is the rings', too (2.7.3) */

	/* running state */
	const struct virtqueue_layout *layout; /* not NULL while enabled */
	bool indirect;			       /* VIRTIO_F_INDIRECT_DESC accepted */
	bool event_idx;			       /* VIRTIO_F_EVENT_IDX accepted */
	uint16_t next_avail;		       /* ring index of the next chain to take */
	uint16_t avail_idx;		       /* how far the driver was when last asked */
	uint16_t next_used;		       /* ring index of the next used entry */
	uint16_t published_used;	       /* what the driver was last told */
	uint16_t in_flight;		       /* chains taken and not given back */
	uint64_t *held;			       /* one bit a head; size_max bits, ours */
};

/*
 * A stopped queue for at most `size_max` entries: a power of 2, 1 to 32768. Returns 0, -EINVAL or
 * -ENOMEM. virtqueue_destroy frees what it took.
 */
int virtqueue_init(struct virtqueue *vq, const struct guest_memory *memory, uint16_t size_max)
	__attribute__((warn_unused_result));
void virtqueue_destroy(struct virtqueue *vq);

/* As after virtqueue_init: stopped, nothing programmed, nothing held (2.6.1, 2.4). */
void virtqueue_reset(struct virtqueue *vq);

bool virtqueue_enabled(const struct virtqueue *vq);

/*
 * Judges what the driver programmed and starts the queue from index 0. Returns 0, or leaves it
 * stopped and returns -EINVAL (size not a power of 2 or above size_max, or a misaligned address;
 * 2.7) or -EFAULT (a ring not wholly in RAM).
 */
int virtqueue_enable(struct virtqueue *vq, bool indirect, bool event_idx)
	__attribute__((warn_unused_result));

/*
 * Takes the next available chain into `chain`, which the caller has given storage
 * (descriptor_chain_init). Returns 1, 0 when there is none, or
 *   -EPROTO    index jumped by more than the queue size, head or next out of range, head in flight
 *              already, bad indirect table, bad order
 *   -ELOOP     more descriptors than the queue size (2.7.5.3.1), or than the storage holds
 *   -EFAULT, -EOVERFLOW as descriptor_chain_append; also an indirect table not wholly in RAM
 * Fetches each ring field and descriptor once; at most 3 + queue size accesses (one more when the
 * chain ends in an indirect table).
 */
int virtqueue_pop(struct virtqueue *vq, struct descriptor_chain *chain)
	__attribute__((warn_unused_result));

/*
 * Gives the chain that was popped last back to the ring, as if never taken. Several can be given
 * back, last one first. Not for a chain that was pushed.
 */
void virtqueue_unpop(struct virtqueue *vq, const struct descriptor_chain *chain);

/*
 * Writes the used entry of a popped chain, with the number of bytes written through its cursor
 * (2.7.8.2). The driver does not see it before virtqueue_publish.
 */
void virtqueue_push(struct virtqueue *vq, const struct descriptor_chain *chain);

/*
 * Shows the driver all pushed entries. Returns whether it wants a used buffer notification for
 * them (2.7.7.2).
 */
bool virtqueue_publish(struct virtqueue *vq) __attribute__((warn_unused_result));

/* Tells the driver that it need not notify, as far as the negotiated features allow (2.7.10). */
void virtqueue_suppress_notification(struct virtqueue *vq);

/*
 * Asks the driver to notify when it makes the next chain available. Returns true if it has done so
 * in the meantime, or broke the ring: then look again, there may be no notification.
 */
bool virtqueue_want_notification(struct virtqueue *vq) __attribute__((warn_unused_result));

#endif
