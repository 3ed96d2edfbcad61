/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inverse of guest_tx, guest_rx and guest_ctrl (guest/guest_net.c) and of player_frame
 * (play/player_net.c): from a driver's request, or a frame for it, to the operation.
 */
#include <endian.h>
#include <string.h>

#include "array_size.h"
#include "script/frames.h"
#include "guest/guest.h"
#include "script/operands.h"
#include "encode_internal.h"

/* ---- frames ---- */

struct look {
	enum frame_kind kind;
	unsigned int tags; /* up to 8 */
	unsigned int vlan; /* of the first one */
	unsigned int tcp;  /* offset of the TCP header; of the payload if that is none */
	unsigned int headers;
};

static unsigned int get16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static unsigned int tcp4_offset(const uint8_t *at, size_t len, unsigned int ip)
{
	unsigned int header = len > ip ? (at[ip] & 15u) * 4 : 0;

	if (len < ip + 20 || at[ip] >> 4 != 4 || header < 20 || at[ip + 9] != 6 ||
	    get16(at + ip + 6) & 0x3fff)
		return 0;
	return ip + header;
}

static unsigned int tcp6_offset(const uint8_t *at, size_t len, unsigned int ip)
{
	return len < ip + 40 || at[ip] >> 4 != 6 || at[ip + 6] != 6 ? 0 : ip + 40;
}

static void look_at_tags(const uint8_t *at, size_t len, struct look *l)
{
	unsigned int type = len >= 14 ? get16(at + 12) : 0;

	while (l->tags < 8 && (type == 0x8100 || type == 0x88a8) && len >= 18 + 4 * l->tags) {
		l->tags++;
		type = get16(at + 12 + 4 * l->tags);
	}
	l->vlan = l->tags ? get16(at + 14) : 0;
}

static enum frame_kind tcp_kind(unsigned int tags, bool six)
{
	static const enum frame_kind kind[3][2] = { { FRAME_TCP4, FRAME_TCP6 },
						    { FRAME_VLAN_TCP4, FRAME_VLAN_TCP6 },
						    { FRAME_2TAGS_TCP4, FRAME_2TAGS_TCP6 } };

	return kind[tags < 2 ? tags : 2][six];
}

/* The first `len` bytes of a frame; any bytes. */
static struct look look_at(const uint8_t *at, size_t len)
{
	struct look l = { .kind = FRAME_PLAIN, .tcp = 14, .headers = 14 };
	unsigned int type;
	unsigned int ip;
	unsigned int tcp = 0;

	look_at_tags(at, len, &l);
	ip = 14 + 4 * l.tags;
	type = len >= ip ? get16(at + ip - 2) : 0;
	if (l.tags > 1) { /* no other kind has them: as frame_build makes this one */
		l.kind = FRAME_2TAGS_TCP4;
		l.tcp = 22 + 20;
		l.headers = l.tcp + 20;
	}
	if (type == 0x0800)
		tcp = tcp4_offset(at, len, ip);
	else if (type == 0x86dd)
		tcp = tcp6_offset(at, len, ip);
	if (tcp == 0 || len < tcp + 20)
		return l;
	l.tcp = tcp;
	l.headers = tcp + (unsigned int)(at[tcp + 12] >> 4) * 4;
	l.kind = tcp_kind(l.tags, type == 0x86dd);
	return l;
}

#define TX_FRAME_MAX (MAP_REGION_BYTES - sizeof(struct virtio_net_header))
#define TX_LOOK	     (14u + 32u + 60u + 20u) /* tags, IPv4 header with options, TCP header */

static uint8_t gso_class(unsigned int type)
{
	static const uint8_t types[] = {
		VIRTIO_NET_HDR_GSO_NONE,
		VIRTIO_NET_HDR_GSO_TCPV4,
		VIRTIO_NET_HDR_GSO_TCPV6,
		VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
		VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN,
		3,
		VIRTIO_NET_HDR_GSO_ECN,
	};
	uint8_t choice = 0;

	while (choice < sizeof(types) && types[choice] != type)
		choice++;
	return choice;
}

static uint64_t difference(unsigned int real, unsigned int right, unsigned int part)
{
	unsigned int number = (real - right) & 0xffff;

	/* what stands for small numbers cannot stand for itself */
	if (number >= HEADERS_AS_IS && number < HEADERS_AS_IS + 256)
		number = real < 256 ? HEADERS_AS_IS + real : HEADERS_AS_IS - 1;
	return (uint64_t)number << (16 * part);
}

