/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_file.h: opening with clear words, every request on a real file, and what the system may
 * answer. The system calls below stand in for the C library's, so that they can be made to fail.
 */
#include "support.h"

#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array_size.h"
#include "disk_file.h"
#include "disk_image.h"
#include "virtio_blk.h"

/* ---- the system calls ---- */

static struct {
	size_t most;		/* bytes per call, 0: no limit */
	unsigned int interrupt; /* so many calls end in EINTR first */
	int error;		/* all calls end in this */
	int unsupported;	/* fallocate modes that do not exist here */
	unsigned int calls;
	int modes[4]; /* of fallocate, the first ones */
	unsigned int allocates;
	unsigned int syncs;
	uint64_t written;   /* bytes */
	uint64_t allocated; /* bytes given to fallocate where it worked */
} host;

static bool refused(void)
{
	host.calls++;
	errno = host.interrupt ? EINTR : host.error;
	if (host.interrupt)
		host.interrupt--;
	return errno != 0;
}

static size_t limited(size_t len)
{
	return host.most && len > host.most ? host.most : len;
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
	struct iovec piece = { data, limited(len) };

	return refused() ? -1 : preadv(fd, &piece, 1, offset);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	struct iovec piece = { (void *)(uintptr_t)data, limited(len) };

	if (refused())
		return -1;
	host.written += piece.iov_len;
	return pwritev(fd, &piece, 1, offset);
}

int fdatasync(int fd)
{
	(void)fd;
	if (refused())
		return -1;
	host.syncs++;
	return 0;
}

/* an offset as an argument of a system call */
#if ULONG_MAX > UINT32_MAX
#define WIDE(offset) offset
#else
#define WIDE(offset) __LONG_LONG_PAIR((long)((offset) >> 32), (long)(offset))
#endif

int fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (refused())
		return -1;
	if (host.allocates < ARRAY_SIZE(host.modes))
		host.modes[host.allocates] = mode;
	host.allocates++;
	errno = EOPNOTSUPP;
	if (mode & host.unsupported)
		return -1;
	host.allocated += (uint64_t)len;
	return (int)syscall(SYS_fallocate, fd, mode, WIDE(offset), WIDE(len));
}

/* ---- an image ---- */

#define SECTORS 300u /* more than one piece of zeroes */
#define BYTES	(SECTORS * ANVIL_DISK_SECTOR_BYTES)

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO  (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)

struct fixture {
	char dir[32];
	char path[64];
	char error[256];
	uint8_t content[BYTES]; /* what the image should hold */
	struct anvil_disk_file file;
};

static void make_file(struct fixture *f, size_t len)
{
	int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->content, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
}

