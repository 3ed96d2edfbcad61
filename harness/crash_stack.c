/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Line by line. A frame is "    #1 0x55 in take_one /where/ever/devices/virtio_blk.c:301:2".
 */
#include "crash_stack.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 1024u
#define OUTERMOST  "player_play" /* what calls it has no part in a finding */

/* The next line of `text`, cut to fit; returns where the one after it begins, or NULL: no more. */
static const char *next_line(const char *text, char *line)
{
	size_t len = strcspn(text, "\n");
	size_t keep = len < LINE_BYTES ? len : LINE_BYTES - 1;

	if (!*text)
		return NULL;
	memcpy(line, text, keep);
	line[keep] = 0;
	return text + len + (text[len] == '\n');
}

/* Where the project's part of a path begins, or NULL: not a path of ours. */
static const char *own_path(const char *path)
{
	static const char *const top[] = { "devices/", "harness/", "tests/" };

	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		for (size_t i = 0; i < sizeof(top) / sizeof(top[0]); i++) {
			if (!strncmp(at, top[i], strlen(top[i])))
				return at;
		}
	}
	return NULL;
}

static void take_frame(struct crash_stack *s, const char *function, const char *path)
{
	struct crash_frame *f = &s->frame[s->frames];
	const char *own = own_path(path);

	if (!own || s->frames == CRASH_FRAMES || sscanf(own, "%95[^:]:%u", f->file, &f->line) < 1)
		return;
	snprintf(f->function, sizeof(f->function), "%.63s", function);
	f->device = !strncmp(f->file, "devices/", 8);
	s->frames++;
}

static bool is_frame(const char *line)
{
	line += strspn(line, " ");
	return line[0] == '#' && isdigit((unsigned char)line[1]);
}

static void read_frame(struct crash_stack *s, const char *line)
{
	char function[64];
	char path[512];

	if (s->frames && !strcmp(s->frame[s->frames - 1].function, OUTERMOST))
		return;
	if (sscanf(line, " #%*u %*s in %63s %511[^\n]", function, path) == 2)
		take_frame(s, function, path);
}

/* "==7==ERROR: AddressSanitizer: KIND on ...", "WARNING: MemorySanitizer: KIND" */
static bool read_error(struct crash_stack *s, const char *line)
{
	const char *at = strstr(line, "Sanitizer: ");

	if (strncmp(line, "SUMMARY", 7) && at)
		return sscanf(at, "Sanitizer: %63s", s->error) == 1;
	if (!strstr(line, ": runtime error: "))
		return false;
	snprintf(s->error, sizeof(s->error), "undefined-behavior");
	return true;
}

/* "WRITE of size 4 at 0x602000000014 thread T0" */
static void read_access(struct crash_stack *s, const char *line)
{
	char kind[8];
	unsigned int size;

	if (sscanf(line, "%7[A-Z] of size %u", kind, &size) == 2)
		snprintf(s->access, sizeof(s->access), "%s of size %u", kind, size);
}

/* "f" of "int f(struct g *)", as clang names a function, or of "f", as gcc does. */
static void bare_name(char *name)
{
	char *begin;

	name[strcspn(name, "(")] = 0;
	begin = strrchr(name, ' ');
	begin = begin ? begin + 1 : name;
	begin += strspn(begin, "*");
	memmove(name, begin, strlen(begin) + 1);
}

/* "anvil: devices/virtqueue.c:88: int virtqueue_pop(struct g *): Assertion `x' failed." */
static bool read_assertion(struct crash_stack *s, const char *line)
{
	char function[256];
	const char *own = own_path(strchr(line, ' ') ? strchr(line, ' ') + 1 : line);

	if (!own || !strstr(line, ": Assertion `") ||
	    sscanf(own, "%*[^:]:%*u: %255[^:]", function) != 1)
		return false;
	bare_name(function);
	snprintf(s->error, sizeof(s->error), "assertion");
	take_frame(s, function, own);
	return true;
}

bool crash_stack_read(const char *report, struct crash_stack *s)
{
	char line[LINE_BYTES];
	bool inside = false;

	memset(s, 0, sizeof(*s));
	for (const char *at = report; at && (at = next_line(at, line));) {
		if (!s->error[0]) {
			if (!read_error(s, line) && read_assertion(s, line))
				break;
			continue;
		}
		if (!s->frames)
			read_access(s, line);
		if (is_frame(line))
			read_frame(s, line);
		else if (inside)
			break; /* the stacks of allocations and origins come later */
		inside = is_frame(line);
	}
	return s->frames > 0;
}

const struct crash_frame *crash_stack_place(const struct crash_stack *s)
{
	for (unsigned int i = 0; i < s->frames; i++) {
		if (s->frame[i].device)
			return &s->frame[i];
	}
	return &s->frame[0];
}

/* ---- clean reports ---- */

/* Addresses are longer than any number that a report tells otherwise. */
#define ADDRESS_DIGITS 7u

static size_t hex_digits(const char *at)
{
	return strncmp(at, "0x", 2) ? 0 : strspn(at + 2, "0123456789abcdefABCDEF");
}

/* "devices/virtio_blk.c:107:2" of a longer path, "anvil" of a program with an offset. */
static void put_path(char *path, FILE *out)
{
	const char *own = own_path(path);
	char *offset = strstr(path, "+0x");
	const char *name = strrchr(path, '/') + 1;

	if (offset)
		*offset = 0;
	fputs(own ? own : offset ? name : path, out);
}

/* Writes one word of a line; returns how much of the line that was. */
static size_t put_word(const char *at, FILE *out)
{
	size_t len = strcspn(at, " \t(),[");
	size_t digits = hex_digits(at);

	if (len == 0) {
		fputc(*at, out);
		return 1;
	}
	if (digits >= ADDRESS_DIGITS) {
		fputs("0x...", out);
		return 2 + digits;
	}
	char word[LINE_BYTES];

	memcpy(word, at, len);
	word[len] = 0;
	if (word[0] == '/' || !strncmp(word, "./", 2))
		put_path(word, out);
	else
		fputs(word, out);
	return len;
}

static void put_line(const char *line, FILE *out)
{
	size_t pid = strncmp(line, "==", 2) ? 0 : strspn(line + 2, "0123456789");

	if (pid && !strncmp(line + 2 + pid, "==", 2))
		line += 2 + pid;
	while (*line)
		line += put_word(line, out);
	fputc('\n', out);
}

char *crash_report_clean(const char *report)
{
	char line[LINE_BYTES];
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	for (const char *at = report; (at = next_line(at, line));) {
		if (!strncmp(line, "Shadow bytes around", 19))
			break;
		put_line(line, out);
	}
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}
