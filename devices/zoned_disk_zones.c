/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The zones: their states and limits, where each is written next, and what of each was written.
 *
 * A zone that is written from front to back has two places. `pointer` moves when a write comes, so
 * that the next one need not wait. `written` moves when a write is on the disk below and all those
 * before it are: reads, and reports, go by that one. A write that fails takes `pointer` back to
 * `written`. Of zones that are written anywhere, a bit for each sector says whether it was.
 */
#include "zoned_disk_internal.h"

#include <string.h>

#define zone_of anvil_zoned_disk_zone_of

static uint64_t end_of(const struct anvil_zoned_disk_zone *zone)
{
	return zone->zone.start + zone->zone.capacity;
}

/* Where its last sector ends, whether that can be written or not. */
static uint64_t size_end(const struct anvil_zoned_disk *z, const struct anvil_zoned_disk_zone *zone)
{
	uint64_t room = z->disk.capacity - zone->zone.start;

	return zone->zone.start + (room < z->zoning.zone_sectors ? room : z->zoning.zone_sectors);
}

static bool is_open(enum anvil_disk_zone_state state)
{
	return state == ANVIL_DISK_ZONE_OPEN_IMPLICITLY || state == ANVIL_DISK_ZONE_OPEN_EXPLICITLY;
}

static bool is_active(enum anvil_disk_zone_state state)
{
	return is_open(state) || state == ANVIL_DISK_ZONE_CLOSED;
}

static bool is_dead(const struct anvil_zoned_disk_zone *zone)
{
	return zone->zone.state == ANVIL_DISK_ZONE_READ_ONLY ||
	       zone->zone.state == ANVIL_DISK_ZONE_OFFLINE;
}

/* Its last sector was given to a write, even if that is still under way. */
static bool is_full(const struct anvil_zoned_disk_zone *zone)
{
	return zone->zone.state == ANVIL_DISK_ZONE_FULL ||
	       (zone->zone.pointer == end_of(zone) && zone->zone.pointer > zone->written);
}

/* ---- limits ---- */

static void forget_implicit(struct anvil_zoned_disk *z, const struct anvil_zoned_disk_zone *zone)
{
	for (uint32_t i = 0; i < z->implicits; i++) {
		if (z->implicit[i] == zone) {
			z->implicit[i] = z->implicit[--z->implicits];
			return;
		}
	}
}

static void enter(struct anvil_zoned_disk *z, struct anvil_zoned_disk_zone *zone,
		  enum anvil_disk_zone_state state)
{
	enum anvil_disk_zone_state was = zone->zone.state;

	z->open -= is_open(was);
	z->active -= is_active(was);
	zone->zone.state = state;
	z->open += is_open(state);
	z->active += is_active(state);
	if (!z->implicit || was == state)
		return;
	if (was == ANVIL_DISK_ZONE_OPEN_IMPLICITLY)
		forget_implicit(z, zone);
	if (state == ANVIL_DISK_ZONE_OPEN_IMPLICITLY)
		z->implicit[z->implicits++] = zone;
}

/* 5.2.6: a zone in which nothing was written is empty when it is closed */
static void close_active(struct anvil_zoned_disk *z, struct anvil_zoned_disk_zone *zone)
{
	enter(z, zone,
	      zone->zone.pointer == zone->zone.start ? ANVIL_DISK_ZONE_EMPTY
						     : ANVIL_DISK_ZONE_CLOSED);
}

/* 5.2.6.2: of those zones that a write opened, the first one on the disk makes room for another. */
static bool close_one(struct anvil_zoned_disk *z)
{
	struct anvil_zoned_disk_zone *first = NULL;

	for (uint32_t i = 0; i < z->implicits; i++) {
		if (!first || z->implicit[i] < first)
			first = z->implicit[i];
	}
	if (first)
		close_active(z, first);
	return first != NULL;
}

