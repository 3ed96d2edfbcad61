/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays a script on a bus and gives a verdict: same input, same verdict, every time.
 *
 * 1. A fresh machine: RAM, a device as the header says, its back ends, the oracle.
 *
 * 2. One operation after the other. Those of the guest go to the pretend driver (guest/), which
 *    makes register and memory accesses through the bus; those of the host complete disk requests,
 *    deliver frames, change the link, save and restore the device.
 *
 * 3. At the end the questions that every device has to answer: races stop, the back end finishes
 *    all it has, and each available chain must have come back (check_drained), but for receive
 *    buffers that wait for frames, and those of a suspended device. After a reset the registers
 *    that a script can have changed read as in a new device (guest_read_registers), and one
 *    well-formed request is answered (guest_probe).
 *
 * During all of this the oracle watches; at the first broken rule it jumps out, and the rest of the
 * script is not played.
 */
#ifndef PLAYER_H
#define PLAYER_H

#include "device/bus.h"
#include "script/script.h"

enum verdict_kind {
	VERDICT_OK,
	VERDICT_REJECTED,  /* the guest broke a rule, and the device said NEEDS_RESET */
	VERDICT_WEDGED,	   /* after a reset, a well-formed request is not answered */
	VERDICT_VIOLATION, /* the device broke a rule of the oracle */
};

struct verdict {
	enum verdict_kind kind;
	unsigned int rule; /* of a violation, 1 to 10 */
	int op;		   /* number of the operation that showed it; script.ops: the end */
	char reason[256];
};

/*
 * From a fresh device to the probe at the end. `progress`, if not NULL, is always the number of the
 * operation being played: for whoever has to find out where a crash happened.
 */
void player_play(struct bus *bus, const struct script *script, volatile int *progress,
		 struct verdict *verdict);

/* "ok", "violation:3", ...; `room` of 32 is enough. */
void player_verdict_name(const struct verdict *v, char *name, size_t room);

#endif
