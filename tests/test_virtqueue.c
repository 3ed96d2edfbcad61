/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over the split ring (2.6, 2.7): every way in which a guest can bend it. */
#include "support.h"

#include "array_size.h"
#include "virtqueue.h"

#define SIZE  8u
#define LIMIT 16u /* of the device's queue, twice the ring that the driver sets up */
#define RING  RAM_LOW
#define DATA  RAM_HIGH
#define TABLE (RAM_HIGH + 0x8000)

struct fixture {
	struct ram ram;
	struct ring ring;
	struct anvil_virtqueue vq;
	struct anvil_descriptor_segment storage[LIMIT];
	struct anvil_descriptor_chain chain;
};

static int enable(struct fixture *f, uint16_t size, bool indirect, bool event_idx)
{
	ring_init(&f->ring, &f->ram, RING, size);
	anvil_virtqueue_reset(&f->vq);
	f->vq.size = size;
	f->vq.desc_area = f->ring.desc;
	f->vq.driver_area = f->ring.avail;
	f->vq.device_area = f->ring.used;
	return anvil_virtqueue_enable(
		&f->vq,
		(struct anvil_virtqueue_features){ .indirect = indirect, .event_idx = event_idx });
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	ram_init(&f->ram);
	assert_int_equal(anvil_virtqueue_init(&f->vq, &f->ram.memory, LIMIT, false), 0);
	assert_int_equal(enable(f, SIZE, true, false), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_virtqueue_destroy(&f->vq);
	ram_destroy(&f->ram);
	free(f);
	return 0;
}

static int pop_into(struct fixture *f, struct anvil_descriptor_chain *chain,
		    struct anvil_descriptor_segment *storage)
{
	anvil_descriptor_chain_init(chain, &f->ram.memory, storage, LIMIT);
	return anvil_virtqueue_pop(&f->vq, chain);
}

static int pop(struct fixture *f)
{
	return pop_into(f, &f->chain, f->storage);
}

/* A chain of one readable byte under this head, made available. */
static void offer_byte(struct fixture *f, uint16_t head)
{
	ring_desc(&f->ring, head, DATA, 1, 0, 0);
	ring_offer(&f->ring, head);
}

static void set_avail_idx(struct fixture *f, uint16_t idx)
{
	ram_put16(&f->ram, f->ring.avail + 2, idx);
}

/* ---- life cycle ---- */

static void size_max_is_a_power_of_two_up_to_32768(void **state)
{
	struct fixture *f = *state;

	for (uint32_t size = 0; size <= UINT16_MAX; size++) {
		bool good = size && !(size & (size - 1));
		struct anvil_virtqueue vq;

		assert_int_equal(
			anvil_virtqueue_init(&vq, &f->ram.memory, (uint16_t)size, size % 2),
			good ? 0 : -EINVAL);
		if (good)
			anvil_virtqueue_destroy(&vq);
	}
}

static void enable_checks_the_size(void **state)
{
	struct fixture *f = *state;
	static const uint32_t bad[] = { 0,	3,	    6,		7,
					9,	15,	    17,		32,
					0x8000, 0x10000,    0x10008,	0x80000000,
					0xffff, 0xffffffff, 0x80000008, 0x10010 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(enable(f, SIZE, false, false), 0);
		anvil_virtqueue_reset(&f->vq);
		f->vq.size = bad[i];
		f->vq.desc_area = f->vq.driver_area = f->vq.device_area = RING;
		assert_int_equal(
			anvil_virtqueue_enable(&f->vq, (struct anvil_virtqueue_features){ 0 }),
			-EINVAL);
		assert_false(anvil_virtqueue_enabled(&f->vq));
	}
	for (uint16_t size = 1; size <= LIMIT; size = (uint16_t)(size * 2)) {
		assert_int_equal(enable(f, size, false, false), 0);
		assert_true(anvil_virtqueue_enabled(&f->vq));
	}
}

/* Programs one area with `gpa`, the others with good ones. */
static int enable_at(struct fixture *f, unsigned int area, uint64_t gpa, bool event_idx)
{
	uint64_t *const field[] = { &f->vq.desc_area, &f->vq.driver_area, &f->vq.device_area };

	anvil_virtqueue_reset(&f->vq);
	f->vq.size = SIZE;
	f->vq.desc_area = RING;
	f->vq.driver_area = RING + 0x1000;
	f->vq.device_area = RING + 0x2000;
	*field[area] = gpa;
	return anvil_virtqueue_enable(&f->vq,
				      (struct anvil_virtqueue_features){ .event_idx = event_idx });
}

static void enable_checks_alignment(void **state)
{
	static const uint32_t align[] = { 16, 2, 4 };
	struct fixture *f = *state;

	for (unsigned int area = 0; area < 3; area++) {
		for (uint32_t offset = 0; offset <= 16; offset++) {
			assert_int_equal(enable_at(f, area, RING + 0x4000 + offset, false),
					 offset % align[area] ? -EINVAL : 0);
			assert_int_equal(anvil_virtqueue_enabled(&f->vq),
					 offset % align[area] == 0);
		}
	}
}

static void enable_wants_each_ring_wholly_in_ram(void **state)
{
	/* bytes of descriptor table, available ring and used ring; the last two plus event field */
	static const uint64_t len[2][3] = { { 16 * SIZE, 4 + 2 * SIZE, 4 + 8 * SIZE },
					    { 16 * SIZE, 6 + 2 * SIZE, 6 + 8 * SIZE } };
	static const uint64_t step[] = { 16, 2, 4 };
	struct fixture *f = *state;

	for (unsigned int event = 0; event < 2; event++) {
		for (unsigned int area = 0; area < 3; area++) {
			uint64_t last = (RAM_LOW_END - len[event][area]) & ~(step[area] - 1);

			assert_int_equal(enable_at(f, area, last, event), 0);
			assert_int_equal(enable_at(f, area, last + step[area], event), -EFAULT);
			assert_false(anvil_virtqueue_enabled(&f->vq));
			assert_int_equal(enable_at(f, area, RAM_SEAM - step[area], event), 0);
			assert_int_equal(enable_at(f, area, RAM_LOW - step[area], event), -EFAULT);
			assert_int_equal(enable_at(f, area, 0, event), -EFAULT);
			assert_int_equal(enable_at(f, area, UINT64_MAX - step[area] + 1, event),
					 -EFAULT);
			assert_int_equal(enable_at(f, area, UINT64_MAX & ~0xfull, event), -EFAULT);
		}
	}
}

static void reset_forgets_everything(void **state)
{
	struct fixture *f = *state;
	const uint64_t *held = f->vq.held;
	const struct anvil_virtqueue_used *finished = f->vq.finished;
	struct anvil_virtqueue fresh = { .memory = &f->ram.memory,
					 .size_max = LIMIT,
					 .heads = LIMIT };

	offer_byte(f, 5);
	assert_int_equal(pop(f), 1);
	anvil_virtqueue_reset(&f->vq);
	assert_false(anvil_virtqueue_enabled(&f->vq));
	fresh.held = f->vq.held;
	fresh.finished = f->vq.finished;
	assert_ptr_equal(held, f->vq.held);
	assert_ptr_equal(finished, f->vq.finished);
	assert_memory_equal(&f->vq, &fresh, sizeof(fresh));
	/* the head that was in flight may come again, at index 0 */
	assert_int_equal(enable(f, SIZE, false, false), 0);
	offer_byte(f, 5);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.head, 5);
}

