/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a block request asks for (5.2.6), from the bytes that the device read, and whether the disk
 * was asked for just that.
 */
#include <endian.h>
#include <string.h>

#include "oracle_internal.h"

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

void oracle_blk_reset(struct oracle *o, bool created)
{
	static const uint16_t cylinders = 7;
	const struct personality *p = o->p;
	uint64_t f = p->offered.word[0];

	/* a legacy driver finds the mode that the cache has */
	o->writeback = p->legacy && f >> VIRTIO_BLK_F_CONFIG_WCE & 1;
	oracle_put_config(o, 32, o->writeback, 1);
	if (!created)
		return;
	o->config_bytes = 60;
	memset(o->config, 0, sizeof(o->config));
	oracle_put_config(o, 32, o->writeback, 1);
	oracle_put_config(o, 0, o->capacity, 8);
	if (f >> VIRTIO_BLK_F_SIZE_MAX & 1)
		oracle_put_config(o, 8, PERSONALITY_SIZE_MAX, 4);
	if (f >> VIRTIO_BLK_F_SEG_MAX & 1)
		oracle_put_config(o, 12, PERSONALITY_SEG_MAX, 4);
	if (f >> VIRTIO_BLK_F_GEOMETRY & 1)
		oracle_put_config(o, 16, cylinders | 3u << 16 | 9u << 24, 4);
	if (f >> VIRTIO_BLK_F_BLK_SIZE & 1)
		oracle_put_config(o, 20, p->blk_size, 4);
	if (f >> VIRTIO_BLK_F_TOPOLOGY & 1)
		oracle_put_config(o, 24, 3 | 1u << 8 | 8u << 16 | 64ull << 32, 8);
	if (f >> VIRTIO_BLK_F_DISCARD & 1) {
		oracle_put_config(o, 36, p->range_sectors_max, 4);
		oracle_put_config(o, 40, p->range_segments_max, 4);
		oracle_put_config(o, 44, p->blk_size / 512, 4);
	}
	if (f >> VIRTIO_BLK_F_WRITE_ZEROES & 1) {
		oracle_put_config(o, 48, p->range_sectors_max, 4);
		oracle_put_config(o, 52, p->range_segments_max, 4);
		oracle_put_config(o, 56, 1, 1);
	}
}

void oracle_blk_driver_ok(struct oracle *o)
{
	bool had = o->writeback;

	if (!(o->p->offered.word[0] >> VIRTIO_BLK_F_CONFIG_WCE & 1) ||
	    oracle_accepted(o, VIRTIO_BLK_F_CONFIG_WCE))
		return;
	o->writeback = oracle_accepted(o, VIRTIO_BLK_F_FLUSH);
	oracle_put_config(o, 32, o->writeback, 1);
	if (o->writeback != had)
		hit(MILESTONE_LEGACY_MODE_AT_OK);
}

void oracle_blk_capacity(struct oracle *o)
{
	oracle_put_config(o, 0, o->capacity, 8);
	oracle_config_changed(o);
}

void oracle_resized(struct oracle *o, uint64_t capacity)
{
	o->capacity = capacity;
	if (o->status & VIRTIO_STATUS_SUSPEND)
		o->config_late = true;
	else
		oracle_blk_capacity(o);
	hit(MILESTONE_BLK_RESIZED);
}

/* ---- what is asked for ---- */

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

static bool sectors_exist(const struct oracle *o, uint64_t sector, uint64_t count)
{
	return sector <= o->capacity && count <= o->capacity - sector;
}

