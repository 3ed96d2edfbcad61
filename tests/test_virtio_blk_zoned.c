/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_blk.h in front of zoned_disk.h: VIRTIO_BLK_F_ZONED (5.2.4 to 5.2.6). */
#include "array_size.h"
#include "blk_rig.h"

#define ZONE 8u /* sectors; eight zones, the first one conventional */
#define CAP  6u

static const struct anvil_zoned_disk_options host_managed = {
	.zoning = { ANVIL_DISK_HOST_MANAGED, ZONE, 2, 3, 4, 1024 },
	.conventional = 1,
	.zone_capacity = CAP,
};

static const struct anvil_zoned_disk_options host_aware = {
	.zoning = { ANVIL_DISK_HOST_AWARE, ZONE, 0, 0, 4, 512 },
	.conventional = 1,
};

static void use_zones(struct rig *rig, const struct anvil_zoned_disk_options *zones)
{
	assert_int_equal(anvil_zoned_disk_init(&rig->zoned, &rig->disk.disk, zones), 0);
	rig->options.disk = &rig->zoned.disk;
	anvil_features_add(&rig->options.features, VIRTIO_BLK_F_ZONED);
	rig_create(rig);
	guest_drive(&rig->guest, rig->options.features, 1, RIG_QUEUE);
}

static int setup(void **state)
{
	struct rig *rig = rig_new();

	rig->disk.disk.secure_erase = true;
	anvil_features_add(&rig->options.features, VIRTIO_BLK_F_SECURE_ERASE);
	rig->options.erase_sectors_max = 4 * ZONE;
	rig->options.erase_segments_max = 2;
	rig->options.erase_sector_alignment = ZONE;
	use_zones(rig, &host_managed);
	*state = rig;
	return 0;
}

static int setup_aware(void **state)
{
	struct rig *rig = rig_new();

	use_zones(rig, &host_aware);
	*state = rig;
	return 0;
}

#define LARGE_ZONE (1u << 28)
#define LAST_ZONE  (16ull * LARGE_ZONE) /* begins where 32 bits end */

static const struct anvil_zoned_disk_options large = {
	.zoning = { ANVIL_DISK_HOST_MANAGED, LARGE_ZONE, 2, 3, 4, 512 },
};

/* The last zone alone has memory. */
static int setup_large(void **state)
{
	struct rig *rig = rig_new();

	rig->disk.disk.capacity = LAST_ZONE + TEST_DISK_SECTORS;
	rig->disk.first = LAST_ZONE;
	use_zones(rig, &large);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rig_free(*state);
	return 0;
}

static uint8_t zone_op(struct rig *rig, uint32_t type, unsigned int zone)
{
	return rig_ask(rig, (struct ask){ .type = type, .sector = (uint64_t)zone * ZONE });
}

static uint8_t write_at(struct rig *rig, uint64_t sector, uint32_t sectors)
{
	return rig_ask(rig,
		       (struct ask){ .type = T_OUT, .sector = sector, .out_len = sectors * 512 });
}

static uint8_t read_at(struct rig *rig, uint64_t sector, uint32_t sectors)
{
	return rig_ask(rig,
		       (struct ask){ .type = T_IN, .sector = sector, .in_len = sectors * 512 + 1 });
}

static uint8_t append(struct rig *rig, uint64_t sector, uint32_t sectors, uint64_t *place)
{
	struct ask a = {
		.type = T_APPEND, .sector = sector, .out_len = sectors * 512, .in_len = 9
	};
	uint8_t status = rig_ask(rig, a);

	*place = rig_get64(rig, &a, 0);
	return status;
}

struct told {
	uint64_t zones;
	uint64_t capacity;
	uint64_t start;
	uint64_t pointer;
	uint8_t type;
	uint8_t state;
};

/* What a report says of the zone of this sector, with room for `room` of them. */
static struct told report(struct rig *rig, uint64_t sector, uint32_t room, uint64_t expected)
{
	struct ask a = { .type = T_REPORT, .sector = sector, .in_len = 64 + 64 * room + 1 };
	struct told told;

