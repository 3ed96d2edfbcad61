/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk in a raw image file: byte n of the disk is byte n of the file.
 *
 * Every request completes inside submit, so a slow host disk holds up the caller's thread.
 */
#ifndef DISK_FILE_H
#define DISK_FILE_H

#include "backend.h"

struct disk_file {
	struct disk disk; /* give it to a device; `id` is empty and may be set before that */
	int fd;
};

/*
 * Opens an image: a regular file of one or more whole sectors; its size is the disk's capacity.
 * Returns 0, or with nothing open the error of disk_image_open and its line in `error`.
 */
int disk_file_open(struct disk_file *file, const char *path, bool read_only, char *error,
		   size_t error_len) __attribute__((warn_unused_result));

/* The file is not flushed: what the guest did not flush, it did not mean to be safe. */
void disk_file_close(struct disk_file *file);

#endif
