/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decode, a few steps of change, encode. Values are chosen by what an operand is.
 */
#include "mutator.h"

#include <string.h>

/* xorshift64*: small, and the same everywhere */
struct rng {
	uint64_t state;
};

static uint64_t next(struct rng *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1dull;
}

static struct rng seeded(unsigned int seed)
{
	struct rng r = { 0x9e3779b97f4a7c15ull ^ (uint64_t)seed << 20 ^ seed };

	next(&r);
	next(&r);
	return r;
}

static unsigned int below(struct rng *r, unsigned int n)
{
	return (unsigned int)((next(r) >> 32) % n);
}

static bool one_in(struct rng *r, unsigned int n)
{
	return below(r, n) == 0;
}

/* ---- values ---- */

static uint64_t interesting(struct rng *r)
{
	static const uint64_t base[] = { 0,	     1,		 2,	     3,	      4,
					 8,	     16,	 20,	     63,      64,
					 127,	     128,	 255,	     256,     511,
					 512,	     1499,	 1514,	     4095,    4096,
					 0x7fff,     0x8000,	 0xffff,     0x10000, 0x7fffffff,
					 0x80000000, 0xffffffff, 0x100000000 };
	uint64_t value = base[below(r, sizeof(base) / sizeof(base[0]))];

	switch (below(r, 8)) {
	case 0:
		return value + 1;
	case 1:
		return value - 1;
	case 2:
		return ~value;
	case 3:
		return 1ull << below(r, 64);
	case 4:
		return next(r);
	default:
		return value;
	}
}

static uint64_t some_offset(struct rng *r)
{
	switch (below(r, 8)) {
	case 0:
		return 0x100 + below(r, 104);
	case 1:
		return below(r, 0x200);
	case 2:
		return interesting(r);
	default:
		return 4ull * below(r, 64);
	}
}

static uint64_t some_address(struct rng *r)
{
	static const uint64_t edge[] = { 0x40000000,  0x4000ffff, 0x40010000,  0x4001ffff,
					 0x40020000,  0xffffffff, 0x100000000, 0x10000ffff,
					 0x100010000, UINT64_MAX };

	switch (below(r, 6)) {
	case 0:
		return edge[below(r, sizeof(edge) / sizeof(edge[0]))] + below(r, 3) - 1;
	case 1:
		return interesting(r);
	default:
		return below(r, 64);
	}
}

