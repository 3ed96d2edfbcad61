/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two processes: the runner holds the machine, and a thread of it for each processor; its parent
 * keeps the terminal in order whatever becomes of the runner, and starts it anew after a reset.
 */
#include "boot.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "array_size.h"
#include "board.h"
#include "base/command.h"
#include "base/complain.h"
#include "boot_control.h"
#include "console.h"
#include "host_device.h"
#include "host_disk.h"
#include "initrd.h"
#include "sandbox.h"
#include "watch.h"

_Static_assert(BOOT_DEVICES_MAX == BOARD_DEVICES_MAX, "as many as a machine has room for");

/* How a run ended; the runner tells its parent. */
struct ending {
	bool told;
	enum board_event event;
	unsigned int status;
	char report[BOARD_REPORT];
};

struct run;

struct processor {
	struct run *run;
	unsigned int number;
	pthread_t thread;
	bool started;
};

struct run {
	struct board board;
	struct linux_image image;
	struct processor processor[BOARD_CPUS_MAX];
	sem_t gate; /* nobody runs before all is set up */
	atomic_bool stop;
	pthread_mutex_t lock; /* of `ending` */
	struct ending ending;
	int end_fd;
	struct boot_control control;
	struct watch watch;
	char prefix[BOOT_DEVICES_MAX][16]; /* of the names of what is recorded */
};

#define ERROR_ROOM 512u

/* ---- processors ---- */

/* A signal that comes just before the guest is entered must not be lost. */
static _Thread_local struct kvm_run *running;

static void on_kick(int signal)
{
	(void)signal;
	if (running)
		running->immediate_exit = 1;
}

/* The first ending counts. */
static void end_run(struct run *r, enum board_event event, unsigned int status, const char *report)
{
	pthread_mutex_lock(&r->lock);
	if (!r->ending.told) {
		r->ending.told = true;
		r->ending.event = event;
		r->ending.status = status;
		snprintf(r->ending.report, sizeof(r->ending.report), "%s", report);
	}
	pthread_mutex_unlock(&r->lock);
	(void)eventfd_write(r->end_fd, 1);
}

static bool has_ended(struct run *r)
{
	bool told;

	pthread_mutex_lock(&r->lock);
	told = r->ending.told;
	pthread_mutex_unlock(&r->lock);
	return told;
}

static void *run_processor(void *opaque)
{
	struct processor *p = opaque;
	struct run *r = p->run;

	running = r->board.cpu[p->number].run;
	while (sem_wait(&r->gate))
		continue;
	while (!atomic_load(&r->stop)) {
		char report[BOARD_REPORT] = "";
		unsigned int status = 0;
		enum board_event event = board_run(&r->board, p->number, &status, report);

		if (event == BOARD_RESET && !atomic_load(&r->board.heard)) {
			event = BOARD_FAILED;
			snprintf(
				report, sizeof(report),
				"the guest reset the machine before it wrote to the console or "
				"looked at a device; is the kernel whole, and for such a machine?");
		}

		if (event == BOARD_INTERRUPTED || event == BOARD_OTHER)
			continue;
		end_run(r, event, status, report);
		break;
	}
	return NULL;
}

static int start_processors(struct run *r)
{
	struct sigaction kick = { .sa_handler = on_kick };

	sigaction(SIGUSR1, &kick, NULL);
	for (unsigned int i = 0; i < r->board.cpus; i++) {
		struct processor *p = &r->processor[i];
		int err;

		p->run = r;
		p->number = i;
		err = pthread_create(&p->thread, NULL, run_processor, p);
		if (err)
			return -err;
		p->started = true;
	}
	return 0;
}

static void open_gate(struct run *r)
{
	for (unsigned int i = 0; i < r->board.cpus; i++)
		sem_post(&r->gate);
}

static void stop_processors(struct run *r)
{
	atomic_store(&r->stop, true);
	open_gate(r);
	for (unsigned int i = 0; i < r->board.cpus; i++) {
		if (!r->processor[i].started)
			continue;
		pthread_kill(r->processor[i].thread, SIGUSR1);
		pthread_join(r->processor[i].thread, NULL);
	}
}

/* ---- somebody asks how it is ---- */

static volatile sig_atomic_t asked;
static int asked_fd;

static void on_question(int signal)
{
	(void)signal;
	asked = 1;
	(void)eventfd_write(asked_fd, 1);
}

static void answer(struct run *r)
{
	asked = 0;
	boot_report(&r->board);
}

/* ---- nothing is heard of the guest ---- */

static volatile sig_atomic_t overdue;

static void on_overdue(int signal)
{
	(void)signal;
	overdue = 1;
	(void)eventfd_write(asked_fd, 1);
}

/* It ends with the process. */
static int start_watch(struct run *r)
{
	signal(SIGPROF, on_overdue);
	return watch_start(&r->watch, SIGPROF, 0);
}

