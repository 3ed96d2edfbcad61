/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A block device (5.2): its configuration, the answer to a request, and queues that share its
 * slots.
 */
#include <string.h>

#include "oracle_blk_internal.h"

/* What of configuration space depends on features alone. */
static void fixed_config(struct oracle *o)
{
	const struct setup *p = o->p;
	uint64_t f = p->offered.word[0];

	if (f >> VIRTIO_BLK_F_SIZE_MAX & 1)
		oracle_put_config(o, 8, SETUP_SIZE_MAX, 4);
	if (f >> VIRTIO_BLK_F_SEG_MAX & 1)
		oracle_put_config(o, 12, SETUP_SEG_MAX, 4);
	if (f >> VIRTIO_BLK_F_GEOMETRY & 1) {
		oracle_put_config(o, 16, 7, 2);
		oracle_put_config(o, 18, 3, 1);
		oracle_put_config(o, 19, 9, 1);
	}
	if (f >> VIRTIO_BLK_F_BLK_SIZE & 1)
		oracle_put_config(o, 20, p->blk_size, 4);
	if (f >> VIRTIO_BLK_F_TOPOLOGY & 1) {
		oracle_put_config(o, 24, 3, 1);
		oracle_put_config(o, 25, 1, 1);
		oracle_put_config(o, 26, 8, 2);
		oracle_put_config(o, 28, 64, 4);
	}
	if (f >> VIRTIO_BLK_F_DISCARD & 1) {
		oracle_put_config(o, 36, p->range_sectors_max, 4);
		oracle_put_config(o, 40, p->range_segments_max, 4);
		oracle_put_config(o, 44, p->blk_size / 512, 4);
	}
	if (f >> VIRTIO_BLK_F_WRITE_ZEROES & 1) {
		oracle_put_config(o, 48, p->range_sectors_max, 4);
		oracle_put_config(o, 52, p->range_segments_max, 4);
		oracle_put_config(o, 56, 1, 1);
	}
	if (f >> VIRTIO_BLK_F_MQ & 1)
		oracle_put_config(o, 34, p->queues, 2);
	if (f >> VIRTIO_BLK_F_SECURE_ERASE & 1) {
		o->config_bytes = 72;
		oracle_put_config(o, 60, p->erase_sectors_max, 4);
		oracle_put_config(o, 64, p->erase_segments_max, 4);
		oracle_put_config(o, 68, p->erase_sector_alignment, 4);
	}
	if (f >> VIRTIO_BLK_F_ZONED & 1)
		o->config_bytes = 96;
}

static void reset(struct oracle *o, bool created)
{
	const struct setup *p = o->p;
	uint64_t f = p->offered.word[0];

	/* a legacy driver finds the mode that the cache has */
	o->writeback = p->legacy && f >> VIRTIO_BLK_F_CONFIG_WCE & 1;
	oracle_put_config(o, 32, o->writeback, 1);
	oracle_zones_config(o, true);
	if (!created)
		return;
	memset(o->starved, 0, sizeof(o->starved));
	oracle_zones_start(o);
	o->config_bytes = 60;
	memset(o->config, 0, sizeof(o->config));
	oracle_put_config(o, 32, o->writeback, 1);
	oracle_put_config(o, 0, o->capacity, 8);
	fixed_config(o);
	oracle_zones_config(o, true);
}

/* 5.2.5.2: a host-managed disk is not for a driver that does not know zones */
static bool needs_met(const struct oracle *o)
{
	bool knows = o->driver_features[0] >> VIRTIO_BLK_F_ZONED & 1;

	if (!o->p->zones.zoned || knows)
		return true;
	if (o->p->zones.options.zoning.model == ANVIL_DISK_HOST_MANAGED) {
		hit(MILESTONE_BLK_ZONES_REFUSED);
		return false;
	}
	hit(MILESTONE_BLK_ZONES_NOT_TOLD);
	return true;
}

static void driver_ok(struct oracle *o)
{
	bool had = o->writeback;

	if (!(o->p->offered.word[0] >> VIRTIO_BLK_F_CONFIG_WCE & 1) ||
	    oracle_accepted(o, VIRTIO_BLK_F_CONFIG_WCE))
		return;
	o->writeback = oracle_accepted(o, VIRTIO_BLK_F_FLUSH);
	oracle_put_config(o, 32, o->writeback, 1);
	if (o->writeback != had)
		hit(MILESTONE_LEGACY_MODE_AT_OK);
}

