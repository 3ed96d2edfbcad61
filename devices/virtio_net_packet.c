/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each step looks whether the next bytes are there before it reads them.
 */
#include "virtio_net_packet.h"

#include <string.h>

#include "virtio_spec.h"

#define ETH_HEADER     14u
#define ETH_TYPE       12u
#define VLAN_TAG       4u
#define ETHERTYPE_IP4  0x0800u
#define ETHERTYPE_IP6  0x86ddu
#define ETHERTYPE_CTAG 0x8100u /* IEEE 802.1Q */
#define ETHERTYPE_STAG 0x88a8u /* IEEE 802.1ad, now part of 802.1Q, too */
#define ETHERTYPE_ETH  0x6558u /* Ethernet in something */

#define IP4_HEADER    20u
#define IP4_FRAGMENT  6u
#define IP4_PROTOCOL  9u
#define IP4_SOURCE    12u
#define IP4_DEST      16u
#define FRAGMENT_MASK 0x3fffu /* more to come, or not the first one */

#define IP6_HEADER 40u
#define IP6_NEXT   6u
#define IP6_SOURCE 8u
#define IP6_DEST   24u

#define EXTENSION_HOPS	   0u
#define EXTENSION_ROUTING  43u
#define EXTENSION_FRAGMENT 44u
#define EXTENSION_DEST	   60u
#define EXTENSION_UNIT	   8u
#define FRAGMENT6_MASK	   0xfff9u

#define ROUTING_TYPE	2u
#define ROUTING_ADDRESS 8u
#define ROUTING_BYTES	24u
#define OPTION_PAD1	0u
#define OPTION_HOME	0xc9u
#define IP6_ADDRESS	16u

#define PORT_VXLAN     4789u
#define PORT_GENEVE    6081u
#define TUNNEL_HEADER  8u
#define VXLAN_HAS_ID   0x08u
#define GENEVE_VERSION 0xc0u
#define GENEVE_OPTIONS 0x3fu
#define GRE_HEADER     4u
#define GRE_CSUM       0x8000u
#define GRE_KEY	       0x2000u
#define GRE_SEQUENCE   0x1000u

static uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool holds(uint32_t len, uint32_t at, uint32_t bytes)
{
	return at <= len && bytes <= len - at;
}

/* A header that is cut off is none. */
static void set_transport(uint32_t len, uint32_t at, uint8_t protocol, struct anvil_net_packet *p)
{
	uint32_t least = protocol == PACKET_TCP	  ? PACKET_TCP_HEADER
			 : protocol == PACKET_UDP ? PACKET_UDP_HEADER
						  : 0;

	p->protocol = holds(len, at, least) ? protocol : PACKET_NONE;
	p->transport = p->protocol == PACKET_NONE ? len : at;
}

static void parse_ip4(const uint8_t *frame, uint32_t len, uint32_t at, struct anvil_net_packet *p)
{
	uint32_t header = (frame[at] & 0xfu) * 4;

	/* else a guest could have us read behind the frame */
	if (!holds(len, at, IP4_HEADER) || header < IP4_HEADER)
		return;
	p->version = 4;
	p->network = at;
	p->source = p->home = at + IP4_SOURCE;
	p->destination = p->care = at + IP4_DEST;
	if (get_be16(frame + at + IP4_FRAGMENT) & FRAGMENT_MASK)
		set_transport(len, len, PACKET_NONE, p);
	else
		set_transport(len, at + header, frame[at + IP4_PROTOCOL], p);
}

/* The home address among destination options [at, end), which are there. */
static void find_home(const uint8_t *frame, uint32_t at, uint32_t end, struct anvil_net_packet *p)
{
	while (at < end) {
		if (frame[at] == OPTION_PAD1) {
			at++;
			continue;
		}
		if (end - at < 2 || frame[at + 1] > end - at - 2)
			return;
		if (frame[at] == OPTION_HOME && frame[at + 1] == IP6_ADDRESS) {
			p->home = at + 2;
			return;
		}
		at += 2u + frame[at + 1];
	}
}

