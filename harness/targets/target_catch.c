/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sanitizers write their reports to a file in memory: what has been told once is not told again.
 * Nothing here allocates memory while a script is played: the device's heap may be broken.
 */
#include "target_catch.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>
#include <ucontext.h>
#include <unwind.h>

#include <sanitizer/common_interface_defs.h>

#include "array_size.h"
#include "base/complain.h"
#include "base/fiber.h"
#include "base/msan.h"
#include "base/sanitizer.h"

#define STACK_BYTES (256u << 10)

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGVTALRM };

/*
 * The C library's own. A handler that MemorySanitizer knows of has to return: from then on it would
 * not tell any more where values were stored.
 */
int __sigaction(int number, const struct sigaction *action, struct sigaction *before);

static sigjmp_buf landing;
static volatile bool armed;
static volatile unsigned int played; /* scripts */
static volatile bool unwinding;
static struct caught now;
static struct machine *machine;
static int reports = -1; /* the file in memory */
static void (*at_the_end)(void);
static struct sigaction engines[ARRAY_SIZE(signals)]; /* the engine's own */

static void land(void *opaque)
{
	(void)opaque;
	siglongjmp(landing, 1);
}

static void __attribute__((noreturn)) leave(void)
{
	armed = false;
	fiber_leave(land, NULL);
}

/* ---- stacks ---- */

/* Behind a signal's frame is the place of the fault itself; what is before was the handler. */
static _Unwind_Reason_Code take_frame(struct _Unwind_Context *context, void *opaque)
{
	struct caught *c = opaque;
	int fault = 0;
	uintptr_t ip = (uintptr_t)_Unwind_GetIPInfo(context, &fault);

	if (fault) {
		c->frames = 0;
		ip++;
	}
	if (!ip || c->frames == CAUGHT_FRAMES)
		return _URC_END_OF_STACK;
	c->pc[c->frames++] = (const void *)ip;
	return _URC_NO_REASON;
}

static void unwind(struct caught *c)
{
	unwinding = true;
	c->frames = 0;
	_Unwind_Backtrace(take_frame, c);
	unwinding = false;
}

/* The first stack of a report, whose frames are "    #0 0x55...", or all of them */
static void read_stacks(struct caught *c, bool all)
{
	bool inside = false;

	c->frames = 0;
	for (const char *at = c->text; at; at = strchr(at, '\n')) {
		unsigned long long pc;
		unsigned int number;

		at += *at == '\n';
		if (sscanf(at, "    #%u 0x%llx", &number, &pc) == 2) {
			inside = true;
			if (c->frames < CAUGHT_FRAMES)
				c->pc[c->frames++] = (const void *)(uintptr_t)(pc + 1);
		} else if (inside && !all) {
			return;
		}
	}
}

/* ---- reports ---- */

/* And empties the file. */
static void take_text(char *text, size_t room)
{
	ssize_t bytes = reports < 0 || !room ? 0 : pread(reports, text, room - 1, 0);

	if (room)
		text[bytes > 0 ? bytes : 0] = 0;
	if (reports >= 0 && ftruncate(reports, 0) && room)
		text[0] = 0;
}

static void __attribute__((noreturn)) give_up(const char *why)
{
	complain("%s", why);
	at_the_end();
	_exit(1);
}

/* `text` begins with all that was reported since the last one: what is in the file is this alone.
 */
void catch_report(enum caught_how how, const char *text)
{
	if (now.how) {
		if (armed) /* else it may be what ends the process */
			take_text(NULL, 0);
		return;
	}
	now.how = how;
	if (reports < 0)
		snprintf(now.text, sizeof(now.text), "%s", text ? text : "");
	else
		take_text(now.text, sizeof(now.text));
	if (!now.frames)
		read_stacks(&now, how == CAUGHT_MEMORY);
	/* not from here: the sanitizer holds its locks */
	if (armed)
		machine_give_up(machine, leave);
}

/* A sanitizer ends the process: what it wrote is not to be lost. */
static void death(void)
{
	static char text[CAUGHT_BYTES];

	take_text(text, sizeof(text));
	fputs(text, stderr);
	at_the_end();
}

void catch_leave(enum caught_how how, const char *text)
{
	if (!now.how) {
		now.how = how;
		if (text)
			snprintf(now.text, sizeof(now.text), "%s", text);
		else
			take_text(now.text, sizeof(now.text));
		unwind(&now);
	}
	if (armed)
		leave();
}

void catch_say(const char *format, ...)
{
	va_list arguments;

	if (now.how || now.text[0])
		return;
	va_start(arguments, format);
	(void)vsnprintf(now.text, sizeof(now.text), format, arguments);
	va_end(arguments);
	if (!armed)
		complain("%s", now.text);
}

/* ---- what is reported again and again ---- */

#define TOLD 1024u

/* A report takes milliseconds. What one has said, by a hash of its place and kind; 0: free */
static struct {
	uint64_t hash;
	char head[CAUGHT_HEAD];
	const void *pc[CAUGHT_FRAMES];
	unsigned int frames;
} told[TOLD];

