/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options that every device has (number and size of its queues), tried on the echo device.
 */
#include "bad_options_internal.h"

int bad_options_echo(struct own_device *d, unsigned int which)
{
	struct setup p = d->p;
	int err;

	if (which == 0)
		p.queues = 0;
	else if (which == 1)
		p.queues = ANVIL_DEVICE_QUEUES_MAX + 1;
	else
		p.queue_size_max = 12;
	err = echo_device_init(&d->echo, &p, d->oracle, &d->buffer.memory);
	if (!err)
		echo_device_destroy(&d->echo);
	return err;
}
