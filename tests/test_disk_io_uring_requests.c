/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_io_uring.h on the real kernel: what each request does.
 */
#include "disk_io_uring_rig.h"

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO  (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)

static int write_zeroes(struct fixture *f, uint64_t sector, uint64_t sectors, bool unmap)
{
	struct job job = { .request = { .op = ANVIL_DISK_WRITE_ZEROES,
					.sector = sector,
					.sectors = sectors,
					.unmap = unmap,
					.done = done } };

	f->uring.disk.ops->submit(&f->uring.disk, &job.request);
	wait_for(f, &job);
	return job.result;
}

static void expect_content(struct fixture *f)
{
	static uint8_t got[BYTES + 1];
	int fd = open(f->path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got)), BYTES);
	assert_int_equal(close(fd), 0);
	assert_memory_equal(got, f->content, BYTES);
}

static void sectors_are_read_and_written_in_place(void **state)
{
	static const uint64_t sector[] = { 0, 1, 150, SECTORS - 3 };
	struct fixture *f = opened(state);
	uint8_t data[3 * ANVIL_DISK_SECTOR_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(sector); i++) {
		uint8_t *place = f->content + sector[i] * ANVIL_DISK_SECTOR_BYTES;

		assert_int_equal(carry_out(f, ANVIL_DISK_READ, sector[i], 3, data), 0);
		assert_memory_equal(data, place, sizeof(data));
		memset(data, (int)(0x80 + i), sizeof(data));
		memset(place, (int)(0x80 + i), sizeof(data));
		assert_int_equal(carry_out(f, ANVIL_DISK_WRITE, sector[i], 3, data), 0);
		expect_content(f);
	}
	assert_int_equal(carry_out(f, ANVIL_DISK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(host.syncs, 1);
}

static void expect_last_sector_in_place(void **state, uint64_t bytes)
{
	const uint64_t last = bytes / ANVIL_DISK_SECTOR_BYTES - 1;
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];
	uint8_t back[ANVIL_DISK_SECTOR_BYTES];

	close_uring(f);
	assert_int_equal(truncate(f->path, (off_t)bytes), 0);
	assert_int_equal(open_uring(f, false, DEPTH), 0);
	f->open = true;
	assert_int_equal(f->uring.disk.capacity, last + 1);
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(carry_out(f, ANVIL_DISK_WRITE, last, 1, data), 0);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, last, 1, back), 0);
	assert_memory_equal(back, data, sizeof(data));
	assert_int_equal(write_zeroes(f, last, 1, true), 0);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, last, 1, back), 0);
	memset(data, 0, sizeof(data));
	assert_memory_equal(back, data, sizeof(data));
	assert_int_equal(truncate(f->path, BYTES), 0);
	expect_content(f); /* none of it went to where the content is */
}

static void offsets_of_more_than_32_bits_are_meant(void **state)
{
	expect_last_sector_in_place(state, (4ull << 30) + BYTES);
}

static void sectors_of_more_than_32_bits_are_meant(void **state)
{
	expect_last_sector_in_place(state, (2ull << 40) + BYTES);
}

/* Of which neither the first byte's place nor the length fits into 32 bits. */
static void ranges_of_more_than_4_gib_end_where_they_end(void **state)
{
	const uint64_t from = (4ull << 30) / ANVIL_DISK_SECTOR_BYTES + 7;
	const uint64_t sectors = (5ull << 30) / ANVIL_DISK_SECTOR_BYTES + 8;
	const uint64_t mark[] = { from - 1, from, from + sectors - 1, from + sectors };
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];
	uint8_t back[ANVIL_DISK_SECTOR_BYTES];

	close_uring(f);
	assert_int_equal(truncate(f->path, (off_t)(10ull << 30)), 0);
	assert_int_equal(open_uring(f, false, DEPTH), 0);
	f->open = true;
	memset(data, 0x5a, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(mark); i++)
		assert_int_equal(carry_out(f, ANVIL_DISK_WRITE, mark[i], 1, data), 0);
	assert_int_equal(write_zeroes(f, from, sectors, true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(mark); i++) {
		memset(data, i == 0 || i == 3 ? 0x5a : 0, sizeof(data));
		assert_int_equal(carry_out(f, ANVIL_DISK_READ, mark[i], 1, back), 0);
		assert_memory_equal(back, data, sizeof(data));
	}
	assert_int_equal(truncate(f->path, BYTES), 0);
	expect_content(f);
}

static void short_transfers_are_continued(void **state)
{
	static const unsigned int most[] = { 1, 511, 512, 1000 };
	struct fixture *f = opened(state);
	uint8_t data[2 * ANVIL_DISK_SECTOR_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(most); i++) {
		host.most = most[i];
		host.transfers = 0;
		assert_int_equal(carry_out(f, ANVIL_DISK_READ, 5, 2, data), 0);
		assert_int_equal(host.transfers, (sizeof(data) + most[i] - 1) / most[i]);
		assert_memory_equal(data, f->content + 5 * 512, sizeof(data));
		memset(data, (int)i, sizeof(data));
		memset(f->content + 7 * 512, (int)i, sizeof(data));
		assert_int_equal(carry_out(f, ANVIL_DISK_WRITE, 7, 2, data), 0);
		expect_content(f);
	}
}

