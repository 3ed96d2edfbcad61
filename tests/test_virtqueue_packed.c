/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over the packed ring (2.8): every way in which a guest can bend it. */
#include "support.h"

#include <endian.h>

#include "array_size.h"
#include "virtqueue.h"

#define LIMIT  16u /* of the device's queue; rings of any size up to it */
#define RING   RAM_LOW
#define DRIVER (RAM_LOW + 0x1000)
#define DEVICE (RAM_LOW + 0x2000)
#define DATA   RAM_HIGH
#define TABLE  (RAM_HIGH + 0x8000)

#define AVAIL VIRTQ_DESC_F_AVAIL
#define USED  VIRTQ_DESC_F_USED
#define WRAP  PVIRTQ_PLACE_WRAP

struct fixture {
	struct ram ram;
	struct anvil_virtqueue vq;
	struct anvil_descriptor_segment storage[LIMIT + 1][LIMIT];
	struct anvil_descriptor_chain chain[LIMIT + 1];
	/* the driver: where it puts the next descriptor, and finds the next used one */
	uint16_t next;
	uint16_t used;
};

#define PACKED(...) ((struct anvil_virtqueue_features){ .packed = true, __VA_ARGS__ })

static uint64_t entry(uint16_t place)
{
	return RING + 16ull * (place & PVIRTQ_PLACE_OFFSET);
}

static uint16_t on(const struct fixture *f, uint16_t place)
{
	bool last = (place & PVIRTQ_PLACE_OFFSET) + 1u == f->vq.size;

	return last ? (~place & WRAP) : (uint16_t)(place + 1);
}

static uint16_t available_flags(uint16_t place)
{
	return place & WRAP ? AVAIL : USED;
}

