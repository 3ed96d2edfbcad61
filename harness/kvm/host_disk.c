/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_blk in front of disk_io_uring or disk_file, and perhaps zones in between.
 */
#include "host_disk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/complain.h"
#include "disk_file.h"
#include "disk_image.h"
#include "disk_io_uring.h"
#include "host_words.h"
#include "image_lock.h"
#include "sandbox.h"
#include "virtio_blk.h"
#include "virtio_spec.h"
#include "zoned_disk.h"

#define QUEUE_SIZE  256u
#define SLOTS	    32u
#define SEGMENTS    254u /* with header and status as many as the queue has */
#define SEGMENT_MAX 8192u

#define ERROR_ROOM 512u

/* of disks with zones: of a size that drivers take, and limits that they may meet */
#define ZONE_MIB	 4u
#define ZONE_MIB_MAX	 1024u
#define ZONES_OPEN_MAX	 8u
#define ZONES_ACTIVE_MAX 12u
#define MIB_SECTORS	 2048u

struct host_disk {
	struct host_device device; /* first */
	struct anvil_blk blk;
	bool uring;
	union {
		struct anvil_disk_file file;
		struct anvil_disk_io_uring ring;
	};
	struct anvil_zoned_disk zoned; /* in front of it, if it has zones */
};

static struct host_disk *to_disk(struct host_device *d)
{
	return (struct host_disk *)(void *)d;
}

/* ---- what was asked for ---- */

enum { WORD_RO, WORD_RAW, WORD_ZONED, WORD_LEGACY, WORD_PACKED, WORD_QUEUES };

const struct option_word host_disk_words[] = {
	[WORD_RO] = { ",ro", "the guest cannot write" },
	[WORD_RAW] = { ",raw", "taken as it is, even if it looks like an image of another format" },
	[WORD_ZONED] = { ",zoned[=MIB]",
			 "host-managed zones of so many MiB (1 to 1024; 4 if not given)" },
	[WORD_LEGACY] = { ",legacy", "as --legacy, for this disk" },
	[WORD_PACKED] = { ",packed", "as --packed" },
	[WORD_QUEUES] = { ",queues=N", "as --queues" },
	{ 0 },
};

/* Returns 0, or the most that the value may be. */
static unsigned int take_word(struct host_disk_spec *spec, int word, const char *value)
{
	switch (word) {
	case WORD_RO:
		spec->read_only = true;
		return 0;
	case WORD_RAW:
		spec->any_content = true;
		return 0;
	case WORD_LEGACY:
		spec->legacy = true;
		return 0;
	case WORD_PACKED:
		spec->packed = true;
		return 0;
	case WORD_ZONED:
		spec->zone_mib = ZONE_MIB;
		return !value || host_word_number(value, ZONE_MIB_MAX, &spec->zone_mib)
			       ? 0
			       : ZONE_MIB_MAX;
	default:
		return host_word_number(value, HOST_DEVICE_PAIRS_MAX, &spec->queues)
			       ? 0
			       : HOST_DEVICE_PAIRS_MAX;
	}
}

/* Takes words from the end of spec->path, up to the first that is none. */
static int take_words(struct host_disk_spec *spec, char *path, const char *text, char *error,
		      size_t room)
{
	const char *value;
	char *comma;

	while ((comma = strrchr(path, ','))) {
		int word = host_word_find(host_disk_words, comma + 1, &value);
		unsigned int most = word < 0 ? 0 : take_word(spec, word, value);

		if (most) {
			snprintf(error, room, "\"%.64s\" in --disk %.200s: give %s, of 1 to %u",
				 comma + 1, text, host_disk_words[word].name + 1, most);
			return -EINVAL;
		}
		if (word < 0)
			return 0;
		*comma = 0;
	}
	return 0;
}

