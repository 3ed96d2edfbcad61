/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options of the block device and of zoned disks.
 */
#include "bad_options_internal.h"

/* A disk that goes with all but one of these options, `which` from 14 on. */
static void spoil_extras(unsigned int which, struct anvil_blk_options *o, struct anvil_disk *disk,
			 struct anvil_disk_zoning *zoning)
{
	static const struct anvil_disk_lifetime lifetime;

	*disk = *o->disk;
	*zoning = (struct anvil_disk_zoning){ .model = ANVIL_DISK_HOST_MANAGED,
					      .zone_sectors = 8,
					      .append_sectors_max = 1,
					      .write_granularity = 512 };
	disk->lifetime = which == 14 ? NULL : &lifetime;
	disk->secure_erase = which != 15;
	disk->zoning = which == 16 ? NULL : zoning;
	o->disk = disk;
	o->features.word[0] = 1ull << VIRTIO_BLK_F_LIFETIME | 1ull << VIRTIO_BLK_F_SECURE_ERASE |
			      1ull << VIRTIO_BLK_F_ZONED | 1ull << VIRTIO_BLK_F_MQ |
			      1ull << VIRTIO_BLK_F_SIZE_MAX | 1ull << VIRTIO_BLK_F_SEG_MAX;
	o->erase_sector_alignment = which == 23 ? 12 : which == 28 ? 0 : 8;
	if (which == 17)
		o->features.word[0] ^= 1ull << VIRTIO_BLK_F_ZONED;
	if (which == 18)
		o->features.word[0] |= 1ull << VIRTIO_BLK_F_DISCARD;
	if (which == 19 || which == 20)
		o->num_queues = which == 19 ? 0 : ANVIL_DEVICE_QUEUES_MAX + 1;
	if (which == 21 || which == 22)
		o->erase_segments_max = which == 21 ? 0 : ANVIL_BLK_RANGE_SEGMENTS_MAX + 1;
	if (which == 24)
		o->erase_sectors_max = 0;
	if (which == 25)
		zoning->append_sectors_max = o->transfer_max / ANVIL_DISK_SECTOR_BYTES + 1;
	if (which == 26)
		o->seg_max = 0;
	if (which == 27)
		o->features.word[0] |= 1ull << VIRTIO_BLK_F_WRITE_ZEROES;
	if (which > 28)
		o->features.word[0] |= 1ull << VIRTIO_BLK_F_SCSI;
}

#define ZONE_MISTAKES 30u /* the first of them */

static int try_zones(struct machine *m, unsigned int which)
{
	struct anvil_zoned_disk_options o = {
		.zoning = { .model = ANVIL_DISK_HOST_MANAGED,
			    .zone_sectors = 8,
			    .write_granularity = 512 },
	};
	struct anvil_disk below = m->disk.memory;
	struct anvil_zoned_disk z;
	int err;

	if (which == 0)
		below.zoning = &o.zoning;
	if (which == 1)
		o.zoning.model = ANVIL_DISK_HOST_AWARE + 1;
	if (which == 2)
		o.zoning.zone_sectors = 0;
	if (which == 3)
		o.zoning.write_granularity = 0;
	if (which == 4)
		o.zoning.write_granularity = 1000;
	if (which == 5)
		o.zoning.write_granularity = 1536;
	if (which == 6)
		o.zone_capacity = 9;
	if (which > 6)
		o.zoning.model = ANVIL_DISK_HOST_AWARE;
	if (which == 7)
		o.zoning.open_max = 1;
	if (which > 7)
		o.zoning.active_max = 1;
	err = anvil_zoned_disk_init(&z, &below, &o);
	if (!err)
		anvil_zoned_disk_destroy(&z);
	return err;
}

int bad_options_blk(struct machine *m, unsigned int which)
{
	struct anvil_blk_options o;
	struct anvil_disk_zoning zoning;
	struct anvil_disk disk;
	int err;

	if (which >= ZONE_MISTAKES)
		return try_zones(m, which - ZONE_MISTAKES);
	machine_blk_options(m, &o);
	bad_options_spoil(which, &o.queue_size_max, &o.features, 1);
	switch (which) {
	case 0:
	case 1:
	case 2:
	case 3:
		break;
	case 4:
		o.features.word[0] = 1ull << VIRTIO_BLK_F_CONFIG_WCE;
		break;
	case 5:
		o.slots = 0;
		break;
	case 6:
		o.transfer_max = 0;
		break;
	case 7:
		o.transfer_max++;
		break;
	case 8:
		o.blk_size = 256;
		break;
	case 9:
		o.blk_size = 513;
		break;
	case 10:
		o.range_sectors_max = 0;
		break;
	case 11:
		o.range_segments_max = 0;
		break;
	case 12:
		o.range_segments_max = ANVIL_BLK_RANGE_SEGMENTS_MAX + 1;
		break;
	case 13:
		o.queue_size_max = 0xffff;
		break;
	default:
		spoil_extras(which, &o, &disk, &zoning);
	}
	err = anvil_blk_init(&m->blk, &o);
	if (!err)
		anvil_blk_destroy(&m->blk);
	return err;
}