static uint64_t hash_place(uint64_t kind)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ kind;

	for (unsigned int i = 0; i < now.frames; i++)
		hash = (hash ^ (uintptr_t)now.pc[i]) * 0x100000001b3ull;
	return hash ? hash : 1;
}

static void recall(size_t slot)
{
	take_text(NULL, 0);
	memcpy(now.text, told[slot].head, CAUGHT_HEAD);
	memcpy(now.pc, told[slot].pc, sizeof(now.pc));
	now.frames = told[slot].frames;
}

static void remember(size_t slot, uint64_t hash)
{
	told[slot].hash = hash;
	snprintf(told[slot].head, CAUGHT_HEAD, "%.255s", now.text);
	memcpy(told[slot].pc, now.pc, sizeof(now.pc));
	told[slot].frames = now.frames;
}

void catch_reportable(enum caught_how how, uint64_t kind, void (*report)(const void *opaque),
		      const void *opaque)
{
	uint64_t hash;
	size_t slot;

	if (!now.how) {
		unwind(&now);
		hash = hash_place(kind);
		slot = hash % TOLD;
		if (told[slot].hash == hash) {
			recall(slot);
		} else {
			now.frames = how == CAUGHT_MEMORY ? 0 : now.frames;
			report(opaque);
			remember(slot, hash);
		}
		now.how = how;
	}
	if (armed)
		leave();
}

void catch_die(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)__sigaction(signals[i], &engines[i], NULL);
	abort();
}

const struct caught *catch_pending(void)
{
	return now.how ? &now : NULL;
}

/* ---- signals ---- */

/* The device has called what is no code: who called is known where the stack is as it was. */
static SEES_NOTHING void add_caller(struct caught *c, const void *context)
{
#ifdef __x86_64__
	const ucontext_t *u = context;
	const void *const *top = (const void *const *)u->uc_mcontext.gregs[REG_RSP];

	if (c->frames > 1)
		return;
	unwinding = true;
	c->pc[c->frames++] = *top;
	unwinding = false;
#else
	(void)c;
	(void)context;
#endif
}

static SEES_NOTHING void on_signal(int number, siginfo_t *info, void *context)
{
	if (!armed)
		give_up(strsignal(number));
	if (!now.how) {
		now.how = CAUGHT_SIGNAL;
		now.signal = number;
		now.address = number == SIGABRT ? NULL : info->si_addr;
		unwind(&now);
		add_caller(&now, context);
	} else if (unwinding) { /* the stack itself is broken */
		unwinding = false;
		now.frames = 0;
	}
	leave();
}

/* A second of the processor's time, of this process, has gone by: the second one in the same script
 * is a loop, since rule 10 ends those that touch guest memory. One outside of the device is the
 * engine's to end. */
static SEES_NOTHING void on_tick(int number, siginfo_t *info, void *context)
{
	static unsigned int last;

	(void)number;
	(void)info;
	(void)context;
	if (!armed || !machine->inside || last != played) {
		last = played;
		return;
	}
	if (!now.how) {
		now.how = CAUGHT_LOOP;
		unwind(&now);
	}
	leave();
}

static void unblock(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* In place of the engine's, which has its own when the first script is played. */
static void take_signals(void)
{
	stack_t stack = { .ss_sp = malloc(STACK_BYTES), .ss_size = STACK_BYTES };
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	const struct itimerval second = { { 1, 0 }, { 1, 0 } };

	if (!stack.ss_sp || sigaltstack(&stack, NULL))
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)__sigaction(signals[i], &action, &engines[i]);
	action.sa_sigaction = on_tick;
	action.sa_flags |= SA_RESTART;
	(void)__sigaction(SIGVTALRM, &action, NULL);
	setitimer(ITIMER_VIRTUAL, &second, NULL);
}

/* ---- playing ---- */

/* One for each process: what a sanitizer has from its parent it closes (an engine that forks). */
static void open_reports(void)
{
	if (reports >= 0)
		(void)close(reports);
	reports = memfd_create("reports", MFD_CLOEXEC);
	/* appended, so that it can be emptied */
	if (reports < 0 || fcntl(reports, F_SETFL, O_APPEND))
		return;
	__sanitizer_set_report_fd((void *)(intptr_t)reports);
	sanitizer_reports = reports;
}

void catch_start(void (*ends)(void))
{
	at_the_end = ends;
	open_reports();
	if (pthread_atfork(NULL, NULL, open_reports))
		abort();
}

bool catch_play(struct bus *bus, const struct script *script, volatile int *progress,
		struct verdict *v, const struct caught **caught)
{
	static bool taken;

	if (!taken) {
		take_signals();
		take_text(NULL, 0);
		__sanitizer_set_death_callback(death);
		unwind(&now); /* what it needs is loaded */
		taken = true;
	}
	machine = bus->machine;
	now.how = CAUGHT_NOTHING;
	now.text[0] = 0;
	now.frames = 0;
	*caught = &now;
	if (sigsetjmp(landing, 0)) {
		if (now.how == CAUGHT_SIGNAL || now.how == CAUGHT_LOOP)
			unblock();
		machine_stop(machine);
		return false;
	}
	played++;
	armed = true;
	player_play(bus, script, progress, v);
	armed = false;
	return now.how == CAUGHT_NOTHING;
}
