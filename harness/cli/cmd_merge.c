/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil merge: the fewest inputs that cover what all of them cover, found by libFuzzer itself,
 * under names that do not change: a committed seed keeps its own, any other is called by its
 * content.
 *
 * What is in OUT already stays and comes first: only what adds to it is added. All work is done in
 * OUT.PID.part, so that OUT gets whole files or none.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "base/complain.h"
#include "engine/engine.h"
#include "script/files.h"

#define MERGE_PATH  4096u
#define FOLDERS_MAX 64

struct merge {
	char target[64];
	const char *engines;
	const char *corpora;
	const char *out;
	char **in;
	int ins;
	char part[MERGE_PATH]; /* OUT.PID.part, with the folders all, left-out and the file log */

	/* for the last line */
	size_t read;
	size_t added;
	size_t named; /* of those, like a committed seed */
	size_t left_out;
};

static void join(char *path, const char *folder, const char *name)
{
	/* longer names are refused when the options are taken */
	snprintf(path, MERGE_PATH, "%.3000s/%.1000s", folder, name);
}

/* ---- files ---- */

struct content {
	uint8_t bytes[FILES_BYTES_MAX];
	size_t len;
};

static bool write_content(const char *path, const struct content *c)
{
	FILE *f = fopen(path, "wb");
	bool good;

	if (!f)
		return complain_of(path, strerror(errno));
	good = fwrite(c->bytes, 1, c->len, f) == c->len;
	good = !fclose(f) && good;
	return good || complain_of(path, "cannot be written");
}

static bool same_content(const char *path, const struct content *c)
{
	static struct content other;
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || (size_t)st.st_size != c->len)
		return false;
	return files_read(path, other.bytes, sizeof(other.bytes), &other.len) &&
	       !memcmp(other.bytes, c->bytes, c->len);
}

/* ---- folders ---- */

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void free_entries(struct dirent **entry, int count)
{
	for (int i = 0; i < count; i++)
		free(entry[i]);
	free(entry);
}

/* Calls `each` for each file, in the order of names, until it says false. */
static bool for_files(struct merge *m, const char *folder,
		      bool (*each)(struct merge *m, const char *folder, const char *name))
{
	struct dirent **entry;
	int count = scandir(folder, &entry, is_visible, alphasort);
	bool good = count >= 0 || complain_of(folder, strerror(errno));

	for (int i = 0; good && i < count; i++)
		good = each(m, folder, entry[i]->d_name);
	if (count >= 0)
		free_entries(entry, count);
	return good;
}

