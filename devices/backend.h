/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device asks of its host: a disk, a network interface. A back end knows this file alone.
 *
 * Device and back end call each other on one thread at a time (the embedder serialises); both
 * trust each other. Nothing here lies in guest memory.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DISK_SECTOR_BYTES 512u
#define DISK_ID_BYTES	  20u

enum disk_op {
	DISK_READ,	   /* fill data */
	DISK_WRITE,	   /* store data */
	DISK_FLUSH,	   /* what completed before is on stable storage; no range */
	DISK_DISCARD,	   /* content of the range no longer matters */
	DISK_WRITE_ZEROES, /* the range reads as zeroes; `unmap`: storage may be given back */
	DISK_SECURE_ERASE, /* content of the range is gone for good; with `secure_erase` alone */

	/* these come to zoned disks alone */
	DISK_ZONE_APPEND,    /* store data where the zone that starts at `sector` is written next;
				`sector` then says where that was */
	DISK_ZONE_REPORT,    /* tell `zones` zones in `zone`, from the one of `sector` on, or all
				that there are; `zones` then says how many these are */
	DISK_ZONE_OPEN,	     /* explicitly, as the next three the zone that starts at `sector` */
	DISK_ZONE_CLOSE,     /* may be written on later */
	DISK_ZONE_FINISH,    /* as if written to the end */
	DISK_ZONE_RESET,     /* empty */
	DISK_ZONE_RESET_ALL, /* each sequential zone that can be; no range */
};

/* ---- zones (virtio 5.2.3, 5.2.6; the numbers are those of that specification) ---- */

enum disk_zone_type {
	DISK_ZONE_CONVENTIONAL = 1,
	DISK_ZONE_WRITE_REQUIRED = 2,  /* to be written from front to back */
	DISK_ZONE_WRITE_PREFERRED = 3, /* better, but not necessarily so */
};

enum disk_zone_state {
	DISK_ZONE_NO_POINTER = 0, /* conventional */
	DISK_ZONE_EMPTY = 1,
	DISK_ZONE_OPEN_IMPLICITLY = 2, /* by a write */
	DISK_ZONE_OPEN_EXPLICITLY = 3,
	DISK_ZONE_CLOSED = 4,
	DISK_ZONE_READ_ONLY = 13,
	DISK_ZONE_FULL = 14,
	DISK_ZONE_OFFLINE = 15,
};

struct disk_zone {
	uint64_t start;	   /* sectors, as the next two */
	uint64_t capacity; /* that can be written, from the start on */
	uint64_t pointer;  /* the sector to write next; for zones that have none, all ones */
	enum disk_zone_type type;
	enum disk_zone_state state;
};

enum disk_zone_model {
	DISK_HOST_MANAGED = 1, /* sequential zones are WRITE_REQUIRED */
	DISK_HOST_AWARE = 2,   /* ... WRITE_PREFERRED */
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
struct disk_zoning {
	enum disk_zone_model model;
	uint32_t zone_sectors;	     /* at least 1 */
	uint32_t open_max;	     /* zones open at one time; 0: no limit */
	uint32_t active_max;	     /* open or closed at one time; 0: no limit */
	uint32_t append_sectors_max; /* 0: no appends */
	uint32_t
		write_granularity; /* bytes, a multiple of 512: of writes to WRITE_REQUIRED zones */
};

/* Results of requests to zoned disks, beside 0 and negative errnos (virtio 5.2.6). */
#define DISK_ZONE_ERROR_INVALID	  (-10001) /* the zone's type or state does not allow it */
#define DISK_ZONE_ERROR_UNALIGNED (-10002) /* a write not at the pointer, or not of whole units */
#define DISK_ZONE_ERROR_OPEN	  (-10003) /* open_max zones are open */
#define DISK_ZONE_ERROR_ACTIVE	  (-10004) /* active_max zones are active */

/* ---- requests ---- */

struct disk;
struct disk_request;

/* What a disk in front of another one notes on a request that it has; nobody else's. */
struct disk_request_front {
	struct disk *disk;
	void (*done)(struct disk_request *request, int result);
	enum disk_op op;
	uint64_t sector; /* as asked for, like the next two */
	uint64_t sectors;
	uint8_t *data;
	struct disk_request *before; /* among those that are not over, as they came */
	struct disk_request *after;
	uint64_t order;
	unsigned int waits; /* for so many requests before it */
	int result;
	enum { DISK_FRONT_HELD, DISK_FRONT_BELOW, DISK_FRONT_BACK } place;
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
struct disk_request {
	enum disk_op op;
	uint64_t sector;  /* of 512 bytes; the range, but for an append, lies inside the capacity */
	uint64_t sectors; /* more than 0; but 0 for a flush, a report and what is done to a zone */
	uint8_t *data;	  /* sectors * 512 bytes; reads, writes and appends only */
	struct disk_zone *zone; /* reports only */
	uint32_t zones;
	bool unmap;
	void (*done)(struct disk_request *request, int result);

