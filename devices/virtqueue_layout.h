/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a ring layout provides behind virtqueue.h. For virtqueue*.c only.
 */
#ifndef VIRTQUEUE_LAYOUT_H
#define VIRTQUEUE_LAYOUT_H

#include "virtqueue.h"

struct virtqueue_layout {
	/* judges size and addresses: 0, -EINVAL or -EFAULT */
	int (*check)(const struct virtqueue *vq);
	/* takes the next chain: as virtqueue_pop, but leaves `held` and the counters alone */
	int (*take)(struct virtqueue *vq, struct descriptor_chain *chain);
	/* writes the used entry number next_used */
	void (*put)(struct virtqueue *vq, uint16_t head, uint32_t len);
	/* makes entries up to next_used visible */
	void (*show)(struct virtqueue *vq);
	/* whether the driver wants to hear of those behind published_used, which becomes next_used
	 */
	bool (*wants_to_hear)(struct virtqueue *vq);
	void (*suppress_notification)(struct virtqueue *vq);
	bool (*want_notification)(struct virtqueue *vq);
};

extern const struct virtqueue_layout virtqueue_split;

/* Whether the device holds the chain named `head`, which is below size_max. */
bool virtqueue_holds(const struct virtqueue *vq, uint16_t head);

#endif
