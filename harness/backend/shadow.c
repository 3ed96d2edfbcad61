/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Versions of sectors, a bit each.
 */
#include "shadow.h"

#include <string.h>

#include "backend.h"
#include "place.h"

static struct {
	bool patterned;
	uint64_t versions[PLACE_SLOTS]; /* 0: as at first */
	uint64_t sector[PLACE_SLOTS];
	uint16_t used[PLACE_SLOTS];
	unsigned int uses;
} shadow;

void shadow_reset(bool patterned)
{
	while (shadow.uses > 0)
		shadow.versions[shadow.used[--shadow.uses]] = 0;
	shadow.patterned = patterned;
}

uint64_t shadow_versions(uint64_t sector)
{
	int slot = place_slot(sector);

	if (slot < 0)
		return 1u << PLACE_ZEROES;
	return shadow.versions[slot] ? shadow.versions[slot] : 1u << PLACE_INITIAL;
}

static void change(uint64_t sector, uint64_t versions)
{
	int slot = place_slot(sector);

	if (slot < 0)
		return;
	if (!shadow.versions[slot]) {
		shadow.used[shadow.uses++] = (uint16_t)slot;
		shadow.sector[slot] = sector;
	}
	shadow.versions[slot] = versions;
}

/* Of a range that may be of gigabytes: what of it is in stretches. */
static bool stretch(const struct shadow_range *range, unsigned int i, uint64_t *from, uint64_t *to)
{
	*from = range->sector;
	*to = range->sector + range->sectors;
	return place_clip(i, from, to);
}

void shadow_add(const struct shadow_range *range, uint64_t versions)
{
	uint64_t from;
	uint64_t to;

	for (unsigned int i = 0; i < PLACES; i++) {
		for (bool any = stretch(range, i, &from, &to); any && from < to; from++)
			change(from, shadow_versions(from) | versions);
	}
}

void shadow_set(const struct shadow_range *range, uint64_t versions)
{
	uint64_t from;
	uint64_t to;

	for (unsigned int i = 0; i < PLACES; i++) {
		for (bool any = stretch(range, i, &from, &to); any && from < to; from++)
			change(from, versions);
	}
}

void shadow_drop(const struct shadow_range *range, uint64_t versions)
{
	uint64_t from;
	uint64_t to;

	for (unsigned int i = 0; i < PLACES; i++) {
		for (bool any = stretch(range, i, &from, &to); any && from < to; from++) {
			uint64_t left = shadow_versions(from) & ~versions;

			if (left)
				change(from, left);
		}
	}
}

static bool matches_one(const uint8_t *data, uint64_t sector, unsigned int version)
{
	uint8_t expected[ANVIL_DISK_SECTOR_BYTES];

	place_fill(expected, sector, version, shadow.patterned && place_slot(sector) >= 0);
	return memcmp(data, expected, sizeof(expected)) == 0;
}

/* A call that was cut short, and then failed, ends anywhere. */
static bool matches_mixed(const uint8_t *data, uint64_t sector, uint64_t versions)
{
	uint8_t expected[ANVIL_DISK_SECTOR_BYTES];
	bool right[ANVIL_DISK_SECTOR_BYTES] = { false };
	unsigned int rights = 0;

	for (unsigned int v = 0; v < PLACE_VERSIONS; v++) {
		if (!(versions >> v & 1))
			continue;
		place_fill(expected, sector, v, shadow.patterned && place_slot(sector) >= 0);
		for (unsigned int i = 0; i < sizeof(expected); i++) {
			if (!right[i] && expected[i] == data[i]) {
				right[i] = true;
				rights++;
			}
		}
	}
	return rights == sizeof(expected);
}

bool shadow_matches(const uint8_t *data, uint64_t sector, uint64_t versions)
{
	for (unsigned int v = 0; v < PLACE_VERSIONS; v++) {
		if (versions >> v & 1 && matches_one(data, sector, v))
			return true;
	}
	return (versions & (versions - 1)) != 0 && matches_mixed(data, sector, versions);
}

void shadow_each(uint64_t unit, void (*check)(uint64_t sector, uint64_t sectors))
{
	for (unsigned int i = 0; i < shadow.uses;) {
		uint64_t first = shadow.sector[shadow.used[i++]];
		uint64_t next = first + 1;

		while (i < shadow.uses && shadow.sector[shadow.used[i]] == next && next % unit) {
			next++;
			i++;
		}
		check(first, next - first);
	}
}
