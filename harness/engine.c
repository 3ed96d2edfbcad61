/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer speaks on stderr: "#12345\tNEW    cov: 123 ft: 456 corp: 12/34b ..." as it goes,
 * "stat::name: number" at the end, and before that, when it stops with a finding, the report and
 * "Test unit written to PATH". Everything but the first kind is kept for the report.
 */
#include "engine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"

#define PATH_BYTES	  (DIR_BYTES + 2 * NAME_BYTES)
#define ARG_BYTES	  (PATH_BYTES + 64)
#define ROOM_BYTES	  (8u << 20) /* stop before the disk is full: nothing half-written */
#define INTERRUPTED	  72	     /* libFuzzer's exit status after SIGINT */
#define CANNOT_START	  127
#define NUMBER_MAX	  1000000
#define SHA1_OF_NO_BYTES  "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define SLOW_UNIT	  "slow-unit-"
#define FINDING_MARK	  "Test unit written to "
#define UNITS_MARK	  "stat::number_of_executed_units:"
#define RSS_MARK	  "stat::peak_rss_mb:"
#define ENGINE_EMPTY	  "fuzz_empty"
#define TARGET_PREFIX	  "fuzz_"
#define TARGET_PREFIX_LEN 5

#define FAILED_LINES 10 /* shown of a process that failed */

static const char *command = "";
static volatile sig_atomic_t stop_requests;

uint64_t engine_now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void engine_complain(const char *format, ...)
{
	va_list args;

	(void)fflush(stdout);
	fprintf(stderr, "anvil %s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
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
			engine_complain("cannot catch signals: %s", strerror(errno));
			return false;
		}
	}
	return true;
}

int engine_stop_requests(void)
{
	return stop_requests;
}

/* ---- options ---- */

static void print_help(const struct engine_option *table)
{
	printf("usage: anvil %s [OPTION]...\n", command);
	for (; table->name; table++)
		printf("  --%-13s %s\n", table->name, table->help);
}

static bool parse_number(const char *text, unsigned int *number)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || value < 1 || value > NUMBER_MAX)
		return false;
	*number = (unsigned int)value;
	return true;
}

static bool store_operand(const struct engine_option *option, const char *operand)
{
	if (option->number) {
		if (parse_number(operand, option->number))
			return true;
		engine_complain("--%s %s: give a whole number from 1 to %d", option->name, operand,
				NUMBER_MAX);
		return false;
	}
	if (!operand[0] || strlen(operand) >= DIR_BYTES) {
		engine_complain("--%s: give a name of 1 to %d characters", option->name,
				DIR_BYTES - 1);
		return false;
	}
	if (!option->count) {
		*option->text = operand;
		return true;
	}
	if (*option->count == ENGINE_TARGETS) {
		engine_complain("--%s: at most %d of them", option->name, ENGINE_TARGETS);
		return false;
	}
	option->text[(*option->count)++] = operand;
	return true;
}

static const struct engine_option *find_option(const struct engine_option *table, const char *arg)
{
	size_t len = strcspn(arg, "=");

	for (; table->name; table++) {
		if (strlen(table->name) == len && memcmp(table->name, arg, len) == 0)
			return table;
	}
	return NULL;
}

int engine_options(int argc, char **argv, const struct engine_option *table)
{
	command = argv[0];
	for (int i = 1; i < argc; i++) {
		const struct engine_option *option = NULL;
		const char *operand;

		if (strcmp(argv[i], "--help") == 0) {
			print_help(table);
			return EXIT_OK;
		}
		if (strncmp(argv[i], "--", 2) == 0)
			option = find_option(table, argv[i] + 2);
		if (!option) {
			engine_complain("'%s' is not an option; 'anvil %s --help' lists them",
					argv[i], command);
			return EXIT_USAGE;
		}
		operand = strchr(argv[i], '=');
		operand = operand ? operand + 1 : argv[++i];
		if (!operand) {
			engine_complain("--%s: give its operand", option->name);
			return EXIT_USAGE;
		}
		if (!store_operand(option, operand))
			return EXIT_USAGE;
	}
	return -1;
}

