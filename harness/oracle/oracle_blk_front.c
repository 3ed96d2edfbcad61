/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zones in front of a disk that takes its time (zoned_disk.h): what they may ask of the disk below,
 * when a request has to be over, and how.
 *
 * All follows from what came and what the disk below answered: a request moves zones by coming
 * (oracle_blk_zones.c); one that changes sectors waits for those before it that have to do with
 * them; writes to a zone that is written from front to back end in the order of their places, and
 * one that fails takes those behind it with it. What a read gives is what its sectors held at some
 * time while it was under way.
 */
#include <errno.h>

#include "oracle_blk_internal.h"

static struct model_flight *flight_of(struct oracle *o, const struct anvil_disk_request *request)
{
	unsigned int i = 0;

	while (o->disk_request[i].request != request)
		i++;
	return &o->disk_request[i].flight;
}

static bool meet(uint64_t a, uint64_t a_sectors, uint64_t b, uint64_t b_sectors)
{
	return a < b + b_sectors && b < a + a_sectors;
}

static bool in_order(struct oracle *o, const struct model_flight *f)
{
	return f->writes && oracle_zone_at(o, f->sector)->type == VIRTIO_BLK_ZT_SWR;
}

/* Whether another request of this kind is under way there. */
static bool is_under_way(const struct oracle *o, const struct model_flight *but,
			 enum anvil_disk_op op, uint64_t sector)
{
	for (unsigned int i = 0; i < o->at_disk; i++) {
		const struct model_flight *f = &o->disk_request[i].flight;

		if (f != but && f->changes && !f->back &&
		    (op == ANVIL_DISK_WRITE ? f->op != ANVIL_DISK_SECURE_ERASE : f->op == op) &&
		    meet(f->sector, f->sectors, sector, 1))
			return true;
	}
	return false;
}

/* Whether the disk below holds what the zones have there. A discard counts by coming. */
static bool is_there(struct oracle *o, uint64_t sector)
{
	return oracle_zone_at(o, sector)->type == VIRTIO_BLK_ZT_CONV ||
	       (oracle_content_written(o, sector) &&
		!is_under_way(o, NULL, ANVIL_DISK_DISCARD, sector));
}

/* What must be back before this one changes sectors; `reads`: it may wait for these, too. */
static bool is_blocked(const struct oracle *o, const struct model_flight *f, bool reads)
{
	for (unsigned int i = 0; i < o->at_disk; i++) {
		const struct model_flight *e = &o->disk_request[i].flight;

		if (e->changes && !e->back && e->order < f->order &&
		    meet(e->sector, e->sectors, f->sector, f->sectors))
			return true;
		if (reads && e->op == ANVIL_DISK_READ && e->below && e->piece_order < f->order &&
		    meet(e->piece, e->piece_sectors, f->sector, f->sectors))
			return true;
	}
	return false;
}

static bool any_zone(struct oracle *o, const struct model_flight *f,
		     bool (*is)(const struct model_zone *z))
{
	const struct model_zone *last = oracle_zone_at(o, f->sector + f->sectors - 1);

	for (const struct model_zone *z = oracle_zone_at(o, f->sector); z <= last; z++) {
		if (is(z))
			return true;
	}
	return false;
}

/* ---- a request comes ---- */

/* Sectors that can be written over are what they were or what they are to be, until that ends. */
static void unsettle(struct oracle *o, const struct model_flight *f)
{
	for (uint64_t i = 0; i < f->sectors && f->sector + i < SETUP_SECTORS; i++) {
		if (f->op == ANVIL_DISK_DISCARD || is_there(o, f->sector + i))
			oracle_content_set(o, f->sector + i, ORACLE_CONTENT_UNSURE);
	}
}

static bool is_change(struct oracle *o, const struct model_flight *f)
{
	return f->writes || f->op == ANVIL_DISK_SECURE_ERASE ||
	       (f->op == ANVIL_DISK_DISCARD &&
		oracle_zone_at(o, f->sector)->type != VIRTIO_BLK_ZT_SWR);
}

