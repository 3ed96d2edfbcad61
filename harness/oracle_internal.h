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

bool oracle_live(const struct oracle *o);
bool oracle_in_ram(uint64_t gpa, uint64_t len);

/* Whether the available index jumped by more than the queue size. */
bool oracle_jumped(const struct model_queue *q);

/* Whether the device asks the driver to notify it of the next chain. */
bool oracle_asks_to_notify(const struct oracle *o, unsigned int queue);

/* The guest broke a rule: the device must say so, and touch nothing. */
void oracle_must_break(struct oracle *o, enum milestone m);

/* Stops a queue and forgets its chains. */
void oracle_stop_queue(struct oracle *o, unsigned int queue);

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
void oracle_net_status(struct oracle *o);

/* DRIVER_OK of a legacy driver. */
void oracle_blk_driver_ok(struct oracle *o);

/* A write to the configuration space of a legacy device. */
void oracle_net_config_written(struct oracle *o, uint64_t at, unsigned int width, uint64_t value);

/* What the device owes for this chain now. */
void oracle_blk_due(struct oracle *o, struct model_chain *c, struct due *due);
void oracle_net_due(struct oracle *o, unsigned int queue, struct model_chain *c, struct due *due);

/* At the end of an activation. */
void oracle_blk_settle(struct oracle *o);
void oracle_net_published(struct oracle *o);

/* After a reset; `created` when there was no device before. */
void oracle_blk_reset(struct oracle *o, bool created);
void oracle_net_reset(struct oracle *o, bool created);

void oracle_config_changed(struct oracle *o);
void oracle_put_config(struct oracle *o, unsigned int at, uint64_t value, unsigned int bytes);

#endif
