/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests as system calls. Ranges were judged by the device; the file may still shrink meanwhile,
 * and then it is an error, not a shorter request.
 */
#include "disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZEROES_BYTES 65536u

static int pread_all(int fd, uint8_t *data, uint64_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pread(fd, data, len, (off_t)offset);

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
		ssize_t n = pwrite(fd, data, len, (off_t)offset);

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

static int explain_open(int err, const char *path, bool read_only, char *error, size_t len)
{
	switch (err) {
	case ENOENT:
		(void)snprintf(error, len, "%s: no such file; make one with: truncate -s 1G %s",
			       path, path);
		return -ENOENT;
	case EISDIR:
		(void)snprintf(error, len, "%s: is a directory; name a raw disk image", path);
		return -EISDIR;
	case EACCES:
	case EPERM:
	case EROFS:
		(void)snprintf(error, len, "%s: no permission to %s; %s", path,
			       read_only ? "read it" : "write to it",
			       read_only ? "ask its owner for it"
					 : "open it read-only, or ask its owner for it");
		return -EACCES;
	default:
		(void)snprintf(error, len, "%s: cannot be opened: %s", path, strerror(err));
		return -err;
	}
}

static int judge(const struct stat *st, const char *path, char *error, size_t len)
{
	long long size = st->st_size;

	if (S_ISDIR(st->st_mode))
		return explain_open(EISDIR, path, true, error, len);
	if (!S_ISREG(st->st_mode))
		(void)snprintf(error, len, "%s: is not a regular file; name a raw disk image",
			       path);
	else if (size < DISK_SECTOR_BYTES)
		(void)snprintf(error, len,
			       "%s: has %lld bytes, less than one sector (512); make it larger "
			       "with: truncate -s 1G %s",
			       path, size, path);
	else if (size % DISK_SECTOR_BYTES)
		(void)snprintf(error, len,
			       "%s: its size of %lld bytes is not a multiple of 512; round it up "
			       "with: truncate -s %%512 %s",
			       path, size, path);
	else
		return 0;
	return -EINVAL;
}

/* O_NONBLOCK: opening a FIFO must not wait for a writer before we can say what is wrong */
int disk_file_open(struct disk_file *file, const char *path, bool read_only, char *error,
		   size_t error_len)
{
	struct stat st;
	int mode = read_only ? O_RDONLY : O_RDWR;
	int fd = open(path, mode | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return explain_open(errno, path, read_only, error, error_len);

	int err = fstat(fd, &st) ? explain_open(errno, path, read_only, error, error_len)
				 : judge(&st, path, error, error_len);

	if (err) {
		(void)close(fd);
		return err;
	}
	memset(file, 0, sizeof(*file));
	file->fd = fd;
	file->disk.ops = &file_ops;
	file->disk.capacity = (uint64_t)st.st_size / DISK_SECTOR_BYTES;
	file->disk.read_only = read_only;
	return 0;
}

void disk_file_close(struct disk_file *file)
{
	(void)close(file->fd);
	file->fd = -1;
}
