/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the parts of the mutator. */
#ifndef MUTATOR_INTERNAL_H
#define MUTATOR_INTERNAL_H

#include "mutator.h"

/* xorshift64*: small, and the same everywhere */
struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1dull;
}

static inline unsigned int rng_below(struct rng *r, unsigned int n)
{
	return (unsigned int)((rng_next(r) >> 32) % n);
}

static inline bool rng_one_in(struct rng *r, unsigned int n)
{
	return rng_below(r, n) == 0;
}

/* ---- mutator_pairs.c ---- */

/* One more operation at `at`, which is not filled; the last one goes if there are too many. */
void mutator_make_room(struct script *s, unsigned int at);

/* Operations, or values in two of them, that do something together alone. Returns
 * false if this target, or this script, has none. */
bool mutator_pair(const struct mutator_profile *p, struct script *s, struct rng *r);

#endif
