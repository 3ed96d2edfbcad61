/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scripts from and to bytes and text, by the forms of records (script_forms.c).
 */
#include "script.h"

#include <ctype.h>
#include <endian.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "operands.h"

const char *const script_device_name[DEVICE_KINDS] = {
	[DEVICE_BLK] = "blk",
	[DEVICE_NET] = "net",
	[DEVICE_ECHO] = "echo",
};

_Static_assert(sizeof(struct script_op) == SCRIPT_OP_BYTES &&
		       offsetof(struct script_op, write.offset) == 8 &&
		       offsetof(struct script_op, fill.len) == 16,
	       "operands have the places that they have in the binary form");

struct script_op script_op(enum op_code code)
{
	struct script_op r;

	memset(&r, 0, sizeof(r));
	r.code = (uint8_t)code;
	return r;
}

uint64_t script_get(const struct script_op *r, const struct field *f)
{
	const uint8_t *at = (const uint8_t *)r + f->offset;
	uint64_t eight;
	uint32_t four;

	switch (f->bytes) {
	case 8:
		memcpy(&eight, at, sizeof(eight));
		return eight;
	case 4:
		memcpy(&four, at, sizeof(four));
		return four;
	default:
		return *at;
	}
}

void script_set(struct script_op *r, const struct field *f, uint64_t value)
{
	uint8_t *at = (uint8_t *)r + f->offset;
	uint32_t four = (uint32_t)value;

	if (f->choices)
		value %= f->choices;
	switch (f->bytes) {
	case 8:
		memcpy(at, &value, sizeof(value));
		break;
	case 4:
		memcpy(at, &four, sizeof(four));
		break;
	default:
		*at = (uint8_t)value;
	}
}

/* ---- binary ---- */

/* From and to `raw`, which has each operand at the same place, least significant byte first */
static uint64_t load(const uint8_t *raw, const struct field *f)
{
	uint64_t eight;
	uint32_t four;

	switch (f->bytes) {
	case 8:
		memcpy(&eight, raw + f->offset, sizeof(eight));
		return le64toh(eight);
	case 4:
		memcpy(&four, raw + f->offset, sizeof(four));
		return le32toh(four);
	default:
		return raw[f->offset];
	}
}

static void store(uint8_t *raw, const struct field *f, uint64_t value)
{
	for (unsigned int i = 0; i < f->bytes; i++)
		raw[f->offset + i] = (uint8_t)(value >> (8 * i));
}

/* The operands of this form, choices reduced; the rest is zero. */
static void get_operands(const uint8_t *raw, const struct op_form *form, struct script_op *r)
{
	for (unsigned int i = 0; i < form->fields; i++)
		script_set(r, &form->field[i], load(raw, &form->field[i]));
}

/* The next record, filled up with zeroes; returns how many bytes of it are there. */
static size_t next_op(const uint8_t *bytes, size_t len, uint8_t *raw)
{
	size_t part = len < SCRIPT_OP_BYTES ? len : SCRIPT_OP_BYTES;

	memset(raw, 0, SCRIPT_OP_BYTES);
	if (part == SCRIPT_OP_BYTES) /* all but the last: a copy without a call */
		memcpy(raw, bytes, SCRIPT_OP_BYTES);
	else if (part)
		memcpy(raw, bytes, part);
	return part;
}

void script_decode(const uint8_t *bytes, size_t len, struct script *script)
{
	uint8_t raw[SCRIPT_OP_BYTES];
	size_t at = next_op(bytes, len, raw);

	script->header = script_op((enum op_code)(raw[0] % DEVICE_KINDS));
	get_operands(raw, &script_header_form, &script->header);
	script->ops = 0;
	while (at < len && script->ops < SCRIPT_OPS_MAX) {
		struct script_op *r = &script->op[script->ops++];

		at += next_op(bytes + at, len - at, raw);
		*r = script_op((enum op_code)(raw[0] % OP_CODES));
		get_operands(raw, &script_op_form[r->code], r);
	}
}

static void put_op(const struct script_op *r, const struct op_form *form, uint8_t *raw)
{
	memset(raw, 0, SCRIPT_OP_BYTES);
	raw[0] = r->code;
	for (unsigned int i = 0; i < form->fields; i++)
		store(raw, &form->field[i], script_get(r, &form->field[i]));
}

size_t script_encode(const struct script *script, uint8_t *bytes, size_t room)
{
	size_t at = 0;

	if (room < SCRIPT_OP_BYTES)
		return 0;
	put_op(&script->header, &script_header_form, bytes);
	at += SCRIPT_OP_BYTES;
	for (unsigned int i = 0; i < script->ops && room - at >= SCRIPT_OP_BYTES; i++) {
		put_op(&script->op[i], &script_op_form[script->op[i].code], bytes + at);
		at += SCRIPT_OP_BYTES;
	}
	return at;
}

/* ---- text ---- */

static void print_number(uint64_t value, FILE *out)
{
	fprintf(out, value < 10 ? "%" PRIu64 : "0x%" PRIx64, value);
}

/* Flags that have names, with commas between; what is left over is a number. */
static void print_flags(const struct field *f, uint64_t value, FILE *out)
{
	const char *comma = "";

	for (const struct operand_value *v = f->values; v && v->name; v++) {
		if (!(value & v->value))
			continue;
		fprintf(out, "%s%s", comma, v->name);
		value &= ~(uint64_t)v->value;
		comma = ",";
	}
	if (!value)
		return;
	fputs(comma, out);
	print_number(value, out);
}