/* ---- pop ---- */

static void empty_ring_gives_nothing(void **state)
{
	struct fixture *f = *state;

	ram_watch(&f->ram);
	assert_int_equal(pop(f), 0);
	assert_int_equal(f->ram.fetches, 1);
	assert_int_equal(f->ram.stores, 0);
	assert_int_equal(f->vq.in_flight, 0);
}

static void chain_has_the_descriptors_in_order(void **state)
{
	static const struct buffer b[] = { { DATA, 16, 0 },
					   { RAM_SEAM - 1, 3, 0 },
					   { DATA + 100, 7, WRITABLE },
					   { RAM_HIGH + RAM_BYTES - 1, 1, WRITABLE } };
	struct fixture *f = *state;

	f->ring.free = 6; /* so that the chain wraps in the table */
	assert_int_equal(ring_chain(&f->ring, b, ARRAY_SIZE(b)), 6);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.head, 6);
	assert_int_equal(f->chain.count, 4);
	assert_int_equal(f->chain.readable, 2);
	assert_int_equal(f->chain.readable_bytes, 19);
	assert_int_equal(f->chain.writable_bytes, 8);
	assert_int_equal(f->chain.read.left, 19);
	assert_int_equal(f->chain.write.left, 8);
	for (unsigned int i = 0; i < ARRAY_SIZE(b); i++) {
		assert_int_equal(f->storage[i].gpa, b[i].gpa);
		assert_int_equal(f->storage[i].len, b[i].len);
	}
	assert_int_equal(f->vq.in_flight, 1);
	assert_int_equal(pop(f), 0);
}

