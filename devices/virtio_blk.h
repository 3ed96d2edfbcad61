/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The block device (5.2) in front of a struct disk.
 *
 * Each request passes through a slot of its own: the private copy of its descriptors and a buffer
 * for its data. With all slots taken, requests wait in the ring. Requests complete in the order in
 * which the disk completes them.
 */
#ifndef VIRTIO_BLK_H
#define VIRTIO_BLK_H

#include "backend.h"
#include "virtio_device.h"
#include "virtio_spec.h"

struct virtio_blk_options {
	const struct guest_memory *memory; /* the caller's, must outlive the device */
	struct disk *disk;		   /* likewise */
	/*
	 * Offered: any of SIZE_MAX, SEG_MAX, GEOMETRY, BLK_SIZE, FLUSH, TOPOLOGY, CONFIG_WCE (with
	 * FLUSH), DISCARD, WRITE_ZEROES, INDIRECT_DESC, EVENT_IDX, RING_RESET,
	 * ORDER_PLATFORM, SUSPEND. VERSION_1 and, for a
	 * read-only disk, RO are added.
	 */
	struct virtio_features features;
	uint16_t queue_size_max; /* power of 2 */
	unsigned int slots;	 /* requests at the disk at one time, at least 1 */
	/*
	 * Most data that one request may carry, in bytes, a multiple of 512. Larger ones are
	 * answered with IOERR, so offer SIZE_MAX and SEG_MAX with size_max * seg_max at or below
	 * it.
	 */
	uint32_t transfer_max;
	uint32_t size_max;
	uint32_t seg_max;
	uint32_t blk_size; /* power of 2, at least 512 */
	uint16_t cylinders;
	uint8_t heads;
	uint8_t sectors;
	uint8_t physical_block_exp;
	uint8_t alignment_offset;
	uint16_t min_io_size;
	uint32_t opt_io_size;
	uint32_t range_sectors_max;  /* of one discard or write-zeroes segment, at least 1 */
	uint32_t range_segments_max; /* of one such request, 1 to 256 */
};

#define VIRTIO_BLK_RANGE_SEGMENTS_MAX 256u

struct virtio_blk_slot;

struct virtio_blk {
	struct virtio_device dev; /* give it to a transport */
	struct virtio_blk_options options;
	struct virtio_blk_config config;
	struct virtio_blk_slot *slot;
	uint64_t starved; /* queues left alone for want of a slot, one bit each */
	bool serving;
};

/*
 * Creates the device and all it will ever need. Returns 0, -EINVAL (an option out of range) or
 * -ENOMEM; on failure nothing stays allocated.
 */
int virtio_blk_init(struct virtio_blk *blk, const struct virtio_blk_options *options)
	__attribute__((warn_unused_result));

/* Whether the disk holds no request of this device. A reset does not make it so by itself. */
bool virtio_blk_idle(const struct virtio_blk *blk);

/* Only when idle. */
void virtio_blk_destroy(struct virtio_blk *blk);

/* disk->capacity has changed: tells the driver (5.2.6.2). */
void virtio_blk_resized(struct virtio_blk *blk);

#endif
