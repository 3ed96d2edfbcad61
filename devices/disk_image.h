/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening a raw image file: byte n of the disk is byte n of the file. For the back ends that carry
 * out requests on one.
 */
#ifndef DISK_IMAGE_H
#define DISK_IMAGE_H

#include <sys/types.h>

#include "backend.h"

/* Hosts of 32 bits: disks are larger than 2 GiB. */
_Static_assert(sizeof(off_t) == 8, "compile with -D_FILE_OFFSET_BITS=64");

/* An operation that the system interrupts or puts off so many times in a row has failed: -EIO. */
#define DISK_RETRIES_MAX 100u

/*
 * Opens a regular file of one or more whole sectors. Returns its descriptor, which blocks, and
 * fills in `disk`: capacity and read_only, all else zero. Or, with nothing open and `disk` as it
 * was, -ENOENT  there is no such file -EISDIR  it is a directory -EACCES  it may not be read, or
 * written unless `read_only` -EINVAL  it is no regular file, has less than one sector, or its last
 * sector is cut short any other error that open or fstat gave and in `error`, of `error_len` bytes,
 * one line that names the file and says what to do. A line that does not fit is cut off; error_len
 * may be 0.
 */
int disk_image_open(struct disk *disk, const char *path, bool read_only, char *error,
		    size_t error_len) __attribute__((warn_unused_result));

/*
 * How many sectors an open image has by now. Returns 0, or -EINVAL if there is not one or the last
 * one is cut short, or what fstat says.
 */
int disk_image_capacity(int fd, uint64_t *capacity) __attribute__((warn_unused_result));

#endif