	a.used = expected == room ? a.in_len : 64 + 64 * (uint32_t)expected;
	assert_int_equal(rig_ask(rig, a), S_OK);
	told.zones = rig_get64(rig, &a, 0);
	assert_int_equal(told.zones, expected);
	for (uint32_t i = 8; i < 64; i += 8)
		assert_int_equal(rig_get64(rig, &a, i), 0);
	if (!room)
		return told;
	told.capacity = rig_get64(rig, &a, 64);
	told.start = rig_get64(rig, &a, 72);
	told.pointer = rig_get64(rig, &a, 80);
	told.type = ram_get8(&rig->guest.ram, rig_in(&a) + 88);
	told.state = ram_get8(&rig->guest.ram, rig_in(&a) + 89);
	for (uint32_t i = 90; i < 128; i++)
		assert_int_equal(ram_get8(&rig->guest.ram, rig_in(&a) + i), 0);
	return told;
}

static void expect_zone(struct rig *rig, unsigned int zone, uint8_t state, uint64_t pointer)
{
	struct told told = report(rig, (uint64_t)zone * ZONE, 1, 1);

	assert_int_equal(told.state, state);
	assert_int_equal(told.start, zone * ZONE);
	assert_int_equal(told.pointer, pointer);
}

/* ---- 5.2.4, 5.2.5.2: configuration and negotiation ---- */

static void config_tells_the_characteristics(void **state)
{
	struct rig *rig = *state;
	static const uint32_t value[] = { ZONE, 2, 3, 4, 1024, VIRTIO_BLK_Z_HM };

	for (uint32_t i = 0; i < ARRAY_SIZE(value); i++)
		assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_CONFIG + 72 + 4 * i), value[i]);
	assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_CONFIG + 96), 0);
}

/* "the device with the VIRTIO_BLK_Z_HM zone model MUST fail to set the FEATURES_OK" */
static void host_managed_disk_wants_a_driver_that_knows_zones(void **state)
{
	struct rig *rig = *state;

	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	assert_false(guest_negotiate(&rig->guest, features(VIRTIO_BLK_F_FLUSH, -1)));
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(guest_negotiate(&rig->guest, features(VIRTIO_BLK_F_ZONED, -1)));
}

/* "... Z_HA ... SHOULD proceed with the initialization while setting all zoned characteristics
 * fields to zero"; 5.2.6.2: UNSUPP to each zone request then */
static void host_aware_disk_serves_drivers_that_know_none(void **state)
{
	struct rig *rig = *state;
	static const uint32_t type[] = { T_APPEND, T_REPORT, T_OPEN, T_CLOSE,
					 T_FINISH, T_RESET,  T_ALL };

	assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_CONFIG + 92), VIRTIO_BLK_Z_HA);
	guest_drive(&rig->guest, features(VIRTIO_BLK_F_FLUSH, -1), 1, RIG_QUEUE);
	for (uint32_t i = 72; i < 96; i += 4)
		assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_CONFIG + i), 0);
	for (size_t i = 0; i < ARRAY_SIZE(type); i++)
		assert_int_equal(rig_ask(rig, (struct ask){ .type = type[i], .in_len = 200 }),
				 S_UNSUPP);
	assert_int_equal(write_at(rig, 13, 6), S_OK);
	/* no status of zones either */
	anvil_zoned_disk_fail_zone(&rig->zoned, 4, ANVIL_DISK_ZONE_OFFLINE);
	assert_int_equal(read_at(rig, 4 * ZONE, 1), S_IOERR);
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_CONFIG + 72), ZONE);
}

static void init_checks_zones(void **state)
{
	struct rig *rig = *state;
	struct anvil_blk blk;

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct anvil_blk_options o = rig->options;                                         \
		change;                                                                            \
		assert_int_equal(anvil_blk_init(&blk, &o), -EINVAL);                               \
	} while (0)
