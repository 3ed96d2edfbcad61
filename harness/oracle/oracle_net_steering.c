/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion on which receive queue a frame goes to (5.1.9.5.6, 5.1.9.5.7) and what its hash
 * is (5.1.9.4.3).
 */
#include <string.h>

#include "oracle_net_internal.h"

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* ---- what is in a frame ---- */

static void see_transport(const uint8_t *f, uint64_t len, uint64_t at, unsigned int protocol,
			  struct packet *p)
{
	unsigned int need = protocol == 6 ? 20 : protocol == 17 ? 8 : 0;

	if (at + need > len)
		return;
	p->protocol = protocol;
	p->transport = (unsigned int)at;
	if (need)
		memcpy(p->ports, f + at, 4);
}

static void see_four(const uint8_t *f, uint64_t len, uint64_t at, struct packet *p)
{
	if (at + 20 > len || (f[at] & 15) < 5)
		return;
	p->version = 4;
	memcpy(p->from, f + at + 12, 4);
	memcpy(p->to, f + at + 16, 4);
	if (!(be16(f + at + 6) & 0x3fff))
		see_transport(f, len, at + (f[at] & 15u) * 4, f[at + 9], p);
}

static void see_options(const uint8_t *option, unsigned int len, struct packet *p)
{
	unsigned int i = 0;

	while (i < len) {
		if (option[i] == 0) {
			i++;
			continue;
		}
		if (i + 2 > len || i + 2 + option[i + 1] > len)
			return;
		if (option[i] == 201 && option[i + 1] == 16) {
			memcpy(p->home, option + i + 2, 16);
			return;
		}
		i += 2u + option[i + 1];
	}
}

/* The offset behind one extension header, or 0 if the packet cannot be followed further. */
static uint64_t see_extension(const uint8_t *f, uint64_t len, uint64_t at, unsigned int type,
			      struct packet *p)
{
	if (at + 8 > len)
		return 0;
	if (type == 44)
		return be16(f + at + 2) & 0xfff9 ? 0 : at + 8;

	unsigned int bytes = 8 + f[at + 1] * 8u;

	if (at + bytes > len)
		return 0;
	if (type == 60)
		see_options(f + at + 2, bytes - 2, p);
	if (type == 43 && f[at + 2] == 2 && bytes == 24)
		memcpy(p->care, f + at + 8, 16);
	return at + bytes;
}

static void see_six(const uint8_t *f, uint64_t len, uint64_t at, struct packet *p)
{
	unsigned int type;

	if (at + 40 > len)
		return;
	p->version = 6;
	memcpy(p->from, f + at + 8, 16);
	memcpy(p->to, f + at + 24, 16);
	memcpy(p->home, p->from, 16);
	memcpy(p->care, p->to, 16);
	type = f[at + 6];
	at += 40;
	for (unsigned int n = 0; type == 0 || type == 43 || type == 44 || type == 60; n++) {
		uint64_t next = n < 8 ? see_extension(f, len, at, type, p) : 0;

		p->extended = true;
		if (next == 0)
			return;
		type = f[at];
		at = next;
	}
	see_transport(f, len, at, type, p);
}

static void see_ip(const uint8_t *f, uint64_t len, uint64_t at, unsigned int type, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	if (at >= len)
		return;
	if (type == 0x0800 && f[at] >> 4 == 4)
		see_four(f, len, at, p);
	if (type == 0x86dd && f[at] >> 4 == 6)
		see_six(f, len, at, p);
}

uint64_t oracle_net_untag(const uint8_t *f, uint64_t len, uint64_t at, unsigned int *type)
{
	uint64_t end = at + 14;

	for (unsigned int tags = 0; tags < 8 && end + 4 <= len; tags++, end += 4) {
		if (be16(f + end - 2) != 0x8100 && be16(f + end - 2) != 0x88a8)
			break;
	}
	*type = be16(f + end - 2);
	return end;
}

static void see_ethernet(const uint8_t *f, uint64_t len, uint64_t at, struct packet *p)
{
	unsigned int type;

	memset(p, 0, sizeof(*p));
	if (at + 14 > len)
		return;
	at = oracle_net_untag(f, len, at, &type);
	see_ip(f, len, at, type, p);
}

void oracle_net_look_into(const uint8_t *f, uint64_t len, struct packet *p)
{
	see_ethernet(f, len, 0, p);
}

/* ---- and what is in that ---- */

