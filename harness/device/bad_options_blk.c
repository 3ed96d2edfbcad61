/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options of the block device and of zoned disks.
 */
#include "bad_options_internal.h"

/* Mistakes from 14 on, in what a disk that can more has. */
static void spoil_extras(unsigned int which, struct anvil_blk_options *o, struct anvil_disk *disk,
			 struct anvil_disk_zoning *zoning)
{
	static const struct anvil_disk_lifetime lifetime;

	*disk = *o->disk;
	*zoning = (struct anvil_disk_zoning){ .model = ANVIL_DISK_HOST_MANAGED,
					      .zone_sectors = 8,
					      .append_sectors_max = 1,
					      .write_granularity = 512 };
	disk->lifetime = &lifetime;
	disk->secure_erase = true;
	disk->zoning = zoning;
	o->disk = disk;
	o->features.word[0] = 1ull << VIRTIO_BLK_F_LIFETIME | 1ull << VIRTIO_BLK_F_SECURE_ERASE |
			      1ull << VIRTIO_BLK_F_ZONED | 1ull << VIRTIO_BLK_F_MQ |
			      1ull << VIRTIO_BLK_F_SIZE_MAX | 1ull << VIRTIO_BLK_F_SEG_MAX;
	o->erase_sector_alignment = 8;
	switch (which) {
	case 14:
		disk->lifetime = NULL;
		break;
	case 15:
		disk->secure_erase = false;
		break;
	case 16:
		disk->zoning = NULL;
		break;
	case 17:
		o->features.word[0] ^= 1ull << VIRTIO_BLK_F_ZONED;
		break;
	case 18:
		o->features.word[0] |= 1ull << VIRTIO_BLK_F_DISCARD;
		break;
	case 19:
		o->num_queues = 0;
		break;
	case 20:
		o->num_queues = ANVIL_DEVICE_QUEUES_MAX + 1;
		break;
	case 21:
		o->erase_segments_max = 0;
		break;
	case 22:
		o->erase_segments_max = ANVIL_BLK_RANGE_SEGMENTS_MAX + 1;
		break;
	case 23:
		o->erase_sector_alignment = 12;
		break;
	case 24:
		o->erase_sectors_max = 0;
		break;
	case 25:
		zoning->append_sectors_max = o->transfer_max / ANVIL_DISK_SECTOR_BYTES + 1;
		break;
	case 26:
		o->seg_max = 0;
		break;
	case 27:
		o->features.word[0] |= 1ull << VIRTIO_BLK_F_WRITE_ZEROES;
		break;
	case 28:
		o->erase_sector_alignment = 0;
		break;
	default:
		o->features.word[0] |= 1ull << VIRTIO_BLK_F_SCSI;
	}
}

#define ZONE_MISTAKES 30u /* the first of them */

static int try_zones(struct own_device *d, unsigned int which)
{
	struct anvil_zoned_disk_options o = {
		.zoning = { .model = ANVIL_DISK_HOST_MANAGED,
			    .zone_sectors = 8,
			    .write_granularity = 512 },
	};
	struct anvil_disk below = d->disk.memory;
	struct anvil_zoned_disk z;
	int err;

	switch (which) {
	case 0:
		below.zoning = &o.zoning;
		break;
	case 1:
		o.zoning.model = ANVIL_DISK_HOST_AWARE + 1;
		break;
	case 2:
		o.zoning.zone_sectors = 0;
		break;
	case 3:
		o.zoning.write_granularity = 0;
		break;
	case 4:
		o.zoning.write_granularity = 1000;
		break;
	case 5:
		o.zoning.write_granularity = 1536;
		break;
	case 6:
		o.zone_capacity = 9;
		break;
	case 7:
		o.zoning.model = ANVIL_DISK_HOST_AWARE;
		o.zoning.open_max = 1;
		break;
	default:
		o.zoning.model = ANVIL_DISK_HOST_AWARE;
		o.zoning.active_max = 1;
	}
	err = anvil_zoned_disk_init(&z, &below, &o);
	if (!err)
		anvil_zoned_disk_destroy(&z);
	return err;
}

int bad_options_blk(struct own_device *d, unsigned int which)
{
	struct anvil_blk_options o;
	struct anvil_disk_zoning zoning;
	struct anvil_disk disk;
	int err;

	if (which >= ZONE_MISTAKES)
		return try_zones(d, which - ZONE_MISTAKES);
	own_blk_options(d, &o);
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
	err = anvil_blk_init(&d->blk, &o);
	if (!err)
		anvil_blk_destroy(&d->blk);
	return err;
}
