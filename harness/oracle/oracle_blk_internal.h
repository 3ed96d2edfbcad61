/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of a block device's model: what sectors hold (oracle_blk_content.c), zones
 * (oracle_blk_zones.c), those in front of a slow disk (oracle_blk_front.c), what requests ask for
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

/* ---- oracle_blk_content.c ---- */

/* Too many spans: it is not known any more what was written. */
bool oracle_content_known(const struct oracle *o);
bool oracle_content_written(const struct oracle *o, uint64_t sector);
void oracle_content_mark(struct oracle *o, uint64_t first, uint64_t end, bool written);

/* What a sector holds: a sum over its bytes, or one of these. */
#define ORACLE_CONTENT_ZEROES 0u
#define ORACLE_CONTENT_UNSURE 1u /* what it was or what it was to be */

uint64_t oracle_content_sum(const uint8_t *sector);
void oracle_content_set(struct oracle *o, uint64_t sector, uint64_t value);
void oracle_content_set_all(struct oracle *o, uint64_t first, uint64_t end, uint64_t value);
/* Whether it holds this, or has held it at a time after `since` in the log. */
bool oracle_content_held(const struct oracle *o, uint64_t sector, uint64_t value,
			 unsigned int since);

/* ---- oracle_blk_zones.c ---- */

void oracle_zones_start(struct oracle *o);
void oracle_zones_config(struct oracle *o, bool told);
bool oracle_is_zone_type(uint32_t type);
bool oracle_zone_changes(uint32_t type);
/* The status to be answered with at once, or -1: the disk has to be asked. */
int oracle_zones_expect(struct oracle *o, struct model_chain *c);
/* ... for this. */
void oracle_zones_request(const struct model_chain *c, struct anvil_disk_request *right);

struct model_zone *oracle_zone_at(struct oracle *o, uint64_t sector);
bool oracle_zone_is_offline(const struct model_zone *z);
bool oracle_zone_is_dead(const struct model_zone *z);

/* What a request does to zones by coming: all but what its data does. Returns the status that it
 * gets for that. `asked`: the sector it was asked for; `place`: of its data. */
uint8_t oracle_zones_arrive(struct oracle *o, const struct anvil_disk_request *r, uint64_t asked,
			    uint64_t *place);
/* The data of a write is there; or it is lost. */
void oracle_zones_wrote(struct oracle *o, uint64_t sector, uint64_t sectors);
void oracle_zones_lost(struct oracle *o, uint64_t sector);

/* The status of a request that ends like this. */
uint8_t oracle_zones_status(int result);
/* The disk has carried out a request all at once; returns the status that follows. */
uint8_t oracle_zones_completed(struct oracle *o, const struct anvil_disk_request *r, uint64_t asked,
			       int result);
/* What it has to get for coming, and where an append has to be. */
void oracle_zones_check_status(struct oracle *o, const struct anvil_disk_request *r, uint8_t said,
			       uint8_t right);
void oracle_zones_check_place(struct oracle *o, const struct anvil_disk_request *r, uint64_t place);
/* What the guest has to get. */
void oracle_zones_reply(struct oracle *o, struct model_chain *c,
			const struct anvil_disk_request *r);
void oracle_zone_done(uint32_t type);

/* ---- oracle_blk_front.c: zones in front of a disk that takes its time ---- */

/* The device asks for this; the answer, from which the status follows. */
void oracle_front_arrives(struct oracle *o, const struct anvil_disk_request *r);
uint8_t oracle_front_ends(struct oracle *o, const struct anvil_disk_request *r, int result);
/* The end of a call: what is not answered has to have a reason. */
void oracle_front_settle(struct oracle *o);

/* ---- oracle_blk_plan.c ---- */

bool oracle_blk_sectors_exist(const struct oracle *o, uint64_t sector, uint64_t count);

/* What the device has to do for this chain. */
void oracle_blk_plan(struct oracle *o, struct model_chain *c);

/* ---- oracle_blk_disk.c ---- */

/* Whether nothing is left to be asked of the disk. */
bool oracle_blk_finished(const struct model_chain *c);

#endif
