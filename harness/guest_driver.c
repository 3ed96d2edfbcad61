/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers, queues and chains: what does not depend on the device type.
 */
#include "guest_driver.h"

#include <string.h>

#include "guest_chain.h"
#include "guest_legacy.h"

static void store16(struct guest_driver *g, uint64_t gpa, uint64_t value)
{
	uint16_t raw = guest_u16(g, (uint16_t)value);

	g->carrier->ops->store(g->carrier, gpa, &raw, sizeof(raw));
}

static uint16_t load16(struct guest_driver *g, uint64_t gpa)
{
	uint16_t raw;

	g->carrier->ops->load(g->carrier, gpa, &raw, sizeof(raw));
	return guest_u16(g, raw);
}

void guest_reg(struct guest_driver *g, uint32_t offset, uint32_t value)
{
	g->carrier->ops->write(g->carrier, offset, 4, value);
}

uint32_t guest_get(struct guest_driver *g, uint32_t offset)
{
	return (uint32_t)g->carrier->ops->read(g->carrier, offset, 4);
}

/* Three queues before the indirect tables, the others high up. */
uint64_t guest_desc(unsigned int queue)
{
	if (queue >= GUEST_RINGS_LOW)
		return GUEST_RINGS_MORE + (queue - GUEST_RINGS_LOW) * (uint64_t)GUEST_RING_BYTES;
	return MAP_LOW + (uint64_t)queue * GUEST_RING_BYTES;
}

uint64_t guest_avail_ring(unsigned int queue)
{
	return guest_desc(queue) + GUEST_AVAIL_OFFSET;
}

uint64_t guest_used_ring(unsigned int queue)
{
	return guest_desc(queue) + GUEST_USED_OFFSET;
}

bool guest_has(const struct guest_driver *g, unsigned int feature)
{
	return g->features[feature / 64] >> (feature % 64) & 1;
}

unsigned int guest_net_pairs(const struct guest_driver *g)
{
	return guest_has(g, VIRTIO_NET_F_MQ) || guest_has(g, VIRTIO_NET_F_RSS) ? g->p->pairs : 1;
}

unsigned int guest_net_control(const struct guest_driver *g)
{
	return 2 * guest_net_pairs(g);
}

unsigned int guest_net_header(const struct guest_driver *g)
{
	if (guest_has(g, VIRTIO_NET_F_OUT_NET_HEADER))
		return 32;
	if (guest_has(g, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO) ||
	    guest_has(g, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO))
		return 24;
	if (g->p->legacy && !(g->features[0] >> VIRTIO_NET_F_MRG_RXBUF & 1))
		return VIRTIO_NET_HEADER_LEGACY_BYTES;
	return guest_has(g, VIRTIO_NET_F_HASH_REPORT) ? 20 : 12;
}

uint16_t guest_used_idx(struct guest_driver *g, unsigned int queue)
{
	return load16(g, g->queue[queue].used + VIRTQ_USED_IDX);
}

uint16_t guest_avail_idx(struct guest_driver *g, unsigned int queue)
{
	return load16(g, g->queue[queue].avail + VIRTQ_AVAIL_IDX);
}

static unsigned int pick_queue(const struct guest_driver *g, uint8_t queue)
{
	return queue % g->p->queues;
}

/* ---- bringing it up ---- */

static void fresh_queue(struct guest_driver *g, unsigned int queue, uint16_t size)
{
	struct guest_queue *q = &g->queue[queue];

	q->size = size;
	q->stopped = false;
	q->avail_idx = 0;
	q->last_used = 0;
	q->frees = size;
	q->head = 0;
	q->next = PVIRTQ_PLACE_WRAP;
	q->next_used = PVIRTQ_PLACE_WRAP;
	q->room = size;
	memset(q->entries, 0, sizeof(q->entries));
	q->desc = guest_desc(queue);
	q->avail = guest_avail_ring(queue);
	q->used = guest_used_ring(queue);
	if (g->p->legacy)
		guest_legacy_place(q);
	for (uint16_t i = 0; i < size; i++) {
		q->free[i] = (uint16_t)(size - 1 - i);
		q->chain_more[i] = false;
	}
}

