/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The image: sectors in memory, and the calls that work on a file or a block device.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/blkzoned.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend.h"
#include "host.h"
#include "place.h"
#include "steps.h"

#define SECTOR_BYTES ANVIL_DISK_SECTOR_BYTES

/* Sectors that something was written to. */
static struct {
	uint8_t data[PLACE_SLOTS][SECTOR_BYTES];
	bool there[PLACE_SLOTS];
	uint16_t used[PLACE_SLOTS];
	unsigned int uses;
} store;

void host_image_reset(void)
{
	while (store.uses > 0)
		store.there[store.used[--store.uses]] = false;
}

static uint8_t *sector_at(uint64_t sector, int slot)
{
	if (!store.there[slot]) {
		place_fill(store.data[slot], sector, PLACE_INITIAL, host.image.patterned);
		store.there[slot] = true;
		store.used[store.uses++] = (uint16_t)slot;
	}
	return store.data[slot];
}

/* ---- bytes ---- */

/* What is left of its sector from this byte on, up to `len`. */
static size_t in_sector(uint64_t offset, uint64_t len)
{
	uint64_t left = SECTOR_BYTES - offset % SECTOR_BYTES;

	return (size_t)(left < len ? left : len);
}

static void get(uint8_t *data, uint64_t len, uint64_t offset)
{
	for (size_t part; len > 0; len -= part, data += part, offset += part) {
		int slot = place_slot(offset / SECTOR_BYTES);

		part = in_sector(offset, len);
		if (slot < 0)
			memset(data, 0, part);
		else
			memcpy(data, sector_at(offset / SECTOR_BYTES, slot) + offset % SECTOR_BYTES,
			       part);
	}
}

/* Without an end in the middle, so that a compiler makes vectors of it. */
static bool zero(const uint8_t *data, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= data[i];
	return !any;
}

/* Whether scripts use any sector of it. */
static bool far_away(uint64_t len, uint64_t offset)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		uint64_t from = offset / SECTOR_BYTES;
		uint64_t to = (offset + len + SECTOR_BYTES - 1) / SECTOR_BYTES;

		if (place_clip(i, &from, &to))
			return false;
	}
	return true;
}

/* NULL: zeroes. */
static void put(const uint8_t *data, uint64_t len, uint64_t offset)
{
	if (data && far_away(len, offset) && zero(data, len))
		return;
	for (size_t part; len > 0; len -= part, offset += part) {
		int slot = place_slot(offset / SECTOR_BYTES);

		part = in_sector(offset, len);
		if (slot < 0 && data && !zero(data, part))
			steps_finding("writes to byte %llu, which is not its request's",
				      (unsigned long long)offset);
		if (slot >= 0 && data)
			memcpy(sector_at(offset / SECTOR_BYTES, slot) + offset % SECTOR_BYTES, data,
			       part);
		else if (slot >= 0)
			memset(sector_at(offset / SECTOR_BYTES, slot) + offset % SECTOR_BYTES, 0,
			       part);
		if (data)
			data += part;
	}
}

/* Of whole sectors. */
static void punch(uint64_t len, uint64_t offset)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		uint64_t from = offset / SECTOR_BYTES;
		uint64_t to = (offset + len) / SECTOR_BYTES;

		if (place_clip(i, &from, &to))
			put(NULL, (to - from) * SECTOR_BYTES, from * SECTOR_BYTES);
	}
}

/* ---- operations ---- */

static struct host_fd *image_of(int fd)
{
	struct host_fd *image = host_find(fd);

	if (!image || image->kind != HOST_IMAGE)
		steps_finding("takes descriptor %d for the image", fd);
	return image;
}

static void tell(enum host_call call, uint64_t offset, uint64_t len)
{
	if (host.setting_up)
		return;
	if (offset > host.image.bytes || len > host.image.bytes - offset)
		steps_finding("asks for %llu bytes at %llu of an image of %llu",
			      (unsigned long long)len, (unsigned long long)offset,
			      (unsigned long long)host.image.bytes);
	if (host.accessed)
		host.accessed(call, offset, len);
}

int64_t host_image_read(int fd, void *data, uint64_t len, uint64_t offset)
{
	uint64_t bytes = len;

	(void)image_of(fd);
	tell(HOST_READ, offset, len);
	if (offset >= host.image.bytes)
		bytes = 0;
	else if (bytes > host.image.bytes - offset)
		bytes = host.image.bytes - offset;

	int err = host_strike(host.setting_up ? HOST_SETUP : HOST_READ, &bytes);

	get(data, bytes, offset);
	return err ? err : (int64_t)bytes;
}

int64_t host_image_write(int fd, const void *data, uint64_t len, uint64_t offset)
{
	uint64_t bytes = len;

	if (!image_of(fd)->may_write)
		return -EBADF;
	tell(HOST_WRITE, offset, len);

	int err = host_strike(HOST_WRITE, &bytes);

	if (err == -EINTR || err == -EAGAIN)
		bytes = 0;
	put(data, bytes, offset);
	host.changes++;
	host.written += bytes;
	return err ? err : (int64_t)bytes;
}

