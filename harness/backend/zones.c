/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model of the zones, by the results of requests alone.
 */
#include "zones.h"

#include <errno.h>
#include <string.h>

#include "array_size.h"
#include "place.h"
#include "steps.h"

#define ZONES_MAX  160u
#define NO_POINTER UINT64_MAX
#define ZEROES	   (1u << PLACE_ZEROES)

struct zone {
	uint64_t start;
	uint64_t sectors;
	uint64_t capacity;
	enum anvil_disk_zone_type type;
	uint64_t written; /* all up to here is there; of zones written anywhere: the last one is */
	bool full;
	enum anvil_disk_zone_state dead; /* READ_ONLY, OFFLINE, or 0 */
};

static struct {
	struct zone zone[ZONES_MAX];
	unsigned int zones;
	struct anvil_disk_zoning zoning;
	bool trouble; /* zones were emptied, or failed, with writes under way */
} model;

const struct anvil_zoned_disk_options *zones_options(unsigned int choice)
{
	static const struct anvil_zoned_disk_options options[] = {
		{ { ANVIL_DISK_HOST_MANAGED, 64, 0, 0, 16, 512 }, 1, 0 },
		{ { ANVIL_DISK_HOST_MANAGED, 64, 2, 3, 8, 4096 }, 0, 60 },
		{ { ANVIL_DISK_HOST_AWARE, 64, 0, 0, 0, 512 }, 1, 0 },
		{ { ANVIL_DISK_HOST_MANAGED, 8, 1, 0, 4, 512 }, 2, 5 },
		{ { ANVIL_DISK_HOST_MANAGED, 128, 0, 2, 128, 512 }, 0, 0 },
		{ { ANVIL_DISK_HOST_AWARE, 16, 0, 0, 0, 1024 }, 0, 0 },
	};

	return &options[choice % ARRAY_SIZE(options)];
}

void zones_reset(const struct anvil_disk *disk, const struct anvil_zoned_disk_options *options)
{
	uint64_t unit = options->zoning.write_granularity / ANVIL_DISK_SECTOR_BYTES;

	memset(&model, 0, sizeof(model));
	model.zoning = options->zoning;
	for (uint64_t at = 0; at < disk->capacity; at += options->zoning.zone_sectors) {
		struct zone *zone = &model.zone[model.zones++];
		uint64_t left = disk->capacity - at;

		zone->start = zone->written = at;
		zone->sectors =
			left < options->zoning.zone_sectors ? left : options->zoning.zone_sectors;
		zone->capacity = zone->sectors;
		zone->type = model.zones <= options->conventional ? ANVIL_DISK_ZONE_CONVENTIONAL
			     : options->zoning.model == ANVIL_DISK_HOST_AWARE
				     ? ANVIL_DISK_ZONE_WRITE_PREFERRED
				     : ANVIL_DISK_ZONE_WRITE_REQUIRED;
		if (zone->type == ANVIL_DISK_ZONE_WRITE_REQUIRED) {
			if (options->zone_capacity && zone->capacity > options->zone_capacity)
				zone->capacity = options->zone_capacity;
			zone->capacity -= zone->capacity % unit;
		}
		if (zone->type != ANVIL_DISK_ZONE_CONVENTIONAL)
			shadow_set(&(struct shadow_range){ at, zone->sectors }, ZEROES);
	}
}

unsigned int zones_count(void)
{
	return model.zones;
}

uint64_t zones_start(unsigned int zone)
{
	return model.zone[zone].start;
}

static struct zone *zone_of(uint64_t sector)
{
	return &model.zone[sector / model.zoning.zone_sectors];
}

static bool writes(const struct job *job)
{
	return job->op == ANVIL_DISK_WRITE || job->op == ANVIL_DISK_ZONE_APPEND ||
	       job->op == ANVIL_DISK_WRITE_ZEROES;
}

static bool touches(const struct job *job, const struct zone *zone)
{
	return job->busy && job->range.sector < zone->start + zone->sectors &&
	       zone->start < job->range.sector + job->range.sectors;
}

static unsigned int writes_under_way(const struct zone *zone)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < JOBS; i++)
		count += touches(&jobs.job[i], zone) && writes(&jobs.job[i]);
	return count;
}

uint64_t zones_next(unsigned int which)
{
	const struct zone *zone = &model.zone[which];
	uint64_t next = zone->written;

	for (unsigned int i = 0; i < JOBS; i++) {
		if (touches(&jobs.job[i], zone) && writes(&jobs.job[i]) && !jobs.job[i].doomed)
			next += jobs.job[i].sectors;
	}
	return next;
}

/* ---- by coming ---- */

/* What is under way there must not end well; reads may find what was there before. */
static void doom(const struct zone *zone, bool reads)
{
	for (unsigned int i = 0; i < JOBS; i++) {
		struct job *job = &jobs.job[i];

		if (!touches(job, zone))
			continue;
		if (writes(job) || (reads && job->op == ANVIL_DISK_READ))
			job->doomed = model.trouble = true;
		job->during |= ZEROES;
	}
}

