/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sandbox.h: what a runner does goes on inside: threads, memory, files, the end by abort, a guest.
 */
#include "sandbox_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>

#include "kvm/bus_kvm.h"
#include "play/player.h"

/* ---- what still works ---- */

#define WORKERS 12 /* more than the C library has arenas before it counts processors */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static unsigned int turns;

static void take_turns(unsigned int me)
{
	for (unsigned int i = 0; i < 50; i++) {
		CHECK(pthread_mutex_lock(&mutex) == 0);
		while (turns % WORKERS != me)
			CHECK(pthread_cond_wait(&turned, &mutex) == 0);
		turns++;
		CHECK(pthread_cond_broadcast(&turned) == 0);
		CHECK(pthread_mutex_unlock(&mutex) == 0);
	}
}

static void *work(void *arg)
{
	take_turns((unsigned int)(uintptr_t)arg);
	use_memory();
	if ((uintptr_t)arg % 2)
		pthread_exit(NULL);
	return NULL;
}

static volatile sig_atomic_t kicked;

static void kick(int signal)
{
	(void)signal;
	kicked = 1;
}

static void use_descriptors(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
	struct timespec moment = { .tv_nsec = 1000000 };
	struct termios modes;
	struct stat st;

	CHECK(poll(&p, 1, 0) == 1 && ppoll(&p, 1, &moment, NULL) == 1);
	CHECK(nanosleep(&moment, NULL) == 0);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL) == 0);
	CHECK(time(NULL) != (time_t)-1);
	CHECK(fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode));
	CHECK(fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK) == 0);
	CHECK(tcgetattr(STDOUT_FILENO, &modes) != 0 && errno == ENOTTY);
	CHECK(tcsetattr(STDOUT_FILENO, TCSANOW, &modes) != 0 && errno == ENOTTY);
	CHECK(!isatty(STDOUT_FILENO));
	CHECK(lseek(STDOUT_FILENO, 0, SEEK_CUR) < 0 && errno == ESPIPE);
	CHECK(close(STDIN_FILENO) == 0);
}

static void live(const void *arg)
{
	struct worker w[WORKERS];
	struct sigaction action = { .sa_handler = kick };
	time_t now = 0;
	struct tm tm;

	(void)arg;
	begin(&nothing);
	for (uintptr_t i = 0; i < WORKERS; i++)
		start(&w[i], work, (void *)i);
	enter();
	for (unsigned int i = 0; i < WORKERS; i++)
		CHECK(eventfd_write(w[i].go, 1) == 0);
	for (unsigned int i = 0; i < WORKERS; i++)
		CHECK(pthread_join(w[i].thread, NULL) == 0);
	use_memory();
	use_descriptors();
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0 && kicked);
	CHECK(kill(getpid(), SIGUSR1) == 0);
	CHECK(localtime_r(&now, &tm));
	printf("lived %u turns\n", turns);
	exit(7);
}

static void what_a_runner_does_goes_on(void **state)
{
	(void)state;
	play(live, NULL);
	expect_status(7);
	assert_string_equal(run.text, "lived 600 turns\n");
}

static void abort_inside(const void *arg)
{
	begin_and_enter(&nothing);
	if (arg)
		abort();
	__assert_fail("the devices' own bug", "file.c", 1, "function");
}

static void abort_and_assert_end_the_process(void **state)
{
	(void)state;
	play(abort_inside, "");
	assert_true(WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGABRT);
	play(abort_inside, NULL);
	assert_true(WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGABRT);
	expect_text("the devices' own bug");
}

/* ---- a guest ---- */

static void play_guest(const void *arg)
{
	static struct machine machine;
	struct bus *bus;
	struct script script;
	struct verdict verdict;
	char error[256];

	CHECK(script_parse(arg, &script, error, sizeof(error)) == 0);
	if (access("/dev/kvm", R_OK | W_OK))
		child_skips("no /dev/kvm that can be written");
	machine_create(&machine);
	CHECK(bus_kvm_create(&bus, &machine, error, sizeof(error)) == 0);
	begin_and_enter(&nothing);
	bus->ops->restart(bus);
	player_play(bus, &script, NULL, &verdict);
	CHECK(verdict.kind == VERDICT_OK);
	bus->ops->destroy(bus);
}

static void guest_runs_inside(void **state)
{
	(void)state;
	play(play_guest, "device blk\ninit\nfill byte=0x5a base=4 at=0x10 len=0x200\n"
			 "blk type=1 sector=3\nblk sector=3\n");
	expect_status(0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_runner_does_goes_on),
		cmocka_unit_test(abort_and_assert_end_the_process),
		cmocka_unit_test(guest_runs_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
