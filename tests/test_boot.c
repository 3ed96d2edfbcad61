/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil boot with a kernel of a few instructions, which does what is typed: so that the machine
 * around a kernel is tested wherever there is a /dev/kvm, if only one that is too slow for Linux.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/commands.h"
#include "base/complain.h"
#include "kvm/boot.h"
#include "kvm/sandbox.h"

/*
 * Prints '>', then obeys the next byte received: p power-off, r reset, k reset by the keyboard
 * controller, t triple fault, s the status 42, m the first four bytes of device 0's window, n that
 * many of an address where nothing is; anything else is sent back.
 */
/* clang-format off */
__asm__(
	".pushsection .rodata\n"
	".globl tiny_kernel, tiny_kernel_end\n"
	"tiny_kernel:\n"
	"	mov $0x3f8, %edx\n"
	"	mov $'>', %al\n"
	"	out %al, %dx\n"
	"1:	mov $0x3fd, %edx\n"
	"2:	in %dx, %al\n"
	"	test $1, %al\n"
	"	jz 2b\n"
	"	mov $0x3f8, %edx\n"
	"	in %dx, %al\n"
	"	cmp $'p', %al\n"
	"	jne 3f\n"
	"	mov $0x600, %edx\n"
	"	mov $0x34, %al\n"
	"	out %al, %dx\n"
	"3:	cmp $'r', %al\n"
	"	jne 4f\n"
	"	mov $0x602, %edx\n"
	"	mov $1, %al\n"
	"	out %al, %dx\n"
	"4:	cmp $'k', %al\n"
	"	jne 5f\n"
	"	mov $0xfe, %al\n"
	"	out %al, $0x64\n"
	"5:	cmp $'t', %al\n"
	"	jne 6f\n"
	"	lidt tiny_none(%rip)\n"
	"	ud2\n"
	"6:	cmp $'s', %al\n"
	"	jne 7f\n"
	"	mov $42, %al\n"
	"	out %al, $0xf4\n"
	"7:	mov $0xc0000000, %edi\n"
	"	cmp $'m', %al\n"
	"	je 8f\n"
	"	mov $0xd0000000, %edi\n"
	"	cmp $'n', %al\n"
	"	je 8f\n"
	"	out %al, %dx\n"
	"	jmp 1b\n"
	"8:	mov (%rdi), %eax\n"
	"	mov $4, %ecx\n"
	"9:	out %al, %dx\n"
	"	shr $8, %eax\n"
	"	loop 9b\n"
	"	jmp 1b\n"
	"tiny_none:\n"
	"	.word 0\n"
	"	.quad 0\n"
	"tiny_kernel_end:\n"
	".popsection\n");
/* clang-format on */

extern const uint8_t tiny_kernel[];
extern const uint8_t tiny_kernel_end[];

static char kernel[] = "/tmp/anvil-kernel.XXXXXX";
static char image[] = "/tmp/anvil-image.XXXXXX";

/* A bzImage as small as can be: its 64-bit entry is at 0x200 of what comes after the first KiB. */
static int write_kernel(int fd)
{
	static uint8_t file[4096];

	file[0x1f1] = 1;
	memcpy(file + 0x1fe, "\x55\xaaxxHdrS\x0f\x02", 10);
	file[0x236] = 1;
	file[0x239] = 4;
	memcpy(file + 0x22c, "\xff\xff\xff\x7f", 4);
	file[0x258 + 2] = 0x10; /* at 1 MiB */
	file[0x260 + 1] = 0x20;
	memcpy(file + 1024 + 0x200, tiny_kernel, (size_t)(tiny_kernel_end - tiny_kernel));
	return write(fd, file, sizeof(file)) == sizeof(file) ? 0 : -1;
}

/* One that knows no instruction at its entry, as one that is damaged may: a triple fault. */
static void break_kernel(bool broken)
{
	static const uint8_t ud2[] = { 0x0f, 0x0b };
	int fd = open(kernel, O_WRONLY);

	assert_int_equal(pwrite(fd, broken ? ud2 : tiny_kernel, sizeof(ud2), 1024 + 0x200), 2);
	assert_int_equal(close(fd), 0);
}

static int make_files(void **state)
{
	int fd = mkstemp(kernel);
	int disk = mkstemp(image);

	(void)state;
	return write_kernel(fd) || ftruncate(disk, 4096) || close(fd) || close(disk) ? -1 : 0;
}

static int remove_files(void **state)
{
	(void)state;
	return unlink(kernel) || unlink(image) ? -1 : 0;
}

/* ---- a run under way ---- */

struct run {
	pid_t pid;
	int keys;   /* to its standard input */
	int screen; /* from its standard output */
	int errors; /* and error */
};

