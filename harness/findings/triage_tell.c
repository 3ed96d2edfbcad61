/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What people read of a group: a paragraph, how to see it again, how to keep it; and the table.
 */
#include <errno.h>
#include <string.h>

#include "describe.h"
#include "triage.h"

/* ---- what the device did ---- */

static void tell_stack(const struct triage_group *g, FILE *out)
{
	const struct crash_frame *f = crash_stack_place(&g->stack);

	if (!strcmp(g->stack.error, "leak"))
		fprintf(out, "the device lost memory that was allocated in %s (%s:%u)", f->function,
			f->file, f->line);
	else
		fprintf(out, "the device's process died in %s (%s:%u): %s", f->function, f->file,
			f->line, g->stack.error);
	if (g->stack.access[0])
		fprintf(out, ", %s", g->stack.access);
	if (g->stack.frames > 1)
		fputs(", called from", out);
	for (unsigned int i = 0; i < g->stack.frames && i < TRIAGE_FRAMES; i++) {
		if (&g->stack.frame[i] > f)
			fprintf(out, "%s %s", &g->stack.frame[i] == f + 1 ? "" : ",",
				g->stack.frame[i].function);
	}
}

static void tell_rule(const struct triage_group *g, FILE *out)
{
	const struct oracle_rule *r = oracle_rule(g->rule);

	fprintf(out, "the device broke rule %u of the oracle (%s), it %s: \"%s\"", g->rule, r->name,
		r->broken, g->outcome.reason);
}

static void tell_wrong(const struct triage_group *g, FILE *out)
{
	if (g->stack.frames)
		tell_stack(g, out);
	else if (g->rule)
		tell_rule(g, out);
	else if (!strcmp(g->outcome.verdict, "wedged"))
		fputs("the device no longer answers a well-formed request, not even after a reset",
		      out);
	else
		fprintf(out, "the verdict is %s: %s", g->outcome.verdict, g->outcome.reason);
	if (g->outcome.unstable)
		fputs("; not the same each time", out);
	fputs(".", out);
}

static void tell_specification(const struct triage_group *g, FILE *out)
{
	if (g->rule)
		fprintf(out, " In the specification (virtio 1.4): %s.",
			oracle_rule(g->rule)->specification);
	else if (!strcmp(g->outcome.verdict, "wedged"))
		fputs(" In the specification (virtio 1.4): 2.4 (device reset), 3.1.1.", out);
	else
		fputs(" No guest may bring a device to do that, whatever it does.", out);
}

static void tell_when(const struct triage_group *g, FILE *out)
{
	if (g->outcome.op < 0)
		fputs(" Before the first operation, when it is asked what it offers, ", out);
	else if (g->outcome.op < (int)g->script.ops)
		fprintf(out, " In operation %d (%s) ", g->outcome.op,
			describe_op_name(&g->script, g->outcome.op));
	else
		fputs(" After the last operation, when all that waits is completed, and a device "
		      "that was reset has to answer a well-formed request, ",
		      out);
}

void triage_tell(const struct triage_group *g, FILE *out)
{
	describe_script(&g->script, g->device, g->outcome.op, out);
	tell_when(g, out);
	tell_wrong(g, out);
	tell_specification(g, out);
	fputs("\n", out);
}

/* ---- the table ---- */

static int widest_name(const struct triage *t)
{
	size_t width = strlen("group");

	for (size_t i = 0; i < t->groups; i++) {
		if (strlen(t->group[i].name) > width)
			width = strlen(t->group[i].name);
	}
	return (int)width;
}

static void print_place(const struct triage_group *g, FILE *out)
{
	const struct crash_frame *f;

	if (!g->stack.frames) {
		fprintf(out, "%s\n", g->outcome.reason);
		return;
	}
	f = crash_stack_place(&g->stack);
	fprintf(out, "%s at %s:%u\n", f->function, f->file, f->line);
}

void triage_print(const struct triage *t, FILE *out)
{
	int width = widest_name(t);

	if (t->groups)
		fprintf(out, "%-*s %-14s %6s %10s  %s\n", width, "group", "target", "inputs",
			"operations", "what");
	for (size_t i = 0; i < t->groups; i++) {
		const struct triage_group *g = &t->group[i];

		fprintf(out, "%-*s %-14s %6zu %10u  ", width, g->name, g->target, g->inputs,
			g->script.ops);
		print_place(g, out);
	}
	fprintf(out, "%zu inputs, %zu findings, %zu groups\n", t->inputs, triage_findings(t),
		t->groups);
}
