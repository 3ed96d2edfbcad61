/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes in the order in which they came. A script makes few, so that looking for a sector from
 * the newest one back is quick.
 */
#include "sparse.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"

#define SECTOR ANVIL_DISK_SECTOR_BYTES

void sparse_create(struct sparse *s)
{
	*s = (struct sparse){
		.extent = malloc(SPARSE_EXTENTS * sizeof(*s->extent)),
		.bytes = malloc(SPARSE_BYTES),
	};
	if (!s->extent || !s->bytes)
		abort();
}

void sparse_clear(struct sparse *s)
{
	s->extents = 0;
	s->used = 0;
}

bool sparse_has_room(const struct sparse *s, unsigned int changes, uint64_t sectors)
{
	return changes <= SPARSE_EXTENTS - s->extents &&
	       sectors <= (SPARSE_BYTES - s->used) / SECTOR;
}

/* No two sectors are alike, and none is zeroes. */
static void first_content(uint64_t sector, uint8_t *data)
{
	for (unsigned int i = 0; i < SECTOR; i += 8) {
		uint64_t word = (sector + 1) * 0x9e3779b97f4a7c15ull ^ i * 0xc2b2ae3d27d4eb4full;

		word = htole64((word ^ word >> 29) | 1);
		memcpy(data + i, &word, sizeof(word));
	}
}

static const struct sparse_extent *newest(const struct sparse *s, uint64_t sector)
{
	for (unsigned int i = s->extents; i > 0; i--) {
		const struct sparse_extent *e = &s->extent[i - 1];

		if (sector >= e->sector && sector - e->sector < e->sectors)
			return e;
	}
	return NULL;
}

void sparse_read(const struct sparse *s, uint64_t sector, uint64_t sectors, uint8_t *data)
{
	for (; sectors; sectors--, sector++, data += SECTOR) {
		const struct sparse_extent *e = newest(s, sector);

		if (!e)
			first_content(sector, data);
		else if (e->data)
			memcpy(data, e->data + (sector - e->sector) * SECTOR, SECTOR);
		else
			memset(data, 0, SECTOR);
	}
}

void sparse_write(struct sparse *s, uint64_t sector, uint64_t sectors, const uint8_t *data)
{
	uint8_t *kept = s->bytes + s->used;

	memcpy(kept, data, (size_t)sectors * SECTOR);
	s->used += sectors * SECTOR;
	s->extent[s->extents++] = (struct sparse_extent){ sector, sectors, kept };
}

void sparse_zero(struct sparse *s, uint64_t sector, uint64_t sectors)
{
	s->extent[s->extents++] = (struct sparse_extent){ sector, sectors, NULL };
}
