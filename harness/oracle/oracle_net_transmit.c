/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frames of the guest may pass, and as which bytes (5.1.9.2).
 */
#include <errno.h>
#include <string.h>

#include "oracle_net_internal.h"

/* The offset of the transport header behind a whole IPv4 or a plain IPv6 header, or 0. */
static unsigned int transport_at(const uint8_t *f, uint64_t len, unsigned int ip,
				 unsigned int version, unsigned int protocol)
{
	unsigned int least = protocol == 6 ? 20 : 8;
	unsigned int at;

	if (version == 4) {
		if (len < ip + 20 || f[ip] >> 4 != 4 || (f[ip] & 15) < 5 || f[ip + 9] != protocol ||
		    net_be16(f + ip + 6) & 0x3fff)
			return 0;
		at = ip + (f[ip] & 15u) * 4;
	} else {
		if (len < ip + 40 || f[ip] >> 4 != 6 || f[ip + 6] != protocol)
			return 0;
		at = ip + 40;
	}
	return len < at + least ? 0 : at;
}

/* The transport header right behind the outer IP header, whatever is in front of that. */
static unsigned int outer_udp(const uint8_t *f, uint64_t len)
{
	struct packet p;

	oracle_net_look_into(f, len, &p);
	return p.protocol == 17 ? p.transport : 0;
}

static bool tunnel_fine(const struct oracle *o, const uint8_t *h, const uint8_t *frame,
			uint64_t len, struct anvil_nic_offload *right)
{
	right->tunnel = true;
	right->outer_csum = h[0] & VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM;
	right->outer_th = (uint16_t)oracle_16(o, h + 20);
	right->inner_nh = (uint16_t)oracle_16(o, h + 22);
	if ((h[1] & 0x60) == 0x60 || h[0] & VIRTIO_NET_HDR_F_DATA_VALID ||
	    !oracle_accepted(o, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO) ||
	    (right->outer_csum && !oracle_accepted(o, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM)))
		return false;
	return right->outer_th != 0 && outer_udp(frame, len) == right->outer_th &&
	       right->inner_nh >= right->outer_th + 8;
}

static bool may_segment(const struct oracle *o, unsigned int type)
{
	return (type == 1 && oracle_accepted(o, VIRTIO_NET_F_HOST_TSO4)) ||
	       (type == 4 && oracle_accepted(o, VIRTIO_NET_F_HOST_TSO6)) ||
	       (type == 5 && oracle_accepted(o, VIRTIO_NET_F_HOST_USO));
}

static bool gso_fine(const struct oracle *o, const uint8_t *h, const uint8_t *frame, uint64_t len,
		     struct anvil_nic_offload *right)
{
	unsigned int type = h[1] & 0x1f;
	unsigned int protocol = type == 5 ? 17 : 6;
	unsigned int ip;
	unsigned int version = oracle_net_ip_at(frame, len, &ip);

	if (!may_segment(o, type) ||
	    (h[1] & 0x80 && (type == 5 || !oracle_accepted(o, VIRTIO_NET_F_HOST_ECN))))
		return false;
	if (h[1] & 0x60) {
		if (!tunnel_fine(o, h, frame, len, right))
			return false;
		version = h[1] & 0x20 ? 4 : 6;
		ip = right->inner_nh;
	}
	if (version == 0 || (type == 1 && version != 4) || (type == 4 && version != 6))
		return false;

	unsigned int start = transport_at(frame, len, ip, version, protocol);
	unsigned int end = start + (protocol == 17 ? 8u : (frame[start + 12] >> 4) * 4u);

	if (start == 0 || end > len || end > 65535 || (protocol == 6 && end < start + 20) ||
	    !right->needs_csum || oracle_16(o, h + 4) == 0 || right->csum_start != start ||
	    right->csum_offset != (protocol == 17 ? 6 : 16))
		return false;
	/* one frame is cut into no more than 2,048 */
	if ((len - end + oracle_16(o, h + 4) - 1) / oracle_16(o, h + 4) > 2048)
		return oracle_net_refused(MILESTONE_NET_TX_SEGMENTS);
	right->gso = type == 1	    ? ANVIL_NIC_GSO_TCP4
		     : type == 4    ? ANVIL_NIC_GSO_TCP6
		     : version == 4 ? ANVIL_NIC_GSO_UDP4
				    : ANVIL_NIC_GSO_UDP6;
	right->gso_ecn = h[1] & 0x80;
	right->gso_size = (uint16_t)oracle_16(o, h + 4);
	right->header_len = (uint16_t)end;
	return true;
}

/* Whether the chain holds a frame that can be sent, and with what work left to be done. */
static bool well_formed(const struct oracle *o, const struct model_chain *c,
			struct anvil_nic_offload *right)
{
	const uint8_t *h = c->capture;
	unsigned int header = oracle_net_header_bytes(o);
	uint64_t len = c->readable_bytes - header;

