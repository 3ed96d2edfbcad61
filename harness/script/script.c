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
#define OPERAND(op, m, kind, count)                                                                \
	{ #m, offsetof(struct record, op.m), sizeof(((struct record *)0)->op.m), kind, count }
#define CHOICE(op, m, count) OPERAND(op, m, FIELD_CHOICE, count)
#define FIELD(op, m, kind) OPERAND(op, m, kind, 0)
/* clang-format on */

const char *const script_device_name[DEVICE_KINDS] = { "blk", "net", "echo" };

const struct record_form script_header_form = {
	"device",
	{
		CHOICE(device, size, 8),
		FIELD(device, flags, FIELD_FLAGS),
		CHOICE(device, slots, 4),
		CHOICE(device, capacity, 8),
		CHOICE(device, transfer, 4),
		FIELD(device, fail, FIELD_COUNT),
		CHOICE(device, limits, 4),
		FIELD(device, hide, FIELD_FEATURES),
		CHOICE(device, refuse, 50),
		CHOICE(device, ring, 8),
		CHOICE(device, queues, 5),
		CHOICE(device, transport, 3),
		CHOICE(device, zones, 12),
		FIELD(device, net, FIELD_FLAGS),
		FIELD(device, more, FIELD_FLAGS),
		CHOICE(device, extra, 4),
	},
	16,
};

const struct record_form script_op_form[OP_CODES] = {
	[OP_INIT] = { "init",
		      { CHOICE(init, size, 8), CHOICE(init, wrong, 13),
			FIELD(init, only, FIELD_QUEUE), FIELD(init, decline, FIELD_FEATURES),
			FIELD(init, grab, FIELD_FEATURES), FIELD(init, decline64, FIELD_FLAGS),
			FIELD(init, grab64, FIELD_FLAGS) },
		      7 },
	[OP_RESET] = { "reset", { { 0 } }, 0 },
	[OP_WRITE] = { "write",
		       { CHOICE(write, width, 4), FIELD(write, offset, FIELD_OFFSET),
			 FIELD(write, value, FIELD_VALUE) },
		       3 },
	[OP_READ] = { "read", { CHOICE(read, width, 4), FIELD(read, offset, FIELD_OFFSET) }, 2 },
	[OP_POKE] = { "poke",
		      { CHOICE(poke, len, 9), CHOICE(poke, base, 8),
			FIELD(poke, queue, FIELD_QUEUE), FIELD(poke, at, FIELD_ADDRESS),
			FIELD(poke, bytes, FIELD_VALUE) },
		      5 },
	[OP_FILL] = { "fill",
		      { FIELD(fill, byte, FIELD_BYTE), CHOICE(fill, base, 8),
			FIELD(fill, queue, FIELD_QUEUE), FIELD(fill, at, FIELD_ADDRESS),
			FIELD(fill, len, FIELD_VALUE) },
		      5 },
	[OP_QUEUE] = { "queue",
		       { FIELD(queue, queue, FIELD_QUEUE), CHOICE(queue, size, 8),
			 CHOICE(queue, wrong, 19), FIELD(queue, ready, FIELD_BYTE),
			 FIELD(queue, skip, FIELD_FLAGS) },
		       5 },
	[OP_STOP] = { "stop", { FIELD(stop, queue, FIELD_QUEUE), CHOICE(stop, how, 2) }, 2 },
	[OP_CHAIN] = { "chain",
		       { FIELD(chain, queue, FIELD_QUEUE), FIELD(chain, readable, FIELD_COUNT),
			 FIELD(chain, writable, FIELD_COUNT), CHOICE(chain, where, 16),
			 CHOICE(chain, len, 16), FIELD(chain, flags, FIELD_FLAGS),
			 CHOICE(chain, wrong, 32), FIELD(chain, at, FIELD_ADDRESS),
			 FIELD(chain, arg, FIELD_VALUE) },
		       9 },
	[OP_BLK] = { "blk",
		     { CHOICE(blk, type, 20), CHOICE(blk, split, 16), CHOICE(blk, where, 16),
		       FIELD(blk, flags, FIELD_FLAGS), CHOICE(blk, wrong, 32),
		       FIELD(blk, count, FIELD_COUNT), FIELD(blk, bits, FIELD_FLAGS),
		       FIELD(blk, sector, FIELD_SECTOR), FIELD(blk, arg, FIELD_VALUE) },
		     9 },
	[OP_TX] = { "tx",
		    { CHOICE(tx, kind, 28), CHOICE(tx, split, 16), CHOICE(tx, where, 16),
		      FIELD(tx, flags, FIELD_FLAGS), CHOICE(tx, wrong, 32),
		      FIELD(tx, bits, FIELD_FLAGS), CHOICE(tx, offload, 16),
		      FIELD(tx, headers, FIELD_HEADERS), FIELD(tx, len, FIELD_VALUE),
		      FIELD(tx, pair, FIELD_QUEUE), FIELD(tx, outer, FIELD_BYTE),
		      FIELD(tx, inner, FIELD_BYTE), FIELD(tx, flow, FIELD_BYTE) },
		    13 },
	[OP_RX] = { "rx",
		    { FIELD(rx, count, FIELD_COUNT), CHOICE(rx, len, 8), CHOICE(rx, where, 16),
		      FIELD(rx, flags, FIELD_FLAGS), CHOICE(rx, wrong, 32),
		      FIELD(rx, pieces, FIELD_COUNT), FIELD(rx, arg, FIELD_VALUE),
		      FIELD(rx, pair, FIELD_QUEUE) },
		    8 },
	[OP_CTRL] = { "ctrl",
		      { CHOICE(ctrl, class, 11), CHOICE(ctrl, command, 8), CHOICE(ctrl, split, 16),
			FIELD(ctrl, flags, FIELD_FLAGS), CHOICE(ctrl, wrong, 32),
			FIELD(ctrl, more, FIELD_BYTE), FIELD(ctrl, where, FIELD_BYTE),
			FIELD(ctrl, value, FIELD_VALUE), FIELD(ctrl, counts, FIELD_HEADERS) },
		      9 },
	[OP_KICK] = { "kick",
		      { FIELD(kick, queue, FIELD_QUEUE), CHOICE(kick, raw, 2),
			FIELD(kick, value, FIELD_VALUE) },
		      3 },
	[OP_AVAIL] = { "avail",
		       { FIELD(avail, queue, FIELD_QUEUE), CHOICE(avail, how, 5),
			 FIELD(avail, flags, FIELD_FLAGS), FIELD(avail, value, FIELD_VALUE) },
		       4 },
	[OP_USED] = { "used", { FIELD(used, queue, FIELD_QUEUE), CHOICE(used, event, 5) }, 2 },
	[OP_FRAME] = { "frame",
		       { CHOICE(frame, kind, 28), CHOICE(frame, to, 8), CHOICE(frame, vlan, 2),
			 CHOICE(frame, offload, 16), FIELD(frame, value, FIELD_VALUE),
			 FIELD(frame, len, FIELD_VALUE), FIELD(frame, flow, FIELD_BYTE),
			 FIELD(frame, spoil, FIELD_BYTE), FIELD(frame, by, FIELD_BYTE) },
		       9 },
	[OP_COMPLETE] = { "complete",
			  { FIELD(complete, which, FIELD_COUNT), CHOICE(complete, result, 2),
			    FIELD(complete, more, FIELD_COUNT) },
			  3 },
	[OP_LINK] = { "link",
		      { CHOICE(link, down, 2), CHOICE(link, announce, 2),
			FIELD(link, duplex, FIELD_BYTE), FIELD(link, speed, FIELD_VALUE) },
		      4 },
	[OP_RESIZE] = { "resize", { CHOICE(resize, capacity, 8) }, 1 },
	[OP_STALL] = { "stall", { CHOICE(stall, nic, 3), CHOICE(stall, disk, 3) }, 2 },
	[OP_RACE] = { "race",
		      { CHOICE(race, base, 8), FIELD(race, queue, FIELD_QUEUE),
			FIELD(race, nth, FIELD_COUNT), CHOICE(race, len, 9),
			FIELD(race, field, FIELD_COUNT), FIELD(race, at, FIELD_ADDRESS),
			FIELD(race, bytes, FIELD_VALUE) },
		      7 },
	[OP_DRAIN] = { "drain", { { 0 } }, 0 },
	[OP_ACK] = { "ack", { { 0 } }, 0 },
	[OP_RESTORE] = { "restore",
			 { CHOICE(restore, how, 7), CHOICE(restore, len, 9),
			   FIELD(restore, at, FIELD_PLACE), FIELD(restore, bytes, FIELD_VALUE) },
			 4 },
	[OP_TIME] = { "time", { FIELD(time, usecs, FIELD_VALUE) }, 1 },
};

struct record script_op(enum op_code code)
{
	struct record r;

	memset(&r, 0, sizeof(r));
	r.code = (uint8_t)code;
	return r;
}

uint64_t script_get(const struct record *r, const struct field *f)
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

void script_set(struct record *r, const struct field *f, uint64_t value)
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
static void get_operands(const uint8_t *raw, const struct record_form *form, struct record *r)
{
	for (unsigned int i = 0; i < form->fields; i++)
		script_set(r, &form->field[i], load(raw, &form->field[i]));
}

/* The next record, filled up with zeroes; returns how many bytes of it are there. */
static size_t next_record(const uint8_t *bytes, size_t len, uint8_t *raw)
{
	size_t part = len < SCRIPT_RECORD_BYTES ? len : SCRIPT_RECORD_BYTES;

	memset(raw, 0, SCRIPT_RECORD_BYTES);
	if (part == SCRIPT_RECORD_BYTES) /* all but the last: a copy without a call */
		memcpy(raw, bytes, SCRIPT_RECORD_BYTES);
	else if (part)
		memcpy(raw, bytes, part);
	return part;
}

void script_decode(const uint8_t *bytes, size_t len, struct script *script)
{
	uint8_t raw[SCRIPT_RECORD_BYTES];
	size_t at = next_record(bytes, len, raw);

	script->header = script_op((enum op_code)(raw[0] % DEVICE_KINDS));
	get_operands(raw, &script_header_form, &script->header);
	script->ops = 0;
	while (at < len && script->ops < SCRIPT_OPS_MAX) {
		struct record *r = &script->op[script->ops++];

		at += next_record(bytes + at, len - at, raw);
		*r = script_op((enum op_code)(raw[0] % OP_CODES));
		get_operands(raw, &script_op_form[r->code], r);
	}
}

static void put_record(const struct record *r, const struct record_form *form, uint8_t *raw)
{
	memset(raw, 0, SCRIPT_RECORD_BYTES);
	raw[0] = r->code;
	for (unsigned int i = 0; i < form->fields; i++)
		store(raw, &form->field[i], script_get(r, &form->field[i]));
}

size_t script_encode(const struct script *script, uint8_t *bytes, size_t room)
{
	size_t at = 0;

	if (room < SCRIPT_RECORD_BYTES)
		return 0;
	put_record(&script->header, &script_header_form, bytes);
	at += SCRIPT_RECORD_BYTES;
	for (unsigned int i = 0; i < script->ops && room - at >= SCRIPT_RECORD_BYTES; i++) {
		put_record(&script->op[i], &script_op_form[script->op[i].code], bytes + at);
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