void script_print_value(const struct field *f, uint64_t value, FILE *out)
{
	if (script_is_flags(f)) {
		print_flags(f, value, out);
		return;
	}
	for (const struct operand_value *v = f->values; v && v->name; v++) {
		if (v->value == value) {
			fputs(v->name, out);
			return;
		}
	}
	print_number(value, out);
}

static void print_op(const struct script_op *r, const struct op_form *form, FILE *out)
{
	for (unsigned int i = 0; i < form->fields; i++) {
		uint64_t value = script_get(r, &form->field[i]);

		if (value == 0)
			continue;
		fprintf(out, " %s=", form->field[i].name);
		script_print_value(&form->field[i], value, out);
	}
	fputc('\n', out);
}

void script_print_op(const struct script_op *op, FILE *out)
{
	fputs(script_op_form[op->code].name, out);
	print_op(op, &script_op_form[op->code], out);
}

void script_print(const struct script *script, int mark, FILE *out)
{
	fprintf(out, "device %s", script_device_name[script->header.code]);
	print_op(&script->header, &script_header_form, out);
	for (unsigned int i = 0; i < script->ops; i++) {
		script_print_op(&script->op[i], out);
		if ((int)i == mark)
			fprintf(out, "# ^ here (operation %u)\n", i);
	}
}

static const struct field *find_field(const struct op_form *form, const char *name, size_t len)
{
	for (unsigned int i = 0; i < form->fields; i++) {
		if (strlen(form->field[i].name) == len && !memcmp(form->field[i].name, name, len))
			return &form->field[i];
	}
	return NULL;
}

/* A name or a number, `len` characters long */
static bool parse_one(const struct field *f, const char *text, size_t len, uint64_t *value)
{
	char *end;

	for (const struct operand_value *v = f->values; v && v->name; v++) {
		if (strlen(v->name) == len && !memcmp(v->name, text, len)) {
			*value = v->value;
			return true;
		}
	}
	if (!isdigit((unsigned char)*text))
		return false;
	*value = strtoull(text, &end, 0);
	return end == text + len;
}

static bool parse_value(const struct field *f, const char *text, uint64_t *value)
{
	size_t len = strlen(text);

	if (!script_is_flags(f))
		return parse_one(f, text, len, value);
	for (*value = 0;; text += len + 1) {
		uint64_t flag;

		len = strcspn(text, ",");
		if (!parse_one(f, text, len, &flag))
			return false;
		*value |= flag;
		if (!text[len])
			return true;
	}
}

/* The fields of one line, from `word` on; strtok_r state in `save`. */
static bool parse_fields(struct script_op *r, const struct op_form *form, char **save, char *error,
			 size_t room)
{
	for (char *word; (word = strtok_r(NULL, " \t", save));) {
		const char *sign = strchr(word, '=');
		const struct field *f = sign ? find_field(form, word, (size_t)(sign - word)) : NULL;
		uint64_t value;

		if (!f) {
			snprintf(error, room, "%s has no operand \"%s\"", form->name, word);
			return false;
		}
		if (!parse_value(f, sign + 1, &value)) {
			snprintf(error, room, "\"%s\" is not a number%s", word,
				 f->values ? ", nor a name of one" : "");
			return false;
		}
		script_set(r, f, value);
		if (script_get(r, f) != value) {
			snprintf(error, room, "\"%s\" is out of range", word);
			return false;
		}
	}
	return true;
}

static bool parse_header(struct script *script, char **save, char *error, size_t room)
{
	const char *kind = strtok_r(NULL, " \t", save);

	for (unsigned int i = 0; kind && i < DEVICE_KINDS; i++) {
		if (strcmp(kind, script_device_name[i]))
			continue;
		script->header.code = (uint8_t)i;
		return parse_fields(&script->header, &script_header_form, save, error, room);
	}
	snprintf(error, room, "there is no device \"%s\"", kind ? kind : "");
	return false;
}

static bool parse_op(struct script *script, const char *name, char **save, char *error, size_t room)
{
	if (script->ops == SCRIPT_OPS_MAX) {
		snprintf(error, room, "more than %u operations", SCRIPT_OPS_MAX);
		return false;
	}
	for (unsigned int i = 0; i < OP_CODES; i++) {
		struct script_op *r = &script->op[script->ops];

		if (strcmp(name, script_op_form[i].name))
			continue;
		r->code = (uint8_t)i;
		script->ops++;
		return parse_fields(r, &script_op_form[i], save, error, room);
	}
	snprintf(error, room, "there is no operation \"%s\"", name);
	return false;
}

static bool parse_line(struct script *script, char *line, bool *headed, char *error, size_t room)
{
	char *save;
	char *comment = strchr(line, '#');

	if (comment)
		*comment = 0;

	const char *name = strtok_r(line, " \t\r", &save);

	if (!name)
		return true;
	if (*headed)
		return parse_op(script, name, &save, error, room);
	*headed = true;
	if (!strcmp(name, script_header_form.name))
		return parse_header(script, &save, error, room);
	snprintf(error, room, "a script begins with \"device\"");
	return false;
}

unsigned int script_parse(const char *text, struct script *script, char *error, size_t room)
{
	char line[512];
	bool headed = false;
	unsigned int number = 0;

	memset(script, 0, sizeof(*script));
	while (*text) {
		size_t len = strcspn(text, "\n");

		number++;
		if (len >= sizeof(line)) {
			snprintf(error, room, "line too long");
			return number;
		}
		memcpy(line, text, len);
		line[len] = 0;
		if (!parse_line(script, line, &headed, error, room))
			return number;
		text += len + (text[len] == '\n');
	}
	if (headed)
		return 0;
	snprintf(error, room, "no \"device\" line");
	return number + 1;
}
