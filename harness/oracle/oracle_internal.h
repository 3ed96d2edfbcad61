/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the files of the oracle. Each calls only those above it here:
 *
 *   oracle_base     status, features, memory, a broken rule
 *   oracle_config   the configuration space
 *   oracle_chain    a chain from its first descriptor on, and the end of its queue
 *   oracle_buffers  what is fetched from buffers and stored into them, and what a chain is owed
 *   oracle_split, oracle_packed   the two layouts of a ring
 *   oracle_ring     a queue, whichever it has
 *   oracle_status   features, queues and reset, whatever the registers are
 *   oracle_blk*, oracle_net*, oracle_echo   a kind of device each
 *   oracle_legacy, oracle_mmio, oracle_state   registers, saved states
 *   oracle          a new device; the end of a call
 *
 * What the core needs of a kind of device it gets by struct oracle_kind.
 */
#ifndef ORACLE_INTERNAL_H
#define ORACLE_INTERNAL_H

#include "oracle.h"

/*
 * Values of Status by which a driver goes on, each with those before (3.1.1, 3.4.2); a legacy
 * driver leaves out FEATURES_OK (3.1.2). The oracle's own, as the device has its own.
 */
enum {
	SAID_ACKNOWLEDGE = 1,
	SAID_DRIVER = 3,
	SAID_LEGACY_DRIVER_OK = 7,
	SAID_FEATURES_OK = 11,
	SAID_DRIVER_OK = 15,
	SAID_SUSPEND = 27, /* DRIVER_OK is not set then */
};

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

/* ---- a kind of device ---- */

/* A saved state's bytes, front to back; beyond the end zeroes. */
struct oracle_image {
	const uint8_t *at;
	size_t left;
	bool ended;
};

/* What of the configuration space the host changes, and a suspended device shows late. */
#define LATE_STATUS 1u /* of a card; of a disk, the capacity */
#define LATE_SPEED  2u

/* What a kind of device adds to the model. All but `reset`, `config_written`, `due` and `restored`
 * may be NULL, and `shows` if `late` is 0. */
struct oracle_kind {
	uint32_t device_id;
	/* It keeps chains as long as its host likes, and gives them back in any order: a disk. */
	bool keeps;
	unsigned int late; /* the LATE_* that it has */

	/* The first feature of the driver's that lacks another one, or -1; whether all is well
	 * beside. */
	int (*unmet_need)(const struct oracle *o);
	bool (*features_fine)(const struct oracle *o);
	/* Features are final. */
	void (*agreed)(struct oracle *o);
	/* After a reset; `created` when there was no device before. */
	void (*reset)(struct oracle *o, bool created);
	/* DRIVER_OK of a legacy driver. */
	void (*driver_ok)(struct oracle *o);
	/* With final features: whether this queue has a use. */
	bool (*queue_exists)(const struct oracle *o, unsigned int queue);
	/* The driver writes to the configuration space, and may. */
	void (*config_written)(struct oracle *o, uint64_t at, unsigned int width, uint64_t value);
	/* The configuration space follows the host: some of LATE_*. */
	void (*shows)(struct oracle *o, unsigned int late);

	/* The device took a chain from this queue. */
	void (*taken)(struct oracle *o, unsigned int queue);
	/* What it owes for this chain now. */
	void (*due)(struct oracle *o, unsigned int queue, struct model_chain *c, struct due *due);
	/* Used entries were shown; the driver notified the queue, and was notified of it. */
	void (*published)(struct oracle *o, unsigned int queue);
	void (*notified)(struct oracle *o, uint32_t queue);
	void (*interrupts)(struct oracle *o, unsigned int queue);
	/* Whether chains of this queue wait for the host, and whether their news may wait. */
	bool (*receives)(const struct oracle *o, unsigned int queue);
	bool (*coalesces)(const struct oracle *o, unsigned int queue);
	/* The driver suspends the device. */
	void (*suspends)(struct oracle *o);
	/* The queue is about to stop. */
	void (*stopped)(struct oracle *o, unsigned int queue);
	/* The end of a call. */
	void (*settle)(struct oracle *o);

	/* The part of a saved state that is its own; a sum over the same, of what it has. */
	bool (*restored)(struct oracle *o, struct oracle_image *im);
	uint64_t (*saved)(const struct oracle *o);
};

extern const struct oracle_kind oracle_kind_blk;
extern const struct oracle_kind oracle_kind_net;
extern const struct oracle_kind oracle_kind_echo;

/* ---- oracle_base.c ---- */

#define ORACLE_STATUS_LIVE                                                                         \
	(VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK |            \
	 VIRTIO_STATUS_DRIVER_OK)

/* Adds to one of the sums of a digest. */
void oracle_digest_bytes(uint64_t *sum, const void *bytes, uint64_t len);
void oracle_digest_number(uint64_t *sum, uint64_t number);

bool oracle_live(const struct oracle *o);

/* Whether the driver's features cannot change any more. */
bool oracle_final(const struct oracle *o);
bool oracle_in_ram(uint64_t gpa, uint64_t len);

