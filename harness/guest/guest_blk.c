/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of the block device.
 */
#include <endian.h>
#include <string.h>

#include "script/frames.h"
#include "guest_internal.h"

static void store(struct guest_driver *g, uint64_t gpa, const void *bytes, size_t len)
{
	g->bus->ops->store(g->bus, gpa, bytes, len);
}

struct blk_request {
	uint64_t out; /* bytes after the header */
	uint64_t in;  /* bytes before the status */
	struct virtio_blk_range range[RANGES_MAX];
	unsigned int ranges;
};

static uint32_t blk_type(const struct script_op *r)
{
	static const uint8_t type[] = {
		VIRTIO_BLK_T_IN,     VIRTIO_BLK_T_OUT,	   VIRTIO_BLK_T_FLUSH,
		VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
	};
	static const uint32_t more[] = {
		[BLK_GET_LIFETIME] = VIRTIO_BLK_T_GET_LIFETIME,
		[BLK_SECURE_ERASE] = VIRTIO_BLK_T_SECURE_ERASE,
		[BLK_ZONE_APPEND] = VIRTIO_BLK_T_ZONE_APPEND,
		[BLK_ZONE_REPORT] = VIRTIO_BLK_T_ZONE_REPORT,
		[BLK_ZONE_OPEN] = VIRTIO_BLK_T_ZONE_OPEN,
		[BLK_ZONE_CLOSE] = VIRTIO_BLK_T_ZONE_CLOSE,
		[BLK_ZONE_FINISH] = VIRTIO_BLK_T_ZONE_FINISH,
		[BLK_ZONE_RESET] = VIRTIO_BLK_T_ZONE_RESET,
		[BLK_ZONE_RESET_ALL] = VIRTIO_BLK_T_ZONE_RESET_ALL,
		[BLK_SCSI_CMD] = VIRTIO_BLK_T_SCSI_CMD,
		[BLK_SCSI_CMD_OUT] = VIRTIO_BLK_T_SCSI_CMD_OUT,
		[BLK_BARRIER] = VIRTIO_BLK_T_BARRIER | VIRTIO_BLK_T_OUT,
	};

	if (r->blk.type >= BLK_GET_LIFETIME)
		return more[r->blk.type];
	return r->blk.type < sizeof(type) ? type[r->blk.type] : (uint32_t)r->blk.arg;
}

/* Whether this type has a sector in its header; a driver that uses no zones sets 0 otherwise. */
static bool blk_has_sector(const struct script_op *r)
{
	return r->blk.type < 2 || (r->blk.type >= BLK_ZONE_APPEND && r->blk.type <= BLK_ZONE_RESET);
}

/* Segments of a secure erase follow each other; `unit`: sectors that are erased at once. */
static void fill_erase(struct blk_request *q, const struct script_op *r, uint32_t unit)
{
	uint32_t sectors = r->blk.arg ? (uint32_t)r->blk.arg : unit;

	q->ranges = 1 + r->blk.count % RANGES_MAX;
	for (unsigned int i = 0; i < q->ranges; i++) {
		uint32_t flags = (r->blk.bits & BITS_UNMAP) |
				 (r->blk.bits & BITS_UNKNOWN_FLAG && i + 1 == q->ranges ? 2 : 0);

		q->range[i].sector = htole64(r->blk.sector + (uint64_t)i * sectors);
		q->range[i].num_sectors = htole32(sectors);
		q->range[i].flags = htole32(flags);
	}
	q->out = q->ranges * sizeof(q->range[0]);
}

/* The types that not every device has. */
static void fill_more(struct blk_request *q, const struct script_op *r, uint32_t erase_unit)
{
	uint64_t data = (1ull + r->blk.count) * VIRTIO_BLK_SECTOR;

	switch (r->blk.type) {
	case BLK_GET_LIFETIME:
		q->in = sizeof(struct virtio_blk_lifetime);
		break;
	case BLK_SECURE_ERASE:
		fill_erase(q, r, erase_unit);
		break;
	case BLK_ZONE_APPEND:
		q->out = data;
		q->in = sizeof(uint64_t);
		break;
	case BLK_ZONE_REPORT:
		q->in = sizeof(struct virtio_blk_zone_report) +
			(1ull + r->blk.count) * sizeof(struct virtio_blk_zone_descriptor);
		break;
	case BLK_SCSI_CMD:
	case BLK_SCSI_CMD_OUT:
	case BLK_BARRIER:
		q->out = data;
		break;
	default: /* nothing but a header */
		break;
	}
}

static void fill_ranges(struct blk_request *q, const struct script_op *r)
{
	q->ranges = 1 + r->blk.count % RANGES_MAX;
	for (unsigned int i = 0; i < q->ranges; i++) {
		uint32_t flags = (r->blk.bits & BITS_UNMAP) |
				 (r->blk.bits & BITS_UNKNOWN_FLAG && i + 1 == q->ranges ? 2 : 0);

		q->range[i].sector = htole64(r->blk.sector + i);
		q->range[i].num_sectors = htole32(r->blk.arg ? (uint32_t)r->blk.arg : 1);
		q->range[i].flags = htole32(flags);
	}
	q->out = q->ranges * sizeof(q->range[0]);
}

