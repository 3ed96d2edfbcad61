/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cursors that cannot leave their buffer.
 */
#include "state_bytes.h"

#include <string.h>

void state_put_bytes(struct state_writer *w, const void *bytes, size_t len)
{
	if (w->len <= w->room && len <= w->room - w->len)
		memcpy(w->bytes + w->len, bytes, len);
	w->len += len;
}

void state_put(struct state_writer *w, uint64_t value, unsigned int width)
{
	uint8_t bytes[8];

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	state_put_bytes(w, bytes, width);
}

void state_get_bytes(struct state_reader *r, void *bytes, size_t len)
{
	if (len > r->left) {
		r->ended = true;
		r->left = 0;
		memset(bytes, 0, len);
		return;
	}
	memcpy(bytes, r->bytes, len);
	r->bytes += len;
	r->left -= len;
}

uint64_t state_get(struct state_reader *r, unsigned int width)
{
	uint8_t bytes[8] = { 0 };
	uint64_t value = 0;

	state_get_bytes(r, bytes, width);
	for (unsigned int i = width; i > 0; i--)
		value = value << 8 | bytes[i - 1];
	return value;
}

uint32_t state_checksum(const uint8_t *bytes, size_t len)
{
	/* what four bits of the sum become when they leave it */
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t sum = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		sum ^= bytes[i];
		sum = sum >> 4 ^ nibble[sum & 15];
		sum = sum >> 4 ^ nibble[sum & 15];
	}
	return ~sum;
}
