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

/* What of configuration space depends on features alone. */
static void fixed_config(struct oracle *o)
{
	const struct personality *p = o->p;
	uint64_t f = p->offered.word[0];

	if (f >> VIRTIO_BLK_F_SIZE_MAX & 1)
		oracle_put_config(o, 8, PERSONALITY_SIZE_MAX, 4);
	if (f >> VIRTIO_BLK_F_SEG_MAX & 1)
		oracle_put_config(o, 12, PERSONALITY_SEG_MAX, 4);
	if (f >> VIRTIO_BLK_F_GEOMETRY & 1) {
		oracle_put_config(o, 16, 7, 2);
		oracle_put_config(o, 18, 3, 1);
		oracle_put_config(o, 19, 9, 1);
	}
	if (f >> VIRTIO_BLK_F_BLK_SIZE & 1)
		oracle_put_config(o, 20, p->blk_size, 4);
	if (f >> VIRTIO_BLK_F_TOPOLOGY & 1) {
		oracle_put_config(o, 24, 3, 1);
		oracle_put_config(o, 25, 1, 1);
		oracle_put_config(o, 26, 8, 2);
		oracle_put_config(o, 28, 64, 4);
	}
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
	if (f >> VIRTIO_BLK_F_MQ & 1)
		oracle_put_config(o, 34, p->queues, 2);
	if (f >> VIRTIO_BLK_F_SECURE_ERASE & 1) {
		o->config_bytes = 72;
		oracle_put_config(o, 60, p->erase_sectors_max, 4);
		oracle_put_config(o, 64, p->erase_segments_max, 4);
		oracle_put_config(o, 68, p->erase_sector_alignment, 4);
	}
	if (f >> VIRTIO_BLK_F_ZONED & 1)
		o->config_bytes = 96;
}

void oracle_blk_reset(struct oracle *o, bool created)
{
	const struct personality *p = o->p;
	uint64_t f = p->offered.word[0];

	/* a legacy driver finds the mode that the cache has */
	o->writeback = p->legacy && f >> VIRTIO_BLK_F_CONFIG_WCE & 1;
	oracle_put_config(o, 32, o->writeback, 1);
	oracle_zones_config(o, true);
	if (!created)
		return;
	memset(o->starved, 0, sizeof(o->starved));
	oracle_zones_start(o);
	o->config_bytes = 60;
	memset(o->config, 0, sizeof(o->config));
	oracle_put_config(o, 32, o->writeback, 1);
	oracle_put_config(o, 0, o->capacity, 8);
	fixed_config(o);
	oracle_zones_config(o, true);
}

