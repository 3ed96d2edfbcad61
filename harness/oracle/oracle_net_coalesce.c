/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which notifications are owed when (5.1.9.5.10), with the time that the device was told.
 */
#include <string.h>

#include "oracle_net_internal.h"

static bool is_due(const struct oracle *o, unsigned int queue)
{
	const struct model_net *n = &o->net;
	const struct model_coalescing *c = &n->each[queue];
	const struct model_queue *q = &o->queue[queue];

	if (!c->packets || !c->usecs || n->waiting[queue] >= c->packets)
		return true;
	/* a whole ring that the driver may not know of */
	return n->now - n->since[queue] >= c->usecs || oracle_unnotified(q) >= q->size;
}

void oracle_net_shown(struct oracle *o, unsigned int queue)
{
	struct model_net *n = &o->net;

	if (n->waiting[queue]++ == 0)
		n->since[queue] = n->now;
	if (is_due(o, queue)) {
		if (n->waiting[queue] > 1)
			hit(MILESTONE_NET_COAL_PACKETS);
		n->waiting[queue] = 0;
		return;
	}
	hit(MILESTONE_NET_COAL_WAITS);
	o->queue[queue].must_ask = false;
}

void oracle_net_look(struct oracle *o)
{
	struct model_net *n = &o->net;

	for (unsigned int i = 0; i < 2 * oracle_net_pairs(o); i++) {
		if (!n->waiting[i] || !oracle_queue_live(o, i) || !is_due(o, i))
			continue;
		n->waiting[i] = 0;
		o->queue[i].must_ask = true;
	}
}

void oracle_net_tell_all(struct oracle *o)
{
	for (unsigned int i = 0; i < 2 * oracle_net_pairs(o); i++) {
		if (!o->net.waiting[i])
			continue;
		o->net.waiting[i] = 0;
		o->queue[i].must_ask = true;
		hit(MILESTONE_SUSPEND_TELLS);
	}
}

void oracle_time(struct oracle *o, uint64_t now)
{
	bool waited = false;
	bool waits = false;
	uint64_t due;

	waited = oracle_waits(o, &due);
	o->net.now = now;
	oracle_net_look(o);
	waits = oracle_waits(o, &due);
	if (waited && !waits)
		hit(MILESTONE_NET_COAL_TIME);
}

bool oracle_waits(const struct oracle *o, uint64_t *due)
{
	const struct model_net *n = &o->net;
	bool waits = false;

	*due = 0;
	for (unsigned int i = 0; i < 2 * oracle_net_pairs(o); i++) {
		uint64_t end = n->since[i] > UINT64_MAX - n->each[i].usecs
				       ? UINT64_MAX
				       : n->since[i] + n->each[i].usecs;

		if (!n->waiting[i] || !oracle_queue_live(o, i))
			continue;
		if (!waits || end < *due)
			*due = end;
		waits = true;
	}
	return waits;
}

void oracle_timed(struct oracle *o, bool waits, uint64_t next)
{
	uint64_t due;

	if (waits != oracle_waits(o, &due) || next != due)
		oracle_fail(o, 4, "wants the time %s at %llu, and not %llu",
			    waits ? "told" : "not told", (unsigned long long)next,
			    (unsigned long long)due);
}

void oracle_net_stopped(struct oracle *o, unsigned int queue)
{
	o->net.waiting[queue] = 0;
	o->net.each[queue] = o->net.all[queue % 2];
}

void oracle_net_interrupt(struct oracle *o, unsigned int queue)
{
	o->net.counters[queue].basic[3]++;
}

void oracle_net_notified(struct oracle *o, uint32_t queue)
{
	if (queue < 2 * oracle_net_pairs(o) && oracle_queue_live(o, queue))
		o->net.counters[queue].basic[0]++;
}

/* ---- commands ---- */

static struct model_coalescing wish(const uint8_t *data)
{
	return (struct model_coalescing){ .packets = net_le32(data), .usecs = net_le32(data + 4) };
}

static bool set_all(struct oracle *o, unsigned int direction, const uint8_t *data, uint64_t len)
{
	struct model_net *n = &o->net;

	if (!oracle_accepted(o, VIRTIO_NET_F_NOTF_COAL) || len != 8)
		return false;
	n->all[direction] = wish(data);
	for (unsigned int i = direction; i < 2 * oracle_net_pairs(o); i += 2)
		n->each[i] = wish(data);
	hit(MILESTONE_NET_COAL_SET);
	return true;
}

static bool enabled(const struct oracle *o, unsigned int queue)
{
	return queue < 2 * oracle_net_pairs(o) && oracle_queue_live(o, queue);
}

bool oracle_net_coalescing(struct oracle *o, unsigned int number, const uint8_t *data, uint64_t len,
			   uint64_t *answer)
{
	if (number <= VIRTIO_NET_CTRL_NOTF_COAL_RX_SET)
		return set_all(o, number == VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, data, len);
	if (!oracle_accepted(o, VIRTIO_NET_F_VQ_NOTF_COAL) || len < 4 ||
	    !enabled(o, net_le16(data)))
		return false;
	if (number == VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET && len == 12) {
		o->net.each[net_le16(data)] = wish(data + 4);
		hit(MILESTONE_NET_COAL_VQ);
		return true;
	}
	if (number != VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET || len != 4)
		return false;
	*answer = (uint64_t)o->net.each[net_le16(data)].usecs << 32 |
		  o->net.each[net_le16(data)].packets;
	hit(MILESTONE_NET_COAL_GET);
	return true;
}
