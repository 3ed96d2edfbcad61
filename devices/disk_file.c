/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests as system calls. Ranges were judged by the device; the file may still shrink meanwhile,
 * and then it is an error, not a shorter request.
 */
#include "disk_file.h"

#include "disk_image.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ZEROES_BYTES 65536u

static int pread_all(int fd, uint8_t *data, uint64_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pread(fd, data, (size_t)len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		data += n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int pwrite_all(int fd, const uint8_t *data, uint64_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, (size_t)len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		data += n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int flush(int fd)
{
	while (fdatasync(fd)) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int allocate(int fd, int mode, uint64_t len, uint64_t offset)
{
	while (fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len)) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* A hint: a file system that cannot do it need not. */
static int discard(int fd, uint64_t len, uint64_t offset)
{
	int err = allocate(fd, FALLOC_FL_PUNCH_HOLE, len, offset);

	return err == -EOPNOTSUPP ? 0 : err;
}

static int write_zeroes(int fd, uint64_t len, uint64_t offset, bool unmap)
{
	static const uint8_t zeroes[ZEROES_BYTES];
	int err = -EOPNOTSUPP;

	if (unmap)
		err = allocate(fd, FALLOC_FL_PUNCH_HOLE, len, offset);
	if (err == -EOPNOTSUPP)
		err = allocate(fd, FALLOC_FL_ZERO_RANGE, len, offset);
	if (err != -EOPNOTSUPP)
		return err;

	uint64_t part;

	for (uint64_t done = 0; done < len; done += part) {
		part = len - done < ZEROES_BYTES ? len - done : ZEROES_BYTES;
		err = pwrite_all(fd, zeroes, part, offset + done);
		if (err)
			return err;
	}
	return 0;
}

static int carry_out(const struct disk_file *file, const struct disk_request *request)
{
	uint64_t offset = request->sector * DISK_SECTOR_BYTES;
	uint64_t len = request->sectors * DISK_SECTOR_BYTES;

	if (request->op == DISK_READ)
		return pread_all(file->fd, request->data, len, offset);
	if (request->op == DISK_FLUSH)
		return file->disk.read_only ? 0 : flush(file->fd);
	if (request->op > DISK_WRITE_ZEROES) /* a file knows no erasure and no zones */
		return -EOPNOTSUPP;
	if (file->disk.read_only)
		return -EROFS;
	if (request->op == DISK_WRITE)
		return pwrite_all(file->fd, request->data, len, offset);
	if (request->op == DISK_DISCARD)
		return discard(file->fd, len, offset);
	return write_zeroes(file->fd, len, offset, request->unmap);
}

static void submit(struct disk *disk, struct disk_request *request)
{
	const struct disk_file *file = (const struct disk_file *)(const void *)disk;

	request->done(request, carry_out(file, request));
}

static const struct disk_ops file_ops = { .submit = submit };

/* ---- opening ---- */

int disk_file_open(struct disk_file *file, const char *path, bool read_only, char *error,
		   size_t error_len)
{
	int fd = disk_image_open(&file->disk, path, read_only, error, error_len);

	if (fd < 0)
		return fd;
	file->fd = fd;
	file->disk.ops = &file_ops;
	return 0;
}

void disk_file_close(struct disk_file *file)
{
	(void)close(file->fd);
	file->fd = -1;
}
