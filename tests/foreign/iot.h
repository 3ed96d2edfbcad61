/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio-mmio block device (virtio 1.4, 5.2) with one queue, which I/O threads serve while
 * processors of the guest write to its registers.
 */
#ifndef IOT_H
#define IOT_H

#include <pthread.h>

#include "virtio.h"
#include "vmm.h"

#define IOT_THREADS   2u
#define IOT_QUEUE_MAX 64u

/* The first fields of what a guest reads (5.2.4) */
struct iot_config {
	uint64_t capacity;
	uint32_t size_max; /* not offered */
	uint32_t seg_max;
};

/* one request's header (5.2.6) */
struct iot_header {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
};

struct iot {
	struct vm *vm;
	struct disk *disk;
	pthread_mutex_t lock; /* of all that follows, but for config */
	pthread_cond_t idle;  /* no thread is at work any more */
	unsigned int busy;    /* threads with a request */
	bool stopping;	      /* a processor waits for them */
	bool kicked;	      /* there may be chains */
	uint32_t status;
	uint32_t interrupts;
	uint32_t device_features_sel, driver_features_sel;
	uint32_t queue_sel;
	uint64_t driver_features, driver_features_above; /* bits 0 to 63, 64 to 127 */
	struct virtqueue vq;
	unsigned int resets; /* of it; what was taken before the last one is not given back */
	pthread_mutex_t config_lock; /* of what follows; never taken with the other one held */
	uint64_t requests;
	struct iot_config config;
};

/* Once; and the device as new, when no thread is at work. `vm` and `disk` have to last. */
void iot_create(struct iot *b, struct vm *vm, struct disk *disk);
void iot_power_cycle(struct iot *b);

/* A processor of the guest reads or writes 1, 2, 4 or 8 bytes of the window. */
uint64_t iot_read(struct iot *b, uint64_t offset, unsigned int width);
void iot_write(struct iot *b, uint64_t offset, unsigned int width, uint64_t value);

/* What each I/O thread does again and again. Returns whether there was a request. */
bool iot_work(struct iot *b);

#endif
