/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host_disk.h: a disk of the runner on hosts that refuse io_uring in one way or another, inside the
 * sandbox; and its lock, against QEMU's. Each in a process of its own, since a filter is for life.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <liburing.h>
#include <seccomp.h>

#include "array_size.h"
#include "disk_file.h"
#include "kvm/host_device.h"
#include "kvm/host_disk.h"
#include "kvm/sandbox.h"
#include "virtio_spec.h"

#define SECTORS 2048u

/* ---- a process ---- */

static struct {
	int status;
	char text[4096];
} run;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			give_up(#condition, __LINE__);                                             \
	} while (0)

static _Noreturn void give_up(const char *what, int line)
{
	dprintf(STDERR_FILENO, "child: line %d: %s (%s)\n", line, what, strerror(errno));
	_exit(99);
}

static void collect(int fd)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, run.text + len, sizeof(run.text) - 1 - len)) > 0)
		len += (size_t)n;
	run.text[len] = '\0';
}

/* Plays `body` in a child, which has to end with 0. */
static void play(void (*body)(const void *), const void *arg)
{
	int out[2];
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(60); /* a hang is a failure */
		(void)dup2(out[1], STDERR_FILENO);
		(void)close(out[0]);
		(void)close(out[1]);
		body(arg);
		_exit(0);
	}
	(void)close(out[1]);
	collect(out[0]);
	(void)close(out[0]);
	assert_int_equal(waitpid(pid, &run.status, 0), pid);
	if (!WIFEXITED(run.status) || WEXITSTATUS(run.status))
		fail_msg("wait status %#x: %s", (unsigned int)run.status, run.text);
}

static void expect_text(const char *text)
{
	if (!strstr(run.text, text))
		fail_msg("\"%s\" does not say \"%s\"", run.text, text);
}

/* ---- an image ---- */

static char image[] = "/tmp/anvil-host-disk.XXXXXX";

static int make_image(void **state)
{
	static const uint8_t sector[ANVIL_DISK_SECTOR_BYTES] = { 'f', 'i', 'r', 's', 't' };
	int fd = mkstemp(image);

	(void)state;
	return fd < 0 || write(fd, sector, sizeof(sector)) != sizeof(sector) ||
			       ftruncate(fd, SECTORS * ANVIL_DISK_SECTOR_BYTES) || close(fd)
		       ? -1
		       : 0;
}

static int remove_image(void **state)
{
	(void)state;
	return unlink(image);
}

/* ---- a guest that reads the first sector ---- */

#define RAM_BYTES   (1u << 20)
#define DESCRIPTORS 0x1000u
#define DRIVER	    0x2000u
#define DEVICE	    0x3000u
#define HEADER	    0x4000u
#define DATA	    0x5000u
#define STATUS_AT   (DATA + ANVIL_DISK_SECTOR_BYTES)
#define QUEUE	    8u

static _Alignas(4096) uint8_t ram[RAM_BYTES];
static struct anvil_guest_memory memory;

static void set(struct host_device *d, uint64_t offset, uint32_t value)
{
	host_device_write(d, offset, 4, value);
}

