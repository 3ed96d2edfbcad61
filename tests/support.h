/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the unit tests share: guest RAM, a driver's side of a split ring and of the register window,
 * and back ends that do as they are told. A failure inside any of it fails the running test.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

/* cmocka wants these four before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "backend.h"
#include "virtio_mmio.h"
#include "virtio_spec.h"

/* ---- guest RAM ---- */

#define RAM_REGIONS 3u
#define RAM_BYTES   0x10000u	  /* of each region */
#define RAM_LOW	    0x40000000ull /* two regions, adjacent for the guest, not for us */
#define RAM_SEAM    0x40010000ull /* where the second one starts */
#define RAM_LOW_END 0x40020000ull
#define RAM_HIGH    0x100000000ull

/* Every region lies between two guard pages of its own: a stray access is a crash. */
struct ram {
	struct anvil_guest_memory memory;
	uint8_t *host[RAM_REGIONS];
	/* what the device did since `ram_watch` */
	struct anvil_guest_memory_tap tap;
	unsigned int fetches;
	unsigned int stores;
	/* a racing guest: when the device fetches from here, these bytes have just changed */
	uint64_t race_at;
	uint64_t race_gpa;
	uint64_t race_value;
	uint32_t race_len;
	unsigned int race_after; /* let that many fetches from there pass before */
	/* every store must lie in here, or in the next one, if not empty */
	uint64_t allowed[8][2]; /* gpa, len */
	unsigned int alloweds;
};

void ram_init(struct ram *ram);
void ram_destroy(struct ram *ram);
/* From now on counts accesses. */
void ram_watch(struct ram *ram);

/* The test's own accesses, which are not counted; across regions too. */
void ram_put(struct ram *ram, uint64_t gpa, const void *bytes, size_t len);
void ram_get(struct ram *ram, uint64_t gpa, void *bytes, size_t len);
void ram_fill(struct ram *ram, uint64_t gpa, uint8_t byte, size_t len);
void ram_put16(struct ram *ram, uint64_t gpa, uint16_t value);
uint16_t ram_get16(struct ram *ram, uint64_t gpa);
uint8_t ram_get8(struct ram *ram, uint64_t gpa);
/* All RAM as one number: changes when any byte does. */
uint64_t ram_sum(const struct ram *ram);

/* ---- a driver's side of one ring ---- */

#define WRITABLE VIRTQ_DESC_F_WRITE
#define NEXT	 VIRTQ_DESC_F_NEXT
#define INDIRECT VIRTQ_DESC_F_INDIRECT

struct ring {
	struct ram *ram;
	uint16_t size;
	uint64_t desc;
	uint64_t avail;
	uint64_t used;
	uint16_t avail_idx;
	uint16_t used_idx; /* how far the test has looked */
	uint16_t free;	   /* where ring_chain puts the next descriptor */
};

struct buffer {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags;
};

/* Lays out an empty ring from `base` on, which is page aligned. */
void ring_init(struct ring *ring, struct ram *ram, uint64_t base, uint16_t size);
/* Writes one descriptor, of the ring's table or (at a gpa) of an indirect one. */
void ring_desc(struct ring *ring, uint16_t index, uint64_t gpa, uint32_t len, uint16_t flags,
	       uint16_t next);
void ram_desc(struct ram *ram, uint64_t at, uint64_t gpa, uint32_t len, uint16_t flags,
	      uint16_t next);
/* Makes a head available. */
void ring_offer(struct ring *ring, uint16_t head);
/* Chains buffers in the next free descriptors and makes them available. Returns the head. */
uint16_t ring_chain(struct ring *ring, const struct buffer *buffer, unsigned int count);
/* The index that the device has published. */
uint16_t ring_published(const struct ring *ring);
/* The next used entry is exactly this one. */
void ring_expect(struct ring *ring, uint16_t head, uint32_t len);
/* There are no more used entries. */
void ring_expect_none(const struct ring *ring);

/* ---- a driver's side of the register window ---- */

struct guest {
	struct ram ram;
	struct anvil_mmio mmio;
	struct ring ring[ANVIL_DEVICE_QUEUES_MAX];
	bool irq;
	unsigned int irq_edges; /* rising ones */
	unsigned int defers;
	unsigned int refusals;
	unsigned int refused_queue; /* the last time, and why */
	int refused_err;
};

