/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A discard or a write of zeroes as work on a file, in steps of a bounded size: what a back end
 * does between two looks at its other requests. Makes no system calls.
 *
 * A range is tried by the best means first. Where the file refuses that one, the next is tried:
 *	discard			a hole; else nothing, since a discard is a hint
 *	zeroes, `unmap`		a hole; else ZERO_RANGE; else zeroes are written
 *	zeroes			ZERO_RANGE; else zeroes are written
 */
#ifndef ANVIL_DISK_RANGE_H
#define ANVIL_DISK_RANGE_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The most bytes of one step. A hole frees storage and writes none. ZERO_RANGE may be written out
 * for real below, by a block device that has no better way.
 */
#define ANVIL_DISK_RANGE_HOLE_BYTES  (64u << 20)
#define ANVIL_DISK_RANGE_WRITE_BYTES (1u << 20)

enum anvil_disk_range_means {
	ANVIL_DISK_RANGE_PUNCH, /* fallocate, FALLOC_FL_PUNCH_HOLE */
	ANVIL_DISK_RANGE_ZERO,	/* fallocate, FALLOC_FL_ZERO_RANGE */
	ANVIL_DISK_RANGE_WRITE, /* write zeroes */
};

struct anvil_disk_range {
	enum anvil_disk_range_means means; /* the best one that is left */
	bool hint;
	uint32_t block;	 /* fallocate takes whole blocks of so many bytes */
	uint64_t offset; /* of what is left, in bytes */
	uint64_t left;
};

struct anvil_disk_range_step {
	enum anvil_disk_range_means means;
	uint64_t offset; /* in bytes, as the next one */
	uint64_t bytes;
};

/* The range of a ANVIL_DISK_DISCARD or ANVIL_DISK_WRITE_ZEROES on this disk. */
void anvil_disk_range_begin(struct anvil_disk_range *range, const struct anvil_disk *disk,
			    const struct anvil_disk_request *request);

/* What to do next. Returns false when nothing is left. */
bool anvil_disk_range_next(const struct anvil_disk_range *range,
			   struct anvil_disk_range_step *step);

/* So many bytes of the step are done; at most all of them. */
void anvil_disk_range_advance(struct anvil_disk_range *range, uint64_t bytes);

/*
 * The step gave the error `err`, a negative errno. Returns 0 if the range goes on by other means,
 * or is a hint; or `err`, which is then the request's result.
 */
int anvil_disk_range_failed(struct anvil_disk_range *range,
			    const struct anvil_disk_range_step *step, int err)
	__attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif

#endif