struct desc {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

static void malformed_chains_are_refused(void **state)
{
	static const struct {
		const char *what;
		int result;
		struct desc d[4];
	} t[] = {
		{ "nothing wrong", 1, { { DATA, 4, NEXT, 1 }, { DATA, 4, WRITABLE, 0 } } },
		{ "no bytes", 1, { { 0, 0, 0, 0 } } },
		{ "unknown flags", 1, { { DATA, 4, 0xfff8, 9 } } },
		{ "next without NEXT", 1, { { DATA, 4, 0, 0xffff } } },
		{ "writable first",
		  -EPROTO,
		  { { DATA, 4, WRITABLE | NEXT, 1 }, { DATA, 4, 0, 0 } } },
		{ "empty writable first",
		  -EPROTO,
		  { { DATA, 0, WRITABLE | NEXT, 1 }, { DATA, 4, 0, 0 } } },
		{ "next is the size", -EPROTO, { { DATA, 4, NEXT, SIZE } } },
		{ "next is below size_max", -EPROTO, { { DATA, 4, NEXT, LIMIT - 1 } } },
		{ "next is 65535", -EPROTO, { { DATA, 4, NEXT, 0xffff } } },
		{ "to itself", -ELOOP, { { DATA, 4, NEXT, 0 } } },
		{ "to itself, empty", -ELOOP, { { DATA, 0, NEXT, 0 } } },
		{ "two in a circle", -ELOOP, { { DATA, 4, NEXT, 1 }, { DATA, 4, NEXT, 0 } } },
		{ "writable circle",
		  -ELOOP,
		  { { DATA, 4, NEXT | WRITABLE, 1 }, { DATA, 4, NEXT | WRITABLE, 1 } } },
		{ "circle back to readable",
		  -EPROTO,
		  { { DATA, 4, NEXT, 1 }, { DATA, 4, NEXT | WRITABLE, 0 } } },
		{ "below RAM", -EFAULT, { { RAM_LOW - 1, 1, 0, 0 } } },
		{ "past RAM", -EFAULT, { { RAM_LOW_END - 3, 4, 0, 0 } } },
		{ "to the end of RAM", 1, { { RAM_LOW_END - 4, 4, 0, 0 } } },
		{ "over the seam", 1, { { RAM_SEAM - 2, 4, 0, 0 } } },
		{ "in the hole", -EFAULT, { { RAM_LOW_END, 1, WRITABLE, 0 } } },
		{ "over the hole", -EFAULT, { { RAM_LOW, 0xc0000001, 0, 0 } } },
		{ "wraps at 2^64", -EFAULT, { { UINT64_MAX, 2, 0, 0 } } },
		{ "longest", -EFAULT, { { RAM_LOW, UINT32_MAX, 0, 0 } } },
		{ "second one bad",
		  -EFAULT,
		  { { DATA, 4, NEXT, 1 }, { RAM_LOW_END, 1, WRITABLE, 0 } } },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		assert_int_equal(enable(f, SIZE, true, false), 0);
		for (uint16_t d = 0; d < ARRAY_SIZE(t[i].d); d++)
			ring_desc(&f->ring, d, t[i].d[d].gpa, t[i].d[d].len, t[i].d[d].flags,
				  t[i].d[d].next);
		ring_offer(&f->ring, 0);

		int result = pop(f);

		if (result != t[i].result)
			fail_msg("%s: %d", t[i].what, result);
		assert_int_equal(f->vq.in_flight, result == 1);
	}
}

static void chain_may_be_as_long_as_the_queue_and_no_longer(void **state)
{
	struct fixture *f = *state;
	struct buffer b[SIZE];

	for (unsigned int i = 0; i < SIZE; i++)
		b[i] = (struct buffer){ DATA + i, 1, 0 };
	ring_chain(&f->ring, b, SIZE);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.count, SIZE);

	/* the storage, of one segment less, is a limit too */
	assert_int_equal(enable(f, SIZE, true, false), 0);
	ring_chain(&f->ring, b, SIZE);
	anvil_descriptor_chain_init(&f->chain, &f->ram.memory, f->storage, SIZE - 1);
	assert_int_equal(anvil_virtqueue_pop(&f->vq, &f->chain), -ELOOP);
}

static void heads_are_below_the_ring_size(void **state)
{
	static const uint16_t bad[] = { SIZE, SIZE + 1, LIMIT - 1, LIMIT, 0x8000, 0xffff };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(enable(f, SIZE, true, false), 0);
		ring_offer(&f->ring, bad[i]);
		assert_int_equal(pop(f), -EPROTO);
	}
	for (uint16_t head = 0; head < SIZE; head++) {
		assert_int_equal(enable(f, SIZE, true, false), 0);
		offer_byte(f, head);
		assert_int_equal(pop(f), 1);
		assert_int_equal(f->chain.head, head);
	}
}

static void available_index_may_lead_by_the_ring_size_and_no_more(void **state)
{
	static const uint16_t start[] = { 0, 1, 0x7fff, 0xfff8, 0xffff };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(start); i++) {
		for (uint32_t lead = 0; lead <= UINT16_MAX; lead++) {
			/* near the limits all values, else a sample */
			if (lead > 2 * SIZE && lead < 0xfff0 && lead % 257)
				continue;
			assert_int_equal(enable(f, SIZE, true, false), 0);
			f->vq.next_avail = f->vq.avail_idx = start[i];
			ring_desc(&f->ring, 0, DATA, 1, 0, 0);
			set_avail_idx(f, (uint16_t)(start[i] + lead));
			assert_int_equal(pop(f), lead == 0 ? 0 : lead <= SIZE ? 1 : -EPROTO);
		}
	}
}

