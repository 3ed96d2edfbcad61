/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sandbox.h on kernels that have less.
 */
#include "sandbox_rig.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/prctl.h>

#include "kvm/landlock.h"

static void take_away(int nr, uint32_t error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	CHECK(filter && seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), nr, 0) == 0);
	CHECK(seccomp_load(filter) == 0);
	seccomp_release(filter);
}

static void live_without_landlock(const void *arg)
{
	const struct sandbox_needs sockets = { .sockets = true };
	char text[SANDBOX_LINE_BYTES];

	take_away(444 /* landlock_create_ruleset */, ENOSYS);
	begin_and_enter(arg ? &sockets : &nothing);
	sandbox_summary(text, sizeof(text));
	dprintf(STDOUT_FILENO, "%s\n", text);
	(void)open("/etc/passwd", O_RDONLY);
}

static void missing_landlock_is_said(void **state)
{
	const char *files = "no Landlock in this kernel: files can be read for the network's sake";
	const bool reads = __sanitizer_print_stack_trace || __llvm_profile_write_file;

	(void)state;
	play(live_without_landlock, NULL);
	expect_status(reads ? 0 : SANDBOX_REFUSED);
	assert_null(strstr(run.text, files));
	if (!__llvm_profile_write_file)
		expect_text(", no Landlock in this kernel");
	play(live_without_landlock, "");
	expect_status(0);
	if (!__llvm_profile_write_file)
		expect_text(files);
}

static void fail_to_enter(const void *arg)
{
	char error[SANDBOX_LINE_BYTES] = "";
	char text[SANDBOX_LINE_BYTES];

	(void)arg;
	take_away(SYS_seccomp, EPERM);
	begin(&nothing);
	CHECK(sandbox_enter(error, sizeof(error)) < 0);
	CHECK(strstr(error, "sandbox: seccomp: "));
	CHECK(strstr(error, "; run with --no-sandbox to go on without"));
	sandbox_summary(text, sizeof(text));
	CHECK(strstr(text, "system calls not yet"));
}

static void missing_seccomp_is_an_error(void **state)
{
	(void)state;
	play(fail_to_enter, NULL);
	expect_status(0);
}

/* What a kernel of each ABI is asked for, this one knows too. */
static void restrict_files(const void *arg)
{
	static const char *const readable[] = { "/etc/passwd" };
	const struct landlock_rules rules = { .readable = readable, .readable_count = 1 };
	const int *abi = arg;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(landlock_restrict(*abi, &rules) == 0);
	CHECK(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
	CHECK(open("/etc/group", O_RDONLY) < 0 && errno == EACCES);
	CHECK(open("/etc/passwd", O_WRONLY) < 0 && errno == EACCES);
	end(0); /* no report of a sanitizer, nor a profile, from here */
}

static void older_landlocks_are_asked_for_what_they_have(void **state)
{
	(void)state;
	if (landlock_abi() == 0) {
		print_message("skipped: no Landlock in this kernel\n");
		skip();
	}
	for (int abi = 1; abi <= landlock_abi(); abi++) {
		play(restrict_files, &abi);
		expect_status(0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_landlock_is_said),
		cmocka_unit_test(missing_seccomp_is_an_error),
		cmocka_unit_test(older_landlocks_are_asked_for_what_they_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
