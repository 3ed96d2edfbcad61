/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk in a raw image file or on a block device, whose requests the kernel carries out while the
 * caller goes on (Linux io_uring). Programs that use it link liburing.
 *
 * The embedder polls `event_fd` for reading, beside its other descriptors, and then calls
 * anvil_disk_io_uring_poll. Each `done` is called from there, from anvil_disk_io_uring_drain, or
 * from submit when there is nothing for the kernel to do. The thread that submits a request must
 * live until the request is done: the kernel gives up a dead thread's requests.
 *
 * The kernel gets a discard or a write of zeroes in steps, one at a time of each request: at most
 * ANVIL_DISK_RANGE_HOLE_BYTES given back, or ANVIL_DISK_RANGE_WRITE_BYTES made zero (disk_range.h).
 * A request that is cancelled ends with the step that the kernel has.
 *
 * Every embedder ignores SIGXFSZ, as disk_file.h says: the ring's writes raise it, too.
 */
#ifndef ANVIL_DISK_IO_URING_H
#define ANVIL_DISK_IO_URING_H

#include "backend.h"
#include "disk_image.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ANVIL_DISK_IO_URING_DEPTH_MAX 4096u

struct anvil_disk_io_uring_queue;

struct anvil_disk_io_uring {
	struct anvil_disk disk; /* give it to a device; `id` is empty and may be set before that */
	int fd;			/* the image */
	int event_fd;		/* readable: call anvil_disk_io_uring_poll */
	/*
	 * The kernel takes only a disk's operations on this ring (Linux 5.10). If this is false, an
	 * attacker who controls this process can open files and sockets by the ring, past a seccomp
	 * filter.
	 */
	bool restricted;
	struct anvil_disk_io_uring_queue *queue; /* ours */
};

/*
 * Opens an image, as anvil_disk_file_open does, and all that `depth` requests at one time will ever
 * need: for a device, its slots. A request beyond these is the device's bug and fails an assertion.
 * Returns 0, or with nothing open
 *   -ENOSYS  the kernel has no io_uring, or one that lacks an operation
 *   -EPERM   the kernel has it, but not for this process
 *   -EACCES  the same, by the policy of a security module
 *   -ENOMEM  no memory, or in old kernels not enough that may be locked
 *   -EINVAL  also: depth is 0 or more than ANVIL_DISK_IO_URING_DEPTH_MAX
 *   any other error that the kernel gave, or one of anvil_disk_image_open
 * and one line in `error`, as there. Kernels and policies refuse io_uring in many ways. Whatever
 * this returns, anvil_disk_file_open may be tried: it fails in turn if the image is at fault.
 */
int anvil_disk_io_uring_open(struct anvil_disk_io_uring *uring, const char *path,
			     unsigned int flags, unsigned int depth, char *error, size_t error_len)
	__attribute__((warn_unused_result));

/* Finishes requests that the kernel has completed, and those with an operation that it interrupts,
 * puts off or does not take ANVIL_DISK_RETRIES_MAX times in a row (-EIO); does not wait. May be
 * called at any time, but not from `done`. */
void anvil_disk_io_uring_poll(struct anvil_disk_io_uring *uring);

/* Waits until no request is left, those included that the device submits from `done`: stop or reset
 * the device before. Not from `done`. */
void anvil_disk_io_uring_drain(struct anvil_disk_io_uring *uring);

/* Only when no request is left. The file is not flushed. */
void anvil_disk_io_uring_close(struct anvil_disk_io_uring *uring);

#ifdef __cplusplus
}
#endif

#endif
