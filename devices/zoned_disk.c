/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The disk itself: what it is made of, and what is answered without asking the one below.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zoned_disk_internal.h"

static struct anvil_zoned_disk *to_zoned(struct anvil_disk *disk)
{
	return (struct anvil_zoned_disk *)(void *)disk;
}

/* A discard asks for nothing, and in a zone with a pointer, which has no holes, nothing is done. */
static bool goes_below(const struct anvil_zoned_disk *z, const struct anvil_disk_request *request)
{
	if (request->op == ANVIL_DISK_DISCARD)
		return anvil_zoned_disk_zone_of(z, request->sector)->zone.type !=
		       ANVIL_DISK_ZONE_WRITE_REQUIRED;
	return request->op <= ANVIL_DISK_ZONE_APPEND;
}

static void submit(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	struct anvil_zoned_disk *z = to_zoned(disk);
	int result = anvil_zoned_disk_validate(z, request);

	if (result || !goes_below(z, request))
		request->done(request, result);
	else
		anvil_zoned_disk_fly(z, request);
}

static void cancel(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	anvil_zoned_disk_abandon(to_zoned(disk), request);
}

static const struct anvil_disk_ops zoned_ops = { .submit = submit, .cancel = cancel };

/* ---- making one ---- */

static bool options_valid(const struct anvil_zoned_disk_options *o)
{
	const struct anvil_disk_zoning *z = &o->zoning;
	uint64_t bytes = (uint64_t)z->zone_sectors * ANVIL_DISK_SECTOR_BYTES;

	if (z->model == ANVIL_DISK_HOST_AWARE && (z->open_max || z->active_max))
		return false;
	return (z->model == ANVIL_DISK_HOST_AWARE || z->model == ANVIL_DISK_HOST_MANAGED) &&
	       z->zone_sectors > 0 && o->zone_capacity <= z->zone_sectors &&
	       z->write_granularity > 0 && z->write_granularity % ANVIL_DISK_SECTOR_BYTES == 0 &&
	       bytes % z->write_granularity == 0;
}

/* Whole units alone can be written, so a zone has whole units of capacity. */
static void init_zone(struct anvil_zoned_disk *z, uint64_t index,
		      const struct anvil_zoned_disk_options *o)
{
	struct anvil_disk_zone *zone = &z->zone[index].zone;
	uint64_t unit = z->zoning.write_granularity / ANVIL_DISK_SECTOR_BYTES;
	uint64_t size = z->zoning.zone_sectors;

	zone->start = index * size;
	if (size > z->disk.capacity - zone->start)
		size = z->disk.capacity - zone->start;
	zone->capacity = size;
	zone->pointer = zone->start;
	zone->state = ANVIL_DISK_ZONE_EMPTY;
	if (index < o->conventional) {
		zone->type = ANVIL_DISK_ZONE_CONVENTIONAL;
		zone->state = ANVIL_DISK_ZONE_NO_POINTER;
		zone->pointer = ANVIL_ZONED_DISK_NO_POINTER;
	} else if (z->zoning.model == ANVIL_DISK_HOST_AWARE) {
		zone->type = ANVIL_DISK_ZONE_WRITE_PREFERRED;
	} else {
		zone->type = ANVIL_DISK_ZONE_WRITE_REQUIRED;
		if (o->zone_capacity && size > o->zone_capacity)
			zone->capacity = o->zone_capacity;
		zone->capacity -= zone->capacity % unit;
	}
	z->zone[index].written = zone->pointer;
}

/* All that is ever needed, by the size of the disk and the limits. */
static int init_storage(struct anvil_zoned_disk *z)
{
	uint64_t open = z->zoning.open_max < z->zones ? z->zoning.open_max : z->zones;
	uint64_t map = z->disk.capacity / 8 + 1;

	if (z->zones < SIZE_MAX / sizeof(*z->zone))
		z->zone = calloc((size_t)z->zones + 1, sizeof(*z->zone));
	if (z->zoning.open_max)
		z->implicit = calloc((size_t)open + 1, sizeof(struct anvil_zoned_disk_zone *));
	if (z->zoning.model == ANVIL_DISK_HOST_AWARE && map < SIZE_MAX)
		z->map = calloc((size_t)map, 1);
	if (!z->zone || (z->zoning.open_max && !z->implicit) ||
	    (z->zoning.model == ANVIL_DISK_HOST_AWARE && !z->map))
		return -ENOMEM;
	return 0;
}

int anvil_zoned_disk_init(struct anvil_zoned_disk *z, struct anvil_disk *below,
			  const struct anvil_zoned_disk_options *options)
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
	if (init_storage(z)) {
		anvil_zoned_disk_destroy(z);
		return -ENOMEM;
	}
	for (uint64_t i = 0; i < z->zones; i++)
		init_zone(z, i, options);
	return 0;
}

void anvil_zoned_disk_destroy(struct anvil_zoned_disk *z)
{
	free(z->zone);
	free(z->implicit);
	free(z->map);
	z->zone = NULL;
	z->implicit = NULL;
	z->map = NULL;
}
