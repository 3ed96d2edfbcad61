/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the headers of a frame lie. Pure functions of private copies; a frame may be cut off, or
 * wrong, anywhere.
 */
#ifndef ANVIL_NET_PACKET_H
#define ANVIL_NET_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#define PACKET_IP4  4u
#define PACKET_TCP  6u
#define PACKET_UDP  17u
#define PACKET_GRE  47u
#define PACKET_NONE 59u

#define PACKET_TCP_HEADER 20u
#define PACKET_UDP_HEADER 8u

/* More extension headers than this are not followed. */
#define PACKET_EXTENSIONS_MAX 8u

/* A frame has up to this many VLAN tags, as many as Linux follows; more of them are payload. */
#define PACKET_TAGS_MAX 8u

/* Offsets count from the start of the frame, and what they name lies inside it. */
struct anvil_net_packet {
	uint8_t version; /* 4, 6, or 0: neither, and nothing else is set */
	/* with its smallest header there; NONE for fragments and for what could not be followed */
	uint8_t protocol;
	bool extended;	    /* IPv6 with extension headers */
	uint32_t network;   /* the IP header */
	uint32_t transport; /* what `protocol` says */
	uint32_t source;    /* addresses, of 4 or 16 bytes */
	uint32_t destination;
	uint32_t home; /* those that a mobile IPv6 packet stands for; else as above */
	uint32_t care;
};

/*
 * Where the payload of a frame of at least 14 bytes starts: behind the Ethernet header and the VLAN
 * tags in front of the type, of IEEE 802.1Q and 802.1ad in any order. From 14 to `len` (or
 * 14 + 4 * PACKET_TAGS_MAX, if that is less).
 */
uint32_t anvil_net_packet_payload(const uint8_t *frame, uint32_t len);

/* A frame of at least 14 bytes, with or without such tags. */
void anvil_net_packet_parse(const uint8_t *frame, uint32_t len, struct anvil_net_packet *p);

/* The same from the IP header at `at` on. */
void anvil_net_packet_parse_ip(const uint8_t *frame, uint32_t len, uint32_t at,
			       struct anvil_net_packet *p);

/*
 * Looks for one of the encapsulations in `types` (VIRTIO_NET_HASH_TUNNEL_*) right behind the
 * headers of `outer`. Returns whether there is one; then `inner` is the packet inside.
 */
bool anvil_net_packet_inside(const uint8_t *frame, uint32_t len,
			     const struct anvil_net_packet *outer, uint32_t types,
			     struct anvil_net_packet *inner);

#endif
