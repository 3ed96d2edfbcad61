/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frames may pass in which direction, and as which bytes (5.1.9).
 */
#include <errno.h>
#include <string.h>

#include "oracle_net_internal.h"

#define HEADER_MAX 32u

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* 5.1.9.3.1 */
static unsigned int header_bytes(const struct oracle *o)
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

unsigned int oracle_net_pairs(const struct oracle *o)
{
	if (!oracle_final(o))
		return o->p->pairs;
	return oracle_accepted(o, VIRTIO_NET_F_MQ) || oracle_accepted(o, VIRTIO_NET_F_RSS)
		       ? o->p->pairs
		       : 1;
}

bool oracle_net_is_rx(const struct oracle *o, unsigned int queue)
{
	return queue < 2 * oracle_net_pairs(o) && queue % 2 == 0;
}

/* The offloads of received frames; after FEATURES_OK all that were accepted. */
void oracle_net_agreed(struct oracle *o)
{
	static const uint8_t offload[] = {
		VIRTIO_NET_F_GUEST_CSUM,	   VIRTIO_NET_F_GUEST_TSO4,
		VIRTIO_NET_F_GUEST_TSO6,	   VIRTIO_NET_F_GUEST_ECN,
		VIRTIO_NET_F_GUEST_USO4,	   VIRTIO_NET_F_GUEST_USO6,
		VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM,
	};

	memset(o->net.offloads, 0, sizeof(o->net.offloads));
	for (size_t i = 0; i < sizeof(offload); i++) {
		if (oracle_accepted(o, offload[i]))
			o->net.offloads[offload[i] / 64] |= 1ull << (offload[i] % 64);
	}
}

/* Each of them is nothing without GUEST_CSUM, which it requires. */
bool oracle_net_guest_has(const struct oracle *o, unsigned int feature)
{
	const uint64_t *on = o->net.offloads;

	return on[feature / 64] >> (feature % 64) & on[0] >> VIRTIO_NET_F_GUEST_CSUM & 1;
}

static bool offers(const struct oracle *o, unsigned int feature)
{
	return o->p->offered.word[feature / 64] >> (feature % 64) & 1;
}

/* What of configuration space depends on features, and on nobody's commands. */
static void fixed_config(struct oracle *o)
{
	bool rss = offers(o, VIRTIO_NET_F_RSS);
	bool hash = rss || offers(o, VIRTIO_NET_F_HASH_REPORT);

	if (rss || offers(o, VIRTIO_NET_F_MQ))
		oracle_put_config(o, 8, o->p->pairs, 2);
	if (offers(o, VIRTIO_NET_F_MTU))
		oracle_put_config(o, 10, o->p->mtu, 2);
	if (offers(o, VIRTIO_NET_F_SPEED_DUPLEX)) {
		o->net.speed = PERSONALITY_SPEED;
		o->net.duplex = PERSONALITY_DUPLEX;
		oracle_put_config(o, 12, PERSONALITY_SPEED, 4);
		oracle_put_config(o, 16, PERSONALITY_DUPLEX, 1);
	}
	oracle_put_config(o, 17, hash ? 40 : 0, 1);
	oracle_put_config(o, 18, rss ? 128 : 0, 2);
	oracle_put_config(o, 20, hash ? 0x1ff : 0, 4);
	oracle_put_config(o, 24, offers(o, VIRTIO_NET_F_HASH_TUNNEL) ? 0x1d3 : 0, 4);
}

void oracle_net_put_status(struct oracle *o)
{
	if (offers(o, VIRTIO_NET_F_STATUS))
		oracle_put_config(o, 6, (o->net.link_up ? 1u : 0) | (o->net.announce ? 2u : 0), 2);
}

static void forget_commands(struct oracle *o)
{
	struct model_net *n = &o->net;

	memset(n->mode, 0, sizeof(n->mode));
	n->table[0].count = 0;
	n->table[0].all = false;
	n->table[1].count = 0;
	n->table[1].all = false;
	if (n->vlans)
		memset(n->vlan, 0, sizeof(n->vlan));
	n->vlans = false;
	memset(n->offloads, 0, sizeof(n->offloads));
	memset(n->all, 0, sizeof(n->all));
	memset(n->each, 0, sizeof(n->each));
	memset(n->counters, 0, o->p->queues * sizeof(n->counters[0]));
	memset(n->commands, 0, sizeof(n->commands));
	oracle_net_steering_reset(o);
}

