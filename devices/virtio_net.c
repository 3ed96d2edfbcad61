/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device as a whole: features, queues, configuration space. What happens on the queues is in
 * virtio_net_frames_transmit.c, virtio_net_frames_receive.c and virtio_net_control.c, what the host
 * changes later in virtio_net_link.c.
 */
#include "virtio_net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "virtio_net_coalesce.h"
#include "virtio_net_control.h"
#include "virtio_net_filter.h"
#include "virtio_net_frames.h"
#include "virtio_net_header.h"
#include "virtio_net_link.h"
#include "virtio_net_state.h"
#include "virtio_net_stats.h"
#include "virtio_net_steering.h"

static struct anvil_net *to_net(struct anvil_device *dev)
{
	return (struct anvil_net *)((char *)dev - offsetof(struct anvil_net, dev));
}

static unsigned int control_queue(const struct anvil_net *net)
{
	return 2 * net->pairs;
}

/* ---- the queues ---- */

/* A frame that waits goes to whatever queue steering chooses now. */
static enum anvil_served control_one(struct anvil_device *dev, unsigned int index)
{
	struct anvil_net *net = to_net(dev);
	struct anvil_descriptor_chain chain;
	enum anvil_served served = anvil_net_frames_pop(net, index, &chain);

	if (served != ANVIL_SERVED_ONE)
		return served;
	anvil_net_control_command(net, &chain);
	anvil_virtqueue_fill(&dev->queue[index], &chain);
	anvil_device_publish(dev, index);
	anvil_net_coalesce_look(net);
	if (anvil_net_steering_many(net))
		anvil_net_frames_receivable(net);
	return ANVIL_SERVED_ONE;
}

/* 5.1.2: several pairs and the control queue are there if negotiated */
static void features_accepted(struct anvil_device *dev)
{
	struct anvil_net *net = to_net(dev);

	net->pairs = 1;
	if (anvil_device_has(dev, VIRTIO_NET_F_MQ) || anvil_device_has(dev, VIRTIO_NET_F_RSS))
		net->pairs = net->options.queue_pairs_max;
	dev->queues_used =
		control_queue(net) + (anvil_device_has(dev, VIRTIO_NET_F_CTRL_VQ) ? 1 : 0);
	net->guest = anvil_net_header_offloads(net);
}

static void notified(struct anvil_device *dev, unsigned int index)
{
	struct anvil_net *net = to_net(dev);

	if (index == control_queue(net)) {
		anvil_device_serve(dev, index, control_one);
		return;
	}
	if (!dev->polled)
		anvil_net_stats_notified(net, index);
	if (index % 2 == ANVIL_NET_RX)
		anvil_net_frames_receivable(net);
	else
		anvil_net_frames_transmit(net, index);
}

/* A nic that waits for buffers goes on waiting, for those of the next driver. */
static void queue_stopped(struct anvil_device *dev, unsigned int index)
{
	struct anvil_net *net = to_net(dev);

	/* by queue: control has no pair, and a guest could have us write behind the last one */
	net->queue[index].blocked = false;
	anvil_net_coalesce_stopped(net, index);
}

static void reset(struct anvil_device *dev)
{
	struct anvil_net *net = to_net(dev);

	anvil_net_filter_reset(net);
	anvil_net_steering_reset(net);
	anvil_net_coalesce_reset(net);
	anvil_net_stats_reset(net);
	memset(&net->guest, 0, sizeof(net->guest));
	net->next_tx_pair = 0;
	net->pairs = net->options.queue_pairs_max;
	if (memcmp(net->config.mac, net->options.mac, ANVIL_NIC_MAC_BYTES) != 0 || net->announce)
		dev->config_generation++;
	memcpy(net->config.mac, net->options.mac, ANVIL_NIC_MAC_BYTES);
	anvil_net_link_announced(net);
}

/* 5.1.4.3: a legacy driver sets the address here; the rest is read-only */
static void config_written(struct anvil_device *dev, uint32_t offset, const uint8_t *bytes,
			   uint32_t len)
{
	if (!dev->legacy || len > ANVIL_NIC_MAC_BYTES || offset > ANVIL_NIC_MAC_BYTES - len)
		return;
	memcpy(to_net(dev)->config.mac + offset, bytes, len);
	dev->config_generation++;
}

/* ---- features (5.1.3) ---- */

#define BIT(n) (1ull << ((n) % 64))

