/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Automatic receive steering (5.1.9.5.5): a flow comes to the pair on which the driver last sent
 * it.
 *
 * The specification does not say which packets share a place in a device's table of flows, so the
 * device is asked. What any device must keep to is checked: all packets of a connection, in both
 * directions, are one flow, and what is no IP packet is none.
 */
#include <string.h>

#include "oracle_net_internal.h"
#include "virtio_net_hash.h"

/* An end of a connection. */
struct end {
	uint8_t address[16];
	uint8_t port[2];
};

static struct end end_of(const struct packet *p, bool from)
{
	struct end e = { .port = { 0 } };

	memcpy(e.address, from ? p->from : p->to, sizeof(e.address));
	if (p->protocol == 6 || p->protocol == 17)
		memcpy(e.port, p->ports + (from ? 0 : 2), sizeof(e.port));
	return e;
}

/* The same for both directions. */
static struct model_flow connection(const struct packet *p)
{
	bool ports = p->protocol == 6 || p->protocol == 17;
	struct model_flow c = { .version = (uint8_t)p->version,
				.protocol = ports ? (uint8_t)p->protocol : 0 };
	struct end end[2] = { end_of(p, true), end_of(p, false) };
	unsigned int first = memcmp(&end[0], &end[1], sizeof(end[0])) > 0;

	memcpy(c.end[0], &end[first], sizeof(c.end[0]));
	memcpy(c.end[1], &end[!first], sizeof(c.end[1]));
	return c;
}

static bool same(const struct model_flow *a, const struct model_flow *b)
{
	return a->version == b->version && a->protocol == b->protocol &&
	       !memcmp(a->end, b->end, sizeof(a->end));
}

/* It has to be what it was. */
static void check_flow(struct oracle *o, const struct packet *p, int number)
{
	struct model_net *n = &o->net;
	struct model_flow now = connection(p);

	now.number = number;
	for (unsigned int i = 0; i < n->flows_known && i < MODEL_FLOWS; i++) {
		if (!same(&n->flow_known[i], &now))
			continue;
		if (n->flow_known[i].number != number)
			oracle_fail(o, 9, "packets of one connection are flow %d and flow %d",
				    n->flow_known[i].number, number);
		return;
	}
	n->flow_known[n->flows_known++ % MODEL_FLOWS] = now;
}

static void exchange(uint8_t *a, uint8_t *b, size_t bytes)
{
	uint8_t kept[16];

	memcpy(kept, a, bytes);
	memcpy(a, b, bytes);
	memcpy(b, kept, bytes);
}

/* The flow of the packet that answers this one. */
static int flow_back(const uint8_t *frame, uint64_t len, const struct packet *p)
{
	static _Thread_local uint8_t back[ANVIL_NIC_FRAME_BYTES_MAX];
	unsigned int type;
	uint64_t at = oracle_net_untag(frame, len, 0, &type);

	memcpy(back, frame, (size_t)len);
	if (p->version == 4)
		exchange(back + at + 12, back + at + 16, 4);
	else
		exchange(back + at + 8, back + at + 24, 16);
	if (p->protocol == 6 || p->protocol == 17)
		exchange(back + p->transport, back + p->transport + 2, 2);
	return anvil_net_hash_flow(back, (uint32_t)len);
}

/* -1: no IP packet. */
static int flow_of(struct oracle *o, const uint8_t *frame, uint64_t len)
{
	int number = anvil_net_hash_flow(frame, (uint32_t)len);
	struct packet p;

	oracle_net_look_into(frame, len, &p);
	if ((p.version != 0) != (number >= 0) || number >= (int)sizeof(o->net.flow))
		oracle_fail(o, 9, "a packet of IP version %u is flow %d", p.version, number);
	if (number >= 0)
		check_flow(o, &p, number);
	if (number >= 0 && number != flow_back(frame, len, &p))
		oracle_fail(o, 9, "a packet is flow %d, its answer flow %d", number,
			    flow_back(frame, len, &p));
	return number;
}

void oracle_net_flow_sent(struct oracle *o, unsigned int queue, const uint8_t *frame, uint64_t len)
{
	struct model_net *n = &o->net;
	int flow;

	if (n->rss || n->pairs < 2 || queue / 2 >= n->pairs)
		return;
	flow = flow_of(o, frame, len);
	if (flow >= 0)
		n->flow[flow] = (uint8_t)(queue / 2 + 1);
}

unsigned int oracle_net_by_flow(struct oracle *o, const struct anvil_nic_frame *f)
{
	struct model_net *n = &o->net;
	int flow = n->pairs > 1 ? flow_of(o, f->data, f->len) : -1;

	if (flow < 0)
		return 0;
	if (n->flow[flow] && n->flow[flow] <= n->pairs) {
		hit(MILESTONE_NET_MQ_FLOW);
		return n->flow[flow] - 1u;
	}
	return (unsigned int)flow % n->pairs;
}

void oracle_net_flows_reset(struct oracle *o)
{
	memset(o->net.flow, 0, sizeof(o->net.flow));
	o->net.flows_known = 0;
}
