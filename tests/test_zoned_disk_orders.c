/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zoned_disk.h: what it promises of sequential zones, in every order in which a disk below can end
 * what it was asked for.
 *
 * All sequences of a few steps are played, and many longer ones. A step is a request, or the end of
 * one below: well, badly with nothing done, badly with part or all of it done. One byte stands for
 * a sector. What was there before, and what a discard brings up, are bytes that no read may give.
 */
#include "support.h"

#include "array_size.h"
#include "zoned_disk.h"

#define ZONE	4u /* sectors; the first zone is conventional, the second one is looked at */
#define CAP	3u
#define FIRST	ZONE
#define SECTORS (3 * ZONE)
#define JOBS	64u
#define SECRET	0xa5u
#define OLDER	0x5au

enum step {
	STEP_WRITE,
	STEP_APPEND,
	STEP_READ,
	STEP_RESET,
	STEP_FINISH,
	STEP_ERASE,
	STEP_CLOSE,
	STEP_CANCEL,
	STEP_DISCARD,
	STEP_READ_ONLY, /* from here on: the zone fails for good */
	STEP_OFFLINE,
	STEPS,
};

enum ending { END_WELL, END_UNDONE, END_PART, END_LANDED, ENDINGS };

struct job {
	struct anvil_disk_request request; /* first */
	enum anvil_disk_op op;
	uint64_t sector;
	uint64_t sectors;
	uint8_t value;
	unsigned int cuts; /* as they were when it was submitted, like the next two */
	unsigned int empties;
	uint8_t must[ZONE];
	bool over;
	int result;
	uint8_t data[ZONE * ANVIL_DISK_SECTOR_BYTES];
};

struct world {
	/* how this run goes */
	enum anvil_disk_zone_model model;
	bool late; /* a read takes what is there when it ends, not when it comes */
	unsigned int (*choose)(unsigned int count);

	/* the disk below */
	struct anvil_disk below;
	uint8_t content[SECTORS];
	uint8_t got[JOBS][ZONE];
	struct anvil_disk_request *pending[JOBS];
	unsigned int pendings;
	bool at_once;

	struct anvil_zoned_disk zoned;
	struct job job[JOBS];
	unsigned int jobs;
	uint8_t values;

	/* what has to be */
	uint8_t there[ZONE];		 /* 0: unwritten */
	unsigned int there_empties[256]; /* of each value: empties when it was written well */
	bool well[256];
	unsigned int asked_empties[256]; /* ... when it was asked for */
	unsigned int erased;		 /* empties when an erasure ended well */
	unsigned int next;		 /* in the zone; from front to back */
	unsigned int cuts;
	unsigned int empties;
	bool full;
	bool dead;
	bool offline;
};

static struct world w;

/* ---- the disk below ---- */

static bool changes(const struct anvil_disk_request *r)
{
	return r->op != ANVIL_DISK_READ && r->op != ANVIL_DISK_FLUSH;
}

static bool both(const struct anvil_disk_request *a, const struct anvil_disk_request *b)
{
	return a->sector < b->sector + b->sectors && b->sector < a->sector + a->sectors;
}

static void land(const struct anvil_disk_request *r, uint64_t sectors)
{
	for (uint64_t i = 0; i < sectors; i++) {
		uint8_t *at = &w.content[r->sector + i];

		if (r->op == ANVIL_DISK_WRITE)
			*at = r->data[i * ANVIL_DISK_SECTOR_BYTES];
		else if (r->op == ANVIL_DISK_DISCARD)
			*at = OLDER;
		else
			*at = 0;
	}
}

