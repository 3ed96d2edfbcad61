/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a driver and the host see of a device while a script is played: what registers read, the
 * chains that come back, frames that are sent, the status and the disk after each operation. To
 * compare two devices on common ground (struct machine_ground).
 *
 * Only what the specification leaves no choice about is taken down as it is; what a device may
 * choose (its vendor, what is on offer, its configuration space) is compared with what the same
 * device said at first. What is seen while the guest has broken a rule is marked as free.
 */
#ifndef SEEN_H
#define SEEN_H

#include "device/bus.h"
#include "script/script.h"

#define SEEN_ITEMS 4096u
#define SEEN_OPS   (SCRIPT_OPS_MAX + 1)

/* A register that reads as this device's registers may: its own affair. */
#define SEEN_OWN UINT64_MAX

enum seen_kind {
	SEEN_READ,     /* a register: `at` is its offset, `value` what it reads, or SEEN_OWN */
	SEEN_USED,     /* a chain that came back: `at` counts them as they were made available */
	SEEN_RECEIVED, /* a receive buffer that came back: `at` counts those */
	SEEN_SENT,     /* a frame that the device sent: `at` counts them */
};

struct seen_item {
	enum seen_kind kind;
	bool free; /* the guest has left the device a choice */
	uint8_t queue;
	uint8_t op;
	int16_t answer; /* block: status; control queue: ack; else -1 */
	uint32_t what;	/* block: type; control queue: class << 8 | command; configuration
			 * space: bytes that are not as they were at first, a bit each */
	uint64_t at;
	uint64_t value; /* SEEN_READ; else the used length, or bytes of a frame */
	uint64_t bytes; /* a hash of what was stored or sent; 0: not to be compared */
};

/* After an operation. */
struct seen_op {
	uint32_t status;
	bool free;
	bool disk_known;
	bool sent_free; /* frames that the driver may not send; likewise to receive */
	bool received_free;
	uint64_t disk; /* a hash of its content */
};

struct seen {
	unsigned int ops; /* operations that are over; the last is what follows the script */
	unsigned int items;
	bool full;     /* some are missing at the end */
	bool in_order; /* chains come back in order, one for many */
	struct seen_op op[SEEN_OPS];
	struct seen_item item[SEEN_ITEMS];
};

/* Takes it down, as a bus around another one. */
struct seen_bus {
	struct bus bus; /* first: play on this one */
	struct bus *inner;
	struct seen *seen;
	const volatile int *op;
	unsigned int script_ops;
	unsigned int at; /* operation that is going on */
	bool begun;
	bool over;	   /* the questions at the end have begun */
	bool raced;	   /* a racing guest may strike, and does so by the device's accesses */
	bool wrong;	   /* the driver has left the order of 3.1.1, until the next reset */
	bool disk_unknown; /* a request may have left anything there */
	bool sent_free;	   /* as in struct seen_op */
	bool received_free;
	uint32_t status;  /* that the driver wrote last */
	int features_sel; /* -1: not known */
	int queue_sel;
	uint64_t sent;
	uint64_t received[SETUP_QUEUES];
	uint8_t space[MACHINE_CONFIG_BYTES]; /* at first */
};

/* Gives the header the device of common ground: ours is made of it, of others it says what the
 * driver takes of what is on offer. */
void seen_fit(struct script *script, const struct machine_offer *ground);

/* Empties `seen`, and puts the bus around `inner` and its machine, which has a ground; `op` is the
 * player's progress. */
void seen_begin(struct seen_bus *b, struct seen *seen, struct bus *inner,
		const struct script *script, const volatile int *op);
/* After the play. */
void seen_end(struct seen_bus *b);

/* ---- two of them ---- */

#define SEEN_KIND_BYTES 160u

struct seen_difference {
	char kind[SEEN_KIND_BYTES]; /* a signature: the same for the same difference */
	unsigned int op;
	const char *clause; /* of the specification, virtio 1.4; NULL: none */
};

/*
 * Tells each difference between what two devices showed in the same script, in order, up to the
 * first one after which the two cannot be compared any more; or where a device has made use of a
 * choice that the guest left it: then it returns false. `whole`: this one was played to its end.
 */
bool seen_compare(const struct seen *a, const struct seen *b, const bool whole[2],
		  void (*tell)(void *opaque, const struct seen_difference *d), void *opaque);

#endif
