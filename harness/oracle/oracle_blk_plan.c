/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a block request asks for (5.2.6), from the bytes that the device read.
 */
#include <string.h>

#include "oracle_blk_internal.h"

static bool must_be_stable(const struct oracle *o)
{
	/* whoever may not have heard of FLUSH gets stable writes, whatever the mode is */
	if (o->p->legacy)
		return o->p->offered.word[0] >> VIRTIO_BLK_F_FLUSH & 1 &&
		       (!oracle_accepted(o, VIRTIO_BLK_F_FLUSH) ||
			(o->p->offered.word[0] >> VIRTIO_BLK_F_CONFIG_WCE & 1 && !o->writeback));
	if (oracle_accepted(o, VIRTIO_BLK_F_CONFIG_WCE))
		return !o->writeback;
	return o->p->offered.word[0] >> VIRTIO_BLK_F_FLUSH & 1 &&
	       !oracle_accepted(o, VIRTIO_BLK_F_FLUSH);
}

static void refuse(struct model_chain *c, uint8_t status, enum milestone m)
{
	c->plan = PLAN_ANSWER;
	c->status = status;
	c->data_bytes = 0;
	hit(m);
}

bool oracle_blk_sectors_exist(const struct oracle *o, uint64_t sector, uint64_t count)
{
	return sector <= o->capacity && count <= o->capacity - sector;
}

static bool transfer_fine(const struct oracle *o, uint64_t sector, uint64_t bytes)
{
	return bytes % 512 == 0 && bytes <= o->p->transfer_max &&
	       oracle_blk_sectors_exist(o, sector, bytes / 512);
}

static void plan_in(struct oracle *o, struct model_chain *c)
{
	uint64_t bytes = c->writable_bytes - 1;

	if (c->readable_bytes != 16 || !transfer_fine(o, c->sector, bytes)) {
		refuse(c, VIRTIO_BLK_S_IOERR, MILESTONE_BLK_IN_BAD);
		return;
	}
	c->plan = PLAN_RUN;
	c->steps = bytes > 0;
	c->data_bytes = bytes;
}

static void plan_out(struct oracle *o, struct model_chain *c)
{
	uint64_t bytes = c->readable_bytes - 16;

	if (c->writable_bytes != 1 || !transfer_fine(o, c->sector, bytes)) {
		refuse(c, VIRTIO_BLK_S_IOERR, MILESTONE_BLK_OUT_BAD);
		return;
	}
	c->plan = PLAN_RUN;
	c->steps = bytes > 0;
	c->flush = must_be_stable(o);
}

static void plan_flush(struct model_chain *c)
{
	if (c->writable_bytes != 1 || c->readable_bytes != 16) {
		refuse(c, VIRTIO_BLK_S_IOERR, MILESTONE_BLK_FLUSH_BAD);
		return;
	}
	c->plan = PLAN_RUN;
	c->flush = true;
}

static void plan_get_id(struct model_chain *c)
{
	if (c->writable_bytes != 21 || c->readable_bytes != 16) {
		refuse(c, VIRTIO_BLK_S_IOERR, MILESTONE_BLK_GET_ID_BAD);
		return;
	}
	c->plan = PLAN_ANSWER;
	c->status = VIRTIO_BLK_S_OK;
	c->data_bytes = 20;
}

/* 5.2.6: three numbers, none of them a reserved one */
static void plan_lifetime(const struct oracle *o, struct model_chain *c)
{
	const struct anvil_disk_lifetime *l = &o->p->lifetime;
	uint8_t *told = c->capture + 16;

	if (c->writable_bytes != 7 || c->readable_bytes != 16) {
		refuse(c, VIRTIO_BLK_S_IOERR, MILESTONE_BLK_LIFETIME_BAD);
		return;
	}
	memset(told, 0, 6);
	told[0] = l->reserve > 3 ? 0 : (uint8_t)l->reserve;
	told[2] = l->wear_a > 11 ? 0 : (uint8_t)l->wear_a;
	told[4] = l->wear_b > 11 ? 0 : (uint8_t)l->wear_b;
	if (l->reserve > 3 || l->wear_a > 11 || l->wear_b > 11)
		hit(MILESTONE_BLK_LIFETIME_RESERVED);
	c->plan = PLAN_ANSWER;
	c->status = VIRTIO_BLK_S_OK;
	c->data_bytes = 6;
}

static void plan_zones(struct oracle *o, struct model_chain *c)
{
	int status = oracle_zones_expect(o, c);

	if (status >= 0) {
		c->plan = PLAN_ANSWER;
		c->status = (uint8_t)status;
		return;
	}
	c->plan = PLAN_RUN;
	c->steps = 1;
	c->flush = c->type == VIRTIO_BLK_T_ZONE_APPEND && must_be_stable(o);
}