void oracle_net_reset(struct oracle *o, bool created)
{
	struct model_net *n = &o->net;

	if (!created && (memcmp(n->mac, personality_mac, 6) != 0 || n->announce))
		o->generation++;
	if (created) {
		n->link_up = !(o->p->flags & FLAG_LINK_DOWN);
		n->now = 0;
		fixed_config(o);
	}
	forget_commands(o);
	memcpy(n->mac, personality_mac, 6);
	n->announce = false;
	n->frame = NULL;
	o->config_bytes = 28;
	memcpy(o->config, personality_mac, 6);
	oracle_net_put_status(o);
}

static void changed(struct oracle *o, unsigned int feature)
{
	if (oracle_accepted(o, feature))
		oracle_config_changed(o);
	else
		o->generation++;
}

/* The host changes some of LATE_*: shown now, or when the device is resumed. */
static void host_changes(struct oracle *o, unsigned int what)
{
	if (o->status & VIRTIO_STATUS_SUSPEND)
		o->config_late |= what;
	else
		oracle_net_shows(o, what);
}

void oracle_net_shows(struct oracle *o, unsigned int what)
{
	if (what & LATE_STATUS && offers(o, VIRTIO_NET_F_STATUS)) {
		oracle_net_put_status(o);
		changed(o, VIRTIO_NET_F_STATUS);
	}
	if (what & LATE_SPEED && offers(o, VIRTIO_NET_F_SPEED_DUPLEX)) {
		oracle_put_config(o, 12, o->net.speed, 4);
		oracle_put_config(o, 16, o->net.duplex, 1);
		changed(o, VIRTIO_NET_F_SPEED_DUPLEX);
	}
}

void oracle_link(struct oracle *o, bool up)
{
	o->net.link_up = up;
	hit(MILESTONE_NET_LINK);
	host_changes(o, LATE_STATUS);
}

void oracle_announce(struct oracle *o)
{
	if (!oracle_accepted(o, VIRTIO_NET_F_GUEST_ANNOUNCE) ||
	    !oracle_accepted(o, VIRTIO_NET_F_STATUS))
		return;
	hit(MILESTONE_NET_ANNOUNCE);
	o->net.announce = true;
	host_changes(o, LATE_STATUS);
}

void oracle_speed(struct oracle *o, uint32_t speed, uint8_t duplex)
{
	if ((speed >> 31 && speed != UINT32_MAX) || (duplex > 1 && duplex != 255))
		return;
	if (offers(o, VIRTIO_NET_F_SPEED_DUPLEX))
		hit(MILESTONE_NET_SPEED);
	o->net.speed = speed;
	o->net.duplex = duplex;
	host_changes(o, LATE_SPEED);
}

/* A legacy driver's address. */
void oracle_net_config_written(struct oracle *o, uint64_t at, unsigned int width, uint64_t value)
{
	if (at + width > 6)
		return;
	oracle_write_config(o, at, width, value);
	memcpy(o->net.mac, o->config, 6);
	o->generation++;
	hit(MILESTONE_LEGACY_MAC);
}

/* ---- frames from the guest ---- */

static bool refused(enum milestone m)
{
	hit(m);
	return false;
}

/* Where the IP header of a frame starts, and which one its type says that it is; 0: none. */
static unsigned int ip_at(const uint8_t *f, uint64_t len, unsigned int *ip)
{
	unsigned int type;

	*ip = (unsigned int)oracle_net_untag(f, len, 0, &type);
	return type == 0x0800 ? 4 : type == 0x86dd ? 6 : 0;
}

/* The offset of the transport header behind a whole IPv4 or a plain IPv6 header, or 0. */
static unsigned int transport_at(const uint8_t *f, uint64_t len, unsigned int ip,
				 unsigned int version, unsigned int protocol)
{
	unsigned int least = protocol == 6 ? 20 : 8;
	unsigned int at;

	if (version == 4) {
		if (len < ip + 20 || f[ip] >> 4 != 4 || (f[ip] & 15) < 5 || f[ip + 9] != protocol ||
		    be16(f + ip + 6) & 0x3fff)
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
			uint64_t len, struct nic_offload *right)
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
		     struct nic_offload *right)
{
	unsigned int type = h[1] & 0x1f;
	unsigned int protocol = type == 5 ? 17 : 6;
	unsigned int ip;
	unsigned int version = ip_at(frame, len, &ip);

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
		return refused(MILESTONE_NET_TX_SEGMENTS);
	right->gso = type == 1	    ? NIC_GSO_TCP4
		     : type == 4    ? NIC_GSO_TCP6
		     : version == 4 ? NIC_GSO_UDP4
				    : NIC_GSO_UDP6;
	right->gso_ecn = h[1] & 0x80;
	right->gso_size = (uint16_t)oracle_16(o, h + 4);
	right->header_len = (uint16_t)end;
	return true;
}