static bool transfer_fine(const struct oracle *o, uint64_t sector, uint64_t bytes)
{
	return bytes % 512 == 0 && bytes <= o->p->transfer_max &&
	       sectors_exist(o, sector, bytes / 512);
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

static void plan_ranges(struct oracle *o, struct model_chain *c)
{
	uint64_t bytes = c->readable_bytes - 16;
	uint32_t known = c->type == VIRTIO_BLK_T_WRITE_ZEROES ? 1 : 0;
	bool fine = true;

	if (c->writable_bytes != 1 || bytes == 0 || bytes % 16 ||
	    bytes / 16 > o->p->range_segments_max) {
		refuse(c, VIRTIO_BLK_S_IOERR, MILESTONE_BLK_RANGE_BAD);
		return;
	}
	for (uint64_t at = 16; at < c->readable_bytes; at += 16) {
		uint32_t count = get32(c->capture + at + 8);

		if (get32(c->capture + at + 12) & ~known) {
			refuse(c, VIRTIO_BLK_S_UNSUPP, MILESTONE_BLK_RANGE_FLAG);
			return;
		}
		fine &= count > 0 && count <= o->p->range_sectors_max &&
			sectors_exist(o, get64(c->capture + at), count);
	}
	if (!fine) {
		refuse(c, VIRTIO_BLK_S_IOERR, MILESTONE_BLK_RANGE_BAD);
		return;
	}
	c->plan = PLAN_RUN;
	c->steps = (uint32_t)(bytes / 16);
	c->flush = must_be_stable(o);
}

static void make_plan(struct oracle *o, struct model_chain *c)
{
	bool changes;

	c->old_name = false;
	c->steps = 0;
	c->step = 0;
	c->flush = false;
	c->flushed = false;
	c->data_bytes = 0;
	if (c->writable_bytes == 0 || c->readable_bytes < 16) {
		refuse(c, VIRTIO_BLK_S_IOERR,
		       c->writable_bytes ? MILESTONE_BLK_SHORT_HEADER : MILESTONE_BLK_NO_STATUS);
		return;
	}
	if (c->read_pos < 16)
		oracle_fail(o, 4, "chain %u is handled without its header", c->head);
	c->type = get32(c->capture);
	if (o->p->legacy && c->type == 5) {
		c->type = VIRTIO_BLK_T_FLUSH;
		c->old_name = true;
	}
	c->sector = get64(c->capture + 8);
	changes = c->type == VIRTIO_BLK_T_OUT ||
		  (c->type == VIRTIO_BLK_T_DISCARD && oracle_accepted(o, VIRTIO_BLK_F_DISCARD)) ||
		  (c->type == VIRTIO_BLK_T_WRITE_ZEROES &&
		   oracle_accepted(o, VIRTIO_BLK_F_WRITE_ZEROES));
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
	else if (changes)
		plan_ranges(o, c);
	else
		refuse(c, VIRTIO_BLK_S_UNSUPP, MILESTONE_BLK_UNKNOWN_TYPE);
}

/* ---- what the disk is asked for ---- */

static struct model_chain *chain_of(struct oracle *o, const struct disk_request *request)
{
	const struct model_queue *q = &o->queue[0];

	for (unsigned int i = 0; i < q->helds; i++) {
		if (q->held[i]->request == request)
			return q->held[i];
	}
	return NULL;
}

static void next_request(const struct model_chain *c, struct disk_request *right)
{
	memset(right, 0, sizeof(*right));
	if (c->step == c->steps) {
		right->op = DISK_FLUSH;
	} else if (c->type == VIRTIO_BLK_T_IN || c->type == VIRTIO_BLK_T_OUT) {
		right->op = c->type == VIRTIO_BLK_T_IN ? DISK_READ : DISK_WRITE;
		right->sector = c->sector;
		right->sectors =
			(c->type == VIRTIO_BLK_T_IN ? c->data_bytes : c->readable_bytes - 16) / 512;
	} else {
		const uint8_t *range = c->capture + 16 + 16ull * c->step;

		right->op = c->type == VIRTIO_BLK_T_DISCARD ? DISK_DISCARD : DISK_WRITE_ZEROES;
		right->sector = get64(range);
		right->sectors = get32(range + 8);
		right->unmap = get32(range + 12) & 1;
	}
}

static void check_disk(struct oracle *o, const struct disk_request *r)
{
	if (!oracle_queue_live(o, 0))
		oracle_fail(o, 6, "a disk request while the device does not run");
	if (r->op != DISK_FLUSH && !sectors_exist(o, r->sector, r->sectors))
		oracle_fail(o, 8, "disk request for %llu sectors at %llu of %llu",
			    (unsigned long long)r->sectors, (unsigned long long)r->sector,
			    (unsigned long long)o->capacity);
	if (r->op != DISK_FLUSH && r->op != DISK_READ && o->p->flags & FLAG_READ_ONLY)
		oracle_fail(o, 8, "a read-only disk is asked to change");
}

void oracle_disk_submitted(struct oracle *o, const struct disk_request *request)
{
	struct model_chain *c = chain_of(o, request);
	struct disk_request right;

	check_disk(o, request);
	if (!c) {
		c = o->last;
		if (!c || !c->taken || c->plan != PLAN_NONE)
			oracle_fail(o, 8, "a disk request that no chain asks for");
		make_plan(o, c);
		c->request = request;
	}
	if (c->plan != PLAN_RUN || c->waiting || c->failed ||
	    (c->step == c->steps && (!c->flush || c->flushed)))
		oracle_fail(o, 8, "a disk request that chain %u does not ask for", c->head);
	next_request(c, &right);
	if (request->op != right.op || request->unmap != right.unmap ||
	    (right.op != DISK_FLUSH &&
	     (request->sector != right.sector || request->sectors != right.sectors)))
		oracle_fail(o, 8, "disk request %d for %llu sectors at %llu is not chain %u's",
			    request->op, (unsigned long long)request->sectors,
			    (unsigned long long)request->sector, c->head);
	if (right.op == DISK_WRITE &&
	    (c->read_pos != c->readable_bytes ||
	     memcmp(request->data, c->capture + 16, (size_t)(right.sectors * 512)) != 0))
		oracle_fail(o, 8, "chain %u: the data written is not what was read", c->head);
	if (c->step == c->steps)
		c->flushed = true;
	else
		c->step++;
	c->waiting = true;
	o->at_disk++;
}

/* The disk may have shrunk since the request was judged: what is outside now must not be asked. */
static bool next_range_gone(const struct oracle *o, const struct model_chain *c)
{
	const uint8_t *range = c->capture + 16 + 16ull * c->step;

	return c->step < c->steps && !sectors_exist(o, get64(range), get32(range + 8));
}

void oracle_disk_completed(struct oracle *o, const struct disk_request *request, int result)
{
	struct model_chain *c = chain_of(o, request);

	o->at_disk--;
	if (!c)
		return;
	c->waiting = false;
	c->failed = result != 0 || next_range_gone(o, c);
	/* what is read now is what the guest must get */
	if (!result && request->op == DISK_READ)
		memcpy(c->capture + 16, request->data, (size_t)(request->sectors * 512));
}

/* ---- the answer ---- */

static bool finished(const struct model_chain *c)
{
	return c->failed || (c->step == c->steps && c->flushed == c->flush);
}

static void succeeded(const struct oracle *o, const struct model_chain *c)
{
	switch (c->type) {
	case VIRTIO_BLK_T_IN:
		hit(MILESTONE_BLK_IN_OK);
		break;
	case VIRTIO_BLK_T_OUT:
		hit(MILESTONE_BLK_OUT_OK);
		break;
	case VIRTIO_BLK_T_FLUSH:
		hit(c->old_name ? MILESTONE_LEGACY_FLUSH_OUT : MILESTONE_BLK_FLUSH_OK);
		break;
	case VIRTIO_BLK_T_GET_ID:
		hit(MILESTONE_BLK_GET_ID_OK);
		break;
	case VIRTIO_BLK_T_DISCARD:
		hit(MILESTONE_BLK_DISCARD_OK);
		break;
	default:
		hit(MILESTONE_BLK_WRITE_ZEROES_OK);
	}
	if (c->steps > 1)
		hit(MILESTONE_BLK_MANY_RANGES);
	if (c->steps && c->flush)
		hit(MILESTONE_BLK_STABLE_WRITE);
	(void)o;
}

void oracle_blk_due(struct oracle *o, struct model_chain *c, struct due *due)
{
	if (c->plan == PLAN_NONE)
		make_plan(o, c);
	if (c->plan == PLAN_RUN) {
		if (c->waiting || !finished(c))
			oracle_fail(o, 4, "chain %u comes back before its request is done",
				    c->head);
		c->status = c->failed ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
		if (c->failed)
			hit(MILESTONE_BLK_HOST_FAILS);
	}
	if (c->writable_bytes == 0)
		return;
	due->last = c->status;
	if (c->status != VIRTIO_BLK_S_OK)
		return;
	succeeded(o, c);
	due->part[0] = c->type == VIRTIO_BLK_T_GET_ID ? (const uint8_t *)personality_disk_id
						      : c->capture + 16;
	due->len[0] = c->data_bytes;
}

void oracle_blk_settle(struct oracle *o)
{
	const struct model_queue *q = &o->queue[0];

	if (!oracle_queue_live(o, 0))
		return;
	if (o->at_disk == o->p->slots && q->seen_idx != q->next_avail)
		hit(MILESTONE_BLK_STARVED);
	for (unsigned int i = 0; i < q->helds; i++) {
		if (!q->held[i]->waiting)
			oracle_fail(o, 4, "chain %u waits for nothing and is not given back",
				    q->held[i]->head);
	}
}
