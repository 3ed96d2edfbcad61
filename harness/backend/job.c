/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests.
 */
#include "job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk_image.h"
#include "place.h"
#include "steps.h"

struct jobs jobs;

_Static_assert(STEPS_OPS_MAX + PLACE_VERSION <= PLACE_VERSIONS, "a version each");

void jobs_reset(void)
{
	memset(&jobs, 0, sizeof(jobs));
	jobs.versions = PLACE_VERSION;
}

unsigned int jobs_busy(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < JOBS; i++)
		count += jobs.job[i].busy;
	return count;
}

bool jobs_range_busy(void)
{
	for (unsigned int i = 0; i < JOBS; i++) {
		if (jobs.job[i].busy && (jobs.job[i].op == ANVIL_DISK_DISCARD ||
					 jobs.job[i].op == ANVIL_DISK_WRITE_ZEROES))
			return true;
	}
	return false;
}

bool job_is_change(const struct job *job)
{
	return job->version != 0;
}

static bool overlap(const struct job *a, const struct job *b)
{
	return a->range.sector < b->range.sector + b->range.sectors &&
	       b->range.sector < a->range.sector + a->range.sectors;
}

/* ---- what it may touch ---- */

static bool may(const struct job *job, enum host_call call)
{
	switch (call) {
	case HOST_READ:
		return job->op == ANVIL_DISK_READ;
	case HOST_WRITE:
		return job->op == ANVIL_DISK_WRITE || job->op == ANVIL_DISK_ZONE_APPEND ||
		       job->op == ANVIL_DISK_WRITE_ZEROES;
	default:
		return job->op == ANVIL_DISK_DISCARD || job->op == ANVIL_DISK_WRITE_ZEROES;
	}
}

static void accessed(enum host_call call, uint64_t offset, uint64_t bytes)
{
	static const char *const name[] = { "reads", "writes", "", "gives back" };

	for (unsigned int i = 0; i < JOBS; i++) {
		const struct job *job = &jobs.job[i];
		uint64_t start = job->range.sector * ANVIL_DISK_SECTOR_BYTES;

		if (job->busy && may(job, call) && offset >= start &&
		    offset + bytes <= start + job->range.sectors * ANVIL_DISK_SECTOR_BYTES)
			return;
	}
	steps_finding("%s %llu bytes at %llu, which no request asks for", name[call],
		      (unsigned long long)bytes, (unsigned long long)offset);
}

/* ---- results ---- */

static unsigned int came(const struct job *job, enum host_call call, enum host_trouble trouble)
{
	return host.troubles.count[call][trouble] - job->before.count[call][trouble];
}

/* What a file system or a device lacks is done by other means. */
static bool lacks(enum host_trouble trouble)
{
	return trouble == HOST_EOPNOTSUPP || trouble == HOST_EINVAL || trouble == HOST_ENOSYS;
}

/* Whether a call that a disk makes again and again was interrupted too often, or gave nothing. */
static bool given_up(const struct job *job, enum host_call call)
{
	return came(job, call, HOST_NOTHING) > 0 ||
	       came(job, call, HOST_EINTR) + came(job, call, HOST_EAGAIN) > ANVIL_DISK_RETRIES_MAX;
}

/* The ring gives up all that it has not taken together: what came late, too. */
static bool refused_to_submit(void)
{
	unsigned int count = 0;

	for (unsigned int t = 0; t < HOST_TROUBLES; t++)
		count += host.troubles.count[HOST_SUBMIT][t];
	return jobs.ring && count > ANVIL_DISK_RETRIES_MAX;
}

static bool from_call(const struct job *job, enum host_call call, int result)
{
	if (result == -EIO && given_up(job, call))
		return true;
	for (unsigned int i = HOST_EINTR; i < HOST_TROUBLES; i++) {
		enum host_trouble t = (enum host_trouble)i;

		if (t == HOST_NOTHING || t == HOST_EINTR || (t == HOST_EAGAIN && jobs.ring) ||
		    (call == HOST_ALLOCATE && lacks(t)))
			continue;
		if (result == -host_errno(t) && came(job, call, t) > 0)
			return true;
	}
	return false;
}

