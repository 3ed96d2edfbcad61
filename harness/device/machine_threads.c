/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads of a device that is not ours. One goes on at a time, each on a stack of its own: a call
 * from the guest or the host, which is number 0 here, and those of the device. At each access to
 * guest RAM, and at each lock, the script says which; what it does not say means that the one that
 * runs goes on until it waits for another one or is done. So all of it is the same each time.
 *
 * A device's locks are kept here, and not by the C library: who waits for one does so on its stack.
 */
#include "machine_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "base/fiber.h"
#include "tap/tap.h"

#define CONTEXTS (1u + DUT_THREADS_MAX)
#define LOCKS	 64u
#define NOBODY	 CONTEXTS
/* when a call is done: the threads stay where they are, and go on in a later one */
#define CHOICE_STAY 3u
/* as often as these are looked at, some of them in vain, after one call */
#define TURNS_MAX 4096u

enum state {
	IDLE,	 /* a thread that has returned */
	READY,	 /* it runs, or may go on */
	LOCKED,	 /* it waits for a lock */
	ASLEEP,	 /* it waits for a condition */
	SETTLES, /* the call is done, and lets the threads finish */
};

struct context {
	struct machine *machine;
	struct fiber *fiber; /* of a thread */
	enum state state;
	const void *on;	  /* which lock or condition */
	unsigned int how; /* enum tap_lock */
	bool timed;	  /* it may wait for the condition, but not for ever */
	bool woken;
};

struct held {
	const void *lock;
	unsigned int owner, depth; /* NOBODY: it is shared */
	unsigned int shared[CONTEXTS];
};

struct machine_threads {
	struct context context[CONTEXTS];
	unsigned int contexts;
	bool apart; /* each on its stack; else one after the other, when a call is done */
	unsigned int now;
	unsigned int after; /* points that choose nothing */
	uint64_t choices;
	bool quiet;	/* the harness itself asks: nothing is chosen */
	bool goes_on;	/* the guest does, with threads in the middle */
	bool found;	/* a thread has had something to do */
	uint32_t tried; /* idle ones that were started since somebody began to wait */
	struct held held[LOCKS];
	unsigned int locks;
	char stuck[200];
};

/* ---- who may go on ---- */

static struct held *find(struct machine_threads *t, const void *lock)
{
	for (unsigned int i = 0; i < t->locks; i++) {
		if (t->held[i].lock == lock)
			return &t->held[i];
	}
	return NULL;
}

static bool can_take(struct machine_threads *t, unsigned int who, const void *lock,
		     unsigned int how)
{
	const struct held *h = find(t, lock);

	if (!h)
		return true;
	if (h->owner == NOBODY)
		return how & TAP_LOCK_SHARED;
	return h->owner == who && how & TAP_LOCK_AGAIN;
}

static bool can_go_on(struct machine_threads *t, unsigned int who)
{
	const struct context *c = &t->context[who];

	return c->state == READY || (c->state == LOCKED && can_take(t, who, c->on, c->how)) ||
	       (c->state == ASLEEP && c->woken);
}

/* Somebody in the middle who can go on, from `first` on and around, but for `but`. */
static unsigned int somebody(struct machine_threads *t, unsigned int first, unsigned int but)
{
	for (unsigned int i = 0; i < t->contexts; i++) {
		unsigned int who = (first + i) % t->contexts;

		if (who != but && can_go_on(t, who))
			return who;
	}
	return NOBODY;
}

static unsigned int untried(struct machine_threads *t)
{
	for (unsigned int i = 1; i < t->contexts; i++) {
		if (t->context[i].state == IDLE && !(t->tried >> i & 1)) {
			t->tried |= 1u << i;
			return i;
		}
	}
	return NOBODY;
}

static unsigned int sleeper(const struct machine_threads *t)
{
	for (unsigned int i = 0; i < t->contexts; i++) {
		if (t->context[i].state == ASLEEP && t->context[i].timed)
			return i;
	}
	return NOBODY;
}

static void go_to(struct machine *m, unsigned int who)
{
	struct machine_threads *t = m->threads;
	struct context *c = &t->context[who];

	if (c->state == IDLE)
		c->state = READY;
	if (who == t->now)
		return;
	if (t->context[t->now].state != IDLE && t->context[t->now].state != SETTLES)
		safety_overlaps(&m->safety);
	t->now = who;
	fiber_switch(c->fiber);
}

