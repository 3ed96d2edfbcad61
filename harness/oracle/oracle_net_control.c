/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each command of the control queue does, and its answer (5.1.9.5).
 */
#include <string.h>

#include "array_size.h"
#include "oracle_net_internal.h"

#define COMMAND_MAX 65536u

static bool set_mode(struct oracle *o, unsigned int command, const uint8_t *data, uint64_t len)
{
	unsigned int feature = command < 2 ? VIRTIO_NET_F_CTRL_RX : VIRTIO_NET_F_CTRL_RX_EXTRA;

	if (command > 5 || !oracle_accepted(o, feature) || len != 1 || data[0] > 1)
		return false;
	o->net.mode[command] = data[0];
	hit(MILESTONE_NET_CTRL_MODE);
	return true;
}

/* The length of a table in bytes, or 0. */
static uint64_t table_bytes(const struct oracle *o, const uint8_t *data, uint64_t len)
{
	if (len < 4)
		return 0;
	return 4 + 6ull * oracle_32(o, data) <= len ? 4 + 6ull * oracle_32(o, data) : 0;
}

static void take_table(const struct oracle *o, struct model_mac_table *t, const uint8_t *data)
{
	t->count = oracle_32(o, data);
	t->all = t->count > 64;
	if (t->all) {
		hit(MILESTONE_NET_CTRL_TABLE_FULL);
		t->count = 0;
	}
	memcpy(t->mac, data + 4, 6ull * t->count);
}

static bool set_table(struct oracle *o, const uint8_t *data, uint64_t len)
{
	uint64_t first = table_bytes(o, data, len);
	uint64_t second;

	if (!oracle_accepted(o, VIRTIO_NET_F_CTRL_RX) || !first)
		return false;
	second = table_bytes(o, data + first, len - first);
	if (!second || first + second != len)
		return false;
	take_table(o, &o->net.table[0], data);
	take_table(o, &o->net.table[1], data + first);
	hit(MILESTONE_NET_CTRL_TABLE);
	return true;
}

static bool set_mac(struct oracle *o, const uint8_t *data, uint64_t len)
{
	if (!oracle_accepted(o, VIRTIO_NET_F_CTRL_MAC_ADDR) || len != 6)
		return false;
	memcpy(o->net.mac, data, 6);
	memcpy(o->config, data, 6);
	o->generation++;
	hit(MILESTONE_NET_CTRL_MAC);
	return true;
}

static bool set_vlan(struct oracle *o, unsigned int command, const uint8_t *data, uint64_t len)
{
	if (command > 1 || !oracle_accepted(o, VIRTIO_NET_F_CTRL_VLAN) || len != 2 ||
	    oracle_16(o, data) > 4095)
		return false;

	uint64_t bit = 1ull << (oracle_16(o, data) % 64);

	o->net.vlans = true;
	if (command == 0)
		o->net.vlan[oracle_16(o, data) / 64] |= bit;
	else
		o->net.vlan[oracle_16(o, data) / 64] &= ~bit;
	hit(MILESTONE_NET_CTRL_VLAN);
	return true;
}

static bool announce_ack(struct oracle *o, unsigned int number, uint64_t len)
{
	if (number != 0 || len != 0 || !oracle_accepted(o, VIRTIO_NET_F_GUEST_ANNOUNCE))
		return false;
	if (o->net.announce) {
		o->generation++;
		hit(MILESTONE_NET_ANNOUNCE_ACK);
	}
	o->net.announce = false;
	oracle_net_put_status(o);
	return true;
}

