/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classes to values. The first of each table is the common choice.
 */
#include "personality.h"

#include <string.h>

#include "virtio_spec.h"

#define BIT(n) (1ull << (n))

const uint8_t personality_mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
const char personality_disk_id[20] = "virtio-anvil-disk-01";

#define RING_FEATURES                                                                              \
	(BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) | BIT(VIRTIO_F_RING_RESET))

static const uint64_t supported[DEVICE_KINDS] = {
	[DEVICE_BLK] = RING_FEATURES | BIT(VIRTIO_BLK_F_SIZE_MAX) | BIT(VIRTIO_BLK_F_SEG_MAX) |
		       BIT(VIRTIO_BLK_F_GEOMETRY) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
		       BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_TOPOLOGY) |
		       BIT(VIRTIO_BLK_F_CONFIG_WCE) | BIT(VIRTIO_BLK_F_DISCARD) |
		       BIT(VIRTIO_BLK_F_WRITE_ZEROES),
	[DEVICE_NET] = RING_FEATURES | BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) |
		       BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MAC) |
		       BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) |
		       BIT(VIRTIO_NET_F_GUEST_ECN) | BIT(VIRTIO_NET_F_HOST_TSO4) |
		       BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_HOST_ECN) |
		       BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_STATUS) |
		       BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_CTRL_RX) |
		       BIT(VIRTIO_NET_F_CTRL_VLAN) | BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) |
		       BIT(VIRTIO_NET_F_CTRL_MAC_ADDR),
	[DEVICE_ECHO] = RING_FEATURES | 0xf,
};

/* What goes when its ground is hidden: a device must not offer one without the other (2.2.2) */
static const struct {
	enum device_kind kind;
	uint64_t these;
	uint64_t need_one_of;
} dependency[] = {
	{ DEVICE_BLK, BIT(VIRTIO_BLK_F_CONFIG_WCE), BIT(VIRTIO_BLK_F_FLUSH) },
	{ DEVICE_NET, BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6),
	  BIT(VIRTIO_NET_F_GUEST_CSUM) },
	{ DEVICE_NET, BIT(VIRTIO_NET_F_GUEST_ECN),
	  BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) },
	{ DEVICE_NET, BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6),
	  BIT(VIRTIO_NET_F_CSUM) },
	{ DEVICE_NET, BIT(VIRTIO_NET_F_HOST_ECN),
	  BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) },
	{ DEVICE_NET,
	  BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_CTRL_VLAN) |
		  BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | BIT(VIRTIO_NET_F_CTRL_MAC_ADDR),
	  BIT(VIRTIO_NET_F_CTRL_VQ) },
	{ DEVICE_ECHO, BIT(1), BIT(0) },
};

uint16_t personality_queue_size(unsigned int class)
{
	static const uint16_t size[] = { 16, 8, 4, 2, 1, 32, 64, PERSONALITY_QUEUE_SIZE };

	return size[class % 8];
}

uint64_t personality_capacity(unsigned int class)
{
	static const uint8_t capacity[] = { 64, 0, 1, PERSONALITY_SECTORS, 8, 63, 2, 127 };

	return capacity[class % 8];
}

static uint64_t offered_bits(const struct record *header)
{
	uint64_t bits = supported[header->code] & ~header->x;

	for (size_t i = 0; i < sizeof(dependency) / sizeof(dependency[0]); i++) {
		if (dependency[i].kind == (enum device_kind)header->code &&
		    !(bits & dependency[i].need_one_of))
			bits &= ~dependency[i].these;
	}
	return bits;
}

static unsigned int queue_count(const struct personality *p)
{
	switch (p->kind) {
	case DEVICE_BLK:
		return 1;
	case DEVICE_NET:
		return virtio_features_has(&p->offered, VIRTIO_NET_F_CTRL_VQ) ? 3 : 2;
	default:
		return 2;
	}
}

void personality_from(const struct record *header, struct personality *p)
{
	static const uint32_t transfer[] = { 4096, 512, 16384, 65536 };
	static const uint8_t slots[] = { 2, 1, 4, PERSONALITY_SLOTS };
	static const uint32_t range_sectors[] = { 64, 1, 8, UINT32_MAX };
	static const uint16_t range_segments[] = { 4, 1, 16, 256 };
	static const uint16_t mtu[] = { 1500, 68, 65535, 1280 };
	static const uint16_t blk_size[] = { 512, 4096, 1024, 512 };

	memset(p, 0, sizeof(*p));
	p->kind = (enum device_kind)header->code;
	p->queue_size_max = personality_queue_size(header->b[0]);
	p->flags = header->b[1];
	p->slots = slots[header->b[2] % 4];
	p->capacity = personality_capacity(header->b[3]);
	p->transfer_max = transfer[header->b[4] % 4];
	p->fail_every = header->b[5];
	p->range_sectors_max = range_sectors[header->b[6] % 4];
	p->range_segments_max = range_segments[header->b[6] % 4];
	p->mtu = mtu[header->b[6] % 4];
	p->blk_size = blk_size[header->b[6] % 4];
	p->refusal = header->y & 0xff;
	p->offered.word[0] = offered_bits(header) | BIT(VIRTIO_F_VERSION_1);
	if (p->kind == DEVICE_BLK && p->flags & FLAG_READ_ONLY)
		virtio_features_add(&p->offered, VIRTIO_BLK_F_RO);
	if (header->y >> 56 & 1)
		virtio_features_add(&p->offered, VIRTIO_F_SUSPEND);
	if (header->y >> 56 & 2)
		virtio_features_add(&p->offered, VIRTIO_F_ORDER_PLATFORM);
	p->legacy = header->y >> 24 & 1;
	if (p->legacy) {
		p->offered.word[0] = (p->offered.word[0] & UINT32_MAX) | BIT(VIRTIO_F_ANY_LAYOUT);
		p->offered.word[1] = 0;
	}
	p->queues = queue_count(p);
}
