/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zones for a disk that has none: stands in front of any other disk, and behaves as the zoned disks
 * that the specification describes (5.2.6). It makes no system calls, and what it holds of each
 * zone is a struct disk_zone.
 *
 * The state of the zones is not stored: with each zoned_disk_init all sequential zones are empty,
 * and what the disk below holds there cannot be read before it is written anew.
 */
#ifndef ZONED_DISK_H
#define ZONED_DISK_H

#include "backend.h"

struct zoned_disk_options {
	/*
	 * zone_sectors at least 1; write_granularity a multiple of 512, and zone_sectors whole such
	 * units. A host-aware disk has no limits: its drivers may write anywhere.
	 */
	struct disk_zoning zoning;
	uint64_t conventional; /* so many zones, the first ones, are conventional */
	/* Of each sequential zone, in sectors; 0, or of a host-aware disk: all of it. */
	uint32_t zone_capacity;
};

struct zoned_disk {
	struct disk disk; /* give it to a device */
	struct disk *below;
	struct disk_zoning zoning;
	struct disk_zone *zone;
	uint64_t zones;
	uint32_t open;
	uint32_t active;
};

/*
 * Makes zones of the disk below, which is the caller's, must outlive this one, and is used by
 * nobody else. Returns 0, -EINVAL (an option out of range, or a zoned disk) or -ENOMEM.
 */
int zoned_disk_init(struct zoned_disk *z, struct disk *below,
		    const struct zoned_disk_options *options) __attribute__((warn_unused_result));

/* Only when no request is at the disk below. */
void zoned_disk_destroy(struct zoned_disk *z);

/*
 * The host says that a sequential zone has become READ_ONLY or OFFLINE, and so it stays; but a
 * read-only one may still go offline. `zone` is its number.
 */
void zoned_disk_fail_zone(struct zoned_disk *z, uint64_t zone, enum disk_zone_state state);

#endif