static int enable(struct fixture *f, uint32_t size, struct anvil_virtqueue_features accepted)
{
	ram_fill(&f->ram, RING, 0, 16 * LIMIT);
	ram_fill(&f->ram, DRIVER, 0, 4);
	ram_fill(&f->ram, DEVICE, 0, 4);
	anvil_virtqueue_reset(&f->vq);
	f->vq.size = size;
	f->vq.desc_area = RING;
	f->vq.driver_area = DRIVER;
	f->vq.device_area = DEVICE;
	f->next = WRAP;
	f->used = WRAP;
	return anvil_virtqueue_enable(&f->vq, accepted);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	ram_init(&f->ram);
	assert_int_equal(anvil_virtqueue_init(&f->vq, &f->ram.memory, LIMIT, true), 0);
	assert_int_equal(enable(f, 5, PACKED(.indirect = true)), 0);
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

static void put_desc(struct fixture *f, uint64_t at, uint64_t gpa, uint32_t len, uint16_t id,
		     uint16_t flags)
{
	struct pvirtq_desc d = { htole64(gpa), htole32(len), htole16(id), htole16(flags) };

	ram_put(&f->ram, at, &d, sizeof(d));
}

/* One descriptor where the driver stands, available. */
static void offer_desc(struct fixture *f, uint64_t gpa, uint32_t len, uint16_t id, uint16_t flags)
{
	put_desc(f, entry(f->next), gpa, len, id, flags | available_flags(f->next));
	f->next = on(f, f->next);
}

/* A buffer of `count` readable bytes, one an entry. */
static void offer_list(struct fixture *f, unsigned int count, uint16_t id)
{
	for (unsigned int i = 1; i <= count; i++)
		offer_desc(f, DATA + i, 1, id, i < count ? NEXT : 0);
}

static int pop_number(struct fixture *f, unsigned int n)
{
	anvil_descriptor_chain_init(&f->chain[n], &f->ram.memory, f->storage[n], LIMIT);
	return anvil_virtqueue_pop(&f->vq, &f->chain[n]);
}

static int pop(struct fixture *f)
{
	return pop_number(f, 0);
}

static void pop_and_push(struct fixture *f)
{
	assert_int_equal(pop(f), 1);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
}

/* The next used descriptor is this one; the driver passes over `entries`. */
static void expect_used(struct fixture *f, uint16_t id, uint32_t len, bool wrote,
			unsigned int entries)
{
	struct pvirtq_desc d;
	uint16_t flags = (f->used & WRAP ? AVAIL | USED : 0) | (wrote ? WRITABLE : 0);

	ram_get(&f->ram, entry(f->used), &d, sizeof(d));
	assert_int_equal(le16toh(d.id), id);
	assert_int_equal(le32toh(d.len), len);
	assert_int_equal(le16toh(d.flags), flags);
	while (entries--)
		f->used = on(f, f->used);
}

static void expect_nothing_used(struct fixture *f)
{
	uint16_t flags = ram_get16(&f->ram, entry(f->used) + 14);

	assert_false(!(flags & AVAIL) == !(flags & USED) && !(flags & USED) == !(f->used & WRAP));
}

/* ---- life cycle ---- */

/* 2.8.10.1: any size up to the device's limit */
static void enable_takes_any_size_up_to_the_limit(void **state)
{
	static const uint32_t bad[] = { 0,	LIMIT + 1, 2 * LIMIT, 0x8000,	 0x8001,
					0xffff, 0x10000,   0x10005,   0x80000005 };
	struct fixture *f = *state;

	for (uint32_t size = 1; size <= LIMIT; size++)
		assert_int_equal(enable(f, size, PACKED()), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(enable(f, bad[i], PACKED()), -EINVAL);
		assert_false(anvil_virtqueue_enabled(&f->vq));
	}
}

/* 2.8.10.1, the table: 16, 4, 4 */
static void enable_checks_alignment_and_place(void **state)
{
	static const uint64_t align[] = { 16, 4, 4 };
	static const uint64_t bytes[] = { 16 * 5, 4, 4 };
	struct fixture *f = *state;

	for (unsigned int area = 0; area < 3; area++) {
		uint64_t *const field[] = { &f->vq.desc_area, &f->vq.driver_area,
					    &f->vq.device_area };

		for (uint64_t off = 0; off < 32; off++) {
			int want = off % align[area] ? -EINVAL : 0;

			assert_int_equal(enable(f, 5, PACKED()), 0);
			anvil_virtqueue_reset(&f->vq);
			f->vq.size = 5;
			f->vq.desc_area = RING;
			f->vq.driver_area = DRIVER;
			f->vq.device_area = DEVICE;
			*field[area] = RING + 0x3000 + off;
			assert_int_equal(anvil_virtqueue_enable(&f->vq, PACKED()), want);
			anvil_virtqueue_reset(&f->vq);
			f->vq.size = 5;
			f->vq.desc_area = RING;
			f->vq.driver_area = DRIVER;
			f->vq.device_area = DEVICE;
			*field[area] = RAM_LOW_END - bytes[area] + off;
			if (!want && off)
				want = -EFAULT;
			assert_int_equal(anvil_virtqueue_enable(&f->vq, PACKED()), want);
		}
	}
}

/* 2.8.1: both counters begin at 1; a ring of zeroes has nothing available */
static void zeroed_ring_is_empty(void **state)
{
	struct fixture *f = *state;

	ram_watch(&f->ram);
	assert_int_equal(pop(f), 0);
	assert_int_equal(f->ram.fetches, 1);
	assert_int_equal(f->ram.stores, 0);
}

/* 2.8.1, 2.8.15.1: a descriptor is available when AVAIL is the lap's and USED is not */
static void availability_follows_the_wrap_counter(void **state)
{
	struct fixture *f = *state;

	for (unsigned int lap = 0; lap < 2; lap++) {
		for (unsigned int bits = 0; bits < 4; bits++) {
			uint16_t flags = (bits & 1 ? AVAIL : 0) | (bits & 2 ? USED : 0);

			assert_int_equal(enable(f, 3, PACKED()), 0);
			for (uint16_t i = 0; i < 3 * lap; i++) {
				offer_desc(f, DATA, 1, i % 3, 0);
				pop_and_push(f);
			}
			put_desc(f, entry(0), DATA, 1, 0, flags);
			assert_int_equal(pop(f), bits == (lap ? 2 : 1));
		}
	}
}

static void goes_round_many_times_at_every_size(void **state)
{
	struct fixture *f = *state;

	for (uint32_t size = 1; size <= LIMIT; size++) {
		assert_int_equal(enable(f, size, PACKED()), 0);
		for (unsigned int i = 0; i < 70; i++) {
			unsigned int count = 1 + i % size;
			uint16_t id = (uint16_t)(i * 7 % size);

			offer_list(f, count, id);
			assert_int_equal(pop(f), 1);
			assert_int_equal(f->chain[0].head, id);
			assert_int_equal(f->chain[0].count, count);
			assert_int_equal(pop_number(f, 1), 0);
			anvil_virtqueue_fill(&f->vq, &f->chain[0]);
			expect_nothing_used(f);
			assert_true(anvil_virtqueue_publish(&f->vq));
			expect_used(f, id, 0, false, count);
			expect_nothing_used(f);
		}
	}
}

/* ---- taking ---- */

/* 2.8.6: the id is in the last one; each is fetched once, flags of the first one on their own */
static void list_is_fetched_once(void **state)
{
	struct fixture *f = *state;

	offer_desc(f, DATA, 8, 99, NEXT);
	offer_desc(f, DATA + 8, 4, 99, NEXT | WRITABLE);
	offer_desc(f, DATA + 16, 2, 3, WRITABLE);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->ram.fetches, 4);
	assert_int_equal(f->chain[0].head, 3);
	assert_int_equal(f->chain[0].readable, 1);
	assert_int_equal(f->chain[0].count, 3);
	assert_int_equal(f->chain[0].readable_bytes, 8);
	assert_int_equal(f->chain[0].writable_bytes, 6);
	assert_int_equal(f->storage[0][2].gpa, DATA + 16);
}

