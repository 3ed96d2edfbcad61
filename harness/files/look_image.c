/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk image behind a device of `anvil boot`: whole sectors, no other format's unless that is
 * asked for, and not one that another program uses. The guest is told its size.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "array_size.h"
#include "backend.h"
#include "disk_io_uring.h"
#include "guest_memory.h"
#include "kvm/host_device.h"
#include "kvm/host_disk.h"
#include "kvm/image_lock.h"
#include "look.h"
#include "virtio_spec.h"

#define HEAD_BYTES    4096u
#define CONFIG	      0x100u /* of a register window: the capacity comes first */
#define MEMORY_BYTES  4096u
#define ZONE_MIB_MOST 3u

enum { READ_ONLY = 1, RAW = 2, ZONED = 4, LOCKED = 8, LOCKED_FOR_READING = 16 };

/* The same on each host: its ring is refused. */
int __wrap_anvil_disk_io_uring_open(struct anvil_disk_io_uring *d, const char *path,
				    unsigned int flags, uint32_t depth, char *error, size_t len);

int __wrap_anvil_disk_io_uring_open(struct anvil_disk_io_uring *d, const char *path,
				    unsigned int flags, uint32_t depth, char *error, size_t len)
{
	(void)d, (void)flags, (void)depth;
	(void)snprintf(error, len, "%s: no ring", path);
	return -ENOSYS;
}

/* ---- what the file has ---- */

static bool stands(const struct handed *h, size_t at, const char *bytes, size_t len)
{
	return at <= h->len && len <= h->len - at && memcmp(h->bytes + at, bytes, len) == 0;
}

/* clang-format off */
#define STANDS(at, text) stands(h, at, text, sizeof(text) - 1)
/* clang-format on */

/* A VMDK's description: after blanks and comments, if the first of these does not tell it. */
static bool is_description(const struct handed *h)
{
	size_t len = h->len < HEAD_BYTES ? h->len : HEAD_BYTES;
	char head[HEAD_BYTES + 1];

	memcpy(head, h->bytes, len);
	head[len] = 0;
	for (const char *line = head; line < head + len;) {
		line += strspn(line, " \r");
		if (strncasecmp(line, "# disk descriptorfile", 21) == 0)
			return true;
		if (*line != '#' && *line != '\n')
			return strncasecmp(line, "version=", 8) == 0;

		const char *end = memchr(line, '\n', (size_t)(head + len - line));

		if (!end)
			return false;
		line = end + 1;
	}
	return false;
}

static bool ends_as_a_disk(const struct handed *h)
{
	return h->len >= 512 &&
	       (STANDS(h->len - 512, "conectix") || STANDS(h->len - 511, "conectix") ||
		STANDS(h->len - 512, "koly\0\0\0\4"));
}

static bool of_another_format(const struct handed *h)
{
	return STANDS(0, "QFI\xfb") || STANDS(0, "QED\0") || STANDS(0, "KDMV") ||
	       STANDS(0, "COWD") || STANDS(0, "\xbe\xba\xfe\xca\0\0\0\0") ||
	       STANDS(0, "conectix") || STANDS(0, "vhdxfile") || STANDS(0x40, "\x7f\x10\xda\xbe") ||
	       STANDS(0, "WithoutFreeSpace") || STANDS(0, "WithouFreSpacExt") ||
	       STANDS(0, "Bochs Virtual HD Image") || STANDS(0, "#!/bin/sh\n#V2.0 Format\n") ||
	       STANDS(0, "\x3a\xff\x26\xed") || STANDS(0, "\x1f\x8b\x08") || STANDS(0, "BZh") ||
	       STANDS(0, "\3757zXZ\0") || STANDS(0, "\x28\xb5\x2f\xfd") ||
	       STANDS(0, "\x04\x22\x4d\x18") || STANDS(0, "PK\3\4") ||
	       STANDS(0, "7z\xbc\xaf\x27\x1c") || is_description(h) || ends_as_a_disk(h);
}

