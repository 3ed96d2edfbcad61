/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of the network device.
 */
#include <endian.h>
#include <string.h>

#include "script/frames.h"
#include "guest_internal.h"

static void store(struct guest_driver *g, uint64_t gpa, const void *bytes, size_t len)
{
	g->bus->ops->store(g->bus, gpa, bytes, len);
}

static unsigned int right_gso_type(unsigned int class)
{
	static const uint8_t type[] = {
		VIRTIO_NET_HDR_GSO_NONE,
		VIRTIO_NET_HDR_GSO_TCPV4,
		VIRTIO_NET_HDR_GSO_TCPV6,
		VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
		VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN,
		3, /* UDP fragmentation, never offered */
		VIRTIO_NET_HDR_GSO_ECN,
		0x7f,
		VIRTIO_NET_HDR_GSO_UDP_L4,
		VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4,
		VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6,
		VIRTIO_NET_HDR_GSO_UDP_L4 | VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4,
		VIRTIO_NET_HDR_GSO_UDP_L4 | VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6,
		VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4 |
			VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6,
		VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4,
		VIRTIO_NET_HDR_GSO_UDP_L4 | VIRTIO_NET_HDR_GSO_ECN,
	};

	return type[class % 16];
}

static unsigned int add_part(uint64_t headers, unsigned int part, unsigned int right)
{
	unsigned int number = headers >> (16 * part) & 0xffff;

	if (number >= HEADERS_AS_IS && number < HEADERS_AS_IS + 256)
		return number - HEADERS_AS_IS;
	return (right + number) & 0xffff;
}

static void fill_header(const struct guest_driver *g, struct virtio_net_header_long *h,
			const struct script_op *r, const struct frame_layout *l,
			unsigned int headers)
{
	struct virtio_net_header *b = &h->base;

	memset(h, 0, sizeof(*h));
	b->gso_type = (uint8_t)right_gso_type(r->tx.offload);
	b->flags = (uint8_t)(r->tx.bits ^ (b->gso_type ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0));
	b->gso_size = guest_u16(g, add_part(r->tx.headers, 0, b->gso_type ? 1448 : 0));
	b->csum_start = guest_u16(g, add_part(r->tx.headers, 1, b->flags & 1 ? l->transport : 0));
	b->csum_offset = guest_u16(g, add_part(r->tx.headers, 2, b->flags & 1 ? l->csum : 0));
	b->hdr_len = guest_u16(g, add_part(r->tx.headers, 3, b->gso_type ? headers : 0));
	h->outer_th_offset = guest_u16(g, l->outer_th + (unsigned int)(int8_t)r->tx.outer);
	h->inner_nh_offset = guest_u16(g, l->inner_nh + (unsigned int)(int8_t)r->tx.inner);
}

static enum frame_kind tx_kind(unsigned int kind)
{
	return (enum frame_kind)(kind <= TX_SHORT ? kind % TX_HEADER_ONLY : kind);
}

void guest_tx(struct guest_driver *g, const struct script_op *r)
{
	struct chain_plan plan;
	unsigned int pair = r->tx.pair % g->p->pairs;
	unsigned int queue = 2 * pair + ANVIL_NET_TX;
	unsigned int header = guest_net_header(g);
	uint8_t bytes[sizeof(struct virtio_net_header_long) + FRAME_HEADERS_MAX];
	struct virtio_net_header_long h;
	struct frame_layout layout;
	uint32_t asked = r->tx.len;
	unsigned int headers =
		frame_build(bytes + header, tx_kind(r->tx.kind),
			    (const uint8_t *)"\x52\x55\x0a\x00\x02\x02", 5, r->tx.flow, &layout);
	uint64_t len = header + (asked ? asked & 0x1ffff : headers + 100u);
	uint64_t at;

	if (queue >= g->p->queues)
		return;
	guest_plan(&plan, &g->queue[queue], r->tx.flags, r->tx.wrong, r->tx.len);
	if (r->tx.kind == TX_HEADER_ONLY)
		len = header;
	if (r->tx.kind == TX_SHORT)
		len = asked % header;
	if (len == 0)
		len = 1;
	fill_header(g, &h, r, &layout, headers);
	memcpy(bytes, &h, header);
	at = guest_place(g, r->tx.where, queue, len);
	store(g, at, bytes,
	      len < header + FRAME_HEADERS_MAX ? (size_t)len : header + FRAME_HEADERS_MAX);
	guest_add_stream(&plan, at, len, header, r->tx.split, false);
	guest_submit(g, queue, &plan);
}

