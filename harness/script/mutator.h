/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A structure-aware mutator: it adds, drops, moves and changes operations and their operands, each
 * by its kind. Its result is always a canonical script. The same seed gives the same result.
 */
#ifndef MUTATOR_H
#define MUTATOR_H

#include "script.h"

/* What a target is about. */
struct mutator_profile {
	enum device_kind kind; /* DEVICE_KINDS: any */
	const uint8_t *ops; /* op codes to choose new operations from; repeated ones more often */
	size_t op_count;
};

/* Changes the script of `size` bytes in `data`; returns its new size, at most `room`. */
size_t mutator_mutate(const struct mutator_profile *profile, uint8_t *data, size_t size,
		      size_t room, unsigned int seed);

/* Makes a script of parts of two; returns its size, at most `room`. */
size_t mutator_crossover(const struct mutator_profile *profile, const uint8_t *a, size_t a_size,
			 const uint8_t *b, size_t b_size, uint8_t *out, size_t room,
			 unsigned int seed);

#endif