static void shows(struct oracle *o, unsigned int what)
{
	(void)what;
	oracle_put_config(o, 0, o->capacity, 8);
	oracle_config_changed(o);
}

void oracle_resized(struct oracle *o, uint64_t capacity)
{
	o->capacity = capacity;
	if (o->status & VIRTIO_STATUS_SUSPEND)
		o->config_late = LATE_STATUS;
	else
		shows(o, LATE_STATUS);
	hit(MILESTONE_BLK_RESIZED);
}

/* 5.2.5.3: before DRIVER_OK a legacy driver need not have accepted anything */
static bool mode_writable(const struct oracle *o)
{
	if (o->p->legacy && !(o->status & VIRTIO_STATUS_DRIVER_OK))
		return o->p->offered.word[0] & (1ull << VIRTIO_BLK_F_CONFIG_WCE);
	return oracle_accepted(o, VIRTIO_BLK_F_CONFIG_WCE);
}

/* ---- the answer ---- */

static void succeeded(const struct model_chain *c)
{
	switch (c->type) {
	case VIRTIO_BLK_T_IN:
		hit(MILESTONE_BLK_IN_OK);
		break;
	case VIRTIO_BLK_T_OUT:
		hit(MILESTONE_BLK_OUT_OK);
		break;
	case VIRTIO_BLK_T_FLUSH:
		hit(c->old_name ? MILESTONE_LEGACY_FLUSH_OUT : MILESTONE_BLK_FLUSH_OK);
		break;
	case VIRTIO_BLK_T_GET_ID:
		hit(MILESTONE_BLK_GET_ID_OK);
		break;
	case VIRTIO_BLK_T_DISCARD:
		hit(MILESTONE_BLK_DISCARD_OK);
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		hit(MILESTONE_BLK_WRITE_ZEROES_OK);
		break;
	case VIRTIO_BLK_T_GET_LIFETIME:
		hit(MILESTONE_BLK_LIFETIME_OK);
		break;
	case VIRTIO_BLK_T_SECURE_ERASE:
		hit(MILESTONE_BLK_ERASE_OK);
		break;
	default:
		oracle_zone_done(c->type);
	}
	if (c->steps > 1)
		hit(MILESTONE_BLK_MANY_RANGES);
	if (c->steps && c->flush)
		hit(MILESTONE_BLK_STABLE_WRITE);
}

static void due(struct oracle *o, unsigned int queue, struct model_chain *c, struct due *due)
{
	(void)queue;
	if (c->plan == PLAN_NONE)
		oracle_blk_plan(o, c);
	if (c->plan == PLAN_RUN) {
		if (c->waiting || !oracle_blk_finished(c))
			oracle_fail(o, 4, "chain %u comes back before its request is done",
				    c->head);
		c->status = c->failed ? c->failure : VIRTIO_BLK_S_OK;
		if (c->status == VIRTIO_BLK_S_IOERR)
			hit(MILESTONE_BLK_HOST_FAILS);
	}
	if (c->writable_bytes == 0)
		return;
	due->last = c->status;
	if (c->status != VIRTIO_BLK_S_OK)
		return;
	succeeded(c);
	due->part[0] =
		c->type == VIRTIO_BLK_T_GET_ID ? (const uint8_t *)setup_disk_id : c->capture + 16;
	due->len[0] = c->data_bytes;
}

/* ---- queues that share the slots ---- */

static bool has_more(const struct model_queue *q)
{
	return q->notified || oracle_sees_more(q);
}

static void taken(struct oracle *o, unsigned int queue)
{
	o->starved[queue] = false;
	for (unsigned int i = 0; i < o->p->queues; i++) {
		const struct model_queue *q = &o->queue[i];

		if (i == queue || !o->starved[i] || !oracle_queue_live(o, i) || !has_more(q))
			continue;
		if (o->passed_by[i][queue]++)
			oracle_fail(o, 4, "queue %u is served twice while queue %u waits", queue,
				    i);
		hit(MILESTONE_BLK_QUEUES_IN_TURN);
	}
}

static void stopped(struct oracle *o, unsigned int queue)
{
	if (!oracle_live(o) || !o->queue[queue].helds)
		return;
	for (unsigned int i = 0; i < o->p->queues; i++) {
		if (i != queue && o->queue[i].helds)
			hit(MILESTONE_BLK_STOP_ONE);
	}
}