void guest_rx(struct guest_driver *g, const struct script_op *r)
{
	static const uint32_t room[] = { 1600, 12, 11, 64, 4096, 0, 26, 65601 };
	uint32_t len = room[r->rx.len % 8];
	unsigned int pieces = 1 + r->rx.pieces % 5u;
	unsigned int queue = 2 * (r->rx.pair % g->p->pairs);

	if (queue >= g->p->queues)
		return;
	if (g->p->legacy && (len == 12 || len == 11)) /* the header alone, and a byte less */
		len -= 12 - guest_net_header(g);
	for (unsigned int i = 0; i <= r->rx.count % 33u; i++) {
		uint64_t at = guest_place(g, r->rx.where, queue, len);
		unsigned int flags = r->rx.flags;
		struct chain_plan plan;

		if (i < r->rx.count % 33u) /* one notification for all of them */
			flags |= CHAIN_QUIET;
		guest_plan(&plan, &g->queue[queue], flags, r->rx.wrong, r->rx.arg);
		for (unsigned int k = 0; k < pieces; k++)
			guest_add_piece(&plan, at + (uint64_t)k * (len / pieces),
					k + 1 < pieces ? len / pieces : len - k * (len / pieces),
					true);
		guest_submit(g, queue, &plan);
	}
}

#define CTRL_BYTES_MAX 4096u

/* How many entries a table says it has: `claim` is added, or is it if it is negative. From
 * HEADERS_AS_IS on their bytes are as many as there are in 32 bits, then in 16 bits. */
static uint32_t entries_claimed(unsigned int entries, unsigned int claim)
{
	if (claim >= HEADERS_AS_IS && claim < HEADERS_AS_IS + 256) {
		claim -= HEADERS_AS_IS;
		return entries + claim % 16 + (claim & 16 ? 1u << 15 : 1u << 31);
	}
	return claim & 0x8000 ? (uint32_t)(int16_t)claim : entries + claim;
}

/* A table of addresses. */
static size_t put_table(const struct guest_driver *g, uint8_t *at, unsigned int entries,
			unsigned int claim, uint64_t value, bool multicast)
{
	uint32_t count = guest_u32(g, entries_claimed(entries, claim));

	memcpy(at, &count, sizeof(count));
	for (unsigned int i = 0; i < entries; i++) {
		uint8_t *mac = at + 4 + 6 * (size_t)i;

		memcpy(mac, multicast ? "\x01\x00\x5e\x00" : "\x52\x54\x00\x00", 4);
		mac[4] = (uint8_t)value;
		mac[5] = (uint8_t)i;
	}
	return 4 + 6 * (size_t)entries;
}

/* The 16-bit part of `counts` as what is added to the right value. */
static unsigned int part(const struct script_op *r, unsigned int which, unsigned int right)
{
	return add_part(r->ctrl.counts, which, right);
}

static size_t put_bytes(uint8_t *at, size_t len, const void *bytes, size_t more)
{
	memcpy(at + len, bytes, more);
	return len + more;
}

/* The numbers of commands that legacy devices have, too, where they are in the guest's order. */
static size_t put_own16(const struct guest_driver *g, uint8_t *at, size_t len, unsigned int value)
{
	uint16_t raw = guest_u16(g, value);

	return put_bytes(at, len, &raw, sizeof(raw));
}

static size_t put_own64(const struct guest_driver *g, uint8_t *at, size_t len, uint64_t value)
{
	uint64_t raw = guest_u64(g, value);

	return put_bytes(at, len, &raw, sizeof(raw));
}

static size_t put16(uint8_t *at, size_t len, unsigned int value)
{
	uint16_t raw = htole16((uint16_t)value);

	return put_bytes(at, len, &raw, sizeof(raw));
}

static size_t put32(uint8_t *at, size_t len, uint32_t value)
{
	uint32_t raw = htole32(value);

	return put_bytes(at, len, &raw, sizeof(raw));
}

static size_t put64(uint8_t *at, size_t len, uint64_t value)
{
	uint64_t raw = htole64(value);

	return put_bytes(at, len, &raw, sizeof(raw));
}

