/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request is judged against its zones and changes their state when it comes; then the disk below
 * carries it out. So writes follow each other without waiting, and a write that fails below has
 * still moved the pointer, as on real disks.
 */
#include "zoned_disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_POINTER UINT64_MAX

static struct zoned_disk *to_zoned(struct disk *disk)
{
	return (struct zoned_disk *)(void *)disk;
}

/* ---- zones and their resources ---- */

static struct disk_zone *zone_of(const struct zoned_disk *z, uint64_t sector)
{
	return &z->zone[sector / z->zoning.zone_sectors];
}

static uint64_t end_of(const struct disk_zone *zone)
{
	return zone->start + zone->capacity;
}

static bool is_open(enum disk_zone_state state)
{
	return state == DISK_ZONE_OPEN_IMPLICITLY || state == DISK_ZONE_OPEN_EXPLICITLY;
}

static bool is_active(enum disk_zone_state state)
{
	return is_open(state) || state == DISK_ZONE_CLOSED;
}

static bool is_dead(const struct disk_zone *zone)
{
	return zone->state == DISK_ZONE_READ_ONLY || zone->state == DISK_ZONE_OFFLINE;
}

static void enter(struct zoned_disk *z, struct disk_zone *zone, enum disk_zone_state state)
{
	z->open -= is_open(zone->state);
	z->active -= is_active(zone->state);
	zone->state = state;
	z->open += is_open(state);
	z->active += is_active(state);
}

/* 5.2.6.2: the first zone that a write opened makes room for another one */
static bool close_one(struct zoned_disk *z)
{
	for (uint64_t i = 0; i < z->zones; i++) {
		if (z->zone[i].state != DISK_ZONE_OPEN_IMPLICITLY)
			continue;
		enter(z, &z->zone[i], DISK_ZONE_CLOSED);
		return true;
	}
	return false;
}

/* Opens a zone that may be opened; with both limits in the way, it is the active one (5.2.6). */
static int open_zone(struct zoned_disk *z, struct disk_zone *zone, enum disk_zone_state state)
{
	if (!is_active(zone->state) && z->zoning.active_max && z->active >= z->zoning.active_max)
		return DISK_ZONE_ERROR_ACTIVE;
	if (!is_open(zone->state) && z->zoning.open_max && z->open >= z->zoning.open_max &&
	    !close_one(z))
		return DISK_ZONE_ERROR_OPEN;
	enter(z, zone, state);
	return 0;
}

/* ---- writing ---- */

static void move_pointer(struct zoned_disk *z, struct disk_zone *zone, uint64_t sector)
{
	zone->pointer = sector;
	if (sector == end_of(zone))
		enter(z, zone, DISK_ZONE_FULL);
}

static int write_required(struct zoned_disk *z, struct disk_zone *zone, uint64_t sector,
			  uint64_t sectors)
{
	int err = 0;

	if (is_dead(zone) || zone->state == DISK_ZONE_FULL)
		return DISK_ZONE_ERROR_INVALID;
	if (sector != zone->pointer)
		return DISK_ZONE_ERROR_UNALIGNED;
	if (sectors > end_of(zone) - sector)
		return DISK_ZONE_ERROR_INVALID;
	if (sectors * DISK_SECTOR_BYTES % z->zoning.write_granularity)
		return DISK_ZONE_ERROR_UNALIGNED;
	if (!is_open(zone->state))
		err = open_zone(z, zone, DISK_ZONE_OPEN_IMPLICITLY);
	if (!err)
		move_pointer(z, zone, sector + sectors);
	return err;
}

