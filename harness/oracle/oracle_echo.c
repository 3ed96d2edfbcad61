/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The echo device, a test of rings and registers: it gives back what it read.
 */
#include "oracle_internal.h"

/* Feature 1 needs feature 0. */
static int unmet_need(const struct oracle *o)
{
	return (o->driver_features[0] & 3) == 2 ? 1 : -1;
}

static void reset(struct oracle *o, bool created)
{
	if (created)
		o->config_bytes = 10;
	oracle_write_config(o, 0, 8, 0x0908070605040302);
}

static void config_written(struct oracle *o, uint64_t at, unsigned int width, uint64_t value)
{
	if (at + width > 8)
		return;
	oracle_write_config(o, at, width, value);
	hit(MILESTONE_CONFIG_WRITTEN);
}

/* As far as that fits. */
static void due(struct oracle *o, unsigned int queue, struct model_chain *c, struct due *due)
{
	(void)o;
	(void)queue;
	due->part[0] = c->capture;
	due->len[0] = c->read_pos < c->writable_bytes ? c->read_pos : c->writable_bytes;
}

static bool restored(struct oracle *o, struct oracle_image *im)
{
	oracle_image_bytes(im, o->config, 8);
	return true;
}

const struct oracle_kind oracle_kind_echo = {
	.device_id = 0x2a,
	.unmet_need = unmet_need,
	.reset = reset,
	.config_written = config_written,
	.due = due,
	.restored = restored,
};
