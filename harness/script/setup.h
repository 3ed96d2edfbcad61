/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the header of a script stands for: which device a script meets, with which limits and
 * features, and how its host behaves. And the guest-physical map, the same on every bus.
 */
#ifndef SETUP_H
#define SETUP_H

#include "operands.h"
#include "script.h"
#include "virtio_device.h"
#include "zoned_disk.h"

/* Two RAM ranges with a hole between; the low one is made of two adjacent regions. */
#define MAP_REGION_BYTES 0x10000u
#define MAP_REGIONS	 3u
#define MAP_LOW		 0x40000000ull
#define MAP_LOW_SEAM	 (MAP_LOW + MAP_REGION_BYTES)
#define MAP_LOW_END	 (MAP_LOW + 2 * MAP_REGION_BYTES)
#define MAP_HIGH	 0x100000000ull
#define MAP_HIGH_END	 (MAP_HIGH + MAP_REGION_BYTES)

/* The most of each. What is large in one way is small in others, so that it stays cheap: with more
 * queues than SETUP_QUEUES_FEW they have few entries, and long ones are SETUP_LONG_QUEUES. */
#define SETUP_QUEUES	   64u
#define SETUP_QUEUES_FEW   9u
#define SETUP_QUEUE_SIZE   512u
#define SETUP_SIZE_USUAL   256u
#define SETUP_SIZE_OF_MANY 16u
#define SETUP_LONG_QUEUES  3u
#define SETUP_SLOTS	   300u
#define SETUP_SLOTS_USUAL  16u
#define SETUP_ZONES	   32u
/* Sectors of a disk of which all can be written; of a larger one these, and some others */
#define SETUP_SECTORS 128u
/* Chains of all queues at most, if each has as many as entries */
#define SETUP_CHAINS (SETUP_QUEUES_FEW * SETUP_SIZE_USUAL)

struct setup {
	enum device_kind kind;
	struct anvil_features offered; /* VERSION_1 and RO included */
	uint16_t queue_size_max;
	unsigned int queues;
	unsigned int pairs; /* of the network device */
	uint8_t flags;
	unsigned int slots;
	uint64_t capacity;
	uint32_t transfer_max;
	uint8_t fail_every; /* each n-th disk request fails; 0: none */
	uint32_t range_sectors_max;
	uint32_t range_segments_max;
	uint16_t mtu;
	uint32_t blk_size;
	struct setup_zones {
		bool zoned;
		struct anvil_zoned_disk_options options;
		bool front; /* they stand in front of where requests wait for the script */
		/* zones that are read-only or offline from the start; 0: none */
		uint8_t read_only;
		uint8_t offline;
	} zones;
	uint32_t erase_sectors_max;
	uint32_t erase_segments_max;
	uint32_t erase_sector_alignment;
	struct anvil_disk_lifetime lifetime;
	bool legacy_differs; /* requests have another form by the legacy interface */
	bool legacy;	     /* version 1 of virtio-mmio */
	bool big_endian;     /* and so is the guest: the order of its structures then */
	unsigned int
		bad_option; /* a mistake of the embedder's that is tried first, see bad_options.h */
};

#define SETUP_SPEED  10000u
#define SETUP_DUPLEX 1u

#define SETUP_SEG_MAX  126u
#define SETUP_SIZE_MAX 512u

extern const uint8_t setup_mac[6];
extern const char setup_disk_id[20];

void setup_from(const struct script_op *header, struct setup *p);

/* The header's ring that offers what of it is in `features`. */
unsigned int setup_ring(const struct anvil_features *features);

/* The tables behind a header's and an operation's classes. */
uint16_t setup_queue_size(unsigned int class);
uint64_t setup_capacity(unsigned int class);

#endif
