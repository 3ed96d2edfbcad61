/* SPDX-License-Identifier: BSD-3-Clause */
/* zoned_disk.h: in front of a disk that takes its time, fails, and is asked to give up (5.2.6). */
#include "support.h"

#include "array_size.h"
#include "zoned_disk.h"

#define ZONE 8u

struct fixture {
	struct test_disk below;
	struct anvil_zoned_disk zoned;
};

struct job {
	struct anvil_disk_request request; /* first */
	uint8_t data[4 * ANVIL_DISK_SECTOR_BYTES];
	unsigned int dones;
	int result;
};

static const struct anvil_zoned_disk_options options = {
	.zoning = { ANVIL_DISK_HOST_MANAGED, ZONE, 0, 0, 4, 512 },
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	test_disk_init(&f->below);
	assert_int_equal(anvil_zoned_disk_init(&f->zoned, &f->below.disk, &options), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_zoned_disk_destroy(&f->zoned);
	test_disk_destroy(&f->below);
	free(f);
	return 0;
}

static void done(struct anvil_disk_request *request, int result)
{
	struct job *job = (struct job *)(void *)request;

	job->dones++;
	job->result = result;
}

static void begin(struct fixture *f, struct job *job, enum anvil_disk_op op, uint64_t sector,
		  uint64_t sectors)
{
	memset(job, 0, sizeof(*job));
	memset(job->data, 0x11 * ((int)op + 1), sizeof(job->data));
	job->request = (struct anvil_disk_request){
		.op = op, .sector = sector, .sectors = sectors, .data = job->data, .done = done
	};
	f->zoned.disk.ops->submit(&f->zoned.disk, &job->request);
}

static void expect(const struct job *job, int result)
{
	assert_int_equal(job->dones, 1);
	assert_int_equal(job->result, result);
	assert_ptr_equal(job->request.done, done);
}

static void init_checks_its_options(void **state)
{
	struct fixture *f = *state;
	struct anvil_zoned_disk z;

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct anvil_zoned_disk_options o = options;                                       \
		change;                                                                            \
		assert_int_equal(anvil_zoned_disk_init(&z, &f->below.disk, &o), -EINVAL);          \
	} while (0)
	REFUSED(o.zoning.zone_sectors = 0);
	REFUSED(o.zoning.write_granularity = 0);
	REFUSED(o.zoning.write_granularity = 513);
	REFUSED(o.zoning.write_granularity = 1536);
	REFUSED(o.zone_capacity = ZONE + 1);
	REFUSED(o.zoning.model = ANVIL_DISK_HOST_AWARE; o.zoning.open_max = 1);
	REFUSED(o.zoning.model = ANVIL_DISK_HOST_AWARE; o.zoning.active_max = 1);
	assert_int_equal(anvil_zoned_disk_init(&z, &f->zoned.disk, &options), -EINVAL);
}

/* A driver need not wait for a write before it makes the next one (5.2.6: the pointer is moved). */
static void writes_follow_each_other_without_waiting(void **state)
{
	struct fixture *f = *state;
	struct job job[3];

	f->below.defer = true;
	begin(f, &job[0], ANVIL_DISK_WRITE, ZONE, 2);
	begin(f, &job[1], ANVIL_DISK_ZONE_APPEND, ZONE, 1);
	begin(f, &job[2], ANVIL_DISK_WRITE, ZONE + 3, 1);
	assert_int_equal(f->below.pendings, 3);
	assert_int_equal(f->below.log[1].op, ANVIL_DISK_WRITE);
	assert_int_equal(f->below.log[1].sector, ZONE + 2);
	for (unsigned int i = 3; i-- > 0;)
		test_disk_finish(&f->below, i, 0);
	for (unsigned int i = 0; i < 3; i++)
		expect(&job[i], 0);
	assert_int_equal(job[1].request.op, ANVIL_DISK_ZONE_APPEND);
	assert_int_equal(job[1].request.sector, ZONE + 2);
}

