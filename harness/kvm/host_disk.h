/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk image behind virtio_blk, for a machine that boots a kernel. Requests are the kernel's
 * (io_uring) where it lets us, else the device's thread carries them out itself.
 */
#ifndef HOST_DISK_H
#define HOST_DISK_H

#include "guest_memory.h"
#include "host_device.h"

/*
 * Opens and locks `path`, and makes a device of it, number `number` among the machine's. A line on
 * stderr says so if io_uring is not to be had. Returns 0, or with nothing open a negative errno and
 * one line in `error`. host_device_destroy frees all.
 */
int host_disk_create(struct host_device **device, const char *path, bool read_only,
		     unsigned int number, const struct guest_memory *memory, char *error,
		     size_t room) __attribute__((warn_unused_result));

#endif
