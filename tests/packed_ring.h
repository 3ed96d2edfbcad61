/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtqueue over a packed ring, and what a driver does to it: for test_virtqueue_packed_*.c.
 */
#ifndef TESTS_PACKED_RING_H
#define TESTS_PACKED_RING_H

#include "support.h"

#include <endian.h>

#include "virtqueue.h"

#define LIMIT  16u /* of the device's queue; rings of any size up to it */
#define RING   RAM_LOW
#define DRIVER (RAM_LOW + 0x1000)
#define DEVICE (RAM_LOW + 0x2000)
#define DATA   RAM_HIGH

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

static inline uint64_t entry(uint16_t place)
{
	return RING + 16ull * (place & PVIRTQ_PLACE_OFFSET);
}

static inline uint16_t on(const struct fixture *f, uint16_t place)
{
	bool last = (place & PVIRTQ_PLACE_OFFSET) + 1u == f->vq.size;

	return last ? (~place & WRAP) : (uint16_t)(place + 1);
}

static inline uint16_t available_flags(uint16_t place)
{
	return place & WRAP ? AVAIL : USED;
}

static inline int enable(struct fixture *f, uint32_t size, struct anvil_virtqueue_features accepted)
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

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	ram_init(&f->ram);
	assert_int_equal(anvil_virtqueue_init(&f->vq, &f->ram.memory, LIMIT, true), 0);
	assert_int_equal(enable(f, 5, PACKED(.indirect = true)), 0);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_virtqueue_destroy(&f->vq);
	ram_destroy(&f->ram);
	free(f);
	return 0;
}

static inline void put_desc(struct fixture *f, uint64_t at, uint64_t gpa, uint32_t len, uint16_t id,
			    uint16_t flags)
{
	struct pvirtq_desc d = { htole64(gpa), htole32(len), htole16(id), htole16(flags) };

	ram_put(&f->ram, at, &d, sizeof(d));
}

/* One descriptor where the driver stands, available. */
static inline void offer_desc(struct fixture *f, uint64_t gpa, uint32_t len, uint16_t id,
			      uint16_t flags)
{
	put_desc(f, entry(f->next), gpa, len, id, flags | available_flags(f->next));
	f->next = on(f, f->next);
}

/* A buffer of `count` readable bytes, one an entry. */
static inline void offer_list(struct fixture *f, unsigned int count, uint16_t id)
{
	for (unsigned int i = 1; i <= count; i++)
		offer_desc(f, DATA + i, 1, id, i < count ? NEXT : 0);
}

static inline int pop_number(struct fixture *f, unsigned int n)
{
	anvil_descriptor_chain_init(&f->chain[n], &f->ram.memory, f->storage[n], LIMIT);
	return anvil_virtqueue_pop(&f->vq, &f->chain[n]);
}

static inline int pop(struct fixture *f)
{
	return pop_number(f, 0);
}

static inline void pop_and_push(struct fixture *f)
{
	assert_int_equal(pop(f), 1);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
}

/* The next used descriptor is this one; the driver passes over `entries`. */
static inline void expect_used(struct fixture *f, uint16_t id, uint32_t len, bool wrote,
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

static inline void expect_nothing_used(struct fixture *f)
{
	uint16_t flags = ram_get16(&f->ram, entry(f->used) + 14);

	assert_false(!(flags & AVAIL) == !(flags & USED) && !(flags & USED) == !(f->used & WRAP));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
