/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forms of all records, as a table, and the conversions that follow from it.
 */
#include "script.h"

#include <ctype.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* releases of clang-format do not agree about these braces */
/* clang-format off */
#define CHOICE(n, place, count) { n, place, FIELD_CHOICE, count }
#define FIELD(n, place, kind)	{ n, place, kind, 0 }
/* clang-format on */

const char *const script_device_name[DEVICE_KINDS] = { "blk", "net", "echo" };

const struct record_form script_header_form = {
	"device",
	{
		CHOICE("size", AT_B0, 8),
		FIELD("flags", AT_B1, FIELD_FLAGS),
		CHOICE("slots", AT_B2, 4),
		CHOICE("capacity", AT_B3, 8),
		CHOICE("transfer", AT_B4, 4),
		FIELD("fail", AT_B5, FIELD_COUNT),
		CHOICE("limits", AT_B6, 4),
		FIELD("hide", AT_X, FIELD_FEATURES),
		CHOICE("refuse", AT_Y0, 50),
		CHOICE("ring", AT_Y1, 8),
		CHOICE("queues", AT_Y2, 5),
		CHOICE("transport", AT_Y3, 3),
		CHOICE("zones", AT_Y4, 12),
		FIELD("net", AT_Y5, FIELD_FLAGS),
		FIELD("more", AT_Y6, FIELD_FLAGS),
		CHOICE("extra", AT_Y7, 4),
	},
	16,
};