/* 2.8: an id is 16 bits of the driver's choice, which it gets back */
static void any_id_comes_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 5, PACKED()), 0);
	for (uint32_t id = 0; id < PVIRTQ_IDS; id++) {
		struct pvirtq_desc used;
		uint64_t at = entry(f->next);

		offer_desc(f, DATA, 1, (uint16_t)id, 0);
		assert_int_equal(pop(f), 1);
		assert_int_equal(f->chain[0].head, id);
		anvil_virtqueue_fill(&f->vq, &f->chain[0]);
		assert_true(anvil_virtqueue_publish(&f->vq));
		ram_get(&f->ram, at, &used, sizeof(used));
		assert_int_equal(le16toh(used.id), id);
	}
}

/* Those of a queue that is reset in between may be had again, and no others. */
static void ids_in_flight_are_forgotten_with_the_queue(void **state)
{
	static const uint16_t id[] = { 0, 4, 5, 63, 64, 0x7fff, 0x8000, 0xffff };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(id); i++) {
		assert_int_equal(enable(f, 5, PACKED()), 0);
		offer_desc(f, DATA, 1, id[i], 0);
		offer_desc(f, DATA, 1, (uint16_t)(id[i] ^ 64), 0);
		offer_desc(f, DATA, 1, id[i], 0);
		assert_int_equal(pop(f), 1);
		assert_int_equal(pop_number(f, 1), 1);
		assert_int_equal(pop_number(f, 2), -EPROTO);
		anvil_virtqueue_reset(&f->vq);
		for (size_t word = 0; word < PVIRTQ_IDS / 64; word++)
			assert_int_equal(f->vq.held[word], 0);
	}
}

/* It has no bits for all ids. */
static void a_queue_not_made_for_it_gets_no_packed_ring(void **state)
{
	struct fixture *f = *state;

	anvil_virtqueue_destroy(&f->vq);
	assert_int_equal(anvil_virtqueue_init(&f->vq, &f->ram.memory, LIMIT, false), 0);
	assert_int_equal(enable(f, 5, PACKED()), -EINVAL);
	assert_false(anvil_virtqueue_enabled(&f->vq));
}