/* After the last comma of what is left: the end of a file's name, or a word that nobody knows. */
static bool ends_a_name(const char *path, const char *last)
{
	struct stat st;

	return strchr(last, '/') || lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

int host_disk_parse(struct host_disk_spec *spec, char *text, char *error, size_t room)
{
	char whole[201];
	char known[128];
	const char *comma;

	*spec = (struct host_disk_spec){ .path = text };
	snprintf(whole, sizeof(whole), "%s", text);
	if (take_words(spec, text, whole, error, room))
		return -EINVAL;
	if (!*text) {
		snprintf(error, room, "--disk: \"\" will not do; name an image file");
		return -EINVAL;
	}
	comma = strrchr(text, ',');
	if (comma && !ends_a_name(text, comma + 1)) {
		host_word_list(host_disk_words, true, known, sizeof(known));
		snprintf(error, room, "unknown word \"%.64s\" in --disk %s; known: %s", comma + 1,
			 whole, known);
		return -EINVAL;
	}
	if (spec->legacy && (spec->packed || spec->zone_mib)) {
		snprintf(error, room,
			 "--disk: %s: a legacy device has no packed rings and no zones", text);
		return -EINVAL;
	}
	return 0;
}

/* ---- the thread's part ---- */

static unsigned int fill(struct host_device *d, struct pollfd *pollfds, unsigned int room,
			 int *timeout)
{
	const struct host_disk *disk = to_disk(d);

	(void)timeout;
	if (room == 0)
		return 0;
	pollfds[0] = (struct pollfd){ .fd = disk->uring ? disk->ring.event_fd : disk->file.event_fd,
				      .events = POLLIN };
	return 1;
}

/* Also when nothing was polled for: what the page cache has is done as soon as it is submitted. */
static void dispatch(struct host_device *d, const struct pollfd *pollfds, unsigned int count)
{
	(void)pollfds, (void)count;
	if (to_disk(d)->uring)
		anvil_disk_io_uring_poll(&to_disk(d)->ring);
	else
		anvil_disk_file_poll(&to_disk(d)->file);
}

static void describe(const struct host_device *d, struct recorder_options *options)
{
	options->blk = &((const struct host_disk *)(const void *)d)->blk.options;
}

static void needs(const struct host_device *d, struct sandbox_needs *needs)
{
	const struct host_disk *disk = (const struct host_disk *)(const void *)d;

	if (disk->uring)
		needs->disk_io_uring = true;
	else
		needs->disk_file = true;
}

static void close_image(struct host_disk *disk)
{
	if (disk->uring)
		anvil_disk_io_uring_close(&disk->ring);
	else
		anvil_disk_file_close(&disk->file);
}

static void destroy(struct host_device *d)
{
	struct host_disk *disk = to_disk(d);

	if (disk->uring)
		anvil_disk_io_uring_drain(&disk->ring);
	else
		anvil_disk_file_drain(&disk->file);
	anvil_blk_destroy(&disk->blk);
	anvil_zoned_disk_destroy(&disk->zoned);
	close_image(disk);
	free(disk);
}

static int image_fd(const struct host_disk *disk)
{
	return disk->uring ? disk->ring.fd : disk->file.fd;
}

static struct anvil_disk *image_disk(struct host_disk *disk)
{
	return disk->uring ? &disk->ring.disk : &disk->file.disk;
}

static const char *control(struct host_device *d, const char *what)
{
	struct host_disk *disk = to_disk(d);

	if (strcmp(what, "resize") != 0)
		return "a disk knows: resize";
	if (disk->blk.options.disk->zoning)
		return "a disk with zones cannot be resized";
	if (anvil_disk_image_capacity(image_fd(disk), &image_disk(disk)->capacity))
		return "the image's size is not a multiple of 512";
	anvil_blk_resized(&disk->blk);
	return NULL;
}

static const struct host_device_ops ops = { fill, dispatch, describe, control, needs, destroy };

static int lock_image(int fd, const char *path, bool read_only, char *error, size_t room)
{
	int err = image_lock(fd, read_only);

	if (err == -EBUSY)
		snprintf(error, room,
			 "%s: in use by another program; end that first, or copy the image%s", path,
			 read_only ? "" : "; several may read it at one time, with ,ro");
	else if (err)
		complain("%s: cannot be locked here (%s); see to it that nothing else uses it",
			 path, strerror(-err));
	return err == -EBUSY ? err : 0;
}

static unsigned int open_flags(const struct host_disk_spec *spec)
{
	return (spec->read_only ? ANVIL_DISK_IMAGE_READ_ONLY : 0u) |
	       (spec->any_content ? ANVIL_DISK_IMAGE_ANY_CONTENT : 0u);
}

/* A ring that could do anything is none for a sandbox, which sees nothing of what it is told. */
static int open_ring(struct host_disk *disk, const struct host_disk_spec *spec, char *error,
		     size_t room)
{
	int err = anvil_disk_io_uring_open(&disk->ring, spec->path, open_flags(spec), SLOTS, error,
					   room);

	if (err || disk->ring.restricted)
		return err;
	anvil_disk_io_uring_close(&disk->ring);
	snprintf(error, room, "%s: this kernel's io_uring cannot be restricted; Linux 5.10 can",
		 spec->path);
	return -ENOSYS;
}

static int open_file(struct host_disk *disk, const struct host_disk_spec *spec, char *error,
		     size_t room)
{
	int err = anvil_disk_file_open(&disk->file, spec->path, open_flags(spec), error, room);
	size_t len = strlen(error);

	if (err == -EMEDIUMTYPE)
		snprintf(error + len, room - len,
			 "; or take its bytes as they are with --disk %s,raw", spec->path);
	return err;
}

/* Whatever the ring's error is: if the image is at fault, the file back end says so, too. */
static int open_image(struct host_disk *disk, const struct host_disk_spec *spec, char *error,
		      size_t room)
{
	char why[ERROR_ROOM];
	int err = open_ring(disk, spec, why, sizeof(why));

	disk->uring = err == 0;
	if (err) {
		err = open_file(disk, spec, error, room);
		if (err)
			return err;
		complain("%s; the disk works without it, by plain system calls", why);
	}
	err = lock_image(image_fd(disk), spec->path, spec->read_only, error, room);
	if (err)
		close_image(disk);
	return err;
}

static int add_zones(struct host_disk *disk, unsigned int mib)
{
	const struct anvil_zoned_disk_options o = {
		.zoning = { .model = ANVIL_DISK_HOST_MANAGED,
			    .zone_sectors = mib * MIB_SECTORS,
			    .open_max = ZONES_OPEN_MAX,
			    .active_max = ZONES_ACTIVE_MAX,
			    .append_sectors_max = SEGMENTS * SEGMENT_MAX / ANVIL_DISK_SECTOR_BYTES,
			    .write_granularity = image_disk(disk)->block_bytes },
		.conventional = 1,
	};

	return anvil_zoned_disk_init(&disk->zoned, image_disk(disk), &o);
}

static void add_features(struct anvil_features *set, const struct host_disk_spec *spec)
{
	static const uint8_t feature[] = {
		VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX,	VIRTIO_BLK_F_BLK_SIZE,
		VIRTIO_BLK_F_FLUSH,    VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_F_INDIRECT_DESC,
		VIRTIO_F_EVENT_IDX,    VIRTIO_F_RING_RESET,
	};

	for (size_t i = 0; i < sizeof(feature); i++)
		anvil_features_add(set, feature[i]);
	if (spec->packed)
		anvil_features_add(set, VIRTIO_F_RING_PACKED);
	if (spec->queues > 1)
		anvil_features_add(set, VIRTIO_BLK_F_MQ);
	if (spec->zone_mib) {
		anvil_features_add(set, VIRTIO_BLK_F_ZONED);
		return;
	}
	anvil_features_add(set, VIRTIO_BLK_F_DISCARD);
	anvil_features_add(set, VIRTIO_BLK_F_WRITE_ZEROES);
}

static int make_device(struct host_disk *disk, const struct host_disk_spec *spec,
		       const struct anvil_guest_memory *memory)
{
	struct anvil_blk_options o = {
		.memory = memory,
		.disk = spec->zone_mib ? &disk->zoned.disk : image_disk(disk),
		.queue_size_max = QUEUE_SIZE,
		.num_queues = (uint16_t)spec->queues,
		.slots = SLOTS,
		.transfer_max = SEGMENTS * SEGMENT_MAX,
		.size_max = SEGMENT_MAX,
		.seg_max = SEGMENTS,
		.blk_size = image_disk(disk)->block_bytes,
		.range_sectors_max = 1u << 22,
		.range_segments_max = ANVIL_BLK_RANGE_SEGMENTS_MAX,
	};
	int err = spec->zone_mib ? add_zones(disk, spec->zone_mib) : 0;

	add_features(&o.features, spec);
	return err ? err : anvil_blk_init(&disk->blk, &o);
}

int host_disk_create(struct host_device **device, const struct host_disk_spec *spec,
		     unsigned int number, const struct anvil_guest_memory *memory, char *error,
		     size_t room)
{
	struct host_disk *disk = calloc(1, sizeof(*disk));
	int err;

	if (!disk) {
		snprintf(error, room, "%s: not enough memory", spec->path);
		return -ENOMEM;
	}
	err = open_image(disk, spec, error, room);
	if (err) {
		free(disk);
		return err;
	}
	snprintf((char *)image_disk(disk)->id, VIRTIO_BLK_ID_BYTES, "anvil%u", number);
	err = make_device(disk, spec, memory);
	if (err) {
		snprintf(error, room, "%s: no device can be made: %s", spec->path, strerror(-err));
		anvil_zoned_disk_destroy(&disk->zoned);
		close_image(disk);
		free(disk);
		return err;
	}
	*device = &disk->device;
	err = host_device_init(*device, &ops, &disk->blk.dev);
	if (err) {
		snprintf(error, room, "%s: too many open files; raise the limit with ulimit -n",
			 spec->path);
		host_device_destroy(*device);
	}
	return err;
}
