/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between setup and the kinds of devices.
 */
#ifndef SETUP_INTERNAL_H
#define SETUP_INTERNAL_H

#include "setup.h"
#include "virtio_spec.h"

#define BIT(n) (1ull << (n))

#define RING_FEATURES                                                                              \
	(BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) | BIT(VIRTIO_F_RING_RESET))

/* What goes when its ground is hidden: a device must not offer one without the other (2.2.2) */
struct setup_required {
	uint64_t these;
	uint64_t need_one_of;
};

/* What a kind of device makes of a header. All but `supported` and `queues` may be NULL. */
struct setup_kind {
	uint64_t supported; /* features 0 to 63 of the common device, its rings' included */
	const struct setup_required *ground;
	unsigned int grounds;
	/* Features that the header asks for beside those, and has this device not offer. */
	struct anvil_features (*asked)(const struct script_op *header);
	uint64_t (*withheld)(const struct script_op *header);
	/* All else, with features and the header's classes in place. */
	void (*choose)(const struct script_op *header, struct setup *p);
	/* What devices with the legacy interface cannot have goes. */
	void (*make_legacy)(struct setup *p);
	unsigned int (*queues)(const struct script_op *header, const struct setup *p);
};

extern const struct setup_kind setup_kind_blk;
extern const struct setup_kind setup_kind_net;
extern const struct setup_kind setup_kind_echo;

#endif
