/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The echo device, whose requests are chains of any shape.
 */
#include "guest_internal.h"

static bool probe(struct guest_driver *g)
{
	return guest_round_trip(g, 0, "?", 1, 0, 0);
}

static void one_of_many(struct guest_driver *g, const struct script_op *r, unsigned int queue,
			const struct guest_many_chain *c, struct chain_plan *plan)
{
	uint8_t number = (uint8_t)c->number;

	(void)r;
	(void)queue;
	g->bus->ops->store(g->bus, c->own, &number, 1);
	guest_add_piece(plan, c->own, 1, false);
	guest_add_piece(plan, c->last, 1, true);
}

const struct guest_kind guest_kind_echo = {
	.probe = probe,
	.one_of_many = one_of_many,
	.config_changes = { 0, 4, 6 },
};
