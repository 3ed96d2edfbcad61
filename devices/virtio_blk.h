/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The block device (5.2) in front of a struct anvil_disk.
 *
 * Each request passes through a slot of its own: the private copy of its descriptors and a buffer
 * for its data. With all slots taken, requests wait in their rings; as slots become free, queues
 * that wait are served in turn, one request each. Requests complete in the order in which the disk
 * completes them; with IN_ORDER, the driver hears of it in the order it made them.
 *
 * A chain is checked by its bytes, however it is cut into descriptors (2.7.4): size_max and seg_max
 * are advice to the driver; a request that carries more than transfer_max is refused. Limits that
 * the specification only tells a driver to mind (discard and erase alignment of a disk without
 * zones, blk_size) are told, and no more.
 *
 * What one request may ask for: queue_size_max descriptors, transfer_max bytes copied. The disk is
 * asked for one thing after the other: transfer_max bytes, or range_segments_max ranges of
 * range_sectors_max sectors each (of a secure erase, erase_segments_max of erase_sectors_max), then
 * a flush. It has no more than `slots` requests at a time; how long it takes with one range is its
 * own business, so choose range_sectors_max by that. What one call into the device does is bounded,
 * too (ANVIL_DEVICE_WORK): there, each request to the disk counts as 1, RESET_ALL as the number of
 * zones.
 */
#ifndef ANVIL_BLK_H
#define ANVIL_BLK_H

#include "backend.h"
#include "virtio_device.h"
#include "virtio_config.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Beside memory and disk, six options are required: queue_size_max, slots, transfer_max, blk_size,
 * range_sectors_max and range_segments_max. They have no default, since each is a decision about
 * memory, time or what the guest sees: 0 in one of them is -EINVAL, like any other value out of its
 * range. The last two matter with DISCARD or WRITE_ZEROES; without, 1 is right. All other options
 * may be 0, unless a feature on offer needs them: their comments say so.
 *
 * A device allocates for each slot 16 * queue_size_max bytes, and the larger of transfer_max and 16
 * bytes for each range of a request; with a zoned disk also the zones of one report. Beside that,
 * what each queue takes.
 */
struct anvil_blk_options {
	const struct anvil_guest_memory *memory; /* the caller's, must outlive the device */
	struct anvil_disk *disk;		 /* likewise */
	/*
	 * Offered: any of SIZE_MAX, SEG_MAX, GEOMETRY, BLK_SIZE, FLUSH, TOPOLOGY, CONFIG_WCE (with
	 * FLUSH), DISCARD, WRITE_ZEROES, INDIRECT_DESC, EVENT_IDX, RING_RESET, RING_PACKED,
	 * IN_ORDER, NOTIFICATION_DATA, ORDER_PLATFORM, SUSPEND; MQ; SECURE_ERASE and LIFETIME with
	 * a disk that has these. VERSION_1 and, for a read-only disk, RO are added. ZONED goes with
	 * a zoned disk, and only with one; without DISCARD and WRITE_ZEROES if that is host-managed
	 * (5.2.5.1), which a driver must then accept (5.2.5.2). Legacy interfaces have nothing of
	 * SECURE_ERASE, LIFETIME and ZONED, and no host-managed disk.
	 */
	struct anvil_features features;
	uint16_t queue_size_max; /* power of 2, up to 32768 */
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
	uint16_t num_queues;	     /* with MQ: 1 to ANVIL_DEVICE_QUEUES_MAX; else there is one */
	/* with SECURE_ERASE: limits as range_* above, and the alignment that the driver is advised
	 * to keep, in sectors, at least 1; for a zoned disk a multiple of its zones (5.2.6.2) */
	uint32_t erase_sectors_max;
	uint32_t erase_segments_max;
	uint32_t erase_sector_alignment;
};

#define ANVIL_BLK_RANGE_SEGMENTS_MAX 256u

struct anvil_blk_slot;

struct anvil_blk {
	struct anvil_device dev; /* give it to a transport */
	struct anvil_blk_options options;
	struct anvil_blk_config config;
	struct anvil_blk_slot *slot;
	uint64_t starved;	 /* queues left alone for want of a slot, one bit each */
	unsigned int next_queue; /* the queue to be served next of those */
	bool serving;
	bool took; /* the queue being served has taken a request in this turn */
};

/*
 * Creates the device and all it will ever need. Returns 0, or with nothing allocated
 *   -EINVAL  an option is out of range, a required one 0, or a feature without what it goes with
 *   -ENOMEM
 */
int anvil_blk_init(struct anvil_blk *blk, const struct anvil_blk_options *options)
	__attribute__((warn_unused_result));

/* Whether the disk holds no request of this device. A reset asks the disk to cancel them, and is
 * not complete before this is so (anvil_mmio_resetting). */
bool anvil_blk_idle(const struct anvil_blk *blk);

/*
 * Call it only while the device is idle (anvil_blk_idle), else an assertion fails: the disk would
 * write into what is freed here. To get there, write 0 to Status and run the disk until it is.
 */
void anvil_blk_destroy(struct anvil_blk *blk);

/* Call it after disk->capacity has changed: it tells the driver (5.2.6.2). The capacity of a zoned
 * disk stays as it is. */
void anvil_blk_resized(struct anvil_blk *blk);

#ifdef __cplusplus
}
#endif

#endif
