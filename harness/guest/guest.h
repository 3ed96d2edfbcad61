/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pretend driver: brings devices up, builds chains, makes them available, reads used rings;
 * correctly, or wrong in the way that an operand such as `wrong` chooses.
 *
 * It reaches the guest's memory and the device only through a bus.
 */
#ifndef GUEST_H
#define GUEST_H

#include "device/bus.h"

#define GUEST_PIECES_MAX (SETUP_QUEUE_SIZE + 2)

/* Where the driver keeps things, all in the low RAM range: three queues from its start on, the
 * others in its second region (MAP_LOW_SEAM in script/setup.h), and so all queues of more entries
 * than SETUP_SIZE_USUAL. Of more queues than SETUP_QUEUES_FEW those there are short ones. */
#define GUEST_RING_BYTES    0x2000u
#define GUEST_RINGS_LOW	    3u
#define GUEST_RINGS_MORE    (MAP_LOW_SEAM + 0x1000u)
#define GUEST_INDIRECT	    (MAP_LOW + 0x6000u)
#define GUEST_INDIRECT_SIZE 0x2000u
#define GUEST_DATA	    (MAP_LOW + 0x8000u)
#define GUEST_DATA_END	    (MAP_LOW_SEAM - 0x800u)

struct guest_queue {
	uint16_t size;
	uint16_t avail_idx;
	uint16_t last_used;
	uint16_t frees;
	uint16_t free[SETUP_QUEUE_SIZE];
	uint16_t chain_next[SETUP_QUEUE_SIZE]; /* our own copy, for freeing */
	bool chain_more[SETUP_QUEUE_SIZE];
	uint64_t desc; /* where the driver has it */
	uint64_t avail;
	uint64_t used;
	uint16_t head; /* made available last */
	bool stopped;  /* by the driver, which did not set it up again */

	/* packed: the next place to fill and the next to look at, each with its wrap counter; free
	 * entries of the ring; how many entries each id takes */
	uint16_t next;
	uint16_t next_used;
	uint16_t room;
	uint16_t entries[SETUP_QUEUE_SIZE];
	uint16_t id[SETUP_QUEUE_SIZE]; /* as the ring has it */
};

struct guest_kind;

struct guest_driver {
	struct bus *bus;
	const struct setup *p;
	const struct guest_kind *kind; /* what the kind of device adds */
	struct guest_queue queue[SETUP_QUEUES];
	bool packed;	      /* the layout that was asked for */
	bool notify_data;     /* notifications tell where the driver stands */
	uint64_t features[2]; /* that it asked for last */
	bool clean;	      /* nobody has touched the device or the RAM yet */
	uint64_t data_at;     /* next free data */
	uint64_t indirect_at; /* next free table */
};

/* A driver that has done nothing yet. */
void guest_start(struct guest_driver *g, struct bus *bus, const struct setup *p);

/* Each plays the operation of that name: with all operands 0, what a correct driver does. */
void guest_init(struct guest_driver *g, const struct script_op *r);
void guest_reset(struct guest_driver *g, const struct script_op *r);
void guest_write(struct guest_driver *g, const struct script_op *r);
void guest_read(struct guest_driver *g, const struct script_op *r);
void guest_poke(struct guest_driver *g, const struct script_op *r);
void guest_fill(struct guest_driver *g, const struct script_op *r);
void guest_set_queue(struct guest_driver *g, const struct script_op *r);
void guest_stop(struct guest_driver *g, const struct script_op *r);
void guest_chain(struct guest_driver *g, const struct script_op *r);
void guest_blk(struct guest_driver *g, const struct script_op *r);
void guest_tx(struct guest_driver *g, const struct script_op *r);
void guest_rx(struct guest_driver *g, const struct script_op *r);
void guest_ctrl(struct guest_driver *g, const struct script_op *r);
void guest_kick(struct guest_driver *g, const struct script_op *r);
void guest_avail(struct guest_driver *g, const struct script_op *r);
void guest_used(struct guest_driver *g, const struct script_op *r);
void guest_ack(struct guest_driver *g, const struct script_op *r);
void guest_race(struct guest_driver *g, const struct script_op *r);
void guest_many(struct guest_driver *g, const struct script_op *r);

/* Bytes that a blk operation moves after the header, and before the status. */
void guest_blk_lengths(const struct script_op *r, uint64_t *out, uint64_t *in);

/* Register shorthands. */
void guest_reg(struct guest_driver *g, uint32_t offset, uint32_t value);
uint32_t guest_get(struct guest_driver *g, uint32_t offset);

/* Guest-physical addresses of a queue's parts, as guest_init places them; not for legacy drivers.
 */
uint64_t guest_desc(const struct setup *p, unsigned int queue);
uint64_t guest_avail_ring(const struct setup *p, unsigned int queue);
uint64_t guest_used_ring(const struct setup *p, unsigned int queue);

/* With the features that the driver asked for: pairs in use, the control queue's number, bytes of a
 * frame's header. */
unsigned int guest_net_pairs(const struct guest_driver *g);
unsigned int guest_net_control(const struct guest_driver *g);
unsigned int guest_net_header(const struct guest_driver *g);

/* Whether the driver asked for this feature. */
bool guest_has(const struct guest_driver *g, unsigned int feature);

uint16_t guest_used_idx(struct guest_driver *g, unsigned int queue);
uint16_t guest_avail_idx(struct guest_driver *g, unsigned int queue);

/* Whether the first chain of a queue that was just set up has come back. */
bool guest_returned(struct guest_driver *g, unsigned int queue);

/*
 * Reads Status and the configuration space as the script has left them; resets the device and reads
 * each register that a script can have changed: the oracle knows what they hold after creation
 * (rule 6).
 */
void guest_read_registers(struct guest_driver *g);

/*
 * One well-formed request after a reset: negotiate, one queue, one chain. Returns whether it came
 * back with a good answer: false means that the device is wedged.
 */
bool guest_probe(struct guest_driver *g);

#endif
