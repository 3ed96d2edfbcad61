/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The features that a device of any kind is created with, as the setup says.
 */
#include "own_device_internal.h"

struct anvil_features own_asked(const struct setup *p)
{
	struct anvil_features f = p->offered;

	f.word[0] &= ~(1ull << VIRTIO_F_VERSION_1);
	if (p->legacy) { /* ANY_LAYOUT comes, and what is above bit 31 goes, by itself */
		f.word[0] &= ~(1ull << VIRTIO_F_ANY_LAYOUT);
		anvil_features_add(&f, VIRTIO_F_RING_RESET);
	}
	return f;
}
