/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_blk.h: options, features and configuration space (5.2.3, 5.2.4). */
#include "array_size.h"
#include "blk_fixture.h"

/* ---- creation ---- */

static void init_checks_its_options(void **state)
{
	struct fixture *f = *state;
	struct anvil_blk blk;

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct anvil_blk_options o = f->options;                                           \
		change;                                                                            \
		assert_int_equal(anvil_blk_init(&blk, &o), -EINVAL);                               \
	} while (0)
#define TAKEN(change)                                                                              \
	do {                                                                                       \
		struct anvil_blk_options o = f->options;                                           \
		change;                                                                            \
		assert_int_equal(anvil_blk_init(&blk, &o), 0);                                     \
		assert_true(anvil_blk_idle(&blk));                                                 \
		anvil_blk_destroy(&blk);                                                           \
	} while (0)
	REFUSED(o.slots = 0);
	TAKEN(o.slots = 1);
	REFUSED(o.transfer_max = 0);
	REFUSED(o.transfer_max = 511);
	REFUSED(o.transfer_max = 513);
	TAKEN(o.transfer_max = 512);
	REFUSED(o.blk_size = 0);
	REFUSED(o.blk_size = 256);
	REFUSED(o.blk_size = 513);
	REFUSED(o.blk_size = 1536);
	TAKEN(o.blk_size = 512);
	REFUSED(o.range_sectors_max = 0);
	TAKEN(o.range_sectors_max = 1);
	TAKEN(o.range_sectors_max = UINT32_MAX);
	REFUSED(o.range_segments_max = 0);
	TAKEN(o.range_segments_max = 1);
	TAKEN(o.range_segments_max = 256);
	REFUSED(o.range_segments_max = 257);
	REFUSED(o.queue_size_max = 0);
	REFUSED(o.queue_size_max = 63);
	TAKEN(o.queue_size_max = 1);
	REFUSED(o.features = features(VIRTIO_BLK_F_CONFIG_WCE, -1));
	TAKEN(o.features = features(-1));
	for (int bit = 0; bit < (int)ANVIL_FEATURE_BITS; bit++) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(all_features); i++)
			known |= all_features[i] == bit;
		if (known)
			TAKEN(o.features = features(bit, VIRTIO_BLK_F_FLUSH, -1));
		else
			REFUSED(o.features = features(bit, VIRTIO_BLK_F_FLUSH, -1));
	}
}

static void read_only_is_offered_for_a_read_only_disk(void **state)
{
	struct fixture *f = *state;

	assert_false(anvil_features_has(&f->blk.dev.offered, VIRTIO_BLK_F_RO));
	f->disk.disk.read_only = true;
	recreate(f);
	assert_true(anvil_features_has(&f->blk.dev.offered, VIRTIO_BLK_F_RO));
	assert_true(anvil_features_has(&f->blk.dev.offered, VIRTIO_F_VERSION_1));
}

static void config_space_holds_what_is_offered(void **state)
{
	/* 5.2.4, by hand; writeback is 0 before negotiation */
	static const uint8_t full[60] = { 64,	 0,    0,    0,	    0,	    0, 0,    0,	     0x22,
					  0x11,	 0,    0,    0x33,  0,	    0, 0,    0x55,   0x44,
					  0x66,	 0x77, 0,    0x10,  0,	    0, 0x88, 0x99,   0xbb,
					  0xaa,	 0xff, 0xee, 0xdd,  0xcc,   0, 0,    0,	     0,
					  RANGE, 0,    0,    0,	    RANGES, 0, 0,    0,	     8,
					  0,	 0,    0,    RANGE, 0,	    0, 0,    RANGES, 0,
					  0,	 0,    1,    0,	    0,	    0 };
	static const uint8_t bare[60] = { 64 };
	struct fixture *f = *state;

	for (unsigned int offered = 0; offered < 2; offered++) {
		f->options.features = offered ? everything() : features(-1);
		recreate(f);
		for (uint32_t i = 0; i < sizeof(full); i++)
			assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + i, 1),
					 offered ? full[i] : bare[i]);
		assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 60, 1), 0);
	}
}

/* ---- capacity ---- */

static void resizing_shows_in_config_and_counts_at_once(void **state)
{
	struct fixture *f = *state;
	struct request r = { T_IN, LAST, .in_len = 513 };
	uint32_t generation = reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION);

	f->disk.disk.capacity = LAST;
	anvil_blk_resized(&f->blk);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG), LAST);
	assert_int_not_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
	assert_int_equal(perform(f, &r, 0), IOERR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(init_checks_its_options),
		TEST(read_only_is_offered_for_a_read_only_disk),
		TEST(config_space_holds_what_is_offered),
		TEST(resizing_shows_in_config_and_counts_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
