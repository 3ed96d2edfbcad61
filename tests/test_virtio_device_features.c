/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_device.h: feature sets, what they require, and their negotiation (2.2). */
#include "array_size.h"
#include "device_fixture.h"

static void feature_sets_hold_128_bits(void **state)
{
	struct anvil_features set = { { 0 } };

	(void)state;
	for (unsigned int bit = 0; bit < ANVIL_FEATURE_BITS; bit++) {
		assert_false(anvil_features_has(&set, bit));
		anvil_features_add(&set, bit);
		assert_true(anvil_features_has(&set, bit));
		assert_int_equal(set.word[1 - bit / 64], bit < 64 ? 0 : UINT64_MAX);
	}
}

static void rules_hold_as_a_truth_table(void **state)
{
	/* bit 0 may be the first alternative; as the second one 0 means: there is none */
	static const struct anvil_feature_rule rule[] = { { 5, { 0, 6 } }, { 7, { 6 } } };

	(void)state;
	for (unsigned int bits = 0; bits < 16; bits++) {
		bool has0 = bits & 1, has5 = bits & 2, has6 = bits & 4, has7 = bits & 8;
		struct anvil_features set = features(has0 ? 0 : 127, has5 ? 5 : 127, has6 ? 6 : 127,
						     has7 ? 7 : 127, -1);
		bool holds = (!has5 || has0 || has6) && (!has7 || has6);

		assert_int_equal(anvil_device_rules_hold(rule, 2, &set), holds);
		assert_true(anvil_device_rules_hold(rule, 0, &set));
	}
}

static void only_acceptable_features_are_accepted(void **state)
{
	struct fixture *f = *state;
	struct anvil_features base = features(VIRTIO_F_VERSION_1, -1);

	for (int bit = 0; bit < (int)ANVIL_FEATURE_BITS; bit++) {
		struct anvil_features set = base;
		bool offered = bit == FAKE_NEEDS_A || bit == FAKE_NEEDS_B || bit == FAKE_QUEUE_2 ||
			       bit == VIRTIO_F_RING_RESET || bit == VIRTIO_F_EVENT_IDX ||
			       bit == VIRTIO_F_INDIRECT_DESC || bit == VIRTIO_F_VERSION_1;

		anvil_features_add(&set, (unsigned int)bit);
		f->fake.accepted = 0;
		accept(f, set);
		assert_int_equal(f->dev->status, offered ? UP_TO_FEATURES_OK : UP_TO_DRIVER);
		assert_int_equal(f->fake.accepted, offered);
		assert_int_equal(anvil_device_has(f->dev, (unsigned int)bit), offered);
	}
	/* FAKE_FEATURE_A alone was refused for its rule */
	accept(f, features(VIRTIO_F_VERSION_1, FAKE_FEATURE_A, FAKE_NEEDS_A, -1));
	assert_int_equal(f->dev->status, UP_TO_FEATURES_OK);
	accept(f, features(VIRTIO_F_VERSION_1, FAKE_FEATURE_A, FAKE_NEEDS_B, -1));
	assert_int_equal(f->dev->status, UP_TO_FEATURES_OK);
	/* 6.2 */
	accept(f, features(-1));
	assert_int_equal(f->dev->status, UP_TO_DRIVER);
	accept(f, features(FAKE_NEEDS_A, -1));
	assert_int_equal(f->dev->status, UP_TO_DRIVER);
}

static void refused_features_can_be_corrected(void **state)
{
	struct fixture *f = *state;

	accept(f, features(VIRTIO_F_VERSION_1, 77, -1));
	assert_int_equal(f->dev->status, UP_TO_DRIVER);
	anvil_device_set_driver_features(f->dev, 2, 0);
	anvil_device_set_status(f->dev, UP_TO_FEATURES_OK);
	assert_int_equal(f->dev->status, UP_TO_FEATURES_OK);
	assert_int_equal(f->fake.accepted, 1);
}

static void features_are_written_between_driver_and_features_ok_alone(void **state)
{
	struct fixture *f = *state;

	for (uint32_t status = 0; status <= UINT8_MAX; status++) {
		f->dev->status = (uint8_t)status;
		for (uint32_t sel = 0; sel < 4; sel++) {
			f->dev->driver = (struct anvil_features){ { 0 } };
			anvil_device_set_driver_features(f->dev, sel, 0xa5a50000u | sel);

			uint64_t word = (uint64_t)(0xa5a50000u | sel) << (sel % 2 * 32);

			assert_int_equal(f->dev->driver.word[sel / 2],
					 status == UP_TO_DRIVER ? word : 0);
			assert_int_equal(f->dev->driver.word[1 - sel / 2], 0);
		}
	}
}

static void feature_words_beyond_the_last_do_not_exist(void **state)
{
	static const uint32_t sel[] = { 4, 5, 31, 32, 0x80000000, UINT32_MAX };
	struct fixture *f = *state;

	f->dev->offered = (struct anvil_features){ { 0x1111111122222222, 0x3333333344444444 } };
	assert_int_equal(anvil_device_offered(f->dev, 0), 0x22222222);
	assert_int_equal(anvil_device_offered(f->dev, 1), 0x11111111);
	assert_int_equal(anvil_device_offered(f->dev, 2), 0x44444444);
	assert_int_equal(anvil_device_offered(f->dev, 3), 0x33333333);
	f->dev->status = UP_TO_DRIVER;
	f->dev->driver = f->dev->offered;
	for (size_t i = 0; i < ARRAY_SIZE(sel); i++) {
		assert_int_equal(anvil_device_offered(f->dev, sel[i]), 0);
		anvil_device_set_driver_features(f->dev, sel[i], UINT32_MAX);
		assert_memory_equal(&f->dev->driver, &f->dev->offered, sizeof(f->dev->driver));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(feature_sets_hold_128_bits),
		TEST(rules_hold_as_a_truth_table),
		TEST(only_acceptable_features_are_accepted),
		TEST(refused_features_can_be_corrected),
		TEST(features_are_written_between_driver_and_features_ok_alone),
		TEST(feature_words_beyond_the_last_do_not_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
