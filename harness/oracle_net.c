/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frames may pass in which direction, and as which bytes (5.1.6).
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "oracle_internal.h"

#define RX 0u
#define TX 1u

#define HEADER_MAX  12u
#define COMMAND_MAX 65536u

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static unsigned int le16(const uint8_t *p)
{
	return (unsigned int)p[1] << 8 | p[0];
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)le16(p + 2) << 16 | le16(p);
}

void oracle_net_reset(struct oracle *o, bool created)
{
	struct model_net *n = &o->net;
	uint64_t f = o->p->offered.word[0];
	bool link_up = created ? !(o->p->flags & FLAG_LINK_DOWN) : n->link_up;
	bool mac_changes = !created && memcmp(n->mac, personality_mac, 6) != 0;

	memset(n->mode, 0, sizeof(n->mode));
	n->table[0].count = 0;
	n->table[0].all = false;
	n->table[1].count = 0;
	n->table[1].all = false;
	if (n->vlans)
		memset(n->vlan, 0, sizeof(n->vlan));
	n->vlans = false;
	memcpy(n->mac, personality_mac, 6);
	n->frame = NULL;
	n->link_up = link_up;
	if (mac_changes)
		o->generation++;
	o->config_bytes = 12;
	memcpy(o->config, personality_mac, 6);
	if (f >> VIRTIO_NET_F_STATUS & 1)
		oracle_put_config(o, 6, link_up, 2);
	if (f >> VIRTIO_NET_F_MTU & 1)
		oracle_put_config(o, 10, o->p->mtu, 2);
}

void oracle_link(struct oracle *o, bool up)
{
	o->net.link_up = up;
	hit(MILESTONE_NET_LINK);
	if (!(o->p->offered.word[0] >> VIRTIO_NET_F_STATUS & 1))
		return;
	if (o->status & VIRTIO_STATUS_SUSPEND)
		o->config_late = true;
	else
		oracle_net_status(o);
}

void oracle_net_status(struct oracle *o)
{
	oracle_put_config(o, 6, o->net.link_up, 2);
	if (oracle_accepted(o, VIRTIO_NET_F_STATUS))
		oracle_config_changed(o);
	else
		o->generation++;
}

/* A legacy driver's address. */
void oracle_net_config_written(struct oracle *o, uint64_t at, unsigned int width, uint64_t value)
{
	if (at + width > 6)
		return;
	oracle_put_config(o, (unsigned int)at, value, width);
	memcpy(o->net.mac, o->config, 6);
	hit(MILESTONE_LEGACY_MAC);
}

/* num_buffers is there with VERSION_1, or MRG_RXBUF */
static unsigned int header_bytes(const struct oracle *o)
{
	return o->p->legacy && !oracle_accepted(o, VIRTIO_NET_F_MRG_RXBUF) ? 10 : 12;
}

/* ---- frames from the guest ---- */

/* Where the TCP header of an IPv4 (4) or IPv6 (6) frame starts and ends. */
static bool tcp_at(const uint8_t *f, uint64_t len, unsigned int version, unsigned int *start,
		   unsigned int *end)
{
	unsigned int ip = 14;
	unsigned int type = be16(f + 12);

	if (type == 0x8100 && len >= 18) {
		type = be16(f + 16);
		ip = 18;
	}
	if (version == 4) {
		if (type != 0x0800 || len < ip + 20 || f[ip] >> 4 != 4 || (f[ip] & 15) < 5 ||
		    f[ip + 9] != 6 || be16(f + ip + 6) & 0x3fff)
			return false;
		*start = ip + (f[ip] & 15u) * 4;
	} else {
		if (type != 0x86dd || len < ip + 40 || f[ip] >> 4 != 6 || f[ip + 6] != 6)
			return false;
		*start = ip + 40;
	}
	if (len < *start + 20)
		return false;
	*end = *start + (f[*start + 12] >> 4) * 4u;
	return *end >= *start + 20 && *end <= len;
}

static bool gso_fine(const struct oracle *o, const uint8_t *h, const uint8_t *frame, uint64_t len,
		     struct nic_offload *right)
{
	bool four = (h[1] & 0x7f) == VIRTIO_NET_HDR_GSO_TCPV4;
	bool six = (h[1] & 0x7f) == VIRTIO_NET_HDR_GSO_TCPV6;
	unsigned int start;
	unsigned int end;