/* 2.4, 4.2.2.2: while this register is not 0, the reset is not complete. The driver has nothing to
 * do but wait, and the disk goes on. */
static void wait_for_reset(struct guest_driver *g, uint32_t reg)
{
	struct machine *m = g->carrier->machine;

	for (unsigned int i = 0; i < FAKE_DISK_PENDING; i++) {
		if (!guest_get(g, reg) || m->p.kind != DEVICE_BLK || !m->disk.pendings)
			return;
		machine_complete(m, 0, 0);
	}
}

static uint32_t in_use_register(const struct guest_driver *g)
{
	return g->p->legacy ? VIRTIO_MMIO_QUEUE_PFN : VIRTIO_MMIO_QUEUE_READY;
}

void guest_start(struct guest_driver *g, struct carrier *carrier, const struct personality *p)
{
	g->carrier = carrier;
	g->p = p;
	g->clean = false;
	g->packed = false;
	g->notify_data = false;
	g->data_at = GUEST_DATA;
	g->indirect_at = GUEST_INDIRECT;
	memset(g->features, 0, sizeof(g->features));
	for (unsigned int i = 0; i < p->queues; i++)
		fresh_queue(g, i, p->queue_size_max);
}

static void set_address(struct guest_driver *g, uint32_t low, uint64_t gpa, bool high_half)
{
	guest_reg(g, low, (uint32_t)gpa);
	if (high_half || gpa >> 32)
		guest_reg(g, low + 4, (uint32_t)(gpa >> 32));
}

void guest_setup_queue(struct guest_driver *g, const struct guest_setup *s, bool high_halves)
{
	guest_reg(g, VIRTIO_MMIO_QUEUE_SEL, s->queue);
	if (!(s->skip & SKIP_SIZE))
		guest_reg(g, VIRTIO_MMIO_QUEUE_SIZE, s->size);
	if (g->p->legacy) {
		guest_legacy_start_queue(g, s->queue);
		return;
	}
	if (!(s->skip & SKIP_DESC))
		set_address(g, VIRTIO_MMIO_QUEUE_DESC_LOW, s->desc, high_halves);
	if (!(s->skip & SKIP_DRIVER))
		set_address(g, VIRTIO_MMIO_QUEUE_DRIVER_LOW, s->driver, high_halves);
	if (!(s->skip & SKIP_DEVICE))
		set_address(g, VIRTIO_MMIO_QUEUE_DEVICE_LOW, s->device, high_halves);
	guest_reg(g, VIRTIO_MMIO_QUEUE_READY, s->ready);
}

static uint16_t choose_size(const struct guest_driver *g, unsigned int class)
{
	uint16_t size = personality_queue_size(class);

	return class == 0 || size > g->p->queue_size_max ? g->p->queue_size_max : size;
}

/* A driver clears its rings before it hands them over. */
static void clear_rings(struct guest_driver *g, unsigned int queue)
{
	if (g->packed) {
		guest_packed_clear(g, queue);
		return;
	}
	store16(g, g->queue[queue].avail + VIRTQ_AVAIL_FLAGS, 0);
	store16(g, g->queue[queue].avail + VIRTQ_AVAIL_IDX, 0);
	store16(g, g->queue[queue].used + VIRTQ_USED_FLAGS, 0);
	store16(g, g->queue[queue].used + VIRTQ_USED_IDX, 0);
}

/* A queue where the driver keeps it. */
static struct guest_setup right_setup(const struct guest_driver *g, unsigned int queue,
				      uint16_t size)
{
	return (struct guest_setup){
		.queue = queue,
		.size = size,
		.desc = g->queue[queue].desc,
		.driver = g->queue[queue].avail,
		.device = g->queue[queue].used,
		.ready = 1,
	};
}

