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

#include "virtio_net_coalesce.h"
#include "virtio_net_control.h"
#include "virtio_net_filter.h"
#include "virtio_net_frames.h"
#include "virtio_net_header.h"
#include "virtio_net_link.h"
#include "virtio_net_state.h"
#include "virtio_net_stats.h"
#include "virtio_net_steering.h"

static struct virtio_net *to_net(struct virtio_device *dev)
{
	return (struct virtio_net *)((char *)dev - offsetof(struct virtio_net, dev));
}

static unsigned int control_queue(const struct virtio_net *net)
{
	return 2 * net->pairs;
}

/* ---- the queues ---- */

/* A frame that waits goes to whatever queue steering chooses now. */
static enum virtio_served control_one(struct virtio_device *dev, unsigned int index)
{
	struct virtio_net *net = to_net(dev);
	struct descriptor_chain chain;
	enum virtio_served served = virtio_net_frames_pop(net, index, &chain);

	if (served != VIRTIO_SERVED_ONE)
		return served;
	virtio_net_control_command(net, &chain);
	virtqueue_fill(&dev->queue[index], &chain);
	virtio_device_publish(dev, index);
	virtio_net_coalesce_look(net);
	if (virtio_net_steering_many(net))
		virtio_net_frames_receivable(net);
	return VIRTIO_SERVED_ONE;
}

/* 5.1.2: several pairs and the control queue are there if negotiated */
static void features_accepted(struct virtio_device *dev)
{
	struct virtio_net *net = to_net(dev);

	net->pairs = 1;
	if (virtio_device_has(dev, VIRTIO_NET_F_MQ) || virtio_device_has(dev, VIRTIO_NET_F_RSS))
		net->pairs = net->options.queue_pairs_max;
	dev->queues_used =
		control_queue(net) + (virtio_device_has(dev, VIRTIO_NET_F_CTRL_VQ) ? 1 : 0);
	net->guest = virtio_net_header_offloads(net);
}

static void notified(struct virtio_device *dev, unsigned int index)
{
	struct virtio_net *net = to_net(dev);

	if (index == control_queue(net)) {
		virtio_device_serve(dev, index, control_one);
		return;
	}
	if (!dev->polled)
		virtio_net_stats_notified(net, index);
	if (index % 2 == VIRTIO_NET_RX)
		virtio_net_frames_receivable(net);
	else
		virtio_net_frames_transmit(net, index);
}

/* A nic that waits for buffers goes on waiting, for those of the next driver. */
static void queue_stopped(struct virtio_device *dev, unsigned int index)
{
	struct virtio_net *net = to_net(dev);

	net->queue[index].blocked = false;
	virtio_net_coalesce_stopped(net, index);
}

static void reset(struct virtio_device *dev)
{
	struct virtio_net *net = to_net(dev);

	virtio_net_filter_reset(net);
	virtio_net_steering_reset(net);
	virtio_net_coalesce_reset(net);
	virtio_net_stats_reset(net);
	memset(&net->guest, 0, sizeof(net->guest));
	net->next_tx_pair = 0;
	net->pairs = net->options.queue_pairs_max;
	if (memcmp(net->config.mac, net->options.mac, NIC_MAC_BYTES) != 0 || net->announce)
		dev->config_generation++;
	memcpy(net->config.mac, net->options.mac, NIC_MAC_BYTES);
	virtio_net_link_announced(net);
}

/* 5.1.4.3: a legacy driver sets the address here; the rest is read-only */
static void config_written(struct virtio_device *dev, uint32_t offset, const uint8_t *bytes,
			   uint32_t len)
{
	if (!dev->legacy || len > NIC_MAC_BYTES || offset > NIC_MAC_BYTES - len)
		return;
	memcpy(to_net(dev)->config.mac + offset, bytes, len);
	dev->config_generation++;
}

/* ---- features (5.1.3) ---- */

#define BIT(n) (1ull << ((n) % 64))

