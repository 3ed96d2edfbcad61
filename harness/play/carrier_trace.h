/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A carrier around another one that remembers each register read and its result, so that two
 * carriers can be compared.
 */
#ifndef CARRIER_TRACE_H
#define CARRIER_TRACE_H

#include "device/carrier.h"

#define TRACE_READS 4096u

struct carrier_trace {
	struct carrier carrier; /* first: play on this one */
	struct carrier *inner;
	size_t reads; /* all; those beyond TRACE_READS are counted only */
	struct {
		uint64_t offset;
		uint64_t value;
	} read[TRACE_READS];
};

void carrier_trace_init(struct carrier_trace *t, struct carrier *inner);

/* Says in one line where `b` parts from `a`; false: nowhere. */
bool carrier_trace_differs(const struct carrier_trace *a, const struct carrier_trace *b, char *line,
			   size_t room);

#endif
