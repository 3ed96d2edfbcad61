/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network device, in front of a fake network interface.
 */
#include <string.h>

#include "machine_internal.h"

void machine_net_options(struct machine *m, struct anvil_net_options *o)
{
	const struct setup *p = &m->p;

	*o = (struct anvil_net_options){
		.memory = &m->buffer.memory,
		.nic = &m->nic.nic,
		.features = machine_asked(p),
		.queue_size_max = p->queue_size_max,
		.mtu = p->mtu,
		.link_up = !(p->flags & FLAG_LINK_DOWN),
		.queue_pairs_max = (uint16_t)p->pairs,
		.speed = SETUP_SPEED,
		.duplex = SETUP_DUPLEX,
	};

	memcpy(o->mac, setup_mac, sizeof(o->mac));
}

static void create(struct machine *m)
{
	fake_nic_create(&m->nic, &m->oracle);
}

static void begin(struct machine *m)
{
	fake_nic_start(&m->nic, &m->p);
}

static int start(struct machine *m)
{
	struct anvil_net_options o;

	machine_net_options(m, &o);
	m->dev = &m->net.dev;
	return anvil_net_init(&m->net, &o);
}

static void stop(struct machine *m)
{
	anvil_net_destroy(&m->net);
}

void machine_frame(struct machine *m, uint32_t len, const struct anvil_nic_offload *offload)
{
	if (m->kind != &machine_kind_net)
		return;
	if (m->told)
		machine_tell(m, &(struct machine_event){ .kind = MACHINE_FRAME,
							 .len = len,
							 .bytes = fake_nic_frame(&m->nic),
							 .offload = *offload });
	oracle_event(&m->oracle);
	fake_nic_arrives(&m->nic, len, offload);
	machine_settle(m);
}

void machine_link(struct machine *m, bool up)
{
	if (m->kind != &machine_kind_net)
		return;
	machine_tell_number(m, MACHINE_LINK, up);
	oracle_event(&m->oracle);
	oracle_link(&m->oracle, up);
	anvil_net_set_link(&m->net, up);
	machine_settle(m);
}

void machine_announce(struct machine *m)
{
	if (m->kind != &machine_kind_net)
		return;
	machine_tell_number(m, MACHINE_ANNOUNCE, 0);
	oracle_event(&m->oracle);
	oracle_announce(&m->oracle);
	anvil_net_announce(&m->net);
	machine_settle(m);
}

void machine_speed(struct machine *m, uint32_t speed, uint8_t duplex)
{
	if (m->kind != &machine_kind_net)
		return;
	if (m->told)
		machine_tell(m, &(struct machine_event){
					.kind = MACHINE_SPEED, .number = speed, .len = duplex });
	oracle_event(&m->oracle);
	oracle_speed(&m->oracle, speed, duplex);
	anvil_net_set_speed(&m->net, speed, duplex);
	machine_settle(m);
}

/* The device has to say when it wants to be told the next time. */
void machine_time(struct machine *m, uint64_t usecs)
{
	uint64_t due = 0;
	uint64_t next = 0;

	if (m->kind != &machine_kind_net)
		return;
	m->now = usecs > UINT64_MAX - m->now ? UINT64_MAX : m->now + usecs;
	machine_tell_number(m, MACHINE_TIME, m->now);
	oracle_event(&m->oracle);
	oracle_time(&m->oracle, m->now);

	bool waits = anvil_net_tick(&m->net, m->now, &next);

	machine_settle(m);
	if (waits != oracle_waits(&m->oracle, &due) || next != due)
		oracle_fail(&m->oracle, 4, "wants the time %s at %llu, and not %llu",
			    waits ? "told" : "not told", (unsigned long long)next,
			    (unsigned long long)due);
}

void machine_stall(struct machine *m, bool nic_stalled)
{
	if (m->kind != &machine_kind_net)
		return;
	machine_tell_number(m, MACHINE_STALL, nic_stalled);
	oracle_event(&m->oracle);
	fake_nic_stall(&m->nic, nic_stalled);
	machine_settle(m);
}

void machine_check_waiting(struct machine *m)
{
	if (m->kind != &machine_kind_net || m->oracle.net.many ||
	    !oracle_queue_live(&m->oracle, ANVIL_NET_RX))
		return;
	machine_tell_number(m, MACHINE_RETRY, 0);
	oracle_event(&m->oracle);
	if (fake_nic_was_forgotten(&m->nic))
		oracle_fail(&m->oracle, 4,
			    "a frame waited for buffers and was not asked for again");
	machine_settle(m);
}

/* What waits for the time, or for the nic, has it. */
static void drain(struct machine *m)
{
	uint64_t due = 0;

	if (oracle_waits(&m->oracle, &due))
		machine_time(m, due > m->now ? due - m->now : 0);
	if (m->nic.stalled)
		machine_stall(m, false);
}

const struct machine_kind machine_kind_net = {
	.create = create,
	.begin = begin,
	.start = start,
	.stop = stop,
	.drain = drain,
};
