/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hobby VMM's block device with I/O threads (tests/foreign), compiled to tell its accesses:
 * a script in seeds_iot/ shows each of its mistakes, by the order of its threads alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "array_size.h"
#include "device/device_under_test.h"
#include "foreign/mistakes.h"
#include "play/player.h"

static struct machine machine;
static struct bus bus;

/* A script in seeds_iot/, the rule that the device breaks with the mistake, and what is said. */
static const struct shown {
	int mistake;
	const char *script;
	unsigned int rule;
	const char *reason;
} shown[] = {
	{ MISTAKE_IOT_RESET_NO_WAIT, "iot_reset_no_wait", 6, "while no queue runs" },
	{ MISTAKE_IOT_BUSY_LATE, "iot_busy_late", 6, "while no queue runs" },
	{ MISTAKE_IOT_AVAIL_UNLOCKED, "iot_avail_unlocked", 4, "was not made available" },
	{ MISTAKE_IOT_USED_UNLOCKED, "iot_used_unlocked", 4, "is never given back" },
	{ MISTAKE_IOT_INDEX_EARLY, "iot_index_early", 5, "before it is written" },
	{ MISTAKE_IOT_LOCK_ORDER, "iot_lock_order", 10,
	  "deadlock: a call from outside waits for a lock of thread 0, "
	  "thread 0 waits for a lock of a call from outside" },
	{ MISTAKE_IOT_RESET_SPINS, "iot_reset_spins", 10, "steps in one call" },
	{ MISTAKE_IOT_ERROR_KEEPS_LOCK, "iot_error_keeps_lock", 10,
	  "deadlock: a call from outside waits for a lock of thread" },
	{ MISTAKE_IOT_QUEUE_RESET_NO_WAIT, "iot_queue_reset_no_wait", 1, "nor device-writable" },
};

static int create(void **state)
{
	char error[256];

	(void)state;
	unsetenv("FOREIGN_MISTAKE");
	if (!machine_create_foreign(&machine, device_under_test(), error, sizeof(error)) ||
	    !machine_ask(&machine, error, sizeof(error))) {
		fprintf(stderr, "%s\n", error);
		return -1;
	}
	bus_model_init(&bus, &machine);
	return 0;
}

static int correct(void **state)
{
	(void)state;
	foreign_mistake = MISTAKE_NONE;
	return 0;
}

static void read_script(const char *name, struct script *script)
{
	char path[128], text[4096], error[128];
	FILE *file;

	snprintf(path, sizeof(path), "tests/foreign/seeds_iot/%s.txt", name);
	file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_int_equal(script_parse(text, script, error, sizeof(error)), 0);
}

static struct verdict play(const struct script *script)
{
	struct verdict v;

	player_play(&bus, script, NULL, &v);
	return v;
}

static void assert_no_finding(const struct script *script, const char *name)
{
	struct verdict v = play(script);

	if (v.kind == VERDICT_VIOLATION || v.kind == VERDICT_WEDGED)
		fail_msg("%s: rule %u: %s", name, v.rule, v.reason);
}

static void assert_shown(const struct script *script, const struct shown *s)
{
	struct verdict v = play(script);

	if (v.kind != VERDICT_VIOLATION || v.rule != s->rule || !strstr(v.reason, s->reason))
		fail_msg("%s: rule %u, not %u: %s", s->script, v.rule, s->rule, v.reason);
}

/* Whether the script has any. */
static bool change_schedules(struct script *script, uint64_t (*to)(uint64_t choices))
{
	bool any = false;

	for (unsigned int i = 0; i < script->ops; i++) {
		if (script->op[i].code != OP_SCHEDULE)
			continue;
		script->op[i].schedule.choices = to(script->op[i].schedule.choices);
		any = true;
	}
	return any;
}

static uint64_t to_none(uint64_t choices)
{
	(void)choices;
	return 0;
}

/* xorshift64, and few changes of threads, as the mutator has it */
static uint64_t to_any(uint64_t choices)
{
	static uint64_t random = 1;

	for (int i = 0; i < 3; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		choices = i ? choices & random : random;
	}
	return choices;
}

static void each_mistake_shows(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_SIZE(shown),
			 MISTAKE_IOT_QUEUE_RESET_NO_WAIT - MISTAKE_IOT_RESET_NO_WAIT + 1);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		struct script script;

		read_script(shown[i].script, &script);
		foreign_mistake = shown[i].mistake;
		assert_shown(&script, &shown[i]);
	}
}

static void the_order_alone_shows_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		struct script script;

		read_script(shown[i].script, &script);
		assert_true(change_schedules(&script, to_none));
		foreign_mistake = shown[i].mistake;
		assert_no_finding(&script, shown[i].script);
	}
}

static void a_verdict_is_the_same_each_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		struct verdict first;
		struct script script;

		read_script(shown[i].script, &script);
		foreign_mistake = shown[i].mistake;
		first = play(&script);
		for (int time = 1; time < 10; time++) {
			struct verdict again;

			/* another one in between, which leaves threads elsewhere */
			foreign_mistake = MISTAKE_NONE;
			read_script(shown[(i + (size_t)time) % ARRAY_SIZE(shown)].script, &script);
			play(&script);
			foreign_mistake = shown[i].mistake;
			read_script(shown[i].script, &script);
			again = play(&script);
			assert_int_equal(again.kind, first.kind);
			assert_int_equal(again.rule, first.rule);
			assert_int_equal(again.op, first.op);
			assert_string_equal(again.reason, first.reason);
		}
	}
}

static void the_correct_device_has_no_finding(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		struct script script;

		read_script(shown[i].script, &script);
		assert_no_finding(&script, shown[i].script);
		for (int order = 0; order < 500; order++) {
			change_schedules(&script, to_any);
			assert_no_finding(&script, shown[i].script);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_correct_device_has_no_finding, correct),
		cmocka_unit_test_setup(each_mistake_shows, correct),
		cmocka_unit_test_setup(the_order_alone_shows_it, correct),
		cmocka_unit_test_setup(a_verdict_is_the_same_each_time, correct),
	};

	return cmocka_run_group_tests(tests, create, NULL);
}
