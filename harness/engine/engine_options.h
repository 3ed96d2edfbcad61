/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options that "anvil fuzz" and "anvil bench" have in common: engine, targets, folders.
 */
#ifndef ENGINE_OPTIONS_H
#define ENGINE_OPTIONS_H

#include "base/command.h"
#include "engine.h"

struct engine_arguments {
	unsigned int engine; /* for engine_kind */
	struct option_texts targets;
	struct engine_dirs dirs;
};

static const struct option_word engine_names[] = {
	[ENGINE_LIBFUZZER] = { "libfuzzer", "a process for each target" },
	[ENGINE_AFL] = { "afl", "AFL++: several processes for one target after the other" },
	{ 0 },
};

/* Entries of a command's table. `args` is a struct whose member `common` is engine_arguments. */
#define ENGINE_OPTIONS(args, writes)                                                               \
	{ "engine",                                                                                \
	  "NAME",                                                                                  \
	  "of the engine",                                                                         \
	  "libfuzzer",                                                                             \
	  .words = engine_names,                                                                   \
	  SETS_WORD(args, common.engine) },                                                        \
		{ "target",                                                                        \
		  "NAME",                                                                          \
		  "of a target to take, as blk or fuzz_blk; else all of them",                     \
		  NULL,                                                                            \
		  .bytes_max = NAME_BYTES,                                                         \
		  SETS_TEXTS(args, common.targets) },                                              \
		ENGINE_FOLDER(args, engines, "with the targets", "build/fuzz"),                    \
		ENGINE_FOLDER(args, afl, "with the targets for AFL++", "build/afl"),               \
		ENGINE_FOLDER(args, corpora, "with the seeds of each target", "corpora"),          \
		ENGINE_FOLDER(args, dictionaries, "with a dictionary for each", "dictionaries"),   \
		ENGINE_FOLDER(args, out, writes, "build")

/* clang-format off */
#define ENGINE_FOLDER(args, folder, help, initial) \
	{ #folder, "FOLDER", help, initial, .bytes_max = DIR_BYTES, SETS_TEXT(args, common.dirs.folder) }
/* clang-format on */

#endif