static void bring_up_queue(struct guest_driver *g, unsigned int queue, uint16_t size)
{
	struct guest_setup s = right_setup(g, queue, size);

	fresh_queue(g, queue, size);
	if (!g->clean)
		clear_rings(g, queue);
	guest_setup_queue(g, &s, false);
}

static void write_features(struct guest_driver *g, uint64_t features, uint32_t high)
{
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
	if (high == 0)
		return;
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES, high);
}

/* Those that there are with the features asked for. */
static unsigned int queues_in_use(const struct guest_driver *g)
{
	if (g->p->kind != DEVICE_NET || guest_net_pairs(g) == g->p->pairs)
		return g->p->queues;
	return guest_net_control(g) + guest_has(g, VIRTIO_NET_F_CTRL_VQ);
}

static void bring_up_queues(struct guest_driver *g, const struct record *r)
{
	for (unsigned int i = 0; i < queues_in_use(g); i++) {
		if (r->b[2] == 0 || r->b[2] % (g->p->queues + 1) == i + 1)
			bring_up_queue(g, i, choose_size(g, r->b[0]));
	}
}

void guest_init(struct guest_driver *g, const struct record *r)
{
	enum init_wrong wrong = (enum init_wrong)r->b[1];
	uint64_t features = (g->p->offered.word[0] & ~r->x) | r->y;
	uint32_t status = 0;

	if (wrong == INIT_ALL_FEATURES)
		features = UINT64_MAX;
	g->packed = features & g->p->offered.word[0] & 1ull << VIRTIO_F_RING_PACKED;
	g->notify_data = features & g->p->offered.word[0] & 1ull << VIRTIO_F_NOTIFICATION_DATA;
	g->features[0] = features;
	g->features[1] = (g->p->offered.word[1] & ~(uint64_t)r->b[3]) | r->b[4];
	if (g->p->legacy)
		guest_legacy_begin(g);
	if (wrong != INIT_NO_RESET && !g->clean)
		guest_reg(g, VIRTIO_MMIO_STATUS, 0);
	if (wrong != INIT_NO_WAIT && wrong != INIT_NO_RESET && !g->clean)
		wait_for_reset(g, VIRTIO_MMIO_STATUS);
	if (wrong != INIT_NO_ACKNOWLEDGE)
		status |= VIRTIO_STATUS_ACKNOWLEDGE;
	if (wrong != INIT_AT_ONCE)
		guest_reg(g, VIRTIO_MMIO_STATUS, status);
	if (wrong != INIT_NO_DRIVER)
		status |= VIRTIO_STATUS_DRIVER;
	if (wrong != INIT_AT_ONCE)
		guest_reg(g, VIRTIO_MMIO_STATUS, status);
	write_features(g, features, (uint32_t)g->features[1]);
	if ((wrong == INIT_NO_FEATURES_OK) == g->p->legacy) /* legacy drivers do not know it */
		status |= VIRTIO_STATUS_FEATURES_OK;
	if (wrong != INIT_AT_ONCE)
		guest_reg(g, VIRTIO_MMIO_STATUS, status);
	if (wrong == INIT_FEATURES_LATE && !g->p->legacy)
		write_features(g, ~features, 0);
	if (wrong != INIT_NO_QUEUES && wrong != INIT_QUEUES_LATE)
		bring_up_queues(g, r);
	if (wrong == INIT_FEATURES_LATE && g->p->legacy) /* the queues have made them final */
		write_features(g, ~features, 0);
	if (wrong != INIT_NO_DRIVER_OK)
		guest_reg(g, VIRTIO_MMIO_STATUS, status | VIRTIO_STATUS_DRIVER_OK);
	if (wrong == INIT_QUEUES_LATE)
		bring_up_queues(g, r);
	if (wrong == INIT_FAILS)
		guest_reg(g, VIRTIO_MMIO_STATUS,
			  status | VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_FAILED);
}

