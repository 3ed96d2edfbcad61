/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of a zoned disk: the zones and what may be done to them (zoned_disk_zones.c),
 * requests on their way to the disk below and back (zoned_disk_flight.c), and the disk itself
 * (zoned_disk.c).
 */
#ifndef ZONED_DISK_INTERNAL_H
#define ZONED_DISK_INTERNAL_H

#include "zoned_disk.h"

/* The pointer of a zone that has none to tell. */
#define ZONED_DISK_NO_POINTER UINT64_MAX

static inline struct zoned_disk_zone *zoned_disk_zone_of(const struct zoned_disk *z,
							 uint64_t sector)
{
	return &z->zone[sector / z->zoning.zone_sectors];
}

/* ---- zoned_disk_zones.c ---- */

/*
 * Checks a request against its zones, and moves these as far as the request does that by coming:
 * all of it but what writes and appends do with their data. Returns 0, or why it is refused. A
 * report is answered, an append gets its place.
 */
int zoned_disk_validate(struct zoned_disk *z, struct disk_request *request);

/* Whether a zone of this write was emptied, failed, or lost a write before this one since it came.
 */
bool zoned_disk_overtaken(const struct zoned_disk *z, const struct disk_request *request);

/* Whether the writes in front of this one, in a zone that is written from front to back, are there.
 */
bool zoned_disk_next_in_zone(const struct zoned_disk *z, const struct disk_request *request);

/* The data of this write, which was not overtaken, is on the disk below; or it is not. */
void zoned_disk_wrote(struct zoned_disk *z, const struct disk_request *request);
void zoned_disk_lost(struct zoned_disk *z, const struct disk_request *request);

/* Sectors of zones that are written anywhere count as unwritten from now on. */
void zoned_disk_forget(struct zoned_disk *z, uint64_t sector, uint64_t sectors);

/*
 * Whether the sector at `from` may be read from the disk below. `to` is where that ends to be so,
 * or `end`.
 */
bool zoned_disk_readable(const struct zoned_disk *z, uint64_t from, uint64_t end, uint64_t *to);

/* The states of the zones that these sectors are in: bit n stands for state n. */
uint32_t zoned_disk_states(const struct zoned_disk *z, uint64_t sector, uint64_t sectors);

/* ---- zoned_disk_flight.c ---- */

/* A request that was checked, and goes below. `done` comes when that is over. */
void zoned_disk_fly(struct zoned_disk *z, struct disk_request *request);

/* Nobody waits for it any more. */
void zoned_disk_abandon(struct zoned_disk *z, struct disk_request *request);

#endif
