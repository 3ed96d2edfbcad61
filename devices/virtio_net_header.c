/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The header in front of each frame. Offsets that a guest writes there are checked against the
 * frame itself.
 */
#include "virtio_net_header.h"

#include <errno.h>
#include <string.h>

#include "virtio_net_packet.h"

#define TCP_OFFSET 12u
#define TCP_CSUM   16u
#define UDP_CSUM   6u

#define GSO_TUNNEL (VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4 | VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6)

uint32_t anvil_net_header_bytes(const struct anvil_net *net)
{
	const struct anvil_device *dev = &net->dev;

	if (anvil_device_has(dev, VIRTIO_NET_F_OUT_NET_HEADER))
		return sizeof(struct virtio_net_header_long);
	if (anvil_device_has(dev, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO) ||
	    anvil_device_has(dev, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO))
		return offsetof(struct virtio_net_header_long, outer_nh_offset);
	if (anvil_device_has(dev, VIRTIO_NET_F_HASH_REPORT))
		return offsetof(struct virtio_net_header_long, outer_th_offset);
	/* 5.1.9.1: num_buffers came with MRG_RXBUF, and is always there since VERSION_1: else a
	 * guest could get, and send, frames that begin 2 bytes too early */
	if (dev->legacy && !anvil_device_has(dev, VIRTIO_NET_F_MRG_RXBUF))
		return VIRTIO_NET_HEADER_LEGACY_BYTES;
	return sizeof(struct virtio_net_header);
}

/* ---- from the guest ---- */

static uint8_t gso_protocol(enum anvil_nic_gso gso)
{
	return gso == ANVIL_NIC_GSO_TCP4 || gso == ANVIL_NIC_GSO_TCP6 ? PACKET_TCP : PACKET_UDP;
}

static uint8_t gso_version(enum anvil_nic_gso gso)
{
	return gso == ANVIL_NIC_GSO_TCP4 || gso == ANVIL_NIC_GSO_UDP4 ? 4 : 6;
}

/* The length of all headers of a packet that can be segmented in this way, or 0. */
static uint32_t gso_headers(enum anvil_nic_gso gso, const uint8_t *frame, uint32_t len,
			    const struct anvil_net_packet *p)
{
	if (p->version != gso_version(gso) || p->protocol != gso_protocol(gso) || p->extended)
		return 0;
	if (p->protocol == PACKET_UDP)
		return p->transport + PACKET_UDP_HEADER;

	uint32_t header = (uint32_t)(frame[p->transport + TCP_OFFSET] >> 4) * 4;

	return header < PACKET_TCP_HEADER || len < p->transport + header ? 0
									 : p->transport + header;
}

/* The type that the guest names, if it may: UDP_L4 stands for both versions. */
static enum anvil_nic_gso named_gso(const struct anvil_device *dev, uint8_t type, uint8_t version)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return anvil_device_has(dev, VIRTIO_NET_F_HOST_TSO4) ? ANVIL_NIC_GSO_TCP4
								     : ANVIL_NIC_GSO_NONE;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return anvil_device_has(dev, VIRTIO_NET_F_HOST_TSO6) ? ANVIL_NIC_GSO_TCP6
								     : ANVIL_NIC_GSO_NONE;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		if (!anvil_device_has(dev, VIRTIO_NET_F_HOST_USO))
			return ANVIL_NIC_GSO_NONE;
		return version == 4 ? ANVIL_NIC_GSO_UDP4 : ANVIL_NIC_GSO_UDP6;
	default:
		return ANVIL_NIC_GSO_NONE;
	}
}

/* 5.1.9.2.2: UDP outside, and what the type says inside. Fills in `p` for the inner packet. */
static bool parse_tunnel(const struct anvil_device *dev,
			 const struct virtio_net_header_long *header, const uint8_t *frame,
			 uint32_t len, struct anvil_net_packet *p,
			 struct anvil_nic_offload *offload)
{
	bool six = header->base.gso_type & VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6;
	uint16_t outer = anvil_device_u16(dev, header->outer_th_offset);
	uint16_t inner = anvil_device_u16(dev, header->inner_nh_offset);

