/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_mmio.h: registers of version 1, features and status of legacy drivers (4.2.4). */
#include "array_size.h"
#include "legacy_fixture.h"

/* ---- registers (4.2.4) ---- */

static uint32_t fresh_value(uint64_t offset)
{
	switch (offset) {
	case VIRTIO_MMIO_MAGIC:
		return 0x74726976;
	case VIRTIO_MMIO_VERSION:
		return 1;
	case VIRTIO_MMIO_DEVICE_ID:
		return FAKE_DEVICE_ID;
	case VIRTIO_MMIO_VENDOR_ID:
		return 0x4c56414e;
	case VIRTIO_MMIO_DEVICE_FEATURES: /* 6.3: ANY_LAYOUT must be offered */
		return 1 << FAKE_FEATURE_A | 1 << FAKE_NEEDS_A | 1 << FAKE_NEEDS_B |
		       1 << VIRTIO_F_EVENT_IDX | 1 << VIRTIO_F_INDIRECT_DESC | 1 << 27;
	case VIRTIO_MMIO_QUEUE_SIZE_MAX:
		return 8;
	default:
		return 0;
	}
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

static void registers_of_version_2_do_nothing(void **state)
{
	static const uint32_t modern[] = {
		VIRTIO_MMIO_QUEUE_READY,       VIRTIO_MMIO_QUEUE_DESC_LOW,
		VIRTIO_MMIO_QUEUE_DESC_HIGH,   VIRTIO_MMIO_QUEUE_DRIVER_LOW,
		VIRTIO_MMIO_QUEUE_DRIVER_HIGH, VIRTIO_MMIO_QUEUE_DEVICE_LOW,
		VIRTIO_MMIO_QUEUE_DEVICE_HIGH, VIRTIO_MMIO_SHM_SEL,
		VIRTIO_MMIO_QUEUE_RESET,       VIRTIO_MMIO_CONFIG_GENERATION,
	};
	struct fixture *f = *state;

	drive(f, 0, 1);
	for (size_t i = 0; i < ARRAY_SIZE(modern); i++) {
		for (uint32_t value = 0; value < 2; value++) {
			struct anvil_virtqueue before = f->fake.dev.queue[0];

			reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, 0);
			reg_write(&f->guest, modern[i], value);
			assert_memory_equal(&before, &f->fake.dev.queue[0], sizeof(before));
			assert_int_equal(reg_read(&f->guest, modern[i]), 0);
		}
	}
}

/* Registers of version 1 do not exist in version 2, either. */
static void registers_of_version_1_do_nothing_in_version_2(void **state)
{
	static const uint32_t legacy[] = { VIRTIO_MMIO_GUEST_PAGE_SIZE, VIRTIO_MMIO_QUEUE_ALIGN,
					   VIRTIO_MMIO_QUEUE_PFN };
	struct fixture *f = *state;
	struct fake_device modern;
	struct guest guest;

	(void)f;
	guest_init(&guest);
	fake_device_init(&modern, &guest.ram.memory);
	guest_attach(&guest, &modern.dev);
	guest_drive(&guest, features(-1), 1, 8);
	for (size_t i = 0; i < ARRAY_SIZE(legacy); i++) {
		struct anvil_virtqueue before = modern.dev.queue[0];

		reg_write(&guest, legacy[i], 0);
		reg_write(&guest, legacy[i], 8);
		assert_memory_equal(&before, &modern.dev.queue[0], sizeof(before));
		assert_int_equal(reg_read(&guest, legacy[i]), 0);
	}
	assert_int_equal(guest.mmio.guest_page_size, 0);
	anvil_device_destroy(&modern.dev);
	guest_destroy(&guest);
}

static void a_device_in_use_is_not_made_legacy(void **state)
{
	struct fixture *f = *state;
	struct anvil_mmio other;

	assert_int_equal(
		anvil_mmio_init_legacy(&other, &f->fake.dev, f->guest.mmio.host, NULL, false),
		-EINVAL);
	f->fake.dev.transport = NULL;
	f->fake.dev.status = 1;
	assert_int_equal(anvil_device_make_legacy(&f->fake.dev, false), -EINVAL);
}

/* ---- features and status (2.2.3, 3.1.2) ---- */

static void features_above_bit_31_do_not_exist(void **state)
{
	struct fixture *f = *state;

	for (uint32_t sel = 1; sel < 6; sel++) {
		reg_write(&f->guest, VIRTIO_MMIO_DEVICE_FEATURES_SEL, sel);
		assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	}
	begin(f, 0);
	for (uint32_t sel = 1; sel < 4; sel++) {
		reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, sel);
		reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	}
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	for (unsigned int bit = 0; bit < ANVIL_FEATURE_BITS; bit++)
		assert_false(anvil_device_has(&f->fake.dev, bit));
}

