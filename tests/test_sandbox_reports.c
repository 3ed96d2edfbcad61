/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sandbox.h: reports of sanitizers and profiles are written inside.
 */
#include "sandbox_rig.h"

#include <signal.h>
#include <sys/stat.h>

__attribute__((noinline)) static void overflow_by_one(volatile char *block, size_t len)
{
	block[len] = 1;
}

static void *make_mistake(void *arg)
{
	char *block = malloc(10);

	overflow_by_one(block, 10);
	free(block);
	return arg;
}

static void overflow(const void *arg)
{
	struct worker w;

	begin(&nothing);
	if (arg)
		start(&w, make_mistake, NULL);
	enter();
	if (arg)
		finish(&w);
	else
		(void)make_mistake(NULL);
}

__attribute__((noinline)) static void forget_a_block(void)
{
	volatile char *block = malloc(1234);

	block[0] = 1;
}

static void leak(const void *arg)
{
	(void)arg;
	begin_and_enter(&nothing);
	forget_a_block();
	use_memory(); /* and nothing of it is left in a register or on the stack */
	exit(7);
}

static void need_asan(void)
{
	if (!__asan_init) {
		print_message("skipped: reports: no AddressSanitizer in this build\n");
		skip();
	}
}

static void findings_have_symbolised_stacks(void **state)
{
	(void)state;
	need_asan();
	for (unsigned int thread = 0; thread < 2; thread++) {
		play(overflow, thread ? "" : NULL);
		assert_true(WIFEXITED(run.status) ? WEXITSTATUS(run.status) != 0
						  : WTERMSIG(run.status) == SIGABRT);
		assert_null(strstr(run.text, "refused system call"));
		expect_text("heap-buffer-overflow");
		expect_text("in overflow_by_one ");
		expect_text("tests/test_sandbox_reports.c:");
		expect_text("in make_mistake ");
	}
}

static void leaks_are_found(void **state)
{
	(void)state;
	need_asan();
	play(leak, NULL);
	expect_status(1); /* not 7 */
	expect_text("LeakSanitizer: detected memory leaks");
	expect_text("in forget_a_block ");
}

static void gather(const void *arg)
{
	__llvm_profile_set_filename(arg);
	begin_and_enter(&nothing);
}

static void profiles_are_written(void **state)
{
	char path[] = "/tmp/anvil.XXXXXX";
	struct stat st;

	(void)state;
	if (!__llvm_profile_set_filename) {
		print_message("skipped: profiles: this build gathers no coverage\n");
		skip();
	}
	assert_int_equal(close(mkstemp(path)), 0);
	assert_int_equal(unlink(path), 0);
	play(gather, path);
	expect_status(0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings_have_symbolised_stacks),
		cmocka_unit_test(leaks_are_found),
		cmocka_unit_test(profiles_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