/* Opens a zone that may be opened; with both limits in the way, it is the active one (5.2.6). */
static int open_zone(struct anvil_zoned_disk *z, struct anvil_zoned_disk_zone *zone,
		     enum anvil_disk_zone_state state)
{
	if (!is_active(zone->zone.state) && z->zoning.active_max &&
	    z->active >= z->zoning.active_max)
		return ANVIL_DISK_ZONE_ERROR_ACTIVE;
	if (!is_open(zone->zone.state) && z->zoning.open_max && z->open >= z->zoning.open_max &&
	    !close_one(z))
		return ANVIL_DISK_ZONE_ERROR_OPEN;
	enter(z, zone, state);
	return 0;
}

/* ---- which sectors were written, of a disk whose zones may be written anywhere ---- */

static bool bit_of(const struct anvil_zoned_disk *z, uint64_t sector)
{
	return z->map[sector / 8] >> (sector % 8) & 1;
}

static void set_bit(struct anvil_zoned_disk *z, uint64_t sector, bool value)
{
	uint8_t bit = (uint8_t)(1u << (sector % 8));

	z->map[sector / 8] =
		(uint8_t)(value ? z->map[sector / 8] | bit : z->map[sector / 8] & ~bit);
}

/* [from, to), which is not empty. Bytes that are wholly inside are set at once. */
static void set_bits(struct anvil_zoned_disk *z, uint64_t from, uint64_t to, bool value)
{
	while (from < to && from % 8)
		set_bit(z, from++, value);
	while (from < to && to % 8)
		set_bit(z, --to, value);
	if (from < to)
		memset(z->map + from / 8, value ? 0xff : 0, (size_t)((to - from) / 8));
}

/* How far the bit at `from` goes on, up to `to`. */
static uint64_t bits_alike(const struct anvil_zoned_disk *z, uint64_t from, uint64_t to)
{
	bool value = bit_of(z, from);

	while (from < to) {
		if (from % 8 == 0 && to - from >= 8 && z->map[from / 8] == (value ? 0xff : 0))
			from += 8;
		else if (bit_of(z, from) == value)
			from++;
		else
			break;
	}
	return from;
}

/* ---- writing ---- */

/* Writes that came before are not part of the zone from now on, whatever becomes of them. */
static void cut(struct anvil_zoned_disk *z, struct anvil_zoned_disk_zone *zone)
{
	zone->cut = ++z->clock;
	zone->zone.pointer = zone->written;
}

static int write_required(struct anvil_zoned_disk *z, struct anvil_zoned_disk_zone *zone,
			  uint64_t sector, uint64_t sectors)
{
	int err = 0;

	if (is_dead(zone) || is_full(zone))
		return ANVIL_DISK_ZONE_ERROR_INVALID;
	if (sector != zone->zone.pointer)
		return ANVIL_DISK_ZONE_ERROR_UNALIGNED;
	if (sectors > end_of(zone) - sector)
		return ANVIL_DISK_ZONE_ERROR_INVALID;
	if (sectors * ANVIL_DISK_SECTOR_BYTES % z->zoning.write_granularity)
		return ANVIL_DISK_ZONE_ERROR_UNALIGNED;
	if (!is_open(zone->zone.state))
		err = open_zone(z, zone, ANVIL_DISK_ZONE_OPEN_IMPLICITLY);
	if (!err)
		zone->zone.pointer = sector + sectors;
	return err;
}

/* There are no limits then, so that it cannot fail in the middle. */
static int write_preferred(struct anvil_zoned_disk *z, uint64_t sector, uint64_t sectors)
{
	struct anvil_zoned_disk_zone *last = zone_of(z, sector + sectors - 1);

	for (struct anvil_zoned_disk_zone *zone = zone_of(z, sector); zone <= last; zone++) {
		if (is_dead(zone))
			return ANVIL_DISK_ZONE_ERROR_INVALID;
	}
	for (struct anvil_zoned_disk_zone *zone = zone_of(z, sector); zone <= last; zone++) {
		if (zone->zone.type != ANVIL_DISK_ZONE_CONVENTIONAL &&
		    zone->zone.state != ANVIL_DISK_ZONE_FULL && !is_open(zone->zone.state))
			enter(z, zone, ANVIL_DISK_ZONE_OPEN_IMPLICITLY);
	}
	return 0;
}

