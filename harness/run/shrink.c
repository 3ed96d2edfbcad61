/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tries what is smaller, and keeps what does the same.
 */
#include "shrink.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(struct shrink *s, const struct script *script, unsigned int hang_seconds)
{
	struct runner_stage stage = s->stage;
	struct outcome o = { 0 };
	bool same;

	stage.hang_seconds = hang_seconds;
	if (s->tick)
		s->tick(s->tick_opaque, s);
	s->plays++;
	if (runner_play_one(&stage, script, &o)) {
		s->failed = true;
		return false;
	}
	same = s->same(s->opaque, &o);
	free(o.report);
	return same;
}

/* Takes over `next` if it does the same. */
static bool try_script(struct shrink *s, struct script *script, const struct script *next)
{
	if (s->failed || !is_same(s, next, SHRINK_SECONDS))
		return false;
	*script = *next;
	return true;
}

static bool drop(struct shrink *s, struct script *script, unsigned int at, unsigned int count)
{
	struct script next = *script;

	memmove(&next.op[at], &next.op[at + count], (next.ops - at - count) * sizeof(next.op[0]));
	next.ops -= count;
	return try_script(s, script, &next);
}

static bool drop_operations(struct shrink *s, struct script *script)
{
	unsigned int before = script->ops;

	for (unsigned int count = script->ops; count > 0; count /= 2) {
		for (unsigned int at = 0; at + count <= script->ops;) {
			if (!drop(s, script, at, count))
				at += count;
		}
	}
	return script->ops < before;
}

static bool zero_operand(struct shrink *s, struct script *script, int which, const struct field *f)
{
	struct script next = *script;
	struct script_op *r = which < 0 ? &next.header : &next.op[which];
	uint64_t value = script_get(r, f);
	bool changed = false;

	if (value == 0)
		return false;
	script_set(r, f, 0);
	if (try_script(s, script, &next))
		return true;
	for (uint64_t bit = 1ull << 63; bit; bit >>= 1) {
		next = *script;
		value = script_get(r, f);
		if (!(value & bit))
			continue;
		script_set(r, f, value & ~bit);
		changed |= try_script(s, script, &next);
	}
	return changed;
}

static bool zero_operands(struct shrink *s, struct script *script)
{
	bool changed = false;

	for (int i = -1; i < (int)script->ops; i++) {
		const struct op_form *form =
			i < 0 ? &script_header_form : &script_op_form[script->op[i].code];

		for (unsigned int k = 0; k < form->fields; k++)
			changed |= zero_operand(s, script, i, &form->field[k]);
	}
	return changed;
}

void shrink_script(struct shrink *s, struct script *script)
{
	const struct script first = *script;

	while (drop_operations(s, script) || zero_operands(s, script))
		;
	if (!is_same(s, script, s->stage.hang_seconds))
		*script = first;
}
