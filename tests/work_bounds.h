/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The work of one call, whatever a guest has in its rings: for test_work_bounds_*.c. All chains of
 * a queue may be as long as the queue, through one table that they share: what a call does must not
 * grow with the square of the queue's size. Counted are accesses to guest memory, in each call.
 */
#ifndef TESTS_WORK_BOUNDS_H
#define TESTS_WORK_BOUNDS_H

#include "support.h"

#include <sys/mman.h>

#include "virtio_blk.h"
#include "virtio_net.h"

#define MIB	 (1024u * 1024u)
#define RAM	 (64u * MIB)
#define QUEUES	 8u
#define DESC(q)	 (2u * MIB * (q))
#define AVAIL(q) (DESC(q) + MIB)
#define USED(q)	 (AVAIL(q) + MIB / 4)
#define TABLE	 (2u * MIB * QUEUES)
#define BUFFER	 (48u * MIB)
#define SLOTS	 8u

static struct {
	uint8_t *ram;
	struct anvil_guest_memory memory;
	struct anvil_guest_memory_tap tap;
	struct anvil_mmio mmio;
	bool deferred;
	bool irq;

	unsigned int size;
	bool packed;
	uint64_t accesses; /* of the call */
	uint64_t most;	   /* of any call */
	unsigned int calls;
	uint16_t avail[QUEUES];

	struct anvil_nic nic;
	struct anvil_net net;
	bool stalled;
	unsigned int sent;

	struct anvil_disk disk;
	struct anvil_blk blk;
	bool defers;
	struct anvil_disk_request *at_disk[SLOTS];
	unsigned int requests;
} t;

/* ---- a machine that counts ---- */

static inline void fetching(void *opaque, uint64_t gpa, size_t len)
{
	(void)opaque, (void)gpa, (void)len;
}

static inline void accessed(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	(void)opaque, (void)gpa, (void)bytes, (void)len;
	t.accesses++;
}

static inline void set_irq(void *opaque, bool asserted)
{
	(void)opaque;
	t.irq = asserted;
}

static inline void defer(void *opaque)
{
	(void)opaque;
	t.deferred = true;
}

static const struct anvil_mmio_host_ops host = { .set_irq = set_irq, .defer = defer };

static inline void call_begins(void)
{
	t.accesses = 0;
}

/* The right number, said once more: ANVIL_DEVICE_ACCESSES. */
static inline void call_ends(void)
{
	t.calls++;
	if (t.accesses > t.most)
		t.most = t.accesses;
	assert_true(t.accesses <= 5 * 16384 + 8ull * t.size + 512);
}

static inline uint32_t get(unsigned int offset)
{
	return (uint32_t)anvil_mmio_read(&t.mmio, offset, 4);
}

static inline void set(unsigned int offset, uint32_t value)
{
	call_begins();
	anvil_mmio_write(&t.mmio, offset, 4, value);
	call_ends();
}

/* Goes on until nothing is left over. Returns after how many polls. */
static inline unsigned int poll_all(void)
{
	unsigned int polls = 0;

	while (t.deferred) {
		t.deferred = false;
		call_begins();
		anvil_mmio_poll(&t.mmio);
		call_ends();
		polls++;
		assert_true(polls <= QUEUES * 32768);
	}
	return polls;
}

static inline void put(uint64_t gpa, const void *bytes, size_t len)
{
	assert_true(gpa + len <= RAM);
	memcpy(t.ram + gpa, bytes, len);
}

/* Packed rings have flags where split ones have `next`. */
static inline void put_desc(uint64_t at, uint64_t gpa, uint32_t len, unsigned int flags,
			    unsigned int next)
{
	const struct virtq_desc d = { gpa, len, (uint16_t)(t.packed ? 0 : flags),
				      (uint16_t)(t.packed ? flags & WRITABLE : next) };

	put(at, &d, sizeof(d));
}

/* A table of `entries`, the first `readable` ones of `len` bytes for the device to read. */
static inline void put_table(unsigned int entries, unsigned int readable, uint32_t len,
			     uint32_t last)
{
	for (unsigned int i = 0; i < entries; i++)
		put_desc(TABLE + 16ull * i, BUFFER + i * 64ull, i + 1 < entries ? len : last,
			 (i < readable ? 0 : WRITABLE) | (i + 1 < entries ? NEXT : 0), i + 1);
}

