/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mistakes of an embedder, which a device must refuse to be created with, leaving nothing behind.
 */
#ifndef REFUSALS_H
#define REFUSALS_H

#include "machine.h"

#define REFUSALS 32u

/* Tries mistake number `which` before the real device is made; 0: none. */
void refusals_try(struct machine *m, unsigned int which);

#endif
