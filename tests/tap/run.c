/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs each case of cases*.c and compares what is told of it with what it says. One line for each
 * difference; exit status 1 if there is one.
 *
 *  - What has to be told is told, and nothing else: kind, offset, bytes, order.
 *  - Nothing changes in RAM that was not told to be stored before (or, by a system call, after).
 *  - The place that is told is in the function of the case.
 *  - Races strike: a case of which all loads are told does the same in RAM that the listener fills
 *    when a load is told as in RAM that was so all the time. What is loaded twice differs when the
 *    listener changes it at the second load.
 *
 * Usage: run [-v] asan|recover|alone|thread|gcc WHAT
 * WHAT begins each line; with -v each case is shown.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cases.h"
#include "tap/tap.h"

#define EVENTS 1024
#define EMPTY  0xee /* RAM before a race strikes */

uint8_t *ram = world + MARGIN;
uint8_t host[HOST_BYTES];
volatile uint64_t kept;
volatile size_t zero;
int pipe_in, pipe_out, socket_in, socket_out;

struct event {
	char kind;
	int offset, bytes;
};

struct events {
	struct event event[EVENTS];
	size_t count;
	bool any_order;
};

static struct events told;
static const struct tap_case *running;
static uint8_t shadow[RAM_BYTES]; /* RAM as it has to be by what was told */
static bool stored[RAM_BYTES];	  /* told to be stored; may be there by now */
static bool settled[RAM_BYTES];	  /* a race has struck there, or the device has stored */
static bool all_stores_told;
static char wrong[256]; /* why a case fails; empty: it does not */

static void fail(const char *why)
{
	if (!wrong[0])
		snprintf(wrong, sizeof(wrong), "%s", why);
}

/* ---- what is told ---- */

static void mark(bool *marks, int offset, int bytes)
{
	for (int at = offset; at < offset + bytes; at++)
		if (at >= 0 && at < (int)RAM_BYTES)
			marks[at] = true;
}

static void look_for_untold_stores(void)
{
	for (size_t at = 0; at < RAM_BYTES; at++)
		if (stored[at])
			shadow[at] = ram[at];
	if (all_stores_told && memcmp(shadow, ram, RAM_BYTES))
		fail("a store was not told before it was made");
	memset(stored, 0, sizeof(stored));
	memcpy(shadow, ram, RAM_BYTES);
}

static void look_at_place(const void *place)
{
	Dl_info info;

	if (running->elsewhere)
		return;
	if (!dladdr((const char *)place - 1, &info) || !info.dli_sname ||
	    strncmp(info.dli_sname, "case_", 5) || strcmp(info.dli_sname + 5, running->name))
		fail("its place is not in its function");
}

static void hear(char kind, const void *at, size_t bytes, const void *place)
{
	struct event e = { kind, (int)((const uint8_t *)at - ram), (int)bytes };

	look_at_place(place);
	if (kind != 'T') /* of a system call that is told in parts, all are made */
		look_for_untold_stores();
	if (kind != 'L')
		mark(stored, e.offset, e.bytes);
	if (told.count == EVENTS)
		fail("too many accesses");
	else
		told.event[told.count++] = e;
}

static void hear_load(void *opaque, const void *at, size_t bytes, const void *place)
{
	(void)opaque;
	hear('L', at, bytes, place);
}

static void hear_store(void *opaque, const void *at, size_t bytes, const void *place)
{
	(void)opaque;
	hear('S', at, bytes, place);
}

static void hear_stored(void *opaque, const void *at, size_t bytes, const void *place)
{
	(void)opaque;
	hear('T', at, bytes, place);
}

static const struct tap_listener witness = { hear_load, hear_store, hear_stored };

/* ---- what has to be told ---- */

static struct events parse(const char *text)
{
	struct events events = { .any_order = *text == '*' };
	int used = 0;

