/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Block devices under both back ends: loop devices of 512 and 4096 bytes a block. Where there is no
 * loop device to be had, which takes root, the tests are skipped and say so.
 */
#include "support.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "array_size.h"
#include "disk_file.h"
#include "disk_io_uring.h"

#define SECTORS 2048u
#define BYTES	(SECTORS * ANVIL_DISK_SECTOR_BYTES)

struct fixture {
	char file[32];
	char device[32];
	int loop;
	uint8_t content[BYTES];
	bool by_uring;
	struct anvil_disk *disk;
	struct anvil_disk_file by_file;
	struct anvil_disk_io_uring ring;
	char error[512];
};

/* ---- a loop device ---- */

static _Noreturn void skip_it(struct fixture *f, const char *why)
{
	print_message("SKIPPED: %s: %s\n", why, strerror(errno));
	(void)unlink(f->file);
	free(f);
	skip();
	abort(); /* skip does not return */
}

/* Others take loop devices, too: between the question for a free one and its use. */
static void attach(struct fixture *f, int image, uint32_t block_bytes, uint32_t flags)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = { .fd = (uint32_t)image, .block_size = block_bytes };

	config.info.lo_flags = flags | LO_FLAGS_AUTOCLEAR; /* gone when we are */
	if (control < 0)
		skip_it(f, "/dev/loop-control");
	for (unsigned int tries = 0; tries < 16; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		if (number < 0)
			skip_it(f, "a free loop device");
		(void)snprintf(f->device, sizeof(f->device), "/dev/loop%d", number);
		f->loop = open(f->device, O_RDWR | O_CLOEXEC);
		if (f->loop < 0)
			skip_it(f, f->device);
		if (ioctl(f->loop, LOOP_CONFIGURE, &config) == 0) {
			assert_int_equal(close(control), 0);
			return;
		}
		assert_int_equal(close(f->loop), 0);
		if (errno != EBUSY)
			break;
	}
	skip_it(f, "LOOP_CONFIGURE");
}

static struct fixture *new_device(uint32_t block_bytes, uint32_t flags)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int image;

	assert_non_null(f);
	strcpy(f->file, "/tmp/anvil-block.XXXXXX");
	image = mkstemp(f->file);
	assert_true(image >= 0);
	for (size_t i = 0; i < BYTES; i++)
		f->content[i] = (uint8_t)(i * 7 + i / 512 + 1);
	assert_int_equal(write(image, f->content, BYTES), BYTES);
	attach(f, image, block_bytes, flags);
	assert_int_equal(close(image), 0);
	return f;
}

static void free_device(struct fixture *f)
{
	assert_int_equal(close(f->loop), 0);
	assert_int_equal(unlink(f->file), 0);
	free(f);
}

/* ---- a disk on it ---- */

static int open_disk(struct fixture *f, bool by_uring, unsigned int flags)
{
	f->by_uring = by_uring;
	f->disk = by_uring ? &f->ring.disk : &f->by_file.disk;
	return by_uring ? anvil_disk_io_uring_open(&f->ring, f->device, flags, 4, f->error,
						   sizeof(f->error))
			: anvil_disk_file_open(&f->by_file, f->device, flags, f->error,
					       sizeof(f->error));
}

static void close_disk(struct fixture *f)
{
	if (f->by_uring)
		anvil_disk_io_uring_close(&f->ring);
	else
		anvil_disk_file_close(&f->by_file);
}

static void done(struct anvil_disk_request *request, int result)
{
	(void)request;
	assert_int_equal(result, 0);
}

static void carry_out(struct fixture *f, enum anvil_disk_op op, uint64_t sector, uint64_t sectors,
		      uint8_t *data, bool unmap)
{
	struct anvil_disk_request request = { .op = op,
					      .sector = sector,
					      .sectors = sectors,
					      .data = data,
					      .unmap = unmap,
					      .done = done };

	f->disk->ops->submit(f->disk, &request);
	if (f->by_uring)
		anvil_disk_io_uring_drain(&f->ring);
	else
		anvil_disk_file_drain(&f->by_file);
}

static void expect_content(struct fixture *f)
{
	static uint8_t got[BYTES];

	carry_out(f, ANVIL_DISK_READ, 0, SECTORS, got, false);
	assert_memory_equal(got, f->content, BYTES);
}

/* What a discard leaves behind is anything; it touches nothing outside of its range. */
static void discard(struct fixture *f, uint64_t sector, uint64_t sectors)
{
	uint8_t *place = f->content + sector * ANVIL_DISK_SECTOR_BYTES;

	carry_out(f, ANVIL_DISK_DISCARD, sector, sectors, NULL, false);
	carry_out(f, ANVIL_DISK_READ, sector, sectors, place, false);
	expect_content(f);
}

