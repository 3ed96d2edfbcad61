/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host_disk.h: options of a disk, its image's name, who else may have it open, and a disk without
 * io_uring.
 */
#include "host_disk_rig.h"

#include <stdio.h>
#include <sys/wait.h>

#include <seccomp.h>

#include "array_size.h"
#include "virtio_spec.h"

static void disk_options_are_understood(void **state)
{
	static const struct {
		const char *text;
		struct host_disk_spec want;
	} good[] = {
		{ "a", { 0 } },
		{ "a,ro", { .read_only = true } },
		{ "a,legacy,ro", { .read_only = true, .legacy = true } },
		{ "a,packed,queues=8", { .packed = true, .queues = 8 } },
		{ "a,zoned", { .zone_mib = 4 } },
		{ "a,zoned=1024,queues=1,ro",
		  { .read_only = true, .queues = 1, .zone_mib = 1024 } },
	};
	static const char *const bad[] = {
		"",
		",ro",
		"a,legacy,packed",
		"a,zoned,legacy",
		"a,queues=0",
		"a,queues=9",
		"a,queues=2x",
		"a,zoned=0",
		"a,zoned=1025",
		"a,foo",
		"a,foo,ro",
		"a,",
		"a,,ro",
		"a,RO",
		"a,queues=+2",
		"a,queues= 2",
		"a,queues=",
		"a,queues",
		"a,zoned=",
		"/nowhere/a,b",
		"a,b,zoned=4",
	};
	struct host_disk_spec s;
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(text, sizeof(text), "%s", good[i].text);
		assert_int_equal(host_disk_parse(&s, text, error, sizeof(error)), 0);
		assert_string_equal(s.path, "a");
		assert_int_equal(s.read_only, good[i].want.read_only);
		assert_int_equal(s.legacy, good[i].want.legacy);
		assert_int_equal(s.packed, good[i].want.packed);
		assert_int_equal(s.queues, good[i].want.queues);
		assert_int_equal(s.zone_mib, good[i].want.zone_mib);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "%s", bad[i]);
		if (host_disk_parse(&s, text, error, sizeof(error)) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_null(strchr(error, '\n'));
	}
}

/* It was usable with a comma, and is: if it is there, or if what follows cannot be a word. */
static void a_disk_may_have_a_comma_in_its_name(void **state)
{
	char folder[] = "/tmp/anvil,disk.XXXXXX";
	char path[64];
	char text[80];
	struct host_disk_spec s;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a,b", folder);
	snprintf(text, sizeof(text), "%s,ro", path);
	assert_int_equal(host_disk_parse(&s, text, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "unknown word \"b\" in --disk "));
	assert_int_equal(symlink("nowhere", path), 0);
	snprintf(text, sizeof(text), "%s,ro", path);
	assert_int_equal(host_disk_parse(&s, text, error, sizeof(error)), 0);
	assert_string_equal(s.path, path);
	assert_true(s.read_only);
	snprintf(text, sizeof(text), "%s/c", folder);
	assert_int_equal(host_disk_parse(&s, text, error, sizeof(error)), 0);
	snprintf(path, sizeof(path), "%s/c", folder);
	assert_string_equal(s.path, path);
	snprintf(path, sizeof(path), "%s/a,b", folder);
	assert_int_equal(unlink(path) | rmdir(folder), 0);
}

static void a_disk_has_one_writer_or_many_readers(void **state)
{
	struct anvil_guest_memory memory;
	struct host_device *first;
	struct host_device *second;
	struct ram ram;

	(void)state;
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	assert_int_equal(open_disk(&first, &ram, &memory, false), 0);
	assert_int_equal(open_disk(&second, &ram, &memory, false), -EBUSY);
	assert_non_null(strstr(error, "in use by another program"));
	assert_int_equal(open_disk(&second, &ram, &memory, true), -EBUSY);
	host_device_destroy(first);
	assert_int_equal(open_disk(&first, &ram, &memory, true), 0);
	assert_int_equal(open_disk(&second, &ram, &memory, true), 0);
	host_device_destroy(second);
	assert_int_equal(open_disk(&second, &ram, &memory, false), -EBUSY);
	host_device_destroy(first);
	ram_destroy(&ram);
}

/* In a process of its own, which the kernel lets have no io_uring. */
static void without_io_uring(const struct ram *ram)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct anvil_guest_memory memory;
	struct host_device *d;

	if (!filter || freopen("/dev/null", "w", stderr) == NULL ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(io_uring_setup), 0) ||
	    seccomp_load(filter) || open_disk(&d, ram, &memory, false))
		_exit(1);
	_exit(host_device_read(d, VIRTIO_MMIO_CONFIG, 4) == 2048 ? 0 : 2);
}

static void a_disk_does_without_io_uring(void **state)
{
	struct ram ram;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		without_io_uring(&ram);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	ram_destroy(&ram);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(disk_options_are_understood),
		cmocka_unit_test(a_disk_may_have_a_comma_in_its_name),
		cmocka_unit_test(a_disk_has_one_writer_or_many_readers),
		cmocka_unit_test(a_disk_does_without_io_uring),
	};

	return cmocka_run_group_tests(tests, make_image, remove_image);
}
