/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The carrier `kvm`: a bare guest makes the accesses, with real exits; device, back ends, tap and
 * oracle behind them are those of the model.
 */
#ifndef CARRIER_KVM_H
#define CARRIER_KVM_H

#include "device/carrier.h"

/*
 * Starts a virtual machine over this machine's RAM. Returns 0, or a negative errno with one line in
 * `error`.
 */
int carrier_kvm_create(struct carrier **carrier, struct machine *machine, char *error, size_t room)
	__attribute__((warn_unused_result));

#endif