static void fill_request(struct blk_request *q, const struct script_op *r, uint32_t erase_unit)
{
	uint64_t data = (1ull + r->blk.count) * VIRTIO_BLK_SECTOR;

	q->out = 0;
	q->in = 0;
	q->ranges = 0;
	if (r->blk.type == 0)
		q->in = data;
	else if (r->blk.type == 1 || r->blk.type == 7)
		q->out = data;
	else if (r->blk.type == 3)
		q->in = VIRTIO_BLK_ID_BYTES;
	else if (r->blk.type == 4 || r->blk.type == 5)
		fill_ranges(q, r);
	else if (r->blk.type >= BLK_GET_LIFETIME)
		fill_more(q, r, erase_unit);
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

void guest_blk_lengths(const struct script_op *r, uint64_t *out, uint64_t *in)
{
	struct blk_request q;

	fill_request(&q, r, 1);
	spoil_request(&q, r->blk.bits);
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

static uint32_t erase_unit(const struct guest_driver *g)
{
	return g->p->zones.zoned ? g->p->zones.options.zoning.zone_sectors : 1;
}

static struct virtio_blk_header fill_header(const struct guest_driver *g, const struct script_op *r)
{
	return (struct virtio_blk_header){
		.type = guest_u32(g, blk_type(r)),
		.sector = guest_u64(g, blk_has_sector(r) ? r->blk.sector : 0),
	};
}

void guest_blk(struct guest_driver *g, const struct script_op *r)
{
	unsigned int queue = CHAIN_QUEUE(r->blk.flags) % g->p->queues;
	struct virtio_blk_header h = fill_header(g, r);
	size_t header = r->blk.bits & BITS_SHORT_HEADER ? 15 : sizeof(h);
	uint64_t tail = r->blk.flags & CHAIN_NO_TAIL ? 0 : 1;
	struct chain_plan plan;
	struct blk_request q;
	uint64_t out;

	guest_plan(&plan, &g->queue[queue], r->blk.flags, r->blk.wrong, r->blk.arg);
	fill_request(&q, r, erase_unit(g));
	spoil_request(&q, r->blk.bits);
	out = guest_place(g, r->blk.where, queue, header + q.out);
	store(g, out, &h, header);
	if (q.ranges)
		store(g, out + header, q.range, q.ranges * sizeof(q.range[0]));
	else
		stamp(g, out + header, q.out, r->blk.sector);
	guest_add_stream(&plan, out, header + q.out, header, r->blk.split, false);
	if (q.in + tail)
		guest_add_stream(&plan, guest_place(g, r->blk.where, queue, q.in + tail),
				 q.in + tail, q.in, r->blk.split, true);
	guest_submit(g, queue, &plan);
}

/* ---- the kind ---- */

static void one_of_many(struct guest_driver *g, const struct script_op *r, unsigned int queue,
			const struct guest_many_chain *c, struct chain_plan *plan)
{
	static const uint8_t type[] = {
		[MANY_FLUSH] = VIRTIO_BLK_T_FLUSH,
		[MANY_IN] = VIRTIO_BLK_T_IN,
		[MANY_OUT] = VIRTIO_BLK_T_OUT,
	};
	bool flush = r->many.kind == MANY_FLUSH;
	struct virtio_blk_header h = {
		.type = guest_u32(g, type[r->many.kind % MANY_KINDS]),
		.sector = guest_u64(g, flush ? 0 : r->many.sector + c->number),
	};

	(void)queue;
	store(g, c->own, &h, sizeof(h));
	guest_add_piece(plan, c->own, sizeof(h), false);
	if (!flush)
		guest_add_piece(plan, c->data, VIRTIO_BLK_SECTOR, r->many.kind == MANY_IN);
	guest_add_piece(plan, c->last, 1, true);
}

static uint8_t last_byte(struct guest_driver *g, uint64_t gpa)
{
	uint8_t byte;

	g->bus->ops->load(g->bus, gpa, &byte, 1);
	return byte;
}

/* Not every device has GET_ID: a read of the first sector. */
static bool probe_any(struct guest_driver *g)
{
	struct virtio_blk_header header = { .type = guest_u32(g, VIRTIO_BLK_T_IN) };
	uint64_t in = GUEST_DATA + 64;

	return guest_round_trip(g, 0, &header, sizeof(header), in, 513) &&
	       (last_byte(g, in + 512) == VIRTIO_BLK_S_OK || g->p->capacity == 0);
}

static bool probe(struct guest_driver *g)
{
	struct virtio_blk_header header = { .type = guest_u32(g, VIRTIO_BLK_T_GET_ID) };
	uint64_t in = GUEST_DATA + 64;

	/* so many pieces it has */
	if (g->queue[0].size < (g->bus->machine->exact ? 2 : 3))
		return true;
	if (!g->bus->machine->exact)
		return probe_any(g);
	return guest_round_trip(g, 0, &header, sizeof(header), in, 21) &&
	       last_byte(g, in + 20) == VIRTIO_BLK_S_OK;
}

const struct guest_kind guest_kind_blk = {
	.probe = probe,
	.one_of_many = one_of_many,
	.config_changes = { 0, 4, offsetof(struct anvil_blk_config, writeback) },
	/* a host-managed disk is not for drivers without it */
	.probe_features = 1ull << VIRTIO_BLK_F_ZONED,
};
