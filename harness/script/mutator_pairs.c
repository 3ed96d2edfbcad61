/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values that have to fit together, which chance seldom makes: a selector and what it selects, a
 * session like the last one, Status with SUSPEND and then without, a frame that ends in its
 * headers, a tag that was let in, a number that changes by one while it is looked at, a field of a
 * saved state with another value of its kind, a ring that is overrun while all in it is at work, a
 * length of as many entries as make few when they are cut, a checksum of 0, requests of
 * one zone under way, a long ring that is filled at once.
 */
#include "mutator_internal.h"

#include <string.h>

#include "array_size.h"
#include "frames.h"
#include "operands.h"
#include "virtio_spec.h"

#define RUNNING                                                                                    \
	(VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK |            \
	 VIRTIO_STATUS_DRIVER_OK)

void mutator_make_room(struct script *s, unsigned int at)
{
	if (s->ops == SCRIPT_OPS_MAX)
		s->ops--;
	if (at > s->ops)
		at = s->ops;
	memmove(&s->op[at + 1], &s->op[at], (s->ops - at) * sizeof(s->op[0]));
	s->ops++;
}

static bool plays(const struct mutator_profile *p, enum op_code code)
{
	for (size_t i = 0; i < p->op_count; i++) {
		if (p->ops[i] == code)
			return true;
	}
	return false;
}

/* A place from `first` on. */
static unsigned int place_from(const struct script *s, unsigned int first, struct rng *r)
{
	unsigned int last = s->ops < SCRIPT_OPS_MAX ? s->ops : SCRIPT_OPS_MAX - 1;

	return first < last ? first + rng_below(r, last - first + 1) : last;
}

static unsigned int insert(struct script *s, unsigned int at, struct script_op op)
{
	mutator_make_room(s, at);
	if (at >= s->ops)
		at = s->ops - 1;
	s->op[at] = op;
	return at;
}

static struct script_op write_of(uint64_t offset, uint64_t value)
{
	struct script_op op = script_op(OP_WRITE);

	op.write.offset = offset;
	op.write.value = value;
	return op;
}

/* ---- a selector, and an access to what it selects ---- */

static const struct selector {
	uint16_t offset;
	uint16_t selects[9];
	unsigned int count;
} selectors[] = {
	{ VIRTIO_MMIO_DEVICE_FEATURES_SEL, { VIRTIO_MMIO_DEVICE_FEATURES }, 1 },
	{ VIRTIO_MMIO_DRIVER_FEATURES_SEL, { VIRTIO_MMIO_DRIVER_FEATURES }, 1 },
	{ VIRTIO_MMIO_QUEUE_SEL,
	  { VIRTIO_MMIO_QUEUE_SIZE_MAX, VIRTIO_MMIO_QUEUE_SIZE, VIRTIO_MMIO_QUEUE_READY,
	    VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DRIVER_LOW, VIRTIO_MMIO_QUEUE_DEVICE_LOW,
	    VIRTIO_MMIO_QUEUE_RESET, VIRTIO_MMIO_QUEUE_PFN, VIRTIO_MMIO_QUEUE_ALIGN },
	  9 },
	{ VIRTIO_MMIO_SHM_SEL,
	  { VIRTIO_MMIO_SHM_LEN_LOW, VIRTIO_MMIO_SHM_LEN_HIGH, VIRTIO_MMIO_SHM_BASE_LOW,
	    VIRTIO_MMIO_SHM_BASE_HIGH },
	  4 },
};

/* Around how many there are, whatever that is; or one that is small in fewer bits. */
static uint64_t selection(struct rng *r)
{
	static const uint8_t bits[] = { 5, 6, 8, 16, 31 };
	uint64_t cut = 1ull << bits[rng_below(r, ARRAY_SIZE(bits))];

	return rng_below(r, 12) + (rng_one_in(r, 3) ? cut : 0);
}

