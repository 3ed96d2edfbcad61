/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kernels lie in /boot or in build/guest-kernel; modules in lib/modules/RELEASE beside boot, or in
 * /lib/modules. modules.dep has a line for each: the module, then those it needs, the last of
 * which is loaded first.
 */
#include "guest_kernel.h"

#include <errno.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "array_size.h"
#include "linux_image.h"

#define MODULES_MAX 32u
#define LINE_ROOM   8192u

/* ---- the kernel ---- */

static bool readable(const char *path)
{
	return access(path, R_OK) == 0;
}

/* Beside the program: build/FLAVOUR/anvil and build/guest-kernel/vmlinuz. */
static bool beside_program(char path[GUEST_KERNEL_ROOM])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int len;

	if (n <= 0)
		return false;
	self[n] = 0;
	len = snprintf(path, GUEST_KERNEL_ROOM, "%s/guest-kernel/vmlinuz", dirname(dirname(self)));
	return len < (int)GUEST_KERNEL_ROOM && readable(path);
}

int guest_kernel_find(const char *asked, char path[GUEST_KERNEL_ROOM], char *error, size_t room)
{
	struct utsname host;

	if (asked) {
		snprintf(path, GUEST_KERNEL_ROOM, "%s", asked);
		if (readable(path))
			return 0;
		snprintf(error, room, "--kernel: %s: %s; name a readable kernel", asked,
			 strerror(errno));
		return -ENOENT;
	}
	snprintf(path, GUEST_KERNEL_ROOM, "/boot/vmlinuz");
	if (readable(path))
		return 0;
	if (uname(&host) == 0) {
		snprintf(path, GUEST_KERNEL_ROOM, "/boot/vmlinuz-%s", host.release);
		if (readable(path))
			return 0;
	}
	if (beside_program(path))
		return 0;
	snprintf(error, room,
		 "no kernel that can be read in /boot, and none fetched; run make guest-kernel, "
		 "or name one with --kernel");
	return -ENOENT;
}

/* ---- its modules ---- */

struct modules {
	char folder[PATH_MAX];
	char *path[MODULES_MAX]; /* in `folder` */
	unsigned int count;
};

static bool has_dep(struct modules *m, const char *root, const char *release)
{
	char path[PATH_MAX + 16];
	int n = snprintf(m->folder, sizeof(m->folder), "%s/lib/modules/%s", root, release);

	if (n >= (int)sizeof(m->folder))
		return false;
	snprintf(path, sizeof(path), "%s/modules.dep", m->folder);
	return readable(path);
}

/* `kernel` is ROOT/boot/NAME, perhaps behind links. */
static bool find_folder(struct modules *m, const char *kernel, const char *release)
{
	char real[PATH_MAX];

	if (realpath(kernel, real) && has_dep(m, dirname(dirname(real)), release))
		return true;
	return has_dep(m, "", release);
}

static bool known(const struct modules *m, const char *path)
{
	for (unsigned int i = 0; i < m->count; i++) {
		if (!strcmp(m->path[i], path))
			return true;
	}
	return false;
}

static void add_path(struct modules *m, const char *path)
{
	if (m->count < MODULES_MAX && !known(m, path)) {
		m->path[m->count] = strdup(path);
		m->count += m->path[m->count] != NULL;
	}
}

/* "kernel/drivers/net/virtio_net.ko.xz:" is virtio_net */
static bool names_module(const char *path, const char *name)
{
	const char *base = strrchr(path, '/');
	size_t len = strlen(name);

	base = base ? base + 1 : path;
	return !strncmp(base, name, len) && !strncmp(base + len, ".ko", 3);
}

/* The words of a line, from the last to the first. */
static void add_line(struct modules *m, char *line)
{
	char *word[MODULES_MAX];
	unsigned int n = 0;
	char *save;

	for (char *w = strtok_r(line, " :\n", &save); w && n < MODULES_MAX;
	     w = strtok_r(NULL, " :\n", &save))
		word[n++] = w;
	while (n > 0)
		add_path(m, word[--n]);
}

static void add_module(struct modules *m, const char *name)
{
	char path[PATH_MAX + 16];
	char line[LINE_ROOM];
	FILE *dep;

	snprintf(path, sizeof(path), "%s/modules.dep", m->folder);
	dep = fopen(path, "r");
	while (dep && fgets(line, sizeof(line), dep)) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = 0;
		if (names_module(line, name)) {
			*colon = ':';
			add_line(m, line);
			break;
		}
	}
	if (dep)
		fclose(dep);
}

static int pack(struct cpio *cpio, const struct modules *m, char *error, size_t room)
{
	int err = cpio_add(cpio, "modules", S_IFDIR | 0755, NULL, 0);

	for (unsigned int i = 0; i < m->count && !err; i++) {
		char path[2 * PATH_MAX];
		char name[32];
		struct image_file file;
		size_t len = strlen(m->path[i]);

		snprintf(path, sizeof(path), "%s/%s", m->folder, m->path[i]);
		err = image_open(&file, path, "module", error, room);
		if (err)
			return err;
		snprintf(name, sizeof(name), "modules/%02u%s", i,
			 len > 3 && !strcmp(m->path[i] + len - 3, ".ko") ? "" : ".z");
		err = cpio_add(cpio, name, S_IFREG | 0644, file.bytes, file.len);
		image_close(&file);
	}
	if (err)
		snprintf(error, room, "not enough memory for the kernel's modules");
	return err;
}

int guest_kernel_add_modules(struct cpio *cpio, const char *kernel, char *error, size_t room)
{
	static const char *const wanted[] = { "virtio_mmio", "virtio_blk", "virtio_net" };
	struct modules m = { .count = 0 };
	struct image_file image;
	char release[128];
	bool said;
	int err = image_open(&image, kernel, "kernel", error, room);

	if (err)
		return err;
	said = linux_release(&image, release, sizeof(release));
	image_close(&image);
	if (!said) {
		snprintf(error, room, "%s: does not say its release; name a bzImage", kernel);
		return -EINVAL;
	}
	if (!find_folder(&m, kernel, release)) {
		snprintf(error, room, "%s: no modules of %s in lib/modules; run make guest-kernel",
			 kernel, release);
		return -ENOENT;
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		add_module(&m, wanted[i]);
	err = pack(cpio, &m, error, room);
	for (unsigned int i = 0; i < m.count; i++)
		free(m.path[i]);
	return err;
}
