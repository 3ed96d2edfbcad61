/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio-mmio block device (virtio 1.4, 5.2) of 64 long queues on a large disk, of which a little
 * is there. An event loop serves the queues that were notified: it takes all of a queue's chains,
 * and then carries them out.
 */
#ifndef WIDE_H
#define WIDE_H

#include "virtio.h"
#include "vmm.h"

#define WIDE_QUEUES    64u
#define WIDE_QUEUE_MAX 512u
#define WIDE_SEGMENTS  16u
#define WIDE_CAPACITY  ((1ull << 32) + 64)

/* As a guest reads it (5.2.4) */
struct wide_config {
	uint64_t capacity;
	uint8_t not_offered[26];
	uint16_t num_queues;
};

struct wide_header {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
};

/* One request: its device-readable buffers, and then its device-writable ones. */
struct wide_request {
	uint16_t head;
	unsigned int nout, nin;
	uint64_t out_len, in_len;
	uint64_t written; /* bytes stored, from the first writable one on */
	struct buf buf[WIDE_SEGMENTS];
};

struct wide {
	struct vm *vm;
	struct disk *disk; /* its first sectors; all others are zeroes, and stay so */
	uint32_t status;
	uint32_t interrupts;
	uint32_t device_features_sel, driver_features_sel, queue_sel;
	uint64_t driver_features, driver_features_above; /* bits 0 to 63, 64 to 127 */
	uint64_t notified;				 /* queues, a bit each */
	struct wide_request *request;			 /* of one queue, WIDE_QUEUE_MAX */
	struct virtqueue vq[WIDE_QUEUES];
	struct wide_config config;
};

/* Once; false: there is no memory. Then the device as new. `vm` and `disk` have to last. */
bool wide_create(struct wide *b, struct vm *vm, struct disk *disk);
void wide_power_cycle(struct wide *b);

/* The guest reads or writes 1, 2, 4 or 8 bytes of the window. */
uint64_t wide_read(struct wide *b, uint64_t offset, unsigned int width);
void wide_write(struct wide *b, uint64_t offset, unsigned int width, uint64_t value);

/* One round of the event loop. */
void wide_serve(struct wide *b);

#endif