/* Whether the driver finds the queue in use: it runs, or the disk has requests of it. */
bool oracle_in_use(const struct oracle *o, unsigned int queue);

/* Device Status as the driver has to find it. */
uint32_t oracle_status(const struct oracle *o);

/* The device reaches for guest memory, which it may do so often in a call. */
void oracle_counts_access(struct oracle *o);

/* ---- oracle_config.c ---- */

void oracle_config_changed(struct oracle *o);

/* One field of a number, or bytes as on a little-endian bus. */
void oracle_put_config(struct oracle *o, unsigned int at, uint64_t number, unsigned int bytes);
void oracle_write_config(struct oracle *o, uint64_t at, unsigned int width, uint64_t value);

/* The driver's accesses, of any offset and width. */
void oracle_config_write(struct oracle *o, uint64_t at, unsigned int width, uint64_t value);
uint64_t oracle_config_read(const struct oracle *o, uint64_t at, unsigned int width);

/* ---- oracle_chain.c ---- */

/* The chain in flight of that head, or NULL. */
struct model_chain *oracle_chain_of(const struct model_queue *q, uint32_t head);

void oracle_clear_chain(struct model_chain *c, uint16_t head);

/* A chain of one more segment; false if that breaks a rule, and the device must say so. */
bool oracle_add_segment(struct oracle *o, struct model_chain *c, const struct model_segment *s,
			bool writable);

/* The device has fetched all of this chain of the walk's queue. */
void oracle_taken(struct oracle *o, struct model_chain *c);

/* Whether such an indirect descriptor of a ring is right. */
bool oracle_table_fine(const struct oracle *o, const struct model_segment *table,
		       unsigned int flags);

/* The driver wants to hear of what is used in this queue. */
void oracle_interrupt(struct oracle *o, const struct model_queue *q);

/* The guest broke a rule: the device must say so, and touch nothing. */
void oracle_must_break(struct oracle *o, enum milestone m);

/* What was done in order ahead of its turn is not given back any more: the queues have stopped. */
void oracle_forget_waiting(struct oracle *o);

/* Stops a queue and forgets its chains; what of it is at the disk has to come back. */
void oracle_stop_queue(struct oracle *o, unsigned int queue);

/* Forgets so many of the stores that wait for their chain to be given back. */
void oracle_drop_stores(struct oracle *o, unsigned int from, unsigned int count);

/* ---- oracle_buffers.c ---- */

/* The device writes that it is done with a chain. Returns whether anything was stored for it. */
bool oracle_gives_back(struct oracle *o, unsigned int queue, uint32_t head, uint32_t len);

/* ---- oracle_split.c, oracle_packed.c ---- */

void oracle_split_fetched(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			  size_t len);
void oracle_split_stored(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			 size_t len);
bool oracle_split_jumped(const struct model_queue *q);
unsigned int oracle_split_unnotified(const struct model_queue *q);
bool oracle_split_asks_to_notify(const struct oracle *o, const struct model_queue *q);

void oracle_packed_start(struct model_queue *q);
void oracle_packed_fetched(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			   size_t len);
void oracle_packed_stored(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			  size_t len);
void oracle_packed_untaken(struct model_queue *q, const struct model_chain *c);
unsigned int oracle_packed_unnotified(const struct model_queue *q);
bool oracle_packed_asks_to_notify(const struct model_queue *q);
uint64_t oracle_packed_avail_gpa(const struct model_queue *q);
bool oracle_packed_available(uint16_t flags, uint16_t place);

/* ---- oracle_ring.c ---- */

/* Whether the device saw that there are more chains. */
bool oracle_sees_more(const struct model_queue *q);

/* Whether the available index jumped by more than the queue size. */
bool oracle_jumped(const struct model_queue *q);

/* Whether the device asks the driver to notify it of the next chain. */
bool oracle_asks_to_notify(const struct oracle *o, unsigned int queue);

/* Entries of the ring that were used since the device asked whether it does. */
unsigned int oracle_unnotified(const struct model_queue *q);

/* ---- oracle_status.c ---- */

/* Whether the driver may have what it wrote, and what changes when it is final. */
bool oracle_features_fine(const struct oracle *o);
void oracle_agreed(struct oracle *o);

/* Registers as after creation, and no queue runs. */
void oracle_clear_registers(struct oracle *o);

/* What the host changed while the device was suspended shows now. */
void oracle_catch_up(struct oracle *o);

/* Writes to Status while a reset is not complete. */
void oracle_write_status_early(struct oracle *o, uint32_t value);

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

/* ---- oracle_legacy.c: registers of version 1 ---- */

void oracle_legacy_write(struct oracle *o, uint64_t offset, uint32_t value);
uint32_t oracle_legacy_read(const struct oracle *o, uint64_t offset);

/* ---- oracle_state.c ---- */

/* The next bytes of a saved state. */
uint64_t oracle_image_number(struct oracle_image *im, unsigned int bytes);
void oracle_image_bytes(struct oracle_image *im, uint8_t *to, size_t len);

#endif
