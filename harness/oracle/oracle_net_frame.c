/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What both directions know of a frame: its header, how long it may be, where IP begins (5.1.9).
 */
#include "oracle_net_internal.h"

/* 5.1.9.3.1 */
unsigned int oracle_net_header_bytes(const struct oracle *o)
{
	if (oracle_accepted(o, VIRTIO_NET_F_OUT_NET_HEADER))
		return 32;
	if (oracle_accepted(o, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO) ||
	    oracle_accepted(o, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO))
		return 24;
	if (oracle_accepted(o, VIRTIO_NET_F_HASH_REPORT))
		return 20;
	/* num_buffers is there with VERSION_1, or MRG_RXBUF */
	return o->p->legacy && !oracle_accepted(o, VIRTIO_NET_F_MRG_RXBUF) ? 10 : 12;
}

/* Where the IP header of a frame starts, and which one its type says that it is; 0: none. */
unsigned int oracle_net_ip_at(const uint8_t *f, uint64_t len, unsigned int *ip)
{
	unsigned int type;

	*ip = (unsigned int)oracle_net_untag(f, len, 0, &type);
	return type == 0x0800 ? 4 : type == 0x86dd ? 6 : 0;
}

/* 5.1.4.1: the MTU, the Ethernet header and the tags that there are */
uint64_t oracle_net_longest(const struct oracle *o, const uint8_t *frame, uint64_t len)
{
	unsigned int type;

	return o->p->mtu + oracle_net_untag(frame, len, 0, &type);
}

/* By more than the one tag that hardware has room for. */
bool oracle_net_longer_by_tags(const struct oracle *o, const struct anvil_nic_frame *frame)
{
	return frame->offload.gso == ANVIL_NIC_GSO_NONE && frame->len > o->p->mtu + 18u;
}
