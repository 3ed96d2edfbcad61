/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loading a kernel: a bzImage through the 64-bit boot protocol, or an ELF image with a PVH entry,
 * with an initial RAM disk and a command line. (Documentation/x86/boot.rst of Linux; Xen's PVH
 * boot ABI.)
 */
#ifndef LINUX_IMAGE_H
#define LINUX_IMAGE_H

#include "ram.h"
#include "vcpu.h"

/* A file's content, or bytes that the caller has. */
struct image_file {
	const char *path; /* for messages */
	const uint8_t *bytes;
	size_t len;
};

/*
 * Reads a regular file, so that nothing changes it afterwards. Returns 0, or with nothing held a
 * negative errno and one line in `error` that names the file. `what` is what it should be:
 * "kernel".
 */
int image_open(struct image_file *image, const char *path, const char *what, char *error,
	       size_t room) __attribute__((warn_unused_result));
void image_close(struct image_file *image);

struct linux_image {
	struct image_file kernel;
	struct image_file initrd; /* len 0: none */
	const char *cmdline;
	uint64_t rsdp; /* where the ACPI tables begin */
};

/*
 * Puts all into memory as the kernel wants to find it, and says where it starts. Returns 0, or
 * -EINVAL (no kernel that this can load) or -ENOSPC (too little memory) with one line in `error`.
 */
int linux_load(const struct linux_image *image, const struct ram *ram, struct vcpu_entry *entry,
	       char *error, size_t room) __attribute__((warn_unused_result));

/* The release that a bzImage says it is ("6.1.0-9-amd64"), which names its modules' folder. Returns
 * false if it does not say. */
bool linux_release(const struct image_file *kernel, char *release, size_t room);

#endif
