/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One operation after the other, then the questions that every device has to answer at the end.
 */
#include "player_internal.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "array_size.h"

/* ---- what the host does ---- */

static void host_complete(struct guest_driver *g, const struct script_op *r)
{
	static const int results[] = {
		[COMPLETE_ERROR] = -EIO, [COMPLETE_DONE_ERROR] = -ETIMEDOUT
	};

	for (unsigned int i = 0; i <= r->complete.more % 17u; i++)
		machine_complete(g->bus->machine, r->complete.which,
				 results[r->complete.result % ARRAY_SIZE(results)]);
}

static void host_link(struct guest_driver *g, const struct script_op *r)
{
	if (r->link.announce)
		machine_announce(g->bus->machine);
	else if (r->link.speed)
		machine_speed(g->bus->machine, (uint32_t)r->link.speed, r->link.duplex);
	else
		machine_link(g->bus->machine, !r->link.down);
}

static void host_time(struct guest_driver *g, const struct script_op *r)
{
	machine_time(g->bus->machine, r->time.usecs);
}

static void host_resize(struct guest_driver *g, const struct script_op *r)
{
	machine_resize(g->bus->machine, setup_capacity(r->resize.capacity));
}

static void host_zone(struct guest_driver *g, const struct script_op *r)
{
	machine_fail_zone(g->bus->machine, r->zone.which, r->zone.state == ZONE_FAILS_OFFLINE);
}

static void host_stall(struct guest_driver *g, const struct script_op *r)
{
	if (r->stall.nic != STALL_NIC_SAME)
		machine_stall(g->bus->machine, r->stall.nic);
	if (r->stall.disk)
		machine_disk_deferred(g->bus->machine, r->stall.disk == STALL_DISK_DEFERS);
}

static void host_restore(struct guest_driver *g, const struct script_op *r)
{
	struct machine_damage d = {
		.how = (enum machine_damage_kind)(r->restore.how % DAMAGE_KINDS),
		.at = r->restore.at,
		.len = r->restore.len ? r->restore.len : 1u,
	};
	uint64_t bytes = htole64(r->restore.bytes);

	memcpy(d.bytes, &bytes, sizeof(d.bytes));
	machine_restore(g->bus->machine, &d);
}

static void host_schedule(struct guest_driver *g, const struct script_op *r)
{
	machine_schedule(g->bus->machine, r->schedule.after, r->schedule.choices);
}

static void host_drain(struct guest_driver *g, const struct script_op *r)
{
	(void)r;
	machine_drain(g->bus->machine);
}

/* ---- playing ---- */

static void (*const play_op[OP_CODES])(struct guest_driver *g, const struct script_op *r) = {
	[OP_INIT] = guest_init,
	[OP_RESET] = guest_reset,
	[OP_WRITE] = guest_write,
	[OP_READ] = guest_read,
	[OP_POKE] = guest_poke,
	[OP_FILL] = guest_fill,
	[OP_QUEUE] = guest_set_queue,
	[OP_STOP] = guest_stop,
	[OP_CHAIN] = guest_chain,
	[OP_BLK] = guest_blk,
	[OP_TX] = guest_tx,
	[OP_RX] = guest_rx,
	[OP_CTRL] = guest_ctrl,
	[OP_KICK] = guest_kick,
	[OP_AVAIL] = guest_avail,
	[OP_USED] = guest_used,
	[OP_FRAME] = player_frame,
	[OP_COMPLETE] = host_complete,
	[OP_LINK] = host_link,
	[OP_RESIZE] = host_resize,
	[OP_STALL] = host_stall,
	[OP_RACE] = guest_race,
	[OP_DRAIN] = host_drain,
	[OP_ACK] = guest_ack,
	[OP_RESTORE] = host_restore,
	[OP_TIME] = host_time,
	[OP_MANY] = guest_many,
	[OP_ZONE] = host_zone,
	[OP_SCHEDULE] = host_schedule,
};

static void check_exactly(struct machine *m, unsigned int queue)
{
	uint8_t avail[2] = { 0 };

	if (m->oracle.queue[queue].ready)
		machine_load(m, oracle_avail_gpa(&m->oracle, queue), avail, sizeof(avail));
	oracle_drained(&m->oracle, queue, avail);
}

/* Rule 4 at the end: with nothing left to wait for, all that was made available is answered. */
static void check_drained(struct guest_driver *g)
{
	struct machine *m = g->bus->machine;

	uint32_t wrong_hint = m->exact && oracle_accepted(&m->oracle, VIRTIO_F_NOTIFICATION_DATA)
				      ? 0x5a5a0000
				      : 0;

	machine_drop_races(m);
	machine_drain(m);
	for (unsigned int i = 0; i < m->p.queues; i++) {
		if (machine_queue_live(m, i))
			guest_reg(g, VIRTIO_MMIO_QUEUE_NOTIFY, i | wrong_hint);
	}
	machine_drain(m);
	machine_check_waiting(m);
	safety_event(&m->safety);
	for (unsigned int i = 0; i < m->p.queues; i++) {
		if (m->exact)
			check_exactly(m, i);
		safety_drained(&m->safety, i);
	}
}

static void play_all(struct guest_driver *g, const struct script *script, volatile int *progress,
		     struct verdict *v)
{
	const struct machine *m = g->bus->machine;

	for (unsigned int i = 0; i < script->ops; i++) {
		*progress = (int)i;
		g->clean = i == 0;
		play_op[script->op[i].code](g, &script->op[i]);
		if (machine_needs_reset(m))
			v->kind = VERDICT_REJECTED;
	}
	*progress = (int)script->ops;
	g->clean = false;
	check_drained(g);
	if (machine_needs_reset(m))
		v->kind = VERDICT_REJECTED;
	if (m->exact)
		guest_read_registers(g);
	else
		machine_check_reset(g->bus->machine);
	if (!guest_probe(g)) {
		v->kind = VERDICT_WEDGED;
		snprintf(v->reason, sizeof(v->reason),
			 "after a reset, a well-formed request is not answered");
	}
}

/* Returns false when the oracle jumped out. Its own function, so that no local is clobbered. */
static bool play_guarded(struct bus *bus, const struct script *script, const struct setup *p,
			 volatile int *progress, struct verdict *v)
{
	struct machine *m = bus->machine;
	struct guest_driver g;
	jmp_buf escape;

	if (setjmp(escape))
		return false;
	machine_start(m, p, &escape);
	guest_start(&g, bus, &m->p);
	play_all(&g, script, progress, v);
	return true;
}

void player_play(struct bus *bus, const struct script *script, volatile int *progress,
		 struct verdict *v)
{
	struct machine *m = bus->machine;
	volatile int own_progress = 0;
	volatile int *at = progress ? progress : &own_progress;
	struct setup p;

	memset(v, 0, sizeof(*v));
	setup_from(&script->header, &p);
	if (!play_guarded(bus, script, &p, at, v)) {
		v->kind = VERDICT_VIOLATION;
		v->rule = (unsigned int)m->oracle.broken_rule;
		memcpy(v->reason, m->oracle.reason, sizeof(v->reason));
	}
	v->op = *at;
	machine_stop(m);
}

void player_verdict_name(const struct verdict *v, char *name, size_t room)
{
	static const char *const kind[] = { "ok", "rejected", "wedged", "violation" };

	if (v->kind == VERDICT_VIOLATION)
		snprintf(name, room, "violation:%u", v->rule);
	else
		snprintf(name, room, "%s", kind[v->kind]);
}
