/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Line by line. A frame is "    #1 0x55 in take_one /where/ever/devices/virtio_blk.c:301:2", or
 * "    #9 0x55 in _start (/where/ever/build/asan/anvil+0x21) (BuildId: 92ed)" where no source is
 * known. "/where/ever" is anything that a folder may be called: with spaces, parentheses, names of
 * our folders. So a path begins and ends where the line's form says, never at a space. And a
 * function of C++ may be "int (anonymous namespace)::f<a, b >(unsigned long) const".
 */
#include "crash_stack.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array_size.h"

#define LINE_BYTES 8192u /* a path is up to 4096 */
/* has MemorySanitizer report what a device gives out: who did shows in the origin's stacks */
#define GIVEN_OUT "machine_report_unwritten"

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

/*
 * Where the project's part of a source's path begins, or NULL: not a source of ours. The last of
 * our folders' names counts: the checkout may lie below a folder of the same name.
 */
static const char *own_path(const char *path)
{
	static const char *const top[] = { "devices/", "harness/", "tests/" };
	const char *own = NULL;

	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		for (size_t i = 0; i < ARRAY_SIZE(top); i++) {
			if (!strncmp(at, top[i], strlen(top[i])))
				own = at;
		}
	}
	return own;
}

/* "(/where/ever/anvil+0x21)": code of a program or library without a source */
static bool is_module(const char *place)
{
	return place[0] == '(';
}

/* Any source but those of the C library and the compiler, as distributions build them. */
static const char *foreign_path(const char *path)
{
	static char here[PATH_MAX];
	size_t len;

	if (!strncmp(path, "./", 2) || !strncmp(path, "../", 3) || strstr(path, "/../sysdeps/") ||
	    strstr(path, "/compiler-rt/"))
		return NULL;
	if (!getcwd(here, sizeof(here)))
		return path;
	len = strlen(here);
	return !strncmp(path, here, len) && path[len] == '/' ? path + len + 1 : path;
}

static void take_frame(struct crash_stack *s, const char *function, const char *path, bool foreign)
{
	struct crash_frame *f = &s->frame[s->frames];
	const char *own = is_module(path) ? NULL : own_path(path);

	if (foreign && !is_module(path) && (!own || strncmp(own, "harness/", 8) != 0))
		own = foreign_path(path);
	if (!own || s->frames == CRASH_FRAMES || sscanf(own, "%95[^:]:%u", f->file, &f->line) < 1)
		return;
	snprintf(f->function, sizeof(f->function), "%s", function);
	f->device =
		foreign ? strncmp(f->file, "harness/", 8) != 0 : !strncmp(f->file, "devices/", 8);
	s->frames++;
}

static bool is_frame(const char *line)
{
	line += strspn(line, " ");
	return line[0] == '#' && isdigit((unsigned char)line[1]);
}

/* Where the function of a frame begins, or would begin; NULL: it tells nothing */
static const char *frame_begin(const char *line)
{
	int begin = 0;

	(void)sscanf(line, " #%*u %*s in %n", &begin);
	if (!begin)
		(void)sscanf(line, " #%*u %*s %n", &begin);
	return begin && line[begin] ? line + begin : NULL;
}

/*
 * Where the place of a frame begins; NULL: it tells none. No name has a space before what a path
 * or a module begins with; where a path is a relative one, it has no space if the name has one.
 */
static const char *frame_place(const char *line)
{
	static const char *const mark[] = { " /", " ./", " ../", " (/", " (<" };
	const char *begin = frame_begin(line);
	const char *place = NULL;

	for (size_t i = 0; begin && i < ARRAY_SIZE(mark); i++) {
		const char *at = strstr(begin - 1, mark[i]);

		if (at && (!place || at < place))
			place = at;
	}
	if (!begin || place)
		return place ? place + 1 : NULL;
	if (line[strlen(line) - 1] == ')')
		return NULL;
	place = strpbrk(begin, "(<") ? strrchr(begin, ' ') : strchr(begin, ' ');
	return place ? place + 1 : NULL;
}

/* The whole name of the function of a frame. False: it tells none. */
static bool frame_function(const char *line, const char *place, char *name, size_t room)
{
	const char *begin = frame_begin(line);

	if (!begin || begin >= place)
		return false;
	snprintf(name, room, "%.*s", (int)(place - begin) - 1, begin);
	return true;
}

