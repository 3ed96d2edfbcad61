/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine_folders.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/complain.h"
#include "script/files.h"

#define ROOM_BYTES	  (8u << 20) /* stop before the disk is full: nothing half-written */
#define TARGET_PREFIX	  "fuzz_"
#define TARGET_PREFIX_LEN 5

bool engine_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool engine_is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool target_good(const struct engine_dirs *dirs, const char *target, bool needs_seeds)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", dirs->engines, target);
	if (!engine_is_program(path)) {
		complain("%s: no such program; build it, or see 'ls %s' for the targets", path,
			 dirs->engines);
		return false;
	}
	snprintf(path, sizeof(path), "%s/%s", dirs->corpora, target);
	if (needs_seeds && !engine_is_dir(path)) {
		complain("%s: no such folder of seeds; create it or give --corpora", path);
		return false;
	}
	return true;
}

/* "blk" is short for "fuzz_blk" */
static bool take_asked(const char *asked, char *name)
{
	bool whole = strncmp(asked, TARGET_PREFIX, TARGET_PREFIX_LEN) == 0;
	int len = snprintf(name, NAME_BYTES, "%s%s", whole ? "" : TARGET_PREFIX, asked);

	if (len > 0 && len < NAME_BYTES && !strchr(name, '/'))
		return true;
	complain("--target %s: give the name of a target, as fuzz_blk", asked);
	return false;
}

static int is_target_name(const struct dirent *entry)
{
	return strncmp(entry->d_name, TARGET_PREFIX, TARGET_PREFIX_LEN) == 0 &&
	       strcmp(entry->d_name, ENGINE_EMPTY) != 0;
}

static int find_all(const struct engine_dirs *dirs, char names[ENGINE_TARGETS][NAME_BYTES])
{
	struct dirent **entries;
	int found = scandir(dirs->engines, &entries, is_target_name, alphasort);
	int n = 0;

	if (found < 0) {
		complain("%s: %s; build the targets or give --engines", dirs->engines,
			 strerror(errno));
		return -1;
	}
	for (int i = 0; i < found; i++) {
		char path[PATH_BYTES];

		snprintf(path, sizeof(path), "%s/%s", dirs->engines, entries[i]->d_name);
		if (n < ENGINE_TARGETS && engine_is_program(path))
			snprintf(names[n++], NAME_BYTES, "%s", entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (n == 0) {
		complain("%s: no program fuzz_* in it; build the targets or give --engines",
			 dirs->engines);
		return -1;
	}
	return n;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int take_all_asked(const char *const *asked, size_t count,
			  char names[ENGINE_TARGETS][NAME_BYTES])
{
	int n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!take_asked(asked[i], names[i]))
			return -1;
	}
	qsort(names, count, NAME_BYTES, compare_names);
	for (size_t i = 0; i < count; i++) {
		if (n == 0 || strcmp(names[n - 1], names[i]) != 0)
			memmove(names[n++], names[i], NAME_BYTES);
	}
	return n;
}

int engine_find_targets(const struct engine_dirs *dirs, const char *const *asked, size_t count,
			char names[ENGINE_TARGETS][NAME_BYTES])
{
	int n = count ? take_all_asked(asked, count, names) : find_all(dirs, names);

	for (int i = 0; i < n; i++) {
		bool empty = strcmp(names[i], ENGINE_EMPTY) == 0;

		if (!target_good(dirs, names[i], !empty))
			return -1;
	}
	return n;
}

bool engine_make_dir(const struct engine_dirs *dirs, const char *kind, const char *target)
{
	char path[PATH_BYTES];
	char made[PATH_BYTES];
	int err;

	snprintf(path, sizeof(path), "%s/%s/%s", dirs->out, kind, target);
	memcpy(made, path, sizeof(made));
	err = files_make_folders(made);
	if (!err && !engine_is_dir(path))
		err = -ENOTDIR;
	if (!err && access(path, W_OK | X_OK) != 0)
		err = -errno;
	if (err)
		complain("%s: cannot write there: %s; give another --out", path, strerror(-err));
	return err == 0;
}

void engine_remove_dir(const struct engine_dirs *dirs, const char *kind, const char *target)
{
	char path[PATH_BYTES];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s/%s", dirs->out, kind, target);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(path);
}

/* The nearest folder of path that exists */
static bool stat_file_system(const char *path, struct statvfs *fs)
{
	char up[DIR_BYTES];

	snprintf(up, sizeof(up), "%s", path);
	while (statvfs(up, fs) != 0) {
		char *slash = strrchr(up, '/');

		if (errno != ENOENT)
			return false;
		if (!slash)
			return statvfs(".", fs) == 0;
		*(slash == up ? slash + 1 : slash) = '\0';
	}
	return true;
}

bool engine_has_room(const struct engine_dirs *dirs, bool tell)
{
	struct statvfs fs;

	if (!stat_file_system(dirs->out, &fs)) {
		if (tell)
			complain("%s: %s; give another --out", dirs->out, strerror(errno));
		return false;
	}
	if (fs.f_blocks == 0) /* a file system that does not count */
		return true;
	if ((uint64_t)fs.f_bavail * fs.f_frsize >= ROOM_BYTES &&
	    (fs.f_files == 0 || fs.f_favail > 0))
		return true;
	if (tell)
		complain("%s: the disk is full; make room or give another --out", dirs->out);
	return false;
}
