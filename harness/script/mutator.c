/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decode, a few steps of change, encode. Values are chosen by what an operand is.
 */
#include "mutator_internal.h"

#include <string.h>

#include "array_size.h"
#include "operands.h"
#include "setup.h"
#include "virtio_spec.h"

static struct rng seeded(unsigned int seed)
{
	struct rng r = { 0x9e3779b97f4a7c15ull ^ (uint64_t)seed << 20 ^ seed };

	rng_next(&r);
	rng_next(&r);
	return r;
}

/* ---- values ---- */

static uint64_t edge(struct rng *r)
{
	static const uint64_t base[] = { 0,	     1,		 2,	     3,	      4,
					 8,	     16,	 20,	     63,      64,
					 127,	     128,	 255,	     256,     511,
					 512,	     1499,	 1514,	     4095,    4096,
					 0x7fff,     0x8000,	 0xffff,     0x10000, 0x7fffffff,
					 0x80000000, 0xffffffff, 0x100000000 };

	return base[rng_below(r, ARRAY_SIZE(base))];
}

/* Small, until somebody keeps all of it. */
static uint64_t small_if_cut(struct rng *r)
{
	static const uint8_t bits[] = { 8, 16, 31, 32 };

	return rng_below(r, 16) | 1ull << bits[rng_below(r, sizeof(bits))];
}

/* Of things of `unit` bytes: few, if their number or that of their bytes is cut. */
static uint64_t few_if_cut(struct rng *r)
{
	static const uint8_t units[] = { 2, 6, 8, 12, 16, 24 };
	static const uint8_t bits[] = { 8, 16, 32 };
	uint64_t cut = 1ull << bits[rng_below(r, sizeof(bits))];
	unsigned int unit = units[rng_below(r, sizeof(units))];

	return rng_one_in(r, 2) ? cut / unit + rng_below(r, 4) : (cut + rng_below(r, 4)) * unit;
}

static uint64_t interesting(struct rng *r)
{
	switch (rng_below(r, 12)) {
	case 0:
		return edge(r) + 1;
	case 1:
		return edge(r) - 1;
	case 2:
		return ~edge(r);
	case 3:
		return 1ull << rng_below(r, 64);
	case 4:
		return rng_next(r);
	case 5:
		return edge(r) + edge(r);
	case 6:
		return small_if_cut(r);
	case 7:
		return few_if_cut(r);
	default:
		return edge(r);
	}
}

/* What drivers write to, and what lies between. */
static uint64_t some_register(struct rng *r)
{
	static const uint8_t written[] = {
		VIRTIO_MMIO_DEVICE_FEATURES_SEL, VIRTIO_MMIO_DRIVER_FEATURES,
		VIRTIO_MMIO_DRIVER_FEATURES_SEL, VIRTIO_MMIO_GUEST_PAGE_SIZE,
		VIRTIO_MMIO_QUEUE_SEL,		 VIRTIO_MMIO_QUEUE_SIZE,
		VIRTIO_MMIO_QUEUE_ALIGN,	 VIRTIO_MMIO_QUEUE_PFN,
		VIRTIO_MMIO_QUEUE_READY,	 VIRTIO_MMIO_QUEUE_NOTIFY,
		VIRTIO_MMIO_INTERRUPT_ACK,	 VIRTIO_MMIO_STATUS,
		VIRTIO_MMIO_QUEUE_DESC_LOW,	 VIRTIO_MMIO_QUEUE_DRIVER_LOW,
		VIRTIO_MMIO_QUEUE_DEVICE_LOW,	 VIRTIO_MMIO_QUEUE_RESET,
	};

	return rng_one_in(r, 2) ? written[rng_below(r, sizeof(written))] : 4ull * rng_below(r, 64);
}

/* From where the configuration begins, so that its end, and that of the numbers, are near. */
static uint64_t some_offset(struct rng *r)
{
	switch (rng_below(r, 8)) {
	case 0:
		return 0x100 + rng_below(r, 104);
	case 1:
		return 0x100 + 4ull * rng_below(r, 26);
	case 2:
		return rng_one_in(r, 2) ? rng_below(r, 0x200) : interesting(r);
	case 3:
		return edge(r) + rng_below(r, 0x200) - 0x10;
	default:
		return some_register(r);
	}
}

