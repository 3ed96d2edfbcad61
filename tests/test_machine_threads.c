/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads of a device that is not ours: who goes on when, what waits for what, and that nothing is
 * left for the next script. The device is in this file: it writes down each step that it takes.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fiber.h"
#include "device/device_under_test.h"
#include "device/machine.h"

/* what a device's objects call after objcopy */
extern __typeof__(pthread_mutex_lock) __tap_pthread_mutex_lock, __tap_pthread_mutex_trylock,
	__tap_pthread_mutex_unlock;
extern __typeof__(pthread_cond_wait) __tap_pthread_cond_wait;
extern __typeof__(pthread_cond_timedwait) __tap_pthread_cond_timedwait;
extern __typeof__(pthread_cond_signal) __tap_pthread_cond_broadcast;

#define THREADS 2u
#define CONFIG	0x100u
#define RAM	(256u << 10)
/* an order of up to four: the first choice is the lowest one */
#define ORDER(a, b, c, d) ((a) | (b) << 2 | (c) << 4 | (d) << 6)

static struct machine machine;
static jmp_buf escape;
static const struct setup blk;

static const struct dut_host *host;
static char trace[64]; /* c: the call; a, b: the threads */
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t two = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool work[THREADS];
static unsigned int called; /* times that the machine has called a thread */
static int answered;	    /* what a lock has answered */
/* What the call does, and what each thread with work does. */
static void (*call)(void), (*job[THREADS])(void);

static struct device_under_test dut;

/* ---- the device ---- */

static void step(char who)
{
	size_t at = strlen(trace);

	assert_true(at + 1 < sizeof(trace));
	trace[at] = who;
	host->between(&dut, false);
}

static void three(char who)
{
	step(who);
	step(who);
	step(who);
}

static void three_c(void)
{
	three('c');
}

static void three_a(void)
{
	three('a');
}

static void three_b(void)
{
	three('b');
}

static int create_dut(struct device_under_test *d, const struct dut_host *calls)
{
	d->ram[0] = (struct dut_ram){ 0x80000000, RAM, aligned_alloc(4096, RAM) };
	host = calls;
	return d->ram[0].host ? 0 : -ENOMEM;
}

static void power_cycle(struct device_under_test *d)
{
	(void)d;
	work[0] = work[1] = false;
	memset(trace, 0, sizeof(trace));
	called = 0;
	answered = -1;
}

static uint64_t get(struct device_under_test *d, uint64_t offset, unsigned int width)
{
	(void)d, (void)offset, (void)width;
	/* the machine asks for the status: no choice is for that */
	host->between(d, false);
	return 0;
}

static void set(struct device_under_test *d, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)d, (void)offset, (void)width;
	work[0] |= value & 1;
	work[1] |= value >> 1 & 1;
	call();
}

static bool thread(struct device_under_test *d, unsigned int which)
{
	(void)d;
	called++;
	if (!work[which])
		return false;
	work[which] = false;
	job[which]();
	return true;
}

static struct device_under_test dut = {
	.version = DUT_VERSION,
	.traits = DUT_TAPPED,
	.name = "threads",
	.create = create_dut,
	.power_cycle = power_cycle,
	.read = get,
	.write = set,
	.threads = THREADS,
	.thread = thread,
};

/* ---- a script ---- */

static int create(void **state)
{
	char error[256];

	(void)state;
	return machine_create_foreign(&machine, &dut, error, sizeof(error)) ? 0 : -1;
}

static int start(void **state)
{
	(void)state;
	call = three_c;
	job[0] = three_a;
	job[1] = three_b;
	machine_start(&machine, &blk, &escape);
	return 0;
}

/* The guest writes, which gives these threads work: bit 0 is the first one. Returns the rule that
 * is broken then, 0: none. */
static int broken_by(unsigned int which)
{
	machine.oracle.broken_rule = 0;
	if (!setjmp(escape))
		machine_write(&machine, CONFIG, 4, which);
	return machine.oracle.broken_rule;
}

static void guest(unsigned int which)
{
	if (broken_by(which))
		fail_msg("rule %d: %s", machine.oracle.broken_rule, machine.oracle.reason);
}

