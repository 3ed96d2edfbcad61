/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests on their way to the disk below, which may take any time, in any order, and fail.
 *
 * One that changes sectors is held until all that came before and touch the same ones are back: a
 * write that is still under way when its zone is emptied cannot land over what is written there
 * afterwards, nor can that end up in a read that came before. They stand in one list, which is as
 * long as there are requests at this disk.
 *
 * Writes to a zone that is written from front to back are answered in the order of their places, so
 * that one that is answered well is there to be read, with all that is before it.
 *
 * A read asks the disk below for nothing but what is part of a zone at that moment, in as many
 * pieces as that makes (one, in a zone that is written from front to back); all else is zeroes. So
 * what comes below while the read is under way does not matter to it.
 */
#include "zoned_disk_internal.h"

#include <errno.h>
#include <string.h>

#define OFFLINE (1u << ANVIL_DISK_ZONE_OFFLINE)
#define DEAD	(1u << ANVIL_DISK_ZONE_READ_ONLY | OFFLINE)

static struct anvil_zoned_disk *front_of(const struct anvil_disk_request *request)
{
	return (struct anvil_zoned_disk *)(void *)request->front.disk;
}

static void answer(struct anvil_disk_request *request, int result)
{
	request->op = request->front.op;
	request->done = request->front.done;
	request->done(request, result);
}

static void submit_below(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	request->front.place = ANVIL_DISK_FRONT_BELOW;
	if (request->op == ANVIL_DISK_DISCARD)
		anvil_zoned_disk_forget(z, request->sector, request->sectors);
	z->below->ops->submit(z->below, request);
}

/* ---- who waits for whom ---- */

static bool overlap(const struct anvil_disk_request *a, const struct anvil_disk_request *b)
{
	return a->sector < b->sector + b->sectors && b->sector < a->sector + a->sectors;
}

static void enlist(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	struct anvil_disk_request_front *f = &request->front;

	f->before = z->last;
	f->after = NULL;
	*(z->last ? &z->last->front.after : &z->first) = request;
	z->last = request;
}

static void delist(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	struct anvil_disk_request_front *f = &request->front;

	*(f->before ? &f->before->front.after : &z->first) = f->after;
	*(f->after ? &f->after->front.before : &z->last) = f->before;
}

/* How many of those at the disk, or on their way, have to be back before this one goes there. */
static unsigned int count_in_the_way(const struct anvil_zoned_disk *z,
				     const struct anvil_disk_request *request)
{
	unsigned int count = 0;

	for (const struct anvil_disk_request *r = z->first; r; r = r->front.after)
		count += r->front.place != ANVIL_DISK_FRONT_BACK && overlap(r, request);
	return count;
}

/* This one is back: those that came later and were held for it wait for one less. */
static void out_of_the_way(const struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	request->front.place = ANVIL_DISK_FRONT_BACK;
	for (struct anvil_disk_request *r = request->front.after; z->held && r; r = r->front.after)
		r->front.waits -= r->front.place == ANVIL_DISK_FRONT_HELD && overlap(request, r);
}

static void let_go_all(struct anvil_zoned_disk *z);

/* ---- reads ---- */

/* A discard counts as soon as it came, whatever is written before its turn. */
static bool discarded(const struct anvil_zoned_disk *z, uint64_t from, uint64_t *to)
{
	for (const struct anvil_disk_request *r = z->map ? z->first : NULL; r; r = r->front.after) {
		if (r->op != ANVIL_DISK_DISCARD || r->sector >= *to ||
		    from >= r->sector + r->sectors)
			continue;
		if (r->sector <= from) {
			if (r->sector + r->sectors < *to)
				*to = r->sector + r->sectors;
			return true;
		}
		*to = r->sector;
	}
	return false;
}

/* Fills in the next piece to be asked for; what is in front of it is zeroes. False: that was all.
 */
static bool next_piece(const struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	const struct anvil_disk_request_front *f = &request->front;
	uint64_t end = f->sector + f->sectors;
	uint64_t from = request->sector + request->sectors;
	uint64_t to = from;

	for (; from < end; from = to) {
		uint8_t *at = f->data + (from - f->sector) * ANVIL_DISK_SECTOR_BYTES;

		if (anvil_zoned_disk_readable(z, from, end, &to) && !discarded(z, from, &to)) {
			request->sector = from;
			request->sectors = to - from;
			request->data = at;
			return true;
		}
		memset(at, 0, (size_t)(to - from) * ANVIL_DISK_SECTOR_BYTES);
	}
	return false;
}

/* A zone that went offline meanwhile gives nothing. */
static void end_read(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	const struct anvil_disk_request_front *f = &request->front;
	int result = f->result;

	request->sector = f->sector;
	request->sectors = f->sectors;
	request->data = f->data;
	if (!result && anvil_zoned_disk_states(z, f->sector, f->sectors) & OFFLINE)
		result = ANVIL_DISK_ZONE_ERROR_INVALID;
	answer(request, result);
}