static bool select_and_access(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	const struct selector *sel = &selectors[rng_below(r, ARRAY_SIZE(selectors))];
	unsigned int at;
	struct script_op op;

	if (rng_one_in(r, 2)) /* most of all there is to select */
		sel = &selectors[2];
	if (!plays(p, OP_WRITE) || !plays(p, OP_READ))
		return false;
	op = write_of(sel->selects[rng_below(r, sel->count)], rng_below(r, 3));
	if (rng_one_in(r, 2)) {
		op = script_op(OP_READ);
		op.read.offset = sel->selects[rng_below(r, sel->count)];
	}
	at = insert(s, place_from(s, 0, r), write_of(sel->offset, selection(r)));
	insert(s, at + 1, op);
	return true;
}

/* ---- suspend, and resume ---- */

static bool suspend_and_resume(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	unsigned int at;

	if (!plays(p, OP_WRITE))
		return false;
	at = insert(s, place_from(s, 1, r),
		    write_of(VIRTIO_MMIO_STATUS, RUNNING | VIRTIO_STATUS_SUSPEND));
	insert(s, at + 1 + rng_below(r, 3), write_of(VIRTIO_MMIO_STATUS, RUNNING));
	return true;
}

/* ---- a session like the last one ---- */

/* Its negotiation, with one feature more or less, and some of what it did. */
static bool session_again(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	unsigned int count = 1 + rng_below(r, 4);
	unsigned int first = 0;
	struct script_op init;

	(void)p;
	while (first < s->ops && s->op[first].code != OP_INIT)
		first++;
	if (first == s->ops || s->ops + count >= SCRIPT_OPS_MAX)
		return false;
	init = s->op[first];
	init.init.decline ^= 1ull << rng_below(r, rng_one_in(r, 2) ? 24 : 64);
	count = count < s->ops - first ? count : s->ops - first;
	insert(s, s->ops, init);
	for (unsigned int i = 1; i < count; i++)
		insert(s, s->ops, s->op[first + i]);
	return true;
}

/* ---- the end of headers ---- */

/* Ethernet, with one tag and two; then IPv4 or IPv6, and what follows: ports, UDP, TCP. */
static uint64_t end_of_headers(struct rng *r)
{
	static const uint8_t link[] = { 12, 14, 16, 18, 20, 22 };
	static const uint8_t network[] = { 0, 9, 12, 16, 20, 24, 40, 48, 56 };
	static const uint8_t transport[] = { 0, 2, 4, 8, 16, 18, 20 };

	return (uint64_t)link[rng_below(r, ARRAY_SIZE(link))] +
	       network[rng_below(r, ARRAY_SIZE(network))] +
	       transport[rng_below(r, ARRAY_SIZE(transport))] + rng_below(r, 3) - 1;
}

static bool end_in_headers(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	unsigned int at = s->ops ? rng_below(r, s->ops) : 0;

	if (!plays(p, OP_TX))
		return false;
	for (unsigned int i = 0; i < s->ops; i++, at = (at + 1) % s->ops) {
		struct script_op *op = &s->op[at];

		if (op->code == OP_TX)
			op->tx.len = (uint32_t)end_of_headers(r);
		else if (op->code == OP_FRAME)
			op->frame.len = end_of_headers(r) - 1;
		else
			continue;
		return true;
	}
	return false;
}

/* ---- a tag that is let in ---- */

/* Its id with some priority: bits that are no part of it (IEEE 802.1Q, 9.6). */
static bool tag_let_in(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	unsigned int id = rng_one_in(r, 2) ? rng_below(r, 8) : rng_below(r, 4096);
	struct script_op let = script_op(OP_CTRL);
	struct script_op frame = script_op(OP_FRAME);
	unsigned int at;

	if (!plays(p, OP_CTRL) || !plays(p, OP_FRAME))
		return false;
	let.ctrl.class = VIRTIO_NET_CTRL_VLAN;
	let.ctrl.command = rng_one_in(r, 4);
	let.ctrl.value = id;
	frame.frame.vlan = VLAN_VALUE;
	frame.frame.kind = (uint8_t)rng_below(r, FRAME_KINDS);
	frame.frame.value = (uint64_t)(id | rng_below(r, 16) << 12) << 16;
	at = insert(s, place_from(s, 1, r), let);
	insert(s, at + 1, frame);
	return true;
}

