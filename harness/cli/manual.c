/* SPDX-License-Identifier: BSD-3-Clause */
#include "manual.h"

#include <string.h>

#include "array_size.h"
#include "virtio_anvil.h"

/* where a description begins, and how wide a line of it may be */
#define HELP_COLUMN 24
#define LINE_WIDTH  98

static const char exit_status[] =
	"The exit status is 0 if all went well, 1 if there was a finding, and 2 if something was "
	"wrong with what was asked for: one line on stderr then says what.\n";

static const char *const about[] = {
	"anvil plays hostile guests on virtio-anvil's virtio devices, and tells what they do to "
	"them. A guest is a script: a list of what it and its host do, in order, as bytes that a "
	"fuzzer makes or as text.\n",
	"Where a FILE is a script, \"-\" is standard input; where one is written, \"-\" is "
	"standard output. A FOLDER stands for all files in it and below.\n",
	NULL,
};

static const char *const examples[][2] = {
	{ "anvil fuzz --time 600", "Fuzz all targets for ten minutes" },
	{ "anvil play build/findings", "What was found: the scripts, and why they are findings" },
	{ "anvil compare --device mine.so corpora",
	  "What a driver sees otherwise of a device of yours than of ours" },
	{ "anvil triage build/findings", "The same in groups, each explained and made small" },
	{ "anvil boot --kernel vmlinuz --initrd initrd --disk disk.img --net user",
	  "Boot a kernel on these devices" },
};

/* ---- what both forms of the manual need ---- */

static bool has_options(const struct command *c)
{
	return c->options && c->options->name;
}

static void put_synopsis(const struct command *c, FILE *out)
{
	fprintf(out, "anvil %s%s", c->name, has_options(c) ? " [OPTION]..." : "");
	for (const struct command_operand *o = c->operands; o && o->name; o++)
		fprintf(out, " %s%s%s%s", o->optional ? "[" : "", o->name, o->repeated ? "..." : "",
			o->optional ? "]" : "");
}

/* " (1 to 3600; 10 if not given)", or nothing */
static void put_limits(const struct command_option *o, FILE *out)
{
	bool number = o->type == OPTION_NUMBER;

	if (!number && !o->initial)
		return;
	fputs(" (", out);
	if (number)
		fprintf(out, "%u to %u%s", o->min, o->max, o->initial ? "; " : "");
	if (o->initial)
		fprintf(out, "%s if not given", o->initial);
	fputc(')', out);
}

static bool is_repeated(const struct command_option *o)
{
	return o->type == OPTION_TEXTS || o->type == OPTION_OTHER;
}

/* ---- --help ---- */

/* Words from column `from` on; the cursor stands at `column`. */
static void put_wrapped(const char *text, int from, int column, FILE *out)
{
	while (*text) {
		size_t word = strcspn(text, " \n");

		if (column > from && column + 1 + (int)word > LINE_WIDTH) {
			fprintf(out, "\n%*s", from, "");
			column = from;
		} else if (column > from) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, word, out);
		column += (int)word;
		text += word;
		text += strspn(text, " \n");
	}
	fputc('\n', out);
}

/* A name, and what it means in a column of its own, on the next line if the name is long */
static void put_row(int indent, const char *name, const char *help, FILE *out)
{
	int column = fprintf(out, "%*s%s", indent, "", name);

	if (column + 2 > HELP_COLUMN)
		fprintf(out, "\n%*s", HELP_COLUMN, "");
	else
		fprintf(out, "%*s", HELP_COLUMN - column, "");
	put_wrapped(help, HELP_COLUMN, HELP_COLUMN, out);
}

static void help_option(const struct command_option *o, FILE *out)
{
	char name[64];
	char help[512];
	FILE *text = fmemopen(help, sizeof(help), "w");

	if (!text)
		return;
	fprintf(text, "%s%s", o->help, is_repeated(o) ? "; may be repeated" : "");
	put_limits(o, text);
	fputc(0, text);
	fclose(text);
	snprintf(name, sizeof(name), "--%s%s%s", o->name, o->value ? " " : "",
		 o->value ? o->value : "");
	put_row(2, name, help, out);
	for (const struct option_word *w = o->words; w && w->name; w++)
		put_row(6, w->name, w->help, out);
}