static int check_write(struct anvil_zoned_disk *z, uint64_t sector, uint64_t sectors)
{
	struct anvil_zoned_disk_zone *zone = zone_of(z, sector);
	const struct anvil_zoned_disk_zone *last = zone_of(z, sector + sectors - 1);

	if (last->zone.type != ANVIL_DISK_ZONE_WRITE_REQUIRED)
		return write_preferred(z, sector, sectors);
	return zone == last ? write_required(z, zone, sector, sectors)
			    : ANVIL_DISK_ZONE_ERROR_INVALID;
}

static int check_append(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	struct anvil_zoned_disk_zone *zone = zone_of(z, request->sector);
	uint64_t place = zone->zone.pointer;
	int err;

	if (zone->zone.type != ANVIL_DISK_ZONE_WRITE_REQUIRED)
		return ANVIL_DISK_ZONE_ERROR_INVALID;
	err = write_required(z, zone, place, request->sectors);
	if (!err)
		request->sector = place;
	return err;
}

bool anvil_zoned_disk_overtaken(const struct anvil_zoned_disk *z,
				const struct anvil_disk_request *request)
{
	const struct anvil_zoned_disk_zone *last =
		zone_of(z, request->sector + request->sectors - 1);

	for (const struct anvil_zoned_disk_zone *zone = zone_of(z, request->sector); zone <= last;
	     zone++) {
		if (request->front.order < zone->cut)
			return true;
	}
	return false;
}

bool anvil_zoned_disk_next_in_zone(const struct anvil_zoned_disk *z,
				   const struct anvil_disk_request *request)
{
	const struct anvil_zoned_disk_zone *zone = zone_of(z, request->sector);

	return zone->zone.type != ANVIL_DISK_ZONE_WRITE_REQUIRED ||
	       zone->written == request->sector;
}

/* Moves what was written on. A zone may have been closed, or finished, meanwhile. */
static void wrote_up_to(struct anvil_zoned_disk *z, struct anvil_zoned_disk_zone *zone,
			uint64_t sector)
{
	zone->written = sector;
	if (zone->zone.pointer < sector)
		zone->zone.pointer = sector;
	if (sector == end_of(zone))
		enter(z, zone, ANVIL_DISK_ZONE_FULL);
	else if (zone->zone.state == ANVIL_DISK_ZONE_EMPTY)
		enter(z, zone, ANVIL_DISK_ZONE_CLOSED);
}

void anvil_zoned_disk_wrote(struct anvil_zoned_disk *z, const struct anvil_disk_request *request)
{
	uint64_t end = request->sector + request->sectors;
	struct anvil_zoned_disk_zone *last = zone_of(z, end - 1);

	for (struct anvil_zoned_disk_zone *zone = zone_of(z, request->sector); zone <= last;
	     zone++) {
		uint64_t zone_end = size_end(z, zone);
		uint64_t to = zone_end < end ? zone_end : end;
		uint64_t from = zone->zone.start;

		if (zone->zone.type == ANVIL_DISK_ZONE_CONVENTIONAL)
			continue;
		if (request->sector > from)
			from = request->sector;
		if (zone->zone.type == ANVIL_DISK_ZONE_WRITE_PREFERRED)
			set_bits(z, from, to, true);
		if (to > zone->written)
			wrote_up_to(z, zone, to);
	}
}

/* What is there now nobody knows: it is not part of the zone, nor is what was to follow on it. */
void anvil_zoned_disk_lost(struct anvil_zoned_disk *z, const struct anvil_disk_request *request)
{
	struct anvil_zoned_disk_zone *zone = zone_of(z, request->sector);

	if (zone->zone.type != ANVIL_DISK_ZONE_WRITE_REQUIRED)
		return;
	cut(z, zone);
	if (zone->zone.state == ANVIL_DISK_ZONE_CLOSED)
		close_active(z, zone);
}

/* ---- reading, and what must not be in the way of it ---- */

