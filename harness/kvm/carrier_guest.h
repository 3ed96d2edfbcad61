/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the carriers with a guest behind them have in common: commands go into the guest's mailbox
 * one at a time, and the exits that it causes become calls into the machine.
 */
#ifndef CARRIER_GUEST_H
#define CARRIER_GUEST_H

#include "device/carrier.h"
#include "payload.h"

struct kvm_run;

struct carrier_guest {
	struct carrier carrier; /* first */
	uint8_t *mailbox;	/* PAYLOAD_ROOM bytes and two commands */
	/* has the guest work off its mailbox */
	void (*work)(struct carrier_guest *g);
};

/* For carrier_ops. */
uint64_t carrier_guest_read(struct carrier *c, uint64_t offset, unsigned int width);
void carrier_guest_write(struct carrier *c, uint64_t offset, unsigned int width, uint64_t value);
void carrier_guest_load(struct carrier *c, uint64_t gpa, void *bytes, size_t len);
void carrier_guest_store(struct carrier *c, uint64_t gpa, const void *bytes, size_t len);

/* Has the guest carry out one command; returns the value that it leaves. */
uint64_t carrier_guest_command(struct carrier_guest *g, enum payload_op op, uint64_t gpa,
			       uint64_t value);

/* Answers the guest's access if it is to the device's window, and says whether it was. */
bool carrier_guest_access(const struct carrier_guest *g, struct kvm_run *run);

/* Gives a virtual machine the script's RAM: calls `add` for each region. Returns its first error.
 */
int carrier_guest_map(const struct carrier_guest *g,
		      int (*add)(void *opaque, uint64_t gpa, void *host, size_t bytes),
		      void *opaque);

#endif