static bool erase_fine(const struct oracle *o, uint64_t sector, uint32_t count)
{
	uint32_t unit = o->p->zones.zoned ? o->p->zones.options.zoning.zone_sectors : 1;

	return count <= o->p->erase_sectors_max && sector % unit == 0 && count % unit == 0;
}

static void plan_ranges(struct oracle *o, struct model_chain *c)
{
	uint64_t bytes = c->readable_bytes - 16;
	uint32_t known = c->type == VIRTIO_BLK_T_WRITE_ZEROES ? 1 : 0;
	bool erase = c->type == VIRTIO_BLK_T_SECURE_ERASE;
	enum milestone bad = erase ? MILESTONE_BLK_ERASE_BAD : MILESTONE_BLK_RANGE_BAD;
	bool fine = true;

	if (c->writable_bytes != 1 || bytes == 0 || bytes % 16 ||
	    bytes / 16 > (erase ? o->p->erase_segments_max : o->p->range_segments_max)) {
		refuse(c, VIRTIO_BLK_S_IOERR, bad);
		return;
	}
	for (uint64_t at = 16; at < c->readable_bytes; at += 16) {
		uint32_t count = get32(c->capture + at + 8);

		if (get32(c->capture + at + 12) & ~known) {
			refuse(c, VIRTIO_BLK_S_UNSUPP, MILESTONE_BLK_RANGE_FLAG);
			return;
		}
		fine &= count > 0 && oracle_blk_sectors_exist(o, get64(c->capture + at), count) &&
			(erase ? erase_fine(o, get64(c->capture + at), count)
			       : count <= o->p->range_sectors_max);
	}
	if (!fine) {
		refuse(c, VIRTIO_BLK_S_IOERR, bad);
		return;
	}
	c->plan = PLAN_RUN;
	c->steps = (uint32_t)(bytes / 16);
	c->flush = must_be_stable(o);
}

void oracle_blk_plan(struct oracle *o, struct model_chain *c)
{
	bool zoned = oracle_accepted(o, VIRTIO_BLK_F_ZONED);
	bool changes;

	c->old_name = false;
	c->steps = 0;
	c->step = 0;
	c->flush = false;
	c->flushed = false;
	c->data_bytes = 0;
	c->failure = VIRTIO_BLK_S_IOERR;
	if (c->writable_bytes == 0 || c->readable_bytes < 16) {
		refuse(c, VIRTIO_BLK_S_IOERR,
		       c->writable_bytes ? MILESTONE_BLK_SHORT_HEADER : MILESTONE_BLK_NO_STATUS);
		return;
	}
	if (c->read_pos < 16)
		oracle_fail(o, 4, "chain %u is handled without its header", c->head);
	c->type = oracle_32(o, c->capture);
	if (o->p->legacy && c->type == 5) {
		c->type = VIRTIO_BLK_T_FLUSH;
		c->old_name = true;
	}
	c->sector = oracle_64(o, c->capture + 8);
	changes = c->type == VIRTIO_BLK_T_OUT ||
		  (c->type == VIRTIO_BLK_T_DISCARD && oracle_accepted(o, VIRTIO_BLK_F_DISCARD)) ||
		  (c->type == VIRTIO_BLK_T_WRITE_ZEROES &&
		   oracle_accepted(o, VIRTIO_BLK_F_WRITE_ZEROES)) ||
		  (c->type == VIRTIO_BLK_T_SECURE_ERASE &&
		   oracle_accepted(o, VIRTIO_BLK_F_SECURE_ERASE)) ||
		  (oracle_zone_changes(c->type) && zoned);
	if (changes && o->p->flags & FLAG_READ_ONLY)
		refuse(c, VIRTIO_BLK_S_IOERR, MILESTONE_BLK_READ_ONLY);
	else if (c->type == VIRTIO_BLK_T_IN)
		plan_in(o, c);
	else if (c->type == VIRTIO_BLK_T_OUT)
		plan_out(o, c);
	else if (c->type == VIRTIO_BLK_T_GET_ID)
		plan_get_id(c);
	else if (c->type == VIRTIO_BLK_T_FLUSH && oracle_accepted(o, VIRTIO_BLK_F_FLUSH))
		plan_flush(c);
	else if (c->type == VIRTIO_BLK_T_GET_LIFETIME && oracle_accepted(o, VIRTIO_BLK_F_LIFETIME))
		plan_lifetime(o, c);
	else if (zoned && oracle_is_zone_type(c->type))
		plan_zones(o, c);
	else if (changes)
		plan_ranges(o, c);
	else if (c->type == VIRTIO_BLK_T_SCSI_CMD || c->type == VIRTIO_BLK_T_SCSI_CMD_OUT)
		refuse(c, VIRTIO_BLK_S_UNSUPP, MILESTONE_BLK_SCSI);
	else
		refuse(c, VIRTIO_BLK_S_UNSUPP, MILESTONE_BLK_UNKNOWN_TYPE);
}
