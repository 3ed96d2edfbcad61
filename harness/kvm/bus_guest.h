/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the buses with a guest behind them have in common: commands go into the guest's mailbox
 * one at a time, and the exits that it causes become calls into the machine.
 */
#ifndef BUS_GUEST_H
#define BUS_GUEST_H

#include "device/bus.h"
#include "payload.h"

struct kvm_run;

struct bus_guest {
	struct bus bus;	  /* first */
	uint8_t *mailbox; /* PAYLOAD_ROOM bytes and two commands */
	/* has the guest work off its mailbox */
	void (*work)(struct bus_guest *g);
};

/* For bus_ops. */
uint64_t bus_guest_read(struct bus *c, uint64_t offset, unsigned int width);
void bus_guest_write(struct bus *c, uint64_t offset, unsigned int width, uint64_t value);
void bus_guest_load(struct bus *c, uint64_t gpa, void *bytes, size_t len);
void bus_guest_store(struct bus *c, uint64_t gpa, const void *bytes, size_t len);

/* Has the guest carry out one command; returns the value that it leaves. */
uint64_t bus_guest_command(struct bus_guest *g, enum payload_op op, uint64_t gpa, uint64_t value);

/* Answers the guest's access if it is to the device's window, and says whether it was. */
bool bus_guest_access(const struct bus_guest *g, struct kvm_run *run);

/* Gives a virtual machine the script's RAM: calls `add` for each region. Returns its first error.
 */
int bus_guest_map(const struct bus_guest *g,
		  int (*add)(void *opaque, uint64_t gpa, void *host, size_t bytes), void *opaque);

#endif
