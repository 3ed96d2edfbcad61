/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of the block and network devices, and the probe for life.
 */
#include <endian.h>
#include <string.h>

#include "frames.h"
#include "guest_chain.h"

static void store(struct guest_driver *g, uint64_t gpa, const void *bytes, size_t len)
{
	g->carrier->ops->store(g->carrier, gpa, bytes, len);
}

/* ---- block ---- */

struct blk_request {
	struct virtio_blk_header header;
	uint64_t out; /* bytes after the header */
	uint64_t in;  /* bytes before the status */
	struct virtio_blk_range range[RANGES_MAX];
	unsigned int ranges;
};

static uint32_t blk_type(const struct record *r)
{
	static const uint8_t type[] = {
		VIRTIO_BLK_T_IN,     VIRTIO_BLK_T_OUT,	   VIRTIO_BLK_T_FLUSH,
		VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
	};

	return r->b[0] < sizeof(type) ? type[r->b[0]] : (uint32_t)r->y;
}

static void fill_ranges(struct blk_request *q, const struct record *r)
{
	q->ranges = 1 + r->b[5] % RANGES_MAX;
	for (unsigned int i = 0; i < q->ranges; i++) {
		uint32_t flags = (r->b[6] & BITS_UNMAP) |
				 (r->b[6] & BITS_UNKNOWN_FLAG && i + 1 == q->ranges ? 2 : 0);

		q->range[i].sector = htole64(r->x + i);
		q->range[i].num_sectors = htole32(r->y ? (uint32_t)r->y : 1);
		q->range[i].flags = htole32(flags);
	}
	q->out = q->ranges * sizeof(q->range[0]);
}

static void fill_request(struct blk_request *q, const struct record *r)
{
	uint64_t data = (1ull + r->b[5]) * VIRTIO_BLK_SECTOR;

	memset(&q->header, 0, sizeof(q->header));
	q->header.type = htole32(blk_type(r));
	q->header.sector = htole64(r->b[0] < 2 ? r->x : 0);
	q->out = 0;
	q->in = 0;
	q->ranges = 0;
	if (r->b[0] == 0)
		q->in = data;
	else if (r->b[0] == 1 || r->b[0] == 7)
		q->out = data;
	else if (r->b[0] == 3)
		q->in = VIRTIO_BLK_ID_BYTES;
	else if (r->b[0] == 4 || r->b[0] == 5)
		fill_ranges(q, r);
}

static void spoil_request(struct blk_request *q, uint8_t bits)
{
	uint64_t *data = q->in ? &q->in : &q->out;

	if (bits & BITS_DATA_BOTH)
		q->in = q->out = *data ? *data : 1;
	if (bits & BITS_NO_DATA)
		*data = 0;
	if (bits & BITS_BYTE_MORE)
		++*data;
	if (bits & BITS_BYTE_LESS && *data)
		--*data;
}

void guest_blk_lengths(const struct record *r, uint64_t *out, uint64_t *in)
{
	struct blk_request q;

	fill_request(&q, r);
	spoil_request(&q, r->b[6]);
	*out = q.out;
	*in = q.in;
}

/* Each sector that is written tells where it came from. */
static void stamp(struct guest_driver *g, uint64_t gpa, uint64_t len, uint64_t sector)
{
	for (uint64_t at = 0; at + 8 <= len && at < 8 * 512; at += 512, sector++) {
		uint64_t mark = htole64(0x6c69766e61000000ull | sector);

		store(g, gpa + at, &mark, sizeof(mark));
	}
}

void guest_blk(struct guest_driver *g, const struct record *r)
{
	struct chain_plan plan = { .flags = r->b[3], .wrong = r->b[4], .arg = r->y };
	size_t header = r->b[6] & BITS_SHORT_HEADER ? 15 : sizeof(struct virtio_blk_header);
	uint64_t tail = r->b[3] & CHAIN_NO_TAIL ? 0 : 1;
	struct blk_request q;
	uint64_t out;

	fill_request(&q, r);
	spoil_request(&q, r->b[6]);
	out = guest_place(g, r->b[2], 0, header + q.out);
	store(g, out, &q.header, header);
	if (q.ranges)
		store(g, out + header, q.range, q.ranges * sizeof(q.range[0]));
	else
		stamp(g, out + header, q.out, r->x);
	guest_add_stream(&plan, out, header + q.out, header, r->b[1], false);
	if (q.in + tail)
		guest_add_stream(&plan, guest_place(g, r->b[2], 0, q.in + tail), q.in + tail, q.in,
				 r->b[1], true);
	guest_submit(g, 0, &plan);
}