	struct disk_request *next; /* the back end's while it has the request */

	struct disk_request_front front; /* a disk in front of another one keeps its notes here */
};

struct disk_ops {
	void (*submit)(struct disk *disk, struct disk_request *request);
	/*
	 * Nobody waits for this request's result any more (the guest reset the device or a queue):
	 * finish it soon. A hint: until `done`, which is still owed, inside this call or later, the
	 * request may be carried out wholly, in part or not at all, and the result may be any. The
	 * reset is complete with `done`, so a guest waits as long. May be NULL.
	 */
	void (*cancel)(struct disk *disk, struct disk_request *request);
};

/* How worn the storage is: tenths of its life from 1 to 10, 11 when that is over, 0 unknown. */
struct disk_lifetime {
	uint16_t reserve; /* of reserved blocks used: 1 less than 80 %, 2 80 %, 3 90 %, 0 unknown */
	uint16_t wear_a;  /* of SLC cells */
	uint16_t wear_b;  /* of MLC cells */
};

struct disk {
	const struct disk_ops *ops;
	uint64_t capacity; /* sectors of 512 bytes; at most 2^54 */
	/*
	 * The storage has blocks of so many bytes: a power of 2, at least 512, or 0 if nobody
	 * knows. Requests may be for any sectors; whole blocks are carried out best.
	 */
	uint32_t block_bytes;
	bool read_only;
	bool secure_erase;		      /* it can */
	uint8_t id[DISK_ID_BYTES];	      /* NUL-padded */
	const struct disk_lifetime *lifetime; /* NULL: nobody knows; the numbers may change */
	const struct disk_zoning *zoning;     /* NULL: not zoned */
};

#define NIC_MAC_BYTES 6u

/* Ethernet header, IPv6 header and 65,535 bytes of payload (5.1.9.3.1) */
#define NIC_FRAME_BYTES_MAX 65589u
#define NIC_FRAME_BYTES_MIN 14u

/*
 * A frame to be segmented becomes at most this many. Whoever cuts it up does work for each, of
 * which a guest that names a segment size of 1 could ask for 65,000 times; 2,048 are enough for
 * 64 KiB at the least segment size of TCP in Linux, 48 bytes less 12 of time stamps.
 */
#define NIC_SEGMENTS_MAX 2048u

enum nic_gso {
	NIC_GSO_NONE,
	NIC_GSO_TCP4,
	NIC_GSO_TCP6,
	NIC_GSO_UDP4, /* one UDP datagram after the other, not fragments */
	NIC_GSO_UDP6,
};

/* Work left to whoever takes a frame. All zero: a complete frame. */
struct nic_offload {
	bool needs_csum;     /* a 16-bit ones' complement sum from csum_start to the end ... */
	uint16_t csum_start; /* ... is to be stored at csum_start + csum_offset, inside the frame */
	uint16_t csum_offset; /* where the pseudo header's sum stands now */
	bool csum_valid;      /* the sender vouches for the checksums */
	enum nic_gso gso;     /* segment at gso_size bytes of payload; implies needs_csum */
	bool gso_ecn;
	uint16_t gso_size;   /* not 0; from the guest: for NIC_SEGMENTS_MAX segments at most */
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

struct nic_frame {
	const uint8_t *data; /* from the destination address on, without checksum trailer */
	uint32_t len;
	struct nic_offload offload;
};

struct nic;

struct nic_ops {
	/*
	 * The guest sends a frame, of NIC_FRAME_BYTES_MIN to NIC_FRAME_BYTES_MAX bytes, the
	 * device's until the call returns. Returns 0 (taken or dropped), or -EAGAIN: not now; then
	 * call nic->sendable later.
	 */
	int (*send)(struct nic *nic, const struct nic_frame *frame);
	/*
	 * After receive said -EAGAIN: there are buffers again. May be NULL. Frames may be handed
	 * over then and there, as many as the nic can answer for: this is inside a call of the
	 * guest's.
	 */
	void (*receivable)(struct nic *nic);
};

struct nic {
	const struct nic_ops *ops;

	/* Set by the device for the back end to call, never from inside `send`. */
	void *device;
	/*
	 * A frame for the guest, the back end's until the call returns. Returns 0 (delivered,
	 * filtered or dropped), or -EAGAIN when the guest has no buffers now: try again when
	 * `receivable` is called, or drop it.
	 */
	int (*receive)(struct nic *nic, const struct nic_frame *frame);
	/* After send said -EAGAIN: frames can be taken again. */
	void (*sendable)(struct nic *nic);
};

#ifdef __cplusplus
}
#endif

#endif
