/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion on what is in a frame: what hashes and flows are made of.
 */
#include <string.h>

#include "oracle_net_internal.h"

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static void see_transport(const uint8_t *f, uint64_t len, uint64_t at, unsigned int protocol,
			  struct packet *p)
{
	unsigned int need = protocol == 6 ? 20 : protocol == 17 ? 8 : 0;

	if (at + need > len)
		return;
	p->protocol = protocol;
	p->transport = (unsigned int)at;
	if (need)
		memcpy(p->ports, f + at, 4);
}

static void see_four(const uint8_t *f, uint64_t len, uint64_t at, struct packet *p)
{
	if (at + 20 > len || (f[at] & 15) < 5)
		return;
	p->version = 4;
	memcpy(p->from, f + at + 12, 4);
	memcpy(p->to, f + at + 16, 4);
	if (!(be16(f + at + 6) & 0x3fff))
		see_transport(f, len, at + (f[at] & 15u) * 4, f[at + 9], p);
}

static void see_options(const uint8_t *option, unsigned int len, struct packet *p)
{
	unsigned int i = 0;

	while (i < len) {
		if (option[i] == 0) {
			i++;
			continue;
		}
		if (i + 2 > len || i + 2 + option[i + 1] > len)
			return;
		if (option[i] == 201 && option[i + 1] == 16) {
			memcpy(p->home, option + i + 2, 16);
			return;
		}
		i += 2u + option[i + 1];
	}
}

/* The offset behind one extension header, or 0 if the packet cannot be followed further. */
static uint64_t see_extension(const uint8_t *f, uint64_t len, uint64_t at, unsigned int type,
			      struct packet *p)
{
	if (at + 8 > len)
		return 0;
	if (type == 44)
		return be16(f + at + 2) & 0xfff9 ? 0 : at + 8;

	unsigned int bytes = 8 + f[at + 1] * 8u;

	if (at + bytes > len)
		return 0;
	if (type == 60)
		see_options(f + at + 2, bytes - 2, p);
	if (type == 43 && f[at + 2] == 2 && bytes == 24)
		memcpy(p->care, f + at + 8, 16);
	return at + bytes;
}

static void see_six(const uint8_t *f, uint64_t len, uint64_t at, struct packet *p)
{
	unsigned int type;

	if (at + 40 > len)
		return;
	p->version = 6;
	memcpy(p->from, f + at + 8, 16);
	memcpy(p->to, f + at + 24, 16);
	memcpy(p->home, p->from, 16);
	memcpy(p->care, p->to, 16);
	type = f[at + 6];
	at += 40;
	for (unsigned int n = 0; type == 0 || type == 43 || type == 44 || type == 60; n++) {
		uint64_t next = n < 8 ? see_extension(f, len, at, type, p) : 0;

		p->extended = true;
		if (next == 0)
			return;
		type = f[at];
		at = next;
	}
	see_transport(f, len, at, type, p);
}

static void see_ip(const uint8_t *f, uint64_t len, uint64_t at, unsigned int type, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	if (at >= len)
		return;
	if (type == 0x0800 && f[at] >> 4 == 4)
		see_four(f, len, at, p);
	if (type == 0x86dd && f[at] >> 4 == 6)
		see_six(f, len, at, p);
}

uint64_t oracle_net_untag(const uint8_t *f, uint64_t len, uint64_t at, unsigned int *type)
{
	uint64_t end = at + 14;

	for (unsigned int tags = 0; tags < 8 && end + 4 <= len; tags++, end += 4) {
		if (be16(f + end - 2) != 0x8100 && be16(f + end - 2) != 0x88a8)
			break;
	}
	*type = be16(f + end - 2);
	return end;
}

static void see_ethernet(const uint8_t *f, uint64_t len, uint64_t at, struct packet *p)
{
	unsigned int type;

	memset(p, 0, sizeof(*p));
	if (at + 14 > len)
		return;
	at = oracle_net_untag(f, len, at, &type);
	see_ip(f, len, at, type, p);
}

void oracle_net_look_into(const uint8_t *f, uint64_t len, struct packet *p)
{
	see_ethernet(f, len, 0, p);
}

/* ---- and what is in that ---- */

static bool see_gre(const uint8_t *f, uint64_t len, uint64_t at, uint32_t enabled, struct packet *p)
{
	unsigned int flags;
	unsigned int type;

	if (at + 4 > len)
		return false;
	flags = be16(f + at);
	type = be16(f + at + 2);
	if (flags & 0x4fff)
		return false;
	if (flags == 0x2000 && type == 0x6558)
		enabled &= 1u << 8;
	else
		enabled &= flags & 0x3000 ? 1u << 1 : 1u << 0;
	if (!enabled)
		return false;
	at += 4;
	for (unsigned int bit = 0x8000; bit >= 0x1000; bit >>= 1)
		at += bit != 0x4000 && flags & bit ? 4 : 0;
	if (type == 0x6558)
		see_ethernet(f, len, at, p);
	else
		see_ip(f, len, at, type, p);
	return true;
}

static bool see_udp(const uint8_t *f, uint64_t len, uint64_t at, uint32_t enabled, struct packet *p)
{
	unsigned int port = be16(f + at + 2);

	at += 8;
	if (at + 8 > len)
		return false;
	if (port == 4789 && enabled & 1u << 4 && f[at] & 8) {
		see_ethernet(f, len, at + 8, p);
		return true;
	}
	if (port != 6081 || !(enabled & 1u << 6) || f[at] & 0xc0)
		return false;
	if (be16(f + at + 2) == 0x6558)
		see_ethernet(f, len, at + 8 + 4u * (f[at] & 0x3f), p);
	else
		see_ip(f, len, at + 8 + 4u * (f[at] & 0x3f), be16(f + at + 2), p);
	return true;
}

bool oracle_net_look_inside(const uint8_t *f, uint64_t len, uint32_t enabled,
			    const struct packet *outer, struct packet *p)
{
	if (outer->protocol == 17)
		return see_udp(f, len, outer->transport, enabled, p);
	if (outer->version == 4 && outer->protocol == 47)
		return see_gre(f, len, outer->transport, enabled, p);
	if (outer->version != 4 || outer->protocol != 4 || !(enabled & 1u << 7))
		return false;
	see_ip(f, len, outer->transport, 0x0800, p);
	return true;
}
