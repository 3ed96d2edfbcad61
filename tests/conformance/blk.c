/* SPDX-License-Identifier: BSD-3-Clause */
/* The block device (5.2.5.2, 5.2.6.2), but for zones. */
#include "array_size.h"
#include "bench.h"

#include <endian.h>

#define OK     VIRTIO_BLK_S_OK
#define IOERR  VIRTIO_BLK_S_IOERR
#define UNSUPP VIRTIO_BLK_S_UNSUPP
#define SECTOR ANVIL_DISK_SECTOR_BYTES

#define T_DISCARD VIRTIO_BLK_T_DISCARD
#define T_ZEROES  VIRTIO_BLK_T_WRITE_ZEROES
#define UNMAP	  VIRTIO_BLK_SEG_UNMAP

static uint8_t config8(struct bench *b, size_t offset)
{
	return (uint8_t)anvil_mmio_read(&b->guest.mmio, VIRTIO_MMIO_CONFIG + offset, 1);
}

#define CONFIG8(b, field) config8(b, offsetof(struct anvil_blk_config, field))

/* ---- initialisation (5.2.5.2) ---- */

static void flush_is_offered(void **state)
{
	struct bench *b = *state;

	assert_true(anvil_device_offered(b->dev, 0) >> VIRTIO_BLK_F_FLUSH & 1);
	b->blk_options.features = features(VIRTIO_BLK_F_FLUSH, -1); /* it needs no other */
	bench_recreate(b);
	assert_true(anvil_device_offered(b->dev, 0) >> VIRTIO_BLK_F_FLUSH & 1);
}

static void config_wce_is_offered_with_flush_alone(void **state)
{
	struct bench *b = *state;
	struct anvil_blk_options o = b->blk_options;
	struct anvil_blk blk;

	o.features = features(VIRTIO_BLK_F_CONFIG_WCE, -1);
	assert_int_equal(anvil_blk_init(&blk, &o), -EINVAL);
	o.features.word[0] = b->blk_options.features.word[0] & ~(1ull << VIRTIO_BLK_F_FLUSH);
	assert_int_equal(anvil_blk_init(&blk, &o), -EINVAL);
	o.features = features(VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_FLUSH, -1);
	assert_int_equal(anvil_blk_init(&blk, &o), 0);
	anvil_blk_destroy(&blk);
}

static void writeback_is_0_with_config_wce_without_flush(void **state)
{
	struct bench *b = *state;

	for (unsigned int i = 0; i < 2; i++) {
		bench_drive(b, features(VIRTIO_BLK_F_CONFIG_WCE, -1));
		assert_int_equal(CONFIG8(b, writeback), 0);
		/* a driver before it leaves nothing behind */
		bench_drive(b, features(VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_FLUSH, -1));
		anvil_mmio_write(&b->guest.mmio,
				 VIRTIO_MMIO_CONFIG + offsetof(struct anvil_blk_config, writeback),
				 1, 1);
	}
}

static void padding_is_0(void **state)
{
	struct bench *b = *state;

	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(CONFIG8(b, unused0), 0);
		for (unsigned int n = 0; n < 3; n++)
			assert_int_equal(CONFIG8(b, unused1[n]), 0);
		bench_drive(b, bench_features(b));
		anvil_mmio_write(&b->guest.mmio,
				 VIRTIO_MMIO_CONFIG + offsetof(struct anvil_blk_config, unused0), 1,
				 0xff);
	}
}

#define ZONED_BIT 17

static void disk_without_zones_does_not_offer_zoned(void **state)
{
	struct bench *b = *state;

	assert_false(anvil_device_offered(b->dev, 0) >> ZONED_BIT & 1);
	assert_false(guest_negotiate(&b->guest, features(ZONED_BIT, -1)));
}

/* ---- capacity, read-only ---- */

static void resize_is_told(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(-1));
	for (unsigned int i = 1; i <= 3; i++) {
		b->disk.disk.capacity = TEST_DISK_SECTORS - 10u * i;
		anvil_blk_resized(&b->blk);
		assert_int_equal(guest_take_interrupts(&b->guest), VIRTIO_INTERRUPT_CONFIG);
		assert_int_equal(CONFIG8(b, capacity), TEST_DISK_SECTORS - 10u * i);
	}
}

static void read_only_disk_is_not_written(void **state)
{
	struct bench *b = *state;
	struct anvil_features set[] = { features(-1), features(VIRTIO_BLK_F_RO, -1) };
	uint8_t before[SECTOR];
	uint8_t out[SECTOR];

	b->disk.disk.read_only = true;
	bench_recreate(b);
	assert_true(anvil_device_offered(b->dev, 0) >> VIRTIO_BLK_F_RO & 1);
	memset(out, 0x99, sizeof(out));
	memcpy(before, b->disk.data, sizeof(before));
	for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
		bench_drive(b, set[i]);
		assert_int_equal(blk_request(b, VIRTIO_BLK_T_OUT, 0, out, sizeof(out), 0), IOERR);
		assert_int_equal(b->disk.logs, 0);
		assert_memory_equal(b->disk.data, before, sizeof(before));
		assert_int_equal(blk_request(b, VIRTIO_BLK_T_IN, 0, NULL, 0, SECTOR), OK);
	}
}