void guest_reset(struct guest_driver *g, const struct record *r)
{
	(void)r;
	guest_reg(g, VIRTIO_MMIO_STATUS, 0);
}

enum queue_wrong {
	QUEUE_RIGHT,
	QUEUE_SIZE_ZERO,
	QUEUE_SIZE_ODD,
	QUEUE_SIZE_OVER,
	QUEUE_DESC_ODD,
	QUEUE_DRIVER_ODD,
	QUEUE_DEVICE_ODD,
	QUEUE_DESC_OUTSIDE,
	QUEUE_DRIVER_OUTSIDE,
	QUEUE_DEVICE_OUTSIDE,
	QUEUE_AT_END,
	QUEUE_PAST_END,
	QUEUE_OVER_SEAM,
	QUEUE_HIGH,
	QUEUE_USED_PAST_END,
	QUEUE_SIZE_HUGE,
	QUEUE_AVAIL_EVENT_PAST_END,
	QUEUE_USED_EVENT_PAST_END,
};

static void spoil_setup(struct guest_setup *s, enum queue_wrong wrong, uint16_t size_max)
{
	switch (wrong) {
	case QUEUE_RIGHT:
		break;
	case QUEUE_SIZE_ZERO:
		s->size = 0;
		break;
	case QUEUE_SIZE_ODD:
		s->size = size_max > 2 ? 3 : 0xffff;
		break;
	case QUEUE_SIZE_OVER:
		s->size = 2u * size_max;
		break;
	case QUEUE_DESC_ODD:
		s->desc += 8;
		break;
	case QUEUE_DRIVER_ODD:
		s->driver += 1;
		break;
	case QUEUE_DEVICE_ODD:
		s->device += 2;
		break;
	case QUEUE_DESC_OUTSIDE:
		s->desc = MAP_LOW_END;
		break;
	case QUEUE_DRIVER_OUTSIDE:
		s->driver = MAP_LOW_END;
		break;
	case QUEUE_DEVICE_OUTSIDE:
		s->device = UINT64_MAX - 3;
		break;
	case QUEUE_AT_END:
		s->desc = MAP_HIGH_END - 16ull * s->size;
		break;
	case QUEUE_PAST_END:
		s->desc = MAP_HIGH_END - 16ull * s->size + 16;
		break;
	case QUEUE_OVER_SEAM:
		s->desc = MAP_LOW_SEAM - 16;
		break;
	case QUEUE_HIGH:
		s->desc += MAP_HIGH - MAP_LOW;
		s->driver += MAP_HIGH - MAP_LOW;
		s->device += MAP_HIGH - MAP_LOW;
		break;
	case QUEUE_USED_PAST_END:
		s->device = MAP_HIGH_END - 8ull * s->size;
		break;
	case QUEUE_SIZE_HUGE:
		s->size = 0x10000u | s->size;
		break;
	case QUEUE_AVAIL_EVENT_PAST_END: /* 2.7.8 */
		s->device = MAP_HIGH_END - 4 - 8ull * s->size;
		break;
	case QUEUE_USED_EVENT_PAST_END: /* 2.7.6 */
		s->driver = MAP_LOW_END - 4 - 2ull * s->size;
		break;
	}
}

