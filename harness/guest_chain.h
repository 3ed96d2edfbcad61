/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the pretend driver: chains as lists of pieces.
 */
#ifndef GUEST_CHAIN_H
#define GUEST_CHAIN_H

#include <endian.h>

#include "guest_driver.h"

/* ways to get the bring-up wrong, operand `wrong` of init */
enum init_wrong {
	INIT_RIGHT,
	INIT_NO_ACKNOWLEDGE,
	INIT_NO_DRIVER,
	INIT_NO_FEATURES_OK,
	INIT_NO_QUEUES,
	INIT_QUEUES_LATE,
	INIT_FEATURES_LATE,
	INIT_FAILS,
	INIT_NO_RESET,
	INIT_NO_DRIVER_OK,
	INIT_AT_ONCE,
	INIT_ALL_FEATURES,
	INIT_NO_WAIT,
	INIT_KINDS,
};

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

struct piece {
	uint64_t gpa;
	uint32_t len;
	bool writable;
};

struct chain_plan {
	struct piece piece[GUEST_PIECES_MAX];
	unsigned int pieces;
	uint8_t flags; /* CHAIN_* */
	uint8_t wrong; /* enum chain_wrong */
	uint64_t arg;  /* which piece, how far: what the kind of wrongness needs */
};

/* Where a buffer of `len` bytes goes; `where` is the class of that operand, 0 the common one. */
uint64_t guest_place(struct guest_driver *g, unsigned int where, unsigned int queue, uint64_t len);

void guest_add_piece(struct chain_plan *plan, uint64_t gpa, uint64_t len, bool writable);

/*
 * Adds [gpa, gpa + len) cut into pieces as `split` says; 0 cuts once, after `natural` bytes, where
 * a header ends or a status begins.
 */
void guest_add_stream(struct chain_plan *plan, uint64_t gpa, uint64_t len, uint64_t natural,
		      unsigned int split, bool writable);

/* Writes the chain and makes it available. Does nothing when there are no free descriptors. */
void guest_submit(struct guest_driver *g, unsigned int queue, struct chain_plan *plan);

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

/* ---- guest_packed.c: the same on packed rings ---- */

void guest_packed_clear(struct guest_driver *g, unsigned int queue);
void guest_packed_submit(struct guest_driver *g, unsigned int queue, struct chain_plan *plan);
void guest_packed_reclaim(struct guest_driver *g, unsigned int queue);
void guest_packed_ask(struct guest_driver *g, unsigned int queue, unsigned int event);
void guest_packed_avail(struct guest_driver *g, const struct record *r, unsigned int queue);

/* operand `type` of blk, beside those that each device has, and 6 and 7, any other type */
enum blk_type {
	BLK_GET_LIFETIME = 8,
	BLK_SECURE_ERASE,
	BLK_ZONE_APPEND,
	BLK_ZONE_REPORT,
	BLK_ZONE_OPEN,
	BLK_ZONE_CLOSE,
	BLK_ZONE_FINISH,
	BLK_ZONE_RESET,
	BLK_ZONE_RESET_ALL,
	BLK_SCSI_CMD,
	BLK_SCSI_CMD_OUT,
	BLK_BARRIER,
};

/* operand `bits` of blk */
#define BITS_UNMAP	  1u
#define BITS_UNKNOWN_FLAG 2u
#define BITS_BYTE_MORE	  4u
#define BITS_BYTE_LESS	  8u
#define BITS_SHORT_HEADER 16u
#define BITS_NO_DATA	  32u
#define BITS_DATA_BOTH	  64u

#define RANGES_MAX 40u /* of a discard or write zeroes */

/* Bytes that a blk operation moves after the header, and before the status. */
void guest_blk_lengths(const struct record *r, uint64_t *out, uint64_t *in);

/* operand `kind` of tx, beside enum frame_kind */
#define TX_HEADER_ONLY 6u
#define TX_SHORT       7u

/* What the driver programs for a queue. */
struct guest_setup {
	unsigned int queue;
	uint32_t size;
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
	uint32_t ready;
	unsigned int skip; /* enum setup_skip */
};

/* Registers that are left as they are, operand `skip` of queue. */
enum setup_skip {
	SKIP_SIZE = 1,
	SKIP_DESC = 2,
	SKIP_DRIVER = 4,
	SKIP_DEVICE = 8,
	SKIP_PAGE_SIZE = 16, /* legacy */
	SKIP_ALIGN = 32,     /* legacy */
};
void guest_setup_queue(struct guest_driver *g, const struct guest_setup *s, bool high_halves);

/* operand `wrong` of queue, of legacy drivers, too: sets it up though it may still be in use */
#define QUEUE_NO_WAIT 18u

#endif
