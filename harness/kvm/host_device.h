/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One virtio device of a machine that boots a kernel: its register window, its interrupt, and the
 * thread that serves its notifications and its back end. The device itself comes from host_disk.h
 * or host_nic.h.
 *
 * A lock serialises all calls into the device: processors take it for register accesses, the
 * thread for everything else. A processor that resets the device or one of its queues goes on when
 * the back end has nothing of it any more: there are drivers that do not wait by themselves. The
 * thread does one round of what is due at a time, deferred work included, and lets those that wait
 * have the lock in between.
 */
#ifndef HOST_DEVICE_H
#define HOST_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/recorder.h"
#include "virtio_mmio.h"

#define HOST_DEVICE_PAIRS_MAX  8u /* also: queues of a disk */
#define HOST_DEVICE_QUEUES_MAX (2 * HOST_DEVICE_PAIRS_MAX + 1)

struct pollfd;
struct host_device;
struct sandbox_needs;
struct vm;

/* What a device's back end needs of the thread. All are called with the device locked. */
struct host_device_ops {
	/* Descriptors to poll: fills at most `room` entries, and lowers the timeout (ms, -1: none).
	 */
	unsigned int (*fill)(struct host_device *d, struct pollfd *pollfds, unsigned int room,
			     int *timeout);
	/* After poll, whatever it said. */
	void (*dispatch)(struct host_device *d, const struct pollfd *pollfds, unsigned int count);
	/* What the device was made with, for a recorder; the rest of `options` is the caller's. */
	void (*describe)(const struct host_device *d, struct recorder_options *options);
	/* Somebody wants something done: NULL, or why it cannot be. */
	const char *(*control)(struct host_device *d, const char *what);
	/* Adds what the back end asks of a sandbox. */
	void (*needs)(const struct host_device *d, struct sandbox_needs *needs);
	/* The device was reset for good: finish what is under way, and free all. */
	void (*destroy)(struct host_device *d);
};

struct host_device {
	const struct host_device_ops *ops;
	struct anvil_device *dev;
	struct anvil_mmio mmio;
	pthread_mutex_t door; /* in front of the lock: whose turn it is */
	pthread_mutex_t lock;
	pthread_cond_t reset_done; /* perhaps: look again */
	pthread_t thread;
	bool started;
	struct recorder *recorder;  /* NULL: nobody records */
	bool deferred;		    /* anvil_mmio_poll is owed */
	unsigned int refused_queue; /* the queue that was refused last, and why; 0: none was */
	int refused;
	atomic_bool stop;
	int irq_fd;  /* an edge on the interrupt line */
	int wake_fd; /* has the thread look around */
	int kick_fd[HOST_DEVICE_QUEUES_MAX];
};

/*
 * Gives a device its transport and events. Returns 0 or a negative errno; host_device_destroy is
 * due in either case.
 */
int host_device_init(struct host_device *d, const struct host_device_ops *ops,
		     struct anvil_device *dev) __attribute__((warn_unused_result));

/* Gives it the register window of version 1 instead. Before anything else. Returns 0 or -EINVAL. */
int host_device_make_legacy(struct host_device *d) __attribute__((warn_unused_result));

/* Has the kernel turn writes to QueueNotify and the interrupt into events. */
int host_device_bind(struct host_device *d, const struct vm *vm, uint64_t window, unsigned int gsi)
	__attribute__((warn_unused_result));

/*
 * Has all that the driver does written as scripts into `folder`, under names that begin with
 * `prefix`; both stay the caller's. Before the device is started. Returns 0 or -ENOMEM.
 */
int host_device_record(struct host_device *d, const char *folder, const char *prefix)
	__attribute__((warn_unused_result));

int host_device_start(struct host_device *d) __attribute__((warn_unused_result));

/* A processor's access to the window. */
uint64_t host_device_read(struct host_device *d, uint64_t offset, unsigned int width);
void host_device_write(struct host_device *d, uint64_t offset, unsigned int width, uint64_t value);

/*
 * Something happens to a disk ("resize": its image has another size now) or a network card ("link
 * up", "link down", "announce"), as on a real machine. Returns NULL, or one line on why not.
 */
const char *host_device_control(struct host_device *d, const char *what);

/* Says on stderr how far driver and device have come, for whoever wonders why nothing happens. */
void host_device_report(struct host_device *d, unsigned int number);

/* Ends the thread. No processor runs any more. */
void host_device_stop(struct host_device *d);
void host_device_destroy(struct host_device *d);

#endif