void guest_set_queue(struct guest_driver *g, const struct record *r)
{
	unsigned int queue = pick_queue(g, r->b[0]);
	uint16_t size = choose_size(g, r->b[1]);
	struct guest_setup s;

	struct guest_legacy_setup legacy;

	if (g->queue[queue].stopped && r->b[2] != QUEUE_NO_WAIT) {
		guest_reg(g, VIRTIO_MMIO_QUEUE_SEL, queue);
		wait_for_reset(g, in_use_register(g));
	}
	fresh_queue(g, queue, size);
	if (g->p->legacy)
		guest_legacy_choose(g, r, queue, &legacy);
	clear_rings(g, queue);
	if (g->p->legacy) {
		guest_legacy_set_queue(g, r, queue, &legacy);
		return;
	}
	s = right_setup(g, queue, size);
	s.ready = r->b[3] ^ 1u;
	s.skip = r->b[4];
	spoil_setup(&s, (enum queue_wrong)r->b[2], g->p->queue_size_max);
	if (g->packed && s.size > 0 && s.size < size)
		fresh_queue(g, queue, (uint16_t)s.size); /* an odd one is fine */
	guest_setup_queue(g, &s, true);
	if (s.skip) /* whether it is taken */
		guest_get(g, VIRTIO_MMIO_QUEUE_READY);
}

/* The driver waits when it sets the queue up again. */
void guest_stop(struct guest_driver *g, const struct record *r)
{
	unsigned int queue = pick_queue(g, r->b[0]);

	guest_reg(g, VIRTIO_MMIO_QUEUE_SEL, queue);
	if (r->b[1])
		guest_reg(g, VIRTIO_MMIO_QUEUE_RESET, 1);
	else
		guest_reg(g, in_use_register(g), 0);
	g->queue[queue].stopped = true;
}

/* ---- raw accesses ---- */

static unsigned int width_of(uint8_t class)
{
	static const uint8_t width[] = { 4, 1, 2, 8 };

	return width[class % 4];
}

void guest_write(struct guest_driver *g, const struct record *r)
{
	g->carrier->ops->write(g->carrier, r->x, width_of(r->b[0]), r->y);
}

void guest_read(struct guest_driver *g, const struct record *r)
{
	g->carrier->ops->read(g->carrier, r->x, width_of(r->b[0]));
}

enum base {
	BASE_DESC,
	BASE_AVAIL,
	BASE_USED,
	BASE_INDIRECT,
	BASE_DATA,
	BASE_HIGH,
	BASE_SEAM,
	BASE_RAW
};

static uint64_t base_address(const struct guest_driver *g, unsigned int base, uint8_t queue)
{
	unsigned int q = pick_queue(g, queue);

	switch ((enum base)base) {
	case BASE_DESC:
		return g->queue[q].desc;
	case BASE_AVAIL:
		return g->queue[q].avail;
	case BASE_USED:
		return g->queue[q].used;
	case BASE_INDIRECT:
		return GUEST_INDIRECT;
	case BASE_DATA:
		return GUEST_DATA;
	case BASE_HIGH:
		return MAP_HIGH;
	case BASE_SEAM:
		return MAP_LOW_SEAM - 16;
	default:
		return 0;
	}
}

static unsigned int poke_len(uint8_t class)
{
	return class == 0 ? 8 : class % 9u;
}

void guest_poke(struct guest_driver *g, const struct record *r)
{
	uint64_t raw = htole64(r->y);

	g->carrier->ops->store(g->carrier, base_address(g, r->b[1], r->b[2]) + r->x, &raw,
			       poke_len(r->b[0]));
}

#define FILL_MAX 4096u

void guest_fill(struct guest_driver *g, const struct record *r)
{
	uint8_t bytes[FILL_MAX];
	size_t len = r->y % (FILL_MAX + 1);

	memset(bytes, r->b[0], len);
	g->carrier->ops->store(g->carrier, base_address(g, r->b[1], r->b[2]) + r->x, bytes, len);
}

