/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mutator's door for AFL++: with a target's profile (target.h) it makes the shared library
 * that afl-fuzz loads. The functions are those of AFL++'s interface for custom mutators
 * (docs/custom_mutators.md there); buffers that they hand out belong to the mutator and are good
 * until its next call. No afl_custom_post_process: every byte string is a script.
 */
#ifndef MUTATOR_AFL_H
#define MUTATOR_AFL_H

#include <stddef.h>
#include <stdint.h>

struct mutator_afl;

/* The same seed gives the same mutants. NULL, after a complaint, when there is no memory. */
struct mutator_afl *afl_custom_init(void *afl, unsigned int seed);
void afl_custom_deinit(struct mutator_afl *m);

/* A mutant of `buf`, or of parts of it and of `other`, which may be NULL. Never more than room. */
size_t afl_custom_fuzz(struct mutator_afl *m, uint8_t *buf, size_t size, uint8_t **out,
		       uint8_t *other, size_t other_size, size_t room);

/* How the last mutant was made, for the name of its file. */
const char *afl_custom_describe(struct mutator_afl *m, size_t room);

/*
 * Trimming leaves out one operation after the other, the last one first, and keeps the header.
 * init_trim returns how many tries that takes, trim makes the next one, post_trim is told whether
 * the try did all that was wanted of it and returns the number of tries made.
 */
int32_t afl_custom_init_trim(struct mutator_afl *m, uint8_t *buf, size_t size);
size_t afl_custom_trim(struct mutator_afl *m, uint8_t **out);
int32_t afl_custom_post_trim(struct mutator_afl *m, uint8_t success);

#endif
