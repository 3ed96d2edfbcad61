/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classes to values. The first of each table is the common choice.
 */
#include "setup.h"

#include <string.h>

#include "array_size.h"
#include "virtio_spec.h"

#define BIT(n) (1ull << (n))

const uint8_t setup_mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
const char setup_disk_id[20] = "virtio-anvil-disk-01";

#define RING_FEATURES                                                                              \
	(BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) | BIT(VIRTIO_F_RING_RESET))

static const uint64_t supported[DEVICE_KINDS] = {
	[DEVICE_BLK] = RING_FEATURES | BIT(VIRTIO_BLK_F_SIZE_MAX) | BIT(VIRTIO_BLK_F_SEG_MAX) |
		       BIT(VIRTIO_BLK_F_GEOMETRY) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
		       BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_TOPOLOGY) |
		       BIT(VIRTIO_BLK_F_CONFIG_WCE) | BIT(VIRTIO_BLK_F_DISCARD) |
		       BIT(VIRTIO_BLK_F_WRITE_ZEROES) | BIT(VIRTIO_BLK_F_MQ) |
		       BIT(VIRTIO_BLK_F_LIFETIME) | BIT(VIRTIO_BLK_F_SECURE_ERASE) |
		       BIT(VIRTIO_BLK_F_ZONED),
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
	{ DEVICE_NET,
	  BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_NOTF_COAL) |
		  BIT(VIRTIO_NET_F_VQ_NOTF_COAL) | BIT(VIRTIO_NET_F_RSS) |
		  BIT(VIRTIO_NET_F_HASH_REPORT) | BIT(VIRTIO_NET_F_HASH_TUNNEL),
	  BIT(VIRTIO_NET_F_CTRL_VQ) },
	{ DEVICE_NET, BIT(VIRTIO_NET_F_HASH_TUNNEL),
	  BIT(VIRTIO_NET_F_RSS) | BIT(VIRTIO_NET_F_HASH_REPORT) },
	{ DEVICE_NET, BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6),
	  BIT(VIRTIO_NET_F_GUEST_CSUM) },
	{ DEVICE_NET, BIT(VIRTIO_NET_F_HOST_USO), BIT(VIRTIO_NET_F_CSUM) },
	{ DEVICE_ECHO, BIT(1), BIT(0) },
};

/* What operand `net` adds: one flag each */
static const struct anvil_features net_extra[8] = {
	{ { BIT(VIRTIO_NET_F_RSS) | BIT(VIRTIO_NET_F_HASH_REPORT) |
	    BIT(VIRTIO_NET_F_HASH_TUNNEL) } },
	{ { BIT(VIRTIO_NET_F_NOTF_COAL) | BIT(VIRTIO_NET_F_VQ_NOTF_COAL) } },
	{ { BIT(VIRTIO_NET_F_DEVICE_STATS) } },
	{ { BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | BIT(VIRTIO_NET_F_SPEED_DUPLEX) } },
	{ { BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) } },
	{ { BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6) |
	    BIT(VIRTIO_NET_F_HOST_USO) | BIT(VIRTIO_NET_F_GUEST_HDRLEN) } },
	{ { 0, BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO - 64) |
		       BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM - 64) |
		       BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO - 64) |
		       BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM - 64) |
		       BIT(VIRTIO_NET_F_OUT_NET_HEADER - 64) } },
	{ { 0, BIT(VIRTIO_NET_F_RSS_CONTEXT - 64) } },
};

static struct anvil_features net_asked(const struct script_op *header)
{
	struct anvil_features f = { { 0 } };

	if (header->device.queues)
		anvil_features_add(&f, VIRTIO_NET_F_MQ);
	for (unsigned int i = 0; i < 8; i++) {
		if (header->device.net >> i & 1) {
			f.word[0] |= net_extra[i].word[0];
			f.word[1] |= net_extra[i].word[1];
		}
	}
	f.word[1] &= ~(uint64_t)header->device.more;
	return f;
}

/* Features above 63 that lack what they require */
static uint64_t without_required(uint64_t low, uint64_t high)
{
	const uint64_t guest = BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) |
			       BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6);
	const uint64_t host = BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |
			      BIT(VIRTIO_NET_F_HOST_USO);
	uint64_t these = 0;

	if ((low & guest) != guest)
		these |= BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO - 64);
	if ((low & host) != host)
		these |= BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO - 64);
	if (!(low & BIT(VIRTIO_NET_F_RSS)))
		these |= BIT(VIRTIO_NET_F_RSS_CONTEXT - 64);
	high &= ~these;
	if (!(high & BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO - 64)))
		these |= BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM - 64);
	if (!(high & BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO - 64)))
		these |= BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM - 64);
	return these;
}

