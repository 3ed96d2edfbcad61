/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device behind the legacy register window (version 1), of either byte order, and a legacy
 * driver of it.
 */
#ifndef TESTS_LEGACY_FIXTURE_H
#define TESTS_LEGACY_FIXTURE_H

#include "support.h"

#include <endian.h>

#include "virtio_blk.h"
#include "virtio_net.h"

#define QUEUE 16u
#define PAGE  4096u
#define LIVE  7u /* ACKNOWLEDGE, DRIVER, DRIVER_OK */

#define QUEUE_AT  RAM_LOW
#define QUEUE_GAP (2 * PAGE) /* from one queue to the next */
#define DATA_AT	  (RAM_SEAM - 0x100)
#define IN_AT	  (RAM_HIGH + 0x100)

struct fixture {
	struct guest guest; /* its rings are those of version 2: not used here */
	bool big;
	struct fake_device fake;
	struct test_disk disk;
	struct anvil_blk blk;
	struct test_nic nic;
	struct anvil_net net;
	uint16_t avail_idx[3];
	uint16_t used_idx[3];
};

/* ---- a legacy driver ---- */

static inline void put(struct fixture *f, uint64_t gpa, uint64_t value, size_t bytes)
{
	uint8_t raw[8];

	for (size_t i = 0; i < bytes; i++)
		raw[f->big ? bytes - 1 - i : i] = (uint8_t)(value >> (8 * i));
	ram_put(&f->guest.ram, gpa, raw, bytes);
}

static inline uint64_t order_bytes(const struct fixture *f, const uint8_t *raw, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)raw[f->big ? bytes - 1 - i : i] << (8 * i);
	return value;
}

static inline uint64_t get(struct fixture *f, uint64_t gpa, size_t bytes)
{
	uint8_t raw[8];

	ram_get(&f->guest.ram, gpa, raw, bytes);
	return order_bytes(f, raw, bytes);
}

static inline uint64_t desc_at(unsigned int queue)
{
	return QUEUE_AT + queue * QUEUE_GAP;
}

static inline uint64_t avail_at(unsigned int queue)
{
	return desc_at(queue) + 16 * QUEUE;
}

static inline uint64_t used_at(unsigned int queue)
{
	return desc_at(queue) + PAGE;
}

static inline uint32_t read_pfn(struct fixture *f)
{
	return reg_read(&f->guest, VIRTIO_MMIO_QUEUE_PFN);
}

static inline void place(struct fixture *f, unsigned int queue, uint32_t size, uint32_t align,
			 uint32_t pfn)
{
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, queue);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SIZE, size);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_ALIGN, align);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_PFN, pfn);
}

static inline void place_well(struct fixture *f, unsigned int queue)
{
	f->avail_idx[queue] = 0;
	f->used_idx[queue] = 0;
	put(f, avail_at(queue), 0, 4);
	put(f, used_at(queue), 0, 4);
	place(f, queue, f->fake.dev.queue ? 8 : QUEUE, PAGE, (uint32_t)(desc_at(queue) / PAGE));
}

/* As far as the features, the way that stock drivers go: the page size comes before the reset. */
static inline void begin(struct fixture *f, uint32_t features)
{
	reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 1);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 3);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, features);
}

static inline void drive(struct fixture *f, uint32_t features, unsigned int queues)
{
	begin(f, features);
	for (unsigned int i = 0; i < queues; i++)
		place_well(f, i);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	assert_int_equal(guest_status(&f->guest), LIVE);
}

static inline void describe(struct fixture *f, unsigned int queue, unsigned int index,
			    const struct buffer *b, bool more)
{
	uint64_t at = desc_at(queue) + 16 * index;

	put(f, at, b->gpa, 8);
	put(f, at + 8, b->len, 4);
	put(f, at + 12, b->flags | (more ? NEXT : 0u), 2);
	put(f, at + 14, index + 1, 2);
}

/* Makes one chain from descriptor 0 on available, and notifies. */
static inline void submit(struct fixture *f, unsigned int queue, const struct buffer *b,
			  unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		describe(f, queue, i, &b[i], i + 1 < count);
	put(f, avail_at(queue) + 4 + 2 * (f->avail_idx[queue] % QUEUE), 0, 2);
	put(f, avail_at(queue) + 2, ++f->avail_idx[queue], 2);
	guest_notify(&f->guest, queue);
}

/* The next used entry is chain 0 with this length. */
static inline void expect_used(struct fixture *f, unsigned int queue, uint32_t len)
{
	uint64_t at = used_at(queue) + 4 + 8 * (f->used_idx[queue] % QUEUE);

	assert_int_equal(get(f, used_at(queue) + 2, 2), ++f->used_idx[queue]);
	assert_int_equal(get(f, at, 4), 0);
	assert_int_equal(get(f, at + 4, 4), len);
}

/* ---- fixtures ---- */

static inline void attach(struct fixture *f, struct anvil_device *dev)
{
	guest_attach(&f->guest, dev); /* for the interrupts; then anew */

	const struct anvil_mmio_host_ops *host = f->guest.mmio.host;
	void *opaque = f->guest.mmio.opaque;

	dev->transport = NULL;
	assert_int_equal(anvil_mmio_init_legacy(&f->guest.mmio, dev, host, opaque, f->big), 0);
}

static inline struct fixture *begin_fixture(bool big)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guest_init(&f->guest);
	f->big = big;
	return f;
}

static inline int setup_fake(void **state)
{
	struct fixture *f = begin_fixture(false);

	fake_device_init(&f->fake, &f->guest.ram.memory);
	attach(f, &f->fake.dev);
	*state = f;
	return 0;
}

static inline int teardown_fake(void **state)
{
	struct fixture *f = *state;

	anvil_device_destroy(&f->fake.dev);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

/* ---- configuration space ---- */

static inline uint64_t config(struct fixture *f, uint32_t offset, size_t bytes)
{
	uint8_t raw[8];

	for (uint32_t i = 0; i < bytes; i++)
		raw[i] = (uint8_t)anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + offset + i,
						  1);
	return order_bytes(f, raw, bytes);
}

/* ---- registration ---- */

#define FAKE(name) cmocka_unit_test_setup_teardown(name, setup_fake, teardown_fake)

#endif
