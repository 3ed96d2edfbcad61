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
void oracle_net_stopped(struct oracle *o, unsigned int queue);
void oracle_net_interrupt(struct oracle *o, unsigned int queue);
void oracle_net_notified(struct oracle *o, uint32_t queue);

/* After a reset; `created` when there was no device before. */
void oracle_blk_reset(struct oracle *o, bool created);
void oracle_net_reset(struct oracle *o, bool created);

void oracle_config_changed(struct oracle *o);
void oracle_put_config(struct oracle *o, unsigned int at, uint64_t value, unsigned int bytes);

#endif