static void assert_trace(const char *expected)
{
	assert_string_equal(trace, expected);
	memset(trace, 0, sizeof(trace));
}

/* ---- who goes on ---- */

static void without_choices_one_is_after_the_other(void **state)
{
	(void)state;
	guest(3);
	assert_trace("cccaaabbb");
	guest(2);
	assert_trace("cccbbb");
	guest(0);
	assert_trace("ccc");
}

static void choices_are_taken_in_order(void **state)
{
	(void)state;
	machine_schedule(&machine, 0, ORDER(1u, 2u, 0u, 2u));
	guest(3);
	assert_trace("caccbbbaa");
	/* all are used up */
	guest(1);
	assert_trace("cccaaa");
}

static void points_before_choose_nothing(void **state)
{
	(void)state;
	machine_schedule(&machine, 1, ORDER(1u, 2u, 0u, 0u));
	guest(3);
	assert_trace("ccacaabbb");
	machine_schedule(&machine, 2, ORDER(2u, 1u, 0u, 0u));
	guest(3);
	assert_trace("cccbbbaaa");
}

static void a_later_schedule_takes_the_place_of_an_earlier_one(void **state)
{
	(void)state;
	machine_schedule(&machine, 0, ORDER(1u, 2u, 1u, 2u));
	machine_schedule(&machine, 0, 0);
	guest(1);
	assert_trace("cccaaa");
}

/* 3 when a call is done: the threads stay where they are, and go on in a later call. */
static void a_thread_keeps_its_place(void **state)
{
	(void)state;
	machine_schedule(&machine, 3, 3);
	guest(1);
	assert_trace("ccc");
	machine_schedule(&machine, 0, ORDER(1u, 2u, 0u, 0u) | (uint64_t)3 << 8);
	guest(0);
	assert_trace("cacc");
	guest(0);
	assert_trace("cccaa");
}

static void drain_lets_all_finish(void **state)
{
	(void)state;
	machine_schedule(&machine, 0, ORDER(1u, 2u, 2u, 1u) | (uint64_t)3 << 10);
	guest(3);
	assert_trace("cacbc");
	machine_drain(&machine);
	assert_trace("aabb");
	machine_drain(&machine);
	assert_trace("");
}

static void a_script_leaves_nothing_for_the_next_one(void **state)
{
	machine_schedule(&machine, 0, ORDER(1u, 2u, 0u, 0u) | (uint64_t)0xffff << 8);
	guest(1);
	assert_trace("cacc");
	start(state);
	guest(1);
	assert_trace("cccaaa");
}

static void an_older_device_has_no_threads(void **state)
{
	static struct machine older;
	static struct machine newer; /* each is kept: nothing gives one back */
	static struct device_under_test was;
	char error[256];

	(void)state;
	was = dut;
	was.version = DUT_VERSION + 1;
	assert_false(machine_create_foreign(&newer, &was, error, sizeof(error)));
	was.version = 1;
	assert_true(machine_create_foreign(&older, &was, error, sizeof(error)));
	assert_null(older.threads);
}

/* ---- locks ---- */

static void with_one(char who)
{
	answered = __tap_pthread_mutex_lock(&one);
	three(who);
	__tap_pthread_mutex_unlock(&one);
}

static void c_with_one(void)
{
	with_one('c');
}

static void a_with_one(void)
{
	with_one('a');
}

static void who_waits_for_a_lock_lets_others_go_on(void **state)
{
	(void)state;
	call = c_with_one;
	job[0] = a_with_one;
	/* the call has it: the thread begins, and waits */
	machine_schedule(&machine, 1, 1);
	guest(1);
	assert_trace("cccaaa");
	/* the thread begins first, and has it when the call comes */
	machine_schedule(&machine, 0, ORDER(1u, 0u, 2u, 0u));
	guest(1);
	assert_trace("aaaccc");
}

static void c_tries_one(void)
{
	step('c');
	answered = __tap_pthread_mutex_trylock(&one);
	step('c');
}

static void a_lock_that_is_held_is_busy(void **state)
{
	(void)state;
	call = c_tries_one;
	job[0] = a_with_one;
	/* to the thread, it locks, and back */
	machine_schedule(&machine, 0, ORDER(1u, 0u, 2u, 0u));
	guest(1);
	assert_trace("cacaa");
	assert_int_equal(answered, EBUSY);
}

