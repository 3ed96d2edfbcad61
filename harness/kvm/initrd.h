/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a file can be an initial RAM disk: without that, a kernel says little or nothing.
 */
#ifndef INITRD_H
#define INITRD_H

#include "linux_image.h"

/*
 * Takes what Linux does: a cpio archive (newc) that is whole up to its trailer, what one of its
 * decompressors knows by its magic, or an image of a file system it mounts from a RAM disk. Returns
 * 0, or -EINVAL with one line in `error`.
 */
int initrd_check(const struct image_file *image, char *error, size_t room)
	__attribute__((warn_unused_result));

#endif