	if ((header->base.gso_type & GSO_TUNNEL) == GSO_TUNNEL ||
	    header->base.flags & VIRTIO_NET_HDR_F_DATA_VALID ||
	    !anvil_device_has(dev, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO))
		return false;
	offload->tunnel = true;
	offload->outer_csum = header->base.flags & VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM;
	offload->outer_th = outer;
	offload->inner_nh = inner;
	if (offload->outer_csum && !anvil_device_has(dev, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM))
		return false;
	if (p->protocol != PACKET_UDP || p->transport != outer || inner < outer + PACKET_UDP_HEADER)
		return false;
	anvil_net_packet_parse_ip(frame, len, inner, p);
	return p->version == (six ? 6 : 4);
}

/* A guest could have one frame cut into tens of thousands, or who cuts it divide by 0. */
static bool segments_fit(uint32_t payload, uint16_t gso_size)
{
	return gso_size > 0 && payload <= (uint32_t)gso_size * ANVIL_NIC_SEGMENTS_MAX;
}

static int parse_gso(const struct anvil_device *dev, const struct virtio_net_header_long *header,
		     const uint8_t *frame, uint32_t len, struct anvil_nic_offload *offload)
{
	uint8_t type = header->base.gso_type & (UINT8_MAX ^ (VIRTIO_NET_HDR_GSO_ECN | GSO_TUNNEL));
	struct anvil_net_packet p;

	anvil_net_packet_parse(frame, len, &p);
	if (header->base.gso_type & GSO_TUNNEL &&
	    !parse_tunnel(dev, header, frame, len, &p, offload))
		return -EINVAL;
	offload->gso = named_gso(dev, type, p.version);
	if (offload->gso == ANVIL_NIC_GSO_NONE)
		return -EINVAL;
	offload->gso_ecn = header->base.gso_type & VIRTIO_NET_HDR_GSO_ECN;
	if (offload->gso_ecn && (!anvil_device_has(dev, VIRTIO_NET_F_HOST_ECN) ||
				 gso_protocol(offload->gso) != PACKET_TCP))
		return -EINVAL;

	uint32_t headers = gso_headers(offload->gso, frame, len, &p);

	offload->gso_size = anvil_device_u16(dev, header->base.gso_size);
	offload->header_len = (uint16_t)headers;
	if (headers == 0 || headers > UINT16_MAX ||
	    !segments_fit(len - headers, offload->gso_size) || !offload->needs_csum ||
	    offload->csum_start != p.transport ||
	    offload->csum_offset != (p.protocol == PACKET_TCP ? TCP_CSUM : UDP_CSUM))
		return -EINVAL;
	return 0;
}