static void id_in_flight_breaks_the_ring(void **state)
{
	struct fixture *f = *state;

	offer_desc(f, DATA, 1, 4, 0);
	offer_desc(f, DATA, 1, 4, 0);
	assert_int_equal(pop(f), 1);
	assert_int_equal(pop_number(f, 1), -EPROTO);
	/* and not once it is used */
	assert_int_equal(enable(f, 5, PACKED()), 0);
	offer_desc(f, DATA, 1, 4, 0);
	pop_and_push(f);
	offer_desc(f, DATA, 1, 4, 0);
	assert_int_equal(pop(f), 1);
}

/* 2.8.17: the driver makes the first descriptor available after all others */
static void list_in_parts_breaks_the_ring(void **state)
{
	struct fixture *f = *state;

	offer_desc(f, DATA, 1, 0, NEXT);
	assert_int_equal(pop(f), -EPROTO);
	/* one with the other lap's flags is not there either */
	assert_int_equal(enable(f, 5, PACKED()), 0);
	offer_desc(f, DATA, 1, 0, NEXT);
	put_desc(f, entry(f->next), DATA, 1, 0, USED);
	assert_int_equal(pop(f), -EPROTO);
	put_desc(f, entry(f->next), DATA, 1, 0, USED | AVAIL);
	assert_int_equal(pop(f), -EPROTO);
}

static void list_longer_than_the_ring_breaks_it(void **state)
{
	struct fixture *f = *state;

	for (uint16_t i = 0; i < 5; i++)
		offer_desc(f, DATA, 1, 0, NEXT);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), -EPROTO);
	assert_true(f->ram.fetches <= 2 + 5);
}

/* The driver overwrites what it made available and did not get back. */
static void more_than_the_ring_holds_breaks_it(void **state)
{
	struct fixture *f = *state;

	for (uint16_t i = 0; i < 5; i++) {
		offer_desc(f, DATA, 1, i, 0);
		assert_int_equal(pop_number(f, i), 1);
	}
	assert_int_equal(pop_number(f, 5), 0);
	offer_desc(f, DATA, 1, 0, 0);
	assert_int_equal(pop_number(f, 5), -ELOOP);
	/* the same within a list */
	assert_int_equal(enable(f, 5, PACKED()), 0);
	offer_list(f, 3, 0);
	assert_int_equal(pop(f), 1);
	offer_list(f, 3, 1);
	assert_int_equal(pop_number(f, 1), -ELOOP);
}

/* ---- indirect tables (2.8.7) ---- */

static void table_is_one_chain_whatever_its_flags(void **state)
{
	struct fixture *f = *state;

	/* WRITE alone means anything in a table, and nothing on the descriptor that refers to it */
	put_desc(f, TABLE, DATA, 8, 0x7777, NEXT | INDIRECT);
	put_desc(f, TABLE + 16, DATA + 8, 4, 0xffff, WRITABLE | USED | AVAIL | 0x7f00);
	put_desc(f, TABLE + 32, DATA + 16, 2, 0, 0xffff);
	offer_desc(f, TABLE, 48, 2, INDIRECT | WRITABLE);
	ram_watch(&f->ram);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->ram.fetches, 5);
	assert_int_equal(f->chain[0].head, 2);
	assert_int_equal(f->chain[0].count, 3);
	assert_int_equal(f->chain[0].entries, 1);
	assert_int_equal(f->chain[0].readable_bytes, 8);
	assert_int_equal(f->chain[0].writable_bytes, 6);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 2, 0, false, 1);
}

