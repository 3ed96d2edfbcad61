/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the host of the device does, whatever kind it is. A device that has no such thing is left
 * alone.
 */
#include "machine_internal.h"

#include "base/asan.h"

void machine_complete(struct machine *m, unsigned int which, int result)
{
	if (m->told)
		machine_tell(m, &(struct machine_event){ .kind = MACHINE_COMPLETE,
							 .number = which,
							 .result = result });
	machine_event(m);
	if (m->dut->complete)
		m->dut->complete(m->dut, which, result);
	machine_settle(m);
}

unsigned int machine_waiting(const struct machine *m)
{
	return m->dut->waiting ? m->dut->waiting(m->dut) : 0;
}

void machine_disk_deferred(struct machine *m, bool deferred)
{
	machine_tell_number(m, MACHINE_DEFER, deferred);
	if (m->dut->defer)
		m->dut->defer(m->dut, deferred);
}

void machine_resize(struct machine *m, uint64_t capacity)
{
	if (!m->dut->resize)
		return;
	/* of a disk that is not ours nobody knows what is further behind */
	if ((!m->exact || m->ground) && capacity > SETUP_SECTORS)
		capacity = SETUP_SECTORS;
	machine_tell_number(m, MACHINE_RESIZE, capacity);
	machine_event(m);
	if (m->exact)
		oracle_resized(&m->oracle, capacity);
	m->dut->resize(m->dut, capacity);
	machine_settle(m);
}

void machine_fail_zone(struct machine *m, unsigned int which, bool offline)
{
	if (!m->exact || m->ground || !m->p.zones.zoned || !m->oracle.zones)
		return;
	which %= m->oracle.zones;
	if (m->told)
		machine_tell(m, &(struct machine_event){
					.kind = MACHINE_ZONE, .number = which, .result = offline });
	machine_event(m);
	oracle_zone_failed(&m->oracle, which, offline);
	fake_disk_fail_zone(&m->own.disk, which, offline);
	machine_settle(m);
}

/* ---- a network device ---- */

uint8_t *machine_frame_room(struct machine *m)
{
	if (m->exact)
		return own_device_frame(&m->own);
	take_fence(m->frame, ANVIL_NIC_FRAME_BYTES_MAX);
	return m->frame;
}

/* It ends where it ends, and stays so until there is another one. */
static void give_frame(struct machine *m, uint32_t len)
{
	safety_frame(&m->safety, m->frame, len);
	fence_off(m->frame + len, ANVIL_NIC_FRAME_BYTES_MAX - len);
	m->dut->frame(m->dut, m->frame, len);
}

void machine_frame(struct machine *m, uint32_t len, const struct anvil_nic_offload *offload)
{
	static const struct anvil_nic_offload none;

	if (!m->dut->frame)
		return;
	if (m->ground) /* the door of others has no offloads */
		offload = &none;
	if (m->told)
		machine_tell(m, &(struct machine_event){ .kind = MACHINE_FRAME,
							 .len = len,
							 .bytes = machine_frame_room(m),
							 .offload = *offload });
	machine_event(m);
	safety_work_shown(len);
	if (m->exact)
		own_device_frame_arrives(&m->own, len, offload);
	else
		give_frame(m, len);
	machine_settle(m);
}

void machine_link(struct machine *m, bool up)
{
	if (!m->dut->link)
		return;
	machine_tell_number(m, MACHINE_LINK, up);
	machine_event(m);
	if (m->exact)
		oracle_link(&m->oracle, up);
	m->dut->link(m->dut, up);
	machine_settle(m);
}

void machine_announce(struct machine *m)
{
	if (!m->dut->announce)
		return;
	machine_tell_number(m, MACHINE_ANNOUNCE, 0);
	machine_event(m);
	if (m->exact)
		oracle_announce(&m->oracle);
	m->dut->announce(m->dut);
	machine_settle(m);
}

void machine_speed(struct machine *m, uint32_t speed, uint8_t duplex)
{
	if (!m->dut->speed)
		return;
	if (m->told)
		machine_tell(m, &(struct machine_event){
					.kind = MACHINE_SPEED, .number = speed, .len = duplex });
	machine_event(m);
	if (m->exact)
		oracle_speed(&m->oracle, speed, duplex);
	m->dut->speed(m->dut, speed, duplex);
	machine_settle(m);
}

/* The device has to say when it wants to be told the next time. */
void machine_time(struct machine *m, uint64_t usecs)
{
	uint64_t next = 0;
	bool waits;

	if (!m->dut->time)
		return;
	m->now = usecs > UINT64_MAX - m->now ? UINT64_MAX : m->now + usecs;
	machine_tell_number(m, MACHINE_TIME, m->now);
	machine_event(m);
	if (m->exact)
		oracle_time(&m->oracle, m->now);
	waits = m->dut->time(m->dut, m->now, &next);
	machine_settle(m);
	if (m->exact)
		oracle_timed(&m->oracle, waits, next);
}

void machine_stall(struct machine *m, bool nic_stalled)
{
	if (!m->dut->stall)
		return;
	m->stalled = nic_stalled;
	machine_tell_number(m, MACHINE_STALL, nic_stalled);
	machine_event(m);
	m->dut->stall(m->dut, nic_stalled);
	machine_settle(m);
}

void machine_check_waiting(struct machine *m)
{
	if (!m->exact || !m->dut->frame || m->oracle.net.many ||
	    !oracle_queue_live(&m->oracle, ANVIL_NET_RX))
		return;
	machine_tell_number(m, MACHINE_RETRY, 0);
	machine_event(m);
	if (fake_nic_was_forgotten(&m->own.nic))
		oracle_fail(&m->oracle, 4,
			    "a frame waited for buffers and was not asked for again");
	machine_settle(m);
}

/* ---- threads ---- */

void machine_schedule(struct machine *m, unsigned int after, uint64_t choices)
{
	if (machine_threads_choose(m, after, choices) && m->told)
		machine_tell(m, &(struct machine_event){ .kind = MACHINE_SCHEDULE,
							 .number = choices,
							 .len = after });
}

static void let_threads_finish(struct machine *m)
{
	if (!m->threads)
		return;
	machine_schedule(m, 0, 0);
	machine_event(m);
	machine_settle(m);
}

/* ---- what it waits for ---- */

void machine_drain(struct machine *m)
{
	uint64_t due = 0;

	let_threads_finish(m);
	machine_disk_deferred(m, false);
	if (m->exact && m->dut->time && oracle_waits(&m->oracle, &due))
		machine_time(m, due > m->now ? due - m->now : 0);
	if (m->stalled)
		machine_stall(m, false);
	while (machine_waiting(m))
		machine_complete(m, 0, 0);
}