/* ---- network ---- */

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
	};

	return type[class % 8];
}

static unsigned int add_part(uint64_t headers, unsigned int part, unsigned int right)
{
	return (right + (unsigned int)(headers >> (16 * part))) & 0xffff;
}

static void fill_header(struct virtio_net_header *h, const struct record *r, unsigned int tcp,
			unsigned int headers)
{
	memset(h, 0, sizeof(*h));
	h->gso_type = (uint8_t)right_gso_type(r->b[6]);
	h->flags = (uint8_t)(r->b[5] ^ (h->gso_type ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0));
	h->gso_size = htole16((uint16_t)add_part(r->x, 0, h->gso_type ? 1448 : 0));
	h->csum_start = htole16((uint16_t)add_part(r->x, 1, h->flags & 1 ? tcp : 0));
	h->csum_offset = htole16((uint16_t)add_part(r->x, 2, h->flags & 1 ? 16 : 0));
	h->hdr_len = htole16((uint16_t)add_part(r->x, 3, h->gso_type ? headers : 0));
}

void guest_tx(struct guest_driver *g, const struct record *r)
{
	struct chain_plan plan = { .flags = r->b[3], .wrong = r->b[4], .arg = r->y };
	struct {
		struct virtio_net_header header;
		uint8_t frame[FRAME_HEADERS_MAX];
	} bytes;
	unsigned int tcp;
	unsigned int headers = frame_build(bytes.frame, (enum frame_kind)(r->b[0] % TX_HEADER_ONLY),
					   (const uint8_t *)"\x52\x55\x0a\x00\x02\x02", 5, &tcp);
	uint64_t len = g->net_header + (r->y ? r->y & 0x1ffff : headers + 100u);
	uint64_t at;

	if (r->b[0] == TX_HEADER_ONLY)
		len = g->net_header;
	if (r->b[0] == TX_SHORT)
		len = r->y % g->net_header;
	if (len == 0)
		len = 1;
	fill_header(&bytes.header, r, tcp, headers);
	memmove((uint8_t *)&bytes + g->net_header, bytes.frame, sizeof(bytes.frame));
	at = guest_place(g, r->b[2], VIRTIO_NET_TX, len);
	store(g, at, &bytes, len < sizeof(bytes) ? (size_t)len : sizeof(bytes));
	guest_add_stream(&plan, at, len, g->net_header, r->b[1], false);
	guest_submit(g, VIRTIO_NET_TX, &plan);
}

void guest_rx(struct guest_driver *g, const struct record *r)
{
	static const uint32_t room[] = { 1600, 12, 11, 64, 4096, 0, 26, 65601 };
	uint32_t len = room[r->b[1] % 8];
	unsigned int pieces = 1 + r->b[5] % 5u;

	if (len == 12 || len == 11) /* the header alone, and a byte less */
		len -= 12 - (uint32_t)g->net_header;

	for (unsigned int i = 0; i <= r->b[0] % 33u; i++) {
		struct chain_plan plan = { .wrong = r->b[4], .arg = r->y };
		uint64_t at = guest_place(g, r->b[2], VIRTIO_NET_RX, len);

		/* one notification for all of them */
		plan.flags = i < r->b[0] % 33u ? r->b[3] | CHAIN_QUIET : r->b[3];
		for (unsigned int k = 0; k < pieces; k++)
			guest_add_piece(&plan, at + (uint64_t)k * (len / pieces),
					k + 1 < pieces ? len / pieces : len - k * (len / pieces),
					true);
		guest_submit(g, VIRTIO_NET_RX, &plan);
	}
}

#define CTRL_BYTES_MAX 2048u

/* A table of addresses; `claim` is added to how many it says there are. */
static size_t put_table(uint8_t *at, unsigned int entries, unsigned int claim, uint64_t value,
			bool multicast)
{
	uint32_t count = htole32(entries + claim);

	memcpy(at, &count, sizeof(count));
	for (unsigned int i = 0; i < entries; i++) {
		uint8_t *mac = at + 4 + 6 * (size_t)i;

		memcpy(mac, multicast ? "\x01\x00\x5e\x00" : "\x52\x54\x00\x00", 4);
		mac[4] = (uint8_t)value;
		mac[5] = (uint8_t)i;
	}
	return 4 + 6 * (size_t)entries;
}

