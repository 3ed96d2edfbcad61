/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays, makes a key of each finding, sorts by it, shrinks one of each.
 */
#include "triage.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/signature.h"
#include "run/shrink.h"
#include "describe.h"

/* ---- keys ---- */

static void stack_key(const struct crash_stack *s, char *key, size_t room)
{
	size_t len = (size_t)snprintf(key, room, "%s", s->error);

	for (unsigned int i = 0; i < s->frames && i < TRIAGE_FRAMES && len < room; i++)
		len += (size_t)snprintf(key + len, room - len, " %s", s->frame[i].function);
}

static bool read_stack(const struct outcome *o, const char *device, struct crash_stack *stack)
{
	return device ? crash_stack_read_foreign(o->report, stack)
		      : crash_stack_read(o->report, stack);
}

/* What stays the same however the script is made smaller. */
static void cause_of(const struct outcome *o, const char *device, char *key, size_t room)
{
	struct crash_stack stack;
	char reason[sizeof(o->reason)] = "";

	signature_add(reason, sizeof(reason), o->reason, strlen(o->reason));
	if (read_stack(o, device, &stack))
		stack_key(&stack, key, room);
	else
		snprintf(key, room, "%s%s: %s", o->unstable ? "unstable " : "", o->verdict, reason);
}

static void make_key(const struct script *script, const struct outcome *o, const char *device,
		     char *key, size_t room)
{
	struct crash_stack stack;
	size_t len;

	cause_of(o, device, key, room);
	len = strlen(key);
	if (!read_stack(o, device, &stack))
		snprintf(key + len, room - len, " (%s, %s)",
			 script_device_name[script->header.code], describe_op_name(script, o->op));
}

/* ---- playing ---- */

static void take_outcome(void *opaque, size_t index, struct outcome *o)
{
	struct triage *t = opaque;
	struct triage_input *in = &t->input[index];

	in->outcome = *o;
	in->key[0] = 0;
	if (o->finding)
		make_key(&in->script, o, t->device, in->key, sizeof(in->key));
	if (t->progress)
		t->progress("played", index + 1, t->inputs);
}

static void take_asked(void *opaque, struct outcome *o)
{
	struct triage *t = opaque;
	struct triage_input *in = &t->asked[t->asks];

	if (t->asks == TRIAGE_ASKED) {
		free(o->report);
		return;
	}
	t->asks++;
	in->path = t->device;
	in->outcome = *o;
	script_decode(NULL, 0, &in->script);
	make_key(&in->script, o, t->device, in->key, sizeof(in->key));
}

/* ---- grouping ---- */

static size_t nonzero_bytes(const struct script *s)
{
	uint8_t bytes[SCRIPT_BYTES_MAX];
	size_t len = script_encode(s, bytes, sizeof(bytes));
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += bytes[i] != 0;
	return count;
}

/* Fewer operations, then less in them; else the one that comes first stays. */
static bool is_smaller(const struct script *a, const struct script *b)
{
	if (a->ops != b->ops)
		return a->ops < b->ops;
	return nonzero_bytes(a) < nonzero_bytes(b);
}

static struct triage_group *find_group(struct triage *t, const char *key)
{
	for (size_t i = 0; i < t->groups; i++) {
		if (!strcmp(t->group[i].key, key))
			return &t->group[i];
	}
	return NULL;
}

static struct triage_group *add_group(struct triage *t, const char *key)
{
	struct triage_group *more = realloc(t->group, (t->groups + 1) * sizeof(*more));

	if (!more)
		return NULL;
	t->group = more;
	more += t->groups++;
	memset(more, 0, sizeof(*more));
	snprintf(more->key, sizeof(more->key), "%s", key);
	return more;
}

static bool add_input(struct triage_group *g, const struct triage_input *in)
{
	const struct triage_input **more = realloc(g->input, (g->inputs + 1) * sizeof(*more));

	if (!more)
		return false;
	g->input = more;
	g->input[g->inputs++] = in;
	if (!g->smallest || is_smaller(&in->script, &g->smallest->script))
		g->smallest = in;
	return true;
}

