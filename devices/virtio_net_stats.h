/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters, and the commands that ask for them (5.1.9.5.11). They start from 0 at a reset.
 *
 *   rx_packets...      frames put into buffers
 *   rx_drops           frames that passed the filters, were steered to this queue and found no
 *                      buffers that hold them; rx_drop_overruns: of these, for want of buffers
 *   rx_csum_none       frames with neither VIRTIO_NET_HDR_F_DATA_VALID nor _NEEDS_CSUM
 *   tx_drops           chains whose frame was not given to the nic; tx_drop_malformed: of these,
 *                      for what the chain or its header says
 *   *_gso_*            segmentation is the nic's: all GSO frames are passed on without it
 */
#ifndef ANVIL_NET_STATS_H
#define ANVIL_NET_STATS_H

#include "virtio_net_command.h"
#include "virtio_spec.h"

/* What happened on a receive or transmit queue. */
void anvil_net_stats_notified(struct anvil_net *net, unsigned int queue);
void anvil_net_stats_interrupt(struct anvil_net *net, unsigned int queue);
void anvil_net_stats_received(struct anvil_net *net, unsigned int queue,
			      const struct anvil_nic_frame *frame);
void anvil_net_stats_sent(struct anvil_net *net, unsigned int queue,
			  const struct anvil_nic_frame *frame);
/* `cause`: for want of buffers, or malformed */
void anvil_net_stats_dropped(struct anvil_net *net, unsigned int queue, bool cause);

/* Of class VIRTIO_NET_CTRL_STATS. */
bool anvil_net_stats_command(struct anvil_net *net, uint8_t command,
			     struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply);

/* Writes the statistics that a command asked for, as far as they fit. */
void anvil_net_stats_reply(struct anvil_net *net, struct anvil_descriptor_chain *chain,
			   const struct virtio_net_stats_wish *wish, unsigned int wishes);

void anvil_net_stats_reset(struct anvil_net *net);

#endif