/* ---- one more, one less ---- */

/* While the device looks at it: an index, an entry of the ring, or a field of a descriptor. */
static bool race_by_one(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	static const uint8_t base[] = { BASE_AVAIL, BASE_AVAIL, BASE_DESC, BASE_INDIRECT,
					BASE_DATA };
	static const uint8_t field[] = { 0, 8, 12, 14 };
	struct script_op race = script_op(OP_RACE);

	if (!plays(p, OP_RACE))
		return false;
	race.race.base = base[rng_below(r, ARRAY_SIZE(base))];
	race.race.queue = (uint8_t)rng_below(r, 4);
	race.race.nth = (uint8_t)rng_below(r, 6);
	race.race.again = rng_one_in(r, 2) ? RACE_MORE : RACE_LESS;
	race.race.at = rng_below(r, 4);
	if (race.race.base != BASE_AVAIL)
		race.race.field = field[rng_below(r, ARRAY_SIZE(field))];
	insert(s, place_from(s, 1, r), race);
	return true;
}

/* ---- another value of its kind ---- */

/* In a field of a saved state, with everything else as it was: an index, a number, a size. */
static bool state_field(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	static const uint16_t value[] = { 0, 1, 2, 3, 4, 8, 16, 64, 128, 255, 256, 0x8000, 0xffff };
	struct script_op restore = script_op(OP_RESTORE);
	unsigned int len = 1u << rng_below(r, 4);

	if (!plays(p, OP_RESTORE))
		return false;
	restore.restore.how = rng_one_in(r, 4) ? DAMAGE_ADDED : DAMAGE_SEALED;
	restore.restore.len = (uint8_t)len;
	restore.restore.at = rng_below(r, rng_one_in(r, 2) ? 64 : 1024) * len;
	restore.restore.bytes = value[rng_below(r, ARRAY_SIZE(value))];
	insert(s, place_from(s, 1, r), restore);
	return true;
}

/* ---- more than there is room for ---- */

/* Of those that give a queue a chain. */
static uint8_t *wrong_of(struct script_op *op)
{
	switch (op->code) {
	case OP_CHAIN:
		return &op->chain.wrong;
	case OP_BLK:
	case OP_TX:
	case OP_RX:
	case OP_CTRL:
		return &op->request.wrong;
	default:
		return NULL;
	}
}

/* A short ring, whose requests are at the host until told to come back, and its entries used again:
 * what the driver has no room for it writes over what the device still has. */
static bool overrun(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	static const uint8_t sizes[] = { SIZE_4, SIZE_2, SIZE_1 };
	unsigned int at = s->ops ? rng_below(r, s->ops) : 0;
	unsigned int looked = 0;
	struct script_op again;

	(void)p;
	for (; looked < s->ops && !wrong_of(&s->op[at]); looked++)
		at = (at + 1) % s->ops;
	if (looked == s->ops)
		return false;
	s->header.device.flags |= FLAG_DEFERRED;
	for (unsigned int i = 0; i < at; i++) {
		if (s->op[i].code == OP_INIT)
			s->op[i].init.size = sizes[rng_below(r, ARRAY_SIZE(sizes))];
	}
	again = s->op[at];
	*wrong_of(&again) = WRONG_JUMP;
	for (unsigned int count = 1 + rng_below(r, 5); count && s->ops < SCRIPT_OPS_MAX; count--)
		insert(s, at + 1, again);
	return true;
}

/* ---- a length of few entries, if it is cut ---- */

