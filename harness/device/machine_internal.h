/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the machine. Each calls only those above it here:
 *
 *   machine_calls    calls into the device, watched from start to end
 *   machine_options  what all kinds of devices are made with
 *   machine_blk, machine_net, machine_echo   a kind of device each, with its host's side
 *   machine          RAM, the tap, a new device
 *
 * What the machine needs of a kind of device it gets by struct machine_kind.
 */
#ifndef MACHINE_INTERNAL_H
#define MACHINE_INTERNAL_H

#include "machine.h"

/* What a kind of device adds to the machine. All but `create`, `start` and `stop` may be NULL. */
struct machine_kind {
	/* Once a process. */
	void (*create)(struct machine *m);
	/* The host's side anew, before there is a device. */
	void (*begin)(struct machine *m);
	/* Makes the device, m->dev. Returns 0 or a negative errno. */
	int (*start)(struct machine *m);
	/* Destroys it and what of the host's side goes with it, in whatever state they are. */
	void (*stop)(struct machine *m);

	/* Completes request number `which`, modulo how many wait; and how many those are. */
	void (*complete)(struct machine *m, unsigned int which, int result);
	unsigned int (*waiting)(const struct machine *m);
	/* Requests complete only when told to, or at once. */
	void (*defer)(struct machine *m, bool deferred);
	/* Gives the device what else it waits for. */
	void (*drain)(struct machine *m);
};

extern const struct machine_kind machine_kind_blk;
extern const struct machine_kind machine_kind_net;
extern const struct machine_kind machine_kind_echo;

/* Features that the embedder asks for: VERSION_1 is the device's own to offer. */
struct anvil_features machine_asked(const struct setup *p);

/* Whoever follows what happens hears of this. */
void machine_tell(struct machine *m, const struct machine_event *event);
void machine_tell_number(struct machine *m, enum machine_event_kind kind, uint64_t number);

/* At the end of each call into the device. */
void machine_settle(struct machine *m);

#endif
