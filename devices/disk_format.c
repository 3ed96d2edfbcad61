/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table has, for each format, the bytes by which it is known, and their offset in the file.
 * Numbers are written as bytes, in the order of the file.
 */
#include "disk_format.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "array_size.h"

#define HEAD_BYTES 4096u
#define TAIL_BYTES 512u

#define CONVERT "qemu-img convert -O raw "
#define OUT	" OUT"

static const struct anvil_disk_format qcow = { "qcow", CONVERT, OUT };
static const struct anvil_disk_format qcow2 = { "qcow2", CONVERT, OUT };
static const struct anvil_disk_format qed = { "QED", CONVERT, OUT };
static const struct anvil_disk_format vmdk = { "VMDK", CONVERT, OUT };
static const struct anvil_disk_format vhd = { "VHD", CONVERT "-f vpc ", OUT };
static const struct anvil_disk_format vhdx = { "VHDX", CONVERT, OUT };
static const struct anvil_disk_format vdi = { "VDI", CONVERT, OUT };
static const struct anvil_disk_format parallels = { "Parallels", CONVERT, OUT };
static const struct anvil_disk_format bochs = { "Bochs", CONVERT, OUT };
static const struct anvil_disk_format cloop = { "cloop", CONVERT, OUT };
static const struct anvil_disk_format dmg = { "DMG", CONVERT "-f dmg ", OUT };
static const struct anvil_disk_format sparse = { "Android sparse", "simg2img ", OUT };
static const struct anvil_disk_format gzip = { "gzip-compressed", "gzip -dc ", " >OUT" };
static const struct anvil_disk_format bzip2 = { "bzip2-compressed", "bzip2 -dc ", " >OUT" };
static const struct anvil_disk_format xz = { "xz-compressed", "xz -dc ", " >OUT" };
static const struct anvil_disk_format zstd = { "zstd-compressed", "zstd -dc ", " >OUT" };
static const struct anvil_disk_format lz4 = { "lz4-compressed", "lz4 -dc ", " >OUT" };
static const struct anvil_disk_format zip = { "zip-compressed", "unzip -p ", " >OUT" };
static const struct anvil_disk_format seven_zip = { "7z-compressed", "7z x -so ", " >OUT" };

/* clang-format off */
#define MAGIC(format, at, text) { &(format), (at), sizeof(text) - 1, (text) }
/* clang-format on */

/* What stands at a place of the head. An array of the exact length; it may have zeroes inside. */
static const struct magic {
	const struct anvil_disk_format *format;
	unsigned int at;
	unsigned int len;
	const char *bytes;
} magic[] = {
	MAGIC(qcow, 0, "QFI\xfb\0\0\0\1"),
	MAGIC(qcow2, 0, "QFI\xfb"),
	MAGIC(qed, 0, "QED\0"),
	MAGIC(vmdk, 0, "KDMV"),			    /* sparse and stream-optimised */
	MAGIC(vmdk, 0, "COWD"),			    /* of ESX */
	MAGIC(vmdk, 0, "\xbe\xba\xfe\xca\0\0\0\0"), /* SEsparse */
	MAGIC(vhd, 0, "conectix"),		    /* dynamic and differencing */
	MAGIC(vhdx, 0, "vhdxfile"),
	MAGIC(vdi, 0x40, "\x7f\x10\xda\xbe"),
	MAGIC(parallels, 0, "WithoutFreeSpace"),
	MAGIC(parallels, 0, "WithouFreSpacExt"),
	MAGIC(bochs, 0, "Bochs Virtual HD Image"),
	MAGIC(cloop, 0, "#!/bin/sh\n#V2.0 Format\n"),
	MAGIC(sparse, 0, "\x3a\xff\x26\xed"),
	MAGIC(gzip, 0, "\x1f\x8b\x08"),
	MAGIC(bzip2, 0, "BZh"),
	MAGIC(xz, 0,
	      "\xfd"
	      "7zXZ\0"),
	MAGIC(zstd, 0, "\x28\xb5\x2f\xfd"),
	MAGIC(lz4, 0, "\x04\x22\x4d\x18"),
	MAGIC(zip, 0, "PK\3\4"),
	MAGIC(seven_zip, 0, "7z\xbc\xaf\x27\x1c"),
};

static size_t read_at(int fd, uint8_t *bytes, size_t len, uint64_t offset)
{
	ssize_t n;

	do {
		n = pread(fd, bytes, len, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? (size_t)n : 0;
}

static bool stands_at(const uint8_t *bytes, size_t len, size_t at, const char *what,
		      size_t what_len)
{
	return at <= len && what_len <= len - at && !memcmp(bytes + at, what, what_len);
}

/* Whether a line of a text begins with this, in capitals or not. */
static bool line_begins(const uint8_t *line, size_t len, const char *word)
{
	size_t n = strlen(word);

	if (n > len)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (tolower(line[i]) != word[i])
			return false;
	}
	return true;
}

/* A VMDK's description of files: comments, the first of which names it, then "version=1". */
static bool is_descriptor(const uint8_t *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		const uint8_t *end = memchr(text + at, '\n', len - at);
		size_t line = end ? (size_t)(end - (text + at)) : len - at;

		while (line > 0 && (text[at] == ' ' || text[at] == '\r')) {
			at++;
			line--;
		}
		if (line_begins(text + at, line, "# disk descriptorfile"))
			return true;
		if (line > 0 && text[at] != '#')
			return line_begins(text + at, line, "version=");
		at += line + 1;
	}
	return false;
}

/* A VHD's footer is the last sector; the first programs wrote one byte less. */
static const struct anvil_disk_format *find_tail(int fd, uint64_t bytes)
{
	uint8_t tail[TAIL_BYTES];

	if (bytes < TAIL_BYTES || read_at(fd, tail, TAIL_BYTES, bytes - TAIL_BYTES) != TAIL_BYTES)
		return NULL;
	if (stands_at(tail, TAIL_BYTES, 0, "conectix", 8) ||
	    stands_at(tail, TAIL_BYTES, 1, "conectix", 8))
		return &vhd;
	return stands_at(tail, TAIL_BYTES, 0, "koly\0\0\0\4", 8) ? &dmg : NULL;
}

const struct anvil_disk_format *anvil_disk_format_find(int fd, uint64_t bytes)
{
	uint8_t head[HEAD_BYTES];
	size_t len = read_at(fd, head, bytes < HEAD_BYTES ? (size_t)bytes : HEAD_BYTES, 0);

	for (size_t i = 0; i < ARRAY_SIZE(magic); i++) {
		const struct magic *m = &magic[i];

		if (stands_at(head, len, m->at, m->bytes, m->len))
			return m->format;
	}
	return is_descriptor(head, len) ? &vmdk : find_tail(fd, bytes);
}
