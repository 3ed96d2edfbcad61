/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device on the bench with the legacy interface, by MMIO version 1, and a legacy driver of either
 * byte order: for legacy_*.c.
 */
#ifndef TESTS_CONFORMANCE_LEGACY_BENCH_H
#define TESTS_CONFORMANCE_LEGACY_BENCH_H

#include "array_size.h"
#include "bench.h"

#include <endian.h>

#define PAGE   4096u
#define SECTOR ANVIL_DISK_SECTOR_BYTES

#define GUEST_PAGE_SIZE 0x028u
#define QUEUE_ALIGN	0x03cu
#define QUEUE_PFN	0x040u

#define RING_AT(queue) (RAM_LOW + 0x10000ull + 0x4000ull * (queue))
#define OUT_AT	       RAM_LOW
#define IN_AT	       (RAM_LOW + 0x8000)

/* A legacy driver. */
struct driver {
	struct bench *b;
	bool big;
	struct legacy_ring {
		uint32_t size;
		uint64_t desc, avail, used;
		uint16_t free, avail_idx, used_idx;
	} ring[3];
};

static inline uint16_t u16(const struct driver *d, unsigned int value)
{
	return d->big ? htobe16((uint16_t)value) : htole16((uint16_t)value);
}

static inline uint32_t u32(const struct driver *d, uint32_t value)
{
	return d->big ? htobe32(value) : htole32(value);
}

static inline uint64_t u64(const struct driver *d, uint64_t value)
{
	return d->big ? htobe64(value) : htole64(value);
}

/* ---- a driver's way in (3.1.2, 4.2.4) ---- */

static inline void make_legacy(struct driver *d, struct bench *b, bool big)
{
	const struct anvil_mmio_host_ops *host = b->guest.mmio.host;

	*d = (struct driver){ .b = b, .big = big };
	if (b->is_blk) {
		anvil_blk_destroy(&b->blk);
		assert_int_equal(anvil_blk_init(&b->blk, &b->blk_options), 0);
	} else {
		anvil_net_destroy(&b->net);
		assert_int_equal(anvil_net_init(&b->net, &b->net_options), 0);
	}
	b->guest.irq = false;
	assert_int_equal(anvil_mmio_init_legacy(&b->guest.mmio, b->dev, host, &b->guest, big), 0);
}

static inline void put(struct driver *d, uint32_t offset, uint32_t value)
{
	reg_write(&d->b->guest, offset, value);
}

static inline uint32_t get(struct driver *d, uint32_t offset)
{
	return reg_read(&d->b->guest, offset);
}

