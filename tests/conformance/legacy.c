/* SPDX-License-Identifier: BSD-3-Clause */
/* The legacy interface, by MMIO version 1, of guests of either byte order (the legacy sections). */
#include "array_size.h"
#include "bench.h"

#include <endian.h>

#define PAGE   4096u
#define SECTOR ANVIL_DISK_SECTOR_BYTES

#define GUEST_PAGE_SIZE 0x028u
#define QUEUE_ALIGN	0x03cu
#define QUEUE_PFN	0x040u

#define ANY_LAYOUT 27

#define RING_AT(queue) (RAM_LOW + 0x10000ull + 0x4000ull * (queue))
#define OUT_AT	       RAM_LOW
#define IN_AT	       (RAM_LOW + 0x8000)
#define CTRL_AT	       (RAM_LOW + 0x4000)

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

static uint16_t u16(const struct driver *d, unsigned int value)
{
	return d->big ? htobe16((uint16_t)value) : htole16((uint16_t)value);
}

static uint32_t u32(const struct driver *d, uint32_t value)
{
	return d->big ? htobe32(value) : htole32(value);
}

static uint64_t u64(const struct driver *d, uint64_t value)
{
	return d->big ? htobe64(value) : htole64(value);
}

/* ---- a driver's way in (3.1.2, 4.2.4) ---- */

static void make_legacy(struct driver *d, struct bench *b, bool big)
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

static void put(struct driver *d, uint32_t offset, uint32_t value)
{
	reg_write(&d->b->guest, offset, value);
}

static uint32_t get(struct driver *d, uint32_t offset)
{
	return reg_read(&d->b->guest, offset);
}