static void head_in_flight_may_not_come_again(void **state)
{
	struct fixture *f = *state;
	struct anvil_descriptor_segment storage[LIMIT];
	struct anvil_descriptor_chain again;

	offer_byte(f, 3);
	offer_byte(f, 3);
	assert_int_equal(pop(f), 1);
	assert_int_equal(pop_into(f, &again, storage), -EPROTO);
	assert_int_equal(f->vq.in_flight, 1);
	anvil_virtqueue_fill(&f->vq, &f->chain);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.head, 3);
}

static void all_heads_may_be_in_flight(void **state)
{
	struct fixture *f = *state;
	struct anvil_descriptor_segment storage[SIZE][LIMIT];
	struct anvil_descriptor_chain chain[SIZE];

	for (uint16_t i = 0; i < SIZE; i++)
		offer_byte(f, (uint16_t)(SIZE - 1 - i));
	for (unsigned int i = 0; i < SIZE; i++)
		assert_int_equal(pop_into(f, &chain[i], storage[i]), 1);
	assert_int_equal(f->vq.in_flight, SIZE);
	assert_int_equal(pop(f), 0);
	/* given back in another order than taken */
	for (unsigned int i = 0; i < SIZE; i++)
		anvil_virtqueue_fill(&f->vq, &chain[i * 3 % SIZE]);
	assert_true(anvil_virtqueue_publish(&f->vq));
	for (unsigned int i = 0; i < SIZE; i++)
		ring_expect(&f->ring, (uint16_t)(SIZE - 1 - i * 3 % SIZE), 0);
	ring_expect_none(&f->ring);
	assert_int_equal(f->vq.in_flight, 0);
}

/* ---- indirect tables (2.7.5.3) ---- */

/* releases of clang-format do not agree about these braces */
/* clang-format off */
#define IND(len) { TABLE, len, INDIRECT, 0 }
/* clang-format on */

static void indirect_tables_of_all_shapes(void **state)
{
	static const struct {
		const char *what;
		int result;
		unsigned int segments;
		struct desc ring[2];
		struct desc table[3];
	} t[] = {
		{ "one entry", 1, 1, { IND(16) }, { { DATA, 4, 0, 0 } } },
		{ "WRITE on the referring one means nothing",
		  1,
		  1,
		  { { TABLE, 16, INDIRECT | WRITABLE, 0 } },
		  { { DATA, 4, 0, 0 } } },
		{ "no entry", -EPROTO, 0, { IND(0) }, { { DATA, 4, 0, 0 } } },
		{ "half an entry", -EPROTO, 0, { IND(8) }, { { DATA, 4, 0, 0 } } },
		{ "a byte short", -EPROTO, 0, { IND(15) }, { { DATA, 4, 0, 0 } } },
		{ "a byte long", -EPROTO, 0, { IND(17) }, { { DATA, 4, 0, 0 } } },
		{ "longest", -EPROTO, 0, { IND(UINT32_MAX) }, { { DATA, 4, 0, 0 } } },
		{ "longest whole", -EFAULT, 0, { IND(0xfffffff0) }, { { DATA, 4, 0, 0 } } },
		{ "with NEXT",
		  -EPROTO,
		  0,
		  { { TABLE, 16, INDIRECT | NEXT, 1 }, { DATA, 4, 0, 0 } },
		  { { DATA, 4, 0, 0 } } },
		{ "chain in the table, out of order",
		  1,
		  3,
		  { IND(48) },
		  { { DATA, 4, NEXT, 2 }, { DATA, 1, WRITABLE, 0 }, { DATA, 4, NEXT, 1 } } },
		{ "next is the last entry",
		  1,
		  2,
		  { IND(32) },
		  { { DATA, 4, NEXT, 1 }, { DATA, 4, 0, 0 } } },
		{ "next is past the table",
		  -EPROTO,
		  0,
		  { IND(32) },
		  { { DATA, 4, NEXT, 2 }, { DATA, 4, 0, 0 }, { DATA, 4, 0, 0 } } },
		{ "next is 65535", -EPROTO, 0, { IND(32) }, { { DATA, 4, NEXT, 0xffff } } },
		{ "table in a table",
		  -EPROTO,
		  0,
		  { IND(16) },
		  { { TABLE + 16, 16, INDIRECT, 0 } } },
		{ "table in itself", -EPROTO, 0, { IND(16) }, { IND(16) } },
		{ "circle", -ELOOP, 0, { IND(16) }, { { DATA, 0, NEXT, 0 } } },
		{ "bad order inside",
		  -EPROTO,
		  0,
		  { IND(32) },
		  { { DATA, 4, NEXT | WRITABLE, 1 }, { DATA, 4, 0, 0 } } },
		{ "after a direct one",
		  1,
		  2,
		  { { DATA, 4, NEXT, 1 }, IND(16) },
		  { { DATA, 4, WRITABLE, 0 } } },
		{ "bad order across",
		  -EPROTO,
		  0,
		  { { DATA, 4, NEXT | WRITABLE, 1 }, IND(16) },
		  { { DATA, 4, 0, 0 } } },
		{ "bad buffer inside", -EFAULT, 0, { IND(16) }, { { RAM_LOW_END, 1, 0, 0 } } },
		{ "table out of RAM",
		  -EFAULT,
		  0,
		  { { RAM_HIGH + RAM_BYTES - 16, 32, INDIRECT, 0 } },
		  { { DATA, 4, 0, 0 } } },
		{ "table nowhere", -EFAULT, 0, { { 0, 16, INDIRECT, 0 } }, { { DATA, 4, 0, 0 } } },
		{ "table wraps at 2^64",
		  -EFAULT,
		  0,
		  { { UINT64_MAX - 15, 32, INDIRECT, 0 } },
		  { { DATA, 4, 0, 0 } } },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		for (unsigned int negotiated = 0; negotiated < 2; negotiated++) {
			int expected = negotiated ? t[i].result : -EPROTO;

			assert_int_equal(enable(f, SIZE, negotiated, false), 0);
			for (uint16_t d = 0; d < ARRAY_SIZE(t[i].ring); d++)
				ring_desc(&f->ring, d, t[i].ring[d].gpa, t[i].ring[d].len,
					  t[i].ring[d].flags, t[i].ring[d].next);
			for (unsigned int d = 0; d < ARRAY_SIZE(t[i].table); d++)
				ram_desc(&f->ram, TABLE + 16 * d, t[i].table[d].gpa,
					 t[i].table[d].len, t[i].table[d].flags,
					 t[i].table[d].next);
			ring_offer(&f->ring, 0);

			int result = pop(f);

			if (result != expected)
				fail_msg("%s: %d", t[i].what, result);
			if (result == 1)
				assert_int_equal(f->chain.count, t[i].segments);
		}
	}
}