/* The key of the examples in Microsoft's text on RSS. */
static const uint8_t rss_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

#define KEY_BYTES_MAX 300u

static size_t put_key(uint8_t *at, size_t len, unsigned int bytes)
{
	at[len++] = (uint8_t)bytes;
	for (unsigned int i = 0; i < (uint8_t)bytes && i < KEY_BYTES_MAX; i++)
		at[len++] = rss_key[i % sizeof(rss_key)];
	return len;
}

#define TABLE_ENTRIES_MAX 600u

/*
 * counts: mask, key length, unclassified queue, max_tx_vq; value: hash types left out, what is
 * added to all entries, then one entry that is not 0 (its number, from 1 on, in the upper 16 bits;
 * 0: the last).
 */
static size_t put_rss(struct guest_driver *g, uint8_t *at, size_t len, const struct script_op *r)
{
	unsigned int pairs = guest_net_pairs(g);
	unsigned int mask = part(r, 0, 7);
	unsigned int entry = (uint16_t)(r->ctrl.value >> 32);
	unsigned int number = (uint16_t)(r->ctrl.value >> 48);

	len = put32(at, len, 0x1ff ^ (uint32_t)(r->ctrl.value & 0xffff));
	len = put16(at, len, mask);
	len = put16(at, len, part(r, 2, 0));
	for (unsigned int i = 0; i <= mask && i < TABLE_ENTRIES_MAX; i++) {
		bool odd = i == (number ? number - 1 : mask) && entry;

		len = put16(at, len,
			    odd ? entry : (i + (unsigned int)(r->ctrl.value >> 16 & 0xff)) % pairs);
	}
	len = put16(at, len, part(r, 3, pairs));
	return put_key(at, len, part(r, 1, sizeof(rss_key)));
}

static size_t put_mq(struct guest_driver *g, uint8_t *at, size_t len, const struct script_op *r)
{
	if (r->ctrl.command == VIRTIO_NET_CTRL_MQ_RSS_CONFIG)
		return put_rss(g, at, len, r);
	if (r->ctrl.command != VIRTIO_NET_CTRL_MQ_HASH_CONFIG)
		return put_own16(g, at, len,
				 r->ctrl.value ? (unsigned int)r->ctrl.value : guest_net_pairs(g));
	len = put32(at, len, 0x1ff ^ (uint32_t)r->ctrl.value);
	len = put64(at, len, r->ctrl.counts & 0xffff);
	return put_key(at, len, part(r, 1, sizeof(rss_key)));
}

static uint64_t offload_bits(const struct guest_driver *g)
{
	const uint64_t low = 1ull << VIRTIO_NET_F_GUEST_CSUM | 1ull << VIRTIO_NET_F_GUEST_TSO4 |
			     1ull << VIRTIO_NET_F_GUEST_TSO6 | 1ull << VIRTIO_NET_F_GUEST_ECN |
			     1ull << VIRTIO_NET_F_GUEST_USO4 | 1ull << VIRTIO_NET_F_GUEST_USO6;
	uint64_t bits = g->features[0] & low;

	if (guest_has(g, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO))
		bits |= 1ull << VIRTIO_NET_OFFLOAD_UDP_TUNNEL_GSO;
	if (guest_has(g, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM))
		bits |= 1ull << VIRTIO_NET_OFFLOAD_UDP_TUNNEL_GSO_CSUM;
	return bits;
}

/* value: the queue; counts: packets and microseconds, beside 4 and 100 */
static size_t put_coalescing(uint8_t *at, size_t len, const struct script_op *r)
{
	if (r->ctrl.command >= VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET)
		len = put32(at, len, (uint32_t)r->ctrl.value);
	if (r->ctrl.command == VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET)
		return len;
	len = put32(at, len, part(r, 0, 4));
	return put32(at, len, part(r, 1, 100));
}

