/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The echo device, which is its own host.
 */
#include "machine_internal.h"

static void create(struct machine *m)
{
	echo_device_create(&m->echo);
}

static int start(struct machine *m)
{
	m->dev = &m->echo.dev;
	return echo_device_init(&m->echo, &m->p, &m->oracle, &m->buffer.memory);
}

static void stop(struct machine *m)
{
	echo_device_destroy(&m->echo);
}

static void complete(struct machine *m, unsigned int which, int result)
{
	echo_device_complete(&m->echo, which, result != 0);
}

static unsigned int waiting(const struct machine *m)
{
	return m->echo.jobs;
}

static void defer(struct machine *m, bool deferred)
{
	m->echo.deferred = deferred;
}

const struct machine_kind machine_kind_echo = {
	.create = create,
	.start = start,
	.stop = stop,
	.complete = complete,
	.waiting = waiting,
	.defer = defer,
};
