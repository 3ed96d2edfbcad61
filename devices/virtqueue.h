/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtqueue seen from the device (2.6, 2.7, 2.8): what the driver programmed, the device's
 * position in the rings, and the chains in flight. This interface is the same for split and packed
 * rings; virtqueue_split.c and virtqueue_packed.c explain them.
 *
 *     configure (size, addresses) -> enable -> { pop -> (read, write) -> fill -> publish } -> reset
 *
 * Ring state lives here and is never read back from the guest. A negative result of
 * anvil_virtqueue_pop means that the guest broke the ring: the device must say DEVICE_NEEDS_RESET
 * and stop. Calls into one queue must not run at the same time; the guest may.
 */
#ifndef ANVIL_VIRTQUEUE_H
#define ANVIL_VIRTQUEUE_H

#include "descriptor_chain.h"
#include "state_bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

struct anvil_virtqueue_layout;
struct anvil_virtqueue_used;

/*
 * The work that a chain counts for: ANVIL_VIRTQUEUE_WORK_CHAIN, 1 for each descriptor, and 1 for
 * each ANVIL_VIRTQUEUE_WORK_BYTES of its buffers, up to ANVIL_VIRTQUEUE_WORK_BUFFERS.
 */
#define ANVIL_VIRTQUEUE_WORK_CHAIN   4u
#define ANVIL_VIRTQUEUE_WORK_BYTES   256u
#define ANVIL_VIRTQUEUE_WORK_BUFFERS 16384u

/* The accepted features that matter to queues (6). */
struct anvil_virtqueue_features {
	bool indirect;	 /* VIRTIO_F_INDIRECT_DESC */
	bool event_idx;	 /* VIRTIO_F_EVENT_IDX */
	bool packed;	 /* VIRTIO_F_RING_PACKED: the layout of 2.8, not that of 2.7 */
	bool in_order;	 /* VIRTIO_F_IN_ORDER */
	bool big_endian; /* the rings are: a legacy guest's byte order (2.7.3); not negotiated */
};

struct anvil_virtqueue {
	const struct anvil_guest_memory *memory;
	uint16_t size_max; /* fixed at init */
	uint32_t heads; /* how many different heads (buffer ids) chains can have; fixed at init */

	/* as last written by the driver; checked by anvil_virtqueue_enable */
	uint32_t size;
	uint64_t desc_area;
	uint64_t driver_area;
	uint64_t device_area;
	uint32_t used_align;  /* legacy (4.2.4): QueueAlign, in bytes */
	uint32_t page_number; /* legacy (4.2.4): QueuePFN, a number of pages */
	bool big_endian;      /* legacy: the guest's byte order is the rings', too (2.7.3) */

	/* running state */
	const struct anvil_virtqueue_layout *layout; /* not NULL while enabled */
	bool indirect;				     /* VIRTIO_F_INDIRECT_DESC accepted */
	bool event_idx;				     /* VIRTIO_F_EVENT_IDX accepted */
	bool in_order;				     /* VIRTIO_F_IN_ORDER accepted */
	/* places in the rings: a split ring's indices, a packed ring's offsets with wrap counter */
	uint16_t next_avail;	/* of the next chain to take */
	uint16_t next_used;	/* of the next used entry */
	uint16_t flushed_used;	/* of the first used entry that was not shown to the driver */
	uint16_t notified_used; /* of the first one that it was not notified of */
	uint16_t in_flight;	/* chains taken and not given back */
	uint32_t work;		/* of all chains taken; wraps around */
	uint64_t *held;		/* one bit a head, set while in flight; the queue's own */

	/* split: how far the driver was when last asked */
	uint16_t avail_idx;

	/* packed, in entries of the ring */
	uint16_t ring_held;   /* of chains in flight */
	uint16_t ring_known;  /* from next_avail on: available when last asked */
	uint16_t first_flags; /* of the first used entry that is not shown */

	/* in order: chains taken and not given back, finished or not, by their order; the queue's
	 * own */
	struct anvil_virtqueue_used *finished; /* size_max of them */
	uint16_t first_taken;
	uint16_t next_taken;
};

/*
 * A stopped queue for at most `size_max` entries: a power of 2, 1 to 32768. `packed`: it may get
 * the packed layout, whose buffer ids are any 16 bits of the driver's choice (2.8), which takes 8
 * KiB more. Returns 0, -EINVAL or -ENOMEM. anvil_virtqueue_destroy frees what it took.
 */
int anvil_virtqueue_init(struct anvil_virtqueue *vq, const struct anvil_guest_memory *memory,
			 uint16_t size_max, bool packed) __attribute__((warn_unused_result));
void anvil_virtqueue_destroy(struct anvil_virtqueue *vq);

