/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The child plays and writes down where it is; when it dies, the parent reads that and its last
 * words.
 */
#include "runner_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/known.h"
#include "crash_signature.h"
#include "crash_stack.h"
#include "kvm/bus_kvm.h"
#include "kvm/bus_linux.h"
#include "base/sanitizer.h"

/* Asked by UndefinedBehaviorSanitizer, where it is: a report shows its stack. */
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}

/*
 * Asked by AddressSanitizer: what the bytes of its map mean is no news, and memory by the length
 * that a guest says is a finding, as it is for the engines.
 */
const char sanitizer_options[] = "print_legend=0:max_allocation_size_mb=2048:redzone=1024";

#define REPORT_BYTES_MAX (256l * 1024)
#define ATTEMPTS	 3 /* to play a script whose process somebody else ends */
#define FILES		 1024u

static char problem[1024]; /* why a script could not be played */

/* What a child plays, and where. */
struct job {
	const struct runner_stage *stage;
	const struct script *scripts;
	size_t count;
	unsigned int repeat;
};

static unsigned int limit_of(const struct runner_stage *stage)
{
	return stage->hang_seconds ? stage->hang_seconds : RUNNER_HANG_SECONDS;
}

static void limit_cpu(const struct runner_stage *stage)
{
	struct itimerval t = { .it_value = { .tv_sec = limit_of(stage) } };

	setitimer(ITIMER_VIRTUAL, &t, NULL);
}

/* A sanitizer closes each file that might be open before it starts its symbolizer, for a report:
 * where a process may have a million, that is most of a crash. */
static void limit_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur <= FILES)
		return;
	limit.rlim_cur = FILES;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Plays number `i`, as often as asked; the verdict is the last one's. */
static void play_number(struct stage *st, const struct job *job, size_t i, struct shared *sh)
{
	sh->current = i;
	sh->done = false;
	sh->unstable = false;
	sh->difference[0] = 0;
	for (unsigned int k = 0; k < job->repeat; k++) {
		struct verdict v;

		if (!job->stage->here)
			limit_cpu(job->stage);
		runner_play_once(st, &job->scripts[i], sh, &v);
		if (k > 0 && !runner_same(&v, &sh->verdict))
			sh->unstable = true;
		sh->verdict = v;
	}
	sh->done = true;
}

/* Not on other buses: the device is the same, and a search takes ten times as long where the host
 * is emulated itself. */
static bool looks_for_leaks(const struct runner_stage *stage)
{
	return stage->on == RUN_ON_MODEL && !stage->no_leaks &&
	       !(stage->device && stage->asked->leaks);
}

/* Before the first script: what is lost by then is not by a script. Once for all plays on it. */
static void look_at_once(const struct runner_stage *stage, struct shared *sh)
{
	if (!stage->device || stage->asked->looked)
		return;
	sh->asking = true;
	sh->leaked = sanitizer_found_leak();
	if (sh->leaked)
		_exit(1);
	sh->asking = false;
	sh->looked = true;
}

/*
 * A script that breaks a rule is left in the middle of a call, with what the device has allocated
 * there. That is no leak, and what shows as one after a later script may be that: then it is played
 * again, in a process of its own.
 */
static void look_for_leaks(struct shared *sh)
{
	static bool left;

	left |= sh->verdict.kind == VERDICT_VIOLATION;
	if (sh->verdict.kind == VERDICT_VIOLATION || !sanitizer_found_leak())
		return;
	sh->over = left;
	sh->leaked = !left;
	_exit(1);
}

/* Tells the parent after each script, and goes on when the parent has taken note. */
static void child(const struct job *job, size_t from, struct shared *sh, int tell, int wait_fd)
{
	static struct stage stage;
	char byte = 0;

	limit_files();
	if (job->stage->device)
		limit_cpu(job->stage);
	if (runner_set_stage(&stage, job->stage, sh->error, sizeof(sh->error)))
		exit(2);
	sh->ready = true;
	if (runner_ask(&stage, job->stage, sh, sh->error, sizeof(sh->error))) {
		sh->ready = false;
		exit(2);
	}
	if (!looks_for_leaks(job->stage))
		sanitizer_leave_leaks();
	look_at_once(job->stage, sh);
	for (size_t i = from; i < job->count; i++) {
		play_number(&stage, job, i, sh);
		look_for_leaks(sh);
		if (write(tell, &byte, 1) != 1 || read(wait_fd, &byte, 1) != 1)
			return;
	}
}

