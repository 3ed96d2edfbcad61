/* SPDX-License-Identifier: BSD-3-Clause */
/* zoned_disk.h: in front of a disk that takes its time, fails, and is asked to give up (5.2.6). */
#include "support.h"

#include "zoned_disk.h"

#define ZONE 8u

struct fixture {
	struct test_disk below;
	struct zoned_disk zoned;
};

struct job {
	struct disk_request request; /* first */
	uint8_t data[4 * DISK_SECTOR_BYTES];
	unsigned int dones;
	int result;
};

static const struct zoned_disk_options options = {
	.zoning = { DISK_HOST_MANAGED, ZONE, 0, 0, 4, 512 },
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	test_disk_init(&f->below);
	assert_int_equal(zoned_disk_init(&f->zoned, &f->below.disk, &options), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	zoned_disk_destroy(&f->zoned);
	test_disk_destroy(&f->below);
	free(f);
	return 0;
}

static void done(struct disk_request *request, int result)
{
	struct job *job = (struct job *)(void *)request;

	job->dones++;
	job->result = result;
}

static void begin(struct fixture *f, struct job *job, enum disk_op op, uint64_t sector,
		  uint64_t sectors)
{
	memset(job, 0, sizeof(*job));
	memset(job->data, 0x11 * ((int)op + 1), sizeof(job->data));
	job->request = (struct disk_request){
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

static void init_judges_its_options(void **state)
{
	struct fixture *f = *state;
	struct zoned_disk z;

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct zoned_disk_options o = options;                                             \
		change;                                                                            \
		assert_int_equal(zoned_disk_init(&z, &f->below.disk, &o), -EINVAL);                \
	} while (0)
	REFUSED(o.zoning.zone_sectors = 0);
	REFUSED(o.zoning.write_granularity = 0);
	REFUSED(o.zoning.write_granularity = 513);
	REFUSED(o.zoning.write_granularity = 1536);
	REFUSED(o.zone_capacity = ZONE + 1);
	REFUSED(o.zoning.model = DISK_HOST_AWARE; o.zoning.open_max = 1);
	REFUSED(o.zoning.model = DISK_HOST_AWARE; o.zoning.active_max = 1);
	assert_int_equal(zoned_disk_init(&z, &f->zoned.disk, &options), -EINVAL);
}

/* A driver need not wait for a write before it makes the next one (5.2.6: the pointer is moved). */
static void writes_follow_each_other_without_waiting(void **state)
{
	struct fixture *f = *state;
	struct job job[3];

	f->below.defer = true;
	begin(f, &job[0], DISK_WRITE, ZONE, 2);
	begin(f, &job[1], DISK_ZONE_APPEND, ZONE, 1);
	begin(f, &job[2], DISK_WRITE, ZONE + 3, 1);
	assert_int_equal(f->below.pendings, 3);
	assert_int_equal(f->below.log[1].op, DISK_WRITE);
	assert_int_equal(f->below.log[1].sector, ZONE + 2);
	for (unsigned int i = 3; i-- > 0;)
		test_disk_finish(&f->below, i, 0);
	for (unsigned int i = 0; i < 3; i++)
		expect(&job[i], 0);
	assert_int_equal(job[1].request.op, DISK_ZONE_APPEND);
	assert_int_equal(job[1].request.sector, ZONE + 2);
}

static void failure_below_is_passed_on(void **state)
{
	struct fixture *f = *state;
	struct job job;

	f->below.result = -EIO;
	begin(f, &job, DISK_ZONE_APPEND, ZONE, 1);
	expect(&job, -EIO);
	begin(f, &job, DISK_READ, ZONE, 1);
	expect(&job, -EIO);
	begin(f, &job, DISK_FLUSH, 0, 0);
	expect(&job, -EIO);
	f->below.result = 0;
	begin(f, &job, DISK_WRITE, ZONE, 1); /* the pointer has moved */
	expect(&job, DISK_ZONE_ERROR_UNALIGNED);
}

static void cancel_goes_below(void **state)
{
	struct fixture *f = *state;
	struct job job;
	static const enum disk_op op[] = { DISK_ZONE_APPEND, DISK_READ, DISK_WRITE };

	f->below.defer = true;
	f->below.cancel_finishes = true;
	for (size_t i = 0; i < COUNT(op); i++) {
		begin(f, &job, op[i], (i + 1) * ZONE, 1);
		f->zoned.disk.ops->cancel(&f->zoned.disk, &job.request);
		assert_int_equal(f->below.cancels, i + 1);
		expect(&job, -ECANCELED);
	}
}

static void refusals_do_not_reach_the_disk_below(void **state)
{
	struct fixture *f = *state;
	struct job job;

	begin(f, &job, DISK_WRITE, ZONE + 1, 1);
	expect(&job, DISK_ZONE_ERROR_UNALIGNED);
	begin(f, &job, DISK_READ, ZONE - 1, 2);
	expect(&job, DISK_ZONE_ERROR_INVALID);
	begin(f, &job, DISK_ZONE_OPEN, ZONE, 0);
	expect(&job, 0);
	begin(f, &job, DISK_ZONE_RESET_ALL, 0, 0);
	expect(&job, 0);
	assert_int_equal(f->below.logs, 0);
}

/* 5.2.6.2: the last zone may be smaller; one that has failed does not come back */
static void last_zone_and_failed_ones(void **state)
{
	struct fixture *f = *state;
	struct disk_zone zone[3];
	struct job job;
	struct zoned_disk z;

	f->below.disk.capacity = 2 * ZONE + 3;
	assert_int_equal(zoned_disk_init(&z, &f->below.disk, &options), 0);
	memset(&job, 0, sizeof(job));
	zoned_disk_fail_zone(&z, 3, DISK_ZONE_OFFLINE);
	zoned_disk_fail_zone(&z, 1, DISK_ZONE_EMPTY);
	zoned_disk_fail_zone(&z, 0, DISK_ZONE_READ_ONLY);
	zoned_disk_fail_zone(&z, 0, DISK_ZONE_OFFLINE);
	zoned_disk_fail_zone(&z, 0, DISK_ZONE_READ_ONLY);
	job.request = (struct disk_request){
		.op = DISK_ZONE_REPORT, .zone = zone, .zones = 3, .done = done
	};
	z.disk.ops->submit(&z.disk, &job.request);
	expect(&job, 0);
	assert_int_equal(job.request.zones, 3);
	assert_int_equal(zone[0].state, DISK_ZONE_OFFLINE);
	assert_int_equal(zone[1].state, DISK_ZONE_EMPTY);
	assert_int_equal(zone[2].capacity, 3);
	assert_int_equal(zone[2].start, 2 * ZONE);
	zoned_disk_destroy(&z);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(init_judges_its_options),
		TEST(writes_follow_each_other_without_waiting),
		TEST(failure_below_is_passed_on),
		TEST(cancel_goes_below),
		TEST(refusals_do_not_reach_the_disk_below),
		TEST(last_zone_and_failed_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