/* 5.2.5.2: a host-managed disk is not for a driver that does not know zones */
bool oracle_blk_needs_met(const struct oracle *o)
{
	bool knows = o->driver_features[0] >> VIRTIO_BLK_F_ZONED & 1;

	if (!o->p->zones.zoned || knows)
		return true;
	if (o->p->zones.options.zoning.model == DISK_HOST_MANAGED) {
		hit(MILESTONE_BLK_ZONES_REFUSED);
		return false;
	}
	hit(MILESTONE_BLK_ZONES_NOT_TOLD);
	return true;
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
		o->config_late = LATE_STATUS;
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

/* 5.2.6: three numbers, none of them a reserved one */
static void plan_lifetime(const struct oracle *o, struct model_chain *c)
{
	const struct disk_lifetime *l = &o->p->lifetime;
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
	int status = oracle_zones_judge(o, c);

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
		fine &= count > 0 && sectors_exist(o, get64(c->capture + at), count) &&
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

static void make_plan(struct oracle *o, struct model_chain *c)
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

/* ---- what the disk is asked for ---- */

static bool finished(const struct model_chain *c)
{
	return c->failed || (c->step == c->steps && c->flushed == c->flush);
}

static struct model_chain *chain_of(struct oracle *o, const struct disk_request *request)
{
	for (unsigned int k = 0; k < o->p->queues; k++) {
		const struct model_queue *q = &o->queue[k];

		for (unsigned int i = 0; i < q->helds; i++) {
			struct model_chain *c = q->held[i];

			/* one that is done and waits for those before it has no request any more */
			if (c->request == request && (c->waiting || !finished(c)))
				return c;
		}
	}
	return NULL;
}

static unsigned int queue_of(const struct oracle *o, const struct model_chain *c)
{
	return (unsigned int)(c - o->queue[0].chain) / PERSONALITY_QUEUE_SIZE;
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
	} else if (oracle_is_zone_type(c->type)) {
		oracle_zones_request(c, right);
	} else {
		const uint8_t *range = c->capture + 16 + 16ull * c->step;

		right->op = c->type == VIRTIO_BLK_T_DISCARD	   ? DISK_DISCARD
			    : c->type == VIRTIO_BLK_T_WRITE_ZEROES ? DISK_WRITE_ZEROES
								   : DISK_SECURE_ERASE;
		right->sector = get64(range);
		right->sectors = get32(range + 8);
		right->unmap = get32(range + 12) & 1;
	}
}

static void check_disk(struct oracle *o, const struct disk_request *r)
{
	if (!oracle_live(o))
		oracle_fail(o, 6, "a disk request while the device does not run");
	if (r->op != DISK_FLUSH && r->op != DISK_ZONE_APPEND &&
	    !sectors_exist(o, r->sector, r->sectors))
		oracle_fail(o, 8, "disk request for %llu sectors at %llu of %llu",
			    (unsigned long long)r->sectors, (unsigned long long)r->sector,
			    (unsigned long long)o->capacity);
	if (r->op != DISK_FLUSH && r->op != DISK_READ && r->op != DISK_ZONE_REPORT &&
	    o->p->flags & FLAG_READ_ONLY)
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
	     (request->sector != right.sector || request->sectors != right.sectors)) ||
	    (right.op == DISK_ZONE_REPORT && request->zones != right.zones))
		oracle_fail(o, 8, "disk request %d for %llu sectors at %llu is not chain %u's",
			    request->op, (unsigned long long)request->sectors,
			    (unsigned long long)request->sector, c->head);
	c->zone_asked = request->sector;
	if ((right.op == DISK_WRITE || right.op == DISK_ZONE_APPEND) &&
	    (c->read_pos != c->readable_bytes ||
	     memcmp(request->data, c->capture + 16, (size_t)(right.sectors * 512)) != 0))
		oracle_fail(o, 8, "chain %u: the data written is not what was read", c->head);
	if (c->step == c->steps)
		c->flushed = true;
	else
		c->step++;
	c->waiting = true;
	if (o->at_disk == ORACLE_DISK_REQUESTS)
		oracle_fail(o, 10, "more than %u requests at the disk", ORACLE_DISK_REQUESTS);
	o->disk_request[o->at_disk++] =
		(struct model_disk_request){ request, queue_of(o, c), false };
}

/* The disk may have shrunk since the request was judged: what is outside now must not be asked. */
static bool next_range_gone(const struct oracle *o, const struct model_chain *c)
{
	const uint8_t *range = c->capture + 16 + 16ull * c->step;

	return c->step < c->steps && !sectors_exist(o, get64(range), get32(range + 8));
}

static void digest_request(struct oracle *o, const struct disk_request *r, int result)
{
	uint64_t *sum = &o->digest.disk;

	oracle_digest_number(sum, (uint64_t)r->op << 1 | r->unmap);
	oracle_digest_number(sum, r->sector);
	oracle_digest_number(sum, r->sectors);
	oracle_digest_number(sum, result == 0);
	if (r->op == DISK_WRITE && !result)
		oracle_digest_bytes(sum, r->data, r->sectors * 512);
}

/* The zones are the disk's: they change even if nobody waits for it. */
static void zones_completed(struct oracle *o, struct model_chain *c, const struct disk_request *r,
			    int result)
{
	uint64_t zone_sectors = o->p->zones.options.zoning.zone_sectors;
	uint64_t asked =
		r->op == DISK_ZONE_APPEND ? r->sector - r->sector % zone_sectors : r->sector;
	uint8_t status = oracle_zones_completed(o, r, c ? c->zone_asked : asked, result);

	if (!c)
		return;
	if (status == VIRTIO_BLK_S_OK)
		oracle_zones_reply(o, c, r);
	else if (oracle_accepted(o, VIRTIO_BLK_F_ZONED))
		c->failure = status;
}

