/* SPDX-License-Identifier: BSD-3-Clause */
/* The legacy interface of block devices (5.2.5.3, 5.2.6.3). */
#include "array_size.h"
#include "legacy_bench.h"

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BLK("5.2.5.3/1 5.2.5.3/3", status_bits_do_not_change_the_cache_mode),
		BLK("5.2.5.3/1 5.2.5.3/4", feature_bits_do_not_change_the_cache_mode),
		BLK("5.2.6.3/3", flush_out_is_a_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