static const struct anvil_features supported = {
	.word = {
		BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) |
			BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | BIT(VIRTIO_NET_F_MTU) |
			BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_GUEST_TSO4) |
			BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_GUEST_ECN) |
			BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |
			BIT(VIRTIO_NET_F_HOST_ECN) | BIT(VIRTIO_NET_F_MRG_RXBUF) |
			BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_CTRL_VQ) |
			BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_CTRL_VLAN) |
			BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) |
			BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) |
			BIT(VIRTIO_NET_F_DEVICE_STATS) | BIT(VIRTIO_NET_F_HASH_TUNNEL) |
			BIT(VIRTIO_NET_F_VQ_NOTF_COAL) | BIT(VIRTIO_NET_F_NOTF_COAL) |
			BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6) |
			BIT(VIRTIO_NET_F_HOST_USO) | BIT(VIRTIO_NET_F_HASH_REPORT) |
			BIT(VIRTIO_NET_F_GUEST_HDRLEN) | BIT(VIRTIO_NET_F_RSS) |
			BIT(VIRTIO_NET_F_SPEED_DUPLEX) | BIT(VIRTIO_F_INDIRECT_DESC) |
			BIT(VIRTIO_F_EVENT_IDX) | BIT(VIRTIO_F_RING_RESET) |
			BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_F_IN_ORDER) |
			BIT(VIRTIO_F_NOTIFICATION_DATA) |
			BIT(VIRTIO_F_ORDER_PLATFORM) | BIT(VIRTIO_F_SUSPEND),
		BIT(VIRTIO_NET_F_RSS_CONTEXT) | BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO) |
			BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM) |
			BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO) |
			BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM) |
			BIT(VIRTIO_NET_F_OUT_NET_HEADER),
	},
};

/* 5.1.3.1, and 5.1.4.1 on HASH_REPORT and CTRL_RX_EXTRA; several of one feature are all required */
static const struct anvil_feature_rule net_rules[] = {
	{ VIRTIO_NET_F_GUEST_TSO4, { VIRTIO_NET_F_GUEST_CSUM } },
	{ VIRTIO_NET_F_GUEST_TSO6, { VIRTIO_NET_F_GUEST_CSUM } },
	{ VIRTIO_NET_F_GUEST_ECN, { VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6 } },
	{ VIRTIO_NET_F_GUEST_USO4, { VIRTIO_NET_F_GUEST_CSUM } },
	{ VIRTIO_NET_F_GUEST_USO6, { VIRTIO_NET_F_GUEST_CSUM } },
	{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, { VIRTIO_NET_F_GUEST_TSO4 } },
	{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, { VIRTIO_NET_F_GUEST_TSO6 } },
	{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, { VIRTIO_NET_F_GUEST_USO4 } },
	{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, { VIRTIO_NET_F_GUEST_USO6 } },
	{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM, { VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO } },
	{ VIRTIO_NET_F_HOST_TSO4, { VIRTIO_NET_F_CSUM } },
	{ VIRTIO_NET_F_HOST_TSO6, { VIRTIO_NET_F_CSUM } },
	{ VIRTIO_NET_F_HOST_ECN, { VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6 } },
	{ VIRTIO_NET_F_HOST_USO, { VIRTIO_NET_F_CSUM } },
	{ VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, { VIRTIO_NET_F_HOST_TSO4 } },
	{ VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, { VIRTIO_NET_F_HOST_TSO6 } },
	{ VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, { VIRTIO_NET_F_HOST_USO } },
	{ VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM, { VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO } },
	{ VIRTIO_NET_F_CTRL_RX, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_CTRL_VLAN, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_CTRL_RX_EXTRA, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_GUEST_ANNOUNCE, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_MQ, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_CTRL_MAC_ADDR, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_NOTF_COAL, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_VQ_NOTF_COAL, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_RSS, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_HASH_REPORT, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_HASH_TUNNEL, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_HASH_TUNNEL, { VIRTIO_NET_F_RSS, VIRTIO_NET_F_HASH_REPORT } },
	{ VIRTIO_NET_F_RSS_CONTEXT, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_RSS_CONTEXT, { VIRTIO_NET_F_RSS } },
};

#define RULES (ARRAY_SIZE(net_rules))

/* ---- creation ---- */

static bool options_valid(const struct anvil_net_options *o)
{
	bool many = anvil_features_has(&o->features, VIRTIO_NET_F_MQ) ||
		    anvil_features_has(&o->features, VIRTIO_NET_F_RSS);

	if (o->features.word[0] & ~supported.word[0] || o->features.word[1] & ~supported.word[1])
		return false;
	if (o->queue_pairs_max > (many ? ANVIL_NET_PAIRS_MAX : 1) ||
	    !anvil_net_link_speed_valid(o->speed, o->duplex))
		return false;
	return o->mtu >= 68 && anvil_device_rules_hold(net_rules, RULES, &o->features);
}

