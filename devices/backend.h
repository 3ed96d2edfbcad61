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

#define DISK_SECTOR_BYTES 512u
#define DISK_ID_BYTES	  20u

enum disk_op {
	DISK_READ,	   /* fill data */
	DISK_WRITE,	   /* store data */
	DISK_FLUSH,	   /* what completed before is on stable storage; no range */
	DISK_DISCARD,	   /* content of the range no longer matters */
	DISK_WRITE_ZEROES, /* the range reads as zeroes; `unmap`: storage may be given back */
};

/*
 * One request to a disk. The device owns it, and lends it and `data` to the back end from submit
 * until the back end calls `done`, exactly once, with 0 or a negative errno. That may be inside
 * submit, later, or in any order among requests.
 */
struct disk_request {
	enum disk_op op;
	uint64_t sector;  /* in units of 512 bytes; the range lies inside the capacity */
	uint64_t sectors; /* more than 0, but for a flush */
	uint8_t *data;	  /* sectors * 512 bytes; reads and writes only */
	bool unmap;
	void (*done)(struct disk_request *request, int result);
};

struct disk;

struct disk_ops {
	void (*submit)(struct disk *disk, struct disk_request *request);
	/* Nobody waits for this request any more (the guest reset the device): finish it soon, with
	 * any result. `done` is still owed, now or later. May be NULL. */
	void (*cancel)(struct disk *disk, struct disk_request *request);
};

struct disk {
	const struct disk_ops *ops;
	uint64_t capacity; /* sectors of 512 bytes; at most 2^54 */
	bool read_only;
	uint8_t id[DISK_ID_BYTES]; /* NUL-padded */
};

#define NIC_MAC_BYTES 6u

/* Ethernet header, IPv6 header and 65,535 bytes of payload (5.1.9.3.1) */
#define NIC_FRAME_BYTES_MAX 65589u
#define NIC_FRAME_BYTES_MIN 14u

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
	uint16_t gso_size;   /* not 0 */
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
	/* After receive said -EAGAIN: there are buffers again. May be NULL. */
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

#endif
