/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chains as lists of pieces, for rings of either layout.
 */
#ifndef GUEST_CHAIN_H
#define GUEST_CHAIN_H

#include "guest.h"
#include "script/operands.h"

struct piece {
	uint64_t gpa;
	uint32_t len;
	bool writable;
};

struct chain_plan {
	struct piece piece[GUEST_PIECES_MAX];
	unsigned int pieces;
	uint8_t flags;	   /* CHAIN_* */
	uint8_t wrong;	   /* enum chain_wrong */
	uint64_t arg;	   /* which piece, how far: what the kind of wrongness needs */
	unsigned int most; /* pieces that a chain of this queue may have */
	uint64_t table;	   /* where an indirect table goes; 0: with the others */
};

/* One without pieces, for this queue; NULL: for one of any size. */
static inline void guest_plan(struct chain_plan *plan, const struct guest_queue *q,
			      unsigned int flags, unsigned int wrong, uint64_t arg)
{
	plan->pieces = 0;
	plan->flags = (uint8_t)flags;
	plan->wrong = (uint8_t)wrong;
	plan->arg = arg;
	plan->most = q ? q->size : GUEST_PIECES_MAX;
	plan->table = 0;
}

/* Where a buffer of `len` bytes goes; `where` is the class of that operand, 0 the common one. */
uint64_t guest_place(struct guest_driver *g, unsigned int where, unsigned int queue, uint64_t len);

void guest_add_piece(struct chain_plan *plan, uint64_t gpa, uint64_t len, bool writable);

/*
 * Adds [gpa, gpa + len) cut into pieces as `split` says; 0 cuts once, after `natural` bytes, where
 * a header ends or a status begins.
 */
void guest_add_stream(struct chain_plan *plan, uint64_t gpa, uint64_t len, uint64_t natural,
		      unsigned int split, bool writable);

/* Breaks the plan's pieces as its `wrong` says. */
void guest_spoil_pieces(const struct guest_driver *g, struct chain_plan *plan, unsigned int queue);

/* A descriptor of either layout, whose last two fields are not the same. */
void guest_store_desc(struct guest_driver *g, uint64_t table, unsigned int index, uint64_t addr,
		      uint32_t len, unsigned int field12, unsigned int field14);

/* Where an indirect table of so many descriptors goes. */
uint64_t guest_place_table(struct guest_driver *g, const struct chain_plan *plan,
			   unsigned int count);

/* An available buffer notification; `hint`: where the driver stands, if it tells that. */
void guest_notify(struct guest_driver *g, unsigned int queue, uint16_t hint);

#endif