static bool make_folder(const char *path)
{
	return !mkdir(path, 0777) || complain_of(path, strerror(errno));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void remove_part(const struct merge *m)
{
	nftw(m->part, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool copy_to_all(struct merge *m, const char *folder, const char *name)
{
	static struct content c;
	char from[MERGE_PATH];
	char all[MERGE_PATH];
	char to[MERGE_PATH];

	join(from, folder, name);
	join(all, m->part, "all");
	join(to, all, name);
	return files_read(from, c.bytes, sizeof(c.bytes), &c.len) && write_content(to, &c);
}

static bool prepare(struct merge *m)
{
	char path[MERGE_PATH];
	struct stat st;

	if (!make_folder(m->part))
		return false;
	join(path, m->part, "all");
	if (!make_folder(path))
		return false;
	join(path, m->part, "left-out");
	if (!make_folder(path))
		return false;
	if (stat(m->out, &st))
		return errno == ENOENT || complain_of(m->out, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return complain_of(m->out, "is no folder");
	return for_files(m, m->out, copy_to_all);
}

/* ---- libFuzzer ---- */

/* The same limits as when fuzzing: what it would not run is not worth keeping. */
static _Noreturn void run_engine(const struct merge *m, const char *log)
{
	char program[MERGE_PATH];
	char all[MERGE_PATH];
	char prefix[MERGE_PATH];
	char length[32];
	char timeout[32];
	char *argv[FOLDERS_MAX + 16];
	int n = 0;
	int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	join(program, m->engines, m->target);
	join(all, m->part, "all");
	snprintf(prefix, sizeof(prefix), "-artifact_prefix=%.3000s/left-out/", m->part);
	snprintf(length, sizeof(length), "-max_len=%d", MAX_LEN);
	snprintf(timeout, sizeof(timeout), "-timeout=%d", INPUT_SECONDS);
	argv[n++] = program;
	argv[n++] = (char[]){ "-merge=1" };
	argv[n++] = prefix;
	argv[n++] = length;
	argv[n++] = timeout;
	argv[n++] = (char[]){ LIBFUZZER_EDGES_ALONE };
	argv[n++] = all;
	for (int i = 0; i < m->ins; i++)
		argv[n++] = m->in[i];
	argv[n] = NULL;
	if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0)
		execv(program, argv);
	_exit(127);
}

/* The last line of the log, for the complaint. */
static void last_words(const char *log, char *line, size_t room)
{
	FILE *f = fopen(log, "r");
	char text[512];

	snprintf(line, room, "says nothing");
	while (f && fgets(text, sizeof(text), f)) {
		text[strcspn(text, "\n")] = 0;
		if (text[0])
			snprintf(line, room, "%s", text);
	}
	if (f)
		fclose(f);
}

/*
 * libFuzzer begins again behind an input of which its process died, and does not mind who ended it.
 * Before a death of its own it writes the input.
 */
static bool all_were_run(const struct merge *m, const char *log)
{
	unsigned int attempts = 0;
	unsigned int written = 0;
	char text[600];
	FILE *f = fopen(log, "r");

	while (f && fgets(text, sizeof(text), f)) {
		attempts += !strncmp(text, "MERGE-OUTER: attempt", 20);
		written += strstr(text, "Test unit written to ") != NULL;
	}
	if (f)
		fclose(f);
	return attempts <= written + 1 ||
	       complain_of(m->target, "its process was ended from outside; merge again");
}

static bool run_merge(const struct merge *m)
{
	pid_t parent = getpid();
	char log[MERGE_PATH];
	char line[600];
	pid_t pid;
	int status;

	join(log, m->part, "log");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
			_exit(127);
		run_engine(m, log);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return complain_of(m->target, strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return all_were_run(m, log);
	last_words(log, line, sizeof(line));
	return complain_of(m->target, line);
}

/* ---- names ---- */

static bool find_seed(const struct merge *m, const struct content *c, char *name)
{
	char folder[MERGE_PATH];
	char path[MERGE_PATH];
	struct dirent **entry;
	bool found = false;
	int count;

	join(folder, m->corpora, m->target);
	count = scandir(folder, &entry, is_visible, alphasort);
	for (int i = 0; i < count && !found; i++) {
		join(path, folder, entry[i]->d_name);
		found = same_content(path, c);
		if (found)
			snprintf(name, NAME_BYTES, "%.255s", entry[i]->d_name);
	}
	if (count >= 0)
		free_entries(entry, count);
	return found;
}

/* Whole or not at all, and never over another file; false: it is there already. */
static bool put_new(struct merge *m, const char *name, const struct content *c, bool *good)
{
	char part[MERGE_PATH];
	char path[MERGE_PATH];

	join(part, m->part, "one");
	join(path, m->out, name);
	*good = write_content(part, c);
	if (!*good || !link(part, path)) {
		unlink(part);
		return true;
	}
	unlink(part);
	if (errno != EEXIST)
		*good = complain_of(path, strerror(errno));
	return !*good;
}

/* libFuzzer calls what it adds by its SHA-1; what OUT had before has its own name. */
static bool take_result(struct merge *m, const char *folder, const char *name)
{
	static struct content c;
	char path[MERGE_PATH];
	char seed[NAME_BYTES];
	bool good;

	join(path, m->out, name);
	if (!access(path, F_OK))
		return true;
	join(path, folder, name);
	if (!files_read(path, c.bytes, sizeof(c.bytes), &c.len))
		return false;
	m->added++;
	if (find_seed(m, &c, seed) && put_new(m, seed, &c, &good)) {
		m->named++;
		return good;
	}
	put_new(m, name, &c, &good);
	return good;
}

static bool count_left_out(struct merge *m, const char *folder, const char *name)
{
	(void)folder, (void)name;
	m->left_out++;
	return true;
}

static bool take_results(struct merge *m)
{
	char path[MERGE_PATH];

	if (mkdir(m->out, 0777) && errno != EEXIST)
		return complain_of(m->out, strerror(errno));
	join(path, m->part, "left-out");
	if (!for_files(m, path, count_left_out))
		return false;
	join(path, m->part, "all");
	return for_files(m, path, take_result);
}

/* ---- the command ---- */

static bool count_input(struct merge *m, const char *folder, const char *name)
{
	(void)folder, (void)name;
	m->read++;
	return true;
}

/* "fuzz_blk" of "build/corpus/fuzz_blk/" */
static bool target_of_path(struct merge *m, const char *path)
{
	size_t end = strlen(path);
	size_t begin;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (begin = end; begin > 0 && path[begin - 1] != '/';)
		begin--;
	if (end - begin >= sizeof(m->target) || strncmp(path + begin, "fuzz_", 5) != 0)
		return false;
	snprintf(m->target, sizeof(m->target), "%.*s", (int)(end - begin), path + begin);
	return true;
}

/* What was asked for, or what the folders are called. */
static bool find_target(struct merge *m, const char *asked)
{
	char path[MERGE_PATH];
	bool found = false;

	if (asked)
		snprintf(m->target, sizeof(m->target), "%s%.58s",
			 strncmp(asked, "fuzz_", 5) ? "fuzz_" : "", asked);
	for (int i = 0; !asked && !found && i < m->ins; i++)
		found = target_of_path(m, m->in[i]);
	if (!asked && !found && !target_of_path(m, m->out)) {
		complain("no folder is called by a target; give --target");
		return false;
	}
	if (access(m->corpora, X_OK))
		return complain_of(m->corpora, "no such folder; give --corpora");
	join(path, m->engines, m->target);
	return !access(path, X_OK) ||
	       complain_of(path, "no such target; give --target, or build it with make fuzz");
}

static bool count_inputs(struct merge *m, const char *folder)
{
	size_t before = m->read;

	if (!for_files(m, folder, count_input))
		return false;
	return m->read > before || complain_of(folder, "no files in it; name a folder of inputs");
}

static bool merge(struct merge *m)
{
	bool good = true;

	for (int i = 0; good && i < m->ins; i++)
		good = count_inputs(m, m->in[i]);
	if (!good)
		return false;
	good = prepare(m) && run_merge(m) && take_results(m);
	remove_part(m);
	return good;
}

struct arguments {
	const char *target;
	const char *engines;
	const char *corpora;
};

static bool names_fit(char **operand, int operands)
{
	for (int i = 0; i < operands; i++) {
		if (strlen(operand[i]) >= DIR_BYTES)
			return complain_of(operand[i], "the name is too long");
		if (operand[i][0] == '-') /* the target would take it for an option */
			return complain_of(operand[i], "begins with a dash; give ./ before it");
	}
	if (operands - 1 <= FOLDERS_MAX)
		return true;
	complain("%s: too many folders; give at most %d", operand[FOLDERS_MAX + 1], FOLDERS_MAX);
	return false;
}

static int run(void *opaque, char **operand, int operands)
{
	const struct arguments *a = opaque;
	struct merge m = {
		.engines = a->engines,
		.corpora = a->corpora,
		.out = operand[0],
		.in = operand + 1,
		.ins = operands - 1,
	};

	if (!names_fit(operand, operands))
		return EXIT_USAGE;
	for (size_t end = strlen(operand[0]); end > 1 && operand[0][end - 1] == '/'; end--)
		operand[0][end - 1] = 0;
	snprintf(m.part, sizeof(m.part), "%s.%d.part", m.out, (int)getpid());
	if (!find_target(&m, a->target) || !merge(&m))
		return EXIT_USAGE;
	printf("%s: %zu of %zu inputs added, %zu of them by the name of a seed\n", m.out, m.added,
	       m.read, m.named);
	if (m.left_out)
		printf("%zu were left out: the target dies of them, see anvil triage\n",
		       m.left_out);
	return EXIT_OK;
}

static const struct command_option options[] = {
	{ "target", "NAME", "of the target; else a folder is called by it", NULL,
	  SETS_TEXT(struct arguments, target) },
	{ "engines", "FOLDER", "with the targets", "build/fuzz", .bytes_max = DIR_BYTES,
	  SETS_TEXT(struct arguments, engines) },
	{ "corpora", "FOLDER", "with the seeds, whose names are kept", "corpora",
	  .bytes_max = DIR_BYTES, SETS_TEXT(struct arguments, corpora) },
	{ 0 },
};

static const struct command_operand operand_list[] = {
	{ .name = "OUT", .help = "the folder to add them to; what is in it stays" },
	{ .name = "FOLDER", .help = "of inputs for one target", .repeated = true },
	{ 0 },
};

const struct command command_merge = {
	.name = "merge",
	.help = "Keeps the fewest inputs with the same coverage",
	.options = options,
	.operands = operand_list,
	.arguments_size = sizeof(struct arguments),
	.run = run,
};
