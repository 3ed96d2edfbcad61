/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The block device. Its disk may have LIFETIME and SECURE_ERASE, and with these also zones.
 */
#include "setup_internal.h"

#include "array_size.h"

static const struct setup_required ground[] = {
	{ BIT(VIRTIO_BLK_F_CONFIG_WCE), BIT(VIRTIO_BLK_F_FLUSH) },
};

/* Operand `zones`: a disk that is not zoned but can erase and tell its age, or what zones it has.
 */
static const struct zone_class {
	bool extras; /* LIFETIME and SECURE_ERASE are there */
	bool odd;    /* with reserved values as its age, and the least limits of an erase */
	bool large;  /* zones of more sectors, if that many would be too many */
	uint8_t erase_segments; /* 0: the usual number */
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
	{ .extras = true,
	  .model = ANVIL_DISK_HOST_MANAGED,
	  .zone_sectors = 8,
	  .append = 8,
	  .granularity = 1 },
	{ .extras = true,
	  .model = ANVIL_DISK_HOST_AWARE,
	  .zone_sectors = 8,
	  .append = 8,
	  .granularity = 1 },
	{ .extras = true, .erase_segments = 36 }, /* more than fit into the shortest transfer */
	{ .extras = true,
	  .model = ANVIL_DISK_HOST_MANAGED,
	  .zone_sectors = 8,
	  .capacity = 6,
	  .conventional = 1,
	  .open = 1,
	  .active = 2,
	  .append = 4,
	  .granularity = 1 },
	{ .extras = true,
	  .model = ANVIL_DISK_HOST_MANAGED,
	  .zone_sectors = 16,
	  .open = 2,
	  .active = 3,
	  .append = 8,
	  .granularity = 2 },
	{ .extras = true,
	  .model = ANVIL_DISK_HOST_MANAGED,
	  .zone_sectors = 8,
	  .conventional = 2,
	  .open = 2,
	  .granularity = 1 },
	{ .extras = true,
	  .model = ANVIL_DISK_HOST_MANAGED,
	  .zone_sectors = 8,
	  .capacity = 7,
	  .active = 2,
	  .append = 8,
	  .granularity = 1,
	  .read_only = 2,
	  .offline = 3 },
	{ .extras = true,
	  .model = ANVIL_DISK_HOST_AWARE,
	  .zone_sectors = 16,
	  .conventional = 1,
	  .granularity = 8,
	  .read_only = 2,
	  .offline = 3 },
	{ .extras = true, .odd = true, .erase_segments = 1 },
	{ .extras = true,
	  .model = ANVIL_DISK_HOST_MANAGED,
	  .zone_sectors = 5,
	  .conventional = 1,
	  .open = 3,
	  .active = 3,
	  .append = 5,
	  .granularity = 1,
	  .read_only = 4,
	  .offline = 6 },
	{ .extras = true,
	  .model = ANVIL_DISK_HOST_MANAGED,
	  .zone_sectors = 128,
	  .capacity = 100,
	  .open = 1,
	  .active = 1,
	  .append = 8,
	  .granularity = 1 },
	{ .extras = true,
	  .large = true,
	  .model = ANVIL_DISK_HOST_MANAGED,
	  .zone_sectors = 8,
	  .open = 2,
	  .active = 3,
	  .append = 8,
	  .granularity = 1 },
};

static const struct zone_class *zone_class_of(const struct script_op *header)
{
	return &zone_class[header->device.zones % ARRAY_SIZE(zone_class)];
}

static unsigned int queues_asked(const struct script_op *header)
{
	static const uint8_t queues[] = { 1, 2, 3, 4, 1, 33, SETUP_QUEUES };

	return queues[header->device.queues % ARRAY_SIZE(queues)];
}

