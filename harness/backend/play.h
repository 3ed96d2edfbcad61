/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays a script against a back end; each ends the process if a rule is broken.
 */
#ifndef BACKEND_PLAY_H
#define BACKEND_PLAY_H

#include "steps.h"

void play_disk(struct steps *steps);
void play_tap(struct steps *steps);
void play_pcap(struct steps *steps);
void play_slirp(struct steps *steps);

#endif