static void failure_below_is_passed_on(void **state)
{
	struct fixture *f = *state;
	struct job job;

	begin(f, &job, ANVIL_DISK_WRITE, ZONE, 1);
	f->below.result = -EIO;
	begin(f, &job, ANVIL_DISK_ZONE_APPEND, ZONE, 1);
	expect(&job, -EIO);
	begin(f, &job, ANVIL_DISK_READ, ZONE, 1);
	expect(&job, -EIO);
	begin(f, &job, ANVIL_DISK_FLUSH, 0, 0);
	expect(&job, -EIO);
	f->below.result = 0;
	begin(f, &job, ANVIL_DISK_WRITE, ZONE + 2, 1); /* the pointer is where it was */
	expect(&job, ANVIL_DISK_ZONE_ERROR_UNALIGNED);
	begin(f, &job, ANVIL_DISK_WRITE, ZONE + 1, 1);
	expect(&job, 0);
}

/* Nothing may follow on a write that is not there; the zone is not full, and goes on from there. */
static void failed_write_takes_the_pointer_back(void **state)
{
	struct fixture *f = *state;
	struct job job[4];
	struct anvil_disk_zone zone;

	f->below.defer = true;
	begin(f, &job[0], ANVIL_DISK_WRITE, ZONE, 4);
	begin(f, &job[1], ANVIL_DISK_ZONE_APPEND, ZONE, 2);
	begin(f, &job[2], ANVIL_DISK_WRITE, ZONE + 6, 2);
	test_disk_finish(&f->below, 2, 0);
	test_disk_finish(&f->below, 1, -EIO);
	assert_int_equal(job[1].dones + job[2].dones, 0); /* not before the first one is */
	test_disk_finish(&f->below, 0, 0);
	expect(&job[0], 0);
	expect(&job[1], -EIO);
	expect(&job[2], -EIO);
	memset(&job[3], 0, sizeof(job[3]));
	job[3].request = (struct anvil_disk_request){ .op = ANVIL_DISK_ZONE_REPORT,
						      .sector = ZONE,
						      .zone = &zone,
						      .zones = 1,
						      .done = done };
	f->zoned.disk.ops->submit(&f->zoned.disk, &job[3].request);
	assert_int_equal(zone.pointer, ZONE + 4);
	assert_int_equal(zone.state, ANVIL_DISK_ZONE_OPEN_IMPLICITLY);
	begin(f, &job[3], ANVIL_DISK_WRITE, ZONE + 4, 4);
	assert_int_equal(f->below.pendings, 1);
	test_disk_finish(&f->below, 0, 0);
	expect(&job[3], 0);
}

/* A write to a zone that was emptied waits for the one before that, which lands first. */
static void write_waits_for_what_was_under_way_when_its_zone_was_emptied(void **state)
{
	struct fixture *f = *state;
	struct job job[3];

	f->below.defer = true;
	begin(f, &job[0], ANVIL_DISK_WRITE, ZONE, 1);
	begin(f, &job[1], ANVIL_DISK_ZONE_RESET, ZONE, 0);
	expect(&job[1], 0);
	begin(f, &job[2], ANVIL_DISK_WRITE, ZONE, 1);
	memset(job[2].data, 0xee, sizeof(job[2].data));
	assert_int_equal(f->below.pendings, 1);
	test_disk_finish(&f->below, 0, 0);
	expect(&job[0], -EIO);
	assert_int_equal(f->below.pendings, 1);
	test_disk_finish(&f->below, 0, 0);
	expect(&job[2], 0);
	assert_int_equal(f->below.data[ZONE * ANVIL_DISK_SECTOR_BYTES], 0xee);
}

static void cancel_goes_below(void **state)
{
	struct fixture *f = *state;
	struct job job;
	static const enum anvil_disk_op op[] = { ANVIL_DISK_ZONE_APPEND, ANVIL_DISK_READ,
						 ANVIL_DISK_WRITE };

	for (size_t i = 0; i < ARRAY_SIZE(op); i++) {
		f->below.defer = false;
		if (op[i] == ANVIL_DISK_READ)
			begin(f, &job, ANVIL_DISK_WRITE, (i + 1) * ZONE, 1);
		f->below.defer = true;
		f->below.cancel_finishes = true;
		begin(f, &job, op[i], (i + 1) * ZONE, 1);
		f->zoned.disk.ops->cancel(&f->zoned.disk, &job.request);
		assert_int_equal(f->below.cancels, i + 1);
		expect(&job, -ECANCELED);
	}
}

