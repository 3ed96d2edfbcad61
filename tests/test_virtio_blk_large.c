/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_blk.h: disks of more sectors, and of more bytes, than 32 bits count (5.2.4, 5.2.6). */
#include "array_size.h"
#include "blk_fixture.h"

static const uint64_t capacities[] = {
	(1ull << 23) + TEST_DISK_SECTORS,			/* 4 GiB and more */
	(1ull << 32) + TEST_DISK_SECTORS,			/* 2 TiB and more */
	(1ull << 40) + 3, UINT64_MAX / ANVIL_DISK_SECTOR_BYTES, /* the most */
};

/* The last sectors alone have a place. */
static void make_large(struct fixture *f, uint64_t capacity)
{
	f->disk.disk.capacity = capacity;
	f->disk.first = capacity - TEST_DISK_SECTORS;
	f->disk.logs = 0;
	recreate(f);
	guest_drive(&f->guest, usual(), 1, QUEUE);
}

static void capacity_has_64_bits(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(capacities); i++) {
		make_large(f, capacities[i]);
		assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG), (uint32_t)capacities[i]);
		assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG + 4), capacities[i] >> 32);
	}
}

static void sectors_have_64_bits(void **state)
{
	struct fixture *f = *state;
	uint8_t data[2 * ANVIL_DISK_SECTOR_BYTES];

	memset(data, 0x5a, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(capacities); i++) {
		uint64_t at = capacities[i] - 2;
		struct request write = { T_OUT, at, .data = data, .out_len = sizeof(data),
					 .in_len = 1 };
		struct request read = { T_IN, at, .in_len = sizeof(data) + 1 };

		make_large(f, capacities[i]);
		memset(f->disk.data + (TEST_DISK_SECTORS - 2) * ANVIL_DISK_SECTOR_BYTES, 0,
		       sizeof(data));
		assert_int_equal(perform(f, &write, 1), OK);
		assert_int_equal(f->disk.log[0].sector, at);
		assert_memory_equal(disk_at(f, TEST_DISK_SECTORS - 2), data, sizeof(data));
		assert_int_equal(perform(f, &read, sizeof(data) + 1), OK);
		assert_int_equal(f->disk.log[1].sector, at);
	}
}

static void requests_over_the_end_are_refused(void **state)
{
	static const uint64_t behind[] = { 0, 1, 1ull << 31, 1ull << 32, 1ull << 54 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(capacities); i++) {
		struct request over = { T_IN, capacities[i] - 1, .in_len = 1025 };

		make_large(f, capacities[i]);
		assert_int_equal(perform(f, &over, 0), IOERR);
		for (size_t k = 0; k < ARRAY_SIZE(behind); k++) {
			struct request past = { T_IN, capacities[i] + behind[k], .in_len = 513 };

			assert_int_equal(perform(f, &past, 0), IOERR);
		}
		assert_int_equal(f->disk.logs, 0);
	}
}

static void ranges_have_64_bits(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(capacities); i++) {
		const struct virtio_blk_range last = { capacities[i] - RANGE, RANGE, 0 };
		const struct virtio_blk_range over = { capacities[i] - RANGE + 1, RANGE, 0 };
		struct request zero = ranges(T_ZERO, &last, 1);
		struct request discard = ranges(T_DISC, &last, 1);
		struct request too_far = ranges(T_ZERO, &over, 1);

		make_large(f, capacities[i]);
		assert_int_equal(perform(f, &zero, 1), OK);
		assert_int_equal(perform(f, &discard, 1), OK);
		for (unsigned int n = 0; n < 2; n++) {
			assert_int_equal(f->disk.log[n].sector, last.sector);
			assert_int_equal(f->disk.log[n].sectors, RANGE);
		}
		assert_int_equal(perform(f, &too_far, 1), IOERR);
		assert_int_equal(f->disk.logs, 2);
	}
}

static void a_disk_grows_over_32_bits(void **state)
{
	struct fixture *f = *state;
	struct request read = { T_IN, 1ull << 32, .in_len = 513 };

	f->disk.disk.capacity = 1ull << 32;
	anvil_blk_resized(&f->blk);
	(void)guest_take_interrupts(&f->guest);
	assert_int_equal(perform(f, &read, 0), IOERR);
	f->disk.disk.capacity++;
	f->disk.first = 1ull << 32;
	anvil_blk_resized(&f->blk);
	(void)guest_take_interrupts(&f->guest);
	assert_int_equal(perform(f, &read, 513), OK);
	assert_int_equal(f->disk.log[0].sector, 1ull << 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(capacity_has_64_bits),
		TEST(sectors_have_64_bits),
		TEST(requests_over_the_end_are_refused),
		TEST(ranges_have_64_bits),
		TEST(a_disk_grows_over_32_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
