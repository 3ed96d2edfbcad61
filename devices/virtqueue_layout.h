/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a ring layout provides behind virtqueue.h. For virtqueue*.c only.
 */
#ifndef VIRTQUEUE_LAYOUT_H
#define VIRTQUEUE_LAYOUT_H

#include <endian.h>

#include "virtqueue.h"

struct virtqueue_layout {
	/* judges size and addresses: 0, -EINVAL or -EFAULT */
	int (*check)(const struct virtqueue *vq);
	/* takes the next chain: as virtqueue_pop, but leaves `held` and the counters alone */
	int (*take)(struct virtqueue *vq, struct descriptor_chain *chain);
	/* writes the used entry number next_used */
	void (*put)(struct virtqueue *vq, uint16_t head, uint32_t len);
	/* makes entries up to next_used visible and says whether the driver wants to hear of it */
	bool (*publish)(struct virtqueue *vq);
	void (*suppress_notification)(struct virtqueue *vq);
	bool (*want_notification)(struct virtqueue *vq);
};

extern const struct virtqueue_layout virtqueue_split;

/* From the ring's byte order to the host's, and back (2.7.3). */
static inline uint16_t virtqueue_u16(const struct virtqueue *vq, uint16_t value)
{
	return vq->big_endian ? be16toh(value) : le16toh(value);
}

static inline uint32_t virtqueue_u32(const struct virtqueue *vq, uint32_t value)
{
	return vq->big_endian ? be32toh(value) : le32toh(value);
}

static inline uint64_t virtqueue_u64(const struct virtqueue *vq, uint64_t value)
{
	return vq->big_endian ? be64toh(value) : le64toh(value);
}

/* Whether the device holds the chain named `head`, which is below size_max. */
bool virtqueue_holds(const struct virtqueue *vq, uint16_t head);

#endif
