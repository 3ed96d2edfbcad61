/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk in a raw image file or on a block device: byte n of the disk is byte n of that.
 *
 * Reads, writes and flushes complete inside submit, so a slow host disk holds up the caller's
 * thread. Discards and writes of zeroes can be of gigabytes, which on some file systems are written
 * for real. They wait for anvil_disk_file_poll, which does a bounded part at a time: other requests
 * are carried out in between, and a reset of the device ends them.
 *
 * An embedder that offers DISCARD or WRITE_ZEROES polls `event_fd` for reading, beside its other
 * descriptors, and then calls anvil_disk_file_poll. One that offers neither needs neither.
 *
 * Every embedder ignores SIGXFSZ, whose default is to end the process: where a file may not be so
 * large (RLIMIT_FSIZE), the kernel sends it for a guest's write. Ignored, it is -EFBIG, an I/O
 * error like ENOSPC and EDQUOT.
 */
#ifndef ANVIL_DISK_FILE_H
#define ANVIL_DISK_FILE_H

#include "backend.h"
#include "disk_image.h"
#include "disk_range.h"

#ifdef __cplusplus
extern "C" {
#endif

struct anvil_disk_file {
	struct anvil_disk disk; /* give it to a device; `id` is empty and may be set before that */
	int fd;
	int event_fd; /* readable: call anvil_disk_file_poll */
	/* discards and writes of zeroes, in the order they came; of the first one, what is left */
	struct anvil_disk_request *first;
	struct anvil_disk_request *last;
	struct anvil_disk_range range;
};

/*
 * Opens an image as anvil_disk_image_open does; `flags` are those of disk_image.h. Its size is the
 * disk's capacity. Returns 0, or with nothing open the error of anvil_disk_image_open and its line
 * in `error`; or what the system said, if there is no event to be had.
 */
int anvil_disk_file_open(struct anvil_disk_file *file, const char *path, unsigned int flags,
			 char *error, size_t error_len) __attribute__((warn_unused_result));

/*
 * Carries out one step of one discard or write of zeroes: at most ANVIL_DISK_RANGE_HOLE_BYTES given
 * back, or ANVIL_DISK_RANGE_WRITE_BYTES written. What is left then makes `event_fd` readable again.
 * May be called at any time, but not from `done`.
 */
void anvil_disk_file_poll(struct anvil_disk_file *file);

/* Polls until no request is left, those included that the device submits from `done`: stop or reset
 * the device before. Not from `done`. */
void anvil_disk_file_drain(struct anvil_disk_file *file);

/* Only when no request is left. The file is not flushed: what the guest did not flush, it did not
 * mean to be safe. */
void anvil_disk_file_close(struct anvil_disk_file *file);

#ifdef __cplusplus
}
#endif

#endif
