/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A target of one of our own devices.
 */
#include "target.h"

void target_create(struct machine *m)
{
	machine_create(m);
}

const struct mutator_profile *target_profile(void)
{
	return &fuzz_target;
}