static void end_below(unsigned int which, enum ending how)
{
	struct anvil_disk_request *r = w.pending[which];
	uint8_t got[ZONE];

	memcpy(got, w.got[which], sizeof(got));
	w.pendings--;
	memmove(&w.pending[which], &w.pending[which + 1],
		(w.pendings - which) * sizeof(w.pending[0]));
	memmove(&w.got[which], &w.got[which + 1], (w.pendings - which) * sizeof(w.got[0]));
	if (r->op == ANVIL_DISK_READ) {
		for (uint64_t i = 0; i < r->sectors; i++)
			memset(r->data + i * ANVIL_DISK_SECTOR_BYTES,
			       w.late ? w.content[r->sector + i] : got[i], ANVIL_DISK_SECTOR_BYTES);
	} else if (how != END_UNDONE) {
		land(r, how == END_PART ? 1 : r->sectors);
	}
	r->done(r, how == END_WELL ? 0 : -EIO);
}

static void submit_below(struct anvil_disk *disk, struct anvil_disk_request *r)
{
	(void)disk;
	assert_true(r->sectors > 0 && r->sector + r->sectors <= SECTORS);
	for (unsigned int i = 0; changes(r) && i < w.pendings; i++)
		assert_false(changes(w.pending[i]) && both(r, w.pending[i]));
	if (changes(r) && r->sector >= FIRST)
		assert_false(w.dead);
	assert_true(w.pendings < JOBS);
	for (uint64_t i = 0; i < r->sectors; i++)
		w.got[w.pendings][i] = w.content[r->sector + i];
	w.pending[w.pendings++] = r;
	if (w.at_once)
		end_below(w.pendings - 1, END_WELL);
}

static void cancel_below(struct anvil_disk *disk, struct anvil_disk_request *r)
{
	(void)disk;
	(void)r; /* it ends when it ends */
}

/* ---- what a request may end with ---- */

static void cut(void)
{
	w.cuts++;
	w.next = 0;
	while (w.next < CAP && w.there[w.next])
		w.next++;
}

static void empty(void)
{
	memset(w.there, 0, sizeof(w.there));
	w.empties++;
	w.full = false;
	cut();
}

static struct job *ask(enum anvil_disk_op op, uint64_t sector, uint64_t sectors);

/* A write that ended well is there. */
static void wrote(const struct job *job)
{
	uint64_t at = job->request.sector - FIRST;
	bool was = w.at_once;

	assert_int_equal(job->cuts, w.cuts);
	for (uint64_t i = 0; i < job->sectors; i++)
		w.there[at + i] = job->value;
	for (uint64_t i = 0; i < at && w.model == ANVIL_DISK_HOST_MANAGED; i++)
		assert_int_not_equal(w.there[i], 0);
	w.well[job->value] = true;
	w.there_empties[job->value] = w.empties;
	w.full = w.full || (w.model == ANVIL_DISK_HOST_MANAGED && w.there[CAP - 1]);
	w.at_once = true;
	assert_int_equal(ask(ANVIL_DISK_READ, FIRST, ZONE)->result, 0);
	w.at_once = was;
}

static void check_read(const struct job *job)
{
	assert_false(w.offline);
	for (unsigned int i = 0; i < ZONE; i++) {
		const uint8_t *at = job->data + i * ANVIL_DISK_SECTOR_BYTES;

		for (unsigned int k = 1; k < ANVIL_DISK_SECTOR_BYTES; k++)
			assert_int_equal(at[k], at[0]);
		if (job->must[i] && job->empties == w.empties && w.model == ANVIL_DISK_HOST_MANAGED)
			assert_int_equal(at[0], job->must[i]);
		if (!at[0])
			continue;
		assert_int_not_equal(at[0], SECRET);
		assert_int_not_equal(at[0], OLDER);
		if (w.model == ANVIL_DISK_HOST_MANAGED) {
			assert_true(w.well[at[0]]);
			assert_true(w.there_empties[at[0]] >= job->empties);
		}
		assert_true(w.asked_empties[at[0]] >= job->empties);
	}
}