/* When the device fetches a descriptor: of a table, most of all. */
static bool length_in_units(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	static const uint16_t unit[] = { 16, 16, 16, 1, 12, 512 };
	static const uint8_t bits[] = {
		8, 12, 16, 16, 20, 25
	}; /* of bytes, of entries, of sectors */
	struct script_op race = script_op(OP_RACE);
	unsigned int at = s->ops ? rng_below(r, s->ops) : 0;
	unsigned int looked = 0;

	if (!plays(p, OP_RACE))
		return false;
	for (; looked < s->ops && !wrong_of(&s->op[at]); looked++)
		at = (at + 1) % s->ops;
	race.race.base = rng_one_in(r, 4) ? BASE_INDIRECT : BASE_DESC;
	race.race.queue = (uint8_t)rng_below(r, 4);
	race.race.at = rng_below(r, 4);
	race.race.field = 8;
	race.race.len = 4;
	race.race.bytes = (1ull << bits[rng_below(r, sizeof(bits))]) +
			  (uint64_t)unit[rng_below(r, ARRAY_SIZE(unit))] * rng_below(r, 4);
	if (looked < s->ops && rng_one_in(r, 2))
		*(s->op[at].code == OP_CHAIN ? &s->op[at].chain.flags : &s->op[at].request.flags) |=
			CHAIN_INDIRECT;
	insert(s, at, race);
	return true;
}

/* ---- a checksum of 0 ---- */

/* That the device has to compute, since this session does without. */
static bool sum_of_zero(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	struct script_op frame = script_op(OP_FRAME);

	if (!plays(p, OP_FRAME))
		return false;
	for (unsigned int i = 0; i < s->ops; i++) {
		if (s->op[i].code == OP_INIT)
			s->op[i].init.decline |= 1ull << VIRTIO_NET_F_GUEST_CSUM;
	}
	frame.frame.kind = FRAME_ZERO_UDP4;
	frame.frame.offload = 1;
	frame.frame.len = rng_one_in(r, 2) ? 0 : 50 + rng_below(r, 64);
	insert(s, place_from(s, 1, r), frame);
	return true;
}

/* ---- zones, with requests under way below ---- */

static struct script_op blk_of(unsigned int type, uint64_t sector, struct rng *r)
{
	struct script_op op = script_op(OP_BLK);

	op.blk.type = (uint8_t)type;
	op.blk.sector = sector;
	op.blk.count = (uint8_t)rng_below(r, 3);
	op.blk.flags = rng_one_in(r, 4) ? CHAIN_QUEUE_1 : 0;
	return op;
}

/* What comes over the requests of a zone. */
static struct script_op disturbance(struct rng *r, uint64_t sector)
{
	static const uint8_t types[] = { BLK_ZONE_RESET,  BLK_ZONE_RESET, BLK_ZONE_RESET_ALL,
					 BLK_ZONE_FINISH, BLK_ZONE_CLOSE, BLK_SECURE_ERASE,
					 BLK_DISCARD };
	struct script_op op;

	switch (rng_below(r, 8)) {
	case 0:
		op = script_op(OP_ZONE);
		op.zone.which = (uint8_t)(sector / 8);
		op.zone.state = (uint8_t)rng_below(r, 2);
		return op;
	case 1:
		op = script_op(OP_STOP);
		op.stop.how = STOP_RESET;
		return op;
	case 2:
		return rng_one_in(r, 2)
			       ? script_op(OP_RESET)
			       : write_of(VIRTIO_MMIO_STATUS, RUNNING | VIRTIO_STATUS_SUSPEND);
	default:
		return blk_of(types[rng_below(r, sizeof(types))], sector, r);
	}
}

static struct script_op some_completion(struct rng *r)
{
	struct script_op op = script_op(OP_COMPLETE);

	op.complete.which = (uint8_t)rng_below(r, 4);
	op.complete.result = rng_one_in(r, 3) ? (uint8_t)rng_below(r, 3) : COMPLETE_OK;
	return op;
}

static struct script_op zone_request(struct rng *r, uint64_t sector)
{
	static const uint8_t types[] = { BLK_ZONE_APPEND, BLK_ZONE_APPEND, BLK_OUT, BLK_IN,
					 BLK_ZONE_REPORT };
	unsigned int type = types[rng_below(r, sizeof(types))];

	return blk_of(type, type == BLK_OUT ? sector + rng_below(r, 4) : sector, r);
}

