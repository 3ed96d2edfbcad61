/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bringing a device up: reset, status, features, queues (3.1.1).
 */
#include "guest_internal.h"

#include <string.h>

#include "guest_legacy.h"

static const struct guest_kind *const kinds[DEVICE_KINDS] = {
	[DEVICE_BLK] = &guest_kind_blk,
	[DEVICE_NET] = &guest_kind_net,
	[DEVICE_ECHO] = &guest_kind_echo,
};

void guest_start(struct guest_driver *g, struct bus *bus, const struct setup *p)
{
	g->bus = bus;
	g->p = p;
	g->kind = kinds[p->kind];
	g->clean = false;
	g->packed = false;
	g->notify_data = false;
	g->data_at = GUEST_DATA;
	g->indirect_at = GUEST_INDIRECT;
	memset(g->features, 0, sizeof(g->features));
	for (unsigned int i = 0; i < p->queues; i++)
		guest_fresh_queue(g, i, p->queue_size_max);
}

static void write_features(struct guest_driver *g, uint64_t features, uint32_t high)
{
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
	if (high == 0)
		return;
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	guest_reg(g, VIRTIO_MMIO_DRIVER_FEATURES, high);
}

static void bring_up_queues(struct guest_driver *g, const struct script_op *r)
{
	unsigned int queues = g->kind->queues ? g->kind->queues(g) : g->p->queues;

	for (unsigned int i = 0; i < queues; i++) {
		if (r->init.only == 0 || r->init.only % (g->p->queues + 1) == i + 1)
			guest_bring_up_queue(g, i, r->init.size);
	}
}

/* All but the last one, which a driver that does all at once leaves out. */
static void write_status(struct guest_driver *g, enum init_wrong wrong, uint32_t status)
{
	if (wrong != INIT_AT_ONCE)
		guest_reg(g, VIRTIO_MMIO_STATUS, status);
}

static uint64_t choose_features(struct guest_driver *g, const struct script_op *r)
{
	uint64_t offered = g->p->offered.word[0];
	uint64_t features = (offered & ~r->init.decline) | r->init.grab;

	if (r->init.wrong == INIT_ALL_FEATURES)
		features = UINT64_MAX;
	g->packed = features & offered & 1ull << VIRTIO_F_RING_PACKED;
	g->notify_data = features & offered & 1ull << VIRTIO_F_NOTIFICATION_DATA;
	g->features[0] = features;
	g->features[1] = (g->p->offered.word[1] & ~(uint64_t)r->init.decline64) | r->init.grab64;
	return features;
}

/* 3.1.1, steps 1 to 3. Returns the status then. */
static uint32_t reset_and_greet(struct guest_driver *g, enum init_wrong wrong)
{
	uint32_t status = wrong == INIT_NO_ACKNOWLEDGE ? 0 : VIRTIO_STATUS_ACKNOWLEDGE;

	if (wrong != INIT_NO_RESET && !g->clean)
		guest_reg(g, VIRTIO_MMIO_STATUS, 0);
	if (wrong != INIT_NO_WAIT && wrong != INIT_NO_RESET && !g->clean)
		guest_wait_for_reset(g, VIRTIO_MMIO_STATUS);
	write_status(g, wrong, status);
	if (wrong != INIT_NO_DRIVER)
		status |= VIRTIO_STATUS_DRIVER;
	write_status(g, wrong, status);
	return status;
}

void guest_init(struct guest_driver *g, const struct script_op *r)
{
	enum init_wrong wrong = (enum init_wrong)r->init.wrong;
	uint64_t features = choose_features(g, r);
	uint32_t status;

	if (g->p->legacy)
		guest_legacy_begin(g);
	status = reset_and_greet(g, wrong);
	write_features(g, features, (uint32_t)g->features[1]);
	if ((wrong == INIT_NO_FEATURES_OK) == g->p->legacy) /* legacy drivers do not know it */
		status |= VIRTIO_STATUS_FEATURES_OK;
	write_status(g, wrong, status);
	if (wrong == INIT_FEATURES_LATE && !g->p->legacy)
		write_features(g, ~features, 0);
	if (wrong != INIT_NO_QUEUES && wrong != INIT_QUEUES_LATE)
		bring_up_queues(g, r);
	if (wrong == INIT_FEATURES_LATE && g->p->legacy) /* the queues have made them final */
		write_features(g, ~features, 0);
	status |= VIRTIO_STATUS_DRIVER_OK;
	if (wrong != INIT_NO_DRIVER_OK)
		guest_reg(g, VIRTIO_MMIO_STATUS, status);
	if (wrong == INIT_QUEUES_LATE)
		bring_up_queues(g, r);
	if (wrong == INIT_FAILS)
		guest_reg(g, VIRTIO_MMIO_STATUS, status | VIRTIO_STATUS_FAILED);
}

void guest_reset(struct guest_driver *g, const struct script_op *r)
{
	(void)r;
	guest_reg(g, VIRTIO_MMIO_STATUS, 0);
}
