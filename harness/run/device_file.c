/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads a device.
 */
#include "device_file.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "array_size.h"

/* Whether the loader misses calls that a compiler puts in, which this program does not have. */
static bool is_compiled_otherwise(const char *said)
{
	static const char *const call[] = { "__asan_", "__ubsan_", "__tap_", "__tsan_" };

	for (size_t i = 0; i < ARRAY_SIZE(call); i++) {
		if (strstr(said, "undefined symbol: ") && strstr(said, call[i]))
			return true;
	}
	return false;
}

static void tell_loader(const char *path, const char *said, char *error, size_t room)
{
	size_t len = strlen(path);

	if (!strncmp(said, path, len) && !strncmp(said + len, ": ", 2))
		said += len + 2;
	snprintf(error, room, "%.200s: %s%s", path, said,
		 strstr(said, "__msan_") ? "; what make dut SANITIZER=memory builds is for "
					   "build/msan/anvil, installed anvil-msan"
		 : is_compiled_otherwise(said)
			 ? "; what make dut builds is for build/asan/anvil, installed anvil-asan"
			 : "");
}

/* In code that is not compiled with MemorySanitizer nobody knows what was written. */
static bool fits(const struct device_under_test *dut)
{
	return !dlsym(RTLD_DEFAULT, "__msan_init") || dut->traits & DUT_MEMORY;
}

/* NULL: `error` says why. Stays loaded. */
static struct device_under_test *load(const char *path, char *error, size_t room)
{
	struct device_under_test *(*door)(void) = NULL;
	struct device_under_test *dut;
	char here[PATH_MAX];
	void *file;

	/* without a folder it would be looked for where libraries are */
	snprintf(here, sizeof(here), "%s%s", strchr(path, '/') ? "" : "./", path);
	file = dlopen(here, RTLD_NOW | RTLD_LOCAL);
	if (!file) {
		tell_loader(here, dlerror(), error, room);
		return NULL;
	}
	*(void **)&door = dlsym(file, "device_under_test");
	dut = door ? door() : NULL;
	if (!dut)
		snprintf(error, room, "%.200s: %s", path,
			 door ? "device_under_test() returns NULL"
			      : "no device: it has no function device_under_test");
	if (!dut || fits(dut))
		return dut;
	snprintf(error, room,
		 "%.200s: not compiled with MemorySanitizer (DUT_TRAITS); play it by "
		 "build/asan/anvil, or make dut SANITIZER=memory",
		 path);
	return NULL;
}

bool device_file_create(struct machine *m, const char *path, char *error, size_t room)
{
	struct device_under_test *dut = load(path, error, room);
	char why[200];

	if (!dut)
		return false;
	if (machine_create_foreign(m, dut, why, sizeof(why)))
		return true;
	snprintf(error, room, "%.200s: %s", path, why);
	return false;
}

bool device_file_ask(struct machine *m, const char *path, char *error, size_t room)
{
	char why[200];

	if (machine_ask(m, why, sizeof(why)))
		return true;
	snprintf(error, room, "%.200s: %s", path, why);
	return false;
}
