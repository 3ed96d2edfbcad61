/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The offload header in front of a frame (5.1.9) and the struct anvil_nic_offload that it stands
 * for. Pure functions of private copies.
 */
#ifndef ANVIL_NET_HEADER_H
#define ANVIL_NET_HEADER_H

#include "virtio_net_hash.h"
#include "virtio_spec.h"

/* How much of struct virtio_net_header_long the features accepted leave (5.1.9.3.1). */
uint32_t anvil_net_header_bytes(const struct anvil_net *net);

/*
 * Checks what the guest claims about a frame that it sends (5.1.9.2). Fields may be claimed if the
 * feature behind them was accepted, and if they fit the frame: a checksum inside it; for
 * segmentation, an IPv4 or IPv6 TCP or UDP frame, perhaps inside UDP, whose headers are all there.
 * hdr_len is not relied on. Returns 0 with `offload` filled in, or -EINVAL: drop the frame.
 */
int anvil_net_header_parse(const struct anvil_net *net, const struct virtio_net_header_long *header,
			   const uint8_t *frame, uint32_t len, struct anvil_nic_offload *offload)
	__attribute__((warn_unused_result));

/*
 * The header of a frame for the guest, over `num_buffers` chains (5.1.9.4). Work that the driver
 * does not take must have been done before.
 */
void anvil_net_header_make(const struct anvil_net *net, const struct anvil_nic_frame *frame,
			   uint16_t num_buffers, const struct anvil_net_hash *hash,
			   struct virtio_net_header_long *header);

/* The offloads of received frames that the driver accepted. */
struct anvil_features anvil_net_header_offloads(const struct anvil_net *net);

/* Whether this offload of received frames was accepted and is enabled, with what it requires. */
bool anvil_net_header_guest_has(const struct anvil_net *net, unsigned int feature);

/* Whether the driver takes frames that still need this segmentation. */
bool anvil_net_header_gso_accepted(const struct anvil_net *net,
				   const struct anvil_nic_offload *offload);

/* Does the work of `needs_csum` in place. */
void anvil_net_header_complete_csum(uint8_t *frame, uint32_t len,
				    const struct anvil_nic_offload *offload);

#endif