/* 5.1.4.1: the MTU, the Ethernet header and the tags that there are */
static uint64_t longest(const struct oracle *o, const uint8_t *frame, uint64_t len)
{
	unsigned int type;

	return o->p->mtu + oracle_net_untag(frame, len, 0, &type);
}

/* Whether the chain holds a frame that can be sent, and with what work left to be done. */
static bool well_formed(const struct oracle *o, const struct model_chain *c,
			struct nic_offload *right)
{
	const uint8_t *h = c->capture;
	unsigned int header = header_bytes(o);
	uint64_t len = c->readable_bytes - header;

	memset(right, 0, sizeof(*right));
	if (c->writable_bytes || c->readable_bytes < header + 14)
		return refused(MILESTONE_NET_TX_SHORT);
	if (len > NIC_FRAME_BYTES_MAX)
		return refused(MILESTONE_NET_TX_LONG);
	if (c->read_pos < c->readable_bytes)
		return false; /* the caller finds the frame missing if it was due */
	if (h[0] & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		right->needs_csum = true;
		right->csum_start = (uint16_t)oracle_16(o, h + 6);
		right->csum_offset = (uint16_t)oracle_16(o, h + 8);
		if (!oracle_accepted(o, VIRTIO_NET_F_CSUM) ||
		    oracle_16(o, h + 6) + oracle_16(o, h + 8) + 2 > len)
			return refused(MILESTONE_NET_TX_BAD);
	}
	if (h[0] & VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM && !(h[1] & 0x60) &&
	    oracle_accepted(o, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM))
		return refused(MILESTONE_NET_TX_TUNNEL_BAD);
	if (h[1] != 0 && !gso_fine(o, h, h + header, len, right))
		return refused(h[1] & 0x60 && oracle_accepted(o, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO)
				       ? MILESTONE_NET_TX_TUNNEL_BAD
				       : MILESTONE_NET_TX_BAD);
	if (right->gso == NIC_GSO_NONE && len > longest(o, h + header, len))
		return refused(MILESTONE_NET_TX_LONG);
	return true;
}

/* By more than the one tag that hardware has room for. */
static bool longer_by_tags(const struct oracle *o, const struct nic_frame *frame)
{
	return frame->offload.gso == NIC_GSO_NONE && frame->len > o->p->mtu + 18u;
}

static bool to_be_sent(const struct oracle *o, const struct model_chain *c,
		       struct nic_offload *right)
{
	return well_formed(o, c, right) && o->net.link_up;
}

static bool same_offload(const struct nic_offload *a, const struct nic_offload *b)
{
	return a->needs_csum == b->needs_csum && a->csum_start == b->csum_start &&
	       a->csum_offset == b->csum_offset && a->csum_valid == b->csum_valid &&
	       a->gso == b->gso && a->gso_ecn == b->gso_ecn && a->gso_size == b->gso_size &&
	       a->header_len == b->header_len && a->tunnel == b->tunnel &&
	       a->outer_csum == b->outer_csum && a->outer_th == b->outer_th &&
	       a->inner_nh == b->inner_nh;
}

static void frame_sent(const struct oracle *o, const struct nic_offload *offload)
{
	if (offload->gso == NIC_GSO_UDP4 || offload->gso == NIC_GSO_UDP6)
		hit(MILESTONE_NET_TX_USO);
	if (offload->tunnel)
		hit(MILESTONE_NET_TX_TUNNEL);
	hit(header_bytes(o) < 12 ? MILESTONE_LEGACY_TX : MILESTONE_NET_TX_OK);
	if (offload->needs_csum)
		hit(MILESTONE_NET_TX_CSUM);
	if (offload->gso == NIC_GSO_TCP4)
		hit(MILESTONE_NET_TX_TSO4);
	if (offload->gso == NIC_GSO_TCP6)
		hit(MILESTONE_NET_TX_TSO6);
}

