/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Headers with zeroes for all that no device looks at.
 */
#include "frames.h"

#include <stdbool.h>
#include <string.h>

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned int put_ip(uint8_t *at, bool six, unsigned int next)
{
	if (six) {
		at[0] = 0x60;
		at[6] = (uint8_t)next;
		at[7] = 64;
		return 40;
	}
	at[0] = 0x45;
	at[8] = 64;
	at[9] = (uint8_t)next;
	return 20;
}

static void put_flow(uint8_t *ip, bool six, uint8_t *transport, uint8_t flow)
{
	if (flow == 0)
		return;
	ip[six ? 23 : 15] = flow;
	ip[six ? 39 : 19] = (uint8_t)(flow >> 1);
	put16(transport, 0x1000u + flow);
	put16(transport + 2, 80);
}

/* ---- extension headers ---- */

/* Destination options of PadN each. */
static unsigned int put_many(uint8_t *at, unsigned int count, unsigned int next)
{
	for (unsigned int i = 0; i < count; i++, at += 8) {
		at[0] = (uint8_t)(i + 1 < count ? 60 : next);
		at[2] = 1;
		at[3] = 4;
	}
	return 8 * count;
}

static unsigned int put_extensions(uint8_t *at, enum frame_kind kind, unsigned int next)
{
	switch (kind) {
	case FRAME_FRAGMENT6:
		at[0] = (uint8_t)next;
		put16(at + 2, 8);
		return 8;
	case FRAME_EX_TCP6:
		at[0] = 60;
		at[2] = 1; /* PadN */
		at[3] = 4;
		at[8] = 43;
		at[9] = 2;
		at[10] = 0; /* Pad1 */
		at[11] = 1;
		at[12] = 1;
		at[14] = 0xc9;
		at[15] = 16;
		memset(at + 16, 0xab, 16);
		at[32] = (uint8_t)next;
		at[33] = 2;
		at[34] = 2;
		memset(at + 40, 0xcd, 16);
		return 56;
	case FRAME_EX_UDP6:
		at[0] = 60;
		at[8] = (uint8_t)next;
		at[10] = 1;
		at[11] = 4;
		return 16;
	case FRAME_EX_CUT6:
		at[0] = (uint8_t)next;
		at[1] = 0xff;
		return 8;
	case FRAME_8EX_UDP6:
		return put_many(at, 8, next);
	case FRAME_9EX_TCP6:
		return put_many(at, 9, next);
	default:
		return 0;
	}
}

static unsigned int first_next(enum frame_kind kind, unsigned int next)
{
	switch (kind) {
	case FRAME_FRAGMENT6:
	case FRAME_EX_UDP6:
		return 44;
	case FRAME_EX_TCP6:
		return 0;
	case FRAME_EX_CUT6:
	case FRAME_8EX_UDP6:
	case FRAME_9EX_TCP6:
		return 60;
	default:
		return next;
	}
}

/* ---- one packet, or the one inside ---- */

static bool is_udp(enum frame_kind kind)
{
	return kind == FRAME_UDP4 || kind == FRAME_UDP6 || kind == FRAME_EX_UDP6 ||
	       kind == FRAME_VXLAN_UDP6 || kind == FRAME_GENEVE_UDP4 || kind == FRAME_NVGRE_UDP4 ||
	       kind == FRAME_8TAGS_UDP4 || kind == FRAME_8EX_UDP6 || kind == FRAME_ZERO_UDP4;
}

static bool is_six(enum frame_kind kind)
{
	return kind == FRAME_TCP6 || kind == FRAME_VLAN_TCP6 || kind == FRAME_BAD_TCP6 ||
	       kind == FRAME_UDP6 || kind == FRAME_FRAGMENT6 || kind == FRAME_EX_TCP6 ||
	       kind == FRAME_EX_UDP6 || kind == FRAME_EX_CUT6 || kind == FRAME_VXLAN_TCP6 ||
	       kind == FRAME_VXLAN_UDP6 || kind == FRAME_GENEVE_TCP6 || kind == FRAME_2TAGS_TCP6 ||
	       kind == FRAME_8EX_UDP6 || kind == FRAME_9EX_TCP6;
}

static unsigned int put_packet(uint8_t *frame, unsigned int at, enum frame_kind kind, uint8_t flow,
			       struct frame_layout *layout)
{
	bool six = is_six(kind);
	unsigned int next = is_udp(kind) || kind == FRAME_BAD_TCP6 ? 17 : 6;
	unsigned int len = at + put_ip(frame + at, six, first_next(kind, next));

	if (kind == FRAME_BAD_TCP4)
		frame[at] = 0x44;
	if (kind == FRAME_FRAGMENT4)
		frame[at + 6] = 0x20;
	layout->inner_nh = at;
	len += put_extensions(frame + len, kind, next);
	layout->transport = len;
	layout->csum = is_udp(kind) ? 6 : 16;
	put_flow(frame + at, six, frame + len, flow);
	if (is_udp(kind))
		return len + 8;
	frame[len + 12] = 0x50;
	return len + 20;
}

/* ---- tunnels ---- */

