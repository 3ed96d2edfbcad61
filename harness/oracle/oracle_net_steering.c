/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion on which receive queue a frame goes to (5.1.9.5.6, 5.1.9.5.7) and what its hash
 * is (5.1.9.4.3).
 */
#include <string.h>

#include "oracle_net_internal.h"

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
	if (o->net.tunnels &&
	    oracle_net_look_inside(f->data, f->len, o->net.tunnels, &outer, &inner)) {
		hit(MILESTONE_NET_HASH_INNER);
		calculate(o, &inner);
	} else {
		calculate(o, &outer);
	}
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

		pair = oracle_net_by_flow(o, f);
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
	oracle_net_flows_reset(o);
}
