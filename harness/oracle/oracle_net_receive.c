/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frames the guest may get, and as which bytes (5.1.9.3).
 */
#include <errno.h>
#include <string.h>

#include "oracle_net_internal.h"

#define HEADER_MAX 32u

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

static bool filters_pass(const struct oracle *o, const struct anvil_nic_frame *f)
{
	const struct model_net *n = &o->net;

	if (n->mode[VIRTIO_NET_CTRL_RX_PROMISC])
		return true;
	if (oracle_accepted(o, VIRTIO_NET_F_CTRL_VLAN) && net_be16(f->data + 12) == 0x8100) {
		unsigned int id = f->len >= 16 ? net_be16(f->data + 14) & 0xfff : 0;

		if (f->len < 16 || !(n->vlan[id / 64] >> (id % 64) & 1))
			return oracle_net_refused(MILESTONE_NET_RX_FILTERED_VLAN);
	}
	if (!address_wanted(n, f->data, !oracle_accepted(o, VIRTIO_NET_F_CTRL_RX)))
		return oracle_net_refused(MILESTONE_NET_RX_FILTERED_MAC);
	return true;
}

static bool frame_wanted(const struct oracle *o, const struct anvil_nic_frame *f)
{
	const struct anvil_nic_offload *w = &f->offload;

	static const uint8_t feature[] = {
		[ANVIL_NIC_GSO_TCP4] = VIRTIO_NET_F_GUEST_TSO4,
		[ANVIL_NIC_GSO_TCP6] = VIRTIO_NET_F_GUEST_TSO6,
		[ANVIL_NIC_GSO_UDP4] = VIRTIO_NET_F_GUEST_USO4,
		[ANVIL_NIC_GSO_UDP6] = VIRTIO_NET_F_GUEST_USO6,
	};

	if (!oracle_live(o) || !o->net.link_up || f->len < 14)
		return false;
	if (w->gso == ANVIL_NIC_GSO_NONE && f->len > oracle_net_longest(o, f->data, f->len))
		return false;
	if (w->gso != ANVIL_NIC_GSO_NONE && !oracle_net_guest_has(o, feature[w->gso]))
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
static const uint8_t *right_bytes(struct oracle *o, const struct anvil_nic_frame *f)
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

void oracle_frame_begins(struct oracle *o, const struct anvil_nic_frame *frame)
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
	n->bad_work = 0;
	n->published = 0;
	n->announced = 0;
	if (n->wanted)
		n->bytes = right_bytes(o, frame);
}

static void put16(const struct oracle *o, uint8_t *at, unsigned int value)
{
	oracle_put(o, at, value, 2);
}

static unsigned int right_gso_type(const struct anvil_nic_offload *w)
{
	static const uint8_t type[] = {
		[ANVIL_NIC_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[ANVIL_NIC_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[ANVIL_NIC_GSO_UDP4] = VIRTIO_NET_HDR_GSO_UDP_L4,
		[ANVIL_NIC_GSO_UDP6] = VIRTIO_NET_HDR_GSO_UDP_L4,
	};
	bool six = w->gso == ANVIL_NIC_GSO_TCP6 || w->gso == ANVIL_NIC_GSO_UDP6;

	return type[w->gso] | (w->gso_ecn ? 0x80u : 0) | (w->tunnel ? six ? 0x40u : 0x20u : 0);
}

static void right_header(const struct oracle *o, const struct anvil_nic_frame *f, uint8_t *h)
{
	const struct anvil_nic_offload *w = &f->offload;
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
			oracle_net_ip_at(f->data, f->len, &ip);
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
	if (w->gso == ANVIL_NIC_GSO_NONE)
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
	uint32_t want = oracle_net_header_bytes(o) < 12 ? oracle_net_header_bytes(o) : 12;
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
	return c->readable == 0 && c->writable_bytes >= oracle_net_header_bytes(o);
}

/* What a chain counts for, as virtqueue.h says it. */
static uint64_t work_of(const struct model_chain *c)
{
	uint64_t bytes = c->readable_bytes + c->writable_bytes;
	uint64_t buffers = bytes / ANVIL_VIRTQUEUE_WORK_BYTES;

	if (buffers > ANVIL_VIRTQUEUE_WORK_BUFFERS)
		buffers = ANVIL_VIRTQUEUE_WORK_BUFFERS;
	return ANVIL_VIRTQUEUE_WORK_CHAIN + c->count + buffers;
}

void oracle_net_due_rx(struct oracle *o, unsigned int queue, struct model_chain *c, struct due *due)
{
	static uint8_t header[HEADER_MAX];
	unsigned int bytes = oracle_net_header_bytes(o);
	struct model_net *n = &o->net;
	uint64_t room = c->writable_bytes;

	if (!n->frame || !n->wanted)
		oracle_fail(o, 9, "a receive buffer is used and no frame is to be received");
	if (queue != n->to)
		oracle_fail(o, 9, "a frame for queue %u goes to queue %u", n->to, queue);
	if (!buffer_fine(o, c)) {
		hit(MILESTONE_NET_RX_BAD_BUFFER);
		n->bad++;
		n->bad_work += work_of(c);
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
	if (n->published || n->delivered != oracle_net_header_bytes(o) + (uint64_t)n->frame->len ||
	    n->buffers != n->announced)
		oracle_fail(o, 5, "num_buffers is %u, %u buffers are published", n->announced,
			    n->buffers);
	n->published = n->buffers;
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
	uint64_t need = oracle_net_header_bytes(o) + (uint64_t)o->net.frame->len;
	/* after a ring full of bad ones, or a call's work, it may put off the rest */
	bool excused = o->raced || o->net.bad >= q->size || o->net.bad_work >= ANVIL_DEVICE_WORK;

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
	const struct anvil_nic_frame *f = o->net.frame;
	bool takes = oracle_net_guest_has(o, VIRTIO_NET_F_GUEST_CSUM);
	bool gso = f->offload.gso != ANVIL_NIC_GSO_NONE;

	if (o->net.to / 2 > 16)
		hit(MILESTONE_NET_HIGH_PAIR);
	k->basic[1]++;
	k->basic[2] += f->len;
	k->csum[!takes ? 2 : f->offload.needs_csum ? 1 : f->offload.csum_valid ? 0 : 2]++;
	k->gso[0] += gso;
	k->gso[1] += gso ? f->len : 0;
}

static void frame_received(const struct oracle *o)
{
	const struct model_net *n = &o->net;

	hit(oracle_net_header_bytes(o) < 12 ? MILESTONE_LEGACY_RX : MILESTONE_NET_RX_OK);
	if (n->buffers > 1)
		hit(MILESTONE_NET_RX_MERGED);
	if (oracle_net_longer_by_tags(o, n->frame))
		hit(MILESTONE_NET_RX_TAGS);
	if (n->frame->offload.gso != ANVIL_NIC_GSO_NONE)
		hit(MILESTONE_NET_RX_GSO);
	if (n->frame->offload.gso == ANVIL_NIC_GSO_UDP4 ||
	    n->frame->offload.gso == ANVIL_NIC_GSO_UDP6)
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
