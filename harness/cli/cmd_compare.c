/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil compare: the same scripts on two devices, and where what a driver sees parts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "base/complain.h"
#include "base/known.h"
#include "oracle/oracle.h"
#include "run/compare.h"
#include "script/files.h"

struct arguments {
	struct option_texts device;
	const char *known;
	unsigned int hang_seconds;
};

/* ---- what is on offer ---- */

static void print_offer(const char *which, const char *name, const struct machine_offer *o)
{
	printf("%s: %s: %s%s, features 0x%llx", which, name, o->legacy ? "legacy " : "",
	       o->kind == DEVICE_NET ? "net" : "blk", (unsigned long long)o->features.word[0]);
	if (o->features.word[1])
		printf(" and 0x%llx above", (unsigned long long)o->features.word[1]);
	printf(", %u queue%s of %u", o->queues, o->queues == 1 ? "" : "s", o->queue_size_max);
	if (o->kind == DEVICE_BLK)
		printf(", %llu sectors", (unsigned long long)o->capacity);
	putchar('\n');
}

static void print_offers(const struct compare *c)
{
	print_offer("first", c->device[0], &c->offer[0]);
	if (c->device[1])
		print_offer("second", c->device[1], &c->offer[1]);
	else
		printf("second: ours, made like the first\n");
	print_offer("common", "played with", &c->ground.offer);
}

/* ---- differences ---- */

static void print_place(const struct compare_kind *k, char *const *path,
			const struct script *script)
{
	const struct script *s = &script[k->script];
	const struct oracle_rule *rule = oracle_rule(k->rule);
	const char *clause = rule ? rule->specification : k->clause;

	if (k->op < 0)
		printf("        when it was asked what it offers");
	else if (k->op < (int)s->ops)
		printf("        first in %s, operation %d (%s)", path[k->script], k->op,
		       script_op_form[s->op[k->op].code].name);
	else
		printf("        first in %s, at its end", path[k->script]);
	printf(clause ? "; virtio 1.4: %s\n" : "\n", clause);
}

/* Returns how many kinds are not known. */
static size_t print_kinds(const struct compare *c, char *const *path, const struct known *known)
{
	size_t unknown = 0;

	for (size_t i = 0; i < c->kinds; i++) {
		const struct compare_kind *k = &c->kind[i];
		bool accepted = known_has(known, k->kind);

		unknown += !accepted;
		printf("%7zu %s%s\n", k->count, k->kind, accepted ? " (known)" : "");
		if (!accepted)
			print_place(k, path, c->script);
	}
	return unknown;
}

static int compare_all(struct compare *c, char *const *path, const struct known *known)
{
	struct script *script = calloc(c->scripts ? c->scripts : 1, sizeof(*script));
	int status = EXIT_USAGE;
	bool read = script != NULL;
	size_t unknown;

	for (size_t i = 0; read && i < c->scripts; i++)
		read = files_read_script(path[i], &script[i]);
	c->script = script;
	if (!script) {
		complain("not enough memory for so many scripts");
	} else if (read && compare_devices(c)) {
		complain("%s", c->error);
	} else if (read) {
		print_offers(c);
		unknown = print_kinds(c, path, known);
		printf("%zu scripts, %zu of them up to where the guest leaves a choice; %zu kinds "
		       "of differences, %zu known\n",
		       c->scripts, c->free, c->kinds, c->kinds - unknown);
		status = unknown ? EXIT_FINDING : EXIT_OK;
	}
	free(c->kind);
	free(script);
	return status;
}

static int run(void *opaque, char **operand, int count)
{
	const struct arguments *a = opaque;
	struct compare c = { .hang_seconds = a->hang_seconds };
	struct known known = { 0 };
	int status = EXIT_USAGE;
	char **path;

	if (a->device.count < 1 || a->device.count > 2) {
		complain("--device: give it once, to compare a device with ours, or twice");
		return EXIT_USAGE;
	}
	c.device[0] = a->device.text[0];
	c.device[1] = a->device.text[1];
	if (a->known && !known_read(&known, a->known))
		return EXIT_USAGE;
	path = files_operands(operand, count, &c.scripts);
	if (path) {
		status = compare_all(&c, path, &known);
		files_free(path, c.scripts);
	}
	known_free(&known);
	return status;
}

static const struct command_option options[] = {
	{ "device", "FILE",
	  "a device of yours, as make dut builds it; a second one is compared with it, else ours",
	  NULL, SETS_TEXTS(struct arguments, device) },
	{ "known", "FILE",
	  "differences that are accepted: one a line, * for any end, # begins a comment", NULL,
	  SETS_TEXT(struct arguments, known) },
	{ "hang", "SECONDS", "of processor time after which a script hangs", "10",
	  SETS_NUMBER(struct arguments, hang_seconds, 1, 3600) },
	{ 0 },
};

static const struct command_operand operands[] = {
	{ .name = "FILE|FOLDER", .help = "scripts, as bytes or as text", .repeated = true },
	{ 0 },
};

const struct command command_compare = {
	.name = "compare",
	.help = "Plays scripts on two devices, and tells what a driver sees otherwise",
	.details =
		"Compared are registers, status, chains that come back, the disk, and frames, each "
		"where the specification leaves no choice; and verdicts. Both are played with "
		"what both offer. Each kind of difference is told once, with how often it came, "
		"and where first. The exit status is 1 if one is not known.\n",
	.options = options,
	.operands = operands,
	.arguments_size = sizeof(struct arguments),
	.run = run,
};
