/* SPDX-License-Identifier: BSD-3-Clause */
/* What a fuzz target is worth without the racing guest (make bugs-race WITHOUT=races). */
#include "guest/guest.h"

void __wrap_guest_race(struct guest_driver *g, const struct script_op *r);

void __wrap_guest_race(struct guest_driver *g, const struct script_op *r)
{
	(void)g, (void)r;
}
