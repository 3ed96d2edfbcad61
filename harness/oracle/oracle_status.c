/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the driver and the device agree on, whatever the registers are: features, queues that start
 * and stop, reset (2.1, 2.2, 2.6, 3.1.1).
 */
#include "oracle_internal.h"

/* ---- features ---- */

void oracle_take_features(struct oracle *o, uint32_t value)
{
	if (o->status != SAID_DRIVER || o->agreed || o->driver_sel > 3)
		return;

	uint64_t *word = &o->driver_features[o->driver_sel / 2];

	if (o->driver_sel & 1)
		*word = (*word & 0xffffffffu) | (uint64_t)value << 32;
	else
		*word = (*word & ~0xffffffffull) | value;
}

static int unmet_need(const struct oracle *o)
{
	return o->kind->unmet_need ? o->kind->unmet_need(o) : -1;
}

void oracle_cut_features(struct oracle *o)
{
	uint64_t wish = o->driver_features[0];
	int unmet;

	o->driver_features[0] &= o->p->offered.word[0];
	o->driver_features[1] = 0;
	while ((unmet = unmet_need(o)) >= 0)
		o->driver_features[0] &= ~(1ull << unmet);
	if (wish != o->driver_features[0])
		hit(MILESTONE_LEGACY_FEATURES_CUT);
}

bool oracle_features_fine(const struct oracle *o)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (o->driver_features[i] & ~o->p->offered.word[i])
			return false;
	}
	if (o->kind->features_fine && !o->kind->features_fine(o))
		return false;
	return (o->p->legacy || o->driver_features[0] >> VIRTIO_F_VERSION_1 & 1) &&
	       unmet_need(o) < 0;
}

void oracle_agreed(struct oracle *o)
{
	if (o->kind->agreed)
		o->kind->agreed(o);
}

/* ---- reset ---- */

void oracle_clear_registers(struct oracle *o)
{
	o->status = 0;
	o->driver_features[0] = 0;
	o->driver_features[1] = 0;
	o->agreed = false;
	o->device_sel = 0;
	o->driver_sel = 0;
	o->queue_sel = 0;
	o->interrupts = 0;
	o->logs = 0;
	o->log_used = 0;
	o->suspending = false;
	for (unsigned int i = 0; i < o->p->queues; i++) {
		oracle_stop_queue(o, i);
		o->stopped[i].reset = false;
		o->queue[i].ran_before = false;
	}
}

void oracle_catch_up(struct oracle *o)
{
	unsigned int late = o->config_late;

	if (!late)
		return;
	o->config_late = 0;
	hit(MILESTONE_SUSPEND_CONFIG);
	o->kind->shows(o, late);
}

void oracle_reset(struct oracle *o)
{
	if (oracle_live(o))
		hit(MILESTONE_RESET_LIVE);
	uint32_t before = o->status;

	for (unsigned int i = 0; o->kind->keeps && i < o->p->queues; i++) {
		if (o->queue[i].helds)
			hit(MILESTONE_BLK_RESET_IN_FLIGHT);
	}
	oracle_clear_registers(o);
	o->resetting = o->at_disk ? before : 0;
	oracle_catch_up(o);
	o->kind->reset(o, false);
}

void oracle_write_status_early(struct oracle *o, uint32_t value)
{
	hit(MILESTONE_RESET_EARLY);
	if (value)
		return;
	o->device_sel = 0;
	o->driver_sel = 0;
	o->queue_sel = 0;
}

/* ---- queues ---- */

bool oracle_queue_exists(const struct oracle *o, uint32_t queue)
{
	return queue < o->p->queues &&
	       (!oracle_final(o) || !o->kind->queue_exists || o->kind->queue_exists(o, queue));
}

bool oracle_may_set_up(const struct oracle *o, const struct model_queue *q)
{
	bool in_use = oracle_in_use(o, (unsigned int)(q - o->queue));

	if (in_use && !q->ready)
		hit(MILESTONE_QUEUE_DRAINING);
	if (o->p->legacy)
		return !in_use && (o->status == SAID_DRIVER || o->status == SAID_LEGACY_DRIVER_OK);
	return !in_use && (o->status == SAID_FEATURES_OK ||
			   (oracle_live(o) && oracle_accepted(o, VIRTIO_F_RING_RESET)));
}

void oracle_start_queue(struct oracle *o, struct model_queue *q)
{
	uint64_t event = oracle_accepted(o, VIRTIO_F_EVENT_IDX) ? 2 : 0;
	bool packed = oracle_accepted(o, VIRTIO_F_RING_PACKED);
	uint64_t driver_bytes = packed ? 4 : 4 + 2ull * q->size + event;
	uint64_t device_bytes = packed ? 4 : 4 + 8ull * q->size + event;

	if (q->size == 0 || (!packed && q->size & (q->size - 1)) ||
	    q->size > o->p->queue_size_max) {
		hit(MILESTONE_QUEUE_BAD_SIZE);
		return;
	}
	if (q->desc & 15 || q->driver & (packed ? 3 : 1) || q->device & 3) {
		hit(MILESTONE_QUEUE_BAD_ALIGN);
		return;
	}
	if (!oracle_in_ram(q->desc, 16ull * q->size) || !oracle_in_ram(q->driver, driver_bytes) ||
	    !oracle_in_ram(q->device, device_bytes)) {
		hit(MILESTONE_QUEUE_BAD_ADDRESS);
		return;
	}
	if (oracle_live(o) && q->ran_before)
		hit(MILESTONE_RING_RESTARTED);
	if (packed)
		oracle_packed_start(q);
	q->ready = true;
	q->ran_before = true;
	o->stopped[q - o->queue].reset = false;
}

void oracle_halt_queue(struct oracle *o, uint32_t queue, enum milestone m)
{
	if (!o->queue[queue].ready)
		return;
	if (oracle_live(o))
		hit(m);
	oracle_stop_queue(o, queue);
}
