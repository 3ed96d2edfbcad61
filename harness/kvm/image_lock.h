/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lock on a disk image that QEMU takes, too (docs/system/qemu-block-drivers.rst.inc, "Disk
 * image file locking"): one program may write, or any number may read. It is the open file
 * description's, and goes with its last descriptor.
 */
#ifndef IMAGE_LOCK_H
#define IMAGE_LOCK_H

#include <stdbool.h>

/*
 * Returns 0; -EBUSY if another program writes the image, or reads it while we want to write; or
 * another negative errno: this file system has no such locks.
 */
int image_lock(int fd, bool read_only) __attribute__((warn_unused_result));

#endif
