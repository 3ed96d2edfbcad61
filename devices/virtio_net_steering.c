/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command is checked as a whole in a copy of its own, then taken over.
 */
#include "virtio_net_steering.h"

#include <endian.h>
#include <string.h>

#define CONTEXT_RESERVED 6u

/* ---- commands ---- */

static bool set_pairs(struct anvil_net *net, struct anvil_descriptor_chain *chain)
{
	uint16_t pairs;

	if (!anvil_device_has(&net->dev, VIRTIO_NET_F_MQ) ||
	    !anvil_net_command_rest(chain, &pairs, sizeof(pairs)))
		return false;
	pairs = anvil_device_u16(&net->dev, pairs);
	if (pairs == 0 || pairs > net->pairs || net->steering.contexts)
		return false;
	net->steering.pairs = pairs;
	net->steering.rss = false;
	return true;
}

/*
 * A key of the length that the command says; a hash needs one. Bytes behind it are passed over: a
 * byte of padding is what Linux 6.12.95 sends there.
 */
static bool read_key(struct anvil_descriptor_chain *chain, uint8_t len, struct anvil_net_rss *rss)
{
	return len <= ANVIL_NET_RSS_KEY && (len > 0 || rss->hash_types == 0) &&
	       !anvil_descriptor_chain_read(chain, rss->key, len);
}

static bool read_table(const struct anvil_net *net, struct anvil_descriptor_chain *chain,
		       struct anvil_net_rss *rss)
{
	if (rss->mask >= ANVIL_NET_RSS_TABLE || rss->mask & (rss->mask + 1u) ||
	    anvil_descriptor_chain_read(chain, rss->table,
					(rss->mask + 1u) * sizeof(rss->table[0])))
		return false;
	for (unsigned int i = 0; i <= rss->mask; i++) {
		rss->table[i] = le16toh(rss->table[i]);
		/* else a guest could have frames put into what lies behind the array of queues */
		if (rss->table[i] >= net->pairs)
			return false;
	}
	return true;
}

/* struct virtio_net_rss_config, to the end of the command */
static bool read_rss(const struct anvil_net *net, struct anvil_descriptor_chain *chain,
		     struct anvil_net_rss *rss)
{
	struct virtio_net_rss_head head;
	struct virtio_net_rss_tail tail;

	memset(rss, 0, sizeof(*rss));
	if (anvil_descriptor_chain_read(chain, &head, sizeof(head)))
		return false;
	rss->hash_types = le32toh(head.hash_types);
	rss->mask = le16toh(head.indirection_table_mask);
	rss->unclassified = le16toh(head.unclassified_queue);
	if (rss->hash_types & ~ANVIL_NET_HASH_TYPES || rss->unclassified >= net->pairs ||
	    !read_table(net, chain, rss) || anvil_descriptor_chain_read(chain, &tail, sizeof(tail)))
		return false;
	rss->pairs = le16toh(tail.max_tx_vq);
	return rss->pairs > 0 && rss->pairs <= net->pairs &&
	       read_key(chain, tail.hash_key_length, rss);
}

static bool set_rss(struct anvil_net *net, struct anvil_descriptor_chain *chain)
{
	/* a copy: else a guest could have a table that was refused steer frames */
	struct anvil_net_rss rss;

	if (!anvil_device_has(&net->dev, VIRTIO_NET_F_RSS) || !read_rss(net, chain, &rss))
		return false;
	net->steering.config = rss;
	net->steering.pairs = rss.pairs;
	net->steering.rss = true;
	return true;
}

/* 5.1.9.5.6.3: for devices without RSS, whose command sets the same */
static bool set_hash(struct anvil_net *net, struct anvil_descriptor_chain *chain)
{
	static const uint16_t zero[4];
	struct virtio_net_hash_config config;
	struct anvil_net_rss rss = { 0 };

	if (!anvil_device_has(&net->dev, VIRTIO_NET_F_HASH_REPORT) ||
	    anvil_device_has(&net->dev, VIRTIO_NET_F_RSS) ||
	    anvil_descriptor_chain_read(chain, &config, sizeof(config)))
		return false;
	rss.hash_types = le32toh(config.hash_types);
	if (rss.hash_types & ~ANVIL_NET_HASH_TYPES ||
	    memcmp(config.reserved, zero, sizeof(zero)) != 0 ||
	    !read_key(chain, config.hash_key_length, &rss))
		return false;
	net->steering.config = rss;
	return true;
}

bool anvil_net_steering_mq(struct anvil_net *net, uint8_t command,
			   struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply)
{
	(void)reply;
	switch (command) {
	case VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET:
		return set_pairs(net, chain);
	case VIRTIO_NET_CTRL_MQ_RSS_CONFIG:
		return set_rss(net, chain);
	case VIRTIO_NET_CTRL_MQ_HASH_CONFIG:
		return set_hash(net, chain);
	default:
		return false;
	}
}