/* One field of what the device fetches: avail index, entry or flags, descriptor field, data. */
void guest_race(struct guest_driver *g, const struct record *r)
{
	static const uint32_t unit[] = { 16, 2, 8, 16, 1, 1, 1, 1 };
	uint64_t raw = htole64(r->y);
	unsigned int base = r->b[0] % 8;
	struct race race = {
		.countdown = 1u + r->b[2],
		.len = poke_len(r->b[3]),
	};

	race.watch = base_address(g, base, r->b[1]) + (r->x & 0xfff) * unit[base];
	if (base == BASE_AVAIL)
		race.watch += r->x == 0 ? VIRTQ_AVAIL_IDX : VIRTQ_AVAIL_RING - unit[base];
	if (base == BASE_AVAIL && g->packed) /* the event's flags, and its place */
		race.watch = g->queue[pick_queue(g, r->b[1])].avail +
			     (r->x == 0 ? PVIRTQ_EVENT_FLAGS : PVIRTQ_EVENT_DESC);
	if (base == BASE_RAW)
		race.watch = r->x;
	race.watch_bytes = unit[base];
	race.gpa = race.watch + r->b[4];
	memcpy(race.bytes, &raw, sizeof(race.bytes));
	machine_add_race(g->carrier->machine, &race);
}

/* ---- chains ---- */

uint64_t guest_place(struct guest_driver *g, unsigned int where, unsigned int queue, uint64_t len)
{
	const uint64_t high[] = {
		[1] = MAP_HIGH + 0x100,
		[2] = MAP_LOW_SEAM - len / 2 - 1,
		[3] = MAP_LOW_END - len,
		[4] = MAP_HIGH_END - len,
		[5] = GUEST_DATA, /* all on top of each other */
		[6] = g->queue[queue].desc,
		[7] = g->queue[queue].avail,
		[8] = g->queue[queue].used,
		[9] = GUEST_INDIRECT,
		[10] = 0x80000000,
		[11] = MAP_LOW_END - len + 1,
		[12] = UINT64_MAX - len / 2,
		[13] = 0,
		[14] = 0xfeb00000,
		[15] = MAP_HIGH - 1,
	};
	uint64_t at = g->data_at;

	if (where > 0 && where < 16)
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
	const struct cuts cuts[16] = {
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
	};

	return cuts[split % 16];
}

void guest_add_stream(struct chain_plan *plan, uint64_t gpa, uint64_t len, uint64_t natural,
		      unsigned int split, bool writable)
{
	struct cuts c = choose_cuts(len, natural, split);
	unsigned int before = plan->pieces;
	uint64_t done = 0;

	if (c.first > 0 && c.first < len) {
		guest_add_piece(plan, gpa, c.first, writable);
		done = c.first;
	}
	if (c.second >= done && c.second > 0 && c.second < len) {
		guest_add_piece(plan, gpa + done, c.second - done, writable);
		done = c.second;
	}
	while (c.every && len - done > c.every && plan->pieces - before < 20) {
		guest_add_piece(plan, gpa + done, c.every, writable);
		done += c.every;
	}
	if (done < len)
		guest_add_piece(plan, gpa + done, len - done, writable);
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

		g->carrier->ops->load(g->carrier,
				      g->queue[queue].used + VIRTQ_USED_RING +
					      8ull * (q->last_used % q->size),
				      &e, sizeof(e));
		free_chain(q, guest_u32(g, e.id));
	}
}

void guest_used(struct guest_driver *g, const struct record *r)
{
	unsigned int queue = pick_queue(g, r->b[0]);
	struct guest_queue *q = &g->queue[queue];

	if (g->packed)
		guest_packed_reclaim(g, queue);
	else
		reclaim(g, queue);
	if (g->packed)
		guest_packed_ask(g, queue, r->b[1]);
	else if (r->b[1] == 1)
		store16(g, g->queue[queue].avail + VIRTQ_AVAIL_RING + 2ull * q->size, q->last_used);
	else if (r->b[1])
		store16(g, g->queue[queue].avail + VIRTQ_AVAIL_FLAGS, r->b[1] == 2);
	guest_ack(g, r);
}