static void cancel_of_what_is_held_does_not_go_below(void **state)
{
	struct fixture *f = *state;
	struct job job[3];

	f->below.defer = true;
	begin(f, &job[0], ANVIL_DISK_WRITE, ZONE, 1);
	begin(f, &job[1], ANVIL_DISK_ZONE_RESET, ZONE, 0);
	begin(f, &job[2], ANVIL_DISK_WRITE, ZONE, 1);
	f->zoned.disk.ops->cancel(&f->zoned.disk, &job[2].request);
	expect(&job[2], -ECANCELED);
	assert_int_equal(f->below.cancels, 0);
	test_disk_finish(&f->below, 0, 0);
	assert_int_equal(f->below.logs, 1);
	begin(f, &job[2], ANVIL_DISK_WRITE, ZONE, 1); /* it has not moved the pointer */
	test_disk_finish(&f->below, 0, 0);
	expect(&job[2], 0);
}

/* Sectors in front of a write that did not begin at the pointer are not there (5.2.6.2). */
static void zone_written_anywhere_keeps_what_was_not_written(void **state)
{
	struct fixture *f = *state;
	struct anvil_zoned_disk_options o = options;
	struct anvil_zoned_disk z;
	struct job job;

	o.zoning.model = ANVIL_DISK_HOST_AWARE;
	assert_int_equal(anvil_zoned_disk_init(&z, &f->below.disk, &o), 0);
	memset(f->below.data, 0xa5, 2 * ZONE * ANVIL_DISK_SECTOR_BYTES);
	memset(&job, 0, sizeof(job));
	job.request = (struct anvil_disk_request){ .op = ANVIL_DISK_WRITE,
						   .sector = ZONE + 2,
						   .sectors = 1,
						   .data = job.data,
						   .done = done };
	memset(job.data, 0x11, ANVIL_DISK_SECTOR_BYTES);
	z.disk.ops->submit(&z.disk, &job.request);
	expect(&job, 0);
	memset(&job, 0, sizeof(job));
	memset(job.data, 0xff, sizeof(job.data));
	job.request = (struct anvil_disk_request){
		.op = ANVIL_DISK_READ, .sector = ZONE, .sectors = 4, .data = job.data, .done = done
	};
	z.disk.ops->submit(&z.disk, &job.request);
	expect(&job, 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(job.data[i * ANVIL_DISK_SECTOR_BYTES], i == 2 ? 0x11 : 0);
	anvil_zoned_disk_destroy(&z);
}

/* What was not written reads as zeroes, whatever is there, and is not asked for below. */
static void reads_below_are_of_what_was_written(void **state)
{
	struct fixture *f = *state;
	struct job job[3];

	memset(f->below.data, 0xa5, 2 * ZONE * ANVIL_DISK_SECTOR_BYTES);
	begin(f, &job[0], ANVIL_DISK_WRITE, 0, 2);
	expect(&job[0], 0);
	f->below.logs = 0;
	begin(f, &job[1], ANVIL_DISK_READ, 1, 3);
	expect(&job[1], 0);
	assert_int_equal(f->below.logs, 1);
	assert_int_equal(f->below.log[0].sector, 1);
	assert_int_equal(f->below.log[0].sectors, 1);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(job[1].data[i * ANVIL_DISK_SECTOR_BYTES],
				 i ? 0 : 0x11 * (ANVIL_DISK_WRITE + 1));
	begin(f, &job[2], ANVIL_DISK_READ, 2, 4); /* nothing of it was written */
	expect(&job[2], 0);
	assert_int_equal(f->below.logs, 1);
}

/* A discard that waits for a write of the same sector counts at once: what was there is not read.
 */
static void discard_that_waits_hides_what_it_discards(void **state)
{
	struct fixture *f = *state;
	struct anvil_zoned_disk_options o = options;
	struct anvil_zoned_disk z;
	struct job job[4];
	static const enum anvil_disk_op op[] = { ANVIL_DISK_WRITE, ANVIL_DISK_WRITE,
						 ANVIL_DISK_DISCARD, ANVIL_DISK_READ };

	o.zoning.model = ANVIL_DISK_HOST_AWARE;
	assert_int_equal(anvil_zoned_disk_init(&z, &f->below.disk, &o), 0);
	for (size_t i = 0; i < ARRAY_SIZE(op); i++) {
		f->below.defer = i > 0;
		memset(&job[i], 0, sizeof(job[i]));
		memset(job[i].data, 0x33, sizeof(job[i].data));
		job[i].request = (struct anvil_disk_request){
			.op = op[i], .sector = ZONE, .sectors = 1, .data = job[i].data, .done = done
		};
		z.disk.ops->submit(&z.disk, &job[i].request);
	}
	assert_int_equal(f->below.pendings, 1); /* the second write */
	expect(&job[3], 0);
	assert_int_equal(job[3].data[0], 0);
	test_disk_finish(&f->below, 0, 0);
	test_disk_finish(&f->below, 0, 0);
	expect(&job[1], 0);
	expect(&job[2], 0);
	anvil_zoned_disk_destroy(&z);
}

/* However many zones a disk has: who opens one more looks only at those that are open. */
static void zone_that_makes_room_is_the_first_one(void **state)
{
	struct fixture *f = *state;
	struct anvil_zoned_disk_options o = options;
	struct anvil_zoned_disk z;
	struct anvil_disk_zone zone[4];
	struct job job;

	o.zoning.open_max = 2;
	assert_int_equal(anvil_zoned_disk_init(&z, &f->below.disk, &o), 0);
	static const unsigned int order[] = { 3, 1, 2 };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		memset(&job, 0, sizeof(job));
		job.request = (struct anvil_disk_request){ .op = ANVIL_DISK_WRITE,
							   .sector = order[i] * ZONE,
							   .sectors = 1,
							   .data = job.data,
							   .done = done };
		z.disk.ops->submit(&z.disk, &job.request);
		expect(&job, 0);
	}
	memset(&job, 0, sizeof(job));
	job.request = (struct anvil_disk_request){
		.op = ANVIL_DISK_ZONE_REPORT, .zone = zone, .zones = 4, .done = done
	};
	z.disk.ops->submit(&z.disk, &job.request);
	assert_int_equal(zone[1].state, ANVIL_DISK_ZONE_CLOSED);
	assert_int_equal(zone[2].state, ANVIL_DISK_ZONE_OPEN_IMPLICITLY);
	assert_int_equal(zone[3].state, ANVIL_DISK_ZONE_OPEN_IMPLICITLY);
	anvil_zoned_disk_destroy(&z);
}