static void read_on(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	struct anvil_disk_request_front *f = &request->front;

	while (!f->result && next_piece(z, request)) {
		if (f->cancelled) {
			f->result = -ECANCELED;
			break;
		}
		enlist(z, request);
		f->submitting = true;
		submit_below(z, request);
		f->submitting = false;
		if (f->place == ANVIL_DISK_FRONT_BELOW)
			return;
	}
	end_read(z, request);
}

static void read_back(struct anvil_disk_request *request, int result)
{
	struct anvil_zoned_disk *z = front_of(request);

	request->front.result = result;
	out_of_the_way(z, request);
	delist(z, request);
	if (!request->front.submitting)
		read_on(z, request);
	let_go_all(z);
}

/* ---- what changes the disk ---- */

static bool is_write(const struct anvil_disk_request *request)
{
	return request->op == ANVIL_DISK_WRITE || request->op == ANVIL_DISK_WRITE_ZEROES;
}

/* What this write is worth, now that it is its turn to be answered. */
static int result_of(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	int result = request->front.result;

	if (!is_write(request))
		return result;
	if (anvil_zoned_disk_overtaken(z, request))
		return result ? result : -EIO;
	if (result)
		anvil_zoned_disk_lost(z, request);
	else
		anvil_zoned_disk_wrote(z, request);
	return result;
}

static bool may_answer(const struct anvil_zoned_disk *z, const struct anvil_disk_request *request)
{
	return request->front.place == ANVIL_DISK_FRONT_BACK &&
	       (!is_write(request) || anvil_zoned_disk_overtaken(z, request) ||
		anvil_zoned_disk_next_in_zone(z, request));
}

/* Answers one after the other: that of one may make it the turn of those that came later. */
static void answer_all(struct anvil_zoned_disk *z)
{
	struct anvil_disk_request *r = z->first;

	while (r) {
		if (!may_answer(z, r)) {
			r = r->front.after;
			continue;
		}
		r->front.result = result_of(z, r);
		delist(z, r);
		answer(r, r->front.result);
		r = z->first;
	}
}

static void change_back(struct anvil_disk_request *request, int result);

/* What has no business at the disk any more is over: its zone failed, or a write was overtaken. */
static void let_go(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	z->held--;
	if (anvil_zoned_disk_states(z, request->sector, request->sectors) & DEAD ||
	    (is_write(request) && anvil_zoned_disk_overtaken(z, request)))
		change_back(request, -EIO);
	else
		submit_below(z, request);
}

/* From the first one on each time: whatever is let go may be back at once, and others with it. */
static void let_go_all(struct anvil_zoned_disk *z)
{
	if (z->letting_go)
		return;
	z->letting_go = true;
	while (z->held) {
		struct anvil_disk_request *r = z->first;

		while (r && (r->front.place != ANVIL_DISK_FRONT_HELD || r->front.waits))
			r = r->front.after;
		if (!r)
			break;
		let_go(z, r);
	}
	z->letting_go = false;
}

static void change_back(struct anvil_disk_request *request, int result)
{
	struct anvil_zoned_disk *z = front_of(request);

	request->front.result = result;
	out_of_the_way(z, request);
	answer_all(z);
	let_go_all(z);
}

static void change(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	request->done = change_back;
	if (request->op == ANVIL_DISK_ZONE_APPEND)
		request->op = ANVIL_DISK_WRITE;
	request->front.waits = count_in_the_way(z, request);
	enlist(z, request);
	if (!request->front.waits)
		submit_below(z, request);
	else
		z->held++;
}

/* ---- for zoned_disk.c ---- */

static void flush_back(struct anvil_disk_request *request, int result)
{
	request->front.place = ANVIL_DISK_FRONT_BACK;
	answer(request, result);
}

void anvil_zoned_disk_fly(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	request->front = (struct anvil_disk_request_front){
		.disk = &z->disk,
		.done = request->done,
		.op = request->op,
		.sector = request->sector,
		.sectors = request->sectors,
		.data = request->data,
		.order = ++z->clock,
	};
	if (request->op == ANVIL_DISK_READ) {
		request->done = read_back;
		request->sectors = 0;
		read_on(z, request);
	} else if (request->op == ANVIL_DISK_FLUSH) {
		request->done = flush_back;
		submit_below(z, request);
	} else {
		change(z, request);
	}
}

void anvil_zoned_disk_abandon(struct anvil_zoned_disk *z, struct anvil_disk_request *request)
{
	request->front.cancelled = true;
	if (request->front.place == ANVIL_DISK_FRONT_HELD) {
		z->held--;
		change_back(request, -ECANCELED);
	} else if (request->front.place == ANVIL_DISK_FRONT_BELOW && z->below->ops->cancel) {
		z->below->ops->cancel(z->below, request);
	}
}
