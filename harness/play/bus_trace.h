/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bus around another one that remembers each register read and its result, so that two
 * buses can be compared.
 */
#ifndef BUS_TRACE_H
#define BUS_TRACE_H

#include "device/bus.h"

#define TRACE_READS 4096u

struct bus_trace {
	struct bus bus; /* first: play on this one */
	struct bus *inner;
	size_t reads; /* all; those beyond TRACE_READS are counted only */
	struct {
		uint64_t offset;
		uint64_t value;
	} read[TRACE_READS];
};

void bus_trace_init(struct bus_trace *t, struct bus *inner);

/* Says in one line where `b` parts from `a`; false: nowhere. */
bool bus_trace_differs(const struct bus_trace *a, const struct bus_trace *b, char *line,
		       size_t room);

#endif