static uint64_t some_sector(struct rng *r)
{
	static const uint64_t edge[] = { 0,
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

	if (one_in(r, 4)) /* where zones start */
		return 8ull * below(r, 17);
	return one_in(r, 4) ? below(r, 130) : edge[below(r, sizeof(edge) / sizeof(edge[0]))];
}

static uint64_t change_headers(struct rng *r, uint64_t old)
{
	unsigned int shift = 16 * below(r, 4);
	uint64_t part = one_in(r, 3) ? interesting(r) : below(r, 128);

	if (one_in(r, 3))
		part = -part;
	return (old & ~(0xffffull << shift)) | (part & 0xffff) << shift;
}

static uint64_t change_value(struct rng *r, uint64_t old)
{
	switch (below(r, 6)) {
	case 0:
		return old ^ 1ull << below(r, 64);
	case 1:
		return old + below(r, 9) - 4;
	case 2:
		return below(r, 32);
	case 3:
		return one_in(r, 2) ? old << 16 | below(r, 64) : old << 8;
	default:
		return interesting(r);
	}
}

static uint64_t change(struct rng *r, const struct field *f, uint64_t old)
{
	switch (f->kind) {
	case FIELD_CHOICE:
		return below(r, f->choices);
	case FIELD_QUEUE:
		return one_in(r, 16) ? below(r, 256) : below(r, one_in(r, 4) ? 10 : 4);
	case FIELD_COUNT:
		return one_in(r, 4) ? below(r, 256) : below(r, 9);
	case FIELD_FLAGS:
		return one_in(r, 4) ? below(r, 256) : old ^ 1ull << below(r, 8);
	case FIELD_BYTE:
		return one_in(r, 2) ? old ^ 1ull << below(r, 8) : below(r, 256);
	case FIELD_OFFSET:
		return some_offset(r);
	case FIELD_ADDRESS:
		return some_address(r);
	case FIELD_SECTOR:
		return some_sector(r);
	case FIELD_FEATURES:
		return one_in(r, 8) ? next(r)
				    : old ^ 1ull << below(r, one_in(r, 2)   ? 24
							     : one_in(r, 4) ? 64
									    : 41);
	case FIELD_HEADERS:
		return change_headers(r, old);
	case FIELD_VALUE:
		break;
	}
	return change_value(r, old);
}

/* ---- records ---- */

static const struct record_form *form_of(const struct script *s, unsigned int which)
{
	return which == 0 ? &script_header_form : &script_op_form[s->op[which - 1].code];
}

static struct record *record_of(struct script *s, unsigned int which)
{
	return which == 0 ? &s->header : &s->op[which - 1];
}

static void change_operand(struct script *s, unsigned int which, struct rng *r)
{
	const struct record_form *form = form_of(s, which);
	struct record *rec = record_of(s, which);

	if (form->fields == 0)
		return;

	const struct field *f = &form->field[below(r, form->fields)];

	/* towards the common choice, too: scripts must not only get stranger */
	script_set(rec, f, one_in(r, 4) ? 0 : change(r, f, script_get(rec, f)));
}

static void new_op(const struct mutator_profile *p, struct script *s, unsigned int at,
		   struct rng *r)
{
	struct record *rec = &s->op[at];
	unsigned int changes = below(r, 4);

	memset(rec, 0, sizeof(*rec));
	rec->code = p->ops[below(r, (unsigned int)p->op_count)];
	for (unsigned int i = 0; i < changes; i++)
		change_operand(s, at + 1, r);
}

static void make_room(struct script *s, unsigned int at)
{
	if (s->ops == SCRIPT_OPS_MAX)
		s->ops--;
	if (at > s->ops)
		at = s->ops;
	memmove(&s->op[at + 1], &s->op[at], (s->ops - at) * sizeof(s->op[0]));
	s->ops++;
}

static unsigned int some_place(const struct script *s, struct rng *r)
{
	return s->ops < SCRIPT_OPS_MAX ? below(r, s->ops + 1) : below(r, s->ops);
}

static void insert_op(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	unsigned int at = some_place(s, r);

	make_room(s, at);
	new_op(p, s, at, r);
}

static void repeat_op(struct script *s, struct rng *r)
{
	struct record copy = s->op[below(r, s->ops)];
	unsigned int at = some_place(s, r);

	make_room(s, at);
	s->op[at] = copy;
}

static void drop_ops(struct script *s, struct rng *r)
{
	unsigned int at = below(r, s->ops);
	unsigned int count = one_in(r, 4) ? 1 + below(r, s->ops - at) : 1;

	memmove(&s->op[at], &s->op[at + count], (s->ops - at - count) * sizeof(s->op[0]));
	s->ops -= count;
}

static void swap_ops(struct script *s, struct rng *r)
{
	struct record *a = &s->op[below(r, s->ops)];
	struct record *b = &s->op[below(r, s->ops)];
	struct record copy = *a;

	*a = *b;
	*b = copy;
}

static void step(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	unsigned int choice = below(r, 32);

	if (s->ops == 0 || choice < 9)
		insert_op(p, s, r);
	else if (choice < 20)
		change_operand(s, 1 + below(r, s->ops), r);
	else if (choice < 23)
		change_operand(s, 0, r);
	else if (choice < 26)
		repeat_op(s, r);
	else if (choice < 30)
		drop_ops(s, r);
	else
		swap_ops(s, r);
}

static void choose_device(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	if (p->kind != DEVICE_KINDS)
		s->header.code = (uint8_t)p->kind;
	else if (one_in(r, 16))
		s->header.code = (uint8_t)below(r, DEVICE_KINDS);
}

size_t mutator_mutate(const struct mutator_profile *p, uint8_t *data, size_t size, size_t room,
		      unsigned int seed)
{
	struct rng r = seeded(seed);
	struct script s;
	unsigned int steps = 1;

	script_decode(data, size, &s);
	choose_device(p, &s, &r);
	if (s.ops == 0 || (s.op[0].code != OP_INIT && one_in(&r, 8))) {
		make_room(&s, 0);
		memset(&s.op[0], 0, sizeof(s.op[0]));
		s.op[0].code = OP_INIT;
		steps++;
	}
	while (steps < 5 && one_in(&r, 2))
		steps++;
	for (unsigned int i = 0; i < steps; i++)
		step(p, &s, &r);
	return script_encode(&s, data, room);
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
	s.header = one_in(&r, 2) ? one.header : two.header;
	choose_device(p, &s, &r);
	s.ops = 0;
	cut = below(&r, one.ops + 1);
	from = below(&r, two.ops + 1);
	take_ops(&s, &one, 0, cut);
	if (one_in(&r, 2)) {
		take_ops(&s, &two, from, two.ops - from);
	} else {
		unsigned int count = from < two.ops ? 1 + below(&r, two.ops - from) : 0;

		take_ops(&s, &two, from, count);
		take_ops(&s, &one, cut, one.ops - cut);
	}
	return script_encode(&s, out, room);
}