static const struct virtio_features supported = {
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
static const struct virtio_feature_rule net_rules[] = {
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

#define RULES (sizeof(net_rules) / sizeof(net_rules[0]))

/* ---- creation ---- */

static bool options_valid(const struct virtio_net_options *o)
{
	bool many = virtio_features_has(&o->features, VIRTIO_NET_F_MQ) ||
		    virtio_features_has(&o->features, VIRTIO_NET_F_RSS);

	if (o->features.word[0] & ~supported.word[0] || o->features.word[1] & ~supported.word[1])
		return false;
	if (o->queue_pairs_max > (many ? VIRTIO_NET_PAIRS_MAX : 1) ||
	    !virtio_net_link_speed_valid(o->speed, o->duplex))
		return false;
	return o->mtu >= 68 && virtio_device_rules_hold(net_rules, RULES, &o->features);
}

/* Fields exist with their features (5.1.4); others are 0. */
static void fill_config(struct virtio_net *net)
{
	const struct virtio_net_options *o = &net->options;
	const struct virtio_features *f = &o->features;
	struct virtio_net_config *c = &net->config;
	bool rss = virtio_features_has(f, VIRTIO_NET_F_RSS);

	memcpy(c->mac, o->mac, NIC_MAC_BYTES);
	if (virtio_features_has(f, VIRTIO_NET_F_MTU))
		c->mtu = virtio_device_u16(&net->dev, o->mtu);
	if (virtio_features_has(f, VIRTIO_NET_F_STATUS) && o->link_up)
		c->status = virtio_device_u16(&net->dev, VIRTIO_NET_S_LINK_UP);
	if (rss || virtio_features_has(f, VIRTIO_NET_F_MQ))
		c->max_virtqueue_pairs = virtio_device_u16(&net->dev, o->queue_pairs_max);
	if (virtio_features_has(f, VIRTIO_NET_F_SPEED_DUPLEX)) {
		c->speed = virtio_device_u32(&net->dev, o->speed);
		c->duplex = o->duplex;
	}
	if (rss)
		c->rss_max_indirection_table_length =
			virtio_device_u16(&net->dev, VIRTIO_NET_RSS_TABLE);
	if (rss || virtio_features_has(f, VIRTIO_NET_F_HASH_REPORT)) {
		c->rss_max_key_size = VIRTIO_NET_RSS_KEY;
		c->supported_hash_types = virtio_device_u32(&net->dev, VIRTIO_NET_HASH_TYPES);
	}
	if (virtio_features_has(f, VIRTIO_NET_F_HASH_TUNNEL))
		c->supported_tunnel_types = virtio_device_u32(&net->dev, VIRTIO_NET_TUNNEL_TYPES);
}

/* The features that are left bear what is left of the queues, or it cannot be had. */
static int make_legacy(struct virtio_device *dev)
{
	struct virtio_net *net = to_net(dev);

	if (net->options.queue_pairs_max > 1 &&
	    !virtio_features_has(&dev->offered, VIRTIO_NET_F_MQ))
		return -EINVAL;
	net->options.features = dev->offered;
	memset(&net->config, 0, sizeof(net->config));
	fill_config(net);
	return 0;
}

static const struct virtio_device_ops net_ops = {
	.device_id = VIRTIO_ID_NET,
	.rule = net_rules,
	.rules = RULES,
	.features_accepted = features_accepted,
	.notified = notified,
	.queue_stopped = queue_stopped,
	.config_written = config_written,
	.reset = reset,
	.config_refresh = virtio_net_link_refresh,
	.config_kinds = HELD_STATUS | HELD_SPEED,
	.make_legacy = make_legacy,
	.coalesces = virtio_net_coalesce_enabled,
	.notify_coalesced = virtio_net_coalesce_notify,
	.save = virtio_net_state_save,
	.restore = virtio_net_state_restore,
};

static int init_buffers(struct virtio_net *net)
{
	size_t entries = net->options.queue_size_max;

	net->queue = calloc(net->dev.queues, sizeof(*net->queue));
	net->filter = calloc(1, sizeof(*net->filter));
	net->proposed = calloc(2, sizeof(*net->proposed));
	net->segment = malloc(2 * entries * sizeof(*net->segment));
	net->chain = malloc(entries * sizeof(*net->chain));
	net->frame = malloc(NIC_FRAME_BYTES_MAX);
	if (!net->queue || !net->filter || !net->proposed || !net->segment || !net->chain ||
	    !net->frame)
		return -ENOMEM;
	return 0;
}

int virtio_net_init(struct virtio_net *net, const struct virtio_net_options *options)
{
	memset(net, 0, sizeof(*net));
	if (!options_valid(options))
		return -EINVAL;
	net->options = *options;
	if (net->options.queue_pairs_max == 0)
		net->options.queue_pairs_max = 1;
	net->pairs = net->options.queue_pairs_max;

	bool control = virtio_features_has(&options->features, VIRTIO_NET_F_CTRL_VQ);
	int err = virtio_device_init(&net->dev, &net_ops, options->memory,
				     control_queue(net) + (control ? 1 : 0),
				     options->queue_size_max, &options->features);

	if (!err)
		err = init_buffers(net);
	if (err) {
		virtio_net_destroy(net);
		return err;
	}
	fill_config(net);
	virtio_net_steering_reset(net);
	net->dev.config = (uint8_t *)&net->config;
	net->dev.config_len = sizeof(net->config);
	options->nic->device = net;
	options->nic->receive = virtio_net_frames_receive;
	options->nic->sendable = virtio_net_frames_sendable;
	return 0;
}

void virtio_net_destroy(struct virtio_net *net)
{
	free(net->queue);
	free(net->filter);
	free(net->proposed);
	free(net->segment);
	free(net->chain);
	free(net->frame);
	virtio_device_destroy(&net->dev);
	memset(net, 0, sizeof(*net));
}
