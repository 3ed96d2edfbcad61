/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The carrier `linux`: a distribution's kernel boots on the runner, and an agent in it makes the
 * accesses, through /dev/mem, to a device whose window and RAM are reserved to it. The kernel's own
 * drivers have a disk and a network card of ours, which are used before each script.
 */
#ifndef CARRIER_LINUX_H
#define CARRIER_LINUX_H

#include "device/carrier.h"

/*
 * Boots over this machine's RAM until the agent is ready. `kernel` as for guest_kernel_find.
 * Returns 0, or a negative errno with one line in `error`.
 */
int carrier_linux_create(struct carrier **carrier, struct machine *machine, const char *kernel,
			 char *error, size_t room) __attribute__((warn_unused_result));

/* Whether there is all that this needs, short of booting. If not, one line in `error`. */
bool carrier_linux_can(const char *kernel, char *error, size_t room);

#endif
