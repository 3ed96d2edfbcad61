/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packed ring (2.8): one ring in guest memory that both sides write, and an event structure
 * each, with which driver and device say which notifications they want.
 *
 * An entry is a descriptor: address, length, buffer id, flags. Two of the flags, AVAIL and USED,
 * say whose it is, together with a wrap counter: a bit that both sides flip each time they pass the
 * end of the ring. The entry is available when AVAIL equals the driver's wrap counter and USED does
 * not; it is used when both are equal to the device's. A "place" here is an offset in the ring with
 * that counter in bit 15, as in the event structures.
 *
 * A chain is a list of consecutive entries with NEXT, or one entry that names an indirect table.
 * The driver writes the flags of the first one last, so the device (packed_take) loads these flags
 * with acquire order and finds the rest of the list valid. It fetches each entry once, into a
 * private copy. The last entry has the buffer id, any 16 bits of the driver's choice, by which the
 * chain is given back.
 *
 * A finished chain is one used entry, which overwrites the ring at next_used (packed_fill),
 * whichever descriptors lie there; then next_used skips as many entries as the chain had. The flags
 * of the first entry of a batch are written last (packed_flush): the driver stops there until they
 * change. So the device may overwrite only entries that it has taken, and takes no more entries
 * than the ring has beside those in flight: ring_held counts them.
 */
#include <endian.h>
#include <errno.h>
#include <stdatomic.h>

#include "virtio_spec.h"
#include "virtqueue_layout.h"

/* ---- places in the ring: offset and wrap counter (2.8.1) ---- */

/* `entries` is at most the queue size. */
static uint16_t after(const struct anvil_virtqueue *vq, uint16_t place, uint32_t entries)
{
	uint32_t offset = (place & PVIRTQ_PLACE_OFFSET) + entries;

	if (offset < vq->size)
		return (uint16_t)(place + entries);
	/* no mask, sizes are any: else a guest could have entries overwritten that it still owns */
	return (uint16_t)((offset - vq->size) | (~place & PVIRTQ_PLACE_WRAP));
}

static uint16_t before(const struct anvil_virtqueue *vq, uint16_t place, uint32_t entries)
{
	uint32_t offset = place & PVIRTQ_PLACE_OFFSET;

	if (offset >= entries)
		return (uint16_t)(place - entries);
	return (uint16_t)((offset + vq->size - entries) | (~place & PVIRTQ_PLACE_WRAP));
}

/* How many entries lie from one place to the other, of the two laps that places tell apart. */
static uint16_t distance(const struct anvil_virtqueue *vq, uint16_t from, uint16_t to)
{
	uint32_t ahead = (to & PVIRTQ_PLACE_OFFSET) - (from & PVIRTQ_PLACE_OFFSET);

	if ((from ^ to) & PVIRTQ_PLACE_WRAP)
		ahead += vq->size;
	return (uint16_t)(ahead < 2 * vq->size ? ahead : ahead + 2 * vq->size);
}

static uint64_t entry_gpa(const struct anvil_virtqueue *vq, uint16_t place)
{
	return vq->desc_area + (uint64_t)(place & PVIRTQ_PLACE_OFFSET) * sizeof(struct pvirtq_desc);
}

static uint64_t flags_gpa(const struct anvil_virtqueue *vq, uint16_t place)
{
	return entry_gpa(vq, place) + offsetof(struct pvirtq_desc, flags);
}

static bool available(uint16_t flags, uint16_t place)
{
	bool wrap = place & PVIRTQ_PLACE_WRAP;
	bool avail = flags & VIRTQ_DESC_F_AVAIL;
	bool used = flags & VIRTQ_DESC_F_USED;

	return avail == wrap && used != wrap;
}

/* 2.8.10.1, the table of alignments */
static int packed_check(const struct anvil_virtqueue *vq)
{
	/* not made for it: a guest could name ids whose bits lie behind `held` */
	if (vq->heads < PVIRTQ_IDS)
		return -EINVAL;
	if (vq->desc_area % sizeof(struct pvirtq_desc) || vq->driver_area % PVIRTQ_EVENT_SIZE ||
	    vq->device_area % PVIRTQ_EVENT_SIZE)
		return -EINVAL;
	if (!anvil_guest_memory_contains(vq->memory, vq->desc_area,
					 (uint64_t)vq->size * sizeof(struct pvirtq_desc)) ||
	    !anvil_guest_memory_contains(vq->memory, vq->driver_area, PVIRTQ_EVENT_SIZE) ||
	    !anvil_guest_memory_contains(vq->memory, vq->device_area, PVIRTQ_EVENT_SIZE))
		return -EFAULT;
	return 0;
}