#define UP_TO_ACKNOWLEDGE 1u
#define UP_TO_DRIVER	  3u
#define UP_TO_FEATURES_OK 11u
#define UP_TO_DRIVER_OK	  15u
#define STATUS_BROKEN	  (UP_TO_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET)

/* A machine with RAM and no device; guest_attach gives it one, in its state after creation. */
void guest_init(struct guest *guest);
void guest_destroy(struct guest *guest);
void guest_attach(struct guest *guest, struct anvil_device *dev);

uint32_t reg_read(struct guest *guest, uint32_t offset);
void reg_write(struct guest *guest, uint32_t offset, uint32_t value);
uint32_t guest_status(struct guest *guest);
/* Up to FEATURES_OK; VERSION_1 is added. Returns whether the device took it. */
bool guest_negotiate(struct guest *guest, struct anvil_features features);
/* Programs queue `index` with guest->ring[index] and makes it ready. Returns whether it is. */
bool guest_start_queue(struct guest *guest, unsigned int index);
/* Reset, negotiation, `queues` fresh rings of `size` entries, DRIVER_OK: all must succeed. */
void guest_drive(struct guest *guest, struct anvil_features features, unsigned int queues,
		 uint16_t size);
void guest_notify(struct guest *guest, unsigned int queue);
/* Reads and acknowledges InterruptStatus. */
uint32_t guest_take_interrupts(struct guest *guest);

/* A feature set from bits, ended by -1. */
struct anvil_features features(int bit, ...);

/* ---- a device type without a purpose ---- */

struct fake_device {
	struct anvil_device dev;
	uint8_t config[12];
	unsigned int accepted;
	unsigned int notified[3];
	unsigned int stopped[3];
	unsigned int resets;
	unsigned int config_writes;
	uint32_t config_offset; /* of the last write */
	uint32_t config_len;
	uint8_t config_bytes[8];
};

#define FAKE_DEVICE_ID 42u
#define FAKE_NEEDS_A   10 /* FAKE_FEATURE_A requires this or FAKE_NEEDS_B */
#define FAKE_NEEDS_B   0
#define FAKE_FEATURE_A 3
#define FAKE_QUEUE_2   50 /* gives queue 2 its purpose */

/* Three queues of up to 8 entries; all features above, RING_RESET, EVENT_IDX and INDIRECT_DESC. */
void fake_device_init(struct fake_device *fake, const struct anvil_guest_memory *memory);

/* ---- a disk that does as it is told ---- */

#define TEST_DISK_SECTORS 64u
#define TEST_DISK_LOG	  64u

struct test_disk {
	struct anvil_disk disk;
	uint8_t *data;	/* an allocation of its own: TEST_DISK_SECTORS */
	uint64_t first; /* sector that is in it, of a disk that may be larger */
	bool defer;	/* keep requests in `pending` until test_disk_finish */
	int result;	/* of requests that are not deferred */
	bool cancel_finishes;
	bool cancel_finishes_all; /* any cancel finishes everything pending */
	unsigned int cancels;
	struct anvil_disk_request *pending[TEST_DISK_LOG];
	unsigned int pendings;
	struct anvil_disk_request log[TEST_DISK_LOG]; /* as submitted */
	unsigned int logs;
};

void test_disk_init(struct test_disk *disk);
void test_disk_destroy(struct test_disk *disk);
/* Carries out (if result is 0) and completes the pending request number `index`. */
void test_disk_finish(struct test_disk *disk, unsigned int index, int result);

/* ---- a network interface that does as it is told ---- */

struct test_nic {
	struct anvil_nic nic;
	int verdict;	   /* what send answers */
	unsigned int room; /* ... after so many frames */
	unsigned int sends;
	unsigned int receivables;
	uint8_t *frame; /* the last one, an allocation of exactly its length */
	uint32_t len;
	struct anvil_nic_offload offload;
};

void test_nic_init(struct test_nic *nic);
void test_nic_destroy(struct test_nic *nic);

#endif
