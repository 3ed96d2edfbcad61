/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk image behind virtio_blk, for a machine that boots a kernel. Requests are the kernel's
 * (io_uring, restricted to what a disk needs) where it lets us, else the device's thread carries
 * them out itself.
 */
#ifndef HOST_DISK_H
#define HOST_DISK_H

#include "base/command.h"
#include "guest_memory.h"
#include "host_device.h"

struct host_disk_spec {
	const char *path;
	bool read_only;
	bool any_content;      /* even that of an image of another format */
	bool legacy;	       /* for host_device_make_legacy */
	bool packed;	       /* offer RING_PACKED */
	unsigned int queues;   /* 0: as many as others have */
	unsigned int zone_mib; /* host-managed zones of so many MiB, or 0: none */
};

/* What may stand after FILE, up to an entry without a name. */
extern const struct option_word host_disk_words[];

/*
 * "FILE", and at its end any of the words. What stands after the last comma may also be the end of
 * the file's name, if there is such a file, or if it has a slash; else it is refused as an unknown
 * word. `text` is the caller's, is cut and kept. Returns 0, or -EINVAL with one line in `error`.
 */
int host_disk_parse(struct host_disk_spec *spec, char *text, char *error, size_t room)
	__attribute__((warn_unused_result));

/*
 * Opens and locks the image (image_lock.h), and makes a device of it, number `number` among the
 * machine's. A line on stderr says why if io_uring is not to be had, or there are no locks. Returns
 * 0, or with nothing open a negative errno and one line in `error`. host_device_destroy frees all.
 *
 * What is in zones cannot be read by the next machine: each finds all of them empty. But the first
 * zone, which is a conventional one, is the image's first part as it is.
 */
int host_disk_create(struct host_device **device, const struct host_disk_spec *spec,
		     unsigned int number, const struct anvil_guest_memory *memory, char *error,
		     size_t room) __attribute__((warn_unused_result));

#endif
