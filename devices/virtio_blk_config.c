/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a block device is made with, and what it tells of that (5.2.4).
 */
#include "virtio_blk_internal.h"

static bool has(const struct anvil_blk_options *o, unsigned int feature)
{
	return anvil_features_has(&o->features, feature);
}

/* ---- what is a good choice ---- */

static bool features_valid(const struct anvil_blk_options *o)
{
	static const struct anvil_features can = {
		.word = { 1ull << VIRTIO_BLK_F_SIZE_MAX | 1ull << VIRTIO_BLK_F_SEG_MAX |
			  1ull << VIRTIO_BLK_F_GEOMETRY | 1ull << VIRTIO_BLK_F_BLK_SIZE |
			  1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_TOPOLOGY |
			  1ull << VIRTIO_BLK_F_CONFIG_WCE | 1ull << VIRTIO_BLK_F_DISCARD |
			  1ull << VIRTIO_BLK_F_WRITE_ZEROES | 1ull << VIRTIO_F_INDIRECT_DESC |
			  1ull << VIRTIO_F_EVENT_IDX | 1ull << VIRTIO_F_RING_RESET |
			  1ull << VIRTIO_F_RING_PACKED | 1ull << VIRTIO_F_IN_ORDER |
			  1ull << VIRTIO_F_NOTIFICATION_DATA | 1ull << VIRTIO_F_ORDER_PLATFORM |
			  1ull << VIRTIO_F_SUSPEND | 1ull << VIRTIO_BLK_F_MQ |
			  1ull << VIRTIO_BLK_F_LIFETIME | 1ull << VIRTIO_BLK_F_SECURE_ERASE |
			  1ull << VIRTIO_BLK_F_ZONED },
	};

	if (o->features.word[0] & ~can.word[0] || o->features.word[1] & ~can.word[1])
		return false;
	return has(o, VIRTIO_BLK_F_FLUSH) || !has(o, VIRTIO_BLK_F_CONFIG_WCE);
}

static bool disk_can(const struct anvil_blk_options *o)
{
	return (!has(o, VIRTIO_BLK_F_LIFETIME) || o->disk->lifetime) &&
	       (!has(o, VIRTIO_BLK_F_SECURE_ERASE) || o->disk->secure_erase) &&
	       has(o, VIRTIO_BLK_F_ZONED) == (o->disk->zoning != NULL);
}

static bool erase_valid(const struct anvil_blk_options *o)
{
	if (!has(o, VIRTIO_BLK_F_SECURE_ERASE))
		return true;
	return o->erase_sectors_max > 0 && o->erase_segments_max > 0 &&
	       o->erase_segments_max <= ANVIL_BLK_RANGE_SEGMENTS_MAX &&
	       o->erase_sector_alignment > 0 &&
	       (!o->disk->zoning || o->erase_sector_alignment % o->disk->zoning->zone_sectors == 0);
}

/* 5.2.5.2: max_append_sectors; 5.2.5.1: a host-managed disk goes without DISCARD */
static bool zones_valid(const struct anvil_blk_options *o)
{
	const struct anvil_disk_zoning *z = o->disk->zoning;

	if (!z)
		return true;
	if (z->model == ANVIL_DISK_HOST_MANAGED &&
	    (has(o, VIRTIO_BLK_F_DISCARD) || has(o, VIRTIO_BLK_F_WRITE_ZEROES)))
		return false;
	if (has(o, VIRTIO_BLK_F_SIZE_MAX) && has(o, VIRTIO_BLK_F_SEG_MAX) &&
	    z->append_sectors_max > (uint64_t)o->size_max * o->seg_max / ANVIL_DISK_SECTOR_BYTES)
		return false;
	return z->zone_sectors > 0 &&
	       z->append_sectors_max <= o->transfer_max / ANVIL_DISK_SECTOR_BYTES;
}

