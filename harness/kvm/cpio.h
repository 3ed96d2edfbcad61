/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An initial RAM disk in memory: a cpio archive in the "newc" form
 * (Documentation/driver-api/early-userspace/buffer-format.rst of Linux).
 */
#ifndef CPIO_H
#define CPIO_H

#include <stddef.h>
#include <stdint.h>

struct cpio {
	uint8_t *bytes; /* free it */
	size_t len;
	unsigned int entries;
};

/* Adds a file, or with mode S_IFDIR a folder. Returns 0 or -ENOMEM. */
int cpio_add(struct cpio *c, const char *name, unsigned int mode, const void *bytes, size_t len)
	__attribute__((warn_unused_result));

/* The last entry. */
int cpio_end(struct cpio *c) __attribute__((warn_unused_result));

#endif