/* 5.1.9.5.11 */
static void count_sent(struct oracle *o, unsigned int queue, const struct nic_frame *frame)
{
	struct model_counters *k = &o->net.counters[queue];
	bool gso = frame->offload.gso != NIC_GSO_NONE;

	k->basic[1]++;
	k->basic[2] += frame->len;
	k->csum[frame->offload.needs_csum]++;
	k->gso[0] += gso;
	k->gso[1] += gso ? frame->len : 0;
	k->gso[4] += gso;
	k->gso[5] += gso ? frame->len : 0;
}

void oracle_sent(struct oracle *o, const struct nic_frame *frame, int result)
{
	struct model_chain *c = o->last;
	unsigned int queue = o->last_queue;
	unsigned int header = header_bytes(o);
	struct nic_offload right;

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
	if (longer_by_tags(o, frame))
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

static void due_tx(struct oracle *o, unsigned int queue, struct model_chain *c)
{
	struct model_counters *k = &o->net.counters[queue];
	unsigned int header = header_bytes(o);
	struct nic_offload right;
	bool fine;

	if (c->sent)
		return;
	if (c->read_pos < c->readable_bytes && !c->writable_bytes &&
	    c->readable_bytes >= header + 14 && c->readable_bytes - header <= NIC_FRAME_BYTES_MAX)
		oracle_fail(o, 4, "chain %u comes back without its frame having been read",
			    c->head);
	fine = well_formed(o, c, &right);
	if (fine && o->net.link_up)
		oracle_fail(o, 4, "chain %u comes back and its frame was not sent", c->head);
	k->basic[4]++;
	k->basic[5] += !fine;
}

/* ---- frames for the guest ---- */

static bool in_table(const struct model_mac_table *t, const uint8_t *mac)
{
	if (t->all)
		return true;
	for (uint32_t i = 0; i < t->count; i++) {
		if (!memcmp(t->mac[i], mac, 6))
			return true;
	}
	return false;
}

/* `any`: the driver has no way to name the addresses that it wants */
static bool address_wanted(const struct model_net *n, const uint8_t *to, bool any)
{
	static const uint8_t everyone[6] = { 255, 255, 255, 255, 255, 255 };

	if (!memcmp(to, everyone, 6))
		return !n->mode[VIRTIO_NET_CTRL_RX_NOBCAST];
	if (to[0] & 1) {
		if (n->mode[VIRTIO_NET_CTRL_RX_NOMULTI])
			return false;
		return any || n->mode[VIRTIO_NET_CTRL_RX_ALLMULTI] || in_table(&n->table[1], to);
	}
	if (n->mode[VIRTIO_NET_CTRL_RX_NOUNI])
		return false;
	return any || n->mode[VIRTIO_NET_CTRL_RX_ALLUNI] || !memcmp(to, n->mac, 6) ||
	       in_table(&n->table[0], to);
}

static bool filters_pass(const struct oracle *o, const struct nic_frame *f)
{
	const struct model_net *n = &o->net;

	if (n->mode[VIRTIO_NET_CTRL_RX_PROMISC])
		return true;
	if (oracle_accepted(o, VIRTIO_NET_F_CTRL_VLAN) && be16(f->data + 12) == 0x8100) {
		unsigned int id = f->len >= 16 ? be16(f->data + 14) & 0xfff : 0;

		if (f->len < 16 || !(n->vlan[id / 64] >> (id % 64) & 1))
			return refused(MILESTONE_NET_RX_FILTERED_VLAN);
	}
	if (!address_wanted(n, f->data, !oracle_accepted(o, VIRTIO_NET_F_CTRL_RX)))
		return refused(MILESTONE_NET_RX_FILTERED_MAC);
	return true;
}

static bool frame_wanted(const struct oracle *o, const struct nic_frame *f)
{
	const struct nic_offload *w = &f->offload;

	static const uint8_t feature[] = {
		[NIC_GSO_TCP4] = VIRTIO_NET_F_GUEST_TSO4,
		[NIC_GSO_TCP6] = VIRTIO_NET_F_GUEST_TSO6,
		[NIC_GSO_UDP4] = VIRTIO_NET_F_GUEST_USO4,
		[NIC_GSO_UDP6] = VIRTIO_NET_F_GUEST_USO6,
	};

	if (!oracle_live(o) || !o->net.link_up || f->len < 14)
		return false;
	if (w->gso == NIC_GSO_NONE && f->len > longest(o, f->data, f->len))
		return false;
	if (w->gso != NIC_GSO_NONE && !oracle_net_guest_has(o, feature[w->gso]))
		return false;
	if (w->gso_ecn && !oracle_net_guest_has(o, VIRTIO_NET_F_GUEST_ECN))
		return false;
	if (w->tunnel && !oracle_net_guest_has(o, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO))
		return false;
	if (w->outer_csum && !oracle_net_guest_has(o, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM))
		return false;
	return filters_pass(o, f);
}

/* The frame as the guest has to see it: as it came, or with its checksum completed. */
static const uint8_t *right_bytes(struct oracle *o, const struct nic_frame *f)
{
	uint8_t *to = o->net.completed;
	uint32_t sum = 0;
	uint32_t at = (uint32_t)f->offload.csum_start + f->offload.csum_offset;

	if (!f->offload.needs_csum || oracle_net_guest_has(o, VIRTIO_NET_F_GUEST_CSUM))
		return f->data;
	memcpy(to, f->data, f->len);
	for (uint32_t i = f->offload.csum_start; i < f->len; i += 2) {
		sum += (uint32_t)to[i] << 8 | (i + 1 < f->len ? to[i + 1] : 0u);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	sum = ~sum & 0xffff;
	if (sum == 0)
		sum = 0xffff; /* 0 means that there is none, in UDP */
	to[at] = (uint8_t)(sum >> 8);
	to[at + 1] = (uint8_t)sum;
	hit(MILESTONE_NET_RX_CSUM_DONE);
	return to;
}

void oracle_frame_begins(struct oracle *o, const struct nic_frame *frame)
{
	struct model_net *n = &o->net;

	/* a frame is a call of its own, wherever the nic hands it over */
	o->accesses_around = o->accesses;
	o->accesses = 0;
	n->frame = frame;
	n->wanted = frame_wanted(o, frame);
	if (n->wanted)
		oracle_net_choose(o, frame);
	n->delivered = 0;
	n->buffers = 0;
	n->bad = 0;
	n->published = 0;
	n->announced = 0;
	if (n->wanted)
		n->bytes = right_bytes(o, frame);
}

static void put16(const struct oracle *o, uint8_t *at, unsigned int value)
{
	oracle_put(o, at, value, 2);
}

static unsigned int right_gso_type(const struct nic_offload *w)
{
	static const uint8_t type[] = {
		[NIC_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[NIC_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[NIC_GSO_UDP4] = VIRTIO_NET_HDR_GSO_UDP_L4,
		[NIC_GSO_UDP6] = VIRTIO_NET_HDR_GSO_UDP_L4,
	};
	bool six = w->gso == NIC_GSO_TCP6 || w->gso == NIC_GSO_UDP6;

	return type[w->gso] | (w->gso_ecn ? 0x80u : 0) | (w->tunnel ? six ? 0x40u : 0x20u : 0);
}

static void right_header(const struct oracle *o, const struct nic_frame *f, uint8_t *h)
{
	const struct nic_offload *w = &f->offload;
	unsigned int ip = 0;

	memset(h, 0, HEADER_MAX);
	if (oracle_accepted(o, VIRTIO_NET_F_HASH_REPORT)) {
		oracle_put(o, h + 12, o->net.hash, 4);
		put16(o, h + 16, o->net.report);
	}
	if (oracle_accepted(o, VIRTIO_NET_F_OUT_NET_HEADER)) {
		struct packet p;

		oracle_net_look_into(f->data, f->len, &p);
		if (p.version)
			ip_at(f->data, f->len, &ip);
		put16(o, h + 24, ip);
	}
	if (!oracle_net_guest_has(o, VIRTIO_NET_F_GUEST_CSUM))
		return;
	if (w->needs_csum) {
		h[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		put16(o, h + 6, w->csum_start);
		put16(o, h + 8, w->csum_offset);
	} else if (w->csum_valid) {
		h[0] = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (w->gso == NIC_GSO_NONE)
		return;
	h[1] = (uint8_t)right_gso_type(w);
	put16(o, h + 2, w->header_len);
	put16(o, h + 4, w->gso_size);
	if (!w->tunnel)
		return;
	h[0] |= w->outer_csum ? VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM : 0;
	put16(o, h + 20, w->outer_th);
	put16(o, h + 22, w->inner_nh);
}

/* num_buffers is taken as announced, and counted when the entries are published. */
static void first_buffer(struct oracle *o, uint8_t *header)
{
	uint8_t stored[12];
	uint32_t want = header_bytes(o) < 12 ? header_bytes(o) : 12;
	uint32_t got = 0;

	for (unsigned int i = 0; i < o->logs && got < want; i++) {
		uint32_t room = want - got;
		uint32_t part = o->log[i].len < room ? o->log[i].len : room;

		memcpy(stored + got, o->log[i].bytes, part);
		got += part;
	}
	right_header(o, o->net.frame, header);
	if (got < want)
		return;
	if (want < 12) { /* there is no num_buffers: one has to do */
		o->net.announced = 1;
		return;
	}
	o->net.announced = oracle_16(o, stored + 10);
	memcpy(header + 10, stored + 10, 2);
}

static bool buffer_fine(const struct oracle *o, const struct model_chain *c)
{
	return c->readable == 0 && c->writable_bytes >= header_bytes(o);
}

static void due_rx(struct oracle *o, unsigned int queue, struct model_chain *c, struct due *due)
{
	static uint8_t header[HEADER_MAX];
	unsigned int bytes = header_bytes(o);
	struct model_net *n = &o->net;
	uint64_t room = c->writable_bytes;

	if (!n->frame || !n->wanted)
		oracle_fail(o, 9, "a receive buffer is used and no frame is to be received");
	if (queue != n->to)
		oracle_fail(o, 9, "a frame for queue %u goes to queue %u", n->to, queue);
	if (!buffer_fine(o, c)) {
		hit(MILESTONE_NET_RX_BAD_BUFFER);
		n->bad++;
		/* in order it is one of the frame's, if it came after the first of them (2.7.9) */
		n->buffers += n->delivered && oracle_accepted(o, VIRTIO_F_IN_ORDER);
		return;
	}
	if (n->delivered == 0) {
		first_buffer(o, header);
		due->part[0] = header;
		due->len[0] = bytes;
		room -= bytes;
		n->delivered = bytes;
	}
	due->part[1] = n->bytes + n->delivered - bytes;
	due->len[1] = n->frame->len - (n->delivered - bytes);
	if (due->len[1] > room)
		due->len[1] = room;
	n->delivered += due->len[1];
	n->buffers++;
	if (n->buffers > 1 && !oracle_accepted(o, VIRTIO_NET_F_MRG_RXBUF))
		oracle_fail(o, 7, "a frame over several buffers, without MRG_RXBUF");
}

void oracle_net_published(struct oracle *o, unsigned int queue)
{
	struct model_net *n = &o->net;

	if (queue < 2 * oracle_net_pairs(o))
		oracle_net_shown(o, queue);
	if (n->delivered == 0 || !oracle_net_is_rx(o, queue))
		return;
	if (n->published || n->delivered != header_bytes(o) + (uint64_t)n->frame->len ||
	    n->buffers != n->announced)
		oracle_fail(o, 5, "num_buffers is %u, %u buffers are published", n->announced,
			    n->buffers);
	n->published = n->buffers;
}

void oracle_net_due(struct oracle *o, unsigned int queue, struct model_chain *c, struct due *due)
{
	if (queue >= 2 * oracle_net_pairs(o))
		oracle_net_command(o, c, due);
	else if (queue % 2)
		due_tx(o, queue, c);
	else
		due_rx(o, queue, c, due);
}

/* What the chains that were taken and not used could have held. */
static uint64_t room_left(const struct oracle *o, const struct model_queue *q)
{
	uint64_t room = 0;

	for (unsigned int i = 0; i < q->helds; i++) {
		if (buffer_fine(o, q->held[i]))
			room += q->held[i]->writable_bytes;
	}
	return room;
}

/* Whether more buffers would have helped: the driver has not given as many as it may for one. */
static bool scarce(const struct oracle *o)
{
	const struct model_queue *q = &o->queue[o->net.to];
	unsigned int most = oracle_accepted(o, VIRTIO_NET_F_MRG_RXBUF) ? q->size : 1;
	unsigned int good = 0;
	unsigned int segments = 0;

	for (unsigned int i = 0; i < q->helds; i++) {
		good += buffer_fine(o, q->held[i]);
		segments += q->held[i]->count;
	}
	return good < most && segments <= o->p->queue_size_max &&
	       (q->helds == 0 || o->net.bad + q->helds < q->size);
}

static void check_not_delivered(struct oracle *o, int result)
{
	struct model_queue *q = &o->queue[o->net.to];
	uint64_t need = header_bytes(o) + (uint64_t)o->net.frame->len;
	/* after a ring full of bad ones it may put off the rest */
	bool excused = o->raced || o->net.bad >= q->size;

	if (room_left(o, q) >= need)
		oracle_fail(o, 4, "a wanted frame of %u bytes is not received, there was room",
			    o->net.frame->len);
	if (q->helds == 0 && oracle_sees_more(q) && !excused)
		oracle_fail(o, 4, "a wanted frame is not received, the buffers were not tried");
	if (result == -EAGAIN && o->net.many)
		oracle_fail(o, 4, "a frame of queue %u keeps those of other queues waiting",
			    o->net.to);
	if (result != -EAGAIN) {
		hit(o->net.many && scarce(o) ? MILESTONE_NET_MQ_OVERRUN
					     : MILESTONE_NET_RX_TOO_LONG);
		if (q->helds == 0 && !o->net.many)
			oracle_fail(o, 4, "a wanted frame is dropped, buffers may still come");
		o->net.counters[o->net.to].basic[4]++;
		o->net.counters[o->net.to].basic[5] += scarce(o);
		return;
	}
	hit(MILESTONE_NET_RX_NO_BUFFERS);
	if (!oracle_asks_to_notify(o, o->net.to) && !excused)
		oracle_fail(o, 4,
			    "a frame waits for buffers, and the driver is not asked to notify");
}

static void count_received(struct oracle *o)
{
	struct model_counters *k = &o->net.counters[o->net.to];
	const struct nic_frame *f = o->net.frame;
	bool takes = oracle_net_guest_has(o, VIRTIO_NET_F_GUEST_CSUM);
	bool gso = f->offload.gso != NIC_GSO_NONE;

	k->basic[1]++;
	k->basic[2] += f->len;
	k->csum[!takes ? 2 : f->offload.needs_csum ? 1 : f->offload.csum_valid ? 0 : 2]++;
	k->gso[0] += gso;
	k->gso[1] += gso ? f->len : 0;
}

static void frame_received(const struct oracle *o)
{
	const struct model_net *n = &o->net;

	hit(header_bytes(o) < 12 ? MILESTONE_LEGACY_RX : MILESTONE_NET_RX_OK);
	if (n->buffers > 1)
		hit(MILESTONE_NET_RX_MERGED);
	if (longer_by_tags(o, n->frame))
		hit(MILESTONE_NET_RX_TAGS);
	if (n->frame->offload.gso != NIC_GSO_NONE)
		hit(MILESTONE_NET_RX_GSO);
	if (n->frame->offload.gso == NIC_GSO_UDP4 || n->frame->offload.gso == NIC_GSO_UDP6)
		hit(MILESTONE_NET_RX_USO);
	if (n->frame->offload.tunnel)
		hit(MILESTONE_NET_RX_TUNNEL);
	if (n->to > 0)
		hit(n->rss ? MILESTONE_NET_RSS_RX : MILESTONE_NET_MQ_RX);
}

/* A frame before this one may have found a jump, and the device given up; it is asked later. */
static bool any_jumped(const struct oracle *o)
{
	for (unsigned int i = 0; i < o->p->queues; i++) {
		if (oracle_queue_live(o, i) && oracle_jumped(&o->queue[i]))
			return true;
	}
	return false;
}

void oracle_frame_ends(struct oracle *o, int result)
{
	struct model_net *n = &o->net;
	bool live = oracle_queue_live(o, n->to);

	if (o->digests)
		oracle_digest_number(&o->digest.frames, (uint64_t)result << 8 | n->published);
	if (n->published) {
		frame_received(o);
		count_received(o);
	} else if (n->delivered)
		oracle_fail(o, 5, "a frame is received in part");
	else if (n->wanted && live && !any_jumped(o))
		check_not_delivered(o, result);
	else if (!n->wanted && result)
		oracle_fail(o, 9, "a frame that is not wanted is not dropped");
	for (unsigned int i = 0; i < o->p->queues; i += 2) {
		if (i >= 2 * oracle_net_pairs(o))
			break;
		if (o->queue[i].helds && !(n->wanted && i == n->to))
			oracle_fail(o, 9, "queue %u is asked for a frame that is not for it", i);
		while (o->queue[i].helds)
			oracle_unpopped(o, i);
	}
	n->frame = NULL;
	o->accesses = o->accesses_around;
}
