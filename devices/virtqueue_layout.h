/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a ring layout provides behind virtqueue.h. For virtqueue*.c only.
 */
#ifndef ANVIL_VIRTQUEUE_LAYOUT_H
#define ANVIL_VIRTQUEUE_LAYOUT_H

#include <endian.h>

#include "cannot_fail.h"
#include "virtqueue.h"

/* A chain that the device is done with. */
struct anvil_virtqueue_used {
	uint32_t len; /* bytes written from the first writable one on */
	uint16_t head;
	uint16_t entries;
	bool wrote; /* anything anywhere in its writable bytes */
	bool done;  /* in order: this is valid */
};

struct anvil_virtqueue_layout {
	/* checks size and addresses: 0, -EINVAL or -EFAULT */
	int (*check)(const struct anvil_virtqueue *vq);
	/* where next_avail, next_used and notified_used begin */
	uint16_t first;
	/* whether there is such a place in a ring of this size */
	bool (*has_place)(const struct anvil_virtqueue *vq, uint16_t place);
	/* takes the next chain and moves next_avail: as anvil_virtqueue_pop, but leaves `held`
	 * alone */
	int (*take)(struct anvil_virtqueue *vq, struct anvil_descriptor_chain *chain);
	/* moves next_avail back over the chain taken last */
	void (*untake)(struct anvil_virtqueue *vq, const struct anvil_descriptor_chain *chain);
	/* writes the used entry at next_used and moves that */
	void (*fill)(struct anvil_virtqueue *vq, const struct anvil_virtqueue_used *used);
	/* makes entries from flushed_used up to next_used visible, of which there are some */
	void (*flush)(struct anvil_virtqueue *vq);
	/* whether the driver wants to hear of those from `first` up to next_used */
	bool (*need_notify)(struct anvil_virtqueue *vq, uint16_t first);
	/* how many entries of the ring lie from one place to the other */
	uint16_t (*distance)(const struct anvil_virtqueue *vq, uint16_t from, uint16_t to);
	void (*suppress_notification)(struct anvil_virtqueue *vq);
	bool (*want_notification)(struct anvil_virtqueue *vq);
};

extern const struct anvil_virtqueue_layout anvil_virtqueue_split;
extern const struct anvil_virtqueue_layout anvil_virtqueue_packed;

/* From the ring's byte order to the host's, and back (2.7.3). */
static inline uint16_t anvil_virtqueue_u16(const struct anvil_virtqueue *vq, uint16_t value)
{
	return vq->big_endian ? be16toh(value) : le16toh(value);
}

static inline uint32_t anvil_virtqueue_u32(const struct anvil_virtqueue *vq, uint32_t value)
{
	return vq->big_endian ? be32toh(value) : le32toh(value);
}

static inline uint64_t anvil_virtqueue_u64(const struct anvil_virtqueue *vq, uint64_t value)
{
	return vq->big_endian ? be64toh(value) : le64toh(value);
}

#define WORD_BITS 64u /* of `held` */

/* Whether the device holds the chain named `head`, which is one that there can be. */
static inline bool anvil_virtqueue_holds(const struct anvil_virtqueue *vq, uint16_t head)
{
	/* a word's number: by that of a bit, a guest could have us read far behind `held` */
	return vq->held[head / WORD_BITS] >> (head % WORD_BITS) & 1;
}

/* anvil_virtqueue_enable found the rings in RAM, and the map does not change: our own bug
 * otherwise. */
static inline uint16_t anvil_virtqueue_load(const struct anvil_virtqueue *vq, uint64_t gpa)
{
	uint16_t value = 0;

	anvil_cannot_fail(anvil_guest_memory_load_u16(vq->memory, gpa, &value));
	return vq->big_endian ? __builtin_bswap16(value) : value;
}

static inline void anvil_virtqueue_store(const struct anvil_virtqueue *vq, uint64_t gpa,
					 uint16_t value)
{
	uint16_t ordered = vq->big_endian ? __builtin_bswap16(value) : value;

	anvil_cannot_fail(anvil_guest_memory_store_u16(vq->memory, gpa, ordered));
}

#endif