static bool see_gre(const uint8_t *f, uint64_t len, uint64_t at, uint32_t enabled, struct packet *p)
{
	unsigned int flags;
	unsigned int type;

	if (at + 4 > len)
		return false;
	flags = be16(f + at);
	type = be16(f + at + 2);
	if (flags & 0x4fff)
		return false;
	if (flags == 0x2000 && type == 0x6558)
		enabled &= 1u << 8;
	else
		enabled &= flags & 0x3000 ? 1u << 1 : 1u << 0;
	if (!enabled)
		return false;
	at += 4;
	for (unsigned int bit = 0x8000; bit >= 0x1000; bit >>= 1)
		at += bit != 0x4000 && flags & bit ? 4 : 0;
	if (type == 0x6558)
		see_ethernet(f, len, at, p);
	else
		see_ip(f, len, at, type, p);
	return true;
}

static bool see_udp(const uint8_t *f, uint64_t len, uint64_t at, uint32_t enabled, struct packet *p)
{
	unsigned int port = be16(f + at + 2);

	at += 8;
	if (at + 8 > len)
		return false;
	if (port == 4789 && enabled & 1u << 4 && f[at] & 8) {
		see_ethernet(f, len, at + 8, p);
		return true;
	}
	if (port != 6081 || !(enabled & 1u << 6) || f[at] & 0xc0)
		return false;
	if (be16(f + at + 2) == 0x6558)
		see_ethernet(f, len, at + 8 + 4u * (f[at] & 0x3f), p);
	else
		see_ip(f, len, at + 8 + 4u * (f[at] & 0x3f), be16(f + at + 2), p);
	return true;
}

static bool see_inside(const uint8_t *f, uint64_t len, uint32_t enabled, const struct packet *outer,
		       struct packet *p)
{
	if (outer->protocol == 17)
		return see_udp(f, len, outer->transport, enabled, p);
	if (outer->version == 4 && outer->protocol == 47)
		return see_gre(f, len, outer->transport, enabled, p);
	if (outer->version != 4 || outer->protocol != 4 || !(enabled & 1u << 7))
		return false;
	see_ip(f, len, outer->transport, 0x0800, p);
	return true;
}

/* ---- hashes ---- */

/* Bit i of the input, if set, adds the 32 bits of the key from bit i on. */
static uint32_t toeplitz(const uint8_t *key, const uint8_t *input, unsigned int bytes)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < bytes * 8; i++) {
		uint64_t five = 0;

		if (!(input[i / 8] & 0x80u >> i % 8))
			continue;
		for (unsigned int k = 0; k < 5; k++)
			five = five << 8 | (i / 8 + k < 40 ? key[i / 8 + k] : 0u);
		sum ^= (uint32_t)(five >> (8 - i % 8));
	}
	return sum;
}

static bool enabled(const struct oracle *o, unsigned int report)
{
	return o->net.hash_types >> (report - 1) & 1;
}

/* What to report, the first that is enabled: with TCP, with UDP, neither. */
static unsigned int choose_report(const struct oracle *o, const struct packet *p, unsigned int base)
{
	if (p->protocol == 6 && enabled(o, base + 1))
		return base + 1;
	if (p->protocol == 17 && enabled(o, base + 2))
		return base + 2;
	return enabled(o, base) ? base : 0;
}

static void calculate(struct oracle *o, const struct packet *p)
{
	struct model_net *n = &o->net;
	unsigned int address = p->version == 4 ? 4 : 16;
	uint8_t input[36];
	unsigned int report = 0;

	n->report = 0;
	n->hash = 0;
	if (p->version == 6 && p->extended)
		report = choose_report(o, p, 7);
	if (p->version && report == 0)
		report = choose_report(o, p, p->version == 4 ? 1 : 4);
	if (report == 0)
		return;
	memcpy(input, report >= 7 ? p->home : p->from, address);
	memcpy(input + address, report >= 7 ? p->care : p->to, address);
	memcpy(input + 2 * address, p->ports, 4);
	n->report = report;
	n->hash = toeplitz(n->key, input, 2 * address + (report % 3 != 1 ? 4 : 0));
	hit(report >= 7 ? MILESTONE_NET_HASH_EXTENDED : MILESTONE_NET_HASH);
}

