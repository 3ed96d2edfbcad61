/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decoding, and what is told of an input.
 */
#include "handed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"

#define IS_TEXT 'x' /* the operand behind the others */

/* ---- text ---- */

struct text {
	const uint8_t *at;
	const uint8_t *end;
	uint8_t *bytes;
	size_t to;
	size_t len;
};

static int digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put(struct text *t, uint8_t byte)
{
	if (t->to >= HANDED_BYTES)
		return;
	t->bytes[t->to++] = byte;
	if (t->to > t->len)
		t->len = t->to;
}

static bool more(const struct text *t)
{
	return t->at < t->end && *t->at != '\n';
}

static void put_characters(struct text *t)
{
	for (t->at++; more(t) && *t->at != '"'; t->at++) {
		if (t->end - t->at > 1 && t->at[0] == '\\' && t->at[1] == 'n') {
			put(t, '\n');
			t->at++;
		} else {
			put(t, *t->at);
		}
	}
	t->at += more(t);
}

static void read_offset(struct text *t)
{
	size_t offset = 0;
	bool any = false;

	for (; more(t) && digit(*t->at) >= 0; t->at++) {
		offset = (offset * 16 + (size_t)digit(*t->at)) % (2u * HANDED_BYTES);
		any = true;
	}
	if (any)
		t->to = offset;
}

/* What the line has put, so many times in all. */
static void repeat(struct text *t, size_t from)
{
	size_t len = t->to - from;
	size_t times = 0;

	for (t->at++; more(t) && digit(*t->at) >= 0; t->at++)
		times = (times * 16 + (size_t)digit(*t->at)) % HANDED_BYTES;
	for (; times > 1; times--) {
		for (size_t i = 0; i < len && from + len <= HANDED_BYTES; i++)
			put(t, t->bytes[from + i]);
	}
}

static void read_line(struct text *t)
{
	size_t from;

	read_offset(t);
	from = t->to;
	while (more(t) && *t->at != '#') {
		if (*t->at == '"') {
			put_characters(t);
		} else if (*t->at == '*') {
			repeat(t, from);
		} else if (t->end - t->at > 1 && digit(t->at[0]) >= 0 && digit(t->at[1]) >= 0) {
			put(t, (uint8_t)(digit(t->at[0]) * 16 + digit(t->at[1])));
			t->at += 2;
		} else {
			t->at++;
		}
	}
	while (more(t))
		t->at++;
	t->at += t->at < t->end;
}

static size_t from_text(const uint8_t *data, size_t size, uint8_t *bytes)
{
	struct text t = { .at = data, .end = data + size, .bytes = bytes };

	memset(bytes, 0, HANDED_BYTES);
	while (t.at < t.end)
		read_line(&t);
	return t.len;
}

/* ---- decoding ---- */

void handed_decode(struct handed *h, const uint8_t *data, size_t size)
{
	static const uint32_t zeroes[] = { 0, 1, 511, 512, 4096, 65536, 1u << 20 };
	static uint8_t bytes[HANDED_BYTES];
	uint8_t line[HANDED_LINE] = "C00000";
	size_t head = size < HANDED_LINE ? size : HANDED_LINE;

	memcpy(line, data, head);
	h->kind = line[0] && strchr(HANDED_KINDS, line[0])
			  ? (char)line[0]
			  : HANDED_KINDS[line[0] % (sizeof(HANDED_KINDS) - 1)];
	for (unsigned int i = 0; i < HANDED_OPERANDS; i++)
		h->v[i] = (uint8_t)(line[1 + i] - '0');
	data += head;
	size -= head;
	if (line[HANDED_LINE - 2] == IS_TEXT) {
		size = from_text(data, size, bytes);
	} else {
		size = size < HANDED_BYTES ? size : HANDED_BYTES;
		memcpy(bytes, data, size);
	}
	h->given = size;
	h->len = size + zeroes[h->v[HANDED_OPERANDS - 1] % ARRAY_SIZE(zeroes)];
	h->bytes = calloc(1, h->len ? h->len : 1);
	if (!h->bytes)
		abort();
	memcpy(h->bytes, bytes, size);
}

void handed_free(struct handed *h)
{
	free(h->bytes);
	h->bytes = NULL;
}

uint64_t handed_get(const uint8_t *bytes, unsigned int width, bool big_endian)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < width; i++)
		value = value << 8 | bytes[big_endian ? i : width - 1 - i];
	return value;
}

/* ---- findings ---- */

static const struct handed *looked_at;

void handed_looks(const struct handed *h)
{
	looked_at = h;
}

/* Lines of sixteen bytes; those that have nothing but zeroes, and are not the last, are left out.
 */
static void print_bytes(void)
{
	static const uint8_t none[16];

	for (size_t at = 0; at < looked_at->given; at += 16) {
		size_t n = looked_at->given - at < 16 ? looked_at->given - at : 16;

		if (at + n < looked_at->given && memcmp(looked_at->bytes + at, none, n) == 0)
			continue;
		(void)fprintf(stderr, "%zx ", at);
		for (size_t i = 0; i < n; i++)
			(void)fprintf(stderr, "%02x", looked_at->bytes[at + i]);
		(void)fputc('\n', stderr);
	}
}

void handed_finding(const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "anvil: files: ");
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(stderr, "\n%c", looked_at->kind);
	for (unsigned int i = 0; i < HANDED_OPERANDS; i++)
		(void)fputc('0' + looked_at->v[i] % 75, stderr);
	(void)fprintf(stderr, "%c\n", IS_TEXT);
	print_bytes();
	abort();
}
