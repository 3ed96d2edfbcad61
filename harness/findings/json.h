/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes JSON (RFC 8259), indented for people. The caller opens and closes in order; commas, new
 * lines and escapes come by themselves. Text that is not UTF-8 is replaced byte by byte.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	unsigned int depth;
	bool first; /* nothing in the innermost object or array yet */
};

void json_begin(struct json *j, FILE *out);
/* `name` is NULL inside an array, and for the outermost one. */
void json_open_object(struct json *j, const char *name);
void json_open_array(struct json *j, const char *name);
void json_close_object(struct json *j);
void json_close_array(struct json *j);
void json_text(struct json *j, const char *name, const char *text);
void json_number(struct json *j, const char *name, uint64_t number);
void json_bool(struct json *j, const char *name, bool value);
/* The last new line. */
void json_end(struct json *j);

#endif