static void file_that_shrank_is_an_error_not_a_short_read(void **state)
{
	struct fixture *f = opened(state);
	uint8_t data[2 * ANVIL_DISK_SECTOR_BYTES];

	assert_int_equal(truncate(f->path, BYTES - 512), 0);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, SECTORS - 2, 2, data), -EIO);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, SECTORS - 1, 1, data), -EIO);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, SECTORS - 2, 1, data), 0);
}

static void errors_of_the_system_end_the_request(void **state)
{
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES] = { 0 };

	host.no_file = 2;
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), -EBADF);
	assert_int_equal(carry_out(f, ANVIL_DISK_WRITE, 0, 1, data), -EBADF);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), 0);
	expect_content(f);
}

static void discard_punches_a_hole_or_does_nothing(void **state)
{
	struct fixture *f = opened(state);

	assert_int_equal(carry_out(f, ANVIL_DISK_DISCARD, 10, 20, NULL), 0);
	assert_int_equal(host.allocates, 1);
	assert_int_equal(host.modes[0], PUNCH);
	memset(f->content + 10 * 512, 0, 20 * 512);
	expect_content(f); /* the size included */

	host.unsupported = FALLOC_FL_PUNCH_HOLE;
	assert_int_equal(carry_out(f, ANVIL_DISK_DISCARD, 100, 20, NULL), 0);
	expect_content(f);
}

/* 5.2.6.2: zeroes there must be, however; storage is given back if `unmap` only */
static void zeroes_are_written_whatever_the_file_system_can(void **state)
{
	static const struct {
		bool unmap;
		int unsupported;
		unsigned int modes[2];
	} t[] = {
		{ false, 0, { ZERO, 0 } },
		{ false, FALLOC_FL_ZERO_RANGE, { ZERO, 0 } },
		{ true, 0, { PUNCH, 0 } },
		{ true, FALLOC_FL_PUNCH_HOLE, { PUNCH, ZERO } },
		{ true, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE, { PUNCH, ZERO } },
	};
	/* to both sides of the piece that is written at once, 128 sectors */
	static const uint32_t sectors[] = { 1, 127, 128, 129, 257, SECTORS - 1 };
	struct fixture *f = opened(state);

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		for (size_t s = 0; s < ARRAY_SIZE(sectors); s++) {
			memset(f->content, (int)(i + 1), BYTES);
			make_file(f);
			memset(host.modes, 0, sizeof(host.modes));
			host.allocates = 0;
			host.unsupported = t[i].unsupported;
			assert_int_equal(write_zeroes(f, 1, sectors[s], t[i].unmap), 0);
			assert_memory_equal(host.modes, t[i].modes, sizeof(t[i].modes));
			memset(f->content + 512, 0, sectors[s] * 512);
			expect_content(f);
		}
	}
}

/* 5.2: so they are not offered; and asked for all the same, they do nothing. */
static void erasure_and_zones_are_not_there(void **state)
{
	struct fixture *f = opened(state);

	assert_false(f->uring.disk.secure_erase);
	assert_null(f->uring.disk.lifetime);
	assert_null(f->uring.disk.zoning);
	for (int op = ANVIL_DISK_SECURE_ERASE; op <= ANVIL_DISK_ZONE_RESET_ALL; op++) {
		struct job job = { .dones = 0 };

		begin(f, &job, (enum anvil_disk_op)op, 0, 1, NULL);
		assert_int_equal(job.dones, 1); /* inside submit */
		assert_int_equal(job.result, -EOPNOTSUPP);
	}
	assert_int_equal(host.transfers + host.allocates + host.syncs, 0);
	expect_content(f);
}

static void read_only_image_is_never_changed(void **state)
{
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES] = { 0 };
	static const enum anvil_disk_op op[] = { ANVIL_DISK_WRITE, ANVIL_DISK_DISCARD,
						 ANVIL_DISK_WRITE_ZEROES, ANVIL_DISK_FLUSH };

	close_uring(f);
	assert_int_equal(open_uring(f, true, DEPTH), 0);
	f->open = true;
	for (size_t i = 0; i < ARRAY_SIZE(op); i++) {
		struct job job = { .dones = 0 };

		begin(f, &job, op[i], 0, op[i] != ANVIL_DISK_FLUSH, data);
		assert_int_equal(job.dones, 1); /* inside submit */
		assert_int_equal(job.result, op[i] == ANVIL_DISK_FLUSH ? 0 : -EROFS);
	}
	assert_int_equal(host.transfers + host.allocates + host.syncs, 0);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), 0);
	assert_memory_equal(data, f->content, sizeof(data));
	expect_content(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_image, teardown_opened)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(sectors_are_read_and_written_in_place),
		TEST(offsets_of_more_than_32_bits_are_meant),
		TEST(sectors_of_more_than_32_bits_are_meant),
		TEST(ranges_of_more_than_4_gib_end_where_they_end),
		TEST(short_transfers_are_continued),
		TEST(file_that_shrank_is_an_error_not_a_short_read),
		TEST(errors_of_the_system_end_the_request),
		TEST(discard_punches_a_hole_or_does_nothing),
		TEST(zeroes_are_written_whatever_the_file_system_can),
		TEST(erasure_and_zones_are_not_there),
		TEST(read_only_image_is_never_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