static uint64_t some_address(struct rng *r)
{
	static const uint64_t ram[] = { 0x40000000,  0x4000ffff, 0x40010000,  0x4001ffff,
					0x40020000,  0xffffffff, 0x100000000, 0x10000ffff,
					0x100010000, UINT64_MAX };

	switch (rng_below(r, 6)) {
	case 0:
		return ram[rng_below(r, ARRAY_SIZE(ram))] + rng_below(r, 3) - 1;
	case 1:
		return interesting(r);
	default:
		return rng_below(r, 64);
	}
}

static uint64_t some_sector(struct rng *r)
{
	static const uint64_t limit[] = { 0,
					  1,
					  2,
					  7,
					  8,
					  62,
					  63,
					  64,
					  126,
					  127,
					  128,
					  1ull << 55,
					  UINT64_MAX,
					  UINT64_MAX - 1,
					  (1ull << 55) - 1,
					  1ull << 32 };
	/* bytes, sectors, and sectors with a sign have more than 32 bits from there on; and the
	 * ends of large disks */
	static const uint64_t large[] = { 1ull << 22, 1ull << 23, (1ull << 23) + 64,
					  1ull << 31, 1ull << 32, (1ull << 32) + 64,
					  1ull << 54, 1ull << 55, 1ull << 63 };
	/* zones of large disks (setup_blk.c) */
	static const uint8_t zone_bits[] = { 19, 28, 31 };

	if (rng_one_in(r, 8))
		return large[rng_below(r, ARRAY_SIZE(large))] + rng_below(r, 9) - 4;
	if (rng_one_in(r, 12))
		return (uint64_t)rng_below(r, SETUP_ZONES)
		       << zone_bits[rng_below(r, sizeof(zone_bits))];
	if (rng_one_in(r, 4)) /* where zones start */
		return 8ull * rng_below(r, 17);
	return rng_one_in(r, 4) ? rng_below(r, 130) : limit[rng_below(r, ARRAY_SIZE(limit))];
}

/* Some of its four numbers, which may have to fit to each other; most are near what is right. */
static uint64_t change_headers(struct rng *r, uint64_t old)
{
	unsigned int which = 1 + rng_below(r, 15);

	for (unsigned int shift = 0; which; which >>= 1, shift += 16) {
		uint64_t part = rng_one_in(r, 3) ? interesting(r)
						 : rng_below(r, rng_one_in(r, 2) ? 8 : 128);

		if (rng_one_in(r, 3))
			part = -part;
		if (rng_one_in(r, 6))
			part = HEADERS_AS_IS + rng_below(r, 4);
		if (which & 1)
			old = (old & ~(0xffffull << shift)) | (part & 0xffff) << shift;
	}
	return old;
}

/* One of the numbers of 16 or 32 bits that it may be made of. */
static uint64_t change_part(struct rng *r, uint64_t old)
{
	unsigned int bits = rng_one_in(r, 2) ? 16 : 32;
	unsigned int shift = bits * rng_below(r, 64 / bits);
	uint64_t mask = ((1ull << bits) - 1) << shift;
	uint64_t part = rng_one_in(r, 2) ? interesting(r) : rng_below(r, 32);

	return (old & ~mask) | (part << shift & mask);
}

static uint64_t change_value(struct rng *r, uint64_t old)
{
	switch (rng_below(r, 8)) {
	case 0:
		return old ^ 1ull << rng_below(r, rng_one_in(r, 2) ? 8 : 64);
	case 1:
		return old + rng_below(r, 9) - 4;
	case 2:
		return rng_below(r, 32);
	case 3:
		return rng_one_in(r, 2) ? old << 16 | rng_below(r, 64) : old << 8;
	case 4:
		return change_part(r, old);
	case 5:
		return rng_one_in(r, 2) ? some_address(r) : change_part(r, old);
	default:
		return interesting(r);
	}
}

/* Most often one more or less; none at all, too, and all. */
static uint64_t change_features(struct rng *r, uint64_t old)
{
	switch (rng_below(r, 16)) {
	case 0:
		return rng_next(r);
	case 1:
		return UINT64_MAX;
	case 2:
		return UINT64_MAX ^ 1ull << rng_below(r, 64);
	default:
		return old ^ 1ull << rng_below(r, rng_one_in(r, 2)   ? 24
						  : rng_one_in(r, 4) ? 64
								     : 41);
	}
}