/* 2.7.5.3.1: what counts is the chain, not the table */
static void indirect_chain_is_bounded_by_the_queue_size(void **state)
{
	struct fixture *f = *state;

	for (unsigned int direct = 0; direct <= 1; direct++) {
		for (unsigned int n = SIZE - 1; n <= SIZE + 1; n++) {
			assert_int_equal(enable(f, SIZE, true, false), 0);
			for (uint16_t i = 0; i < n; i++)
				ram_desc(&f->ram, TABLE + 16u * i, DATA, 1, i + 1u < n ? NEXT : 0,
					 (uint16_t)(i + 1));
			ring_desc(&f->ring, 0, DATA, 1, NEXT, 1);
			ring_desc(&f->ring, 1, TABLE, 16 * 4 * SIZE, INDIRECT, 0);
			ring_offer(&f->ring, direct ? 0 : 1);
			assert_int_equal(pop(f), n + direct <= SIZE ? 1 : -ELOOP);
		}
	}
}

static void indirect_table_may_lie_anywhere_in_ram(void **state)
{
	static const uint64_t table[] = {
		RAM_SEAM - 1,	 RAM_SEAM - 15, RAM_SEAM - 16, TABLE + 3, RAM_HIGH + RAM_BYTES - 32,
		RAM_LOW_END - 32
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(enable(f, SIZE, true, false), 0);
		ram_desc(&f->ram, table[i], DATA, 5, NEXT, 1);
		ram_desc(&f->ram, table[i] + 16, DATA, 6, WRITABLE, 0);
		ring_desc(&f->ring, 0, table[i], 32, INDIRECT, 0);
		ring_offer(&f->ring, 0);
		assert_int_equal(pop(f), 1);
		assert_int_equal(f->chain.readable_bytes, 5);
		assert_int_equal(f->chain.writable_bytes, 6);
	}
}

/* ---- how often guest memory is touched ---- */

static void each_field_is_fetched_once(void **state)
{
	struct fixture *f = *state;
	static const struct buffer b[] = { { DATA, 1, 0 }, { DATA, 1, 0 }, { DATA, 1, WRITABLE } };
	struct anvil_descriptor_segment storage[LIMIT];
	struct anvil_descriptor_chain chain;

	ring_chain(&f->ring, b, 3);
	ring_chain(&f->ring, b, 3);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->ram.fetches, 1 + 1 + 3); /* idx, ring entry, descriptors */
	assert_int_equal(pop_into(f, &chain, storage), 1);
	assert_int_equal(f->ram.fetches, 5 + 1 + 3); /* idx was seen already */
	assert_int_equal(f->ram.stores, 0);
}

static void endless_chains_cost_a_bounded_number_of_fetches(void **state)
{
	struct fixture *f = *state;

	ring_desc(&f->ring, 0, DATA, 1, NEXT, 0);
	ring_offer(&f->ring, 0);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), -ELOOP);
	assert_int_equal(f->ram.fetches, 3 + SIZE);

	assert_int_equal(enable(f, SIZE, true, false), 0);
	ring_desc(&f->ring, 0, TABLE, 16, INDIRECT, 0);
	ram_desc(&f->ram, TABLE, DATA, 1, NEXT, 0);
	ring_offer(&f->ring, 0);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), -ELOOP);
	assert_int_equal(f->ram.fetches, 4 + SIZE);
}

