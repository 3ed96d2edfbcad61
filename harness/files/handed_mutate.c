/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mutation: mostly of the numbers that such a file is made of, to what is at an edge.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "handed.h"

struct field {
	uint16_t at;
	uint8_t width;
};

struct edit {
	uint8_t *bytes; /* of the file */
	size_t len;
	size_t room;
	uint8_t *line;
	unsigned int seed;
};

static unsigned int draw(struct edit *e, unsigned int below)
{
	e->seed = e->seed * 1664525u + 1013904223u;
	return (e->seed >> 8) % below;
}

static uint64_t draw_value(struct edit *e, uint64_t old)
{
	const uint64_t edge[] = { 0,	      1,	  2,	      14,
				  512,	      4096,	  65589,      65590,
				  0x7fffffff, 0x80000000, 0xffffffff, 0xfff00000,
				  0x100000,   0x8000,	  0x2000000,  0x100000000ull,
				  INT64_MAX,  UINT64_MAX, e->len,     e->len - 1,
				  e->len + 1 };

	switch (draw(e, 4)) {
	case 0:
		return old + draw(e, 33) - 16;
	case 1:
		return 1ull << draw(e, 64);
	case 2:
		return e->len - draw(e, 64);
	default:
		return edge[draw(e, ARRAY_SIZE(edge))];
	}
}

static void put(struct edit *e, size_t at, unsigned int width, bool big, uint64_t value)
{
	if (at > e->len || width > e->len - at)
		return;
	for (unsigned int i = 0; i < width; i++)
		e->bytes[at + i] = (uint8_t)(value >> 8 * (big ? width - 1 - i : i));
}

static void change_field(struct edit *e, size_t at, unsigned int width, bool big)
{
	if (at <= e->len && width <= e->len - at)
		put(e, at, width, big, draw_value(e, handed_get(e->bytes + at, width, big)));
}

/* Moves what stands at `at`, and makes room there, or takes some away. */
static void insert(struct edit *e, size_t at, const void *bytes, size_t len)
{
	if (at > e->len || len > e->room - e->len)
		return;
	memmove(e->bytes + at + len, e->bytes + at, e->len - at);
	if (bytes)
		memcpy(e->bytes + at, bytes, len);
	else
		memset(e->bytes + at, 0, len);
	e->len += len;
}

static void take(struct edit *e, size_t at, size_t len)
{
	if (at > e->len || len > e->len - at)
		return;
	memmove(e->bytes + at, e->bytes + at + len, e->len - at - len);
	e->len -= len;
}

/* ---- kinds ---- */

static void edit_capture(struct edit *e)
{
	static const struct field header[] = { { 0, 4 }, { 4, 2 }, { 6, 2 }, { 16, 4 }, { 20, 4 } };
	bool big = e->len > 0 && e->bytes[0] == 0xa1;
	unsigned int skip = draw(e, 6);
	size_t at = 24;

	if (draw(e, 5) == 0) {
		const struct field *f = &header[draw(e, ARRAY_SIZE(header))];

		change_field(e, f->at, f->width, big);
		return;
	}
	while (skip-- > 0 && at + 16 <= e->len) {
		size_t len = (size_t)handed_get(e->bytes + at + 8, 4, big);

		if (len > e->len)
			break;
		at += 16 + len;
	}
	if (draw(e, 3) == 0 && at + 16 <= e->len) { /* a record more */
		uint8_t record[48] = { 0 };

		insert(e, at, record, sizeof(record));
		put(e, at + 8, 4, big, 32);
		put(e, at + 12, 4, big, 32);
		return;
	}
	change_field(e, at + (draw(e, 2) ? 8 : 12), 4, big);
}

static void edit_image(struct edit *e)
{
	static const char *const magic[] = {
		"QFI\xfb",
		"KDMV",
		"conectix",
		"koly",
		"# Disk DescriptorFile\n",
		"version=1\n",
		"\r  # x\n",
		"PK\3\4",
		"\x7f\x10\xda\xbe",
		"vhdxfile",
		"WithoutFreeSpace",
		"BZh",
	};
	const char *m = magic[draw(e, ARRAY_SIZE(magic))];
	const size_t at[] = { 0, 1, 0x40, e->len - 512, e->len - 511, e->len - 510, 21 };
	size_t to = at[draw(e, ARRAY_SIZE(at))];

	if (draw(e, 4) == 0)
		take(e, e->len - draw(e, 2) * 511 - 1, 1);
	else if (to <= e->len && strlen(m) <= e->len - to)
		memcpy(e->bytes + to, m, strlen(m));
}

static void edit_kernel(struct edit *e)
{
	static const struct field bz[] = {
		{ 0x1f1, 1 }, { 0x1f4, 4 }, { 0x1fe, 2 }, { 0x202, 4 }, { 0x206, 2 },
		{ 0x20e, 2 }, { 0x22c, 4 }, { 0x236, 2 }, { 0x238, 4 }, { 0x248, 4 },
		{ 0x24c, 4 }, { 0x258, 8 }, { 0x260, 4 },
	};
	static const struct field elf[] = {
		{ 4, 1 },  { 18, 2 }, { 32, 8 }, { 40, 8 },
		{ 54, 2 }, { 56, 2 }, { 58, 2 }, { 60, 2 },
	};
	static const struct field program[] = {
		{ 0, 4 }, { 8, 8 }, { 24, 8 }, { 32, 8 }, { 40, 8 },
	};
	bool is_elf = e->len > 4 && memcmp(e->bytes, "\177ELF", 4) == 0;
	static const struct field pointed_at = { 0, 4 };
	const struct field *f = &bz[draw(e, ARRAY_SIZE(bz))];
	size_t at = 0;

	if (is_elf && draw(e, 3) == 0) {
		f = &elf[draw(e, ARRAY_SIZE(elf))];
	} else if (is_elf) {
		f = &program[draw(e, ARRAY_SIZE(program))];
		at = 64 + draw(e, 4) * 56;
		if (draw(e, 4) == 0 && at + 56 <= e->len) { /* what it points at */
			at = (size_t)handed_get(e->bytes + at + 8, 8, false);
			f = &pointed_at;
			at += draw(e, 4) * 4;
		}
	}
	if (at < e->len)
		change_field(e, at + f->at, f->width, false);
}

