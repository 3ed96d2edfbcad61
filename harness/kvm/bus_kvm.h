/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bus `kvm`: a bare guest makes the accesses, with real exits; device, back ends, tap and
 * oracle behind them are those of the model.
 */
#ifndef BUS_KVM_H
#define BUS_KVM_H

#include "device/bus.h"

/*
 * Starts a virtual machine over this machine's RAM. Returns 0, or a negative errno with one line in
 * `error`.
 */
int bus_kvm_create(struct bus **bus, struct machine *machine, char *error, size_t room)
	__attribute__((warn_unused_result));

#endif