static bool has_reason(const struct job *job, int result)
{
	if (job->cancelled || (result == -EIO && refused_to_submit()))
		return true;
	for (unsigned int call = HOST_READ; call <= HOST_ALLOCATE; call++) {
		bool its = call == HOST_SYNC ? job->op == ANVIL_DISK_FLUSH
					     : may(job, (enum host_call)call);

		if (its && from_call(job, (enum host_call)call, result))
			return true;
	}
	return jobs.rules && jobs.rules->has_reason(job, result);
}

/* What a disk that is not zoned must answer whatever the host does; 1: nothing in particular. */
static int fixed_result(const struct job *job)
{
	if (!jobs.rules && job->op > ANVIL_DISK_WRITE_ZEROES)
		return -EOPNOTSUPP;
	if (!jobs.disk->read_only || jobs.rules || job->op == ANVIL_DISK_READ)
		return 1;
	return job->op == ANVIL_DISK_FLUSH ? 0 : -EROFS;
}

/* A call for this one alone, and no other, gave no byte: the image shrank, or is full. */
static bool gave_nothing(const struct job *job)
{
	bool alone = !jobs.rules && (!jobs.ring || jobs.most == 1);

	return alone && ((job->op == ANVIL_DISK_READ && came(job, HOST_READ, HOST_NOTHING)) ||
			 (job->op == ANVIL_DISK_WRITE && came(job, HOST_WRITE, HOST_NOTHING)));
}

static void judge(const struct job *job, int result)
{
	int fixed = fixed_result(job);

	if (result > 0 || (fixed <= 0 && result != fixed))
		steps_finding("ends a request (%d) with %d", (int)job->op, result);
	if (fixed > 0 && result < 0 && !has_reason(job, result))
		steps_finding("ends a request (%d) with %d, for which there is no reason",
			      (int)job->op, result);
	if (result == 0 && gave_nothing(job))
		steps_finding("ends a request (%d) well though the image has ended", (int)job->op);
	if (job->op == ANVIL_DISK_FLUSH && result == 0 && !jobs.disk->read_only &&
	    host.synced < job->flush)
		steps_finding("ends a flush well without having asked for it after all writes");
}

/* ---- the shadow ---- */

static void check_read(const struct job *job)
{
	for (uint64_t i = 0; i < job->range.sectors; i++) {
		uint64_t sector = job->range.sector + i;
		uint64_t versions = job->seen[i] | job->during | shadow_versions(sector);

		if (!shadow_matches(job->request.data + i * ANVIL_DISK_SECTOR_BYTES, sector,
				    versions))
			steps_finding("reads what sector %llu does not hold",
				      (unsigned long long)sector);
	}
}

static void wrote(const struct job *job)
{
	for (uint64_t i = 0; i < job->range.sectors; i++) {
		struct shadow_range one = { job->range.sector + i, 1 };

		if (place_slot(one.sector) >= 0)
			shadow_set(&one,
				   (shadow_versions(one.sector) & job->during) | job->version);
	}
}

static void settle(const struct job *job, int result)
{
	if (result == 0 && job->op == ANVIL_DISK_READ)
		check_read(job);
	if (!job_is_change(job))
		return;
	jobs.changed = host.changes;
	if (jobs.rules)
		jobs.rules->settle(job, result);
	else if (result == 0 && job->op != ANVIL_DISK_DISCARD)
		wrote(job);
}

static void done(struct anvil_disk_request *request, int result)
{
	struct job *job = (struct job *)(void *)request;

	if (job < jobs.job || job >= jobs.job + JOBS || !job->busy)
		steps_finding("ends a request that it does not have");
	if (request->op != job->op || request->done != done || request->sectors != job->sectors ||
	    (request->sector != job->sector && job->op != ANVIL_DISK_ZONE_APPEND))
		steps_finding("gives back a request that is not what it was");
	judge(job, result);
	if (jobs.rules)
		jobs.rules->done(job, result);
	settle(job, result);
	free(request->data);
	request->data = NULL;
	job->busy = false;
	if (job->again)
		job_begin(ANVIL_DISK_READ, job->range.sector,
			  job->range.sectors < 8 ? job->range.sectors : 8, 0);
}