static void bad_table_breaks_the_ring(void **state)
{
	struct fixture *f = *state;
	static const struct {
		uint64_t gpa;
		uint32_t len;
		uint16_t flags;
		int err;
	} bad[] = {
		{ TABLE, 0, INDIRECT, -EPROTO },
		{ TABLE, 15, INDIRECT, -EPROTO },
		{ TABLE, 33, INDIRECT, -EPROTO },
		{ TABLE, 16, INDIRECT | NEXT, -EPROTO },
		{ RAM_LOW_END - 16, 32, INDIRECT, -EFAULT },
		{ UINT64_MAX - 15, 32, INDIRECT, -EFAULT },
		{ TABLE, 0xfffffff0, INDIRECT, -EFAULT },
		{ TABLE, 16 * 6, INDIRECT, -ELOOP }, /* more than the queue has entries */
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(enable(f, 5, PACKED(.indirect = true)), 0);
		for (unsigned int k = 0; k < 6; k++)
			put_desc(f, TABLE + 16 * k, DATA, 1, 0, 0);
		offer_desc(f, bad[i].gpa, bad[i].len, 0, bad[i].flags);
		offer_desc(f, DATA, 1, 0, 0);
		assert_int_equal(pop(f), bad[i].err);
	}
	/* not negotiated (2.8.19) */
	assert_int_equal(enable(f, 5, PACKED()), 0);
	offer_desc(f, TABLE, 16, 0, INDIRECT);
	assert_int_equal(pop(f), -EPROTO);
	/* not at the end of a list */
	assert_int_equal(enable(f, 5, PACKED(.indirect = true)), 0);
	offer_desc(f, DATA, 1, 0, NEXT);
	offer_desc(f, TABLE, 16, 0, INDIRECT);
	assert_int_equal(pop(f), -EPROTO);
}

/* ---- giving back ---- */

/* 2.8.6: one used descriptor stands for a whole list, in the order of completion */
static void used_entries_come_in_the_order_of_completion(void **state)
{
	struct fixture *f = *state;

	offer_list(f, 2, 0);
	offer_desc(f, DATA, 7, 1, WRITABLE);
	offer_list(f, 2, 2);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pop_number(f, i), 1);
	assert_int_equal(anvil_descriptor_chain_write(&f->chain[1], "abc", 3), 0);
	anvil_virtqueue_fill(&f->vq, &f->chain[2]);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 2, 0, false, 2);
	expect_nothing_used(f);
	anvil_virtqueue_fill(&f->vq, &f->chain[1]);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
	expect_nothing_used(f);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 1, 3, true, 1);
	expect_used(f, 0, 0, false, 2);
	assert_int_equal(f->used, f->next);
}

/* 2.8.3: WRITE says whether anything was written, the length how much from the start */
static void write_flag_tells_of_a_lone_last_byte(void **state)
{
	struct fixture *f = *state;

	offer_desc(f, DATA, 7, 1, WRITABLE);
	assert_int_equal(pop(f), 1);
	assert_int_equal(anvil_descriptor_chain_write_last(&f->chain[0], 1), 0);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 1, 0, true, 1);
}

/* 2.8.9: the first entry of a batch is shown last */
static void first_entry_is_shown_last(void **state)
{
	struct fixture *f = *state;

	for (uint16_t i = 0; i < 3; i++) {
		offer_desc(f, DATA, 1, i, 0);
		pop_and_push(f);
	}
	assert_int_equal(ram_get16(&f->ram, entry(0) + 14), AVAIL);
	assert_int_equal(ram_get16(&f->ram, entry(1) + 14), AVAIL | USED);
	assert_int_equal(ram_get16(&f->ram, entry(2) + 14), AVAIL | USED);
	assert_true(anvil_virtqueue_publish(&f->vq));
	assert_int_equal(ram_get16(&f->ram, entry(0) + 14), AVAIL | USED);
	assert_false(anvil_virtqueue_publish(&f->vq)); /* nothing new */
}

static void unpop_is_as_if_never_taken(void **state)
{
	struct fixture *f = *state;

	for (unsigned int round = 0; round < 12; round++) {
		uint16_t place = f->vq.next_avail;

		offer_list(f, 3, 0);
		offer_list(f, 2, 1);
		assert_int_equal(pop_number(f, 0), 1);
		assert_int_equal(pop_number(f, 1), 1);
		anvil_virtqueue_unpop(&f->vq, &f->chain[1]);
		anvil_virtqueue_unpop(&f->vq, &f->chain[0]);
		assert_int_equal(f->vq.in_flight, 0);
		assert_int_equal(f->vq.next_avail, place);
		assert_int_equal(pop_number(f, 0), 1);
		assert_int_equal(f->chain[0].head, 0);
		assert_int_equal(pop_number(f, 1), 1);
		anvil_virtqueue_fill(&f->vq, &f->chain[1]);
		anvil_virtqueue_fill(&f->vq, &f->chain[0]);
		assert_true(anvil_virtqueue_publish(&f->vq));
		expect_used(f, 1, 0, false, 2);
		expect_used(f, 0, 0, false, 3);
		offer_desc(f, DATA, 1, 2, 0); /* so that rounds begin everywhere */
		pop_and_push(f);
		assert_true(anvil_virtqueue_publish(&f->vq));
		expect_used(f, 2, 0, false, 1);
	}
}