	if (!(four && oracle_accepted(o, VIRTIO_NET_F_HOST_TSO4)) &&
	    !(six && oracle_accepted(o, VIRTIO_NET_F_HOST_TSO6)))
		return false;
	if (h[1] & 0x80 && !oracle_accepted(o, VIRTIO_NET_F_HOST_ECN))
		return false;
	if (!right->needs_csum || le16(h + 4) == 0 ||
	    !tcp_at(frame, len, four ? 4 : 6, &start, &end) || right->csum_start != start ||
	    right->csum_offset != 16)
		return false;
	right->gso = four ? NIC_GSO_TCP4 : NIC_GSO_TCP6;
	right->gso_ecn = h[1] & 0x80;
	right->gso_size = (uint16_t)le16(h + 4);
	right->header_len = (uint16_t)end;
	return true;
}

/* 5.1.4.1: the MTU and the Ethernet header, with a tag if there is one */
static uint32_t longest(const struct oracle *o, const uint8_t *frame)
{
	unsigned int type = be16(frame + 12);

	return o->p->mtu + (type == 0x8100 || type == 0x88a8 ? 18u : 14u);
}

static bool refused(enum milestone m)
{
	hit(m);
	return false;
}

/* Whether the frame in this chain is one to be sent, and with what work left to be done. */
static bool to_be_sent(const struct oracle *o, const struct model_chain *c,
		       struct nic_offload *right)
{
	const uint8_t *h = c->capture;
	uint64_t len = c->readable_bytes - header_bytes(o);

	memset(right, 0, sizeof(*right));
	if (c->writable_bytes || c->readable_bytes < header_bytes(o) + 14)
		return refused(MILESTONE_NET_TX_SHORT);
	if (len > NIC_FRAME_BYTES_MAX)
		return refused(MILESTONE_NET_TX_LONG);
	if (c->read_pos < c->readable_bytes)
		return false; /* the caller finds the frame missing if it was due */
	if (h[0] & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		right->needs_csum = true;
		right->csum_start = (uint16_t)le16(h + 6);
		right->csum_offset = (uint16_t)le16(h + 8);
		if (!oracle_accepted(o, VIRTIO_NET_F_CSUM) || le16(h + 6) + le16(h + 8) + 2 > len)
			return refused(MILESTONE_NET_TX_BAD);
	}
	if (h[1] != 0 && !gso_fine(o, h, h + header_bytes(o), len, right))
		return refused(MILESTONE_NET_TX_BAD);
	if (right->gso == NIC_GSO_NONE && len > longest(o, h + header_bytes(o)))
		return refused(MILESTONE_NET_TX_LONG);
	return o->net.link_up;
}

static bool same_offload(const struct nic_offload *a, const struct nic_offload *b)
{
	return a->needs_csum == b->needs_csum && a->csum_start == b->csum_start &&
	       a->csum_offset == b->csum_offset && a->csum_valid == b->csum_valid &&
	       a->gso == b->gso && a->gso_ecn == b->gso_ecn && a->gso_size == b->gso_size &&
	       a->header_len == b->header_len;
}

static void frame_sent(const struct oracle *o, const struct nic_offload *offload)
{
	hit(header_bytes(o) < HEADER_MAX ? MILESTONE_LEGACY_TX : MILESTONE_NET_TX_OK);
	if (offload->needs_csum)
		hit(MILESTONE_NET_TX_CSUM);
	if (offload->gso == NIC_GSO_TCP4)
		hit(MILESTONE_NET_TX_TSO4);
	if (offload->gso == NIC_GSO_TCP6)
		hit(MILESTONE_NET_TX_TSO6);
}

void oracle_sent(struct oracle *o, const struct nic_frame *frame, int result)
{
	struct model_chain *c = o->last;
	struct nic_offload right;

	if (!oracle_queue_live(o, TX))
		oracle_fail(o, 6, "a frame is sent while the device does not run");
	if (!c || !c->taken || o->last_queue != TX || c->sent)
		oracle_fail(o, 9, "a frame is sent that no chain asks for");
	if (!to_be_sent(o, c, &right))
		oracle_fail(o, 9, "the frame of chain %u is not to be sent", c->head);
	if (frame->len != c->readable_bytes - header_bytes(o) ||
	    memcmp(frame->data, c->capture + header_bytes(o), frame->len) != 0)
		oracle_fail(o, 9, "the frame sent is not that of chain %u", c->head);
	if (!same_offload(&frame->offload, &right))
		oracle_fail(o, 9, "the offloads of chain %u's frame are not the right ones",
			    c->head);
	if (result == -EAGAIN) {
		hit(MILESTONE_NET_TX_BLOCKED);
		oracle_unpopped(o, TX);
		return;
	}
	c->sent = true;
	frame_sent(o, &right);
}