/* The header as it differs from the right one for this frame, which the script's has, too. */
static void tx_header(const struct virtio_net_header *h, const struct look *l, struct script_op *r)
{
	bool gso = h->gso_type != VIRTIO_NET_HDR_GSO_NONE;
	bool csum = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	r->tx.bits = (uint8_t)(h->flags ^ (gso ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0));
	r->tx.offload = gso_class(h->gso_type);
	r->tx.headers = difference(le16toh(h->gso_size), gso ? 1448 : 0, 0) |
			difference(le16toh(h->csum_start), csum ? l->tcp : 0, 1) |
			difference(le16toh(h->csum_offset), csum ? 16 : 0, 2) |
			difference(le16toh(h->hdr_len), gso ? l->headers : 0, 3);
}

void encode_tx(const struct encoder *n, struct anvil_descriptor_chain *chain, bool indirect,
	       struct encoded_op *op)
{
	struct script_op *r = &op->record;
	struct virtio_net_header header = { 0 };
	uint8_t bytes[TX_LOOK];
	uint64_t len = encode_smaller(chain->readable_bytes, sizeof(header) + TX_FRAME_MAX);

	encode_start(op, OP_TX, indirect);
	if (len <= sizeof(header)) {
		r->tx.kind = len == sizeof(header) ? TX_HEADER_ONLY : TX_SHORT;
		r->tx.len = len == sizeof(header) ? 0 : (uint32_t)len;
		len = len ? len : 1;
	} else {
		struct look l;

		encode_read(chain, &header, sizeof(header));
		l = look_at(bytes, encode_read(chain, bytes, sizeof(bytes)));
		r->tx.kind = (uint8_t)l.kind;
		r->tx.len = (uint32_t)(len - sizeof(header));
		tx_header(&header, &l, r);
	}
	if (chain->writable_bytes)
		r->tx.wrong = chain->readable ? WRONG_MORE_WRITABLE : WRONG_ALL_WRITABLE;
	r->tx.split = encode_finish(n, chain, sizeof(header),
				    &(struct encode_stream){ len, sizeof(header) },
				    &(struct encode_stream){ 0 }, op);
}

void encode_rx(const struct anvil_descriptor_chain *chain, bool indirect, struct encoded_op *op)
{
	static const struct {
		uint32_t len;
		uint8_t class;
	} room[] = { { 0, 5 },	{ 11, 2 },   { 12, 1 },	  { 26, 6 },
		     { 64, 3 }, { 1600, 0 }, { 4096, 4 }, { 65601, 7 } };
	struct script_op *r = &op->record;
	uint64_t len = chain->readable_bytes + chain->writable_bytes;
	size_t i = 0;

	encode_start(op, OP_RX, indirect);
	while (i + 1 < ARRAY_SIZE(room) && room[i].len < len)
		i++;
	r->rx.len = room[i].class;
	if (room[i].len > MAP_REGION_BYTES)
		r->rx.where = 5; /* where there is that much RAM in one piece */
	r->rx.pieces = (uint8_t)(encode_smaller(chain->count, 5) - 1);
	if (chain->readable)
		r->rx.wrong = chain->writable_bytes ? WRONG_MORE_READABLE : WRONG_ALL_READABLE;
	op->pieces = r->rx.pieces + 1u + (r->rx.wrong == WRONG_MORE_READABLE);
	op->descs = indirect ? 1 : op->pieces;
	op->out = room[i].len;
}

#define CLASSES	    5u
#define COMMANDS    8u
#define TABLE_COUNT 99u

/* How many addresses a table of a command says it has, and passes over as many as there are. */
static uint64_t table_count(struct anvil_descriptor_chain *chain)
{
	uint32_t raw = 0;
	uint64_t count;

	encode_read(chain, &raw, sizeof(raw));
	count = le32toh(raw);
	if (anvil_descriptor_chain_skip(chain, encode_smaller(6 * count, chain->read.left)))
		return 0;
	return encode_smaller(count, TABLE_COUNT);
}

/* The length that the script's command has if it is right. */
static uint64_t command_op(const struct encoder *n, struct anvil_descriptor_chain *chain,
			   struct script_op *r)
{
	uint8_t head[2] = { 0 };
	uint8_t data[8] = { 0 };
	size_t len = 1;

