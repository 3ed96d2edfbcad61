/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_blk.h: discard and write zeroes, requests of several ranges (5.2.6). */
#include "array_size.h"
#include "blk_fixture.h"

static const struct {
	const char *what;
	uint32_t count;
	struct virtio_blk_range range[RANGES + 1];
	uint8_t discard;
	uint8_t zero;
} range_lists[] = {
	{ "one sector", 1, { { 0, 1, 0 } }, OK, OK },
	{ "unmap", 1, { { 0, 1, 1 } }, UNSUPP, OK },
	{ "unknown flag", 1, { { 0, 1, 2 } }, UNSUPP, UNSUPP },
	{ "top flag", 1, { { 0, 1, 0x80000000 } }, UNSUPP, UNSUPP },
	{ "unmap and unknown", 1, { { 0, 1, 3 } }, UNSUPP, UNSUPP },
	{ "unknown in the second", 2, { { 0, 1, 0 }, { 0, 1, 4 } }, UNSUPP, UNSUPP },
	{ "unknown after a bad range", 2, { { UINT64_MAX, 1, 0 }, { 0, 1, 4 } }, UNSUPP, UNSUPP },
	{ "no sectors", 1, { { 0, 0, 0 } }, IOERR, IOERR },
	{ "most sectors", 1, { { 0, RANGE, 0 } }, OK, OK },
	{ "a sector too many", 1, { { 0, RANGE + 1, 0 } }, IOERR, IOERR },
	{ "2^32 - 1 sectors", 1, { { 0, UINT32_MAX, 0 } }, IOERR, IOERR },
	{ "to the end", 1, { { TEST_DISK_SECTORS - RANGE, RANGE, 0 } }, OK, OK },
	{ "over the end", 1, { { TEST_DISK_SECTORS - RANGE + 1, RANGE, 0 } }, IOERR, IOERR },
	{ "past the end", 1, { { TEST_DISK_SECTORS, 1, 0 } }, IOERR, IOERR },
	{ "wraps", 1, { { UINT64_MAX, 2, 0 } }, IOERR, IOERR },
	{ "second one bad", 2, { { 0, 1, 0 }, { TEST_DISK_SECTORS, 1, 0 } }, IOERR, IOERR },
	{ "most ranges", RANGES, { { 0, 1, 0 }, { 1, 2, 0 }, { 9, 3, 0 }, { 9, 3, 0 } }, OK, OK },
	{ "a range too many",
	  RANGES + 1,
	  { { 0, 1, 0 }, { 1, 2, 0 }, { 9, 3, 0 }, { 9, 3, 0 }, { 0, 1, 0 } },
	  IOERR,
	  IOERR },
	{ "none", 0, { { 0, 0, 0 } }, IOERR, IOERR },
};

static void ranges_get_their_status(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(range_lists); i++) {
		for (unsigned int zero = 0; zero < 2; zero++) {
			uint8_t expected = zero ? range_lists[i].zero : range_lists[i].discard;
			struct request r = ranges(zero ? T_ZERO : T_DISC, range_lists[i].range,
						  range_lists[i].count);

			f->disk.logs = 0;

			uint8_t status = perform(f, &r, 1);

			if (status != expected)
				fail_msg("%s, %u: status %u", range_lists[i].what, zero, status);
			assert_int_equal(f->disk.logs, expected == OK ? range_lists[i].count : 0);
			for (unsigned int n = 0; n < f->disk.logs; n++) {
				const struct anvil_disk_request *log = &f->disk.log[n];

				assert_int_equal(log->op, zero ? ANVIL_DISK_WRITE_ZEROES
							       : ANVIL_DISK_DISCARD);
				assert_int_equal(log->sector, range_lists[i].range[n].sector);
				assert_int_equal(log->sectors, range_lists[i].range[n].num_sectors);
				assert_int_equal(log->unmap, range_lists[i].range[n].flags & 1);
			}
		}
	}
}