static void hash_frame(struct oracle *o, const struct anvil_nic_frame *f)
{
	struct packet outer;
	struct packet inner;

	oracle_net_look_into(f->data, f->len, &outer);
	if (o->net.tunnels && see_inside(f->data, f->len, o->net.tunnels, &outer, &inner)) {
		hit(MILESTONE_NET_HASH_INNER);
		calculate(o, &inner);
	} else {
		calculate(o, &outer);
	}
}

/* As virtio_net_hash.h says: the same for both directions. */
static int flow_of(const uint8_t *f, uint64_t len)
{
	struct packet p;
	uint32_t word[8] = { 0 };
	uint32_t all = 0;

	oracle_net_look_into(f, len, &p);
	if (!p.version)
		return -1;
	for (unsigned int i = 0; i < 16; i++) {
		word[i / 4] = word[i / 4] << 8 | p.from[i];
		word[4 + i / 4] = word[4 + i / 4] << 8 | p.to[i];
	}
	for (unsigned int i = 0; i < 8; i++)
		all ^= word[i];
	if (p.protocol == 6 || p.protocol == 17) {
		uint32_t a = be16(p.ports);
		uint32_t b = be16(p.ports + 2);

		all ^= (a << 16 | b) + (b << 16 | a);
	}
	return (int)((all * 0x9e3779b1u) >> 24);
}

void oracle_net_flow_sent(struct oracle *o, unsigned int queue, const uint8_t *frame, uint64_t len)
{
	struct model_net *n = &o->net;
	int flow;

	if (n->rss || n->pairs < 2 || queue / 2 >= n->pairs)
		return;
	flow = flow_of(frame, len);
	if (flow >= 0)
		n->flow[flow] = (uint8_t)(queue / 2 + 1);
}

static unsigned int by_flow(const struct model_net *n, const struct anvil_nic_frame *f)
{
	int flow = n->pairs > 1 ? flow_of(f->data, f->len) : -1;

	if (flow < 0)
		return 0;
	if (n->flow[flow] && n->flow[flow] <= n->pairs) {
		hit(MILESTONE_NET_MQ_FLOW);
		return n->flow[flow] - 1u;
	}
	return (unsigned int)flow % n->pairs;
}

void oracle_net_choose(struct oracle *o, const struct anvil_nic_frame *f)
{
	struct model_net *n = &o->net;
	unsigned int pair;

	hash_frame(o, f);
	if (n->rss) {
		pair = n->report ? n->indirection[n->hash & n->mask] : n->unclassified;
		if (!n->report)
			hit(MILESTONE_NET_RSS_UNCLASSIFIED);
		n->wanted = oracle_queue_live(o, 2 * pair);
		if (!n->wanted)
			hit(MILESTONE_NET_RSS_STOPPED);
	} else {
		unsigned int tries = 0;

		pair = by_flow(n, f);
		for (; tries < n->pairs && !oracle_queue_live(o, 2 * pair); tries++)
			pair = (pair + 1) % n->pairs;
		n->wanted = tries < n->pairs;
		if (n->wanted && tries)
			hit(MILESTONE_NET_MQ_RESELECTED);
	}
	n->to = 2 * pair;
}

/* ---- commands ---- */

static void many(struct model_net *n)
{
	n->many = n->rss || n->pairs > 1;
}

static bool set_pairs(struct oracle *o, const uint8_t *data, uint64_t len)
{
	if (!oracle_accepted(o, VIRTIO_NET_F_MQ) || len != 2 || oracle_16(o, data) == 0 ||
	    oracle_16(o, data) > oracle_net_pairs(o))
		return false;
	for (unsigned int i = 0; i < 8; i++) {
		if (o->net.context[i])
			return false;
	}
	o->net.pairs = oracle_16(o, data);
	o->net.rss = false;
	many(&o->net);
	hit(MILESTONE_NET_MQ_PAIRS);
	return true;
}

struct wish {
	uint32_t types;
	unsigned int mask;
	unsigned int unclassified;
	const uint8_t *table;
	unsigned int pairs;
	const uint8_t *key;
	unsigned int key_bytes;
};

static bool key_fine(const struct wish *w)
{
	return w->key_bytes <= 40 && !(w->types & ~0x1ffu) && (w->key_bytes || !w->types);
}