/* ---- discard, write zeroes ---- */

static uint8_t ranges(struct bench *b, uint32_t type, const struct virtio_blk_range *range,
		      unsigned int count)
{
	struct virtio_blk_range out[4];

	assert_in_range(count, 1, ARRAY_SIZE(out));
	for (unsigned int i = 0; i < count; i++)
		out[i] = (struct virtio_blk_range){ htole64(range[i].sector),
						    htole32(range[i].num_sectors),
						    htole32(range[i].flags) };
	return blk_request(b, type, 0, out, count * (uint32_t)sizeof(out[0]), 0);
}

static struct anvil_features with_ranges(void)
{
	return features(VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES, -1);
}

static void unknown_flags_are_unsupported(void **state)
{
	struct bench *b = *state;
	uint8_t before[4 * SECTOR];

	bench_drive(b, with_ranges());
	memcpy(before, b->disk.data, sizeof(before));
	for (unsigned int bit = 1; bit < 32; bit++) {
		for (unsigned int n = 0; n < 3; n++) {
			struct virtio_blk_range range[3] = { { 0, 1, 0 },
							     { 1, 1, 0 },
							     { 2, 1, 0 } };

			range[n].flags = 1u << bit;
			assert_int_equal(ranges(b, T_DISCARD, range, 3), UNSUPP);
			assert_int_equal(b->disk.logs, 0);
			assert_int_equal(ranges(b, T_ZEROES, range, 3), UNSUPP);
			range[n].flags |= UNMAP;
			assert_int_equal(ranges(b, T_ZEROES, range, 3), UNSUPP);
			assert_int_equal(b->disk.logs, 0);
		}
	}
	assert_memory_equal(b->disk.data, before, sizeof(before));
}

static void discard_with_unmap_is_unsupported(void **state)
{
	struct bench *b = *state;

	bench_drive(b, with_ranges());
	for (unsigned int n = 0; n < 2; n++) {
		struct virtio_blk_range range[2] = { { 0, 1, 0 }, { 1, 1, 0 } };

		range[n].flags = UNMAP;
		assert_int_equal(ranges(b, T_DISCARD, range, 2), UNSUPP);
		assert_int_equal(b->disk.logs, 0);
		range[n].flags = 0;
		assert_int_equal(ranges(b, T_DISCARD, range, 2), OK);
	}
}

static void zeroed_ranges_read_as_zeroes(void **state)
{
	static const uint8_t zeroes[4 * SECTOR];
	struct bench *b = *state;

	bench_drive(b, with_ranges());
	for (uint32_t unmap = 0; unmap < 2; unmap++) {
		const struct virtio_blk_range range[] = { { 1, 2, unmap ? UNMAP : 0 },
							  { 5, 4, unmap ? UNMAP : 0 } };
		uint8_t got[4 * SECTOR];

		memset(b->disk.data, 0x77, 16 * SECTOR);
		assert_int_equal(ranges(b, T_ZEROES, range, 2), OK);
		for (size_t i = 0; i < ARRAY_SIZE(range); i++) {
			uint32_t len = range[i].num_sectors * SECTOR;

			assert_int_equal(
				blk_request(b, VIRTIO_BLK_T_IN, range[i].sector, NULL, 0, len), OK);
			ram_get(&b->guest.ram, BLK_IN, got, len);
			assert_memory_equal(got, zeroes, len);
		}
		/* and nothing else does */
		for (uint64_t at = 0; at < 16; at++) {
			bool inside = (at >= 1 && at < 3) || (at >= 5 && at < 9);

			assert_int_equal(b->disk.data[at * SECTOR], inside ? 0 : 0x77);
			assert_int_equal(b->disk.data[at * SECTOR + SECTOR - 1], inside ? 0 : 0x77);
		}
	}
}

static void may_unmap_says_that_the_disk_is_asked_to(void **state)
{
	const struct virtio_blk_range range = { 1, 2, UNMAP };
	struct bench *b = *state;

	bench_drive(b, with_ranges());
	assert_int_equal(CONFIG8(b, write_zeroes_may_unmap), 1);
	assert_int_equal(ranges(b, T_ZEROES, &range, 1), OK);
	assert_true(b->disk.log[0].unmap);
}

/* ---- stable writes ---- */