static void c_unlocks_one(void)
{
	answered = __tap_pthread_mutex_unlock(&one);
}

static void what_is_not_locked_is_not_unlocked(void **state)
{
	(void)state;
	call = c_unlocks_one;
	guest(0);
	assert_int_equal(answered, EPERM);
}

static void c_waits(void)
{
	__tap_pthread_mutex_lock(&one);
	trace[strlen(trace)] = 'w';
	answered = __tap_pthread_cond_wait(&cond, &one);
	step('c');
	__tap_pthread_mutex_unlock(&one);
}

static void a_wakes(void)
{
	__tap_pthread_mutex_lock(&one);
	step('a');
	__tap_pthread_cond_broadcast(&cond);
	step('a');
	__tap_pthread_mutex_unlock(&one);
}

static void who_waits_for_a_condition_is_woken(void **state)
{
	(void)state;
	call = c_waits;
	job[0] = a_wakes;
	guest(1);
	assert_trace("waac");
	assert_int_equal(answered, 0);
}

static void c_waits_not_for_ever(void)
{
	static const struct timespec until;

	__tap_pthread_mutex_lock(&one);
	answered = __tap_pthread_cond_timedwait(&cond, &one, &until);
	__tap_pthread_mutex_unlock(&one);
}

static void a_wait_with_a_limit_ends(void **state)
{
	(void)state;
	call = c_waits_not_for_ever;
	guest(2);
	assert_trace("bbb");
	assert_int_equal(answered, ETIMEDOUT);
}

/* ---- findings ---- */

static void both(pthread_mutex_t *first, pthread_mutex_t *second, char who)
{
	__tap_pthread_mutex_lock(first);
	step(who);
	__tap_pthread_mutex_lock(second);
	step(who);
	__tap_pthread_mutex_unlock(second);
	__tap_pthread_mutex_unlock(first);
}

static void c_one_two(void)
{
	both(&one, &two, 'c');
}

static void a_two_one(void)
{
	both(&two, &one, 'a');
}

static void a_deadlock_names_who_waits_for_whom(void **state)
{
	call = c_one_two;
	job[0] = a_two_one;
	guest(1);
	assert_trace("ccaa");
	/* when the call has the first one, the thread begins, and takes the other one */
	machine_schedule(&machine, 1, 1);
	assert_int_equal(broken_by(1), 10);
	assert_trace("ca");
	assert_string_equal(machine.oracle.reason,
			    "deadlock: a call from outside waits for a lock of thread 0, thread 0 "
			    "waits for a lock of a call from outside, a call from outside waits "
			    "for a lock of thread 0");
	/* and no lock is held any more */
	start(state);
	guest(1);
	assert_trace("cccaaa");
	call = c_one_two;
	guest(0);
	assert_trace("cc");
}

static void nobody_wakes_it(void **state)
{
	(void)state;
	call = c_waits;
	assert_int_equal(broken_by(0), 10);
	assert_string_equal(machine.oracle.reason,
			    "deadlock: a call from outside waits for a condition that nobody "
			    "signals");
}

static void a_keeps_one(void)
{
	__tap_pthread_mutex_lock(&one);
	step('a');
}

static void a_lock_that_is_kept_is_a_deadlock(void **state)
{
	(void)state;
	job[0] = a_keeps_one;
	guest(1);
	assert_trace("ccca");
	call = c_with_one;
	assert_int_equal(broken_by(0), 10);
	/* who has it does not wait: it has returned */
	assert_string_equal(machine.oracle.reason,
			    "deadlock: a call from outside waits for a lock of thread 0");
}

static void b_with_one(void)
{
	with_one('b');
}

static void a_thread_that_waits_when_all_is_done_is_a_deadlock(void **state)
{
	(void)state;
	job[0] = a_keeps_one;
	job[1] = b_with_one;
	assert_int_equal(broken_by(3), 10);
	assert_string_equal(machine.oracle.reason,
			    "deadlock: thread 1 waits for a lock of thread 0");
}

