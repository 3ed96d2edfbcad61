/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is played against a back end: lines of eight characters, of which the first one says what is
 * done and the next six are operands, from '0' on; the last one is a line feed. Seeds are such
 * lines. Every byte string is a script: other characters count as well, and a line may be cut
 * short. The first line is the set-up.
 */
#ifndef BACKEND_STEPS_H
#define BACKEND_STEPS_H

#include <stddef.h>
#include <stdint.h>

#define STEPS_LINE     8u
#define STEPS_OPERANDS 6u
#define STEPS_OPS_MAX  56u /* beside the set-up */

struct step {
	char name;
	uint8_t v[STEPS_OPERANDS];
};

struct steps {
	struct step setup;
	struct step op[STEPS_OPS_MAX];
	unsigned int ops;
	int now; /* the operation that is played, -1: the set-up */
};

/* The names of set-ups, and of the operations after such a one. */
#define STEPS_FILE   'F'
#define STEPS_URING  'U'
#define STEPS_ZONED  'Z' /* in front of a file */
#define STEPS_RZONED 'R' /* in front of io_uring */
#define STEPS_TAP    'T'
#define STEPS_PCAP   'P'
#define STEPS_SLIRP  'S'

const char *steps_names(char setup);

void steps_decode(struct steps *steps, const uint8_t *data, size_t size);

/* Changes a script a little, as libFuzzer asks for. Returns its new size. */
size_t steps_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* What is played from here on, from its set-up. */
void steps_playing(struct steps *steps);

/* Tells what rule is broken, by which operation, and the script; then ends the process. */
void steps_finding(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
