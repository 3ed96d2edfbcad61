/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that was compiled for the tap: its accesses come by host address. A store is told before
 * it is made, and looked at when the next access comes, or the call ends.
 */
#include "machine_internal.h"

#include "tap/tap.h"

/* The part of an access that is guest RAM; false: none. */
static bool to_gpa(const struct machine *m, const void *at, size_t *bytes, uint64_t *gpa)
{
	for (unsigned int i = 0; i < DUT_RAM_REGIONS; i++) {
		const struct dut_ram *r = &m->dut->ram[i];
		uint64_t offset = (uint64_t)((uintptr_t)at - (uintptr_t)r->host);

		if (offset >= r->bytes)
			continue;
		if (*bytes > r->bytes - offset)
			*bytes = (size_t)(r->bytes - offset);
		*gpa = r->gpa + offset;
		return true;
	}
	return false;
}

/* A thread that goes on here for another one has stored nothing that was not looked at. */
static void begin_access(struct machine *m)
{
	machine_go_on(m);
	machine_tap_flush(m);
	if (m->threads)
		machine_threads_point(m);
}

static void load(void *opaque, const void *at, size_t bytes, const void *place)
{
	struct machine *m = opaque;
	uint64_t gpa;

	if (!m->inside || !to_gpa(m, at, &bytes, &gpa))
		return;
	begin_access(m);
	m->host.fetching(m->dut, gpa, bytes);
	safety_load(&m->safety, gpa, bytes, place);
}

/* A read-modify-write comes as a store alone: of what the guest writes, too, it is a fetch. */
static void store(void *opaque, const void *at, size_t bytes, const void *place)
{
	struct machine *m = opaque;
	uint64_t gpa;

	(void)place;
	if (!m->inside || !to_gpa(m, at, &bytes, &gpa))
		return;
	begin_access(m);
	m->host.fetching(m->dut, gpa, bytes);
	m->store_gpa = gpa;
	m->store_len = bytes;
}

static void stored(void *opaque, const void *at, size_t bytes, const void *place)
{
	struct machine *m = opaque;
	uint64_t gpa;

	(void)place;
	if (!m->inside || !to_gpa(m, at, &bytes, &gpa))
		return;
	machine_go_on(m);
	machine_tap_flush(m);
	m->host.stored(m->dut, gpa, NULL, bytes);
}

void machine_tap_listen(struct machine *m)
{
	static const struct tap_listener listener = { load, store, stored };
	const uint8_t *from = NULL;
	const uint8_t *to = NULL;

	for (unsigned int i = 0; i < DUT_RAM_REGIONS; i++) {
		const uint8_t *start = m->dut->ram[i].host;
		const uint8_t *end;

		if (!m->dut->ram[i].bytes)
			continue;
		end = start + m->dut->ram[i].bytes;
		from = !from || start < from ? start : from;
		to = !to || end > to ? end : to;
	}
	tap_listen(from, (size_t)(to - from), &listener, m);
}