static void due_tx(struct oracle *o, struct model_chain *c)
{
	struct nic_offload right;

	if (!c->sent && c->read_pos < c->readable_bytes && !c->writable_bytes &&
	    c->readable_bytes >= header_bytes(o) + 14 &&
	    c->readable_bytes - header_bytes(o) <= NIC_FRAME_BYTES_MAX)
		oracle_fail(o, 4, "chain %u comes back without its frame having been read",
			    c->head);
	if (!c->sent && to_be_sent(o, c, &right))
		oracle_fail(o, 4, "chain %u comes back and its frame was not sent", c->head);
}

/* ---- the control queue ---- */

static bool set_mode(struct oracle *o, unsigned int command, const uint8_t *data, uint64_t len)
{
	unsigned int feature = command < 2 ? VIRTIO_NET_F_CTRL_RX : VIRTIO_NET_F_CTRL_RX_EXTRA;

	if (command > 5 || !oracle_accepted(o, feature) || len != 1 || data[0] > 1)
		return false;
	o->net.mode[command] = data[0];
	hit(MILESTONE_NET_CTRL_MODE);
	return true;
}

/* The length of a table in bytes, or 0. */
static uint64_t table_bytes(const uint8_t *data, uint64_t len)
{
	if (len < 4)
		return 0;
	return 4 + 6ull * le32(data) <= len ? 4 + 6ull * le32(data) : 0;
}

static void take_table(struct model_mac_table *t, const uint8_t *data)
{
	t->count = le32(data);
	t->all = t->count > 64;
	if (t->all) {
		hit(MILESTONE_NET_CTRL_TABLE_FULL);
		t->count = 0;
	}
	memcpy(t->mac, data + 4, 6ull * t->count);
}

static bool set_table(struct oracle *o, const uint8_t *data, uint64_t len)
{
	uint64_t first = table_bytes(data, len);
	uint64_t second;

	if (!oracle_accepted(o, VIRTIO_NET_F_CTRL_RX) || !first)
		return false;
	second = table_bytes(data + first, len - first);
	if (!second || first + second != len)
		return false;
	take_table(&o->net.table[0], data);
	take_table(&o->net.table[1], data + first);
	hit(MILESTONE_NET_CTRL_TABLE);
	return true;
}

static bool set_mac(struct oracle *o, const uint8_t *data, uint64_t len)
{
	if (!oracle_accepted(o, VIRTIO_NET_F_CTRL_MAC_ADDR) || len != 6)
		return false;
	memcpy(o->net.mac, data, 6);
	memcpy(o->config, data, 6);
	o->generation++;
	hit(MILESTONE_NET_CTRL_MAC);
	return true;
}

static bool set_vlan(struct oracle *o, unsigned int command, const uint8_t *data, uint64_t len)
{
	if (command > 1 || !oracle_accepted(o, VIRTIO_NET_F_CTRL_VLAN) || len != 2 ||
	    le16(data) > 4095)
		return false;

	uint64_t bit = 1ull << (le16(data) % 64);

	o->net.vlans = true;
	if (command == 0)
		o->net.vlan[le16(data) / 64] |= bit;
	else
		o->net.vlan[le16(data) / 64] &= ~bit;
	hit(MILESTONE_NET_CTRL_VLAN);
	return true;
}

static bool command(struct oracle *o, const struct model_chain *c)
{
	const uint8_t *data = c->capture + 2;
	uint64_t len = c->readable_bytes - 2;
	unsigned int number = c->capture[1];

	if (c->readable_bytes < 2 || c->readable_bytes > COMMAND_MAX)
		return false;
	switch (c->capture[0]) {
	case VIRTIO_NET_CTRL_RX:
		return set_mode(o, number, data, len);
	case VIRTIO_NET_CTRL_MAC:
		if (number == VIRTIO_NET_CTRL_MAC_TABLE_SET)
			return set_table(o, data, len);
		return number == VIRTIO_NET_CTRL_MAC_ADDR_SET && set_mac(o, data, len);
	case VIRTIO_NET_CTRL_VLAN:
		return set_vlan(o, number, data, len);
	default:
		return false;
	}
}

