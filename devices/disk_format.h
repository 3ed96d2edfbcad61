/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Telling images of other formats from raw ones: what QEMU's block drivers, and the programs that
 * pack files, write at the start or the end of theirs. A guest that got such an image for a raw
 * disk would see its tables, and write over them.
 *
 * What can be a raw disk's own content is none of these: file systems, partitions, archives, and
 * LUKS, which a guest opens itself.
 */
#ifndef ANVIL_DISK_FORMAT_H
#define ANVIL_DISK_FORMAT_H

#include <stdint.h>

struct anvil_disk_format {
	const char *name; /* "qcow2" */
	/* The command that makes a raw image of one, with what goes before the image's name and
	 * behind it: "qemu-img convert -O raw ", " OUT". */
	const char *command;
	const char *out;
};

/*
 * Which one an open file of `bytes` bytes has. Returns NULL if none, or if it cannot be read. Reads
 * no more than a few sectors.
 */
const struct anvil_disk_format *anvil_disk_format_find(int fd, uint64_t bytes);

#endif
