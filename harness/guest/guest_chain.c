/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chains as lists of pieces, on rings of either layout: where they lie, how they are cut, and how
 * they are wrong.
 */
#include "guest_internal.h"

uint64_t guest_place(struct guest_driver *g, unsigned int where, unsigned int queue, uint64_t len)
{
	const uint64_t high[] = {
		[PLACE_HIGH] = MAP_HIGH + 0x100,
		[PLACE_SEAM] = MAP_LOW_SEAM - len / 2 - 1,
		[PLACE_LOW_END] = MAP_LOW_END - len,
		[PLACE_HIGH_END] = MAP_HIGH_END - len,
		[PLACE_SAME] = GUEST_DATA,
		[PLACE_TABLE] = g->queue[queue].desc,
		[PLACE_AVAIL] = g->queue[queue].avail,
		[PLACE_USED] = g->queue[queue].used,
		[PLACE_INDIRECT] = GUEST_INDIRECT,
		[PLACE_HOLE] = 0x80000000,
		[PLACE_PAST_END] = MAP_LOW_END - len + 1,
		[PLACE_WRAP] = UINT64_MAX - len / 2,
		[PLACE_ZERO] = 0,
		[PLACE_WINDOW] = 0xfeb00000,
		[PLACE_BELOW_HIGH] = MAP_HIGH - 1,
	};
	uint64_t at = g->data_at;

	if (where != PLACE_DATA && where < PLACE_KINDS)
		return high[where];
	if (len > GUEST_DATA_END - GUEST_DATA)
		return MAP_HIGH;
	if (len > GUEST_DATA_END - at)
		at = GUEST_DATA;
	g->data_at = at + (len + 3) / 4 * 4;
	if (g->data_at > GUEST_DATA_END)
		g->data_at = GUEST_DATA_END;
	return at;
}

void guest_add_piece(struct chain_plan *plan, uint64_t gpa, uint64_t len, bool writable)
{
	if (plan->pieces == GUEST_PIECES_MAX)
		return;
	plan->piece[plan->pieces++] = (struct piece){ gpa, (uint32_t)len, writable };
}

/* Where a stream is cut: in one place, in two, or every so many bytes. */
struct cuts {
	uint64_t first;
	uint64_t second;
	uint64_t every;
};

static struct cuts choose_cuts(uint64_t len, uint64_t natural, unsigned int split)
{
	const struct cuts cuts[SPLITS] = {
		{ natural, 0, 0 },
		{ 0, 0, 0 },
		{ natural / 2, natural, 0 },
		{ 1, natural, 0 },
		{ natural, natural + (len - natural) / 2, 0 },
		{ natural, len - 1, 0 },
		{ natural - 1, 0, 0 },
		{ natural + 1, 0, 0 },
		{ natural, natural, 0 },
		{ 0, 0, 512 },
		{ 0, 0, 100 },
		{ 0, 0, 5 },
		{ 0, 0, 1 },
		{ 3, natural + 5, 0 },
		{ natural, 0, 4096 },
		{ len / 3, len / 2, 0 },
		{ 0, 0, 1 },
	};

	return cuts[split % SPLITS];
}

/* Beside the last one of this stream, and one for what is writable if this is not. */
static unsigned int pieces_left(const struct chain_plan *plan, bool writable)
{
	unsigned int used = plan->pieces + (writable ? 1 : 2);

	return used < plan->most ? plan->most - used : 0;
}

void guest_add_stream(struct chain_plan *plan, uint64_t gpa, uint64_t len, uint64_t natural,
		      unsigned int split, bool writable)
{
	struct cuts c = choose_cuts(len, natural, split);
	unsigned int before = plan->pieces;
	unsigned int most = 20;
	uint64_t done = 0;

	if (c.first > 0 && c.first < len) {
		guest_add_piece(plan, gpa, c.first, writable);
		done = c.first;
	}
	if (c.second >= done && c.second > 0 && c.second < len) {
		guest_add_piece(plan, gpa + done, c.second - done, writable);
		done = c.second;
	}
	if (split == SPLIT_LONG)
		most = pieces_left(plan, writable);
	while (c.every && len - done > c.every && plan->pieces - before < most) {
		guest_add_piece(plan, gpa + done, c.every, writable);
		done += c.every;
	}
	if (done < len)
		guest_add_piece(plan, gpa + done, len - done, writable);
}

