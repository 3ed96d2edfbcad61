/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of the block device, and the probe for life.
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
	uint8_t bytes[12 + 14] = { 0 };
	struct frame_layout layout;
	uint8_t frame[FRAME_HEADERS_MAX];

	frame_build(frame, FRAME_PLAIN, personality_mac, 0, 0, &layout);
	memcpy(bytes + 12, frame, 14);
	return round_trip(g, VIRTIO_NET_TX, bytes, sizeof(bytes), 0, 0);
}

bool guest_probe(struct guest_driver *g)
{
	unsigned int queue = g->p->kind == DEVICE_NET ? VIRTIO_NET_TX : 0;
	/* the smallest set of features */
	struct record init = { .b = { 0, INIT_NO_RESET, (uint8_t)(queue + 1), 0xff },
			       .x = ~(1ull << VIRTIO_F_VERSION_1) };

	guest_start(g, g->carrier, g->p);
	guest_init(g, &init);
	if (g->p->kind == DEVICE_BLK)
		return probe_blk(g);
	if (g->p->kind == DEVICE_NET)
		return probe_net(g);
	return round_trip(g, 0, "?", 1, 0, 0);
}