/* What this queue can be asked for. */
static uint64_t stats_types(const struct guest_driver *g, unsigned int queue)
{
	bool rx_gso =
		guest_has(g, VIRTIO_NET_F_GUEST_TSO4) || guest_has(g, VIRTIO_NET_F_GUEST_TSO6);
	bool tx_gso = guest_has(g, VIRTIO_NET_F_HOST_TSO4) ||
		      guest_has(g, VIRTIO_NET_F_HOST_TSO6) || guest_has(g, VIRTIO_NET_F_HOST_USO);

	if (queue == guest_net_control(g))
		return 1ull << VIRTIO_NET_STATS_CVQ;
	if (queue % 2)
		return 1ull << VIRTIO_NET_STATS_TX_BASIC |
		       (uint64_t)guest_has(g, VIRTIO_NET_F_CSUM) << VIRTIO_NET_STATS_TX_CSUM |
		       (uint64_t)tx_gso << VIRTIO_NET_STATS_TX_GSO;
	return 1ull << VIRTIO_NET_STATS_RX_BASIC |
	       (uint64_t)guest_has(g, VIRTIO_NET_F_GUEST_CSUM) << VIRTIO_NET_STATS_RX_CSUM |
	       (uint64_t)rx_gso << VIRTIO_NET_STATS_RX_GSO;
}

#define STATS_MAX 70u

/* counts: entries beside one for each queue, room for the answer; value: the first queue, then
 * types that are added or left out */
static size_t put_stats(struct guest_driver *g, uint8_t *at, size_t len, const struct script_op *r)
{
	unsigned int entries = part(r, 0, guest_net_control(g) + 1) % (STATS_MAX + 1);

	if (r->ctrl.command != VIRTIO_NET_CTRL_STATS_GET)
		return len;
	for (unsigned int i = 0; i < entries; i++) {
		unsigned int queue = (unsigned int)r->ctrl.value + i;

		len = put64(at, len, queue & 0xffff);
		len = put64(at, len, stats_types(g, queue & 0xffff) ^ r->ctrl.value >> 16);
	}
	return len;
}

static size_t put_context(struct guest_driver *g, uint8_t *at, size_t len,
			  const struct script_op *r)
{
	unsigned int id = (1 + (unsigned int)(r->ctrl.value >> 24)) & 0xff;

	if (r->ctrl.command == VIRTIO_NET_CTRL_RSS_CTX_CAP_GET)
		return len;
	len = put16(at, len, id);
	if (r->ctrl.command == VIRTIO_NET_CTRL_RSS_CTX_DEL)
		return len;
	len = put_bytes(at, len, "\0\0\0\0\0\0", 6);
	return put_rss(g, at, len, r);
}

static size_t put_mac(const struct guest_driver *g, uint8_t *at, size_t len,
		      const struct script_op *r)
{
	uint64_t value = htole64(r->ctrl.value);

	if (r->ctrl.command != VIRTIO_NET_CTRL_MAC_TABLE_SET)
		return put_bytes(at, len, &value, 6);
	len += put_table(g, at + len, (unsigned int)(r->ctrl.counts & 0xffff) % 100,
			 (unsigned int)(r->ctrl.counts >> 32 & 0xffff), r->ctrl.value, false);
	return len + put_table(g, at + len, (unsigned int)(r->ctrl.counts >> 16 & 0xffff) % 100,
			       (unsigned int)(r->ctrl.counts >> 48), r->ctrl.value, true);
}

static size_t put_command(struct guest_driver *g, uint8_t *at, const struct script_op *r)
{
	at[0] = r->ctrl.class;
	at[1] = r->ctrl.command;
	at[2] = (uint8_t)r->ctrl.value;
	switch (r->ctrl.class) {
	case VIRTIO_NET_CTRL_MAC:
		return put_mac(g, at, 2, r);
	case VIRTIO_NET_CTRL_VLAN:
		return put_own16(g, at, 2, (unsigned int)r->ctrl.value);
	case VIRTIO_NET_CTRL_ANNOUNCE:
		return 2;
	case VIRTIO_NET_CTRL_MQ:
		return put_mq(g, at, 2, r);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		return put_own64(g, at, 2, offload_bits(g) ^ r->ctrl.value);
	case VIRTIO_NET_CTRL_NOTF_COAL:
		return put_coalescing(at, 2, r);
	case VIRTIO_NET_CTRL_HASH_TUNNEL:
		return put32(at, 2, 0x1d3 ^ (uint32_t)r->ctrl.value);
	case VIRTIO_NET_CTRL_STATS:
		return put_stats(g, at, 2, r);
	case VIRTIO_NET_CTRL_RSS_CTX:
		return put_context(g, at, 2, r);
	default:
		return 3;
	}
}