/* As after anvil_virtqueue_init: stopped, nothing programmed, nothing held (2.6.1, 2.4). */
void anvil_virtqueue_reset(struct anvil_virtqueue *vq);

bool anvil_virtqueue_enabled(const struct anvil_virtqueue *vq);

/* Whether the queue runs and has taken or returned anything. */
bool anvil_virtqueue_moved(const struct anvil_virtqueue *vq);

/*
 * Checks what the driver programmed and starts the queue from its first entry, with the layout and
 * the rules that were `accepted`. Returns 0, or leaves it stopped and returns -EINVAL (size 0,
 * above size_max, or, of a split ring, not a power of 2; a misaligned address; 2.7, 2.8.10.1; a
 * packed ring for a queue that was not made for one) or
 * -EFAULT (a part of the ring not wholly in RAM).
 */
int anvil_virtqueue_enable(struct anvil_virtqueue *vq, struct anvil_virtqueue_features accepted)
	__attribute__((warn_unused_result));

/*
 * Takes the next available chain into `chain`, which the caller has given storage
 * (anvil_descriptor_chain_init). Returns 1, 0 when there is none, or
 *   -EPROTO    index jumped by more than the queue size, head or next out of range, head (buffer
 *              id) in flight already, bad indirect table, bad order, a part of a list that is not
 *              available, or no longer is what anvil_virtqueue_unpop gave back
 *   -ELOOP     more descriptors than the queue size (2.7.5.3.1, 2.8.17), than the ring has beside
 *              those in flight, or than the storage holds
 *   -EFAULT, -EOVERFLOW as anvil_descriptor_chain_append; also an indirect table not wholly in RAM
 * Fetches each ring field once, and each descriptor once whenever the chain names it; at most 3 +
 * queue size accesses (one more when the chain ends in an indirect table). Adds to `work`.
 */
int anvil_virtqueue_pop(struct anvil_virtqueue *vq, struct anvil_descriptor_chain *chain)
	__attribute__((warn_unused_result));

/*
 * Undoes the last pop: the chain is available again. Several pops can be undone, the last one
 * first. Not for a chain whose used entry was written.
 */
void anvil_virtqueue_unpop(struct anvil_virtqueue *vq, const struct anvil_descriptor_chain *chain);

/*
 * Writes the used entry of a popped chain, with the number of bytes written through its cursor
 * (2.7.8.2). The driver does not see it before anvil_virtqueue_publish. In order (2.7.9, 2.8.8) the
 * entry waits until all chains that were popped before have theirs; nothing more is asked of the
 * caller, and the chain itself is not needed any longer.
 */
void anvil_virtqueue_fill(struct anvil_virtqueue *vq, const struct anvil_descriptor_chain *chain);

/*
 * Shows the driver all entries that were written, the first one last (2.8.9). Returns whether there
 * are any and it wants a used buffer notification for them (2.7.7.2, 2.8.10).
 */
bool anvil_virtqueue_publish(struct anvil_virtqueue *vq) __attribute__((warn_unused_result));

/*
 * The two halves of anvil_virtqueue_publish. flush shows the driver all entries that were written.
 * need_notify returns whether the driver wants a notification for the entries shown since the last
 * call of need_notify; one call may stand for several flushes. Call it before `size` entries are
 * unnotified: event positions wrap.
 */
void anvil_virtqueue_flush(struct anvil_virtqueue *vq);
bool anvil_virtqueue_need_notify(struct anvil_virtqueue *vq) __attribute__((warn_unused_result));

/* Ring entries used since the last need_notify. */
uint16_t anvil_virtqueue_unnotified(const struct anvil_virtqueue *vq);

/* Asks the driver not to notify, as far as the negotiated features allow (2.7.10). */
void anvil_virtqueue_suppress_notification(struct anvil_virtqueue *vq);

/*
 * Asks the driver to notify when it makes the next chain available. Returns true if it has done so
 * in the meantime, or broke the ring: then look again, there may be no notification.
 */
bool anvil_virtqueue_want_notification(struct anvil_virtqueue *vq)
	__attribute__((warn_unused_result));

/* Writes the state for anvil_virtqueue_restore. No chain may be in flight. */
void anvil_virtqueue_save(const struct anvil_virtqueue *vq, struct anvil_state_writer *w);

/*
 * Makes a queue with this size_max what the saved one was, whatever it is now; the features as for
 * anvil_virtqueue_enable. Returns 0, or what anvil_virtqueue_enable says of a queue that ran, or
 * -EINVAL; the queue then is as after anvil_virtqueue_reset. Serve a running queue afterwards: the
 * driver need not notify it of what it has made available.
 */
int anvil_virtqueue_restore(struct anvil_virtqueue *vq, struct anvil_virtqueue_features accepted,
			    struct anvil_state_reader *r) __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif

#endif
