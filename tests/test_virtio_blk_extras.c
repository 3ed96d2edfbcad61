/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_blk.h: secure erase and lifetime (5.2.6), and what is of the legacy interface and never
 * offered (5.2.3.1, 5.2.6.4).
 */
#include "array_size.h"
#include "blk_rig.h"

#define ERASE_SECTORS  8u
#define ERASE_SEGMENTS 3u

static struct anvil_disk_lifetime lifetime;

static int setup(void **state)
{
	struct rig *rig = rig_new();

	lifetime = (struct anvil_disk_lifetime){ 1, 2, 11 };
	rig->disk.disk.lifetime = &lifetime;
	rig->disk.disk.secure_erase = true;
	anvil_features_add(&rig->options.features, VIRTIO_BLK_F_LIFETIME);
	anvil_features_add(&rig->options.features, VIRTIO_BLK_F_SECURE_ERASE);
	rig->options.erase_sectors_max = ERASE_SECTORS;
	rig->options.erase_segments_max = ERASE_SEGMENTS;
	rig->options.erase_sector_alignment = 4;
	rig_create(rig);
	guest_drive(&rig->guest, rig->options.features, 1, RIG_QUEUE);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rig_free(*state);
	return 0;
}

static uint8_t erase(struct rig *rig, uint64_t sector, uint32_t sectors, uint32_t flags,
		     unsigned int segments)
{
	struct virtio_blk_range range[8];

	for (unsigned int i = 0; i < segments; i++)
		range[i] = (struct virtio_blk_range){ htole64(sector + (uint64_t)i * sectors),
						      htole32(sectors),
						      i + 1 == segments ? htole32(flags) : 0 };
	return rig_ask(rig, (struct ask){ .type = T_ERASE,
					  .out_len = segments * (uint32_t)sizeof(range[0]),
					  .data = range });
}

/* 5.2.4: the limits of an erasure */
static void config_tells_the_limits(void **state)
{
	struct rig *rig = *state;
	static const uint32_t value[] = { ERASE_SECTORS, ERASE_SEGMENTS, 4, 0 };

	for (uint32_t i = 0; i < ARRAY_SIZE(value); i++)
		assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_CONFIG + 60 + 4 * i), value[i]);
}

/* 5.2.6.2: the device MUST answer UNSUPP to an unknown flag; 5.2.6.1: limits of segments */
static void erasures_get_their_status(void **state)
{
	struct rig *rig = *state;
	static const struct {
		uint64_t sector;
		uint32_t sectors;
		uint32_t flags;
		unsigned int segments;
		uint8_t status;
		unsigned int submitted;
	} t[] = {
		{ 0, 1, 0, 1, S_OK, 1 },
		{ 3, ERASE_SECTORS, 0, 1, S_OK, 1 }, /* the alignment is a hint (5.2.5) */
		{ 3, ERASE_SECTORS + 1, 0, 1, S_IOERR, 0 },
		{ 8, 2, 0, ERASE_SEGMENTS, S_OK, ERASE_SEGMENTS },
		{ 8, 2, 0, ERASE_SEGMENTS + 1, S_IOERR, 0 },
		{ 0, 0, 0, 1, S_IOERR, 0 },
		{ 0, 0, 0, 0, S_IOERR, 0 },
		{ TEST_DISK_SECTORS - 1, 1, 0, 1, S_OK, 1 },
		{ TEST_DISK_SECTORS - 1, 2, 0, 1, S_IOERR, 0 },
		{ TEST_DISK_SECTORS - 1, 1, 0, 2, S_IOERR, 0 },
		{ UINT64_MAX, 2, 0, 1, S_IOERR, 0 },
		{ 0, 1, VIRTIO_BLK_SEG_UNMAP, 1, S_UNSUPP, 0 },
		{ 0, 1, 2, 2, S_UNSUPP, 0 },
		{ 0, 1, 0x80000000, 1, S_UNSUPP, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		rig->disk.logs = 0;
		assert_int_equal(erase(rig, t[i].sector, t[i].sectors, t[i].flags, t[i].segments),
				 t[i].status);
		assert_int_equal(rig->disk.logs, t[i].submitted);
		for (unsigned int k = 0; k < t[i].submitted; k++) {
			assert_int_equal(rig->disk.log[k].op, ANVIL_DISK_SECURE_ERASE);
			assert_int_equal(rig->disk.log[k].sector, t[i].sector + k * t[i].sectors);
			assert_int_equal(rig->disk.log[k].sectors, t[i].sectors);
			assert_false(rig->disk.log[k].unmap);
		}
	}
}

/* 5.2.6.1: the length MUST be a multiple of a segment's */
static void erasures_of_wrong_length_are_io_errors(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_ask(rig, (struct ask){ .type = T_ERASE, .out_len = 15 }), S_IOERR);
	assert_int_equal(rig_ask(rig, (struct ask){ .type = T_ERASE, .out_len = 17 }), S_IOERR);
	assert_int_equal(rig_ask(rig, (struct ask){ .type = T_ERASE, .out_len = 16, .in_len = 2 }),
			 S_IOERR);
	assert_int_equal(rig->disk.logs, 0);
}