int anvil_net_header_parse(const struct anvil_net *net, const struct virtio_net_header_long *header,
			   const uint8_t *frame, uint32_t len, struct anvil_nic_offload *offload)
{
	const struct anvil_device *dev = &net->dev;

	memset(offload, 0, sizeof(*offload));
	if (header->base.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		offload->needs_csum = true;
		offload->csum_start = anvil_device_u16(dev, header->base.csum_start);
		offload->csum_offset = anvil_device_u16(dev, header->base.csum_offset);
		/* else a guest could have the host store a checksum behind the frame */
		if (!anvil_device_has(dev, VIRTIO_NET_F_CSUM) ||
		    (uint32_t)offload->csum_start + offload->csum_offset + 2 > len)
			return -EINVAL;
	}
	if (header->base.flags & VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM &&
	    !(header->base.gso_type & GSO_TUNNEL) &&
	    anvil_device_has(dev, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM))
		return -EINVAL;
	if (header->base.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return 0;
	return parse_gso(dev, header, frame, len, offload);
}

/* ---- to the guest ---- */

struct anvil_features anvil_net_header_offloads(const struct anvil_net *net)
{
	static const struct anvil_features offloads = {
		.word = {
			1ull << VIRTIO_NET_F_GUEST_CSUM | 1ull << VIRTIO_NET_F_GUEST_TSO4 |
				1ull << VIRTIO_NET_F_GUEST_TSO6 | 1ull << VIRTIO_NET_F_GUEST_ECN |
				1ull << VIRTIO_NET_F_GUEST_USO4 | 1ull << VIRTIO_NET_F_GUEST_USO6,
			1ull << (VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO - 64) |
				1ull << (VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM - 64),
		},
	};

	if (!anvil_device_features_final(&net->dev))
		return (struct anvil_features){ { 0 } };
	return (struct anvil_features){
		.word = { net->dev.driver.word[0] & offloads.word[0],
			  net->dev.driver.word[1] & offloads.word[1] },
	};
}

bool anvil_net_header_guest_has(const struct anvil_net *net, unsigned int feature)
{
	return anvil_features_has(&net->guest, feature) &&
	       anvil_features_has(&net->guest, VIRTIO_NET_F_GUEST_CSUM);
}

bool anvil_net_header_gso_accepted(const struct anvil_net *net,
				   const struct anvil_nic_offload *offload)
{
	static const uint8_t feature[] = {
		[ANVIL_NIC_GSO_TCP4] = VIRTIO_NET_F_GUEST_TSO4,
		[ANVIL_NIC_GSO_TCP6] = VIRTIO_NET_F_GUEST_TSO6,
		[ANVIL_NIC_GSO_UDP4] = VIRTIO_NET_F_GUEST_USO4,
		[ANVIL_NIC_GSO_UDP6] = VIRTIO_NET_F_GUEST_USO6,
	};

	if (offload->gso_ecn && !anvil_net_header_guest_has(net, VIRTIO_NET_F_GUEST_ECN))
		return false;
	if (offload->gso == ANVIL_NIC_GSO_NONE)
		return true;
	if (offload->tunnel && !anvil_net_header_guest_has(net, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO))
		return false;
	if (offload->outer_csum &&
	    !anvil_net_header_guest_has(net, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM))
		return false;
	return anvil_net_header_guest_has(net, feature[offload->gso]);
}

static uint8_t gso_type(const struct anvil_nic_offload *offload)
{
	static const uint8_t name[] = {
		[ANVIL_NIC_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[ANVIL_NIC_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[ANVIL_NIC_GSO_UDP4] = VIRTIO_NET_HDR_GSO_UDP_L4,
		[ANVIL_NIC_GSO_UDP6] = VIRTIO_NET_HDR_GSO_UDP_L4,
	};
	unsigned int type = name[offload->gso];

	if (offload->tunnel)
		type |= gso_version(offload->gso) == 4 ? VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4
						       : VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6;
	return (uint8_t)(offload->gso_ecn ? type | VIRTIO_NET_HDR_GSO_ECN : type);
}

static void make_gso(const struct anvil_device *dev, const struct anvil_nic_offload *offload,
		     struct virtio_net_header_long *header)
{
	header->base.gso_type = gso_type(offload);
	header->base.gso_size = anvil_device_u16(dev, offload->gso_size);
	header->base.hdr_len = anvil_device_u16(dev, offload->header_len);
	if (!offload->tunnel)
		return;
	header->outer_th_offset = anvil_device_u16(dev, offload->outer_th);
	header->inner_nh_offset = anvil_device_u16(dev, offload->inner_nh);
	if (offload->outer_csum)
		header->base.flags |= VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM;
}

void anvil_net_header_make(const struct anvil_net *net, const struct anvil_nic_frame *frame,
			   uint16_t num_buffers, const struct anvil_net_hash *hash,
			   struct virtio_net_header_long *header)
{
	const struct anvil_nic_offload *offload = &frame->offload;

	/* else a guest could read what our stack had in the fields that are not set */
	memset(header, 0, sizeof(*header));
	header->base.num_buffers = anvil_device_u16(&net->dev, num_buffers);
	if (anvil_device_has(&net->dev, VIRTIO_NET_F_HASH_REPORT)) {
		header->hash_value = anvil_device_u32(&net->dev, hash->value);
		header->hash_report = anvil_device_u16(&net->dev, hash->report);
	}
	if (anvil_device_has(&net->dev, VIRTIO_NET_F_OUT_NET_HEADER)) {
		struct anvil_net_packet p;

		anvil_net_packet_parse(frame->data, frame->len, &p);
		header->outer_nh_offset = anvil_device_u16(&net->dev, (uint16_t)p.network);
	}
	if (!anvil_net_header_guest_has(net, VIRTIO_NET_F_GUEST_CSUM))
		return;
	if (offload->needs_csum) {
		header->base.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header->base.csum_start = anvil_device_u16(&net->dev, offload->csum_start);
		header->base.csum_offset = anvil_device_u16(&net->dev, offload->csum_offset);
	} else if (offload->csum_valid) {
		header->base.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (offload->gso != ANVIL_NIC_GSO_NONE)
		make_gso(&net->dev, offload, header);
}

/*
 * RFC 1071; the field itself holds the pseudo header's sum and is part of what is summed. A result
 * of 0 is sent as its equal 0xffff: in UDP 0 means that there is no checksum (RFC 768).
 */
void anvil_net_header_complete_csum(uint8_t *frame, uint32_t len,
				    const struct anvil_nic_offload *offload)
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