/* Some of one zone, what comes over them, some more, and the disk's answers between. */
static bool zone_under_way(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	uint64_t sector = 8 + 8ull * rng_below(r, 3);
	unsigned int at = place_from(s, 1, r);

	if (!plays(p, OP_BLK) || !plays(p, OP_COMPLETE) || !plays(p, OP_ZONE))
		return false;
	s->header.device.flags |= FLAG_DEFERRED | FLAG_ZONES_FRONT;
	s->header.device.slots = SLOTS_16;
	if (!s->header.device.zones)
		s->header.device.zones = rng_one_in(r, 3) ? ZONES_AWARE : ZONES_MANAGED;
	for (unsigned int left = 2 + rng_below(r, 8); left; left--) {
		struct script_op op = rng_one_in(r, 3)	 ? some_completion(r)
				      : rng_one_in(r, 4) ? disturbance(r, sector)
							 : zone_request(r, sector);

		at = insert(s, at, op) + 1;
	}
	return true;
}

/* ---- many at once ---- */

/* In a ring of more than 256 entries, or one of more than 32 queues. */
static bool many_at_once(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	struct script_op many = script_op(OP_MANY);

	if (!plays(p, OP_MANY))
		return false;
	if (rng_one_in(r, 3)) {
		s->header.device.queues = (uint8_t)(QUEUES_MANY + rng_below(r, 2));
		many.many.queue = (uint8_t)(32 + rng_below(r, 32));
	} else {
		s->header.device.size = SIZE_512;
		many.many.queue = (uint8_t)rng_below(r, 3);
	}
	many.many.count = (uint8_t)(rng_one_in(r, 2) ? UINT8_MAX : rng_below(r, 128));
	many.many.kind = (uint8_t)rng_below(r, MANY_KINDS);
	many.many.heads = (uint8_t)rng_below(r, HEADS_KINDS);
	many.many.flags = rng_one_in(r, 2) ? CHAIN_INDIRECT : 0;
	insert(s, place_from(s, 1, r), many);
	return true;
}

/* ---- threads ---- */

/* What takes away, or looks at, what a thread may have in hand. */
static struct script_op meets_threads(struct rng *r)
{
	static const uint8_t codes[] = { OP_RESET, OP_STOP, OP_READ, OP_INIT };
	struct script_op op = script_op((enum op_code)codes[rng_below(r, ARRAY_SIZE(codes))]);

	if (op.code != OP_READ)
		return op;
	op.read.offset = VIRTIO_MMIO_CONFIG + 4ull * rng_below(r, 4);
	return op;
}

/* In the calls that follow one operation another thread goes on here and there. */
static bool order_of_threads(struct script *s, struct rng *r)
{
	struct script_op order = script_op(OP_SCHEDULE);
	unsigned int near = rng_one_in(r, 2) ? 8 : 32;
	unsigned int at;

	order.schedule.after = (uint8_t)(rng_one_in(r, 2) ? 0 : rng_below(r, 64));
	for (unsigned int changes = 1 + rng_below(r, 4); changes; changes--)
		order.schedule.choices |= (uint64_t)(1 + rng_below(r, 3)) << 2 * rng_below(r, near);
	at = insert(s, place_from(s, 1, r), order);
	if (!rng_one_in(r, 3) && at + 1 < s->ops)
		insert(s, at + 2, meets_threads(r));
	return true;
}

bool mutator_pair(const struct mutator_profile *p, struct script *s, struct rng *r)
{
	static bool (*const rule[])(const struct mutator_profile *p, struct script *s,
				    struct rng *r) = {
		select_and_access, suspend_and_resume, session_again,  end_in_headers,
		tag_let_in,	   race_by_one,	       state_field,    overrun,
		length_in_units,   sum_of_zero,	       zone_under_way, many_at_once,
	};

	if (plays(p, OP_SCHEDULE) && rng_one_in(r, 2))
		return order_of_threads(s, r);
	return rule[rng_below(r, ARRAY_SIZE(rule))](p, s, r);
}