static uint64_t change(struct rng *r, const struct field *f, uint64_t old)
{
	switch (f->kind) {
	case FIELD_CHOICE:
	case FIELD_CHOSEN_FLAGS:
		return rng_below(r, f->choices);
	case FIELD_QUEUE:
		if (rng_one_in(r, 8))
			return rng_one_in(r, 2) ? rng_below(r, 256) : 32 + rng_below(r, 32);
		return rng_below(r, rng_one_in(r, 4) ? 10 : 4);
	case FIELD_COUNT:
		return rng_one_in(r, 4) ? rng_below(r, 256) : rng_below(r, 9);
	case FIELD_FLAGS:
		return rng_one_in(r, 4) ? rng_below(r, 256) : old ^ 1ull << rng_below(r, 8);
	case FIELD_BYTE:
		return rng_one_in(r, 2) ? old ^ 1ull << rng_below(r, 8) : rng_below(r, 256);
	case FIELD_OFFSET:
		return some_offset(r);
	case FIELD_ADDRESS:
		return some_address(r);
	case FIELD_SECTOR:
		return some_sector(r);
	case FIELD_PLACE:
		return rng_one_in(r, 4) ? change_value(r, old) : rng_below(r, 0x10000);
	case FIELD_FEATURES:
		return change_features(r, old);
	case FIELD_HEADERS:
		return change_headers(r, old);
	case FIELD_VALUE:
		break;
	}
	return change_value(r, old);
}

/* ---- records ---- */

static const struct op_form *form_of(const struct script *s, unsigned int which)
{
	return which == 0 ? &script_header_form : &script_op_form[s->op[which - 1].code];
}

static struct script_op *op_of(struct script *s, unsigned int which)
{
	return which == 0 ? &s->header : &s->op[which - 1];
}

/* What this register is made for, or nearly. */
static uint64_t change_register(struct rng *r, uint64_t offset, uint64_t old)
{
	switch (offset) {
	case VIRTIO_MMIO_STATUS:
		return rng_one_in(r, 2) ? 1ull << rng_below(r, 8) : rng_below(r, 256);
	case VIRTIO_MMIO_QUEUE_SEL:
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		return rng_one_in(r, 4) ? small_if_cut(r) : rng_below(r, 10);
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_QUEUE_RESET:
	case VIRTIO_MMIO_INTERRUPT_ACK:
		return rng_below(r, 4);
	default:
		return rng_one_in(r, 3) ? rng_below(r, 4) : change_value(r, old);
	}
}

static uint64_t change_of(const struct script_op *rec, const struct field *f, struct rng *r)
{
	uint64_t old = script_get(rec, f);

	if (rec->code == OP_WRITE && f->kind == FIELD_VALUE && rng_one_in(r, 2))
		return change_register(r, rec->write.offset, old);
	if (rec->code == OP_MANY && f->kind == FIELD_COUNT && rng_one_in(r, 8))
		return UINT8_MAX;
	return change(r, f, old);
}

static void change_operand(struct script *s, unsigned int which, struct rng *r)
{
	const struct op_form *form = form_of(s, which);
	struct script_op *rec = op_of(s, which);

	if (form->fields == 0)
		return;

	const struct field *f = &form->field[rng_below(r, form->fields)];

	/* towards the common choice, too: scripts must not only get stranger */
	script_set(rec, f, rng_one_in(r, 4) ? 0 : change_of(rec, f, r));
}

/* The fields that make one operation a different one from another of its name, one bit each */
static const uint16_t kind_fields[OP_CODES] = {
	[OP_WRITE] = 1 << 1 | 1 << 2,		 /* offset, value */
	[OP_READ] = 1 << 1,			 /* offset */
	[OP_POKE] = 1 << 0 | 1 << 1,		 /* len, base */
	[OP_FILL] = 1 << 1,			 /* base */
	[OP_BLK] = 1 << 0,			 /* type */
	[OP_TX] = 1 << 0 | 1 << 6,		 /* kind, offload */
	[OP_CTRL] = 1 << 0 | 1 << 1,		 /* class, command */
	[OP_FRAME] = 1 << 0 | 1 << 3,		 /* kind, offload */
	[OP_RACE] = 1 << 0 | 1 << 4,		 /* base, field */
	[OP_RESTORE] = 1 << 0 | 1 << 2 | 1 << 3, /* how, at, bytes */
};

static bool is_number(const struct field *f)
{
	return f->kind == FIELD_VALUE || f->kind == FIELD_HEADERS || f->kind == FIELD_SECTOR;
}