static int check_others(const struct anvil_zoned_disk *z, const struct anvil_disk_request *request)
{
	const struct anvil_zoned_disk_zone *first = zone_of(z, request->sector);
	const struct anvil_zoned_disk_zone *last =
		zone_of(z, request->sector + request->sectors - 1);

	if (last->zone.type == ANVIL_DISK_ZONE_WRITE_REQUIRED && first != last)
		return ANVIL_DISK_ZONE_ERROR_INVALID;
	for (const struct anvil_zoned_disk_zone *zone = first; zone <= last; zone++) {
		if (zone->zone.state == ANVIL_DISK_ZONE_OFFLINE ||
		    (request->op == ANVIL_DISK_DISCARD && is_dead(zone)))
			return ANVIL_DISK_ZONE_ERROR_INVALID;
	}
	return 0;
}

uint32_t anvil_zoned_disk_states(const struct anvil_zoned_disk *z, uint64_t sector,
				 uint64_t sectors)
{
	const struct anvil_zoned_disk_zone *last = zone_of(z, sector + sectors - 1);
	uint32_t states = 0;

	for (const struct anvil_zoned_disk_zone *zone = zone_of(z, sector); zone <= last; zone++)
		states |= 1u << zone->zone.state;
	return states;
}

/* The same within one zone. */
static bool readable_in_zone(const struct anvil_zoned_disk *z, uint64_t from, uint64_t end,
			     uint64_t *to)
{
	const struct anvil_zoned_disk_zone *zone = zone_of(z, from);
	bool readable = zone->zone.type == ANVIL_DISK_ZONE_CONVENTIONAL || from < zone->written;
	uint64_t zone_end = size_end(z, zone);

	*to = zone_end < end ? zone_end : end;
	if (zone->zone.type == ANVIL_DISK_ZONE_WRITE_PREFERRED) {
		readable = bit_of(z, from);
		*to = bits_alike(z, from, *to);
	} else if (zone->zone.type == ANVIL_DISK_ZONE_WRITE_REQUIRED && readable &&
		   zone->written < *to) {
		*to = zone->written;
	}
	return readable;
}

bool anvil_zoned_disk_readable(const struct anvil_zoned_disk *z, uint64_t from, uint64_t end,
			       uint64_t *to)
{
	bool readable = readable_in_zone(z, from, end, to);
	uint64_t next;

	while (*to < end && readable_in_zone(z, *to, end, &next) == readable)
		*to = next;
	return readable;
}

void anvil_zoned_disk_forget(struct anvil_zoned_disk *z, uint64_t sector, uint64_t sectors)
{
	if (z->map)
		set_bits(z, sector, sector + sectors, false);
}

/* ---- what is done to zones (5.2.6.2) ---- */

static int open_explicitly(struct anvil_zoned_disk *z, struct anvil_zoned_disk_zone *zone)
{
	if (is_dead(zone) || zone->zone.state == ANVIL_DISK_ZONE_FULL)
		return ANVIL_DISK_ZONE_ERROR_INVALID;
	return open_zone(z, zone, ANVIL_DISK_ZONE_OPEN_EXPLICITLY);
}

static int close_zone(struct anvil_zoned_disk *z, struct anvil_zoned_disk_zone *zone)
{
	if (!is_active(zone->zone.state))
		return ANVIL_DISK_ZONE_ERROR_INVALID;
	close_active(z, zone);
	return 0;
}

/* What was written stays: what is behind it counts as unwritten. As the standards for such disks
 * have it, a zone that is empty or closed can be finished, too. */
static int finish_zone(struct anvil_zoned_disk *z, struct anvil_zoned_disk_zone *zone)
{
	if (is_dead(zone))
		return ANVIL_DISK_ZONE_ERROR_INVALID;
	enter(z, zone, ANVIL_DISK_ZONE_FULL);
	return 0;
}

static int reset_zone(struct anvil_zoned_disk *z, struct anvil_zoned_disk_zone *zone)
{
	if (is_dead(zone))
		return ANVIL_DISK_ZONE_ERROR_INVALID;
	enter(z, zone, ANVIL_DISK_ZONE_EMPTY);
	zone->written = zone->zone.start;
	cut(z, zone);
	anvil_zoned_disk_forget(z, zone->zone.start, size_end(z, zone) - zone->zone.start);
	return 0;
}