static struct boot_options options(void)
{
	struct boot_options o = { .kernel = kernel, .cmdline = "", .mib = 32, .cpus = 1 };

	return o;
}

static void need_kvm(void)
{
	if (access("/dev/kvm", R_OK | W_OK)) {
		print_message("no /dev/kvm that can be written: not run\n");
		skip();
	}
}

static struct run start_by(int (*by)(const struct boot_options *), const struct boot_options *o)
{
	struct run r;
	int in[2];
	int out[2];
	int err[2];

	assert_int_equal(pipe(in) | pipe(out) | pipe(err), 0);
	fflush(NULL);
	r.pid = fork();
	assert_true(r.pid >= 0);
	if (r.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		close(in[1]);
		close(out[0]);
		close(err[0]);
		exit(by(o));
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	r.keys = in[1];
	r.screen = out[0];
	r.errors = err[0];
	return r;
}

static struct run start(const struct boot_options *o)
{
	return start_by(boot, o);
}

static void type(const struct run *r, const char *keys)
{
	assert_int_equal(write(r->keys, keys, strlen(keys)), (ssize_t)strlen(keys));
}

static void expect(const struct run *r, const char *text)
{
	char got[512];
	size_t n = 0;

	while (n < strlen(text) && n < sizeof(got) - 1 && read(r->screen, got + n, 1) == 1)
		n++;
	got[n] = 0;
	assert_string_equal(got, text);
}

static void wait_for(int fd, const char *text)
{
	char got[4096] = "";
	size_t n = 0;

	while (!strstr(got, text) && n < sizeof(got) - 1 && read(fd, got + n, 1) == 1)
		n++;
	if (!strstr(got, text))
		fail_msg("says: %s", got);
}

static void read_all(int fd, char *text, size_t room)
{
	size_t n = 0;
	ssize_t more;

	while (n < room - 1 && (more = read(fd, text + n, room - 1 - n)) > 0)
		n += (size_t)more;
	text[n] = 0;
}

/* Waits for the end; nothing more is on the screen, and `said` is among what went to stderr. */
static int end(struct run *r, const char *said)
{
	char got[4096];
	int status;

	read_all(r->screen, got, sizeof(got));
	assert_string_equal(got, "");
	read_all(r->errors, got, sizeof(got));
	if (!strstr(got, said))
		fail_msg("says: %s", got);
	close(r->screen);
	close(r->errors);
	close(r->keys);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- tests ---- */

static void power_off_ends_the_run(void **state)
{
	const struct boot_options o = options();
	struct run r;

	(void)state;
	need_kvm();
	r = start(&o);
	expect(&r, ">");
	type(&r, "hello, p");
	expect(&r, "hello, ");
	assert_int_equal(end(&r, ""), 0);
}

static void a_guest_gives_the_exit_status(void **state)
{
	const struct boot_options o = options();
	struct run r;

	(void)state;
	need_kvm();
	r = start(&o);
	type(&r, "s");
	expect(&r, ">");
	assert_int_equal(end(&r, "anvil boot: sandbox: no_new_privs"), 42);
}

static void a_reset_starts_the_machine_anew(void **state)
{
	static const char reset[] = "rkt";
	const struct boot_options o = options();
	struct run r;

	(void)state;
	need_kvm();
	r = start(&o);
	for (const char *key = reset; *key; key++) {
		const char one[2] = { *key, 0 };

		expect(&r, ">");
		type(&r, one);
	}
	expect(&r, ">");
	type(&r, "s");
	assert_int_equal(end(&r, ""), 42);
}

static void a_reset_ends_the_run_if_one_wants_that(void **state)
{
	struct boot_options o = options();
	struct run r;

	(void)state;
	need_kvm();
	o.no_reboot = true;
	r = start(&o);
	expect(&r, ">");
	type(&r, "t");
	assert_int_equal(end(&r, ""), 0);
}

/* It would start anew for ever, or end with status 0 and not a word. */
static void a_guest_that_resets_before_a_word_is_reported(void **state)
{
	struct boot_options o = options();

	(void)state;
	need_kvm();
	break_kernel(true);
	for (unsigned int i = 0; i < 2; i++) {
		struct run r;

		o.no_reboot = i;
		r = start(&o);
		assert_int_equal(end(&r, "before it wrote to the console or looked at a device"),
				 EXIT_FINDING);
	}
	break_kernel(false);
}

static void devices_have_their_windows(void **state)
{
	struct boot_options o = options();
	struct run r;

	(void)state;
	need_kvm();
	o.cpus = 2;
	o.devices = 2;
	o.device[0].is_disk = true;
	o.device[0].disk = (struct host_disk_spec){ .path = image, .queues = 1 };
	o.device[1].nic = (struct host_nic_spec){ .kind = HOST_NIC_USER, .mergeable = true };
	r = start(&o);
	expect(&r, ">");
	type(&r, "m");
	expect(&r, "virt");
	type(&r, "n");
	expect(&r, "\xff\xff\xff\xff");
	type(&r, "p");
	assert_int_equal(end(&r, ""), 0);
}

static void an_end_of_input_leaves_the_guest_alone(void **state)
{
	const struct boot_options o = options();
	struct run r;

	(void)state;
	need_kvm();
	r = start(&o);
	type(&r, "xs");
	close(r.keys);
	r.keys = open("/dev/null", O_RDONLY);
	expect(&r, ">x");
	assert_int_equal(end(&r, ""), 42);
}

static void a_signal_ends_the_run(void **state)
{
	const struct boot_options o = options();
	struct run r;

	(void)state;
	need_kvm();
	r = start(&o);
	expect(&r, ">");
	assert_int_equal(kill(r.pid, SIGTERM), 0);
	assert_int_equal(end(&r, "signal 15"), 128 + 15);
}

static void ask_to_end(void)
{
	raise(SIGTERM);
}

/* The runner stays where it begins until it is asked, too, or for as long as a person waits. */
static void stay(void)
{
	struct pollfd asked = { .events = POLLIN };
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	asked.fd = signalfd(-1, &mask, SFD_CLOEXEC);
	(void)poll(&asked, 1, 5000);
	close(asked.fd);
}

static int boot_and_end_at_once(const struct boot_options *o)
{
	pthread_atfork(NULL, ask_to_end, stay);
	return boot(o);
}

static void a_signal_as_the_runner_starts_ends_the_run(void **state)
{
	const struct boot_options o = options();
	struct run r;

	(void)state;
	r = start_by(boot_and_end_at_once, &o);
	type(&r, "p");
	assert_int_equal(end(&r, "signal 15"), 128 + 15);
}

static void the_sandbox_says_what_it_refuses(void **state)
{
	struct boot_options o = options();
	struct run r;

	(void)state;
	need_kvm();
	o.try_sandbox = true;
	r = start(&o);
	assert_int_equal(end(&r, "refused system call unshare"), SANDBOX_REFUSED);
}

static void a_run_without_a_sandbox_is_warned_of(void **state)
{
	struct boot_options o = options();
	struct run r;

	(void)state;
	need_kvm();
	o.no_sandbox = true;
	o.try_sandbox = true;
	r = start(&o);
	expect(&r, ">");
	type(&r, "p");
	assert_int_equal(end(&r, "anvil boot: warning: no sandbox"), 0);
}

static void one_may_ask_how_it_is(void **state)
{
	struct boot_options o = options();
	struct run r;

	(void)state;
	need_kvm();
	o.devices = 1;
	o.device[0].is_disk = true;
	o.device[0].disk = (struct host_disk_spec){ .path = image, .queues = 1 };
	r = start(&o);
	expect(&r, ">");
	assert_int_equal(kill(r.pid, SIGUSR2), 0);
	wait_for(r.errors, "device 0, type 2: status 0x0");
	type(&r, "p");
	assert_int_equal(end(&r, ""), 0);
}

static void what_is_missing_is_said_before_the_guest_runs(void **state)
{
	struct boot_options o = options();
	struct run r;

	(void)state;
	need_kvm();
	o.devices = 1;
	o.device[0].is_disk = true;
	o.device[0].disk = (struct host_disk_spec){ .path = "/nowhere/disk", .queues = 1 };
	r = start(&o);
	assert_int_equal(end(&r, "anvil boot: /nowhere/disk: no such file"), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_off_ends_the_run),
		cmocka_unit_test(a_guest_gives_the_exit_status),
		cmocka_unit_test(a_reset_starts_the_machine_anew),
		cmocka_unit_test(a_reset_ends_the_run_if_one_wants_that),
		cmocka_unit_test(a_guest_that_resets_before_a_word_is_reported),
		cmocka_unit_test(devices_have_their_windows),
		cmocka_unit_test(an_end_of_input_leaves_the_guest_alone),
		cmocka_unit_test(a_signal_ends_the_run),
		cmocka_unit_test(a_signal_as_the_runner_starts_ends_the_run),
		cmocka_unit_test(the_sandbox_says_what_it_refuses),
		cmocka_unit_test(a_run_without_a_sandbox_is_warned_of),
		cmocka_unit_test(one_may_ask_how_it_is),
		cmocka_unit_test(what_is_missing_is_said_before_the_guest_runs),
	};

	complain_as("boot");
	return cmocka_run_group_tests_name("boot", tests, make_files, remove_files);
}