/* And sometimes its numbers with it. */
static void choose_kind(struct script_op *rec, struct rng *r)
{
	const struct op_form *form = &script_op_form[rec->code];
	bool numbers = rng_one_in(r, 2);

	for (unsigned int i = 0; i < form->fields; i++) {
		const struct field *f = &form->field[i];

		if (kind_fields[rec->code] & 1u << i || (numbers && is_number(f)))
			script_set(rec, f, change_of(rec, f, r));
	}
}

static bool alike(uint8_t a, uint8_t b)
{
	return a == b || (a == OP_READ && b == OP_WRITE) || (a == OP_WRITE && b == OP_READ);
}

/* Copies operands from the last operation of the same kind: the new one meets the same state. */
static void resemble(struct script *s, unsigned int at)
{
	uint8_t code = s->op[at].code;

	for (unsigned int i = at; i-- > 0;) {
		if (!alike(s->op[i].code, code))
			continue;
		s->op[at] = s->op[i];
		s->op[at].code = code;
		if (code == OP_READ)
			s->op[at].read.value = 0;
		return;
	}
}

static void new_op(const struct mutator_profile *p, struct script *s, unsigned int at,
		   struct rng *r)
{
	struct script_op *rec = &s->op[at];
	unsigned int changes = rng_below(r, 4);

	*rec = script_op((enum op_code)p->ops[rng_below(r, (unsigned int)p->op_count)]);
	if (rng_one_in(r, 4))
		resemble(s, at);
	else if (rng_one_in(r, 2))
		choose_kind(rec, r);
	if (rng_one_in(r, 3))
		changes = rng_below(r, script_op_form[rec->code].fields + 1);
	for (unsigned int i = 0; i < changes; i++)
		change_operand(s, at + 1, r);
}

static unsigned int some_place(const struct script *s, struct rng *r)
{
	return s->ops < SCRIPT_OPS_MAX ? rng_below(r, s->ops + 1) : rng_below(r, s->ops);
}

static void insert_op(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	unsigned int at = some_place(s, r);

	mutator_make_room(s, at);
	new_op(p, s, at, r);
}

/* Once more, or as often as queues and bursts are long. */
static void repeat_op(struct script *s, struct rng *r)
{
	struct script_op copy = s->op[rng_below(r, s->ops)];
	unsigned int at = some_place(s, r);
	unsigned int times = rng_one_in(r, 6) ? 1 + rng_below(r, 20) : 1;

	for (unsigned int i = 0; i < times; i++) {
		mutator_make_room(s, at);
		s->op[at] = copy;
	}
}

static void drop_ops(struct script *s, struct rng *r)
{
	unsigned int at = rng_below(r, s->ops);
	unsigned int count = rng_one_in(r, 4) ? 1 + rng_below(r, s->ops - at) : 1;

	memmove(&s->op[at], &s->op[at + count], (s->ops - at - count) * sizeof(s->op[0]));
	s->ops -= count;
}

static void swap_ops(struct script *s, struct rng *r)
{
	struct script_op *a = &s->op[rng_below(r, s->ops)];
	struct script_op *b = &s->op[rng_below(r, s->ops)];
	struct script_op copy = *a;

	*a = *b;
	*b = copy;
}

static void step(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	unsigned int choice = rng_below(r, 32);

	if (s->ops == 0 || choice < 9)
		insert_op(p, s, r);
	else if (choice < 20)
		change_operand(s, 1 + rng_below(r, s->ops), r);
	else if (choice < 23)
		change_operand(s, 0, r);
	else if (choice < 26)
		repeat_op(s, r);
	else if (choice < 30)
		drop_ops(s, r);
	else if (choice < 31 || !mutator_pair(p, s, r))
		swap_ops(s, r);
}

static void choose_device(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	if (p->kind != DEVICE_KINDS)
		s->header.code = (uint8_t)p->kind;
	else if (rng_one_in(r, 16))
		s->header.code = (uint8_t)rng_below(r, DEVICE_KINDS);
}

static void begin_with_init(struct script *s)
{
	mutator_make_room(s, 0);
	memset(&s->op[0], 0, sizeof(s->op[0]));
	s->op[0].code = OP_INIT;
}