static void give_up_if_silent(struct run *r)
{
	char report[BOARD_REPORT];

	if (atomic_load(&r->board.heard))
		return;
	snprintf(report, sizeof(report), "nothing is heard of the guest: " WATCH_NO_HARDWARE);
	end_run(r, BOARD_STATUS, EXIT_USAGE, report);
}

/* ---- the console ---- */

#define KEYS_ROOM 256u

/* Passes keys on until the run has ended. What the guest does not take yet waits. */
static void event_loop(struct run *r)
{
	struct console_keys keys = { 0 };
	uint8_t bytes[KEYS_ROOM];
	size_t from = 0;
	size_t len = 0;
	bool quit = false;
	eventfd_t count;
	struct pollfd pollfds[3] = {
		{ .fd = r->end_fd, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = r->control.fd, .events = POLLIN },
	};

	while (!quit) {
		ssize_t n;

		from += board_type(&r->board, bytes + from, len - from);
		pollfds[1].events = from == len ? POLLIN : 0;
		if (poll(pollfds, 3, from == len ? -1 : 10) < 0)
			continue;
		if (pollfds[0].revents && eventfd_read(r->end_fd, &count) == 0 && asked)
			answer(r);
		if (overdue)
			give_up_if_silent(r);
		if (has_ended(r))
			return;
		if (pollfds[2].revents & POLLIN)
			boot_control_read(&r->control, &r->board);
		if (from < len || !pollfds[1].revents)
			continue;
		n = read(STDIN_FILENO, bytes, sizeof(bytes));
		if (n <= 0)
			pollfds[1].fd = -1; /* nobody types any more */
		from = 0;
		len = n > 0 ? console_filter(&keys, bytes, (size_t)n, &quit) : 0;
	}
	end_run(r, BOARD_POWER_OFF, 0, "");
}

/* ---- the runner ---- */

static int record(struct run *r, const struct boot_options *o, struct host_device *d,
		  unsigned int i, char *error)
{
	int err;

	if (!o->record)
		return 0;
	snprintf(r->prefix[i], sizeof(r->prefix[i]), "%s%u", o->device[i].is_disk ? "disk" : "net",
		 i);
	err = host_device_record(d, o->record, r->prefix[i]);
	if (err)
		snprintf(error, ERROR_ROOM, "--record: %s", strerror(-err));
	return err;
}

static int make_legacy(struct host_device *d, char *error)
{
	int err = host_device_make_legacy(d);

	if (err)
		snprintf(error, ERROR_ROOM, "this device has no legacy interface: %s",
			 strerror(-err));
	return err;
}

static int add_devices(struct run *r, const struct boot_options *o, char *error)
{
	for (unsigned int i = 0; i < o->devices; i++) {
		const struct boot_device *d = &o->device[i];
		struct host_device *device;
		int err = d->is_disk ? host_disk_create(&device, &d->disk, i, &r->board.memory,
							error, ERROR_ROOM)
				     : host_nic_create(&device, &d->nic, i, &r->board.memory, error,
						       ERROR_ROOM);

		if (!err)
			err = board_add_device(&r->board, device, error, ERROR_ROOM);
		if (!err && (d->disk.legacy || d->nic.legacy))
			err = make_legacy(device, error);
		if (!err)
			err = record(r, o, device, i, error);
		if (err)
			return err;
	}
	return 0;
}

static int open_images(struct run *r, const struct boot_options *o, char *error)
{
	int err = image_open(&r->image.kernel, o->kernel, "kernel", error, ERROR_ROOM);

	r->image.cmdline = o->cmdline;
	if (!err && o->initrd)
		err = image_open(&r->image.initrd, o->initrd, "initial RAM disk", error,
				 ERROR_ROOM);
	if (!err && o->initrd)
		err = initrd_check(&r->image.initrd, error, ERROR_ROOM);
	return err;
}

static int set_up(struct run *r, const struct boot_options *o, char *error)
{
	int err = open_images(r, o, error);

	if (err)
		return err;
	err = board_create(&r->board, o->cpus, o->mib, error, ERROR_ROOM);
	if (!err)
		err = add_devices(r, o, error);
	return err ? err : board_load(&r->board, &r->image, error, ERROR_ROOM);
}

static int start_threads(struct run *r, char *error)
{
	int err = board_start(&r->board, error, ERROR_ROOM);

	if (err)
		return err;
	err = start_processors(r);
	if (err) {
		snprintf(error, ERROR_ROOM, "no thread for a processor: %s; try fewer --cpus",
			 strerror(-err));
		return err;
	}
	err = start_watch(r);
	if (err)
		snprintf(error, ERROR_ROOM, "no timer: %s", strerror(-err));
	return err;
}

