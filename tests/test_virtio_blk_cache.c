/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_blk.h: write-back, write-through and flushes (5.2.5.2, 5.2.6.2). */
#include "array_size.h"
#include "blk_fixture.h"

static const struct {
	const char *what;
	bool offered;
	bool flush, wce;
	int writeback; /* written by the driver, or -1 */
	bool stable;
} modes[] = {
	{ "nothing offered", false, false, false, -1, false },
	{ "neither accepted", true, false, false, -1, true },
	{ "flush", true, true, false, -1, false },
	{ "flush and mode, as it comes", true, true, true, -1, false },
	{ "flush and mode, write-through", true, true, true, 0, true },
	{ "flush and mode, write-back", true, true, true, 1, false },
	{ "mode alone, as it comes", true, false, true, -1, true },
	{ "mode alone, write-through", true, false, true, 0, true },
	{ "mode alone, write-back", true, false, true, 1, false },
};

static void writes_are_stable_when_the_driver_cannot_flush(void **state)
{
	static const struct virtio_blk_range range[] = { { 0, 1, 0 }, { 1, 1, 0 } };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct anvil_features set =
			features(VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES, -1);

		f->options.features = set;
		if (modes[i].offered) {
			anvil_features_add(&f->options.features, VIRTIO_BLK_F_FLUSH);
			anvil_features_add(&f->options.features, VIRTIO_BLK_F_CONFIG_WCE);
		}
		recreate(f);
		if (modes[i].flush)
			anvil_features_add(&set, VIRTIO_BLK_F_FLUSH);
		if (modes[i].wce)
			anvil_features_add(&set, VIRTIO_BLK_F_CONFIG_WCE);
		guest_drive(&f->guest, set, 1, QUEUE);
		if (modes[i].writeback >= 0)
			anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 32, 1,
					 (uint64_t)modes[i].writeback);

		struct request r[] = { { T_OUT, 0, .out_len = 512, .in_len = 1 },
				       ranges(T_ZERO, range, 2),
				       ranges(T_DISC, range, 2) };

		for (size_t n = 0; n < ARRAY_SIZE(r); n++) {
			unsigned int steps = n ? 2 : 1;

			f->disk.logs = 0;
			assert_int_equal(perform(f, &r[n], 1), OK);
			if (f->disk.logs != steps + modes[i].stable)
				fail_msg("%s: %u requests", modes[i].what, f->disk.logs);
			if (modes[i].stable)
				assert_int_equal(f->disk.log[steps].op, ANVIL_DISK_FLUSH);
		}

		struct request read = { T_IN, 0, .in_len = 513 };

		f->disk.logs = 0;
		assert_int_equal(perform(f, &read, 513), OK);
		assert_int_equal(f->disk.logs, 1);
	}
}

static uint64_t writeback(struct fixture *f)
{
	return anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 32, 1);
}

static void cache_mode_is_written_as_one_byte_of_0_or_1(void **state)
{
	struct fixture *f = *state;
	struct anvil_mmio *m = &f->guest.mmio;
	struct anvil_features set = features(VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_CONFIG_WCE, -1);

	guest_drive(&f->guest, set, 1, QUEUE);
	assert_int_equal(writeback(f), 1);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 1, 0);
	assert_int_equal(writeback(f), 0);
	for (uint64_t value = 2; value < 256; value++)
		anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 1, value);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 2, 1);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 4, 1);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 31, 2, 0x0100);
	assert_int_equal(writeback(f), 0);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 1, 1);
	assert_int_equal(writeback(f), 1);
	for (uint32_t i = 0; i < 60; i++) {
		uint64_t before = anvil_mmio_read(m, VIRTIO_MMIO_CONFIG + i, 1);

		if (i != 32)
			anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + i, 1, ~before);
		assert_int_equal(anvil_mmio_read(m, VIRTIO_MMIO_CONFIG + i, 1), before);
	}
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(writeback(f), 0);

	/* not negotiated: not to be written */
	guest_drive(&f->guest, features(VIRTIO_BLK_F_FLUSH, -1), 1, QUEUE);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 1, 1);
	assert_int_equal(writeback(f), 0);
	guest_drive(&f->guest, features(VIRTIO_BLK_F_CONFIG_WCE, -1), 1, QUEUE);
	assert_int_equal(writeback(f), 0);
}

static void failed_flush_fails_a_write_through_write(void **state)
{
	struct fixture *f = *state;
	struct request r = { T_OUT, 0, .out_len = 512, .in_len = 1 };

	guest_drive(&f->guest, features(-1), 1, QUEUE);
	f->disk.defer = true;
	offer(f, &r);
	guest_notify(&f->guest, 0);
	test_disk_finish(&f->disk, 0, 0);
	assert_int_equal(f->disk.pending[0]->op, ANVIL_DISK_FLUSH);
	ring_expect_none(&f->guest.ring[0]);
	test_disk_finish(&f->disk, 0, -EIO);
	ring_expect(&f->guest.ring[0], 0, 1);
	assert_int_equal(status_of(f, &r), IOERR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writes_are_stable_when_the_driver_cannot_flush),
		TEST(cache_mode_is_written_as_one_byte_of_0_or_1),
		TEST(failed_flush_fails_a_write_through_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
