/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the machine. Each calls only those above it here:
 *
 *   machine_calls    calls into the device, watched from start to end
 *   machine_host     what its host does
 *   machine_restore  saved states
 *   machine          RAM, the tap, a new device
 */
#ifndef MACHINE_INTERNAL_H
#define MACHINE_INTERNAL_H

#include "machine.h"

/* Whoever follows what happens hears of this. */
void machine_tell(struct machine *m, const struct machine_event *event);
void machine_tell_number(struct machine *m, enum machine_event_kind kind, uint64_t number);

/* At the end of each call into the device. */
void machine_settle(struct machine *m);

#endif
