/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inverse of guest_blk (guest/guest_blk.c): from a driver's request to the operation.
 */
#include <endian.h>
#include <string.h>

#include "array_size.h"
#include "guest/guest.h"
#include "script/operands.h"
#include "encode_internal.h"

/* with header or status in one piece of the script's RAM */
#define SECTORS_MAX (MAP_REGION_BYTES / VIRTIO_BLK_SECTOR - 1)

struct blk_request {
	enum blk_type type;
	uint64_t sector;
	uint64_t out; /* real bytes after the header and before the status */
	uint64_t in;
	struct virtio_blk_range first;
	struct virtio_blk_range last;
};

static enum blk_type type_of(uint32_t type, uint64_t out)
{
	static const uint32_t types[] = {
		VIRTIO_BLK_T_IN,     VIRTIO_BLK_T_OUT,	   VIRTIO_BLK_T_FLUSH,
		VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i] == type)
			return (enum blk_type)i;
	}
	return out ? BLK_OTHER_OUT : BLK_OTHER_IN;
}

static bool inside(uint64_t sector, uint64_t sectors, uint64_t capacity)
{
	return sectors <= capacity && sector <= capacity - sectors;
}

/* Where `now` sectors go that were `sectors` at `sector` on the real disk: inside if those were. */
static uint64_t move_sector(const struct encoder *n, uint64_t sector, uint64_t sectors,
			    uint64_t now)
{
	uint64_t real = n->blk->disk->capacity;

	if (inside(sector, sectors, real))
		return now <= n->p.capacity ? sector % (n->p.capacity - now + 1) : 0;
	return sector >= real	     ? n->p.capacity + (sector - real)
	       : now > n->p.capacity ? 0
				     : n->p.capacity - now + 1;
}

/* A read or a write of so many bytes. */
static void data_op(const struct encoder *n, const struct blk_request *q, uint64_t bytes,
		    struct script_op *r)
{
	uint64_t sectors = bytes / VIRTIO_BLK_SECTOR;
	uint64_t now = encode_smaller(sectors, n->p.transfer_max / VIRTIO_BLK_SECTOR);

	if (bytes > n->blk->transfer_max)
		now = n->p.transfer_max / VIRTIO_BLK_SECTOR + 1;
	if (inside(q->sector, sectors, n->blk->disk->capacity))
		now = encode_smaller(now, n->p.capacity);
	now = encode_smaller(now, SECTORS_MAX);
	r->blk.count = now ? (uint8_t)(now - 1) : 0;
	if (now == 0)
		r->blk.bits |= BITS_NO_DATA;
	if (bytes % VIRTIO_BLK_SECTOR)
		r->blk.bits |= BITS_BYTE_MORE;
	r->blk.sector = move_sector(n, q->sector, sectors, now);
}

static void range_op(const struct encoder *n, const struct blk_request *q, struct script_op *r)
{
	uint64_t count = encode_smaller(q->out / sizeof(q->first), RANGES_MAX);
	uint64_t sector = le64toh(q->first.sector);
	uint64_t sectors = le32toh(q->first.num_sectors);
	uint64_t now =
		encode_smaller(encode_smaller(sectors, n->p.range_sectors_max), n->p.capacity);
	bool good = sectors > 0 && sectors <= n->blk->range_sectors_max &&
		    inside(sector, sectors, n->blk->disk->capacity);

	if (good)
		count = encode_smaller(count, n->p.capacity - now + 1);
	r->blk.count = count ? (uint8_t)(count - 1) : 0;
	r->blk.bits |= (count ? 0 : BITS_NO_DATA) |
		       (q->out % sizeof(q->first) ? BITS_BYTE_MORE : 0) |
		       (le32toh(q->first.flags) & VIRTIO_BLK_SEG_UNMAP ? BITS_UNMAP : 0) |
		       (le32toh(q->last.flags) & ~VIRTIO_BLK_SEG_UNMAP ? BITS_UNKNOWN_FLAG : 0);
	r->blk.sector = good ? sector % (n->p.capacity - now - (count - 1) * (count > 0) + 1)
			     : n->p.capacity;
	r->blk.arg = good ? now : sectors;
}

/* What should have been `right` bytes. */
static void fixed_op(uint64_t bytes, uint64_t right, struct script_op *r)
{
	if (bytes == right)
		return;
	r->blk.bits |= bytes == 0 ? BITS_NO_DATA : bytes > right ? BITS_BYTE_MORE : BITS_BYTE_LESS;
}

/* Fills in what depends on the type. */
static void blk_data(const struct encoder *n, const struct blk_request *q, struct script_op *r)
{
	bool to_disk = q->type != BLK_IN && q->type != BLK_GET_ID;

	switch (q->type) {
	case BLK_IN:
		data_op(n, q, q->in, r);
		break;
	case BLK_OUT:
	case BLK_OTHER_OUT:
		data_op(n, q, q->out, r);
		break;
	case BLK_GET_ID:
		fixed_op(q->in, VIRTIO_BLK_ID_BYTES, r);
		break;
	case BLK_DISCARD:
	case BLK_WRITE_ZEROES:
		range_op(n, q, r);
		break;
	default:
		fixed_op(q->out, 0, r);
		break;
	}
	if (to_disk ? q->in : q->out)
		r->blk.bits |= BITS_DATA_BOTH;
}

static uint32_t read_blk_request(struct anvil_descriptor_chain *chain, struct blk_request *q)
{
	struct virtio_blk_header header = { 0 };

	memset(q, 0, sizeof(*q));
	encode_read(chain, &header, sizeof(header));
	q->out = chain->read.left;
	q->in = chain->writable_bytes - (chain->writable_bytes > 0);
	q->type = type_of(le32toh(header.type), q->out);
	q->sector = le64toh(header.sector);
	encode_read(chain, &q->first, sizeof(q->first));
	q->last = q->first;
	if (chain->read.left >= sizeof(q->last) &&
	    !anvil_descriptor_chain_skip(
		    chain, chain->read.left / sizeof(q->last) * sizeof(q->last) - sizeof(q->last)))
		encode_read(chain, &q->last, sizeof(q->last));
	return le32toh(header.type);
}

void encode_blk(const struct encoder *n, struct anvil_descriptor_chain *chain, bool indirect,
		struct encoded_op *op)
{
	struct script_op *r = &op->record;
	uint64_t header = sizeof(struct virtio_blk_header);
	struct blk_request q;
	uint32_t type = read_blk_request(chain, &q);
	uint64_t tail = chain->writable_bytes > 0;
	uint64_t out;
	uint64_t in;

	encode_start(op, OP_BLK, indirect);
	if (chain->readable_bytes < header)
		q.type = q.in ? BLK_IN : BLK_FLUSH; /* nobody can tell */
	r->blk.type = (uint8_t)q.type;
	blk_data(n, &q, r);
	guest_blk_lengths(r, &out, &in);
	if (q.type == BLK_OTHER_IN || q.type == BLK_OTHER_OUT)
		r->blk.arg = type;
	if (chain->readable_bytes < header) {
		r->blk.bits |= BITS_SHORT_HEADER;
		header = sizeof(struct virtio_blk_header) - 1;
	}
	if (tail == 0)
		r->blk.flags |= CHAIN_NO_TAIL;
	r->blk.split = encode_finish(n, chain, sizeof(struct virtio_blk_header),
				     &(struct encode_stream){ header + out, header },
				     &(struct encode_stream){ in + tail, in }, op);
}