static void drive(struct host_device *d)
{
	set(d, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
	set(d, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
	set(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(d, VIRTIO_MMIO_DRIVER_FEATURES, 1); /* VERSION_1 */
	set(d, VIRTIO_MMIO_STATUS, 11);
	CHECK(host_device_read(d, VIRTIO_MMIO_STATUS, 4) == 11);
	set(d, VIRTIO_MMIO_QUEUE_SIZE, QUEUE);
	set(d, VIRTIO_MMIO_QUEUE_DESC_LOW, DESCRIPTORS);
	set(d, VIRTIO_MMIO_QUEUE_DRIVER_LOW, DRIVER);
	set(d, VIRTIO_MMIO_QUEUE_DEVICE_LOW, DEVICE);
	set(d, VIRTIO_MMIO_QUEUE_READY, 1);
	set(d, VIRTIO_MMIO_STATUS, 15);
}

static void offer_read(void)
{
	const struct virtq_desc desc[] = {
		{ HEADER, sizeof(struct virtio_blk_header), VIRTQ_DESC_F_NEXT, 1 },
		{ DATA, ANVIL_DISK_SECTOR_BYTES + 1, VIRTQ_DESC_F_WRITE, 0 },
	};

	memcpy(ram + DESCRIPTORS, desc, sizeof(desc));
	ram[STATUS_AT] = 0xee;
	ram[DRIVER + 2] = 1; /* avail->idx; entry 0 is descriptor 0 */
}

static bool used(void)
{
	return __atomic_load_n(&ram[DEVICE + 2], __ATOMIC_ACQUIRE) == 1;
}

static void need_disk(struct host_device **d, bool read_only)
{
	struct anvil_guest_memory_region region = { 0, RAM_BYTES, ram };
	const struct host_disk_spec spec = { .path = image, .read_only = read_only, .queues = 1 };
	char error[512];

	CHECK(anvil_guest_memory_init(&memory, &region, 1) == 0);
	if (host_disk_create(d, &spec, 0, &memory, error, sizeof(error))) {
		dprintf(STDERR_FILENO, "%s\n", error);
		_exit(98);
	}
}

/* As the runner does: sandbox, thread, guest. The disk's thread ends the wait, or alarm does. */
static void run_guest(void)
{
	struct sandbox_needs needs = { .disk_file = false };
	struct host_device *d;
	char error[512];

	need_disk(&d, false);
	d->ops->needs(d, &needs);
	CHECK(needs.disk_file != needs.disk_io_uring);
	CHECK(sandbox_begin(&needs, error, sizeof(error)) == 0);
	CHECK(host_device_start(d) == 0);
	CHECK(sandbox_enter(error, sizeof(error)) == 0);
	drive(d);
	offer_read();
	set(d, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	while (!used())
		sched_yield();
	CHECK(ram[STATUS_AT] == VIRTIO_BLK_S_OK);
	CHECK(!memcmp(ram + DATA, "first", 5));
	(void)dprintf(STDERR_FILENO, "by %s\n", needs.disk_file ? "file" : "io_uring");
	for (;;)
		(void)syscall(SYS_exit_group, 0);
}

/* ---- hosts that refuse io_uring ---- */

struct refusal {
	const char *call;
	int error;
	const char *says;
};

static void be_refused(const void *arg)
{
	const struct refusal *r = arg;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	CHECK(filter);
	CHECK(seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)r->error),
			       seccomp_syscall_resolve_name(r->call), 0) == 0);
	CHECK(seccomp_load(filter) == 0);
	seccomp_release(filter);
	run_guest();
}

static void a_disk_works_whatever_refuses_io_uring(void **state)
{
	static const struct refusal refusal[] = {
		{ "io_uring_setup", EPERM, "may not use io_uring" },
		{ "io_uring_setup", EACCES, "may not use io_uring" },
		{ "io_uring_setup", ENOSYS, "has no io_uring" },
		{ "io_uring_setup", ENOMEM, "no memory for io_uring" },
		{ "io_uring_setup", EMFILE, "Too many open files" },
		{ "io_uring_setup", ENFILE, "Too many open files in system" },
		{ "io_uring_setup", EINVAL, "Invalid argument" },
		{ "io_uring_register", EPERM, "io_uring" },
		{ "io_uring_register", EACCES, "io_uring" },
		{ "io_uring_register", EINVAL, "io_uring" },
		{ "io_uring_register", ENOSYS, "io_uring" },
		{ "io_uring_enter", EPERM, "may not use io_uring" },
		{ "io_uring_enter", EACCES, "may not use io_uring" },
		{ "io_uring_enter", ENOSYS, "has no io_uring" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusal); i++) {
		play(be_refused, &refusal[i]);
		expect_text(refusal[i].says);
		expect_text("; the disk works without it, by plain system calls\n");
		expect_text("by file");
	}
}

static bool old_kernel;

/* Linux 5.6 to 5.9 know no rings that are not to work yet. */
int io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags)
{
	int (*real)(unsigned int, struct io_uring *, unsigned int);
	void *found = dlsym(RTLD_NEXT, "io_uring_queue_init");

	memcpy(&real, &found, sizeof(real));
	return old_kernel && flags ? -EINVAL : real(entries, ring, flags);
}

