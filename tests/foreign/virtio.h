/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the devices here share: the registers of a virtio-mmio window (4.2.2), the parts of a split
 * virtqueue (2.7), and how to reach these while a guest writes to them. The guests of this VMM are
 * little-endian, and so is its host.
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vmm.h"

enum virtio_mmio_register {
	MMIO_MAGIC = 0x000,
	MMIO_VERSION = 0x004,
	MMIO_DEVICE_ID = 0x008,
	MMIO_VENDOR_ID = 0x00c,
	MMIO_DEVICE_FEATURES = 0x010,
	MMIO_DEVICE_FEATURES_SEL = 0x014,
	MMIO_DRIVER_FEATURES = 0x020,
	MMIO_DRIVER_FEATURES_SEL = 0x024,
	MMIO_QUEUE_SEL = 0x030,
	MMIO_QUEUE_NUM_MAX = 0x034,
	MMIO_QUEUE_NUM = 0x038,
	MMIO_QUEUE_READY = 0x044,
	MMIO_QUEUE_NOTIFY = 0x050,
	MMIO_INTERRUPT_STATUS = 0x060,
	MMIO_INTERRUPT_ACK = 0x064,
	MMIO_STATUS = 0x070,
	MMIO_DESC_LOW = 0x080,
	MMIO_DESC_HIGH = 0x084,
	MMIO_AVAIL_LOW = 0x090,
	MMIO_AVAIL_HIGH = 0x094,
	MMIO_USED_LOW = 0x0a0,
	MMIO_USED_HIGH = 0x0a4,
	MMIO_SHM_LEN_LOW = 0x0b0,
	MMIO_SHM_LEN_HIGH = 0x0b4,
	MMIO_SHM_BASE_LOW = 0x0b8,
	MMIO_SHM_BASE_HIGH = 0x0bc,
	MMIO_QUEUE_RESET = 0x0c0,
	MMIO_CONFIG_GENERATION = 0x0fc,
	MMIO_CONFIG = 0x100,
	MMIO_WINDOW = 0x1000,
};

enum virtio_status {
	STATUS_ACKNOWLEDGE = 1,
	STATUS_DRIVER = 2,
	STATUS_DRIVER_OK = 4,
	STATUS_FEATURES_OK = 8,
	STATUS_NEEDS_RESET = 64,
	STATUS_FAILED = 128,
	STATUS_BY_DRIVER = 143, /* all of these but NEEDS_RESET */
};

enum virtio_interrupt {
	INTERRUPT_USED = 1,
	INTERRUPT_CONFIG = 2,
};

#define VIRTIO_MAGIC	    0x74726976u
#define VIRTIO_F_INDIRECT   (1ull << 28)
#define VIRTIO_F_VERSION_1  (1ull << 32)
#define VIRTIO_F_RING_RESET (1ull << 40)

enum vring_desc_flag {
	DESC_NEXT = 1,
	DESC_WRITE = 2,
	DESC_INDIRECT = 4,
};

#define AVAIL_NO_INTERRUPT 1

struct vring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct vring_avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[];
};

struct vring_used_elem {
	uint32_t id;
	uint32_t len;
};

struct vring_used {
	uint16_t flags;
	uint16_t idx;
	struct vring_used_elem ring[];
};

/* Once, and in one piece: other processors of the guest write there all the time. */
#define READ_ONCE(x)	  (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, to) (*(volatile __typeof__(x) *)&(x) = (to))

/* The bytes at p were fetched: the compiler shall not fetch them from guest RAM again. */
#define FETCHED(p) __asm__ volatile("" : : "r"(p) : "memory")

struct virtqueue {
	uint32_t num;
	bool ready;
	uint64_t desc_addr, avail_addr, used_addr;
	/* in guest RAM; of use when ready */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t last_avail, used_idx; /* ours: never read back from the rings */
};

/* A copy of a table's i-th descriptor. A table that a descriptor leads to need not be aligned. */
static inline struct vring_desc desc_at(const void *table, uint32_t i)
{
	struct vring_desc d;

	memcpy(&d, (const uint8_t *)table + (size_t)i * sizeof(d), sizeof(d));
	FETCHED(&d);
	return d;
}

/* A buffer of a chain: a part of guest RAM, checked, with at least one byte. */
struct buf {
	uint8_t *host;
	uint32_t len;
};

/* Copies `len` bytes of these buffers from byte `skip` on, of which there are as many. */
static inline void bufs_read(const struct buf *buf, uint64_t skip, void *to, uint64_t len)
{
	uint8_t *dst = (uint8_t *)to;

	for (; len > 0; buf++) {
		uint64_t n = buf->len;

		if (skip >= n) {
			skip -= n;
			continue;
		}
		n = n - skip < len ? n - skip : len;
		memcpy(dst, buf->host + skip, n);
		skip = 0;
		dst += n;
		len -= n;
	}
	FETCHED(to);
}

static inline void set_half(uint64_t *to, bool high, uint32_t value)
{
	*to = high ? (*to & 0xffffffffull) | (uint64_t)value << 32 : (*to & ~0xffffffffull) | value;
}

/* A write to one of the registers that say how large a queue is, and where. */
static inline void virtqueue_set(struct virtqueue *q, uint64_t offset, uint32_t value)
{
	if (offset == MMIO_QUEUE_NUM)
		q->num = value;
	else if (offset == MMIO_DESC_LOW || offset == MMIO_DESC_HIGH)
		set_half(&q->desc_addr, offset == MMIO_DESC_HIGH, value);
	else if (offset == MMIO_AVAIL_LOW || offset == MMIO_AVAIL_HIGH)
		set_half(&q->avail_addr, offset == MMIO_AVAIL_HIGH, value);
	else if (offset == MMIO_USED_LOW || offset == MMIO_USED_HIGH)
		set_half(&q->used_addr, offset == MMIO_USED_HIGH, value);
}

/* What the registers that are the same for all devices with this id read as; 0 of others. */
static inline uint32_t fixed_register(uint64_t offset, uint32_t device_id)
{
	switch (offset) {
	case MMIO_MAGIC:
		return VIRTIO_MAGIC;
	case MMIO_VERSION:
		return 2;
	case MMIO_DEVICE_ID:
		return device_id;
	case MMIO_VENDOR_ID:
		return 0x59424248; /* "HBBY" */
	case MMIO_SHM_LEN_LOW:
	case MMIO_SHM_LEN_HIGH:
	case MMIO_SHM_BASE_LOW:
	case MMIO_SHM_BASE_HIGH:
		return 0xffffffff; /* there is no such region */
	default:
		return 0;
	}
}

/* Starts as its registers say, if it has up to `most` entries, a power of 2, all of it in RAM.
 */
static inline void virtqueue_start(struct virtqueue *q, const struct vm *vm, uint32_t most)
{
	uint64_t num = q->num;

	if (num > most || num == 0 || num & (num - 1))
		return;
	if (q->desc_addr % 16 || q->avail_addr % 2 || q->used_addr % 4)
		return;
	q->last_avail = q->used_idx = 0;
	q->desc = (struct vring_desc *)vm_ptr(vm, q->desc_addr, 16 * num);
	q->avail = (struct vring_avail *)vm_ptr(vm, q->avail_addr, 4 + 2 * num);
	q->used = (struct vring_used *)vm_ptr(vm, q->used_addr, 4 + 8 * num);
	q->ready = q->desc && q->avail && q->used;
}

#endif
