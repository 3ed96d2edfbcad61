/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same driver on split and on packed rings, and by the modern and by the legacy interface. The
 * specification has it that only rings, or registers, differ: requests reach the disk in the same
 * order, frames are the same, and chains come back in the same order, with the same lengths and
 * bytes.
 *
 * That holds for scripts of what a driver and its host do. One that writes to registers or rings
 * byte by byte, races, or breaks rules that only one layout has, is not compared; nor, with the
 * legacy interface, one that declines features.
 */
#ifndef DIFFER_H
#define DIFFER_H

#include "player.h"

/* Whether a script is one of those few that a fuzz target compares: by its bytes, so that the same
 * script always is, or never. */
bool differ_chosen(const struct script *script);

/*
 * Plays a script with either ring, and by either interface, as far as it can be compared and
 * `verdict`, of its own play, is no finding. If they do not end the same, `verdict` becomes a
 * violation of rule 4 (completions and verdict), 8 (disk) or 9 (frames). Returns how many of the
 * two were compared. `progress` as in player_play.
 */
unsigned int differ_play(struct bus *bus, const struct script *script, volatile int *progress,
			 struct verdict *verdict);

#endif
