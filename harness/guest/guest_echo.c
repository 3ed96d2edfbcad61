/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The echo device, whose requests are chains of any shape.
 */
#include "guest_internal.h"

static bool probe(struct guest_driver *g)
{
	return guest_round_trip(g, 0, "?", 1, 0, 0);
}

const struct guest_kind guest_kind_echo = { .probe = probe, .config_changes = { 0, 4, 6 } };