#define TAKEN(change)                                                                              \
	do {                                                                                       \
		struct anvil_blk_options o = rig->options;                                         \
		change;                                                                            \
		assert_int_equal(anvil_blk_init(&blk, &o), 0);                                     \
		anvil_blk_destroy(&blk);                                                           \
	} while (0)
	REFUSED(o.features = features(-1));
	REFUSED(o.disk = &rig->disk.disk);
	/* 5.2.5.1: ZONED of a host-managed disk goes without DISCARD */
	REFUSED(anvil_features_add(&o.features, VIRTIO_BLK_F_DISCARD));
	REFUSED(anvil_features_add(&o.features, VIRTIO_BLK_F_WRITE_ZEROES));
	/* 5.2.6.2: secure_erase_sector_alignment MUST be a multiple of zone_sectors */
	REFUSED(o.erase_sector_alignment = ZONE + 1);
	REFUSED(o.transfer_max = 3 * 512);
	TAKEN(o.transfer_max = 4 * 512);
	/* 5.2.5.2: max_append_sectors MUST NOT exceed seg_max * size_max */
	anvil_features_add(&rig->options.features, VIRTIO_BLK_F_SIZE_MAX);
	anvil_features_add(&rig->options.features, VIRTIO_BLK_F_SEG_MAX);
	REFUSED(o.size_max = 1024; o.seg_max = 1);
	REFUSED(o.size_max = 1023; o.seg_max = 2);
	TAKEN(o.size_max = 1024; o.seg_max = 2);
}

/* ---- 5.2.6: reports ---- */

static void report_tells_types_and_states(void **state)
{
	struct rig *rig = *state;
	struct told told = report(rig, 5, 1, 1);

	assert_int_equal(told.type, VIRTIO_BLK_ZT_CONV);
	assert_int_equal(told.state, VIRTIO_BLK_ZS_NOT_WP);
	assert_int_equal(told.capacity, ZONE);
	told = report(rig, 9, 1, 1);
	assert_int_equal(told.type, VIRTIO_BLK_ZT_SWR);
	assert_int_equal(told.state, VIRTIO_BLK_ZS_EMPTY);
	assert_int_equal(told.start, ZONE);
	assert_int_equal(told.pointer, ZONE);
	assert_int_equal(told.capacity, CAP);
}

/* "the number of fully transferred zone descriptors in the data buffer" */
static void report_tells_as_many_as_have_room(void **state)
{
	struct rig *rig = *state;
	struct ask part = { .type = T_REPORT, .in_len = 64 + 64 + 63 + 1, .used = 128 };

	(void)report(rig, 0, 0, 0);
	(void)report(rig, 0, 3, 3);
	(void)report(rig, 6 * ZONE + 1, 4, 2);
	assert_int_equal(rig_ask(rig, part), S_OK);
	assert_int_equal(rig_get64(rig, &part, 0), 1);
	/* a byte of the part that was not filled is not touched */
	assert_int_equal(ram_get8(&rig->guest.ram, rig_in(&part) + 128), NO_STATUS);
}

/* Sectors have 64 bits on the way to the zones, and back in what is told of them. */
static void zones_begin_beyond_32_bits(void **state)
{
	struct rig *rig = *state;
	struct told told = report(rig, LAST_ZONE, 1, 1);
	uint64_t place;

	assert_int_equal(told.start, LAST_ZONE);
	assert_int_equal(told.pointer, LAST_ZONE);
	assert_int_equal(told.capacity, TEST_DISK_SECTORS);
	assert_int_equal(write_at(rig, LAST_ZONE, 1), S_OK);
	assert_int_equal(append(rig, LAST_ZONE, 2, &place), S_OK);
	assert_int_equal(place, LAST_ZONE + 1);
	assert_int_equal(read_at(rig, LAST_ZONE, 4), S_OK);
	told = report(rig, LAST_ZONE, 1, 1);
	assert_int_equal(told.pointer, LAST_ZONE + 3);
	assert_int_equal(told.state, VIRTIO_BLK_ZS_IOPEN);
	told = report(rig, LAST_ZONE - 1, 1, 1);
	assert_int_equal(told.start, LAST_ZONE - LARGE_ZONE);
	assert_int_equal(told.pointer, LAST_ZONE - LARGE_ZONE);
	assert_int_equal(told.capacity, LARGE_ZONE);
	assert_int_equal(report(rig, 0, 1, 1).state, VIRTIO_BLK_ZS_EMPTY);
}

