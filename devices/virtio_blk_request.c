/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request is read whole, checked, and cut into steps (5.2.6).
 */
#include "array_size.h"
#include "virtio_blk_internal.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define GO_ON ANVIL_BLK_GO_ON

/* ---- arithmetic on guest numbers ---- */

static bool range_inside(uint64_t sector, uint64_t sectors, uint64_t capacity)
{
	/* nothing that wraps: else a guest could read and write behind the end of the disk */
	return sectors <= capacity && sector <= capacity - sectors;
}

static bool transfer_valid(const struct anvil_blk *blk, uint64_t sector, uint64_t len)
{
	/* else a guest could have more moved than it lent or slot->data has room for, or what lies
	 * behind the end of the disk */
	return len % ANVIL_DISK_SECTOR_BYTES == 0 && len <= blk->options.transfer_max &&
	       range_inside(sector, len / ANVIL_DISK_SECTOR_BYTES, blk->options.disk->capacity);
}

/* ---- checking a request (5.2.6) ---- */

static void one_step(struct anvil_blk_slot *slot, enum anvil_disk_op op, uint64_t sector,
		     uint64_t len)
{
	slot->request.op = op;
	slot->request.sector = sector;
	slot->request.sectors = len / ANVIL_DISK_SECTOR_BYTES;
	slot->steps = len > 0;
}

/* 5.2.6.2: when a write has to be stable before it is reported complete */
static bool writes_stable(const struct anvil_blk *blk)
{
	if (blk->dev.legacy && anvil_features_has(&blk->dev.offered, VIRTIO_BLK_F_CONFIG_WCE))
		return blk->config.writeback == 0 ||
		       !anvil_device_has(&blk->dev, VIRTIO_BLK_F_FLUSH);
	if (anvil_device_has(&blk->dev, VIRTIO_BLK_F_CONFIG_WCE))
		return blk->config.writeback == 0;
	return anvil_features_has(&blk->dev.offered, VIRTIO_BLK_F_FLUSH) &&
	       !anvil_device_has(&blk->dev, VIRTIO_BLK_F_FLUSH);
}

static int parse_in(struct anvil_blk_slot *slot, uint64_t sector)
{
	/* in 64 bits: else a guest could have more read than was checked, or nothing */
	uint64_t len = slot->chain.writable_bytes - 1;

	if (slot->chain.read.left || !transfer_valid(slot->blk, sector, len))
		return VIRTIO_BLK_S_IOERR;
	one_step(slot, ANVIL_DISK_READ, sector, len);
	slot->data_len = (uint32_t)len;
	return GO_ON;
}

static int parse_out(struct anvil_blk_slot *slot, uint64_t sector)
{
	/* in 64 bits: else a guest could have more copied than slot->data has room for */
	uint64_t len = slot->chain.read.left;

	if (slot->chain.writable_bytes != 1 || !transfer_valid(slot->blk, sector, len) ||
	    anvil_descriptor_chain_read(&slot->chain, slot->data, (size_t)len))
		return VIRTIO_BLK_S_IOERR;
	one_step(slot, ANVIL_DISK_WRITE, sector, len);
	slot->flush = writes_stable(slot->blk);
	return GO_ON;
}

static int parse_flush(struct anvil_blk_slot *slot, uint64_t sector)
{
	(void)sector;
	if (slot->chain.writable_bytes != 1 || slot->chain.read.left)
		return VIRTIO_BLK_S_IOERR;
	slot->flush = true;
	return GO_ON;
}

static int parse_get_id(struct anvil_blk_slot *slot, uint64_t sector)
{
	(void)sector;
	/* else a guest could have 20 bytes stored in a buffer of fewer */
	if (slot->chain.writable_bytes != VIRTIO_BLK_ID_BYTES + 1 || slot->chain.read.left)
		return VIRTIO_BLK_S_IOERR;
	memcpy(slot->data, slot->blk->options.disk->id, VIRTIO_BLK_ID_BYTES);
	slot->data_len = VIRTIO_BLK_ID_BYTES;
	return VIRTIO_BLK_S_OK;
}

/* 5.2.6.2: reserved values are not told */
static uint16_t not_above(uint16_t value, unsigned int most)
{
	return htole16(value <= most ? value : VIRTIO_BLK_LIFETIME_UNDEFINED);
}

