/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtqueue over a split ring, and what a driver does to it: for test_virtqueue_split_*.c.
 */
#ifndef TESTS_SPLIT_RING_H
#define TESTS_SPLIT_RING_H

#include "support.h"

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

static inline int enable(struct fixture *f, uint16_t size, bool indirect, bool event_idx)
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

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	ram_init(&f->ram);
	assert_int_equal(anvil_virtqueue_init(&f->vq, &f->ram.memory, LIMIT, false), 0);
	assert_int_equal(enable(f, SIZE, true, false), 0);
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

static inline int pop_into(struct fixture *f, struct anvil_descriptor_chain *chain,
			   struct anvil_descriptor_segment *storage)
{
	anvil_descriptor_chain_init(chain, &f->ram.memory, storage, LIMIT);
	return anvil_virtqueue_pop(&f->vq, chain);
}

static inline int pop(struct fixture *f)
{
	return pop_into(f, &f->chain, f->storage);
}

/* A chain of one readable byte under this head, made available. */
static inline void offer_byte(struct fixture *f, uint16_t head)
{
	ring_desc(&f->ring, head, DATA, 1, 0, 0);
	ring_offer(&f->ring, head);
}

static inline void set_avail_idx(struct fixture *f, uint16_t idx)
{
	ram_put16(&f->ram, f->ring.avail + 2, idx);
}

struct desc {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

static inline uint16_t avail_event(struct fixture *f)
{
	return ram_get16(&f->ram, f->ring.used + 4 + 8 * SIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