static void done(struct anvil_disk_request *request, int result)
{
	struct job *job = (struct job *)(void *)request;

	assert_false(job->over);
	job->over = true;
	job->result = result;
	assert_int_equal(request->op, job->op);
	assert_int_equal(request->sectors, job->sectors);
	assert_ptr_equal(request->data, job->data);
	assert_ptr_equal(request->done, done);
	if (job->op == ANVIL_DISK_READ && !result)
		check_read(job);
	if (job->op == ANVIL_DISK_SECURE_ERASE && !result)
		w.erased = job->empties;
	if (job->op != ANVIL_DISK_WRITE && job->op != ANVIL_DISK_ZONE_APPEND)
		return;
	if (!result)
		wrote(job);
	else if (job->cuts == w.cuts && w.model == ANVIL_DISK_HOST_MANAGED && result > -10000)
		cut();
}

static struct job *ask(enum anvil_disk_op op, uint64_t sector, uint64_t sectors)
{
	struct job *job = &w.job[w.jobs++];

	assert_true(w.jobs < JOBS);
	job->op = op;
	job->sector = sector;
	job->sectors = sectors;
	job->value = ++w.values;
	w.asked_empties[job->value] = w.empties;
	memset(job->data, op == ANVIL_DISK_READ ? 0x77 : job->value, sizeof(job->data));
	if (op == ANVIL_DISK_ZONE_RESET || op == ANVIL_DISK_SECURE_ERASE)
		if (!w.dead)
			empty();
	job->cuts = w.cuts;
	job->empties = w.empties;
	memcpy(job->must, w.there, sizeof(job->must));
	job->request = (struct anvil_disk_request){
		.op = op, .sector = sector, .sectors = sectors, .data = job->data, .done = done
	};
	w.zoned.disk.ops->submit(&w.zoned.disk, &job->request);
	return job;
}

static void expect(const struct job *job, int result)
{
	assert_true(job->over);
	assert_int_equal(job->result, result);
}

/* ---- the steps ---- */

static void write_next(enum anvil_disk_op op)
{
	uint64_t sectors = 1 + w.choose(2);
	uint64_t at = FIRST + w.next;
	bool fits = w.next + sectors <= CAP;
	unsigned int cuts = w.cuts;
	struct job *job;

	if (!w.dead && !w.full && fits)
		w.next += (unsigned int)sectors;
	job = ask(op, op == ANVIL_DISK_WRITE ? at : FIRST, sectors);
	if (w.dead || w.full || !fits)
		expect(job, ANVIL_DISK_ZONE_ERROR_INVALID);
	else
		assert_true(!job->over || cuts != w.cuts || !job->result);
	if (job->over && job->result == ANVIL_DISK_ZONE_ERROR_INVALID)
		return;
	assert_int_equal(job->request.sector, at);
}

static void write_anywhere(void)
{
	uint64_t at = w.choose(ZONE);
	uint64_t sectors = 1 + (at + 1 < ZONE ? w.choose(2) : 0);
	struct job *job = ask(ANVIL_DISK_WRITE, FIRST + at, sectors);

	if (w.dead)
		expect(job, ANVIL_DISK_ZONE_ERROR_INVALID);
}

static void break_zone(enum anvil_disk_zone_state state)
{
	if (!w.offline)
		cut();
	w.dead = true;
	w.offline = w.offline || state == ANVIL_DISK_ZONE_OFFLINE;
	anvil_zoned_disk_fail_zone(&w.zoned, 1, state);
}

static void cancel_one(void)
{
	for (unsigned int i = 0; i < w.jobs; i++) {
		if (w.job[i].over)
			continue;
		w.zoned.disk.ops->cancel(&w.zoned.disk, &w.job[i].request);
		return;
	}
}

/* What a discard takes away is away, and not what was before. */
static void discard(void)
{
	uint64_t at = w.choose(ZONE);

	(void)ask(ANVIL_DISK_DISCARD, FIRST + at, 1);
}