/* 2.2.1 has no way to refuse here: what will not do falls away. */
static void features_that_were_not_offered_or_lack_another_fall_away(void **state)
{
	struct fixture *f = *state;

	begin(f, UINT32_MAX & ~(1u << FAKE_NEEDS_A | 1u << FAKE_NEEDS_B));
	assert_false(anvil_device_has(&f->fake.dev, VIRTIO_F_EVENT_IDX));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	assert_int_equal(f->fake.accepted, 1);
	for (unsigned int bit = 0; bit < ANVIL_FEATURE_BITS; bit++)
		assert_int_equal(anvil_device_has(&f->fake.dev, bit),
				 bit == VIRTIO_F_EVENT_IDX || bit == VIRTIO_F_INDIRECT_DESC ||
					 bit == VIRTIO_F_ANY_LAYOUT);
}

static void features_are_final_with_the_first_queue_or_driver_ok(void **state)
{
	struct fixture *f = *state;

	begin(f, 1u << VIRTIO_F_EVENT_IDX);
	place_well(f, 0);
	assert_int_equal(f->fake.accepted, 1);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, 1u << VIRTIO_F_INDIRECT_DESC);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	assert_int_equal(f->fake.accepted, 1);
	assert_true(anvil_device_has(&f->fake.dev, VIRTIO_F_EVENT_IDX));
	assert_false(anvil_device_has(&f->fake.dev, VIRTIO_F_INDIRECT_DESC));
	assert_true(f->fake.dev.queue[0].event_idx);

	begin(f, 1u << VIRTIO_F_INDIRECT_DESC);
	assert_false(anvil_device_has(&f->fake.dev, VIRTIO_F_EVENT_IDX));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, 1u << VIRTIO_F_EVENT_IDX);
	assert_true(anvil_device_has(&f->fake.dev, VIRTIO_F_INDIRECT_DESC));
	assert_false(anvil_device_has(&f->fake.dev, VIRTIO_F_EVENT_IDX));
}

static void status_has_no_features_ok_and_keeps_its_order(void **state)
{
	struct fixture *f = *state;

	for (uint32_t from = 0; from < 3; from++) {
		static const uint32_t step[] = { 0, 1, 3 };

		for (uint32_t to = 1; to <= UINT8_MAX; to++) {
			uint32_t bits = to & ~(8u | 64u);
			bool may = bits == step[from] || bits == (step[from] | 128u) ||
				   (step[from] == 0 && (bits == 1 || bits == 3)) ||
				   (step[from] == 1 && bits == 3) || (step[from] == 3 && bits == 7);

			reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
			if (step[from])
				reg_write(&f->guest, VIRTIO_MMIO_STATUS, step[from]);
			reg_write(&f->guest, VIRTIO_MMIO_STATUS, to);
			assert_int_equal(guest_status(&f->guest), may ? bits : step[from]);
		}
	}
}

/* 3.1.2: "The transitional device MUST support the driver using the device before ... DRIVER_OK" */
static void queues_run_before_driver_ok(void **state)
{
	struct fixture *f = *state;

	begin(f, 0);
	place_well(f, 0);
	guest_notify(&f->guest, 0);
	assert_int_equal(f->fake.notified[0], 1);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	guest_notify(&f->guest, 0);
	assert_int_equal(f->fake.notified[0], 2);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE | 128);
	guest_notify(&f->guest, 0);
	assert_int_equal(f->fake.notified[0], 2);
	/* but not before there is a driver */
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 1);
	place_well(f, 0);
	assert_int_equal(read_pfn(f), 0);
}

/* 2.1.2: the notification of DEVICE_NEEDS_RESET is due if DRIVER_OK is set */
static void a_broken_device_interrupts_after_driver_ok_alone(void **state)
{
	struct fixture *f = *state;

	begin(f, 0);
	anvil_device_break(&f->fake.dev, 0, -EPROTO);
	assert_int_equal(guest_status(&f->guest), 3 | 64);
	assert_false(f->guest.irq);
	drive(f, 0, 1);
	anvil_device_break(&f->fake.dev, 0, -EPROTO);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
	guest_notify(&f->guest, 0);
	assert_int_equal(f->fake.notified[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE(every_offset_reads_as_the_table_says_at_every_width),
		FAKE(registers_of_version_2_do_nothing),
		FAKE(registers_of_version_1_do_nothing_in_version_2),
		FAKE(a_device_in_use_is_not_made_legacy),
		FAKE(features_above_bit_31_do_not_exist),
		FAKE(features_that_were_not_offered_or_lack_another_fall_away),
		FAKE(features_are_final_with_the_first_queue_or_driver_ok),
		FAKE(status_has_no_features_ok_and_keeps_its_order),
		FAKE(queues_run_before_driver_ok),
		FAKE(a_broken_device_interrupts_after_driver_ok_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
