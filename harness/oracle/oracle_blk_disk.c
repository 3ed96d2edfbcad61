/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the disk is asked for just what a block request asks for.
 */
#include <errno.h>
#include <string.h>

#include "oracle_blk_internal.h"

bool oracle_blk_finished(const struct model_chain *c)
{
	return c->failed || (c->step == c->steps && c->flushed == c->flush);
}

static struct model_chain *chain_of(struct oracle *o, const struct anvil_disk_request *request)
{
	for (unsigned int k = 0; k < o->p->queues; k++) {
		const struct model_queue *q = &o->queue[k];

		for (unsigned int i = 0; i < q->helds; i++) {
			struct model_chain *c = q->held[i];

			/* one that is done and waits for those before it has no request any more */
			if (c->request == request && (c->waiting || !oracle_blk_finished(c)))
				return c;
		}
	}
	return NULL;
}

static unsigned int queue_of(const struct oracle *o, const struct model_chain *c)
{
	return (unsigned int)(c - o->chain) / o->p->queue_size_max;
}

static void next_request(const struct model_chain *c, struct anvil_disk_request *right)
{
	memset(right, 0, sizeof(*right));
	if (c->step == c->steps) {
		right->op = ANVIL_DISK_FLUSH;
	} else if (c->type == VIRTIO_BLK_T_IN || c->type == VIRTIO_BLK_T_OUT) {
		right->op = c->type == VIRTIO_BLK_T_IN ? ANVIL_DISK_READ : ANVIL_DISK_WRITE;
		right->sector = c->sector;
		right->sectors =
			(c->type == VIRTIO_BLK_T_IN ? c->data_bytes : c->readable_bytes - 16) / 512;
	} else if (oracle_is_zone_type(c->type)) {
		oracle_zones_request(c, right);
	} else {
		const uint8_t *range = c->capture + 16 + 16ull * c->step;

		right->op = c->type == VIRTIO_BLK_T_DISCARD	   ? ANVIL_DISK_DISCARD
			    : c->type == VIRTIO_BLK_T_WRITE_ZEROES ? ANVIL_DISK_WRITE_ZEROES
								   : ANVIL_DISK_SECURE_ERASE;
		right->sector = get64(range);
		right->sectors = get32(range + 8);
		right->unmap = get32(range + 12) & 1;
	}
}

static void check_disk(struct oracle *o, const struct anvil_disk_request *r)
{
	if (!oracle_live(o))
		oracle_fail(o, 6, "a disk request while the device does not run");
	if (r->op != ANVIL_DISK_FLUSH && r->op != ANVIL_DISK_ZONE_APPEND &&
	    !oracle_blk_sectors_exist(o, r->sector, r->sectors))
		oracle_fail(o, 8, "disk request for %llu sectors at %llu of %llu",
			    (unsigned long long)r->sectors, (unsigned long long)r->sector,
			    (unsigned long long)o->capacity);
	if (r->op != ANVIL_DISK_FLUSH && r->op != ANVIL_DISK_READ &&
	    r->op != ANVIL_DISK_ZONE_REPORT && o->p->flags & FLAG_READ_ONLY)
		oracle_fail(o, 8, "a read-only disk is asked to change");
}

static void enlist(struct oracle *o, const struct model_chain *c,
		   const struct anvil_disk_request *request)
{
	if (o->at_disk == ORACLE_DISK_REQUESTS)
		oracle_fail(o, 10, "more than %u requests at the disk", ORACLE_DISK_REQUESTS);
	o->disk_request[o->at_disk++] = (struct model_disk_request){
		.request = request,
		.queue = queue_of(o, c),
	};
	if (o->at_disk > 256)
		hit(MILESTONE_BLK_MANY_AT_DISK);
	if (o->p->zones.front)
		oracle_front_arrives(o, request);
}

void oracle_disk_submitted(struct oracle *o, const struct anvil_disk_request *request)
{
	struct model_chain *c = chain_of(o, request);
	struct anvil_disk_request right;

	check_disk(o, request);
	if (!c) {
		c = o->last;
		if (!c || !c->taken || c->plan != PLAN_NONE)
			oracle_fail(o, 8, "a disk request that no chain asks for");
		oracle_blk_plan(o, c);
		c->request = request;
	}
	if (c->plan != PLAN_RUN || c->waiting || c->failed ||
	    (c->step == c->steps && (!c->flush || c->flushed)))
		oracle_fail(o, 8, "a disk request that chain %u does not ask for", c->head);
	next_request(c, &right);
	if (request->op != right.op || request->unmap != right.unmap ||
	    (right.op != ANVIL_DISK_FLUSH && request->sector != right.sector) ||
	    request->sectors != right.sectors ||
	    (right.op == ANVIL_DISK_ZONE_REPORT && request->zones != right.zones))
		oracle_fail(o, 8, "disk request %d for %llu sectors at %llu is not chain %u's",
			    request->op, (unsigned long long)request->sectors,
			    (unsigned long long)request->sector, c->head);
	c->zone_asked = request->sector;
	if ((right.op == ANVIL_DISK_WRITE || right.op == ANVIL_DISK_ZONE_APPEND) &&
	    (c->read_pos != c->readable_bytes ||
	     memcmp(request->data, c->capture + 16, (size_t)(right.sectors * 512)) != 0))
		oracle_fail(o, 8, "chain %u: the data written is not what was read", c->head);
	if (c->step == c->steps)
		c->flushed = true;
	else
		c->step++;
	c->waiting = true;
	enlist(o, c, request);
}