/* No more than SETUP_ZONES, and no more zones of a few sectors than a small disk has. */
static uint32_t limit_zones(const struct zone_class *z, uint64_t *capacity)
{
	uint32_t sectors = z->zone_sectors;
	uint64_t most;

	while (z->large && sectors < 1u << 31 && *capacity / sectors >= SETUP_ZONES)
		sectors *= 2;
	most = z->large ? (SETUP_ZONES - 1ull) * sectors + 5 : SETUP_SECTORS;
	if (*capacity > most)
		*capacity = most;
	return sectors;
}

/* What a disk that was not asked for does not offer; 5.2.5.1: no DISCARD if host-managed. */
static uint64_t not_of_this_disk(const struct script_op *header)
{
	const struct zone_class *z = zone_class_of(header);
	uint64_t bits = 0;

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
	const struct zone_class *z = zone_class_of(header);
	uint32_t most = p->transfer_max / 512;
	uint32_t sectors;

	p->lifetime = z->odd ? (struct anvil_disk_lifetime){ 4, 12, 0xffff }
			     : (struct anvil_disk_lifetime){ 2, 3, 11 };
	p->erase_sectors_max = z->odd ? 1 : 16;
	p->erase_segments_max = z->erase_segments ? z->erase_segments : 3;
	p->erase_sector_alignment = p->blk_size / 512;
	p->zones.zoned = anvil_features_has(&p->offered, VIRTIO_BLK_F_ZONED);
	if (!p->zones.zoned)
		return;
	sectors = limit_zones(z, &p->capacity);
	p->erase_sector_alignment = sectors;
	if (p->erase_sectors_max < sectors && z->large)
		p->erase_sectors_max = sectors;
	p->zones.front = p->flags & FLAG_ZONES_FRONT;
	p->zones.read_only = z->read_only;
	p->zones.offline = z->offline;
	p->zones.options = (struct anvil_zoned_disk_options){
		.zoning = { .model = z->model,
			    .zone_sectors = sectors,
			    .open_max = z->open,
			    .active_max = z->active,
			    .append_sectors_max = z->append < most ? z->append : most,
			    .write_granularity = z->granularity * 512 },
		.conventional = z->conventional,
		.zone_capacity = z->capacity,
	};
}

static void choose(const struct script_op *header, struct setup *p)
{
	if (p->flags & FLAG_READ_ONLY)
		anvil_features_add(&p->offered, VIRTIO_BLK_F_RO);
	choose_zones(header, p);
}

static void make_legacy(struct setup *p)
{
	p->offered.word[0] &= ~(BIT(VIRTIO_BLK_F_LIFETIME) | BIT(VIRTIO_BLK_F_SECURE_ERASE) |
				BIT(VIRTIO_BLK_F_ZONED));
	p->zones.zoned = false;
	p->zones.front = false;
}

static unsigned int queues(const struct script_op *header, const struct setup *p)
{
	unsigned int asked = queues_asked(header);

	if (!anvil_features_has(&p->offered, VIRTIO_BLK_F_MQ))
		return 1;
	/* their rings take up pages */
	return p->legacy && asked > SETUP_QUEUES_FEW ? SETUP_QUEUES_FEW : asked;
}

const struct setup_kind setup_kind_blk = {
	.supported = RING_FEATURES | BIT(VIRTIO_BLK_F_SIZE_MAX) | BIT(VIRTIO_BLK_F_SEG_MAX) |
		     BIT(VIRTIO_BLK_F_GEOMETRY) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
		     BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_TOPOLOGY) |
		     BIT(VIRTIO_BLK_F_CONFIG_WCE) | BIT(VIRTIO_BLK_F_DISCARD) |
		     BIT(VIRTIO_BLK_F_WRITE_ZEROES) | BIT(VIRTIO_BLK_F_MQ) |
		     BIT(VIRTIO_BLK_F_LIFETIME) | BIT(VIRTIO_BLK_F_SECURE_ERASE) |
		     BIT(VIRTIO_BLK_F_ZONED),
	.ground = ground,
	.grounds = ARRAY_SIZE(ground),
	.withheld = not_of_this_disk,
	.choose = choose,
	.make_legacy = make_legacy,
	.queues = queues,
};
