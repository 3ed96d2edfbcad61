/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where two devices part. Registers are compared one by one; a chain with the same one of the other
 * device, whenever it comes back; frames in their order.
 */
#include "seen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "array_size.h"
#include "script/operands.h"
#include "virtio_spec.h"

#define CLAUSE_STATUS	 "2.1 (device status), 3.1.1 (initialization)"
#define CLAUSE_REGISTERS "4.2.2 (MMIO registers)"
#define CLAUSE_CONFIG	 "2.5 (configuration space)"
#define CLAUSE_USED	 "2.7.8 (the used ring)"
#define CLAUSE_LENGTH	 "2.7.8.2 (len of a used element)"
#define CLAUSE_BLK	 "5.2.6.2 (requests of a block device)"
#define CLAUSE_SENT	 "5.1.9.2 (frames that the driver sends)"
#define CLAUSE_RECEIVED	 "5.1.9.4.1 (frames that the driver receives)"
#define CLAUSE_CONTROL	 "5.1.9.5 (the control queue)"

struct comparison {
	const struct seen *side[2];
	bool whole[2];
	unsigned int op;
	bool parted; /* nothing after this can be compared */
	bool told;   /* and that by a difference */
	void (*tell)(void *opaque, const struct seen_difference *d);
	void *opaque;
};

__attribute__((format(printf, 3, 4))) static void tell(struct comparison *c, const char *clause,
						       const char *format, ...)
{
	struct seen_difference d = { .op = c->op, .clause = clause };
	va_list args;

	va_start(args, format);
	vsnprintf(d.kind, sizeof(d.kind), format, args);
	va_end(args);
	c->told = true;
	c->tell(c->opaque, &d);
}

/* ---- names ---- */

static const char *register_name(uint64_t offset, const char **clause)
{
	*clause = CLAUSE_REGISTERS;
	switch (offset) {
	case VIRTIO_MMIO_MAGIC:
		return "MagicValue";
	case VIRTIO_MMIO_VERSION:
		return "Version";
	case VIRTIO_MMIO_DEVICE_ID:
		return "DeviceID";
	case VIRTIO_MMIO_DEVICE_FEATURES:
		*clause = "2.2 (feature bits)";
		return "DeviceFeatures";
	case VIRTIO_MMIO_QUEUE_SIZE_MAX:
		return "QueueSizeMax";
	case VIRTIO_MMIO_QUEUE_READY:
		return "QueueReady";
	case VIRTIO_MMIO_QUEUE_PFN:
		return "QueuePFN";
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return "InterruptStatus";
	default:
		*clause = CLAUSE_STATUS;
		return "Status";
	}
}

static const char *blk_name(uint32_t type)
{
	static const char *const name[] = {
		[VIRTIO_BLK_T_IN] = "IN",
		[VIRTIO_BLK_T_OUT] = "OUT",
		[VIRTIO_BLK_T_FLUSH] = "FLUSH",
		[VIRTIO_BLK_T_GET_ID] = "GET_ID",
	};

	return type < ARRAY_SIZE(name) && name[type] ? name[type] : "another type";
}

static void item_name(const struct seen_item *i, char *name, size_t room)
{
	if (i->kind == SEEN_RECEIVED)
		snprintf(name, room, "receive buffer");
	else if (i->kind == SEEN_SENT)
		snprintf(name, room, "frame sent");
	else if (i->answer < 0)
		snprintf(name, room, "chain of queue %u", i->queue);
	else if (i->what >> 8)
		snprintf(name, room, "command %u/%u", i->what >> 8, i->what & 0xff);
	else
		snprintf(name, room, "request %s", blk_name(i->what));
}

/* ---- registers ---- */

static void value_text(uint64_t value, char *text, size_t room)
{
	if (value == SEEN_OWN)
		snprintf(text, room, "as at first");
	else
		snprintf(text, room, "0x%llx", (unsigned long long)value);
}

