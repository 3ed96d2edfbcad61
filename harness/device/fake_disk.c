/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Completions wait in a list until the script says which one comes, and how it went.
 */
#include "fake_disk_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/asan.h"

#define SECTOR ANVIL_DISK_SECTOR_BYTES

/* Each byte tells its sector, and no sector is zero, unless another content is asked for. */
static void first_content(struct fake_disk *d, uint64_t sector)
{
	if (d->first && sector < d->firsts)
		memcpy(d->content + sector * SECTOR, d->first + sector * SECTOR, SECTOR);
	else
		memset(d->content + sector * SECTOR, (int)(0x80 | sector), SECTOR);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Of a request's sectors, how many lie among those that there is memory for. */
static uint64_t sectors_near(const struct anvil_disk_request *r)
{
	return r->sector < SETUP_SECTORS ? smaller(r->sectors, SETUP_SECTORS - r->sector) : 0;
}

static void mark_dirty(struct fake_disk *d, const struct anvil_disk_request *r)
{
	for (uint64_t i = r->sector, end = i + sectors_near(r); i < end; i++)
		d->dirty[i / 64] |= 1ull << (i % 64);
}

/* Zones cut a request into no more pieces than it has sectors, of which few are written at once. */
static bool has_room(const struct fake_disk *d, const struct anvil_disk_request *r)
{
	return r->op == ANVIL_DISK_READ || r->sectors <= sectors_near(r) ||
	       sparse_has_room(&d->beyond, 64, fake_disk_has_data(r) ? r->sectors : 0);
}

static void carry_out_near(const struct fake_disk *d, const struct anvil_disk_request *r,
			   uint64_t sectors)
{
	uint8_t *at = d->content + (sectors ? r->sector * SECTOR : 0);
	size_t len = (size_t)sectors * SECTOR;

	switch (r->op) {
	case ANVIL_DISK_READ:
		memcpy(r->data, at, len);
		break;
	case ANVIL_DISK_WRITE:
		memcpy(at, r->data, len);
		break;
	case ANVIL_DISK_DISCARD:
	case ANVIL_DISK_WRITE_ZEROES:
	case ANVIL_DISK_SECURE_ERASE:
		memset(at, 0, len);
		break;
	default: /* nothing to be done to content */
		break;
	}
}

static void carry_out_beyond(struct fake_disk *d, const struct anvil_disk_request *r, uint64_t near)
{
	uint64_t sector = r->sector + near;
	uint64_t sectors = r->sectors - near;

	switch (r->op) {
	case ANVIL_DISK_READ:
		sparse_read(&d->beyond, sector, sectors, r->data + near * SECTOR);
		break;
	case ANVIL_DISK_WRITE:
		sparse_write(&d->beyond, sector, sectors, r->data + near * SECTOR);
		break;
	case ANVIL_DISK_DISCARD:
	case ANVIL_DISK_WRITE_ZEROES:
	case ANVIL_DISK_SECURE_ERASE:
		sparse_zero(&d->beyond, sector, sectors);
		break;
	default:
		break;
	}
}

/* The oracle has checked the range against the capacity when the request came. */
static void carry_out(struct fake_disk *d, const struct anvil_disk_request *r)
{
	uint64_t near = sectors_near(r);

	carry_out_near(d, r, near);
	if (r->sectors > near)
		carry_out_beyond(d, r, near);
	if (r->op != ANVIL_DISK_READ && r->op != ANVIL_DISK_FLUSH)
		mark_dirty(d, r);
}

/* ---- zones: what is below them, and a request that passes through ---- */

struct passing {
	struct anvil_disk_request request; /* first */
	int result;
};

/* All that is asked for below is no more than what the device asked for; at least one request. */
static void count_passed(struct fake_disk *d, const struct anvil_disk_request *r)
{
	d->passed += r->sectors ? r->sectors : 1;
	if (d->passed > (d->passing->sectors ? d->passing->sectors : 1))
		oracle_fail(d->oracle, 10,
			    "zones: request %d for %llu sectors becomes one for more",
			    d->passing->op, (unsigned long long)d->passing->sectors);
}

static void submit_memory(struct anvil_disk *disk, struct anvil_disk_request *r)
{
	struct fake_disk *d =
		(struct fake_disk *)(void *)((char *)disk - offsetof(struct fake_disk, memory));

	if (r->op != ANVIL_DISK_FLUSH && !fake_disk_is_part_of(r, d->passing))
		oracle_fail(d->oracle, 8, "zones: %llu sectors at %llu are asked for",
			    (unsigned long long)r->sectors, (unsigned long long)r->sector);
	count_passed(d, r);
	carry_out(d, r);
	r->done(r, 0);
}

static void passed(struct anvil_disk_request *r, int result)
{
	((struct passing *)(void *)r)->result = result;
}

static int pass_zones(struct fake_disk *d, struct anvil_disk_request *r)
{
	struct passing p = { .request = *r, .result = 1 };

	p.request.done = passed;
	d->passing = r;
	d->passed = 0;
	fake_disk_allow_zones(d, r);
	d->zoned.disk.ops->submit(&d->zoned.disk, &p.request);
	if (p.result == 1)
		oracle_fail(d->oracle, 8, "zones: a request is not answered");
	if (p.request.op != r->op)
		oracle_fail(d->oracle, 8, "zones: request %d comes back as %d", r->op,
			    p.request.op);
	r->sector = p.request.sector;
	r->zones = p.request.zones;
	return p.result;
}

static int carry_out_or_fail(struct fake_disk *d, struct anvil_disk_request *r, int result)
{
	if (d->fail_every && ++d->count % d->fail_every == 0)
		return -EIO;
	if (result && result != -ETIMEDOUT)
		return result;
	if (!has_room(d, r))
		return -ENOSPC;
	if (d->is_zoned && !d->zones_front)
		return result ? result : pass_zones(d, r);
	carry_out(d, r);
	return result;
}

static struct anvil_disk_request *take(struct fake_disk *d, unsigned int which)
{
	struct anvil_disk_request *r = d->pending[which];

	for (d->pendings--; which < d->pendings; which++) {
		d->pending[which] = d->pending[which + 1];
		d->cancelled[which] = d->cancelled[which + 1];
	}
	return r;
}

static void add(struct fake_disk *d, struct anvil_disk_request *r)
{
	d->cancelled[d->pendings] = false;
	d->pending[d->pendings++] = r;
}

static void complete(struct fake_disk *d, unsigned int which, int result)
{
	struct anvil_disk_request *r = d->pending[which];

	fake_disk_check_data(r);
	result = carry_out_or_fail(d, r, result);
	oracle_disk_completed(d->oracle, r, result);
	take(d, which);
	r->done(r, result);
}

static void complete_below(struct fake_disk *d, unsigned int which, int result)
{
	struct anvil_disk_request *r = take(d, which);

	result = carry_out_or_fail(d, r, result);
	fake_disk_front_done(d, r, result);
}

void fake_disk_complete(struct fake_disk *d, unsigned int which, int result)
{
	if (d->pendings)
		(d->zones_front ? complete_below : complete)(d, which % d->pendings, result);
}

/* It is among those at the disk first: a violation leaves it there (fake_disk_return). */
static void submit(struct anvil_disk *disk, struct anvil_disk_request *r)
{
	struct fake_disk *d = (struct fake_disk *)(void *)disk;

	add(d, r);
	fake_disk_check_data(r);
	oracle_disk_submitted(d->oracle, r);
	if (d->pendings > FAKE_DISK_PENDING)
		oracle_fail(d->oracle, 10, "more than %u requests at the disk", FAKE_DISK_PENDING);
	if (!d->deferred)
		fake_disk_complete(d, d->pendings - 1, 0);
}

bool fake_disk_idle(const struct fake_disk *d)
{
	return d->pendings == 0 && d->flights == 0;
}

void fake_disk_return(struct fake_disk *d)
{
	if (d->zones_front)
		fake_disk_front_return(d);
	while (d->pendings) {
		struct anvil_disk_request *r = d->pending[--d->pendings];

		if (!d->zones_front)
			r->done(r, -ECANCELED);
	}
}

static void cancel(struct anvil_disk *disk, struct anvil_disk_request *r)
{
	struct fake_disk *d = (struct fake_disk *)(void *)disk;
	unsigned int i = 0;

	while (i < d->pendings && d->pending[i] != r)
		i++;
	if (i == d->pendings)
		oracle_fail(d->oracle, 8, "a request is cancelled that is not at the disk");
	if (d->cancelled[i])
		oracle_fail(d->oracle, 8, "a request is cancelled twice");
	d->cancelled[i] = true;
	if (!d->cancel_late)
		fake_disk_complete(d, i, -ECANCELED);
}

/* ---- below zones that are in front ---- */

static struct fake_disk *below_of(struct anvil_disk *disk)
{
	return (struct fake_disk *)(void *)((char *)disk - offsetof(struct fake_disk, memory));
}

static void submit_below(struct anvil_disk *disk, struct anvil_disk_request *r)
{
	struct fake_disk *d = below_of(disk);

	if (d->pendings > FAKE_DISK_PENDING)
		oracle_fail(d->oracle, 10, "more than %u requests below zones", FAKE_DISK_PENDING);
	add(d, r);
	fake_disk_front_asks(d, r);
	if (!d->deferred)
		fake_disk_complete(d, d->pendings - 1, 0);
}

static void cancel_below(struct anvil_disk *disk, struct anvil_disk_request *r)
{
	cancel(&below_of(disk)->disk, r);
}

static const struct anvil_disk_ops ops = { .submit = submit, .cancel = cancel };
static const struct anvil_disk_ops memory_ops = { .submit = submit_memory };
static const struct anvil_disk_ops below_ops = { .submit = submit_below, .cancel = cancel_below };

/* ---- one script's disk ---- */

void fake_disk_create(struct fake_disk *d, struct oracle *oracle)
{
	memset(d, 0, sizeof(*d));
	d->disk.ops = &ops;
	d->oracle = oracle;
	d->content = malloc((size_t)SETUP_SECTORS * SECTOR);
	if (!d->content)
		abort();
	fake_disk_front_create(d);
	sparse_create(&d->beyond);
	memcpy(d->disk.id, setup_disk_id, sizeof(d->disk.id));
	for (uint64_t i = 0; i < SETUP_SECTORS; i++)
		first_content(d, i);
}

void fake_disk_begins_with(struct fake_disk *d, const uint8_t *content, uint64_t sectors)
{
	d->first = content;
	d->firsts = sectors;
	for (uint64_t i = 0; i < SETUP_SECTORS; i++)
		first_content(d, i);
}

static void start_zones(struct fake_disk *d, const struct setup *p)
{
	d->zones_front = p->zones.front;
	d->memory.capacity = p->capacity;
	d->memory.ops = d->zones_front ? &below_ops : &memory_ops;
	if (d->zones_front)
		d->disk.ops = &fake_disk_front_ops;
	if (anvil_zoned_disk_init(&d->zoned, &d->memory, &p->zones.options))
		abort();
	if (p->zones.read_only)
		anvil_zoned_disk_fail_zone(&d->zoned, p->zones.read_only,
					   ANVIL_DISK_ZONE_READ_ONLY);
	if (p->zones.offline)
		anvil_zoned_disk_fail_zone(&d->zoned, p->zones.offline, ANVIL_DISK_ZONE_OFFLINE);
	d->disk.zoning = d->zoned.disk.zoning;
}

void fake_disk_start(struct fake_disk *d, const struct setup *p)
{
	for (unsigned int w = 0; w < SETUP_SECTORS / 64; w++) {
		for (; d->dirty[w]; d->dirty[w] &= d->dirty[w] - 1)
			first_content(d, w * 64 + (uint64_t)__builtin_ctzll(d->dirty[w]));
	}
	sparse_clear(&d->beyond);
	d->count = 0;
	d->disk.capacity = p->capacity;
	d->disk.read_only = p->flags & FLAG_READ_ONLY;
	d->deferred = p->flags & FLAG_DEFERRED;
	d->cancel_late = p->flags & FLAG_CANCEL_LATE;
	d->fail_every = p->fail_every;
	d->lifetime = p->lifetime;
	d->disk.lifetime =
		anvil_features_has(&p->offered, VIRTIO_BLK_F_LIFETIME) ? &d->lifetime : NULL;
	d->disk.secure_erase = anvil_features_has(&p->offered, VIRTIO_BLK_F_SECURE_ERASE);
	d->disk.zoning = NULL;
	d->is_zoned = p->zones.zoned;
	if (d->is_zoned)
		start_zones(d, p);
}

void fake_disk_fail_zone(struct fake_disk *d, unsigned int zone, bool offline)
{
	anvil_zoned_disk_fail_zone(&d->zoned, zone,
				   offline ? ANVIL_DISK_ZONE_OFFLINE : ANVIL_DISK_ZONE_READ_ONLY);
}

void fake_disk_stop(struct fake_disk *d)
{
	if (d->is_zoned)
		anvil_zoned_disk_destroy(&d->zoned);
	if (d->zones_front) /* else they may be somebody's who listens */
		d->disk.ops = &ops;
	d->zones_front = false;
	d->is_zoned = false;
}
