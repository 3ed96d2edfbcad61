/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands before a value: comma, new line, indentation, name.
 */
#include "json.h"

#include <inttypes.h>
#include <string.h>

void json_begin(struct json *j, FILE *out)
{
	j->out = out;
	j->depth = 0;
	j->first = true;
}

/* Length of the UTF-8 sequence at `at`, or 0: it is none. */
static size_t utf8_length(const unsigned char *at)
{
	size_t len = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : 0;

	if (len == 2 && at[0] < 0xc2)
		return 0;
	if (len == 3 && at[0] == 0xe0 && at[1] < 0xa0)
		return 0;
	if (len == 3 && at[0] == 0xed && at[1] >= 0xa0)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (at[i] >> 6 != 2)
			return 0;
	}
	return len;
}

static void put_character(const unsigned char *at, size_t len, FILE *out)
{
	if (len == 0)
		fputs("\\ufffd", out);
	else if (*at == '\n')
		fputs("\\n", out);
	else if (*at == '\t')
		fputs("\\t", out);
	else if (*at < 32 || *at == 127)
		fprintf(out, "\\u%04x", *at);
	else if (*at == '"' || *at == '\\')
		fprintf(out, "\\%c", *at);
	else
		fwrite(at, 1, len, out);
}

static void put_string(const char *text, FILE *out)
{
	fputc('"', out);
	for (const unsigned char *at = (const unsigned char *)text; *at;) {
		size_t len = utf8_length(at);

		put_character(at, len, out);
		at += len ? len : 1;
	}
	fputc('"', out);
}

static void new_line(struct json *j)
{
	fputc('\n', j->out);
	for (unsigned int i = 0; i < j->depth; i++)
		fputs("  ", j->out);
}

static void begin_value(struct json *j, const char *name)
{
	if (!j->first)
		fputc(',', j->out);
	if (j->depth)
		new_line(j);
	j->first = false;
	if (!name)
		return;
	put_string(name, j->out);
	fputs(": ", j->out);
}

static void open_value(struct json *j, const char *name, char bracket)
{
	begin_value(j, name);
	fputc(bracket, j->out);
	j->depth++;
	j->first = true;
}

static void close_value(struct json *j, char bracket)
{
	j->depth--;
	if (!j->first)
		new_line(j);
	fputc(bracket, j->out);
	j->first = false;
}

void json_open_object(struct json *j, const char *name)
{
	open_value(j, name, '{');
}

void json_open_array(struct json *j, const char *name)
{
	open_value(j, name, '[');
}

void json_close_object(struct json *j)
{
	close_value(j, '}');
}

void json_close_array(struct json *j)
{
	close_value(j, ']');
}

void json_text(struct json *j, const char *name, const char *text)
{
	begin_value(j, name);
	put_string(text, j->out);
}

void json_number(struct json *j, const char *name, uint64_t number)
{
	begin_value(j, name);
	fprintf(j->out, "%" PRIu64, number);
}

void json_bool(struct json *j, const char *name, bool value)
{
	begin_value(j, name);
	fputs(value ? "true" : "false", j->out);
}

void json_end(struct json *j)
{
	fputc('\n', j->out);
}
