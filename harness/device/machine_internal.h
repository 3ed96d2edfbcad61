/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the machine.
 */
#ifndef MACHINE_INTERNAL_H
#define MACHINE_INTERNAL_H

#include "machine.h"

/* At the end of each call into the device. */
void machine_settle(struct machine *m);

#endif
