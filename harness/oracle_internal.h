/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the oracle: rings and buffers (oracle.c), registers (oracle_mmio.c), and
 * what each device type owes (oracle_blk.c, oracle_net.c).
 */
#ifndef ORACLE_INTERNAL_H
#define ORACLE_INTERNAL_H

#include "oracle.h"

static inline void hit(enum milestone m)
{
	oracle_milestone[m] = true;
}

/*
 * What a completed chain must hold: two parts in a row from the first writable byte on, then, if
 * `last` is not negative, that value in the very last writable byte.
 */
struct due {
	const uint8_t *part[2];
	uint64_t len[2];
	int last;
};

/*
 * Numbers as the driver has them in rings, requests and the configuration space: little-endian, but
 * for legacy drivers in the guest's own byte order (2.5.3, 2.7.3, 5.1.9.1, 5.2.6.3).
 */
static inline unsigned int oracle_16(const struct oracle *o, const uint8_t *p)
{
	if (o->p->big_endian)
		return (unsigned int)p[0] << 8 | p[1];
	return (unsigned int)p[1] << 8 | p[0];
}

static inline uint32_t oracle_32(const struct oracle *o, const uint8_t *p)
{
	if (o->p->big_endian)
		return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint64_t oracle_64(const struct oracle *o, const uint8_t *p)
{
	uint64_t first = oracle_32(o, p);
	uint64_t second = oracle_32(o, p + 4);

	return o->p->big_endian ? first << 32 | second : second << 32 | first;
}

static inline void oracle_put(const struct oracle *o, uint8_t *to, uint64_t number,
			      unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		to[o->p->big_endian ? bytes - 1 - i : i] = (uint8_t)(number >> (8 * i));
}

/* Adds to one of the sums of a digest. */
void oracle_digest_bytes(uint64_t *sum, const void *bytes, uint64_t len);
void oracle_digest_number(uint64_t *sum, uint64_t number);

bool oracle_live(const struct oracle *o);

/* Whether the driver's features cannot change any more. */
bool oracle_final(const struct oracle *o);
bool oracle_in_ram(uint64_t gpa, uint64_t len);

/* Whether the device saw that there are more chains. */
bool oracle_sees_more(const struct model_queue *q);

/* Whether the available index jumped by more than the queue size. */
bool oracle_jumped(const struct model_queue *q);

/* Whether the device asks the driver to notify it of the next chain. */
bool oracle_asks_to_notify(const struct oracle *o, unsigned int queue);

/* Entries of the ring that were used since the device asked whether it does. */
unsigned int oracle_untold(const struct model_queue *q);

/* The driver wants to hear of what is used in this queue. */
void oracle_interrupt(struct oracle *o, const struct model_queue *q);

/* The guest broke a rule: the device must say so, and touch nothing. */
void oracle_must_break(struct oracle *o, enum milestone m);

/* What was done in order ahead of its turn is not given back any more: the queues have stopped. */
void oracle_forget_waiting(struct oracle *o);

/* Stops a queue and forgets its chains; what of it is at the disk has to come back. */
void oracle_stop_queue(struct oracle *o, unsigned int queue);

/* Whether the driver finds the queue in use: it runs, or the disk has requests of it. */
bool oracle_in_use(const struct oracle *o, unsigned int queue);

/* Device Status as the driver has to find it. */
uint32_t oracle_status(const struct oracle *o);

/* Writes to Status while a reset is not complete. */
void oracle_write_status_early(struct oracle *o, uint32_t value);

uint32_t oracle_device_id(const struct oracle *o);

/* Whether the driver may have what it wrote, and what changes when it is final. */
bool oracle_features_fine(const struct oracle *o);
void oracle_agreed(struct oracle *o);

/* A chain of one more segment; false if that breaks a rule, and the device must say so. */
bool oracle_add_segment(struct oracle *o, struct model_chain *c, const struct model_segment *s,
			bool writable);

/* The device has fetched all of this chain of the walk's queue. */
void oracle_taken(struct oracle *o, struct model_chain *c);

/* Whether such an indirect descriptor of a ring is right. */
bool oracle_table_fine(const struct oracle *o, const struct model_segment *table,
		       unsigned int flags);

/* The device writes that it is done with a chain. Returns whether anything was stored for it. */
bool oracle_gives_back(struct oracle *o, unsigned int queue, uint32_t head, uint32_t len);

void oracle_clear_chain(struct model_chain *c, uint16_t head);

/* The chain in flight of that head, or NULL. */
struct model_chain *oracle_chain_of(const struct model_queue *q, uint32_t head);

/* ---- oracle_packed.c: the same on packed rings ---- */

void oracle_packed_start(struct model_queue *q);
void oracle_packed_fetched(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			   size_t len);
void oracle_packed_stored(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			  size_t len);
void oracle_packed_untaken(struct model_queue *q, const struct model_chain *c);
unsigned int oracle_packed_untold(const struct model_queue *q);
bool oracle_packed_asks_to_notify(const struct model_queue *q);
uint64_t oracle_packed_avail_gpa(const struct model_queue *q);
bool oracle_packed_available(uint16_t flags, uint16_t place);
/* Version 1 (oracle_legacy.c): a register write and a read. */
void oracle_legacy_write(struct oracle *o, uint64_t offset, uint32_t value);
uint32_t oracle_legacy_read(const struct oracle *o, uint64_t offset);

/* The driver resets the device. */
void oracle_reset(struct oracle *o);

/* Takes away what the driver wrote and was not offered, or lacks what it requires. */
void oracle_cut_features(struct oracle *o);

/* 32 of the driver's bits, by its selector. */
void oracle_take_features(struct oracle *o, uint32_t value);

/* Whether the queue has a use; whether it may be set up now. */
bool oracle_queue_exists(const struct oracle *o, uint32_t queue);
bool oracle_may_set_up(const struct oracle *o, const struct model_queue *q);

/* The rings are where the model says: runs it if it may, else hits the milestone for that. */
void oracle_start_queue(struct oracle *o, struct model_queue *q);

/* The driver stops it. */
void oracle_halt_queue(struct oracle *o, uint32_t queue, enum milestone m);

/* The configuration space follows the host. */
void oracle_blk_capacity(struct oracle *o);
#define LATE_STATUS 1u /* of a card; of a disk, the capacity */
#define LATE_SPEED  2u
void oracle_net_shows(struct oracle *o, unsigned int what);

/* DRIVER_OK of a legacy driver. */
void oracle_blk_driver_ok(struct oracle *o);

/* A write to the configuration space of a legacy device. */
void oracle_net_config_written(struct oracle *o, uint64_t at, unsigned int width, uint64_t value);

/* What the device owes for this chain now. */
void oracle_blk_due(struct oracle *o, struct model_chain *c, struct due *due);
void oracle_net_due(struct oracle *o, unsigned int queue, struct model_chain *c, struct due *due);

/* At the end of an activation. */
void oracle_blk_settle(struct oracle *o);
void oracle_net_published(struct oracle *o, unsigned int queue);

/* The network device's queues, and what happens to them. */
unsigned int oracle_net_pairs(const struct oracle *o);
bool oracle_net_is_rx(const struct oracle *o, unsigned int queue);
void oracle_net_agreed(struct oracle *o);
/* What was put off has to be told now. */
void oracle_net_tell_all(struct oracle *o);
void oracle_net_stopped(struct oracle *o, unsigned int queue);
void oracle_net_interrupt(struct oracle *o, unsigned int queue);
void oracle_net_notified(struct oracle *o, uint32_t queue);

/* After a reset; `created` when there was no device before. */
void oracle_blk_reset(struct oracle *o, bool created);
void oracle_net_reset(struct oracle *o, bool created);

bool oracle_blk_needs_met(const struct oracle *o);
void oracle_blk_stopped(const struct oracle *o, unsigned int queue);

/* A block request was taken from this queue: no other one may have to wait too long (5.2.2). */
void oracle_blk_took(struct oracle *o, unsigned int queue);

/* Zones (oracle_zones.c). */
void oracle_zones_start(struct oracle *o);
void oracle_zones_config(struct oracle *o, bool told);
bool oracle_is_zone_type(uint32_t type);
bool oracle_zone_changes(uint32_t type);
/* The status to be answered with at once, or -1: the disk has to be asked. */
int oracle_zones_judge(struct oracle *o, struct model_chain *c);
/* ... for this. */
void oracle_zones_request(const struct model_chain *c, struct disk_request *right);
/* The disk says that it is done; returns the status that follows. `asked`: the sector it was asked
 * for. */
uint8_t oracle_zones_completed(struct oracle *o, const struct disk_request *r, uint64_t asked,
			       int result);
/* What the guest has to get. */
void oracle_zones_reply(struct oracle *o, struct model_chain *c, const struct disk_request *r);
void oracle_zone_done(uint32_t type);

void oracle_config_changed(struct oracle *o);
/* The configuration space: one field of a number, or an access as on a little-endian bus. */
void oracle_put_config(struct oracle *o, unsigned int at, uint64_t number, unsigned int bytes);
void oracle_write_config(struct oracle *o, uint64_t at, unsigned int width, uint64_t value);

#endif