	for (text += events.any_order; *text; text += used) {
		struct event *e = &events.event[events.count++];

		if (sscanf(text, " %c%d+%d%n", &e->kind, &e->offset, &e->bytes, &used) != 3) {
			fprintf(stderr, "run: %s: not understood\n", text);
			exit(2);
		}
	}
	return events;
}

static const char *print(const struct events *events)
{
	static char text[2][512];
	static unsigned int turn;
	char *to = text[++turn % 2], *end = to + sizeof(text[0]);

	*to = 0;
	for (size_t i = 0; i < events->count && end - to > 40; i++)
		to += snprintf(to, (size_t)(end - to), "%s%c%d+%d", i ? " " : "",
			       events->event[i].kind, events->event[i].offset,
			       events->event[i].bytes);
	return events->count ? text[turn % 2] : "nothing";
}

/* How often a byte is named */
static int times(const struct events *events, char kind, int at)
{
	int n = 0;

	for (size_t i = 0; i < events->count; i++) {
		const struct event *e = &events->event[i];

		n += e->kind == kind && at >= e->offset && at < e->offset + e->bytes;
	}
	return n;
}

/* byte by byte */
static bool same_bytes(const struct events *a, const struct events *b, char kind)
{
	for (int at = -(int)MARGIN; at < (int)(RAM_BYTES + MARGIN); at++)
		if (times(a, kind, at) != times(b, kind, at))
			return false;
	return true;
}

static bool same(const struct events *told_ones, const struct events *wanted)
{
	if (wanted->any_order)
		return same_bytes(told_ones, wanted, 'L') && same_bytes(told_ones, wanted, 'S') &&
		       same_bytes(told_ones, wanted, 'T');
	return told_ones->count == wanted->count &&
	       !memcmp(told_ones->event, wanted->event, wanted->count * sizeof(struct event));
}

/* ---- runs ---- */

static void prepare(bool empty)
{
	for (unsigned int i = 0; i < RAM_BYTES; i++)
		ram[i] = empty ? EMPTY : PATTERN(i);
	for (unsigned int i = 0; i < HOST_BYTES; i++)
		host[i] = HOST_PATTERN(i);
	kept = 0;
	memcpy(shadow, ram, RAM_BYTES);
	memset(stored, 0, sizeof(stored));
	memset(settled, 0, sizeof(settled));
}

static void run(const struct tap_listener *listener, bool empty)
{
	prepare(empty);
	tap_listen(ram, RAM_BYTES, listener, NULL);
	running->run();
	tap_listen(NULL, 0, NULL, NULL);
}

/* The race: what is loaded gets its value just before. */
static void strike(void *opaque, const void *at, size_t bytes, const void *place)
{
	int offset = (int)((const uint8_t *)at - ram);

	(void)opaque;
	(void)place;
	for (int i = offset; i < offset + (int)bytes; i++)
		if (i >= 0 && i < (int)RAM_BYTES && !settled[i])
			ram[i] = PATTERN((unsigned int)i);
	mark(settled, offset, (int)bytes);
}

/* Or it loses its value when it is loaded again. */
static void strike_again(void *opaque, const void *at, size_t bytes, const void *place)
{
	int offset = (int)((const uint8_t *)at - ram);

	(void)opaque;
	(void)place;
	for (int i = offset; i < offset + (int)bytes; i++)
		if (i >= 0 && i < (int)RAM_BYTES && settled[i])
			ram[i] = EMPTY;
	mark(settled, offset, (int)bytes);
}

static void settle(void *opaque, const void *at, size_t bytes, const void *place)
{
	(void)opaque;
	(void)place;
	mark(settled, (int)((const uint8_t *)at - ram), (int)bytes);
}

static const struct tap_listener racer = { strike, settle, settle };
static const struct tap_listener late_racer = { strike_again, NULL, NULL };

