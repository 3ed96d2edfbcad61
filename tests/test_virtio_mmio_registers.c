/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_mmio.h: every register at every width and offset, and their reset (4.2.2). */
#include "array_size.h"
#include "mmio_fixture.h"

/* 4.2.2, the table; `fresh` is what a register reads as after creation and after reset */
static const struct {
	uint32_t offset;
	bool readable;
	bool writable;
	uint32_t fresh;
} reg[] = {
	{ VIRTIO_MMIO_MAGIC, true, false, 0x74726976 },
	{ VIRTIO_MMIO_VERSION, true, false, 2 },
	{ VIRTIO_MMIO_DEVICE_ID, true, false, FAKE_DEVICE_ID },
	{ VIRTIO_MMIO_VENDOR_ID, true, false, 0x4c56414e },
	{ VIRTIO_MMIO_DEVICE_FEATURES, true, false,
	  1 << FAKE_FEATURE_A | 1 << FAKE_NEEDS_A | 1 << FAKE_NEEDS_B | 1 << VIRTIO_F_EVENT_IDX |
		  1 << VIRTIO_F_INDIRECT_DESC },
	{ VIRTIO_MMIO_DEVICE_FEATURES_SEL, false, true, 0 },
	{ VIRTIO_MMIO_DRIVER_FEATURES, false, true, 0 },
	{ VIRTIO_MMIO_DRIVER_FEATURES_SEL, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_SEL, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_SIZE_MAX, true, false, 8 },
	{ VIRTIO_MMIO_QUEUE_SIZE, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_READY, true, true, 0 },
	{ VIRTIO_MMIO_QUEUE_NOTIFY, false, true, 0 },
	{ VIRTIO_MMIO_INTERRUPT_STATUS, true, false, 0 },
	{ VIRTIO_MMIO_INTERRUPT_ACK, false, true, 0 },
	{ VIRTIO_MMIO_STATUS, true, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DESC_LOW, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DESC_HIGH, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DRIVER_LOW, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DRIVER_HIGH, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DEVICE_LOW, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DEVICE_HIGH, false, true, 0 },
	{ VIRTIO_MMIO_SHM_SEL, false, true, 0 },
	{ VIRTIO_MMIO_SHM_LEN_LOW, true, false, UINT32_MAX },
	{ VIRTIO_MMIO_SHM_LEN_HIGH, true, false, UINT32_MAX },
	{ VIRTIO_MMIO_SHM_BASE_LOW, true, false, UINT32_MAX },
	{ VIRTIO_MMIO_SHM_BASE_HIGH, true, false, UINT32_MAX },
	{ VIRTIO_MMIO_QUEUE_RESET, true, true, 0 },
	{ VIRTIO_MMIO_CONFIG_GENERATION, true, false, 0 },
};

static uint32_t fresh_value(uint64_t offset)
{
	for (size_t i = 0; i < ARRAY_SIZE(reg); i++) {
		if (reg[i].offset == offset)
			return reg[i].fresh;
	}
	return 0;
}

static void every_offset_reads_as_the_table_says_at_every_width(void **state)
{
	struct fixture *f = *state;

	for (unsigned int width = 0; width <= 9; width++) {
		for (uint64_t offset = 0; offset < VIRTIO_MMIO_CONFIG; offset++) {
			uint64_t value = anvil_mmio_read(&f->guest.mmio, offset, width);

			if (value != (width == 4 ? fresh_value(offset) : 0))
				fail_msg("%#x, %u bytes: %#x", (unsigned int)offset, width,
					 (unsigned int)value);
		}
	}
}

static bool writable(uint64_t offset)
{
	for (size_t i = 0; i < ARRAY_SIZE(reg); i++) {
		if (reg[i].offset == offset)
			return reg[i].writable;
	}
	return false;
}

static void writes_that_name_no_register_change_nothing(void **state)
{
	static const uint64_t value[] = { 0, 1, 2, UINT32_MAX, UINT64_MAX };
	struct fixture *f = *state;
	struct snapshot before, after;

	guest_drive(&f->guest, features(VIRTIO_F_RING_RESET, -1), 1, 8);
	anvil_device_config_changed(&f->fake.dev); /* so that an ack would be seen */
	take(f, &before);
	for (unsigned int width = 0; width <= 9; width++) {
		for (uint64_t offset = 0; offset < VIRTIO_MMIO_CONFIG; offset++) {
			if (width == 4 && writable(offset))
				continue;
			for (size_t i = 0; i < ARRAY_SIZE(value); i++)
				anvil_mmio_write(&f->guest.mmio, offset, width, value[i]);
			take(f, &after);
			assert_memory_equal(&after, &before, sizeof(after));
		}
	}
}

