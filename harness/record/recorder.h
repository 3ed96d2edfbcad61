/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes what a real driver does to one of our devices as scripts, so that it becomes seeds.
 *
 * The embedder tells of each access to the register window and of each frame for the guest; the
 * recorder reads the rings by itself, as the device would, and never writes to the guest. It may be
 * told anything: guest memory and register values are as hostile as for the device, and the work
 * for one call has the device's own bound.
 *
 * Two kinds of scripts come out:
 *
 *   <prefix>_bring_up_01   the register accesses up to the first notification, one by one, reads
 *                          included. What does not fit goes on in the next one, which begins with
 *                          the writes so far. Rings are moved to where the pretend driver has its
 *                          own, above 4 GiB if they were; a size above the script's becomes that.
 *   <prefix>_requests_01   `init` with the features that the driver took, then what it did:
 *                          requests, notifications, acknowledged interrupts, frames, stopped and
 *                          restarted queues; other registers as they were accessed.
 *
 * A script is written only if it shows something new: a bring-up in which something is different,
 * requests of which one has a shape that no script before had (sectors left out, lengths and
 * counts by their number of binary digits).
 *
 * The recorder follows the registers of virtio-mmio version 2. A legacy device has other registers
 * to place its queues, so it cannot be recorded.
 *
 * What a script cannot say, beside encode.h:
 *
 *   - what lies in packed rings: of a driver that accepts RING_PACKED only the bring-up is written,
 *     and a line on stderr says so;
 *   - scripts begin with a device as after a reset. For network devices, some receive buffers are
 *     there from the start; what commands and register writes of earlier scripts set is lost;
 *   - in a script the disk completes each request at once, so requests complete in order;
 *   - chains that the device found without a notification are notified, but for receive buffers;
 *   - a batch of requests that overlap in the pretend driver's memory has a notification between;
 *   - `used` stands for an interrupt and all that the driver took from a used ring after it; with
 *     EVENT_IDX the driver then asks for the next interrupt, whatever the real one asked for;
 *   - a driver that breaks a ring ends the recording until it resets the device; chains that came
 *     and went unseen are left out.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include "encode.h"

/* A device has at most so many scripts. */
#define RECORDER_SCRIPTS_MAX 32u

/* Scripts of requests are no longer than this, in operations. */
#define RECORDER_REQUEST_OPS 32u

struct recorder_options {
	/* all of it stays the caller's and must outlive the recorder */
	const struct anvil_blk_options *blk; /* one of these: what the device was made with */
	const struct anvil_net_options *net;
	const char *folder; /* exists */
	const char *prefix; /* of file names */
};

enum recorder_phase {
	RECORDER_BRING_UP,
	RECORDER_REQUESTS,
	RECORDER_DEAF, /* nothing that is worth it before the next reset */
};

struct recorder_queue {
	struct anvil_virtqueue vq; /* a second reader of the driver's rings, which keeps nothing */
	uint16_t used_seen;	   /* the used index when an interrupt was acknowledged last */
	uint16_t flags;		   /* of the available ring, as the script has them */
};

/* Must not move between recorder_init and recorder_finish. */
struct recorder {
	struct recorder_options options;
	struct encoder encoder;
	struct anvil_guest_memory memory;
	struct recorder_queue queue[SETUP_QUEUES];
	struct anvil_descriptor_segment *segment;
	enum recorder_phase phase;

	/* registers */
	uint32_t status;
	uint64_t features;
	uint32_t driver_sel;
	uint32_t queue_sel;

	struct script script;
	unsigned int opening; /* operations that every script begins with */
	struct script writes; /* of this bring-up, from the reset on */
	struct {
		unsigned int descs;
		uint64_t low; /* bytes of buffers that go where most do */
		uint64_t largest;
		bool high;	  /* one is too long for there */
	} batch;		  /* since the last notification */
	struct script_op receive; /* the last kind of receive buffer; code 0: none yet */

	uint64_t seen[1024]; /* shapes, by hash */
	unsigned int bring_ups;
	unsigned int requests; /* scripts written */
	bool failed;	       /* one could not be written: told on stderr, and no more are */
};

/* For a device as after creation. Returns 0 or -ENOMEM. */
int recorder_init(struct recorder *r, const struct recorder_options *options)
	__attribute__((warn_unused_result));

/* The guest read this register. Before or after it had its answer. */
void recorder_read(struct recorder *r, uint64_t offset, unsigned int width);

/* The guest writes this register. Before the device hears of it. A notification that does not come
 * as a register write is one all the same, of 4 bytes at QueueNotify. */
void recorder_write(struct recorder *r, uint64_t offset, unsigned int width, uint64_t value);

/* A frame for the guest. Before the device hears of it, and once, however often it is offered. */
void recorder_frame(struct recorder *r, const struct anvil_nic_frame *frame);

/* Writes what is left and frees all. Returns whether all scripts could be written. */
bool recorder_finish(struct recorder *r);

#endif
