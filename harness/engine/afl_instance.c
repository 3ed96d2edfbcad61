/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * While it runs, afl-fuzz sends its numbers by StatsD, here to a socket of ours; its files tell
 * them once a minute and at the end.
 */
#include "array_size.h"
#include "afl.h"
#include "base/complain.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SYNC_MINUTES 1 /* the least that AFL++ knows */

/* What an instance is for: one each, then again from EXTRA on */
struct afl_role {
	const char *name;
	const char *program;
	const char *schedule; /* NULL: as AFL++ likes */
	bool all_mutators;    /* AFL++'s own, too, with the dictionary */
};

static const struct afl_role roles[] = {
	{ "main", "fast", NULL, false }, /* goes through its queue in order, and trims nothing */
	{ "asan", "asan", NULL, false }, /* sees what only sanitizers see */
	{ "cmplog", "fast", NULL, true },
	/* the more there are, the more they should differ */
	{ "explore", "fast", "explore", false },
	{ "exploit", "fast", "exploit", false },
	{ "rare", "fast", "rare", false },
	{ "coe", "fast", "coe", false },
};

#define ROLES  (ARRAY_SIZE(roles))
#define EXTRA  3u
#define CMPLOG 2u /* does what CmpLog tells; the last one does where there are fewer */

/* ---- the numbers ---- */

/* A socket for the numbers of one instance; without one there is no live view of it, no more */
static unsigned int open_socket(struct afl_instance *in)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	in->socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (in->socket < 0)
		return 0;
	if (bind(in->socket, (struct sockaddr *)&address, len) == 0 &&
	    getsockname(in->socket, (struct sockaddr *)&address, &len) == 0)
		return ntohs(address.sin_port);
	(void)close(in->socket);
	in->socket = -1;
	return 0;
}

static void take_numbers(struct engine *e, struct afl_instance *in, const char *text)
{
	bool main_one = in == e->afl->instance;
	uint64_t number;

	if (engine_number_after(text, "fuzzing.execs_done:", &in->units))
		e->units_ms = engine_now();
	if (main_one && engine_number_after(text, "fuzzing.edges_found:", &number))
		e->coverage = (unsigned int)number;
	if (main_one && engine_number_after(text, "fuzzing.corpus_count:", &number))
		e->corpus = (unsigned int)number;
}

static void read_socket(struct engine *e, struct afl_instance *in)
{
	char text[4096];
	ssize_t n;

	while (in->socket >= 0 && (n = recv(in->socket, text, sizeof(text) - 1, 0)) > 0) {
		text[n] = '\0';
		take_numbers(e, in, text);
	}
}

/* "name : number"; 0 when it is not there */
static double number_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	at = at ? strchr(at, ':') : NULL;
	return at ? strtod(at + 1, NULL) : 0;
}

static bool read_statistics(const struct afl *a, const struct afl_instance *in, char *text,
			    size_t room)
{
	char path[AFL_FILE_BYTES];
	size_t len;
	FILE *file;

	afl_path(a, path, "out/%s/fuzzer_stats", in->name);
	file = fopen(path, "r");
	if (!file)
		return false;
	len = fread(text, 1, room - 1, file);
	text[len] = '\0';
	(void)fclose(file);
	return len > 0;
}

/* The file is written first when the seeds have been run */
static void look_for_start(struct engine *e)
{
	char text[4096];

	if (e->inited_ms || !read_statistics(e->afl, e->afl->instance, text, sizeof(text)))
		return;
	e->inited_units = (uint64_t)number_of(text, "execs_done");
	e->inited_ms = engine_now();
}

/* Its speed is over the time from the end of the seeds; its inputs are not */
static void take_main_statistics(struct engine *e, const char *text)
{
	double units = number_of(text, "execs_done");
	double speed = number_of(text, "execs_per_sec");

	e->coverage = (unsigned int)number_of(text, "edges_found");
	e->corpus = (unsigned int)number_of(text, "corpus_count");
	e->done_ms = e->ended_ms;
	if (units > 0 && units > (double)e->inited_units)
		e->rate = (uint64_t)((units - (double)e->inited_units) / units * speed);
}

static void take_statistics(struct engine *e, struct afl_instance *in)
{
	char text[4096];

	if (in->process.rss_mb > e->rss_mb)
		e->rss_mb = in->process.rss_mb;
	if (!read_statistics(e->afl, in, text, sizeof(text)))
		return;
	in->units = (uint64_t)number_of(text, "execs_done");
	if (in == e->afl->instance)
		take_main_statistics(e, text);
}

static void add_up(struct engine *e)
{
	e->units = 0;
	for (size_t i = 0; i < e->afl->count; i++)
		e->units += e->afl->instance[i].units;
}

void afl_read_numbers(struct engine *e)
{
	look_for_start(e);
	for (size_t i = 0; i < e->afl->count; i++)
		read_socket(e, &e->afl->instance[i]);
	add_up(e);
}

