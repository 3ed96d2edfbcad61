/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding a distribution's kernel and the modules that its drivers need.
 */
#ifndef GUEST_KERNEL_H
#define GUEST_KERNEL_H

#include <limits.h>
#include <stddef.h>

#include "cpio.h"

#define GUEST_KERNEL_ROOM PATH_MAX

/*
 * `asked`, or if that is NULL a readable /boot/vmlinuz, one of the running release, or what
 * `make guest-kernel` fetched. Returns 0, or -ENOENT with one line in `error`.
 */
int guest_kernel_find(const char *asked, char path[GUEST_KERNEL_ROOM], char *error, size_t room)
	__attribute__((warn_unused_result));

/*
 * Adds the modules of virtio_mmio, virtio_blk and virtio_net, with those they need, as
 * /modules/00, 01, ... in the order to load them; one that is compressed has ".z" at the end. What
 * the kernel has built in is left out. Returns 0, or a negative errno with one line in `error`.
 */
int guest_kernel_add_modules(struct cpio *cpio, const char *kernel, char *error, size_t room)
	__attribute__((warn_unused_result));

#endif
