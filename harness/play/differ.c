/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which scripts mean the same on either ring, or by either interface, and what has to be the same
 * after them.
 */
#include "differ.h"

#include <stdio.h>
#include <string.h>

#include "array_size.h"
#include "guest/guest.h"
#include "script/operands.h"
#include "virtio_spec.h"

#define ONE_IN 256u

bool differ_chosen(const struct script *script)
{
	/* by the form of chain, as any other would do: it has two large numbers */
	uint64_t sum = script->header.chain.at ^ script->header.chain.arg;

	for (unsigned int i = 0; i < script->ops; i++) {
		const struct script_op *r = &script->op[i];

		sum = (sum ^ r->chain.at ^ r->chain.arg << 7 ^ r->chain.queue ^
		       (uint64_t)r->chain.readable << 8 ^ (uint64_t)r->code << 16) *
		      0x9e3779b97f4a7c15ull;
	}
	return (sum >> 36) % ONE_IN == 0;
}

/* ---- which scripts ---- */

/* What a script has done to the queues so far. */
struct state {
	bool runs[SETUP_QUEUES]; /* as the driver sees it */
	bool can_reset;		 /* RING_RESET was accepted */
	const struct setup *p;
};

/* In what the two plays of a script differ. */
static const struct axis {
	const char *differ; /* in words */
	const char *name[2];
	bool transports; /* else rings */
} axes[] = {
	{ "split and packed rings", { "split rings", "packed rings" }, false },
	{ "the modern and the legacy interface", { "modern interface", "legacy interface" }, true },
};

#define AXES (ARRAY_SIZE(axes))

/* Buffers that lie neither over rings nor over tables, however long they are. */
static bool place_compares(const struct setup *p, unsigned int where)
{
	return where == 0 || where == 1 || where == 4 ||
	       (where == 5 && p->queues <= GUEST_RINGS_LOW &&
		p->queue_size_max <= SETUP_SIZE_USUAL);
}

/* Wrong in a way that has nothing to do with the ring. */
static bool wrong_compares(unsigned int wrong)
{
	static const uint32_t fine =
		1u << WRONG_NOTHING | 1u << WRONG_ALL_READABLE | 1u << WRONG_ALL_WRITABLE |
		1u << WRONG_EMPTY | 1u << WRONG_SHORT | 1u << WRONG_MORE_READABLE |
		1u << WRONG_MORE_WRITABLE | 1u << WRONG_TABLE_WRITE | 1u << WRONG_FULL;

	return fine >> (wrong % 32) & 1;
}

/* A list that ends in a table is right on a split ring alone. */
static bool flags_compare(unsigned int flags)
{
	return !(flags & CHAIN_HOLD) && (flags & CHAIN_INDIRECT || !(flags & CHAIN_MIXED));
}

static bool chain_compares(const struct state *s, unsigned int flags, unsigned int wrong,
			   unsigned int where)
{
	return flags_compare(flags) && wrong_compares(wrong) && place_compares(s->p, where % 16);
}

/* Bytes among the driver's buffers. */
static bool data_compares(unsigned int base, uint64_t at)
{
	return (base == BASE_DATA || base == BASE_HIGH) && at < 0x7000;
}

static bool init_compares(const struct script_op *r, struct state *s)
{
	for (unsigned int i = 0; i < s->p->queues; i++)
		s->runs[i] = r->init.only == 0 || r->init.only % (s->p->queues + 1) == i + 1;
	s->can_reset = s->p->offered.word[0] & ~r->init.decline & 1ull << VIRTIO_F_RING_RESET;
	return r->init.wrong == 0 && r->init.grab == 0;
}

/* A running queue is not set up anew, only stopped ones are. */
static bool queue_compares(const struct script_op *r, struct state *s)
{
	bool *runs = &s->runs[r->queue.queue % s->p->queues];
	bool stopped = !*runs;

	*runs = true;
	return stopped && r->queue.wrong == 0 && r->queue.ready == 0;
}

static bool op_compares(const struct script_op *r, struct state *s)
{
	switch ((enum op_code)r->code) {
	case OP_INIT:
		return init_compares(r, s);
	case OP_RESET:
		memset(s->runs, 0, sizeof(s->runs));
		return true;
	case OP_QUEUE:
		return queue_compares(r, s);
	case OP_STOP:
		s->runs[r->stop.queue % s->p->queues] = false;
		return r->stop.how == 0 || s->can_reset;
	case OP_POKE:
		return data_compares(r->poke.base, r->poke.at);
	case OP_FILL:
		return data_compares(r->fill.base, r->fill.at);
	case OP_CHAIN:
		return chain_compares(s, r->chain.flags, r->chain.wrong, r->chain.where) &&
		       r->chain.at == 0;
	case OP_BLK:
		return chain_compares(s, r->blk.flags, r->blk.wrong, r->blk.where);
	case OP_TX:
		return chain_compares(s, r->tx.flags, r->tx.wrong, r->tx.where);
	case OP_RX:
		return chain_compares(s, r->rx.flags, r->rx.wrong, r->rx.where);
	case OP_CTRL:
		/* statistics count notifications, which are asked for in another way */
		return r->ctrl.class != VIRTIO_NET_CTRL_STATS &&
		       chain_compares(s, r->ctrl.flags, r->ctrl.wrong, r->ctrl.where);
	case OP_MANY:
		/* their tables lie where long buffers do, and have another form in each ring */
		return flags_compare(r->many.flags) && !(r->many.flags & CHAIN_INDIRECT);
	case OP_KICK:
		return r->kick.raw == 0;
	case OP_RESTORE:
		return r->restore.how % DAMAGE_KINDS == DAMAGE_NONE;
	case OP_WRITE:
	case OP_AVAIL:
	case OP_RACE:
	case OP_SCHEDULE:
		return false;
	default:
		return true;
	}
}

