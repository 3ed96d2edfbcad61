/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mistakes of an embedder, which a device must refuse to be created with, leaving nothing behind.
 */
#ifndef BAD_OPTIONS_H
#define BAD_OPTIONS_H

#include "own_device.h"

#define BAD_OPTIONS 32u

/* Tries mistake number `which` before the real device is made; 0: none. */
void bad_options_try(struct own_device *d, unsigned int which);

#endif
