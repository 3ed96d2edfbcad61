/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device asks of its host: a disk, a network interface. A back end knows this file alone.
 *
 * Device and back end call each other on one thread at a time (the embedder serialises); both
 * trust each other. Nothing here lies in guest memory.
 */
#ifndef ANVIL_BACKEND_H
#define ANVIL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ANVIL_DISK_SECTOR_BYTES 512u
#define ANVIL_DISK_ID_BYTES	20u

enum anvil_disk_op {
	ANVIL_DISK_READ,	 /* fill data */
	ANVIL_DISK_WRITE,	 /* store data */
	ANVIL_DISK_FLUSH,	 /* what completed before is on stable storage; no range */
	ANVIL_DISK_DISCARD,	 /* content of the range no longer matters */
	ANVIL_DISK_WRITE_ZEROES, /* the range reads as zeroes; `unmap`: storage may be given back */
	ANVIL_DISK_SECURE_ERASE, /* content of the range is gone for good; with `secure_erase` alone
				  */

	/* these come to zoned disks alone */
	ANVIL_DISK_ZONE_APPEND, /* store data where the zone that starts at `sector` is written
			     next; `sector` then says where that was */
	ANVIL_DISK_ZONE_REPORT, /* tell `zones` zones in `zone`, from the one of `sector` on, or all
			     that there are; `zones` then says how many these are */
	ANVIL_DISK_ZONE_OPEN,	/* explicitly, as the next three the zone that starts at `sector` */
	ANVIL_DISK_ZONE_CLOSE,	/* may be written on later */
	ANVIL_DISK_ZONE_FINISH, /* as if written to the end */
	ANVIL_DISK_ZONE_RESET,	/* empty */
	ANVIL_DISK_ZONE_RESET_ALL, /* each sequential zone that can be; no range */
};

/* ---- zones (virtio 5.2.3, 5.2.6; the numbers are those of that specification) ---- */

enum anvil_disk_zone_type {
	ANVIL_DISK_ZONE_CONVENTIONAL = 1,
	ANVIL_DISK_ZONE_WRITE_REQUIRED = 2,  /* to be written from front to back */
	ANVIL_DISK_ZONE_WRITE_PREFERRED = 3, /* better, but not necessarily so */
};

enum anvil_disk_zone_state {
	ANVIL_DISK_ZONE_NO_POINTER = 0, /* conventional */
	ANVIL_DISK_ZONE_EMPTY = 1,
	ANVIL_DISK_ZONE_OPEN_IMPLICITLY = 2, /* by a write */
	ANVIL_DISK_ZONE_OPEN_EXPLICITLY = 3,
	ANVIL_DISK_ZONE_CLOSED = 4,
	ANVIL_DISK_ZONE_READ_ONLY = 13,
	ANVIL_DISK_ZONE_FULL = 14,
	ANVIL_DISK_ZONE_OFFLINE = 15,
};

struct anvil_disk_zone {
	uint64_t start;	   /* sectors, as the next two */
	uint64_t capacity; /* that can be written, from the start on */
	uint64_t pointer;  /* the sector to write next; for zones that have none, all ones */
	enum anvil_disk_zone_type type;
	enum anvil_disk_zone_state state;
};

enum anvil_disk_zone_model {
	ANVIL_DISK_HOST_MANAGED = 1, /* sequential zones are WRITE_REQUIRED */
	ANVIL_DISK_HOST_AWARE = 2,   /* ... WRITE_PREFERRED */
};

/*
 * What does not change about a zoned disk. All zones have zone_sectors sectors, but for the last
 * one, which may have fewer. The disk keeps the state of its zones, and checks each request against
 * it; the device has checked that
 *   - an append is for the start of a zone and of 1 to append_sectors_max sectors
 *   - OPEN, CLOSE, FINISH and RESET are for the start of a zone
 *   - a secure erase is of whole zones, none of them shorter than the others
 * The capacity of a zoned disk does not change.
 */
