/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the player.
 */
#ifndef PLAYER_INTERNAL_H
#define PLAYER_INTERNAL_H

#include "guest/guest.h"
#include "player.h"

/* Operation frame */
void player_frame(struct guest_driver *g, const struct script_op *r);

#endif
