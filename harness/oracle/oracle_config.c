/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration space (2.5, 4.2.2.2): what is there, and when it changes.
 */
#include "oracle_internal.h"

void oracle_put_config(struct oracle *o, unsigned int at, uint64_t number, unsigned int bytes)
{
	oracle_put(o, o->config + at, number, bytes);
}

void oracle_write_config(struct oracle *o, uint64_t at, unsigned int width, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++)
		o->config[at + i] = (uint8_t)(value >> (8 * i));
}

void oracle_config_changed(struct oracle *o)
{
	o->generation++;
	if (o->status & VIRTIO_STATUS_DRIVER_OK)
		o->interrupts |= VIRTIO_INTERRUPT_CONFIG;
}

/* ---- the driver's accesses ---- */

void oracle_config_write(struct oracle *o, uint64_t at, unsigned int width, uint64_t value)
{
	if (!(o->p->legacy || o->status & VIRTIO_STATUS_FEATURES_OK) || o->resetting ||
	    o->status & VIRTIO_STATUS_SUSPEND || at > o->config_bytes ||
	    width > o->config_bytes - at)
		return;
	o->kind->config_written(o, at, width, value);
}

uint64_t oracle_config_read(const struct oracle *o, uint64_t at, unsigned int width)
{
	uint64_t value = 0;

	if (at > o->config_bytes || width > o->config_bytes - at) {
		hit(MILESTONE_CONFIG_OUTSIDE);
		return 0;
	}
	for (unsigned int i = 0; i < width; i++)
		value |= (uint64_t)o->config[at + i] << (8 * i);
	hit(MILESTONE_CONFIG_READ);
	return value;
}
