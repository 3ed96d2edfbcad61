/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls into the device, each watched from start to end.
 */
#include "machine_internal.h"

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

/* a poll takes one chain at least, if there are any */
#define POLLS_MAX (SETUP_QUEUES * SETUP_QUEUE_SIZE + 64u)

/* Deferred work belongs to the call that left it, as a host that polls at once would have it; but a
 * poll is a call, and does no more than one. */
void machine_settle(struct machine *m)
{
	for (unsigned int i = 0; m->own.deferred_work; i++) {
		if (i == POLLS_MAX)
			oracle_fail(&m->oracle, 10, "work is deferred without end");
		oracle_polls(&m->oracle);
		m->dut->poll(m->dut);
	}
	oracle_settle(&m->oracle, (uint32_t)m->dut->read(m->dut, VIRTIO_MMIO_STATUS, 4));
}

uint64_t machine_read(struct machine *m, uint64_t offset, unsigned int width)
{
	uint64_t value;

	oracle_read_begins(&m->oracle);
	value = m->dut->read(m->dut, offset, width);
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

void machine_write(struct machine *m, uint64_t offset, unsigned int width, uint64_t value)
{
	oracle_write(&m->oracle, offset, width, value);
	m->dut->write(m->dut, offset, width, value);
	if (!only_latches(offset) || m->oracle.accesses || m->own.deferred_work ||
	    oracle_memory_grew(&m->oracle))
		machine_settle(m);
}