/* ---- nobody ---- */

static void say_who(char *text, size_t room, unsigned int who)
{
	if (who == 0)
		snprintf(text, room, "a call from outside");
	else
		snprintf(text, room, "thread %u", who - 1);
}

/* Says for what it waits; returns who has that: NOBODY: a condition, or readers. */
static unsigned int say_wait(struct machine_threads *t, unsigned int who)
{
	size_t at = strlen(t->stuck);
	const struct held *h = find(t, t->context[who].on);
	unsigned int owner = t->context[who].state == LOCKED && h ? h->owner : NOBODY;
	char waits[32], has[32];

	say_who(waits, sizeof(waits), who);
	say_who(has, sizeof(has), owner);
	snprintf(t->stuck + at, sizeof(t->stuck) - at, "%s %s waits for %s%s",
		 at ? "," : "deadlock:", waits,
		 t->context[who].state == ASLEEP ? "a condition that nobody signals"
		 : owner == NOBODY		 ? "a lock that readers have"
						 : "a lock of ",
		 owner == NOBODY ? "" : has);
	return owner;
}

static void fail(void *opaque)
{
	struct machine *m = opaque;

	if (!m->oracle.escape) {
		complain("%s", m->threads->stuck);
		exit(2);
	}
	oracle_fail(&m->oracle, 10, "%s", m->threads->stuck);
}

static bool waits(const struct machine_threads *t, unsigned int who)
{
	return who != NOBODY &&
	       (t->context[who].state == LOCKED || t->context[who].state == ASLEEP);
}

static void __attribute__((noreturn)) deadlock(struct machine *m)
{
	struct machine_threads *t = m->threads;
	unsigned int who = 0;

	while (!waits(t, who))
		who++;
	t->stuck[0] = 0;
	for (unsigned int i = 0; waits(t, who) && i < t->contexts; i++)
		who = say_wait(t, who);
	/* also one that was about to return stops in the middle, and has to begin anew */
	t->context[t->now].state = READY;
	fiber_leave(fail, m);
}

/* The one that runs cannot: somebody else does, until it can. */
static void give_way(struct machine *m)
{
	struct machine_threads *t = m->threads;
	unsigned int me = t->now;
	unsigned int who = somebody(t, me + 1, me);

	if (who == NOBODY)
		who = untried(t);
	if (who == NOBODY)
		who = sleeper(t);
	if (who == NOBODY && t->context[0].state == SETTLES)
		who = 0;
	if (who == NOBODY)
		deadlock(m);
	go_to(m, who);
}

/* ---- what the script chooses ---- */

static unsigned int choose(struct machine_threads *t)
{
	unsigned int choice;

	if (!t->choices || t->quiet)
		return 0;
	if (t->after) {
		t->after--;
		return 0;
	}
	choice = t->choices & 3;
	t->choices >>= 2;
	return choice;
}

static bool may_be_chosen(struct machine_threads *t, unsigned int who)
{
	const struct context *c = &t->context[who];

	return who != t->now && (can_go_on(t, who) || c->state == IDLE || c->state == SETTLES ||
				 (c->state == ASLEEP && c->timed));
}

/* The n-th behind the one that runs, of those that can. */
static void go_to_nth(struct machine *m, unsigned int n)
{
	struct machine_threads *t = m->threads;
	unsigned int who = t->now;
	unsigned int looked = 0;

	while (n && looked <= t->contexts) {
		who = (who + 1) % t->contexts;
		looked++;
		if (may_be_chosen(t, who)) {
			n--;
			looked = 0;
		}
	}
	if (n || who == t->now)
		return;
	if (who == 0 && t->context[0].state == SETTLES)
		t->goes_on = true;
	go_to(m, who);
}

void machine_threads_point(struct machine *m)
{
	unsigned int choice = choose(m->threads);

	if (choice)
		go_to_nth(m, choice);
}

bool machine_threads_choose(struct machine *m, unsigned int after, uint64_t choices)
{
	struct machine_threads *t = m->threads;

	if (!t || !t->apart)
		return false;
	t->after = after;
	t->choices = choices;
	return true;
}