uint16_t setup_queue_size(unsigned int class)
{
	static const uint16_t size[] = { 16, 8, 4, 2, 1, 32, 64, SETUP_QUEUE_SIZE };

	return size[class % 8];
}

uint64_t setup_capacity(unsigned int class)
{
	static const uint8_t capacity[] = { 64, 0, 1, SETUP_SECTORS, 8, 63, 2, 127 };

	return capacity[class % 8];
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

/* ---- disks with zones, or at least more than the common one can ---- */

/* operand `zones`: a disk that is not zoned but can erase and tell its age, or what zones it has */
static const struct zone_class {
	bool extras; /* LIFETIME and SECURE_ERASE are there */
	enum anvil_disk_zone_model model;
	uint32_t zone_sectors;
	uint32_t capacity;
	uint32_t conventional;
	uint32_t open;
	uint32_t active;
	uint32_t append;
	uint32_t granularity; /* sectors */
	uint8_t read_only;
	uint8_t offline;
} zone_class[] = {
	{ 0 },
	{ true, ANVIL_DISK_HOST_MANAGED, 8, 0, 0, 0, 0, 8, 1, 0, 0 },
	{ true, ANVIL_DISK_HOST_AWARE, 8, 0, 0, 0, 0, 8, 1, 0, 0 },
	{ .extras = true },
	{ true, ANVIL_DISK_HOST_MANAGED, 8, 6, 1, 1, 2, 4, 1, 0, 0 },
	{ true, ANVIL_DISK_HOST_MANAGED, 16, 0, 0, 2, 3, 8, 2, 0, 0 },
	{ true, ANVIL_DISK_HOST_MANAGED, 8, 0, 2, 2, 0, 0, 1, 0, 0 },
	{ true, ANVIL_DISK_HOST_MANAGED, 8, 7, 0, 0, 2, 8, 1, 2, 3 },
	{ true, ANVIL_DISK_HOST_AWARE, 16, 0, 1, 0, 0, 0, 8, 2, 3 },
	{ .extras = true },
	{ true, ANVIL_DISK_HOST_MANAGED, 5, 0, 1, 3, 3, 5, 1, 4, 6 },
	{ true, ANVIL_DISK_HOST_MANAGED, 128, 100, 0, 1, 1, 8, 1, 0, 0 },
};

#define ZONE_COUNT (ARRAY_SIZE(zone_class))

static unsigned int zone_class_of(const struct script_op *header)
{
	return header->device.zones % ZONE_COUNT;
}

static unsigned int queues_asked(const struct script_op *header)
{
	return 1 + header->device.queues % 4u;
}

/* What a disk that was not asked for does not offer; 5.2.5.1: no DISCARD if host-managed. */
static uint64_t not_of_this_disk(const struct script_op *header)
{
	const struct zone_class *z = &zone_class[zone_class_of(header)];
	uint64_t bits = 0;

	if (header->code != DEVICE_BLK)
		return 0;
	if (queues_asked(header) == 1)
		bits |= BIT(VIRTIO_BLK_F_MQ);
	if (!z->extras)
		bits |= BIT(VIRTIO_BLK_F_LIFETIME) | BIT(VIRTIO_BLK_F_SECURE_ERASE);
	if (!z->model)
		bits |= BIT(VIRTIO_BLK_F_ZONED);
	if (z->model == ANVIL_DISK_HOST_MANAGED && !(header->device.hide & BIT(VIRTIO_BLK_F_ZONED)))
		bits |= BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES);
	return bits;
}

static void choose_zones(const struct script_op *header, struct setup *p)
{
	const struct zone_class *z = &zone_class[zone_class_of(header)];
	uint32_t most = p->transfer_max / 512;

	p->lifetime = (struct anvil_disk_lifetime){ 2, 3, 11 };
	if (zone_class_of(header) == 9) /* reserved values */
		p->lifetime = (struct anvil_disk_lifetime){ 4, 12, 0xffff };
	p->erase_sectors_max = zone_class_of(header) == 9 ? 1 : 16;
	/* more than fit into the shortest transfer, or few */
	p->erase_segments_max = zone_class_of(header) == 3   ? 36
				: zone_class_of(header) == 9 ? 1
							     : 3;
	p->erase_sector_alignment = p->blk_size / 512;
	p->zones.zoned = anvil_features_has(&p->offered, VIRTIO_BLK_F_ZONED);
	if (!p->zones.zoned)
		return;
	p->erase_sector_alignment = z->zone_sectors;
	p->zones.read_only = z->read_only;
	p->zones.offline = z->offline;
	p->zones.options = (struct anvil_zoned_disk_options){
		.zoning = { .model = z->model,
			    .zone_sectors = z->zone_sectors,
			    .open_max = z->open,
			    .active_max = z->active,
			    .append_sectors_max = z->append < most ? z->append : most,
			    .write_granularity = z->granularity * 512 },
		.conventional = z->conventional,
		.zone_capacity = z->capacity,
	};
}