/* ---- folders and targets ---- */

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool target_good(const struct engine_dirs *dirs, const char *target, bool needs_seeds)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", dirs->engines, target);
	if (!is_program(path)) {
		engine_complain("%s: no such program; build it, or see 'ls %s' for the targets",
				path, dirs->engines);
		return false;
	}
	snprintf(path, sizeof(path), "%s/%s", dirs->corpora, target);
	if (needs_seeds && !is_dir(path)) {
		engine_complain("%s: no such folder of seeds; create it or give --corpora", path);
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
	engine_complain("--target %s: give the name of a target, as fuzz_blk", asked);
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
		engine_complain("%s: %s; build the targets or give --engines", dirs->engines,
				strerror(errno));
		return -1;
	}
	for (int i = 0; i < found; i++) {
		char path[PATH_BYTES];

		snprintf(path, sizeof(path), "%s/%s", dirs->engines, entries[i]->d_name);
		if (n < ENGINE_TARGETS && is_program(path))
			snprintf(names[n++], NAME_BYTES, "%s", entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (n == 0) {
		engine_complain("%s: no program fuzz_* in it; build the targets or give --engines",
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
	if (!is_dir(path))
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
		engine_complain("%s: cannot write there: %s; give another --out", path,
				strerror(-err));
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

bool engine_has_room(const struct engine_dirs *dirs, bool complain)
{
	struct statvfs fs;

	if (!stat_file_system(dirs->out, &fs)) {
		if (complain)
			engine_complain("%s: %s; give another --out", dirs->out, strerror(errno));
		return false;
	}
	if (fs.f_blocks == 0) /* a file system that does not count */
		return true;
	if ((uint64_t)fs.f_bavail * fs.f_frsize >= ROOM_BYTES &&
	    (fs.f_files == 0 || fs.f_favail > 0))
		return true;
	if (complain)
		engine_complain("%s: the disk is full; make room or give another --out", dirs->out);
	return false;
}

/* ---- the process ---- */

/* The arguments of a run, owned by the caller's stack: nothing to free */
struct arguments {
	char text[16][ARG_BYTES];
	char *vector[17];
	size_t count;
};

static void __attribute__((format(printf, 2, 3))) add(struct arguments *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(a->text[a->count], ARG_BYTES, format, args);
	va_end(args);
	a->vector[a->count] = a->text[a->count];
	a->vector[++a->count] = NULL;
}

static void make_arguments(struct arguments *a, const struct engine_job *job)
{
	const struct engine_dirs *dirs = job->dirs;
	char path[PATH_BYTES];

	a->count = 0;
	add(a, "%s/%s", dirs->engines, job->target);
	add(a, "-max_total_time=%u", job->seconds);
	add(a, "-print_final_stats=1");
	add(a, "-max_len=%d", MAX_LEN);
	add(a, "-timeout=%d", INPUT_SECONDS);
	add(a, "-rss_limit_mb=%d", RSS_LIMIT_MB);
	add(a, "-use_counters=%d", USE_COUNTERS);
	add(a, "-entropic=%d", USE_ENTROPIC);
	add(a, "-artifact_prefix=%s/findings/%s/", dirs->out, job->target);
	snprintf(path, sizeof(path), "%s/%s.dict", dirs->dictionaries, job->target);
	if (access(path, R_OK) == 0)
		add(a, "-dict=%s", path);
	add(a, "%s/%s/%s", dirs->out, job->corpus, job->target);
	snprintf(path, sizeof(path), "%s/%s", dirs->corpora, job->target);
	if (is_dir(path))
		add(a, "%s", path);
}

/* Not posix_spawn: only between fork and exec can the child be bound to die with its parent */
static void __attribute__((noreturn)) run_child(char **arguments, int messages, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(CANNOT_START);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(messages, STDOUT_FILENO) >= 0 &&
	    dup2(messages, STDERR_FILENO) >= 0)
		execv(arguments[0], arguments);
	dprintf(messages, "cannot start %s: %s\n", arguments[0], strerror(errno));
	_exit(CANNOT_START);
}

static void forget(struct engine *e)
{
	memset(e, 0, offsetof(struct engine, line));
	e->line_len = 0;
	e->report_count = 0;
	e->fd = -1;
}

bool engine_start(struct engine *e, const struct engine_job *job)
{
	struct arguments a;
	pid_t parent = getpid();
	int ends[2];

	forget(e);
	make_arguments(&a, job);
	if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
		engine_complain("cannot start %s: %s", job->target, strerror(errno));
		return false;
	}
	(void)fflush(NULL);
	e->started_ms = engine_now();
	e->pid = fork();
	if (e->pid == 0)
		run_child(a.vector, ends[1], parent);
	(void)close(ends[1]);
	if (e->pid < 0) {
		engine_complain("cannot start %s: %s; try fewer --jobs", job->target,
				strerror(errno));
		(void)close(ends[0]);
		e->pid = 0;
		return false;
	}
	e->fd = ends[0];
	return true;
}

void engine_signal(const struct engine *e, int signal_number)
{
	if (e->pid > 0)
		(void)kill(e->pid, signal_number);
}

void engine_wait(struct engine *const *engines, size_t count, int timeout_ms)
{
	struct pollfd fds[ENGINE_TARGETS];
	nfds_t n = 0;

	for (size_t i = 0; i < count && n < ENGINE_TARGETS; i++) {
		if (!engines[i] || engines[i]->pid == 0)
			continue;
		if (engines[i]->fd >= 0)
			fds[n++] = (struct pollfd){ .fd = engines[i]->fd, .events = POLLIN };
		else
			timeout_ms = 10; /* has said its last word, is not reaped yet */
	}
	(void)poll(fds, n, timeout_ms);
}

/* ---- what it says ---- */

/* As much of text as fits */
static void cut(char *to, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	memcpy(to, text, len);
	to[len] = '\0';
}

static bool number_after(const char *line, const char *key, uint64_t *number)
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

static void small_number_after(const char *line, const char *key, unsigned int *number)
{
	uint64_t value;

	if (number_after(line, key, &value))
		*number = value < UINT_MAX ? (unsigned int)value : UINT_MAX;
}

static bool take_progress(struct engine *e, const char *line)
{
	const char *tab = strchr(line, '\t');

	if (line[0] != '#' || !isdigit((unsigned char)line[1]) || !tab)
		return false;
	e->units = strtoull(line + 1, NULL, 10);
	e->units_ms = engine_now();
	small_number_after(tab, " cov: ", &e->coverage);
	small_number_after(tab, " corp: ", &e->corpus);
	small_number_after(tab, " rss: ", &e->rss_mb);
	if (strncmp(tab, "\tINITED", 7) == 0) {
		e->inited_units = e->units;
		e->inited_ms = e->units_ms;
	} else if (strncmp(tab, "\tDONE", 5) == 0) {
		e->done_ms = e->units_ms;
	}
	return true;
}

static bool take_statistic(struct engine *e, const char *line)
{
	if (strncmp(line, "stat::", 6) != 0)
		return false;
	if (number_after(line, UNITS_MARK, &e->units))
		e->units_ms = engine_now();
	small_number_after(line, RSS_MARK, &e->rss_mb);
	return true;
}

static void take_artefact(struct engine *e, const char *line)
{
	const char *at = strstr(line, FINDING_MARK);
	const char *name;

	if (!at)
		return;
	at += strlen(FINDING_MARK);
	name = strrchr(at, '/');
	name = name ? name + 1 : at;
	if (strncmp(name, SLOW_UNIT, strlen(SLOW_UNIT)) != 0) /* a remark: the run goes on */
		cut(e->artefact, sizeof(e->artefact), at);
}

/* The line that says best what was found ranks highest */
static int rank_of(const char *line)
{
	if (strncmp(line, "anvil: ", 7) == 0)
		return 4;
	if (strstr(line, ": Assertion `"))
		return 3;
	if (strncmp(line, "SUMMARY: ", 9) == 0)
		return 2;
	return strncmp(line, "==", 2) == 0 && strstr(line, "ERROR: ") ? 1 : 0;
}

static void take_summary(struct engine *e, const char *line)
{
	int rank = rank_of(line);

	if (rank <= e->summary_rank)
		return;
	e->summary_rank = rank;
	if (rank == 1) /* without "==PID==": alike findings have alike summaries */
		line = strstr(line, "ERROR: ");
	cut(e->summary, sizeof(e->summary), line);
}

static void take_line(struct engine *e)
{
	for (size_t i = 0; i < e->line_len; i++) {
		if (iscntrl((unsigned char)e->line[i]) && e->line[i] != '\t')
			e->line[i] = '?';
	}
	e->line[e->line_len] = '\0';
	e->line_len = 0;
	if (take_progress(e, e->line) || take_statistic(e, e->line))
		return;
	take_artefact(e, e->line);
	take_summary(e, e->line);
	cut(e->report[e->report_count++ % REPORT_LINES], REPORT_COLUMNS, e->line);
}

static void take_bytes(struct engine *e, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\n')
			take_line(e);
		else if (e->line_len < sizeof(e->line) - 1)
			e->line[e->line_len++] = bytes[i];
	}
}

static void read_messages(struct engine *e)
{
	char bytes[4096];
	ssize_t n;

	while (e->fd >= 0) {
		n = read(e->fd, bytes, sizeof(bytes));
		if (n > 0) {
			take_bytes(e, bytes, (size_t)n);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			(void)close(e->fd);
			e->fd = -1;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

bool engine_poll(struct engine *e)
{
	pid_t reaped = waitpid(e->pid, &e->status, WNOHANG);

	read_messages(e);
	if (reaped != e->pid)
		return false;
	if (e->line_len)
		take_line(e);
	if (e->fd >= 0)
		(void)close(e->fd);
	e->fd = -1;
	e->pid = 0;
	e->ended_ms = engine_now();
	return true;
}

/* ---- how it ended ---- */

/* libFuzzer names an artefact that it could not write, too */
static bool artefact_is_whole(const struct engine *e)
{
	struct stat st;

	if (stat(e->artefact, &st) != 0)
		return false;
	return st.st_size > 0 || strstr(e->artefact, SHA1_OF_NO_BYTES);
}

enum engine_end engine_end(const struct engine *e)
{
	bool exited = WIFEXITED(e->status);

	if (exited && WEXITSTATUS(e->status) == 0)
		return e->done_ms && e->units ? ENGINE_DONE : ENGINE_FAILED;
	if (e->artefact[0] && artefact_is_whole(e))
		return ENGINE_FINDING;
	return exited && WEXITSTATUS(e->status) == INTERRUPTED ? ENGINE_INTERRUPTED : ENGINE_FAILED;
}

static void describe(const struct engine *e, char *text, size_t size)
{
	if (e->artefact[0] && !artefact_is_whole(e))
		snprintf(text, size, "could not write %s", e->artefact);
	else if (WIFSIGNALED(e->status))
		snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(e->status),
			 strsignal(WTERMSIG(e->status)));
	else if (WEXITSTATUS(e->status) == 0)
		snprintf(text, size, "exited without having fuzzed");
	else
		snprintf(text, size, "exited with status %d and no artefact",
			 WEXITSTATUS(e->status));
}

/* The kept lines, oldest first; NULL: no more */
static const char *report_line(const struct engine *e, size_t i)
{
	size_t kept = e->report_count < REPORT_LINES ? e->report_count : REPORT_LINES;

	return i < kept ? e->report[(e->report_count - kept + i) % REPORT_LINES] : NULL;
}

void engine_complain_end(const struct engine *e, const char *target, const char *what)
{
	char text[PATH_MAX + 64];
	size_t kept = e->report_count < REPORT_LINES ? e->report_count : REPORT_LINES;
	size_t i = kept > FAILED_LINES ? kept - FAILED_LINES : 0;
	const char *line;

	describe(e, text, sizeof(text));
	engine_complain("%s: %s; its last lines:", target, what ? what : text);
	for (; (line = report_line(e, i)); i++)
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
	for (size_t i = 0; (line = report_line(e, i)); i++)
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
	engine_complain("%s: cannot write it: %s; make room or give another --out", path,
			strerror(errno));
	(void)unlink(part);
	return false;
}

static void print_word(const char *word)
{
	if (strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			 "_-./+,:=@%") == strlen(word)) {
		fputs(word, stdout);
		return;
	}
	putchar('\'');
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*word);
	}
	putchar('\'');
}

void engine_print_replay(const struct engine *e)
{
	fputs("  replay: ", stdout);
	print_word(program_invocation_name);
	fputs(" play ", stdout);
	print_word(e->artefact);
	putchar('\n');
}
