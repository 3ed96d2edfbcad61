/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of a block device's model: zones (oracle_blk_zones.c), what requests ask for
 * (oracle_blk_plan.c), what the disk is asked for (oracle_blk_disk.c), answers (oracle_blk.c).
 */
#ifndef ORACLE_BLK_INTERNAL_H
#define ORACLE_BLK_INTERNAL_H

#include <endian.h>
#include <string.h>

#include "oracle_internal.h"

/* Numbers of ranges, which are little-endian for all drivers. */
static inline uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* ---- oracle_blk_zones.c ---- */

void oracle_zones_start(struct oracle *o);
void oracle_zones_config(struct oracle *o, bool told);
bool oracle_is_zone_type(uint32_t type);
bool oracle_zone_changes(uint32_t type);
/* The status to be answered with at once, or -1: the disk has to be asked. */
int oracle_zones_expect(struct oracle *o, struct model_chain *c);
/* ... for this. */
void oracle_zones_request(const struct model_chain *c, struct anvil_disk_request *right);
/* The disk says that it is done; returns the status that follows. `asked`: the sector it was asked
 * for. */
uint8_t oracle_zones_completed(struct oracle *o, const struct anvil_disk_request *r, uint64_t asked,
			       int result);
/* What the guest has to get. */
void oracle_zones_reply(struct oracle *o, struct model_chain *c,
			const struct anvil_disk_request *r);
void oracle_zone_done(uint32_t type);

/* ---- oracle_blk_plan.c ---- */

bool oracle_blk_sectors_exist(const struct oracle *o, uint64_t sector, uint64_t count);

/* What the device has to do for this chain. */
void oracle_blk_plan(struct oracle *o, struct model_chain *c);

/* ---- oracle_blk_disk.c ---- */

/* Whether nothing is left to be asked of the disk. */
bool oracle_blk_finished(const struct model_chain *c);

#endif
