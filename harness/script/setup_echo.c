/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The echo device. Its features 0 to 3 change nothing; feature 1 requires feature 0.
 */
#include "setup_internal.h"

#include "array_size.h"

static const struct setup_required ground[] = {
	{ BIT(1), BIT(0) },
};

static unsigned int queues(const struct script_op *header, const struct setup *p)
{
	(void)header;
	(void)p;
	return 2;
}

const struct setup_kind setup_kind_echo = {
	.supported = RING_FEATURES | 0xf,
	.ground = ground,
	.grounds = ARRAY_SIZE(ground),
	.queues = queues,
};