/* A byte that neither device has changed is its own affair. */
static bool same_value(const struct seen_item *a, const struct seen_item *b)
{
	for (unsigned int i = 0; a->at >= VIRTIO_MMIO_CONFIG && i < 4; i++) {
		uint64_t mask = 0xffull << 8 * i;

		if ((a->what | b->what) >> i & 1 && (a->value & mask) != (b->value & mask))
			return false;
	}
	return a->at >= VIRTIO_MMIO_CONFIG || a->value == b->value;
}

static void compare_read(struct comparison *c, const struct seen_item *a, const struct seen_item *b)
{
	const char *clause;
	const char *name = register_name(a->at, &clause);
	char text[2][24];

	if (a->at != b->at) { /* the driver has gone another way */
		c->parted = true;
		return;
	}
	if (a->free || b->free || same_value(a, b))
		return;
	value_text(a->value, text[0], sizeof(text[0]));
	value_text(b->value, text[1], sizeof(text[1]));
	if (a->at >= VIRTIO_MMIO_CONFIG)
		tell(c, CLAUSE_CONFIG, "configuration space at 0x%02x: %s and %s",
		     (unsigned int)(a->at - VIRTIO_MMIO_CONFIG),
		     a->what ? "changed" : "as at first", b->what ? "changed" : "as at first");
	else
		tell(c, clause, "%s reads %s and %s", name, text[0], text[1]);
}

/* The next read in this operation from `*from` on, or NULL. */
static const struct seen_item *next_read(const struct seen *s, unsigned int op, unsigned int *from)
{
	while (*from < s->items) {
		const struct seen_item *i = &s->item[(*from)++];

		if (i->op == op && i->kind == SEEN_READ)
			return i;
	}
	return NULL;
}

static void compare_reads(struct comparison *c)
{
	unsigned int from[2] = { 0, 0 };

	while (!c->parted) {
		const struct seen_item *a = next_read(c->side[0], c->op, &from[0]);
		const struct seen_item *b = next_read(c->side[1], c->op, &from[1]);

		if (!a || !b)
			return;
		compare_read(c, a, b);
	}
}

/* ---- chains and frames ---- */

static const struct seen_item *find(const struct seen *s, const struct seen_item *like)
{
	for (unsigned int k = 0; k < s->items; k++) {
		const struct seen_item *i = &s->item[k];

		if (i->kind == like->kind && i->queue == like->queue && i->at == like->at)
			return i;
	}
	return NULL;
}

/* At this operation or later. */
static bool ever_free(const struct seen *s, unsigned int op)
{
	for (; op < s->ops; op++) {
		if (s->op[op].free)
			return true;
	}
	return false;
}

/* Side `which` has it, the other one has not. */
static void alone(struct comparison *c, const struct seen_item *i, unsigned int which)
{
	const struct seen *other = c->side[!which];
	char name[40];

	if (!c->whole[!which] || other->full || c->side[which]->full)
		return;
	c->parted = true;
	if (i->free || ever_free(other, c->op) || other->in_order || c->side[which]->in_order)
		return;
	item_name(i, name, sizeof(name));
	tell(c,
	     i->kind == SEEN_SENT	? CLAUSE_SENT
	     : i->kind == SEEN_RECEIVED ? CLAUSE_RECEIVED
					: CLAUSE_USED,
	     "%s: %s by the %s alone", name, i->kind == SEEN_SENT ? "sent" : "given back",
	     which ? "second" : "first");
}

static const char *longer(uint64_t a, uint64_t b)
{
	return a > b ? "first" : "second";
}

static const char *answer_name(int answer, bool blk)
{
	static const char *const of_blk[] = { "OK", "IOERR", "UNSUPP" };
	static const char *const of_net[] = { "OK", "ERR" };

	if (answer < 0)
		return "none";
	if (blk)
		return answer < 3 ? of_blk[answer] : "another one";
	return answer < 2 ? of_net[answer] : "another one";
}

