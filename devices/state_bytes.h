/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of a saved state: numbers of fixed width, little-endian, one after the other.
 *
 * Neither side has to look after each number whether all is well: a writer counts what it had no
 * room for, and a reader that comes to the end goes on with zeroes; both can be asked afterwards.
 */
#ifndef ANVIL_STATE_BYTES_H
#define ANVIL_STATE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct anvil_state_writer {
	uint8_t *bytes; /* the caller's */
	size_t room;
	size_t len; /* what was to be written; all of it is in `bytes` if not above `room` */
};

struct anvil_state_reader {
	const uint8_t *bytes; /* the caller's: what is left */
	size_t left;
	bool ended; /* more was asked for than there was */
};

/* The lowest `width` bytes of `value`; 1, 2, 4 or 8. */
void anvil_state_put(struct anvil_state_writer *w, uint64_t value, unsigned int width);
void anvil_state_put_bytes(struct anvil_state_writer *w, const void *bytes, size_t len);

/* The number, or 0 beyond the end. */
uint64_t anvil_state_get(struct anvil_state_reader *r, unsigned int width);
/* The bytes, or zeroes beyond the end. */
void anvil_state_get_bytes(struct anvil_state_reader *r, void *bytes, size_t len);

/* CRC-32, as in IEEE 802.3: tells bytes that were changed by accident, not by an attacker. */
uint32_t anvil_state_checksum(const uint8_t *bytes, size_t len);

#ifdef __cplusplus
}
#endif

#endif