static void settle_one(struct oracle *o, unsigned int queue)
{
	const struct model_queue *q = &o->queue[queue];
	bool waits = oracle_queue_live(o, queue) && o->at_disk >= o->p->slots && has_more(q);

	if (waits && !o->starved[queue])
		memset(o->passed_by[queue], 0, sizeof(o->passed_by[queue]));
	o->starved[queue] = waits;
	if (waits)
		hit(MILESTONE_BLK_STARVED);
	if (!oracle_queue_live(o, queue))
		return;
	for (unsigned int i = 1; i < q->helds; i++) {
		/* in order, one that was answered at once waits with the answer it was given now */
		if (q->held[i]->plan == PLAN_NONE)
			oracle_blk_plan(o, q->held[i]);
	}
	for (unsigned int i = 0; i < q->helds; i++) {
		/* in order, it may be done and wait for the first one */
		if (i > 0 && oracle_accepted(o, VIRTIO_F_IN_ORDER))
			break;
		if (!q->held[i]->waiting)
			oracle_fail(o, 4, "chain %u waits for nothing and is not given back",
				    q->held[i]->head);
	}
}

static void settle(struct oracle *o)
{
	unsigned int busy = 0;

	for (unsigned int i = 0; i < o->p->queues; i++) {
		settle_one(o, i);
		busy += o->queue[i].helds > 0;
	}
	if (busy > 1)
		hit(MILESTONE_BLK_MANY_QUEUES);
	if (o->p->zones.front)
		oracle_front_settle(o);
}

/* ---- saved states ---- */

/* Which of the cache's modes there can be: bit 0 write-through, bit 1 write-back */
static unsigned int modes(const struct oracle *o)
{
	bool offered = o->p->offered.word[0] >> VIRTIO_BLK_F_CONFIG_WCE & 1;

	if (oracle_accepted(o, VIRTIO_BLK_F_CONFIG_WCE))
		return 3;
	if (!o->p->legacy || !offered)
		return 1;
	if (!(o->status & VIRTIO_STATUS_DRIVER_OK)) /* a legacy driver may choose before */
		return 3;
	return oracle_accepted(o, VIRTIO_BLK_F_FLUSH) ? 2 : 1;
}

static bool restored(struct oracle *o, struct oracle_image *im)
{
	uint64_t writeback = oracle_image_number(im, 1);
	uint64_t capacity = oracle_image_number(im, 8);

	if (writeback > 1 || !(modes(o) >> writeback & 1))
		return false;
	o->writeback = writeback;
	oracle_put_config(o, 32, writeback, 1);
	if (capacity != o->capacity && o->status & VIRTIO_STATUS_SUSPEND) {
		oracle_put_config(o, 0, capacity, 8);
		o->config_late = LATE_STATUS;
	} else if (capacity != o->capacity) {
		oracle_config_changed(o);
	}
	return true;
}

/* ---- the kind of device ---- */

static void agreed(struct oracle *o)
{
	if (o->p->legacy)
		return;
	o->writeback = oracle_accepted(o, VIRTIO_BLK_F_CONFIG_WCE) &&
		       oracle_accepted(o, VIRTIO_BLK_F_FLUSH);
	oracle_put_config(o, 32, o->writeback, 1);
	oracle_zones_config(o, oracle_accepted(o, VIRTIO_BLK_F_ZONED));
}

static bool queue_exists(const struct oracle *o, unsigned int queue)
{
	return queue == 0 || oracle_accepted(o, VIRTIO_BLK_F_MQ);
}

static void config_written(struct oracle *o, uint64_t at, unsigned int width, uint64_t value)
{
	if (at != 32 || width != 1 || value > 1 || !mode_writable(o))
		return;
	if (o->writeback != value)
		hit(o->status ? MILESTONE_BLK_WRITEBACK : MILESTONE_LEGACY_EARLY_MODE);
	o->writeback = value;
	oracle_put_config(o, 32, value, 1);
}

static uint64_t saved(const struct oracle *o)
{
	return o->writeback;
}

const struct oracle_kind oracle_kind_blk = {
	.device_id = 2,
	.keeps = true,
	.late = LATE_STATUS,
	.features_fine = needs_met,
	.agreed = agreed,
	.reset = reset,
	.driver_ok = driver_ok,
	.queue_exists = queue_exists,
	.config_written = config_written,
	.shows = shows,
	.taken = taken,
	.due = due,
	.stopped = stopped,
	.settle = settle,
	.restored = restored,
	.saved = saved,
};
