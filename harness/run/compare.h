/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same scripts on two devices, each in processes of its own, and what a driver and the host see
 * of them compared (play/seen.h). Both are played on common ground: what both offer. Ours is made
 * like the other one.
 */
#ifndef COMPARE_H
#define COMPARE_H

#include "play/seen.h"
#include "runner.h"

#define COMPARE_KIND_BYTES 1000u

/* All differences with the same signature. */
struct compare_kind {
	char kind[COMPARE_KIND_BYTES];
	const char *clause; /* of the specification; NULL: none, or that of `rule` */
	unsigned int rule;  /* that one of the two broke; 0: none */
	size_t count;
	size_t script; /* the first script that shows it, and the operation: -1: before the first */
	int op;
};

struct compare {
	const char *device[2]; /* shared objects; the second one NULL: ours */
	unsigned int hang_seconds;
	const struct script *script;
	size_t scripts;

	/* the result */
	struct machine_offer offer[2];
	struct machine_ground ground;
	struct compare_kind *kind; /* by signature; free it */
	size_t kinds;
	size_t free; /* scripts that were compared up to where the guest leaves devices a choice */
	char error[512];
};

/* Returns 0, or a negative errno after which `error` has one line. */
int compare_devices(struct compare *c);

#endif
