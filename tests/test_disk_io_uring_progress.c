/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_io_uring.h: when requests get on: several at once, in bounded steps, put off, given up,
 * cancelled.
 */
#include "disk_io_uring_rig.h"

#include "disk_image.h"
#include "disk_range.h"

static void depth_requests_are_under_way_at_once(void **state)
{
	struct fixture *f = opened(state);
	struct job job[DEPTH] = { 0 };
	uint8_t data[DEPTH][ANVIL_DISK_SECTOR_BYTES];

	for (unsigned int round = 0; round < 100; round++) {
		memset(data, 0, sizeof(data));
		for (unsigned int i = 0; i < DEPTH; i++) {
			begin(f, &job[i], ANVIL_DISK_READ, round + i, 1, data[i]);
			assert_int_equal(job[i].dones, 0); /* not inside submit */
		}
		anvil_disk_io_uring_drain(&f->uring);
		for (unsigned int i = 0; i < DEPTH; i++) {
			assert_int_equal(job[i].dones, 1);
			assert_int_equal(job[i].result, 0);
			assert_memory_equal(data[i], f->content + (round + i) * 512, 512);
		}
	}
	anvil_disk_io_uring_drain(&f->uring); /* nothing left: does not wait */
}

/* One call of poll does not serve a guest that never stops. */
static void done_may_submit_and_poll_still_returns(void **state)
{
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];
	struct job job = { .again = f, .agains = 1000 };

	close_uring(f);
	assert_int_equal(open_uring(f, false, 1), 0); /* its slot is free again in done */
	f->open = true;
	begin(f, &job, ANVIL_DISK_READ, 0, 1, data);
	for (unsigned int before = 0; before < 1000; before = job.dones) {
		struct pollfd event = { .fd = f->uring.event_fd, .events = POLLIN };

		assert_int_equal(poll(&event, 1, 10000), 1);
		anvil_disk_io_uring_poll(&f->uring);
		assert_in_range(job.dones, before, before + 1);
	}
	anvil_disk_io_uring_drain(&f->uring);
	assert_int_equal(job.dones, 1001);
}

static void operations_that_the_kernel_does_not_take_are_offered_again(void **state)
{
	struct fixture *f = opened(state);
	struct job job[DEPTH] = { 0 };
	uint8_t data[DEPTH][ANVIL_DISK_SECTOR_BYTES];

	host.refuse = 3;
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 7, 1, data[0]), 0);
	assert_memory_equal(data[0], f->content + 7 * 512, 512);

	host.refuse = 3 * DEPTH;
	for (unsigned int i = 0; i < DEPTH; i++) {
		begin(f, &job[i], ANVIL_DISK_READ, i, 1, data[i]);
		f->uring.disk.ops->cancel(&f->uring.disk, &job[i].request);
	}
	host.refuse = 1;
	anvil_disk_io_uring_drain(&f->uring);
	for (unsigned int i = 0; i < DEPTH; i++)
		assert_int_equal(job[i].dones, 1);
}

/* Polls until it is done, at most so many times. An event may be of what poll has seen already. */
static void polls_until_done(struct fixture *f, const struct job *job, unsigned int most)
{
	struct pollfd event = { .fd = f->uring.event_fd, .events = POLLIN };
	unsigned int polls = 0;

	for (; !job->dones && polls < most; polls++) {
		assert_int_equal(poll(&event, 1, 10000), 1);
		anvil_disk_io_uring_poll(&f->uring);
	}
	assert_int_equal(job->dones, 1);
}

/* The caller's thread would spin for ever, and the guest hear nothing. */
static void kernel_that_takes_nothing_is_an_error_in_the_end(void **state)
{
	struct fixture *f = opened(state);
	struct job job[DEPTH] = { 0 };
	uint8_t data[DEPTH][ANVIL_DISK_SECTOR_BYTES];

	for (unsigned int round = 0; round < 3; round++) {
		host.refuse = 100000;
		for (unsigned int i = 0; i < DEPTH; i++)
			begin(f, &job[i], ANVIL_DISK_READ, i, 1, data[i]);
		f->uring.disk.ops->cancel(&f->uring.disk, &job[1].request);
		polls_until_done(f, &job[0], 3 * ANVIL_DISK_RETRIES_MAX);
		for (unsigned int i = 0; i < DEPTH; i++) {
			assert_int_equal(job[i].dones, 1);
			assert_int_equal(job[i].result, -EIO);
		}
		host.refuse = 0;
		host.transfers = 0;
		assert_int_equal(carry_out(f, ANVIL_DISK_READ, 7, 1, data[0]), 0);
		assert_int_equal(host.transfers, 1); /* none of those that were given up */
		assert_memory_equal(data[0], f->content + 7 * 512, 512);
	}
}

static void operation_put_off_for_ever_is_an_error_in_the_end(void **state)
{
	static const int answer[] = { -EAGAIN, -EINTR };
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(answer); i++) {
		struct job job = { .dones = 0 };

		host.result = answer[i];
		host.transfers = 0;
		begin(f, &job, ANVIL_DISK_READ, 0, 1, data);
		polls_until_done(f, &job, 3 * ANVIL_DISK_RETRIES_MAX);
		assert_int_equal(job.result, -EIO);
		assert_int_equal(host.transfers, ANVIL_DISK_RETRIES_MAX + 1);
	}
	host.result = 0;
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), 0);
}

