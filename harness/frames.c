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

static unsigned int put_ip(uint8_t *at, bool six, enum frame_kind kind)
{
	if (six) {
		at[0] = 0x60;
		at[6] = kind == FRAME_BAD_TCP6 ? 17 : 6;
		at[7] = 64;
		return 40;
	}
	at[0] = kind == FRAME_BAD_TCP4 ? 0x44 : 0x45;
	at[8] = 64;
	at[9] = 6;
	return 20;
}

unsigned int frame_build(uint8_t *at, enum frame_kind kind, const uint8_t *to, unsigned int vlan,
			 unsigned int *tcp)
{
	bool six = kind == FRAME_TCP6 || kind == FRAME_VLAN_TCP6 || kind == FRAME_BAD_TCP6;
	bool tagged = kind == FRAME_VLAN_TCP4 || kind == FRAME_VLAN_TCP6 || kind == FRAME_BARE_VLAN;
	unsigned int len = 12;

	memset(at, 0, FRAME_HEADERS_MAX);
	memcpy(at, to, 6);
	memcpy(at + 6, "\x52\x55\x0a\x00\x02\x02", 6);
	if (tagged) {
		put16(at + len, 0x8100);
		put16(at + len + 2, vlan);
		len += kind == FRAME_BARE_VLAN ? 2 : 4;
	}
	*tcp = len + 2;
	if (kind == FRAME_BARE_VLAN)
		return len;
	put16(at + len, kind == FRAME_PLAIN ? 0x88b5 : six ? 0x86dd : 0x0800);
	len += 2;
	if (kind == FRAME_PLAIN)
		return len;
	len += put_ip(at + len, six, kind);
	*tcp = len;
	at[len + 12] = 0x50;
	return len + 20;
}