struct anvil_disk_zoning {
	enum anvil_disk_zone_model model;
	uint32_t zone_sectors;	     /* at least 1 */
	uint32_t open_max;	     /* zones open at one time; 0: no limit */
	uint32_t active_max;	     /* open or closed at one time; 0: no limit */
	uint32_t append_sectors_max; /* 0: no appends */
	uint32_t
		write_granularity; /* bytes, a multiple of 512: of writes to WRITE_REQUIRED zones */
};

/* Results of requests to zoned disks, beside 0 and negative errnos (virtio 5.2.6). */
#define ANVIL_DISK_ZONE_ERROR_INVALID (-10001) /* the zone's type or state does not allow it */
#define ANVIL_DISK_ZONE_ERROR_UNALIGNED                                                            \
	(-10002) /* a write not at the pointer, or not of whole units */
#define ANVIL_DISK_ZONE_ERROR_OPEN   (-10003) /* open_max zones are open */
#define ANVIL_DISK_ZONE_ERROR_ACTIVE (-10004) /* active_max zones are active */

/* ---- requests ---- */

struct anvil_disk;
struct anvil_disk_request;

/* Notes on a request, for a disk that stands in front of another one (zoned_disk.h). Devices and
 * all other disks leave them alone. */
struct anvil_disk_request_front {
	struct anvil_disk *disk;
	void (*done)(struct anvil_disk_request *request, int result);
	enum anvil_disk_op op;
	uint64_t sector; /* as asked for, like the next two */
	uint64_t sectors;
	uint8_t *data;
	struct anvil_disk_request *before; /* among those that are not over, as they came */
	struct anvil_disk_request *after;
	uint64_t order;
	unsigned int waits; /* for so many requests before it */
	int result;
	enum { ANVIL_DISK_FRONT_HELD, ANVIL_DISK_FRONT_BELOW, ANVIL_DISK_FRONT_BACK } place;
	bool submitting;
	bool cancelled;
};

/*
 * One request to a disk. The device owns it, and lends it, `data` and `zone` to the back end from
 * submit until the back end calls `done`, exactly once, with 0 or a negative errno (or a
 * DISK_ZONE_ERROR_*). That may be inside submit, later, or in any order among requests. `done` is
 * the end of it, whatever the result: from there on nothing of the request reaches the storage, and
 * the guest is told that a reset is complete on the strength of that.
 */
struct anvil_disk_request {
	enum anvil_disk_op op;
	uint64_t sector;  /* of 512 bytes; the range, but for an append, lies inside the capacity */
	uint64_t sectors; /* more than 0; but 0 for a flush, a report and what is done to a zone */
	uint8_t *data;	  /* sectors * 512 bytes; reads, writes and appends only */
	struct anvil_disk_zone *zone; /* reports only */
	uint32_t zones;
	bool unmap;
	void (*done)(struct anvil_disk_request *request, int result);

	struct anvil_disk_request *next; /* the back end's while it has the request */

	struct anvil_disk_request_front
		front; /* a disk in front of another one keeps its notes here */
};

struct anvil_disk_ops {
	void (*submit)(struct anvil_disk *disk, struct anvil_disk_request *request);
	/*
	 * Nobody waits for this request's result any more (the guest reset the device or a queue):
	 * finish it soon. A hint: until `done`, which is still owed, inside this call or later, the
	 * request may be carried out wholly, in part or not at all, and the result may be any. The
	 * reset is complete with `done`, so a guest waits as long. Called once for a request, at
	 * most. May be NULL.
	 */
	void (*cancel)(struct anvil_disk *disk, struct anvil_disk_request *request);
};

/* How worn the storage is: tenths of its life from 1 to 10, 11 when that is over, 0 unknown. */
struct anvil_disk_lifetime {
	uint16_t reserve; /* of reserved blocks used: 1 less than 80 %, 2 80 %, 3 90 %, 0 unknown */
	uint16_t wear_a;  /* of SLC cells */
	uint16_t wear_b;  /* of MLC cells */
};

struct anvil_disk {
	const struct anvil_disk_ops *ops;
	uint64_t capacity; /* sectors of 512 bytes; at most 2^54 */
	/*
	 * The storage has blocks of so many bytes: a power of 2, at least 512, or 0 if nobody
	 * knows. Requests may be for any sectors; whole blocks are carried out best.
	 */
	uint32_t block_bytes;
	bool read_only;
	bool secure_erase;			    /* it can */
	uint8_t id[ANVIL_DISK_ID_BYTES];	    /* NUL-padded */
	const struct anvil_disk_lifetime *lifetime; /* NULL: nobody knows; the numbers may change */
	const struct anvil_disk_zoning *zoning;	    /* NULL: not zoned */
};