/* A write at a disk that completes when told to: whether it is used before a flush is done. */
static void write_is_stable(struct bench *b, bool stable)
{
	static const uint8_t out[SECTOR] = { 0x42 };
	struct ring *ring = &b->guest.ring[0];
	uint16_t head;

	b->disk.defer = true;
	head = blk_offer(b, VIRTIO_BLK_T_OUT, 7, out, sizeof(out), 0);
	guest_notify(&b->guest, 0);
	ring_expect_none(ring);
	assert_int_equal(b->disk.log[0].op, ANVIL_DISK_WRITE);
	test_disk_finish(&b->disk, 0, 0);
	if (stable) {
		ring_expect_none(ring);
		assert_int_equal(b->disk.logs, 2);
		assert_int_equal(b->disk.log[1].op, ANVIL_DISK_FLUSH);
		test_disk_finish(&b->disk, 0, 0);
	}
	ring_expect(ring, head, 1);
	assert_int_equal(ram_get8(&b->guest.ram, BLK_IN), OK);
	assert_int_equal(b->disk.pendings, 0);
	/* a flush that fails is a write that fails */
	if (stable) {
		head = blk_offer(b, VIRTIO_BLK_T_OUT, 7, out, sizeof(out), 0);
		guest_notify(&b->guest, 0);
		test_disk_finish(&b->disk, 0, 0);
		test_disk_finish(&b->disk, 0, -EIO);
		ring_expect(ring, head, 1);
		assert_int_equal(ram_get8(&b->guest.ram, BLK_IN), IOERR);
	}
	b->disk.defer = false;
}

static void set_writeback(struct bench *b, uint8_t value)
{
	anvil_mmio_write(&b->guest.mmio,
			 VIRTIO_MMIO_CONFIG + offsetof(struct anvil_blk_config, writeback), 1,
			 value);
	assert_int_equal(CONFIG8(b, writeback), value);
}

static void writes_are_stable_when_flush_was_declined(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(-1));
	write_is_stable(b, true);
}

static void writes_are_stable_when_writeback_is_0(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_BLK_F_CONFIG_WCE, -1));
	write_is_stable(b, true);
	bench_drive(b, features(VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_FLUSH, -1));
	set_writeback(b, 0);
	write_is_stable(b, true);
	set_writeback(b, 1);
	write_is_stable(b, false);
}

static void writes_are_stable_after_a_flush(void **state)
{
	struct bench *b = *state;
	struct ring *ring = &b->guest.ring[0];
	uint16_t head;

	bench_drive(b, features(VIRTIO_BLK_F_FLUSH, -1));
	write_is_stable(b, false);
	b->disk.defer = true;
	for (int result = 0; result >= -EIO; result -= EIO) {
		head = blk_offer(b, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, 0);
		guest_notify(&b->guest, 0);
		assert_int_equal(b->disk.log[0].op, ANVIL_DISK_FLUSH);
		ring_expect_none(ring);
		test_disk_finish(&b->disk, 0, result);
		ring_expect(ring, head, 1);
		assert_int_equal(ram_get8(&b->guest.ram, BLK_IN), result ? IOERR : OK);
	}
}

/* Discards and zeroes are writes, too. */
static void zeroes_are_stable_when_flush_was_declined(void **state)
{
	const struct virtio_blk_range range = { 1, 2, 0 };
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_BLK_F_WRITE_ZEROES, -1));
	assert_int_equal(ranges(b, T_ZEROES, &range, 1), OK);
	assert_int_equal(b->disk.logs, 2);
	assert_int_equal(b->disk.log[1].op, ANVIL_DISK_FLUSH);
}

/* ---- what was not negotiated ---- */

static void zone_requests_without_zoned_are_unsupported(void **state)
{
	static const uint32_t type[] = { 15, 16, 18, 20, 22, 24, 26 }; /* 5.2.6 */
	static const uint8_t out[SECTOR];
	struct bench *b = *state;

	bench_drive(b, bench_features(b));
	for (size_t i = 0; i < ARRAY_SIZE(type); i++) {
		assert_int_equal(blk_request(b, type[i], 0, NULL, 0, 0), UNSUPP);
		assert_int_equal(blk_request(b, type[i], 0, NULL, 0, SECTOR), UNSUPP);
		assert_int_equal(blk_request(b, type[i], 0, out, sizeof(out), 8), UNSUPP);
		assert_int_equal(b->disk.logs, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BLK("5.2.5.2/1", flush_is_offered),
		BLK("5.2.5.2/2", config_wce_is_offered_with_flush_alone),
		BLK("5.2.5.2/3", writeback_is_0_with_config_wce_without_flush),
		BLK("5.2.5.2/4", padding_is_0),
		BLK("5.2.5.2/5", disk_without_zones_does_not_offer_zoned),
		BLK("5.2.6.2/2", resize_is_told),
		BLK("5.2.6.2/3 5.2.6.2/4", read_only_disk_is_not_written),
		BLK("5.2.6.2/5", unknown_flags_are_unsupported),
		BLK("5.2.6.2/6", discard_with_unmap_is_unsupported),
		BLK("5.2.6.2/9", zeroed_ranges_read_as_zeroes),
		BLK("5.2.6.2/10", may_unmap_says_that_the_disk_is_asked_to),
		BLK("5.2.6.2/13", writes_are_stable_when_flush_was_declined),
		BLK("5.2.6.2/13", writes_are_stable_when_writeback_is_0),
		BLK("5.2.6.2/13", writes_are_stable_after_a_flush),
		BLK("5.2.6.2/13", zeroes_are_stable_when_flush_was_declined),
		BLK("5.2.6.2/18", zone_requests_without_zoned_are_unsupported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