static void be_old(const void *arg)
{
	(void)arg;
	old_kernel = true;
	run_guest();
}

/* The sandbox would end the run at the first request, or allow a ring that can do anything. */
static void a_ring_that_cannot_be_restricted_is_not_used(void **state)
{
	(void)state;
	play(be_old, NULL);
	expect_text("cannot be restricted; Linux 5.10 can; the disk works without it");
	expect_text("by file");
}

static void be_served(const void *arg)
{
	(void)arg;
	run_guest();
}

static void a_disk_works_as_the_host_has_it(void **state)
{
	(void)state;
	play(be_served, NULL);
	expect_text("by ");
}

/* ---- the lock ---- */

/* QEMU stands still with the image open: its answer to a QMP command says that it has got so far.
 */
struct qemu {
	pid_t pid;
	int to;
	int from;
};

static _Noreturn void be_qemu(int in, int out, bool read_only)
{
	char drive_option[128];

	(void)snprintf(drive_option, sizeof(drive_option), "file=%s,format=raw,if=none,id=d%s",
		       image, read_only ? ",read-only=on" : "");
	(void)dup2(in, STDIN_FILENO);
	(void)dup2(out, STDOUT_FILENO);
	(void)dup2(out, STDERR_FILENO);
	for (int fd = 3; fd < 256; fd++)
		(void)close(fd);
	execlp("qemu-system-x86_64", "qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-S",
	       "-nodefaults", "-display", "none", "-m", "32", "-qmp", "stdio", "-drive",
	       drive_option, "-device", "virtio-blk-pci,drive=d", (char *)NULL);
	_exit(127);
}

/* Whether it runs; else `run.text` is why not. */
static bool start_qemu(struct qemu *q, bool read_only)
{
	static const char command[] = "{\"execute\":\"qmp_capabilities\"}\n";
	int in[2];
	int out[2];
	size_t len = 0;

	assert_int_equal(pipe(in) | pipe(out), 0);
	q->pid = fork();
	assert_true(q->pid >= 0);
	if (q->pid == 0)
		be_qemu(in[0], out[1], read_only);
	(void)close(in[0]);
	(void)close(out[1]);
	q->to = in[1];
	q->from = out[0];
	(void)!write(q->to, command, strlen(command)); /* it may have ended */
	do {
		ssize_t n = read(q->from, run.text + len, sizeof(run.text) - 1 - len);

		len += n > 0 ? (size_t)n : 0;
		run.text[len] = 0;
		if (n <= 0)
			return false;
	} while (!strstr(run.text, "\"return\""));
	return true;
}

static void end_qemu(const struct qemu *q)
{
	(void)close(q->to);
	(void)kill(q->pid, SIGKILL);
	(void)close(q->from);
	assert_int_equal(waitpid(q->pid, NULL, 0), q->pid);
}

static void need_qemu(void)
{
	if (system("command -v qemu-system-x86_64 >/dev/null")) {
		print_message("SKIPPED: no qemu-system-x86_64; make deps brings it\n");
		skip();
	}
}

static int open_ours(struct host_device **d, bool read_only)
{
	const struct host_disk_spec spec = { .path = image, .read_only = read_only, .queues = 1 };
	struct anvil_guest_memory_region region = { 0, RAM_BYTES, ram };

	assert_int_equal(anvil_guest_memory_init(&memory, &region, 1), 0);
	return host_disk_create(d, &spec, 0, &memory, run.text, sizeof(run.text));
}

static void qemu_first(bool qemu_reads, bool we_read)
{
	struct host_device *d;
	struct qemu q;
	int err;

	if (!start_qemu(&q, qemu_reads))
		fail_msg("%s", run.text);
	err = open_ours(&d, we_read);
	assert_int_equal(err, qemu_reads && we_read ? 0 : -EBUSY);
	if (err)
		expect_text("in use by another program");
	else
		host_device_destroy(d);
	end_qemu(&q);
}