static void config_space_answers_one_two_and_four_bytes_at_any_offset(void **state)
{
	struct fixture *f = *state;

	assert_true(guest_negotiate(&f->guest, features(-1)));
	for (unsigned int width = 0; width <= 9; width++) {
		bool good = width == 1 || width == 2 || width == 4;

		for (uint64_t offset = 0; offset <= 0x200; offset++) {
			uint64_t expected = 0;
			bool inside = good && offset + width <= sizeof(f->fake.config);

			for (unsigned int i = 0; inside && i < width; i++)
				expected |= (0xc0ull + offset + i) << (8 * i);
			assert_int_equal(
				anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + offset, width),
				expected);
			f->fake.config_writes = 0;
			anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + offset, width,
					 0x8877665544332211);
			assert_int_equal(f->fake.config_writes, inside);
			if (!inside)
				continue;
			assert_int_equal(f->fake.config_offset, offset);
			assert_int_equal(f->fake.config_len, width);
			assert_memory_equal(f->fake.config_bytes, "\x11\x22\x33\x44", width);
		}
	}
}

static void offsets_near_the_end_of_64_bits_are_harmless(void **state)
{
	struct fixture *f = *state;

	assert_true(guest_negotiate(&f->guest, features(-1)));
	for (unsigned int width = 0; width <= 9; width++) {
		for (uint64_t i = 0; i < 0x120; i++) {
			uint64_t offset[] = { UINT64_MAX - i, 0x100000000 + i,
					      0x8000000000000000 + i };

			for (size_t o = 0; o < ARRAY_SIZE(offset); o++) {
				assert_int_equal(anvil_mmio_read(&f->guest.mmio, offset[o], width),
						 0);
				anvil_mmio_write(&f->guest.mmio, offset[o], width, 0);
			}
		}
	}
	assert_int_equal(f->fake.config_writes, 0);
	assert_int_equal(guest_status(&f->guest), UP_TO_FEATURES_OK);
}

static void values_wider_than_the_register_lose_their_upper_half(void **state)
{
	struct fixture *f = *state;

	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_STATUS, 4, 0xdead00000001);
	assert_int_equal(guest_status(&f->guest), UP_TO_ACKNOWLEDGE);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_STATUS, 4, 0x100000000);
	assert_int_equal(guest_status(&f->guest), 0);
}

/* ---- features ---- */

static void feature_words_are_selected(void **state)
{
	static const uint32_t far[] = { 2, 3, 4, 5, 0x80000000, UINT32_MAX };
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	reg_write(g, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_DEVICE_FEATURES),
			 1 << (VIRTIO_F_VERSION_1 - 32) | 1 << (VIRTIO_F_RING_RESET - 32) |
				 1 << (FAKE_QUEUE_2 - 32));
	for (size_t i = 0; i < ARRAY_SIZE(far); i++) {
		reg_write(g, VIRTIO_MMIO_DEVICE_FEATURES_SEL, far[i]);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	}
	reg_write(g, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
	reg_write(g, VIRTIO_MMIO_STATUS, UP_TO_DRIVER);
	reg_write(g, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(g, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	reg_write(g, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 4);
	reg_write(g, VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	assert_int_equal(f->fake.dev.driver.word[0], 1ull << VIRTIO_F_VERSION_1);
	assert_int_equal(f->fake.dev.driver.word[1], 0);
}

static void features_freeze_with_features_ok(void **state)
{
	struct fixture *f = *state;

	assert_true(guest_negotiate(&f->guest, features(-1)));
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	assert_int_equal(f->fake.dev.driver.word[0], 1ull << VIRTIO_F_VERSION_1);
}

/* ---- reset ---- */

static void reset_brings_back_every_register(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	guest_drive(g, features(FAKE_QUEUE_2, VIRTIO_F_RING_RESET, -1), 3, 4);
	reg_write(g, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 77);
	anvil_device_break(&f->fake.dev, 0, -EPROTO);
	assert_true(g->irq);
	reg_write(g, VIRTIO_MMIO_STATUS, 0);
	assert_false(g->irq);
	for (size_t i = 0; i < ARRAY_SIZE(reg); i++)
		assert_int_equal(reg_read(g, reg[i].offset), reg[i].fresh);
	for (uint32_t queue = 0; queue < 3; queue++) {
		reg_write(g, VIRTIO_MMIO_QUEUE_SEL, queue);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_SIZE_MAX), 8);
		assert_int_equal(f->fake.stopped[queue], 1);
	}
	/* DriverFeaturesSel is 0 again: this write goes to word 0 */
	reg_write(g, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
	reg_write(g, VIRTIO_MMIO_STATUS, UP_TO_DRIVER);
	reg_write(g, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	assert_int_equal(f->fake.dev.driver.word[0], 1);
}

static void status_that_is_no_reset_keeps_the_selectors(void **state)
{
	struct fixture *f = *state;

	reg_write(&f->guest, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
	assert_int_equal(f->guest.mmio.device_features_sel, 1);
}

static void config_generation_counts_changes(void **state)
{
	struct fixture *f = *state;

	anvil_device_config_changed(&f->fake.dev);
	anvil_device_config_changed(&f->fake.dev);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_offset_reads_as_the_table_says_at_every_width),
		TEST(writes_that_name_no_register_change_nothing),
		TEST(config_space_answers_one_two_and_four_bytes_at_any_offset),
		TEST(offsets_near_the_end_of_64_bits_are_harmless),
		TEST(values_wider_than_the_register_lose_their_upper_half),
		TEST(feature_words_are_selected),
		TEST(features_freeze_with_features_ok),
		TEST(reset_brings_back_every_register),
		TEST(status_that_is_no_reset_keeps_the_selectors),
		TEST(config_generation_counts_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
