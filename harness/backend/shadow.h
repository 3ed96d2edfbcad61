/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a disk must hold: of each sector the versions that it may have (place.h). One alone: it is
 * exactly that; more: each byte is one of these, while a write is under way and after one that
 * failed.
 */
#ifndef BACKEND_SHADOW_H
#define BACKEND_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

struct shadow_range {
	uint64_t sector;
	uint64_t sectors;
};

void shadow_reset(bool patterned);

uint64_t shadow_versions(uint64_t sector);
/* These versions, too. */
void shadow_add(const struct shadow_range *range, uint64_t versions);
/* These versions alone. */
void shadow_set(const struct shadow_range *range, uint64_t versions);
/* Not these any more, where something is left. */
void shadow_drop(const struct shadow_range *range, uint64_t versions);

/* Whether this sector is written with one of these versions. */
bool shadow_matches(const uint8_t *data, uint64_t sector, uint64_t versions);

/* Calls `check` for all that a script touched, in runs of sectors with no multiple of `unit`
 * inside. */
void shadow_each(uint64_t unit, void (*check)(uint64_t sector, uint64_t sectors));

#endif