static bool packed_has_place(const struct anvil_virtqueue *vq, uint16_t place)
{
	return (place & PVIRTQ_PLACE_OFFSET) < vq->size;
}

/* ---- taking a chain ---- */

/* The first `len` bytes of a descriptor, of the ring or of a table, which were found in RAM. */
static void fetch(const struct anvil_virtqueue *vq, uint64_t gpa, struct pvirtq_desc *desc,
		  size_t len)
{
	anvil_cannot_fail(anvil_guest_memory_read(vq->memory, gpa, desc, len));
	desc->addr = le64toh(desc->addr);
	desc->len = le32toh(desc->len);
	desc->id = le16toh(desc->id);
}

static int add(const struct anvil_virtqueue *vq, struct anvil_descriptor_chain *chain,
	       const struct pvirtq_desc *desc)
{
	if (chain->count >= vq->size)
		return -ELOOP;
	return anvil_descriptor_chain_append(chain, desc->addr, desc->len,
					     desc->flags & VIRTQ_DESC_F_WRITE);
}

/* 2.8.7: the whole table is one chain, and WRITE the only flag in it that means anything */
static int add_table(const struct anvil_virtqueue *vq, struct anvil_descriptor_chain *chain,
		     const struct pvirtq_desc *table)
{
	uint32_t entries = table->len / (uint32_t)sizeof(struct pvirtq_desc);
	int err = 0;

	/* else a guest could have a chain of no descriptors served */
	if (entries == 0 || table->len % sizeof(struct pvirtq_desc))
		return -EPROTO;
	if (!anvil_guest_memory_contains(vq->memory, table->addr, table->len))
		return -EFAULT;
	for (uint32_t i = 0; i < entries && !err; i++) {
		struct pvirtq_desc desc;

		fetch(vq, table->addr + (uint64_t)i * sizeof(desc), &desc, sizeof(desc));
		desc.flags = le16toh(desc.flags);
		err = add(vq, chain, &desc);
	}
	return err;
}

/* A list of one kind only (2.8.5): a table stands alone. */
static int add_entry(const struct anvil_virtqueue *vq, struct anvil_descriptor_chain *chain,
		     const struct pvirtq_desc *desc, uint32_t entry)
{
	if (vq->ring_held + entry >= vq->size)
		return -ELOOP;
	if (!(desc->flags & VIRTQ_DESC_F_INDIRECT))
		return add(vq, chain, desc);
	if (!vq->indirect || entry > 0 || desc->flags & VIRTQ_DESC_F_NEXT)
		return -EPROTO;
	return add_table(vq, chain, desc);
}

/*
 * Adds the list of which `desc`, at `place`, is the first entry; afterwards `desc` is the last. The
 * driver made the first entry available after all others (2.8.6): one that is not is no mere delay.
 */
static int walk_list(const struct anvil_virtqueue *vq, uint16_t place,
		     struct anvil_descriptor_chain *chain, struct pvirtq_desc *desc)
{
	for (uint16_t entries = 1;; entries++) {
		int err = add_entry(vq, chain, desc, entries - 1u);

		chain->entries = entries;
		if (err || !(desc->flags & VIRTQ_DESC_F_NEXT))
			return err;
		place = after(vq, place, 1);
		fetch(vq, entry_gpa(vq, place), desc, sizeof(*desc));
		desc->flags = le16toh(desc->flags);
		if (!available(desc->flags, place))
			return -EPROTO;
	}
}

/*
 * Acquire order on the first flags makes the rest of the list visible. What went back untaken was
 * available, and a driver must not change it (2.8.16): one that did would have us look for ever.
 */
static int packed_take(struct anvil_virtqueue *vq, struct anvil_descriptor_chain *chain)
{
	uint16_t place = vq->next_avail;
	struct pvirtq_desc desc;
	uint16_t flags = anvil_virtqueue_load(vq, flags_gpa(vq, place));

	if (!available(flags, place))
		return vq->ring_known ? -EPROTO : 0;
	fetch(vq, entry_gpa(vq, place), &desc, offsetof(struct pvirtq_desc, flags));
	desc.flags = flags;

	int err = walk_list(vq, place, chain, &desc);

	if (err)
		return err;
	if (anvil_virtqueue_holds(vq, desc.id)) /* any other id may be (2.8) */
		return -EPROTO;
	chain->head = desc.id;
	vq->next_avail = after(vq, place, chain->entries);
	vq->ring_held = (uint16_t)(vq->ring_held + chain->entries);
	vq->ring_known =
		vq->ring_known > chain->entries ? (uint16_t)(vq->ring_known - chain->entries) : 0;
	return 1;
}