/* 2.7.8.2 lets a device say less than it has stored, and of what failed nothing counts. */
static bool lengths_differ(const struct seen_item *a, const struct seen_item *b)
{
	return a->value != b->value && (a->kind != SEEN_USED || a->answer <= 0);
}

static void compare_items(struct comparison *c, const struct seen_item *a,
			  const struct seen_item *b)
{
	bool blk = a->kind == SEEN_USED && a->answer >= 0 && !(a->what >> 8);
	bool bytes = a->bytes && b->bytes && a->bytes != b->bytes;
	char name[40];

	if (a->answer == b->answer && !lengths_differ(a, b) && !bytes)
		return;
	c->parted = true;
	if (a->free || b->free)
		return;
	item_name(a, name, sizeof(name));
	if (a->answer != b->answer)
		tell(c, blk ? CLAUSE_BLK : CLAUSE_CONTROL, "%s: answered with %s and %s", name,
		     answer_name(a->answer, blk), answer_name(b->answer, blk));
	else if (lengths_differ(a, b))
		tell(c, a->kind == SEEN_SENT ? CLAUSE_SENT : CLAUSE_LENGTH,
		     "%s: the length of the %s is more", name, longer(a->value, b->value));
	else
		tell(c,
		     a->kind == SEEN_SENT	? CLAUSE_SENT
		     : a->kind == SEEN_RECEIVED ? CLAUSE_RECEIVED
						: CLAUSE_BLK,
		     "%s: other bytes", name);
}

/* Frames, from one on that a driver may not send, or a device need not receive. */
static bool is_passed_by(const struct comparison *c, enum seen_kind kind)
{
	const struct seen_op *a = &c->side[0]->op[c->op];
	const struct seen_op *b = &c->side[1]->op[c->op];

	return kind == SEEN_SENT       ? a->sent_free || b->sent_free
	       : kind == SEEN_RECEIVED ? a->received_free || b->received_free
				       : false;
}

/* Those of side `which` in this operation; the second time those that the first side has not. */
static void compare_side(struct comparison *c, unsigned int which)
{
	const struct seen *s = c->side[which];

	for (unsigned int k = 0; k < s->items && !c->parted; k++) {
		const struct seen_item *i = &s->item[k];
		const struct seen_item *other;

		if (i->op != c->op || i->kind == SEEN_READ || is_passed_by(c, i->kind))
			continue;
		other = find(c->side[!which], i);
		if (!other)
			alone(c, i, which);
		else if (!which)
			compare_items(c, i, other);
	}
}

/* ---- after an operation ---- */

static void compare_end(struct comparison *c)
{
	const struct seen_op *a = &c->side[0]->op[c->op];
	const struct seen_op *b = &c->side[1]->op[c->op];

	if (a->status != b->status) {
		c->parted = true;
		if (!a->free && !b->free)
			tell(c, CLAUSE_STATUS, "status 0x%02x and 0x%02x", a->status, b->status);
	} else if (a->disk_known && b->disk_known && a->disk != b->disk) {
		c->parted = true;
		if (!a->free && !b->free)
			tell(c, CLAUSE_BLK, "the disk's content");
	}
}

bool seen_compare(const struct seen *a, const struct seen *b, const bool whole[2],
		  void (*tell_one)(void *opaque, const struct seen_difference *d), void *opaque)
{
	struct comparison c = { .side = { a, b },
				.whole = { whole[0], whole[1] },
				.tell = tell_one,
				.opaque = opaque };
	unsigned int ops = a->ops < b->ops ? a->ops : b->ops;

	for (; c.op < ops && !c.parted; c.op++) {
		compare_reads(&c);
		for (unsigned int which = 0; which < 2 && !c.parted; which++)
			compare_side(&c, which);
		if (!c.parted)
			compare_end(&c);
	}
	return !c.parted || c.told;
}
