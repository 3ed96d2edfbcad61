/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offsets in a guest's offload header are wishes; the frame says what they may be.
 */
#include "virtio_net_header.h"

#include <errno.h>
#include <string.h>

#define ETH_HEADER     14u
#define ETH_TYPE       12u
#define VLAN_TAG       4u
#define ETHERTYPE_IP4  0x0800u
#define ETHERTYPE_IP6  0x86ddu
#define ETHERTYPE_VLAN 0x8100u
#define IP4_HEADER     20u
#define IP4_PROTOCOL   9u
#define IP4_FRAGMENT   6u
#define FRAGMENT_MASK  0x3fffu /* more to come, or not the first one */
#define IP6_HEADER     40u
#define IP6_NEXT       6u
#define IP_TCP	       6u
#define TCP_HEADER     20u
#define TCP_OFFSET     12u
#define TCP_CSUM       16u

static uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Where the network header starts, and its type; past one VLAN tag if there is one. */
static uint32_t network_header(const uint8_t *frame, uint32_t len, uint16_t *type)
{
	*type = get_be16(frame + ETH_TYPE);
	if (*type != ETHERTYPE_VLAN || len < ETH_HEADER + VLAN_TAG)
		return ETH_HEADER;
	*type = get_be16(frame + ETH_TYPE + VLAN_TAG);
	return ETH_HEADER + VLAN_TAG;
}

/* The offset of the TCP header behind IPv4 without fragments, or 0. */
static uint32_t tcp4_header(const uint8_t *frame, uint32_t len, uint32_t at)
{
	if (len < at + IP4_HEADER || frame[at] >> 4 != 4 || frame[at + IP4_PROTOCOL] != IP_TCP ||
	    get_be16(frame + at + IP4_FRAGMENT) & FRAGMENT_MASK)
		return 0;

	uint32_t header = (frame[at] & 0xfu) * 4;

	return header < IP4_HEADER ? 0 : at + header;
}

/* The same behind IPv6 without extension headers. */
static uint32_t tcp6_header(const uint8_t *frame, uint32_t len, uint32_t at)
{
	if (len < at + IP6_HEADER || frame[at] >> 4 != 6 || frame[at + IP6_NEXT] != IP_TCP)
		return 0;
	return at + IP6_HEADER;
}

/* The length of all headers of a TCP frame of this kind, or 0 if it is none. */
static uint32_t tcp_headers(enum nic_gso gso, const uint8_t *frame, uint32_t len, uint32_t *tcp)
{
	uint16_t type;
	uint32_t at = network_header(frame, len, &type);

	if (gso == NIC_GSO_TCP4)
		*tcp = type == ETHERTYPE_IP4 ? tcp4_header(frame, len, at) : 0;
	else
		*tcp = type == ETHERTYPE_IP6 ? tcp6_header(frame, len, at) : 0;
	if (*tcp == 0 || len < *tcp + TCP_HEADER)
		return 0;

	uint32_t header = (uint32_t)(frame[*tcp + TCP_OFFSET] >> 4) * 4;

	return header < TCP_HEADER || len < *tcp + header ? 0 : *tcp + header;
}

static int parse_gso(const struct virtio_device *dev, const struct virtio_net_header *header,
		     const uint8_t *frame, uint32_t len, struct nic_offload *offload)
{
	uint8_t type = header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	uint32_t tcp;

	if (type == VIRTIO_NET_HDR_GSO_TCPV4 && virtio_device_has(dev, VIRTIO_NET_F_HOST_TSO4))
		offload->gso = NIC_GSO_TCP4;
	else if (type == VIRTIO_NET_HDR_GSO_TCPV6 && virtio_device_has(dev, VIRTIO_NET_F_HOST_TSO6))
		offload->gso = NIC_GSO_TCP6;
	else
		return -EINVAL;

	offload->gso_ecn = header->gso_type & VIRTIO_NET_HDR_GSO_ECN;
	if (offload->gso_ecn && !virtio_device_has(dev, VIRTIO_NET_F_HOST_ECN))
		return -EINVAL;

	uint32_t headers = tcp_headers(offload->gso, frame, len, &tcp);

	offload->gso_size = virtio_device_u16(dev, header->gso_size);
	offload->header_len = (uint16_t)headers;
	if (headers == 0 || offload->gso_size == 0 || !offload->needs_csum ||
	    offload->csum_start != tcp || offload->csum_offset != TCP_CSUM)
		return -EINVAL;
	return 0;
}

int virtio_net_header_parse(const struct virtio_device *dev, const struct virtio_net_header *header,
			    const uint8_t *frame, uint32_t len, struct nic_offload *offload)
{
	memset(offload, 0, sizeof(*offload));
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		offload->needs_csum = true;
		offload->csum_start = virtio_device_u16(dev, header->csum_start);
		offload->csum_offset = virtio_device_u16(dev, header->csum_offset);
		if (!virtio_device_has(dev, VIRTIO_NET_F_CSUM) ||
		    (uint32_t)offload->csum_start + offload->csum_offset + 2 > len)
			return -EINVAL;
	}
	if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return 0;
	return parse_gso(dev, header, frame, len, offload);
}

bool virtio_net_header_gso_accepted(const struct virtio_device *dev,
				    const struct nic_offload *offload)
{
	if (offload->gso_ecn && !virtio_device_has(dev, VIRTIO_NET_F_GUEST_ECN))
		return false;
	if (offload->gso == NIC_GSO_TCP4)
		return virtio_device_has(dev, VIRTIO_NET_F_GUEST_TSO4);
	if (offload->gso == NIC_GSO_TCP6)
		return virtio_device_has(dev, VIRTIO_NET_F_GUEST_TSO6);
	return true;
}

static uint8_t gso_type(const struct nic_offload *offload)
{
	uint8_t type =
		offload->gso == NIC_GSO_TCP4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;

	return offload->gso_ecn ? type | VIRTIO_NET_HDR_GSO_ECN : type;
}

void virtio_net_header_make(const struct virtio_device *dev, const struct nic_offload *offload,
			    uint16_t num_buffers, struct virtio_net_header *header)
{
	memset(header, 0, sizeof(*header));
	header->num_buffers = virtio_device_u16(dev, num_buffers);
	if (!virtio_device_has(dev, VIRTIO_NET_F_GUEST_CSUM))
		return;
	if (offload->needs_csum) {
		header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header->csum_start = virtio_device_u16(dev, offload->csum_start);
		header->csum_offset = virtio_device_u16(dev, offload->csum_offset);
	} else if (offload->csum_valid) {
		header->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (offload->gso != NIC_GSO_NONE) {
		header->gso_type = gso_type(offload);
		header->gso_size = virtio_device_u16(dev, offload->gso_size);
		header->hdr_len = virtio_device_u16(dev, offload->header_len);
	}
}

/*
 * RFC 1071; the field itself holds the pseudo header's sum and is part of what is summed. A result
 * of 0 is sent as its equal 0xffff: in UDP 0 means that there is no checksum (RFC 768).
 */
void virtio_net_header_complete_csum(uint8_t *frame, uint32_t len,
				     const struct nic_offload *offload)
{
	uint32_t at = (uint32_t)offload->csum_start + offload->csum_offset;
	uint64_t sum = 0;

	for (uint32_t i = offload->csum_start; i < len; i++)
		sum += (i - offload->csum_start) % 2 ? frame[i] : (uint64_t)frame[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = sum == 0xffff ? 0xffff : ~sum & 0xffff;
	frame[at] = (uint8_t)(sum >> 8);
	frame[at + 1] = (uint8_t)sum;
}