static void a_works_without_end(void)
{
	work[0] = true;
}

static void threads_have_work_without_end(void **state)
{
	(void)state;
	job[0] = a_works_without_end;
	assert_int_equal(broken_by(1), 10);
	assert_non_null(strstr(machine.oracle.reason, "without end"));
}

static void a_breaks_a_rule(void)
{
	step('a');
	oracle_fail(&machine.oracle, 3, "on a thread's stack");
}

static void a_finding_leaves_the_stack_of_a_thread(void **state)
{
	for (int time = 0; time < 100; time++) {
		start(state);
		job[0] = a_breaks_a_rule;
		machine_schedule(&machine, 0, ORDER(1u, 0u, 0u, 0u));
		assert_int_equal(broken_by(1), 3);
		assert_trace("ca");
		start(state);
		guest(3);
		assert_trace("cccaaabbb");
	}
}

/* ---- fibers ---- */

static struct fiber *fiber;
static int steps;

static void count(void *opaque)
{
	for (;;) {
		steps += *(const int *)opaque;
		fiber_switch(NULL);
	}
}

static void a_fiber_goes_on_where_it_was(void **state)
{
	static int by = 10;

	(void)state;
	steps = 0;
	fiber = fiber_create(count, &by);
	assert_int_equal(steps, 0);
	fiber_switch(fiber);
	assert_int_equal(steps, 10);
	by = 1;
	fiber_switch(fiber);
	assert_int_equal(steps, 11);
	fiber_renew(fiber);
	fiber_switch(fiber);
	assert_int_equal(steps, 12);
}

static void jump(void *opaque)
{
	longjmp(*(jmp_buf *)opaque, 7);
}

static void leaves(void *opaque)
{
	steps++;
	fiber_leave(jump, opaque);
}

static void a_fiber_leaves_by_the_main_stack(void **state)
{
	static struct fiber *leaver; /* kept, like the other one: nothing gives one back */
	static jmp_buf here;

	(void)state;
	steps = 0;
	leaver = fiber_create(leaves, &here);
	for (volatile int time = 1; time <= 3; time = time + 1) {
		if (!setjmp(here)) {
			fiber_switch(leaver);
			fail_msg("it came back");
		}
		assert_int_equal(steps, time);
		fiber_renew(leaver);
	}
	/* from the main one it is a call */
	if (!setjmp(here))
		fiber_leave(jump, &here);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_choices_one_is_after_the_other, start),
		cmocka_unit_test_setup(choices_are_taken_in_order, start),
		cmocka_unit_test_setup(points_before_choose_nothing, start),
		cmocka_unit_test_setup(a_later_schedule_takes_the_place_of_an_earlier_one, start),
		cmocka_unit_test_setup(a_thread_keeps_its_place, start),
		cmocka_unit_test_setup(drain_lets_all_finish, start),
		cmocka_unit_test_setup(a_script_leaves_nothing_for_the_next_one, start),
		cmocka_unit_test_setup(who_waits_for_a_lock_lets_others_go_on, start),
		cmocka_unit_test_setup(a_lock_that_is_held_is_busy, start),
		cmocka_unit_test_setup(what_is_not_locked_is_not_unlocked, start),
		cmocka_unit_test_setup(who_waits_for_a_condition_is_woken, start),
		cmocka_unit_test_setup(a_wait_with_a_limit_ends, start),
		cmocka_unit_test_setup(a_deadlock_names_who_waits_for_whom, start),
		cmocka_unit_test_setup(nobody_wakes_it, start),
		cmocka_unit_test_setup(a_lock_that_is_kept_is_a_deadlock, start),
		cmocka_unit_test_setup(a_thread_that_waits_when_all_is_done_is_a_deadlock, start),
		cmocka_unit_test_setup(threads_have_work_without_end, start),
		cmocka_unit_test_setup(a_finding_leaves_the_stack_of_a_thread, start),
		cmocka_unit_test(a_fiber_goes_on_where_it_was),
		cmocka_unit_test(a_fiber_leaves_by_the_main_stack),
		cmocka_unit_test(an_older_device_has_no_threads),
	};

	return cmocka_run_group_tests(tests, create, NULL);
}