static void reverse(struct chain_plan *plan)
{
	for (unsigned int i = 0; i < plan->pieces / 2; i++) {
		struct piece swap = plan->piece[i];

		plan->piece[i] = plan->piece[plan->pieces - 1 - i];
		plan->piece[plan->pieces - 1 - i] = swap;
	}
}

/* Before all that is writable. */
static void add_readable(struct chain_plan *plan)
{
	guest_add_piece(plan, GUEST_DATA, 1, false);
	for (unsigned int i = plan->pieces - 1; i > 0 && plan->piece[i - 1].writable; i--) {
		plan->piece[i] = plan->piece[i - 1];
		plan->piece[i - 1] = (struct piece){ GUEST_DATA, 1, false };
	}
}

void guest_spoil_pieces(const struct guest_driver *g, struct chain_plan *plan, unsigned int queue)
{
	struct piece *last = &plan->piece[plan->pieces - 1];
	struct piece *one = &plan->piece[plan->arg % plan->pieces];

	switch ((enum chain_wrong)plan->wrong) {
	case WRONG_ALL_READABLE:
	case WRONG_ALL_WRITABLE:
		for (unsigned int i = 0; i < plan->pieces; i++)
			plan->piece[i].writable = plan->wrong == WRONG_ALL_WRITABLE;
		break;
	case WRONG_ORDER:
		reverse(plan);
		break;
	case WRONG_EMPTY:
		one->len = 0;
		break;
	case WRONG_HUGE:
		one->len = UINT32_MAX;
		break;
	case WRONG_OUTSIDE:
		one->gpa = 0x80000000;
		break;
	case WRONG_WRAP:
		one->gpa = UINT64_MAX - one->len / 2;
		break;
	case WRONG_PAST_END:
		one->gpa = MAP_LOW_END - one->len + 1;
		break;
	case WRONG_OVER_TABLE:
		one->gpa = g->queue[queue].desc;
		break;
	case WRONG_OVER_AVAIL:
		one->gpa = g->queue[queue].avail;
		break;
	case WRONG_OVER_USED:
		one->gpa = g->queue[queue].used;
		break;
	case WRONG_SHORT:
		plan->pieces -= plan->pieces > 1;
		break;
	case WRONG_MORE_READABLE:
		add_readable(plan);
		break;
	case WRONG_MORE_WRITABLE:
		guest_add_piece(plan, GUEST_DATA, 1, true);
		break;
	case WRONG_FULL:
		while (plan->pieces < plan->most)
			guest_add_piece(plan, last->gpa, 1, last->writable);
		break;
	default:
		break;
	}
}

void guest_store_desc(struct guest_driver *g, uint64_t table, unsigned int index, uint64_t addr,
		      uint32_t len, unsigned int field12, unsigned int field14)
{
	struct virtq_desc d = {
		.addr = guest_u64(g, machine_gpa(g->bus->machine, addr)),
		.len = guest_u32(g, len),
		.flags = guest_u16(g, field12),
		.next = guest_u16(g, field14),
	};

	g->bus->ops->store(g->bus, table + 16ull * index, &d, sizeof(d));
}

static uint64_t place_table(struct guest_driver *g, unsigned int count)
{
	uint64_t table = g->indirect_at;

	if (table + 16ull * count > GUEST_INDIRECT + GUEST_INDIRECT_SIZE)
		table = GUEST_INDIRECT;
	g->indirect_at = table + 16ull * count;
	return table;
}

uint64_t guest_place_table(struct guest_driver *g, const struct chain_plan *plan,
			   unsigned int count)
{
	if (plan->table)
		return plan->table;
	if (plan->wrong == WRONG_TABLE_OUTSIDE && count)
		return MAP_LOW_END - 8 - 16 * (plan->arg % count);
	return place_table(g, count);
}

void guest_notify(struct guest_driver *g, unsigned int queue, uint16_t hint)
{
	uint32_t data = g->notify_data ? (uint32_t)hint << VIRTIO_NOTIFY_PLACE_SHIFT : 0;

	guest_reg(g, VIRTIO_MMIO_QUEUE_NOTIFY, data | queue);
}