/* Follows one extension header of type `next` at `at`: its length, or 0 if that cannot be done. */
static uint32_t extension(const uint8_t *frame, uint32_t len, uint32_t at, uint8_t next,
			  struct anvil_net_packet *p)
{
	if (!holds(len, at, EXTENSION_UNIT))
		return 0;
	if (next == EXTENSION_FRAGMENT)
		return get_be16(frame + at + 2) & FRAGMENT6_MASK ? 0 : EXTENSION_UNIT;

	uint32_t bytes = (frame[at + 1] + 1u) * EXTENSION_UNIT;

	if (!holds(len, at, bytes))
		return 0;
	if (next == EXTENSION_DEST)
		find_home(frame, at + 2, at + bytes, p);
	if (next == EXTENSION_ROUTING && frame[at + 2] == ROUTING_TYPE && bytes == ROUTING_BYTES)
		p->care = at + ROUTING_ADDRESS;
	return bytes;
}

static bool is_extension(uint8_t next)
{
	return next == EXTENSION_HOPS || next == EXTENSION_ROUTING || next == EXTENSION_FRAGMENT ||
	       next == EXTENSION_DEST;
}

static void parse_ip6(const uint8_t *frame, uint32_t len, uint32_t at, struct anvil_net_packet *p)
{
	if (!holds(len, at, IP6_HEADER))
		return;
	p->version = 6;
	p->network = at;
	p->source = p->home = at + IP6_SOURCE;
	p->destination = p->care = at + IP6_DEST;

	uint8_t next = frame[at + IP6_NEXT];

	at += IP6_HEADER;
	for (unsigned int i = 0; is_extension(next); i++) {
		uint32_t bytes = i < PACKET_EXTENSIONS_MAX ? extension(frame, len, at, next, p) : 0;

		p->extended = true;
		if (bytes == 0) {
			set_transport(len, len, PACKET_NONE, p);
			return;
		}
		next = frame[at];
		at += bytes;
	}
	set_transport(len, at, next, p);
}

void anvil_net_packet_parse_ip(const uint8_t *frame, uint32_t len, uint32_t at,
			       struct anvil_net_packet *p)
{
	memset(p, 0, sizeof(*p));
	/* else a guest could have us read the byte behind the frame */
	if (!holds(len, at, 1))
		return;
	if (frame[at] >> 4 == 4)
		parse_ip4(frame, len, at, p);
	else if (frame[at] >> 4 == 6)
		parse_ip6(frame, len, at, p);
}

/* An IP header of the version that its type says. */
static void parse_typed(const uint8_t *frame, uint32_t len, uint32_t at, uint16_t type,
			struct anvil_net_packet *p)
{
	anvil_net_packet_parse_ip(frame, len, at, p);
	if (p->version != (type == ETHERTYPE_IP4 ? 4 : type == ETHERTYPE_IP6 ? 6 : 0))
		memset(p, 0, sizeof(*p));
}

/* The end of the Ethernet header at `at`, which is there, and of its tags. */
static uint32_t skip_eth(const uint8_t *frame, uint32_t len, uint32_t at, uint16_t *type)
{
	*type = get_be16(frame + at + ETH_TYPE);
	for (unsigned int i = 0; i < PACKET_TAGS_MAX; i++) {
		if ((*type != ETHERTYPE_CTAG && *type != ETHERTYPE_STAG) ||
		    !holds(len, at, ETH_HEADER + VLAN_TAG))
			break;
		at += VLAN_TAG;
		*type = get_be16(frame + at + ETH_TYPE);
	}
	return at + ETH_HEADER;
}

uint32_t anvil_net_packet_payload(const uint8_t *frame, uint32_t len)
{
	uint16_t type;

	return skip_eth(frame, len, 0, &type);
}

