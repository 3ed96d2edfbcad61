/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_device.h: configuration space, who may read and write it when (2.5). */
#include "array_size.h"
#include "device_fixture.h"

static void config_accesses_are_inside_or_have_no_effect(void **state)
{
	static const uint64_t far[] = { 0x100000000, 0x10000000c, UINT64_MAX - 7, UINT64_MAX - 1,
					UINT64_MAX };
	struct fixture *f = *state;
	static const uint8_t zeroes[8];
	uint8_t bytes[10];

	accept(f, features(VIRTIO_F_VERSION_1, -1));
	for (uint32_t len = 0; len <= 8; len++) {
		for (uint64_t i = 0; i <= 20 + ARRAY_SIZE(far); i++) {
			uint64_t offset = i <= 20 ? i : far[i - 21];
			bool inside = offset + len <= sizeof(f->fake.config) && offset <= 12;

			memset(bytes, 0xaa, sizeof(bytes));
			anvil_device_config_read(f->dev, offset, bytes + 1, len);
			assert_memory_equal(bytes + 1, inside ? f->fake.config + offset : zeroes,
					    len);
			assert_int_equal(bytes[0], 0xaa);
			assert_int_equal(bytes[1 + len], 0xaa);

			f->fake.config_writes = 0;
			anvil_device_config_write(f->dev, offset, (const uint8_t *)"abcdefgh", len);
			assert_int_equal(f->fake.config_writes, inside);
			if (!inside)
				continue;
			assert_int_equal(f->fake.config_offset, offset);
			assert_int_equal(f->fake.config_len, len);
			assert_memory_equal(f->fake.config_bytes, "abcdefgh", len);
		}
	}
}

static void config_is_read_always_and_written_after_features_ok(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 0;

	for (uint32_t status = 0; status <= UINT8_MAX; status++) {
		f->dev->status = (uint8_t)status;
		f->fake.config_writes = 0;
		anvil_device_config_read(f->dev, 11, &byte, 1);
		assert_int_equal(byte, 0xcb);
		anvil_device_config_write(f->dev, 11, &byte, 1);
		/* 3.4.2: nor while suspended */
		assert_int_equal(f->fake.config_writes, (status & VIRTIO_STATUS_FEATURES_OK) &&
								!(status & VIRTIO_STATUS_SUSPEND));
	}
}

/* Most devices have nothing in it that a driver may write. */
static void a_device_without_writable_configuration_is_not_asked(void **state)
{
	struct fixture *f = *state;
	struct anvil_device_ops ops = *f->dev->ops;
	const struct anvil_device_ops *before = f->dev->ops;

	ops.config_written = NULL;
	f->dev->ops = &ops;
	accept(f, features(VIRTIO_F_VERSION_1, -1));
	anvil_device_config_write(f->dev, 0, (const uint8_t *)"a", 1);
	assert_int_equal(f->fake.config_writes, 0);
	f->dev->ops = before;
}

static void config_change_is_announced_to_a_running_driver(void **state)
{
	struct fixture *f = *state;
	uint32_t generation = f->dev->config_generation;

	anvil_device_config_changed(f->dev);
	assert_int_equal(f->dev->config_generation, generation + 1);
	accept(f, features(VIRTIO_F_VERSION_1, -1));
	anvil_device_config_changed(f->dev);
	assert_int_equal(f->config_interrupts, 0);
	anvil_device_set_status(f->dev, UP_TO_DRIVER_OK);
	anvil_device_config_changed(f->dev);
	assert_int_equal(f->config_interrupts, 1);
	assert_int_equal(f->dev->config_generation, generation + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config_accesses_are_inside_or_have_no_effect),
		TEST(config_is_read_always_and_written_after_features_ok),
		TEST(a_device_without_writable_configuration_is_not_asked),
		TEST(config_change_is_announced_to_a_running_driver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