/* A guest that changes a field after the fetch gets nowhere; just before, it is checked as changed.
 */
static void what_is_checked_is_what_was_fetched(void **state)
{
	struct fixture *f = *state;
	uint64_t desc1 = f->ring.desc + 16;
	static const struct buffer b[] = { { DATA, 1, 0 }, { DATA, 1, 0 } };

	ring_chain(&f->ring, b, 2);
	ram_watch(&f->ram);
	/* while descriptor 1 is fetched, number 0 changes: too late */
	f->ram.race_at = desc1;
	f->ram.race_gpa = f->ring.desc;
	f->ram.race_value = 0;
	f->ram.race_len = 8;
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->ram.race_len, 0);
	assert_int_equal(f->storage[0].gpa, DATA);

	/* and number 1 itself: just in time */
	assert_int_equal(enable(f, SIZE, true, false), 0);
	ring_chain(&f->ring, b, 2);
	f->ram.race_gpa = desc1;
	f->ram.race_len = 8;
	assert_int_equal(pop(f), -EFAULT);
}

/* ---- push and publish ---- */

static void used_entry_is_invisible_until_published(void **state)
{
	static const struct buffer b[] = { { DATA, 4, 0 }, { DATA + 64, 9, WRITABLE } };
	struct fixture *f = *state;
	uint16_t head = ring_chain(&f->ring, b, 2);

	assert_int_equal(pop(f), 1);
	assert_int_equal(anvil_descriptor_chain_write(&f->chain, "1234567", 7), 0);
	ram_watch(&f->ram);
	f->ram.allowed[0][0] = f->ring.used + 4;
	f->ram.allowed[0][1] = 8;
	f->ram.alloweds = 1;
	anvil_virtqueue_fill(&f->vq, &f->chain);
	assert_int_equal(f->ram.stores, 1);
	ring_expect_none(&f->ring);
	f->ram.allowed[0][0] = f->ring.used + 2;
	f->ram.allowed[0][1] = 2;
	assert_true(anvil_virtqueue_publish(&f->vq));
	assert_int_equal(f->ram.stores, 2);
	ring_expect(&f->ring, head, 7);
	ring_expect_none(&f->ring);
}

static void used_length_is_what_the_cursor_wrote(void **state)
{
	static const struct buffer b[] = { { DATA, 9, WRITABLE } };
	struct fixture *f = *state;

	for (uint32_t written = 0; written <= 9; written++) {
		uint16_t head = ring_chain(&f->ring, b, 1);

		assert_int_equal(pop(f), 1);
		assert_int_equal(anvil_descriptor_chain_write(&f->chain, "123456789", written), 0);
		anvil_virtqueue_fill(&f->vq, &f->chain);
		assert_true(anvil_virtqueue_publish(&f->vq));
		ring_expect(&f->ring, head, written);
	}
}

static void indices_wrap_at_65536(void **state)
{
	static const struct buffer b[] = { { DATA, 1, 0 }, { DATA, 1, WRITABLE } };
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 70000; i++) {
		uint16_t head = ring_chain(&f->ring, b, 2);

		if (pop(f) != 1 || f->chain.head != head)
			fail_msg("round %u", i);
		anvil_virtqueue_fill(&f->vq, &f->chain);
		assert_true(anvil_virtqueue_publish(&f->vq));
		ring_expect(&f->ring, head, 0);
		ring_expect_none(&f->ring);
	}
	assert_int_equal(ring_published(&f->ring), 70000 - 65536);
	assert_int_equal(f->vq.in_flight, 0);
}

static void ring_of_one_entry_works(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 1, true, true), 0);
	for (unsigned int i = 0; i < 5; i++) {
		ram_put16(&f->ram, f->ring.avail + 6, (uint16_t)i); /* used_event */
		offer_byte(f, 0);
		assert_int_equal(pop(f), 1);
		anvil_virtqueue_fill(&f->vq, &f->chain);
		assert_true(anvil_virtqueue_publish(&f->vq));
		ring_expect(&f->ring, 0, 0);
	}
}