int host_image_sync(int fd)
{
	uint64_t changes = host.changes;

	(void)image_of(fd);

	int err = host_strike(HOST_SYNC, NULL);

	if (!err)
		host.synced = changes;
	return err;
}

int host_image_allocate(int fd, int mode, uint64_t offset, uint64_t len)
{
	int err;

	if (!image_of(fd)->may_write)
		return -EBADF;
	if (len == 0 || !(mode & FALLOC_FL_KEEP_SIZE) ||
	    (mode != (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE) &&
	     mode != (FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE)))
		steps_finding("allocates %llu bytes in mode 0x%x", (unsigned long long)len,
			      (unsigned int)mode);
	tell(HOST_ALLOCATE, offset, len);
	if ((offset | len) % ANVIL_DISK_SECTOR_BYTES ||
	    (host.image.block_device && (offset | len) % host.image.block))
		steps_finding("allocates %llu bytes at %llu of an image of blocks of %u",
			      (unsigned long long)len, (unsigned long long)offset,
			      host.image.block);
	if (mode & host.image.lacks)
		return -EOPNOTSUPP;
	err = host_strike(HOST_ALLOCATE, NULL);
	if (err)
		return err;
	punch(len, offset);
	host.changes++;
	host.punched += len;
	return 0;
}

/* ---- system calls ---- */

ssize_t __real_pread(int fd, void *data, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *data, size_t len, off_t offset);
ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset);
int __wrap_fdatasync(int fd);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
off_t __real_lseek(int fd, off_t offset, int whence);
off_t __wrap_lseek(int fd, off_t offset, int whence);
int __real_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...);
int __real_ioctl(int fd, unsigned long what, ...);
int __wrap_ioctl(int fd, unsigned long what, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

static ssize_t answer(int64_t result)
{
	if (result >= 0)
		return (ssize_t)result;
	errno = (int)-result;
	return -1;
}

ssize_t __wrap_pread(int fd, void *data, size_t len, off_t offset)
{
	return host_find(fd) ? answer(host_image_read(fd, data, len, (uint64_t)offset))
			     : __real_pread(fd, data, len, offset);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset)
{
	return host_find(fd) ? answer(host_image_write(fd, data, len, (uint64_t)offset))
			     : __real_pwrite(fd, data, len, offset);
}

int __wrap_fdatasync(int fd)
{
	return (int)answer(host_image_sync(fd));
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	return (int)answer(host_image_allocate(fd, mode, (uint64_t)offset, (uint64_t)len));
}

int __wrap_fstat(int fd, struct stat *st)
{
	const struct host_fd *found = host_find(fd);
	int err;

	if (!found)
		return __real_fstat(fd, st);
	err = host_strike(HOST_SETUP, NULL);
	memset(st, 0, sizeof(*st));
	st->st_ino = found->kind;
	st->st_mode = found->kind == HOST_IMAGE && host.image.block_device ? S_IFBLK : S_IFREG;
	st->st_size = st->st_mode == S_IFREG ? (off_t)host.image.bytes : 0;
	return (int)answer(err);
}

off_t __wrap_lseek(int fd, off_t offset, int whence)
{
	int err;

	if (!host_find(fd))
		return __real_lseek(fd, offset, whence);
	err = host_strike(HOST_SETUP, NULL);
	return answer(err ? err : (int64_t)host.image.bytes);
}

/* The kernel's flag for "do not wait", which is set while it is opened. */
int __wrap_fcntl(int fd, int what, ...)
{
	va_list args;
	long value;

	va_start(args, what);
	value = va_arg(args, long);
	va_end(args);
	return host_find(fd) ? (int)answer(host_strike(HOST_SETUP, NULL))
			     : __real_fcntl(fd, what, value);
}

static int image_ioctl(unsigned long what, void *value)
{
	int err = host_strike(HOST_SETUP, NULL);

	if (err)
		return err;
	if (what == BLKSSZGET)
		*(int *)value = (int)host.image.block;
	else if (what == BLKROGET)
		*(int *)value = host.image.locked;
	else if (what == BLKGETZONESZ)
		*(uint32_t *)value = host.image.zones ? 128 : 0;
	else
		return -ENOTTY;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long what, ...)
{
	const struct host_fd *found = host_find(fd);
	va_list args;
	void *value;

	va_start(args, what);
	value = va_arg(args, void *);
	va_end(args);
	if (!found)
		return __real_ioctl(fd, what, value);
	if (found->kind == HOST_IMAGE)
		return (int)answer(image_ioctl(what, value));
	return (int)answer(host_strike(HOST_SETUP, NULL));
}

int __wrap_open(const char *path, int flags, ...)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	va_list args;
	int mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	if (strcmp(path, HOST_IMAGE_PATH) == 0)
		return host_open(HOST_IMAGE, writes);
	if (strcmp(path, HOST_CAPTURE_IN_PATH) == 0)
		return host_open(HOST_CAPTURE_IN, writes);
	if (strcmp(path, HOST_CAPTURE_OUT_PATH) == 0)
		return host_open(HOST_CAPTURE_OUT, writes);
	if (strcmp(path, "/dev/net/tun") == 0)
		return host_open(HOST_TAP, writes);
	return __real_open(path, flags, mode);
}
