/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the block device's rarer sides share: the device, zoned or not, with up to
 * three queues, and requests that have buffers of their own. See blk_fixture.h for the usual ones.
 */
#ifndef TESTS_BLK_RIG_H
#define TESTS_BLK_RIG_H

#include "support.h"

#include <endian.h>

#include "virtio_blk.h"
#include "zoned_disk.h"

#define RIG_QUEUE 16u
#define NO_STATUS 0xee

#define S_OK	   VIRTIO_BLK_S_OK
#define S_IOERR	   VIRTIO_BLK_S_IOERR
#define S_UNSUPP   VIRTIO_BLK_S_UNSUPP
#define S_INVALID  VIRTIO_BLK_S_ZONE_INVALID_CMD
#define S_UNALIGN  VIRTIO_BLK_S_ZONE_UNALIGNED_WP
#define S_NO_OPEN  VIRTIO_BLK_S_ZONE_OPEN_RESOURCE
#define S_NO_ACT   VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE
#define T_IN	   VIRTIO_BLK_T_IN
#define T_OUT	   VIRTIO_BLK_T_OUT
#define T_APPEND   VIRTIO_BLK_T_ZONE_APPEND
#define T_REPORT   VIRTIO_BLK_T_ZONE_REPORT
#define T_OPEN	   VIRTIO_BLK_T_ZONE_OPEN
#define T_CLOSE	   VIRTIO_BLK_T_ZONE_CLOSE
#define T_FINISH   VIRTIO_BLK_T_ZONE_FINISH
#define T_RESET	   VIRTIO_BLK_T_ZONE_RESET
#define T_ALL	   VIRTIO_BLK_T_ZONE_RESET_ALL
#define T_ERASE	   VIRTIO_BLK_T_SECURE_ERASE
#define T_LIFETIME VIRTIO_BLK_T_GET_LIFETIME

struct rig {
	struct guest guest;
	struct test_disk disk;
	struct anvil_zoned_disk zoned; /* in front of `disk` if it has zones */
	struct anvil_blk_options options;
	struct anvil_blk blk;
};

/* `out_len` bytes of zeroes or of `data` after the header, and room for `in_len`, status included
 */
struct ask {
	uint32_t type;
	uint64_t sector;
	uint32_t out_len;
	uint32_t in_len;
	const void *data;
	unsigned int queue;
	unsigned int place; /* 0 to 7: buffers of its own */
	uint32_t used;	    /* used.len, if not all or nothing */
};

static inline void rig_create(struct rig *rig)
{
	assert_int_equal(anvil_blk_init(&rig->blk, &rig->options), 0);
	guest_attach(&rig->guest, &rig->blk.dev);
}

static inline struct rig *rig_new(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	guest_init(&rig->guest);
	test_disk_init(&rig->disk);
	rig->options = (struct anvil_blk_options){
		.memory = &rig->guest.ram.memory,
		.disk = &rig->disk.disk,
		.features = features(VIRTIO_F_RING_RESET, VIRTIO_BLK_F_FLUSH, -1),
		.queue_size_max = RIG_QUEUE,
		.slots = 2,
		.transfer_max = 8 * ANVIL_DISK_SECTOR_BYTES,
		.size_max = 4096,
		.seg_max = 14,
		.blk_size = 512,
		.range_sectors_max = 64,
		.range_segments_max = 4,
	};
	return rig;
}

static inline void rig_free(struct rig *rig)
{
	assert_true(anvil_blk_idle(&rig->blk));
	anvil_blk_destroy(&rig->blk);
	anvil_zoned_disk_destroy(&rig->zoned);
	test_disk_destroy(&rig->disk);
	guest_destroy(&rig->guest);
	free(rig);
}

static inline uint64_t rig_in(const struct ask *a)
{
	return RAM_SEAM + a->place * 0x2000ull;
}

/* Makes it available, without a notification; the head. */
static inline uint16_t rig_offer(struct rig *rig, const struct ask *a)
{
	struct virtio_blk_header header = { htole32(a->type), 0, htole64(a->sector) };
	uint64_t out = RAM_LOW + a->place * 0x2000ull;
	struct buffer b[2] = { { out, (uint32_t)sizeof(header) + a->out_len, 0 },
			       { rig_in(a), a->in_len, WRITABLE } };

	ram_put(&rig->guest.ram, out, &header, sizeof(header));
	if (a->data)
		ram_put(&rig->guest.ram, out + sizeof(header), a->data, a->out_len);
	else
		ram_fill(&rig->guest.ram, out + sizeof(header), 0, a->out_len);
	ram_fill(&rig->guest.ram, rig_in(a), NO_STATUS, a->in_len);
	return ring_chain(&rig->guest.ring[a->queue], b, a->in_len ? 2 : 1);
}

static inline uint8_t rig_status(struct rig *rig, const struct ask *a)
{
	return ram_get8(&rig->guest.ram, rig_in(a) + a->in_len - 1);
}

/* From start to end: the status; what used.len says must be an unbroken prefix. */
static inline uint8_t rig_ask(struct rig *rig, struct ask a)
{
	uint16_t head;

	if (!a.in_len)
		a.in_len = 1;
	head = rig_offer(rig, &a);
	guest_notify(&rig->guest, a.queue);

	uint8_t status = rig_status(rig, &a);

	if (!a.used && (status == S_OK || a.in_len == 1))
		a.used = a.in_len;
	ring_expect(&rig->guest.ring[a.queue], head, a.used);
	ring_expect_none(&rig->guest.ring[a.queue]);
	return status;
}

static inline uint64_t rig_get64(struct rig *rig, const struct ask *a, uint32_t offset)
{
	uint64_t value;

	ram_get(&rig->guest.ram, rig_in(a) + offset, &value, sizeof(value));
	return le64toh(value);
}

#endif
