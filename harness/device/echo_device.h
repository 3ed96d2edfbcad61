/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The smallest device that uses all of virtio_device and virtqueue: it gives back, in the writable
 * part of a chain, what it read from the readable part. For targets that are about rings and
 * registers alone.
 */
#ifndef ECHO_DEVICE_H
#define ECHO_DEVICE_H

#include "oracle/oracle.h"
#include "virtio_device.h"

#define ECHO_BYTES  4096u
#define ECHO_JOBS   16u /* of each queue */
#define ECHO_QUEUES 2u

struct echo_job;

struct echo_device {
	struct anvil_device dev;
	struct oracle *oracle;
	const struct anvil_guest_memory *memory;
	struct echo_job *job; /* chains in flight, ECHO_JOBS of each queue at most */
	unsigned int jobs;
	bool deferred;
	bool backwards;
	uint8_t config[10]; /* 8 writable, 2 read-only */
};

/* Once a process. */
void echo_device_create(struct echo_device *e);
/* A new device in the same storage. */
int echo_device_init(struct echo_device *e, const struct setup *p, struct oracle *oracle,
		     const struct anvil_guest_memory *memory);
void echo_device_destroy(struct echo_device *e);

/* Completes job number `which` % jobs, or with `unpop`, gives the newest chain back untaken. */
void echo_device_complete(struct echo_device *e, unsigned int which, bool unpop);

#endif
