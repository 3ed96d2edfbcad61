/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about zones (5.2.6): what can be checked by their bytes and by what never changes about
 * the disk. The rest is the disk's to check, which knows its zones.
 */
#include "virtio_blk_internal.h"

#include <endian.h>
#include <string.h>

/* The numbers of backend.h are the specification's. */
static_assert(ANVIL_DISK_HOST_MANAGED == VIRTIO_BLK_Z_HM &&
		      ANVIL_DISK_HOST_AWARE == VIRTIO_BLK_Z_HA,
	      "5.2.4");
static_assert(ANVIL_DISK_ZONE_CONVENTIONAL == VIRTIO_BLK_ZT_CONV &&
		      ANVIL_DISK_ZONE_WRITE_REQUIRED == VIRTIO_BLK_ZT_SWR &&
		      ANVIL_DISK_ZONE_WRITE_PREFERRED == VIRTIO_BLK_ZT_SWP,
	      "5.2.6");
static_assert(ANVIL_DISK_ZONE_NO_POINTER == VIRTIO_BLK_ZS_NOT_WP &&
		      ANVIL_DISK_ZONE_EMPTY == VIRTIO_BLK_ZS_EMPTY &&
		      ANVIL_DISK_ZONE_OPEN_IMPLICITLY == VIRTIO_BLK_ZS_IOPEN &&
		      ANVIL_DISK_ZONE_OPEN_EXPLICITLY == VIRTIO_BLK_ZS_EOPEN &&
		      ANVIL_DISK_ZONE_CLOSED == VIRTIO_BLK_ZS_CLOSED &&
		      ANVIL_DISK_ZONE_READ_ONLY == VIRTIO_BLK_ZS_RDONLY &&
		      ANVIL_DISK_ZONE_FULL == VIRTIO_BLK_ZS_FULL &&
		      ANVIL_DISK_ZONE_OFFLINE == VIRTIO_BLK_ZS_OFFLINE,
	      "5.2.6");

/* The device, and so these requests, are there only for a disk with zones. */
static const struct anvil_disk_zoning *zoning(const struct anvil_blk_slot *slot)
{
	return slot->blk->options.disk->zoning;
}

static bool zone_starts(const struct anvil_blk_slot *slot, uint64_t sector)
{
	return sector < slot->blk->options.disk->capacity &&
	       sector % zoning(slot)->zone_sectors == 0;
}

static int go_on(struct anvil_blk_slot *slot, enum anvil_disk_op op, uint64_t sector,
		 uint64_t sectors)
{
	slot->request.op = op;
	slot->request.sector = sector;
	slot->request.sectors = sectors;
	slot->steps = 1;
	return ANVIL_BLK_GO_ON;
}

/* ---- appending (struct virtio_blk_req_za) ---- */

int anvil_blk_parse_zone_append(struct anvil_blk_slot *slot, uint64_t sector)
{
	uint64_t len = slot->chain.read.left;
	uint32_t max = zoning(slot)->append_sectors_max;

	if (slot->chain.writable_bytes != sizeof(uint64_t) + 1 || len % ANVIL_DISK_SECTOR_BYTES)
		return VIRTIO_BLK_S_IOERR;
	if (max == 0)
		return VIRTIO_BLK_S_UNSUPP;
	if (len == 0 || len / ANVIL_DISK_SECTOR_BYTES > max || !zone_starts(slot, sector) ||
	    anvil_descriptor_chain_read(&slot->chain, slot->data, (size_t)len))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	return go_on(slot, ANVIL_DISK_ZONE_APPEND, sector, len / ANVIL_DISK_SECTOR_BYTES);
}

/* The data is on the disk: its place takes the place of it. */
static void tell_place(struct anvil_blk_slot *slot)
{
	uint64_t place = htole64(slot->request.sector);

	memcpy(slot->data, &place, sizeof(place));
	slot->data_len = sizeof(place);
}

/* ---- reporting ---- */