static void malformed_reports_are_refused(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_ask(rig, (struct ask){ .type = T_REPORT, .in_len = 64 }), S_IOERR);
	assert_int_equal(
		rig_ask(rig, (struct ask){ .type = T_REPORT, .out_len = 1, .in_len = 129 }),
		S_IOERR);
	assert_int_equal(rig_ask(rig, (struct ask){ .type = T_REPORT,
						    .sector = TEST_DISK_SECTORS,
						    .in_len = 129 }),
			 S_INVALID);
	assert_int_equal(
		rig_ask(rig, (struct ask){ .type = T_REPORT, .sector = UINT64_MAX, .in_len = 129 }),
		S_INVALID);
}

/* ---- 5.2.6.2: appends ---- */

static void append_tells_where_it_wrote(void **state)
{
	struct rig *rig = *state;
	uint64_t place;

	assert_int_equal(append(rig, 2 * ZONE, 2, &place), S_OK);
	assert_int_equal(place, 2 * ZONE);
	assert_int_equal(append(rig, 2 * ZONE, 2, &place), S_OK);
	assert_int_equal(place, 2 * ZONE + 2);
	expect_zone(rig, 2, VIRTIO_BLK_ZS_IOPEN, 2 * ZONE + 4);
	assert_int_equal(append(rig, 2 * ZONE, 2, &place), S_OK);
	expect_zone(rig, 2, VIRTIO_BLK_ZS_FULL, UINT64_MAX);
	assert_int_equal(append(rig, 2 * ZONE, 2, &place), S_INVALID);
}

