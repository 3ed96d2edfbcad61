/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The targets, and the folders that an engine reads and writes.
 *
 * A target is one executable <engines>/fuzz_NAME; its seeds are <corpora>/fuzz_NAME and its
 * dictionary, when there is one, <dictionaries>/fuzz_NAME.dict. What it writes goes below <out>.
 */
#ifndef ENGINE_FOLDERS_H
#define ENGINE_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#define DIR_BYTES  1024 /* a folder from the command line */
#define NAME_BYTES 256	/* a target's name */
#define PATH_BYTES (DIR_BYTES + 2 * NAME_BYTES)

#define ENGINE_TARGETS 64
#define ENGINE_EMPTY   "fuzz_empty" /* does nothing: the speed of the engine itself */

struct engine_dirs {
	const char *engines;
	const char *corpora;
	const char *dictionaries;
	const char *out;
	const char *afl;
};

/*
 * Fills names with the targets to run, sorted, each once: those asked for, or every executable
 * engines/fuzz_* but ENGINE_EMPTY. Checks that each has its program and its folder of seeds, which
 * ENGINE_EMPTY needs not. Returns how many, or -1 after a complaint.
 */
int engine_find_targets(const struct engine_dirs *dirs, const char *const *asked, size_t count,
			char names[ENGINE_TARGETS][NAME_BYTES]);

/* Makes <out>/<kind>/<target>, with its parents; false after a complaint. target may be "". */
bool engine_make_dir(const struct engine_dirs *dirs, const char *kind, const char *target);

/* Removes the files of <out>/<kind>/<target> and the folder; what is not there is no error. */
void engine_remove_dir(const struct engine_dirs *dirs, const char *kind, const char *target);

/* Whether out's file system still has room; complains, if asked to, when not. out may not exist. */
bool engine_has_room(const struct engine_dirs *dirs, bool tell);

bool engine_is_dir(const char *path);
bool engine_is_program(const char *path);

#endif
