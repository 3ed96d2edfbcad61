/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration spaces as the specification lays them out (version 1.4). Little-endian, but for
 * legacy interfaces.
 */
#ifndef ANVIL_CONFIG_H
#define ANVIL_CONFIG_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Block device: 5.2.4 */
struct anvil_blk_config {
	uint64_t capacity;
	uint32_t size_max;
	uint32_t seg_max;
	struct {
		uint16_t cylinders;
		uint8_t heads;
		uint8_t sectors;
	} geometry;
	uint32_t blk_size;
	struct {
		uint8_t physical_block_exp;
		uint8_t alignment_offset;
		uint16_t min_io_size;
		uint32_t opt_io_size;
	} topology;
	uint8_t writeback;
	uint8_t unused0;
	uint16_t num_queues;
	uint32_t max_discard_sectors;
	uint32_t max_discard_seg;
	uint32_t discard_sector_alignment;
	uint32_t max_write_zeroes_sectors;
	uint32_t max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap;
	uint8_t unused1[3];
	uint32_t max_secure_erase_sectors;
	uint32_t max_secure_erase_seg;
	uint32_t secure_erase_sector_alignment;
	struct anvil_blk_zoned_characteristics {
		uint32_t zone_sectors;
		uint32_t max_open_zones;
		uint32_t max_active_zones;
		uint32_t max_append_sectors;
		uint32_t write_granularity;
		uint8_t model;
		uint8_t unused2[3];
	} zoned;
} __attribute__((packed));
static_assert(sizeof(struct anvil_blk_config) == 96, "5.2.4");
static_assert(offsetof(struct anvil_blk_config, max_secure_erase_sectors) == 60, "5.2.4");
static_assert(offsetof(struct anvil_blk_config, zoned) == 72, "5.2.4");
static_assert(offsetof(struct anvil_blk_config, writeback) == 32, "5.2.4");

/* Network device: 5.1.4 */
struct anvil_net_config {
	uint8_t mac[6];
	uint16_t status;
	uint16_t max_virtqueue_pairs;
	uint16_t mtu;
	uint32_t speed;
	uint8_t duplex;
	uint8_t rss_max_key_size;
	uint16_t rss_max_indirection_table_length;
	uint32_t supported_hash_types;
	uint32_t supported_tunnel_types;
} __attribute__((packed));
static_assert(sizeof(struct anvil_net_config) == 28, "5.1.4");

#ifdef __cplusplus
}
#endif

#endif