static bool set_offloads(struct oracle *o, unsigned int number, const uint8_t *data, uint64_t len)
{
	static const struct {
		uint8_t bit;
		uint8_t feature;
	} offload[] = {
		{ 1, VIRTIO_NET_F_GUEST_CSUM },
		{ 7, VIRTIO_NET_F_GUEST_TSO4 },
		{ 8, VIRTIO_NET_F_GUEST_TSO6 },
		{ 9, VIRTIO_NET_F_GUEST_ECN },
		{ 46, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO },
		{ 47, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM },
		{ 54, VIRTIO_NET_F_GUEST_USO4 },
		{ 55, VIRTIO_NET_F_GUEST_USO6 },
	};
	uint64_t on[2] = { 0, 0 };
	uint64_t left = len == 8 ? oracle_64(o, data) : 0;

	if (number != 0 || len != 8 || !oracle_accepted(o, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(offload); i++) {
		unsigned int f = offload[i].feature;

		if (!(left >> offload[i].bit & 1) || !oracle_accepted(o, f))
			continue;
		on[f / 64] |= 1ull << (f % 64);
		left &= ~(1ull << offload[i].bit);
	}
	if (left)
		return false;
	memcpy(o->net.offloads, on, sizeof(on));
	hit(MILESTONE_NET_OFFLOADS);
	return true;
}

/* ---- statistics (5.1.9.5.11) ---- */

static bool either(const struct oracle *o, unsigned int a, unsigned int b, unsigned int c)
{
	return oracle_accepted(o, a) || oracle_accepted(o, b) || oracle_accepted(o, c);
}

/* The types of a queue. */
static uint64_t types_of(const struct oracle *o, unsigned int queue)
{
	uint64_t types;

	if (queue == 2 * oracle_net_pairs(o))
		return 1ull << 32;
	if (queue % 2) {
		types = 1u << 16;
		types |= oracle_accepted(o, VIRTIO_NET_F_CSUM) ? 1u << 17 : 0;
		return types | (either(o, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6,
				       VIRTIO_NET_F_HOST_USO)
					? 1u << 18
					: 0);
	}
	types = 1u << 0;
	types |= oracle_accepted(o, VIRTIO_NET_F_GUEST_CSUM) ? 1u << 1 : 0;
	return types |
	       (either(o, VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_TSO6)
			? 1u << 2
			: 0);
}

static uint64_t put(uint8_t *at, uint64_t len, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		at[len + i] = (uint8_t)(value >> (8 * i));
	return len + bytes;
}

static uint64_t put_entry(const struct oracle *o, uint64_t len, unsigned int queue,
			  unsigned int type)
{
	static const uint8_t count[] = { 6, 4, 4, [16] = 6, 2, 6, [32] = 2 };
	const struct model_counters *k = &o->net.counters[queue % SETUP_QUEUES];
	const uint64_t *from = type == 32	? o->net.commands
			       : type % 16 == 0 ? k->basic
			       : type % 16 == 1 ? k->csum
						: k->gso;
	uint8_t *at = o->net.answer;

	len = put(at, len, type, 2);
	len = put(at, len, queue, 2);
	len = put(at, len, 0, 2);
	len = put(at, len, 8u + 8u * count[type], 2);
	for (unsigned int i = 0; i < count[type]; i++)
		len = put(at, len, from[i], 8);
	return len;
}

/* Whether all entries ask for what there is. */
static bool stats_fine(const struct oracle *o, const uint8_t *data, uint64_t len)
{
	if (len % 16 || len > 64 * 16)
		return false;
	for (uint64_t i = 0; i < len; i += 16) {
		unsigned int queue = net_le16(data + i);

		if (queue > 2 * oracle_net_pairs(o) || net_le64(data + i + 8) & ~types_of(o, queue))
			return false;
	}
	return true;
}

/* Appends the statistics that are asked for to the answer; its length. */
static uint64_t put_stats(const struct oracle *o, const uint8_t *data, uint64_t len)
{
	uint64_t end = 1;

	for (uint64_t i = 0; i < len; i += 16) {
		for (unsigned int type = 0; type <= 32; type++) {
			if (net_le64(data + i + 8) >> type & 1)
				end = put_entry(o, end, net_le16(data + i), type);
		}
	}
	return end;
}

/* ---- all of them ---- */

/* What goes behind the ack: up to 8 bytes, or statistics. */
struct answer {
	uint64_t value;
	unsigned int bytes;
	bool stats;
};

static bool statistics(struct oracle *o, unsigned int number, const uint8_t *data, uint64_t len,
		       struct answer *a)
{
	if (!oracle_accepted(o, VIRTIO_NET_F_DEVICE_STATS))
		return false;
	a->stats = number == VIRTIO_NET_CTRL_STATS_GET;
	if (a->stats)
		return stats_fine(o, data, len);
	a->value = types_of(o, 0) | types_of(o, 1) | types_of(o, 2 * oracle_net_pairs(o));
	a->bytes = 8;
	return number == VIRTIO_NET_CTRL_STATS_QUERY && len == 0;
}

static bool command(struct oracle *o, const struct model_chain *c, struct answer *a)
{
	const uint8_t *data = c->capture + 2;
	uint64_t len = c->readable_bytes - 2;
	unsigned int number = c->capture[1];

	if (c->readable_bytes < 2 || c->readable_bytes > COMMAND_MAX)
		return false;
	switch (c->capture[0]) {
	case VIRTIO_NET_CTRL_RX:
		return set_mode(o, number, data, len);
	case VIRTIO_NET_CTRL_MAC:
		if (number == VIRTIO_NET_CTRL_MAC_TABLE_SET)
			return set_table(o, data, len);
		return number == VIRTIO_NET_CTRL_MAC_ADDR_SET && set_mac(o, data, len);
	case VIRTIO_NET_CTRL_VLAN:
		return set_vlan(o, number, data, len);
	case VIRTIO_NET_CTRL_ANNOUNCE:
		return announce_ack(o, number, len);
	case VIRTIO_NET_CTRL_MQ:
		return oracle_net_mq(o, number, data, len);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		return set_offloads(o, number, data, len);
	case VIRTIO_NET_CTRL_NOTF_COAL:
		a->bytes = number == VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET ? 8 : 0;
		return oracle_net_coalescing(o, number, data, len, &a->value);
	case VIRTIO_NET_CTRL_HASH_TUNNEL:
		return oracle_net_tunnels(o, number, data, len);
	case VIRTIO_NET_CTRL_STATS:
		return statistics(o, number, data, len, a);
	case VIRTIO_NET_CTRL_RSS_CTX:
		a->bytes = number == VIRTIO_NET_CTRL_RSS_CTX_CAP_GET ? 2 : 0;
		return oracle_net_contexts(o, number, data, len, &a->value);
	default:
		return false;
	}
}

static uint64_t put_answer(struct oracle *o, const struct model_chain *c, const struct answer *a)
{
	if (!a->stats)
		return put(o->net.answer, 1, a->value, a->bytes);
	hit(MILESTONE_NET_STATS);
	return put_stats(o, c->capture + 2, c->readable_bytes - 2);
}

/* 5.1.9.5.11.14: an answer that does not fit is cut off. */
void oracle_net_command(struct oracle *o, struct model_chain *c, struct due *due)
{
	struct answer a = { 0 };
	uint64_t len = 1;
	bool fine;

	o->net.commands[0]++;
	if (c->writable_bytes == 0) {
		hit(MILESTONE_NET_CTRL_NO_ACK);
		return;
	}
	if (c->read_pos < 2)
		memset(c->capture, 0xff, 2);
	fine = command(o, c, &a);
	o->net.commands[1] += fine;
	if (!fine)
		hit(MILESTONE_NET_CTRL_BAD);
	o->net.answer[0] = (uint8_t)(fine ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
	if (fine)
		len = put_answer(o, c, &a);
	if (len > c->writable_bytes)
		hit(MILESTONE_NET_STATS_CUT);
	due->part[0] = o->net.answer;
	due->len[0] = len < c->writable_bytes ? len : c->writable_bytes;
	oracle_net_look(o);
}