static void find(struct driver *d, struct anvil_features set)
{
	put(d, GUEST_PAGE_SIZE, PAGE);
	put(d, VIRTIO_MMIO_STATUS, 0);
	put(d, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
	put(d, VIRTIO_MMIO_STATUS, UP_TO_DRIVER);
	put(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	put(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)set.word[0]);
}

/* 2.7.2, with the used ring at the next multiple of `align` */
static bool place(struct driver *d, unsigned int queue, uint64_t at, uint32_t size, uint32_t align,
		  uint32_t page)
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

static void start(struct driver *d, struct anvil_features set)
{
	find(d, set);
	for (unsigned int i = 0; i < bench_queues(d->b, set); i++)
		assert_true(place(d, i, RING_AT(i), BENCH_QUEUE, PAGE, PAGE));
	put(d, VIRTIO_MMIO_STATUS, UP_TO_DRIVER | VIRTIO_STATUS_DRIVER_OK);
}

static uint16_t offer(struct driver *d, unsigned int queue, const struct buffer *buffer,
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

static bool used(struct driver *d, unsigned int queue, uint16_t head, uint32_t *len)
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

static void perform(struct driver *d, unsigned int queue, const struct buffer *buffer,
		    unsigned int count, uint32_t expected)
{
	uint16_t head = offer(d, queue, buffer, count);
	uint32_t len = 0;

	guest_notify(&d->b->guest, queue);
	assert_true(used(d, queue, head, &len));
	assert_int_equal(len, expected);
}

/* ---- requests ---- */

static uint8_t blk(struct driver *d, uint32_t type, uint64_t sector, const void *out,
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

static void blk_works(struct driver *d)
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

static void net_works(struct driver *d)
{
	struct buffer buffer = { OUT_AT, 10 + 60, 0 };
	const uint8_t *frame = net_frame(net_broadcast, 60);

	ram_fill(&d->b->guest.ram, OUT_AT, 0, 10);
	ram_put(&d->b->guest.ram, OUT_AT + 10, frame, 60);
	perform(d, ANVIL_NET_TX, &buffer, 1, 0);
	assert_int_equal(d->b->nic.len, 60);
	assert_memory_equal(d->b->nic.frame, frame, 60);
}

static void works(struct driver *d)
{
	if (d->b->is_blk)
		blk_works(d);
	else
		net_works(d);
}

/* ---- basic facilities ---- */

static void legacy_drivers_are_served(void **state)
{
	for (unsigned int big = 0; big < 2; big++) {
		struct driver d;

		make_legacy(&d, *state, big);
		start(&d, features(-1));
		for (unsigned int i = 0; i < 3 * BENCH_QUEUE; i++)
			works(&d);
		assert_int_equal(guest_take_interrupts(&d.b->guest), VIRTIO_INTERRUPT_USED);
	}
}

static uint32_t offered(struct driver *d, uint32_t sel)
{
	put(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, sel);
	return get(d, VIRTIO_MMIO_DEVICE_FEATURES);
}

/* VERSION_1 and whatever is above: not known to legacy drivers. */
static void features_are_those_of_legacy_devices(void **state)
{
	struct bench *b = *state;
	struct driver d;

	make_legacy(&d, b, false);
	for (uint32_t sel = 1; sel < 4; sel++)
		assert_int_equal(offered(&d, sel), 0);
	assert_true(offered(&d, 0) >> ANY_LAYOUT & 1);
	assert_false(offered(&d, 0) >> 30 & 1);
	if (b->is_blk) {
		assert_false(offered(&d, 0) & 1);	/* BARRIER */
		assert_false(offered(&d, 0) >> 7 & 1);	/* SCSI */
		assert_false(offered(&d, 0) >> 17 & 1); /* ZONED */
	} else {
		assert_false(offered(&d, 0) >> 6 & 1); /* GSO */
	}
}

static uint64_t config(struct driver *d, size_t offset, unsigned int width)
{
	uint8_t bytes[8] = { 0 };

	for (uint32_t i = 0; i < width; i++)
		bytes[d->big ? width - 1 - i : i] = (uint8_t)anvil_mmio_read(
			&d->b->guest.mmio, VIRTIO_MMIO_CONFIG + offset + i, 1);

	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

#define BLK_FIELD(field)                                                                           \
	offsetof(struct anvil_blk_config, field), sizeof(((struct anvil_blk_config *)0)->field)
#define NET_FIELD(field)                                                                           \
	offsetof(struct anvil_net_config, field), sizeof(((struct anvil_net_config *)0)->field)

static void config_is_in_the_byte_order_of_the_guest(void **state)
{
	struct bench *b = *state;

	for (unsigned int big = 0; big < 2; big++) {
		struct driver d;

		make_legacy(&d, b, big);
		for (unsigned int i = 0; i < 3; i++) {
			if (b->is_blk) {
				const struct anvil_blk_options *o = &b->blk_options;

				assert_int_equal(config(&d, BLK_FIELD(capacity)),
						 b->disk.disk.capacity);
				assert_int_equal(config(&d, BLK_FIELD(size_max)), o->size_max);
				assert_int_equal(config(&d, BLK_FIELD(seg_max)), o->seg_max);
				assert_int_equal(config(&d, BLK_FIELD(geometry.cylinders)),
						 o->cylinders);
				assert_int_equal(config(&d, BLK_FIELD(blk_size)), o->blk_size);
				assert_int_equal(config(&d, BLK_FIELD(topology.min_io_size)),
						 o->min_io_size);
				assert_int_equal(config(&d, BLK_FIELD(topology.opt_io_size)),
						 o->opt_io_size);
				assert_int_equal(config(&d, BLK_FIELD(max_discard_sectors)),
						 o->range_sectors_max);
				b->disk.disk.capacity = 0x30;
				anvil_blk_resized(&b->blk);
			} else {
				assert_int_equal(config(&d, NET_FIELD(status)), i == 1 ? 0 : 1);
				assert_int_equal(config(&d, NET_FIELD(mtu)), BENCH_MTU);
				anvil_net_set_link(&b->net, i == 1);
			}
		}
		b->disk.disk.capacity = TEST_DISK_SECTORS;
	}
}

static void requests_may_have_any_layout(void **state)
{
	struct bench *b = *state;
	struct driver d;

	make_legacy(&d, b, false);
	start(&d, features(ANY_LAYOUT, -1));
	for (uint32_t cut = 1; cut < 16; cut++) {
		struct virtio_blk_header header = { htole32(VIRTIO_BLK_T_IN), 0, htole64(cut) };
		struct buffer buffer[] = { { OUT_AT, cut, 0 },
					   { OUT_AT + cut, 16 - cut, 0 },
					   { IN_AT, 31 * cut, WRITABLE },
					   { IN_AT + 31 * cut, SECTOR + 1 - 31 * cut, WRITABLE } };

		ram_put(&b->guest.ram, OUT_AT, &header, sizeof(header));
		b->disk.logs = 0;
		perform(&d, 0, buffer, ARRAY_SIZE(buffer), SECTOR + 1);
		assert_int_equal(ram_get8(&b->guest.ram, IN_AT + SECTOR), VIRTIO_BLK_S_OK);
		assert_int_equal(ram_get8(&b->guest.ram, IN_AT), b->disk.data[cut * SECTOR]);
	}
}

/* ---- 3.1.2 ---- */

#define WRITEBACK (VIRTIO_MMIO_CONFIG + offsetof(struct anvil_blk_config, writeback))

static void config_is_writable_before_features_are_read(void **state)
{
	static const uint8_t mac[6] = { 2, 4, 6, 8, 10, 12 };
	struct bench *b = *state;
	struct driver d;

	for (uint32_t status = 0; status <= UP_TO_DRIVER; status = status * 2 + 1) {
		make_legacy(&d, b, false);
		for (uint32_t step = 1; step <= status; step = step * 2 + 1)
			put(&d, VIRTIO_MMIO_STATUS, step);
		if (b->is_blk) {
			for (uint8_t value = 0; value < 4; value++) {
				anvil_mmio_write(&b->guest.mmio, WRITEBACK, 1, value & 1);
				assert_int_equal(anvil_mmio_read(&b->guest.mmio, WRITEBACK, 1),
						 value & 1);
			}
			continue;
		}
		for (uint32_t i = 0; i < 6; i++)
			anvil_mmio_write(&b->guest.mmio, VIRTIO_MMIO_CONFIG + i, 1, mac[i]);
		for (uint32_t i = 0; i < 6; i++)
			assert_int_equal(anvil_mmio_read(&b->guest.mmio, VIRTIO_MMIO_CONFIG + i, 1),
					 mac[i]);
	}
}

static void device_works_before_driver_ok(void **state)
{
	struct bench *b = *state;
	struct driver d;

	make_legacy(&d, b, false);
	find(&d, features(-1));
	assert_true(place(&d, b->queue, RING_AT(b->queue), BENCH_QUEUE, PAGE, PAGE));
	assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER);
	works(&d);
	put(&d, VIRTIO_MMIO_STATUS, UP_TO_DRIVER | VIRTIO_STATUS_DRIVER_OK);
	works(&d);
}

/* ---- 2.7.2, 4.2.4 ---- */

static void version_is_1(void **state)
{
	struct driver d;

	make_legacy(&d, *state, false);
	assert_int_equal(get(&d, VIRTIO_MMIO_VERSION), 1);
	assert_int_equal(get(&d, VIRTIO_MMIO_MAGIC), 0x74726976);
}

static void queues_lie_where_pfn_size_and_align_say(void **state)
{
	static const uint32_t page[] = { 512, 1024, 4096, 16384 };
	static const uint32_t align[] = { 4, 64, 512, 4096, 8192 };
	struct bench *b = *state;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(page) * ARRAY_SIZE(align); i++) {
		uint32_t page_size = page[i / 2 % ARRAY_SIZE(page)];
		uint32_t used_align = align[i / 2 / ARRAY_SIZE(page)];

		for (uint32_t size = 4; size <= BENCH_QUEUE; size *= 2) {
			struct driver d;

			make_legacy(&d, b, i % 2);
			find(&d, features(-1));
			put(&d, GUEST_PAGE_SIZE, page_size);
			assert_true(place(&d, b->queue, RAM_SEAM + page_size, size, used_align,
					  page_size));
			for (uint32_t n = 0; n < 2 * size; n++)
				works(&d);
		}
	}
}

static void pfn_reads_back_and_0_stops_the_queue(void **state)
{
	struct bench *b = *state;
	struct driver d;

	make_legacy(&d, b, false);
	start(&d, features(-1));
	put(&d, VIRTIO_MMIO_QUEUE_SEL, b->queue);
	assert_int_equal(get(&d, QUEUE_PFN), RING_AT(b->queue) / PAGE);
	works(&d);
	put(&d, VIRTIO_MMIO_QUEUE_SEL, b->queue);
	put(&d, QUEUE_PFN, 0);
	assert_int_equal(get(&d, QUEUE_PFN), 0);
	bench_watch(b);
	guest_notify(&b->guest, b->queue);
	assert_int_equal(b->accesses, 0);
	b->guest.ram.memory.tap = NULL;
	assert_true(place(&d, b->queue, RING_AT(2), BENCH_QUEUE, PAGE, PAGE));
	works(&d);
}

static void queue_size_max_is_0_for_no_queue(void **state)
{
	struct bench *b = *state;
	struct driver d;

	make_legacy(&d, b, false);
	for (uint32_t i = 0; i < 70; i++) {
		bool there = i < bench_queues(b, bench_features(b));

		put(&d, VIRTIO_MMIO_QUEUE_SEL, i < 69 ? i : UINT32_MAX);
		assert_int_equal(get(&d, VIRTIO_MMIO_QUEUE_SIZE_MAX), there ? BENCH_QUEUE : 0);
		assert_int_equal(get(&d, QUEUE_PFN), 0);
	}
}

static void reset_clears_every_pfn(void **state)
{
	struct bench *b = *state;
	struct driver d;

	make_legacy(&d, b, false);
	start(&d, features(-1));
	works(&d);
	put(&d, VIRTIO_MMIO_STATUS, 0);
	for (uint32_t i = 0; i < bench_queues(b, features(-1)); i++) {
		put(&d, VIRTIO_MMIO_QUEUE_SEL, i);
		assert_int_equal(get(&d, QUEUE_PFN), 0);
	}
	assert_int_equal(guest_status(&b->guest), 0);
	bench_watch(b);
	guest_notify(&b->guest, b->queue);
	assert_int_equal(b->accesses, 0);
}

/* ---- block (5.2.5.3, 5.2.6.3) ---- */

static uint8_t writeback(struct driver *d)
{
	return (uint8_t)anvil_mmio_read(&d->b->guest.mmio, WRITEBACK, 1);
}

/* DRIVER_OK of a driver without CONFIG_WCE is the one exception. */
static void status_bits_do_not_change_the_cache_mode(void **state)
{
	struct bench *b = *state;

	for (uint8_t mode = 0; mode < 2; mode++) {
		struct anvil_features wce = features(VIRTIO_BLK_F_CONFIG_WCE, -1);
		struct driver d;

		make_legacy(&d, b, false);
		anvil_mmio_write(&b->guest.mmio, WRITEBACK, 1, mode);
		put(&d, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
		assert_int_equal(writeback(&d), mode);
		put(&d, VIRTIO_MMIO_STATUS, UP_TO_DRIVER);
		assert_int_equal(writeback(&d), mode);
		put(&d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
		put(&d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)wce.word[0]);
		put(&d, VIRTIO_MMIO_STATUS, UP_TO_FEATURES_OK); /* a bit that is not known */
		assert_int_equal(writeback(&d), mode);
		put(&d, VIRTIO_MMIO_STATUS, UP_TO_DRIVER | VIRTIO_STATUS_DRIVER_OK);
		assert_int_equal(writeback(&d), mode);
	}
}

static void feature_bits_do_not_change_the_cache_mode(void **state)
{
	struct bench *b = *state;

	for (uint8_t mode = 0; mode < 2; mode++) {
		struct anvil_features set[] = { features(VIRTIO_BLK_F_CONFIG_WCE, -1),
						features(VIRTIO_BLK_F_CONFIG_WCE,
							 VIRTIO_BLK_F_FLUSH, -1),
						features(VIRTIO_BLK_F_FLUSH, -1), features(-1) };
		struct driver d;

		make_legacy(&d, b, false);
		put(&d, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
		put(&d, VIRTIO_MMIO_STATUS, UP_TO_DRIVER);
		anvil_mmio_write(&b->guest.mmio, WRITEBACK, 1, mode);
		put(&d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
		for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
			put(&d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)set[i].word[0]);
			assert_int_equal(writeback(&d), mode);
		}
		/* nor when they become final with a queue */
		put(&d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)set[0].word[0]);
		put(&d, GUEST_PAGE_SIZE, PAGE);
		assert_true(place(&d, 0, RING_AT(0), BENCH_QUEUE, PAGE, PAGE));
		works(&d);
		assert_int_equal(writeback(&d), mode);
	}
}

static void flush_out_is_a_flush(void **state)
{
	for (unsigned int big = 0; big < 2; big++) {
		struct driver d;

		make_legacy(&d, *state, big);
		start(&d, features(VIRTIO_BLK_F_FLUSH, -1));
		assert_int_equal(blk(&d, 5, 0, NULL, 0, 0), VIRTIO_BLK_S_OK);
		assert_int_equal(d.b->disk.logs, 1);
		assert_int_equal(d.b->disk.log[0].op, ANVIL_DISK_FLUSH);
	}
}

/* ---- network (5.1.9.1, 5.1.9.5) ---- */

static void net_headers_are_in_the_byte_order_of_the_guest(void **state)
{
	static const struct anvil_nic_offload needs_csum = { .needs_csum = true,
							     .csum_start = 0x22,
							     .csum_offset = 0x10 };
	struct bench *b = *state;

	for (unsigned int big = 0; big < 2; big++) {
		struct virtio_net_header header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
		struct anvil_features set =
			features(VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, -1);
		struct buffer tx = { OUT_AT, 10 + 100, 0 };
		struct buffer rx = { IN_AT, 2000, WRITABLE };
		struct driver d;
		uint32_t len;

		for (unsigned int merge = 0; merge < 2; merge++) {
			uint32_t header_len = merge ? 12 : 10;

			if (merge)
				anvil_features_add(&set, VIRTIO_NET_F_MRG_RXBUF);
			make_legacy(&d, b, big);
			start(&d, set);
			header.csum_start = u16(&d, 0x22);
			header.csum_offset = u16(&d, 0x10);
			tx.len = header_len + 100;
			ram_put(&b->guest.ram, OUT_AT, &header, header_len);
			ram_put(&b->guest.ram, OUT_AT + header_len, net_frame(net_broadcast, 100),
				100);
			perform(&d, ANVIL_NET_TX, &tx, 1, 0);
			assert_int_equal(b->nic.len, 100);
			assert_true(b->nic.offload.needs_csum);
			assert_int_equal(b->nic.offload.csum_start, 0x22);
			assert_int_equal(b->nic.offload.csum_offset, 0x10);

			struct virtio_net_header got;
			uint16_t head = offer(&d, ANVIL_NET_RX, &rx, 1);

			net_receive(b, net_frame(net_broadcast, 100), 100, needs_csum);
			assert_true(used(&d, ANVIL_NET_RX, head, &len));
			assert_int_equal(len, header_len + 100);
			ram_get(&b->guest.ram, IN_AT, &got, sizeof(got));
			assert_int_equal(u16(&d, got.csum_start), 0x22);
			assert_int_equal(u16(&d, got.csum_offset), 0x10);
			if (merge)
				assert_int_equal(u16(&d, got.num_buffers), 1);
			else /* the frame is there already */
				assert_int_equal(ram_get8(&b->guest.ram, IN_AT + 10), 0xff);
		}
	}
}

static uint8_t command(struct driver *d, uint8_t class, uint8_t number, const void *data,
		       uint32_t len)
{
	uint8_t out[2 + 64] = { class, number };
	struct buffer buffer[] = { { CTRL_AT, 2 + len, 0 }, { CTRL_AT + 0x100, 1, WRITABLE } };

	memcpy(out + 2, data, len);
	ram_put(&d->b->guest.ram, CTRL_AT, out, 2 + len);
	perform(d, ANVIL_NET_CTRL, buffer, 2, 1);
	return ram_get8(&d->b->guest.ram, CTRL_AT + 0x100);
}

/* Whether a frame gets through, with a tag if `tag` is not 0. */
static bool passes(struct driver *d, const uint8_t *to, uint16_t tag)
{
	static const struct anvil_nic_offload none;
	struct legacy_ring *r = &d->ring[ANVIL_NET_RX];
	struct buffer rx = { IN_AT, 2000, WRITABLE };
	uint8_t frame[64];
	uint32_t len;

	memcpy(frame, net_frame(to, sizeof(frame)), sizeof(frame));
	if (tag) {
		frame[12] = 0x81;
		frame[13] = 0;
		frame[14] = (uint8_t)(tag >> 8);
		frame[15] = (uint8_t)tag;
	}
	if (r->avail_idx == r->used_idx)
		offer(d, ANVIL_NET_RX, &rx, 1);
	net_receive(d->b, frame, sizeof(frame), none);
	return used(d, ANVIL_NET_RX, (uint16_t)(r->used_idx % r->size), &len);
}

static void table_entries_are_in_the_byte_order_of_the_guest(void **state)
{
	static const uint8_t listed[6] = { 2, 7, 7, 7, 7, 7 };
	static const uint8_t group[6] = { 1, 7, 7, 7, 7, 7 };

	for (unsigned int big = 0; big < 2; big++) {
		uint8_t data[2 * (4 + 6)];
		struct driver d;
		uint32_t entries;

		make_legacy(&d, *state, big);
		start(&d, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX, -1));
		entries = u32(&d, 1);
		memcpy(data, &entries, 4);
		memcpy(data + 4, listed, 6);
		memcpy(data + 10, &entries, 4);
		memcpy(data + 14, group, 6);
		assert_false(passes(&d, listed, 0));
		assert_int_equal(command(&d, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
					 data, sizeof(data)),
				 VIRTIO_NET_OK);
		assert_true(passes(&d, listed, 0));
		assert_true(passes(&d, group, 0));
	}
}

static void vlan_ids_are_in_the_byte_order_of_the_guest(void **state)
{
	for (unsigned int big = 0; big < 2; big++) {
		struct driver d;
		uint16_t id;

		make_legacy(&d, *state, big);
		start(&d, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VLAN, -1));
		id = u16(&d, 0x102);
		assert_int_equal(
			command(&d, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &id, 2),
			VIRTIO_NET_OK);
		assert_true(passes(&d, net_broadcast, 0x102));
		assert_false(passes(&d, net_broadcast, 0x201));
	}
}

