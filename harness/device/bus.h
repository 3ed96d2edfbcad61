/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a script is played: how the guest's accesses come about. The host's side, with device, back
 * ends, tap and oracle, is a struct machine on every bus.
 */
#ifndef BUS_H
#define BUS_H

#include "machine.h"

struct bus;

struct bus_ops {
	const char *name;
	/* the guest's accesses to the device's window, at an offset in it */
	uint64_t (*read)(struct bus *c, uint64_t offset, unsigned int width);
	void (*write)(struct bus *c, uint64_t offset, unsigned int width, uint64_t value);
	/* the guest's accesses to its RAM; outside RAM they read zeroes and write nothing */
	void (*load)(struct bus *c, uint64_t gpa, void *bytes, size_t len);
	void (*store)(struct bus *c, uint64_t gpa, const void *bytes, size_t len);
	/* before each script: whatever the last one left of the guest is gone; NULL: nothing to do
	 */
	void (*restart)(struct bus *c);
	void (*destroy)(struct bus *c); /* NULL: nothing to do */
};

struct bus {
	const struct bus_ops *ops;
	struct machine *machine;
};

/* In this process, by function call. The machine stays the caller's. */
void bus_model_init(struct bus *c, struct machine *machine);

#endif
