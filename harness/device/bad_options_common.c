/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options that all kinds of devices have.
 */
#include "bad_options_internal.h"

void bad_options_spoil(unsigned int which, uint16_t *queue_size_max,
		       struct anvil_features *features, uint64_t unknown)
{
	if (which == 0)
		*queue_size_max = 0;
	if (which == 1)
		*queue_size_max = 3;
	if (which == 2)
		features->word[0] |= unknown;
	if (which == 3)
		features->word[1] |= 1ull << 63;
}
