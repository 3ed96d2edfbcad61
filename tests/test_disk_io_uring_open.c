/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_io_uring.h: opening with clear words, and a ring that takes only what a disk needs.
 */
#include "disk_io_uring_rig.h"

static void image_gives_the_disk_its_size(void **state)
{
	struct fixture *f = opened(state);

	assert_int_equal(f->uring.disk.capacity, SECTORS);
	assert_false(f->uring.disk.read_only);
	assert_int_equal(f->uring.disk.id[0], 0);
}

static void expect_error(struct fixture *f, const char *says)
{
	assert_int_equal(strncmp(f->error, f->path, strlen(f->path)), 0);
	assert_int_equal(f->error[strlen(f->path)], ':');
	assert_null(strchr(f->error, '\n'));
	if (!strstr(f->error, says))
		fail_msg("\"%s\" does not say \"%s\"", f->error, says);
}

static int lowest_free_fd(void)
{
	int fd = dup(0);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	return fd;
}

static void refusals_say_what_to_do_and_leave_nothing_open(void **state)
{
	static const struct {
		int err;
		const char *says;
	} t[] = { { -ENOSYS, "no io_uring with all that is needed; use Linux 5.6" },
		  { -EPERM, "kernel.io_uring_disabled" },
		  { -EACCES, "a security policy" },
		  { -ENOMEM, "ulimit -l" },
		  { -EMFILE, "cannot be set up: Too many open files" } };
	struct fixture *f = *state;
	int fd = lowest_free_fd();

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		host.setup = t[i].err;
		assert_int_equal(open_uring(f, false, DEPTH), t[i].err);
		expect_error(f, t[i].says);
		assert_int_equal(lowest_free_fd(), fd);
	}
	assert_int_equal(open_uring(f, false, 0), -EINVAL);
	expect_error(f, "0 requests at a time; say 1 to ");
	assert_int_equal(open_uring(f, false, ANVIL_DISK_IO_URING_DEPTH_MAX + 1), -EINVAL);
	assert_int_equal(truncate(f->path, 513), 0);
	assert_int_equal(open_uring(f, false, DEPTH), -EINVAL);
	expect_error(f, "513 bytes is not a multiple of 512");
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(open_uring(f, false, DEPTH), -ENOENT);
	expect_error(f, "no such file");
	assert_int_equal(lowest_free_fd(), fd);
}

/* Whoever writes into the ring's memory can ask for anything, and a seccomp filter sees none of it
 */
static void ring_takes_only_what_a_disk_needs(void **state)
{
	static const uint8_t foreign[] = { IORING_OP_OPENAT, IORING_OP_CONNECT, IORING_OP_SENDMSG };
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];

	if (!f->uring.restricted) {
		print_message("skipped: rings cannot be restricted before Linux 5.10\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		host.instead = foreign[i];
		assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), -EACCES);
	}
	host.instead = 0;
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), 0);
}

static void old_kernel_gives_a_ring_and_it_says_so(void **state)
{
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];

	close_uring(f);
	host.old = true;
	assert_int_equal(open_uring(f, false, DEPTH), 0);
	f->open = true;
	assert_false(f->uring.restricted);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), 0);
}

static void greatest_depth_can_be_had(void **state)
{
	struct fixture *f = opened(state);

	close_uring(f);
	assert_int_equal(open_uring(f, false, ANVIL_DISK_IO_URING_DEPTH_MAX), 0);
	anvil_disk_io_uring_close(&f->uring);
	assert_int_equal(open_uring(f, false, 1), 0);
	f->open = true;
	assert_int_equal(carry_out(f, ANVIL_DISK_FLUSH, 0, 0, NULL), 0);
}

#define TEST(name)	 cmocka_unit_test_setup_teardown(name, setup_image, teardown_opened)
#define TEST_ERROR(name) cmocka_unit_test_setup_teardown(name, setup_image, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(image_gives_the_disk_its_size),
		TEST_ERROR(refusals_say_what_to_do_and_leave_nothing_open),
		TEST(ring_takes_only_what_a_disk_needs),
		TEST(old_kernel_gives_a_ring_and_it_says_so),
		TEST(greatest_depth_can_be_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
