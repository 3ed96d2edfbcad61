/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device that a script has, and how its requests are cut.
 */
#include "encode_internal.h"

#include <string.h>

#include "guest/guest_chain.h"

uint64_t encode_smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- the device ---- */

static const struct field *operand(const char *name)
{
	for (unsigned int i = 0;; i++) {
		if (!strcmp(script_header_form.field[i].name, name))
			return &script_header_form.field[i];
	}
}

static uint64_t size_limit(const struct setup *p)
{
	return p->queue_size_max;
}

static uint64_t slots_limit(const struct setup *p)
{
	return p->slots;
}

static uint64_t transfer_limit(const struct setup *p)
{
	return p->transfer_max;
}

static uint64_t mtu_limit(const struct setup *p)
{
	return p->mtu;
}

static uint64_t range_limit(const struct setup *p)
{
	return p->range_sectors_max;
}

static uint64_t blk_size_limit(const struct setup *p)
{
	return p->blk_size;
}

/* The smallest choice at or above `wanted`, or the largest there is. */
static void choose(struct script_op *header, const struct field *f, uint64_t wanted,
		   uint64_t (*limit)(const struct setup *p))
{
	uint64_t best_limit = 0;
	uint8_t best = 0;

	for (uint8_t choice = 0; choice < f->choices; choice++) {
		struct setup p;

		script_set(header, f, choice);
		setup_from(header, &p);
		if (best_limit < wanted ? limit(&p) > best_limit
					: limit(&p) >= wanted && limit(&p) < best_limit) {
			best = choice;
			best_limit = limit(&p);
		}
	}
	script_set(header, f, best);
}

uint8_t encode_queue_size(uint32_t size)
{
	struct script_op header = script_op(0);

	choose(&header, operand("size"), size, size_limit);
	return header.device.size;
}

/* The largest capacity that the real one has, too. */
static uint8_t capacity_class(uint64_t capacity)
{
	uint8_t best = 1;

	for (uint8_t choice = 0; choice < operand("capacity")->choices; choice++) {
		if (setup_capacity(choice) <= capacity &&
		    setup_capacity(choice) > setup_capacity(best))
			best = choice;
	}
	return best;
}

/* One class stands for all limits: those that requests meet come first. */
static void choose_blk_limits(struct script_op *header, const struct anvil_blk_options *o)
{
	struct setup p;

	if (!anvil_features_has(&o->features, VIRTIO_BLK_F_DISCARD) &&
	    !anvil_features_has(&o->features, VIRTIO_BLK_F_WRITE_ZEROES)) {
		choose(header, operand("limits"), o->blk_size, blk_size_limit);
		return;
	}
	choose(header, operand("limits"), o->range_sectors_max, range_limit);
	setup_from(header, &p);
	if (p.range_segments_max < o->range_segments_max)
		choose(header, operand("limits"), UINT32_MAX, range_limit);
}

static void choose_blk(struct script_op *header, const struct anvil_blk_options *o)
{
	header->code = DEVICE_BLK;
	header->device.flags = o->disk->read_only ? FLAG_READ_ONLY : 0;
	header->device.capacity = capacity_class(o->disk->capacity);
	choose(header, operand("size"), o->queue_size_max, size_limit);
	choose(header, operand("slots"), o->slots, slots_limit);
	choose(header, operand("transfer"), o->transfer_max, transfer_limit);
	/* three queues lie where a recording puts rings, in the low RAM */
	if (anvil_features_has(&o->features, VIRTIO_BLK_F_MQ))
		header->device.queues = o->num_queues > 2 ? 2 : (uint8_t)(o->num_queues - 1u);
	choose_blk_limits(header, o);
}

static void choose_net(struct script_op *header, const struct anvil_net_options *o)
{
	header->code = DEVICE_NET;
	header->device.flags = o->link_up ? 0 : FLAG_LINK_DOWN;
	choose(header, operand("size"), o->queue_size_max, size_limit);
	choose(header, operand("limits"), o->mtu, mtu_limit);
}

void encode_device(struct encoder *n, const struct anvil_blk_options *blk,
		   const struct anvil_net_options *net)
{
	memset(n, 0, sizeof(*n));
	n->blk = blk;
	n->net = net;
	if (blk)
		choose_blk(&n->header, blk);
	else
		choose_net(&n->header, net);
	n->header.device.ring = (uint8_t)setup_ring(blk ? &blk->features : &net->features);
	setup_from(&n->header, &n->p);
	n->header.device.hide =
		n->p.offered.word[0] & ~(1ull << VIRTIO_F_VERSION_1) &
		~(blk ? blk->features.word[0] | 1ull << VIRTIO_BLK_F_RO : net->features.word[0]);
	setup_from(&n->header, &n->p);
	n->queue_size = n->p.queue_size_max;
}

