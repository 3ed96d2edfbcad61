/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The content of a disk of any size: what was written last, and elsewhere what a hash of the
 * sector's number gives. It costs what was written, not what could be.
 */
#ifndef SPARSE_H
#define SPARSE_H

#include <stdbool.h>
#include <stdint.h>

#define SPARSE_EXTENTS 4096u
#define SPARSE_BYTES   (8u << 20)

/* Sectors that were written at once, or zeroed. */
struct sparse_extent {
	uint64_t sector;
	uint64_t sectors;
	const uint8_t *data; /* NULL: zeroes */
};

struct sparse {
	struct sparse_extent *extent; /* the newest counts: they may overlap */
	unsigned int extents;
	uint8_t *bytes;
	uint64_t used;
};

/* Once a process. */
void sparse_create(struct sparse *s);
/* As nobody has written to it. */
void sparse_clear(struct sparse *s);
/* Whether there is room for `changes`, of that many sectors of data in all. */
bool sparse_has_room(const struct sparse *s, unsigned int changes, uint64_t sectors);

/* There has to be room for what changes it. */
void sparse_read(const struct sparse *s, uint64_t sector, uint64_t sectors, uint8_t *data);
void sparse_write(struct sparse *s, uint64_t sector, uint64_t sectors, const uint8_t *data);
void sparse_zero(struct sparse *s, uint64_t sector, uint64_t sectors);

#endif