bool anvil_net_steering_tunnel(struct anvil_net *net, uint8_t command,
			       struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply)
{
	uint32_t types;

	(void)reply;
	if (command != VIRTIO_NET_CTRL_HASH_TUNNEL_SET ||
	    !anvil_device_has(&net->dev, VIRTIO_NET_F_HASH_TUNNEL) ||
	    !anvil_net_command_rest(chain, &types, sizeof(types)) ||
	    le32toh(types) & ~ANVIL_NET_TUNNEL_TYPES)
		return false;
	net->steering.tunnel_types = le32toh(types);
	return true;
}

/* ---- contexts (5.1.9.5.8) ---- */

/* The bit of a context that may exist; 0 for an ID that is out of range. */
static uint64_t context_bit(uint16_t id)
{
	return id == 0 || id > ANVIL_NET_RSS_CONTEXTS ? 0 : 1ull << (id - 1);
}

/* Adds a context that does not exist, or modifies one that does. */
static bool put_context(struct anvil_net *net, bool exists, struct anvil_descriptor_chain *chain)
{
	struct anvil_net_rss rss;
	uint16_t id;

	if (anvil_descriptor_chain_read(chain, &id, sizeof(id)) ||
	    anvil_descriptor_chain_skip(chain, CONTEXT_RESERVED))
		return false;

	uint64_t bit = context_bit(le16toh(id));

	if (bit == 0 || !(net->steering.contexts & bit) == exists || !read_rss(net, chain, &rss))
		return false;
	net->steering.contexts |= bit;
	return true;
}

static bool delete_context(struct anvil_net *net, struct anvil_descriptor_chain *chain)
{
	uint16_t id;

	if (!anvil_net_command_rest(chain, &id, sizeof(id)) ||
	    !(net->steering.contexts & context_bit(le16toh(id))))
		return false;
	net->steering.contexts &= ~context_bit(le16toh(id));
	return true;
}

bool anvil_net_steering_context(struct anvil_net *net, uint8_t command,
				struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply)
{
	const uint16_t max = htole16(ANVIL_NET_RSS_CONTEXTS);

	if (!anvil_device_has(&net->dev, VIRTIO_NET_F_RSS_CONTEXT))
		return false;
	switch (command) {
	case VIRTIO_NET_CTRL_RSS_CTX_CAP_GET:
		anvil_net_command_result(reply, &max, sizeof(max));
		return chain->read.left == 0;
	case VIRTIO_NET_CTRL_RSS_CTX_ADD:
	case VIRTIO_NET_CTRL_RSS_CTX_MOD:
		return put_context(net, command == VIRTIO_NET_CTRL_RSS_CTX_MOD, chain);
	case VIRTIO_NET_CTRL_RSS_CTX_DEL:
		return delete_context(net, chain);
	default:
		return false;
	}
}

/* ---- frames ---- */

bool anvil_net_steering_many(const struct anvil_net *net)
{
	return net->steering.rss || net->steering.pairs > 1;
}

void anvil_net_steering_hash(const struct anvil_net *net, const struct anvil_nic_frame *frame,
			     struct anvil_net_hash *hash)
{
	anvil_net_hash_frame(frame->data, frame->len, &net->steering.config,
			     net->steering.tunnel_types, hash);
}

static bool live(const struct anvil_net *net, unsigned int pair)
{
	/* else a guest could have a frame put into a queue without rings, by way of NULL */
	return anvil_device_queue_takes(&net->dev, 2 * pair);
}

static int choose_by_table(const struct anvil_net *net, const struct anvil_net_hash *hash)
{
	const struct anvil_net_rss *config = &net->steering.config;
	unsigned int pair = hash->report == VIRTIO_NET_HASH_REPORT_NONE
				    ? config->unclassified
				    : config->table[hash->value & config->mask];

	return live(net, pair) ? (int)(2 * pair) : -1;
}

static int choose_by_flow(const struct anvil_net *net, const struct anvil_nic_frame *frame)
{
	unsigned int pairs = net->steering.pairs;
	int flow = pairs > 1 ? anvil_net_hash_flow(frame->data, frame->len) : -1;
	unsigned int first = flow < 0 ? 0 : (unsigned int)flow % pairs;

	if (flow >= 0 && net->steering.flow[flow] > 0 && net->steering.flow[flow] <= pairs)
		first = net->steering.flow[flow] - 1u;
	for (unsigned int i = 0; i < pairs; i++) {
		if (live(net, (first + i) % pairs))
			return (int)(2 * ((first + i) % pairs));
	}
	return -1;
}

int anvil_net_steering_choose(const struct anvil_net *net, const struct anvil_nic_frame *frame,
			      const struct anvil_net_hash *hash)
{
	return net->steering.rss ? choose_by_table(net, hash) : choose_by_flow(net, frame);
}

void anvil_net_steering_sent(struct anvil_net *net, unsigned int queue, const uint8_t *frame,
			     uint32_t len)
{
	struct anvil_net_steering *s = &net->steering;

	if (s->rss || s->pairs == 1 || queue / 2 >= s->pairs)
		return;

	int flow = anvil_net_hash_flow(frame, len);

	if (flow >= 0)
		s->flow[flow] = (uint8_t)(queue / 2 + 1);
}

void anvil_net_steering_reset(struct anvil_net *net)
{
	memset(&net->steering, 0, sizeof(net->steering));
	net->steering.pairs = 1;
}