	encode_read(chain, head, sizeof(head));
	r->ctrl.class = (uint8_t)encode_smaller(head[0], CLASSES - 1);
	r->ctrl.command = (uint8_t)encode_smaller(head[1], COMMANDS - 1);
	if (head[0] == VIRTIO_NET_CTRL_MAC && head[1] == VIRTIO_NET_CTRL_MAC_TABLE_SET) {
		uint64_t unicast = table_count(chain);
		uint64_t multicast = table_count(chain);

		r->ctrl.counts = unicast | multicast << 16;
		return 2 + 4 + 6 * unicast + 4 + 6 * multicast;
	}
	if (head[0] == VIRTIO_NET_CTRL_MAC)
		len = 6;
	else if (head[0] == VIRTIO_NET_CTRL_VLAN || head[0] == VIRTIO_NET_CTRL_MQ)
		len = 2;
	else if (head[0] == VIRTIO_NET_CTRL_ANNOUNCE)
		len = 0;
	encode_read(chain, data, len);
	if (len == 6 && !memcmp(data, n->net->mac, 6))
		memcpy(data, setup_mac, 6);
	for (size_t i = 0; i < len; i++)
		r->ctrl.value |= (uint64_t)data[i] << (8 * i);
	if (head[0] == VIRTIO_NET_CTRL_MQ && r->ctrl.value == 1)
		r->ctrl.value = 0; /* all pairs: what there is of them */
	return 2 + len;
}

void encode_ctrl(const struct encoder *n, struct anvil_descriptor_chain *chain, bool indirect,
		 struct encoded_op *op)
{
	struct script_op *r = &op->record;
	uint64_t tail = chain->writable_bytes > 0;
	uint64_t right;
	int64_t more;

	encode_start(op, OP_CTRL, indirect);
	right = command_op(n, chain, r);
	more = (int64_t)chain->readable_bytes - (int64_t)right;
	if (r->ctrl.class == VIRTIO_NET_CTRL_MAC &&
	    r->ctrl.command == VIRTIO_NET_CTRL_MAC_TABLE_SET && more > 0)
		more = 0; /* tables that were cut down */
	more = more > INT8_MAX ? INT8_MAX : more < INT8_MIN ? INT8_MIN : more;
	r->ctrl.more = (uint8_t)more;
	if (tail == 0)
		r->ctrl.flags |= CHAIN_NO_TAIL;
	if (chain->writable_bytes > 1)
		r->ctrl.wrong = WRONG_MORE_WRITABLE;
	right = (uint64_t)((int64_t)right + more > 1 ? (int64_t)right + more : 1);
	r->ctrl.split = encode_finish(n, chain, 2, &(struct encode_stream){ right, 2 },
				      &(struct encode_stream){ tail, 0 }, op);
}

/* ---- frames for the guest ---- */

static uint8_t destination(const struct encoder *n, const uint8_t *to, uint64_t *value)
{
	if (!memcmp(to, n->net->mac, 6))
		return TO_DEVICE;
	if (!memcmp(to, "\xff\xff\xff\xff\xff\xff", 6))
		return TO_BROADCAST;
	if (!memcmp(to, "\x01\x00\x5e\x00", 4)) {
		*value = to[4] | (uint64_t)to[5] << 8;
		return TO_MULTICAST;
	}
	for (unsigned int i = 0; i < 6; i++)
		*value |= (uint64_t)to[i] << (8 * i);
	return TO_ANY;
}

static uint8_t offload_class(const struct anvil_nic_offload *o)
{
	if (!o->needs_csum)
		return o->csum_valid ? 2 : 0;
	if (o->gso == ANVIL_NIC_GSO_TCP4)
		return o->gso_ecn ? 5 : 3;
	if (o->gso == ANVIL_NIC_GSO_TCP6)
		return o->gso_ecn ? 7 : 4;
	return 1;
}

void encode_frame(const struct encoder *n, const struct anvil_nic_frame *frame,
		  struct script_op *op)
{
	struct look l = look_at(frame->data, frame->len);

	memset(op, 0, sizeof(*op));
	op->code = OP_FRAME;
	op->frame.kind = (uint8_t)(l.tags && l.kind == FRAME_PLAIN ? FRAME_BARE_VLAN : l.kind);
	op->frame.to = frame->len < 6 ? TO_DEVICE : destination(n, frame->data, &op->frame.value);
	op->frame.offload = offload_class(&frame->offload);
	op->frame.len = frame->len ? (frame->len - 1) % ANVIL_NIC_FRAME_BYTES_MAX : 0;
	if (l.tags && op->frame.to != TO_ANY) {
		op->frame.vlan = 1;
		op->frame.value |= (uint64_t)l.vlan << 16;
	}
}