/* Fields exist with their features (5.1.4); others are 0. */
static void fill_config(struct anvil_net *net)
{
	const struct anvil_net_options *o = &net->options;
	const struct anvil_features *f = &o->features;
	struct anvil_net_config *c = &net->config;
	bool rss = anvil_features_has(f, VIRTIO_NET_F_RSS);

	memcpy(c->mac, o->mac, ANVIL_NIC_MAC_BYTES);
	if (anvil_features_has(f, VIRTIO_NET_F_MTU))
		c->mtu = anvil_device_u16(&net->dev, o->mtu);
	if (anvil_features_has(f, VIRTIO_NET_F_STATUS) && net->link.up)
		c->status = anvil_device_u16(&net->dev, VIRTIO_NET_S_LINK_UP);
	if (rss || anvil_features_has(f, VIRTIO_NET_F_MQ))
		c->max_virtqueue_pairs = anvil_device_u16(&net->dev, o->queue_pairs_max);
	if (anvil_features_has(f, VIRTIO_NET_F_SPEED_DUPLEX)) {
		c->speed = anvil_device_u32(&net->dev, net->link.speed);
		c->duplex = net->link.duplex;
	}
	if (rss)
		c->rss_max_indirection_table_length =
			anvil_device_u16(&net->dev, ANVIL_NET_RSS_TABLE);
	if (rss || anvil_features_has(f, VIRTIO_NET_F_HASH_REPORT)) {
		c->rss_max_key_size = ANVIL_NET_RSS_KEY;
		c->supported_hash_types = anvil_device_u32(&net->dev, ANVIL_NET_HASH_TYPES);
	}
	if (anvil_features_has(f, VIRTIO_NET_F_HASH_TUNNEL))
		c->supported_tunnel_types = anvil_device_u32(&net->dev, ANVIL_NET_TUNNEL_TYPES);
}

/* The features that are left bear what is left of the queues, or it cannot be had. */
static int make_legacy(struct anvil_device *dev)
{
	struct anvil_net *net = to_net(dev);

	if (net->options.queue_pairs_max > 1 && !anvil_features_has(&dev->offered, VIRTIO_NET_F_MQ))
		return -EINVAL;
	net->options.features = dev->offered;
	memset(&net->config, 0, sizeof(net->config));
	fill_config(net);
	return 0;
}

static const struct anvil_device_ops net_ops = {
	.device_id = VIRTIO_ID_NET,
	.rule = net_rules,
	.rules = RULES,
	.features_accepted = features_accepted,
	.notified = notified,
	.queue_stopped = queue_stopped,
	.config_written = config_written,
	.reset = reset,
	.config_refresh = anvil_net_link_refresh,
	.config_kinds = HELD_STATUS | HELD_SPEED,
	.make_legacy = make_legacy,
	.coalesces = anvil_net_coalesce_enabled,
	.notify_coalesced = anvil_net_coalesce_notify,
	.save = anvil_net_state_save,
	.restore = anvil_net_state_restore,
};

static int init_buffers(struct anvil_net *net)
{
	size_t entries = net->options.queue_size_max;

	/* one for control, too: else a guest could have us write behind the array by stopping it */
	net->queue = calloc(net->dev.queues, sizeof(*net->queue));
	net->filter = calloc(1, sizeof(*net->filter));
	net->proposed = calloc(2, sizeof(*net->proposed));
	net->segment = malloc(2 * entries * sizeof(*net->segment));
	net->chain = malloc(entries * sizeof(*net->chain));
	net->frame = malloc(ANVIL_NIC_FRAME_BYTES_MAX);
	if (!net->queue || !net->filter || !net->proposed || !net->segment || !net->chain ||
	    !net->frame)
		return -ENOMEM;
	return 0;
}

int anvil_net_init(struct anvil_net *net, const struct anvil_net_options *options)
{
	memset(net, 0, sizeof(*net));
	if (!options_valid(options))
		return -EINVAL;
	net->options = *options;
	if (net->options.queue_pairs_max == 0)
		net->options.queue_pairs_max = 1;
	net->pairs = net->options.queue_pairs_max;
	net->link.up = options->link_up;
	net->link.speed = options->speed;
	net->link.duplex = options->duplex;

	bool control = anvil_features_has(&options->features, VIRTIO_NET_F_CTRL_VQ);
	int err = anvil_device_init(&net->dev, &net_ops, options->memory,
				    control_queue(net) + (control ? 1 : 0), options->queue_size_max,
				    &options->features);

	if (!err)
		err = init_buffers(net);
	if (err) {
		anvil_net_destroy(net);
		return err;
	}
	fill_config(net);
	anvil_net_steering_reset(net);
	net->dev.config = (uint8_t *)&net->config;
	net->dev.config_len = sizeof(net->config);
	options->nic->device = net;
	options->nic->receive = anvil_net_frames_receive;
	options->nic->sendable = anvil_net_frames_sendable;
	return 0;
}

void anvil_net_destroy(struct anvil_net *net)
{
	free(net->queue);
	free(net->filter);
	free(net->proposed);
	free(net->segment);
	free(net->chain);
	free(net->frame);
	anvil_device_destroy(&net->dev);
	memset(net, 0, sizeof(*net));
}
