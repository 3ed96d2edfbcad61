/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every back end on a raw image asks of the file, and the words for what is wrong with it.
 */
#include "disk_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* It was opened without waiting; requests are to wait, whatever the kernel makes of the flag. */
static int examine(int fd, struct stat *st, const char *path, bool read_only, char *error,
		   size_t len)
{
	if (fstat(fd, st) || fcntl(fd, F_SETFL, 0))
		return explain_open(errno, path, read_only, error, len);
	return judge(st, path, error, len);
}

/* O_NONBLOCK: opening a FIFO must not wait for a writer before we can say what is wrong */
int disk_image_open(struct disk *disk, const char *path, bool read_only, char *error,
		    size_t error_len)
{
	struct stat st;
	int mode = read_only ? O_RDONLY : O_RDWR;
	int fd = open(path, mode | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return explain_open(errno, path, read_only, error, error_len);

	int err = examine(fd, &st, path, read_only, error, error_len);

	if (err) {
		(void)close(fd);
		return err;
	}
	memset(disk, 0, sizeof(*disk));
	disk->capacity = (uint64_t)st.st_size / DISK_SECTOR_BYTES;
	disk->read_only = read_only;
	return fd;
}

int disk_image_capacity(int fd, uint64_t *capacity)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size < DISK_SECTOR_BYTES || st.st_size % DISK_SECTOR_BYTES)
		return -EINVAL;
	*capacity = (uint64_t)st.st_size / DISK_SECTOR_BYTES;
	return 0;
}
