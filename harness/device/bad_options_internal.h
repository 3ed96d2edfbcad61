/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mistakes by the kind of device.
 */
#ifndef BAD_OPTIONS_INTERNAL_H
#define BAD_OPTIONS_INTERNAL_H

#include "bad_options.h"

/* Each tries mistake number `which`, the last one for all that are beyond, and returns what making
 * the device gives. */
int bad_options_blk(struct own_device *d, unsigned int which);
int bad_options_net(struct own_device *d, unsigned int which);
int bad_options_echo(struct own_device *d, unsigned int which);

/* Mistakes 0 to 3, in what all have. `unknown`: a feature bit of the first word that the device
 * does not have. */
void bad_options_spoil(unsigned int which, uint16_t *queue_size_max,
		       struct anvil_features *features, uint64_t unknown);

#endif