static void due_ctrl(struct oracle *o, struct model_chain *c, struct due *due)
{
	static const uint8_t ack[] = { VIRTIO_NET_OK, VIRTIO_NET_ERR };
	bool fine;

	if (c->writable_bytes == 0) {
		hit(MILESTONE_NET_CTRL_NO_ACK);
		return;
	}
	if (c->read_pos < 2)
		memset(c->capture, 0xff, 2);
	fine = command(o, c);
	if (!fine)
		hit(MILESTONE_NET_CTRL_BAD);
	due->part[0] = &ack[!fine];
	due->len[0] = 1;
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

	if (!oracle_queue_live(o, RX) || !o->net.link_up || f->len < 14)
		return false;
	if (w->gso == NIC_GSO_NONE && f->len > longest(o, f->data))
		return false;
	if (w->gso == NIC_GSO_TCP4 && !oracle_accepted(o, VIRTIO_NET_F_GUEST_TSO4))
		return false;
	if (w->gso == NIC_GSO_TCP6 && !oracle_accepted(o, VIRTIO_NET_F_GUEST_TSO6))
		return false;
	if (w->gso_ecn && !oracle_accepted(o, VIRTIO_NET_F_GUEST_ECN))
		return false;
	return filters_pass(o, f);
}

/* The frame as the guest has to see it: as it came, or with its checksum completed. */
static const uint8_t *right_bytes(struct oracle *o, const struct nic_frame *f)
{
	uint8_t *to = o->net.completed;
	uint32_t sum = 0;
	uint32_t at = (uint32_t)f->offload.csum_start + f->offload.csum_offset;

	if (!f->offload.needs_csum || oracle_accepted(o, VIRTIO_NET_F_GUEST_CSUM))
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

	n->frame = frame;
	n->wanted = frame_wanted(o, frame);
	n->delivered = 0;
	n->buffers = 0;
	n->bad = 0;
	n->published = 0;
	n->announced = 0;
	if (n->wanted)
		n->bytes = right_bytes(o, frame);
}

