/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the fake disk: what is carried out, and when (fake_disk.c), and zones in
 * front of that (fake_disk_front.c).
 */
#ifndef FAKE_DISK_INTERNAL_H
#define FAKE_DISK_INTERNAL_H

#include "base/asan.h"
#include "fake_disk.h"
#include "oracle/safety.h"

/* ---- fake_disk_front.c: the disk that the device has, if the zones are in front ---- */

extern const struct anvil_disk_ops fake_disk_front_ops;

void fake_disk_front_create(struct fake_disk *d);

/* The zones ask the disk below for this; that is done. */
void fake_disk_front_asks(struct fake_disk *d, const struct anvil_disk_request *r);
void fake_disk_front_done(struct fake_disk *d, struct anvil_disk_request *r, int result);

void fake_disk_front_return(struct fake_disk *d);

/* What both check of a request: its data can be touched; it asks for sectors, with their data, that
 * the other one asks for, too. */
static inline bool fake_disk_has_data(const struct anvil_disk_request *r)
{
	return r->op == ANVIL_DISK_WRITE || r->op == ANVIL_DISK_ZONE_APPEND;
}

/* More sectors than there are break a rule, whatever their data is. */
static inline void fake_disk_check_data(const struct anvil_disk_request *r)
{
	bool read = r->op == ANVIL_DISK_READ;

	if ((read || fake_disk_has_data(r)) && r->sectors <= SETUP_SECTORS)
		check_handed_over(r->data, (size_t)r->sectors * ANVIL_DISK_SECTOR_BYTES, read);
}

/* An append has its place only behind the zones, in the one that it names. */
static inline bool fake_disk_is_part_of(const struct anvil_disk_request *r,
					const struct anvil_disk_request *whole)
{
	uint64_t from = r->sector - whole->sector;

	if (whole->op == ANVIL_DISK_ZONE_APPEND)
		return r->sector >= whole->sector && r->sectors == whole->sectors;
	return from <= whole->sectors && r->sectors <= whole->sectors - from &&
	       (!(fake_disk_has_data(r) || r->op == ANVIL_DISK_READ) ||
		r->data == whole->data + from * ANVIL_DISK_SECTOR_BYTES);
}

/* What is not written reads as zeroes, which the zones copy to where the data of a read are. */
static inline void fake_disk_allow_zeroes(const struct anvil_disk_request *r)
{
	if (r->op == ANVIL_DISK_READ)
		safety_work_copies((size_t)r->sectors * ANVIL_DISK_SECTOR_BYTES);
}

/* Zones are work for each that a request touches (zoned_disk.h), and a range of some bytes may
 * touch many: the device may compute that much more in this call (rule 10). */
static inline void fake_disk_allow_zones(const struct fake_disk *d,
					 const struct anvil_disk_request *r)
{
	uint64_t zones = r->sectors / d->zoned.zoning.zone_sectors + 2;

	safety_work_given(32 * (size_t)(zones < SETUP_ZONES ? zones : SETUP_ZONES));
	fake_disk_allow_zeroes(r);
}

#endif
