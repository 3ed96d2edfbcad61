/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frames the driver wants to receive (5.1.9.5.1 to 5.1.9.5.3), and the commands that set it.
 */
#ifndef VIRTIO_NET_FILTER_H
#define VIRTIO_NET_FILTER_H

#include "virtio_net_command.h"

/* Whether a frame of at least NIC_FRAME_BYTES_MIN bytes passes. */
bool virtio_net_filter_passes(const struct virtio_net *net, const uint8_t *frame, uint32_t len);

/* Of the classes VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_MAC and VIRTIO_NET_CTRL_VLAN. */
bool virtio_net_filter_rx(struct virtio_net *net, uint8_t command, struct descriptor_chain *chain,
			  struct virtio_net_reply *reply);
bool virtio_net_filter_mac(struct virtio_net *net, uint8_t command, struct descriptor_chain *chain,
			   struct virtio_net_reply *reply);
bool virtio_net_filter_vlan(struct virtio_net *net, uint8_t command, struct descriptor_chain *chain,
			    struct virtio_net_reply *reply);

/* As after creation. */
void virtio_net_filter_reset(struct virtio_net *net);

#endif
