/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The split ring (2.7): three areas in guest memory, which the guest can change at any moment.
 *
 *   descriptor table    address, length, flags, next: the driver's
 *   available ring      heads of chains, and `idx`, how many there were so far: the driver's
 *   used ring           head and bytes written of each finished chain, and `idx`: the device's
 *
 * The driver writes descriptors, puts the first one's number into the available ring and increments
 * idx. The device (split_take) compares idx with next_avail: the difference is the number of new
 * chains, and more than the ring has entries is a lie. It fetches the head, then follows `next`
 * from descriptor to descriptor until one has no NEXT, or once into an indirect table. Each field
 * is fetched once, into a private copy; only the copy is checked and used. Indices run freely and
 * wrap at 2^16; `% size` finds the slot.
 *
 * A finished chain gets an entry in the used ring (split_fill), then idx shows all entries so far
 * (split_flush): the store has release order, so a driver that sees idx sees the entries. Nothing
 * that the device wrote is ever read back: next_avail, next_used and which heads are in flight live
 * in struct anvil_virtqueue.
 *
 * Notifications: without EVENT_IDX each side has a flag "do not notify me"; with it, each names the
 * index after which it wants to hear (used_event behind the available ring, avail_event behind the
 * used ring), and the comparison is modulo 2^16.
 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdatomic.h>

#include "virtio_spec.h"
#include "virtqueue_layout.h"

static uint64_t used_event_gpa(const struct anvil_virtqueue *vq)
{
	return vq->driver_area + VIRTQ_AVAIL_RING + (uint64_t)vq->size * VIRTQ_AVAIL_ENTRY_SIZE;
}

static uint64_t used_entry_gpa(const struct anvil_virtqueue *vq, uint32_t slot)
{
	return vq->device_area + VIRTQ_USED_RING + (uint64_t)slot * sizeof(struct virtq_used_elem);
}

/* 2.7, the table of alignments; 2.7.6 and 2.7.8: the event fields exist with EVENT_IDX only */
static int split_check(const struct anvil_virtqueue *vq)
{
	uint64_t event = vq->event_idx ? sizeof(uint16_t) : 0;
	uint64_t avail_len = VIRTQ_AVAIL_RING + (uint64_t)vq->size * VIRTQ_AVAIL_ENTRY_SIZE + event;
	uint64_t used_len = used_entry_gpa(vq, vq->size) - vq->device_area + event;

	/* else a guest could have us use wrong slots: size - 1 is no mask, 2^16 no multiple */
	if ((vq->size & (vq->size - 1)) != 0)
		return -EINVAL;
	if (vq->desc_area % sizeof(struct virtq_desc) || vq->driver_area % 2 || vq->device_area % 4)
		return -EINVAL;
	/* else a guest could place a ring where there is no RAM, and have us follow NULL */
	if (!anvil_guest_memory_contains(vq->memory, vq->desc_area,
					 (uint64_t)vq->size * sizeof(struct virtq_desc)) ||
	    !anvil_guest_memory_contains(vq->memory, vq->driver_area, avail_len) ||
	    !anvil_guest_memory_contains(vq->memory, vq->device_area, used_len))
		return -EFAULT;
	return 0;
}

/* Where the walk of one chain stands: in the queue's own table, or in one indirect table. */
struct walk {
	uint64_t table;
	uint32_t entries;
	uint32_t index;
	bool indirect;
};

static int fetch_descriptor(const struct anvil_virtqueue *vq, const struct walk *walk,
			    struct virtq_desc *desc)
{
	/* of this table: else a guest could have what lies behind it taken for descriptors, up to
	 * the end of RAM, where an assert fails */
	if (walk->index >= walk->entries)
		return -EPROTO;

	int err = anvil_guest_memory_read(vq->memory,
					  walk->table + (uint64_t)walk->index * sizeof(*desc), desc,
					  sizeof(*desc));

	assert(!err); /* both kinds of table were found in RAM as a whole */
	desc->addr = anvil_virtqueue_u64(vq, desc->addr);
	desc->len = anvil_virtqueue_u32(vq, desc->len);
	desc->flags = anvil_virtqueue_u16(vq, desc->flags);
	desc->next = anvil_virtqueue_u16(vq, desc->next);
	return err;
}

/* 2.7.5.3: one table a chain, which ends it; the WRITE flag means nothing here */
static int enter_indirect(const struct anvil_virtqueue *vq, struct walk *walk,
			  const struct virtq_desc *desc)
{
	if (!vq->indirect || walk->indirect || desc->flags & VIRTQ_DESC_F_NEXT)
		return -EPROTO;
	/* 0 less 1 is no last index: else a guest could have all behind it taken for a table */
	if (desc->len == 0 || desc->len % sizeof(struct virtq_desc))
		return -EPROTO;
	/* all of it: else a guest could have a fetch behind the end of RAM fail an assert */
	if (!anvil_guest_memory_contains(vq->memory, desc->addr, desc->len))
		return -EFAULT;
	/* where it lies: a guest could have us allocate 4 GiB for a copy */
	walk->table = desc->addr;
	/* of the length checked: else a guest could change it in between and have us read on */
	walk->entries = desc->len / (uint32_t)sizeof(struct virtq_desc);
	walk->index = 0;
	walk->indirect = true;
	return 0;
}

/* Each round but one, the step into an indirect table, adds a segment, even of no bytes: else a
 * guest could have us walk in circles for ever, or overrun what is kept beside each segment. */
