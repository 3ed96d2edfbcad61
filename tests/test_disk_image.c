/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_image.h: what is an image of another format is refused with the command that makes a raw one
 * of it, unless its bytes are wanted as they are; and what a raw disk may hold is none of these.
 */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "array_size.h"
#include "disk_image.h"

#define BYTES (64u * 1024u)

static char path[] = "/tmp/anvil-disk-image.XXXXXX";
static uint8_t content[BYTES];
static char error[512];

static int make_image(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_image(void **state)
{
	(void)state;
	return unlink(path);
}

static void put_file(size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
}

static int open_image(unsigned int flags, struct anvil_disk *disk)
{
	int fd = anvil_disk_image_open(disk, path, flags, error, sizeof(error));

	if (fd >= 0)
		assert_int_equal(close(fd), 0);
	return fd;
}

struct sample {
	size_t at;
	size_t len;
	const char *bytes;
	const char *name;
	const char *command;
};

#define FOOTER (BYTES - 512u)

/* clang-format off */
#define SAMPLE(place, text, format, how) { (place), sizeof(text) - 1, (text), (format), (how) }
#define CONVERT(format, place, text) SAMPLE(place, text, format, "qemu-img convert -O raw ")
/* clang-format on */

static const struct sample foreign[] = {
	CONVERT("qcow2", 0, "QFI\xfb\0\0\0\3"),
	CONVERT("qcow2", 0, "QFI\xfb\0\0\0\2"),
	CONVERT("qcow", 0, "QFI\xfb\0\0\0\1"),
	CONVERT("QED", 0, "QED\0"),
	CONVERT("VMDK", 0, "KDMV\3\0\0\0"),
	CONVERT("VMDK", 0, "COWD"),
	CONVERT("VMDK", 0, "\xbe\xba\xfe\xca\0\0\0\0"),
	CONVERT("VMDK", 0, "# Disk DescriptorFile\nversion=1\n"),
	CONVERT("VMDK", 0, "# disk DescriptorFile\r\nVERSION=1\r\n"),
	CONVERT("VMDK", 0, "# of mine\n\n  # two\nversion=3\nCID=1\n"),
	CONVERT("VHDX", 0, "vhdxfile"),
	SAMPLE(0, "conectix", "VHD", "qemu-img convert -O raw -f vpc "),
	SAMPLE(FOOTER, "conectix", "VHD", "qemu-img convert -O raw -f vpc "),
	SAMPLE(FOOTER + 1, "conectix", "VHD", "qemu-img convert -O raw -f vpc "),
	CONVERT("VDI", 0x40, "\x7f\x10\xda\xbe"),
	CONVERT("Parallels", 0, "WithoutFreeSpace"),
	CONVERT("Parallels", 0, "WithouFreSpacExt"),
	CONVERT("Bochs", 0, "Bochs Virtual HD Image"),
	CONVERT("cloop", 0, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop"),
	SAMPLE(FOOTER, "koly\0\0\0\4", "DMG", "qemu-img convert -O raw -f dmg "),
	SAMPLE(0, "\x3a\xff\x26\xed", "Android sparse", "simg2img "),
	SAMPLE(0, "\x1f\x8b\x08", "gzip-compressed", "gzip -dc "),
	SAMPLE(0, "BZh9", "bzip2-compressed", "bzip2 -dc "),
	SAMPLE(0,
	       "\xfd"
	       "7zXZ\0",
	       "xz-compressed", "xz -dc "),
	SAMPLE(0, "\x28\xb5\x2f\xfd", "zstd-compressed", "zstd -dc "),
	SAMPLE(0, "\x04\x22\x4d\x18", "lz4-compressed", "lz4 -dc "),
	SAMPLE(0, "PK\3\4", "zip-compressed", "unzip -p "),
	SAMPLE(0, "7z\xbc\xaf\x27\x1c", "7z-compressed", "7z x -so "),
};

static void expect_refusal(const struct sample *s, unsigned int flags)
{
	struct anvil_disk disk = { .capacity = 7 };
	char says[256];

	assert_int_equal(open_image(flags, &disk), -EMEDIUMTYPE);
	assert_int_equal(disk.capacity, 7);
	(void)snprintf(says, sizeof(says),
		       "%s: is a %s image, not a raw one; convert it with: %s%s ", path, s->name,
		       s->command, path);
	if (strncmp(error, says, strlen(says)) || strchr(error, '\n') || !strstr(error, "OUT"))
		fail_msg("says: %s", error);
}

/* A guest would see the tables of such an image, and write over them. */
static void images_of_other_formats_are_refused(void **state)
{
	struct anvil_disk disk;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		const struct sample *s = &foreign[i];

		memset(content, 0, sizeof(content));
		memcpy(content + s->at, s->bytes, s->len);
		put_file(BYTES);
		expect_refusal(s, 0);
		expect_refusal(s, ANVIL_DISK_IMAGE_READ_ONLY);
		assert_true(open_image(ANVIL_DISK_IMAGE_ANY_CONTENT, &disk) >= 0);
		assert_int_equal(disk.capacity, BYTES / ANVIL_DISK_SECTOR_BYTES);
		assert_true(open_image(ANVIL_DISK_IMAGE_ANY_CONTENT | ANVIL_DISK_IMAGE_READ_ONLY,
				       &disk) >= 0);
		assert_true(disk.read_only);
		if (s->at > 512)
			continue;
		put_file(s->at + s->len); /* whatever its size: the format is what is wrong */
		expect_refusal(s, 0);
	}
}

static void what_a_raw_disk_may_hold_is_taken(void **state)
{
	static const struct sample raw[] = {
		SAMPLE(510, "\x55\xaa", "partitions", ""),
		SAMPLE(512, "EFI PART", "GPT", ""),
		SAMPLE(1080, "\x53\xef", "ext4", ""),
		SAMPLE(0, "XFSB", "XFS", ""),
		SAMPLE(0, "hsqs", "squashfs", ""),
		SAMPLE(0x8001, "CD001", "ISO 9660", ""),
		SAMPLE(257, "ustar", "tar", ""),
		SAMPLE(0, "LUKS\xba\xbe\0\1", "LUKS", ""),
		SAMPLE(0, "#!/bin/sh\necho\n", "a script", ""),
		SAMPLE(0, "# a comment alone", "text", ""),
		SAMPLE(0, "QFI", "the beginning of a magic", ""),
		SAMPLE(512, "QFI\xfb\0\0\0\3", "a magic elsewhere", ""),
		SAMPLE(FOOTER + 2, "conectix", "a magic elsewhere", ""),
	};
	struct anvil_disk disk;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(raw); i++) {
		memset(content, 0, sizeof(content));
		memcpy(content + raw[i].at, raw[i].bytes, raw[i].len);
		put_file(BYTES);
		if (open_image(0, &disk) < 0)
			fail_msg("%s: %s", raw[i].name, error);
	}
	memset(content, '#', sizeof(content)); /* one line that has no end */
	put_file(BYTES);
	assert_true(open_image(0, &disk) >= 0);
	memset(content, '\n', sizeof(content));
	put_file(BYTES);
	assert_true(open_image(0, &disk) >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_of_other_formats_are_refused),
		cmocka_unit_test(what_a_raw_disk_may_hold_is_taken),
	};

	return cmocka_run_group_tests_name("disk image", tests, make_image, remove_image);
}
