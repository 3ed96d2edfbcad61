/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of a zoned disk: the zones and what may be done to them (zoned_disk_zones.c),
 * requests on their way to the disk below and back (zoned_disk_flight.c), and the disk itself
 * (zoned_disk.c).
 */
#ifndef ANVIL_ZONED_DISK_INTERNAL_H
#define ANVIL_ZONED_DISK_INTERNAL_H

#include "zoned_disk.h"

/* The pointer of a zone that has none to tell. */
#define ANVIL_ZONED_DISK_NO_POINTER UINT64_MAX

static inline struct anvil_zoned_disk_zone *
anvil_zoned_disk_zone_of(const struct anvil_zoned_disk *z, uint64_t sector)
{
	return &z->zone[sector / z->zoning.zone_sectors];
}

/* ---- zoned_disk_zones.c ---- */

/*
 * Checks a request against its zones, and moves these as far as the request does that by coming:
 * all of it but what writes and appends do with their data. Returns 0, or why it is refused. A
 * report is answered, an append gets its place.
 */
int anvil_zoned_disk_validate(struct anvil_zoned_disk *z, struct anvil_disk_request *request);

/* Whether a zone of this write was emptied, failed, or lost a write before this one since it came.
 */
bool anvil_zoned_disk_overtaken(const struct anvil_zoned_disk *z,
				const struct anvil_disk_request *request);

/* Whether the writes in front of this one, in a zone that is written from front to back, are there.
 */
bool anvil_zoned_disk_next_in_zone(const struct anvil_zoned_disk *z,
				   const struct anvil_disk_request *request);

/* The data of this write, which was not overtaken, is on the disk below; or it is not. */
void anvil_zoned_disk_wrote(struct anvil_zoned_disk *z, const struct anvil_disk_request *request);
void anvil_zoned_disk_lost(struct anvil_zoned_disk *z, const struct anvil_disk_request *request);

/* Sectors of zones that are written anywhere count as unwritten from now on. */
void anvil_zoned_disk_forget(struct anvil_zoned_disk *z, uint64_t sector, uint64_t sectors);

/*
 * Whether the sector at `from` may be read from the disk below. `to` is where that ends to be so,
 * or `end`.
 */
bool anvil_zoned_disk_readable(const struct anvil_zoned_disk *z, uint64_t from, uint64_t end,
			       uint64_t *to);

/* The states of the zones that these sectors are in: bit n stands for state n. */
uint32_t anvil_zoned_disk_states(const struct anvil_zoned_disk *z, uint64_t sector,
				 uint64_t sectors);

/* ---- zoned_disk_flight.c ---- */

/* A request that was checked, and goes below. `done` comes when that is over. */
void anvil_zoned_disk_fly(struct anvil_zoned_disk *z, struct anvil_disk_request *request);

/* Nobody waits for it any more. */
void anvil_zoned_disk_abandon(struct anvil_zoned_disk *z, struct anvil_disk_request *request);

#endif
