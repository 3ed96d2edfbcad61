/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over a split ring of more entries than 8 bits count, all of them in use. */
#include "support.h"

#include "virtqueue.h"

#define SIZE  1024u
#define RING  RAM_LOW
#define DATA  RAM_HIGH
#define TABLE (RAM_HIGH + 0x8000)

struct fixture {
	struct ram ram;
	struct ring ring;
	struct anvil_virtqueue vq;
	struct anvil_descriptor_segment segment[SIZE]; /* one each, or all of one chain */
	struct anvil_descriptor_chain chain[SIZE];
};

static void enable(struct fixture *f, bool in_order)
{
	ring_init(&f->ring, &f->ram, RING, SIZE);
	anvil_virtqueue_reset(&f->vq);
	f->vq.size = SIZE;
	f->vq.desc_area = f->ring.desc;
	f->vq.driver_area = f->ring.avail;
	f->vq.device_area = f->ring.used;
	assert_int_equal(anvil_virtqueue_enable(
				 &f->vq, (struct anvil_virtqueue_features){ .indirect = true,
									    .in_order = in_order }),
			 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	ram_init(&f->ram);
	assert_int_equal(anvil_virtqueue_init(&f->vq, &f->ram.memory, SIZE, false), 0);
	enable(f, false);
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

/* ---- chains in flight ---- */

static uint16_t head_of(unsigned int turn)
{
	return (uint16_t)(SIZE - 1 - turn);
}

/* All heads there are, the highest first. */
static void take_all(struct fixture *f)
{
	for (unsigned int i = 0; i < SIZE; i++) {
		ring_desc(&f->ring, head_of(i), DATA, 1, 0, 0);
		ring_offer(&f->ring, head_of(i));
	}
	for (unsigned int i = 0; i < SIZE; i++) {
		anvil_descriptor_chain_init(&f->chain[i], &f->ram.memory, &f->segment[i], 1);
		assert_int_equal(anvil_virtqueue_pop(&f->vq, &f->chain[i]), 1);
		assert_int_equal(f->chain[i].head, head_of(i));
		assert_int_equal(f->vq.in_flight, i + 1);
	}
}

static void all_heads_are_in_flight_at_once(void **state)
{
	struct fixture *f = *state;

	take_all(f);
	for (unsigned int odd = 0; odd < 2; odd++) {
		for (unsigned int i = odd; i < SIZE; i += 2)
			anvil_virtqueue_fill(&f->vq, &f->chain[i]);
	}
	assert_int_equal(f->vq.in_flight, 0);
	assert_true(anvil_virtqueue_publish(&f->vq));
	for (unsigned int odd = 0; odd < 2; odd++) {
		for (unsigned int i = odd; i < SIZE; i += 2)
			ring_expect(&f->ring, head_of(i), 0);
	}
	ring_expect_none(&f->ring);
}

/* Heads of which the lower 6 or 8 bits are alike are not the same. */
static void head_in_flight_is_refused_and_no_other(void **state)
{
	static const uint16_t apart[] = { 64, 256, 512 };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
		struct anvil_descriptor_chain *c = f->chain;

		enable(f, false);
		for (uint16_t k = 0; k < 2; k++) {
			ring_desc(&f->ring, (uint16_t)(5 + k * apart[i]), DATA, 1, 0, 0);
			ring_offer(&f->ring, (uint16_t)(5 + k * apart[i]));
			anvil_descriptor_chain_init(&c[k], &f->ram.memory, &f->segment[k], 1);
			assert_int_equal(anvil_virtqueue_pop(&f->vq, &c[k]), 1);
		}
		ring_offer(&f->ring, (uint16_t)(5 + apart[i]));
		anvil_descriptor_chain_init(&c[2], &f->ram.memory, &f->segment[2], 1);
		assert_int_equal(anvil_virtqueue_pop(&f->vq, &c[2]), -EPROTO);
	}
}

static void in_order_all_wait_for_the_first_one(void **state)
{
	struct fixture *f = *state;

	enable(f, true);
	take_all(f);
	for (unsigned int i = SIZE - 1; i > 0; i--)
		anvil_virtqueue_fill(&f->vq, &f->chain[i]);
	assert_false(anvil_virtqueue_publish(&f->vq));
	ring_expect_none(&f->ring);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
	assert_true(anvil_virtqueue_publish(&f->vq));
	for (unsigned int i = 0; i < SIZE; i++)
		ring_expect(&f->ring, head_of(i), 0);
	ring_expect_none(&f->ring);
}

/* ---- chains as long as the queue ---- */

#define READABLE 700u

/* Each of one byte; table entry `i` is byte `i`. */
static void put_long_chain(struct fixture *f, uint64_t table)
{
	for (unsigned int i = 0; i < SIZE; i++)
		ram_desc(&f->ram, table + 16u * i, DATA + i, 1,
			 (uint16_t)((i + 1 < SIZE ? NEXT : 0) | (i < READABLE ? 0 : WRITABLE)),
			 (uint16_t)(i + 1));
}

static void expect_long_chain(struct fixture *f)
{
	struct anvil_descriptor_chain *c = f->chain;
	uint8_t bytes[SIZE];

	for (unsigned int i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	ram_put(&f->ram, DATA, bytes, sizeof(bytes));
	anvil_descriptor_chain_init(c, &f->ram.memory, f->segment, SIZE);
	assert_int_equal(anvil_virtqueue_pop(&f->vq, c), 1);
	assert_int_equal(c->count, SIZE);
	assert_int_equal(c->readable, READABLE);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(anvil_descriptor_chain_read(c, bytes, READABLE), 0);
	for (unsigned int i = 0; i < READABLE; i++)
		assert_int_equal(bytes[i], (uint8_t)(i * 7 + i / 256));
	memset(bytes, 0x5a, sizeof(bytes));
	assert_int_equal(anvil_descriptor_chain_write(c, bytes, SIZE - READABLE), 0);
	for (unsigned int i = 0; i < SIZE; i++)
		assert_int_equal(ram_get8(&f->ram, DATA + i),
				 i < READABLE ? (uint8_t)(i * 7 + i / 256) : 0x5a);
	anvil_virtqueue_fill(&f->vq, c);
	assert_true(anvil_virtqueue_publish(&f->vq));
}

static void chain_may_be_as_long_as_the_queue(void **state)
{
	struct fixture *f = *state;

	put_long_chain(f, f->ring.desc);
	ring_offer(&f->ring, 0);
	expect_long_chain(f);
	ring_expect(&f->ring, 0, SIZE - READABLE);
}

static void table_may_be_as_long_as_the_queue(void **state)
{
	struct fixture *f = *state;

	put_long_chain(f, TABLE);
	ring_desc(&f->ring, SIZE - 1, TABLE, 16u * SIZE, INDIRECT, 0);
	ring_offer(&f->ring, SIZE - 1);
	expect_long_chain(f);
	ring_expect(&f->ring, SIZE - 1, SIZE - READABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(all_heads_are_in_flight_at_once),
		TEST(head_in_flight_is_refused_and_no_other),
		TEST(in_order_all_wait_for_the_first_one),
		TEST(chain_may_be_as_long_as_the_queue),
		TEST(table_may_be_as_long_as_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
