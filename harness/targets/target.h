/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a target file has to define; target.c holds all that targets share.
 */
#ifndef TARGET_H
#define TARGET_H

#include "device/bus.h"
#include "device/machine.h"
#include "script/mutator.h"

/* The device of this target, once a process; and what to choose from in its scripts. */
void target_create(struct machine *m);
const struct mutator_profile *target_profile(void);
/* Plays the script that this input is, and reports what was found. */
void target_play(struct bus *bus, const struct script *script, const uint8_t *data, size_t size);

extern const struct mutator_profile fuzz_target;

#define FUZZ_TARGET(device, ...)                                                                   \
	static const uint8_t target_ops[] = { __VA_ARGS__ };                                       \
	const struct mutator_profile fuzz_target = { device, target_ops, sizeof(target_ops) }

#endif
