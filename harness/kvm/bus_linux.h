/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bus `linux`: a distribution's kernel boots on the runner, and an agent in it makes the
 * accesses, through /dev/mem, to a device whose window and RAM are reserved to it. The kernel's own
 * drivers have a disk and a network card of ours, which are used before each script.
 */
#ifndef BUS_LINUX_H
#define BUS_LINUX_H

#include "device/bus.h"

/*
 * Boots over this machine's RAM until the agent is ready. `kernel` as for guest_kernel_find.
 * Returns 0, or a negative errno with one line in `error`.
 */
int bus_linux_create(struct bus **bus, struct machine *machine, const char *kernel, char *error,
		     size_t room) __attribute__((warn_unused_result));

/* Whether there is all that this needs, short of booting. If not, one line in `error`. */
bool bus_linux_can(const char *kernel, char *error, size_t room);

#endif