int anvil_blk_parse_zone_report(struct anvil_blk_slot *slot, uint64_t sector)
{
	uint64_t room = slot->chain.writable_bytes - 1;
	uint32_t most = anvil_blk_report_max(&slot->blk->options);

	if (slot->chain.read.left || room < sizeof(struct virtio_blk_zone_report))
		return VIRTIO_BLK_S_IOERR;
	if (sector >= slot->blk->options.disk->capacity)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	room = (room - sizeof(struct virtio_blk_zone_report)) /
	       sizeof(struct virtio_blk_zone_descriptor);
	slot->request.zones = room < most ? (uint32_t)room : most;
	return go_on(slot, ANVIL_DISK_ZONE_REPORT, sector, 0);
}

static void tell_zones(struct anvil_blk_slot *slot)
{
	struct virtio_blk_zone_report report = { .nr_zones = htole64(slot->request.zones) };
	uint8_t *at = slot->data;

	memcpy(at, &report, sizeof(report));
	at += sizeof(report);
	for (uint32_t i = 0; i < slot->request.zones; i++) {
		const struct anvil_disk_zone *zone = &slot->request.zone[i];
		struct virtio_blk_zone_descriptor d = {
			.z_cap = htole64(zone->capacity),
			.z_start = htole64(zone->start),
			.z_wp = htole64(zone->pointer),
			.z_type = (uint8_t)zone->type,
			.z_state = (uint8_t)zone->state,
		};

		memcpy(at, &d, sizeof(d));
		at += sizeof(d);
	}
	slot->data_len = (uint32_t)(at - slot->data);
}

void anvil_blk_zone_told(struct anvil_blk_slot *slot)
{
	if (slot->request.op == ANVIL_DISK_ZONE_APPEND)
		tell_place(slot);
	else if (slot->request.op == ANVIL_DISK_ZONE_REPORT)
		tell_zones(slot);
}

/* ---- what is done to zones ---- */

static bool no_data(const struct anvil_blk_slot *slot)
{
	return slot->chain.writable_bytes == 1 && slot->chain.read.left == 0;
}

static int parse_zone(struct anvil_blk_slot *slot, enum anvil_disk_op op, uint64_t sector)
{
	if (!no_data(slot))
		return VIRTIO_BLK_S_IOERR;
	if (!zone_starts(slot, sector))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	return go_on(slot, op, sector, 0);
}

int anvil_blk_parse_zone_open(struct anvil_blk_slot *slot, uint64_t sector)
{
	return parse_zone(slot, ANVIL_DISK_ZONE_OPEN, sector);
}

int anvil_blk_parse_zone_close(struct anvil_blk_slot *slot, uint64_t sector)
{
	return parse_zone(slot, ANVIL_DISK_ZONE_CLOSE, sector);
}

int anvil_blk_parse_zone_finish(struct anvil_blk_slot *slot, uint64_t sector)
{
	return parse_zone(slot, ANVIL_DISK_ZONE_FINISH, sector);
}

int anvil_blk_parse_zone_reset(struct anvil_blk_slot *slot, uint64_t sector)
{
	return parse_zone(slot, ANVIL_DISK_ZONE_RESET, sector);
}

/* 5.2.6: the sector is not used */
int anvil_blk_parse_zone_reset_all(struct anvil_blk_slot *slot, uint64_t sector)
{
	uint64_t zones = slot->blk->options.disk->capacity / zoning(slot)->zone_sectors;

	(void)sector;
	if (!no_data(slot))
		return VIRTIO_BLK_S_IOERR;
	anvil_device_charge(&slot->blk->dev, zones < UINT32_MAX ? (uint32_t)zones : UINT32_MAX);
	return go_on(slot, ANVIL_DISK_ZONE_RESET_ALL, 0, 0);
}

/* ---- what the disk refuses ---- */

uint8_t anvil_blk_failure(const struct anvil_blk *blk, int result)
{
	if (!anvil_device_has(&blk->dev, VIRTIO_BLK_F_ZONED))
		return VIRTIO_BLK_S_IOERR;
	switch (result) {
	case ANVIL_DISK_ZONE_ERROR_INVALID:
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	case ANVIL_DISK_ZONE_ERROR_UNALIGNED:
		return VIRTIO_BLK_S_ZONE_UNALIGNED_WP;
	case ANVIL_DISK_ZONE_ERROR_OPEN:
		return VIRTIO_BLK_S_ZONE_OPEN_RESOURCE;
	case ANVIL_DISK_ZONE_ERROR_ACTIVE:
		return VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE;
	default:
		return VIRTIO_BLK_S_IOERR;
	}
}