static int make_groups(struct triage *t, const struct triage_input *input, size_t inputs)
{
	for (size_t i = 0; i < inputs; i++) {
		const struct triage_input *in = &input[i];
		struct triage_group *g;

		if (!in->key[0])
			continue;
		g = find_group(t, in->key);
		if (!g)
			g = add_group(t, in->key);
		if (!g || !add_input(g, in))
			return -ENOMEM;
	}
	return 0;
}

/* ---- the smallest of each ---- */

struct cause {
	char text[TRIAGE_KEY_BYTES];
	const char *device;
};

static bool same_cause(const void *opaque, const struct outcome *o)
{
	const struct cause *wanted = opaque;
	char cause[TRIAGE_KEY_BYTES];

	if (!o->finding)
		return false;
	cause_of(o, wanted->device, cause, sizeof(cause));
	return !strcmp(cause, wanted->text);
}

static int shrink_group(struct triage_group *g, struct triage *t)
{
	const struct outcome *first = &g->smallest->outcome;
	struct cause cause = { .device = t->device };
	struct shrink s = {
		.same = same_cause,
		.opaque = &cause,
		.stage = { .on = RUN_ON_MODEL,
			   .hang_seconds = t->hang_seconds,
			   .device = t->device,
			   .asked = &t->asking,
			   .known = t->known },
	};

	g->script = g->smallest->script;
	s.stage.no_leaks = strncmp(first->verdict, "leak:", 5) != 0;
	cause_of(first, t->device, cause.text, sizeof(cause.text));
	/* else there is no answer to look for, or no script that shows it */
	if (!first->unstable && first->op >= 0) {
		shrink_script(&s, &g->script);
		if (runner_play_one(&s.stage, &g->script, &g->outcome) || s.failed)
			return -EAGAIN;
		g->shrunk = same_cause(&cause, &g->outcome);
		if (g->shrunk)
			return 0;
		free(g->outcome.report);
	}
	g->script = g->smallest->script;
	g->outcome = *first;
	g->outcome.report = first->report ? strdup(first->report) : NULL;
	return first->report && !g->outcome.report ? -ENOMEM : 0;
}

/* The last folder named fuzz_... on the way to the input, or the one of the device. */
static void find_target(struct triage_group *g)
{
	static const char *const target[DEVICE_KINDS] = {
		[DEVICE_BLK] = "fuzz_blk",
		[DEVICE_NET] = "fuzz_net",
		[DEVICE_ECHO] = "fuzz_virtqueue",
	};
	const char *path = g->smallest->path;
	const char *name = g->device ? strrchr(g->device, '/') : NULL;

	if (g->device) {
		name = name ? name + 1 : g->device;
		snprintf(g->target, sizeof(g->target), "%.*s", (int)strcspn(name, "."), name);
		return;
	}
	snprintf(g->target, sizeof(g->target), "%s", target[g->script.header.code]);
	for (const char *end; (end = strchr(path, '/')); path = end + 1) {
		if (!strncmp(path, "fuzz_", 5))
			snprintf(g->target, sizeof(g->target), "%.*s", (int)(end - path), path);
	}
}

static void describe_group(struct triage_group *g, const char *device)
{
	g->device = device;
	find_target(g);
	g->rule = 0;
	read_stack(&g->outcome, device, &g->stack);
	if (sscanf(g->outcome.verdict, "violation:%u", &g->rule) != 1)
		g->rule = 0;
	make_key(&g->script, &g->outcome, device, g->key, sizeof(g->key));
}

static int shrink_groups(struct triage *t)
{
	for (size_t i = 0; i < t->groups; i++) {
		int err = shrink_group(&t->group[i], t);

		if (err)
			return err;
		describe_group(&t->group[i], t->device);
		if (t->progress)
			t->progress("shrunk", i + 1, t->groups);
	}
	return 0;
}

/* ---- one group after all ---- */

