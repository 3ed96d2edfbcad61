/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each operation and each operand of a script means, from the forms that scripts are read by.
 */
#include <inttypes.h>

#include "script/operands.h"
#include "describe.h"

/* ---- one script ---- */

/* What the value means; of flags, each that is set. */
static void explain_value(const struct field *f, uint64_t value, FILE *out)
{
	bool flags = script_is_flags(f);

	for (const struct operand_value *v = f->values; v && v->name; v++) {
		if (!v->says || (flags ? !(value & v->value) : value != v->value))
			continue;
		fprintf(out, "#     %s: %s\n", v->name, v->says);
	}
}

static void explain_op(const struct script_op *r, const struct op_form *form, FILE *out)
{
	for (unsigned int i = 0; i < form->fields; i++) {
		const struct field *f = &form->field[i];
		uint64_t value = script_get(r, f);

		if (value == 0)
			continue;
		fprintf(out, "#   %s=", f->name);
		script_print_value(f, value, out);
		fprintf(out, ": %s\n", f->help);
		explain_value(f, value, out);
	}
}

void describe_lines(const struct script *script, FILE *out)
{
	struct script one = { .header = script->header };

	script_print(&one, -1, out);
	fputs("# ", out);
	describe_device(&script->header, out);
	fputc('\n', out);
	explain_op(&script->header, &script_header_form, out);
	for (unsigned int i = 0; i < script->ops; i++) {
		const struct script_op *r = &script->op[i];

		fputc('\n', out);
		script_print_op(r, out);
		fprintf(out, "# %u, %s ", i, describe_is_host(r) ? "at the host:" : "the guest");
		describe_op(r, out);
		fputc('\n', out);
		explain_op(r, &script_op_form[r->code], out);
	}
}

/* ---- all there are ---- */

static void list_values(const struct field *f, FILE *out)
{
	for (const struct operand_value *v = f->values; v && v->name; v++) {
		if (f->kind == FIELD_OFFSET)
			fprintf(out, "        0x%03" PRIx32 "  %s", v->value, v->name);
		else
			fprintf(out, "        %3" PRIu32 "  %s", v->value, v->name);
		fprintf(out, v->says ? "  %s\n" : "\n", v->says);
	}
}

static const char *takes(const struct field *f)
{
	if (script_is_flags(f))
		return "flags";
	switch (f->kind) {
	case FIELD_FEATURES:
		return "64 bits";
	case FIELD_HEADERS:
		return "4 numbers of 16 bits";
	default:
		return f->bytes == 1 ? "0 to 255" : f->bytes == 4 ? "32 bits" : "64 bits";
	}
}

static void list_op(const struct op_form *form, const char *who, FILE *out)
{
	fprintf(out, "\n## %s\n\n%s%s.\n", form->name, who, form->help);
	if (form->fields)
		fputc('\n', out);
	for (unsigned int i = 0; i < form->fields; i++) {
		const struct field *f = &form->field[i];

		fprintf(out, "    %s: %s (", f->name, f->help);
		if (f->choices)
			fprintf(out, "0 to %u)\n", f->choices - 1u);
		else
			fprintf(out, "%s)\n", takes(f));
		list_values(f, out);
	}
}

void describe_operands(FILE *out)
{
	fputs("# Operations of a script\n\n"
	      "Each line is `name operand=value ...`; operands that are left out are 0. A value is "
	      "a\n"
	      "number, or one of the names below; flags have commas between them. Where there are "
	      "names,\n"
	      "a number is that of a choice: `capacity=2` is a disk of 1 sector, like "
	      "`capacity=1sector`.\n"
	      "The first line is the device: `device blk`, `device net` or `device echo`.\n",
	      out);
	list_op(&script_header_form, "Chooses ", out);
	for (unsigned int i = 0; i < OP_CODES; i++) {
		const struct script_op op = script_op((enum op_code)i);

		list_op(&script_op_form[i], describe_is_host(&op) ? "At the host: " : "The guest ",
			out);
	}
}
