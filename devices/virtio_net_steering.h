/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which receive queue a frame goes to, and the commands that set it (5.1.9.5.5 to 5.1.9.5.8).
 *
 * The last of VQ_PAIRS_SET and RSS_CONFIG decides. After a reset, and with one pair, all frames go
 * to receiveq1. With automatic steering a flow follows the pair on which the driver last sent a
 * frame of it; another flow n goes to pair n modulo those in use, what is no IP packet to
 * receiveq1; a queue that is stopped is passed over for the next one. With RSS, the frames of a
 * stopped queue are dropped.
 *
 * RSS contexts are checked and remembered. Nothing chooses one: that is the work of flow filters.
 */
#ifndef ANVIL_NET_STEERING_H
#define ANVIL_NET_STEERING_H

#include "virtio_net_command.h"
#include "virtio_net_hash.h"

/* Of class VIRTIO_NET_CTRL_MQ. */
bool anvil_net_steering_mq(struct anvil_net *net, uint8_t command,
			   struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply);
/* Of class VIRTIO_NET_CTRL_HASH_TUNNEL. */
bool anvil_net_steering_tunnel(struct anvil_net *net, uint8_t command,
			       struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply);
/* Of class VIRTIO_NET_CTRL_RSS_CTX. */
bool anvil_net_steering_context(struct anvil_net *net, uint8_t command,
				struct anvil_descriptor_chain *chain,
				struct anvil_net_reply *reply);

/* Whether more than one receive queue may be chosen: then nobody waits for buffers. */
bool anvil_net_steering_many(const struct anvil_net *net);

/* The hash of a frame, if a negotiated feature asks for one. */
void anvil_net_steering_hash(const struct anvil_net *net, const struct anvil_nic_frame *frame,
			     struct anvil_net_hash *hash);

/* The live receive queue that the frame goes to, or -1: drop it. */
int anvil_net_steering_choose(const struct anvil_net *net, const struct anvil_nic_frame *frame,
			      const struct anvil_net_hash *hash);

/* The driver sent a frame on this transmit queue. */
void anvil_net_steering_sent(struct anvil_net *net, unsigned int queue, const uint8_t *frame,
			     uint32_t len);

/* As after creation. */
void anvil_net_steering_reset(struct anvil_net *net);

#endif