/* It cannot reach the disk any more: with the last one a reset is complete. */
static void forget_request(struct oracle *o, const struct disk_request *request, int result)
{
	unsigned int i = 0;

	while (o->disk_request[i].request != request)
		i++;
	if (o->disk_request[i].stopped && request->op == DISK_WRITE && !result)
		hit(MILESTONE_BLK_LATE_WRITE);
	o->disk_request[i] = o->disk_request[--o->at_disk];
	if (!o->at_disk)
		o->resetting = 0;
}

void oracle_disk_completed(struct oracle *o, const struct disk_request *request, int result)
{
	struct model_chain *c = chain_of(o, request);

	forget_request(o, request, result);
	if (o->digests)
		digest_request(o, request, result);
	if (o->zones)
		zones_completed(o, c, request, result);
	if (!c)
		return;
	o->at_work = c;
	c->waiting = false;
	c->failed = result != 0 || next_range_gone(o, c);
	/* what is read now is what the guest must get */
	if (!result && request->op == DISK_READ)
		memcpy(c->capture + 16, request->data, (size_t)(request->sectors * 512));
}

/* ---- the answer ---- */

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
	case VIRTIO_BLK_T_WRITE_ZEROES:
		hit(MILESTONE_BLK_WRITE_ZEROES_OK);
		break;
	case VIRTIO_BLK_T_GET_LIFETIME:
		hit(MILESTONE_BLK_LIFETIME_OK);
		break;
	case VIRTIO_BLK_T_SECURE_ERASE:
		hit(MILESTONE_BLK_ERASE_OK);
		break;
	default:
		oracle_zone_done(c->type);
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
		c->status = c->failed ? c->failure : VIRTIO_BLK_S_OK;
		if (c->status == VIRTIO_BLK_S_IOERR)
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

/* ---- queues that share the slots ---- */

static bool has_more(const struct model_queue *q)
{
	return q->notified || oracle_sees_more(q);
}

void oracle_blk_took(struct oracle *o, unsigned int queue)
{
	o->starved[queue] = false;
	for (unsigned int i = 0; i < o->p->queues; i++) {
		const struct model_queue *q = &o->queue[i];

		if (i == queue || !o->starved[i] || !oracle_queue_live(o, i) || !has_more(q))
			continue;
		if (o->passed_by[i][queue]++)
			oracle_fail(o, 4, "queue %u is served twice while queue %u waits", queue,
				    i);
		hit(MILESTONE_BLK_QUEUES_IN_TURN);
	}
}

void oracle_blk_stopped(const struct oracle *o, unsigned int queue)
{
	for (unsigned int i = 0; i < o->p->queues; i++) {
		if (i != queue && o->queue[i].helds)
			hit(MILESTONE_BLK_STOP_ONE);
	}
}

static void settle_one(struct oracle *o, unsigned int queue)
{
	const struct model_queue *q = &o->queue[queue];
	bool waits = oracle_queue_live(o, queue) && o->at_disk >= o->p->slots && has_more(q);

	if (waits && !o->starved[queue])
		memset(o->passed_by[queue], 0, sizeof(o->passed_by[queue]));
	o->starved[queue] = waits;
	if (waits)
		hit(MILESTONE_BLK_STARVED);
	if (!oracle_queue_live(o, queue))
		return;
	for (unsigned int i = 1; i < q->helds; i++) {
		/* in order, one that was answered at once waits with the answer it was given now */
		if (q->held[i]->plan == PLAN_NONE)
			make_plan(o, q->held[i]);
	}
	for (unsigned int i = 0; i < q->helds; i++) {
		/* in order, it may be done and wait for the first one */
		if (i > 0 && oracle_accepted(o, VIRTIO_F_IN_ORDER))
			break;
		if (!q->held[i]->waiting)
			oracle_fail(o, 4, "chain %u waits for nothing and is not given back",
				    q->held[i]->head);
	}
}

void oracle_blk_settle(struct oracle *o)
{
	unsigned int busy = 0;

	for (unsigned int i = 0; i < o->p->queues; i++) {
		settle_one(o, i);
		busy += o->queue[i].helds > 0;
	}
	if (busy > 1)
		hit(MILESTONE_BLK_MANY_QUEUES);
}