/* ---- locks ---- */

/* What it has stored so far has been stored. */
static struct machine_threads *arrive(struct machine *m)
{
	machine_go_on(m);
	machine_tap_flush(m);
	machine_threads_point(m);
	return m->threads;
}

static void hold(struct machine_threads *t, const void *lock, unsigned int how, unsigned int depth)
{
	struct held *h = find(t, lock);

	if (!h && t->locks == LOCKS) {
		complain("the device has more than %u locks at once", LOCKS);
		exit(2);
	}
	if (!h) {
		h = &t->held[t->locks++];
		memset(h, 0, sizeof(*h));
		h->lock = lock;
		h->owner = how & TAP_LOCK_SHARED ? NOBODY : t->now;
	}
	if (h->owner == NOBODY)
		h->shared[t->now]++;
	h->depth += depth;
}

/* By whoever: a device may have one thread unlock what another has locked. */
static bool release(struct machine_threads *t, const void *lock, unsigned int depth)
{
	struct held *h = find(t, lock);

	if (!h)
		return false;
	h->depth -= depth < h->depth ? depth : h->depth;
	if (h->owner == NOBODY && h->shared[t->now])
		h->shared[t->now]--;
	if (!h->depth)
		*h = t->held[--t->locks];
	return true;
}

static void wait_for(struct machine *m, const void *lock, unsigned int how)
{
	struct machine_threads *t = m->threads;
	struct context *me = &t->context[t->now];

	if (can_take(t, t->now, lock, how))
		return;
	t->tried = 0;
	me->on = lock;
	me->how = how;
	while (!can_take(t, t->now, lock, how)) {
		me->state = LOCKED;
		give_way(m);
	}
	me->state = READY;
}

static int take(void *opaque, const void *lock, unsigned int how)
{
	struct machine_threads *t = arrive(opaque);

	if (how & TAP_LOCK_TRY && !can_take(t, t->now, lock, how))
		return EBUSY;
	wait_for(opaque, lock, how);
	hold(t, lock, how, 1);
	return 0;
}

static int give(void *opaque, const void *lock)
{
	struct machine *m = opaque;

	machine_go_on(m);
	machine_tap_flush(m);
	if (!release(m->threads, lock, 1))
		return EPERM;
	machine_threads_point(m);
	return 0;
}

static int wait(void *opaque, const void *cond, const void *mutex, bool timed)
{
	struct machine_threads *t = arrive(opaque);
	struct context *me = &t->context[t->now];
	const struct held *h = find(t, mutex);
	unsigned int depth = h ? h->depth : 1;

	release(t, mutex, depth);
	me->on = cond;
	me->timed = timed;
	me->woken = false;
	me->state = ASLEEP;
	t->tried = 0;
	give_way(opaque);
	me->state = READY;
	wait_for(opaque, mutex, 0);
	hold(t, mutex, 0, depth);
	return me->woken ? 0 : ETIMEDOUT;
}

static int wake(void *opaque, const void *cond, bool all)
{
	struct machine_threads *t = arrive(opaque);

	for (unsigned int i = 0; i < t->contexts; i++) {
		struct context *c = &t->context[i];

		if (c->state != ASLEEP || c->on != cond || c->woken)
			continue;
		c->woken = true;
		if (!all)
			break;
	}
	return 0;
}

/* It may wait for something that another one does, which nobody knows. */
static int yield(void *opaque)
{
	struct machine *m = opaque;

	machine_go_on(m);
	machine_tap_flush(m);
	if (!m->threads->quiet)
		go_to_nth(m, 1);
	return 0;
}

void machine_threads_between(struct machine *m, bool waits)
{
	if (!m->threads->apart)
		return;
	if (waits)
		yield(m);
	else
		arrive(m);
}

static const struct tap_locks locks = { take, give, wait, wake, yield };

/* ---- threads ---- */

static bool call_thread(struct machine *m, unsigned int which)
{
	bool more = m->dut->thread(m->dut, which);

	machine_go_on(m);
	machine_tap_flush(m);
	return more;
}