/* 2.8.16: a driver must not change what it made available */
static void what_went_back_must_stay_available(void **state)
{
	struct fixture *f = *state;

	offer_list(f, 2, 0);
	assert_int_equal(pop(f), 1);
	anvil_virtqueue_unpop(&f->vq, &f->chain[0]);
	put_desc(f, entry(WRAP), DATA, 1, 0, 0);
	assert_int_equal(pop(f), -EPROTO);
}

/* ---- whether the driver wants to hear of it (2.8.10) ---- */

static void driver_flags_are_obeyed(void **state)
{
	struct fixture *f = *state;

	for (uint32_t flags = 0; flags < 0x10000; flags += 1 + flags / 3) {
		assert_int_equal(enable(f, 5, PACKED()), 0);
		ram_put16(&f->ram, DRIVER + 2, (uint16_t)flags);
		offer_desc(f, DATA, 1, 0, 0);
		pop_and_push(f);
		/* only two bits of it mean anything; DESC is not valid without EVENT_IDX */
		assert_int_equal(anvil_virtqueue_publish(&f->vq),
				 (flags & 3) != RING_EVENT_FLAGS_DISABLE);
	}
}

/* Every place of two laps and beyond, against a step-by-step count. */
static void event_place_asks_for_one_entry(void **state)
{
	struct fixture *f = *state;

	for (uint32_t size = 1; size <= 5; size++) {
		for (unsigned int start = 0; start < 2 * size; start++) {
			for (uint32_t event = 0; event < 0x10000;
			     event += event % 0x8000 < 9 ? 1 : 97) {
				uint16_t count = (uint16_t)(1 + start % size);
				bool among = false;

				assert_int_equal(enable(f, size, PACKED(.event_idx = true)), 0);
				for (unsigned int i = 0; i < start; i++) {
					offer_desc(f, DATA, 1, 0, 0);
					pop_and_push(f);
					(void)!anvil_virtqueue_publish(&f->vq);
				}
				ram_put16(&f->ram, DRIVER, (uint16_t)event);
				ram_put16(&f->ram, DRIVER + 2, RING_EVENT_FLAGS_DESC);
				for (uint16_t i = 0; i < count; i++) {
					among |= f->next == event;
					offer_desc(f, DATA, 1, i, 0);
					pop_and_push(f);
				}
				assert_int_equal(anvil_virtqueue_publish(&f->vq), among);
			}
		}
	}
}

/* ---- whether we want to hear of it ---- */

static void device_flags_say_so_without_event_idx(void **state)
{
	struct fixture *f = *state;

	anvil_virtqueue_suppress_notification(&f->vq);
	assert_int_equal(ram_get16(&f->ram, DEVICE + 2), RING_EVENT_FLAGS_DISABLE);
	assert_false(anvil_virtqueue_want_notification(&f->vq));
	assert_int_equal(ram_get16(&f->ram, DEVICE + 2), RING_EVENT_FLAGS_ENABLE);
	assert_int_equal(ram_get16(&f->ram, DEVICE), 0);
	offer_desc(f, DATA, 1, 0, 0);
	assert_true(anvil_virtqueue_want_notification(&f->vq));
}