/* ---- how buffers are cut ---- */

/* What matters of a way to cut one. */
struct cut {
	unsigned int pieces;
	bool empty;	 /* there is a piece of no bytes */
	bool at_natural; /* a cut there */
	bool before;	 /* ... and one before */
	uint64_t bytes;
};

static void add_piece(struct cut *c, uint64_t len, uint64_t natural)
{
	if (c->bytes > 0 && c->bytes < natural)
		c->before = true;
	if (c->bytes > 0 && c->bytes == natural)
		c->at_natural = true;
	c->empty |= len == 0;
	c->bytes += len;
	c->pieces++;
}

static bool several(const struct cut *c)
{
	return c->pieces > 1u + c->at_natural;
}

static unsigned int distance(const struct cut *a, const struct cut *b)
{
	unsigned int pieces = a->pieces > b->pieces ? a->pieces - b->pieces : b->pieces - a->pieces;

	return 40u * (a->at_natural != b->at_natural) + 20u * (a->empty != b->empty) +
	       24u * (several(a) != several(b)) + 16u * (a->before != b->before) +
	       (unsigned int)encode_smaller(pieces, 23);
}

/* How the driver cut it; `natural` is that of the real lengths. */
static void cut_of_chain(const struct anvil_descriptor_chain *chain, bool writable,
			 uint64_t natural, struct cut *c)
{
	unsigned int end = writable ? chain->count : chain->readable;

	memset(c, 0, sizeof(*c));
	for (unsigned int i = writable ? chain->readable : 0; i < end; i++)
		add_piece(c, chain->segment[i].len, natural);
}

static void cut_of_split(const struct encode_stream *s, unsigned int split, struct cut *c)
{
	struct chain_plan plan;

	memset(c, 0, sizeof(*c));
	guest_plan(&plan, NULL, 0, WRONG_NOTHING, 0);
	if (s->len)
		guest_add_stream(&plan, 0, s->len, s->natural, split, false);
	for (unsigned int i = 0; i < plan.pieces; i++)
		add_piece(c, plan.piece[i].len, s->natural);
}

/* The split that comes nearest to the chain, and how many pieces it makes. */
static unsigned int encode_split(const struct cut *out_real, const struct cut *in_real,
				 const struct encode_stream *out, const struct encode_stream *in,
				 unsigned int pieces_max, unsigned int *pieces)
{
	unsigned int least = UINT32_MAX;
	unsigned int best = 1;

	*pieces = 2;
	for (unsigned int split = 0; split < SPLIT_LONG; split++) {
		struct cut out_cut;
		struct cut in_cut;

		cut_of_split(out, split, &out_cut);
		cut_of_split(in, split, &in_cut);

		unsigned int far = distance(out_real, &out_cut) + distance(in_real, &in_cut);

		if (far >= least || out_cut.pieces + in_cut.pieces > pieces_max)
			continue;
		least = far;
		best = split;
		*pieces = out_cut.pieces + in_cut.pieces;
	}
	return best;
}

void encode_start(struct encoded_op *op, enum op_code code, bool indirect)
{
	memset(op, 0, sizeof(*op));
	op->record = script_op(code);
	op->record.request.flags = indirect ? CHAIN_INDIRECT : 0;
}

uint8_t encode_finish(const struct encoder *n, const struct anvil_descriptor_chain *chain,
		      uint64_t natural, const struct encode_stream *out,
		      const struct encode_stream *in, struct encoded_op *op)
{
	unsigned int extra = op->record.request.wrong == WRONG_MORE_WRITABLE;
	struct cut out_real;
	struct cut in_real;
	unsigned int split;

	cut_of_chain(chain, false, natural, &out_real);
	cut_of_chain(chain, true, chain->writable_bytes - (chain->writable_bytes > 0), &in_real);
	split = encode_split(&out_real, &in_real, out, in, n->queue_size - extra, &op->pieces);
	op->pieces += extra;
	op->descs = op->record.request.flags & CHAIN_INDIRECT ? 1 : op->pieces;
	op->out = out->len;
	op->in = in->len;
	return (uint8_t)split;
}

size_t encode_read(struct anvil_descriptor_chain *chain, void *bytes, size_t room)
{
	size_t len = (size_t)encode_smaller(chain->read.left, room);
	int err = anvil_descriptor_chain_read(chain, bytes, len);

	return err ? 0 : len;
}
