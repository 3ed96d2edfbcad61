/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parts of the runner that need no KVM: processors, memory, initial RAM disks, kernels.
 */
#include "host_disk_rig.h"

#include <stdio.h>
#include <sys/stat.h>

#include "kvm/cpio.h"
#include "kvm/guest_kernel.h"
#include "kvm/watch.h"

/* ---- processors ---- */

static bool hardware_in(const char *cpuinfo)
{
	char path[] = "/tmp/anvil-cpuinfo.XXXXXX";
	int fd = mkstemp(path);
	bool hardware;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, cpuinfo, strlen(cpuinfo)), (ssize_t)strlen(cpuinfo));
	assert_int_equal(close(fd), 0);
	hardware = watch_hardware(path);
	assert_int_equal(unlink(path), 0);
	return hardware;
}

/* What does not say that it has none may have it. */
static void hardware_for_guests_is_seen(void **state)
{
	(void)state;
	assert_true(hardware_in("processor\t: 0\nflags\t\t: fpu vmx sse\n\n"));
	assert_true(hardware_in("processor\t: 0\nflags\t\t: fpu sse svm\n"));
	assert_true(hardware_in("flags\t\t: fpu\nflags\t\t: svm"));
	assert_false(hardware_in("flags\t\t: fpu svm_lock xvmx\nbugs\t\t: vmx\n"));
	assert_false(hardware_in("flags\t\t:\nvmx flags\t: vnmi\n"));
	assert_true(hardware_in(""));
	assert_true(hardware_in("processor\t: 0\nFeatures\t: fp asimd\n"));
	assert_true(watch_hardware("/nowhere/cpuinfo"));
}

/* ---- memory ---- */

static void memory_goes_on_above_the_windows(void **state)
{
	static uint8_t own[4096] __attribute__((aligned(4096)));
	struct ram_map_entry map[RAM_MAP_MAX];
	struct anvil_guest_memory memory;
	struct ram ram;

	(void)state;
	assert_int_equal(ram_create(&ram, 4096), 0);
	assert_int_equal(ram_low_end(&ram), RAM_LOW_END);
	assert_non_null(ram_at(&ram, RAM_HIGH_START, 1ull << 30));
	assert_null(ram_at(&ram, RAM_HIGH_START, (1ull << 30) + 1));
	assert_null(ram_at(&ram, RAM_LOW_END - 1, 2));
	assert_null(ram_at(&ram, UINT64_MAX, 1));
	ram_add_reserved(&ram, 0x200000000ull, own, sizeof(own));
	assert_null(ram_at(&ram, 0x200000000ull, 1));
	assert_int_equal(ram_map(&ram, map), 5);
	assert_int_equal(map[3].gpa, RAM_HIGH_START);
	assert_int_equal(map[4].type, RAM_MAP_RESERVED);
	ram_for_devices(&ram, &memory);
	assert_true(anvil_guest_memory_contains(&memory, RAM_HIGH_START, 1ull << 30));
	assert_false(anvil_guest_memory_contains(&memory, 0x200000000ull, 1));
	ram_destroy(&ram);
}

/* ---- initial RAM disks ---- */

static void cpio_itself_unpacks_an_archive(void **state)
{
	static const char *const listing = "modules\nmodules/00\ninit\n";
	char name[] = "/tmp/anvil-cpio.XXXXXX";
	struct cpio c = { .bytes = NULL };
	char command[128];
	char text[256];
	size_t n;
	FILE *out;
	int fd;

	(void)state;
	assert_int_equal(cpio_add(&c, "modules", S_IFDIR | 0755, NULL, 0), 0);
	assert_int_equal(cpio_add(&c, "modules/00", S_IFREG | 0644, "odd", 3), 0);
	assert_int_equal(cpio_add(&c, "init", S_IFREG | 0755, "#!/bin/true\n", 12), 0);
	assert_int_equal(cpio_end(&c), 0);
	assert_int_equal(c.len % 4, 0);
	fd = mkstemp(name);
	assert_int_equal(write(fd, c.bytes, c.len), (ssize_t)c.len);
	close(fd);
	snprintf(command, sizeof(command),
		 "cpio --quiet -it <%s && cpio --quiet -i --to-stdout init <%s", name, name);
	out = popen(command, "r");
	n = fread(text, 1, sizeof(text) - 1, out);
	text[n] = 0;
	assert_int_equal(pclose(out), 0);
	assert_memory_equal(text, listing, strlen(listing));
	assert_string_equal(text + strlen(listing), "#!/bin/true\n");
	unlink(name);
	free(c.bytes);
}

/* ---- kernels and modules ---- */

static void a_kernel_that_is_named_must_be_there(void **state)
{
	char path[GUEST_KERNEL_ROOM];
	struct cpio c = { .bytes = NULL };

	(void)state;
	assert_int_equal(guest_kernel_find("/nowhere/k", path, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "/nowhere/k"));
	assert_int_equal(guest_kernel_find(image, path, error, sizeof(error)), 0);
	assert_string_equal(path, image);
	assert_int_equal(guest_kernel_add_modules(&c, image, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "name a bzImage"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hardware_for_guests_is_seen),
		cmocka_unit_test(memory_goes_on_above_the_windows),
		cmocka_unit_test(cpio_itself_unpacks_an_archive),
		cmocka_unit_test(a_kernel_that_is_named_must_be_there),
	};

	return cmocka_run_group_tests(tests, make_image, remove_image);
}