static bool rss_fine(const struct oracle *o, const uint8_t *data, uint64_t len, struct wish *w)
{
	unsigned int pairs = oracle_net_pairs(o);
	uint64_t entries;

	if (len < 8)
		return false;
	w->types = net_le32(data);
	w->mask = net_le16(data + 4);
	w->unclassified = net_le16(data + 6);
	w->table = data + 8;
	entries = w->mask + 1ull;
	if (entries > 128 || entries & (entries - 1) || len < 8 + 2 * entries + 3)
		return false;
	w->pairs = net_le16(w->table + 2 * entries);
	w->key_bytes = w->table[2 * entries + 2];
	w->key = w->table + 2 * entries + 3;
	for (uint64_t i = 0; i < entries; i++) {
		if (net_le16(w->table + 2 * i) >= pairs)
			return false;
	}
	return w->unclassified < pairs && w->pairs >= 1 && w->pairs <= pairs && key_fine(w) &&
	       len >= 8 + 2 * entries + 3 + w->key_bytes;
}

static void take_hash(struct model_net *n, const struct wish *w)
{
	n->hash_types = w->types;
	memset(n->key, 0, sizeof(n->key));
	memcpy(n->key, w->key, w->key_bytes);
}

static bool set_rss(struct oracle *o, const uint8_t *data, uint64_t len)
{
	struct model_net *n = &o->net;
	struct wish w;

	if (!oracle_accepted(o, VIRTIO_NET_F_RSS) || !rss_fine(o, data, len, &w))
		return false;
	take_hash(n, &w);
	n->mask = w.mask;
	n->unclassified = w.unclassified;
	for (unsigned int i = 0; i <= w.mask; i++)
		n->indirection[i] = (uint16_t)net_le16(w.table + 2 * i);
	n->pairs = w.pairs;
	n->rss = true;
	many(n);
	hit(MILESTONE_NET_RSS_CONFIG);
	return true;
}

static bool set_hash(struct oracle *o, const uint8_t *data, uint64_t len)
{
	struct wish w;

	if (!oracle_accepted(o, VIRTIO_NET_F_HASH_REPORT) || oracle_accepted(o, VIRTIO_NET_F_RSS) ||
	    len < 13 || net_le64(data + 4) != 0)
		return false;
	w.types = net_le32(data);
	w.key_bytes = data[12];
	w.key = data + 13;
	if (!key_fine(&w) || len < 13ull + w.key_bytes)
		return false;
	take_hash(&o->net, &w);
	hit(MILESTONE_NET_HASH_CONFIG);
	return true;
}

bool oracle_net_mq(struct oracle *o, unsigned int number, const uint8_t *data, uint64_t len)
{
	if (number == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET)
		return set_pairs(o, data, len);
	if (number == VIRTIO_NET_CTRL_MQ_RSS_CONFIG)
		return set_rss(o, data, len);
	return number == VIRTIO_NET_CTRL_MQ_HASH_CONFIG && set_hash(o, data, len);
}

bool oracle_net_tunnels(struct oracle *o, unsigned int number, const uint8_t *data, uint64_t len)
{
	if (number != 0 || !oracle_accepted(o, VIRTIO_NET_F_HASH_TUNNEL) || len != 4 ||
	    net_le32(data) & ~0x1d3u)
		return false;
	o->net.tunnels = net_le32(data);
	return true;
}

bool oracle_net_contexts(struct oracle *o, unsigned int number, const uint8_t *data, uint64_t len,
			 uint64_t *answer)
{
	unsigned int id = len >= 2 ? net_le16(data) : 0;
	struct wish w;

	*answer = 4;
	if (!oracle_accepted(o, VIRTIO_NET_F_RSS_CONTEXT))
		return false;
	if (number == VIRTIO_NET_CTRL_RSS_CTX_CAP_GET)
		return len == 0;
	if (number > VIRTIO_NET_CTRL_RSS_CTX_DEL || id < 1 || id > 4)
		return false;
	if ((number == VIRTIO_NET_CTRL_RSS_CTX_ADD) == o->net.context[id])
		return false;
	if (number == VIRTIO_NET_CTRL_RSS_CTX_DEL ? len != 2
						  : len < 8 || !rss_fine(o, data + 8, len - 8, &w))
		return false;
	o->net.context[id] = number != VIRTIO_NET_CTRL_RSS_CTX_DEL;
	hit(MILESTONE_NET_RSS_CONTEXT);
	return true;
}

void oracle_net_steering_reset(struct oracle *o)
{
	struct model_net *n = &o->net;

	n->pairs = 1;
	n->rss = false;
	n->many = false;
	n->hash_types = 0;
	n->tunnels = 0;
	memset(n->context, 0, sizeof(n->context));
	memset(n->flow, 0, sizeof(n->flow));
}
