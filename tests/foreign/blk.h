/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio-mmio block device (virtio 1.4, 5.2) with one queue, on a disk in the VMM's memory.
 */
#ifndef BLK_H
#define BLK_H

#include "virtio.h"
#include "vmm.h"

#define BLK_QUEUES    1u
#define BLK_QUEUE_MAX 128u

/* as a guest reads it (5.2.4) */
struct blk_config {
	uint64_t capacity;
	uint32_t size_max; /* not offered */
	uint32_t seg_max;
	uint8_t geometry[4]; /* not offered */
	uint32_t blk_size;
};

struct blk {
	struct vm *vm;
	struct disk *disk;
	uint32_t status;
	uint32_t interrupts;
	uint32_t device_features_sel, driver_features_sel, queue_sel;
	uint64_t driver_features, driver_features_above; /* bits 0 to 63, 64 to 127 */
	struct virtqueue vq[BLK_QUEUES];
	struct blk_config config;
};

/* The device as new. Both have to last as long as it does. */
void blk_init(struct blk *b, struct vm *vm, struct disk *disk);

/* The guest reads or writes 1, 2, 4 or 8 bytes of the window. */
uint64_t blk_read(struct blk *b, uint64_t offset, unsigned int width);
void blk_write(struct blk *b, uint64_t offset, unsigned int width, uint64_t value);

#endif