static void request_that_lasts_is_cancelled(void **state)
{
	struct fixture *f = opened(state);
	struct job job[DEPTH] = { 0 };
	uint8_t data[DEPTH][ANVIL_DISK_SECTOR_BYTES];
	int pipe_fd[2];

	put_pipe(f, pipe_fd);
	for (unsigned int round = 0; round < 10; round++) {
		for (unsigned int i = 0; i < DEPTH; i++)
			begin(f, &job[i], ANVIL_DISK_READ, 0, 1, data[i]);
		anvil_disk_io_uring_poll(&f->uring);
		for (unsigned int i = 0; i < DEPTH; i++) {
			assert_int_equal(job[i].dones, 0);
			f->uring.disk.ops->cancel(&f->uring.disk, &job[i].request);
			f->uring.disk.ops->cancel(&f->uring.disk, &job[i].request);
		}
		for (unsigned int i = 0; i < DEPTH; i++) {
			wait_for(f, &job[i]);
			assert_int_equal(job[i].result, -ECANCELED);
		}
	}
	assert_int_equal(host.cancels, 10 * DEPTH);
	assert_int_equal(close(pipe_fd[0]), 0);
	assert_int_equal(close(pipe_fd[1]), 0);
}

static void one_is_cancelled_and_the_others_finish(void **state)
{
	struct fixture *f = opened(state);
	struct job job[2] = { 0 };
	uint8_t data[2][ANVIL_DISK_SECTOR_BYTES];
	int pipe_fd[2];

	put_pipe(f, pipe_fd);
	begin(f, &job[0], ANVIL_DISK_READ, 0, 1, data[0]);
	begin(f, &job[1], ANVIL_DISK_READ, 0, 1, data[1]);
	f->uring.disk.ops->cancel(&f->uring.disk, &job[0].request);
	wait_for(f, &job[0]);
	assert_int_equal(job[0].result, -ECANCELED);
	assert_int_equal(job[1].dones, 0);

	/* in two parts: the rest is waited for */
	assert_int_equal(write(pipe_fd[1], f->content, 100), 100);
	anvil_disk_io_uring_poll(&f->uring);
	assert_int_equal(job[1].dones, 0);
	assert_int_equal(write(pipe_fd[1], f->content + 100, 412), 412);
	wait_for(f, &job[1]);
	assert_int_equal(job[1].result, 0);
	assert_memory_equal(data[1], f->content, 512);
	assert_int_equal(close(pipe_fd[0]), 0);
	assert_int_equal(close(pipe_fd[1]), 0);
}

/* Zeroes piece by piece, cancelled after the first. */
static void cancelled_request_is_not_carried_on(void **state)
{
	struct fixture *f = opened(state);
	struct job job = {
		.request = { .op = ANVIL_DISK_WRITE_ZEROES, .sectors = SECTORS, .done = done }
	};

	host.unsupported = FALLOC_FL_ZERO_RANGE;
	f->uring.disk.ops->submit(&f->uring.disk, &job.request);
	while (host.transfers == 0)
		anvil_disk_io_uring_poll(&f->uring);
	f->uring.disk.ops->cancel(&f->uring.disk, &job.request);
	wait_for(f, &job);
	assert_int_equal(job.result, -ECANCELED);
	assert_int_equal(host.transfers, 1);
}

#define MANY ((200u << 20) / ANVIL_DISK_SECTOR_BYTES + 3u)

/* One operation of gigabytes could not be cancelled, and would keep the storage busy meanwhile. */
static void ranges_reach_the_kernel_in_bounded_steps(void **state)
{
	static const struct {
		enum anvil_disk_op op;
		bool unmap;
		int unsupported;
		uint64_t most;
		unsigned int operations;
	} t[] = {
		{ ANVIL_DISK_WRITE_ZEROES, false, FALLOC_FL_ZERO_RANGE, 65536, 1 + 3200 + 1 },
		{ ANVIL_DISK_WRITE_ZEROES, false, 0, ANVIL_DISK_RANGE_WRITE_BYTES, 200 + 1 },
		{ ANVIL_DISK_WRITE_ZEROES, true, 0, ANVIL_DISK_RANGE_HOLE_BYTES, 4 },
		{ ANVIL_DISK_DISCARD, false, 0, ANVIL_DISK_RANGE_HOLE_BYTES, 4 },
		{ ANVIL_DISK_DISCARD, false, FALLOC_FL_PUNCH_HOLE, ANVIL_DISK_RANGE_HOLE_BYTES, 1 },
	};
	struct fixture *f = opened(state);

	close_uring(f);
	assert_int_equal(truncate(f->path, 0), 0);
	assert_int_equal(truncate(f->path, (off_t)MANY * ANVIL_DISK_SECTOR_BYTES), 0);
	assert_int_equal(open_uring(f, false, DEPTH), 0);
	f->open = true;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct job job = { .request = { .op = t[i].op,
						.sectors = MANY,
						.unmap = t[i].unmap,
						.done = done } };

		memset(&host, 0, sizeof(host));
		host.unsupported = t[i].unsupported;
		f->uring.disk.ops->submit(&f->uring.disk, &job.request);
		wait_for(f, &job);
		assert_int_equal(job.result, 0);
		assert_int_equal(host.allocates + host.transfers, t[i].operations);
		assert_int_equal(host.transfers ? host.transfer_most : host.allocate_most,
				 t[i].most);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_image, teardown_opened)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(depth_requests_are_under_way_at_once),
		TEST(done_may_submit_and_poll_still_returns),
		TEST(operations_that_the_kernel_does_not_take_are_offered_again),
		TEST(kernel_that_takes_nothing_is_an_error_in_the_end),
		TEST(operation_put_off_for_ever_is_an_error_in_the_end),
		TEST(request_that_lasts_is_cancelled),
		TEST(one_is_cancelled_and_the_others_finish),
		TEST(cancelled_request_is_not_carried_on),
		TEST(ranges_reach_the_kernel_in_bounded_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