static char *read_report(FILE *file)
{
	char *text;
	size_t got;
	long size;

	if (fseek(file, 0, SEEK_END))
		return NULL;
	size = ftell(file);
	if (size <= 0)
		return NULL;
	if (size > REPORT_BYTES_MAX)
		size = REPORT_BYTES_MAX;
	rewind(file);
	text = malloc((size_t)size + 1);
	if (!text)
		return NULL;
	got = fread(text, 1, (size_t)size, file);
	text[got] = 0;
	return text;
}

/*
 * "heap-buffer-overflow in f" from the summary of a sanitizer's report, "... at file:line:column"
 * where it names no function and knows the line, or the signal.
 */
static void signature(const char *report, int status, char *out, size_t room)
{
	struct crash_summary s;
	char function[CRASH_FUNCTION_BYTES];

	if (crash_summary_read(report, &s) && s.function[0]) {
		crash_function(report, &s, function, sizeof(function));
		snprintf(out, room, "crash:%s in %s", s.error, function);
	} else if (s.error[0] && s.place[0])
		snprintf(out, room, "crash:%s at %.69s", s.error, s.place);
	else if (s.error[0])
		snprintf(out, room, "crash:%s", s.error);
	else if (WIFSIGNALED(status))
		snprintf(out, room, "crash:%s", strsignal(WTERMSIG(status)));
	else
		snprintf(out, room, "crash:exit status %d", WEXITSTATUS(status));
}

static void outcome_of_verdict(const struct shared *sh, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	player_verdict_name(&sh->verdict, o->verdict, sizeof(o->verdict));
	memcpy(o->difference, sh->difference, sizeof(o->difference));
	o->finding = sh->verdict.kind == VERDICT_VIOLATION || sh->verdict.kind == VERDICT_WEDGED ||
		     sh->unstable || o->difference[0];
	o->unstable = sh->unstable;
	o->op = sh->verdict.op;
	memcpy(o->reason, sh->verdict.reason, sizeof(o->reason));
}

static bool is_hang(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGVTALRM;
}

/* Of a process whose end is the device's doing; takes the report over. */
static void outcome_of_death(const struct job *job, const struct shared *sh, int status,
			     char *report, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	o->finding = true;
	o->op = sh->asking ? -1 : sh->op;
	o->report = report;
	if (is_hang(status)) {
		snprintf(o->verdict, sizeof(o->verdict), "hang");
		snprintf(o->reason, sizeof(o->reason), "still running after %u s of processor time",
			 limit_of(job->stage));
		return;
	}
	if (sh->leaked)
		crash_leak(report, o->verdict, sizeof(o->verdict));
	else if (sh->death.killed_self)
		snprintf(o->verdict, sizeof(o->verdict), "crash:%s", strsignal(SIGKILL));
	else
		signature(o->report, status, o->verdict, sizeof(o->verdict));
	snprintf(o->reason, sizeof(o->reason), "%s%s, see the report",
		 sh->leaked ? "memory is lost" : "the device's process died",
		 sh->asking ? " when it was asked what it offers, before the first script" : "");
}

/* Why a process had no device: in its own words, and the first ones of what else it said. */
static void tell_no_device(const struct job *job, const struct shared *sh, const char *report,
			   int status)
{
	int words = report && report[0] != '=' ? (int)strcspn(report, "\n") : 0;
	char death[RUNNER_VERDICT_BYTES];

	if (sh->error[0] && words)
		snprintf(problem, sizeof(problem), "%.300s (%.*s)", sh->error, words, report);
	else if (sh->error[0])
		snprintf(problem, sizeof(problem), "%s", sh->error);
	else if (job->stage->device) {
		if (is_hang(status))
			snprintf(death, sizeof(death), "hang");
		else
			signature(report, status, death, sizeof(death));
		snprintf(problem, sizeof(problem),
			 "%.300s: before a script was played: %s; anvil play --no-fork shows it",
			 job->stage->device, death);
	} else if (words)
		snprintf(problem, sizeof(problem), "%.*s", words, report);
	else if (WIFSIGNALED(status))
		snprintf(problem, sizeof(problem), "no process with a device can be made: %s",
			 strsignal(WTERMSIG(status)));
	else
		snprintf(problem, sizeof(problem), "no process with a device can be made");
}