bool anvil_blk_options_valid(const struct anvil_blk_options *o)
{
	if (!features_valid(o) || !disk_can(o) || !zones_valid(o) || !erase_valid(o))
		return false;
	return o->slots > 0 && o->transfer_max > 0 &&
	       o->transfer_max % ANVIL_DISK_SECTOR_BYTES == 0 &&
	       o->blk_size >= ANVIL_DISK_SECTOR_BYTES && (o->blk_size & (o->blk_size - 1)) == 0 &&
	       o->range_sectors_max > 0 && o->range_segments_max > 0 &&
	       o->range_segments_max <= ANVIL_BLK_RANGE_SEGMENTS_MAX;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

size_t anvil_blk_data_bytes(const struct anvil_blk_options *o)
{
	size_t segments = larger(o->range_segments_max,
				 has(o, VIRTIO_BLK_F_SECURE_ERASE) ? o->erase_segments_max : 0);

	/* a sector has room for an identity, a lifetime, a report of some zones */
	return larger(o->transfer_max, segments * sizeof(struct virtio_blk_range));
}

uint32_t anvil_blk_report_max(const struct anvil_blk_options *o)
{
	return (uint32_t)((anvil_blk_data_bytes(o) - sizeof(struct virtio_blk_zone_report)) /
			  sizeof(struct virtio_blk_zone_descriptor));
}

/* ---- the configuration space ---- */

static void tell_ranges(struct anvil_blk *blk)
{
	const struct anvil_device *dev = &blk->dev;
	const struct anvil_blk_options *o = &blk->options;
	struct anvil_blk_config *c = &blk->config;

	if (has(o, VIRTIO_BLK_F_DISCARD)) {
		c->max_discard_sectors = anvil_device_u32(dev, o->range_sectors_max);
		c->max_discard_seg = anvil_device_u32(dev, o->range_segments_max);
		c->discard_sector_alignment =
			anvil_device_u32(dev, o->blk_size / ANVIL_DISK_SECTOR_BYTES);
	}
	if (has(o, VIRTIO_BLK_F_WRITE_ZEROES)) {
		c->max_write_zeroes_sectors = anvil_device_u32(dev, o->range_sectors_max);
		c->max_write_zeroes_seg = anvil_device_u32(dev, o->range_segments_max);
		c->write_zeroes_may_unmap = 1;
	}
	if (has(o, VIRTIO_BLK_F_SECURE_ERASE)) {
		c->max_secure_erase_sectors = anvil_device_u32(dev, o->erase_sectors_max);
		c->max_secure_erase_seg = anvil_device_u32(dev, o->erase_segments_max);
		c->secure_erase_sector_alignment = anvil_device_u32(dev, o->erase_sector_alignment);
	}
}

void anvil_blk_config_zones(struct anvil_blk *blk, bool told)
{
	const struct anvil_device *dev = &blk->dev;
	const struct anvil_disk_zoning *z = blk->options.disk->zoning;
	struct anvil_blk_zoned_characteristics zoned = { 0 };

	if (z && told) {
		zoned.zone_sectors = anvil_device_u32(dev, z->zone_sectors);
		zoned.max_open_zones = anvil_device_u32(dev, z->open_max);
		zoned.max_active_zones = anvil_device_u32(dev, z->active_max);
		zoned.max_append_sectors = anvil_device_u32(dev, z->append_sectors_max);
		zoned.write_granularity = anvil_device_u32(dev, z->write_granularity);
		zoned.model = (uint8_t)z->model;
	}
	blk->config.zoned = zoned;
}

void anvil_blk_config_init(struct anvil_blk *blk)
{
	const struct anvil_device *dev = &blk->dev;
	const struct anvil_blk_options *o = &blk->options;
	struct anvil_blk_config *c = &blk->config;

	c->capacity = anvil_device_u64(dev, o->disk->capacity);
	if (has(o, VIRTIO_BLK_F_SIZE_MAX))
		c->size_max = anvil_device_u32(dev, o->size_max);
	if (has(o, VIRTIO_BLK_F_SEG_MAX))
		c->seg_max = anvil_device_u32(dev, o->seg_max);
	if (has(o, VIRTIO_BLK_F_GEOMETRY)) {
		c->geometry.cylinders = anvil_device_u16(dev, o->cylinders);
		c->geometry.heads = o->heads;
		c->geometry.sectors = o->sectors;
	}
	if (has(o, VIRTIO_BLK_F_BLK_SIZE))
		c->blk_size = anvil_device_u32(dev, o->blk_size);
	if (has(o, VIRTIO_BLK_F_TOPOLOGY)) {
		c->topology.physical_block_exp = o->physical_block_exp;
		c->topology.alignment_offset = o->alignment_offset;
		c->topology.min_io_size = anvil_device_u16(dev, o->min_io_size);
		c->topology.opt_io_size = anvil_device_u32(dev, o->opt_io_size);
	}
	if (has(o, VIRTIO_BLK_F_MQ))
		c->num_queues = anvil_device_u16(dev, o->num_queues);
	tell_ranges(blk);
	anvil_blk_config_zones(blk, true);
	blk->dev.config = (uint8_t *)c;
	blk->dev.config_len = offsetof(struct anvil_blk_config, max_secure_erase_sectors);
	if (has(o, VIRTIO_BLK_F_SECURE_ERASE))
		blk->dev.config_len = offsetof(struct anvil_blk_config, zoned);
	if (has(o, VIRTIO_BLK_F_ZONED))
		blk->dev.config_len = sizeof(*c);
}