/* The disk may have shrunk since the request was checked: what is outside now must not be asked. */
static bool next_range_gone(const struct oracle *o, const struct model_chain *c)
{
	const uint8_t *range = c->capture + 16 + 16ull * c->step;

	return c->step < c->steps && !oracle_blk_sectors_exist(o, get64(range), get32(range + 8));
}

static void digest_request(struct oracle *o, const struct anvil_disk_request *r, int result)
{
	uint64_t *sum = &o->digest.disk;

	oracle_digest_number(sum, (uint64_t)r->op << 1 | r->unmap);
	oracle_digest_number(sum, r->sector);
	oracle_digest_number(sum, r->sectors);
	oracle_digest_number(sum, result == 0);
	if (r->op == ANVIL_DISK_WRITE && !result)
		oracle_digest_bytes(sum, r->data, r->sectors * 512);
}

/* The zones are the disk's: they change even if nobody waits for it. */
static void zones_completed(struct oracle *o, struct model_chain *c,
			    const struct anvil_disk_request *r, int result)
{
	uint64_t zone_sectors = o->p->zones.options.zoning.zone_sectors;
	uint64_t asked =
		r->op == ANVIL_DISK_ZONE_APPEND ? r->sector - r->sector % zone_sectors : r->sector;
	uint8_t status = o->p->zones.front
				 ? oracle_front_ends(o, r, result)
				 : oracle_zones_completed(o, r, c ? c->zone_asked : asked, result);

	if (!c)
		return;
	if (status == VIRTIO_BLK_S_OK)
		oracle_zones_reply(o, c, r);
	else if (oracle_accepted(o, VIRTIO_BLK_F_ZONED))
		c->failure = status;
}

/* It cannot reach the disk any more: with the last one a reset is complete. */
static void forget_request(struct oracle *o, const struct anvil_disk_request *request, int result)
{
	unsigned int i = 0;

	while (o->disk_request[i].request != request)
		i++;
	if (o->disk_request[i].stopped && request->op == ANVIL_DISK_WRITE &&
	    (!result || result == -ETIMEDOUT))
		hit(MILESTONE_BLK_LATE_WRITE);
	o->disk_request[i] = o->disk_request[--o->at_disk];
	if (!o->at_disk)
		o->resetting = 0;
}

static void tell_size(const struct oracle *o, const struct anvil_disk_request *r)
{
	bool data = r->op == ANVIL_DISK_READ || r->op == ANVIL_DISK_WRITE;
	uint64_t end = r->sector + r->sectors;

	if (data && end > 1ull << 23)
		hit(MILESTONE_BLK_BEYOND_4_GIB);
	if (data && end > 1ull << 32)
		hit(MILESTONE_BLK_BEYOND_2_TIB);
	if ((r->op == ANVIL_DISK_DISCARD || r->op == ANVIL_DISK_WRITE_ZEROES) && end > 1ull << 32)
		hit(MILESTONE_BLK_RANGE_BEYOND);
	if (o->zones && end > 1ull << 32 &&
	    (r->op == ANVIL_DISK_WRITE || r->op == ANVIL_DISK_ZONE_APPEND))
		hit(MILESTONE_BLK_ZONE_BEYOND);
}

void oracle_disk_completed(struct oracle *o, const struct anvil_disk_request *request, int result)
{
	struct model_chain *c = chain_of(o, request);

	if (!result)
		tell_size(o, request);
	if (o->digests)
		digest_request(o, request, result);
	if (o->zones)
		zones_completed(o, c, request, result);
	forget_request(o, request, result);
	if (!c)
		return;
	o->current = c;
	c->waiting = false;
	c->failed = result != 0 || next_range_gone(o, c);
	/* what is read now is what the guest must get */
	if (!result && request->op == ANVIL_DISK_READ)
		memcpy(c->capture + 16, request->data, (size_t)(request->sectors * 512));
}