static bool may_empty(const struct zone *zone)
{
	return zone->type != ANVIL_DISK_ZONE_CONVENTIONAL && !zone->dead;
}

static void empty(struct zone *zone)
{
	doom(zone, false);
	zone->written = zone->start;
	zone->full = false;
	shadow_set(&(struct shadow_range){ zone->start, zone->sectors }, ZEROES);
}

static void begin_reset_all(struct job *job)
{
	for (unsigned int i = 0; i < model.zones; i++) {
		if (may_empty(&model.zone[i]))
			empty(&model.zone[i]);
	}
	job->must_succeed = true;
}

static void begin_erase(const struct job *job)
{
	const struct zone *last = zone_of(job->sector + job->sectors - 1);

	for (struct zone *zone = zone_of(job->sector); zone <= last; zone++) {
		if (!may_empty(zone))
			return;
	}
	for (struct zone *zone = zone_of(job->sector); zone <= last; zone++)
		empty(zone);
}

static void begin_write(struct job *job)
{
	const struct zone *zone = zone_of(job->sector);
	uint64_t unit = model.zoning.write_granularity / ANVIL_DISK_SECTOR_BYTES;
	bool append = job->op == ANVIL_DISK_ZONE_APPEND;

	if (append)
		job->range = (struct shadow_range){ zone->start, zone->sectors };
	job->must_succeed = zone->type == ANVIL_DISK_ZONE_WRITE_REQUIRED && !zone->full &&
			    !zone->dead && !writes_under_way(zone) &&
			    (append || job->sector == zone->written) && job->sectors % unit == 0 &&
			    job->sectors <= zone->start + zone->capacity - zone->written &&
			    !model.zoning.open_max && !model.zoning.active_max;
}

static void begin_read(struct job *job)
{
	const struct zone *zone = zone_of(job->sector);

	job->must_succeed = zone == zone_of(job->sector + job->sectors - 1) &&
			    zone->dead != ANVIL_DISK_ZONE_OFFLINE;
}

static void begin(struct job *job)
{
	switch (job->op) {
	case ANVIL_DISK_READ:
		begin_read(job);
		break;
	case ANVIL_DISK_WRITE:
	case ANVIL_DISK_WRITE_ZEROES:
	case ANVIL_DISK_ZONE_APPEND:
		begin_write(job);
		break;
	case ANVIL_DISK_SECURE_ERASE:
		begin_erase(job);
		break;
	case ANVIL_DISK_ZONE_RESET:
		job->must_succeed = may_empty(zone_of(job->sector));
		if (job->must_succeed)
			empty(zone_of(job->sector));
		break;
	case ANVIL_DISK_ZONE_RESET_ALL:
		begin_reset_all(job);
		break;
	default:
		job->must_succeed = job->op == ANVIL_DISK_ZONE_REPORT;
		break;
	}
}

/* Of a zone that is written from front to back a write is no part before it has ended well. */
static bool shows_at_once(uint64_t sector)
{
	return zone_of(sector)->type != ANVIL_DISK_ZONE_WRITE_REQUIRED;
}

static void enter(struct job *job)
{
	for (uint64_t i = 0; job_is_change(job) && i < job->range.sectors; i++) {
		struct shadow_range one = { job->range.sector + i, 1 };

		if (shows_at_once(one.sector))
			shadow_add(&one, job->version);
	}
}

void zones_failed(unsigned int which, enum anvil_disk_zone_state state)
{
	struct zone *zone = &model.zone[which];

	if (zone->type == ANVIL_DISK_ZONE_CONVENTIONAL || zone->dead == ANVIL_DISK_ZONE_OFFLINE)
		return;
	zone->dead = state;
	model.trouble = true;
	doom(zone, state == ANVIL_DISK_ZONE_OFFLINE);
}

/* ---- by ending ---- */

static void wrote(const struct job *job)
{
	uint64_t sector = job->request.sector;
	uint64_t end = sector + job->sectors;
	struct zone *last = zone_of(end - 1);

	for (struct zone *zone = zone_of(sector); zone <= last; zone++) {
		uint64_t to = zone->start + zone->sectors < end ? zone->start + zone->sectors : end;

		if (zone->type == ANVIL_DISK_ZONE_CONVENTIONAL)
			continue;
		if (zone->dead)
			steps_finding("ends a write to zone %u well, which failed",
				      (unsigned int)(zone - model.zone));
		if (zone->type == ANVIL_DISK_ZONE_WRITE_REQUIRED &&
		    (sector != zone->written || to > zone->start + zone->capacity))
			steps_finding("ends a write at %llu well, with zone %u written up to %llu",
				      (unsigned long long)sector, (unsigned int)(zone - model.zone),
				      (unsigned long long)zone->written);
		if (to > zone->written)
			zone->written = to;
		zone->full = zone->full || zone->written == zone->start + zone->capacity;
	}
}