static void refusals_do_not_reach_the_disk_below(void **state)
{
	struct fixture *f = *state;
	struct job job;

	begin(f, &job, ANVIL_DISK_WRITE, ZONE + 1, 1);
	expect(&job, ANVIL_DISK_ZONE_ERROR_UNALIGNED);
	begin(f, &job, ANVIL_DISK_READ, ZONE - 1, 2);
	expect(&job, ANVIL_DISK_ZONE_ERROR_INVALID);
	begin(f, &job, ANVIL_DISK_ZONE_OPEN, ZONE, 0);
	expect(&job, 0);
	begin(f, &job, ANVIL_DISK_ZONE_RESET_ALL, 0, 0);
	expect(&job, 0);
	assert_int_equal(f->below.logs, 0);
}

/* 5.2.6.2: the last zone may be smaller; one that has failed does not come back */
static void last_zone_and_failed_ones(void **state)
{
	struct fixture *f = *state;
	struct anvil_disk_zone zone[3];
	struct job job;
	struct anvil_zoned_disk z;

	f->below.disk.capacity = 2 * ZONE + 3;
	assert_int_equal(anvil_zoned_disk_init(&z, &f->below.disk, &options), 0);
	memset(&job, 0, sizeof(job));
	anvil_zoned_disk_fail_zone(&z, 3, ANVIL_DISK_ZONE_OFFLINE);
	anvil_zoned_disk_fail_zone(&z, 1, ANVIL_DISK_ZONE_EMPTY);
	anvil_zoned_disk_fail_zone(&z, 0, ANVIL_DISK_ZONE_READ_ONLY);
	anvil_zoned_disk_fail_zone(&z, 0, ANVIL_DISK_ZONE_OFFLINE);
	anvil_zoned_disk_fail_zone(&z, 0, ANVIL_DISK_ZONE_READ_ONLY);
	job.request = (struct anvil_disk_request){
		.op = ANVIL_DISK_ZONE_REPORT, .zone = zone, .zones = 3, .done = done
	};
	z.disk.ops->submit(&z.disk, &job.request);
	expect(&job, 0);
	assert_int_equal(job.request.zones, 3);
	assert_int_equal(zone[0].state, ANVIL_DISK_ZONE_OFFLINE);
	assert_int_equal(zone[1].state, ANVIL_DISK_ZONE_EMPTY);
	assert_int_equal(zone[2].capacity, 3);
	assert_int_equal(zone[2].start, 2 * ZONE);
	anvil_zoned_disk_destroy(&z);
}