/* Returns how many races there were. */
static unsigned int race(const struct events *does)
{
	static uint8_t ram_then[RAM_BYTES], host_then[HOST_BYTES];
	bool loads = false, twice = false;
	uint64_t kept_then;

	for (int i = 0; i < (int)RAM_BYTES; i++) {
		loads |= times(does, 'L', i) > 0;
		twice |= times(does, 'L', i) > 1;
	}
	run(NULL, false);
	memcpy(ram_then, ram, RAM_BYTES);
	memcpy(host_then, host, HOST_BYTES);
	kept_then = kept;
	run(&racer, true);
	if (kept != kept_then || memcmp(host, host_then, HOST_BYTES))
		fail("a race does not strike");
	for (int i = 0; i < (int)RAM_BYTES; i++)
		if ((times(does, 'S', i) || times(does, 'T', i)) && ram[i] != ram_then[i])
			fail("a race does not strike: what is stored is not what it put there");
	if (twice) {
		run(&late_racer, false);
		if (kept == kept_then && !memcmp(ram, ram_then, RAM_BYTES))
			fail("a race does not strike between two loads");
	}
	return loads + twice;
}

/* ---- the table ---- */

struct way {
	const char *what;
	bool gcc, thread, shown;
};

struct tally {
	unsigned int cases, whole, races, failed;
};

static const char *expected(const struct tap_case *c, const struct way *way)
{
	const char *less = way->gcc ? c->gcc : way->thread ? c->thread : c->clang;

	return less ? less : c->does;
}

static void run_case(const struct tap_case *c, const struct way *way, struct tally *tally)
{
	struct events does = parse(c->does), wanted = parse(expected(c, way));
	bool whole = same_bytes(&does, &wanted, 'L') && same_bytes(&does, &wanted, 'S');

	wrong[0] = 0;
	running = c;
	told.count = 0;
	all_stores_told = same_bytes(&does, &wanted, 'S') && (!way->gcc || !c->gcc_store_first);
	run(&witness, false);
	look_for_untold_stores();
	if (!same(&told, &wanted))
		snprintf(wrong, sizeof(wrong), "told %.100s, expected %.100s", print(&told),
			 print(&wanted));
	else if (same_bytes(&does, &wanted, 'L') && !c->differs)
		tally->races += race(&does);
	if (way->shown)
		printf("%s: %-28s does %-24s told %s\n", way->what, c->name, print(&does),
		       print(&told));
	if (wrong[0])
		printf("%s: %s: %s\n", way->what, c->name, wrong);
	tally->cases++;
	tally->whole += whole && !wrong[0];
	tally->failed += wrong[0] != 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct tap_case *const *)a)->name,
		      (*(const struct tap_case *const *)b)->name);
}

static int run_all(const struct way *way)
{
	size_t count = (size_t)(__stop_tap_cases - __start_tap_cases);
	const struct tap_case **sorted = calloc(count, sizeof(*sorted));
	struct tally tally = { 0 };

	memcpy(sorted, __start_tap_cases, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_name);
	for (size_t i = 0; i < count; i++)
		run_case(sorted[i], way, &tally);
	free(sorted);
	printf("%s: %u kinds of access: %u told as a whole, %u not or in part; %u races; %u not as "
	       "expected\n",
	       way->what, tally.cases, tally.whole, tally.cases - tally.whole, tally.races,
	       tally.failed);
	return tally.failed != 0;
}

int main(int argc, char **argv)
{
	struct way way = { 0 };
	int p[2], s[2];

	way.shown = argc > 1 && !strcmp(argv[1], "-v");
	argv += way.shown;
	if (argc - way.shown != 3) {
		fprintf(stderr, "run: give asan, recover, alone, thread or gcc, and a name\n");
		return 2;
	}
	way.gcc = !strcmp(argv[1], "gcc");
	way.thread = !strcmp(argv[1], "thread");
	way.what = argv[2];
	if (pipe(p) || socketpair(AF_UNIX, SOCK_DGRAM, 0, s)) {
		perror("run");
		return 2;
	}
	pipe_out = p[0], pipe_in = p[1];
	socket_out = s[0], socket_in = s[1];
	return run_all(&way);
}
