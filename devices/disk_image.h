/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening a raw image: byte n of the disk is byte n of the file or block device. For the back ends
 * that carry out requests on one.
 */
#ifndef ANVIL_DISK_IMAGE_H
#define ANVIL_DISK_IMAGE_H

#include <assert.h>
#include <sys/types.h>

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Hosts of 32 bits: disks are larger than 2 GiB. */
static_assert(sizeof(off_t) == 8, "compile with -D_FILE_OFFSET_BITS=64");

/* An operation that the system interrupts or puts off so many times in a row has failed: -EIO. */
#define ANVIL_DISK_RETRIES_MAX 100u

/* How to open one; any of these. */
enum anvil_disk_image_flags {
	ANVIL_DISK_IMAGE_READ_ONLY = 1,
	/* Take the content as it is, if it looks like an image of another format (disk_format.h),
	 * too. A guest can write that on its raw disk. */
	ANVIL_DISK_IMAGE_ANY_CONTENT = 2,
};

/*
 * Opens a regular file of one or more whole sectors, or a block device. A block device that is to
 * be written is ours alone: not one that is mounted. Returns its descriptor, which blocks, and
 * fills in `disk`: capacity, block_bytes (512, or a block device's logical blocks) and read_only,
 * all else zero. Or it returns, with nothing open and `disk` as it was,
 *   -ENOENT       there is no such file
 *   -EISDIR       it is a directory
 *   -EACCES       it may not be read, or written unless read-only
 *   -EBUSY        it is a block device that is mounted, or somebody's alone
 *   -EMEDIUMTYPE  it is an image of another format
 *   -EINVAL       it is neither regular file nor block device, or a zoned one; has less than one
 *                 sector, or its last sector is cut short
 *   any other error that the system gave
 * and in `error`, of `error_len` bytes, one line that names the file and says what to do. A line
 * that does not fit is cut off; error_len may be 0.
 */
int anvil_disk_image_open(struct anvil_disk *disk, const char *path, unsigned int flags,
			  char *error, size_t error_len) __attribute__((warn_unused_result));

/*
 * How many sectors an open image has by now. Returns 0, or -EINVAL if there is not one or the last
 * one is cut short, or what the system says.
 */
int anvil_disk_image_capacity(int fd, uint64_t *capacity) __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif

#endif