static int reset_all(struct anvil_zoned_disk *z)
{
	for (uint64_t i = 0; i < z->zones; i++) {
		if (z->zone[i].zone.type != ANVIL_DISK_ZONE_CONVENTIONAL)
			(void)reset_zone(z, &z->zone[i]); /* a dead one stays as it is */
	}
	return 0;
}

static int manage(struct anvil_zoned_disk *z, const struct anvil_disk_request *request)
{
	struct anvil_zoned_disk_zone *zone = zone_of(z, request->sector);

	if (zone->zone.type == ANVIL_DISK_ZONE_CONVENTIONAL)
		return ANVIL_DISK_ZONE_ERROR_INVALID;
	switch (request->op) {
	case ANVIL_DISK_ZONE_OPEN:
		return open_explicitly(z, zone);
	case ANVIL_DISK_ZONE_CLOSE:
		return close_zone(z, zone);
	case ANVIL_DISK_ZONE_FINISH:
		return finish_zone(z, zone);
	default:
		return reset_zone(z, zone);
	}
}

/* All of the zones, or none. */
static int check_erase(struct anvil_zoned_disk *z, const struct anvil_disk_request *request)
{
	struct anvil_zoned_disk_zone *last = zone_of(z, request->sector + request->sectors - 1);

	for (struct anvil_zoned_disk_zone *zone = zone_of(z, request->sector); zone <= last;
	     zone++) {
		if (zone->zone.type == ANVIL_DISK_ZONE_CONVENTIONAL || is_dead(zone))
			return ANVIL_DISK_ZONE_ERROR_INVALID;
	}
	for (struct anvil_zoned_disk_zone *zone = zone_of(z, request->sector); zone <= last; zone++)
		(void)reset_zone(z, zone); /* none is dead */
	return 0;
}

static int report(const struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	const struct anvil_zoned_disk_zone *first = zone_of(z, request->sector);
	uint64_t left = z->zones - (uint64_t)(first - z->zone);

	if (request->zones > left)
		request->zones = (uint32_t)left;
	for (uint32_t i = 0; i < request->zones; i++) {
		struct anvil_disk_zone *told = &request->zone[i];

		*told = first[i].zone;
		if (told->type == ANVIL_DISK_ZONE_CONVENTIONAL ||
		    told->state == ANVIL_DISK_ZONE_FULL || is_dead(&first[i]))
			told->pointer = ANVIL_ZONED_DISK_NO_POINTER;
		else
			told->pointer = first[i].written;
	}
	return 0;
}

int anvil_zoned_disk_validate(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	switch (request->op) {
	case ANVIL_DISK_READ:
	case ANVIL_DISK_DISCARD:
		return check_others(z, request);
	case ANVIL_DISK_WRITE:
	case ANVIL_DISK_WRITE_ZEROES:
		return check_write(z, request->sector, request->sectors);
	case ANVIL_DISK_SECURE_ERASE:
		return check_erase(z, request);
	case ANVIL_DISK_ZONE_APPEND:
		return check_append(z, request);
	case ANVIL_DISK_ZONE_REPORT:
		return report(z, request);
	case ANVIL_DISK_ZONE_RESET_ALL:
		return reset_all(z);
	case ANVIL_DISK_FLUSH:
		return 0;
	default:
		return manage(z, request);
	}
}

void anvil_zoned_disk_fail_zone(struct anvil_zoned_disk *z, uint64_t zone,
				enum anvil_disk_zone_state state)
{
	if (zone >= z->zones || z->zone[zone].zone.type == ANVIL_DISK_ZONE_CONVENTIONAL ||
	    z->zone[zone].zone.state == ANVIL_DISK_ZONE_OFFLINE ||
	    (state != ANVIL_DISK_ZONE_READ_ONLY && state != ANVIL_DISK_ZONE_OFFLINE))
		return;
	enter(z, &z->zone[zone], state);
	cut(z, &z->zone[zone]);
}
