/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_file.h: every request on a real file, and what the system may answer.
 */
#include "disk_file_rig.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "disk_image.h"

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO  (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)

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
	struct fixture *f = *state;
	uint8_t data[3 * ANVIL_DISK_SECTOR_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(sector); i++) {
		uint8_t *place = f->content + sector[i] * ANVIL_DISK_SECTOR_BYTES;

		assert_int_equal(submit(f, ANVIL_DISK_READ, sector[i], 3, data, false), 0);
		assert_memory_equal(data, place, sizeof(data));
		memset(data, (int)(0x80 + i), sizeof(data));
		memset(place, (int)(0x80 + i), sizeof(data));
		assert_int_equal(submit(f, ANVIL_DISK_WRITE, sector[i], 3, data, false), 0);
		expect_content(f);
	}
	assert_int_equal(submit(f, ANVIL_DISK_FLUSH, 0, 0, NULL, false), 0);
	assert_int_equal(host.syncs, 1);
}

static void short_and_interrupted_transfers_are_continued(void **state)
{
	static const size_t most[] = { 1, 511, 512, 1000 };
	struct fixture *f = *state;
	uint8_t data[2 * ANVIL_DISK_SECTOR_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(most); i++) {
		host.most = most[i];
		host.interrupt = 3;
		assert_int_equal(submit(f, ANVIL_DISK_READ, 5, 2, data, false), 0);
		assert_memory_equal(data, f->content + 5 * 512, sizeof(data));
		memset(data, (int)i, sizeof(data));
		memset(f->content + 7 * 512, (int)i, sizeof(data));
		host.interrupt = 3;
		assert_int_equal(submit(f, ANVIL_DISK_WRITE, 7, 2, data, false), 0);
		expect_content(f);
		host.interrupt = 2;
		assert_int_equal(submit(f, ANVIL_DISK_FLUSH, 0, 0, NULL, false), 0);
		host.interrupt = 2;
		assert_int_equal(submit(f, ANVIL_DISK_DISCARD, 0, 1, NULL, false), 0);
		memset(f->content, 0, 512); /* a hole reads as zeroes */
		expect_content(f);
		assert_int_equal(host.interrupt, 0);
		host.allocates = 0;
	}
}

static void interruptions_without_end_are_an_error(void **state)
{
	static const enum anvil_disk_op op[] = { ANVIL_DISK_READ, ANVIL_DISK_WRITE,
						 ANVIL_DISK_FLUSH, ANVIL_DISK_DISCARD,
						 ANVIL_DISK_WRITE_ZEROES };
	struct fixture *f = *state;
	uint8_t data[ANVIL_DISK_SECTOR_BYTES] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(op); i++) {
		host.interrupt = 100000;
		host.calls = 0;
		assert_int_equal(submit(f, op[i], 0, op[i] != ANVIL_DISK_FLUSH, data, false), -EIO);
		assert_int_equal(host.calls, ANVIL_DISK_RETRIES_MAX + 1);
	}
	host.interrupt = 0;
	expect_content(f);
}

static void errors_of_the_system_end_the_request(void **state)
{
	static const enum anvil_disk_op op[] = { ANVIL_DISK_READ, ANVIL_DISK_WRITE,
						 ANVIL_DISK_FLUSH, ANVIL_DISK_DISCARD,
						 ANVIL_DISK_WRITE_ZEROES };
	static const int error[] = { EIO, ENOSPC, EDQUOT };
	struct fixture *f = *state;
	uint8_t data[ANVIL_DISK_SECTOR_BYTES] = { 0 };

	for (size_t e = 0; e < ARRAY_SIZE(error); e++) {
		for (size_t i = 0; i < ARRAY_SIZE(op); i++) {
			host.error = error[e];
			host.calls = 0;
			assert_int_equal(
				submit(f, op[i], 0, op[i] != ANVIL_DISK_FLUSH, data, false),
				-error[e]);
			assert_int_equal(host.calls, 1);
		}
	}
	host.error = 0;
	expect_content(f);
}