static int open_file(struct fixture *f, bool read_only)
{
	memset(f->error, 0, sizeof(f->error));
	return anvil_disk_file_open(&f->file, f->path, read_only, f->error, sizeof(f->error));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	memset(&host, 0, sizeof(host));
	strcpy(f->dir, "/tmp/disk_file.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chmod(f->dir, 0755), 0);
	(void)snprintf(f->path, sizeof(f->path), "%s/image", f->dir);
	for (size_t i = 0; i < BYTES; i++)
		f->content[i] = (uint8_t)(i * 7 + i / 512 + 1);
	make_file(f, BYTES);
	assert_int_equal(open_file(f, false), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_disk_file_close(&f->file);
	(void)unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static int result;
static unsigned int dones;

static void done(struct anvil_disk_request *request, int value)
{
	(void)request;
	result = value;
	dones++;
}

static int submit(struct fixture *f, enum anvil_disk_op op, uint64_t sector, uint64_t sectors,
		  uint8_t *data, bool unmap)
{
	struct anvil_disk_request request = {
		.op = op,
		.sector = sector,
		.sectors = sectors,
		.data = data,
		.unmap = unmap,
		.done = done,
	};

	dones = 0;
	f->file.disk.ops->submit(&f->file.disk, &request);
	if (op == ANVIL_DISK_DISCARD || op == ANVIL_DISK_WRITE_ZEROES)
		anvil_disk_file_drain(&f->file);
	assert_int_equal(dones, 1); /* else inside submit */
	return result;
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

/* ---- opening ---- */

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

/* ---- requests ---- */

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

static void offsets_of_more_than_32_bits_are_meant(void **state)
{
	struct fixture *f = *state;
	const uint64_t last = (5ull << 30) / ANVIL_DISK_SECTOR_BYTES - 1;
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];
	uint8_t back[ANVIL_DISK_SECTOR_BYTES];

	anvil_disk_file_close(&f->file);
	assert_int_equal(truncate(f->path, 5ll << 30), 0);
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
	expect_content(f); /* none of it went to 1 GiB, or to where the content is */
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

/* ---- how much at a time ---- */

#define MANY ((200u << 20) / ANVIL_DISK_SECTOR_BYTES + 3u)

/* The image becomes a large one that is one hole. */
static void make_large(struct fixture *f)
{
	anvil_disk_file_close(&f->file);
	assert_int_equal(truncate(f->path, 0), 0);
	assert_int_equal(truncate(f->path, (off_t)MANY * ANVIL_DISK_SECTOR_BYTES), 0);
	assert_int_equal(open_file(f, false), 0);
}

static bool readable(int fd)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };

	return poll(&event, 1, 0) == 1;
}

struct work {
	uint64_t written;
	uint64_t allocated;
};

static struct work work_so_far(void)
{
	return (struct work){ host.written, host.allocated };
}

static void expect_bounded(struct work before)
{
	assert_in_range(host.written - before.written, 0, ANVIL_DISK_RANGE_WRITE_BYTES);
	assert_in_range(host.allocated - before.allocated, 0, ANVIL_DISK_RANGE_HOLE_BYTES);
}

/* A guest could keep the caller's thread for as long as gigabytes of zeroes take to write. */
static void ranges_are_worked_off_in_bounded_steps(void **state)
{
	static const struct {
		enum anvil_disk_op op;
		bool unmap;
		int unsupported;
		unsigned int steps;
	} t[] = {
		{ ANVIL_DISK_WRITE_ZEROES, false, FALLOC_FL_ZERO_RANGE, 1 + 200 + 1 },
		{ ANVIL_DISK_WRITE_ZEROES, false, 0, 200 + 1 },
		{ ANVIL_DISK_WRITE_ZEROES, true, 0, 4 },
		{ ANVIL_DISK_WRITE_ZEROES, true, FALLOC_FL_PUNCH_HOLE, 1 + 200 + 1 },
		{ ANVIL_DISK_DISCARD, false, 0, 4 },
		{ ANVIL_DISK_DISCARD, false, FALLOC_FL_PUNCH_HOLE, 1 },
	};
	struct fixture *f = *state;
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];

	make_large(f);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct anvil_disk_request request = { .op = t[i].op,
						      .sectors = MANY,
						      .done = done };
		struct work work = work_so_far();
		unsigned int steps = 0;

		request.unmap = t[i].unmap;
		host.unsupported = t[i].unsupported;
		dones = 0;
		f->file.disk.ops->submit(&f->file.disk, &request);
		assert_int_equal(host.written - work.written, 0);
		assert_int_equal(host.allocated - work.allocated, 0);
		for (; !dones; steps++) {
			assert_true(readable(f->file.event_fd));
			work = work_so_far();
			anvil_disk_file_poll(&f->file);
			expect_bounded(work);
		}
		assert_int_equal(result, 0);
		assert_int_equal(steps, t[i].steps);
		assert_false(readable(f->file.event_fd));
	}
	assert_int_equal(submit(f, ANVIL_DISK_READ, MANY - 1, 1, data, false), 0);
}

static void others_are_carried_out_between_the_steps(void **state)
{
	struct fixture *f = *state;
	uint8_t data[ANVIL_DISK_SECTOR_BYTES] = { 0x5a };
	uint8_t back[ANVIL_DISK_SECTOR_BYTES];
	struct anvil_disk_request zeroes = { .op = ANVIL_DISK_WRITE_ZEROES,
					     .sectors = MANY,
					     .done = done };

	make_large(f);
	host.unsupported = FALLOC_FL_ZERO_RANGE;
	f->file.disk.ops->submit(&f->file.disk, &zeroes);
	anvil_disk_file_poll(&f->file);
	anvil_disk_file_poll(&f->file);
	assert_int_equal(submit(f, ANVIL_DISK_WRITE, 0, 1, data, false),
			 0); /* behind what is done */
	assert_int_equal(submit(f, ANVIL_DISK_READ, 0, 1, back, false), 0);
	assert_memory_equal(back, data, sizeof(data));
	dones = 0;
	anvil_disk_file_drain(&f->file);
	assert_int_equal(dones, 1);
	assert_int_equal(submit(f, ANVIL_DISK_READ, 0, 1, back, false), 0);
	assert_memory_equal(back, data, sizeof(data));
}

