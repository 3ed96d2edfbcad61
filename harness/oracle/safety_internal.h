/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the files of the safety rules. Each calls only those above it here:
 *
 *   safety_ram     guest RAM, as the device has it; a broken rule
 *   safety_chain   chains that are outstanding
 *   safety_blk, safety_net   what a request and a frame hold, where a kind of device is known
 *   safety_split, safety_packed   what the guest makes available and the device publishes
 *   safety_look    all rings
 *   safety_fetch   what is fetched twice
 *   safety_work    what a call computes and copies
 *   safety_access  the device's loads and stores
 *   safety         registers, calls, the end
 */
#ifndef SAFETY_INTERNAL_H
#define SAFETY_INTERNAL_H

#include <endian.h>
#include <string.h>

#include "oracle.h"
#include "safety.h"

/* ---- safety_ram.c ---- */

/* Where these bytes are, if they lie in one range of RAM, as good as always; else NULL. */
static inline const uint8_t *safety_at(const struct safety *s, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < SAFETY_RAM; i++) {
		uint64_t offset = gpa - s->ram[i].gpa;

		if (offset < s->ram[i].bytes && len <= s->ram[i].bytes - offset)
			return s->ram[i].host + offset;
	}
	return NULL;
}

/* The two below, where the bytes lie in several ranges or not all in RAM. */
uint64_t safety_in_ranges(const struct safety *s, uint64_t gpa, uint64_t len);
bool safety_copy_ranges(const struct safety *s, uint64_t gpa, void *bytes, size_t len);

/* How many bytes from `gpa` on, `len` at most, are RAM. */
static inline uint64_t safety_in_ram(const struct safety *s, uint64_t gpa, uint64_t len)
{
	return safety_at(s, gpa, len) ? len : safety_in_ranges(s, gpa, len);
}

/* Copies what is RAM; zeroes for what is not. Returns whether all is. Here, since a copy of a
 * constant size is a few instructions, and a call of memcpy is many beside AddressSanitizer. */
static inline bool safety_copy(const struct safety *s, uint64_t gpa, void *bytes, size_t len)
{
	const uint8_t *at = safety_at(s, gpa, len);

	if (!at)
		return safety_copy_ranges(s, gpa, bytes, len);
	memcpy(bytes, at, len);
	return true;
}

/* Numbers in the driver's byte order. */
static inline uint16_t safety_u16(const struct safety *s, uint16_t raw)
{
	return s->p->big_endian ? be16toh(raw) : le16toh(raw);
}

static inline uint32_t safety_u32(const struct safety *s, uint32_t raw)
{
	return s->p->big_endian ? be32toh(raw) : le32toh(raw);
}

static inline uint64_t safety_u64(const struct safety *s, uint64_t raw)
{
	return s->p->big_endian ? be64toh(raw) : le64toh(raw);
}

static inline uint16_t safety_load16(const struct safety *s, uint64_t gpa)
{
	uint16_t raw;

	safety_copy(s, gpa, &raw, sizeof(raw));
	return safety_u16(s, raw);
}

/* Whether two ranges have a byte in common. */
static inline bool safety_meets(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a >= b ? a - b < b_len && a_len : b - a < a_len && b_len;
}

static inline bool safety_accepted(const struct safety *s, unsigned int feature)
{
	unsigned int word = feature / 64;

	return (s->features[word] & s->offered.word[word]) >> (feature % 64) & 1;
}

/* Whether the guest may have stored there since the rings were looked at. Of a device that tells
 * nothing nobody knows what it has stored. */
static inline bool safety_changed(const struct safety *s, uint64_t from, uint64_t to)
{
	bool changed = s->stores >= SAFETY_STORES || !s->tapped;

	for (unsigned int i = 0; !changed && i < s->stores; i++)
		changed = from < s->store[i].to && s->store[i].from < to;
	return changed;
}

