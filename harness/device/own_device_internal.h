/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What our own kinds of device add behind the door.
 */
#ifndef OWN_DEVICE_INTERNAL_H
#define OWN_DEVICE_INTERNAL_H

#include "own_device.h"

/* All but `create`, `start` and `stop` may be NULL. */
struct own_kind {
	/* Once a process. */
	void (*create)(struct own_device *d);
	/* The host's side anew, before there is a device. */
	void (*begin)(struct own_device *d);
	/* Makes the device, d->dev. Returns 0 or a negative errno. */
	int (*start)(struct own_device *d);
	/* Destroys it and what of the host's side goes with it, in whatever state they are. */
	void (*stop)(struct own_device *d);
	/* What its host can do, in the words of the door. */
	struct device_under_test host;
};

extern const struct own_kind own_kind_blk;
extern const struct own_kind own_kind_net;
extern const struct own_kind own_kind_echo;

/* Features that the embedder asks for: VERSION_1 is the device's own to offer. */
struct anvil_features own_asked(const struct setup *p);

static inline struct own_device *to_own(struct device_under_test *dut)
{
	return (struct own_device *)(void *)dut;
}

#endif