static void packed_untake(struct anvil_virtqueue *vq, const struct anvil_descriptor_chain *chain)
{
	vq->next_avail = before(vq, vq->next_avail, chain->entries);
	vq->ring_held = (uint16_t)(vq->ring_held - chain->entries);
	vq->ring_known = (uint16_t)(vq->ring_known + chain->entries);
}

/* ---- giving it back ---- */

/* The flags of a batch's first entry wait for anvil_virtqueue_flush: the driver stops at that one.
 */
static void packed_fill(struct anvil_virtqueue *vq, const struct anvil_virtqueue_used *used)
{
	struct pvirtq_desc desc = { .len = htole32(used->len), .id = htole16(used->head) };
	uint16_t place = vq->next_used;
	uint16_t flags = used->wrote ? VIRTQ_DESC_F_WRITE : 0;
	uint64_t gpa = entry_gpa(vq, place) + offsetof(struct pvirtq_desc, len);

	anvil_cannot_fail(anvil_guest_memory_write(vq->memory, gpa, &desc.len,
						   sizeof(desc.len) + sizeof(desc.id)));
	if (place & PVIRTQ_PLACE_WRAP)
		flags |= VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;
	if (place == vq->flushed_used)
		vq->first_flags = flags;
	else
		anvil_virtqueue_store(vq, flags_gpa(vq, place), flags);
	/* by its entries: else a guest could have ones overwritten that are not available yet */
	vq->next_used = after(vq, place, used->entries);
	vq->ring_held = (uint16_t)(vq->ring_held - used->entries);
}

/* Whether the place is one of those from `first` up to next_used, which are fewer than two laps. */
static bool among(const struct anvil_virtqueue *vq, uint16_t event, uint16_t first)
{
	return (event & PVIRTQ_PLACE_OFFSET) < vq->size &&
	       distance(vq, first, event) < distance(vq, first, vq->next_used);
}

static void packed_flush(struct anvil_virtqueue *vq)
{
	anvil_virtqueue_store(vq, flags_gpa(vq, vq->flushed_used), vq->first_flags);
}

/* 2.8.10. A wish that is reserved, or not negotiated, is taken for ENABLE. */
static bool packed_need_notify(struct anvil_virtqueue *vq, uint16_t first)
{
	uint16_t wish = anvil_virtqueue_load(vq, vq->driver_area + PVIRTQ_EVENT_FLAGS) &
			RING_EVENT_FLAGS_MASK;

	if (wish != RING_EVENT_FLAGS_DESC || !vq->event_idx)
		return wish != RING_EVENT_FLAGS_DISABLE;
	return among(vq, anvil_virtqueue_load(vq, vq->driver_area + PVIRTQ_EVENT_DESC), first);
}

/* With EVENT_IDX a place that was passed suppresses by itself. */
static void packed_suppress_notification(struct anvil_virtqueue *vq)
{
	if (!vq->event_idx)
		anvil_virtqueue_store(vq, vq->device_area + PVIRTQ_EVENT_FLAGS,
				      RING_EVENT_FLAGS_DISABLE);
}

/* The event is the first entry that was not available yet, also if chains before it went back. */
static bool packed_want_notification(struct anvil_virtqueue *vq)
{
	uint16_t place = after(vq, vq->next_avail, vq->ring_known);

	if (vq->event_idx)
		anvil_virtqueue_store(vq, vq->device_area + PVIRTQ_EVENT_DESC, place);
	anvil_virtqueue_store(vq, vq->device_area + PVIRTQ_EVENT_FLAGS,
			      vq->event_idx ? RING_EVENT_FLAGS_DESC : RING_EVENT_FLAGS_ENABLE);
	atomic_thread_fence(memory_order_seq_cst);
	return available(anvil_virtqueue_load(vq, flags_gpa(vq, place)), place);
}

const struct anvil_virtqueue_layout anvil_virtqueue_packed = {
	.check = packed_check,
	.first = PVIRTQ_PLACE_WRAP,
	.has_place = packed_has_place,
	.take = packed_take,
	.untake = packed_untake,
	.fill = packed_fill,
	.flush = packed_flush,
	.need_notify = packed_need_notify,
	.distance = distance,
	.suppress_notification = packed_suppress_notification,
	.want_notification = packed_want_notification,
};
