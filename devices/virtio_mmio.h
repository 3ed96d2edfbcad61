/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio over MMIO, version 2 (4.2): the register window of one device.
 *
 * The embedder decodes the window's address and passes each guest access on. No access can fail:
 * what the specification forbids the driver has the harmless answer given at virtio_mmio_read.
 */
#ifndef VIRTIO_MMIO_H
#define VIRTIO_MMIO_H

#include "virtio_device.h"

/* Registers and the largest configuration space of ours; what a VMM sets aside, in bytes. */
#define VIRTIO_MMIO_WINDOW 0x200u

/* What the embedder does for the transport. `opaque` comes back as given to virtio_mmio_init. */
struct virtio_mmio_host_ops {
	/* the level of the interrupt line; called when it changes */
	void (*set_irq)(void *opaque, bool asserted);
	/* call virtio_mmio_poll soon, not from inside a call into this device */
	void (*defer)(void *opaque);
};

struct virtio_mmio {
	struct virtio_device *dev;
	const struct virtio_mmio_host_ops *host;
	void *opaque;
	uint32_t device_features_sel;
	uint32_t driver_features_sel;
	uint32_t queue_sel;
	uint32_t interrupt_status;
};

/* Attaches a transport to a device that has none yet. Both stay the caller's. */
void virtio_mmio_init(struct virtio_mmio *mmio, struct virtio_device *dev,
		      const struct virtio_mmio_host_ops *host, void *opaque);

/*
 * A guest access of `width` bytes at `offset` in the window; any numbers are allowed.
 *
 * Registers below 0x100 answer 32-bit aligned accesses; configuration space answers 1, 2 and 4
 * bytes at any offset that keeps the access inside it (4.2.2.2). All else, gaps in the table,
 * write-only registers when read and read-only ones when written, reads as 0 and ignores writes.
 * Per-queue registers read as 0 and ignore writes while QueueSel names no queue.
 */
uint64_t virtio_mmio_read(struct virtio_mmio *mmio, uint64_t offset, unsigned int width);
void virtio_mmio_write(struct virtio_mmio *mmio, uint64_t offset, unsigned int width,
		       uint64_t value);

/* Goes on with deferred work. */
void virtio_mmio_poll(struct virtio_mmio *mmio);

#endif
