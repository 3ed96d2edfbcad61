/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * First one device plays all scripts, then the other one.
 */
#include "compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/signature.h"

/* What a device showed in one script. */
struct side {
	struct seen *seen; /* as much of it as there is; NULL: it was not played */
	char verdict[RUNNER_VERDICT_BYTES];
	char reason[256];
	int op;
	bool finding;
	bool whole;
};

/* Memory that a child process shares */
struct shared {
	struct seen seen;
	struct runner_offer offer;
};

struct job {
	struct compare *c;
	struct shared *shared;
	struct side *first; /* one a script */
	struct runner_asked asked[2];
	size_t now; /* script that is compared */
	int error;
};

/* ---- kinds ---- */

static struct compare_kind *find_kind(struct compare *c, const char *kind)
{
	struct compare_kind *more;

	for (size_t i = 0; i < c->kinds; i++) {
		if (!strcmp(c->kind[i].kind, kind))
			return &c->kind[i];
	}
	more = realloc(c->kind, (c->kinds + 1) * sizeof(*more));
	if (!more)
		return NULL;
	c->kind = more;
	more += c->kinds++;
	memset(more, 0, sizeof(*more));
	snprintf(more->kind, sizeof(more->kind), "%s", kind);
	return more;
}

static struct compare_kind *add_kind(struct job *j, const char *kind, int op)
{
	struct compare_kind *k = find_kind(j->c, kind);

	if (!k) {
		j->error = -ENOMEM;
		return NULL;
	}
	if (!k->count++) {
		k->script = j->now;
		k->op = op;
	}
	return k;
}

static void tell_difference(void *opaque, const struct seen_difference *d)
{
	struct compare_kind *k = add_kind(opaque, d->kind, (int)d->op);

	if (k)
		k->clause = d->clause;
}

/* ---- verdicts ---- */

/* A finding is what the rules have to say of one device alone; a crash says enough by its name. */
static void describe_side(const struct side *s, char *text, size_t room)
{
	bool rule = !strncmp(s->verdict, "violation:", 10);
	char reason[256] = "";

	if (rule)
		signature_add(reason, sizeof(reason), s->reason, strlen(s->reason));
	snprintf(text, room, "%s%s%.160s", s->finding ? s->verdict : "fine", rule ? ": " : "",
		 reason);
}

static void compare_verdicts(struct job *j, const struct side *a, const struct side *b)
{
	const struct side *bad = a->finding ? a : b;
	char text[2][RUNNER_VERDICT_BYTES + 162];
	char kind[COMPARE_KIND_BYTES];
	struct compare_kind *k;

	describe_side(a, text[0], sizeof(text[0]));
	describe_side(b, text[1], sizeof(text[1]));
	if (!strcmp(text[0], text[1]))
		return;
	if (a->finding && b->finding)
		snprintf(kind, sizeof(kind), "verdict: %s and %s", text[0], text[1]);
	else
		snprintf(kind, sizeof(kind), "verdict on the %s: %s", bad == a ? "first" : "second",
			 text[bad == b]);
	k = add_kind(j, kind, bad->op);
	if (k && sscanf(bad->verdict, "violation:%u", &k->rule) != 1)
		k->rule = 0;
}

/* ---- playing ---- */

/* `ops`: those of the script. What comes after them, the questions at the end, shows no more. */
static void take_outcome(struct side *s, const struct outcome *o, unsigned int ops)
{
	bool at_end = o->op == (int)ops && !strncmp(o->verdict, "violation:", 10);

	memcpy(s->verdict, o->verdict, sizeof(s->verdict));
	memcpy(s->reason, o->reason, sizeof(s->reason));
	s->op = o->op;
	s->finding = o->finding;
	s->whole = !o->finding || at_end || !strcmp(o->verdict, "wedged");
}

/* It is shared with the process of the device, which may have written anywhere. */
static const struct seen *bounded(struct seen *seen)
{
	if (seen->items > SEEN_ITEMS)
		seen->items = SEEN_ITEMS;
	if (seen->ops > SEEN_OPS)
		seen->ops = SEEN_OPS;
	return seen;
}

static void keep_first(void *opaque, size_t index, struct outcome *o)
{
	struct job *j = opaque;
	const struct seen *seen = bounded(&j->shared->seen);
	size_t bytes = offsetof(struct seen, item) + seen->items * sizeof(seen->item[0]);
	struct side *s = &j->first[index];

	take_outcome(s, o, j->c->script[index].ops);
	free(o->report);
	s->seen = malloc(bytes);
	if (s->seen)
		memcpy(s->seen, seen, bytes);
	else
		j->error = -ENOMEM;
}

static void compare_second(void *opaque, size_t index, struct outcome *o)
{
	struct job *j = opaque;
	const struct side *a = &j->first[index];
	const struct seen *seen = bounded(&j->shared->seen);
	struct side b = { 0 };

	take_outcome(&b, o, j->c->script[index].ops);
	free(o->report);
	j->now = index;
	if (!a->seen)
		return;
	if (!seen_compare(a->seen, seen, (const bool[2]){ a->whole, b.whole }, tell_difference, j))
		j->c->free++;
	compare_verdicts(j, a, &b);
}

