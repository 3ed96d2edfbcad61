/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash of a received frame (5.1.9.4.3). Pure functions of private copies.
 */
#ifndef ANVIL_NET_HASH_H
#define ANVIL_NET_HASH_H

#include "virtio_net.h"

struct anvil_net_hash {
	uint16_t report; /* VIRTIO_NET_HASH_REPORT_*; NONE: no hash was calculated */
	uint32_t value;
};

/*
 * Over what `hash_types` enables: of the inner packet if the frame is encapsulated in one of
 * `tunnel_types`, else of the outer one.
 */
void anvil_net_hash_frame(const uint8_t *frame, uint32_t len, const struct anvil_net_rss *config,
			  uint32_t tunnel_types, struct anvil_net_hash *hash);

/* Toeplitz over `len` bytes, at most ANVIL_NET_RSS_KEY - 4. */
uint32_t anvil_net_hash_toeplitz(const uint8_t *key, const uint8_t *bytes, uint32_t len);

/*
 * The flow of a frame, below ANVIL_NET_FLOWS, the same in both directions; -1: not an IP packet.
 * The 32-bit words of both addresses and, of a TCP or UDP packet, the word of both ports added to
 * the same word with the ports exchanged, are combined by XOR; the result times 0x9e3779b1 modulo
 * 2^32 has the flow in its upper 8 bits.
 */
int anvil_net_hash_flow(const uint8_t *frame, uint32_t len);

#endif