static void right_header(const struct oracle *o, const struct nic_offload *w, uint8_t *h)
{
	memset(h, 0, HEADER_MAX);
	if (!oracle_accepted(o, VIRTIO_NET_F_GUEST_CSUM))
		return;
	if (w->needs_csum) {
		h[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h[6] = (uint8_t)w->csum_start;
		h[7] = (uint8_t)(w->csum_start >> 8);
		h[8] = (uint8_t)w->csum_offset;
		h[9] = (uint8_t)(w->csum_offset >> 8);
	} else if (w->csum_valid) {
		h[0] = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (w->gso == NIC_GSO_NONE)
		return;
	h[1] = w->gso == NIC_GSO_TCP4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	if (w->gso_ecn)
		h[1] |= VIRTIO_NET_HDR_GSO_ECN;
	h[2] = (uint8_t)w->header_len;
	h[3] = (uint8_t)(w->header_len >> 8);
	h[4] = (uint8_t)w->gso_size;
	h[5] = (uint8_t)(w->gso_size >> 8);
}

/* num_buffers is taken as announced, and counted when the entries are published. */
static void first_buffer(struct oracle *o, uint8_t *header)
{
	uint8_t stored[HEADER_MAX];
	uint32_t got = 0;

	for (unsigned int i = 0; i < o->logs && got < header_bytes(o); i++) {
		uint32_t part = o->log[i].len < header_bytes(o) - got ? o->log[i].len
								      : header_bytes(o) - got;

		memcpy(stored + got, o->log[i].bytes, part);
		got += part;
	}
	right_header(o, &o->net.frame->offload, header);
	if (got < header_bytes(o))
		return;
	if (header_bytes(o) < HEADER_MAX) { /* there is no num_buffers: one has to do */
		o->net.announced = 1;
		return;
	}
	o->net.announced = le16(stored + 10);
	memcpy(header + 10, stored + 10, 2);
}

static bool buffer_fine(const struct oracle *o, const struct model_chain *c)
{
	return c->readable == 0 && c->writable_bytes >= header_bytes(o);
}

static void due_rx(struct oracle *o, struct model_chain *c, struct due *due)
{
	static uint8_t header[HEADER_MAX];
	struct model_net *n = &o->net;
	uint64_t room = c->writable_bytes;

	if (!n->frame || !n->wanted)
		oracle_fail(o, 9, "a receive buffer is used and no frame is to be received");
	if (!buffer_fine(o, c)) {
		hit(MILESTONE_NET_RX_BAD_BUFFER);
		n->bad++;
		return;
	}
	if (n->delivered == 0) {
		first_buffer(o, header);
		due->part[0] = header;
		due->len[0] = header_bytes(o);
		room -= header_bytes(o);
		n->delivered = header_bytes(o);
	}
	due->part[1] = n->bytes + n->delivered - header_bytes(o);
	due->len[1] = n->frame->len - (n->delivered - header_bytes(o));
	if (due->len[1] > room)
		due->len[1] = room;
	n->delivered += due->len[1];
	n->buffers++;
	if (n->buffers > 1 && !oracle_accepted(o, VIRTIO_NET_F_MRG_RXBUF))
		oracle_fail(o, 7, "a frame over several buffers, without MRG_RXBUF");
}

void oracle_net_published(struct oracle *o)
{
	struct model_net *n = &o->net;

	if (n->delivered == 0)
		return;
	if (n->published || n->delivered != header_bytes(o) + (uint64_t)n->frame->len ||
	    n->buffers != n->announced)
		oracle_fail(o, 5, "num_buffers is %u, %u buffers are published", n->announced,
			    n->buffers);
	n->published = n->buffers;
}

void oracle_net_due(struct oracle *o, unsigned int queue, struct model_chain *c, struct due *due)
{
	if (queue == RX)
		due_rx(o, c, due);
	else if (queue == TX)
		due_tx(o, c);
	else
		due_ctrl(o, c, due);
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

static void check_not_delivered(struct oracle *o, int result)
{
	const struct model_queue *q = &o->queue[RX];
	uint64_t need = header_bytes(o) + (uint64_t)o->net.frame->len;
	/* after a ring full of bad ones it may put off the rest */
	bool excused = o->raced || o->net.bad >= q->size;

	if (room_left(o, q) >= need)
		oracle_fail(o, 4, "a wanted frame of %u bytes is not received, there was room",
			    o->net.frame->len);
	if (q->helds == 0 && q->seen_idx != q->next_avail && !excused)
		oracle_fail(o, 4, "a wanted frame is not received, the buffers were not tried");
	if (result != -EAGAIN) {
		hit(MILESTONE_NET_RX_TOO_LONG);
		if (q->helds == 0)
			oracle_fail(o, 4, "a wanted frame is dropped, buffers may still come");
		return;
	}
	hit(MILESTONE_NET_RX_NO_BUFFERS);
	if (!oracle_asks_to_notify(o, RX) && !excused)
		oracle_fail(o, 4,
			    "a frame waits for buffers, and the driver is not asked to notify");
}

static void frame_received(const struct oracle *o)
{
	const struct model_net *n = &o->net;

	hit(header_bytes(o) < HEADER_MAX ? MILESTONE_LEGACY_RX : MILESTONE_NET_RX_OK);
	if (n->buffers > 1)
		hit(MILESTONE_NET_RX_MERGED);
	if (n->frame->offload.gso != NIC_GSO_NONE)
		hit(MILESTONE_NET_RX_GSO);
}

void oracle_frame_ends(struct oracle *o, int result)
{
	struct model_net *n = &o->net;

	if (n->published)
		frame_received(o);
	else if (n->delivered)
		oracle_fail(o, 5, "a frame is received in part");
	else if (n->wanted && oracle_queue_live(o, RX) && !oracle_jumped(&o->queue[RX]))
		check_not_delivered(o, result);
	else if (!n->wanted && (result || o->queue[RX].helds))
		oracle_fail(o, 9, "a frame that is not wanted is not dropped");
	while (o->queue[RX].helds)
		oracle_unpopped(o, RX);
	n->frame = NULL;
}