/* The packet behind an Ethernet header at `at`. */
static void parse_eth(const uint8_t *frame, uint32_t len, uint32_t at, struct anvil_net_packet *p)
{
	uint16_t type;

	memset(p, 0, sizeof(*p));
	if (!holds(len, at, ETH_HEADER))
		return;
	at = skip_eth(frame, len, at, &type);
	parse_typed(frame, len, at, type, p);
}

void anvil_net_packet_parse(const uint8_t *frame, uint32_t len, struct anvil_net_packet *p)
{
	parse_eth(frame, len, 0, p);
}

/* ---- encapsulation (5.1.9.4.4) ---- */

static void parse_payload(const uint8_t *frame, uint32_t len, uint32_t at, uint16_t type,
			  struct anvil_net_packet *p)
{
	if (type == ETHERTYPE_ETH)
		parse_eth(frame, len, at, p);
	else
		parse_typed(frame, len, at, type, p);
}

/* RFC 2784, 2890 and 7637: they differ in which optional fields there are. */
static bool inside_gre(const uint8_t *frame, uint32_t len, uint32_t at, uint32_t types,
		       struct anvil_net_packet *inner)
{
	if (!holds(len, at, GRE_HEADER))
		return false;

	uint16_t flags = get_be16(frame + at);
	uint16_t type = get_be16(frame + at + 2);
	uint32_t kind = flags == GRE_KEY && type == ETHERTYPE_ETH ? VIRTIO_NET_HASH_TUNNEL_NVGRE
			: flags & (GRE_KEY | GRE_SEQUENCE)	  ? VIRTIO_NET_HASH_TUNNEL_GRE_2890
								  : VIRTIO_NET_HASH_TUNNEL_GRE_2784;

	if (!(types & kind) || flags & ~(GRE_CSUM | GRE_KEY | GRE_SEQUENCE))
		return false;
	at += GRE_HEADER + (flags & GRE_CSUM ? 4u : 0) + (flags & GRE_KEY ? 4u : 0) +
	      (flags & GRE_SEQUENCE ? 4u : 0);
	parse_payload(frame, len, at, type, inner);
	return true;
}

static bool inside_udp(const uint8_t *frame, uint32_t len, uint32_t at, uint32_t types,
		       struct anvil_net_packet *inner)
{
	uint16_t port = get_be16(frame + at + 2);

	at += PACKET_UDP_HEADER;
	if (!holds(len, at, TUNNEL_HEADER))
		return false;
	if (port == PORT_VXLAN && types & VIRTIO_NET_HASH_TUNNEL_VXLAN &&
	    frame[at] & VXLAN_HAS_ID) {
		parse_eth(frame, len, at + TUNNEL_HEADER, inner);
		return true;
	}
	if (port == PORT_GENEVE && types & VIRTIO_NET_HASH_TUNNEL_GENEVE &&
	    !(frame[at] & GENEVE_VERSION)) {
		parse_payload(frame, len, at + TUNNEL_HEADER + (frame[at] & GENEVE_OPTIONS) * 4u,
			      get_be16(frame + at + 2), inner);
		return true;
	}
	return false;
}

bool anvil_net_packet_inside(const uint8_t *frame, uint32_t len,
			     const struct anvil_net_packet *outer, uint32_t types,
			     struct anvil_net_packet *inner)
{
	if (outer->protocol == PACKET_UDP)
		return inside_udp(frame, len, outer->transport, types, inner);
	if (outer->version != 4)
		return false;
	if (outer->protocol == PACKET_GRE)
		return inside_gre(frame, len, outer->transport, types, inner);
	if (outer->protocol != PACKET_IP4 || !(types & VIRTIO_NET_HASH_TUNNEL_IPIP))
		return false;
	parse_typed(frame, len, outer->transport, ETHERTYPE_IP4, inner);
	return true;
}