/* Ranges that begin and end inside of a block, at its edges, and all inside of one. */
static void use_disk(struct fixture *f)
{
	static const struct {
		uint64_t sector;
		uint64_t sectors;
	} range[] = { { 0, 8 },	 { 8, 64 },   { 3, 2 },	    { 7, 9 },
		      { 13, 3 }, { 15, 129 }, { 1001, 47 }, { SECTORS - 9, 9 } };
	uint8_t data[64 * ANVIL_DISK_SECTOR_BYTES];

	memset(data, 0x5a, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(range) * 2; i++) {
		uint64_t sector = range[i / 2].sector;
		uint64_t sectors = range[i / 2].sectors;
		uint8_t *place = f->content + sector * ANVIL_DISK_SECTOR_BYTES;
		uint64_t part = sectors < 64 ? sectors : 64;

		carry_out(f, ANVIL_DISK_WRITE_ZEROES, sector, sectors, NULL, i % 2);
		memset(place, 0, (size_t)sectors * ANVIL_DISK_SECTOR_BYTES);
		expect_content(f);
		carry_out(f, ANVIL_DISK_WRITE, sector, part, data, false);
		memset(place, 0x5a, (size_t)part * ANVIL_DISK_SECTOR_BYTES);
		expect_content(f);
		carry_out(f, ANVIL_DISK_FLUSH, 0, 0, NULL, false);
		discard(f, sector, sectors);
	}
}

static void block_devices_are_disks(void **state)
{
	static const uint32_t block_bytes[] = { 512, 4096 };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct fixture *f = new_device(block_bytes[i % 2], 0);
		int err = open_disk(f, i / 2, 0);

		if (err == -ENOSYS || err == -EPERM || err == -EACCES) {
			print_message("SKIPPED: %s\n", f->error);
			free_device(f);
			skip();
		}
		assert_int_equal(err, 0);
		assert_int_equal(f->disk->capacity, SECTORS);
		assert_int_equal(f->disk->block_bytes, block_bytes[i % 2]);
		use_disk(f);
		close_disk(f);
		free_device(f);
	}
}

/* A file system that is mounted has its device to itself, and so has our disk. */
static void who_has_it_alone_keeps_it(void **state)
{
	struct fixture *f = new_device(512, 0);
	int fd = open(f->device, O_RDONLY | O_EXCL | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(open_disk(f, false, 0), -EBUSY);
	assert_non_null(strstr(f->error, "is mounted, or another program has it to itself"));
	assert_int_equal(open_disk(f, false, ANVIL_DISK_IMAGE_READ_ONLY), 0);
	close_disk(f);
	assert_int_equal(close(fd), 0);
	assert_int_equal(open_disk(f, false, 0), 0);
	assert_int_equal(open(f->device, O_RDONLY | O_EXCL | O_CLOEXEC), -1);
	assert_int_equal(errno, EBUSY);
	close_disk(f);
	free_device(f);
}

static void read_only_device_is_opened_read_only(void **state)
{
	struct fixture *f = new_device(4096, LO_FLAGS_READ_ONLY);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];

	(void)state;
	assert_int_equal(open_disk(f, false, 0), -EACCES);
	assert_non_null(strstr(f->error, "open it read-only"));
	assert_int_equal(open_disk(f, false, ANVIL_DISK_IMAGE_READ_ONLY), 0);
	carry_out(f, ANVIL_DISK_READ, 1, 1, data, false);
	assert_memory_equal(data, f->content + 512, sizeof(data));
	close_disk(f);
	free_device(f);
}

static void its_size_is_what_it_has_by_now(void **state)
{
	struct fixture *f = new_device(512, 0);
	uint64_t capacity;

	(void)state;
	assert_int_equal(open_disk(f, false, 0), 0);
	assert_int_equal(anvil_disk_image_capacity(f->by_file.fd, &capacity), 0);
	assert_int_equal(capacity, SECTORS);
	assert_int_equal(truncate(f->file, 2 * BYTES), 0);
	assert_int_equal(ioctl(f->loop, LOOP_SET_CAPACITY), 0);
	assert_int_equal(anvil_disk_image_capacity(f->by_file.fd, &capacity), 0);
	assert_int_equal(capacity, 2 * SECTORS);
	close_disk(f);
	free_device(f);
}

static void device_with_a_foreign_image_is_refused(void **state)
{
	struct fixture *f = new_device(4096, 0);

	(void)state;
	assert_int_equal(pwrite(f->loop, "QFI\xfb\0\0\0\3", 8, 0), 8);
	assert_int_equal(open_disk(f, false, 0), -EMEDIUMTYPE);
	assert_int_equal(open_disk(f, false, ANVIL_DISK_IMAGE_ANY_CONTENT), 0);
	close_disk(f);
	free_device(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_devices_are_disks),
		cmocka_unit_test(who_has_it_alone_keeps_it),
		cmocka_unit_test(read_only_device_is_opened_read_only),
		cmocka_unit_test(its_size_is_what_it_has_by_now),
		cmocka_unit_test(device_with_a_foreign_image_is_refused),
	};

	return cmocka_run_group_tests_name("block devices", tests, NULL, NULL);
}
