/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "complain.h"
#include "crash_stack.h"
#include "files.h"

#define ROOM_BYTES	  (8u << 20) /* stop before the disk is full: nothing half-written */
#define TARGET_PREFIX	  "fuzz_"
#define TARGET_PREFIX_LEN 5

#define FAILED_LINES 10 /* shown of a process that failed */

static volatile sig_atomic_t stop_requests;

uint64_t engine_now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void request_stop(int signal_number)
{
	(void)signal_number;
	if (stop_requests < 2)
		stop_requests++;
}

bool engine_catch_signals(void)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = request_stop };

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		if (sigaction(caught[i], &action, NULL) != 0) {
			complain("cannot catch signals: %s", strerror(errno));
			return false;
		}
	}
	return true;
}

int engine_stop_requests(void)
{
	return stop_requests;
}

/* ---- folders and targets ---- */

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

/* mkdir -p */
static int make_dirs(char *path)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0777) != 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return -errno;
	if (!engine_is_dir(path))
		return -ENOTDIR;
	return access(path, W_OK | X_OK) == 0 ? 0 : -errno;
}

bool engine_make_dir(const struct engine_dirs *dirs, const char *kind, const char *target)
{
	char path[PATH_BYTES];
	char made[PATH_BYTES];
	int err;

	snprintf(path, sizeof(path), "%s/%s/%s", dirs->out, kind, target);
	memcpy(made, path, sizeof(made));
	err = make_dirs(made);
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

/* ---- an engine at work ---- */

const struct engine_kind *engine_kind(unsigned int which)
{
	return which == ENGINE_AFL ? &engine_afl : &engine_libfuzzer;
}

bool engine_ready(const struct engine_kind *kind, const struct engine_dirs *dirs,
		  char names[][NAME_BYTES], size_t count)
{
	return kind->ready(dirs, names, count);
}

void engine_free(struct engine *e)
{
	if (e->kind)
		e->kind->free(e);
	free(e->replay);
	e->replay = NULL;
}

bool engine_start(struct engine *e, const struct engine_kind *kind, const struct engine_job *job)
{
	engine_free(e);
	memset(e, 0, offsetof(struct engine, process));
	e->kind = kind;
	e->job = *job;
	e->process.pid = 0;
	e->started_ms = engine_now();
	return kind->start(e, job);
}

void engine_wait(struct engine *const *engines, size_t count, int timeout_ms)
{
	struct pollfd fds[ENGINE_TARGETS];
	nfds_t n = 0;

	for (size_t i = 0; i < count && n < ENGINE_TARGETS; i++) {
		if (!engines[i] || engines[i]->process.pid == 0 || !engines[i]->kind->wakes)
			continue;
		if (engines[i]->process.fd >= 0)
			fds[n++] =
				(struct pollfd){ .fd = engines[i]->process.fd, .events = POLLIN };
		else
			timeout_ms = 10; /* has said its last word, is not reaped yet */
	}
	(void)poll(fds, n, timeout_ms);
}

bool engine_poll(struct engine *e)
{
	if (!e->kind->poll(e))
		return false;
	if (!e->ended_ms)
		e->ended_ms = engine_now();
	return true;
}

void engine_signal(const struct engine *e, int signal_number)
{
	e->kind->signal(e, signal_number);
}

bool engine_next_finding(struct engine *e)
{
	return e->kind->next_finding(e);
}

int engine_set_aside(const struct engine *e, void (*tell)(const char *path))
{
	return e->kind->set_aside(e, tell);
}

enum engine_end engine_end(const struct engine *e)
{
	return e->kind->end(e);
}

bool engine_number_after(const char *line, const char *key, uint64_t *number)
{
	const char *at = strstr(line, key);

	if (!at)
		return false;
	at += strlen(key);
	at += strspn(at, " ");
	if (!isdigit((unsigned char)*at))
		return false;
	*number = strtoull(at, NULL, 10);
	return true;
}

void engine_cut(char *to, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	memcpy(to, text, len);
	to[len] = '\0';
}

void engine_summarise(struct engine *e, const char *line)
{
	bool ours = strncmp(line, "anvil: ", 7) == 0; /* a guest's addresses stay */
	char *clean = ours ? NULL : crash_report_clean(line);

	engine_cut(e->summary, sizeof(e->summary), clean ? clean : line);
	e->summary[strcspn(e->summary, "\n")] = '\0';
	free(clean);
}

void engine_describe_status(int status, char *text, size_t room)
{
	if (WIFSIGNALED(status))
		snprintf(text, room, "killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(text, room, "exited with status %d", WEXITSTATUS(status));
}

/* ---- how it ended ---- */

void engine_complain_end(const struct engine *e, const char *target, const char *what)
{
	const struct process *p = e->kind->speaker(e);
	char text[PATH_MAX + 64];
	size_t kept = process_lines(p);
	size_t i = kept > FAILED_LINES ? kept - FAILED_LINES : 0;
	const char *line;

	e->kind->describe(e, text, sizeof(text));
	complain("%s: %s; its last lines:", target, what ? what : text);
	for (; (line = process_line(p, i)); i++)
		fprintf(stderr, "    %s\n", line);
}

static bool write_report(const struct engine *e, const char *path)
{
	FILE *file = fopen(path, "w");
	const char *line;
	bool good;

	if (!file)
		return false;
	fprintf(file, "%s\n\n", e->summary);
	if (e->replay)
		fputs(e->replay, file);
	for (size_t i = 0; !e->replay && (line = process_line(&e->process, i)); i++)
		fprintf(file, "%s\n", line);
	good = !ferror(file);
	return fclose(file) == 0 && good;
}

bool engine_save_report(const struct engine *e)
{
	char part[sizeof(e->artefact) + 16];
	char path[sizeof(e->artefact) + 16];

	snprintf(part, sizeof(part), "%s.txt.part", e->artefact);
	snprintf(path, sizeof(path), "%s.txt", e->artefact);
	if (write_report(e, part) && rename(part, path) == 0)
		return true;
	complain("%s: cannot write it: %s; make room or give another --out", path, strerror(errno));
	(void)unlink(part);
	return false;
}

void engine_print_replay(const struct engine *e)
{
	fputs("  replay: ", stdout);
	files_put_program(stdout);
	fputs(" play ", stdout);
	files_put_word(e->artefact, stdout);
	putchar('\n');
}