static void take(enum step step)
{
	int state = w.dead ? ANVIL_DISK_ZONE_ERROR_INVALID : 0;

	switch (step) {
	case STEP_WRITE:
		if (w.model == ANVIL_DISK_HOST_MANAGED)
			write_next(ANVIL_DISK_WRITE);
		else
			write_anywhere();
		break;
	case STEP_APPEND:
		if (w.model == ANVIL_DISK_HOST_MANAGED)
			write_next(ANVIL_DISK_ZONE_APPEND);
		break;
	case STEP_READ:
		if (w.offline)
			expect(ask(ANVIL_DISK_READ, FIRST, ZONE), ANVIL_DISK_ZONE_ERROR_INVALID);
		else
			(void)ask(ANVIL_DISK_READ, FIRST, ZONE);
		break;
	case STEP_RESET:
		expect(ask(ANVIL_DISK_ZONE_RESET, FIRST, 0), state);
		break;
	case STEP_FINISH:
		expect(ask(ANVIL_DISK_ZONE_FINISH, FIRST, 0), state);
		w.full = w.full || !w.dead;
		break;
	case STEP_ERASE:
		if (w.dead)
			expect(ask(ANVIL_DISK_SECURE_ERASE, FIRST, ZONE), state);
		else
			(void)ask(ANVIL_DISK_SECURE_ERASE, FIRST, ZONE);
		break;
	case STEP_CLOSE:
		(void)ask(ANVIL_DISK_ZONE_CLOSE, FIRST, 0);
		break;
	case STEP_CANCEL:
		cancel_one();
		break;
	case STEP_READ_ONLY:
		break_zone(ANVIL_DISK_ZONE_READ_ONLY);
		break;
	case STEP_OFFLINE:
		break_zone(ANVIL_DISK_ZONE_OFFLINE);
		break;
	default:
		discard();
		break;
	}
}

/* The pointer that is told is where what is there ends. */
static void check_pointer(void)
{
	struct anvil_disk_zone zone = { .start = 0 };
	struct anvil_disk_request r = {
		.op = ANVIL_DISK_ZONE_REPORT, .sector = FIRST, .zone = &zone, .zones = 1
	};
	unsigned int end = 0;

	r.done = done;
	struct job report = { .request = r, .op = ANVIL_DISK_ZONE_REPORT };

	report.request.data = report.data;
	w.zoned.disk.ops->submit(&w.zoned.disk, &report.request);
	expect(&report, 0);
	while (end < CAP && w.there[end])
		end++;
	if (zone.state == ANVIL_DISK_ZONE_FULL)
		assert_true(w.full || w.model == ANVIL_DISK_HOST_AWARE);
	if (w.model == ANVIL_DISK_HOST_MANAGED && zone.pointer != UINT64_MAX)
		assert_int_equal(zone.pointer, FIRST + end);
	if (w.model == ANVIL_DISK_HOST_MANAGED && !w.dead)
		assert_int_equal(zone.state == ANVIL_DISK_ZONE_FULL, w.full);
	if (zone.state == ANVIL_DISK_ZONE_EMPTY)
		assert_int_equal(end, 0);
}

/* All that is left comes back; then the zone is what it has to be, and goes on from there. */
static void finish(void)
{
	const struct job *read;

	while (w.pendings)
		end_below(0, END_WELL);
	for (unsigned int i = 0; i < w.jobs; i++)
		assert_true(w.job[i].over);
	check_pointer();
	w.at_once = true;
	for (unsigned int i = 0; i < ZONE; i++)
		assert_true(w.content[FIRST + i] == SECRET || w.content[FIRST + i] == OLDER ||
			    w.asked_empties[w.content[FIRST + i]] >= w.erased ||
			    !w.content[FIRST + i]);
	if (w.offline)
		return;
	read = ask(ANVIL_DISK_READ, FIRST, ZONE);
	expect(read, 0);
	for (unsigned int i = 0; i < ZONE && w.model == ANVIL_DISK_HOST_MANAGED; i++)
		assert_int_equal(read->data[i * ANVIL_DISK_SECTOR_BYTES], w.there[i]);
	if (w.model == ANVIL_DISK_HOST_MANAGED && !w.dead && !w.full)
		expect(ask(ANVIL_DISK_WRITE, FIRST + w.next, 1), 0);
}

