/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The offload header in front of a frame (5.1.6) and the struct nic_offload that it stands for.
 * Pure functions of private copies.
 */
#ifndef VIRTIO_NET_HEADER_H
#define VIRTIO_NET_HEADER_H

#include "backend.h"
#include "virtio_device.h"
#include "virtio_spec.h"

/*
 * Judges what the guest claims about a frame that it sends (5.1.6.2). Fields may be claimed if the
 * feature behind them was accepted, and if they fit the frame: a checksum inside it; for
 * segmentation, an IPv4 or IPv6 TCP frame whose headers are all there. Returns 0 with `offload`
 * filled in, or -EINVAL: drop the frame.
 */
int virtio_net_header_parse(const struct virtio_device *dev, const struct virtio_net_header *header,
			    const uint8_t *frame, uint32_t len, struct nic_offload *offload)
	__attribute__((warn_unused_result));

/*
 * The header of a frame for the guest, over `num_buffers` chains (5.1.6.4). Work that the driver
 * does not take must have been done before.
 */
void virtio_net_header_make(const struct virtio_device *dev, const struct nic_offload *offload,
			    uint16_t num_buffers, struct virtio_net_header *header);

/* Whether the driver accepted frames that still need this segmentation. */
bool virtio_net_header_gso_accepted(const struct virtio_device *dev,
				    const struct nic_offload *offload);

/* Does the work of `needs_csum` in place. */
void virtio_net_header_complete_csum(uint8_t *frame, uint32_t len,
				     const struct nic_offload *offload);

#endif
