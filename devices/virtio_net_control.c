/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table has the function that carries out the commands of each class. Those for ANNOUNCE and
 * GUEST_OFFLOADS, classes of one short command, are here.
 */
#include "virtio_net_control.h"

#include <string.h>

#include "array_size.h"
#include "virtio_net_coalesce.h"
#include "virtio_net_command.h"
#include "virtio_net_filter.h"
#include "virtio_net_header.h"
#include "virtio_net_link.h"
#include "virtio_net_stats.h"
#include "virtio_net_steering.h"

/* 5.1.9.5.4: the bit goes before the command is used */
static bool command_announce(struct anvil_net *net, uint8_t command,
			     struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply)
{
	(void)reply;
	if (command != VIRTIO_NET_CTRL_ANNOUNCE_ACK || chain->read.left ||
	    !anvil_device_has(&net->dev, VIRTIO_NET_F_GUEST_ANNOUNCE))
		return false;
	if (net->announce)
		net->dev.config_generation++;
	anvil_net_link_announced(net);
	return true;
}

/* The features behind the bits of a GUEST_OFFLOADS_SET command */
static void offload_features(uint64_t bits, struct anvil_features *set)
{
	uint64_t tunnel = 1ull << VIRTIO_NET_OFFLOAD_UDP_TUNNEL_GSO |
			  1ull << VIRTIO_NET_OFFLOAD_UDP_TUNNEL_GSO_CSUM;

	memset(set, 0, sizeof(*set));
	set->word[0] = bits & ~tunnel;
	if (bits >> VIRTIO_NET_OFFLOAD_UDP_TUNNEL_GSO & 1)
		anvil_features_add(set, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO);
	if (bits >> VIRTIO_NET_OFFLOAD_UDP_TUNNEL_GSO_CSUM & 1)
		anvil_features_add(set, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM);
}

/* 5.1.9.5.9.1: any of the offloads that were negotiated, and nothing else */
static bool command_offloads(struct anvil_net *net, uint8_t command,
			     struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply)
{
	const struct anvil_features negotiated = anvil_net_header_offloads(net);
	struct anvil_features set;
	uint64_t bits;

	(void)reply;
	if (command != VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET ||
	    !anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) ||
	    !anvil_net_command_rest(chain, &bits, sizeof(bits)))
		return false;
	offload_features(anvil_device_u64(&net->dev, bits), &set);
	if (set.word[0] & ~negotiated.word[0] || set.word[1] & ~negotiated.word[1])
		return false;
	net->guest = set;
	return true;
}

/* Carries out a command of one class; false: it is answered with VIRTIO_NET_ERR. */
typedef bool class_command(struct anvil_net *net, uint8_t command,
			   struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply);

static bool run(struct anvil_net *net, struct anvil_descriptor_chain *chain,
		struct anvil_net_reply *reply)
{
	static class_command *const classes[] = {
		[VIRTIO_NET_CTRL_RX] = anvil_net_filter_rx,
		[VIRTIO_NET_CTRL_MAC] = anvil_net_filter_mac,
		[VIRTIO_NET_CTRL_VLAN] = anvil_net_filter_vlan,
		[VIRTIO_NET_CTRL_ANNOUNCE] = command_announce,
		[VIRTIO_NET_CTRL_MQ] = anvil_net_steering_mq,
		[VIRTIO_NET_CTRL_GUEST_OFFLOADS] = command_offloads,
		[VIRTIO_NET_CTRL_NOTF_COAL] = anvil_net_coalesce_command,
		[VIRTIO_NET_CTRL_HASH_TUNNEL] = anvil_net_steering_tunnel,
		[VIRTIO_NET_CTRL_STATS] = anvil_net_stats_command,
		[VIRTIO_NET_CTRL_RSS_CTX] = anvil_net_steering_context,
	};
	uint8_t header[2]; /* class, command */

	return chain->readable_bytes <= ANVIL_NET_COMMAND_MAX &&
	       !anvil_descriptor_chain_read(chain, header, sizeof(header)) &&
	       header[0] < ARRAY_SIZE(classes) && classes[header[0]](net, header[1], chain, reply);
}

void anvil_net_control_command(struct anvil_net *net, struct anvil_descriptor_chain *chain)
{
	struct anvil_net_reply reply = { .len = 0, .wishes = 0 };
	bool good;
	uint8_t ack;

	net->commands[0]++;
	/* else a guest could have the answer stored where we may only read; were it fatal, it could
	 * end the process */
	if (chain->writable_bytes == 0)
		return;
	good = run(net, chain, &reply);
	net->commands[1] += good;
	ack = (uint8_t)(good ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
	(void)anvil_net_command_fill(chain, &ack, sizeof(ack));
	if (!good)
		return;
	(void)anvil_net_command_fill(chain, reply.bytes, reply.len);
	anvil_net_stats_reply(net, chain, reply.wish, reply.wishes);
}
