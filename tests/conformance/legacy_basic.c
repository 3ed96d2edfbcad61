/* SPDX-License-Identifier: BSD-3-Clause */
/* The legacy interface: basic facilities, and the way to a device (2.2.3, 2.5.3, 2.7.3, 3.1.2). */
#include "array_size.h"
#include "legacy_bench.h"

#define ANY_LAYOUT 27

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