/* The first queue of such a set, and the others. */
#define SAFETY_EACH_LIVE(s, i)                                                                     \
	for (uint64_t live_##i = (s)->live, i = 0;                                                 \
	     live_##i && ((i = (uint32_t)__builtin_ctzll(live_##i)), true);                        \
	     live_##i &= live_##i - 1)

/* ---- safety_chain.c ---- */

/* Outstanding from now on; NULL: there are too many, of a broken queue. */
struct safety_chain *safety_chain_add(struct safety *s, unsigned int queue, uint32_t id);
/* A version of the chain begins, is given segments, and is compared with what was known. */
void safety_version_begin(struct safety *s, struct safety_version *v);
/* What it says stands there, too. */
void safety_version_source(struct safety_version *v, uint64_t gpa, uint64_t len);
/* `at`: where the descriptor stands that says so. */
void safety_version_segment(struct safety *s, struct safety_version *v, uint64_t at, uint64_t gpa,
			    uint32_t len, bool writable);
/* The table's descriptors, of either layout. `limit`: how many a chain may have. */
void safety_version_table(struct safety *s, struct safety_version *v, uint64_t at, uint64_t gpa,
			  uint32_t len, bool linked, unsigned int limit);
/* The same as that of another chain, which has been walked since the guest stored last. */
void safety_version_copy(struct safety *s, struct safety_version *v, const struct safety_chain *of);
void safety_version_end(struct safety *s, struct safety_queue *q, struct safety_chain *c,
			const struct safety_version *v);
/* The guest takes it back, or puts something else there, while the device may be looking at it. */
void safety_chain_withdrawn(struct safety *s, struct safety_queue *q, struct safety_chain *c);

/* It is called otherwise now. */
void safety_chain_rename(struct safety_queue *q, struct safety_chain *c, uint32_t id);
/* The newest outstanding chain of this id, or NULL. */
struct safety_chain *safety_chain_of(struct safety_queue *q, uint32_t id);
/* The device has given it back, with this length. */
void safety_chain_returned(struct safety *s, unsigned int queue, struct safety_chain *c,
			   uint32_t len);
void safety_chain_drop(struct safety *s, struct safety_queue *q, struct safety_chain *c);
/* From now on any entry of the ring may be meant. */
void safety_queue_wild(struct safety_queue *q);
/* A used entry is shown: in order it stands for those before it, and where the guest broke the ring
 * nobody knows which they are. */
void safety_queue_published(const struct safety *s, struct safety_queue *q);
/* The one that perhaps is available there; NULL: there are too many. */
struct safety_chain *safety_chain_wild(struct safety *s, unsigned int queue, uint16_t place,
				       uint32_t id);
/* A ring begins to be one: under the buffers of chains that are outstanding, perhaps. */
void safety_chains_meet_rings(struct safety *s);
/* Segments of chains that are gone make room. */
void safety_chains_tidy(struct safety *s);

/* ---- safety_blk.c, safety_net.c ---- */

void safety_blk_start(struct safety *s);
void safety_blk_returned(struct safety *s, const struct safety_queue *q,
			 const struct safety_chain *c);
void safety_blk_settle(struct safety *s);
void safety_net_start(struct safety *s);
void safety_net_returned(struct safety *s, unsigned int queue, const struct safety_chain *c,
			 uint32_t len);
void safety_net_settle(struct safety *s);

static inline void safety_kind_returned(struct safety *s, unsigned int queue,
					const struct safety_chain *c, uint32_t len)
{
	s->gone++;
	if (c->order >= s->queue[queue].newest)
		s->queue[queue].newest = c->order + 1;
	if (s->returned)
		s->returned(s->returned_opaque, queue, c, len);
	if (s->exact)
		return;
	if (s->p->kind == DEVICE_BLK)
		safety_blk_returned(s, &s->queue[queue], c);
	else
		safety_net_returned(s, queue, c, len);
}

/* ---- safety_split.c, safety_packed.c ---- */

#define SAFETY_TABLE_MAX 1024u

static inline void safety_mark(uint64_t *bits, unsigned int slot)
{
	bits[slot / 64] |= 1ull << slot % 64;
}

static inline bool safety_marked(const uint64_t *bits, unsigned int slot)
{
	return bits[slot / 64] >> slot % 64 & 1;
}

static inline void safety_unmark(uint64_t *bits, unsigned int slot)
{
	bits[slot / 64] &= ~(1ull << slot % 64);
}

/* Looks for what the guest has made available, and at what it has made of that. */
void safety_split_look(struct safety *s, unsigned int queue);
void safety_packed_look(struct safety *s, unsigned int queue);
/* The device has stored into its part of the ring (packed: into the descriptors). */
void safety_split_stored(struct safety *s, unsigned int queue, uint64_t gpa, size_t len);
void safety_packed_stored(struct safety *s, unsigned int queue, uint64_t gpa, size_t len);

/* ---- safety_fetch.c ---- */

/* A load, from a place in the device's code: what was validated must not be fetched again. */
void safety_fetch(struct safety *s, uint64_t gpa, size_t len, const void *place);

/* ---- safety_access.c ---- */

/* `written` of a queue that the driver has programmed: its size, and both halves of addresses. */
#define SAFETY_WROTE_SIZE 0x40u
#define SAFETY_WROTE_ALL  0x7fu
/* So many accesses in one call are permitted, whatever there is to do. */
#define SAFETY_ACCESSES_LEAST 4096u

/* The guest changes data that are at the device. */
void safety_guest_stirs(struct safety *s, uint64_t gpa, uint64_t len);

/* ---- safety_look.c ---- */

/* At all rings, for what was made available, or has changed. */
void safety_look(struct safety *s);

#endif