static int by_path(const void *a, const void *b)
{
	const struct triage_input *const *x = a;
	const struct triage_input *const *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void free_group(struct triage_group *g)
{
	free(g->input);
	free(g->outcome.report);
}

/* All that `from` has goes to `into`, and the smaller script stays. */
static int unite(struct triage_group *into, struct triage_group *from)
{
	bool better = is_smaller(&from->script, &into->script);
	const struct triage_input *smallest = into->smallest;

	for (size_t i = 0; i < from->inputs; i++) {
		if (!add_input(into, from->input[i]))
			return -ENOMEM;
	}
	into->smallest = smallest;
	qsort(into->input, into->inputs, sizeof(into->input[0]), by_path);
	if (better) {
		struct outcome swap = into->outcome;

		into->script = from->script;
		into->smallest = from->smallest;
		into->outcome = from->outcome;
		into->stack = from->stack;
		into->shrunk = from->shrunk;
		from->outcome = swap;
	}
	free_group(from);
	return 0;
}

static int unite_groups(struct triage *t)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < t->groups; i++) {
		struct triage_group g = t->group[i];
		struct triage_group *same = NULL;

		for (size_t k = 0; k < kept && !same; k++)
			same = strcmp(t->group[k].key, g.key) ? NULL : &t->group[k];
		if (!same)
			t->group[kept++] = g;
		else if (unite(same, &g))
			err = -ENOMEM;
	}
	t->groups = kept;
	return err;
}

/* ---- names ---- */

/* Lower case where it can be, and nothing that a shell would look at. */
static void clean_name(char *name)
{
	for (char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '.')
			*c = '-';
	}
}

static void name_group(struct triage_group *g)
{
	if (g->stack.frames)
		snprintf(g->name, sizeof(g->name), "%.40s-%.48s", g->stack.error,
			 crash_stack_place(&g->stack)->function);
	else
		snprintf(g->name, sizeof(g->name), "%s%.60s-%s",
			 g->outcome.unstable ? "unstable-" : "", g->outcome.verdict,
			 describe_op_name(&g->script, g->outcome.op));
	clean_name(g->name);
}

static int by_name(const void *a, const void *b)
{
	const struct triage_group *x = a;
	const struct triage_group *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->key, y->key);
}

/* The second of a name is name-2; a group keeps its place in the order of causes. */
static void name_groups(struct triage *t)
{
	unsigned int alike = 1;

	for (size_t i = 0; i < t->groups; i++)
		name_group(&t->group[i]);
	if (t->groups)
		qsort(t->group, t->groups, sizeof(t->group[0]), by_name);
	for (size_t i = 1; i < t->groups; i++) {
		struct triage_group *g = &t->group[i];
		size_t len = strlen(g->name);

		alike = strcmp(g->name, t->group[i - alike].name) ? 1 : alike + 1;
		if (alike > 1)
			snprintf(g->name + len, sizeof(g->name) - len, "-%u", alike);
	}
}

/* ---- all of it ---- */

int triage_run(struct triage *t)
{
	const struct runner_stage model = { .on = RUN_ON_MODEL,
					    .hang_seconds = t->hang_seconds,
					    .device = t->device,
					    .asked = &t->asking,
					    .known = t->known };
	struct script *script = calloc(t->inputs ? t->inputs : 1, sizeof(*script));
	int err;

	if (!script)
		return -ENOMEM;
	for (size_t i = 0; i < t->inputs; i++)
		script[i] = t->input[i].script;
	t->asking.tell = take_asked;
	t->asking.opaque = t;
	err = runner_play(&model, script, t->inputs, 2, take_outcome, t);
	free(script);
	if (!err)
		err = make_groups(t, t->asked, t->asks);
	if (!err)
		err = make_groups(t, t->input, t->inputs);
	if (!err)
		err = shrink_groups(t);
	if (!err)
		err = unite_groups(t);
	if (!err)
		name_groups(t);
	return err;
}

void triage_free(struct triage *t)
{
	for (size_t i = 0; i < t->groups; i++)
		free_group(&t->group[i]);
	for (size_t i = 0; i < t->inputs; i++)
		free(t->input[i].outcome.report);
	for (size_t i = 0; i < t->asks; i++)
		free(t->asked[i].outcome.report);
	free(t->group);
}

size_t triage_findings(const struct triage *t)
{
	size_t count = t->asks;

	for (size_t i = 0; i < t->inputs; i++)
		count += t->input[i].key[0] != 0;
	return count;
}
