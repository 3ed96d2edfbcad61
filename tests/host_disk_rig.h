/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An image, and a disk of the runner on it: for test_host_device.c, test_host_disk_image.c,
 * test_host_threads.c and test_runner_parts.c.
 */
#ifndef TESTS_HOST_DISK_RIG_H
#define TESTS_HOST_DISK_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kvm/host_disk.h"
#include "kvm/ram.h"

static char error[512];

static char image[] = "/tmp/anvil-disk.XXXXXX";

static inline int make_image(void **state)
{
	int fd = mkstemp(image);

	(void)state;
	return fd < 0 || ftruncate(fd, 1 << 20) || close(fd) ? -1 : 0;
}

static inline int remove_image(void **state)
{
	(void)state;
	return unlink(image);
}

static inline int open_disk(struct host_device **d, const struct ram *ram,
			    struct anvil_guest_memory *memory, bool read_only)
{
	struct host_disk_spec spec = { .path = image, .read_only = read_only, .queues = 1 };

	ram_for_devices(ram, memory);
	return host_disk_create(d, &spec, 0, memory, error, sizeof(error));
}

#endif