static inline void find(struct driver *d, struct anvil_features set)
{
	put(d, GUEST_PAGE_SIZE, PAGE);
	put(d, VIRTIO_MMIO_STATUS, 0);
	put(d, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
	put(d, VIRTIO_MMIO_STATUS, UP_TO_DRIVER);
	put(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	put(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)set.word[0]);
}

/* 2.7.2, with the used ring at the next multiple of `align` */
static inline bool place(struct driver *d, unsigned int queue, uint64_t at, uint32_t size,
			 uint32_t align, uint32_t page)
{
	struct legacy_ring *r = &d->ring[queue];

	*r = (struct legacy_ring){ .size = size, .desc = at, .avail = at + 16ull * size };
	r->used = (r->avail + 2ull * (3 + size) + align - 1) / align * align;
	ram_fill(&d->b->guest.ram, at, 0, (size_t)(r->used + 6 + 8ull * size - at));
	put(d, VIRTIO_MMIO_QUEUE_SEL, queue);
	if (get(d, VIRTIO_MMIO_QUEUE_SIZE_MAX) == 0 || get(d, QUEUE_PFN) != 0)
		return false;
	put(d, VIRTIO_MMIO_QUEUE_SIZE, size);
	put(d, QUEUE_ALIGN, align);
	put(d, QUEUE_PFN, (uint32_t)(at / page));
	return get(d, QUEUE_PFN) == at / page;
}

static inline void start(struct driver *d, struct anvil_features set)
{
	find(d, set);
	for (unsigned int i = 0; i < bench_queues(d->b, set); i++)
		assert_true(place(d, i, RING_AT(i), BENCH_QUEUE, PAGE, PAGE));
	put(d, VIRTIO_MMIO_STATUS, UP_TO_DRIVER | VIRTIO_STATUS_DRIVER_OK);
}

static inline uint16_t offer(struct driver *d, unsigned int queue, const struct buffer *buffer,
			     unsigned int count)
{
	struct legacy_ring *r = &d->ring[queue];
	uint16_t head = r->free;
	uint16_t entry = u16(d, head);

	for (unsigned int i = 0; i < count; i++) {
		uint16_t next = (uint16_t)((r->free + 1u) % r->size);
		struct virtq_desc desc = { u64(d, buffer[i].gpa), u32(d, buffer[i].len),
					   u16(d, buffer[i].flags | (i + 1 < count ? NEXT : 0u)),
					   u16(d, next) };

		ram_put(&d->b->guest.ram, r->desc + 16ull * r->free, &desc, sizeof(desc));
		r->free = next;
	}
	ram_put(&d->b->guest.ram, r->avail + 4 + 2ull * (r->avail_idx % r->size), &entry, 2);
	entry = u16(d, ++r->avail_idx);
	ram_put(&d->b->guest.ram, r->avail + 2, &entry, 2);
	return head;
}

static inline bool used(struct driver *d, unsigned int queue, uint16_t head, uint32_t *len)
{
	struct legacy_ring *r = &d->ring[queue];
	struct virtq_used_elem elem;
	uint16_t idx;

	ram_get(&d->b->guest.ram, r->used + 2, &idx, 2);
	if (u16(d, idx) == r->used_idx)
		return false;
	ram_get(&d->b->guest.ram, r->used + 4 + 8ull * (r->used_idx % r->size), &elem,
		sizeof(elem));
	assert_int_equal(u32(d, elem.id), head);
	*len = u32(d, elem.len);
	r->used_idx++;
	return true;
}

static inline void perform(struct driver *d, unsigned int queue, const struct buffer *buffer,
			   unsigned int count, uint32_t expected)
{
	uint16_t head = offer(d, queue, buffer, count);
	uint32_t len = 0;

	guest_notify(&d->b->guest, queue);
	assert_true(used(d, queue, head, &len));
	assert_int_equal(len, expected);
}

/* ---- requests ---- */

static inline uint8_t blk(struct driver *d, uint32_t type, uint64_t sector, const void *out,
			  uint32_t out_len, uint32_t in_len)
{
	struct virtio_blk_header header = { u32(d, type), 0, u64(d, sector) };
	struct buffer buffer[] = { { OUT_AT, 16, 0 },
				   { OUT_AT + 16, out_len, 0 },
				   { IN_AT, in_len, WRITABLE },
				   { IN_AT + in_len, 1, WRITABLE } };
	struct ram *ram = &d->b->guest.ram;

	ram_put(ram, OUT_AT, &header, sizeof(header));
	if (out_len)
		ram_put(ram, OUT_AT + 16, out, out_len);
	ram_fill(ram, IN_AT, BLK_NO_STATUS, in_len + 1);
	d->b->disk.logs = 0;
	perform(d, 0, buffer, ARRAY_SIZE(buffer), in_len + 1);
	return ram_get8(ram, IN_AT + in_len);
}

static inline void blk_works(struct driver *d)
{
	uint8_t out[SECTOR];
	uint8_t got[SECTOR];

	for (uint32_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 3 + i / 256);
	assert_int_equal(blk(d, VIRTIO_BLK_T_OUT, 5, out, SECTOR, 0), VIRTIO_BLK_S_OK);
	assert_memory_equal(d->b->disk.data + 5 * SECTOR, out, SECTOR);
	assert_int_equal(blk(d, VIRTIO_BLK_T_IN, 5, NULL, 0, SECTOR), VIRTIO_BLK_S_OK);
	ram_get(&d->b->guest.ram, IN_AT, got, sizeof(got));
	assert_memory_equal(got, out, SECTOR);
}

static inline void net_works(struct driver *d)
{
	struct buffer buffer = { OUT_AT, 10 + 60, 0 };
	const uint8_t *frame = net_frame(net_broadcast, 60);

	ram_fill(&d->b->guest.ram, OUT_AT, 0, 10);
	ram_put(&d->b->guest.ram, OUT_AT + 10, frame, 60);
	perform(d, ANVIL_NET_TX, &buffer, 1, 0);
	assert_int_equal(d->b->nic.len, 60);
	assert_memory_equal(d->b->nic.frame, frame, 60);
}

static inline void works(struct driver *d)
{
	if (d->b->is_blk)
		blk_works(d);
	else
		net_works(d);
}

/* ---- configuration space ---- */

#define WRITEBACK (VIRTIO_MMIO_CONFIG + offsetof(struct anvil_blk_config, writeback))

static inline uint8_t writeback(struct driver *d)
{
	return (uint8_t)anvil_mmio_read(&d->b->guest.mmio, WRITEBACK, 1);
}

#endif
