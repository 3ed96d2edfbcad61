/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls into the device, each watched from start to end.
 */
#include "machine_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sanitizer.h"

void machine_report_unwritten(const struct machine *m, const void *bytes, size_t len,
			      const char *where, uint64_t at)
{
	uint64_t first = at + (uint64_t)first_unwritten(bytes, len);
	char line[120];

	snprintf(line, sizeof(line), "anvil: never written: %s 0x%llx\n", where,
		 (unsigned long long)first);
	(void)!write(sanitizer_reports, line, strlen(line));
	check_initialized(bytes, len);
	machine_go_on(m);
}

void machine_tell(struct machine *m, const struct machine_event *event)
{
	if (m->told)
		m->told(m->told_opaque, event);
}

void machine_tell_number(struct machine *m, enum machine_event_kind kind, uint64_t number)
{
	if (m->told)
		machine_tell(m, &(struct machine_event){ .kind = kind, .number = number });
}

/* What the guest has written since the last call it has written while a thread was at work. */
static void see_midway(struct machine *m)
{
	if (!m->threads || !machine_threads_midway(m))
		return;
	safety_raced(&m->safety);
	safety_overlaps(&m->safety);
}

void machine_event(struct machine *m)
{
	if (m->exact)
		oracle_event(&m->oracle);
	safety_event(&m->safety);
	see_midway(m);
	m->inside = true;
}

/* a poll takes one chain at least, if there are any */
#define POLLS_MAX (SETUP_QUEUES * SETUP_QUEUE_SIZE + 64u)

void machine_called_again(void *opaque)
{
	struct machine *m = opaque;

	machine_stop_growing(m);
	safety_polls(&m->safety);
	oracle_polls(&m->oracle);
}

/* Deferred work belongs to the call that left it, as a host that polls at once would have it; but a
 * poll is a call, and does no more than one. */
static bool goes_on(struct machine *m)
{
	machine_stop_growing(m);
	safety_polls(&m->safety);
	if (!m->exact)
		return m->dut->poll && m->dut->poll(m->dut);
	if (!m->own.deferred_work)
		return false;
	oracle_polls(&m->oracle);
	m->dut->poll(m->dut);
	return true;
}

/* Not the guest, but the harness. */
static uint64_t ask(struct machine *m, uint64_t offset, unsigned int width)
{
	uint64_t value;

	machine_threads_quiet(m, true);
	value = machine_get(m, offset, width);
	machine_threads_quiet(m, false);
	return value;
}

void machine_settle(struct machine *m)
{
	uint32_t status;

	machine_go_on(m);
	for (unsigned int i = 0; goes_on(m); i++) {
		if (i == POLLS_MAX)
			oracle_fail(&m->oracle, 10, "work is deferred without end");
	}
	if (m->threads)
		machine_threads_settle(m);
	machine_tap_flush(m);
	status = (uint32_t)ask(m, VIRTIO_MMIO_STATUS, 4);
	m->inside = false;
	safety_work_ends(&m->safety);
	if (m->copy)
		machine_untapped_settle(m);
	if (m->safety.disk.touched)
		machine_check_disk(m);
	if (m->exact)
		oracle_settle(&m->oracle, status);
	safety_settle(&m->safety, status);
}

uint64_t machine_read(struct machine *m, uint64_t offset, unsigned int width)
{
	uint64_t value;

	if (!m->exact) {
		machine_event(m);
		value = machine_get(m, offset, width);
		machine_tap_flush(m);
		m->inside = false;
		safety_work_ends(&m->safety);
		return value;
	}
	oracle_read_begins(&m->oracle);
	safety_work_begins(&m->safety);
	value = machine_get(m, offset, width);
	safety_work_ends(&m->safety);
	oracle_read(&m->oracle, offset, width, value);
	return value;
}

/* Registers that only take note of a value. What they should not have done shows at the next call
 * that settles, since the device's state stays. */
static bool only_latches(uint64_t offset)
{
	return offset < VIRTIO_MMIO_CONFIG && offset != VIRTIO_MMIO_STATUS &&
	       offset != VIRTIO_MMIO_QUEUE_NOTIFY && offset != VIRTIO_MMIO_QUEUE_READY &&
	       offset != VIRTIO_MMIO_QUEUE_PFN && offset != VIRTIO_MMIO_QUEUE_RESET &&
	       offset != VIRTIO_MMIO_INTERRUPT_ACK;
}

/* Whether the write may make a queue run. */
static bool starts_queue(const struct machine *m, uint64_t offset, unsigned int width,
			 uint64_t value)
{
	return value && width == 4 &&
	       offset == (m->p.legacy ? VIRTIO_MMIO_QUEUE_PFN : VIRTIO_MMIO_QUEUE_READY);
}

static void write_device(struct machine *m, uint64_t offset, unsigned int width, uint64_t value)
{
	bool starts = starts_queue(m, offset, width, value);
	bool before = starts && ask(m, offset, width);
	bool resets = starts && safety_queue_was_reset(&m->safety) &&
		      ask(m, VIRTIO_MMIO_QUEUE_RESET, width);

	m->dut->write(m->dut, offset, width, value);
	if (starts)
		safety_queue_runs(&m->safety, before, resets, ask(m, offset, width));
}

/* Only an exact device says so without fail. */
static bool in_use(struct machine *m, uint64_t offset)
{
	return m->exact && safety_programs(offset) &&
	       machine_get(m, m->p.legacy ? VIRTIO_MMIO_QUEUE_PFN : VIRTIO_MMIO_QUEUE_READY, 4);
}

void machine_write(struct machine *m, uint64_t offset, unsigned int width, uint64_t value)
{
	if (m->exact)
		oracle_write(&m->oracle, offset, width, value);
	safety_write(&m->safety, offset, width, value, in_use(m, offset));
	see_midway(m);
	m->inside = true;
	write_device(m, offset, width, value);
	if (!m->exact || !only_latches(offset) || m->oracle.accesses || m->own.deferred_work ||
	    oracle_has_allocated(&m->oracle))
		machine_settle(m);
	else
		safety_work_ends(&m->safety);
}

bool machine_needs_reset(const struct machine *m)
{
	uint32_t status = m->exact ? m->oracle.status : m->safety.device_status;

	return status & VIRTIO_STATUS_NEEDS_RESET;
}

bool machine_queue_live(const struct machine *m, unsigned int queue)
{
	return m->exact ? oracle_queue_live(&m->oracle, queue)
			: safety_queue_live(&m->safety, queue);
}