/* Whoever waits for it goes on, the call first. */
static void end_turn(struct machine *m)
{
	struct machine_threads *t = m->threads;
	unsigned int who = t->context[0].state == SETTLES ? 0 : somebody(t, 0, t->now);

	t->context[t->now].state = IDLE;
	if (who == NOBODY)
		who = untried(t);
	if (who == NOBODY)
		who = sleeper(t);
	if (who == NOBODY)
		deadlock(m);
	go_to(m, who);
}

static void run(void *opaque)
{
	const struct context *c = opaque;
	struct machine *m = c->machine;
	struct machine_threads *t = m->threads;
	unsigned int number = (unsigned int)(c - t->context);

	for (;;) {
		if (call_thread(m, number - 1)) {
			t->found = true;
			t->tried = 0;
		}
		end_turn(m);
	}
}

void machine_threads_create(struct machine *m)
{
	const struct device_under_test *d = m->dut;
	struct machine_threads *t;

	if (d->version < DUT_VERSION_THREADS || !d->threads || !d->thread)
		return;
	t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	t->contexts = 1 + (d->threads < DUT_THREADS_MAX ? d->threads : DUT_THREADS_MAX);
	t->apart = d->traits & DUT_TAPPED && fiber_possible();
	m->threads = t;
	t->context[0].state = READY;
	for (unsigned int i = 1; i < t->contexts && t->apart; i++) {
		t->context[i].machine = m;
		t->context[i].fiber = fiber_create(run, &t->context[i]);
	}
	if (t->apart)
		tap_listen_locks(&locks, m);
}

void machine_threads_start(struct machine *m)
{
	struct machine_threads *t = m->threads;

	for (unsigned int i = 1; t->apart && i < t->contexts; i++) {
		if (t->context[i].state != IDLE)
			fiber_renew(t->context[i].fiber);
		t->context[i].state = IDLE;
	}
	t->context[0].state = READY;
	t->now = 0;
	t->choices = 0;
	t->quiet = false;
	t->locks = 0;
}

void machine_threads_quiet(struct machine *m, bool quiet)
{
	if (m->threads)
		m->threads->quiet = quiet;
}

bool machine_threads_midway(const struct machine *m)
{
	for (unsigned int i = 1; m->threads && i < m->threads->contexts; i++) {
		if (m->threads->context[i].state != IDLE && m->threads->context[i].state != ASLEEP)
			return true;
	}
	return false;
}

/* ---- after a call ---- */

static void check_turn(struct machine *m, unsigned int turn)
{
	if (turn == TURNS_MAX)
		oracle_fail(&m->oracle, 10, "threads have work without end");
	machine_stop_growing(m);
	safety_polls(&m->safety);
}

static void one_after_the_other(struct machine *m)
{
	bool found = true;

	for (unsigned int turn = 0; found; turn++) {
		found = false;
		check_turn(m, turn);
		for (unsigned int i = 1; i < m->threads->contexts; i++)
			found |= call_thread(m, i - 1);
	}
}

/* The next thread to let finish: one in the middle, or else the next one that is idle. */
static unsigned int next_turn(struct machine_threads *t, unsigned int *idle)
{
	unsigned int who = somebody(t, 1, 0);

	if (who != NOBODY)
		return who;
	while (*idle < t->contexts) {
		unsigned int i = (*idle)++;

		if (t->context[i].state == IDLE)
			return i;
	}
	return NOBODY;
}

static void finish(struct machine *m)
{
	struct machine_threads *t = m->threads;
	unsigned int idle = 1;

	for (unsigned int turn = 0; !t->goes_on; turn++) {
		unsigned int who = next_turn(t, &idle);

		if (who == NOBODY && !t->found)
			return;
		check_turn(m, turn);
		if (who == NOBODY) { /* once more, as there was something */
			t->found = false;
			idle = 1;
			continue;
		}
		go_to(m, who);
	}
}

void machine_threads_settle(struct machine *m)
{
	struct machine_threads *t = m->threads;

	if (!t->apart) {
		one_after_the_other(m);
		return;
	}
	machine_tap_flush(m);
	if (choose(t) == CHOICE_STAY)
		return;
	t->goes_on = false;
	t->found = false;
	t->context[0].state = SETTLES;
	finish(m);
	t->context[0].state = READY;
	for (unsigned int i = 1; i < t->contexts && !t->goes_on; i++) {
		if (t->context[i].state == LOCKED)
			deadlock(m);
	}
}
