/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stretches of sectors.
 */
#include "place.h"

#include <string.h>

#define SECTOR_BYTES 512u

static struct {
	uint64_t start;
	uint64_t sectors; /* 0: the disk is too small for it */
} place[PLACES];

static uint64_t disk_sectors;
static uint64_t begins[PLACE_VERSIONS];

static void set_place(unsigned int i, uint64_t start, uint64_t capacity)
{
	uint64_t end = start + PLACE_SECTORS < capacity ? start + PLACE_SECTORS : capacity;

	for (unsigned int j = 0; j < i; j++) {
		if (place[j].start + place[j].sectors > start && place[j].start < end &&
		    place[j].sectors > 0)
			start = place[j].start + place[j].sectors;
	}
	place[i].start = start;
	place[i].sectors = start < end ? end - start : 0;
}

void place_set(uint64_t capacity)
{
	static const uint64_t boundary[] = { UINT64_C(1) << 22, UINT64_C(1) << 23,
					     UINT64_C(1) << 32 };

	disk_sectors = capacity;
	set_place(0, 0, capacity);
	for (unsigned int i = 0; i < 3; i++)
		set_place(1 + i, boundary[i] - PLACE_SECTORS / 2, capacity);
	set_place(4, capacity > PLACE_SECTORS ? capacity - PLACE_SECTORS : 0, capacity);
}

int place_slot(uint64_t sector)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		if (sector >= place[i].start && sector - place[i].start < place[i].sectors)
			return (int)(i * PLACE_SECTORS + (unsigned int)(sector - place[i].start));
	}
	return -1;
}

bool place_clip(unsigned int which, uint64_t *from, uint64_t *to)
{
	uint64_t end = place[which].start + place[which].sectors;

	if (*from < place[which].start)
		*from = place[which].start;
	if (*to > end)
		*to = end;
	return *from < *to;
}

uint64_t place_choose(unsigned int which, unsigned int offset, uint64_t *sectors)
{
	uint64_t sector = offset;

	if (which % PLACES >= 4)
		sector = disk_sectors > offset + *sectors ? disk_sectors - offset - *sectors : 0;
	else if (which % PLACES > 0 && place[which % PLACES].sectors > 0)
		sector = place[which % PLACES].start + PLACE_SECTORS / 2 - 8 + offset;
	if (sector >= disk_sectors)
		sector %= disk_sectors;
	if (*sectors > disk_sectors - sector)
		*sectors = disk_sectors - sector;
	return sector;
}

void place_begins(unsigned int version, uint64_t sector)
{
	begins[version] = sector;
}

void place_fill(uint8_t *data, uint64_t sector, unsigned int version, bool patterned)
{
	uint64_t word = (version + 1) * UINT64_C(0x9e3779b97f4a7c15) ^
			(sector - begins[version]) * UINT64_C(0xbf58476d1ce4e5b9);

	if (version == PLACE_ZEROES || (version == PLACE_INITIAL && !patterned)) {
		memset(data, 0, SECTOR_BYTES);
		return;
	}
	for (unsigned int i = 0; i < SECTOR_BYTES; i += sizeof(word)) {
		word = word * 3 + 0x0101010101010101;
		memcpy(data + i, &word, sizeof(word));
	}
}