static void check_zone(const struct zone *zone, const struct anvil_disk_zone *told)
{
	uint64_t pointer = zone->written;
	bool right = told->start == zone->start && told->capacity == zone->capacity &&
		     told->type == zone->type;

	if (zone->type == ANVIL_DISK_ZONE_CONVENTIONAL)
		right = right && told->state == ANVIL_DISK_ZONE_NO_POINTER;
	else if (zone->dead)
		right = right && told->state == zone->dead;
	else
		right = right && (told->state == ANVIL_DISK_ZONE_FULL) == zone->full;
	if (zone->type == ANVIL_DISK_ZONE_CONVENTIONAL || zone->dead || zone->full)
		pointer = NO_POINTER;
	if (told->state == ANVIL_DISK_ZONE_EMPTY)
		right = right && zone->written == zone->start;
	if (!right || told->pointer != pointer)
		steps_finding("reports zone %u in state %d with pointer %llu, not %llu",
			      (unsigned int)(zone - model.zone), (int)told->state,
			      (unsigned long long)told->pointer, (unsigned long long)pointer);
}

static void check_report(const struct job *job)
{
	const struct zone *first = zone_of(job->sector);
	unsigned int left = model.zones - (unsigned int)(first - model.zone);
	unsigned int open = 0;
	unsigned int active = 0;

	if (job->request.zones != (left < JOB_ZONES ? left : JOB_ZONES))
		steps_finding("reports %u zones of %u", job->request.zones, left);
	for (unsigned int i = 0; i < job->request.zones; i++) {
		const struct anvil_disk_zone *told = &job->zone[i];
		bool opened = told->state == ANVIL_DISK_ZONE_OPEN_IMPLICITLY ||
			      told->state == ANVIL_DISK_ZONE_OPEN_EXPLICITLY;

		check_zone(&first[i], told);
		open += opened;
		active += opened || told->state == ANVIL_DISK_ZONE_CLOSED;
	}
	if ((model.zoning.open_max && open > model.zoning.open_max) ||
	    (model.zoning.active_max && active > model.zoning.active_max))
		steps_finding("has %u zones open and %u active, more than it may", open, active);
}

static void done(struct job *job, int result)
{
	struct zone *zone = zone_of(job->sector);

	if (result != 0)
		return;
	if (job->doomed)
		steps_finding("ends a request (%d) well whose zone was emptied or failed",
			      (int)job->op);
	if (writes(job) && zone->full && zone->type == ANVIL_DISK_ZONE_WRITE_REQUIRED &&
	    job->request.sector != zone->written)
		steps_finding("ends a write to a full zone well");
	if (writes(job))
		wrote(job);
	else if (job->op == ANVIL_DISK_ZONE_REPORT)
		check_report(job);
	else if (job->op == ANVIL_DISK_ZONE_FINISH)
		zone->full = true;
	else if (job->op == ANVIL_DISK_READ && zone->dead == ANVIL_DISK_ZONE_OFFLINE)
		steps_finding("reads a zone that is offline");
	else if (job->op == ANVIL_DISK_ZONE_RESET && !may_empty(zone))
		steps_finding("empties a zone that cannot be");
}

static void settle(const struct job *job, int result)
{
	unsigned int version = 0;

	if (result != 0)
		return;
	while (!(job->version >> version & 1))
		version++;
	if (job->op == ANVIL_DISK_ZONE_APPEND)
		place_begins(version, job->request.sector);
	for (uint64_t i = 0; i < job->sectors; i++) {
		struct shadow_range one = { job->request.sector + i, 1 };
		enum anvil_disk_zone_type type = zone_of(one.sector)->type;

		if (type == ANVIL_DISK_ZONE_WRITE_REQUIRED && job->op == ANVIL_DISK_DISCARD)
			continue;
		if (type == ANVIL_DISK_ZONE_WRITE_REQUIRED)
			shadow_set(&one, job->version);
		else if (job->op != ANVIL_DISK_DISCARD || type == ANVIL_DISK_ZONE_WRITE_PREFERRED)
			shadow_set(&one,
				   (shadow_versions(one.sector) & job->during) | job->version);
	}
}

static bool has_reason(const struct job *job, int result)
{
	unsigned int troubles = 0;

	for (unsigned int i = 0; i < HOST_CALLS; i++) {
		for (unsigned int t = 0; t < HOST_TROUBLES; t++)
			troubles += host.troubles.count[i][t];
	}
	if (result <= ANVIL_DISK_ZONE_ERROR_INVALID && result >= ANVIL_DISK_ZONE_ERROR_ACTIVE)
		return !job->must_succeed || troubles > 0 || job->doomed;
	if (job->op == ANVIL_DISK_SECURE_ERASE)
		return result == -EOPNOTSUPP || result == -EIO;
	return result == -EIO && (troubles > 0 || job->doomed || model.trouble || jobs.cancels > 0);
}

const struct job_rules zones_rules = {
	.begin = begin,
	.enter = enter,
	.done = done,
	.settle = settle,
	.has_reason = has_reason,
};
