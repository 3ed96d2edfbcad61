/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zones for a disk that has none: stands in front of any other disk, and behaves as the zoned disks
 * that the specification describes (5.2.6). It makes no system calls.
 *
 * The state of the zones is not stored: with each anvil_zoned_disk_init all sequential zones are
 * empty. A conventional zone is a part of the disk below as it is: it holds what was there before.
 *
 * What it promises of sequential zones, whatever is under way below, in whatever order it comes
 * back, and whether it fails:
 *  - A read gives only what was written to the zone since it was last emptied, by a write or append
 *    that ended well. All else reads as zeroes: what the disk below holds there from before, what a
 *    write that failed, or was not over yet, may have left, and what is behind the place where a
 *    zone was finished. It is not read from the disk below at all. (Zones that may be written
 *    anywhere can be written over: until such a write ends, or if it fails, each sector is what it
 *    was or what it was to be, as on any disk.)
 *  - A write or append that ends with 0 is in the zone at that moment, and a read gives it.
 *  - Of zones that are written from front to back, all up to the pointer that a report tells is
 *    there, and nothing behind it. Such writes need not wait for each other, and end in the order
 *    of their places. One that fails takes the pointer back to where it began; those that came
 *    after it end with -EIO, and the zone stays open, or closed. A zone is full when the write that
 *    fills it is over, or when it is finished.
 *  - Emptying a zone (reset, secure erase) takes effect at once. Writes under way end with -EIO, if
 *    not with another error. What is written afterwards is carried out when they are out of the
 *    way: requests that change the same sectors reach the disk below one after another, in the
 * order in which they came. A secure erase is one of them.
 *  - Nothing is asked of the disk below that would change a zone that failed. Writes under way end
 *    with -EIO, as above, and so does whatever is held. One that is offline gives nothing to reads
 *    that are under way, either.
 *  - A discard of sectors that may be written anywhere makes them unwritten; elsewhere in a
 *    sequential zone it does nothing.
 *  - A request that is cancelled while it is held ends with -ECANCELED, and has done nothing.
 *
 * What it costs: of each zone a struct anvil_zoned_disk_zone, and a bit a sector of a host-aware
 * disk. A request takes a step for each other one that is not over, for each zone that it touches
 * (RESET_ALL: of the disk), for each open zone if it opens one, and, of a host-aware disk, for each
 * eight sectors. A read takes one request below, of a host-aware disk as many as it has runs of
 * written sectors.
 */
#ifndef ANVIL_ZONED_DISK_H
#define ANVIL_ZONED_DISK_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

struct anvil_zoned_disk_options {
	/*
	 * write_granularity is a multiple of 512 bytes and not 0; zone_sectors is at least 1, and a
	 * zone is a whole number of such units. For a host-aware disk, whose drivers may write
	 * anywhere, open_max and active_max are 0.
	 */
	struct anvil_disk_zoning zoning;
	uint64_t conventional; /* so many zones, the first ones, are conventional */
	/* Sectors of each sequential zone that can be written, up to zone_sectors; 0, or a
	 * host-aware disk: all of them. Rounded down to whole units of write_granularity. */
	uint32_t zone_capacity;
};

struct anvil_zoned_disk_zone {
	struct anvil_disk_zone zone; /* `pointer`: where the next write has to begin */
	uint64_t written;	     /* of a zone with a pointer: all up to here is there */
	uint64_t cut; /* what came before this time is not part of the zone any more */
};

struct anvil_zoned_disk {
	struct anvil_disk disk; /* give it to a device */
	struct anvil_disk *below;
	struct anvil_disk_zoning zoning;
	struct anvil_zoned_disk_zone *zone; /* ours */
	uint64_t zones;
	uint32_t open;
	uint32_t active;
	struct anvil_zoned_disk_zone *
		*implicit; /* ours, with open_max: those that a write opened */
	uint32_t implicits;
	uint8_t *map;			  /* ours, host-aware: one bit a sector that was written */
	struct anvil_disk_request *first; /* of those that are not over, as they came */
	struct anvil_disk_request *last;
	unsigned int held; /* so many of them, which are not at the disk below yet */
	bool letting_go;
	uint64_t clock; /* counts requests, and what zones lose */
};

/*
 * Makes zones of the disk below, which is the caller's, must outlive this one, and is used by
 * nobody else. Returns 0, -EINVAL (an option out of range, or a zoned disk) or -ENOMEM.
 */
int anvil_zoned_disk_init(struct anvil_zoned_disk *z, struct anvil_disk *below,
			  const struct anvil_zoned_disk_options *options)
	__attribute__((warn_unused_result));

/* Only when no request is at this disk. */
void anvil_zoned_disk_destroy(struct anvil_zoned_disk *z);

/*
 * The host says that a sequential zone has become READ_ONLY or OFFLINE, and so it stays; but a
 * read-only one may still go offline. `zone` is its number. At any time, also from inside `done`.
 */
void anvil_zoned_disk_fail_zone(struct anvil_zoned_disk *z, uint64_t zone,
				enum anvil_disk_zone_state state);

#ifdef __cplusplus
}
#endif

#endif