/* A short one: what goes wrong after a few operations is not hidden behind what went before. */
static void start_afresh(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	unsigned int ops = 1 + rng_below(r, 6);

	s->ops = 0;
	if (rng_one_in(r, 2)) {
		uint8_t code = s->header.code;

		memset(&s->header, 0, sizeof(s->header));
		s->header.code = code;
	}
	for (unsigned int changes = rng_below(r, rng_one_in(r, 4) ? script_header_form.fields : 4);
	     changes; changes--)
		change_operand(s, 0, r);
	begin_with_init(s);
	for (unsigned int changes = rng_below(r, 3); changes; changes--)
		change_operand(s, 1, r);
	while (ops--) {
		s->ops++;
		new_op(p, s, s->ops - 1, r);
	}
	if (rng_one_in(r, 4))
		mutator_pair(p, s, r);
}

static void change_some(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	unsigned int steps = 1;

	if (s->ops == 0 || (s->op[0].code != OP_INIT && rng_one_in(r, 8))) {
		begin_with_init(s);
		steps++;
	}
	while (steps < 5 && rng_one_in(r, 2))
		steps++;
	for (unsigned int i = 0; i < steps; i++)
		step(p, s, r);
}

/* ---- what costs as much as many other scripts: rare, so that there is time for those ---- */

#define LARGE_ONE_IN 32u

static bool is_large(const struct script *s)
{
	if (s->header.device.size == SIZE_512 || s->header.device.slots == SLOTS_300 ||
	    s->header.device.queues >= QUEUES_MANY)
		return true;
	for (unsigned int i = 0; i < s->ops; i++) {
		if (s->op[i].code == OP_MANY && s->op[i].many.count >= MANY_LARGE)
			return true;
	}
	return false;
}

static void make_small(struct script *s, struct rng *r)
{
	struct script_op *h = &s->header;

	if (h->device.size == SIZE_512)
		h->device.size = SIZE_16;
	if (h->device.slots == SLOTS_300)
		h->device.slots = SLOTS_2;
	if (h->device.queues >= QUEUES_MANY)
		h->device.queues = (uint8_t)rng_below(r, QUEUES_MANY);
	for (unsigned int i = 0; i < s->ops; i++) {
		if (s->op[i].code == OP_MANY && s->op[i].many.count >= MANY_LARGE)
			s->op[i].many.count = (uint8_t)rng_below(r, MANY_LARGE);
	}
}

static size_t encode(struct script *s, struct rng *r, uint8_t *out, size_t room)
{
	if (is_large(s) && !rng_one_in(r, LARGE_ONE_IN))
		make_small(s, r);
	return script_encode(s, out, room);
}

size_t mutator_mutate(const struct mutator_profile *p, uint8_t *data, size_t size, size_t room,
		      unsigned int seed)
{
	struct rng r = seeded(seed);
	struct script s;

	script_decode(data, size, &s);
	choose_device(p, &s, &r);
	if (rng_one_in(&r, 2))
		start_afresh(p, &s, &r);
	else
		change_some(p, &s, &r);
	return encode(&s, &r, data, room);
}

static unsigned int take_ops(struct script *to, const struct script *from, unsigned int first,
			     unsigned int count)
{
	if (count > SCRIPT_OPS_MAX - to->ops)
		count = SCRIPT_OPS_MAX - to->ops;
	memcpy(&to->op[to->ops], &from->op[first], count * sizeof(to->op[0]));
	to->ops += count;
	return count;
}

size_t mutator_crossover(const struct mutator_profile *p, const uint8_t *a, size_t a_size,
			 const uint8_t *b, size_t b_size, uint8_t *out, size_t room,
			 unsigned int seed)
{
	struct rng r = seeded(seed);
	struct script one;
	struct script two;
	struct script s;
	unsigned int cut;
	unsigned int from;

	script_decode(a, a_size, &one);
	script_decode(b, b_size, &two);
	s.header = rng_one_in(&r, 2) ? one.header : two.header;
	choose_device(p, &s, &r);
	s.ops = 0;
	cut = rng_below(&r, one.ops + 1);
	from = rng_below(&r, two.ops + 1);
	take_ops(&s, &one, 0, cut);
	if (rng_one_in(&r, 2)) {
		take_ops(&s, &two, from, two.ops - from);
	} else {
		unsigned int count = from < two.ops ? 1 + rng_below(&r, two.ops - from) : 0;

		take_ops(&s, &two, from, count);
		take_ops(&s, &one, cut, one.ops - cut);
	}
	return encode(&s, &r, out, room);
}