static void we_first(bool qemu_reads, bool we_read)
{
	struct host_device *d;
	struct qemu q;

	assert_int_equal(open_ours(&d, we_read), 0);
	assert_int_equal(start_qemu(&q, qemu_reads), qemu_reads && we_read);
	if (!(qemu_reads && we_read))
		expect_text("lock");
	end_qemu(&q);
	host_device_destroy(d);
}

static void qemu_and_we_share_an_image_only_to_read_it(void **state)
{
	(void)state;
	need_qemu();
	for (unsigned int i = 0; i < 4; i++) {
		qemu_first(i & 1, i & 2);
		we_first(i & 1, i & 2);
	}
}

static void two_of_ours_share_an_image_only_to_read_it(void **state)
{
	struct host_device *a;
	struct host_device *b;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		bool both_read = i == 3;

		assert_int_equal(open_ours(&a, i & 1), 0);
		assert_int_equal(open_ours(&b, i & 2), both_read ? 0 : -EBUSY);
		if (both_read)
			host_device_destroy(b);
		host_device_destroy(a);
	}
	assert_int_equal(open_ours(&a, false), 0); /* nothing stays locked */
	host_device_destroy(a);
}

/* What other programs do: they lock the whole file. */
static void who_locks_the_whole_image_keeps_it(void **state)
{
	static const short type[] = { F_WRLCK, F_RDLCK };
	struct host_device *d;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(type); i++) {
		struct flock whole = { .l_type = type[i], .l_whence = SEEK_SET };
		int fd = open(image, O_RDWR);

		assert_int_equal(fcntl(fd, F_OFD_SETLK, &whole), 0);
		assert_int_equal(open_ours(&d, false), -EBUSY);
		assert_int_equal(close(fd), 0);
	}
}

/* ---- what is on it ---- */

static void put_start(const char *bytes, size_t len)
{
	int fd = open(image, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, len, 0), (ssize_t)len);
	assert_int_equal(close(fd), 0);
}

/* A guest can write such a start on its raw disk: whoever knows it to be one says so. */
static void an_image_of_another_format_is_taken_if_one_says_raw(void **state)
{
	struct host_disk_spec spec;
	struct host_device *d;
	char text[64];
	char says[128];

	(void)state;
	put_start("QFI\xfb\0\0\0\3", 8);
	assert_int_equal(open_ours(&d, false), -EMEDIUMTYPE);
	expect_text("is a qcow2 image, not a raw one; convert it with: qemu-img convert -O raw ");
	(void)snprintf(says, sizeof(says), "take its bytes as they are with --disk %s,raw", image);
	expect_text(says);
	assert_int_equal(open_ours(&d, true), -EMEDIUMTYPE);

	(void)snprintf(text, sizeof(text), "%s,raw,ro,queues=1", image);
	assert_int_equal(host_disk_parse(&spec, text, run.text, sizeof(run.text)), 0);
	assert_string_equal(spec.path, image);
	assert_true(spec.any_content && spec.read_only);
	assert_int_equal(host_disk_create(&d, &spec, 0, &memory, run.text, sizeof(run.text)), 0);
	host_device_destroy(d);
	put_start("first\0\0\0", 8);
	assert_int_equal(open_ours(&d, false), 0);
	host_device_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_disk_works_as_the_host_has_it),
		cmocka_unit_test(a_disk_works_whatever_refuses_io_uring),
		cmocka_unit_test(a_ring_that_cannot_be_restricted_is_not_used),
		cmocka_unit_test(two_of_ours_share_an_image_only_to_read_it),
		cmocka_unit_test(who_locks_the_whole_image_keeps_it),
		cmocka_unit_test(an_image_of_another_format_is_taken_if_one_says_raw),
		cmocka_unit_test(qemu_and_we_share_an_image_only_to_read_it),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("host disk", tests, make_image, remove_image);
}