static bool whole_sectors(size_t len)
{
	return len >= ANVIL_DISK_SECTOR_BYTES && len % ANVIL_DISK_SECTOR_BYTES == 0;
}

static int expected(const struct handed *h, const struct host_disk_spec *spec)
{
	bool locked = h->v[0] & LOCKED;
	bool reads = h->v[0] & LOCKED_FOR_READING;

	if (!spec->any_content && of_another_format(h))
		return -EMEDIUMTYPE;
	if (!whole_sectors(h->len))
		return -EINVAL;
	return locked && (!reads || !spec->read_only) ? -EBUSY : 0;
}

/* ---- what the guest gets ---- */

static void check_capacity(struct host_device *device, size_t bytes)
{
	uint64_t capacity =
		host_device_read(device, CONFIG, 4) | host_device_read(device, CONFIG + 4, 4) << 32;

	if (capacity != bytes / ANVIL_DISK_SECTOR_BYTES)
		handed_finding("is a disk of %llu sectors of %zu bytes",
			       (unsigned long long)capacity, bytes);
}

/* The image has another size all of a sudden. */
static void resize(const struct handed *h, struct host_device *device, int fd, bool zoned)
{
	static const size_t more[] = { 0, 512, 1, 4096, 0x100000 };
	size_t len = h->len + more[h->v[3] % ARRAY_SIZE(more)];
	const char *says;

	if (ftruncate(fd, (off_t)len))
		return;
	says = host_device_control(device, "resize");
	if (says ? !look_one_line(says) || (!zoned && whole_sectors(len))
		 : zoned || !whole_sectors(len))
		handed_finding("has %zu bytes now, answered with: %s", len, says ? says : "yes");
	check_capacity(device, says ? h->len : len);
	if (!host_device_control(device, "link up"))
		handed_finding("is a disk, and takes a cable");
}

static int create(struct host_device **device, const struct host_disk_spec *spec, char *error)
{
	static uint8_t memory_bytes[MEMORY_BYTES] __attribute__((aligned(MEMORY_BYTES)));
	static struct anvil_guest_memory memory;
	const struct anvil_guest_memory_region region = { 0, MEMORY_BYTES, memory_bytes };

	if (anvil_guest_memory_init(&memory, &region, 1))
		handed_finding("the memory of the machine is none");
	look_complaints_forget();
	return host_disk_create(device, spec, 0, &memory, error, LOOK_ROOM);
}

void look_image(const struct handed *h)
{
	char error[LOOK_ROOM] = "";
	char path[LOOK_PATH];
	struct host_device *device = NULL;
	struct host_disk_spec spec = { .path = path,
				       .read_only = h->v[0] & READ_ONLY,
				       .any_content = h->v[0] & RAW,
				       .zone_mib =
					       h->v[0] & ZONED ? 1 + h->v[1] % ZONE_MIB_MOST : 0,
				       .queues = h->v[2] % 9u };
	int fd = look_file(h, path);
	int other = h->v[0] & LOCKED ? look_open_again(path) : -1;
	int err;

	if (other >= 0 && image_lock(other, h->v[0] & LOCKED_FOR_READING))
		handed_finding("cannot be locked here");
	err = create(&device, &spec, error);
	look_at_error(err, error);
	if (err && !strstr(error, path))
		handed_finding("is refused without its name: %s", error);
	if (err != expected(h, &spec))
		handed_finding("is an image that is answered with %d, not %d: %s", err,
			       expected(h, &spec), error);
	if (!err) {
		check_capacity(device, h->len);
		resize(h, device, fd, spec.zone_mib);
		host_device_destroy(device);
	}
	if (look_complaints() > 1)
		handed_finding("has %u lines said of it", look_complaints());
	if (other >= 0)
		look_close(other);
	look_close(fd);
}
