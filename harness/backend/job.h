/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests to a disk, and what backend.h promises of each: it ends once, with a result that has a
 * reason; it touches its own sectors alone, and nothing after its end; the disk then holds what the
 * shadow says, and a read gives that.
 */
#ifndef BACKEND_JOB_H
#define BACKEND_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "backend.h"
#include "host.h"
#include "shadow.h"

#define JOBS		 8u
#define JOB_TRANSFER_MAX 200u /* sectors */
#define JOB_ZONES	 32u  /* of a report */

struct job {
	struct anvil_disk_request request; /* the first member */
	bool busy;
	bool cancelled;
	bool again;	       /* submits a read when it is done */
	enum anvil_disk_op op; /* as asked for, as the next ones */
	uint64_t sector;
	uint64_t sectors;
	struct shadow_range range; /* what it may touch */
	uint64_t version;	   /* its bit */
	uint64_t during;   /* versions of what touches the same and is under way meanwhile */
	uint64_t flush;	   /* changes that a flush is for */
	bool doomed;	   /* a zone of it was emptied or failed: it must not end well */
	bool must_succeed; /* unless something goes wrong in the host */
	struct host_troubles before;
	uint64_t seen[JOB_TRANSFER_MAX]; /* of a read: what it may find */
	struct anvil_disk_zone zone[JOB_ZONES];
};

/* What a kind of disk promises beside. */
struct job_rules {
	void (*begin)(struct job *job); /* before it is submitted */
	void (*enter)(struct job *job); /* marks in the shadow what it may change */
	void (*done)(struct job *job, int result);
	void (*settle)(const struct job *job, int result); /* a change: in the shadow */
	bool (*has_reason)(const struct job *job, int result);
};

struct jobs {
	struct job job[JOBS];
	struct anvil_disk *disk;
	const struct job_rules *rules; /* NULL: none */
	bool ring;		       /* in the end requests go to one */
	unsigned int most;	       /* at a time */
	unsigned int versions;	       /* given out */
	unsigned int cancels;
	uint64_t changed; /* host.changes when the last change was done */
};

extern struct jobs jobs;

void jobs_reset(void);

/* A request of these sectors; dropped if too many are under way. */
void job_begin(enum anvil_disk_op op, uint64_t sector, uint64_t sectors, unsigned int flags);

#define JOB_UNMAP 1u
#define JOB_AGAIN 2u

void job_cancel(unsigned int which);
unsigned int jobs_busy(void);
/* Is one under way that poll has to work on? */
bool jobs_range_busy(void);

bool job_is_change(const struct job *job);

#endif