/* What one did when it was asked what it offers, and is not asked again */
static void take_asked(struct job *j, unsigned int which, const struct outcome *o)
{
	const struct side fine = { .verdict = "ok" };
	struct side s = { 0 };

	take_outcome(&s, o, 0);
	free(o->report);
	compare_verdicts(j, which ? &fine : &s, which ? &s : &fine);
}

static void take_asked_first(void *opaque, struct outcome *o)
{
	take_asked(opaque, 0, o);
}

static void take_asked_second(void *opaque, struct outcome *o)
{
	take_asked(opaque, 1, o);
}

static int play(struct job *j, const struct script *script, unsigned int which,
		void (*each)(void *opaque, size_t index, struct outcome *o))
{
	const struct compare *c = j->c;
	const struct runner_stage stage = { .on = RUN_ON_MODEL,
					    .hang_seconds = c->hang_seconds,
					    .device = c->device[which],
					    .asked = &j->asked[which],
					    .ground = &c->ground,
					    .seen = &j->shared->seen };
	int err = runner_play(&stage, script, c->scripts, 1, each, j);

	return err ? err : j->error;
}

static int play_both(struct job *j)
{
	struct compare *c = j->c;
	struct script *script = calloc(c->scripts + 1, sizeof(*script));
	int err = -ENOMEM;

	j->first = calloc(c->scripts + 1, sizeof(*j->first));
	if (script && j->first) {
		for (size_t i = 0; i < c->scripts; i++) {
			script[i] = c->script[i];
			seen_fit(&script[i], &c->ground.offer);
		}
		err = play(j, script, 0, keep_first);
		if (!err)
			err = play(j, script, 1, compare_second);
	}
	for (size_t i = 0; j->first && i < c->scripts; i++)
		free(j->first[i].seen);
	free(j->first);
	free(script);
	return err;
}

/* ---- what is on offer ---- */

static void drop_outcome(void *opaque, size_t index, struct outcome *o)
{
	(void)opaque;
	(void)index;
	free(o->report);
}

/* Asks one, and plays nothing on it. */
static int ask(struct job *j, unsigned int which, struct runner_offer *offer)
{
	struct compare *c = j->c;
	const struct runner_stage stage = { .on = RUN_ON_MODEL,
					    .hang_seconds = c->hang_seconds,
					    .device = c->device[which],
					    .asked = &j->asked[which],
					    .offer = &j->shared->offer };
	struct script nothing;
	int err;

	script_decode(NULL, 0, &nothing);
	memset(&j->shared->offer, 0, sizeof(j->shared->offer));
	err = runner_play(&stage, &nothing, 1, 1, drop_outcome, NULL);
	*offer = j->shared->offer;
	c->offer[which] = offer->offer;
	return err;
}

/* Of what both disks have at first, if it is the same. */
static void find_disk(struct compare *c, const struct runner_offer *a, const struct runner_offer *b)
{
	uint64_t sectors = c->ground.offer.capacity;

	if (a->sectors < sectors || !sectors || c->ground.offer.kind != DEVICE_BLK)
		return;
	if (c->device[1] &&
	    (b->sectors < sectors || memcmp(a->disk, b->disk, (size_t)sectors * 512) != 0))
		return;
	c->ground.disk = a->disk;
}

static int find_ground(struct job *j, struct runner_offer *offer)
{
	struct compare *c = j->c;
	int err = ask(j, 0, &offer[0]);

	if (!err && c->device[1])
		err = ask(j, 1, &offer[1]);
	else if (!err)
		machine_offer_ours(&c->offer[0], &c->offer[1]);
	if (err)
		return err;
	if (!machine_offer_common(&c->offer[0], &c->offer[1], &c->ground.offer, c->error,
				  sizeof(c->error)))
		return -EINVAL;
	find_disk(c, &offer[0], &offer[1]);
	return 0;
}

static int by_kind(const void *a, const void *b)
{
	return strcmp(((const struct compare_kind *)a)->kind,
		      ((const struct compare_kind *)b)->kind);
}

int compare_devices(struct compare *c)
{
	struct job j = { .c = c,
			 .asked = { { .tell = take_asked_first, .opaque = &j },
				    { .tell = take_asked_second, .opaque = &j } } };
	struct runner_offer *offer = calloc(2, sizeof(*offer));
	int err = -ENOMEM;

	j.shared = mmap(NULL, sizeof(*j.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (offer && j.shared != MAP_FAILED) {
		err = find_ground(&j, offer);
		if (!err)
			err = play_both(&j);
	}
	if (err && !c->error[0])
		snprintf(c->error, sizeof(c->error), "cannot play: %s",
			 err == -ENOMEM ? strerror(ENOMEM) : runner_problem());
	if (c->kinds)
		qsort(c->kind, c->kinds, sizeof(*c->kind), by_kind);
	if (j.shared != MAP_FAILED)
		munmap(j.shared, sizeof(*j.shared));
	c->ground.disk = NULL;
	free(offer);
	return err;
}