/* Skipped by devices that do not have the commands. One pair is enough: 1 is 256 the other way. */
static void pair_counts_are_in_the_byte_order_of_the_guest(void **state)
{
	enum { F_MQ = 22, CLASS_MQ = 4 };
	struct bench *b = *state;

	bench_offer_feature(b, F_MQ);
	for (unsigned int big = 0; big < 2; big++) {
		struct driver d;
		uint16_t pairs;

		make_legacy(&d, b, big);
		start(&d, features(VIRTIO_NET_F_CTRL_VQ, F_MQ, -1));
		pairs = u16(&d, 1);
		assert_int_equal(command(&d, CLASS_MQ, 0, &pairs, sizeof(pairs)), VIRTIO_NET_OK);
		pairs = u16(&d, 0x100);
		assert_int_equal(command(&d, CLASS_MQ, 0, &pairs, sizeof(pairs)), VIRTIO_NET_ERR);
	}
}

static void offloads_are_in_the_byte_order_of_the_guest(void **state)
{
	enum { F_CTRL_GUEST_OFFLOADS = 2, CLASS_OFFLOADS = 5 };
	struct bench *b = *state;

	bench_offer_feature(b, F_CTRL_GUEST_OFFLOADS);
	for (unsigned int big = 0; big < 2; big++) {
		struct driver d;
		uint64_t offloads;

		make_legacy(&d, b, big);
		start(&d, features(VIRTIO_NET_F_CTRL_VQ, F_CTRL_GUEST_OFFLOADS,
				   VIRTIO_NET_F_GUEST_CSUM, -1));
		offloads = u64(&d, 1ull << VIRTIO_NET_F_GUEST_CSUM);
		assert_int_equal(command(&d, CLASS_OFFLOADS, 0, &offloads, sizeof(offloads)),
				 VIRTIO_NET_OK);
		offloads = u64(&d, 1ull << 57);
		assert_int_equal(command(&d, CLASS_OFFLOADS, 0, &offloads, sizeof(offloads)),
				 VIRTIO_NET_ERR);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH("2.2.3/4 2.7.3/1", legacy_drivers_are_served),
		BLK("5.2.6.3/1", legacy_drivers_are_served),
		BOTH("2.2.3/2 6.3/3 6.3/5", features_are_those_of_legacy_devices),
		BLK("5.2.3.1/a 5.2.5.2/6", features_are_those_of_legacy_devices),
		NET("5.1.3.2/a", features_are_those_of_legacy_devices),
		BLK("2.5.3/a 5.2.4.1/1", config_is_in_the_byte_order_of_the_guest),
		NET("2.5.3/a 5.1.4.3/1", config_is_in_the_byte_order_of_the_guest),
		BLK("2.7.4.3/a", requests_may_have_any_layout),
		BOTH("3.1.2/2", config_is_writable_before_features_are_read),
		BOTH("3.1.2/3", device_works_before_driver_ok),
		BOTH("4.2.4/a", version_is_1),
		BOTH("2.7.2/3 4.2.4/b 4.2.4/c", queues_lie_where_pfn_size_and_align_say),
		BOTH("4.2.4/d", pfn_reads_back_and_0_stops_the_queue),
		BOTH("4.2.4/e", queue_size_max_is_0_for_no_queue),
		BOTH("4.2.4/f", reset_clears_every_pfn),
		BLK("5.2.5.3/1 5.2.5.3/3", status_bits_do_not_change_the_cache_mode),
		BLK("5.2.5.3/1 5.2.5.3/4", feature_bits_do_not_change_the_cache_mode),
		BLK("5.2.6.3/3", flush_out_is_a_flush),
		NET("5.1.9.1/1", net_headers_are_in_the_byte_order_of_the_guest),
		NET("5.1.9.5.2.3/1", table_entries_are_in_the_byte_order_of_the_guest),
		NET("5.1.9.5.6.3/1", pair_counts_are_in_the_byte_order_of_the_guest),
		NET("5.1.9.5.9.3/1", offloads_are_in_the_byte_order_of_the_guest),
		NET("5.1.9.5.3.2/1", vlan_ids_are_in_the_byte_order_of_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
