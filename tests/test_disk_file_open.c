/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_file.h: opening an image, with clear words where that cannot be.
 */
#include "disk_file_rig.h"

static void image_gives_the_disk_its_size(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->file.disk.capacity, SECTORS);
	assert_false(f->file.disk.read_only);
	assert_int_equal(f->file.disk.id[0], 0);
	assert_string_equal(f->error, "");
	anvil_disk_file_close(&f->file);
	make_file(f, 512);
	assert_int_equal(open_file(f, true), 0);
	assert_int_equal(f->file.disk.capacity, 1);
	assert_true(f->file.disk.read_only);
}

/* The one line: it starts with the path, says this, and is one line. */
static void expect_error(struct fixture *f, const char *says)
{
	assert_int_equal(strncmp(f->error, f->path, strlen(f->path)), 0);
	assert_int_equal(f->error[strlen(f->path)], ':');
	assert_null(strchr(f->error, '\n'));
	if (!strstr(f->error, says))
		fail_msg("\"%s\" does not say \"%s\"", f->error, says);
}

static void files_that_are_no_image_are_refused_with_advice(void **state)
{
	static const struct {
		size_t len;
		const char *says;
	} t[] = { { 0, "0 bytes, less than one sector" },
		  { 1, "1 bytes, less than one sector" },
		  { 511, "truncate -s" },
		  { 513, "513 bytes is not a multiple of 512" },
		  { 1023, "truncate -s %512 " } };
	struct fixture *f = *state;
	char image[64];

	strcpy(image, f->path);
	anvil_disk_file_close(&f->file);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		make_file(f, t[i].len);
		assert_int_equal(open_file(f, i % 2), -EINVAL);
		expect_error(f, t[i].says);
	}
	(void)snprintf(f->path, sizeof(f->path), "%s/missing", f->dir);
	assert_int_equal(open_file(f, false), -ENOENT);
	expect_error(f, "no such file; make one with: truncate -s 1G ");
	assert_int_equal(open_file(f, true), -ENOENT);
	assert_int_equal(access(f->path, F_OK), -1);

	(void)snprintf(f->path, sizeof(f->path), "%s/fifo", f->dir);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(open_file(f, true), -EINVAL); /* and does not wait for a writer */
	expect_error(f, "not a regular file");
	assert_int_equal(open_file(f, false), -EINVAL);
	assert_int_equal(unlink(f->path), 0);

	strcpy(f->path, f->dir);
	assert_int_equal(open_file(f, false), -EISDIR);
	expect_error(f, "is a directory");
	assert_int_equal(open_file(f, true), -EISDIR);
	expect_error(f, "is a directory");

	strcpy(f->path, "/dev/null");
	assert_int_equal(open_file(f, false), -EINVAL);
	expect_error(f, "not a regular file");

	(void)snprintf(f->path, sizeof(f->path), "%s/image/x", f->dir);
	assert_int_equal(open_file(f, false), -ENOTDIR);
	expect_error(f, "cannot be opened");
	strcpy(f->path, image);
	make_file(f, 512);
	assert_int_equal(open_file(f, false), 0);
}

static void missing_permission_is_named(void **state)
{
	struct fixture *f = *state;
	uid_t user = geteuid();

	assert_int_equal(chmod(f->path, 0444), 0);
	anvil_disk_file_close(&f->file);
	if (user == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(open_file(f, false), -EACCES);
	expect_error(f, "no permission to write to it; open it read-only");
	assert_int_equal(open_file(f, true), 0);
	anvil_disk_file_close(&f->file);
	if (user == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(f->path, 0), 0);
	if (user == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(open_file(f, true), -EACCES);
	expect_error(f, "no permission to read it");
	if (user == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(f->path, 0644), 0);
	assert_int_equal(open_file(f, false), 0);
}

static void error_line_is_cut_to_its_room(void **state)
{
	struct fixture *f = *state;
	struct anvil_disk_file other;
	char room[8] = "xxxxxxx";

	assert_int_equal(anvil_disk_file_open(&other, "/nowhere/image", true, room, 5), -ENOENT);
	assert_string_equal(room, "/now");
	assert_int_equal(room[5], 'x');
	assert_int_equal(anvil_disk_file_open(&other, "/nowhere/image", true, NULL, 0), -ENOENT);
	(void)f;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(image_gives_the_disk_its_size),
		TEST(files_that_are_no_image_are_refused_with_advice),
		TEST(missing_permission_is_named),
		TEST(error_line_is_cut_to_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
