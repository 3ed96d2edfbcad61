/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames out (5.1.9.2) and frames in (5.1.9.4), for virtio_net.c.
 */
#ifndef VIRTIO_NET_FRAMES_H
#define VIRTIO_NET_FRAMES_H

#include "virtio_net.h"

/* Pops the one chain of a request on a transmit queue or the control queue. */
enum virtio_served virtio_net_frames_pop(struct virtio_net *net, unsigned int queue,
					 struct descriptor_chain *chain);

/*
 * 5.1.4.1, of a frame of at least NIC_FRAME_BYTES_MIN: its payload, behind the Ethernet header and
 * up to PACKET_TAGS_MAX VLAN tags, has at most `mtu` bytes. Frames to be segmented may be longer.
 */
bool virtio_net_frames_length_passes(const struct virtio_net *net, const struct nic_frame *frame);

/* Sends what is in this live transmit queue, unless it waits for the nic. */
void virtio_net_frames_transmit(struct virtio_net *net, unsigned int queue);

/* The nic's upcalls. */
void virtio_net_frames_sendable(struct nic *nic);
int virtio_net_frames_receive(struct nic *nic, const struct nic_frame *from_host);

/* There may be buffers for a frame that waits. */
void virtio_net_frames_receivable(struct virtio_net *net);

#endif
