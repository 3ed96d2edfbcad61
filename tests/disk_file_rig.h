/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An image on disk_file.h and requests: for test_disk_file_*.c. The system calls below stand in for
 * the C library's, so that they can be made to fail; only one file of a program may include this.
 */
#ifndef TESTS_DISK_FILE_RIG_H
#define TESTS_DISK_FILE_RIG_H

#include "support.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "array_size.h"
#include "disk_file.h"

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

static inline bool refused(void)
{
	host.calls++;
	errno = host.interrupt ? EINTR : host.error;
	if (host.interrupt)
		host.interrupt--;
	return errno != 0;
}

static inline size_t limited(size_t len)
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

struct fixture {
	char dir[32];
	char path[64];
	char error[256];
	uint8_t content[BYTES]; /* what the image should hold */
	struct anvil_disk_file file;
};

static inline void make_file(struct fixture *f, size_t len)
{
	int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->content, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
}

static inline int open_file(struct fixture *f, bool read_only)
{
	memset(f->error, 0, sizeof(f->error));
	return anvil_disk_file_open(&f->file, f->path, read_only, f->error, sizeof(f->error));
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline void done(struct anvil_disk_request *request, int value)
{
	(void)request;
	result = value;
	dones++;
}

static inline int submit(struct fixture *f, enum anvil_disk_op op, uint64_t sector,
			 uint64_t sectors, uint8_t *data, bool unmap)
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

#endif