static void largest_ring_works(void **state)
{
	size_t bytes = 1u << 20;
	uint8_t *host = aligned_alloc(4096, bytes);
	struct anvil_guest_memory_region region = { 0, bytes, host };
	struct anvil_guest_memory memory;
	struct anvil_descriptor_segment *storage = calloc(VIRTQ_SIZE_MAX, sizeof(*storage));
	struct anvil_descriptor_chain chain;
	struct anvil_virtqueue vq;

	(void)state;
	assert_non_null(host);
	assert_non_null(storage);
	memset(host, 0, bytes);
	assert_int_equal(anvil_guest_memory_init(&memory, &region, 1), 0);
	assert_int_equal(anvil_virtqueue_init(&vq, &memory, VIRTQ_SIZE_MAX, false), 0);
	vq.size = VIRTQ_SIZE_MAX;
	vq.driver_area = 0x80000;
	vq.device_area = 0xa0000;
	assert_int_equal(
		anvil_virtqueue_enable(&vq, (struct anvil_virtqueue_features){ .event_idx = true }),
		0);

	/* every descriptor in one chain, from the last one down */
	for (uint32_t i = 0; i < VIRTQ_SIZE_MAX; i++) {
		struct virtq_desc d = { 0, htole32(1), htole16(i ? NEXT : 0),
					htole16((uint16_t)(i - 1)) };

		memcpy(host + 16 * i, &d, sizeof(d));
	}
	memcpy(host + 0x80000, "\0\0\1\0\xff\x7f", 6);
	anvil_descriptor_chain_init(&chain, &memory, storage, VIRTQ_SIZE_MAX);
	assert_int_equal(anvil_virtqueue_pop(&vq, &chain), 1);
	assert_int_equal(chain.head, VIRTQ_SIZE_MAX - 1);
	assert_int_equal(chain.count, VIRTQ_SIZE_MAX);
	anvil_virtqueue_fill(&vq, &chain);
	assert_true(anvil_virtqueue_publish(&vq));
	assert_memory_equal(host + 0xa0000, "\0\0\1\0\xff\x7f\0\0\0\0\0\0", 12);
	anvil_virtqueue_destroy(&vq);
	free(storage);
	free(host);
}

/* ---- whether the driver wants to hear of it (2.7.7) ---- */

static void interrupt_flag_counts_without_event_idx_alone(void **state)
{
	struct fixture *f = *state;

	for (unsigned int event = 0; event < 2; event++) {
		for (uint16_t flags = 0; flags < 4; flags++) {
			assert_int_equal(enable(f, SIZE, true, event), 0);
			ram_put16(&f->ram, f->ring.avail, flags);
			offer_byte(f, 0);
			assert_int_equal(pop(f), 1);
			anvil_virtqueue_fill(&f->vq, &f->chain);
			assert_int_equal(anvil_virtqueue_publish(&f->vq), event || !(flags & 1));
		}
	}
}

/* 2.7.7.2: notify iff the entry at index used_event is among those published */
static void used_event_asks_for_one_entry(void **state)
{
	static const uint16_t start[] = { 0, 1, 0x7ffc, 0xfffc, 0xffff };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(start); i++) {
		for (uint16_t pushed = 0; pushed <= SIZE; pushed++) {
			for (int event = -20; event <= 20; event++) {
				uint16_t used_event = (uint16_t)(start[i] + event);
				bool among = event >= 0 && event < pushed;

				assert_int_equal(enable(f, SIZE, true, true), 0);
				f->vq.next_used = start[i];
				f->vq.flushed_used = start[i];
				f->vq.notified_used = start[i];
				ram_put16(&f->ram, f->ring.avail + 4 + 2 * SIZE, used_event);
				for (uint16_t n = 0; n < pushed; n++) {
					offer_byte(f, n);
					assert_int_equal(pop(f), 1);
					anvil_virtqueue_fill(&f->vq, &f->chain);
				}
				assert_int_equal(anvil_virtqueue_publish(&f->vq), among);
				assert_false(anvil_virtqueue_publish(&f->vq)); /* nothing new */
				assert_int_equal(ring_published(&f->ring),
						 pushed ? (uint16_t)(start[i] + pushed) : 0);
			}
		}
	}
}

/* ---- whether we want to hear of it (2.7.10) ---- */

static uint16_t used_flags(struct fixture *f)
{
	return ram_get16(&f->ram, f->ring.used);
}

static uint16_t avail_event(struct fixture *f)
{
	return ram_get16(&f->ram, f->ring.used + 4 + 8 * SIZE);
}

static void suppression_uses_the_flag_without_event_idx(void **state)
{
	struct fixture *f = *state;

	ram_put16(&f->ram, f->ring.used + 4 + 8 * SIZE, 0x5555);
	anvil_virtqueue_suppress_notification(&f->vq);
	assert_int_equal(used_flags(f), VIRTQ_USED_F_NO_NOTIFY);
	assert_false(anvil_virtqueue_want_notification(&f->vq));
	assert_int_equal(used_flags(f), 0);
	assert_int_equal(avail_event(f), 0x5555); /* not our field */
}

static void suppression_leaves_the_flag_alone_with_event_idx(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, SIZE, true, true), 0);
	anvil_virtqueue_suppress_notification(&f->vq);
	assert_int_equal(used_flags(f), 0);
	for (uint16_t i = 0; i < 3; i++) {
		offer_byte(f, i);
		assert_int_equal(pop(f), 1);
	}
	assert_false(anvil_virtqueue_want_notification(&f->vq));
	assert_int_equal(used_flags(f), 0);
	assert_int_equal(avail_event(f), 3);
}