/* Stands for one of the C library's */
static bool is_between(const char *function)
{
	return !strncmp(function, "__asan_", 7) || !strncmp(function, "__asan::", 8) ||
	       !strncmp(function, "__tap_", 6) || !strncmp(function, "__interceptor_", 14);
}

/* What calls it has no part in a finding. */
static bool is_outermost(const char *function)
{
	return !strcmp(function, "player_play") || !strcmp(function, "main");
}

static void read_frame(struct crash_stack *s, const char *line, bool foreign)
{
	const char *place = frame_place(line);
	char function[CRASH_FUNCTION_BYTES];

	if (s->frames && is_outermost(s->frame[s->frames - 1].function))
		return;
	if (place && frame_function(line, place, function, sizeof(function)) &&
	    !is_between(function))
		take_frame(s, function, place, foreign);
}

/* "==7==ERROR: AddressSanitizer: KIND on ...", "WARNING: MemorySanitizer: KIND" */
static bool read_error(struct crash_stack *s, const char *line)
{
	const char *at = strstr(line, "Sanitizer: ");

	if (strstr(line, "LeakSanitizer: detected memory leaks"))
		return snprintf(s->error, sizeof(s->error), "leak") > 0;
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

/* Goes back over what is in brackets, to the last one of `wanted` that is not. NULL: none */
static char *outside(char *text, char *at, char wanted)
{
	int depth = 0;

	while (at-- > text) {
		if (*at == ')' || *at == '>')
			depth++;
		if ((*at == '(' || *at == '<') && depth > 0)
			depth--;
		if (*at == wanted && depth == 0)
			return at;
	}
	return NULL;
}

/* "f" of "int f(struct g *)", as clang names a function, or of "f", as gcc does; "a::f<b, c>" of
 * "int a::f<b, c>(int) const [with ...]". */
static void bare_name(char *name)
{
	char *with = strstr(name, " [");
	char *begin;
	char *end;

	if (with)
		*with = 0;
	end = strrchr(name, ')');
	end = end ? outside(name, end + 1, '(') : NULL;
	if (end)
		*end = 0;
	begin = outside(name, name + strlen(name), ' ');
	begin = begin ? begin + 1 : name;
	begin += strspn(begin, "*&");
	memmove(name, begin, strlen(begin) + 1);
}

/* What is between "devices/a.c:88: " and the end of its line, or NULL */
static const char *behind_place(const char *path)
{
	for (const char *at = strchr(path, ':'); at; at = strchr(at + 1, ':')) {
		size_t digits = strspn(at + 1, "0123456789");

		if (digits && !strncmp(at + 1 + digits, ": ", 2))
			return at + digits + 3;
	}
	return NULL;
}

/* "anvil: devices/virtqueue.c:88: int anvil_virtqueue_pop(struct g *): Assertion `x' failed." */
static bool read_assertion(struct crash_stack *s, const char *line, bool foreign)
{
	char function[LINE_BYTES];
	const char *path = strchr(line, ' ') ? strchr(line, ' ') + 1 : line;
	const char *own = foreign ? path : own_path(path);
	const char *begin = own ? behind_place(own) : NULL;
	const char *end = begin ? strstr(begin, ": Assertion `") : NULL;

	if (!end)
		return false;
	snprintf(function, sizeof(function), "%.*s", (int)(end - begin), begin);
	bare_name(function);
	snprintf(s->error, sizeof(s->error), "assertion");
	take_frame(s, function, own, foreign);
	return true;
}

static bool has_device(const struct crash_stack *s)
{
	for (unsigned int i = 0; i < s->frames; i++) {
		if (s->frame[i].device)
			return true;
	}
	return false;
}

static bool read_stack(const char *report, struct crash_stack *s, bool foreign)
{
	char line[LINE_BYTES];
	bool inside = false;
	bool given_out = false;

	memset(s, 0, sizeof(*s));
	for (const char *at = report; at && (at = next_line(at, line));) {
		if (!s->error[0]) {
			if (!read_error(s, line) && read_assertion(s, line, foreign))
				break;
			continue;
		}
		if (!s->frames)
			read_access(s, line);
		if (is_frame(line))
			read_frame(s, line, foreign);
		else if (inside && !(foreign && given_out && !has_device(s)))
			break; /* the stacks of allocations and origins come later */
		else if (inside)
			s->frames = 0;
		inside = is_frame(line);
		given_out |= s->frames && !strcmp(s->frame[0].function, GIVEN_OUT);
	}
	return s->frames > 0;
}

bool crash_stack_read(const char *report, struct crash_stack *s)
{
	return read_stack(report, s, false);
}

bool crash_stack_read_foreign(const char *report, struct crash_stack *s)
{
	return read_stack(report, s, true);
}

const struct crash_frame *crash_stack_place(const struct crash_stack *s)
{
	for (unsigned int i = 0; i < s->frames; i++) {
		if (s->frame[i].device)
			return &s->frame[i];
	}
	return &s->frame[0];
}

/* ---- the summary ---- */

/* "devices/virtio_blk.c:107:2", "anvil" of a program; what a path says of this machine goes. */
static void put_place(const char *place, size_t len, FILE *out)
{
	char text[LINE_BYTES];
	const char *own;
	const char *name;

	snprintf(text, sizeof(text), "%.*s", (int)len, place);
	if (is_module(text)) {
		char *offset = NULL;

		for (char *at = strstr(text, "+0x"); at; at = strstr(at + 1, "+0x"))
			offset = at;
		if (offset)
			*offset = 0;
		name = strrchr(text, '/');
		fprintf(out, offset ? "(%s)" : "%s", name ? name + 1 : text);
		return;
	}
	own = own_path(text);
	name = text[0] == '/' ? strrchr(text, '/') + 1 : text;
	fputs(own ? own : name, out);
}

/* Else more of a path: "x/b.c:7:2" */
static bool is_name(const char *text)
{
	for (const char *at = strpbrk(text, "/:"); at; at = strpbrk(at + 1, "/:")) {
		if (*at == ':' ? isdigit((unsigned char)at[1])
			       : at - text < 8 || strncmp(at - 8, "operator", 8) != 0)
			return false;
	}
	return true;
}

/* " in take_one" at the end of a summary, which has a place before it; the end if it is not there
 */
static const char *summary_function(const char *place)
{
	const char *found = place + strlen(place);

	for (const char *at = strstr(place, " in "); at; at = strstr(at + 1, " in ")) {
		if (is_name(at + 4))
			found = at;
	}
	return found;
}

/* The place of a summary, behind "SUMMARY: AddressSanitizer: KIND "; NULL: there is none. */
static const char *summary_place(const char *line)
{
	int place = 0;

	(void)sscanf(line, "SUMMARY: %*[^:]: %*s %n", &place);
	return place && line[place] ? line + place : NULL;
}

static void read_summary(struct crash_summary *s, const char *line)
{
	const char *place = summary_place(line);
	FILE *out = fmemopen(s->place, sizeof(s->place), "w");

	(void)sscanf(line, "SUMMARY: %*[^:]: %47s", s->error);
	if (out && place) {
		const char *function = summary_function(place);

		if (*place != '(')
			put_place(place, (size_t)(function - place), out);
		if (*function)
			snprintf(s->function, sizeof(s->function), "%s", function + 4);
	}
	if (out)
		(void)fclose(out);
}

bool crash_summary_read(const char *report, struct crash_summary *s)
{
	char line[LINE_BYTES];

	memset(s, 0, sizeof(*s));
	for (const char *at = report; at && (at = next_line(at, line));) {
		if (!strncmp(line, "SUMMARY: ", 9)) {
			read_summary(s, line);
			return s->error[0] != 0;
		}
	}
	return false;
}

void crash_function(const char *report, const struct crash_summary *s, char *function, size_t room)
{
	char line[LINE_BYTES];
	bool inside = false;
	struct crash_stack stack;

	snprintf(function, room, "%s", s->function);
	if (!strcmp(function, GIVEN_OUT) && crash_stack_read_foreign(report, &stack)) {
		snprintf(function, room, "%s", crash_stack_place(&stack)->function);
		return;
	}
	if (!is_between(s->function) && s->place[0])
		return;
	for (const char *at = report; at && (at = next_line(at, line));) {
		const char *place = is_frame(line) ? frame_place(line) : NULL;
		char name[CRASH_FUNCTION_BYTES];

		if (inside && !is_frame(line))
			return;
		inside = is_frame(line);
		if (!place || is_module(place) ||
		    !frame_function(line, place, name, sizeof(name)) || is_between(name))
			continue;
		snprintf(function, room, "%s", name);
		return;
	}
}

/* ---- the host's part ---- */

const char *crash_report_environment(const char *report)
{
	static const char *const known[][2] = {
		{ "LeakSanitizer has encountered a fatal error",
		  "LeakSanitizer may not trace the process" },
		{ "a sanitizer needs 16 TiB of address space",
		  "a sanitizer was refused its address space" },
		{ "a sanitizer cannot start where addresses are this random",
		  "a sanitizer cannot start where vm.mmap_rnd_bits is above 28" },
		{ "ReserveShadowMemoryRange failed", "a sanitizer was refused its address space" },
		{ "can not mmap the shadow memory", "a sanitizer was refused its address space" },
		{ "Shadow memory range interleaves with", "a sanitizer was refused its addresses" },
		{ "(error code: 12)", "the host has no memory left (ENOMEM)" },
		{ "(errno: 12)", "the host has no memory left (ENOMEM)" },
		{ "error while loading shared libraries", "a library is missing" },
	};

	for (size_t i = 0; report && i < ARRAY_SIZE(known); i++) {
		if (strstr(report, known[i][0]))
			return known[i][1];
	}
	return NULL;
}

/* ---- clean reports ---- */

/* Addresses are longer than any number that a report tells otherwise. */
#define ADDRESS_DIGITS 7u

static size_t hex_digits(const char *at)
{
	return strncmp(at, "0x", 2) ? 0 : strspn(at + 2, "0123456789abcdefABCDEF");
}

/* A path in quotes, as a variable's: "defined in '/where/ever/devices/a.c:4:5' (0x55)"; else 0 */
static size_t quoted_path(const char *at)
{
	const char *end =
		*at == '\'' && (at[1] == '/' || at[1] == '.') ? strrchr(at + 1, '\'') : NULL;

	return end ? (size_t)(end - at) + 1 : 0;
}

/* Writes one word of a line; returns how much of the line that was. */
static size_t put_word(const char *at, FILE *out)
{
	size_t len = strcspn(at, " \t(),['");
	size_t quoted = quoted_path(at);
	size_t digits = hex_digits(at);

	if (quoted) {
		fputc('\'', out);
		put_place(at + 1, quoted - 2, out);
		fputc('\'', out);
		return quoted;
	}
	if (len == 0) {
		fputc(*at, out);
		return 1;
	}
	if (digits >= ADDRESS_DIGITS) {
		fputs("0x...", out);
		return 2 + digits;
	}
	if (*at == '/' || !strncmp(at, "./", 2))
		put_place(at, len, out);
	else
		fwrite(at, 1, len, out);
	return len;
}

static void put_words(const char *at, const char *end, FILE *out)
{
	while (at < end)
		at += put_word(at, out);
}

/* The end of the path that the line of an error or a failed assertion begins with, or NULL */
static const char *leading_path(const char **begin, const char *line)
{
	const char *end = strstr(line, ": runtime error: ");
	const char *assertion = strstr(line, ": Assertion `");

	*begin = line;
	if (end || !assertion)
		return end;
	*begin = strstr(line, ": ") + 2; /* behind the program's name */
	end = own_path(*begin);
	end = end && end < assertion ? strchr(end, ':') : NULL;
	return end;
}

/* Whatever may have a path with spaces in it has one form, and one place for it. */
static void put_line(const char *line, FILE *out)
{
	size_t pid = strncmp(line, "==", 2) ? 0 : strspn(line + 2, "0123456789");
	const char *place = is_frame(line) ? frame_place(line) : summary_place(line);
	const char *end =
		place ? is_frame(line) ? place + strlen(place) : summary_function(place) : NULL;

	if (pid && !strncmp(line + 2 + pid, "==", 2))
		line += 2 + pid;
	if (!place)
		end = leading_path(&place, line);
	if (end) {
		put_words(line, place, out);
		put_place(place, (size_t)(end - place), out);
		line = end;
	}
	put_words(line, line + strlen(line), out);
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
