/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The echo device, which is its own host.
 */
#include "own_device_internal.h"

static void create(struct own_device *d)
{
	echo_device_create(&d->echo);
}

static int start(struct own_device *d)
{
	d->dev = &d->echo.dev;
	return echo_device_init(&d->echo, &d->p, d->oracle, &d->buffer.memory);
}

static void stop(struct own_device *d)
{
	echo_device_destroy(&d->echo);
}

static void complete(struct device_under_test *dut, unsigned int which, int result)
{
	echo_device_complete(&to_own(dut)->echo, which, result != 0);
}

static unsigned int waiting(struct device_under_test *dut)
{
	return to_own(dut)->echo.jobs;
}

static void defer(struct device_under_test *dut, bool deferred)
{
	to_own(dut)->echo.deferred = deferred;
}

const struct own_kind own_kind_echo = {
	.create = create,
	.start = start,
	.stop = stop,
	.host = {
		.complete = complete,
		.waiting = waiting,
		.defer = defer,
	},
};