/* Of 2^30 sectors each: the fifth begins at 2^32. */
static void zones_of_large_disks(void **state)
{
	const struct anvil_zoned_disk_options large = {
		.zoning = { ANVIL_DISK_HOST_MANAGED, 1u << 30, 0, 0, 4, 512 },
	};
	const uint64_t start = 1ull << 32;
	struct fixture *f = *state;
	struct anvil_disk_zone zone[6];
	struct job job;

	anvil_zoned_disk_destroy(&f->zoned);
	f->below.disk.capacity = start + (1ull << 30) + TEST_DISK_SECTORS;
	f->below.first = start;
	assert_int_equal(anvil_zoned_disk_init(&f->zoned, &f->below.disk, &large), 0);
	begin(f, &job, ANVIL_DISK_WRITE, start, 2);
	expect(&job, 0);
	assert_int_equal(f->below.log[0].sector, start);
	begin(f, &job, ANVIL_DISK_ZONE_APPEND, start, 1);
	expect(&job, 0);
	assert_int_equal(job.request.sector, start + 2);
	assert_int_equal(f->below.log[1].sector, start + 2);
	assert_memory_equal(f->below.data + 2 * ANVIL_DISK_SECTOR_BYTES, job.data,
			    ANVIL_DISK_SECTOR_BYTES);
	begin(f, &job, ANVIL_DISK_READ, start + 2, 1);
	expect(&job, 0);
	assert_memory_equal(f->below.data + 2 * ANVIL_DISK_SECTOR_BYTES, job.data,
			    ANVIL_DISK_SECTOR_BYTES);
	begin(f, &job, ANVIL_DISK_READ, 2, 1); /* not what is 2^32 sectors on */
	expect(&job, 0);
	assert_int_equal(job.data[0], 0);
	memset(&job, 0, sizeof(job));
	job.request = (struct anvil_disk_request){
		.op = ANVIL_DISK_ZONE_REPORT, .zone = zone, .zones = 6, .done = done
	};
	f->zoned.disk.ops->submit(&f->zoned.disk, &job.request);
	assert_int_equal(job.request.zones, 6);
	assert_int_equal(zone[0].pointer, 0);
	assert_int_equal(zone[4].start, start);
	assert_int_equal(zone[4].pointer, start + 3);
	assert_int_equal(zone[5].start, start + (1ull << 30));
	assert_int_equal(zone[5].capacity, TEST_DISK_SECTORS);
	begin(f, &job, ANVIL_DISK_ZONE_RESET, start, 0);
	expect(&job, 0);
	begin(f, &job, ANVIL_DISK_WRITE, start, 1);
	expect(&job, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(init_checks_its_options),
		TEST(writes_follow_each_other_without_waiting),
		TEST(failure_below_is_passed_on),
		TEST(failed_write_takes_the_pointer_back),
		TEST(write_waits_for_what_was_under_way_when_its_zone_was_emptied),
		TEST(cancel_goes_below),
		TEST(cancel_of_what_is_held_does_not_go_below),
		TEST(zone_written_anywhere_keeps_what_was_not_written),
		TEST(reads_below_are_of_what_was_written),
		TEST(discard_that_waits_hides_what_it_discards),
		TEST(zone_that_makes_room_is_the_first_one),
		TEST(refusals_do_not_reach_the_disk_below),
		TEST(last_zone_and_failed_ones),
		TEST(zones_of_large_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