static void wanting_a_notification_finds_what_came_meanwhile(void **state)
{
	struct fixture *f = *state;

	for (unsigned int event = 0; event < 2; event++) {
		assert_int_equal(enable(f, SIZE, true, event), 0);
		assert_false(anvil_virtqueue_want_notification(&f->vq));
		offer_byte(f, 1);
		assert_true(anvil_virtqueue_want_notification(&f->vq));
		assert_int_equal(pop(f), 1);
		assert_false(anvil_virtqueue_want_notification(&f->vq));
		/* a broken index is news too, and pop then says so */
		set_avail_idx(f, 0x4000);
		assert_true(anvil_virtqueue_want_notification(&f->vq));
		assert_int_equal(pop(f), -EPROTO);
	}
}

/* The index arrives between our wish and our last look: no wake-up may be lost. */
static void index_that_races_with_the_wish_is_seen(void **state)
{
	struct fixture *f = *state;

	for (unsigned int event = 0; event < 2; event++) {
		assert_int_equal(enable(f, SIZE, true, event), 0);
		ring_desc(&f->ring, 0, DATA, 1, 0, 0);
		ram_watch(&f->ram);
		f->ram.race_at = f->ring.avail + 2;
		f->ram.race_gpa = f->ring.avail + 2;
		f->ram.race_value = 1;
		f->ram.race_len = 2;
		assert_true(anvil_virtqueue_want_notification(&f->vq));
		assert_int_equal(pop(f), 1);
	}
}

/* ---- unpop ---- */

static void unpopped_chains_come_again_in_the_same_order(void **state)
{
	struct fixture *f = *state;
	struct anvil_descriptor_segment storage[3][LIMIT];
	struct anvil_descriptor_chain chain[3];

	for (unsigned int event = 0; event < 2; event++) {
		assert_int_equal(enable(f, SIZE, true, event), 0);
		for (uint16_t i = 0; i < 3; i++)
			offer_byte(f, (uint16_t)(i * 2));
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(pop_into(f, &chain[i], storage[i]), 1);
		anvil_virtqueue_unpop(&f->vq, &chain[2]);
		anvil_virtqueue_unpop(&f->vq, &chain[1]);
		assert_int_equal(f->vq.in_flight, 1);
		/* the wish is for a chain after those that are there already */
		assert_false(anvil_virtqueue_want_notification(&f->vq));
		if (event)
			assert_int_equal(avail_event(f), 3);
		for (uint16_t i = 1; i < 3; i++) {
			assert_int_equal(pop(f), 1);
			assert_int_equal(f->chain.head, i * 2);
		}
		assert_int_equal(pop(f), 0);
		ring_expect_none(&f->ring);
	}
}

static void unpop_works_over_the_index_wrap(void **state)
{
	struct fixture *f = *state;

	f->vq.next_avail = f->vq.avail_idx = f->ring.avail_idx = 0xffff;
	offer_byte(f, 7);
	assert_int_equal(pop(f), 1);
	anvil_virtqueue_unpop(&f->vq, &f->chain);
	assert_int_equal(f->vq.next_avail, 0xffff);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.head, 7);
	assert_int_equal(pop(f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(size_max_is_a_power_of_two_up_to_32768),
		TEST(enable_checks_the_size),
		TEST(enable_checks_alignment),
		TEST(enable_wants_each_ring_wholly_in_ram),
		TEST(reset_forgets_everything),
		TEST(empty_ring_gives_nothing),
		TEST(chain_has_the_descriptors_in_order),
		TEST(malformed_chains_are_refused),
		TEST(chain_may_be_as_long_as_the_queue_and_no_longer),
		TEST(heads_are_below_the_ring_size),
		TEST(available_index_may_lead_by_the_ring_size_and_no_more),
		TEST(head_in_flight_may_not_come_again),
		TEST(all_heads_may_be_in_flight),
		TEST(indirect_tables_of_all_shapes),
		TEST(indirect_chain_is_bounded_by_the_queue_size),
		TEST(indirect_table_may_lie_anywhere_in_ram),
		TEST(each_field_is_fetched_once),
		TEST(endless_chains_cost_a_bounded_number_of_fetches),
		TEST(what_is_checked_is_what_was_fetched),
		TEST(used_entry_is_invisible_until_published),
		TEST(used_length_is_what_the_cursor_wrote),
		TEST(indices_wrap_at_65536),
		TEST(ring_of_one_entry_works),
		TEST(largest_ring_works),
		TEST(interrupt_flag_counts_without_event_idx_alone),
		TEST(used_event_asks_for_one_entry),
		TEST(suppression_uses_the_flag_without_event_idx),
		TEST(suppression_leaves_the_flag_alone_with_event_idx),
		TEST(wanting_a_notification_finds_what_came_meanwhile),
		TEST(index_that_races_with_the_wish_is_seen),
		TEST(unpopped_chains_come_again_in_the_same_order),
		TEST(unpop_works_over_the_index_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
