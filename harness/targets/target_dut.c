/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A target of the device that the program is linked with: device_under_test(). It goes on after a
 * finding, for such devices fail again and again.
 */
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array_size.h"
#include "base/complain.h"
#include "base/sanitizer.h"
#include "dut_ops.h"
#include "target_catch.h"
#include "target_findings.h"
#include "target_terminate.h"

/* So many findings one after the other, and the device is asked whether it works at all. */
#define IN_A_ROW 16u

int LLVMFuzzerInitialize(int *argc, char ***argv);
extern uint8_t *__afl_area_ptr __attribute__((weak)); /* AFL++ has it */
/* Linked with --defsym=anvil_stops=1: a finding ends the process, for services that count crashes.
 */
extern char anvil_stops __attribute__((weak));
void __real__Exit(int status) __attribute__((noreturn));
void __wrap__Exit(int status) __attribute__((noreturn));

static const uint8_t blk_ops[] = { DUT_OPS_BLK, OP_SCHEDULE };
static const uint8_t net_ops[] = { DUT_OPS_NET, OP_SCHEDULE };

/* without the last one, which is for a device with threads */
static struct mutator_profile profile[] = {
	[DEVICE_BLK] = { DEVICE_BLK, blk_ops, ARRAY_SIZE(blk_ops) - 1 },
	[DEVICE_NET] = { DEVICE_NET, net_ops, ARRAY_SIZE(net_ops) - 1 },
};

static enum device_kind kind;

void target_create(struct machine *m)
{
	struct device_under_test *dut = device_under_test();
	char error[200];

	if (!dut) {
		complain("device_under_test() returns NULL");
		exit(2);
	}
	if (!machine_create_foreign(m, dut, error, sizeof(error)) ||
	    !machine_ask(m, error, sizeof(error))) {
		complain("%s: %s", dut->name ? dut->name : "device under test", error);
		exit(2);
	}
	m->safety.known = findings_pass;
	kind = m->offer.kind;
	if (m->threads)
		profile[kind].op_count++;
	fprintf(stderr, "device: %s (%s)\n", dut->name ? dut->name : "without a name",
		script_device_name[kind]);
	if (m->threads)
		fprintf(stderr, "threads: %u\n", dut->threads);
}

const struct mutator_profile *target_profile(void)
{
	return &profile[kind];
}

/* ---- the program's ends ---- */

static void tell_findings(void)
{
	(void)findings_close();
}

/* The engine's exit status is 0 when its time is over. */
static void at_exit(void)
{
	if (!findings_close())
		return;
	(void)fflush(NULL);
	_exit(1);
}

/* How the engine ends at once: an input takes too long, or too much memory; a signal. */
void __wrap__Exit(int status)
{
	bool found = findings_close();

	__real__Exit(found && !status ? 1 : status);
}

/* libFuzzer looks for leaks by itself, too: not here. */
static void look_for_no_leaks(int *argc, char ***argv)
{
	static char no_leaks[] = "-detect_leaks=0";
	char **more = calloc((size_t)*argc + 2, sizeof(*more));

	if (!more)
		abort();
	more[0] = (*argv)[0];
	more[1] = no_leaks;
	memcpy(more + 2, *argv + 1, (size_t)(*argc - 1) * sizeof(*more));
	++*argc;
	*argv = more;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (!&__afl_area_ptr)
		look_for_no_leaks(argc, argv);
	sanitizer_end_quietly();
	findings_start((*argv)[0]);
	catch_start(tell_findings);
	terminate_start();
	return 0;
}

/* ---- playing ---- */

/* What the device did while it was asked what it offers. */
static void add_pending(void)
{
	struct verdict v = { 0 };
	struct script script;
	struct finding f = { NULL, 0, &script, &v, catch_pending() };

	script_decode(NULL, 0, &script);
	if (f.caught)
		(void)findings_add(&f);
}

enum outcome {
	FINE,
	BROKE_A_RULE,
	BROKEN, /* it was left in the middle, or does not work any more */
};

static enum outcome play(struct bus *bus, const struct script *script, const uint8_t *data,
			 size_t size)
{
	volatile int progress = 0;
	const struct caught *caught;
	struct verdict v;
	struct finding f = { data, size, script, &v, NULL };

	if (!catch_play(bus, script, &progress, &v, &caught)) {
		memset(&v, 0, sizeof(v));
		v.op = progress;
		f.caught = caught;
	} else if (v.kind != VERDICT_VIOLATION && v.kind != VERDICT_WEDGED) {
		return FINE;
	}
	if (findings_add(&f) && &anvil_stops)
		catch_die();
	return f.caught || v.kind == VERDICT_WEDGED ? BROKEN : BROKE_A_RULE;
}

/* Nothing but the questions at the end; a rule that they break, they break each time. */
static bool works(struct bus *bus)
{
	struct script script;

	script_decode(NULL, 0, &script);
	return play(bus, &script, NULL, 0) != BROKEN;
}

/* A device that worked at first, and whose host memory is beyond repair */
static void check_recovery(struct bus *bus, bool worked)
{
	if (!worked || works(bus))
		return;
	complain("the device has not recovered from a finding: an empty script fails, which did "
		 "not at first");
	exit(1);
}

void target_play(struct bus *bus, const struct script *script, const uint8_t *data, size_t size)
{
	static unsigned int in_a_row;
	static bool started;
	static bool worked;

	if (!started) {
		started = true;
		add_pending();
		worked = works(bus);
		if (atexit(at_exit))
			abort();
	}
	in_a_row = play(bus, script, data, size) == FINE ? 0 : in_a_row + 1;
	if (in_a_row && in_a_row % IN_A_ROW == 0)
		check_recovery(bus, worked);
}
