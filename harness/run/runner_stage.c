/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a child plays on: a machine, and the buses that are compared.
 */
#include "runner_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/known.h"
#include "base/signature.h"
#include "device_file.h"
#include "kvm/bus_kvm.h"
#include "kvm/bus_linux.h"
#include "play/differ.h"
#include "play_log.h"

bool runner_same(const struct verdict *a, const struct verdict *b)
{
	return a->kind == b->kind && a->rule == b->rule && a->op == b->op;
}

void runner_play_once(struct stage *st, const struct script *script, struct shared *sh,
		      struct verdict *v)
{
	struct verdict model;

	if (st->log) {
		play_log_begin(st->log, &st->model, &sh->op);
		player_play(&st->log->bus, script, &sh->op, v);
		return;
	}
	if (st->seen) {
		seen_begin(&st->seen_bus, st->seen, &st->model, script, &sh->op);
		player_play(&st->seen_bus.bus, script, &sh->op, v);
		seen_end(&st->seen_bus);
		return;
	}
	if (!st->other) {
		player_play(&st->model, script, &sh->op, v);
		if (st->machine.exact)
			differ_play(&st->model, script, &sh->op, v);
		return;
	}
	bus_trace_init(&st->trace[0], &st->model);
	player_play(&st->trace[0].bus, script, &sh->op, &model);
	bus_trace_init(&st->trace[1], st->other);
	st->other->ops->restart(st->other);
	player_play(&st->trace[1].bus, script, &sh->op, v);
	if (!runner_same(&model, v)) {
		char name[2][32];

		player_verdict_name(&model, name[0], sizeof(name[0]));
		player_verdict_name(v, name[1], sizeof(name[1]));
		snprintf(sh->difference, sizeof(sh->difference),
			 "%s at operation %d on model, %s at operation %d on %s", name[0], model.op,
			 name[1], v->op, st->other->ops->name);
		return;
	}
	bus_trace_differs(&st->trace[0], &st->trace[1], sh->difference, sizeof(sh->difference));
}

/* A guest has the regions by pages. */
static bool on_pages(const struct machine *m)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (unsigned int i = 0; i < MAP_REGIONS; i++) {
		if ((uintptr_t)m->ram[i] % page)
			return false;
	}
	return true;
}

static int create_other(struct stage *st, const struct runner_stage *where, char *error,
			size_t room)
{
	if (where->on != RUN_ON_MODEL && !on_pages(&st->machine)) {
		snprintf(error, room,
			 "its guest RAM does not begin on a page: aligned_alloc it, or play "
			 "--on model");
		return -EINVAL;
	}
	switch (where->on) {
	case RUN_ON_KVM:
		return bus_kvm_create(&st->other, &st->machine, error, room);
	case RUN_ON_LINUX:
		return bus_linux_create(&st->other, &st->machine, where->kernel, error, room);
	default:
		return 0;
	}
}

static bool is_known(void *opaque, unsigned int rule, const char *reason)
{
	char text[400] = "";

	signature_of_rule(rule, reason, text, sizeof(text));
	return known_has(opaque, text);
}

int runner_set_stage(struct stage *st, const struct runner_stage *where, char *error, size_t room)
{
	if (!where->device)
		machine_create(&st->machine);
	else if (!device_file_create(&st->machine, where->device, error, room))
		return -ENODEV;
	if (where->known && where->known->count) {
		st->machine.safety.known = is_known;
		st->machine.safety.known_opaque = (void *)(uintptr_t)where->known;
	}
	bus_model_init(&st->model, &st->machine);
	st->other = NULL;
	st->log = where->log;
	st->seen = where->seen;
	if (where->ground)
		machine_use_ground(&st->machine, where->ground);
	return create_other(st, where, error, room);
}

static void tell_offer(const struct machine *m, struct runner_offer *to)
{
	const uint8_t *disk = machine_disk(m, &to->sectors);

	to->offer = m->offer;
	if (!disk)
		to->sectors = 0;
	if (to->sectors)
		memcpy(to->disk, disk, (size_t)to->sectors * 512);
}

int runner_ask(struct stage *st, const struct runner_stage *where, struct shared *sh, char *error,
	       size_t room)
{
	bool said;

	if (!where->device)
		return 0;
	st->machine.questions = &sh->questions;
	sh->asking = true;
	said = device_file_ask(&st->machine, where->device, error, room);
	sh->asking = false;
	if (said && where->offer)
		tell_offer(&st->machine, where->offer);
	return said ? 0 : -ENODEV;
}