static int error_of(uint8_t status)
{
	switch (status) {
	case VIRTIO_BLK_S_ZONE_INVALID_CMD:
		return ANVIL_DISK_ZONE_ERROR_INVALID;
	case VIRTIO_BLK_S_ZONE_UNALIGNED_WP:
		return ANVIL_DISK_ZONE_ERROR_UNALIGNED;
	case VIRTIO_BLK_S_ZONE_OPEN_RESOURCE:
		return ANVIL_DISK_ZONE_ERROR_OPEN;
	case VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE:
		return ANVIL_DISK_ZONE_ERROR_ACTIVE;
	default:
		return 0;
	}
}

static bool any_read(const struct oracle *o)
{
	for (unsigned int i = 0; i < o->at_disk; i++) {
		if (o->disk_request[i].flight.op == ANVIL_DISK_READ)
			return true;
	}
	return false;
}

void oracle_front_arrives(struct oracle *o, const struct anvil_disk_request *r)
{
	struct model_flight *f = flight_of(o, r);
	uint8_t status;

	/* those on their way are seen by their op: not this one yet */
	*f = (struct model_flight){ .op = ANVIL_DISK_FLUSH };
	if (!any_read(o))
		o->content.logs = 0;
	status = oracle_zones_arrive(o, r, r->sector, &f->sector);
	f->op = r->op;
	f->sectors = r->sectors;
	f->order = ++o->disk_clock;
	f->since = o->content.logs;
	f->result = error_of(status);
	f->answered = status != VIRTIO_BLK_S_OK;
	if (f->answered)
		return;
	f->writes = r->op == ANVIL_DISK_WRITE || r->op == ANVIL_DISK_WRITE_ZEROES ||
		    r->op == ANVIL_DISK_ZONE_APPEND;
	f->changes = is_change(o, f);
	f->answered = !f->changes && r->op != ANVIL_DISK_READ && r->op != ANVIL_DISK_FLUSH;
	if (f->changes && f->op != ANVIL_DISK_SECURE_ERASE && !in_order(o, f))
		unsettle(o, f);
}

/* One that is held is over, and has done nothing. */
void oracle_disk_cancelled(struct oracle *o, const struct anvil_disk_request *request)
{
	struct model_flight *f = flight_of(o, request);

	f->cancelled = true;
	if (!f->changes || f->asked || f->back)
		return;
	f->back = true;
	f->result = -ECANCELED;
	hit(MILESTONE_BLK_ZONE_GIVEN_UP);
}

/* ---- the disk below is asked ---- */

static void check_change(struct oracle *o, const struct model_flight *f,
			 const struct anvil_disk_request *part)
{
	if (f->asked || f->back)
		oracle_fail(o, 8, "zones: the disk is asked for a change at %llu that is over",
			    (unsigned long long)f->sector);
	if (part->sector != f->sector || part->sectors != f->sectors)
		oracle_fail(o, 8, "zones: %llu sectors at %llu are changed instead of %llu at %llu",
			    (unsigned long long)part->sectors, (unsigned long long)part->sector,
			    (unsigned long long)f->sectors, (unsigned long long)f->sector);
	if (f->overtaken)
		oracle_fail(o, 8, "zones: a write at %llu begins that was overtaken",
			    (unsigned long long)f->sector);
	if (any_zone(o, f, oracle_zone_is_dead))
		oracle_fail(o, 8, "zones: a change at %llu begins in a zone that failed",
			    (unsigned long long)f->sector);
	if (is_blocked(o, f, false))
		oracle_fail(o, 8, "zones: a change at %llu begins while another one is under way",
			    (unsigned long long)f->sector);
}

