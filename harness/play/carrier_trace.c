/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Passes everything on and takes note of what reads return.
 */
#include "carrier_trace.h"

#include <stdio.h>

static struct carrier_trace *to_trace(struct carrier *c)
{
	return (struct carrier_trace *)(void *)c;
}

static uint64_t trace_read(struct carrier *c, uint64_t offset, unsigned int width)
{
	struct carrier_trace *t = to_trace(c);
	uint64_t value = t->inner->ops->read(t->inner, offset, width);

	if (t->reads < TRACE_READS) {
		t->read[t->reads].offset = offset;
		t->read[t->reads].value = value;
	}
	t->reads++;
	return value;
}

static void trace_write(struct carrier *c, uint64_t offset, unsigned int width, uint64_t value)
{
	struct carrier *inner = to_trace(c)->inner;

	inner->ops->write(inner, offset, width, value);
}

static void trace_load(struct carrier *c, uint64_t gpa, void *bytes, size_t len)
{
	struct carrier *inner = to_trace(c)->inner;

	inner->ops->load(inner, gpa, bytes, len);
}

static void trace_store(struct carrier *c, uint64_t gpa, const void *bytes, size_t len)
{
	struct carrier *inner = to_trace(c)->inner;

	inner->ops->store(inner, gpa, bytes, len);
}

void carrier_trace_init(struct carrier_trace *t, struct carrier *inner)
{
	static const struct carrier_ops ops = {
		.name = "trace",
		.read = trace_read,
		.write = trace_write,
		.load = trace_load,
		.store = trace_store,
	};

	t->carrier.ops = &ops;
	t->carrier.machine = inner->machine;
	t->inner = inner;
	t->reads = 0;
}

bool carrier_trace_differs(const struct carrier_trace *a, const struct carrier_trace *b, char *line,
			   size_t room)
{
	size_t reads = a->reads < b->reads ? a->reads : b->reads;

	for (size_t i = 0; i < reads && i < TRACE_READS; i++) {
		if (a->read[i].offset == b->read[i].offset && a->read[i].value == b->read[i].value)
			continue;
		snprintf(line, room,
			 "register read %zu: 0x%llx at 0x%llx on %s, 0x%llx at 0x%llx on %s", i,
			 (unsigned long long)a->read[i].value,
			 (unsigned long long)a->read[i].offset, a->inner->ops->name,
			 (unsigned long long)b->read[i].value,
			 (unsigned long long)b->read[i].offset, b->inner->ops->name);
		return true;
	}
	if (a->reads == b->reads)
		return false;
	snprintf(line, room, "%zu register reads on %s, %zu on %s", a->reads, a->inner->ops->name,
		 b->reads, b->inner->ops->name);
	return true;
}
