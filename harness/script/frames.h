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
	FRAME_UDP4,
	FRAME_UDP6,
	FRAME_FRAGMENT4, /* the first one, with a TCP header */
	FRAME_FRAGMENT6, /* a later one */
	FRAME_EX_TCP6,	 /* hop-by-hop options, a home address, routing type 2 */
	FRAME_EX_UDP6,	 /* a fragment header that says it is whole, destination options */
	FRAME_EX_CUT6,	 /* destination options longer than the frame */
	FRAME_VXLAN_TCP4,
	FRAME_VXLAN_TCP6,
	FRAME_VXLAN_UDP6,
	FRAME_GENEVE_UDP4, /* with an option */
	FRAME_GENEVE_TCP6, /* without Ethernet inside, over IPv6 */
	FRAME_IPIP_TCP4,
	FRAME_GRE_TCP4,	    /* RFC 2784, with a checksum field */
	FRAME_GRE_KEY_TCP4, /* RFC 2890, with key and sequence number */
	FRAME_NVGRE_UDP4,
	FRAME_2TAGS_TCP4, /* a VLAN on a VLAN, both of 802.1Q */
	FRAME_2TAGS_TCP6, /* one of 802.1ad, then one of 802.1Q */
	FRAME_8TAGS_UDP4, /* as many tags as are counted */
	FRAME_9TAGS_TCP4, /* one more, so that it is no packet */
	FRAME_KINDS,
};

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

#endif
