/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frames the driver wants to receive (5.1.9.5.1 to 5.1.9.5.3), and the commands that set it.
 */
#ifndef ANVIL_NET_FILTER_H
#define ANVIL_NET_FILTER_H

#include "virtio_net_command.h"

/* Whether a frame of at least ANVIL_NIC_FRAME_BYTES_MIN bytes passes. */
bool anvil_net_filter_passes(const struct anvil_net *net, const uint8_t *frame, uint32_t len);

/* Of the classes VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_MAC and VIRTIO_NET_CTRL_VLAN. */
bool anvil_net_filter_rx(struct anvil_net *net, uint8_t command,
			 struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply);
bool anvil_net_filter_mac(struct anvil_net *net, uint8_t command,
			  struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply);
bool anvil_net_filter_vlan(struct anvil_net *net, uint8_t command,
			   struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply);

/* As after creation. */
void anvil_net_filter_reset(struct anvil_net *net);

#endif