/* As an embedder does that ignores SIGXFSZ, in a process that may not write so far. */
static void limit_of_file_sizes_is_an_error_of_the_request(void **state)
{
	struct fixture *f = *state;
	uint8_t data[ANVIL_DISK_SECTOR_BYTES] = { 0 };
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit limit = { 8 * ANVIL_DISK_SECTOR_BYTES,
					      8 * ANVIL_DISK_SECTOR_BYTES };

		(void)signal(SIGXFSZ, SIG_IGN);
		_exit(setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
		      submit(f, ANVIL_DISK_WRITE, 7, 1, data, false) != 0 ||
		      submit(f, ANVIL_DISK_WRITE, 8, 1, data, false) != -EFBIG ||
		      submit(f, ANVIL_DISK_WRITE, SECTORS - 1, 1, data, false) != -EFBIG ||
		      submit(f, ANVIL_DISK_READ, SECTORS - 1, 1, data, false) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	memset(f->content + 7 * ANVIL_DISK_SECTOR_BYTES, 0, ANVIL_DISK_SECTOR_BYTES);
	expect_content(f);
}

static void expect_last_sector_in_place(struct fixture *f, uint64_t bytes)
{
	const uint64_t last = bytes / ANVIL_DISK_SECTOR_BYTES - 1;
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];
	uint8_t back[ANVIL_DISK_SECTOR_BYTES];

	anvil_disk_file_close(&f->file);
	assert_int_equal(truncate(f->path, (off_t)bytes), 0);
	assert_int_equal(open_file(f, false), 0);
	assert_int_equal(f->file.disk.capacity, last + 1);
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(submit(f, ANVIL_DISK_WRITE, last, 1, data, false), 0);
	assert_int_equal(submit(f, ANVIL_DISK_READ, last, 1, back, false), 0);
	assert_memory_equal(back, data, sizeof(data));
	assert_int_equal(submit(f, ANVIL_DISK_WRITE_ZEROES, last, 1, NULL, true), 0);
	assert_int_equal(submit(f, ANVIL_DISK_READ, last, 1, back, false), 0);
	memset(data, 0, sizeof(data));
	assert_memory_equal(back, data, sizeof(data));
	assert_int_equal(truncate(f->path, BYTES), 0);
	expect_content(f); /* none of it went to where the content is */
}

static void offsets_of_more_than_32_bits_are_meant(void **state)
{
	expect_last_sector_in_place(*state, (4ull << 30) + BYTES);
}

static void sectors_of_more_than_32_bits_are_meant(void **state)
{
	expect_last_sector_in_place(*state, (2ull << 40) + BYTES);
}

/* Of which neither the first byte's place nor the length fits into 32 bits. */
static void ranges_of_more_than_4_gib_end_where_they_end(void **state)
{
	const uint64_t from = (4ull << 30) / ANVIL_DISK_SECTOR_BYTES + 7;
	const uint64_t sectors = (5ull << 30) / ANVIL_DISK_SECTOR_BYTES + 8;
	const uint64_t mark[] = { from - 1, from, from + sectors - 1, from + sectors };
	struct fixture *f = *state;
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];
	uint8_t back[ANVIL_DISK_SECTOR_BYTES];

	anvil_disk_file_close(&f->file);
	assert_int_equal(truncate(f->path, (off_t)(10ull << 30)), 0);
	assert_int_equal(open_file(f, false), 0);
	memset(data, 0x5a, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(mark); i++)
		assert_int_equal(submit(f, ANVIL_DISK_WRITE, mark[i], 1, data, false), 0);
	assert_int_equal(submit(f, ANVIL_DISK_WRITE_ZEROES, from, sectors, NULL, true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(mark); i++) {
		memset(data, i == 0 || i == 3 ? 0x5a : 0, sizeof(data));
		assert_int_equal(submit(f, ANVIL_DISK_READ, mark[i], 1, back, false), 0);
		assert_memory_equal(back, data, sizeof(data));
	}
	assert_int_equal(truncate(f->path, BYTES), 0);
	expect_content(f);
}

static void file_that_shrank_is_an_error_not_a_short_read(void **state)
{
	struct fixture *f = *state;
	uint8_t data[2 * ANVIL_DISK_SECTOR_BYTES];

	assert_int_equal(truncate(f->path, BYTES - 512), 0);
	assert_int_equal(submit(f, ANVIL_DISK_READ, SECTORS - 2, 2, data, false), -EIO);
	assert_int_equal(submit(f, ANVIL_DISK_READ, SECTORS - 1, 1, data, false), -EIO);
	assert_int_equal(submit(f, ANVIL_DISK_READ, SECTORS - 2, 1, data, false), 0);
}

