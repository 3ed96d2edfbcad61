/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One request: the private copy of a chain's descriptors, a read cursor over its device-readable
 * bytes and a write cursor over its device-writable ones.
 *
 * A chain is filled segment by segment by a virtqueue (anvil_virtqueue_pop), which checks each
 * segment before it enters; so whoever holds a chain only has to mind lengths. How the driver cut
 * its buffers into descriptors cannot be seen through the cursors (2.7.4, message framing).
 */
#ifndef ANVIL_DESCRIPTOR_CHAIN_H
#define ANVIL_DESCRIPTOR_CHAIN_H

#include "guest_memory.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A driver must not make a chain longer than this in all, in bytes (2.7.5.2). */
#define ANVIL_DESCRIPTOR_CHAIN_BYTES_MAX (1ull << 32)

struct anvil_descriptor_segment {
	uint64_t gpa;
	uint32_t len; /* bytes; 0 is allowed */
};

struct anvil_descriptor_cursor {
	unsigned int segment;
	uint32_t offset; /* in that segment */
	uint64_t left;	 /* bytes */
};

struct anvil_descriptor_chain {
	const struct anvil_guest_memory *memory;
	struct anvil_descriptor_segment *segment; /* readable ones first; storage is the caller's */
	unsigned int capacity;			  /* of the storage, in segments */
	unsigned int count;
	unsigned int readable; /* how many of them are device-readable */
	uint16_t head;	       /* names the chain to the driver; set by the virtqueue */
	uint16_t entries;      /* of the ring that it takes up; likewise */
	uint16_t order;	       /* counts the chains taken from the queue; likewise */
	uint64_t readable_bytes;
	uint64_t writable_bytes;
	uint64_t written; /* unbroken prefix of the writable bytes: what used.len reports */
	struct anvil_descriptor_cursor read;
	struct anvil_descriptor_cursor write;
};

/* An empty chain over storage for `capacity` segments, which must outlive the chain. */
void anvil_descriptor_chain_init(struct anvil_descriptor_chain *chain,
				 const struct anvil_guest_memory *memory,
				 struct anvil_descriptor_segment *storage, unsigned int capacity);

/*
 * Adds a segment at the end. Returns 0, or leaves the chain as it was and returns
 *   -ELOOP     the storage is full; anvil_virtqueue_pop has the bound by the queue's size
 *   -EPROTO    a readable segment after a writable one (2.7.4.2)
 *   -EOVERFLOW more than ANVIL_DESCRIPTOR_CHAIN_BYTES_MAX in all
 *   -EFAULT    not all of it is RAM
 */
int anvil_descriptor_chain_append(struct anvil_descriptor_chain *chain, uint64_t gpa, uint32_t len,
				  bool writable) __attribute__((warn_unused_result));

/* Sets both cursors to the start. Call once, after the last segment. */
void anvil_descriptor_chain_rewind(struct anvil_descriptor_chain *chain);

/*
 * Reads the next `len` device-readable bytes. Returns 0, or -ENODATA with nothing read when fewer
 * are left.
 */
int anvil_descriptor_chain_read(struct anvil_descriptor_chain *chain, void *dst, size_t len)
	__attribute__((warn_unused_result));

/* Passes over the next `len` device-readable bytes. Returns 0 or -ENODATA. */
int anvil_descriptor_chain_skip(struct anvil_descriptor_chain *chain, uint64_t len)
	__attribute__((warn_unused_result));

/*
 * Writes the next `len` device-writable bytes. Returns 0, or -ENOSPC with nothing written when
 * fewer are left.
 */
int anvil_descriptor_chain_write(struct anvil_descriptor_chain *chain, const void *src, size_t len)
	__attribute__((warn_unused_result));

/*
 * Writes the very last device-writable byte, wherever the cursor stands: a request's status. It
 * counts as written only when it follows on what was written before. Returns 0, or -ENOSPC when
 * the chain has no byte that is writable and not yet passed.
 */
int anvil_descriptor_chain_write_last(struct anvil_descriptor_chain *chain, uint8_t byte)
	__attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif

#endif
