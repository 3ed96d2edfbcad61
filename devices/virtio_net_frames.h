/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames out (5.1.9.2) and frames in (5.1.9.4), for virtio_net.c.
 */
#ifndef ANVIL_NET_FRAMES_H
#define ANVIL_NET_FRAMES_H

#include "virtio_net.h"

/* Pops the one chain of a request on a transmit queue or the control queue. */
enum anvil_served anvil_net_frames_pop(struct anvil_net *net, unsigned int queue,
				       struct anvil_descriptor_chain *chain);

/*
 * 5.1.4.1, of a frame of at least ANVIL_NIC_FRAME_BYTES_MIN: its payload, behind the Ethernet
 * header and up to PACKET_TAGS_MAX VLAN tags, has at most `mtu` bytes. Frames to be segmented may
 * be longer.
 */
bool anvil_net_frames_length_passes(const struct anvil_net *net,
				    const struct anvil_nic_frame *frame);

/* Sends what is in this live transmit queue, unless it waits for the nic. */
void anvil_net_frames_transmit(struct anvil_net *net, unsigned int queue);

/* The nic's upcalls. */
void anvil_net_frames_sendable(struct anvil_nic *nic);
int anvil_net_frames_receive(struct anvil_nic *nic, const struct anvil_nic_frame *from_host);

/* There may be buffers for a frame that waits. */
void anvil_net_frames_receivable(struct anvil_net *net);

#endif
