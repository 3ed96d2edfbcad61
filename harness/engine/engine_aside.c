/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine_aside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/complain.h"
#include "engine.h"
#include "script/files.h"

#define MOVED "set-aside"

/* ---- what a target takes for its input ---- */

/* It reads no more of a file */
struct content {
	uint8_t bytes[MAX_LEN];
	size_t len;
};

static bool same(const struct content *a, const struct content *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* ---- moving and copying ---- */

static bool move(const char *path, const struct engine_dirs *dirs, const char *kind,
		 const char *target)
{
	const char *slash = strrchr(path, '/');
	char to[PATH_BYTES + NAME_BYTES];

	snprintf(to, sizeof(to), "%s/%s/%s/%s", dirs->out, kind, target, slash ? slash + 1 : path);
	return rename(path, to) == 0 || complain_of(path, strerror(errno));
}

/* Files of a folder, one after the other, until one goes wrong */
struct walk {
	const struct engine_job *job;
	const struct content *wanted;
	void (*tell)(const char *path);
	int found;
	size_t number; /* of the file, from 0 */
};

static bool walk(struct walk *w, char *folder,
		 bool (*each)(struct walk *w, const char *path, const struct content *c))
{
	static struct content c;
	char *const folders[] = { folder };
	bool good;
	char **path;
	size_t count;

	if (!engine_is_dir(folder))
		return true;
	path = files_list(folders, 1, &count);
	good = path != NULL;
	for (w->number = 0; good && w->number < count; w->number++)
		good = files_read(path[w->number], c.bytes, sizeof(c.bytes), &c.len) &&
		       each(w, path[w->number], &c);
	files_free(path, path ? count : 0);
	return good;
}

static bool copy(struct walk *w, const char *path, const struct content *c)
{
	char to[PATH_BYTES];

	(void)path;
	snprintf(to, sizeof(to), "%s/" ASIDE_SEEDS "/%s/%06zu", w->job->dirs->out, w->job->target,
		 w->number);
	return files_write(to, c->bytes, c->len);
}

static bool remove_copy(struct walk *w, const char *path, const struct content *c)
{
	return !same(c, w->wanted) || unlink(path) == 0 || complain_of(path, strerror(errno));
}

static bool name_seed(struct walk *w, const char *path, const struct content *c)
{
	if (!same(c, w->wanted))
		return true;
	w->found++;
	w->tell(path);
	return true;
}

static bool move_kept(struct walk *w, const char *path, const struct content *c)
{
	if (!same(c, w->wanted))
		return true;
	w->found++;
	w->tell(path);
	return move(path, w->job->dirs, MOVED, w->job->target);
}

/* ---- what engines want ---- */

int aside_put(const struct engine_job *job, const char *artefact, void (*tell)(const char *path))
{
	static struct content wanted;
	const struct engine_dirs *dirs = job->dirs;
	struct walk w = { .job = job, .wanted = &wanted, .tell = tell };
	char corpus[PATH_BYTES];
	char copies[PATH_BYTES];
	char seeds[PATH_BYTES];

	snprintf(corpus, sizeof(corpus), "%s/%s/%s", dirs->out, job->corpus, job->target);
	snprintf(copies, sizeof(copies), "%s/" ASIDE_SEEDS "/%s", dirs->out, job->target);
	snprintf(seeds, sizeof(seeds), "%s/%s", dirs->corpora, job->target);
	if (!job->set_aside)
		engine_remove_dir(dirs, ASIDE_SEEDS, job->target);
	if (!files_read(artefact, wanted.bytes, sizeof(wanted.bytes), &wanted.len) ||
	    !engine_make_dir(dirs, MOVED, job->target) ||
	    !engine_make_dir(dirs, ASIDE_SEEDS, job->target) ||
	    (!job->set_aside && !walk(&w, seeds, copy)) || !walk(&w, copies, remove_copy) ||
	    !walk(&w, seeds, name_seed) || !walk(&w, corpus, move_kept))
		return -1;
	if (w.found == 0 && wanted.len > 0 && !job->set_aside) {
		tell(artefact); /* a hidden file, which a target reads: there are no copies of those
				 */
		w.found = 1;
	}
	return w.found;
}

bool aside_restore(const struct engine_dirs *dirs, const char *corpus, const char *target)
{
	char folder[PATH_BYTES];
	char *const folders[] = { folder };
	bool good = true;
	char **path;
	size_t count;

	snprintf(folder, sizeof(folder), "%s/" MOVED "/%s", dirs->out, target);
	if (!engine_is_dir(folder))
		return true;
	path = files_list(folders, 1, &count);
	for (size_t i = 0; path && good && i < count; i++)
		good = move(path[i], dirs, corpus, target);
	files_free(path, path ? count : 0);
	return path && good;
}
