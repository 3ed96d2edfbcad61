/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pretend driver's side of a packed ring (2.8), right or wrong.
 */
#include <endian.h>

#include "guest_internal.h"

static void store16(struct guest_driver *g, uint64_t gpa, unsigned int value)
{
	uint16_t raw = htole16((uint16_t)value);

	g->bus->ops->store(g->bus, gpa, &raw, sizeof(raw));
}

static void clear(struct guest_driver *g, unsigned int queue)
{
	static const uint8_t zero[16 * SETUP_QUEUE_SIZE];

	g->bus->ops->store(g->bus, guest_desc(g->p, queue), zero, 16ull * g->queue[queue].size);
	g->bus->ops->store(g->bus, guest_avail_ring(g->p, queue), zero, PVIRTQ_EVENT_SIZE);
	g->bus->ops->store(g->bus, guest_used_ring(g->p, queue), zero, PVIRTQ_EVENT_SIZE);
}

/* ---- places ---- */

static unsigned int offset(uint16_t place)
{
	return place & PVIRTQ_PLACE_OFFSET;
}

/* `entries` is at most the queue size. */
static uint16_t advance(const struct guest_queue *q, uint16_t place, unsigned int entries)
{
	unsigned int at = offset(place) + entries;

	if (at >= q->size)
		return (uint16_t)((at - q->size) | (~place & PVIRTQ_PLACE_WRAP));
	return (uint16_t)(at | (place & PVIRTQ_PLACE_WRAP));
}

static unsigned int available_flags(uint16_t place)
{
	return place & PVIRTQ_PLACE_WRAP ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
}

/* ---- what comes back ---- */

/* The buffer that has this id in the ring, or the queue's size. */
static unsigned int buffer_of(const struct guest_queue *q, unsigned int id)
{
	unsigned int buffer = 0;

	if (id < q->size && q->entries[id] && q->id[id] == id)
		return id;
	while (buffer < q->size && !(q->entries[buffer] && q->id[buffer] == id))
		buffer++;
	return buffer;
}

static void reclaim(struct guest_driver *g, unsigned int queue)
{
	struct guest_queue *q = &g->queue[queue];

	for (unsigned int i = 0; i < q->size; i++) {
		bool wrap = q->next_used & PVIRTQ_PLACE_WRAP;
		struct pvirtq_desc d;
		unsigned int flags;
		unsigned int id;

		g->bus->ops->load(g->bus, guest_desc(g->p, queue) + 16ull * offset(q->next_used),
				  &d, sizeof(d));
		flags = le16toh(d.flags);
		if (!(flags & VIRTQ_DESC_F_AVAIL) == wrap || !(flags & VIRTQ_DESC_F_USED) == wrap)
			return;
		id = buffer_of(q, le16toh(d.id));
		if (id == q->size || q->frees == q->size)
			return;
		q->next_used = advance(q, q->next_used, q->entries[id]);
		q->room = (uint16_t)(q->room + q->entries[id]);
		if (q->room > q->size)
			q->room = q->size;
		q->entries[id] = 0;
		q->free[q->frees++] = (uint16_t)id;
	}
}

/* ---- chains ---- */

static uint64_t write_table(struct guest_driver *g, const struct chain_plan *plan,
			    unsigned int from)
{
	unsigned int count = plan->pieces - from;
	uint64_t table = guest_place_table(g, plan, count);

	for (unsigned int i = 0; i < count; i++) {
		const struct piece *p = &plan->piece[from + i];
		unsigned int flags = p->writable ? VIRTQ_DESC_F_WRITE : 0;

		/* these mean nothing in a table (2.8.7) */
		if (plan->wrong == WRONG_TABLE_NESTED && i == plan->arg % count)
			flags |= VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT;
		if (plan->wrong == WRONG_FLAGS)
			flags |= (unsigned int)plan->arg & ~VIRTQ_DESC_F_WRITE;
		guest_store_desc(g, table, i, p->gpa, p->len, (unsigned int)plan->arg, flags);
	}
	return table;
}

