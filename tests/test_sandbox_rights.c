/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sandbox.h: what is given up before threads start, and in which order.
 */
#include "sandbox_rig.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "array_size.h"
#include "kvm/landlock.h"

static void expect_no_rights(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	CHECK(syscall(SYS_capget, &header, data) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		CHECK(!data[i].effective && !data[i].permitted && !data[i].inheritable);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static void *thread_without_rights(void *arg)
{
	expect_no_rights();
	return arg;
}

static void give_up_rights(const void *arg)
{
	const bool root = geteuid() == 0;
	struct rlimit limit;
	struct worker w;

	(void)arg;
	begin(&nothing);
	expect_no_rights();
	CHECK(!root || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0);
	CHECK(!root || prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 0);
	CHECK(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max <= SANDBOX_DESCRIPTORS);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == (__sanitizer_print_stack_trace ? 1 : 0));
	start(&w, thread_without_rights, NULL);
	finish(&w);
}

static void rights_are_gone_before_threads_start(void **state)
{
	(void)state;
	play(give_up_rights, NULL);
	expect_status(0);
}

/* Between the two steps Landlock alone stands before files. */
static void open_between(const void *arg)
{
	begin(&nothing);
	CHECK(open("/tmp/anvil", O_RDWR | O_CREAT, 0600) < 0 && errno == EACCES);
	CHECK(unlink(arg) < 0 && errno == EACCES);
	CHECK(open(arg, O_WRONLY) < 0 && errno == EACCES);
	if (!__sanitizer_print_stack_trace)
		CHECK(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
}

static void files_are_gone_before_threads_start(void **state)
{
	char path[] = "/tmp/anvil.XXXXXX";

	(void)state;
	if (landlock_abi() == 0 || __llvm_profile_write_file) {
		print_message("skipped: no Landlock in this kernel, or coverage is gathered\n");
		skip();
	}
	assert_int_equal(close(mkstemp(path)), 0);
	play(open_between, path);
	assert_int_equal(unlink(path), 0);
	expect_status(0);
}

static void *return_at_once(void *arg)
{
	return arg;
}

static void begin_late(const void *arg)
{
	char error[SANDBOX_LINE_BYTES] = "";
	char text[SANDBOX_LINE_BYTES];
	struct worker w;

	(void)arg;
	CHECK(sandbox_enter(error, sizeof(error)) == -EINVAL);
	CHECK(strstr(error, "before it began"));
	start(&w, return_at_once, NULL);
	CHECK(sandbox_begin(&nothing, error, sizeof(error)) == -EBUSY);
	CHECK(strstr(error, "2 threads before it begins"));
	sandbox_summary(text, sizeof(text));
	CHECK(!strcmp(text, "none"));
	finish(&w);
	begin(&nothing);
	sandbox_summary(text, sizeof(text));
	CHECK(strstr(text, "system calls not yet"));
	enter();
	sandbox_summary(text, sizeof(text));
	puts(text);
	CHECK(sandbox_enter(error, sizeof(error)) == -EINVAL);
}

static void steps_out_of_order_are_refused_and_the_summary_tells(void **state)
{
	char abi[32];

	(void)state;
	play(begin_late, NULL);
	expect_status(0);
	expect_text("no_new_privs, no capabilities, seccomp (");
	expect_text(" calls), ");
	(void)snprintf(abi, sizeof(abi), "Landlock ABI %d", landlock_abi());
	if (__llvm_profile_write_file)
		expect_text("no Landlock while coverage is gathered");
	else
		expect_text(landlock_abi() ? abi : "no Landlock in this kernel");
	if (__sanitizer_print_stack_trace)
		expect_text("; this build's sanitizer keeps calls allowed that are refused");
	else if (!__llvm_profile_write_file)
		assert_null(strstr(run.text, "this build"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rights_are_gone_before_threads_start),
		cmocka_unit_test(files_are_gone_before_threads_start),
		cmocka_unit_test(steps_out_of_order_are_refused_and_the_summary_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