static void event_is_the_next_entry_not_seen_available(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 5, PACKED(.event_idx = true)), 0);
	for (unsigned int round = 0; round < 23; round++) {
		anvil_virtqueue_suppress_notification(&f->vq);
		assert_false(anvil_virtqueue_want_notification(&f->vq));
		assert_int_equal(ram_get16(&f->ram, DEVICE), f->next);
		assert_int_equal(ram_get16(&f->ram, DEVICE + 2), RING_EVENT_FLAGS_DESC);
		offer_list(f, 2, 0);
		assert_true(anvil_virtqueue_want_notification(&f->vq));
		/* given back: the driver will not make these available again */
		assert_int_equal(pop(f), 1);
		anvil_virtqueue_unpop(&f->vq, &f->chain[0]);
		assert_false(anvil_virtqueue_want_notification(&f->vq));
		assert_int_equal(ram_get16(&f->ram, DEVICE), f->next);
		pop_and_push(f);
		(void)!anvil_virtqueue_publish(&f->vq);
	}
}

/* ---- a racing guest ---- */

static void race(struct fixture *f, uint64_t at, uint64_t gpa, uint64_t value, uint32_t len)
{
	f->ram.race_at = at;
	f->ram.race_gpa = gpa;
	f->ram.race_value = value;
	f->ram.race_len = len;
	f->ram.race_after = 0;
}

/* What was checked is what is used: flags of the first one that change after their fetch. */
static void flags_are_not_read_again(void **state)
{
	struct fixture *f = *state;

	offer_desc(f, DATA, 4, 1, WRITABLE);
	ram_watch(&f->ram);
	race(f, entry(WRAP), entry(WRAP) + 14, NEXT | INDIRECT | AVAIL, 2);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain[0].writable_bytes, 4);
}

/* ---- in order (2.7.9, 2.8.8) ---- */

static void in_order_holds_back_what_is_early(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 5, PACKED(.in_order = true)), 0);
	for (unsigned int round = 0; round < 9; round++) {
		offer_list(f, 2, 3);
		offer_desc(f, DATA, 7, 1, WRITABLE);
		offer_list(f, 2, 0);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(pop_number(f, i), 1);
		assert_int_equal(anvil_descriptor_chain_write(&f->chain[1], "abc", 3), 0);
		ram_watch(&f->ram);
		anvil_virtqueue_fill(&f->vq, &f->chain[2]);
		assert_false(anvil_virtqueue_publish(&f->vq));
		anvil_virtqueue_fill(&f->vq, &f->chain[1]);
		assert_false(anvil_virtqueue_publish(&f->vq));
		assert_int_equal(f->ram.stores + f->ram.fetches, 0);
		expect_nothing_used(f);
		assert_int_equal(f->vq.in_flight, 3);
		anvil_virtqueue_fill(&f->vq, &f->chain[0]);
		assert_true(anvil_virtqueue_publish(&f->vq));
		expect_used(f, 3, 0, false, 2);
		expect_used(f, 1, 3, true, 1);
		expect_used(f, 0, 0, false, 2);
		assert_int_equal(f->vq.in_flight, 0);
	}
}

static void in_order_knows_what_went_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 5, PACKED(.in_order = true)), 0);
	for (uint16_t i = 0; i < 3; i++)
		offer_desc(f, DATA, 1, i, 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pop_number(f, i), 1);
	anvil_virtqueue_fill(&f->vq, &f->chain[1]);
	anvil_virtqueue_unpop(&f->vq, &f->chain[2]);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 0, 0, false, 1);
	expect_used(f, 1, 0, false, 1);
	expect_nothing_used(f);
	pop_and_push(f);
	assert_true(anvil_virtqueue_publish(&f->vq));
	expect_used(f, 2, 0, false, 1);
}

/* A head whose entry waits is still in flight. */
static void in_order_head_that_waits_is_in_flight(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 5, PACKED(.in_order = true)), 0);
	for (uint16_t i = 0; i < 2; i++) {
		offer_desc(f, DATA, 1, i, 0);
		assert_int_equal(pop_number(f, i), 1);
	}
	anvil_virtqueue_fill(&f->vq, &f->chain[1]);
	offer_desc(f, DATA, 1, 1, 0);
	assert_int_equal(pop_number(f, 2), -EPROTO);
}

/* ---- save and restore ---- */