/* A child, and what connects it */
struct player_process {
	struct shared *shared;
	FILE *errors;
	int to_parent[2];
	int to_child[2];
	pid_t pid;
};

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_all(struct player_process *p)
{
	for (unsigned int i = 0; i < 2; i++) {
		close_end(&p->to_parent[i]);
		close_end(&p->to_child[i]);
	}
	if (p->errors)
		fclose(p->errors);
	p->errors = NULL;
}

static int open_all(struct player_process *p)
{
	int report = memfd_create("report", MFD_CLOEXEC); /* a full disk loses no report */

	p->to_parent[0] = p->to_parent[1] = p->to_child[0] = p->to_child[1] = -1;
	p->errors = report < 0 ? NULL : fdopen(report, "w+");
	if (!p->errors)
		close_end(&report);
	if (p->errors && !pipe(p->to_parent) && !pipe(p->to_child))
		return 0;
	return -errno;
}

static int start_child(struct player_process *p, const struct job *job, size_t from)
{
	struct shared *sh = p->shared;
	int err = open_all(p);
	sigset_t all;
	sigset_t before;

	if (err)
		return err;
	sh->current = from;
	sh->done = false;
	sh->leaked = false;
	sh->looked = false;
	sh->over = false;
	sh->ready = false;
	sh->asking = false;
	if (job->stage->device)
		sh->questions = job->stage->asked->questions;
	sh->op = 0;
	sh->error[0] = 0;
	memset(&sh->death, 0, sizeof(sh->death));
	/* one that somebody sends comes when death_watch has its handlers */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	p->pid = fork();
	err = p->pid < 0 ? -errno : 0;
	if (p->pid == 0)
		death_watch(&sh->death);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (err)
		return err;
	if (p->pid > 0) {
		close_end(&p->to_parent[1]);
		close_end(&p->to_child[0]);
		return 0;
	}
	close_end(&p->to_parent[0]);
	close_end(&p->to_child[1]);
	dup2(fileno(p->errors), STDERR_FILENO);
	child(job, from, sh, p->to_parent[1], p->to_child[0]);
	sanitizer_leave_leaks(); /* it has looked */
	exit(0);
}