static int walk_chain(const struct anvil_virtqueue *vq, uint16_t head,
		      struct anvil_descriptor_chain *chain)
{
	struct walk walk = { .table = vq->desc_area, .entries = vq->size, .index = head };

	for (;;) {
		struct virtq_desc desc;
		int err = fetch_descriptor(vq, &walk, &desc);

		if (!err && desc.flags & VIRTQ_DESC_F_INDIRECT) {
			err = enter_indirect(vq, &walk, &desc);
			if (!err)
				continue;
		}
		if (!err && chain->count >= vq->size)
			err = -ELOOP;
		/* fetched once: else a guest could change address and length after the check */
		if (!err)
			err = anvil_descriptor_chain_append(chain, desc.addr, desc.len,
							    desc.flags & VIRTQ_DESC_F_WRITE);
		/* however long: else a guest could find the status amid its data */
		if (err || !(desc.flags & VIRTQ_DESC_F_NEXT))
			return err;
		walk.index = desc.next;
	}
}

/* 2.7.13.3: acquire order on idx makes the entries and descriptors before it visible */
static int split_take(struct anvil_virtqueue *vq, struct anvil_descriptor_chain *chain)
{
	/* indices, not slots: else a guest could fill the ring and wait for ever: it looks empty */
	if (vq->avail_idx == vq->next_avail) {
		vq->avail_idx = anvil_virtqueue_load(vq, vq->driver_area + VIRTQ_AVAIL_IDX);
		if (vq->avail_idx == vq->next_avail)
			return 0;
	}
	/* else a guest could jump ahead and have each slot taken many times */
	if ((uint16_t)(vq->avail_idx - vq->next_avail) > vq->size)
		return -EPROTO;

	uint32_t slot = vq->next_avail % vq->size;
	uint16_t head = anvil_virtqueue_load(vq, vq->driver_area + VIRTQ_AVAIL_RING +
							 (uint64_t)slot * VIRTQ_AVAIL_ENTRY_SIZE);

	/* else a guest could have us flip bits behind `held`, or have one head in flight twice and
	 * so more requests than its ring has entries */
	if (head >= vq->size || anvil_virtqueue_holds(vq, head))
		return -EPROTO;

	int err = walk_chain(vq, head, chain);

	/* not walked again: a guest could have a report of it go in circles for ever */
	if (err)
		return err;
	chain->head = head;
	chain->entries = 1;
	vq->next_avail++;
	return 1;
}

static void split_untake(struct anvil_virtqueue *vq, const struct anvil_descriptor_chain *chain)
{
	vq->next_avail = (uint16_t)(vq->next_avail - chain->entries);
}

static void split_fill(struct anvil_virtqueue *vq, const struct anvil_virtqueue_used *used)
{
	struct virtq_used_elem elem = {
		.id = anvil_virtqueue_u32(vq, used->head),
		.len = anvil_virtqueue_u32(vq, used->len),
	};
	uint64_t gpa = used_entry_gpa(vq, vq->next_used % vq->size);

	anvil_cannot_fail(anvil_guest_memory_write(vq->memory, gpa, &elem, sizeof(elem)));
	vq->next_used++;
}

static void split_flush(struct anvil_virtqueue *vq)
{
	anvil_virtqueue_store(vq, vq->device_area + VIRTQ_USED_IDX, vq->next_used);
}

static uint16_t split_distance(const struct anvil_virtqueue *vq, uint16_t from, uint16_t to)
{
	(void)vq;
	return (uint16_t)(to - from);
}

/* 2.7.7.2 */
static bool split_need_notify(struct anvil_virtqueue *vq, uint16_t first)
{
	if (!vq->event_idx)
		return !(anvil_virtqueue_load(vq, vq->driver_area + VIRTQ_AVAIL_FLAGS) &
			 VIRTQ_AVAIL_F_NO_INTERRUPT);

	uint16_t event = anvil_virtqueue_load(vq, used_event_gpa(vq));

	return (uint16_t)(vq->next_used - event - 1) < (uint16_t)(vq->next_used - first);
}

/* 2.7.10.1: with EVENT_IDX flags stay 0, and an old avail_event suppresses by itself */
static void split_suppress_notification(struct anvil_virtqueue *vq)
{
	if (!vq->event_idx)
		anvil_virtqueue_store(vq, vq->device_area + VIRTQ_USED_FLAGS,
				      VIRTQ_USED_F_NO_NOTIFY);
}

/* avail_event is what the driver is known to have reached: it tells us of the chain after that */
static bool split_want_notification(struct anvil_virtqueue *vq)
{
	uint16_t seen = vq->avail_idx;

	if (vq->event_idx)
		anvil_virtqueue_store(vq, used_entry_gpa(vq, vq->size), seen);
	else
		anvil_virtqueue_store(vq, vq->device_area + VIRTQ_USED_FLAGS, 0);
	atomic_thread_fence(memory_order_seq_cst);
	vq->avail_idx = anvil_virtqueue_load(vq, vq->driver_area + VIRTQ_AVAIL_IDX);
	return vq->avail_idx != seen;
}

/* Indices run on beyond the size of the ring. */
static bool split_has_place(const struct anvil_virtqueue *vq, uint16_t place)
{
	(void)vq;
	(void)place;
	return true;
}

const struct anvil_virtqueue_layout anvil_virtqueue_split = {
	.check = split_check,
	.has_place = split_has_place,
	.take = split_take,
	.untake = split_untake,
	.fill = split_fill,
	.flush = split_flush,
	.need_notify = split_need_notify,
	.distance = split_distance,
	.suppress_notification = split_suppress_notification,
	.want_notification = split_want_notification,
};
