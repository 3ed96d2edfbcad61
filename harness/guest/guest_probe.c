/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The probe for life.
 */
#include "guest_internal.h"

bool guest_probe(struct guest_driver *g)
{
	/* the smallest set of features that has this ring */
	struct script_op init = script_op(OP_INIT);

	init.init.wrong = INIT_NO_RESET;
	init.init.only = (uint8_t)(g->kind->probe_queue + 1);
	init.init.decline = ~(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_RING_PACKED |
			      g->kind->probe_features);
	init.init.decline64 = 0xff;
	guest_start(g, g->bus, g->p);
	guest_init(g, &init);
	return g->kind->probe(g);
}
