/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Passes everything on and takes note of what reads return.
 */
#include "bus_trace.h"

#include <stdio.h>

static struct bus_trace *to_trace(struct bus *c)
{
	return (struct bus_trace *)(void *)c;
}

static uint64_t trace_read(struct bus *c, uint64_t offset, unsigned int width)
{
	struct bus_trace *t = to_trace(c);
	uint64_t value = t->inner->ops->read(t->inner, offset, width);

	if (t->reads < TRACE_READS) {
		t->read[t->reads].offset = offset;
		t->read[t->reads].value = value;
	}
	t->reads++;
	return value;
}

static void trace_write(struct bus *c, uint64_t offset, unsigned int width, uint64_t value)
{
	struct bus *inner = to_trace(c)->inner;

	inner->ops->write(inner, offset, width, value);
}

static void trace_load(struct bus *c, uint64_t gpa, void *bytes, size_t len)
{
	struct bus *inner = to_trace(c)->inner;

	inner->ops->load(inner, gpa, bytes, len);
}

static void trace_store(struct bus *c, uint64_t gpa, const void *bytes, size_t len)
{
	struct bus *inner = to_trace(c)->inner;

	inner->ops->store(inner, gpa, bytes, len);
}

void bus_trace_init(struct bus_trace *t, struct bus *inner)
{
	static const struct bus_ops ops = {
		.name = "trace",
		.read = trace_read,
		.write = trace_write,
		.load = trace_load,
		.store = trace_store,
	};

	t->bus.ops = &ops;
	t->bus.machine = inner->machine;
	t->inner = inner;
	t->reads = 0;
}

bool bus_trace_differs(const struct bus_trace *a, const struct bus_trace *b, char *line,
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
