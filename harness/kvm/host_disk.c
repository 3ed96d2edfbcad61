/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_blk in front of disk_io_uring or disk_file.
 */
#include "host_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_file.h"
#include "disk_io_uring.h"
#include "sandbox.h"
#include "virtio_blk.h"

#define QUEUE_SIZE  256u
#define SLOTS	    32u
#define SEGMENTS    254u /* with header and status as many as the queue has */
#define SEGMENT_MAX 8192u

struct host_disk {
	struct host_device device; /* first */
	struct virtio_blk blk;
	bool uring;
	union {
		struct disk_file file;
		struct disk_io_uring ring;
	};
};

static struct host_disk *to_disk(struct host_device *d)
{
	return (struct host_disk *)(void *)d;
}

static unsigned int fill(struct host_device *d, struct pollfd *pollfds, unsigned int room,
			 int *timeout)
{
	const struct host_disk *disk = to_disk(d);

	(void)timeout;
	if (!disk->uring || room == 0)
		return 0;
	pollfds[0] = (struct pollfd){ .fd = disk->ring.event_fd, .events = POLLIN };
	return 1;
}

/* Also when nothing was polled for: what the page cache has is done as soon as it is submitted. */
static void dispatch(struct host_device *d, const struct pollfd *pollfds, unsigned int count)
{
	(void)pollfds, (void)count;
	if (to_disk(d)->uring)
		disk_io_uring_poll(&to_disk(d)->ring);
}

static void describe(const struct host_device *d, struct recorder_options *options)
{
	options->blk = &((const struct host_disk *)(const void *)d)->blk.options;
}

static void needs(const struct host_device *d, struct sandbox_needs *needs)
{
	const struct host_disk *disk = (const struct host_disk *)(const void *)d;

	if (disk->uring && disk->ring.restricted)
		needs->disk_io_uring = true;
	else
		needs->disk_file = true;
}

static void close_image(struct host_disk *disk)
{
	if (disk->uring)
		disk_io_uring_close(&disk->ring);
	else
		disk_file_close(&disk->file);
}

static void destroy(struct host_device *d)
{
	struct host_disk *disk = to_disk(d);

	if (disk->uring)
		disk_io_uring_drain(&disk->ring);
	virtio_blk_destroy(&disk->blk);
	close_image(disk);
	free(disk);
}

static const struct host_device_ops ops = { fill, dispatch, describe, needs, destroy };

/* A lock that QEMU and others take too: many readers, or one writer. */
static int lock_image(int fd, const char *path, bool read_only, char *error, size_t room)
{
	struct flock lock = {
		.l_type = read_only ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return 0; /* a file system without locks */
	snprintf(error, room, "%s: in use by another program; end that first, or copy the image",
		 path);
	return -EBUSY;
}

static int open_image(struct host_disk *disk, const char *path, bool read_only, char *error,
		      size_t room)
{
	int err = disk_io_uring_open(&disk->ring, path, read_only, SLOTS, error, room);

	disk->uring = err == 0;
	if (err == -ENOSYS || err == -EPERM) {
		fprintf(stderr, "anvil: %s: without io_uring, which this kernel refuses\n", path);
		err = disk_file_open(&disk->file, path, read_only, error, room);
	}
	if (err)
		return err;
	err = lock_image(disk->uring ? disk->ring.fd : disk->file.fd, path, read_only, error, room);
	if (err)
		close_image(disk);
	return err;
}

static int make_device(struct host_disk *disk, const struct guest_memory *memory)
{
	static const uint8_t feature[] = {
		VIRTIO_BLK_F_SIZE_MAX,	   VIRTIO_BLK_F_SEG_MAX,    VIRTIO_BLK_F_BLK_SIZE,
		VIRTIO_BLK_F_FLUSH,	   VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_DISCARD,
		VIRTIO_BLK_F_WRITE_ZEROES, VIRTIO_F_INDIRECT_DESC,  VIRTIO_F_EVENT_IDX,
		VIRTIO_F_RING_RESET,
	};
	struct virtio_blk_options o = {
		.memory = memory,
		.disk = disk->uring ? &disk->ring.disk : &disk->file.disk,
		.queue_size_max = QUEUE_SIZE,
		.slots = SLOTS,
		.transfer_max = SEGMENTS * SEGMENT_MAX,
		.size_max = SEGMENT_MAX,
		.seg_max = SEGMENTS,
		.blk_size = DISK_SECTOR_BYTES,
		.range_sectors_max = 1u << 22,
		.range_segments_max = VIRTIO_BLK_RANGE_SEGMENTS_MAX,
	};

	for (size_t i = 0; i < sizeof(feature); i++)
		virtio_features_add(&o.features, feature[i]);
	return virtio_blk_init(&disk->blk, &o);
}

int host_disk_create(struct host_device **device, const char *path, bool read_only,
		     unsigned int number, const struct guest_memory *memory, char *error,
		     size_t room)
{
	struct host_disk *disk = calloc(1, sizeof(*disk));
	struct disk *image;
	int err;

	if (!disk) {
		snprintf(error, room, "%s: not enough memory", path);
		return -ENOMEM;
	}
	err = open_image(disk, path, read_only, error, room);
	if (err) {
		free(disk);
		return err;
	}
	image = disk->uring ? &disk->ring.disk : &disk->file.disk;
	snprintf((char *)image->id, sizeof(image->id), "anvil%u", number);
	err = make_device(disk, memory);
	if (err) {
		snprintf(error, room, "%s: no device can be made: %s", path, strerror(-err));
		close_image(disk);
		free(disk);
		return err;
	}
	*device = &disk->device;
	err = host_device_init(*device, &ops, &disk->blk.dev);
	if (err) {
		snprintf(error, room, "%s: too many open files; raise the limit with ulimit -n",
			 path);
		host_device_destroy(*device);
	}
	return err;
}