/* One entry of the ring, as it is to be written. */
struct entry {
	uint64_t addr;
	uint32_t len;
	unsigned int flags;
};

static struct entry table_entry(struct guest_driver *g, const struct chain_plan *plan,
				unsigned int from)
{
	struct entry e = {
		.addr = write_table(g, plan, from),
		.len = 16 * (plan->pieces - from),
		.flags = VIRTQ_DESC_F_INDIRECT,
	};

	if (plan->wrong == WRONG_TABLE_EMPTY)
		e.len = 0;
	if (plan->wrong == WRONG_TABLE_ODD)
		e.len += 1 + (uint32_t)plan->arg % 15;
	if (plan->wrong == WRONG_TABLE_NEXT)
		e.flags |= VIRTQ_DESC_F_NEXT;
	if (plan->wrong == WRONG_TABLE_WRITE)
		e.flags |= VIRTQ_DESC_F_WRITE;
	return e;
}

static struct entry piece_entry(const struct chain_plan *plan, unsigned int i)
{
	const struct piece *p = &plan->piece[i];
	struct entry e = { p->gpa, p->len, p->writable ? VIRTQ_DESC_F_WRITE : 0 };

	if (plan->wrong == WRONG_FLAGS)
		e.flags |= 0x7f78u & (unsigned int)(plan->arg | 8);
	return e;
}

/* The entries of a list; the id that counts stands in the last one. Returns where the next one
 * goes. */
static uint16_t write_list(struct guest_driver *g, unsigned int queue,
			   const struct chain_plan *plan, const struct entry *e,
			   unsigned int entries, unsigned int id)
{
	const struct guest_queue *q = &g->queue[queue];
	uint16_t place = q->next;

	for (unsigned int i = 0; i < entries; i++, place = advance(q, place, 1)) {
		unsigned int flags = e[i].flags | available_flags(place);

		if (i + 1 < entries || plan->wrong == WRONG_NEXT || plan->wrong == WRONG_LOOP)
			flags |= VIRTQ_DESC_F_NEXT;
		if (plan->wrong == WRONG_STALE) /* of the other lap */
			flags ^= VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;
		if ((i > 0 && plan->wrong == WRONG_SELF) || (i == 0 && plan->flags & CHAIN_HOLD))
			continue;
		guest_store_desc(g, guest_desc(g->p, queue), offset(place), e[i].addr, e[i].len, id,
				 flags);
	}
	return place;
}

/* The driver counts its buffers from 0, and may have any other numbers in the ring. */
static uint16_t choose_id(const struct guest_queue *q, const struct chain_plan *plan,
			  unsigned int buffer)
{
	if (plan->wrong == WRONG_HEAD)
		return (uint16_t)(q->size + plan->arg);
	return (uint16_t)(plan->wrong == WRONG_HIGH_HEAD ? buffer | 0x8000 : buffer);
}

static void make_available(struct guest_driver *g, unsigned int queue,
			   const struct chain_plan *plan, const struct entry *e,
			   unsigned int entries)
{
	struct guest_queue *q = &g->queue[queue];
	uint16_t id = q->frees ? q->free[q->frees - 1] : (uint16_t)(plan->arg % q->size);
	uint16_t from = q->next;
	uint16_t next = write_list(g, queue, plan, e, entries, choose_id(q, plan, id));

	if (plan->flags & CHAIN_HOLD)
		return;
	if (q->frees)
		q->frees--;
	q->entries[id] = (uint16_t)entries;
	q->id[id] = choose_id(q, plan, id);
	q->room = q->room > entries ? (uint16_t)(q->room - entries) : 0;
	q->next = next;
	if (plan->wrong == WRONG_TWICE)
		q->next = write_list(g, queue, plan, e, entries, id);
	if (plan->wrong == WRONG_BACKWARDS)
		q->next = from;
	if (!(plan->flags & CHAIN_QUIET))
		guest_notify(g, queue, plan->wrong ? (uint16_t)~q->next : q->next);
}

