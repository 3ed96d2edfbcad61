/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet frames for both directions.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdint.h>

#include "operands.h"

#define FRAME_HEADERS_MAX 160u

/* Offsets in a frame. */
struct frame_layout {
	unsigned int transport; /* of the inner TCP or UDP header, or the payload */
	unsigned int csum;	/* of the checksum in there */
	unsigned int outer_th;	/* of the header right behind the outer IP header */
	unsigned int inner_nh;	/* of the inner IP header */
};

/*
 * Writes a frame's headers, at most FRAME_HEADERS_MAX bytes, and returns their length. `flow` is
 * part of the innermost addresses and ports.
 */
unsigned int frame_build(uint8_t *at, enum frame_kind kind, const uint8_t *to, unsigned int vlan,
			 uint8_t flow, struct frame_layout *layout);

/*
 * Changes the first two bytes of the transport header so that the checksum from there to the end of
 * the frame, of at most ANVIL_NIC_FRAME_BYTES_MAX bytes, is 0. A frame that ends before them stays
 * as it is.
 */
void frame_zero_checksum(uint8_t *at, uint32_t len, const struct frame_layout *layout);

#endif
