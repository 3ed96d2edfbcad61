/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the pretend driver.
 */
#ifndef GUEST_INTERNAL_H
#define GUEST_INTERNAL_H

#include <endian.h>

#include "guest_chain.h"
#include "virtio_spec.h"

/*
 * From the host's byte order to that of the driver's structures, and back: little-endian, for
 * legacy drivers the guest's own.
 */
static inline uint16_t guest_u16(const struct guest_driver *g, unsigned int value)
{
	return g->p->big_endian ? htobe16((uint16_t)value) : htole16((uint16_t)value);
}

static inline uint32_t guest_u32(const struct guest_driver *g, uint32_t value)
{
	return g->p->big_endian ? htobe32(value) : htole32(value);
}

static inline uint64_t guest_u64(const struct guest_driver *g, uint64_t value)
{
	return g->p->big_endian ? htobe64(value) : htole64(value);
}

/* ---- guest_base.c ---- */

uint16_t guest_load16(struct guest_driver *g, uint64_t gpa);
void guest_store16(struct guest_driver *g, uint64_t gpa, uint64_t value);

/* The queue that an operand means. */
unsigned int guest_pick_queue(const struct guest_driver *g, uint8_t queue);

/* ---- guest_ring.c ---- */

/* What differs between the layouts. */
struct guest_ring {
	/* as a driver does before it hands the ring over */
	void (*clear)(struct guest_driver *g, unsigned int queue);
	void (*submit)(struct guest_driver *g, unsigned int queue, struct chain_plan *plan);
	/* takes what was used */
	void (*reclaim)(struct guest_driver *g, unsigned int queue);
	/* for used buffer notifications, by operand `event` of used */
	void (*ask)(struct guest_driver *g, unsigned int queue, unsigned int event);
	void (*avail)(struct guest_driver *g, const struct script_op *r, unsigned int queue);
	/* where the driver stands, as guest_notify has it */
	uint16_t (*place)(const struct guest_queue *q);
	bool (*returned)(struct guest_driver *g, unsigned int queue);
};

extern const struct guest_ring guest_split;
extern const struct guest_ring guest_packed;

void guest_clear_rings(struct guest_driver *g, unsigned int queue);

/* Writes the chain and makes it available. Does nothing when there are no free descriptors. */
void guest_submit(struct guest_driver *g, unsigned int queue, struct chain_plan *plan);

/* Where the driver stands, as guest_notify has it. */
uint16_t guest_place_in_ring(const struct guest_driver *g, unsigned int queue);

/* One chain of `out_len` readable and `in_len` writable bytes, the first in this queue since it was
 * set up. Returns whether it came back; true if the queue is too small for it. */
bool guest_round_trip(struct guest_driver *g, unsigned int queue, const void *out, size_t out_len,
		      uint64_t in_gpa, size_t in_len);

/* ---- a kind of device ---- */

/* One chain of many: where it has room for up to 32 readable bytes, for one writable byte, and a
 * sector that all share. */
struct guest_many_chain {
	unsigned int number;
	uint64_t own;
	uint64_t last;
	uint64_t data;
};

/* What a kind of device adds to the driver. All but `probe`, `one_of_many` and `config_changes` may
 * be 0. */
struct guest_kind {
	/* One well-formed request in a queue that was just set up, which one; and with which
	 * features beside the ring's, if they are offered. Returns whether the answer is good. */
	bool (*probe)(struct guest_driver *g);
	/* Adds the pieces of such a chain, a request as this queue has them. */
	void (*one_of_many)(struct guest_driver *g, const struct script_op *r, unsigned int queue,
			    const struct guest_many_chain *c, struct chain_plan *plan);
	unsigned int probe_queue;
	uint64_t probe_features;
	/* Where in the configuration space the driver or the host can change something. */
	uint32_t config_changes[3];
	/* Those that there are with the features asked for; NULL: all. */
	unsigned int (*queues)(const struct guest_driver *g);
};

extern const struct guest_kind guest_kind_blk;
extern const struct guest_kind guest_kind_net;
extern const struct guest_kind guest_kind_echo;

/* ---- guest_queue.c ---- */

/* A queue of this size that nothing was made available in. */
void guest_fresh_queue(struct guest_driver *g, unsigned int queue, uint16_t size);

/* Sets it up as is right, with the size that operand `size` says. */
void guest_bring_up_queue(struct guest_driver *g, unsigned int queue, unsigned int size);

/*
 * 2.4, 4.2.2.2: while this register is not 0, the reset is not complete. The driver has nothing to
 * do but wait, and the disk goes on.
 */
void guest_wait_for_reset(struct guest_driver *g, uint32_t reg);

#endif
