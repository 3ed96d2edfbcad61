/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network device (5.1): puts together the parts of its model, which are oracle_net_NAME.c.
 */
#include <string.h>

#include "oracle_net_internal.h"

static void forget_commands(struct oracle *o)
{
	struct model_net *n = &o->net;

	memset(n->mode, 0, sizeof(n->mode));
	n->table[0].count = 0;
	n->table[0].all = false;
	n->table[1].count = 0;
	n->table[1].all = false;
	if (n->vlans)
		memset(n->vlan, 0, sizeof(n->vlan));
	n->vlans = false;
	memset(n->offloads, 0, sizeof(n->offloads));
	memset(n->all, 0, sizeof(n->all));
	memset(n->each, 0, sizeof(n->each));
	memset(n->counters, 0, o->p->queues * sizeof(n->counters[0]));
	memset(n->commands, 0, sizeof(n->commands));
	oracle_net_steering_reset(o);
}

static void reset(struct oracle *o, bool created)
{
	struct model_net *n = &o->net;

	if (!created && (memcmp(n->mac, setup_mac, 6) != 0 || n->announce))
		o->generation++;
	if (created) {
		n->link_up = !(o->p->flags & FLAG_LINK_DOWN);
		n->now = 0;
		oracle_net_fixed_config(o);
	}
	forget_commands(o);
	memcpy(n->mac, setup_mac, 6);
	n->announce = false;
	n->frame = NULL;
	o->config_bytes = 28;
	memcpy(o->config, setup_mac, 6);
	oracle_net_put_status(o);
}

static void due(struct oracle *o, unsigned int queue, struct model_chain *c, struct due *due)
{
	if (queue >= 2 * oracle_net_pairs(o))
		oracle_net_command(o, c, due);
	else if (queue % 2)
		oracle_net_due_tx(o, queue, c);
	else
		oracle_net_due_rx(o, queue, c, due);
}

static bool queue_exists(const struct oracle *o, unsigned int queue)
{
	return queue < 2 * oracle_net_pairs(o) + oracle_accepted(o, VIRTIO_NET_F_CTRL_VQ);
}

/* Stores are in the order of the chains that they are for, as they are not with a disk. */
static void taken(struct oracle *o, unsigned int queue)
{
	(void)queue;
	o->current = NULL;
}

static bool coalesces(const struct oracle *o, unsigned int queue)
{
	return queue < 2 * oracle_net_pairs(o);
}

const struct oracle_kind oracle_kind_net = {
	.device_id = 1,
	.late = LATE_STATUS | LATE_SPEED,
	.unmet_need = oracle_net_unmet_need,
	.features_fine = oracle_net_high_needs_met,
	.agreed = oracle_net_agreed,
	.reset = reset,
	.queue_exists = queue_exists,
	.config_written = oracle_net_config_written,
	.shows = oracle_net_shows,
	.taken = taken,
	.due = due,
	.published = oracle_net_published,
	.notified = oracle_net_notified,
	.interrupts = oracle_net_interrupt,
	.receives = oracle_net_is_rx,
	.coalesces = coalesces,
	.suspends = oracle_net_tell_all,
	.stopped = oracle_net_stopped,
	.restored = oracle_net_restored,
	.saved = oracle_net_saved,
};