void afl_take_last_numbers(struct engine *e)
{
	for (size_t i = 0; i < e->afl->count; i++) {
		struct afl_instance *in = &e->afl->instance[i];

		if (in->socket >= 0)
			(void)close(in->socket);
		in->socket = -1;
		take_statistics(e, in);
	}
	add_up(e);
	e->units_ms = e->ended_ms;
}

/* ---- starting ---- */

static void program_path(const struct afl *a, const char *variant, char *path)
{
	snprintf(path, AFL_FILE_BYTES, "%s/%s/%s", a->dirs.afl, variant, a->target);
}

static void add_role(const struct afl *a, const struct afl_instance *in, struct command_line *c)
{
	size_t number = (size_t)(in - a->instance);
	char path[AFL_FILE_BYTES];

	command_line_add(c, number == 0 ? "-M%s" : "-S%s", in->name);
	if (number == 0)
		command_line_add(c, "-F%s/%s/%s", a->dirs.out, a->corpus, a->target);
	if (in->role->schedule)
		command_line_add(c, "-p%s", in->role->schedule);
	if (a->count > 1 && number == (a->count > CMPLOG ? CMPLOG : a->count - 1)) {
		program_path(a, "cmplog", path);
		command_line_add(c, "-c%s", path);
	}
	snprintf(path, sizeof(path), "%s/%s.dict", a->dirs.dictionaries, a->target);
	if (in->role->all_mutators && access(path, R_OK) == 0)
		command_line_add(c, "-x%s", path);
}

static void make_arguments(const struct afl *a, const struct afl_instance *in, unsigned int seconds,
			   struct command_line *c)
{
	char path[AFL_FILE_BYTES];

	c->count = 0;
	command_line_add(c, AFL_FUZZ);
	afl_path(a, path, "in");
	command_line_add(c, "-i%s", path);
	afl_path(a, path, "out");
	command_line_add(c, "-o%s", path);
	add_role(a, in, c);
	command_line_add(c, "-V%u", seconds);
	command_line_add(c, "-t%u", INPUT_SECONDS * 1000);
	command_line_add(c, "-mnone");
	command_line_add(c, "-G%u", MAX_LEN);
	command_line_add(c, "--");
	program_path(a, in->role->program, path);
	command_line_add(c, "%s", path);
}

/*
 * Nothing is asked of the host: no tty, no right to change it, no core of its own. A variable that
 * afl-fuzz does not know costs two seconds.
 */
static void make_environment(const struct afl *a, const struct afl_instance *in, unsigned int port,
			     struct command_line *c)
{
	static const char *const always[] = {
		"AFL_NO_UI=1",
		"AFL_SKIP_CPUFREQ=1",
		"AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1",
		"AFL_TRY_AFFINITY=1",
		"AFL_NO_CRASH_README=1",
		"AFL_CRASH_EXITCODE=1", /* a device that calls exit */
	};

	c->count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		command_line_add(c, "%s", always[i]);
	command_line_add(c, "AFL_SYNC_TIME=%d", SYNC_MINUTES);
	command_line_add(c, "AFL_HANG_TMOUT=%d", INPUT_SECONDS * 1000);
	if (port) {
		command_line_add(c, "AFL_STATSD=1");
		command_line_add(c, "AFL_STATSD_HOST=127.0.0.1");
		command_line_add(c, "AFL_STATSD_PORT=%u", port);
	}
	if (strcmp(a->target, ENGINE_EMPTY) == 0)
		return;
	command_line_add(c, "AFL_CUSTOM_MUTATOR_LIBRARY=%s/mutator/%s.so", a->dirs.afl, a->target);
	if (!in->role->all_mutators)
		command_line_add(c, "AFL_CUSTOM_MUTATOR_ONLY=1");
}

bool afl_start_instance(struct afl *a, size_t number, unsigned int seconds)
{
	struct afl_instance *in = &a->instance[number];
	struct command_line program;
	struct command_line environment;
	int err;

	make_arguments(a, in, seconds, &program);
	make_environment(a, in, open_socket(in), &environment);
	err = process_start(&in->process, &program, &environment);
	if (err)
		complain("cannot start " AFL_FUZZ " for %s: %s; try fewer --jobs", a->target,
			 strerror(-err));
	return err == 0;
}

void afl_name_instances(struct afl *a)
{
	for (size_t i = 0; i < a->count; i++) {
		struct afl_instance *in = &a->instance[i];

		in->role = &roles[i < ROLES ? i : EXTRA + (i - ROLES) % (ROLES - EXTRA)];
		in->socket = -1;
		if (i < ROLES)
			snprintf(in->name, sizeof(in->name), "%s", in->role->name);
		else
			snprintf(in->name, sizeof(in->name), "%s%zu", in->role->name, i);
	}
}