static void play(unsigned int steps, unsigned int kinds)
{
	static const struct anvil_disk_ops ops = { .submit = submit_below, .cancel = cancel_below };
	struct anvil_zoned_disk_options options = {
		.zoning = { w.model, ZONE, 0, 0, 4, 512 },
		.conventional = 1,
		.zone_capacity = w.model == ANVIL_DISK_HOST_MANAGED ? CAP : 0,
	};
	enum anvil_disk_zone_model model = w.model;
	bool late = w.late;
	unsigned int (*choose)(unsigned int count) = w.choose;

	memset(&w, 0, sizeof(w));
	w.model = model;
	w.late = late;
	w.choose = choose;
	w.below.ops = &ops;
	w.below.capacity = SECTORS;
	w.below.secure_erase = true;
	memset(w.content, SECRET, sizeof(w.content));
	assert_int_equal(anvil_zoned_disk_init(&w.zoned, &w.below, &options), 0);
	for (unsigned int i = 0; i < steps; i++) {
		unsigned int which = choose(kinds + w.pendings);

		if (which < kinds)
			take((enum step)which);
		else
			end_below(which - kinds, (enum ending)choose(ENDINGS));
		check_pointer();
	}
	finish();
	anvil_zoned_disk_destroy(&w.zoned);
}

/* ---- all of them ---- */

static struct {
	unsigned int at[64];
	unsigned int of[64];
	unsigned int used;
} path;

static unsigned int every(unsigned int count)
{
	assert_true(path.used < ARRAY_SIZE(path.at));
	path.of[path.used] = count;
	return path.at[path.used++];
}

/* The next path, which differs as late as possible; false: that was the last one. */
static bool step_path(void)
{
	while (path.used > 0 && path.at[path.used - 1] + 1 >= path.of[path.used - 1])
		path.at[--path.used] = 0;
	if (path.used == 0)
		return false;
	path.at[path.used - 1]++;
	path.used = 0;
	return true;
}

static void play_all(enum anvil_disk_zone_model model, unsigned int steps)
{
	for (unsigned int late = 0; late < 2; late++) {
		unsigned int plays = 0;

		memset(&path, 0, sizeof(path));
		do {
			path.used = 0;
			w.model = model;
			w.late = late;
			w.choose = every;
			play(steps, STEPS);
			plays++;
		} while (step_path());
		assert_true(plays > 1000);
	}
}

static uint64_t seed;

static unsigned int any(unsigned int count)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned int)(seed >> 33) % count;
}

/* Zones seldom fail for good in these, since little happens afterwards. */
static void play_many(enum anvil_disk_zone_model model, unsigned int plays)
{
	for (unsigned int i = 0; i < plays; i++) {
		seed = i;
		w.model = model;
		w.late = i % 2;
		w.choose = any;
		play(12, i % 8 ? STEP_READ_ONLY : STEPS);
	}
}

static void every_order_of_a_few_steps(void **state)
{
	(void)state;
	play_all(ANVIL_DISK_HOST_MANAGED, 4);
}

static void many_orders_of_more_steps(void **state)
{
	(void)state;
	play_many(ANVIL_DISK_HOST_MANAGED, 50000);
}

static void zones_written_anywhere_in_every_order(void **state)
{
	(void)state;
	play_all(ANVIL_DISK_HOST_AWARE, 3);
}

static void zones_written_anywhere_in_many_orders(void **state)
{
	(void)state;
	play_many(ANVIL_DISK_HOST_AWARE, 50000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_of_a_few_steps),
		cmocka_unit_test(many_orders_of_more_steps),
		cmocka_unit_test(zones_written_anywhere_in_every_order),
		cmocka_unit_test(zones_written_anywhere_in_many_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
