/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a setup of a header. The header's numbers are classes, and tables here have the value for
 * each class; class 0, the first of each table, is the common choice.
 */
#include "setup_internal.h"

#include <string.h>

#include "array_size.h"
#include "virtio_spec.h"

const uint8_t setup_mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
const char setup_disk_id[20] = "virtio-anvil-disk-01";

static const struct setup_kind *const kinds[DEVICE_KINDS] = {
	[DEVICE_BLK] = &setup_kind_blk,
	[DEVICE_NET] = &setup_kind_net,
	[DEVICE_ECHO] = &setup_kind_echo,
};

uint16_t setup_queue_size(unsigned int class)
{
	static const uint16_t size[] = {
		16, 8, 4, 2, 1, 32, 64, SETUP_SIZE_USUAL, SETUP_QUEUE_SIZE
	};

	return size[class % ARRAY_SIZE(size)];
}

uint64_t setup_capacity(unsigned int class)
{
	static const uint64_t capacity[] = {
		64,	    0, 1,   SETUP_SECTORS,     8,
		63,	    2, 127, (1ull << 23) + 64, (1ull << 32) + 64,
		UINT64_MAX,
	};

	return capacity[class % ARRAY_SIZE(capacity)];
}

static const uint8_t ring_feature[] = { VIRTIO_F_RING_PACKED, VIRTIO_F_IN_ORDER,
					VIRTIO_F_NOTIFICATION_DATA };

static uint64_t ring_bits(const struct script_op *header)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < sizeof(ring_feature); i++)
		bits |= (header->device.ring >> i & 1ull) << ring_feature[i];
	return bits;
}

unsigned int setup_ring(const struct anvil_features *features)
{
	unsigned int ring = 0;

	for (unsigned int i = 0; i < sizeof(ring_feature); i++)
		ring |= (unsigned int)anvil_features_has(features, ring_feature[i]) << i;
	return ring;
}

static uint64_t offered_bits(const struct script_op *header, uint64_t more)
{
	const struct setup_kind *kind = kinds[header->code];
	uint64_t bits = (kind->supported | ring_bits(header) | more) & ~header->device.hide;

	if (kind->withheld)
		bits &= ~kind->withheld(header);
	for (unsigned int i = 0; i < kind->grounds; i++) {
		if (!(bits & kind->ground[i].need_one_of))
			bits &= ~kind->ground[i].these;
	}
	return bits;
}

static void choose_features(const struct script_op *header, struct setup *p)
{
	const struct setup_kind *kind = kinds[header->code];

	if (kind->asked)
		p->offered = kind->asked(header);
	p->offered.word[0] = offered_bits(header, p->offered.word[0]) | BIT(VIRTIO_F_VERSION_1);
}

/* What such devices cannot have goes, as it does when the device is made (4.2.4, 6.3). */
static void make_legacy(struct setup *p)
{
	p->offered.word[0] = (p->offered.word[0] & UINT32_MAX) | BIT(VIRTIO_F_ANY_LAYOUT);
	p->offered.word[1] = 0;
	if (kinds[p->kind]->make_legacy)
		kinds[p->kind]->make_legacy(p);
}

/* So that the rings of all queues have room in the script's RAM (guest/guest.h), and a device in
 * which all is large does not take too long. */
static void limit_size(struct setup *p)
{
	uint16_t most = p->queues > SETUP_QUEUES_FEW	? SETUP_SIZE_OF_MANY
			: p->queues > SETUP_LONG_QUEUES ? SETUP_SIZE_USUAL
							: SETUP_QUEUE_SIZE;

	if (p->queue_size_max > most)
		p->queue_size_max = most;
	if (p->queues > SETUP_LONG_QUEUES && p->slots > SETUP_SLOTS_USUAL)
		p->slots = SETUP_SLOTS_USUAL;
}

void setup_from(const struct script_op *header, struct setup *p)
{
	static const uint32_t transfer[] = { 4096, 512, 16384, 65536 };
	static const uint16_t slots[] = { 2, 1, 4, SETUP_SLOTS_USUAL, SETUP_SLOTS };
	static const uint32_t range_sectors[] = { 64, 1, 8, UINT32_MAX };
	static const uint16_t range_segments[] = { 4, 1, 16, 256 };
	static const uint16_t mtu[] = { 1500, 68, 65535, 1280 };
	static const uint16_t blk_size[] = { 512, 4096, 1024, 512 };
	unsigned int transport;

	memset(p, 0, sizeof(*p));
	p->kind = (enum device_kind)header->code;
	p->queue_size_max = setup_queue_size(header->device.size);
	p->flags = header->device.flags;
	p->slots = slots[header->device.slots % ARRAY_SIZE(slots)];
	p->capacity = setup_capacity(header->device.capacity);
	p->transfer_max = transfer[header->device.transfer % 4];
	p->fail_every = header->device.fail;
	p->range_sectors_max = range_sectors[header->device.limits % 4];
	p->range_segments_max = range_segments[header->device.limits % 4];
	p->mtu = mtu[header->device.limits % 4];
	p->blk_size = blk_size[header->device.limits % 4];
	p->bad_option = header->device.refuse;
	p->pairs = 1;
	choose_features(header, p);
	if (kinds[p->kind]->choose)
		kinds[p->kind]->choose(header, p);
	if (header->device.extra & EXTRA_SUSPEND)
		anvil_features_add(&p->offered, VIRTIO_F_SUSPEND);
	if (header->device.extra & EXTRA_ORDER_PLATFORM)
		anvil_features_add(&p->offered, VIRTIO_F_ORDER_PLATFORM);
	transport = header->device.transport % 3u;
	p->legacy = transport != 0;
	p->big_endian = transport == TRANSPORT_LEGACY_BIG_ENDIAN;
	if (p->legacy)
		make_legacy(p);
	p->queues = kinds[p->kind]->queues(header, p);
	limit_size(p);
}
