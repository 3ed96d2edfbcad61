/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sectors that scripts use, of a disk that may be of terabytes: stretches at its ends and where
 * 31 and 32 bits of bytes, and 32 of sectors, are used up. What lies between them is always zeroes.
 */
#ifndef BACKEND_PLACE_H
#define BACKEND_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#define PLACE_SECTORS 640u /* of each stretch */
#define PLACES	      5u
#define PLACE_SLOTS   (PLACE_SECTORS * PLACES)

/* Of a disk of so many sectors. */
void place_set(uint64_t capacity);
/* 0 to PLACE_SLOTS - 1, or -1: not one that scripts use. */
int place_slot(uint64_t sector);
/* The part of a stretch that is in [*from, *to). False: none. */
bool place_clip(unsigned int place, uint64_t *from, uint64_t *to);
/* A sector to work on, and how many from there on at most. */
uint64_t place_choose(unsigned int place, unsigned int offset, uint64_t *sectors);

/*
 * Versions of a sector: what there is at first, zeroes, and then what requests write. Those differ
 * from each other by version, and by where the sector is in the request.
 */
#define PLACE_INITIAL  0u
#define PLACE_ZEROES   1u
#define PLACE_VERSION  2u /* the first one that is written */
#define PLACE_VERSIONS 64u

/* This version is that of a request which begins there. */
void place_begins(unsigned int version, uint64_t sector);
void place_fill(uint8_t *data, uint64_t sector, unsigned int version, bool patterned);

#endif