/* Changes where it stands, and what it told, by what these say. */
static int save_and_restore(struct fixture *f, uint16_t damage, uint16_t told_damage)
{
	uint8_t image[64];
	struct anvil_state_writer w = { .bytes = image, .room = sizeof(image) };
	struct anvil_state_reader r = { .bytes = image };

	anvil_virtqueue_save(&f->vq, &w);
	assert_true(w.len <= w.room);
	image[w.len - 4] ^= (uint8_t)damage;
	image[w.len - 3] ^= (uint8_t)(damage >> 8);
	image[w.len - 2] ^= (uint8_t)told_damage;
	image[w.len - 1] ^= (uint8_t)(told_damage >> 8);
	r.left = w.len;
	anvil_virtqueue_reset(&f->vq);
	return anvil_virtqueue_restore(&f->vq, PACKED(.indirect = true), &r);
}

/* Wherever the queue stands, with either wrap counter */
static void restored_ring_goes_on_where_it_was(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 12; i++) {
		assert_int_equal(save_and_restore(f, 0, 0), 0);
		assert_int_equal(anvil_virtqueue_moved(&f->vq), f->next != WRAP);
		assert_int_equal(pop(f), 0);
		offer_list(f, 2, 1);
		pop_and_push(f);
		assert_true(anvil_virtqueue_publish(&f->vq));
		expect_used(f, 1, 0, false, 2);
		expect_nothing_used(f);
	}
}

static void restored_ring_has_its_place(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(save_and_restore(f, 4, 4), 0); /* the fifth of five */
	assert_int_equal(f->vq.next_avail, WRAP | 4);
	assert_int_equal(anvil_virtqueue_unnotified(&f->vq), 0);
	assert_int_equal(save_and_restore(f, 0, 4), 0); /* and was told of none of the first four */
	assert_int_equal(anvil_virtqueue_unnotified(&f->vq), 4);
	assert_int_equal(save_and_restore(f, 0, WRAP), -EINVAL); /* of none for more than a lap */
	assert_int_equal(enable(f, 5, PACKED()), 0);
	assert_int_equal(save_and_restore(f, 5, 5), -EINVAL);
	assert_false(anvil_virtqueue_enabled(&f->vq));
	for (uint16_t place = 5; place != 0; place = (uint16_t)(place << 1)) {
		assert_int_equal(enable(f, 5, PACKED()), 0);
		if (place != WRAP)
			assert_int_equal(save_and_restore(f, place, place), -EINVAL);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(enable_takes_any_size_up_to_the_limit),
		TEST(enable_checks_alignment_and_place),
		TEST(zeroed_ring_is_empty),
		TEST(availability_follows_the_wrap_counter),
		TEST(goes_round_many_times_at_every_size),
		TEST(list_is_fetched_once),
		TEST(any_id_comes_back),
		TEST(ids_in_flight_are_forgotten_with_the_queue),
		TEST(a_queue_not_made_for_it_gets_no_packed_ring),
		TEST(id_in_flight_breaks_the_ring),
		TEST(list_in_parts_breaks_the_ring),
		TEST(list_longer_than_the_ring_breaks_it),
		TEST(more_than_the_ring_holds_breaks_it),
		TEST(table_is_one_chain_whatever_its_flags),
		TEST(bad_table_breaks_the_ring),
		TEST(used_entries_come_in_the_order_of_completion),
		TEST(write_flag_tells_of_a_lone_last_byte),
		TEST(first_entry_is_shown_last),
		TEST(unpop_is_as_if_never_taken),
		TEST(what_went_back_must_stay_available),
		TEST(driver_flags_are_obeyed),
		TEST(event_place_asks_for_one_entry),
		TEST(device_flags_say_so_without_event_idx),
		TEST(event_is_the_next_entry_not_seen_available),
		TEST(flags_are_not_read_again),
		TEST(in_order_holds_back_what_is_early),
		TEST(in_order_knows_what_went_back),
		TEST(in_order_head_that_waits_is_in_flight),
		TEST(restored_ring_goes_on_where_it_was),
		TEST(restored_ring_has_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