/* There are no limits then, so that it cannot fail in the middle. */
static int write_preferred(struct zoned_disk *z, uint64_t sector, uint64_t sectors)
{
	struct disk_zone *last = zone_of(z, sector + sectors - 1);

	for (struct disk_zone *zone = zone_of(z, sector); zone <= last; zone++) {
		if (is_dead(zone))
			return DISK_ZONE_ERROR_INVALID;
	}
	for (struct disk_zone *zone = zone_of(z, sector); zone <= last; zone++) {
		uint64_t end = zone == last ? sector + sectors : end_of(zone);

		if (zone->type == DISK_ZONE_CONVENTIONAL || zone->state == DISK_ZONE_FULL)
			continue;
		if (!is_open(zone->state))
			enter(z, zone, DISK_ZONE_OPEN_IMPLICITLY);
		if (end > zone->pointer)
			move_pointer(z, zone, end);
	}
	return 0;
}

static int judge_write(struct zoned_disk *z, uint64_t sector, uint64_t sectors)
{
	struct disk_zone *zone = zone_of(z, sector);
	const struct disk_zone *last = zone_of(z, sector + sectors - 1);

	if (last->type != DISK_ZONE_WRITE_REQUIRED)
		return write_preferred(z, sector, sectors);
	return zone == last ? write_required(z, zone, sector, sectors) : DISK_ZONE_ERROR_INVALID;
}

static int judge_append(struct zoned_disk *z, struct disk_request *request)
{
	struct disk_zone *zone = zone_of(z, request->sector);
	uint64_t place = zone->pointer;
	int err;

	if (zone->type != DISK_ZONE_WRITE_REQUIRED)
		return DISK_ZONE_ERROR_INVALID;
	err = write_required(z, zone, place, request->sectors);
	if (!err)
		request->sector = place;
	return err;
}

/* ---- reading, and what must not be in the way of it ---- */

static int judge_others(const struct zoned_disk *z, const struct disk_request *request)
{
	const struct disk_zone *first = zone_of(z, request->sector);
	const struct disk_zone *last = zone_of(z, request->sector + request->sectors - 1);

	if (last->type == DISK_ZONE_WRITE_REQUIRED && first != last)
		return DISK_ZONE_ERROR_INVALID;
	for (const struct disk_zone *zone = first; zone <= last; zone++) {
		if (zone->state == DISK_ZONE_OFFLINE ||
		    (request->op == DISK_DISCARD && is_dead(zone)))
			return DISK_ZONE_ERROR_INVALID;
	}
	return 0;
}

/* 5.2.6.2: what was not written since the zone was empty reads as zeroes */
static void clear_unwritten(const struct zoned_disk *z, const struct disk_request *request)
{
	uint64_t end = request->sector + request->sectors;
	const struct disk_zone *last = zone_of(z, end - 1);

	for (const struct disk_zone *zone = zone_of(z, request->sector); zone <= last; zone++) {
		uint64_t zone_end = zone->start + z->zoning.zone_sectors;
		uint64_t from = zone->pointer > request->sector ? zone->pointer : request->sector;
		uint64_t to = zone_end < end ? zone_end : end;

		if (zone->type != DISK_ZONE_CONVENTIONAL && from < to)
			memset(request->data + (from - request->sector) * DISK_SECTOR_BYTES, 0,
			       (size_t)(to - from) * DISK_SECTOR_BYTES);
	}
}

/* ---- what is done to zones (5.2.6.2) ---- */

static int open_explicitly(struct zoned_disk *z, struct disk_zone *zone)
{
	if (is_dead(zone) || zone->state == DISK_ZONE_FULL)
		return DISK_ZONE_ERROR_INVALID;
	return open_zone(z, zone, DISK_ZONE_OPEN_EXPLICITLY);
}

static int close_zone(struct zoned_disk *z, struct disk_zone *zone)
{
	if (!is_active(zone->state))
		return DISK_ZONE_ERROR_INVALID;
	enter(z, zone, zone->pointer == zone->start ? DISK_ZONE_EMPTY : DISK_ZONE_CLOSED);
	return 0;
}

/* The pointer stays: what is behind it counts as unwritten. As the standards for such disks have
 * it, a zone that is empty or closed can be finished, too. */
static int finish_zone(struct zoned_disk *z, struct disk_zone *zone)
{
	if (is_dead(zone))
		return DISK_ZONE_ERROR_INVALID;
	enter(z, zone, DISK_ZONE_FULL);
	return 0;
}