static void appends_are_checked(void **state)
{
	struct rig *rig = *state;
	static const struct {
		struct ask a;
		uint8_t status;
	} t[] = {
		{ { .type = T_APPEND, .sector = 2 * ZONE + 1, .out_len = 1024, .in_len = 9 },
		  S_INVALID }, /* not the lowest sector */
		{ { .type = T_APPEND, .out_len = 1024, .in_len = 9 },
		  S_INVALID }, /* not a SWR zone */
		{ { .type = T_APPEND, .sector = TEST_DISK_SECTORS, .out_len = 1024, .in_len = 9 },
		  S_INVALID },
		{ { .type = T_APPEND, .sector = 2 * ZONE, .out_len = 5 * 512, .in_len = 9 },
		  S_INVALID }, /* max_append_sectors */
		{ { .type = T_APPEND, .sector = 2 * ZONE, .in_len = 9 }, S_INVALID },
		{ { .type = T_APPEND, .sector = 2 * ZONE, .out_len = 512, .in_len = 9 },
		  S_UNALIGN }, /* write_granularity */
		{ { .type = T_APPEND, .sector = 2 * ZONE, .out_len = 1023, .in_len = 9 }, S_IOERR },
		{ { .type = T_APPEND, .sector = 2 * ZONE, .out_len = 1024, .in_len = 8 }, S_IOERR },
		{ { .type = T_APPEND, .sector = 2 * ZONE, .out_len = 1024, .in_len = 10 },
		  S_IOERR },
		{ { .type = T_APPEND, .sector = 2 * ZONE, .out_len = 1024, .in_len = 1 }, S_IOERR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(rig_ask(rig, t[i].a), t[i].status);
	assert_int_equal(rig->disk.logs, 0);
}

/* 5.2.6.2: 0 in max_append_sectors: UNSUPP */
static void disk_without_appends_says_so(void **state)
{
	struct rig *rig = *state;
	uint64_t place;

	rig->zoned.zoning.append_sectors_max = 0;
	assert_int_equal(append(rig, 2 * ZONE, 2, &place), S_UNSUPP);
}

/* 5.2.6.2: case 1 of the stable writes; the place outlives the flush */
static void append_is_stable_when_the_driver_cannot_flush(void **state)
{
	struct rig *rig = *state;
	uint64_t place;

	guest_drive(&rig->guest, features(VIRTIO_BLK_F_ZONED, -1), 1, RIG_QUEUE);
	assert_int_equal(append(rig, 3 * ZONE, 2, &place), S_OK);
	assert_int_equal(append(rig, 3 * ZONE, 2, &place), S_OK);
	assert_int_equal(place, 3 * ZONE + 2);
	assert_int_equal(rig->disk.logs, 4);
	assert_int_equal(rig->disk.log[3].op, ANVIL_DISK_FLUSH);
}

/* ---- 5.2.6.2: reads and writes ---- */

static void writes_are_checked(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(write_at(rig, 2, 3), S_OK); /* conventional: anywhere */
	assert_int_equal(write_at(rig, ZONE + 2, 2), S_UNALIGN);
	assert_int_equal(write_at(rig, ZONE, 1), S_UNALIGN);	 /* ends in the middle of a unit */
	assert_int_equal(write_at(rig, ZONE, 8), S_INVALID);	 /* more than the capacity */
	assert_int_equal(write_at(rig, ZONE - 2, 4), S_INVALID); /* in two zones */
	assert_int_equal(write_at(rig, ZONE, 4), S_OK);
	assert_int_equal(write_at(rig, ZONE, 2), S_UNALIGN);
	assert_int_equal(write_at(rig, ZONE + 4, 2), S_OK);
	expect_zone(rig, 1, VIRTIO_BLK_ZS_FULL, UINT64_MAX);
	assert_int_equal(write_at(rig, ZONE + 6, 2), S_INVALID);
	assert_int_equal(rig->disk.logs, 3);
}

static void reads_see_what_was_written_and_zeroes_behind_it(void **state)
{
	struct rig *rig = *state;
	uint8_t data[1024];
	struct ask a = { .type = T_OUT,
			 .sector = 2 * ZONE,
			 .out_len = sizeof(data),
			 .in_len = 1,
			 .data = data };
	struct ask back = { .type = T_IN, .sector = 2 * ZONE, .in_len = 8 * 512 + 1 };

	memset(data, 0x5a, sizeof(data));
	assert_int_equal(rig_ask(rig, a), S_OK);
	assert_int_equal(rig_ask(rig, back), S_OK);
	for (uint32_t i = 0; i < 8 * 512; i++)
		assert_int_equal(ram_get8(&rig->guest.ram, rig_in(&back) + i), i < 1024 ? 0x5a : 0);
	/* 5.2.6.2: what is behind the pointer is unwritten, when the zone is finished, too */
	assert_int_equal(zone_op(rig, T_FINISH, 2), S_OK);
	assert_int_equal(rig_ask(rig, back), S_OK);
	assert_int_equal(ram_get8(&rig->guest.ram, rig_in(&back) + 1023), 0x5a);
	assert_int_equal(ram_get8(&rig->guest.ram, rig_in(&back) + 1024), 0);
	assert_int_equal(zone_op(rig, T_RESET, 2), S_OK);
	assert_int_equal(rig_ask(rig, back), S_OK);
	assert_int_equal(ram_get8(&rig->guest.ram, rig_in(&back)), 0);
	assert_int_equal(read_at(rig, 2 * ZONE + 7, 2), S_INVALID); /* in two zones */
	assert_int_equal(read_at(rig, ZONE - 1, 2), S_INVALID);
}

static void zones_out_of_order_are_left_alone(void **state)
{
	struct rig *rig = *state;
	uint64_t place;
	static const uint32_t type[] = { T_OPEN, T_CLOSE, T_FINISH, T_RESET };

	assert_int_equal(write_at(rig, 3 * ZONE, 2), S_OK);
	anvil_zoned_disk_fail_zone(&rig->zoned, 3, ANVIL_DISK_ZONE_READ_ONLY);
	anvil_zoned_disk_fail_zone(&rig->zoned, 4, ANVIL_DISK_ZONE_OFFLINE);
	assert_int_equal(read_at(rig, 3 * ZONE, 2), S_OK);
	assert_int_equal(read_at(rig, 4 * ZONE, 2), S_INVALID);
	for (unsigned int zone = 3; zone < 5; zone++) {
		assert_int_equal(write_at(rig, zone * ZONE + (zone == 3 ? 2 : 0), 2), S_INVALID);
		assert_int_equal(append(rig, zone * ZONE, 2, &place), S_INVALID);
		for (size_t i = 0; i < ARRAY_SIZE(type); i++)
			assert_int_equal(zone_op(rig, type[i], zone), S_INVALID);
	}
	assert_int_equal(zone_op(rig, T_ALL, 0), S_OK);
	expect_zone(rig, 3, VIRTIO_BLK_ZS_RDONLY, UINT64_MAX);
	expect_zone(rig, 4, VIRTIO_BLK_ZS_OFFLINE, UINT64_MAX);
}

/* ---- 5.2.6: states and resources ---- */

static void states_follow_the_requests(void **state)
{
	struct rig *rig = *state;
	uint64_t start = 5 * ZONE;

	assert_int_equal(zone_op(rig, T_CLOSE, 5), S_INVALID); /* an empty one */
	assert_int_equal(zone_op(rig, T_OPEN, 5), S_OK);
	assert_int_equal(zone_op(rig, T_OPEN, 5), S_OK);
	expect_zone(rig, 5, VIRTIO_BLK_ZS_EOPEN, start);
	assert_int_equal(zone_op(rig, T_CLOSE, 5), S_OK);
	expect_zone(rig, 5, VIRTIO_BLK_ZS_EMPTY, start);
	assert_int_equal(write_at(rig, start, 2), S_OK);
	expect_zone(rig, 5, VIRTIO_BLK_ZS_IOPEN, start + 2);
	assert_int_equal(zone_op(rig, T_OPEN, 5), S_OK);
	expect_zone(rig, 5, VIRTIO_BLK_ZS_EOPEN, start + 2);
	assert_int_equal(zone_op(rig, T_CLOSE, 5), S_OK);
	assert_int_equal(zone_op(rig, T_CLOSE, 5), S_OK);
	expect_zone(rig, 5, VIRTIO_BLK_ZS_CLOSED, start + 2);
	assert_int_equal(zone_op(rig, T_FINISH, 5), S_OK);
	assert_int_equal(zone_op(rig, T_FINISH, 5), S_OK);
	expect_zone(rig, 5, VIRTIO_BLK_ZS_FULL, UINT64_MAX);
	assert_int_equal(zone_op(rig, T_OPEN, 5), S_INVALID);
	assert_int_equal(zone_op(rig, T_CLOSE, 5), S_INVALID);
	assert_int_equal(zone_op(rig, T_RESET, 5), S_OK);
	assert_int_equal(zone_op(rig, T_RESET, 5), S_OK);
	expect_zone(rig, 5, VIRTIO_BLK_ZS_EMPTY, start);
}

/* two may be open, three active */
static void limits_are_kept(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(write_at(rig, ZONE, 2), S_OK);
	assert_int_equal(write_at(rig, 2 * ZONE, 2), S_OK);
	/* "IOPEN to CLOSED implicitly ... at max_open_zones limit" */
	assert_int_equal(write_at(rig, 3 * ZONE, 2), S_OK);
	expect_zone(rig, 1, VIRTIO_BLK_ZS_CLOSED, ZONE + 2);
	/* the fourth active one: ACTIVE_RESOURCE, with both limits exceeded, too */
	assert_int_equal(write_at(rig, 4 * ZONE, 2), S_NO_ACT);
	assert_int_equal(zone_op(rig, T_OPEN, 4), S_NO_ACT);
	assert_int_equal(zone_op(rig, T_OPEN, 2), S_OK);
	assert_int_equal(zone_op(rig, T_OPEN, 3), S_OK);
	/* both explicitly: nothing to close */
	assert_int_equal(write_at(rig, ZONE + 2, 2), S_NO_OPEN);
	assert_int_equal(zone_op(rig, T_OPEN, 1), S_NO_OPEN);
	expect_zone(rig, 1, VIRTIO_BLK_ZS_CLOSED, ZONE + 2);
	assert_int_equal(zone_op(rig, T_FINISH, 2), S_OK);
	assert_int_equal(write_at(rig, ZONE + 2, 2), S_OK);
	assert_int_equal(zone_op(rig, T_ALL, 0), S_OK);
	for (unsigned int zone = 1; zone < 4; zone++)
		expect_zone(rig, zone, VIRTIO_BLK_ZS_EMPTY, zone * ZONE);
	assert_int_equal(zone_op(rig, T_OPEN, 4), S_OK);
}

/* "issued for a Conventional zone ... INVALID_CMD" */
static void zone_requests_are_checked(void **state)
{
	struct rig *rig = *state;
	static const uint32_t type[] = { T_OPEN, T_CLOSE, T_FINISH, T_RESET };

	for (size_t i = 0; i < ARRAY_SIZE(type); i++) {
		struct ask odd = { .type = type[i], .sector = 2 * ZONE + 1 };
		struct ask end = { .type = type[i], .sector = TEST_DISK_SECTORS };
		struct ask out = { .type = type[i], .sector = 2 * ZONE, .out_len = 1 };
		struct ask in = { .type = type[i], .sector = 2 * ZONE, .in_len = 2 };

		assert_int_equal(zone_op(rig, type[i], 0), S_INVALID);
		assert_int_equal(rig_ask(rig, odd), S_INVALID);
		assert_int_equal(rig_ask(rig, end), S_INVALID);
		assert_int_equal(rig_ask(rig, out), S_IOERR);
		assert_int_equal(rig_ask(rig, in), S_IOERR);
	}
	/* "The sector value is not used for this request" */
	assert_int_equal(rig_ask(rig, (struct ask){ .type = T_ALL, .sector = UINT64_MAX }), S_OK);
	assert_int_equal(rig_ask(rig, (struct ask){ .type = T_ALL, .out_len = 1 }), S_IOERR);
}

/* 5.2.6.2: erased like reset, and whole zones alone */
static void erasure_resets_zones(void **state)
{
	struct rig *rig = *state;
	static const struct {
		struct virtio_blk_range range;
		uint8_t status;
	} t[] = {
		{ { 2 * ZONE, ZONE - 1, 0 }, S_IOERR },
		{ { 2 * ZONE + 1, ZONE, 0 }, S_IOERR },
		{ { 0, 2 * ZONE, 0 }, S_INVALID }, /* conventional */
		{ { 2 * ZONE, 2 * ZONE, 0 }, S_OK },
	};

	assert_int_equal(write_at(rig, 2 * ZONE, 2), S_OK);
	assert_int_equal(zone_op(rig, T_FINISH, 3), S_OK);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct virtio_blk_range range = { htole64(t[i].range.sector),
						  htole32(t[i].range.num_sectors), 0 };

		expect_zone(rig, 2, VIRTIO_BLK_ZS_IOPEN, 2 * ZONE + 2);
		assert_int_equal(rig_ask(rig, (struct ask){ .type = T_ERASE,
							    .out_len = 16,
							    .in_len = 1,
							    .data = &range }),
				 t[i].status);
	}
	expect_zone(rig, 2, VIRTIO_BLK_ZS_EMPTY, 2 * ZONE);
	expect_zone(rig, 3, VIRTIO_BLK_ZS_EMPTY, 3 * ZONE);
	assert_int_equal(rig->disk.log[rig->disk.logs - 1].op, ANVIL_DISK_SECURE_ERASE);
}

static void read_only_disk_keeps_its_zones(void **state)
{
	struct rig *rig = *state;
	static const uint32_t type[] = { T_OPEN, T_CLOSE, T_FINISH, T_RESET, T_ALL };
	uint64_t place;

	anvil_blk_destroy(&rig->blk);
	rig->zoned.disk.read_only = true;
	rig_create(rig);
	guest_drive(&rig->guest, rig->options.features, 1, RIG_QUEUE);
	for (size_t i = 0; i < ARRAY_SIZE(type); i++)
		assert_int_equal(zone_op(rig, type[i], 2), S_IOERR);
	assert_int_equal(append(rig, 2 * ZONE, 2, &place), S_IOERR);
	expect_zone(rig, 2, VIRTIO_BLK_ZS_EMPTY, 2 * ZONE);
}

/* ---- host-aware: zones that are written anywhere ---- */

static void preferred_zones_take_any_write(void **state)
{
	struct rig *rig = *state;
	uint64_t place;

	assert_int_equal(report(rig, ZONE, 1, 1).type, VIRTIO_BLK_ZT_SWP);
	assert_int_equal(write_at(rig, ZONE + 3, 1), S_OK);
	expect_zone(rig, 1, VIRTIO_BLK_ZS_IOPEN, ZONE + 4);
	assert_int_equal(write_at(rig, ZONE, 1), S_OK);
	expect_zone(rig, 1, VIRTIO_BLK_ZS_IOPEN, ZONE + 4);
	assert_int_equal(write_at(rig, ZONE - 2, 6), S_OK); /* from a conventional one on */
	assert_int_equal(write_at(rig, ZONE + 6, 4), S_OK); /* over the end of one */
	expect_zone(rig, 1, VIRTIO_BLK_ZS_FULL, UINT64_MAX);
	expect_zone(rig, 2, VIRTIO_BLK_ZS_IOPEN, 2 * ZONE + 2);
	assert_int_equal(write_at(rig, ZONE, 1), S_OK);
	assert_int_equal(read_at(rig, ZONE + 4, 8), S_OK);
	assert_int_equal(append(rig, 3 * ZONE, 1, &place), S_INVALID); /* not a SWR zone */
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)
#define LARGE(name) cmocka_unit_test_setup_teardown(name, setup_large, teardown)
#define AWARE(name) cmocka_unit_test_setup_teardown(name, setup_aware, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config_tells_the_characteristics),
		TEST(host_managed_disk_wants_a_driver_that_knows_zones),
		AWARE(host_aware_disk_serves_drivers_that_know_none),
		TEST(init_checks_zones),
		TEST(report_tells_types_and_states),
		TEST(report_tells_as_many_as_have_room),
		LARGE(zones_begin_beyond_32_bits),
		TEST(malformed_reports_are_refused),
		TEST(append_tells_where_it_wrote),
		TEST(appends_are_checked),
		TEST(disk_without_appends_says_so),
		TEST(append_is_stable_when_the_driver_cannot_flush),
		TEST(writes_are_checked),
		TEST(reads_see_what_was_written_and_zeroes_behind_it),
		TEST(zones_out_of_order_are_left_alone),
		TEST(states_follow_the_requests),
		TEST(limits_are_kept),
		TEST(zone_requests_are_checked),
		TEST(erasure_resets_zones),
		TEST(read_only_disk_keeps_its_zones),
		AWARE(preferred_zones_take_any_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
