/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil shrink: the smallest script with the same verdict. First operations go, several at a time
 * and then one by one, then operands become zero, then single bits of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "files.h"
#include "runner.h"

struct shrink {
	char verdict[128];
	unsigned int plays;
	bool failed;
};

static bool same_verdict(struct shrink *s, const struct script *script)
{
	struct outcome o = { 0 };
	int err = runner_play_one(script, &o);

	s->plays++;
	s->failed |= err != 0;
	free(o.report);
	return !err && !strcmp(o.verdict, s->verdict);
}

/* Takes over `next` if it does the same. */
static bool try_script(struct shrink *s, struct script *script, const struct script *next)
{
	if (s->failed || !same_verdict(s, next))
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
	struct record *r = which < 0 ? &next.header : &next.op[which];
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
		const struct record_form *form =
			i < 0 ? &script_header_form : &script_op_form[script->op[i].code];

		for (unsigned int k = 0; k < form->fields; k++)
			changed |= zero_operand(s, script, i, &form->field[k]);
	}
	return changed;
}

int cmd_shrink(int argc, char **argv)
{
	struct shrink s = { 0 };
	struct script script;
	struct outcome o = { 0 };

	if (argc != 3) {
		fputs("anvil: usage: anvil shrink FILE OUT\n", stderr);
		return EXIT_USAGE;
	}
	if (!files_read_script(argv[1], &script))
		return EXIT_USAGE;
	if (runner_play_one(&script, &o)) {
		fputs("anvil: cannot start a process to play in\n", stderr);
		return EXIT_USAGE;
	}
	free(o.report);
	memcpy(s.verdict, o.verdict, sizeof(s.verdict));
	while (drop_operations(&s, &script) || zero_operands(&s, &script))
		;
	if (s.failed || !files_write_script(argv[2], &script))
		return EXIT_USAGE;
	printf("%s: %s, %u operations, after %u plays\n", argv[2], s.verdict, script.ops, s.plays);
	return EXIT_OK;
}
