/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every back end on a raw image asks of the file, and the words for what is wrong with it.
 */
#include "disk_image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/blkzoned.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_format.h"

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
	case EROFS:
		(void)snprintf(error, len,
			       "%s: it, or the file system that it is on, is read-only; open it "
			       "read-only, or copy it to where it can be written",
			       path);
		return -EACCES;
	case EACCES:
	case EPERM:
		(void)snprintf(error, len, "%s: no permission to %s; %s", path,
			       read_only ? "read it" : "write to it",
			       read_only ? "ask its owner for it"
					 : "open it read-only, or ask its owner for it");
		return -EACCES;
	case EBUSY:
		(void)snprintf(error, len,
			       "%s: is mounted, or another program has it to itself; unmount it "
			       "or end that, or open it read-only",
			       path);
		return -EBUSY;
	default:
		(void)snprintf(error, len, "%s: cannot be opened: %s", path, strerror(err));
		return -err;
	}
}

static int check_size(uint64_t bytes, const char *path, char *error, size_t len)
{
	unsigned long long size = bytes;

	if (size < ANVIL_DISK_SECTOR_BYTES)
		(void)snprintf(error, len,
			       "%s: has %llu bytes, less than one sector (512); make it larger "
			       "with: truncate -s 1G %s",
			       path, size, path);
	else if (size % ANVIL_DISK_SECTOR_BYTES)
		(void)snprintf(error, len,
			       "%s: its size of %llu bytes is not a multiple of 512; round it up "
			       "with: truncate -s %%512 %s",
			       path, size, path);
	else
		return 0;
	return -EINVAL;
}

static int check_content(int fd, uint64_t bytes, const char *path, char *error, size_t len)
{
	const struct anvil_disk_format *format = anvil_disk_format_find(fd, bytes);

	if (!format)
		return 0;
	(void)snprintf(error, len, "%s: is a %s image, not a raw one; convert it with: %s%s%s",
		       path, format->name, format->command, path, format->out);
	return -EMEDIUMTYPE;
}

/* Of a file or a block device; needs no more than lseek, which a sandbox allows. */
static int size_of(int fd, uint64_t *bytes)
{
	off_t end = lseek(fd, 0, SEEK_END);

	if (end < 0)
		return -errno;
	*bytes = (uint64_t)end;
	return 0;
}

/*
 * One that is read-only can be opened to write, and then refuses each write. Zones would want to be
 * written from front to back, and a guest is not told of them.
 */
static int check_block_device(int fd, struct anvil_disk *disk, const char *path, char *error,
			      size_t len)
{
	uint32_t zone_sectors = 0;
	int block_bytes = 0;
	int read_only = 0;

	if (ioctl(fd, BLKSSZGET, &block_bytes) || ioctl(fd, BLKROGET, &read_only))
		return explain_open(errno, path, true, error, len);
	if (read_only && !disk->read_only)
		return explain_open(EROFS, path, false, error, len);
	if (ioctl(fd, BLKGETZONESZ, &zone_sectors) == 0 && zone_sectors > 0) {
		(void)snprintf(error, len,
			       "%s: is a zoned device; name one without zones, or an image file",
			       path);
		return -EINVAL;
	}
	if (block_bytes > 0)
		disk->block_bytes = (uint32_t)block_bytes;
	return 0;
}

static int check_kind(const struct stat *st, const char *path, char *error, size_t len)
{
	if (S_ISDIR(st->st_mode))
		return explain_open(EISDIR, path, true, error, len);
	if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode))
		return 0;
	(void)snprintf(error, len,
		       "%s: is not a regular file or a block device; name a raw disk image", path);
	return -EINVAL;
}

static int check(int fd, struct anvil_disk *disk, const char *path, unsigned int flags, char *error,
		 size_t len)
{
	uint64_t bytes = 0;
	struct stat st;
	int err = fstat(fd, &st) ? explain_open(errno, path, true, error, len)
				 : check_kind(&st, path, error, len);

	if (err)
		return err;
	err = size_of(fd, &bytes);
	if (err)
		return explain_open(-err, path, true, error, len);
	if (!(flags & ANVIL_DISK_IMAGE_ANY_CONTENT))
		err = check_content(fd, bytes, path, error, len);
	if (!err && bytes == 0 && S_ISBLK(st.st_mode))
		err = explain_open(ENOMEDIUM, path, true, error, len);
	if (!err)
		err = check_size(bytes, path, error, len);
	*disk = (struct anvil_disk){ .capacity = bytes / ANVIL_DISK_SECTOR_BYTES,
				     .block_bytes = ANVIL_DISK_SECTOR_BYTES,
				     .read_only = flags & ANVIL_DISK_IMAGE_READ_ONLY };
	return err || !S_ISBLK(st.st_mode) ? err : check_block_device(fd, disk, path, error, len);
}

/*
 * O_NONBLOCK: opening a FIFO must not wait for a writer before we can say what is wrong; requests
 * are to wait, whatever the kernel makes of the flag. O_EXCL is for block devices alone, without
 * O_CREAT: nobody has it mounted.
 */
int anvil_disk_image_open(struct anvil_disk *disk, const char *path, unsigned int flags,
			  char *error, size_t error_len)
{
	bool read_only = flags & ANVIL_DISK_IMAGE_READ_ONLY;
	int mode = read_only ? O_RDONLY : O_RDWR | O_EXCL;
	struct anvil_disk found;
	int fd = open(path, mode | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err;

	if (fd < 0)
		return explain_open(errno, path, read_only, error, error_len);
	err = check(fd, &found, path, flags, error, error_len);
	if (!err && fcntl(fd, F_SETFL, 0))
		err = explain_open(errno, path, read_only, error, error_len);
	if (err) {
		(void)close(fd);
		return err;
	}
	*disk = found;
	return fd;
}

int anvil_disk_image_capacity(int fd, uint64_t *capacity)
{
	uint64_t bytes = 0;
	int err = size_of(fd, &bytes);

	if (err)
		return err;
	if (bytes < ANVIL_DISK_SECTOR_BYTES || bytes % ANVIL_DISK_SECTOR_BYTES)
		return -EINVAL;
	*capacity = bytes / ANVIL_DISK_SECTOR_BYTES;
	return 0;
}