	memset(right, 0, sizeof(*right));
	if (c->writable_bytes || c->readable_bytes < header + 14)
		return oracle_net_refused(MILESTONE_NET_TX_SHORT);
	if (len > ANVIL_NIC_FRAME_BYTES_MAX)
		return oracle_net_refused(MILESTONE_NET_TX_LONG);
	if (c->read_pos < c->readable_bytes)
		return false; /* the caller finds the frame missing if it was due */
	if (h[0] & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		right->needs_csum = true;
		right->csum_start = (uint16_t)oracle_16(o, h + 6);
		right->csum_offset = (uint16_t)oracle_16(o, h + 8);
		if (!oracle_accepted(o, VIRTIO_NET_F_CSUM) ||
		    oracle_16(o, h + 6) + oracle_16(o, h + 8) + 2 > len)
			return oracle_net_refused(MILESTONE_NET_TX_BAD);
	}
	if (h[0] & VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM && !(h[1] & 0x60) &&
	    oracle_accepted(o, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM))
		return oracle_net_refused(MILESTONE_NET_TX_TUNNEL_BAD);
	if (h[1] != 0 && !gso_fine(o, h, h + header, len, right))
		return oracle_net_refused(
			h[1] & 0x60 && oracle_accepted(o, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO)
				? MILESTONE_NET_TX_TUNNEL_BAD
				: MILESTONE_NET_TX_BAD);
	if (right->gso == ANVIL_NIC_GSO_NONE && len > oracle_net_longest(o, h + header, len))
		return oracle_net_refused(MILESTONE_NET_TX_LONG);
	return true;
}

static bool to_be_sent(const struct oracle *o, const struct model_chain *c,
		       struct anvil_nic_offload *right)
{
	return well_formed(o, c, right) && o->net.link_up;
}

static bool same_offload(const struct anvil_nic_offload *a, const struct anvil_nic_offload *b)
{
	return a->needs_csum == b->needs_csum && a->csum_start == b->csum_start &&
	       a->csum_offset == b->csum_offset && a->csum_valid == b->csum_valid &&
	       a->gso == b->gso && a->gso_ecn == b->gso_ecn && a->gso_size == b->gso_size &&
	       a->header_len == b->header_len && a->tunnel == b->tunnel &&
	       a->outer_csum == b->outer_csum && a->outer_th == b->outer_th &&
	       a->inner_nh == b->inner_nh;
}

static void frame_sent(const struct oracle *o, const struct anvil_nic_offload *offload)
{
	if (offload->gso == ANVIL_NIC_GSO_UDP4 || offload->gso == ANVIL_NIC_GSO_UDP6)
		hit(MILESTONE_NET_TX_USO);
	if (offload->tunnel)
		hit(MILESTONE_NET_TX_TUNNEL);
	hit(oracle_net_header_bytes(o) < 12 ? MILESTONE_LEGACY_TX : MILESTONE_NET_TX_OK);
	if (offload->needs_csum)
		hit(MILESTONE_NET_TX_CSUM);
	if (offload->gso == ANVIL_NIC_GSO_TCP4)
		hit(MILESTONE_NET_TX_TSO4);
	if (offload->gso == ANVIL_NIC_GSO_TCP6)
		hit(MILESTONE_NET_TX_TSO6);
}

/* 5.1.9.5.11 */
static void count_sent(struct oracle *o, unsigned int queue, const struct anvil_nic_frame *frame)
{
	struct model_counters *k = &o->net.counters[queue];
	bool gso = frame->offload.gso != ANVIL_NIC_GSO_NONE;

	k->basic[1]++;
	k->basic[2] += frame->len;
	k->csum[frame->offload.needs_csum]++;
	k->gso[0] += gso;
	k->gso[1] += gso ? frame->len : 0;
	k->gso[4] += gso;
	k->gso[5] += gso ? frame->len : 0;
}

void oracle_sent(struct oracle *o, const struct anvil_nic_frame *frame, int result)
{
	struct model_chain *c = o->last;
	unsigned int queue = o->last_queue;
	unsigned int header = oracle_net_header_bytes(o);
	struct anvil_nic_offload right;

	if (!c || !c->taken || queue >= 2 * oracle_net_pairs(o) || queue % 2 == 0 || c->sent)
		oracle_fail(o, 9, "a frame is sent that no chain asks for");
	if (!oracle_queue_live(o, queue))
		oracle_fail(o, 6, "a frame is sent while the device does not run");
	if (!to_be_sent(o, c, &right))
		oracle_fail(o, 9, "the frame of chain %u is not to be sent", c->head);
	if (frame->len != c->readable_bytes - header ||
	    memcmp(frame->data, c->capture + header, frame->len) != 0)
		oracle_fail(o, 9, "the frame sent is not that of chain %u", c->head);
	if (!same_offload(&frame->offload, &right))
		oracle_fail(o, 9, "the offloads of chain %u's frame are not the right ones",
			    c->head);
	if (result == -EAGAIN) {
		hit(MILESTONE_NET_TX_BLOCKED);
		oracle_unpopped(o, queue);
		return;
	}
	c->sent = true;
	frame_sent(o, &right);
	if (oracle_net_longer_by_tags(o, frame))
		hit(MILESTONE_NET_TX_TAGS);
	if (o->digests) {
		oracle_digest_number(&o->digest.frames, c->order);
		oracle_digest_bytes(&o->digest.frames, frame->data, frame->len);
	}
	if (queue > 1)
		hit(MILESTONE_NET_MQ_TX);
	count_sent(o, queue, frame);
	oracle_net_flow_sent(o, queue, frame->data, frame->len);
}

void oracle_net_due_tx(struct oracle *o, unsigned int queue, struct model_chain *c)
{
	struct model_counters *k = &o->net.counters[queue];
	unsigned int header = oracle_net_header_bytes(o);
	struct anvil_nic_offload right;
	bool fine;

	if (c->sent)
		return;
	if (c->read_pos < c->readable_bytes && !c->writable_bytes &&
	    c->readable_bytes >= header + 14 &&
	    c->readable_bytes - header <= ANVIL_NIC_FRAME_BYTES_MAX)
		oracle_fail(o, 4, "chain %u comes back without its frame having been read",
			    c->head);
	fine = well_formed(o, c, &right);
	if (fine && o->net.link_up)
		oracle_fail(o, 4, "chain %u comes back and its frame was not sent", c->head);
	k->basic[4]++;
	k->basic[5] += !fine;
}