static int reset_zone(struct zoned_disk *z, struct disk_zone *zone)
{
	if (is_dead(zone))
		return DISK_ZONE_ERROR_INVALID;
	enter(z, zone, DISK_ZONE_EMPTY);
	zone->pointer = zone->start;
	return 0;
}

static int reset_all(struct zoned_disk *z)
{
	for (uint64_t i = 0; i < z->zones; i++) {
		if (z->zone[i].type != DISK_ZONE_CONVENTIONAL)
			(void)reset_zone(z, &z->zone[i]); /* a dead one stays as it is */
	}
	return 0;
}

static int manage(struct zoned_disk *z, const struct disk_request *request)
{
	struct disk_zone *zone = zone_of(z, request->sector);

	if (zone->type == DISK_ZONE_CONVENTIONAL)
		return DISK_ZONE_ERROR_INVALID;
	switch (request->op) {
	case DISK_ZONE_OPEN:
		return open_explicitly(z, zone);
	case DISK_ZONE_CLOSE:
		return close_zone(z, zone);
	case DISK_ZONE_FINISH:
		return finish_zone(z, zone);
	default:
		return reset_zone(z, zone);
	}
}

/* All of the zones, or none. */
static int judge_erase(struct zoned_disk *z, const struct disk_request *request)
{
	struct disk_zone *last = zone_of(z, request->sector + request->sectors - 1);

	for (struct disk_zone *zone = zone_of(z, request->sector); zone <= last; zone++) {
		if (zone->type == DISK_ZONE_CONVENTIONAL || is_dead(zone))
			return DISK_ZONE_ERROR_INVALID;
	}
	for (struct disk_zone *zone = zone_of(z, request->sector); zone <= last; zone++)
		(void)reset_zone(z, zone); /* none is dead */
	return 0;
}

static int report(const struct zoned_disk *z, struct disk_request *request)
{
	const struct disk_zone *first = zone_of(z, request->sector);
	uint64_t left = z->zones - (uint64_t)(first - z->zone);

	if (request->zones > left)
		request->zones = (uint32_t)left;
	for (uint32_t i = 0; i < request->zones; i++) {
		struct disk_zone *told = &request->zone[i];

		*told = first[i];
		if (is_dead(told) || told->state == DISK_ZONE_FULL)
			told->pointer = NO_POINTER;
	}
	return 0;
}

/* ---- requests ---- */

/* Judges, and does what is done to zones alone. */
static int begin(struct zoned_disk *z, struct disk_request *request)
{
	switch (request->op) {
	case DISK_READ:
	case DISK_DISCARD:
		return judge_others(z, request);
	case DISK_WRITE:
	case DISK_WRITE_ZEROES:
		return judge_write(z, request->sector, request->sectors);
	case DISK_SECURE_ERASE:
		return judge_erase(z, request);
	case DISK_ZONE_APPEND:
		return judge_append(z, request);
	case DISK_ZONE_REPORT:
		return report(z, request);
	case DISK_ZONE_RESET_ALL:
		return reset_all(z);
	case DISK_FLUSH:
		return 0;
	default:
		return manage(z, request);
	}
}

static bool goes_below(enum disk_op op)
{
	return op <= DISK_ZONE_APPEND;
}

static void read_below(struct disk_request *request, int result)
{
	const struct zoned_disk *z = to_zoned(request->front);

	if (!result)
		clear_unwritten(z, request);
	request->done = request->front_done;
	request->done(request, result);
}

static void appended_below(struct disk_request *request, int result)
{
	request->op = DISK_ZONE_APPEND;
	request->done = request->front_done;
	request->done(request, result);
}

