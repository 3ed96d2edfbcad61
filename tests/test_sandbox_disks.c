/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sandbox.h: disks work inside.
 */
#include "sandbox_rig.h"

#include <poll.h>

#include "disk_file.h"
#include "disk_io_uring.h"

#define SECTORS 16u

static const char *make_image(void)
{
	static char path[32];
	int fd;

	strcpy(path, "/tmp/anvil.XXXXXX");
	fd = mkstemp(path);
	CHECK(fd >= 0 && ftruncate(fd, SECTORS * ANVIL_DISK_SECTOR_BYTES) == 0);
	CHECK(close(fd) == 0);
	return path;
}

struct job {
	struct anvil_disk_request request;
	bool done;
	int result;
};

static void job_done(struct anvil_disk_request *request, int result)
{
	struct job *job = (struct job *)(void *)request;

	job->done = true;
	job->result = result;
}

/* `uring` is NULL for the disk of a disk_file. */
static int carry_out(struct anvil_disk *disk, struct anvil_disk_io_uring *uring,
		     enum anvil_disk_op op, uint8_t *data)
{
	struct job job = { .request = { .op = op,
					.sector = 1,
					.sectors = op == ANVIL_DISK_FLUSH ? 0 : 2,
					.data = data,
					.unmap = true,
					.done = job_done } };

	disk->ops->submit(disk, &job.request);
	if (!uring)
		anvil_disk_file_drain((struct anvil_disk_file *)(void *)disk);
	while (!job.done && uring) {
		struct pollfd p = { .fd = uring->event_fd, .events = POLLIN };

		CHECK(poll(&p, 1, 10000) == 1);
		anvil_disk_io_uring_poll(uring);
	}
	CHECK(job.done);
	return job.result;
}

static void use_disk(struct anvil_disk *disk, struct anvil_disk_io_uring *uring)
{
	static uint8_t data[2 * ANVIL_DISK_SECTOR_BYTES], seen[sizeof(data)];

	memset(data, 0x5a, sizeof(data));
	CHECK(carry_out(disk, uring, ANVIL_DISK_WRITE, data) == 0);
	CHECK(carry_out(disk, uring, ANVIL_DISK_FLUSH, NULL) == 0);
	CHECK(carry_out(disk, uring, ANVIL_DISK_READ, seen) == 0);
	CHECK(!memcmp(seen, data, sizeof(data)));
	CHECK(carry_out(disk, uring, ANVIL_DISK_WRITE_ZEROES, NULL) == 0);
	CHECK(carry_out(disk, uring, ANVIL_DISK_DISCARD, NULL) == 0);
	CHECK(carry_out(disk, uring, ANVIL_DISK_READ, seen) == 0);
	CHECK(seen[0] == 0 && seen[sizeof(seen) - 1] == 0);
}

static void play_disk_file(const void *arg)
{
	const struct sandbox_needs needs = { .disk_file = true };
	const char *path = make_image();
	struct anvil_disk_file file;
	char error[256];

	(void)arg;
	CHECK(anvil_disk_file_open(&file, path, false, error, sizeof(error)) == 0);
	CHECK(unlink(path) == 0);
	begin_and_enter(&needs);
	use_disk(&file.disk, NULL);
	anvil_disk_file_close(&file);
}

static void disk_file_works_inside(void **state)
{
	(void)state;
	play(play_disk_file, NULL);
	expect_status(0);
}

static void play_disk_io_uring(const void *arg)
{
	const struct sandbox_needs needs = { .disk_io_uring = true };
	const char *path = make_image();
	struct anvil_disk_io_uring uring;
	char error[256];
	int err = anvil_disk_io_uring_open(&uring, path, false, 4, error, sizeof(error));

	(void)arg;
	CHECK(unlink(path) == 0);
	if (err == -ENOSYS || err == -EPERM)
		child_skips("the kernel refuses io_uring");
	CHECK(err == 0);
	begin_and_enter(&needs);
	use_disk(&uring.disk, &uring);
	anvil_disk_io_uring_drain(&uring);
	anvil_disk_io_uring_close(&uring);
}

static void disk_io_uring_works_inside(void **state)
{
	(void)state;
	play(play_disk_io_uring, NULL);
	expect_status(0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(disk_file_works_inside),
		cmocka_unit_test(disk_io_uring_works_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