void guest_ack(struct guest_driver *g, const struct record *r)
{
	(void)r;
	guest_reg(g, VIRTIO_MMIO_INTERRUPT_ACK, guest_get(g, VIRTIO_MMIO_INTERRUPT_STATUS));
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
		for (unsigned int i = 0; i < plan->pieces / 2; i++) {
			struct piece swap = plan->piece[i];

			plan->piece[i] = plan->piece[plan->pieces - 1 - i];
			plan->piece[plan->pieces - 1 - i] = swap;
		}
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
		guest_add_piece(plan, GUEST_DATA, 1, false);
		for (unsigned int i = plan->pieces - 1; i > 0 && plan->piece[i - 1].writable; i--) {
			plan->piece[i] = plan->piece[i - 1];
			plan->piece[i - 1] = (struct piece){ GUEST_DATA, 1, false };
		}
		break;
	case WRONG_MORE_WRITABLE:
		guest_add_piece(plan, GUEST_DATA, 1, true);
		break;
	case WRONG_FULL:
		while (plan->pieces < GUEST_PIECES_MAX)
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
		.addr = guest_u64(g, addr),
		.len = guest_u32(g, len),
		.flags = guest_u16(g, field12),
		.next = guest_u16(g, field14),
	};

	g->carrier->ops->store(g->carrier, table + 16ull * index, &d, sizeof(d));
}

/* What stands in the link of descriptor `i` of `count`. */
struct link {
	unsigned int flags;
	unsigned int next;
};

