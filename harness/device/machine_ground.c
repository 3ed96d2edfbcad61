/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What two devices have in common: the features that both offer, the shorter queue, the smaller
 * disk, the events that both hosts know.
 */
#include "machine_internal.h"

#include <stdio.h>
#include <string.h>

void machine_offer_ours(const struct machine_offer *other, struct machine_offer *ours)
{
	*ours = *other;
	if (ours->capacity > SETUP_SECTORS)
		ours->capacity = SETUP_SECTORS;
	ours->host = ~0u;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool machine_offer_common(const struct machine_offer *a, const struct machine_offer *b,
			  struct machine_offer *common, char *error, size_t room)
{
	memset(common, 0, sizeof(*common));
	if (a->kind != b->kind || a->legacy != b->legacy) {
		snprintf(error, room, "nothing can be compared: %s",
			 a->kind != b->kind ? "one is a block, the other one a network device"
					    : "one has the legacy interface, the other one the "
					      "modern one");
		return false;
	}
	common->kind = a->kind;
	common->legacy = a->legacy;
	for (unsigned int i = 0; i < 2; i++)
		common->features.word[i] = a->features.word[i] & b->features.word[i];
	common->queues = (unsigned int)less(a->queues, b->queues);
	common->pairs = a->pairs == b->pairs ? a->pairs : 1;
	common->queue_size_max =
		(uint16_t)less(less(a->queue_size_max, b->queue_size_max), SETUP_SIZE_USUAL);
	common->capacity = less(less(a->capacity, b->capacity), SETUP_SECTORS);
	common->host = a->host & b->host;
	return true;
}

void machine_use_ground(struct machine *m, const struct machine_ground *ground)
{
	m->ground = ground;
	if (m->exact && ground->disk)
		fake_disk_begins_with(&m->own.disk, ground->disk, ground->offer.capacity);
}

const uint8_t *machine_disk(const struct machine *m, uint64_t *sectors)
{
	if (m->exact) {
		*sectors = less(m->p.capacity, SETUP_SECTORS);
		return m->p.kind == DEVICE_BLK ? m->own.disk.content : NULL;
	}
	*sectors = less(m->dut->sectors, SETUP_SECTORS);
	return m->offer.kind == DEVICE_BLK ? m->dut->disk : NULL;
}

void machine_ground_setup(struct machine *m)
{
	const struct machine_offer *o = &m->ground->offer;
	uint64_t always = 1ull << VIRTIO_F_VERSION_1;

	m->p.queue_size_max = o->queue_size_max;
	m->p.capacity = o->capacity;
	if (m->exact)
		return;
	m->p.offered.word[0] &= o->features.word[0] | always;
	m->p.offered.word[1] &= o->features.word[1];
}

void machine_ground_host(struct machine *m)
{
	struct device_under_test *d = m->dut;
	unsigned int host = m->ground->offer.host;

	if (!(host & MACHINE_HAS_LINK))
		d->link = NULL;
	if (!(host & MACHINE_HAS_FRAME))
		d->frame = NULL;
	if (!(host & MACHINE_HAS_RESIZE))
		d->resize = NULL;
	if (!(host & MACHINE_HAS_COMPLETE)) {
		d->complete = NULL;
		d->waiting = NULL;
		d->defer = NULL;
	}
	if (!(host & MACHINE_HAS_TIME))
		d->time = NULL;
	if (!(host & MACHINE_HAS_ANNOUNCE))
		d->announce = NULL;
	if (!(host & MACHINE_HAS_SPEED))
		d->speed = NULL;
	if (!(host & MACHINE_HAS_STALL))
		d->stall = NULL;
}
