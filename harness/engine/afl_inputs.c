/* SPDX-License-Identifier: BSD-3-Clause */
#include "afl.h"

#include <dirent.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "array_size.h"
#include "base/complain.h"
#include "script/files.h"
#include "run/runner.h"

#define PLAYED_AT_A_TIME 1024 /* a process each time, which takes longer than 64 scripts do */
#define SUSPECTS_ENOUGH	 32   /* among what an instance kept */

/* ---- folders ---- */

void afl_path(const struct afl *a, char *path, const char *format, ...)
{
	int len = snprintf(path, AFL_FILE_BYTES, "%s/afl/run/%s/", a->dirs.out, a->target);
	va_list args;

	va_start(args, format);
	vsnprintf(path + len, AFL_FILE_BYTES - (size_t)len, format, args);
	va_end(args);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

bool afl_make_folders(const struct afl *a)
{
	static const char *const below[] = { "in/first", "new" };
	char path[AFL_FILE_BYTES];

	afl_path(a, path, "%s", "");
	(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < ARRAY_SIZE(below); i++) {
		snprintf(path, sizeof(path), "%s/%s", a->target, below[i]);
		if (!engine_make_dir(&a->dirs, "afl/run", path))
			return false;
	}
	return true;
}

/* ---- playing inputs before others rely on them ---- */

/* Of files that are played at one time */
struct sorting {
	struct afl *afl;
	const char *to; /* NULL: nowhere */
	char **path;
	size_t first; /* number of them all, for the name */
	struct script script[PLAYED_AT_A_TIME];
	bool failed;
};

/* Takes the outcome, with its report, over */
static bool suspect(struct afl *a, const char *path, struct outcome *o)
{
	struct afl_suspect *more = realloc(a->suspects, (a->suspect_count + 1) * sizeof(*more));
	char *kept = strdup(path);

	if (more)
		a->suspects = more;
	if (!more || !kept) {
		free(kept);
		free(o->report);
		return false;
	}
	more[a->suspect_count++] = (struct afl_suspect){ .path = kept, .outcome = *o };
	return true;
}

void afl_free_suspects(struct afl *a)
{
	for (size_t i = 0; i < a->suspect_count; i++) {
		free(a->suspects[i].path);
		free(a->suspects[i].outcome.report);
	}
	free(a->suspects);
}

static void sort_one(void *opaque, size_t index, struct outcome *o)
{
	struct sorting *s = opaque;
	char path[AFL_FILE_BYTES];

	if (o->finding) {
		s->failed |= !suspect(s->afl, s->path[index], o);
		return;
	}
	if (s->to) {
		afl_path(s->afl, path, "%s/%06zu", s->to, s->first + index);
		s->failed |= !files_write_script(path, &s->script[index]);
	}
	free(o->report);
}

static bool sort_some(struct sorting *s, size_t count)
{
	const struct runner_stage model = { .on = RUN_ON_MODEL, .no_leaks = true };
	int err;

	for (size_t i = 0; i < count; i++) {
		if (!files_read_script(s->path[i], &s->script[i]))
			return false;
	}
	err = runner_play(&model, s->script, count, 1, sort_one, s);
	if (err)
		complain("%s: cannot play its inputs: %s", s->afl->target, runner_problem());
	return !err && !s->failed;
}

/*
 * Plays the files: the good ones go to that folder, if any, the others are suspects. With `enough`
 * of those it does not go on: each takes a process of its own.
 */
static bool sort_out(struct afl *a, char **path, size_t count, const char *to, size_t enough)
{
	static struct sorting s;
	size_t before = a->suspect_count;
	size_t some;

	for (size_t i = 0; i < count && a->suspect_count - before < enough; i += some) {
		some = count - i < PLAYED_AT_A_TIME ? count - i : PLAYED_AT_A_TIME;
		s = (struct sorting){ .afl = a, .to = to, .path = path + i, .first = i };
		if (!sort_some(&s, some))
			return false;
	}
	return true;
}

bool afl_is_first(const struct afl *a, const char *path)
{
	char first[AFL_FILE_BYTES];

	afl_path(a, first, "nothing");
	return strcmp(first, path) == 0;
}

/*
 * AFL++ wants one at the least: the script without an operation. Where that is a finding, nothing
 * is left to fuzz.
 */
static bool add_first(struct afl *a)
{
	const struct script nothing = { .ops = 0 };
	size_t suspects = a->suspect_count;
	char path[AFL_FILE_BYTES];
	char *list[] = { path };

	afl_path(a, path, "nothing");
	if (!files_write_script(path, &nothing) || !sort_out(a, list, 1, "in/first", SIZE_MAX))
		return false;
	if (a->suspect_count > suspects)
		a->phase = AFL_OVER;
	return true;
}

/* The files of the folder, if there is one */
static bool sort_folder(struct afl *a, char *dir, const char *to)
{
	char *const dirs[] = { dir };
	char **path;
	size_t count;
	bool good;

	if (!engine_is_dir(dir))
		return true;
	path = files_list(dirs, 1, &count);
	if (!path)
		return false;
	good = sort_out(a, path, count, to, SIZE_MAX);
	files_free(path, count);
	return good;
}

bool afl_gather_inputs(struct afl *a)
{
	char dir[AFL_FILE_BYTES];

	snprintf(dir, sizeof(dir), "%s/%s/%s", a->dirs.out, a->corpus, a->target);
	if (!sort_folder(a, dir, NULL))
		return false;
	snprintf(dir, sizeof(dir), "%s/%s", a->dirs.corpora, a->target);
	if (!sort_folder(a, dir, "in") || !add_first(a))
		return false;
	a->given = a->suspect_count;
	return true;
}

/* ---- what the instances have ---- */

static int is_input(const struct dirent *entry)
{
	return strncmp(entry->d_name, "id:", 3) == 0;
}

static int is_own_input(const struct dirent *entry)
{
	return is_input(entry) && !strstr(entry->d_name, ",orig:") &&
	       !strstr(entry->d_name, ",sync:");
}

char **afl_list(const struct afl *a, const struct afl_instance *in, const char *dir, bool own,
		size_t *count)
{
	struct dirent **entries;
	char path[AFL_FILE_BYTES];
	char **list;
	int found;

	afl_path(a, path, "out/%s/%s", in->name, dir);
	found = scandir(path, &entries, own ? is_own_input : is_input, alphasort);
	list = calloc(found > 0 ? (size_t)found : 1, sizeof(*list));
	*count = 0;
	for (int i = 0; i < found; i++) {
		if (list && asprintf(&list[*count], "%s/%s", path, entries[i]->d_name) > 0)
			++*count;
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
	return list;
}

bool afl_keep_queue(struct afl *a, const struct afl_instance *in)
{
	char to[AFL_FILE_BYTES];
	size_t count;
	char **path = afl_list(a, in, "queue", true, &count);
	bool good;

	snprintf(to, sizeof(to), "%s/new/%s", a->target, in->name);
	good = path && engine_make_dir(&a->dirs, "afl/run", to);
	snprintf(to, sizeof(to), "new/%s", in->name);
	good = good && sort_out(a, path, count, to, SUSPECTS_ENOUGH);
	files_free(path, count);
	return good;
}