/* Makes `count` chains available, each of them that one table. */
static inline void offer_tables(unsigned int queue, unsigned int entries, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint16_t slot = (uint16_t)((t.avail[queue] + i) % t.size);

		if (t.packed) {
			const struct pvirtq_desc d = { .addr = TABLE,
						       .len = 16 * entries,
						       .id = slot,
						       .flags = INDIRECT | VIRTQ_DESC_F_AVAIL };

			put(DESC(queue) + 16ull * slot, &d, sizeof(d));
			continue;
		}
		put_desc(DESC(queue) + 16ull * slot, TABLE, 16 * entries, INDIRECT, 0);
		put(AVAIL(queue) + 4 + 2ull * slot, &slot, sizeof(slot));
	}
	t.avail[queue] = (uint16_t)(t.avail[queue] + count);
	if (!t.packed)
		put(AVAIL(queue) + 2, &t.avail[queue], 2);
}

static inline uint16_t used(unsigned int queue)
{
	uint16_t index;

	memcpy(&index, t.ram + USED(queue) + 2, 2);
	return index;
}

static inline void expect_all_used(unsigned int queue)
{
	if (t.packed) {
		for (unsigned int i = 0; i < t.avail[queue]; i++)
			assert_true(t.ram[DESC(queue) + 16ull * i + 15] & 0x80);
	} else {
		assert_int_equal(used(queue), t.avail[queue]);
	}
}

static inline void start_queue(unsigned int queue)
{
	set(VIRTIO_MMIO_QUEUE_SEL, queue);
	set(VIRTIO_MMIO_QUEUE_SIZE, t.size);
	set(VIRTIO_MMIO_QUEUE_DESC_LOW, DESC(queue));
	set(VIRTIO_MMIO_QUEUE_DRIVER_LOW, AVAIL(queue));
	set(VIRTIO_MMIO_QUEUE_DEVICE_LOW, USED(queue));
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 1);
}

/* All that is offered is accepted. */
static inline void drive(struct anvil_device *dev)
{
	anvil_mmio_init(&t.mmio, dev, &host, NULL);
	set(VIRTIO_MMIO_STATUS, 1);
	set(VIRTIO_MMIO_STATUS, 3);
	for (uint32_t i = 0; i < 4; i++) {
		set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, i);
		set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, i);
		set(VIRTIO_MMIO_DRIVER_FEATURES, get(VIRTIO_MMIO_DEVICE_FEATURES));
	}
	set(VIRTIO_MMIO_STATUS, 11);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), 11);
	for (unsigned int i = 0; i < dev->queues; i++)
		start_queue(i);
	set(VIRTIO_MMIO_STATUS, 15);
}

static inline void fresh(unsigned int size, bool packed)
{
	struct anvil_guest_memory_region region = { 0, RAM, NULL };
	uint8_t *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(ram, MAP_FAILED);
	memset(&t, 0, sizeof(t));
	t.ram = ram;
	t.size = size;
	t.packed = packed;
	region.host = ram;
	assert_int_equal(anvil_guest_memory_init(&t.memory, &region, 1), 0);
	t.tap = (struct anvil_guest_memory_tap){ fetching, accessed, accessed, NULL };
	t.memory.tap = &t.tap;
}

static const unsigned int sizes[] = { 256, 2048, 32768 };

/* For each size, with both kinds of rings; chains of a hostile guest are few of the largest. */
static inline unsigned int chains_of(unsigned int size)
{
	return size <= 2048 ? size : 64;
}

/* ---- the network device ---- */

static inline int send(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	(void)nic, (void)frame;
	if (t.stalled)
		return -EAGAIN;
	t.sent++;
	return 0;
}

static const struct anvil_nic_ops nic_ops = { .send = send };

static inline void make_net(unsigned int size, bool packed, unsigned int pairs, bool in_order)
{
	struct anvil_net_options o = { .queue_size_max = (uint16_t)size,
				       .mtu = 1500,
				       .link_up = true,
				       .queue_pairs_max = (uint16_t)pairs };

	fresh(size, packed);
	t.nic.ops = &nic_ops;
	o.memory = &t.memory;
	o.nic = &t.nic;
	o.features = features(VIRTIO_F_INDIRECT_DESC, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MRG_RXBUF,
			      VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_DEVICE_STATS, -1);
	if (pairs > 1)
		anvil_features_add(&o.features, VIRTIO_NET_F_MQ);
	if (packed)
		anvil_features_add(&o.features, VIRTIO_F_RING_PACKED);
	if (in_order)
		anvil_features_add(&o.features, VIRTIO_F_IN_ORDER);
	assert_int_equal(anvil_net_init(&t.net, &o), 0);
	drive(&t.net.dev);
}

static inline void end_net(void)
{
	anvil_net_destroy(&t.net);
	munmap(t.ram, RAM);
}

#endif
