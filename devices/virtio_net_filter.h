/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frames the driver wants to receive (5.1.6.5.1 to 5.1.6.5.3), and the commands that set it.
 */
#ifndef VIRTIO_NET_FILTER_H
#define VIRTIO_NET_FILTER_H

#include "virtio_net.h"

/* Whether a frame of at least NIC_FRAME_BYTES_MIN bytes passes. */
bool virtio_net_filter_passes(const struct virtio_net *net, const uint8_t *frame, uint32_t len);

/*
 * Carries out the control command in the device-readable bytes of `chain`, wholly or not at all.
 * Returns the ack: VIRTIO_NET_OK, or VIRTIO_NET_ERR for a command that was not negotiated, does not
 * exist, or has data of the wrong length or value.
 */
uint8_t virtio_net_filter_command(struct virtio_net *net, struct descriptor_chain *chain);

/* As after creation. */
void virtio_net_filter_reset(struct virtio_net *net);

#endif