static struct link link_of(const struct chain_plan *plan, unsigned int i, unsigned int count,
			   const uint16_t *index, unsigned int entries)
{
	struct link l = { 0 };

	if (plan->piece[i].writable)
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

static uint64_t place_table(struct guest_driver *g, unsigned int count)
{
	uint64_t table = g->indirect_at;

	if (table + 16ull * count > GUEST_INDIRECT + GUEST_INDIRECT_SIZE)
		table = GUEST_INDIRECT;
	g->indirect_at = table + 16ull * count;
	return table;
}

/* Where a table of so many entries is to be, of which the last ones may lie behind RAM. */
uint64_t guest_place_table(struct guest_driver *g, const struct chain_plan *plan,
			   unsigned int count)
{
	if (plan->wrong == WRONG_TABLE_OUTSIDE && count)
		return MAP_LOW_END - 8 - 16 * (plan->arg % count);
	return place_table(g, count);
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
	struct chain_plan rest = *plan;
	unsigned int stride = table_stride(plan, count);
	unsigned int entries = count ? stride * (count - 1) + 1 : 0;
	uint64_t table = guest_place_table(g, plan, entries);

	memmove(rest.piece, rest.piece + from, count * sizeof(rest.piece[0]));
	for (unsigned int i = 0; i < count; i++)
		index[i] = (uint16_t)(stride * i);
	for (unsigned int i = 0; i < count; i++) {
		struct link l = link_of(&rest, i, count, index, entries);

		if (plan->wrong == WRONG_TABLE_NESTED && i == plan->arg % count)
			l.flags |= VIRTQ_DESC_F_INDIRECT;
		guest_store_desc(g, table, index[i], rest.piece[i].gpa, rest.piece[i].len, l.flags,
				 l.next);
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
		struct link l = link_of(plan, i, descs, index, g->queue[queue].size);

		guest_store_desc(g, g->queue[queue].desc, index[i], plan->piece[i].gpa,
				 plan->piece[i].len, l.flags, l.next);
	}
}

static void make_available(struct guest_driver *g, unsigned int queue, uint16_t entry)
{
	struct guest_queue *q = &g->queue[queue];

	store16(g, g->queue[queue].avail + VIRTQ_AVAIL_RING + 2ull * (q->avail_idx % q->size),
		entry);
	q->avail_idx++;
}

void guest_notify(struct guest_driver *g, unsigned int queue, uint16_t hint)
{
	uint32_t data = g->notify_data ? (uint32_t)hint << VIRTIO_NOTIFY_PLACE_SHIFT : 0;

	guest_reg(g, VIRTIO_MMIO_QUEUE_NOTIFY, data | queue);
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
	store16(g, g->queue[queue].avail + VIRTQ_AVAIL_IDX, q->avail_idx);
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

void guest_submit(struct guest_driver *g, unsigned int queue, struct chain_plan *plan)
{
	bool indirect = plan->flags & CHAIN_INDIRECT;
	bool mixed = !indirect && plan->flags & CHAIN_MIXED && plan->pieces > 1;
	uint16_t index[GUEST_PIECES_MAX] = { 0 };
	unsigned int descs;

	if (plan->pieces == 0)
		return;
	guest_spoil_pieces(g, plan, queue);
	if (plan->pieces > g->queue[queue].size && plan->wrong == WRONG_FULL)
		plan->pieces = g->queue[queue].size;
	if (g->packed) {
		guest_packed_submit(g, queue, plan);
		return;
	}
	descs = indirect ? 1 : mixed ? 2 : plan->pieces;
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

static uint32_t chain_len(unsigned int class, uint64_t arg)
{
	const uint32_t len[16] = { 16,	  0,	      1,	  2,
				   12,	  64,	      100,	  512,
				   513,	  1526,	      4096,	  65536,
				   65535, 0x7fffffff, 0x80000000, (uint32_t)arg };

	return len[class % 16];
}

void guest_chain(struct guest_driver *g, const struct record *r)
{
	struct chain_plan plan = { .flags = r->b[5], .wrong = r->b[6], .arg = r->y };
	unsigned int queue = pick_queue(g, r->b[0]);
	uint32_t len = chain_len(r->b[4], r->y);

	for (unsigned int i = 0; i < (r->b[1] ^ 1u) % 24 + r->b[2] % 24u; i++) {
		uint64_t at = r->x ? r->x : guest_place(g, r->b[3], queue, len);

		guest_add_piece(&plan, at, len, i >= (r->b[1] ^ 1u) % 24);
	}
	guest_submit(g, queue, &plan);
}

void guest_kick(struct guest_driver *g, const struct record *r)
{
	unsigned int queue = pick_queue(g, r->b[0]);
	const struct guest_queue *q = &g->queue[queue];

	if (r->b[1])
		guest_reg(g, VIRTIO_MMIO_QUEUE_NOTIFY, (uint32_t)r->x);
	else
		guest_notify(g, queue, g->packed ? q->next : q->avail_idx);
}

void guest_avail(struct guest_driver *g, const struct record *r)
{
	unsigned int queue = pick_queue(g, r->b[0]);
	struct guest_queue *q = &g->queue[queue];
	uint64_t ring = g->queue[queue].avail;

	if (g->packed) {
		guest_packed_avail(g, r, queue);
		return;
	}
	switch (r->b[1]) {
	case 0:
		make_available(g, queue, (uint16_t)r->x);
		break;
	case 1:
		q->avail_idx = (uint16_t)(q->avail_idx + r->x);
		break;
	case 2:
		q->avail_idx = (uint16_t)r->x;
		break;
	case 3:
		store16(g, ring + VIRTQ_AVAIL_FLAGS, r->x);
		return;
	default:
		store16(g, ring + VIRTQ_AVAIL_RING + 2ull * q->size, r->x);
		return;
	}
	store16(g, ring + VIRTQ_AVAIL_IDX, q->avail_idx);
	if (!(r->b[3] & CHAIN_QUIET))
		guest_notify(g, queue, (uint16_t)r->x);
}

bool guest_came_back(struct guest_driver *g, unsigned int queue)
{
	const uint16_t used = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;

	if (g->packed)
		return (load16(g, guest_desc(queue) + offsetof(struct pvirtq_desc, flags)) &
			used) == used;
	return guest_used_idx(g, queue) == 1;
}
