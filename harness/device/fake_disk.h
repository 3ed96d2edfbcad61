/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk in memory whose completions are scripted: at once, or when told to, in any order, with any
 * result, and so those that were cancelled, which may be carried out all the same; ETIMEDOUT says
 * that a request has failed which was carried out. A large disk has content, too, but not the
 * memory for all of it: who writes too much of it in a script meets ENOSPC.
 *
 * A zoned one has devices/zoned_disk.c in one of two places. Behind where requests wait: zones and
 * memory carry one out at the moment when it completes. In front: what the zones ask of the disk
 * below is what waits, is reordered and fails (fake_disk_front.c).
 */
#ifndef FAKE_DISK_H
#define FAKE_DISK_H

#include "oracle/oracle.h"
#include "sparse.h"

#define FAKE_DISK_PENDING SETUP_SLOTS

/* One of the device's requests, while the zones in front have a copy of it. */
struct fake_disk_flight {
	struct anvil_disk_request copy; /* first */
	struct anvil_disk_request *request;
	struct fake_disk *disk;
	bool used;
};

struct fake_disk {
	struct anvil_disk disk; /* first */
	struct oracle *oracle;
	struct anvil_disk memory;      /* what is carried out at once */
	struct anvil_zoned_disk zoned; /* in front of it, if `is_zoned` */
	bool is_zoned;
	bool zones_front;
	struct fake_disk_flight *flight; /* FAKE_DISK_PENDING + 1 */
	unsigned int flights;		 /* so many of them are used */
	unsigned int submitting;	 /* calls of the device that are under way there */
	/* Called when the device is called in the middle of a call of the harness. The owner's;
	 * may be NULL. */
	void (*again)(void *opaque);
	void *again_opaque;
	struct anvil_disk_lifetime lifetime;
	const struct anvil_disk_request *passing; /* through the zones, now */
	uint64_t passed;			  /* so many sectors of it were asked for below */
	uint8_t *content;			  /* SETUP_SECTORS */
	struct sparse beyond;			  /* all others */
	const uint8_t *first; /* what is on it at first, `firsts` sectors; NULL: see fake_disk.c */
	uint64_t firsts;
	uint64_t dirty[SETUP_SECTORS / 64];
	/* of the device, or of the zones in front */
	struct anvil_disk_request *pending[FAKE_DISK_PENDING + 1];
	bool cancelled[FAKE_DISK_PENDING + 1]; /* that one was, once */
	unsigned int pendings;
	bool deferred;
	bool cancel_late;
	unsigned int fail_every;
	unsigned int count;
};

/* Once a process. */
void fake_disk_create(struct fake_disk *d, struct oracle *oracle);
/* From now on it begins with this content, `sectors` of it, which stays the caller's. */
void fake_disk_begins_with(struct fake_disk *d, const uint8_t *content, uint64_t sectors);
/* A new disk with its first content. */
void fake_disk_start(struct fake_disk *d, const struct setup *p);
/* After the device is gone. */
void fake_disk_stop(struct fake_disk *d);
/* Completes pending request number `which` % pendings; nothing when there is none. */
void fake_disk_complete(struct fake_disk *d, unsigned int which, int result);
/* Whether it has no request of the device. */
bool fake_disk_idle(const struct fake_disk *d);
/* A zone goes offline, or can only be read from now on. */
void fake_disk_fail_zone(struct fake_disk *d, unsigned int zone, bool offline);
/* Gives all requests back, past the oracle: the device does not run any more. */
void fake_disk_return(struct fake_disk *d);

#endif
