/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the header of a script stands for: which device a script meets, with which limits and
 * features, and how its host behaves. And the guest-physical map, the same on every carrier.
 */
#ifndef PERSONALITY_H
#define PERSONALITY_H

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

#define PERSONALITY_QUEUES     9u
#define PERSONALITY_QUEUE_SIZE 256u
#define PERSONALITY_SECTORS    128u
#define PERSONALITY_SLOTS      16u
#define PERSONALITY_ZONES      32u

/* header flags; a clear bit is the common choice */
#define FLAG_READ_ONLY	 1u
#define FLAG_LINK_DOWN	 2u
#define FLAG_DEFERRED	 4u  /* the disk, or the echo device, completes only when told to */
#define FLAG_CANCEL_LATE 8u  /* cancelled disk requests complete only when told to, as others do */
#define FLAG_NIC_STALLED 16u /* the nic takes no frames at first */
#define FLAG_NIC_DROPS	 32u /* the nic drops what the guest has no buffers for */
#define FLAG_BACKWARDS	 64u /* the echo device completes its chains last one first */

/* header transport */
#define TRANSPORT_LEGACY	    1u
#define TRANSPORT_LEGACY_BIG_ENDIAN 2u

/* header ring: what is offered beside the usual */
#define RING_OFFERS_PACKED	      1u
#define RING_OFFERS_IN_ORDER	      2u
#define RING_OFFERS_NOTIFICATION_DATA 4u

struct personality {
	enum device_kind kind;
	struct virtio_features offered; /* VERSION_1 and RO included */
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
	struct personality_zones {
		bool zoned;
		struct zoned_disk_options options;
		/* zones that are read-only or offline from the start; 0: none */
		uint8_t read_only;
		uint8_t offline;
	} zones;
	uint32_t erase_sectors_max;
	uint32_t erase_segments_max;
	uint32_t erase_sector_alignment;
	struct disk_lifetime lifetime;
	bool legacy;	      /* version 1 of virtio-mmio */
	bool big_endian;      /* and so is the guest: the order of its structures then */
	unsigned int refusal; /* a mistake of the embedder's that is tried first, see refusals.h */
};

/* header operand `net`: what of the network device is offered beside the common features; MQ with
 * several queues */
#define NET_HASHES     1u
#define NET_COALESCING 2u
#define NET_STATS      4u
#define NET_ANNOUNCE   8u  /* and SPEED_DUPLEX */
#define NET_OFFLOADS   16u /* CTRL_GUEST_OFFLOADS */
#define NET_USO	       32u
#define NET_TUNNELS    64u /* and OUT_NET_HEADER */
#define NET_CONTEXTS   128u

#define PERSONALITY_SPEED  10000u
#define PERSONALITY_DUPLEX 1u

#define PERSONALITY_SEG_MAX  126u
#define PERSONALITY_SIZE_MAX 512u

extern const uint8_t personality_mac[6];
extern const char personality_disk_id[20];

void personality_from(const struct record *header, struct personality *p);

/* The header's ring that offers what of it is in `features`. */
unsigned int personality_ring(const struct virtio_features *features);

/* The tables behind a header's and an operation's classes. */
uint16_t personality_queue_size(unsigned int class);
uint64_t personality_capacity(unsigned int class);

#endif
