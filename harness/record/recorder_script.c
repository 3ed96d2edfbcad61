/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scripts of the recorder: which are new, and where they go.
 */
#include <stdio.h>
#include <string.h>

#include "script/files.h"
#include "recorder_internal.h"

/* ---- shapes: what was seen before ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++, value >>= 8)
		hash = (hash ^ (value & 0xff)) * 0x100000001b3ull;
	return hash;
}

static unsigned int digits(uint64_t value)
{
	return value ? 64u - (unsigned int)__builtin_clzll(value) : 0;
}

/* What of an operand makes a difference for the shape of a request. */
static uint64_t operand_shape(const struct field *f, uint64_t value)
{
	switch (f->kind) {
	case FIELD_SECTOR:
	case FIELD_PLACE:
	case FIELD_ADDRESS:
		return 0;
	case FIELD_COUNT:
	case FIELD_VALUE:
		return digits(value);
	case FIELD_HEADERS:
		return value != 0;
	default:
		return value;
	}
}

static uint64_t op_shape(const struct script_op *op)
{
	const struct op_form *form = &script_op_form[op->code];
	uint64_t hash = mix(0xcbf29ce484222325ull, op->code);

	for (unsigned int i = 0; i < form->fields; i++)
		hash = mix(hash, operand_shape(&form->field[i], script_get(op, &form->field[i])));
	return hash;
}

/* Every operand counts, and the order. */
static uint64_t script_shape(const struct script *s)
{
	uint64_t hash = 0;

	for (unsigned int i = 0; i < s->ops; i++) {
		const struct op_form *form = &script_op_form[s->op[i].code];

		hash = mix(hash, s->op[i].code);
		for (unsigned int k = 0; k < form->fields; k++)
			hash = mix(hash, script_get(&s->op[i], &form->field[k]));
	}
	return hash;
}

/* Whether this is new; it is not any more. */
static bool is_new(struct recorder *r, uint64_t shape)
{
	uint64_t *word = &r->seen[shape >> 6 & 1023];
	uint64_t bit = 1ull << (shape & 63);
	bool fresh = !(*word & bit);

	*word |= bit;
	return fresh;
}

/* ---- scripts ---- */

bool recorder_wants_more(const struct recorder *r)
{
	return !r->failed && r->bring_ups + r->requests < RECORDER_SCRIPTS_MAX;
}

static void save(struct recorder *r, const char *kind, unsigned int *number)
{
	char path[4096];

	if (!recorder_wants_more(r))
		return;
	snprintf(path, sizeof(path), "%s/%s_%s_%02u", r->options.folder, r->options.prefix, kind,
		 *number + 1);
	if (files_write_script(path, &r->script))
		++*number;
	else
		r->failed = true;
}

void recorder_start_script(struct recorder *r)
{
	r->script.header = r->encoder.header;
	r->script.ops = 0;
	r->opening = 0;
	memset(&r->batch, 0, sizeof(r->batch));
}

void recorder_save_bring_up(struct recorder *r)
{
	if (is_new(r, script_shape(&r->script)))
		save(r, "bring_up", &r->bring_ups);
}

void recorder_save_requests(struct recorder *r)
{
	bool fresh = false;

	for (unsigned int i = 0; i < r->script.ops; i++)
		fresh |= is_new(r, op_shape(&r->script.op[i]));
	if (fresh && r->script.ops > r->opening)
		save(r, "requests", &r->requests);
}

bool recorder_access_op(enum op_code code, uint64_t offset, unsigned int width, uint64_t value,
			struct script_op *op)
{
	static const uint8_t class_of[] = { [1] = 1, [2] = 2, [4] = 0, [8] = 3 };

	if (width != 1 && width != 2 && width != 4 && width != 8)
		return false;
	*op = script_op(code);
	op->write.width = class_of[width];
	op->write.offset = offset;
	if (code == OP_WRITE)
		op->write.value = value;
	return true;
}