static unsigned int put_outer_udp(uint8_t *frame, unsigned int at, bool six, unsigned int port)
{
	unsigned int len = at + put_ip(frame + at, six, 17);

	put16(frame + len, 0xc000);
	put16(frame + len + 2, port);
	return len + 8;
}

static unsigned int put_eth(uint8_t *frame, unsigned int at, enum frame_kind kind)
{
	memcpy(frame + at + 6, "\x02\x00\x00\x00\x00\x01", 6);
	put16(frame + at + 12, is_six(kind) ? 0x86dd : 0x0800);
	return at + 14;
}

static unsigned int put_udp_tunnel(uint8_t *frame, unsigned int at, enum frame_kind kind)
{
	bool vxlan =
		kind == FRAME_VXLAN_TCP4 || kind == FRAME_VXLAN_TCP6 || kind == FRAME_VXLAN_UDP6;

	at = put_outer_udp(frame, at, kind == FRAME_GENEVE_TCP6, vxlan ? 4789 : 6081);
	if (vxlan) {
		frame[at] = 8;
		return put_eth(frame, at + 8, kind);
	}
	put16(frame + at + 2, kind == FRAME_GENEVE_TCP6 ? 0x86dd : 0x6558);
	if (kind == FRAME_GENEVE_TCP6)
		return at + 8;
	frame[at] = 1;
	return put_eth(frame, at + 12, kind);
}

static unsigned int put_gre(uint8_t *frame, unsigned int at, enum frame_kind kind)
{
	at += put_ip(frame + at, false, 47);
	if (kind == FRAME_NVGRE_UDP4) {
		put16(frame + at, 0x2000);
		put16(frame + at + 2, 0x6558);
		return put_eth(frame, at + 8, kind);
	}
	put16(frame + at, kind == FRAME_GRE_TCP4 ? 0x8000 : 0x3000);
	put16(frame + at + 2, 0x0800);
	return at + (kind == FRAME_GRE_TCP4 ? 8 : 12);
}

static bool is_tunnel(enum frame_kind kind)
{
	return kind >= FRAME_VXLAN_TCP4 && (kind < FRAME_2TAGS_TCP4 || kind >= FRAME_KINDS);
}

/* The headers around the inner packet; returns where that begins. */
static unsigned int put_tunnel(uint8_t *frame, unsigned int at, enum frame_kind kind)
{
	if (!is_tunnel(kind))
		return at;
	if (kind < FRAME_IPIP_TCP4)
		return put_udp_tunnel(frame, at, kind);
	if (kind == FRAME_IPIP_TCP4)
		return at + put_ip(frame + at, false, 4);
	return put_gre(frame, at, kind);
}

static unsigned int tag_count(enum frame_kind kind)
{
	switch (kind) {
	case FRAME_VLAN_TCP4:
	case FRAME_VLAN_TCP6:
	case FRAME_BARE_VLAN:
		return 1;
	case FRAME_2TAGS_TCP4:
	case FRAME_2TAGS_TCP6:
		return 2;
	case FRAME_8TAGS_UDP4:
		return 8;
	case FRAME_9TAGS_TCP4:
		return 9;
	default:
		return 0;
	}
}

/* `vlan` is the outermost tag's; returns where the type of what follows is. */
static unsigned int put_tags(uint8_t *at, enum frame_kind kind, unsigned int vlan)
{
	unsigned int tags = tag_count(kind);
	unsigned int len = 12;

	for (unsigned int i = 0; i < tags; i++) {
		put16(at + len, kind == FRAME_2TAGS_TCP6 && i == 0 ? 0x88a8 : 0x8100);
		put16(at + len + 2, vlan + i);
		len += kind == FRAME_BARE_VLAN ? 2 : 4;
	}
	return len;
}

unsigned int frame_build(uint8_t *at, enum frame_kind kind, const uint8_t *to, unsigned int vlan,
			 uint8_t flow, struct frame_layout *layout)
{
	bool six = is_tunnel(kind) ? kind == FRAME_GENEVE_TCP6 : is_six(kind);
	unsigned int len;

	memset(at, 0, FRAME_HEADERS_MAX);
	memset(layout, 0, sizeof(*layout));
	memcpy(at, to, 6);
	memcpy(at + 6, "\x52\x55\x0a\x00\x02\x02", 6);
	len = put_tags(at, kind, vlan);
	layout->transport = len + 2;
	layout->csum = 16;
	if (kind == FRAME_BARE_VLAN)
		return len;
	put16(at + len, kind == FRAME_PLAIN ? 0x88b5 : six ? 0x86dd : 0x0800);
	len += 2;
	if (kind == FRAME_PLAIN)
		return len;
	layout->outer_th = len + (six ? 40 : 20);
	return put_packet(at, put_tunnel(at, len, kind), kind, flow, layout);
}

static uint32_t sum_of(const uint8_t *at, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

void frame_zero_checksum(uint8_t *at, uint32_t len, const struct frame_layout *layout)
{
	if (len < layout->transport + 2)
		return;
	put16(at + layout->transport, 0);
	put16(at + layout->transport,
	      0xffff - sum_of(at + layout->transport, len - layout->transport));
}