/* The size or the length of the name, in digits. */
static void edit_initrd(struct edit *e)
{
	static const char *const magic[] = {
		"070701", "070702", "TRAILER!!!", "hsqs", "BZ", "07070"
	};
	uint8_t *found = NULL;
	char digits[16];
	size_t from = e->len ? draw(e, (unsigned int)e->len) : 0;

	if (e->len > 110)
		found = memmem(e->bytes + from, e->len - from, "07070", 5);
	if (!found || draw(e, 5) == 0) {
		const char *m = magic[draw(e, ARRAY_SIZE(magic))];

		insert(e, from, m, strlen(m));
		return;
	}
	from = (size_t)(found - e->bytes);
	(void)snprintf(digits, sizeof(digits), "%08x",
		       (unsigned int)(draw(e, 2) ? draw(e, 64) : draw_value(e, 0)));
	if (draw(e, 8) == 0)
		digits[draw(e, 8)] = " -x+gG"[draw(e, 6)];
	from += draw(e, 2) ? 54 : 94;
	if (from + 8 <= e->len)
		memcpy(e->bytes + from, digits, 8);
}

static void edit_text(struct edit *e)
{
	static const char *const word[] = {
		",ro",
		",raw",
		",zoned",
		",zoned=",
		",legacy",
		",packed",
		",queues=",
		",",
		"user",
		",forward=",
		",host",
		",isolated",
		"pcap:",
		",in=",
		",limit=",
		"none",
		",mergeable=off",
		"tap:",
		"1",
		"1024",
		"0",
		"9999999",
		"65535",
		"80:22",
		"/",
		"device blk",
		"\n",
		"#",
		"*",
		"violation:8",
		"flags=",
		"0x",
		"init\n",
		"blk type=",
		",loop",
		"18446744073709551616",
		" ",
		"\t",
		"wrong=",
		"capacity=",
		"sectors",
		"-1",
		"    #0 0x55 in ",
		"/devices/virtio_blk.c:301:2\n",
		"SUMMARY: AddressSanitizer: ",
		"==1==ERROR: ",
		" in ",
		"(",
		")",
		":",
		"::",
		"<",
	};
	const char *w = word[draw(e, ARRAY_SIZE(word))];
	size_t at = e->len ? draw(e, (unsigned int)e->len + 1) : 0;
	size_t n;

	if (draw(e, 3) == 0)
		at = e->len;
	if (draw(e, 4) > 0) {
		insert(e, at, w, strlen(w));
		return;
	}
	n = e->len - at > 16 ? 1 + draw(e, 16) : e->len - at;
	take(e, at, n);
}

static void edit_bytes(struct edit *e)
{
	size_t at = e->len ? draw(e, (unsigned int)e->len) : 0;

	switch (draw(e, 6)) {
	case 0:
		insert(e, at, NULL, 1 + draw(e, 32));
		break;
	case 1:
		if (e->len > 0)
			take(e, at, 1 + draw(e, (unsigned int)(e->len - at)));
		break;
	case 2:
		e->line[1 + draw(e, HANDED_OPERANDS)] = (uint8_t)('0' + draw(e, 32));
		break;
	case 3:
		e->len = at;
		break;
	default:
		change_field(e, at, 1u << draw(e, 4), draw(e, 2));
		break;
	}
}

static void edit_once(struct edit *e)
{
	if (draw(e, 4) == 0) {
		edit_bytes(e);
		return;
	}
	switch (e->line[0]) {
	case HANDED_CAPTURE:
		edit_capture(e);
		break;
	case HANDED_IMAGE:
		edit_image(e);
		break;
	case HANDED_KERNEL:
		edit_kernel(e);
		break;
	case HANDED_INITRD:
		edit_initrd(e);
		break;
	default:
		edit_text(e);
		break;
	}
}

size_t handed_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	struct handed h;
	struct edit e = { .bytes = data + HANDED_LINE, .line = data, .seed = seed };

	if (max_size < HANDED_LINE)
		return size < max_size ? size : max_size;
	e.room = max_size - HANDED_LINE < HANDED_BYTES ? max_size - HANDED_LINE : HANDED_BYTES;
	handed_decode(&h, data, size);
	e.len = h.given < e.room ? h.given : e.room;
	data[0] = (uint8_t)h.kind;
	for (unsigned int i = 0; i < HANDED_OPERANDS; i++)
		data[1 + i] = (uint8_t)(h.v[i] + '0');
	data[HANDED_LINE - 2] = '0';
	data[HANDED_LINE - 1] = '\n';
	memcpy(e.bytes, h.bytes, e.len);
	handed_free(&h);
	for (unsigned int n = 1 + draw(&e, 4); n > 0; n--)
		edit_once(&e);
	return HANDED_LINE + e.len;
}