/* Bytes of an answer behind the ack. */
static unsigned int answer_room(const struct script_op *r)
{
	switch (r->ctrl.class) {
	case VIRTIO_NET_CTRL_NOTF_COAL:
		return r->ctrl.command == VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET ? 8 : 0;
	case VIRTIO_NET_CTRL_STATS:
		return r->ctrl.command == VIRTIO_NET_CTRL_STATS_QUERY ? 8
								      : part(r, 1, 1500) % 16384;
	case VIRTIO_NET_CTRL_RSS_CTX:
		return r->ctrl.command == VIRTIO_NET_CTRL_RSS_CTX_CAP_GET ? 2 : 0;
	default:
		return 0;
	}
}

void guest_ctrl(struct guest_driver *g, const struct script_op *r)
{
	uint8_t bytes[CTRL_BYTES_MAX];
	size_t right = put_command(g, bytes, r);
	long len = (long)right + (int8_t)r->ctrl.more;
	unsigned int queue = guest_net_control(g);
	unsigned int room = 1 + answer_room(r);
	struct chain_plan plan;
	uint64_t at;

	if (g->p->queues <= queue)
		return;
	guest_plan(&plan, &g->queue[queue], r->ctrl.flags, r->ctrl.wrong, r->ctrl.counts);
	if (len < 1)
		len = 1;
	if ((size_t)len > right)
		memset(bytes + right, 0, (size_t)len - right);
	at = guest_place(g, r->ctrl.where % 16, queue, (uint64_t)len);
	store(g, at, bytes, (size_t)len);
	guest_add_stream(&plan, at, (uint64_t)len, 2, r->ctrl.split, false);
	if (!(r->ctrl.flags & CHAIN_NO_TAIL))
		guest_add_stream(&plan, guest_place(g, r->ctrl.where % 16, queue, room), room, 1,
				 r->ctrl.split, true);
	guest_submit(g, queue, &plan);
}

/* ---- the kind ---- */

#define MANY_RX_BYTES 64u /* of a receive buffer: more than a header */

/* A receive buffer, a short frame, or a command without an effect that lasts: whether all frames
 * are wanted. Buffers share their bytes. */
static void one_of_many(struct guest_driver *g, const struct script_op *r, unsigned int queue,
			const struct guest_many_chain *c, struct chain_plan *plan)
{
	static const uint8_t command[3] = { VIRTIO_NET_CTRL_RX, 0, 1 };
	uint8_t bytes[sizeof(struct virtio_net_header_long) + FRAME_HEADERS_MAX] = { 0 };
	unsigned int header = guest_net_header(g);
	struct frame_layout layout;

	(void)r;
	if (queue == guest_net_control(g)) {
		store(g, c->own, command, sizeof(command));
		guest_add_piece(plan, c->own, sizeof(command), false);
		guest_add_piece(plan, c->last, 1, true);
	} else if (queue % 2 == ANVIL_NET_RX) {
		guest_add_piece(plan, c->data, MANY_RX_BYTES, true);
	} else {
		frame_build(bytes + header, FRAME_PLAIN, setup_mac, 0, 0, &layout);
		store(g, c->data, bytes, header + 14);
		guest_add_piece(plan, c->data, header + 14, false);
	}
}

static bool probe(struct guest_driver *g)
{
	uint8_t bytes[sizeof(struct virtio_net_header) + 14] = { 0 };
	struct frame_layout layout;
	uint8_t frame[FRAME_HEADERS_MAX];

	frame_build(frame, FRAME_PLAIN, setup_mac, 0, 0, &layout);
	memcpy(bytes + guest_net_header(g), frame, 14);
	return guest_round_trip(g, ANVIL_NET_TX, bytes, guest_net_header(g) + 14, 0, 0);
}

/* Those that there are with the features asked for. */
static unsigned int queues(const struct guest_driver *g)
{
	if (guest_net_pairs(g) == g->p->pairs)
		return g->p->queues;
	return guest_net_control(g) + guest_has(g, VIRTIO_NET_F_CTRL_VQ);
}

const struct guest_kind guest_kind_net = {
	.probe = probe,
	.one_of_many = one_of_many,
	.config_changes = { 0, 4, 8 },
	.probe_queue = ANVIL_NET_TX,
	.queues = queues,
};