static int parse_get_lifetime(struct anvil_blk_slot *slot, uint64_t sector)
{
	const struct anvil_disk_lifetime *l = slot->blk->options.disk->lifetime;
	struct virtio_blk_lifetime told;

	(void)sector;
	/* else a guest could have the whole reply stored in a shorter buffer */
	if (slot->chain.writable_bytes != sizeof(told) + 1 || slot->chain.read.left)
		return VIRTIO_BLK_S_IOERR;
	told.pre_eol_info = not_above(l->reserve, VIRTIO_BLK_PRE_EOL_INFO_URGENT);
	told.device_lifetime_est_typ_a = not_above(l->wear_a, VIRTIO_BLK_LIFETIME_EXCEEDED);
	told.device_lifetime_est_typ_b = not_above(l->wear_b, VIRTIO_BLK_LIFETIME_EXCEEDED);
	memcpy(slot->data, &told, sizeof(told));
	slot->data_len = sizeof(told);
	return VIRTIO_BLK_S_OK;
}

static void get_range(const struct anvil_blk_slot *slot, uint32_t index,
		      struct virtio_blk_range *range)
{
	memcpy(range, slot->data + index * sizeof(*range), sizeof(*range));
	range->sector = le64toh(range->sector);
	range->num_sectors = le32toh(range->num_sectors);
	range->flags = le32toh(range->flags);
}

/* 5.2.6.2: of a zoned disk, whole zones are erased */
static bool erase_valid(const struct anvil_blk *blk, const struct virtio_blk_range *range)
{
	const struct anvil_disk_zoning *z = blk->options.disk->zoning;

	return range->num_sectors <= blk->options.erase_sectors_max &&
	       (!z || (range->sector % z->zone_sectors == 0 &&
		       range->num_sectors % z->zone_sectors == 0));
}

static bool range_valid(const struct anvil_blk_slot *slot, const struct virtio_blk_range *range)
{
	const struct anvil_blk *blk = slot->blk;

	if (slot->request.op == ANVIL_DISK_SECURE_ERASE
		    ? !erase_valid(blk, range)
		    : range->num_sectors > blk->options.range_sectors_max)
		return false;
	/* in sectors: else a guest could discard behind the end of the disk, as bytes may wrap */
	return range->num_sectors > 0 &&
	       range_inside(range->sector, range->num_sectors, blk->options.disk->capacity);
}

static uint32_t segments_max(const struct anvil_blk_slot *slot)
{
	const struct anvil_blk_options *o = &slot->blk->options;

	return slot->request.op == ANVIL_DISK_SECURE_ERASE ? o->erase_segments_max
							   : o->range_segments_max;
}

/* 5.2.6.2: an unknown flag in any segment makes the request unsupported: else a guest could take
 * what the flag means for done. */
static int parse_ranges(struct anvil_blk_slot *slot, uint32_t known_flags)
{
	struct virtio_blk_range range;
	uint64_t len = slot->chain.read.left;
	uint64_t count = len / sizeof(range);
	int status = GO_ON;

	/* else a guest could have us read more than it lent, to complete the last range, or more
	 * ranges than slot->data has room for */
	if (slot->chain.writable_bytes != 1 || len % sizeof(range) || count == 0 ||
	    count > segments_max(slot) ||
	    anvil_descriptor_chain_read(&slot->chain, slot->data, (size_t)len))
		return VIRTIO_BLK_S_IOERR;
	for (uint32_t i = 0; i < count; i++) {
		get_range(slot, i, &range);
		if (range.flags & ~known_flags)
			return VIRTIO_BLK_S_UNSUPP;
		if (!range_valid(slot, &range))
			status = VIRTIO_BLK_S_IOERR;
	}
	slot->ranges = true;
	slot->steps = (uint32_t)count;
	slot->flush = writes_stable(slot->blk);
	return status;
}

static int parse_discard(struct anvil_blk_slot *slot, uint64_t sector)
{
	(void)sector;
	slot->request.op = ANVIL_DISK_DISCARD;
	return parse_ranges(slot, 0);
}

static int parse_write_zeroes(struct anvil_blk_slot *slot, uint64_t sector)
{
	(void)sector;
	slot->request.op = ANVIL_DISK_WRITE_ZEROES;
	return parse_ranges(slot, VIRTIO_BLK_SEG_UNMAP);
}

static int parse_secure_erase(struct anvil_blk_slot *slot, uint64_t sector)
{
	(void)sector;
	slot->request.op = ANVIL_DISK_SECURE_ERASE;
	return parse_ranges(slot, 0);
}

static int parse_append(struct anvil_blk_slot *slot, uint64_t sector)
{
	slot->flush = writes_stable(slot->blk);
	return anvil_blk_parse_zone_append(slot, sector);
}

#define NO_FEATURE ANVIL_FEATURE_BITS