static void ranges_of_wrong_length_are_io_errors(void **state)
{
	struct fixture *f = *state;

	for (uint32_t len = 0; len <= 16 * RANGES + 17; len++) {
		uint8_t data[16 * RANGES + 17] = { 0 };
		struct request r = { T_DISC, 0, .data = data, .out_len = len, .in_len = 1 };

		for (uint32_t i = 8; i < sizeof(data); i += 16)
			data[i] = 1; /* num_sectors */
		assert_int_equal(perform(f, &r, 1),
				 len && len % 16 == 0 && len <= 16 * RANGES ? OK : IOERR);
		r.in_len = 2;
		assert_int_equal(perform(f, &r, 0), IOERR);
	}
}

static void unmap_does_not_stick_to_the_slot(void **state)
{
	static const struct virtio_blk_range range[] = { { 0, 1, 1 }, { 0, 1, 0 } };
	struct fixture *f = *state;
	struct request r = ranges(T_ZERO, range, 2);

	assert_int_equal(perform(f, &r, 1), OK);
	r = ranges(T_DISC, range + 1, 1);
	assert_int_equal(perform(f, &r, 1), OK);
	assert_true(f->disk.log[0].unmap);
	assert_false(f->disk.log[1].unmap);
	assert_false(f->disk.log[2].unmap);
}

static void refused_request_leaves_nothing_behind_in_its_slot(void **state)
{
	static const struct virtio_blk_range bad = { 0, 0, 0 };
	struct fixture *f = *state;
	struct request discard = ranges(T_DISC, &bad, 1);
	struct request read = { T_IN, 3, .in_len = 513 };

	guest_drive(&f->guest, features(VIRTIO_BLK_F_DISCARD, -1), 1, QUEUE); /* write-through */
	assert_int_equal(perform(f, &discard, 1), IOERR);
	assert_int_equal(perform(f, &read, 513), OK);
	assert_int_equal(f->disk.logs, 1); /* no flush, no range */
	assert_int_equal(f->disk.log[0].op, ANVIL_DISK_READ);
	assert_int_equal(f->disk.log[0].sector, 3);
}

static void requests_larger_than_the_disk_are_refused(void **state)
{
	static const struct virtio_blk_range two = { 0, 2, 0 }, one = { 0, 1, 0 };
	struct fixture *f = *state;

	for (uint64_t capacity = 0; capacity < 3; capacity++) {
		struct request r[] = { { T_IN, 0, .in_len = 1025 },
				       { T_OUT, 0, .out_len = 1024, .in_len = 1 },
				       ranges(T_DISC, &two, 1),
				       ranges(T_ZERO, &two, 1),
				       ranges(T_ZERO, &one, 1) };

		f->disk.disk.capacity = capacity;
		for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
			bool fits = capacity >= (i == 4 ? 1 : 2);

			assert_int_equal(perform(f, &r[i], fits || i ? r[i].in_len : 0),
					 fits ? OK : IOERR);
		}
	}
}

/* The disk shrinks while a request of several ranges is on its way (5.2.6.2, capacity). */
static void later_ranges_are_held_against_the_capacity_of_their_time(void **state)
{
	static const struct virtio_blk_range range[] = { { 0, 1, 0 }, { LAST, 1, 0 } };
	struct fixture *f = *state;
	struct request r = ranges(T_DISC, range, 2);

	f->disk.defer = true;
	offer(f, &r);
	guest_notify(&f->guest, 0);
	f->disk.disk.capacity = LAST;
	anvil_blk_resized(&f->blk);
	test_disk_finish(&f->disk, 0, 0);
	assert_int_equal(f->disk.logs, 1);
	ring_expect(&f->guest.ring[0], 0, 1);
	assert_int_equal(status_of(f, &r), IOERR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranges_get_their_status),
		TEST(ranges_of_wrong_length_are_io_errors),
		TEST(unmap_does_not_stick_to_the_slot),
		TEST(refused_request_leaves_nothing_behind_in_its_slot),
		TEST(requests_larger_than_the_disk_are_refused),
		TEST(later_ranges_are_held_against_the_capacity_of_their_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
