/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What follows a script: a reset, and the probe for life.
 */
#include "guest_internal.h"

#include "array_size.h"

/* What a driver may look at at any time: how the script has left it. */
static void read_state(struct guest_driver *g)
{
	uint32_t bytes = g->bus->machine->oracle.config_bytes;

	guest_get(g, VIRTIO_MMIO_STATUS);
	for (uint32_t at = 0, width; at < bytes; at += width) {
		width = bytes - at >= 4 ? 4 : 1;
		g->bus->ops->read(g->bus, VIRTIO_MMIO_CONFIG + at, width);
	}
}

void guest_read_registers(struct guest_driver *g)
{
	static const uint32_t modern[] = {
		VIRTIO_MMIO_DEVICE_FEATURES,   VIRTIO_MMIO_QUEUE_SIZE_MAX,
		VIRTIO_MMIO_QUEUE_READY,       VIRTIO_MMIO_INTERRUPT_STATUS,
		VIRTIO_MMIO_CONFIG_GENERATION,
	};
	static const uint32_t legacy[] = {
		VIRTIO_MMIO_DEVICE_FEATURES,
		VIRTIO_MMIO_QUEUE_SIZE_MAX,
		VIRTIO_MMIO_QUEUE_PFN,
		VIRTIO_MMIO_INTERRUPT_STATUS,
	};

	read_state(g);
	guest_reg(g, VIRTIO_MMIO_STATUS, 0);
	for (size_t i = 0; !g->p->legacy && i < ARRAY_SIZE(modern); i++)
		guest_get(g, modern[i]);
	for (size_t i = 0; g->p->legacy && i < ARRAY_SIZE(legacy); i++)
		guest_get(g, legacy[i]);
	for (size_t i = 0; i < ARRAY_SIZE(g->kind->config_changes); i++)
		guest_get(g, VIRTIO_MMIO_CONFIG + g->kind->config_changes[i]);
}

bool guest_probe(struct guest_driver *g)
{
	/* the smallest set of features that has this ring */
	struct script_op init = script_op(OP_INIT);

	/* a device may take it ill that its registers were looked at */
	init.init.wrong = g->bus->machine->exact ? INIT_NO_RESET : INIT_RIGHT;
	init.init.only = (uint8_t)(g->kind->probe_queue + 1);
	init.init.decline = ~(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_RING_PACKED |
			      g->kind->probe_features);
	init.init.decline64 = 0xff;
	guest_start(g, g->bus, g->p);
	guest_init(g, &init);
	return g->kind->probe(g);
}