static void submit(struct disk *disk, struct disk_request *request)
{
	struct zoned_disk *z = to_zoned(disk);
	int result = begin(z, request);

	if (result || !goes_below(request->op)) {
		request->done(request, result);
		return;
	}
	request->front = disk;
	request->front_done = request->done;
	if (request->op == DISK_READ)
		request->done = read_below;
	if (request->op == DISK_ZONE_APPEND) {
		request->done = appended_below;
		request->op = DISK_WRITE;
	}
	z->below->ops->submit(z->below, request);
}

static void cancel(struct disk *disk, struct disk_request *request)
{
	struct zoned_disk *z = to_zoned(disk);

	if (z->below->ops->cancel)
		z->below->ops->cancel(z->below, request);
}

static const struct disk_ops zoned_ops = { .submit = submit, .cancel = cancel };

/* ---- making one ---- */

static bool options_valid(const struct zoned_disk_options *o)
{
	const struct disk_zoning *z = &o->zoning;
	uint64_t bytes = (uint64_t)z->zone_sectors * DISK_SECTOR_BYTES;

	if (z->model == DISK_HOST_AWARE && (z->open_max || z->active_max))
		return false;
	return (z->model == DISK_HOST_AWARE || z->model == DISK_HOST_MANAGED) &&
	       z->zone_sectors > 0 && o->zone_capacity <= z->zone_sectors &&
	       z->write_granularity > 0 && z->write_granularity % DISK_SECTOR_BYTES == 0 &&
	       bytes % z->write_granularity == 0;
}

/* Whole units alone can be written, so a zone has whole units of capacity. */
static void init_zone(struct zoned_disk *z, uint64_t index, const struct zoned_disk_options *o)
{
	struct disk_zone *zone = &z->zone[index];
	uint64_t unit = z->zoning.write_granularity / DISK_SECTOR_BYTES;
	uint64_t size = z->zoning.zone_sectors;

	zone->start = index * size;
	if (size > z->disk.capacity - zone->start)
		size = z->disk.capacity - zone->start;
	zone->capacity = size;
	zone->pointer = zone->start;
	zone->state = DISK_ZONE_EMPTY;
	if (index < o->conventional) {
		zone->type = DISK_ZONE_CONVENTIONAL;
		zone->state = DISK_ZONE_NO_POINTER;
		zone->pointer = NO_POINTER;
	} else if (z->zoning.model == DISK_HOST_AWARE) {
		zone->type = DISK_ZONE_WRITE_PREFERRED;
	} else {
		zone->type = DISK_ZONE_WRITE_REQUIRED;
		if (o->zone_capacity && size > o->zone_capacity)
			zone->capacity = o->zone_capacity;
		zone->capacity -= zone->capacity % unit;
	}
}

int zoned_disk_init(struct zoned_disk *z, struct disk *below,
		    const struct zoned_disk_options *options)
{
	memset(z, 0, sizeof(*z));
	if (below->zoning || !options_valid(options))
		return -EINVAL;
	z->below = below;
	z->zoning = options->zoning;
	z->disk = *below;
	z->disk.ops = &zoned_ops;
	z->disk.zoning = &z->zoning;
	z->zones = (below->capacity + z->zoning.zone_sectors - 1) / z->zoning.zone_sectors;
	if (z->zones < SIZE_MAX / sizeof(*z->zone))
		z->zone = calloc((size_t)z->zones + 1, sizeof(*z->zone));
	if (!z->zone)
		return -ENOMEM;
	for (uint64_t i = 0; i < z->zones; i++)
		init_zone(z, i, options);
	return 0;
}

void zoned_disk_destroy(struct zoned_disk *z)
{
	free(z->zone);
	z->zone = NULL;
}

void zoned_disk_fail_zone(struct zoned_disk *z, uint64_t zone, enum disk_zone_state state)
{
	if (zone >= z->zones || z->zone[zone].type == DISK_ZONE_CONVENTIONAL ||
	    z->zone[zone].state == DISK_ZONE_OFFLINE ||
	    (state != DISK_ZONE_READ_ONLY && state != DISK_ZONE_OFFLINE))
		return;
	enter(z, &z->zone[zone], state);
}