/* ---- submitting ---- */

static struct job *find_free(void)
{
	if (jobs_busy() >= jobs.most)
		return NULL;
	for (unsigned int i = 0; i < JOBS; i++) {
		if (!jobs.job[i].busy)
			return &jobs.job[i];
	}
	return NULL;
}

static uint8_t *make_data(const struct job *job)
{
	uint64_t sectors = job->request.sectors;
	uint8_t *data = malloc((size_t)(sectors * ANVIL_DISK_SECTOR_BYTES));

	if (!data)
		abort();
	if (job->version)
		place_begins(jobs.versions, job->sector);
	for (uint64_t i = 0; i < sectors; i++) {
		if (job->op == ANVIL_DISK_READ)
			memset(data + i * ANVIL_DISK_SECTOR_BYTES, 0xa5, ANVIL_DISK_SECTOR_BYTES);
		else
			place_fill(data + i * ANVIL_DISK_SECTOR_BYTES, job->sector + i,
				   jobs.versions, true);
	}
	return data;
}

static void choose_version(struct job *job)
{
	if (job->op == ANVIL_DISK_WRITE_ZEROES || job->op == ANVIL_DISK_DISCARD)
		job->version = 1u << PLACE_ZEROES;
	else if (job->op == ANVIL_DISK_WRITE || job->op == ANVIL_DISK_ZONE_APPEND)
		job->version = UINT64_C(1) << jobs.versions;
}

/* It may change its sectors from now on; what is under way there may be before it or after it. */
static void enter(struct job *job)
{
	for (unsigned int i = 0; i < JOBS; i++) {
		struct job *other = &jobs.job[i];

		if (other == job || !other->busy || !overlap(job, other))
			continue;
		job->during |= other->version;
		other->during |= job->version;
	}
	for (uint64_t i = 0; job->op == ANVIL_DISK_READ && i < job->range.sectors; i++)
		job->seen[i] = shadow_versions(job->range.sector + i);
	if (jobs.rules)
		jobs.rules->enter(job);
	else if (!jobs.disk->read_only)
		shadow_add(&job->range, job->version);
}

static bool has_data(enum anvil_disk_op op)
{
	return op == ANVIL_DISK_READ || op == ANVIL_DISK_WRITE || op == ANVIL_DISK_ZONE_APPEND;
}

void job_begin(enum anvil_disk_op op, uint64_t sector, uint64_t sectors, unsigned int flags)
{
	struct job *job = find_free();

	if (!job)
		return;
	memset(job, 0, offsetof(struct job, seen));
	job->op = op;
	job->sector = sector;
	job->sectors = sectors;
	job->range = (struct shadow_range){ sector, sectors };
	job->request = (struct anvil_disk_request){
		.op = op, .sector = sector, .sectors = sectors, .done = done
	};
	job->request.unmap = flags & JOB_UNMAP;
	job->again = flags & JOB_AGAIN;
	job->before = host.troubles;
	job->flush = jobs.changed;
	choose_version(job);
	if (jobs.rules)
		jobs.rules->begin(job);
	if (op == ANVIL_DISK_ZONE_REPORT) {
		job->request.zone = job->zone;
		job->request.zones = JOB_ZONES;
	}
	if (has_data(op))
		job->request.data = make_data(job);
	if (op == ANVIL_DISK_WRITE || op == ANVIL_DISK_ZONE_APPEND)
		jobs.versions++;
	host.accessed = accessed;
	enter(job);
	job->busy = true;
	jobs.disk->ops->submit(jobs.disk, &job->request);
}

void job_cancel(unsigned int which)
{
	unsigned int busy = jobs_busy();

	if (busy == 0)
		return;
	which %= busy;
	for (unsigned int i = 0; i < JOBS; i++) {
		if (!jobs.job[i].busy || which-- > 0)
			continue;
		jobs.job[i].cancelled = true;
		jobs.cancels++;
		jobs.disk->ops->cancel(jobs.disk, &jobs.job[i].request);
		return;
	}
}