/* The first, the middle and the last of those that wait. */
static void cancelled_range_ends_with_its_step(void **state)
{
	struct fixture *f = *state;
	struct anvil_disk_request zeroes[3] = { { 0 } };

	make_large(f);
	host.unsupported = FALLOC_FL_ZERO_RANGE;
	for (size_t first = 0; first < ARRAY_SIZE(zeroes); first++) {
		dones = 0;
		host.written = 0;
		for (size_t i = 0; i < ARRAY_SIZE(zeroes); i++) {
			zeroes[i] = (struct anvil_disk_request){ .op = ANVIL_DISK_WRITE_ZEROES,
								 .sectors = MANY,
								 .done = done };
			f->file.disk.ops->submit(&f->file.disk, &zeroes[i]);
		}
		anvil_disk_file_poll(&f->file);
		anvil_disk_file_poll(&f->file);
		for (size_t i = 0; i < ARRAY_SIZE(zeroes); i++) {
			result = 0;
			f->file.disk.ops->cancel(&f->file.disk,
						 &zeroes[(first + i) % ARRAY_SIZE(zeroes)]);
			assert_int_equal(dones, i + 1);
			assert_int_equal(result, -ECANCELED);
		}
		anvil_disk_file_poll(&f->file);
		assert_int_equal(host.written, ANVIL_DISK_RANGE_WRITE_BYTES);
		assert_false(readable(f->file.event_fd));
	}
}

/* ---- behind the device ---- */

#define SEGMENTS 256u

static void offer_zeroes(struct guest *guest)
{
	struct virtio_blk_header header = { htole32(VIRTIO_BLK_T_WRITE_ZEROES), 0, 0 };
	struct virtio_blk_range range = { 0, htole32(MANY), 0 };
	struct buffer buffer[] = { { RAM_LOW, sizeof(header) + SEGMENTS * sizeof(range), 0 },
				   { RAM_LOW + 8192, 1, WRITABLE } };

	ram_put(&guest->ram, RAM_LOW, &header, sizeof(header));
	for (unsigned int i = 0; i < SEGMENTS; i++)
		ram_put(&guest->ram, RAM_LOW + sizeof(header) + i * sizeof(range), &range,
			sizeof(range));
	ring_chain(&guest->ring[0], buffer, ARRAY_SIZE(buffer));
}

/* One request of 4 KiB means 51 GB of zeroes, and a reset of the device is the end of them. */
static void no_call_into_the_device_writes_more_than_a_step(void **state)
{
	struct fixture *f = *state;
	struct guest guest;
	struct anvil_blk blk;
	struct anvil_features set = features(VIRTIO_BLK_F_WRITE_ZEROES, -1);
	struct anvil_blk_options options = {
		.disk = &f->file.disk,
		.features = set,
		.queue_size_max = 64,
		.slots = 4,
		.transfer_max = ANVIL_DISK_SECTOR_BYTES,
		.blk_size = 512,
		.range_sectors_max = MANY,
		.range_segments_max = SEGMENTS,
	};

	make_large(f);
	host.unsupported = FALLOC_FL_ZERO_RANGE;
	guest_init(&guest);
	options.memory = &guest.ram.memory;
	assert_int_equal(anvil_blk_init(&blk, &options), 0);
	guest_attach(&guest, &blk.dev);
	guest_drive(&guest, set, 1, 64);
	offer_zeroes(&guest);
	host.written = 0;
	guest_notify(&guest, 0);
	assert_int_equal(host.written, 0);
	for (unsigned int i = 0; i < 250; i++) { /* into the second segment */
		struct work work = work_so_far();

		anvil_disk_file_poll(&f->file);
		expect_bounded(work);
	}
	assert_false(anvil_blk_idle(&blk));
	host.written = 0;
	reg_write(&guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(anvil_blk_idle(&blk));
	assert_int_equal(guest_status(&guest), 0);
	anvil_disk_file_drain(&f->file);
	assert_int_equal(host.written, 0);
	anvil_blk_destroy(&blk);
	guest_destroy(&guest);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(image_gives_the_disk_its_size),
		TEST(files_that_are_no_image_are_refused_with_advice),
		TEST(missing_permission_is_named),
		TEST(error_line_is_cut_to_its_room),
		TEST(sectors_are_read_and_written_in_place),
		TEST(short_and_interrupted_transfers_are_continued),
		TEST(interruptions_without_end_are_an_error),
		TEST(errors_of_the_system_end_the_request),
		TEST(limit_of_file_sizes_is_an_error_of_the_request),
		TEST(offsets_of_more_than_32_bits_are_meant),
		TEST(file_that_shrank_is_an_error_not_a_short_read),
		TEST(discard_punches_a_hole_or_does_nothing),
		TEST(zeroes_are_written_whatever_the_file_system_can),
		TEST(erasure_and_zones_are_not_there),
		TEST(read_only_image_is_never_changed),
		TEST(ranges_are_worked_off_in_bounded_steps),
		TEST(others_are_carried_out_between_the_steps),
		TEST(cancelled_range_ends_with_its_step),
		TEST(no_call_into_the_device_writes_more_than_a_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