/* 5.2.6.2: case 1 of the stable writes */
static void erasure_is_stable_when_the_driver_cannot_flush(void **state)
{
	struct rig *rig = *state;

	guest_drive(&rig->guest, features(VIRTIO_BLK_F_SECURE_ERASE, -1), 1, RIG_QUEUE);
	assert_int_equal(erase(rig, 0, 2, 0, 2), S_OK);
	assert_int_equal(rig->disk.logs, 3);
	assert_int_equal(rig->disk.log[2].op, ANVIL_DISK_FLUSH);
}

/* 5.2.6.2: a write request to a read-only disk MUST be answered with IOERR */
static void read_only_disk_is_not_erased(void **state)
{
	struct rig *rig = *state;

	anvil_blk_destroy(&rig->blk);
	rig->disk.disk.read_only = true;
	rig_create(rig);
	guest_drive(&rig->guest, rig->options.features, 1, RIG_QUEUE);
	assert_int_equal(erase(rig, 0, 1, 0, 1), S_IOERR);
	assert_int_equal(rig->disk.logs, 0);
}

/* 5.2.6: three numbers of 16 bits */
static void lifetime_is_told(void **state)
{
	struct rig *rig = *state;
	struct ask a = { .type = T_LIFETIME, .in_len = 7 };

	assert_int_equal(rig_ask(rig, a), S_OK);
	assert_int_equal(rig_get64(rig, &a, 0) & 0xffffffffffff, 0x000b00020001);
	lifetime = (struct anvil_disk_lifetime){ 3, 0, 7 };
	assert_int_equal(rig_ask(rig, a), S_OK);
	assert_int_equal(rig_get64(rig, &a, 0) & 0xffffffffffff, 0x000700000003);
	assert_int_equal(rig->disk.logs, 0);
}

/* 5.2.6.2: the device MUST NOT send any reserved values */
static void reserved_values_are_not_told(void **state)
{
	struct rig *rig = *state;
	struct ask a = { .type = T_LIFETIME, .in_len = 7 };

	lifetime = (struct anvil_disk_lifetime){ 4, 12, 0xffff };
	assert_int_equal(rig_ask(rig, a), S_OK);
	assert_int_equal(rig_get64(rig, &a, 0) & 0xffffffffffff, 0);
}

static void lifetime_of_wrong_length_is_an_io_error(void **state)
{
	struct rig *rig = *state;
	static const uint32_t in_len[] = { 1, 6, 8, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(in_len); i++)
		assert_int_equal(
			rig_ask(rig, (struct ask){ .type = T_LIFETIME, .in_len = in_len[i] }),
			S_IOERR);
	assert_int_equal(
		rig_ask(rig, (struct ask){ .type = T_LIFETIME, .out_len = 1, .in_len = 7 }),
		S_IOERR);
}