/* Threads that wait at the gate, and a process that can do what they need. */
static int enter_sandbox(struct run *r, char *error)
{
	struct sandbox_needs needs = { .on_refusal = console_restore };
	char summary[SANDBOX_LINE_BYTES];
	int err;

	board_needs(&r->board, &needs);
	err = sandbox_begin(&needs, error, ERROR_ROOM);
	if (!err)
		err = start_threads(r, error);
	if (!err)
		err = sandbox_enter(error, ERROR_ROOM);
	if (err)
		return err;
	sandbox_summary(summary, sizeof(summary));
	complain("sandbox: %s", summary);
	return 0;
}

static int prepare(struct run *r, const struct boot_options *o, char *error)
{
	int err = set_up(r, o, error);

	if (err)
		return err;
	if (!o->no_sandbox && !o->record)
		return enter_sandbox(r, error);
	complain("warning: no sandbox%s: a guest that breaks out of a device can do what you can",
		 o->no_sandbox ? "" : ", as --record writes files");
	return start_threads(r, error);
}

/* Returns the runner's exit status; `ending` is told if the guest ran. */
static int run_machine(const struct boot_options *o, struct ending *ending)
{
	static struct run r;
	char error[ERROR_ROOM];
	int err;

	sem_init(&r.gate, 0, 0);
	pthread_mutex_init(&r.lock, NULL);
	board_init(&r.board);
	r.end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	asked_fd = r.end_fd;
	signal(SIGUSR2, on_question);
	err = boot_control_open(&r.control, o->control, error, ERROR_ROOM);
	if (!err)
		err = prepare(&r, o, error);
	if (err) {
		complain("%s", error);
	} else {
		console_raw();
		if (o->try_sandbox)
			sandbox_probe();
		open_gate(&r);
		event_loop(&r);
	}
	stop_processors(&r);
	board_destroy(&r.board);
	image_close(&r.image.kernel);
	image_close(&r.image.initrd);
	close(r.end_fd);
	boot_control_close(&r.control);
	if (err)
		return EXIT_USAGE;
	*ending = r.ending;
	return EXIT_OK;
}

/* ---- its parent ---- */

static volatile pid_t runner;

static void forward_signal(int signal)
{
	kill(runner, signal);
}

/* They are blocked while no runner is there: they wait for the next. `before` is the mask then. */
static void pass_signals_on(sigset_t *before)
{
	static const int passed[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR2 };
	struct sigaction a = { .sa_handler = forward_signal };
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		sigaddset(&mask, passed[i]);
	sigprocmask(SIG_BLOCK, &mask, before);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		sigaction(passed[i], &a, NULL);
}

static _Noreturn void runner_main(const struct boot_options *o, const sigset_t *mask,
				  struct ending *ending)
{
	static const int own[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		signal(own[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	/* what a guest's writes may raise is an error of theirs: files too large, readers gone */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	exit(run_machine(o, ending));
}

/* One run, from power-on to its ending. Returns how the runner's process ended. */
static int power_on(const struct boot_options *o, const sigset_t *mask, struct ending *ending)
{
	sigset_t blocked;
	siginfo_t ended;
	int status = 0;

	memset(ending, 0, sizeof(*ending));
	fflush(NULL);
	runner = fork();
	if (runner < 0) {
		complain("no process for the runner: %s", strerror(errno));
		return EXIT_USAGE << 8;
	}
	if (runner == 0)
		runner_main(o, mask, ending);
	sigprocmask(SIG_SETMASK, mask, &blocked);
	while (waitid(P_PID, (id_t)runner, &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		continue;
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	waitpid(runner, &status, 0);
	return status;
}

static int explain_death(int status)
{
	if (WIFSIGNALED(status)) {
		complain("the runner was ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
		return 128 + WTERMSIG(status);
	}
	if (WEXITSTATUS(status) == EXIT_USAGE || WEXITSTATUS(status) == SANDBOX_REFUSED)
		return WEXITSTATUS(status); /* it has said why */
	complain("the runner ended with status %d in the middle of the run", WEXITSTATUS(status));
	return EXIT_FINDING;
}

static int exit_status(const struct ending *ending)
{
	switch (ending->event) {
	case BOARD_STATUS:
		if (ending->report[0])
			complain("%s", ending->report);
		return (int)ending->status;
	case BOARD_FAILED:
		complain("%s", ending->report);
		return EXIT_FINDING;
	default:
		return EXIT_OK;
	}
}

int boot(const struct boot_options *options)
{
	struct ending *ending = mmap(NULL, sizeof(*ending), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigset_t mask;
	int status;

	if (ending == MAP_FAILED) {
		complain("not enough memory");
		return EXIT_USAGE;
	}
	console_save();
	pass_signals_on(&mask);
	do {
		status = power_on(options, &mask, ending);
		console_restore();
	} while (status == 0 && ending->event == BOARD_RESET && !options->no_reboot);
	status = status == 0 && ending->told ? exit_status(ending) : explain_death(status);
	munmap(ending, sizeof(*ending));
	return status;
}