const struct record_form script_op_form[OP_CODES] = {
	[OP_INIT] = { "init",
		      { CHOICE("size", AT_B0, 8), CHOICE("wrong", AT_B1, 13),
			FIELD("only", AT_B2, FIELD_QUEUE), FIELD("decline", AT_X, FIELD_FEATURES),
			FIELD("grab", AT_Y, FIELD_FEATURES), FIELD("decline64", AT_B3, FIELD_FLAGS),
			FIELD("grab64", AT_B4, FIELD_FLAGS) },
		      7 },
	[OP_RESET] = { "reset", { { 0 } }, 0 },
	[OP_WRITE] = { "write",
		       { CHOICE("width", AT_B0, 4), FIELD("offset", AT_X, FIELD_OFFSET),
			 FIELD("value", AT_Y, FIELD_VALUE) },
		       3 },
	[OP_READ] = { "read",
		      { CHOICE("width", AT_B0, 4), FIELD("offset", AT_X, FIELD_OFFSET) },
		      2 },
	[OP_POKE] = { "poke",
		      { CHOICE("len", AT_B0, 9), CHOICE("base", AT_B1, 8),
			FIELD("queue", AT_B2, FIELD_QUEUE), FIELD("at", AT_X, FIELD_ADDRESS),
			FIELD("bytes", AT_Y, FIELD_VALUE) },
		      5 },
	[OP_FILL] = { "fill",
		      { FIELD("byte", AT_B0, FIELD_BYTE), CHOICE("base", AT_B1, 8),
			FIELD("queue", AT_B2, FIELD_QUEUE), FIELD("at", AT_X, FIELD_ADDRESS),
			FIELD("len", AT_Y, FIELD_VALUE) },
		      5 },
	[OP_QUEUE] = { "queue",
		       { FIELD("queue", AT_B0, FIELD_QUEUE), CHOICE("size", AT_B1, 8),
			 CHOICE("wrong", AT_B2, 19), FIELD("ready", AT_B3, FIELD_BYTE),
			 FIELD("skip", AT_B4, FIELD_FLAGS) },
		       5 },
	[OP_STOP] = { "stop", { FIELD("queue", AT_B0, FIELD_QUEUE), CHOICE("how", AT_B1, 2) }, 2 },
	[OP_CHAIN] = { "chain",
		       { FIELD("queue", AT_B0, FIELD_QUEUE), FIELD("readable", AT_B1, FIELD_COUNT),
			 FIELD("writable", AT_B2, FIELD_COUNT), CHOICE("where", AT_B3, 16),
			 CHOICE("len", AT_B4, 16), FIELD("flags", AT_B5, FIELD_FLAGS),
			 CHOICE("wrong", AT_B6, 32), FIELD("at", AT_X, FIELD_ADDRESS),
			 FIELD("arg", AT_Y, FIELD_VALUE) },
		       9 },
	[OP_BLK] = { "blk",
		     { CHOICE("type", AT_B0, 20), CHOICE("split", AT_B1, 16),
		       CHOICE("where", AT_B2, 16), FIELD("flags", AT_B3, FIELD_FLAGS),
		       CHOICE("wrong", AT_B4, 32), FIELD("count", AT_B5, FIELD_COUNT),
		       FIELD("bits", AT_B6, FIELD_FLAGS), FIELD("sector", AT_X, FIELD_SECTOR),
		       FIELD("arg", AT_Y, FIELD_VALUE) },
		     9 },
	[OP_TX] = { "tx",
		    { CHOICE("kind", AT_B0, 28), CHOICE("split", AT_B1, 16),
		      CHOICE("where", AT_B2, 16), FIELD("flags", AT_B3, FIELD_FLAGS),
		      CHOICE("wrong", AT_B4, 32), FIELD("bits", AT_B5, FIELD_FLAGS),
		      CHOICE("offload", AT_B6, 16), FIELD("headers", AT_X, FIELD_HEADERS),
		      FIELD("len", AT_YL, FIELD_VALUE), FIELD("pair", AT_Y4, FIELD_QUEUE),
		      FIELD("outer", AT_Y5, FIELD_BYTE), FIELD("inner", AT_Y6, FIELD_BYTE),
		      FIELD("flow", AT_Y7, FIELD_BYTE) },
		    13 },
	[OP_RX] = { "rx",
		    { FIELD("count", AT_B0, FIELD_COUNT), CHOICE("len", AT_B1, 8),
		      CHOICE("where", AT_B2, 16), FIELD("flags", AT_B3, FIELD_FLAGS),
		      CHOICE("wrong", AT_B4, 32), FIELD("pieces", AT_B5, FIELD_COUNT),
		      FIELD("arg", AT_Y, FIELD_VALUE), FIELD("pair", AT_B6, FIELD_QUEUE) },
		    8 },
	[OP_CTRL] = { "ctrl",
		      { CHOICE("class", AT_B0, 11), CHOICE("command", AT_B1, 8),
			CHOICE("split", AT_B2, 16), FIELD("flags", AT_B3, FIELD_FLAGS),
			CHOICE("wrong", AT_B4, 32), FIELD("more", AT_B5, FIELD_BYTE),
			FIELD("where", AT_B6, FIELD_BYTE), FIELD("value", AT_X, FIELD_VALUE),
			FIELD("counts", AT_Y, FIELD_HEADERS) },
		      9 },
	[OP_KICK] = { "kick",
		      { FIELD("queue", AT_B0, FIELD_QUEUE), CHOICE("raw", AT_B1, 2),
			FIELD("value", AT_X, FIELD_VALUE) },
		      3 },
	[OP_AVAIL] = { "avail",
		       { FIELD("queue", AT_B0, FIELD_QUEUE), CHOICE("how", AT_B1, 5),
			 FIELD("flags", AT_B3, FIELD_FLAGS), FIELD("value", AT_X, FIELD_VALUE) },
		       4 },
	[OP_USED] = { "used",
		      { FIELD("queue", AT_B0, FIELD_QUEUE), CHOICE("event", AT_B1, 5) },
		      2 },
	[OP_FRAME] = { "frame",
		       { CHOICE("kind", AT_B0, 28), CHOICE("to", AT_B1, 8),
			 CHOICE("vlan", AT_B2, 2), CHOICE("offload", AT_B3, 16),
			 FIELD("value", AT_X, FIELD_VALUE), FIELD("len", AT_Y, FIELD_VALUE),
			 FIELD("flow", AT_B4, FIELD_BYTE), FIELD("spoil", AT_B5, FIELD_BYTE),
			 FIELD("by", AT_B6, FIELD_BYTE) },
		       9 },
	[OP_COMPLETE] = { "complete",
			  { FIELD("which", AT_B0, FIELD_COUNT), CHOICE("result", AT_B1, 2),
			    FIELD("more", AT_B2, FIELD_COUNT) },
			  3 },
	[OP_LINK] = { "link",
		      { CHOICE("down", AT_B0, 2), CHOICE("announce", AT_B1, 2),
			FIELD("duplex", AT_B2, FIELD_BYTE), FIELD("speed", AT_X, FIELD_VALUE) },
		      4 },
	[OP_RESIZE] = { "resize", { CHOICE("capacity", AT_B0, 8) }, 1 },
	[OP_STALL] = { "stall", { CHOICE("nic", AT_B0, 3), CHOICE("disk", AT_B1, 3) }, 2 },
	[OP_RACE] = { "race",
		      { CHOICE("base", AT_B0, 8), FIELD("queue", AT_B1, FIELD_QUEUE),
			FIELD("nth", AT_B2, FIELD_COUNT), CHOICE("len", AT_B3, 9),
			FIELD("field", AT_B4, FIELD_COUNT), FIELD("at", AT_X, FIELD_ADDRESS),
			FIELD("bytes", AT_Y, FIELD_VALUE) },
		      7 },
	[OP_DRAIN] = { "drain", { { 0 } }, 0 },
	[OP_ACK] = { "ack", { { 0 } }, 0 },
	[OP_RESTORE] = { "restore",
			 { CHOICE("how", AT_B0, 7), CHOICE("len", AT_B1, 9),
			   FIELD("at", AT_X, FIELD_PLACE), FIELD("bytes", AT_Y, FIELD_VALUE) },
			 4 },
	[OP_TIME] = { "time", { FIELD("usecs", AT_X, FIELD_VALUE) }, 1 },
};

static unsigned int y_shift(const struct field *f)
{
	return 8u * ((unsigned int)f->place - AT_Y0);
}

uint64_t script_get(const struct record *r, const struct field *f)
{
	if (f->place == AT_X)
		return r->x;
	if (f->place == AT_Y)
		return r->y;
	if (f->place == AT_YL)
		return r->y & 0xffffffff;
	if (f->place >= AT_Y0)
		return r->y >> y_shift(f) & 0xff;
	return r->b[f->place];
}