/* Whether the child's end is an outcome; if it is not, `problem` says what it was. */
static bool take_death(struct player_process *p, const struct job *job, struct outcome *o)
{
	struct rusage usage = { .ru_maxrss = 0 };
	char *report;
	int status = 0;
	char why[300];

	while (wait4(p->pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	report = read_report(p->errors);
	if (death_is_foreign(&p->shared->death, status, &usage, report, why, sizeof(why))) {
		snprintf(problem, sizeof(problem), "%s", why);
	} else if (!p->shared->ready) {
		tell_no_device(job, p->shared, report, status);
	} else {
		outcome_of_death(job, p->shared, status, report, o);
		return true;
	}
	free(report);
	return false;
}

/* The device died when it was asked. Takes the report over; false: it cannot be played on. */
static bool take_asked(const struct job *job, const struct shared *sh, struct outcome *o)
{
	struct runner_asked *asked = job->stage->asked;
	unsigned int question = sh->questions.now;
	const struct known *known = job->stage->known;
	char signature[CRASH_SIGNATURE_BYTES];
	bool told;

	if (!crash_signature(o->report, signature, sizeof(signature)))
		snprintf(signature, sizeof(signature), "%s", o->verdict);
	told = !strcmp(asked->signature, signature) || (known && known_has(known, signature));
	memcpy(asked->signature, signature, sizeof(signature));
	snprintf(problem, sizeof(problem),
		 "%.300s: no script can be played, as it does not say what it offers: %s",
		 job->stage->device, o->verdict);
	if (told || !asked->tell)
		free(o->report);
	else
		asked->tell(asked->opaque, o);
	if (sh->leaked) {
		asked->leaks = true;
		return true;
	}
	if (question == 0 || question >= MACHINE_QUESTIONS)
		return false;
	asked->questions.left_out[question] = true;
	return true;
}

/*
 * Plays from number `from` until one ends the child. Returns how many have an outcome: none where
 * the child was ended by somebody else meanwhile; -ERESTART: one question less is put next time.
 */
static ssize_t play_some(const struct job *job, size_t from, struct shared *sh,
			 void (*each)(void *opaque, size_t index, struct outcome *outcome),
			 void *opaque)
{
	struct player_process p = { .shared = sh };
	int err = start_child(&p, job, from);
	struct outcome o;
	size_t done = 0;
	bool died;
	char byte;

	if (err) {
		snprintf(problem, sizeof(problem), "no process to play in: %s", strerror(-err));
		close_all(&p);
		return err;
	}
	while (from + done < job->count && read(p.to_parent[0], &byte, 1) == 1) {
		outcome_of_verdict(sh, &o);
		each(opaque, from + done, &o);
		done++;
		if (write(p.to_child[1], &byte, 1) != 1)
			break;
	}
	close_end(&p.to_parent[0]);
	close_end(&p.to_child[1]);
	if (sh->looked)
		job->stage->asked->looked = true;
	died = take_death(&p, job, &o);
	if (died && (sh->over || from + done == job->count)) { /* all have an outcome */
		free(o.report);
	} else if (died && sh->asking) {
		err = take_asked(job, sh, &o) ? -ERESTART : -ENODEV;
	} else if (died) {
		each(opaque, from + done, &o);
		done++;
	}
	close_all(&p);
	return err ? err : (ssize_t)done;
}

/* For a debugger: what ends the device ends this process. */
static int play_here(const struct job *job,
		     void (*each)(void *opaque, size_t index, struct outcome *outcome),
		     void *opaque)
{
	static struct stage stage;
	static struct shared shared;

	sanitizer_leave_leaks();
	if (runner_set_stage(&stage, job->stage, problem, sizeof(problem)) ||
	    runner_ask(&stage, job->stage, &shared, problem, sizeof(problem)))
		return -ENODEV;
	for (size_t i = 0; i < job->count; i++) {
		struct outcome o;

		play_number(&stage, job, i, &shared);
		outcome_of_verdict(&shared, &o);
		each(opaque, i, &o);
	}
	return 0;
}

int runner_play(const struct runner_stage *stage, const struct script *scripts, size_t count,
		unsigned int repeat,
		void (*each)(void *opaque, size_t index, struct outcome *outcome), void *opaque)
{
	const struct job job = { stage, scripts, count, repeat };
	struct shared *sh = stage->here ? NULL
					: mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
					       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int in_vain = 0;
	ssize_t played = 0;

	if (stage->here)
		return play_here(&job, each, opaque);
	if (sh == MAP_FAILED) {
		snprintf(problem, sizeof(problem), "%s", strerror(errno));
		return -ENOMEM;
	}
	sanitizer_tell_leaks();
	fflush(stdout);
	for (size_t from = 0; from < count && played >= 0 && in_vain < ATTEMPTS;
	     from += (size_t)played) {
		do
			played = play_some(&job, from, sh, each, opaque);
		while (played == -ERESTART);
		in_vain = played == 0 ? in_vain + 1 : 0;
	}
	munmap(sh, sizeof(*sh));
	return in_vain ? -ECANCELED : played < 0 ? (int)played : 0;
}

const char *runner_problem(void)
{
	return problem;
}

void runner_tell(const struct outcome *o, const char *name, const struct script *script, FILE *out)
{
	fprintf(out, "%s: %s%s\n", name, o->verdict,
		o->unstable ? " (not the same each time)" : "");
	if (!o->finding)
		return;
	script_print(script, o->op, out);
	fprintf(out, "verdict: %s\nreason: %s\n", o->verdict, o->reason);
	if (o->difference[0])
		fprintf(out, "difference: %s\n", o->difference);
	if (o->report)
		fprintf(out, "%s\n", o->report);
	fflush(out);
}

bool runner_can(const struct runner_stage *stage, char *error, size_t room)
{
	static struct machine machine;
	struct bus *bus;

	if (stage->on == RUN_ON_MODEL)
		return true;
	if (stage->on == RUN_ON_LINUX)
		return bus_linux_can(stage->kernel, error, room);
	machine_create(&machine);
	if (bus_kvm_create(&bus, &machine, error, room))
		return false;
	bus->ops->destroy(bus);
	return true;
}

static void keep(void *opaque, size_t index, struct outcome *outcome)
{
	(void)index;
	*(struct outcome *)opaque = *outcome;
}

int runner_play_one(const struct runner_stage *stage, const struct script *script,
		    struct outcome *outcome)
{
	return runner_play(stage, script, 1, 1, keep, outcome);
}

int runner_play_logged(const struct script *script, struct play_log *log, struct outcome *outcome)
{
	const struct runner_stage model = { .on = RUN_ON_MODEL, .log = log };

	return runner_play_one(&model, script, outcome);
}
