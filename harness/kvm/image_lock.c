/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program locks a byte of the file for each thing that it does with the image (read, write), and
 * another one for each thing that it does not let others do (write, resize). These are read locks,
 * which any number of programs can hold: taking one never fails because of QEMU. Then the program
 * looks whether another one has locked a byte that conflicts with its own. So of two that start at
 * once both may fail, but never both succeed.
 */
#include "image_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "array_size.h"

/* What is done with an image, as QEMU numbers it. */
enum use { USE_READ = 0, USE_WRITE = 1, USE_RESIZE = 3 };

#define USED_FROM	100
#define NOT_SHARED_FROM 200

static struct flock byte_lock(short type, off_t at)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
}

/* EAGAIN and EACCES: someone has locked the whole file for writing, as other programs do. */
static int take(int fd, off_t at)
{
	struct flock lock = byte_lock(F_RDLCK, at);

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

static int check_free(int fd, off_t at)
{
	struct flock lock = byte_lock(F_WRLCK, at);

	if (fcntl(fd, F_OFD_GETLK, &lock))
		return -errno;
	return lock.l_type == F_UNLCK ? 0 : -EBUSY;
}

/* Nobody else may write or change the size. */
static const enum use not_shared[] = { USE_WRITE, USE_RESIZE };

static int take_all(int fd, bool read_only)
{
	int err = take(fd, USED_FROM + USE_READ);

	if (!err && !read_only)
		err = take(fd, USED_FROM + USE_WRITE);
	for (size_t i = 0; i < ARRAY_SIZE(not_shared) && !err; i++)
		err = take(fd, NOT_SHARED_FROM + (off_t)not_shared[i]);
	return err;
}

static int check_all(int fd, bool read_only)
{
	int err = check_free(fd, NOT_SHARED_FROM + USE_READ);

	if (!err && !read_only)
		err = check_free(fd, NOT_SHARED_FROM + USE_WRITE);
	for (size_t i = 0; i < ARRAY_SIZE(not_shared) && !err; i++)
		err = check_free(fd, USED_FROM + (off_t)not_shared[i]);
	return err;
}

int image_lock(int fd, bool read_only)
{
	int err = take_all(fd, read_only);

	return err ? err : check_all(fd, read_only);
}