static uint64_t offered_bits(const struct script_op *header, uint64_t more)
{
	uint64_t bits = (supported[header->code] | ring_bits(header) | more) &
			~header->device.hide & ~not_of_this_disk(header);

	for (size_t i = 0; i < ARRAY_SIZE(dependency); i++) {
		if (dependency[i].kind == (enum device_kind)header->code &&
		    !(bits & dependency[i].need_one_of))
			bits &= ~dependency[i].these;
	}
	return bits;
}

static unsigned int queue_count(const struct setup *p, const struct script_op *header)
{
	switch (p->kind) {
	case DEVICE_BLK:
		return anvil_features_has(&p->offered, VIRTIO_BLK_F_MQ) ? queues_asked(header) : 1;
	case DEVICE_NET:
		return 2 * p->pairs + anvil_features_has(&p->offered, VIRTIO_NET_F_CTRL_VQ);
	default:
		return 2;
	}
}

static void net_features(const struct script_op *header, struct setup *p)
{
	struct anvil_features asked = { { 0 } };

	if (p->kind == DEVICE_NET)
		asked = net_asked(header);
	p->offered.word[0] = offered_bits(header, asked.word[0]) | BIT(VIRTIO_F_VERSION_1);
	p->offered.word[1] = asked.word[1] & ~without_required(p->offered.word[0], asked.word[1]);
	p->pairs = 1;
	if (p->kind == DEVICE_NET && (anvil_features_has(&p->offered, VIRTIO_NET_F_MQ) ||
				      anvil_features_has(&p->offered, VIRTIO_NET_F_RSS)))
		p->pairs = header->device.queues ? header->device.queues : 1;
}

/* What such devices cannot have goes, as it does when the device is made (4.2.4, 6.3). */
static void make_legacy(struct setup *p)
{
	uint64_t modern = BIT(VIRTIO_BLK_F_LIFETIME) | BIT(VIRTIO_BLK_F_SECURE_ERASE) |
			  BIT(VIRTIO_BLK_F_ZONED);

	p->offered.word[0] = (p->offered.word[0] & UINT32_MAX) | BIT(VIRTIO_F_ANY_LAYOUT);
	p->offered.word[1] = 0;
	if (p->kind == DEVICE_BLK)
		p->offered.word[0] &= ~modern;
	p->zones.zoned = false;
	if (!anvil_features_has(&p->offered, VIRTIO_NET_F_MQ))
		p->pairs = 1;
}

void setup_from(const struct script_op *header, struct setup *p)
{
	static const uint32_t transfer[] = { 4096, 512, 16384, 65536 };
	static const uint8_t slots[] = { 2, 1, 4, SETUP_SLOTS };
	static const uint32_t range_sectors[] = { 64, 1, 8, UINT32_MAX };
	static const uint16_t range_segments[] = { 4, 1, 16, 256 };
	static const uint16_t mtu[] = { 1500, 68, 65535, 1280 };
	static const uint16_t blk_size[] = { 512, 4096, 1024, 512 };
	unsigned int transport;

	memset(p, 0, sizeof(*p));
	p->kind = (enum device_kind)header->code;
	p->queue_size_max = setup_queue_size(header->device.size);
	p->flags = header->device.flags;
	p->slots = slots[header->device.slots % 4];
	p->capacity = setup_capacity(header->device.capacity);
	p->transfer_max = transfer[header->device.transfer % 4];
	p->fail_every = header->device.fail;
	p->range_sectors_max = range_sectors[header->device.limits % 4];
	p->range_segments_max = range_segments[header->device.limits % 4];
	p->mtu = mtu[header->device.limits % 4];
	p->blk_size = blk_size[header->device.limits % 4];
	p->bad_option = header->device.refuse;
	net_features(header, p);
	if (p->kind == DEVICE_BLK && p->flags & FLAG_READ_ONLY)
		anvil_features_add(&p->offered, VIRTIO_BLK_F_RO);
	if (p->kind == DEVICE_BLK)
		choose_zones(header, p);
	if (header->device.extra & EXTRA_SUSPEND)
		anvil_features_add(&p->offered, VIRTIO_F_SUSPEND);
	if (header->device.extra & EXTRA_ORDER_PLATFORM)
		anvil_features_add(&p->offered, VIRTIO_F_ORDER_PLATFORM);
	transport = header->device.transport % 3u;
	p->legacy = transport != 0;
	p->big_endian = transport == TRANSPORT_LEGACY_BIG_ENDIAN;
	if (p->legacy)
		make_legacy(p);
	p->queues = queue_count(p, header);
}
