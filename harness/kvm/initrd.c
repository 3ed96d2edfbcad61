/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Archives follow each other, with zeroes between them, and the last one may be compressed
 * (Documentation/driver-api/early-userspace/buffer-format.rst of Linux).
 */
#include "initrd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"

#define HEADER_BYTES 110u
#define NUMBER_BYTES 8u
#define SIZE_AT	     54u /* of the file that follows the name */
#define NAME_AT	     94u /* the name's length */
#define TRAILER	     "TRAILER!!!"

static bool stands_at(const struct image_file *image, size_t at, const char *bytes, size_t len)
{
	return at <= image->len && len <= image->len - at && !memcmp(image->bytes + at, bytes, len);
}

struct magic {
	size_t at;
	size_t len;
	const char *bytes;
};

/* clang-format off */
#define MAGIC(at, text) { (at), sizeof(text) - 1, (text) }
/* clang-format on */

static const struct magic compressed[] = {
	MAGIC(0, "\x1f\x8b"),		  /* gzip */
	MAGIC(0, "\x1f\x9e"),		  /* old gzip */
	MAGIC(0, "BZ"),			  /* bzip2 */
	MAGIC(0, "\x5d\0"),		  /* LZMA */
	MAGIC(0, "\xfd\x37\x7a\x58\x5a"), /* xz */
	MAGIC(0, "\x89\x4c"),		  /* LZO */
	MAGIC(0, "\x02\x21"),		  /* LZ4 */
	MAGIC(0, "\x28\xb5"),		  /* zstd */
};

static const struct magic file_system[] = {
	MAGIC(1080, "\x53\xef"),			       /* ext2 to ext4 */
	MAGIC(0, "hsqs"),				       /* squashfs */
	MAGIC(0, "-rom1fs-"),	 MAGIC(0, "\x45\x3d\xcd\x28"), /* cramfs */
	MAGIC(1040, "\x7f\x13"), MAGIC(1040, "\x8f\x13"),      /* minix */
};

static bool has_any(const struct image_file *image, size_t from, const struct magic *magic,
		    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (stands_at(image, from + magic[i].at, magic[i].bytes, magic[i].len))
			return true;
	}
	return false;
}

static bool is_compressed(const struct image_file *image, size_t at)
{
	return has_any(image, at, compressed, ARRAY_SIZE(compressed));
}

static bool is_file_system(const struct image_file *image)
{
	return has_any(image, 0, file_system, ARRAY_SIZE(file_system));
}

static bool is_entry(const struct image_file *image, size_t at)
{
	return stands_at(image, at, "070701", 6) || stands_at(image, at, "070702", 6);
}

/* Eight digits; false if one of them is none. */
static bool get_number(const uint8_t *digits, size_t *number)
{
	char text[NUMBER_BYTES + 1] = "";

	memcpy(text, digits, NUMBER_BYTES);
	if (strspn(text, "0123456789abcdefABCDEF") != NUMBER_BYTES)
		return false;
	*number = strtoul(text, NULL, 16);
	return true;
}

static size_t whole_words(size_t bytes)
{
	return (bytes + 3) / 4 * 4;
}

/* An entry of an archive: moves `at` behind it, and says whether it was the trailer. */
static bool pass_entry(const struct image_file *image, size_t *at, bool *trailer)
{
	size_t left = image->len - *at;
	size_t name_len;
	size_t size;
	size_t bytes;

	if (left < HEADER_BYTES || !get_number(image->bytes + *at + SIZE_AT, &size) ||
	    !get_number(image->bytes + *at + NAME_AT, &name_len))
		return false;
	bytes = whole_words(HEADER_BYTES + name_len) + size;
	if (bytes > left)
		return false;
	*trailer = stands_at(image, *at + HEADER_BYTES, TRAILER, sizeof(TRAILER));
	bytes = whole_words(bytes);
	*at += bytes < left ? bytes : left;
	return true;
}

static const char *check(const struct image_file *image)
{
	bool open = false; /* an archive whose trailer has not come */
	size_t at = 0;

	if (is_file_system(image))
		return NULL;
	while (at < image->len) {
		bool trailer = false;

		if (!open && image->bytes[at] == 0) {
			at++;
			continue;
		}
		if (!open && is_compressed(image, at))
			return NULL;
		if (!is_entry(image, at))
			return open ? "is cut short or damaged"
				    : "is no initial RAM disk: neither cpio archive nor "
				      "compressed";
		if (!pass_entry(image, &at, &trailer))
			return "is cut short";
		open = !trailer;
	}
	return open ? "is cut short" : NULL;
}

int initrd_check(const struct image_file *image, char *error, size_t room)
{
	const char *wrong = check(image);
	size_t at = 0;

	while (!wrong && at < image->len && image->bytes[at] == 0)
		at++;
	if (!wrong && at == image->len)
		wrong = "has nothing but zeroes";
	if (!wrong)
		return 0;
	snprintf(error, room, "%s: %s; make or copy it again", image->path, wrong);
	return -EINVAL;
}
