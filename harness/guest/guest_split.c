/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pretend driver's side of a split ring (2.7), right or wrong.
 */
#include "guest_internal.h"

#include <string.h>

static void clear(struct guest_driver *g, unsigned int queue)
{
	guest_store16(g, g->queue[queue].avail + VIRTQ_AVAIL_FLAGS, 0);
	guest_store16(g, g->queue[queue].avail + VIRTQ_AVAIL_IDX, 0);
	guest_store16(g, g->queue[queue].used + VIRTQ_USED_FLAGS, 0);
	guest_store16(g, g->queue[queue].used + VIRTQ_USED_IDX, 0);
}

static void free_chain(struct guest_queue *q, uint32_t id)
{
	for (unsigned int i = 0; id < q->size && i < q->size && q->frees < q->size; i++) {
		q->free[q->frees++] = (uint16_t)id;
		if (!q->chain_more[id])
			return;
		id = q->chain_next[id];
	}
}

static void reclaim(struct guest_driver *g, unsigned int queue)
{
	struct guest_queue *q = &g->queue[queue];
	uint16_t idx = guest_used_idx(g, queue);

	for (unsigned int i = 0; q->last_used != idx && i < q->size; i++, q->last_used++) {
		struct virtq_used_elem e;

		g->bus->ops->load(g->bus,
				  g->queue[queue].used + VIRTQ_USED_RING +
					  8ull * (q->last_used % q->size),
				  &e, sizeof(e));
		free_chain(q, guest_u32(g, e.id));
	}
}

/* What stands in the link of descriptor `i` of `count`, of which the first is piece `from`. */
struct link {
	unsigned int flags;
	unsigned int next;
};

static struct link link_of(const struct chain_plan *plan, unsigned int from, unsigned int i,
			   unsigned int count, const uint16_t *index, unsigned int entries)
{
	struct link l = { 0 };

	if (plan->piece[from + i].writable)
		l.flags |= VIRTQ_DESC_F_WRITE;
	if (plan->wrong == WRONG_FLAGS)
		l.flags |= 0xfff0u & (unsigned int)(plan->arg | 0x8000);
	if (i + 1 < count) {
		l.flags |= VIRTQ_DESC_F_NEXT;
		l.next = index[i + 1];
	} else if (plan->wrong == WRONG_LOOP || plan->wrong == WRONG_SELF) {
		l.flags |= VIRTQ_DESC_F_NEXT;
		l.next = plan->wrong == WRONG_LOOP ? index[0] : index[i];
	} else if (plan->wrong == WRONG_NEXT) {
		l.flags |= VIRTQ_DESC_F_NEXT;
		l.next = entries + (unsigned int)(plan->arg & 0xff);
	}
	return l;
}

/* Entries from one that is used to the next. */
static unsigned int table_stride(const struct chain_plan *plan, unsigned int count)
{
	return plan->flags & CHAIN_SPARSE && 64 * count <= GUEST_INDIRECT_SIZE ? 4 : 1;
}

/* Writes pieces [from, pieces) into an indirect table, and returns its address and length. */
static uint64_t write_table(struct guest_driver *g, const struct chain_plan *plan,
			    unsigned int from, uint32_t *len)
{
	unsigned int count = plan->pieces - from;
	uint16_t index[GUEST_PIECES_MAX];
	unsigned int stride = table_stride(plan, count);
	unsigned int entries = count ? stride * (count - 1) + 1 : 0;
	uint64_t table = guest_place_table(g, plan, entries);

	for (unsigned int i = 0; i < count; i++)
		index[i] = (uint16_t)(stride * i);
	for (unsigned int i = 0; i < count; i++) {
		struct link l = link_of(plan, from, i, count, index, entries);

		if (plan->wrong == WRONG_TABLE_NESTED && i == plan->arg % count)
			l.flags |= VIRTQ_DESC_F_INDIRECT;
		guest_store_desc(g, table, index[i], plan->piece[from + i].gpa,
				 plan->piece[from + i].len, l.flags, l.next);
	}
	*len = 16 * entries;
	return table;
}

static void write_table_desc(struct guest_driver *g, unsigned int queue, uint16_t at,
			     const struct chain_plan *plan, unsigned int from)
{
	unsigned int flags = VIRTQ_DESC_F_INDIRECT;
	uint32_t len;
	uint64_t table = write_table(g, plan, from, &len);

	if (plan->wrong == WRONG_TABLE_EMPTY)
		len = 0;
	if (plan->wrong == WRONG_TABLE_ODD)
		len += 1 + (uint32_t)plan->arg % 15;
	if (plan->wrong == WRONG_TABLE_NEXT)
		flags |= VIRTQ_DESC_F_NEXT;
	if (plan->wrong == WRONG_TABLE_WRITE)
		flags |= VIRTQ_DESC_F_WRITE;
	guest_store_desc(g, g->queue[queue].desc, at, table, len, flags, at);
}

