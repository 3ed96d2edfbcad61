/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h with indirect tables so long that few entries are left of their number in 16 bits. */
#include "support.h"

#include <endian.h>

#include "virtqueue.h"

#define SIZE   4u
#define BYTES  0x200000u
#define DRIVER 0x1000u
#define DEVICE 0x2000u
#define TABLE  0x3000u
#define DATA   0x180000u
#define LONG   (16u * 0x10001u)

struct fixture {
	uint8_t *host;
	struct anvil_guest_memory memory;
	struct anvil_virtqueue vq;
	struct anvil_descriptor_segment segment[SIZE];
	struct anvil_descriptor_chain chain;
};

static int setup_ring(void **state, bool packed)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->host = aligned_alloc(4096, BYTES);
	assert_non_null(f->host);
	memset(f->host, 0, BYTES);

	struct anvil_guest_memory_region region = { 0, BYTES, f->host };

	assert_int_equal(anvil_guest_memory_init(&f->memory, &region, 1), 0);
	assert_int_equal(anvil_virtqueue_init(&f->vq, &f->memory, SIZE, packed), 0);
	f->vq.size = SIZE;
	f->vq.desc_area = 0;
	f->vq.driver_area = DRIVER;
	f->vq.device_area = DEVICE;
	assert_int_equal(anvil_virtqueue_enable(
				 &f->vq, (struct anvil_virtqueue_features){ .indirect = true,
									    .packed = packed }),
			 0);
	anvil_descriptor_chain_init(&f->chain, &f->memory, f->segment, SIZE);
	*state = f;
	return 0;
}

static int split(void **state)
{
	return setup_ring(state, false);
}

static int packed(void **state)
{
	return setup_ring(state, true);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_virtqueue_destroy(&f->vq);
	free(f->host);
	free(f);
	return 0;
}

/* The first two entries lead to a byte each, and the driver offers the table. */
static void offer_split(struct fixture *f)
{
	struct virtq_desc entry[2] = {
		{ htole64(DATA), htole32(1), htole16(NEXT), htole16(1) },
		{ htole64(DATA + 1), htole32(1), 0, 0 },
	};
	struct virtq_desc table = { htole64(TABLE), htole32(LONG), htole16(INDIRECT), 0 };

	memcpy(f->host + TABLE, entry, sizeof(entry));
	memcpy(f->host, &table, sizeof(table));
	f->host[DRIVER + VIRTQ_AVAIL_IDX] = 1;
}

static void split_table_of_65537_entries_is_followed(void **state)
{
	struct fixture *f = *state;

	offer_split(f);
	assert_int_equal(anvil_virtqueue_pop(&f->vq, &f->chain), 1);
	assert_int_equal(f->chain.count, 2);
}

/* All entries of the table are the chain (2.8.7), which would be longer than the queue. */
static void packed_table_of_65537_entries_is_refused(void **state)
{
	struct fixture *f = *state;
	struct pvirtq_desc entry = { .addr = htole64(DATA), .len = htole32(1) };
	struct pvirtq_desc table = { .addr = htole64(TABLE),
				     .len = htole32(LONG),
				     .flags = htole16(INDIRECT | VIRTQ_DESC_F_AVAIL) };

	memcpy(f->host + TABLE, &entry, sizeof(entry));
	memcpy(f->host, &table, sizeof(table));
	assert_int_equal(anvil_virtqueue_pop(&f->vq, &f->chain), -ELOOP);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(split_table_of_65537_entries_is_followed, split,
						teardown),
		cmocka_unit_test_setup_teardown(packed_table_of_65537_entries_is_refused, packed,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