static void what_was_not_accepted_is_unsupported(void **state)
{
	struct rig *rig = *state;

	guest_drive(&rig->guest, features(-1), 1, RIG_QUEUE);
	assert_int_equal(rig_ask(rig, (struct ask){ .type = T_LIFETIME, .in_len = 7 }), S_UNSUPP);
	assert_int_equal(erase(rig, 0, 1, 0, 1), S_UNSUPP);
	assert_int_equal(rig->disk.logs, 0);
}

/* 5.2.6.2: LIFETIME MUST NOT be offered without the numbers; erasure not by a disk that cannot */
static void what_the_disk_has_not_cannot_be_offered(void **state)
{
	struct rig *rig = *state;
	struct anvil_blk blk;

	rig->disk.disk.lifetime = NULL;
	assert_int_equal(anvil_blk_init(&blk, &rig->options), -EINVAL);
	rig->disk.disk.lifetime = &lifetime;
	rig->disk.disk.secure_erase = false;
	assert_int_equal(anvil_blk_init(&blk, &rig->options), -EINVAL);
	rig->disk.disk.secure_erase = true;
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct anvil_blk_options o = rig->options;                                         \
		change;                                                                            \
		assert_int_equal(anvil_blk_init(&blk, &o), -EINVAL);                               \
	} while (0)
	REFUSED(o.erase_sectors_max = 0);
	REFUSED(o.erase_segments_max = 0);
	REFUSED(o.erase_segments_max = 257);
	REFUSED(o.erase_sector_alignment = 0);
	{
		struct anvil_blk_options o = rig->options;

		o.erase_segments_max = 256;
		assert_int_equal(anvil_blk_init(&blk, &o), 0);
		anvil_blk_destroy(&blk);
	}
	REFUSED(anvil_features_add(&o.features, VIRTIO_BLK_F_ZONED));
}

/* 5.2.3.1: BARRIER and SCSI are of the legacy interface; 5.2.6.4: so are these requests */
static void legacy_features_and_requests_are_refused(void **state)
{
	struct rig *rig = *state;
	static const int bit[] = { VIRTIO_BLK_F_BARRIER, VIRTIO_BLK_F_SCSI };
	static const uint32_t type[] = { VIRTIO_BLK_T_SCSI_CMD, VIRTIO_BLK_T_SCSI_CMD_OUT,
					 VIRTIO_BLK_T_BARRIER, VIRTIO_BLK_T_BARRIER | T_OUT };

	for (size_t i = 0; i < ARRAY_SIZE(bit); i++) {
		struct anvil_blk blk;
		struct anvil_blk_options o = rig->options;

		anvil_features_add(&o.features, (unsigned int)bit[i]);
		assert_int_equal(anvil_blk_init(&blk, &o), -EINVAL);
		assert_false(anvil_features_has(&rig->blk.dev.offered, (unsigned int)bit[i]));
		reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
		assert_false(guest_negotiate(&rig->guest, features(bit[i], -1)));
	}
	guest_drive(&rig->guest, rig->options.features, 1, RIG_QUEUE);
	for (size_t i = 0; i < ARRAY_SIZE(type); i++)
		assert_int_equal(rig_ask(rig, (struct ask){ .type = type[i], .out_len = 512 }),
				 S_UNSUPP);
	assert_int_equal(rig->disk.logs, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config_tells_the_limits),
		TEST(erasures_get_their_status),
		TEST(erasures_of_wrong_length_are_io_errors),
		TEST(erasure_is_stable_when_the_driver_cannot_flush),
		TEST(read_only_disk_is_not_erased),
		TEST(lifetime_is_told),
		TEST(reserved_values_are_not_told),
		TEST(lifetime_of_wrong_length_is_an_io_error),
		TEST(what_was_not_accepted_is_unsupported),
		TEST(what_the_disk_has_not_cannot_be_offered),
		TEST(legacy_features_and_requests_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
