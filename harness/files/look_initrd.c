/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An initial RAM disk: whole archives up to their trailers, something compressed, or a file system.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/work.h"
#include "kvm/initrd.h"
#include "look.h"

#define HEADER_BYTES 110u
#define STEPS_EACH   200u
#define STEPS	     100000u

static bool stands(const struct handed *h, size_t at, const char *bytes, size_t len)
{
	return at <= h->len && len <= h->len - at && memcmp(h->bytes + at, bytes, len) == 0;
}

/* clang-format off */
#define STANDS(at, text) stands(h, at, text, sizeof(text) - 1)
/* clang-format on */

static bool is_compressed(const struct handed *h, size_t at)
{
	return STANDS(at, "\x1f\x8b") || STANDS(at, "\x1f\x9e") || STANDS(at, "BZ") ||
	       STANDS(at, "\x5d\0") || STANDS(at, "\3757zXZ") || STANDS(at, "\x89L") ||
	       STANDS(at, "\x02!") || STANDS(at, "\x28\xb5");
}

static bool is_file_system(const struct handed *h)
{
	return STANDS(1080, "\x53\xef") || STANDS(0, "hsqs") || STANDS(0, "-rom1fs-") ||
	       STANDS(0, "\x45\x3d\xcd\x28") || STANDS(1040, "\x7f\x13") ||
	       STANDS(1040, "\x8f\x13");
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Eight hexadecimal digits of the header that stands at `at`; -1: there is another character. */
static int64_t field(const struct handed *h, size_t at, unsigned int number)
{
	int64_t value = 0;

	for (size_t i = at + 6 + 8 * number; i < at + 14 + 8 * number; i++) {
		if (digit(h->bytes[i]) < 0)
			return -1;
		value = value * 16 + digit(h->bytes[i]);
	}
	return value;
}

/* Where the entry ends, or 0: it is none, or is cut short. */
static uint64_t entry_end(const struct handed *h, uint64_t at, bool *trailer)
{
	int64_t size;
	int64_t name;
	uint64_t end;

	if (!(STANDS(at, "070701") || STANDS(at, "070702")) || h->len - at < HEADER_BYTES)
		return 0;
	size = field(h, at, 6);
	name = field(h, at, 11);
	if (size < 0 || name < 0)
		return 0;
	end = at + (HEADER_BYTES + (uint64_t)name + 3) / 4 * 4 + (uint64_t)size;
	*trailer = STANDS(at + HEADER_BYTES, "TRAILER!!!\0");
	if (end > h->len)
		return 0;
	end = at + (end - at + 3) / 4 * 4;
	return end < h->len ? end : h->len;
}

static bool is_sound(const struct handed *h)
{
	bool open = false;
	bool any = is_file_system(h);

	for (uint64_t at = 0; at < h->len && !is_file_system(h);) {
		bool trailer = false;

		if (!open && h->bytes[at] == 0) {
			at++;
			continue;
		}
		any = true;
		if (!open && is_compressed(h, at))
			return true;
		at = entry_end(h, at, &trailer);
		if (at == 0)
			return false;
		open = !trailer;
	}
	return any && !open;
}

/* As a file: all of it, or nothing, if there is nothing. */
static void check_open(const struct handed *h)
{
	struct image_file image = { 0 };
	char error[LOOK_ROOM] = "";
	char path[LOOK_PATH];
	int fd = look_file(h, path);
	int err = image_open(&image, path, "initial RAM disk", error, sizeof(error));

	look_at_error(err, error);
	if (err != (h->len ? 0 : -EINVAL))
		handed_finding("is a file of %zu bytes that is answered with %d", h->len, err);
	if (!err && (image.len != h->len || memcmp(image.bytes, h->bytes, h->len) != 0))
		handed_finding("has other bytes than its file");
	image_close(&image);
	look_close(fd);
}

void look_initrd(const struct handed *h)
{
	const struct image_file image = { "initrd", h->bytes, h->len };
	char error[LOOK_ROOM] = "";
	int err;

	check_open(h);
	work_begin(UINT64_MAX);
	err = initrd_check(&image, error, sizeof(error));
	if (work_done() > STEPS + (uint64_t)STEPS_EACH * h->len)
		handed_finding("keeps its check busy for %llu steps",
			       (unsigned long long)work_done());
	look_at_error(err, error);
	if (err != (is_sound(h) ? 0 : -EINVAL))
		handed_finding("is an initial RAM disk that is %ssound, and answered with %d: %s",
			       is_sound(h) ? "" : "not ", err, error);
}