static void write_direct(struct guest_driver *g, unsigned int queue, const struct chain_plan *plan,
			 unsigned int count, const uint16_t *index, unsigned int descs)
{
	for (unsigned int i = 0; i < count; i++) {
		struct link l = link_of(plan, 0, i, descs, index, g->queue[queue].size);

		guest_store_desc(g, g->queue[queue].desc, index[i], plan->piece[i].gpa,
				 plan->piece[i].len, l.flags, l.next);
	}
}

static void make_available(struct guest_driver *g, unsigned int queue, uint16_t entry)
{
	struct guest_queue *q = &g->queue[queue];

	guest_store16(g, g->queue[queue].avail + VIRTQ_AVAIL_RING + 2ull * (q->avail_idx % q->size),
		      entry);
	q->avail_idx++;
}

static void expose(struct guest_driver *g, unsigned int queue, const struct chain_plan *plan)
{
	struct guest_queue *q = &g->queue[queue];
	uint16_t head = q->head;

	if (plan->wrong == WRONG_HEAD)
		head = (uint16_t)(q->size + plan->arg);
	if (plan->wrong == WRONG_HIGH_HEAD)
		head |= 0x8000;
	make_available(g, queue, head);
	if (plan->wrong == WRONG_TWICE)
		make_available(g, queue, head);
	if (plan->wrong == WRONG_JUMP)
		q->avail_idx = (uint16_t)(q->avail_idx + q->size);
	if (plan->wrong == WRONG_STALE)
		q->avail_idx++;
	if (plan->wrong == WRONG_BACKWARDS)
		q->avail_idx = (uint16_t)(q->avail_idx - 2);
	guest_store16(g, g->queue[queue].avail + VIRTQ_AVAIL_IDX, q->avail_idx);
	if (!(plan->flags & CHAIN_QUIET))
		guest_notify(g, queue, plan->wrong ? (uint16_t)~q->avail_idx : q->avail_idx);
}

static bool take_descs(struct guest_driver *g, unsigned int queue, unsigned int count,
		       uint16_t *index)
{
	struct guest_queue *q = &g->queue[queue];

	if (q->frees < count)
		reclaim(g, queue);
	if (count == 0 || q->frees < count)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		index[i] = q->free[--q->frees];
		if (i > 0)
			q->chain_next[index[i - 1]] = index[i];
		q->chain_more[index[i]] = i + 1 < count;
	}
	q->head = index[0];
	return true;
}

static void submit(struct guest_driver *g, unsigned int queue, struct chain_plan *plan)
{
	bool indirect = plan->flags & CHAIN_INDIRECT;
	bool mixed = !indirect && plan->flags & CHAIN_MIXED && plan->pieces > 1;
	unsigned int descs = indirect ? 1 : mixed ? 2 : plan->pieces;
	uint16_t index[GUEST_PIECES_MAX];

	if (!take_descs(g, queue, descs, index))
		return;
	if (indirect)
		write_table_desc(g, queue, index[0], plan, 0);
	else
		write_direct(g, queue, plan, mixed ? 1 : descs, index, descs);
	if (mixed)
		write_table_desc(g, queue, index[1], plan, 1);
	if (!(plan->flags & CHAIN_HOLD))
		expose(g, queue, plan);
}

/* Operand `event` of used: at the next used entry, or by flags. */
static void ask(struct guest_driver *g, unsigned int queue, unsigned int event)
{
	struct guest_queue *q = &g->queue[queue];

	if (event == 1)
		guest_store16(g, g->queue[queue].avail + VIRTQ_AVAIL_RING + 2ull * q->size,
			      q->last_used);
	else if (event)
		guest_store16(g, g->queue[queue].avail + VIRTQ_AVAIL_FLAGS, event == 2);
}

/* Operation avail: an entry, the index moved or set, flags or the event. */
static void avail(struct guest_driver *g, const struct script_op *r, unsigned int queue)
{
	struct guest_queue *q = &g->queue[queue];
	uint64_t ring = g->queue[queue].avail;

	switch (r->avail.how) {
	case AVAIL_ENTRY:
		make_available(g, queue, (uint16_t)r->avail.value);
		break;
	case AVAIL_MOVE:
		q->avail_idx = (uint16_t)(q->avail_idx + r->avail.value);
		break;
	case AVAIL_INDEX:
		q->avail_idx = (uint16_t)r->avail.value;
		break;
	case AVAIL_FLAGS:
		guest_store16(g, ring + VIRTQ_AVAIL_FLAGS, r->avail.value);
		return;
	default:
		guest_store16(g, ring + VIRTQ_AVAIL_RING + 2ull * q->size, r->avail.value);
		return;
	}
	guest_store16(g, ring + VIRTQ_AVAIL_IDX, q->avail_idx);
	if (!(r->avail.flags & CHAIN_QUIET))
		guest_notify(g, queue, (uint16_t)r->avail.value);
}

static uint16_t place(const struct guest_queue *q)
{
	return q->avail_idx;
}

static bool returned(struct guest_driver *g, unsigned int queue)
{
	return guest_used_idx(g, queue) == 1;
}

const struct guest_ring guest_split = {
	.clear = clear,
	.submit = submit,
	.reclaim = reclaim,
	.ask = ask,
	.avail = avail,
	.place = place,
	.returned = returned,
};