static void check_read(struct oracle *o, const struct model_flight *f,
		       const struct anvil_disk_request *part)
{
	for (uint64_t i = 0; oracle_content_known(o) && i < part->sectors; i++) {
		if (!is_there(o, part->sector + i))
			oracle_fail(o, 9, "zones: sector %llu is read, which is not written",
				    (unsigned long long)(part->sector + i));
	}
	/* else a guest could have the disk busy with much for little */
	if (f->asked && part->sector < f->piece + f->piece_sectors)
		oracle_fail(o, 10, "zones: sector %llu is read again",
			    (unsigned long long)part->sector);
	if (f->below || f->result)
		oracle_fail(o, 8, "zones: a read of %llu sectors at %llu comes too early, or late",
			    (unsigned long long)part->sectors, (unsigned long long)part->sector);
}

/* Of a conventional zone, the disk's content is whatever it makes of it. */
static void forget(struct oracle *o, const struct model_flight *f)
{
	oracle_content_mark(o, f->sector, f->sector + f->sectors, false);
	for (uint64_t i = f->sector; i < f->sector + f->sectors && i < SETUP_SECTORS; i++) {
		if (oracle_zone_at(o, i)->type != VIRTIO_BLK_ZT_CONV)
			oracle_content_set(o, i, ORACLE_CONTENT_ZEROES);
	}
}

void oracle_below_submitted(struct oracle *o, const struct anvil_disk_request *request,
			    const struct anvil_disk_request *part)
{
	struct model_flight *f = flight_of(o, request);
	enum anvil_disk_op op = f->op == ANVIL_DISK_ZONE_APPEND ? ANVIL_DISK_WRITE : f->op;

	if (f->answered || part->op != op || part->unmap != request->unmap)
		oracle_fail(o, 8, "zones: request %d becomes one of %d", request->op, part->op);
	if (f->changes)
		check_change(o, f, part);
	else if (f->op == ANVIL_DISK_READ)
		check_read(o, f, part);
	else if (f->asked)
		oracle_fail(o, 8, "zones: the disk is asked for a flush twice");
	if (f->op == ANVIL_DISK_DISCARD)
		forget(o, f);
	f->asked = true;
	f->below = true;
	f->piece = part->sector;
	f->piece_sectors = part->sectors;
	f->piece_order = ++o->disk_clock;
}

void oracle_below_completed(struct oracle *o, const struct anvil_disk_request *request, int result)
{
	struct model_flight *f = flight_of(o, request);

	f->below = false;
	f->result = result;
	f->back = f->changes;
}

/* ---- and has answered ---- */

static void wrote(struct oracle *o, const struct model_flight *f,
		  const struct anvil_disk_request *r)
{
	bool over = in_order(o, f);

	oracle_zones_wrote(o, f->sector, f->sectors);
	for (uint64_t i = 0; i < f->sectors && f->sector + i < SETUP_SECTORS; i++) {
		uint64_t value = r->op == ANVIL_DISK_WRITE_ZEROES
					 ? ORACLE_CONTENT_ZEROES
					 : oracle_content_sum(r->data + i * 512);

		if (!over && is_under_way(o, f, ANVIL_DISK_WRITE, f->sector + i))
			value = ORACLE_CONTENT_UNSURE;
		oracle_content_set(o, f->sector + i, value);
	}
}

/* What was held, and has no business at the disk any more, ends without. */
static int end_of_held(struct oracle *o, const struct model_flight *f)
{
	if (is_blocked(o, f, true) || !(f->overtaken || any_zone(o, f, oracle_zone_is_dead)))
		oracle_fail(o, 8, "zones: request %d at %llu ends before its turn", f->op,
			    (unsigned long long)f->sector);
	return -EIO;
}

static int end_of_change(struct oracle *o, struct model_flight *f,
			 const struct anvil_disk_request *r)
{
	if (f->below)
		oracle_fail(o, 8, "zones: request %d at %llu ends while the disk has it", f->op,
			    (unsigned long long)f->sector);
	if (!f->back)
		f->result = end_of_held(o, f);
	f->back = true;
	if (f->overtaken)
		return f->result ? f->result : -EIO;
	if (in_order(o, f) && oracle_zone_at(o, f->sector)->written != f->sector)
		oracle_fail(o, 8, "zones: the write at %llu ends before those in front of it",
			    (unsigned long long)f->sector);
	if (f->writes && f->result) {
		f->writes = false; /* those behind it are overtaken */
		oracle_zones_lost(o, f->sector);
	} else if (f->writes) {
		wrote(o, f, r);
	}
	return f->result;
}