static void discard_punches_a_hole_or_does_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(submit(f, ANVIL_DISK_DISCARD, 10, 20, NULL, false), 0);
	assert_int_equal(host.allocates, 1);
	assert_int_equal(host.modes[0], PUNCH);
	memset(f->content + 10 * 512, 0, 20 * 512);
	expect_content(f); /* the size included */

	host.unsupported = FALLOC_FL_PUNCH_HOLE;
	assert_int_equal(submit(f, ANVIL_DISK_DISCARD, 100, 20, NULL, false), 0);
	expect_content(f);
}

/* 5.2.6.2: zeroes there must be, however; storage is given back if `unmap` only */
static void zeroes_are_written_whatever_the_file_system_can(void **state)
{
	static const struct {
		bool unmap;
		int unsupported;
		unsigned int allocates;
		int modes[2];
	} t[] = {
		{ false, 0, 1, { ZERO } },
		{ false, FALLOC_FL_ZERO_RANGE, 1, { ZERO } },
		{ false, FALLOC_FL_PUNCH_HOLE, 1, { ZERO } },
		{ true, 0, 1, { PUNCH } },
		{ true, FALLOC_FL_PUNCH_HOLE, 2, { PUNCH, ZERO } },
		{ true, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE, 2, { PUNCH, ZERO } },
	};
	/* to both sides of the piece that is written at once, 128 sectors */
	static const uint32_t sectors[] = { 1, 127, 128, 129, 257, SECTORS - 1 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		for (size_t s = 0; s < ARRAY_SIZE(sectors); s++) {
			memset(f->content, (int)(i + 1), BYTES);
			make_file(f, BYTES);
			host.allocates = 0;
			host.unsupported = t[i].unsupported;
			assert_int_equal(
				submit(f, ANVIL_DISK_WRITE_ZEROES, 1, sectors[s], NULL, t[i].unmap),
				0);
			assert_int_equal(host.allocates, t[i].allocates);
			for (unsigned int n = 0; n < t[i].allocates; n++)
				assert_int_equal(host.modes[n], t[i].modes[n]);
			memset(f->content + 512, 0, sectors[s] * 512);
			expect_content(f);
		}
	}
}

/* 5.2: so they are not offered; and asked for all the same, they do nothing. */
static void erasure_and_zones_are_not_there(void **state)
{
	struct fixture *f = *state;

	assert_false(f->file.disk.secure_erase);
	assert_null(f->file.disk.lifetime);
	assert_null(f->file.disk.zoning);
	for (int op = ANVIL_DISK_SECURE_ERASE; op <= ANVIL_DISK_ZONE_RESET_ALL; op++)
		assert_int_equal(submit(f, (enum anvil_disk_op)op, 0, 1, NULL, false), -EOPNOTSUPP);
	expect_content(f);
}

static void read_only_image_is_never_changed(void **state)
{
	struct fixture *f = *state;
	uint8_t data[ANVIL_DISK_SECTOR_BYTES] = { 0 };

	anvil_disk_file_close(&f->file);
	assert_int_equal(open_file(f, true), 0);
	host.calls = 0;
	assert_int_equal(submit(f, ANVIL_DISK_WRITE, 0, 1, data, false), -EROFS);
	assert_int_equal(submit(f, ANVIL_DISK_DISCARD, 0, 1, NULL, false), -EROFS);
	assert_int_equal(submit(f, ANVIL_DISK_WRITE_ZEROES, 0, 1, NULL, true), -EROFS);
	assert_int_equal(submit(f, ANVIL_DISK_FLUSH, 0, 0, NULL, false), 0);
	assert_int_equal(host.calls, 0);
	assert_int_equal(submit(f, ANVIL_DISK_READ, 0, 1, data, false), 0);
	assert_memory_equal(data, f->content, sizeof(data));
	expect_content(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(sectors_are_read_and_written_in_place),
		TEST(short_and_interrupted_transfers_are_continued),
		TEST(interruptions_without_end_are_an_error),
		TEST(errors_of_the_system_end_the_request),
		TEST(limit_of_file_sizes_is_an_error_of_the_request),
		TEST(offsets_of_more_than_32_bits_are_meant),
		TEST(sectors_of_more_than_32_bits_are_meant),
		TEST(ranges_of_more_than_4_gib_end_where_they_end),
		TEST(file_that_shrank_is_an_error_not_a_short_read),
		TEST(discard_punches_a_hole_or_does_nothing),
		TEST(zeroes_are_written_whatever_the_file_system_can),
		TEST(erasure_and_zones_are_not_there),
		TEST(read_only_image_is_never_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