#define ANVIL_NIC_MAC_BYTES 6u

/* Ethernet header, IPv6 header and 65,535 bytes of payload (5.1.9.3.1) */
#define ANVIL_NIC_FRAME_BYTES_MAX 65589u
#define ANVIL_NIC_FRAME_BYTES_MIN 14u

/*
 * A frame to be segmented becomes at most this many. Whoever cuts it up does work for each, of
 * which a guest that names a segment size of 1 could ask for 65,000 times; 2,048 are enough for
 * 64 KiB at the least segment size of TCP in Linux, 48 bytes less 12 of time stamps.
 */
#define ANVIL_NIC_SEGMENTS_MAX 2048u

enum anvil_nic_gso {
	ANVIL_NIC_GSO_NONE,
	ANVIL_NIC_GSO_TCP4,
	ANVIL_NIC_GSO_TCP6,
	ANVIL_NIC_GSO_UDP4, /* one UDP datagram after the other, not fragments */
	ANVIL_NIC_GSO_UDP6,
};

/* Work left to whoever takes a frame. All zero: a complete frame. */
struct anvil_nic_offload {
	bool needs_csum;     /* a 16-bit ones' complement sum from csum_start to the end ... */
	uint16_t csum_start; /* ... is to be stored at csum_start + csum_offset, inside the frame */
	uint16_t csum_offset;	/* where the pseudo header's sum stands now */
	bool csum_valid;	/* the sender vouches for the checksums */
	enum anvil_nic_gso gso; /* segment at gso_size bytes of payload; implies needs_csum */
	bool gso_ecn;
	uint16_t gso_size; /* not 0; from the guest: for ANVIL_NIC_SEGMENTS_MAX segments at most */
	uint16_t header_len; /* up to and including the TCP or UDP header that is segmented; right,
				not the guest's claim */
	/*
	 * The frame to be segmented travels inside UDP (VXLAN, GENEVE): gso, csum_start and
	 * header_len are those of the inner frame.
	 */
	bool tunnel;
	bool outer_csum;   /* each segment's outer UDP checksum is left to do, too; else it is 0 */
	uint16_t outer_th; /* offset of the outer UDP header */
	uint16_t inner_nh; /* offset of the inner IPv4 or IPv6 header */
};

struct anvil_nic_frame {
	const uint8_t *data; /* from the destination address on, without checksum trailer */
	uint32_t len;
	struct anvil_nic_offload offload;
};

struct anvil_nic;

struct anvil_nic_ops {
	/*
	 * The guest sends a frame, of ANVIL_NIC_FRAME_BYTES_MIN to ANVIL_NIC_FRAME_BYTES_MAX bytes,
	 * the device's until the call returns. Returns 0 (taken or dropped), or -EAGAIN: not now;
	 * then call nic->sendable later.
	 */
	int (*send)(struct anvil_nic *nic, const struct anvil_nic_frame *frame);
	/*
	 * After receive said -EAGAIN: there are buffers again. May be NULL. The nic may hand over
	 * frames inside this call, but a bounded number only: a processor of the guest waits
	 * meanwhile.
	 */
	void (*receivable)(struct anvil_nic *nic);
};

struct anvil_nic {
	const struct anvil_nic_ops *ops;

	/* Set by the device for the back end to call, never from inside `send`. */
	void *device;
	/*
	 * A frame for the guest, the back end's until the call returns. Returns 0 (delivered,
	 * filtered or dropped), or -EAGAIN when the guest has no buffers now: try again when
	 * `receivable` is called, or drop it.
	 */
	int (*receive)(struct anvil_nic *nic, const struct anvil_nic_frame *frame);
	/* After send said -EAGAIN: frames can be taken again. */
	void (*sendable)(struct anvil_nic *nic);
};

#ifdef __cplusplus
}
#endif

#endif