static int end_of_read(struct oracle *o, const struct model_flight *f, int result)
{
	if (f->below)
		oracle_fail(o, 8, "zones: a read at %llu ends while the disk has it",
			    (unsigned long long)f->sector);
	if (f->result)
		return f->result;
	if (f->cancelled && result == -ECANCELED)
		return result;
	if (!any_zone(o, f, oracle_zone_is_offline))
		return 0;
	hit(MILESTONE_BLK_ZONE_OFFLINE_READ);
	return ANVIL_DISK_ZONE_ERROR_INVALID;
}

static void check_content(struct oracle *o, const struct model_flight *f,
			  const struct anvil_disk_request *r)
{
	for (uint64_t i = 0; i < r->sectors; i++) {
		uint64_t sum = oracle_content_sum(r->data + i * 512);

		if (!oracle_content_held(o, r->sector + i, sum, f->since))
			oracle_fail(o, 9, "zones: sector %llu never held what is read",
				    (unsigned long long)(r->sector + i));
		if (sum == ORACLE_CONTENT_ZEROES)
			hit(MILESTONE_BLK_ZONE_UNWRITTEN);
	}
}

uint8_t oracle_front_ends(struct oracle *o, const struct anvil_disk_request *r, int result)
{
	struct model_flight *f = flight_of(o, r);
	int right = f->result;

	if (f->answered)
		oracle_zones_check_status(o, r, oracle_zones_status(result),
					  oracle_zones_status(right));
	else if (f->changes)
		right = end_of_change(o, f, r);
	else if (f->op == ANVIL_DISK_READ)
		right = end_of_read(o, f, result);
	else if (!f->asked || f->below)
		oracle_fail(o, 8, "zones: a flush ends before the disk has done it");
	if (result != right)
		oracle_fail(o, 8, "zones: request %d at %llu ends with %d instead of %d", f->op,
			    (unsigned long long)f->sector, result, right);
	if (result == 0 && f->op == ANVIL_DISK_READ)
		check_content(o, f, r);
	if (result == 0 && f->op == ANVIL_DISK_ZONE_APPEND)
		oracle_zones_check_place(o, r, f->sector);
	if (f->cancelled && f->asked && f->changes)
		hit(MILESTONE_BLK_ZONE_LATE);
	return oracle_zones_status(result);
}

/* Whether a write that is over waits for one before it in its zone. */
static bool waits_for_turn(struct oracle *o, const struct model_flight *f)
{
	const struct model_zone *z = oracle_zone_at(o, f->sector);

	if (!f->back || !in_order(o, f))
		return false;
	for (unsigned int i = 0; i < o->at_disk; i++) {
		const struct model_flight *e = &o->disk_request[i].flight;

		if (e->writes && !e->back && e->order < f->order &&
		    oracle_zone_at(o, e->sector) == z)
			return true;
	}
	return false;
}

void oracle_front_settle(struct oracle *o)
{
	for (unsigned int i = 0; i < o->at_disk; i++) {
		const struct model_flight *f = &o->disk_request[i].flight;

		if (f->below)
			continue;
		if (f->changes && !f->asked && !f->back && is_blocked(o, f, true)) {
			hit(MILESTONE_BLK_ZONE_HELD);
			continue;
		}
		if (waits_for_turn(o, f)) {
			hit(MILESTONE_BLK_ZONE_TURN);
			continue;
		}
		oracle_fail(o, 4,
			    "zones: request %d at %llu waits for nothing, and is not answered",
			    f->op, (unsigned long long)f->sector);
	}
}
