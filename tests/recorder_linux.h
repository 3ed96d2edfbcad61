/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver that does what Linux's does, rings and buffers anywhere in RAM: for test_recorder_*.c.
 */
#ifndef TESTS_RECORDER_LINUX_H
#define TESTS_RECORDER_LINUX_H

#include "recorder_rig.h"

/* ---- what Linux does: virtio_mmio.c, virtio.c, virtio_ring.c ---- */

struct sg {
	uint64_t gpa;
	uint32_t len;
	bool in;
};

static inline void identify(void)
{
	readl(VIRTIO_MMIO_MAGIC);
	readl(VIRTIO_MMIO_VERSION);
	readl(VIRTIO_MMIO_DEVICE_ID);
	readl(VIRTIO_MMIO_VENDOR_ID);
}

static inline void add_status(uint32_t bits)
{
	writel(VIRTIO_MMIO_STATUS, readl(VIRTIO_MMIO_STATUS) | bits);
}

static inline void negotiate(uint64_t wanted)
{
	writel(VIRTIO_MMIO_STATUS, 0);
	add_status(VIRTIO_STATUS_ACKNOWLEDGE);
	add_status(VIRTIO_STATUS_DRIVER);
	writel(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	rig.features = (uint64_t)readl(VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	writel(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	rig.features |= readl(VIRTIO_MMIO_DEVICE_FEATURES);
	rig.features &= wanted | BIT(VIRTIO_F_VERSION_1);
	writel(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	writel(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(rig.features >> 32));
	writel(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	writel(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)rig.features);
	add_status(VIRTIO_STATUS_FEATURES_OK);
	readl(VIRTIO_MMIO_STATUS);
}

static inline void write64(uint32_t low, uint64_t value)
{
	writel(low, (uint32_t)value);
	writel(low + 4, (uint32_t)(value >> 32));
}

/* Rings one after the other from `base` on, the used ring on a page of its own. */
static inline void set_up_queue(unsigned int index, uint64_t base)
{
	struct ring *q = &vq[index];

	memset(q, 0, sizeof(*q));
	q->index = index;
	writel(VIRTIO_MMIO_QUEUE_SEL, index);
	readl(VIRTIO_MMIO_QUEUE_READY);
	q->size = (uint16_t)readl(VIRTIO_MMIO_QUEUE_SIZE_MAX);
	q->desc = base;
	q->avail = base + 16ull * q->size;
	q->used = (q->avail + 6 + 2ull * q->size + 0xfff) & ~0xfffull;
	writel(VIRTIO_MMIO_QUEUE_SIZE, q->size);
	write64(VIRTIO_MMIO_QUEUE_DESC_LOW, q->desc);
	write64(VIRTIO_MMIO_QUEUE_DRIVER_LOW, q->avail);
	write64(VIRTIO_MMIO_QUEUE_DEVICE_LOW, q->used);
	writel(VIRTIO_MMIO_QUEUE_READY, 1);
}

static inline void put_desc(uint64_t table, unsigned int index, const struct sg *sg,
			    unsigned int flags, unsigned int next)
{
	struct virtq_desc d = {
		.addr = htole64(sg->gpa),
		.len = htole32(sg->len),
		.flags = htole16((uint16_t)(flags | (sg->in ? VIRTQ_DESC_F_WRITE : 0))),
		.next = htole16((uint16_t)next),
	};

	put(table + 16ull * index, &d, sizeof(d));
}

static inline void put_table(uint64_t table, const struct sg *sg, unsigned int count,
			     unsigned int first, unsigned int size)
{
	for (unsigned int i = 0; i < count; i++)
		put_desc(table, (first + i) % size, &sg[i], i + 1 < count ? VIRTQ_DESC_F_NEXT : 0,
			 i + 1 < count ? (first + i + 1) % size : 0);
}

/* As virtqueue_add: indirect if that was accepted and there is more than one. */
static inline void add_chain(struct ring *q, const struct sg *sg, unsigned int count)
{
	bool indirect = count > 1 && rig.features & BIT(VIRTIO_F_INDIRECT_DESC);
	struct sg table = { 0, 16 * count, false };

	put16(q->avail + 4 + 2ull * (q->avail_idx % q->size), q->next % q->size);
	if (indirect) {
		table.gpa = allocate(table.len);
		put_table(table.gpa, sg, count, 0, count);
		put_desc(q->desc, q->next % q->size, &table, VIRTQ_DESC_F_INDIRECT, 0);
		q->next++;
	} else {
		put_table(q->desc, sg, count, q->next % q->size, q->size);
		q->next = (uint16_t)(q->next + count);
	}
	put16(q->avail + 2, ++q->avail_idx);
}

static inline void kick(struct ring *q)
{
	uint16_t event = get16(q->used + 4 + 8ull * q->size);
	uint16_t old = q->kicked_idx;

	q->kicked_idx = q->avail_idx;
	if (rig.features & BIT(VIRTIO_F_EVENT_IDX) &&
	    (uint16_t)(q->avail_idx - event - 1) >= (uint16_t)(q->avail_idx - old))
		return;
	writel(VIRTIO_MMIO_QUEUE_NOTIFY, q->index);
}

/* vm_interrupt, then vring_interrupt of each queue. */
static inline void interrupt(void)
{
	if (!rig.irq)
		return;
	writel(VIRTIO_MMIO_INTERRUPT_ACK, readl(VIRTIO_MMIO_INTERRUPT_STATUS));
	for (unsigned int i = 0; i < 3 && vq[i].size; i++) {
		vq[i].last_used = get16(vq[i].used + 2);
		if (rig.features & BIT(VIRTIO_F_EVENT_IDX))
			put16(vq[i].avail + 4 + 2ull * vq[i].size, vq[i].last_used);
	}
}

/* virtio_cread of several bytes */
static inline void config_many(uint32_t offset, unsigned int width, unsigned int count)
{
	readl(VIRTIO_MMIO_CONFIG_GENERATION);
	for (unsigned int i = 0; i < count; i++)
		rd(VIRTIO_MMIO_CONFIG + offset + i * width, width);
	readl(VIRTIO_MMIO_CONFIG_GENERATION);
}

static inline void config(uint32_t offset, unsigned int width)
{
	rd(VIRTIO_MMIO_CONFIG + offset, width);
}

/* ---- virtio_blk.c ---- */

static inline void probe_blk(uint64_t rings)
{
	identify();
	negotiate(~BIT(VIRTIO_F_RING_RESET));
	config(12, 4);
	set_up_queue(0, rings);
	config(32, 1);
	config(20, 4);
	config(24, 1);
	config(25, 1);
	config(26, 2);
	config(28, 4);
	config(44, 4);
	config(36, 4);
	config(40, 4);
	config(48, 4);
	config(52, 4);
	config_many(0, 4, 2);
	add_status(VIRTIO_STATUS_DRIVER_OK);
}

/* `cuts` segments of `len` bytes each, and no notification. */
static inline void queue_blk(uint32_t type, uint64_t sector, unsigned int cuts, uint32_t len)
{
	struct virtio_blk_header header = { htole32(type), 0, htole64(sector) };
	uint64_t at = allocate(32);
	struct sg sg[34] = { { at, 16, false } };
	unsigned int count = 1;

	put(at, &header, sizeof(header));
	for (unsigned int i = 0; i < cuts; i++)
		sg[count++] = (struct sg){ allocate(len), len, type != VIRTIO_BLK_T_OUT };
	sg[count++] = (struct sg){ at + 16, 1, true };
	add_chain(&vq[0], sg, count);
}

static inline void queue_ranges(uint32_t type, uint64_t sector, uint32_t sectors,
				unsigned int count, uint32_t flags)
{
	struct virtio_blk_header header = { htole32(type), 0, 0 };
	uint64_t at = allocate(32);
	uint64_t ranges = allocate(16 * count);
	const struct sg sg[] = { { at, 16, false },
				 { ranges, 16 * count, false },
				 { at + 16, 1, true } };

	put(at, &header, sizeof(header));
	for (unsigned int i = 0; i < count; i++) {
		struct virtio_blk_range r = { htole64(sector + i * sectors), htole32(sectors),
					      htole32(flags) };

		put(ranges + 16ull * i, &r, sizeof(r));
	}
	add_chain(&vq[0], sg, 3);
}

static inline void do_blk(uint32_t type, uint64_t sector, unsigned int cuts, uint32_t len)
{
	queue_blk(type, sector, cuts, len);
	kick(&vq[0]);
	interrupt();
}

/* ---- virtio_net.c ---- */

static inline void probe_net(uint64_t rings)
{
	identify();
	negotiate(UINT64_MAX);
	config(10, 2);
	config_many(0, 1, 6);
	for (unsigned int i = 0; i < 3; i++)
		set_up_queue(i, rings + i * 0x8000ull);
	add_status(VIRTIO_STATUS_DRIVER_OK);
	config(6, 2);
}

static inline void fill_receive(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct sg sg = { allocate(1536), 1536, true };

		add_chain(&vq[ANVIL_NET_RX], &sg, 1);
	}
	kick(&vq[ANVIL_NET_RX]);
}

static inline void command(uint8_t class, uint8_t cmd, const void *data, uint32_t len)
{
	uint64_t at = allocate(4096);
	const uint8_t head[] = { class, cmd };
	const struct sg sg[] = { { at, 2, false }, { at + 16, len, false }, { at + 8, 1, true } };

	put(at, head, 2);
	put(at + 16, data, len);
	add_chain(&vq[ANVIL_NET_CTRL], sg, 3);
	kick(&vq[ANVIL_NET_CTRL]);
}

/* virtnet_set_rx_mode: the tables lie in two buffers */
static inline void command_tables(unsigned int unicast, unsigned int multicast)
{
	uint64_t at = allocate(4096);
	const uint8_t head[] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET };
	const struct sg sg[] = { { at, 2, false },
				 { at + 16, 4 + 6 * unicast, false },
				 { at + 2048, 4 + 6 * multicast, false },
				 { at + 8, 1, true } };
	uint32_t counts[] = { htole32(unicast), htole32(multicast) };

	put(at, head, 2);
	put(at + 16, &counts[0], 4);
	put(at + 2048, &counts[1], 4);
	add_chain(&vq[ANVIL_NET_CTRL], sg, 4);
	kick(&vq[ANVIL_NET_CTRL]);
}

/* An IPv4 TCP frame with timestamps, or an ARP request. */
static inline unsigned int build(uint8_t *at, bool tcp)
{
	memset(at, 0, 66);
	memcpy(at, "\xff\xff\xff\xff\xff\xff\x02\xca\xfe\x01\x02\x03\x08\x06", 14);
	if (!tcp)
		return 42;
	memcpy(at, "\x52\x55\x0a\x00\x02\x02", 6);
	at[13] = 0;
	at[14] = 0x45;
	at[23] = 6;
	at[34 + 12] = 0x80;
	return 66;
}

/* As xmit_skb: header and linear part in one buffer, the rest in pages. */
static inline void queue_frame(const struct virtio_net_header *header, bool tcp, unsigned int pages)
{
	uint64_t at = allocate(4096);
	uint8_t bytes[128];
	struct sg sg[18] = { { at, 12, false } };

	sg[0].len += build(bytes, tcp);
	put(at, header, 12);
	put(at + 12, bytes, sg[0].len - 12);
	for (unsigned int i = 0; i < pages; i++)
		sg[i + 1] = (struct sg){ allocate(4096), 4096, false };
	add_chain(&vq[ANVIL_NET_TX], sg, 1 + pages);
}

static const struct virtio_net_header csum_offload = { .flags = 1,
						       .csum_start = 34,
						       .csum_offset = 16 };
static const struct virtio_net_header tso_offload = { .flags = 1,
						      .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
						      .hdr_len = 66,
						      .gso_size = 1448,
						      .csum_start = 34,
						      .csum_offset = 16 };

static inline void some_blk_requests(void)
{
	do_blk(VIRTIO_BLK_T_GET_ID, 0, 1, 20);
	do_blk(VIRTIO_BLK_T_IN, 0, 1, 4096);
	do_blk(VIRTIO_BLK_T_IN, 1000, 2, 4096);
	do_blk(VIRTIO_BLK_T_OUT, 0xffff0, 1, 8192);
	do_blk(VIRTIO_BLK_T_OUT, 0xfff00, 5, 4096);
	do_blk(VIRTIO_BLK_T_IN, 77, 32, 4096);
	queue_blk(VIRTIO_BLK_T_IN, 8, 1, 512);
	queue_blk(VIRTIO_BLK_T_OUT, 9, 1, 1024);
	queue_blk(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	kick(&vq[0]);
	interrupt();
	queue_ranges(VIRTIO_BLK_T_DISCARD, 128, 16, 1, 0);
	queue_ranges(VIRTIO_BLK_T_WRITE_ZEROES, 4000, 32768, 1, VIRTIO_BLK_SEG_UNMAP);
	queue_ranges(VIRTIO_BLK_T_DISCARD, 40, 8, 4, 0);
	kick(&vq[0]);
	interrupt();
}

#endif
