/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet frames for both directions.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdint.h>

enum frame_kind {
	FRAME_PLAIN,
	FRAME_TCP4,
	FRAME_TCP6,
	FRAME_VLAN_TCP4,
	FRAME_VLAN_TCP6,
	FRAME_BAD_TCP4, /* header length field too small */
	FRAME_BAD_TCP6, /* another protocol */
	FRAME_BARE_VLAN,
};

#define FRAME_HEADERS_MAX 78u

/*
 * Writes a frame's headers, at most FRAME_HEADERS_MAX bytes, and returns their length; `tcp` is the
 * offset of the TCP header, or of the payload.
 */
unsigned int frame_build(uint8_t *at, enum frame_kind kind, const uint8_t *to, unsigned int vlan,
			 unsigned int *tcp);

#endif