static void submit(struct guest_driver *g, unsigned int queue, struct chain_plan *plan)
{
	struct guest_queue *q = &g->queue[queue];
	bool indirect = plan->flags & CHAIN_INDIRECT;
	bool mixed = !indirect && plan->flags & CHAIN_MIXED && plan->pieces > 1;
	struct entry e[GUEST_PIECES_MAX];
	unsigned int entries;

	while (plan->wrong == WRONG_LOOP && !indirect && plan->pieces < q->size &&
	       plan->pieces < GUEST_PIECES_MAX)
		guest_add_piece(plan, plan->piece[0].gpa, 1,
				plan->piece[plan->pieces - 1].writable);
	entries = indirect ? 1 : mixed ? 2 : plan->pieces;
	if (q->room < entries || q->frees == 0)
		reclaim(g, queue);
	/* that is how to overwrite what the device still has */
	if ((q->room < entries || q->frees == 0) && plan->wrong != WRONG_JUMP)
		return;
	for (unsigned int i = 0; i < entries; i++)
		e[i] = piece_entry(plan, i);
	if (indirect || mixed)
		e[mixed] = table_entry(g, plan, mixed);
	make_available(g, queue, plan, e, entries);
}

/* Operand `event` of used: at the next used entry, never, always, behind the end of the ring. */
static void ask(struct guest_driver *g, unsigned int queue, unsigned int event)
{
	static const uint8_t flags[] = { 0, RING_EVENT_FLAGS_DESC, RING_EVENT_FLAGS_DISABLE,
					 RING_EVENT_FLAGS_ENABLE, RING_EVENT_FLAGS_DESC };
	const struct guest_queue *q = &g->queue[queue];
	unsigned int place = q->next_used;

	if (event == 0)
		return;
	if (event == 4)
		place = (place & PVIRTQ_PLACE_WRAP) | q->size;
	if (flags[event % 5] == RING_EVENT_FLAGS_DESC)
		store16(g, guest_avail_ring(g->p, queue) + PVIRTQ_EVENT_DESC, place);
	store16(g, guest_avail_ring(g->p, queue) + PVIRTQ_EVENT_FLAGS, flags[event % 5]);
}

/* Operation avail: an entry of any id, the driver's place moved or set, the event's fields. */
static void avail(struct guest_driver *g, const struct script_op *r, unsigned int queue)
{
	struct guest_queue *q = &g->queue[queue];

	switch (r->avail.how) {
	case AVAIL_ENTRY:
		guest_store_desc(g, guest_desc(g->p, queue), offset(q->next), GUEST_DATA, 16,
				 (unsigned int)r->avail.value, available_flags(q->next));
		q->next = advance(q, q->next, 1);
		break;
	case AVAIL_MOVE:
		q->next = advance(q, q->next, (unsigned int)(r->avail.value % q->size));
		break;
	case AVAIL_INDEX:
		q->next = (uint16_t)((r->avail.value & PVIRTQ_PLACE_OFFSET) % q->size |
				     (r->avail.value & PVIRTQ_PLACE_WRAP));
		break;
	case AVAIL_FLAGS:
		store16(g, guest_avail_ring(g->p, queue) + PVIRTQ_EVENT_FLAGS,
			(unsigned int)r->avail.value);
		return;
	default:
		/* from the next used entry on, to just behind the ring's end, too */
		store16(g, guest_avail_ring(g->p, queue) + PVIRTQ_EVENT_DESC,
			q->next_used + (unsigned int)r->avail.value);
		return;
	}
	if (!(r->avail.flags & CHAIN_QUIET))
		guest_notify(g, queue, (uint16_t)r->avail.value);
}

static uint16_t place(const struct guest_queue *q)
{
	return q->next;
}

static bool returned(struct guest_driver *g, unsigned int queue)
{
	const uint16_t used = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;

	return (guest_load16(g, guest_desc(g->p, queue) + offsetof(struct pvirtq_desc, flags)) &
		used) == used;
}

const struct guest_ring guest_packed = {
	.clear = clear,
	.submit = submit,
	.reclaim = reclaim,
	.ask = ask,
	.avail = avail,
	.place = place,
	.returned = returned,
};