static size_t put_command(uint8_t *at, const struct record *r)
{
	uint64_t value = htole64(r->x);
	size_t len;

	at[0] = r->b[0];
	at[1] = r->b[1];
	if (r->b[0] == VIRTIO_NET_CTRL_MAC && r->b[1] == VIRTIO_NET_CTRL_MAC_TABLE_SET) {
		len = 2 + put_table(at + 2, (unsigned int)(r->y & 0xffff) % 100,
				    (unsigned int)(r->y >> 32 & 0xffff), r->x, false);
		return len + put_table(at + len, (unsigned int)(r->y >> 16 & 0xffff) % 100,
				       (unsigned int)(r->y >> 48), r->x, true);
	}
	if (r->b[0] == VIRTIO_NET_CTRL_MAC)
		len = 6;
	else
		len = r->b[0] == VIRTIO_NET_CTRL_VLAN ? 2 : 1;
	memcpy(at + 2, &value, len);
	return 2 + len;
}

void guest_ctrl(struct guest_driver *g, const struct record *r)
{
	struct chain_plan plan = { .flags = r->b[3], .wrong = r->b[4], .arg = r->y };
	uint8_t bytes[CTRL_BYTES_MAX];
	size_t right = put_command(bytes, r);
	long len = (long)right + (int8_t)r->b[5];
	uint64_t at;

	if (g->p->queues <= VIRTIO_NET_CTRL)
		return;
	if (len < 1)
		len = 1;
	if ((size_t)len > right)
		memset(bytes + right, 0, (size_t)len - right);
	at = guest_place(g, r->b[6] % 16, VIRTIO_NET_CTRL, (uint64_t)len);
	store(g, at, bytes, (size_t)len);
	guest_add_stream(&plan, at, (uint64_t)len, 2, r->b[2], false);
	if (!(r->b[3] & CHAIN_NO_TAIL))
		guest_add_piece(&plan, guest_place(g, r->b[6] % 16, VIRTIO_NET_CTRL, 1), 1, true);
	guest_submit(g, VIRTIO_NET_CTRL, &plan);
}

/* ---- the probe ---- */

static uint8_t last_byte(struct guest_driver *g, uint64_t gpa)
{
	uint8_t byte;

	g->carrier->ops->load(g->carrier, gpa, &byte, 1);
	return byte;
}

/* One chain of `out` readable and `in` writable bytes; whether it came back. */
static bool round_trip(struct guest_driver *g, unsigned int queue, const void *out, size_t out_len,
		       uint64_t in_gpa, size_t in_len)
{
	struct chain_plan plan = { 0 };
	uint16_t before = guest_used_idx(g, queue);

	if (out_len) {
		store(g, GUEST_DATA, out, out_len);
		guest_add_piece(&plan, GUEST_DATA, out_len, false);
	}
	if (in_len)
		guest_add_piece(&plan, in_gpa, in_len, true);
	/* a queue of one entry holds one piece: through a table if it may */
	if (plan.pieces > g->queue[queue].size)
		return true;
	guest_submit(g, queue, &plan);
	return (uint16_t)(before + 1) == guest_used_idx(g, queue);
}

static bool probe_blk(struct guest_driver *g)
{
	struct virtio_blk_header header = { .type = htole32(VIRTIO_BLK_T_GET_ID) };
	uint64_t in = GUEST_DATA + 64;

	if (g->queue[0].size < 2)
		return true;
	return round_trip(g, 0, &header, sizeof(header), in, 21) &&
	       last_byte(g, in + 20) == VIRTIO_BLK_S_OK;
}

static bool probe_net(struct guest_driver *g)
{
	uint8_t bytes[sizeof(struct virtio_net_header) + 14] = { 0 };
	unsigned int tcp;
	uint8_t frame[FRAME_HEADERS_MAX];

	frame_build(frame, FRAME_PLAIN, personality_mac, 0, &tcp);
	memcpy(bytes + g->net_header, frame, 14);
	return round_trip(g, VIRTIO_NET_TX, bytes, g->net_header + 14, 0, 0);
}

bool guest_probe(struct guest_driver *g)
{
	unsigned int queue = g->p->kind == DEVICE_NET ? VIRTIO_NET_TX : 0;
	/* the smallest set of features */
	struct record init = { .b = { 0, INIT_NO_RESET, (uint8_t)(queue + 1) },
			       .x = ~(1ull << VIRTIO_F_VERSION_1) };

	guest_start(g, g->carrier, g->p);
	guest_init(g, &init);
	if (g->p->kind == DEVICE_BLK)
		return probe_blk(g);
	if (g->p->kind == DEVICE_NET)
		return probe_net(g);
	return round_trip(g, 0, "?", 1, 0, 0);
}