void script_set(struct record *r, const struct field *f, uint64_t value)
{
	if (f->choices)
		value %= f->choices;
	if (f->place == AT_X)
		r->x = value;
	else if (f->place == AT_Y)
		r->y = value;
	else if (f->place == AT_YL)
		r->y = (r->y & ~0xffffffffull) | (value & 0xffffffff);
	else if (f->place >= AT_Y0)
		r->y = (r->y & ~(0xffull << y_shift(f))) | (value & 0xff) << y_shift(f);
	else
		r->b[f->place] = (uint8_t)value;
}

/* ---- binary ---- */

/* Leaves the operands of this form alone, choices reduced, and clears the rest. */
static void canonical(struct record *r, const struct record_form *form)
{
	struct record from = *r;

	memset(r->b, 0, sizeof(r->b));
	r->x = 0;
	r->y = 0;
	for (unsigned int i = 0; i < form->fields; i++)
		script_set(r, &form->field[i], script_get(&from, &form->field[i]));
}

static size_t get_record(const uint8_t *bytes, size_t len, struct record *r)
{
	uint8_t raw[SCRIPT_RECORD_BYTES] = { 0 };
	size_t part = len < sizeof(raw) ? len : sizeof(raw);

	if (part == sizeof(raw)) /* all but the last: a copy without a call */
		memcpy(raw, bytes, sizeof(raw));
	else if (part)
		memcpy(raw, bytes, part);
	r->code = raw[0];
	memcpy(r->b, raw + 1, sizeof(r->b));
	memcpy(&r->x, raw + 8, sizeof(r->x));
	memcpy(&r->y, raw + 16, sizeof(r->y));
	r->x = le64toh(r->x);
	r->y = le64toh(r->y);
	return part;
}

void script_decode(const uint8_t *bytes, size_t len, struct script *script)
{
	size_t at = get_record(bytes, len, &script->header);

	script->header.code %= DEVICE_KINDS;
	canonical(&script->header, &script_header_form);
	script->ops = 0;
	while (at < len && script->ops < SCRIPT_OPS_MAX) {
		struct record *r = &script->op[script->ops++];

		at += get_record(bytes + at, len - at, r);
		r->code %= OP_CODES;
		canonical(r, &script_op_form[r->code]);
	}
}

static void put_record(const struct record *r, uint8_t *raw)
{
	uint64_t x = htole64(r->x);
	uint64_t y = htole64(r->y);

	raw[0] = r->code;
	memcpy(raw + 1, r->b, sizeof(r->b));
	memcpy(raw + 8, &x, sizeof(x));
	memcpy(raw + 16, &y, sizeof(y));
}

size_t script_encode(const struct script *script, uint8_t *bytes, size_t room)
{
	size_t at = 0;

	for (unsigned int i = 0; i <= script->ops && room - at >= SCRIPT_RECORD_BYTES; i++) {
		put_record(i == 0 ? &script->header : &script->op[i - 1], bytes + at);
		at += SCRIPT_RECORD_BYTES;
	}
	return at;
}

/* ---- text ---- */

static void print_record(const struct record *r, const struct record_form *form, FILE *out)
{
	for (unsigned int i = 0; i < form->fields; i++) {
		const struct field *f = &form->field[i];
		uint64_t value = script_get(r, f);

		if (value == 0)
			continue;
		if (value < 10)
			fprintf(out, " %s=%u", f->name, (unsigned int)value);
		else
			fprintf(out, " %s=0x%llx", f->name, (unsigned long long)value);
	}
	fputc('\n', out);
}

void script_print(const struct script *script, int mark, FILE *out)
{
	fprintf(out, "device %s", script_device_name[script->header.code]);
	print_record(&script->header, &script_header_form, out);
	for (unsigned int i = 0; i < script->ops; i++) {
		const struct record *r = &script->op[i];

		fputs(script_op_form[r->code].name, out);
		print_record(r, &script_op_form[r->code], out);
		if ((int)i == mark)
			fprintf(out, "# ^ here (operation %u)\n", i);
	}
}

static const struct field *find_field(const struct record_form *form, const char *name, size_t len)
{
	for (unsigned int i = 0; i < form->fields; i++) {
		if (strlen(form->field[i].name) == len && !memcmp(form->field[i].name, name, len))
			return &form->field[i];
	}
	return NULL;
}

/* The fields of one line, from `word` on; strtok_r state in `save`. */
static bool parse_fields(struct record *r, const struct record_form *form, char **save, char *error,
			 size_t room)
{
	for (char *word; (word = strtok_r(NULL, " \t", save));) {
		const char *sign = strchr(word, '=');
		const struct field *f = sign ? find_field(form, word, (size_t)(sign - word)) : NULL;
		char *end;

		if (!f) {
			snprintf(error, room, "%s has no operand \"%s\"", form->name, word);
			return false;
		}
		uint64_t value = strtoull(sign + 1, &end, 0);

		if (*end || end == sign + 1) {
			snprintf(error, room, "\"%s\" is not a number", word);
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
		struct record *r = &script->op[script->ops];

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