void manual_command(const struct command *c, FILE *out)
{
	fputs("usage: ", out);
	put_synopsis(c, out);
	fprintf(out, "\n%s.\n", c->help);
	for (const struct command_operand *o = c->operands; o && o->name; o++)
		put_row(2, o->name, o->help, out);
	for (const struct command_option *o = c->options; o && o->name; o++)
		help_option(o, out);
	put_row(2, "-h, --help", "this text", out);
	if (c->details)
		put_wrapped(c->details, 0, 0, out);
}

void manual_overview(FILE *out)
{
	fputs("usage: anvil COMMAND [OPTION]... [OPERAND]...\n", out);
	for (size_t i = 0; commands[i]; i++)
		put_row(2, commands[i]->name, commands[i]->help, out);
	put_row(2, "--version", "which version this is", out);
	put_row(2, "-h, --help", "this text; anvil COMMAND --help: of one command", out);
}

/* ---- the manual page ---- */

/*
 * A dot or a quote that begins a line is a request, a hyphen may become a dash. Lines of the source
 * are kept short.
 */
static void put_roff(const char *text, FILE *out)
{
	unsigned int column = 0;

	for (; *text; text++) {
		if (column == 0 && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		column = *text == '\n' || (*text == ' ' && column > 60) ? 0 : column + 1;
		if (column == 0)
			fputc('\n', out);
		else if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
	}
}

static void page_option(const struct command_option *o, FILE *out)
{
	fputs(".TP\n\\fB\\-\\-", out);
	put_roff(o->name, out);
	fputs("\\fR", out);
	if (o->value) {
		fputs(" \\fI", out);
		put_roff(o->value, out);
		fputs("\\fR", out);
	}
	fputc('\n', out);
	put_roff(o->help, out);
	fputs(is_repeated(o) ? "; may be repeated" : "", out);
	put_limits(o, out);
	fputc('\n', out);
	if (!o->words)
		return;
	fputs(".RS\n", out);
	for (const struct option_word *w = o->words; w->name; w++) {
		fputs(".TP\n\\fB", out);
		put_roff(w->name, out);
		fputs("\\fR\n", out);
		put_roff(w->help, out);
		fputc('\n', out);
	}
	fputs(".RE\n", out);
}

static void page_synopsis(const struct command *c, FILE *out)
{
	fprintf(out, "\\fBanvil %s\\fR", c->name);
	fputs(has_options(c) ? " [\\fIOPTION\\fR]..." : "", out);
	for (const struct command_operand *o = c->operands; o && o->name; o++)
		fprintf(out, " \\fI%s\\fR%s", o->name, o->repeated ? "..." : "");
	fputc('\n', out);
}

static void page_command(const struct command *c, FILE *out)
{
	fprintf(out, ".SS anvil %s\n", c->name);
	page_synopsis(c, out);
	fputs(".PP\n", out);
	put_roff(c->help, out);
	fputs(".\n", out);
	for (const struct command_operand *o = c->operands; o && o->name; o++) {
		fprintf(out, ".TP\n\\fI%s\\fR\n", o->name);
		put_roff(o->help, out);
		fputc('\n', out);
	}
	for (const struct command_option *o = c->options; o && o->name; o++)
		page_option(o, out);
	if (c->details) {
		fputs(".PP\n", out);
		put_roff(c->details, out);
	}
}

static void page_examples(FILE *out)
{
	fputs(".SH EXAMPLES\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		fputs(".TP\n", out);
		put_roff(examples[i][1], out);
		fputs("\n\\fB", out);
		put_roff(examples[i][0], out);
		fputs("\\fR\n", out);
	}
}

void manual_page(FILE *out)
{
	fputs(".\\\" SPDX-License-Identifier: BSD-3-Clause\n"
	      ".\\\" made by anvil itself, of the tables of its commands\n"
	      ".TH ANVIL 1 \"\" \"virtio\\-anvil " VIRTIO_ANVIL_VERSION "\" \"User Commands\"\n"
	      ".SH NAME\n"
	      "anvil \\- plays hostile guests on virtio devices\n"
	      ".SH SYNOPSIS\n"
	      "\\fBanvil\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIOPERAND\\fR]...\n"
	      ".br\n"
	      "\\fBanvil\\fR \\fICOMMAND\\fR \\fB\\-\\-help\\fR\n"
	      ".br\n"
	      "\\fBanvil \\-\\-help\\fR | \\fB\\-\\-version\\fR\n"
	      ".SH DESCRIPTION\n",
	      out);
	for (size_t i = 0; about[i]; i++) {
		fputs(i ? ".PP\n" : "", out);
		put_roff(about[i], out);
	}
	fputs(".PP\n", out);
	put_roff("--name VALUE and --name=VALUE are the same, and -- ends the options.\n", out);
	fputs(".SH COMMANDS\n", out);
	for (size_t i = 0; commands[i]; i++)
		page_command(commands[i], out);
	fputs(".SH EXIT STATUS\n", out);
	put_roff(exit_status, out);
	page_examples(out);
}

/* ---- completion ---- */

/* How bash's compgen completes such a name: by files, or by folders; or not at all */
static const char *completes(const char *name)
{
	if (!strncmp(name, "FOLDER", 6))
		return "files=-d";
	if (!strncmp(name, "FILE", 4) || !strncmp(name, "PIPE", 4) || !strcmp(name, "OUT"))
		return "files=-f";
	return "";
}

/* What may begin a value: "model", "tap:" */
static void complete_words(const struct option_word *w, FILE *out)
{
	fputs("words='", out);
	for (; w->name; w++) {
		int len = (int)strcspn(w->name, ":");

		if (w->name[0] != ',')
			fprintf(out, "%.*s%s ", len, w->name, w->name[len] ? ":" : "");
	}
	fputc('\'', out);
}

static void complete_option(const struct command *c, const struct command_option *o, FILE *out)
{
	if (!o->value)
		return;
	fprintf(out, "\t*:%s:--%s) ", c->name, o->name);
	if (o->words && !completes(o->value)[0])
		complete_words(o->words, out);
	else
		fputs(completes(o->value), out);
	fputs(" ;;\n", out);
}

static void complete_command(const struct command *c, FILE *out)
{
	for (const struct command_option *o = c->options; o && o->name; o++)
		complete_option(c, o, out);
	fprintf(out, "\t*:%s:*) %s options='--help", c->name,
		c->operands ? completes(c->operands->name) : "");
	for (const struct command_option *o = c->options; o && o->name; o++)
		fprintf(out, " --%s", o->name);
	fputs("' ;;\n", out);
}

/* bash makes words of the parts of --name=VALUE, the sign being one of them. */
void manual_completion(FILE *out)
{
	fputs("# SPDX-License-Identifier: BSD-3-Clause\n"
	      "# shellcheck shell=bash\n"
	      "# Completion of anvil for bash, made by anvil itself, of the tables of its "
	      "commands.\n"
	      "_anvil() {\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}\n"
	      "\tlocal words='' files='' options=''\n"
	      "\tif [ \"$word\" = = ]; then\n"
	      "\t\tword=''\n"
	      "\telif [ \"$option\" = = ]; then\n"
	      "\t\toption=${COMP_WORDS[COMP_CWORD - 2]}\n"
	      "\tfi\n"
	      "\tcase $COMP_CWORD:${COMP_WORDS[1]}:$option in\n"
	      "\t1:*) words='--help --version",
	      out);
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, " %s", commands[i]->name);
	fputs("' ;;\n", out);
	for (size_t i = 0; commands[i]; i++)
		complete_command(commands[i], out);
	fputs("\tesac\n"
	      "\tcase $word:$files in\n"
	      "\t-* | :) [ -z \"$options\" ] || words=$options files='' ;;\n"
	      "\tesac\n"
	      "\tmapfile -t COMPREPLY < <(\n"
	      "\t\tcompgen -W \"$words\" -- \"$word\"\n"
	      "\t\t[ -z \"$files\" ] || compgen \"$files\" -- \"$word\"\n"
	      "\t)\n"
	      "}\n"
	      "complete -o filenames -F _anvil anvil\n",
	      out);
}