/* Types that are not what they are called: one of those is a legacy driver's name of FLUSH. */
static bool any_type(const struct script_op *r)
{
	return r->code == OP_BLK && (r->blk.type == 6 || r->blk.type == 7);
}

/* A legacy driver cannot be refused its features, can start a queue again that it has stopped, and
 * has a frame's header in two lengths. */
static bool op_compares_interfaces(const struct script_op *r, const struct setup *p)
{
	if (r->code == OP_INIT)
		return r->init.decline == 0 && !r->init.decline64 && !r->init.grab64 &&
		       !p->legacy_differs;
	return !any_type(r) && r->code != OP_QUEUE && (r->code != OP_STOP || r->stop.how == 0);
}

static bool script_compares(const struct script *script, const struct axis *axis)
{
	struct setup p;
	struct state s = { .p = &p };

	setup_from(&script->header, &p);
	/* buffers made before anything was negotiated have headers of another length */
	if (axis->transports && (script->ops == 0 || script->op[0].code != OP_INIT))
		return false;
	if (axis->transports && p.queues > SETUP_QUEUES_FEW) /* legacy devices have fewer */
		return false;
	for (unsigned int i = 0; i < script->ops; i++) {
		if (!op_compares(&script->op[i], &s) ||
		    (axis->transports && !op_compares_interfaces(&script->op[i], &p)))
			return false;
	}
	return true;
}

/* The header of one of the two plays. The legacy interface has features up to bit 31, and devices
 * that are the same by either have no more. */
static void choose(struct script_op *header, const struct axis *axis, unsigned int which)
{
	if (!axis->transports) {
		header->device.ring =
			(uint8_t)((header->device.ring & ~(unsigned int)RING_OFFERS_PACKED) |
				  which);
		return;
	}
	header->device.hide |= ~(uint64_t)UINT32_MAX;
	header->device.ring = 0;
	header->device.transport = (uint8_t)which;
	header->device.zones = 0;
	header->device.net = 0;
	header->device.more = 0;
	header->device.extra = 0;
}

/* ---- what has to be the same ---- */

static void differs(struct verdict *v, const struct script *script, const struct axis *axis,
		    unsigned int rule, const char *what)
{
	v->kind = VERDICT_VIOLATION;
	v->rule = rule;
	v->op = (int)script->ops;
	snprintf(v->reason, sizeof(v->reason), "%s differ between %s", what, axis->differ);
}

static bool is_finding(const struct verdict *v)
{
	return v->kind == VERDICT_VIOLATION || v->kind == VERDICT_WEDGED;
}

static void compare(const struct script *script, const struct axis *axis, const struct verdict *own,
		    const struct oracle_digest *digest, struct verdict *v)
{
	if (own[0].kind != own[1].kind)
		differs(v, script, axis, 4, "verdicts");
	else if (digest[0].completions != digest[1].completions ||
		 digest[0].completed != digest[1].completed)
		differs(v, script, axis, 4, "completions");
	else if (digest[0].disk != digest[1].disk)
		differs(v, script, axis, 8, "disk requests");
	else if (digest[0].frames != digest[1].frames)
		differs(v, script, axis, 9, "frames");
}

static void play_both(struct bus *bus, const struct script *script, const struct axis *axis,
		      volatile int *progress, struct verdict *verdict)
{
	struct oracle *o = &bus->machine->oracle;
	struct oracle_digest digest[2];
	struct verdict own[2];

	for (unsigned int which = 0; which < 2; which++) {
		struct script other = *script;

		choose(&other.header, axis, which);
		player_play(bus, &other, progress, &own[which]);
		digest[which] = o->digest;
		if (is_finding(&own[which])) {
			size_t len = strlen(own[which].reason);

			*verdict = own[which];
			snprintf(verdict->reason + len, sizeof(verdict->reason) - len,
				 " (with the %s)", axis->name[which]);
			return;
		}
	}
	compare(script, axis, own, digest, verdict);
}

unsigned int differ_play(struct bus *bus, const struct script *script, volatile int *progress,
			 struct verdict *verdict)
{
	struct oracle *o = &bus->machine->oracle;
	unsigned int compared = 0;

	o->digests = true;
	for (size_t i = 0; i < AXES && !is_finding(verdict); i++) {
		if (!script_compares(script, &axes[i]))
			continue;
		play_both(bus, script, &axes[i], progress, verdict);
		compared++;
	}
	o->digests = false;
	return compared;
}
