/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of operands.h.
 */
#include "operands.h"

#include <stddef.h>

#include "virtio_spec.h"

const char *operand_says(const struct operand_value *values, uint64_t value)
{
	for (; values->name; values++) {
		if (values->value == value)
			return values->says;
	}
	return NULL;
}

/* clang-format off */
#define TABLE(name, list) \
	const struct operand_value name[] = { list(OPERAND_VALUE) { 0, NULL, NULL } };

TABLE(operand_init_wrongs, INIT_WRONGS)
TABLE(operand_setup_skips, SETUP_SKIPS)
TABLE(operand_queue_wrongs, QUEUE_WRONGS)
TABLE(operand_stop_hows, STOP_HOWS)
TABLE(operand_chain_flags, CHAIN_FLAGS)
TABLE(operand_chain_wrongs, CHAIN_WRONGS)
TABLE(operand_places, PLACES)
TABLE(operand_request_splits, REQUEST_SPLITS)
TABLE(operand_chain_lens, CHAIN_LENS)
TABLE(operand_blk_types, BLK_TYPES)
TABLE(operand_blk_bits, BLK_BITS)
TABLE(operand_heads, HEADS)
TABLE(operand_many_kinds, MANY_KINDS_OF)
TABLE(operand_frames, FRAMES)
TABLE(operand_tx_kinds, TX_KINDS)
TABLE(operand_tx_offloads, TX_OFFLOADS)
TABLE(operand_rx_lens, RX_LENS)
TABLE(operand_ctrl_classes, CTRL_CLASSES)
TABLE(operand_kick_raws, KICK_RAWS)
TABLE(operand_avail_hows, AVAIL_HOWS)
TABLE(operand_used_events, USED_EVENTS)
TABLE(operand_frame_tos, FRAME_TOS)
TABLE(operand_frame_offloads, FRAME_OFFLOADS)
TABLE(operand_frame_vlans, FRAME_VLANS)
TABLE(operand_complete_results, COMPLETE_RESULTS)
TABLE(operand_zone_fails, ZONE_FAILS)
TABLE(operand_link_downs, LINK_DOWNS)
TABLE(operand_link_announces, LINK_ANNOUNCES)
TABLE(operand_race_agains, RACE_AGAINS)
TABLE(operand_stall_nics, STALL_NICS)
TABLE(operand_stall_disks, STALL_DISKS)
TABLE(operand_bases, BASES)
TABLE(operand_damages, DAMAGES)
TABLE(operand_widths, WIDTHS)
TABLE(operand_device_flags, DEVICE_FLAGS)
TABLE(operand_ring_offers, RING_OFFERS)
TABLE(operand_transports, TRANSPORTS)
TABLE(operand_zones, ZONES)
TABLE(operand_net_offers, NET_OFFERS)
TABLE(operand_extra_offers, EXTRA_OFFERS)
TABLE(operand_queue_sizes, QUEUE_SIZES)
TABLE(operand_slot_counts, SLOT_COUNTS)
TABLE(operand_capacities, CAPACITIES)
TABLE(operand_transfers, TRANSFERS)
TABLE(operand_limits, LIMITS)
/* clang-format on */

const struct operand_value operand_registers[] = {
	{ VIRTIO_MMIO_MAGIC, "MagicValue", NULL },
	{ VIRTIO_MMIO_VERSION, "Version", NULL },
	{ VIRTIO_MMIO_DEVICE_ID, "DeviceID", NULL },
	{ VIRTIO_MMIO_VENDOR_ID, "VendorID", NULL },
	{ VIRTIO_MMIO_DEVICE_FEATURES, "DeviceFeatures", NULL },
	{ VIRTIO_MMIO_DEVICE_FEATURES_SEL, "DeviceFeaturesSel", NULL },
	{ VIRTIO_MMIO_DRIVER_FEATURES, "DriverFeatures", NULL },
	{ VIRTIO_MMIO_DRIVER_FEATURES_SEL, "DriverFeaturesSel", NULL },
	{ VIRTIO_MMIO_QUEUE_SEL, "QueueSel", NULL },
	{ VIRTIO_MMIO_QUEUE_SIZE_MAX, "QueueSizeMax", NULL },
	{ VIRTIO_MMIO_QUEUE_SIZE, "QueueSize", NULL },
	{ VIRTIO_MMIO_QUEUE_READY, "QueueReady", NULL },
	{ VIRTIO_MMIO_GUEST_PAGE_SIZE, "GuestPageSize", NULL },
	{ VIRTIO_MMIO_QUEUE_ALIGN, "QueueAlign", NULL },
	{ VIRTIO_MMIO_QUEUE_PFN, "QueuePFN", NULL },
	{ VIRTIO_MMIO_QUEUE_NOTIFY, "QueueNotify", NULL },
	{ VIRTIO_MMIO_INTERRUPT_STATUS, "InterruptStatus", NULL },
	{ VIRTIO_MMIO_INTERRUPT_ACK, "InterruptACK", NULL },
	{ VIRTIO_MMIO_STATUS, "Status", NULL },
	{ VIRTIO_MMIO_QUEUE_DESC_LOW, "QueueDescLow", NULL },
	{ VIRTIO_MMIO_QUEUE_DESC_HIGH, "QueueDescHigh", NULL },
	{ VIRTIO_MMIO_QUEUE_DRIVER_LOW, "QueueDriverLow", NULL },
	{ VIRTIO_MMIO_QUEUE_DRIVER_HIGH, "QueueDriverHigh", NULL },
	{ VIRTIO_MMIO_QUEUE_DEVICE_LOW, "QueueDeviceLow", NULL },
	{ VIRTIO_MMIO_QUEUE_DEVICE_HIGH, "QueueDeviceHigh", NULL },
	{ VIRTIO_MMIO_SHM_SEL, "SHMSel", NULL },
	{ VIRTIO_MMIO_QUEUE_RESET, "QueueReset", NULL },
	{ VIRTIO_MMIO_CONFIG_GENERATION, "ConfigGeneration", NULL },
	{ 0, NULL, NULL },
};
