/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zones in front of where requests wait: the device's requests go to devices/zoned_disk.c, as
 * copies, and what that asks of the disk below waits in the list of fake_disk.c. The oracle hears
 * of both.
 */
#include "fake_disk_internal.h"

#include <errno.h>
#include <stdlib.h>

static struct fake_disk_flight *flight_of(struct anvil_disk_request *copy)
{
	return (struct fake_disk_flight *)(void *)copy;
}

/* This may come while the device works at another one, which has been submitted just now: then it
 * goes on with that. */
static void front_done(struct anvil_disk_request *copy, int result)
{
	struct fake_disk_flight *f = flight_of(copy);
	struct anvil_disk_request *r = f->request;
	struct fake_disk *d = f->disk;
	const struct model_chain *current = d->oracle->current;

	if (!f->used)
		oracle_fail(d->oracle, 8, "zones: a request is answered twice");
	if (copy->op != r->op)
		oracle_fail(d->oracle, 8, "zones: request %d comes back as %d", r->op, copy->op);
	if (copy->sectors != r->sectors || copy->data != r->data)
		oracle_fail(d->oracle, 8, "zones: request %d comes back for other sectors", r->op);
	r->sector = copy->sector;
	r->zones = copy->zones;
	oracle_disk_completed(d->oracle, r, result);
	f->used = false;
	d->flights--;
	/* what is done below may be what several waited for */
	if (d->submitting == 0 && d->again)
		d->again(d->again_opaque);
	r->done(r, result);
	d->oracle->current = current;
}

static struct fake_disk_flight *take_off(struct fake_disk *d, struct anvil_disk_request *r)
{
	struct fake_disk_flight *f = d->flight;

	while (f->used)
		f++;
	f->copy = *r;
	f->copy.done = front_done;
	f->request = r;
	f->disk = d;
	f->used = true;
	d->flights++;
	return f;
}

static void submit(struct anvil_disk *disk, struct anvil_disk_request *r)
{
	struct fake_disk *d = (struct fake_disk *)(void *)disk;
	struct fake_disk_flight *f = take_off(d, r);

	fake_disk_check_data(r);
	oracle_disk_submitted(d->oracle, r);
	if (d->flights > FAKE_DISK_PENDING)
		oracle_fail(d->oracle, 10, "more than %u requests at the disk", FAKE_DISK_PENDING);
	fake_disk_allow_zones(d, r);
	d->submitting++;
	d->zoned.disk.ops->submit(&d->zoned.disk, &f->copy);
	d->submitting--;
}

static void cancel(struct anvil_disk *disk, struct anvil_disk_request *r)
{
	struct fake_disk *d = (struct fake_disk *)(void *)disk;

	for (unsigned int i = 0; i <= FAKE_DISK_PENDING; i++) {
		struct fake_disk_flight *f = &d->flight[i];

		if (!f->used || f->request != r)
			continue;
		oracle_disk_cancelled(d->oracle, r);
		d->zoned.disk.ops->cancel(&d->zoned.disk, &f->copy);
		return;
	}
	oracle_fail(d->oracle, 8, "a request is cancelled that is not at the disk");
}

const struct anvil_disk_ops fake_disk_front_ops = { .submit = submit, .cancel = cancel };

void fake_disk_front_create(struct fake_disk *d)
{
	d->flight = calloc(FAKE_DISK_PENDING + 1, sizeof(*d->flight));
	if (!d->flight)
		abort();
}

void fake_disk_front_asks(struct fake_disk *d, const struct anvil_disk_request *r)
{
	const struct fake_disk_flight *f = (const struct fake_disk_flight *)(const void *)r;

	if (!f->used)
		oracle_fail(d->oracle, 8, "zones: the disk is asked for what is over already");
	if (r->op != ANVIL_DISK_FLUSH && !fake_disk_is_part_of(r, f->request))
		oracle_fail(d->oracle, 8, "zones: %llu sectors at %llu are asked for",
			    (unsigned long long)r->sectors, (unsigned long long)r->sector);
	fake_disk_check_data(r);
	oracle_below_submitted(d->oracle, f->request, r);
}

void fake_disk_front_done(struct fake_disk *d, struct anvil_disk_request *r, int result)
{
	oracle_below_completed(d->oracle, flight_of(r)->request, result);
	fake_disk_allow_zeroes(flight_of(r)->request);
	r->done(r, result);
}

void fake_disk_front_return(struct fake_disk *d)
{
	d->submitting = 0; /* a violation may have left it */
	for (unsigned int i = 0; i <= FAKE_DISK_PENDING; i++) {
		struct fake_disk_flight *f = &d->flight[i];

		if (!f->used)
			continue;
		f->used = false;
		f->request->done(f->request, -ECANCELED);
	}
	d->flights = 0;
}