static const struct request_type {
	uint32_t type;
	unsigned int feature;
	bool changes_disk;
	int (*parse)(struct anvil_blk_slot *slot, uint64_t sector);
} request_type[] = {
	{ VIRTIO_BLK_T_IN, NO_FEATURE, false, parse_in },
	{ VIRTIO_BLK_T_OUT, NO_FEATURE, true, parse_out },
	{ VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_F_FLUSH, false, parse_flush },
	{ VIRTIO_BLK_T_GET_ID, NO_FEATURE, false, parse_get_id },
	{ VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_F_DISCARD, true, parse_discard },
	{ VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_F_WRITE_ZEROES, true, parse_write_zeroes },
	{ VIRTIO_BLK_T_GET_LIFETIME, VIRTIO_BLK_F_LIFETIME, false, parse_get_lifetime },
	{ VIRTIO_BLK_T_SECURE_ERASE, VIRTIO_BLK_F_SECURE_ERASE, true, parse_secure_erase },
	{ VIRTIO_BLK_T_ZONE_APPEND, VIRTIO_BLK_F_ZONED, true, parse_append },
	{ VIRTIO_BLK_T_ZONE_REPORT, VIRTIO_BLK_F_ZONED, false, anvil_blk_parse_zone_report },
	{ VIRTIO_BLK_T_ZONE_OPEN, VIRTIO_BLK_F_ZONED, true, anvil_blk_parse_zone_open },
	{ VIRTIO_BLK_T_ZONE_CLOSE, VIRTIO_BLK_F_ZONED, true, anvil_blk_parse_zone_close },
	{ VIRTIO_BLK_T_ZONE_FINISH, VIRTIO_BLK_F_ZONED, true, anvil_blk_parse_zone_finish },
	{ VIRTIO_BLK_T_ZONE_RESET, VIRTIO_BLK_F_ZONED, true, anvil_blk_parse_zone_reset },
	{ VIRTIO_BLK_T_ZONE_RESET_ALL, VIRTIO_BLK_F_ZONED, true, anvil_blk_parse_zone_reset_all },
};

/* 5.2.6.3: FLUSH_OUT is another name of FLUSH */
static uint32_t get_type(const struct anvil_device *dev, const struct virtio_blk_header *header)
{
	uint32_t type = anvil_device_u32(dev, header->type);

	return dev->legacy && type == VIRTIO_BLK_T_FLUSH_OUT ? VIRTIO_BLK_T_FLUSH : type;
}

static bool has_type(const struct anvil_device *dev, const struct request_type *t)
{
	return t->feature == NO_FEATURE || anvil_device_has(dev, t->feature);
}

int anvil_blk_parse(struct anvil_blk_slot *slot)
{
	struct anvil_blk *blk = slot->blk;
	struct virtio_blk_header header;

	/* refused: were it asserted, a guest could abort the process; a copy of our length: else it
	 * could write behind `header`, or change the type after its check */
	if (slot->chain.writable_bytes == 0 ||
	    anvil_descriptor_chain_read(&slot->chain, &header, sizeof(header)))
		return VIRTIO_BLK_S_IOERR;
	for (size_t i = 0; i < ARRAY_SIZE(request_type); i++) {
		const struct request_type *t = &request_type[i];

		if (t->type != get_type(&blk->dev, &header) || !has_type(&blk->dev, t))
			continue;
		/* what the disk is counts: else a guest could change it by not accepting RO */
		if (t->changes_disk && blk->options.disk->read_only)
			return VIRTIO_BLK_S_IOERR;
		return t->parse(slot, anvil_device_u64(&blk->dev, header.sector));
	}
	return VIRTIO_BLK_S_UNSUPP;
}

/* ---- its steps ---- */

bool anvil_blk_next_step(struct anvil_blk_slot *slot)
{
	if (slot->step < slot->steps) {
		struct virtio_blk_range range;

		if (slot->ranges) {
			get_range(slot, slot->step, &range);
			if (!range_valid(slot, &range)) { /* the disk has shrunk since */
				slot->result = -EIO;
				return false;
			}
			slot->request.sector = range.sector;
			slot->request.sectors = range.num_sectors;
			slot->request.unmap = range.flags & VIRTIO_BLK_SEG_UNMAP;
		}
		slot->step++;
		return true;
	}
	if (slot->flush) {
		slot->flush = false;
		slot->request.op = ANVIL_DISK_FLUSH;
		slot->request.sector = 0;
		slot->request.sectors = 0;
		slot->request.unmap = false;
		return true;
	}
	return false;
}
