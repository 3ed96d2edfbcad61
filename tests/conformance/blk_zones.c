/* SPDX-License-Identifier: BSD-3-Clause */
/* The block device: zones, secure erase, lifetime (5.2.5.2, 5.2.6.2). */
#include "bench.h"

#include <endian.h>

#include "array_size.h"
#include "zoned_disk.h"

#define OK	  0u
#define IOERR	  1u
#define UNSUPP	  2u
#define INVALID	  3u
#define UNALIGNED 4u
#define NO_OPEN	  5u
#define NO_ACTIVE 6u

enum {
	T_IN,
	T_OUT,
	T_LIFETIME = 10,
	T_ERASE = 14,
	T_APPEND,
	T_REPORT,
	T_OPEN = 18,
	T_CLOSE = 20,
	T_FINISH = 22,
	T_RESET = 24,
	T_RESET_ALL = 26
};
enum { EMPTY = 1, IOPEN, EOPEN, CLOSED, RDONLY = 13, FULL, OFFLINE };
enum { F_LIFETIME = 15, F_SECURE_ERASE = 16, F_ZONED = 17 };

#define SECTOR	    ANVIL_DISK_SECTOR_BYTES
#define ZONE	    8u /* sectors */
#define ZONES	    (TEST_DISK_SECTORS / ZONE)
#define CAPACITY    6u /* sectors of a zone that can be written */
#define APPEND_MAX  4u
#define START(zone) ((uint64_t)ZONE * (zone))

enum {
	AT_ERASE_ALIGNMENT = 68,
	AT_ZONE = 72,
	AT_OPEN = 76,
	AT_ACTIVE = 80,
	AT_APPEND = 84,
	AT_GRANULARITY = 88,
	AT_MODEL = 92,
	AT_PADDING = 93
};

/* One at a time: the device is destroyed first, and then the zones. */
static struct anvil_zoned_disk zoned;
static bool zoned_made;

static int teardown(void **state)
{
	int err = bench_teardown(state);

	if (zoned_made)
		anvil_zoned_disk_destroy(&zoned);
	zoned_made = false;
	return err;
}

/* releases of clang-format do not agree about these braces */
/* clang-format off */
#define ZONED(statements, test) { statements " " #test, test, bench_setup_blk, teardown, NULL }
/* clang-format on */

/* Puts zones in front of the disk: the first one is conventional. Recreates the device. */
static void make_zones(struct bench *b, enum anvil_disk_zone_model model, uint32_t append_max)
{
	struct anvil_zoned_disk_options o = {
		.zoning = { .model = model,
			    .zone_sectors = ZONE,
			    .open_max = model == ANVIL_DISK_HOST_MANAGED ? 2 : 0,
			    .active_max = model == ANVIL_DISK_HOST_MANAGED ? 3 : 0,
			    .append_sectors_max = append_max,
			    .write_granularity = SECTOR },
		.conventional = 1,
		.zone_capacity = model == ANVIL_DISK_HOST_MANAGED ? CAPACITY : 0,
	};
	struct anvil_zoned_disk old = zoned;
	bool was = zoned_made;

	b->disk.disk.secure_erase = true;
	assert_int_equal(anvil_zoned_disk_init(&zoned, &b->disk.disk, &o), 0);
	zoned_made = true;
	b->blk_options.disk = &zoned.disk;
	b->blk_options.features =
		features(F_ZONED, F_SECURE_ERASE, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_SEG_MAX,
			 VIRTIO_BLK_F_SIZE_MAX, VIRTIO_F_RING_RESET, -1);
	b->blk_options.erase_sectors_max = TEST_DISK_SECTORS;
	b->blk_options.erase_segments_max = 4;
	b->blk_options.erase_sector_alignment = ZONE;
	bench_recreate(b);
	if (was)
		anvil_zoned_disk_destroy(&old);
}

static void drive_zones(struct bench *b)
{
	make_zones(b, ANVIL_DISK_HOST_MANAGED, APPEND_MAX);
	bench_drive(b, features(F_ZONED, F_SECURE_ERASE, -1));
}

static uint8_t zone_command(struct bench *b, uint32_t type, unsigned int zone)
{
	return blk_request(b, type, START(zone), NULL, 0, 0);
}

static uint8_t out(struct bench *b, uint64_t sector, uint32_t sectors)
{
	static uint8_t data[16 * SECTOR];

	memset(data, 0x5a, sizeof(data));
	return blk_request(b, T_OUT, sector, data, sectors * SECTOR, 0);
}

static uint8_t append(struct bench *b, uint64_t sector, uint32_t sectors)
{
	static uint8_t data[16 * SECTOR];

	memset(data, 0xa5, sizeof(data));
	return blk_request(b, T_APPEND, sector, data, sectors * SECTOR, 8);
}

static uint8_t in(struct bench *b, uint64_t sector, uint32_t sectors)
{
	return blk_request(b, T_IN, sector, NULL, 0, sectors * SECTOR);
}

static unsigned int state_of(struct bench *b, unsigned int zone)
{
	assert_int_equal(blk_request(b, T_REPORT, START(zone), NULL, 0, 128), OK);
	return ram_get8(&b->guest.ram, BLK_IN + 64 + 25);
}

static uint64_t config(struct bench *b, size_t offset, unsigned int len)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < len; i++)
		value |= anvil_mmio_read(&b->guest.mmio, VIRTIO_MMIO_CONFIG + offset + i, 1)
			 << 8 * i;
	return value;
}

/* ---- initialisation (5.2.5.2) ---- */

static void host_aware_disks_work_without_zoned(void **state)
{
	struct bench *b = *state;

	make_zones(b, ANVIL_DISK_HOST_AWARE, APPEND_MAX);
	bench_drive(b, features(-1));
	for (size_t at = AT_ZONE; at < AT_PADDING + 3; at++)
		assert_int_equal(config(b, at, 1), 0);
	assert_int_equal(out(b, 40, 2), OK); /* anywhere */
	assert_int_equal(in(b, 40, 2), OK);
	assert_int_equal(ram_get8(&b->guest.ram, BLK_IN), 0x5a);
}

static void host_managed_disks_want_zoned(void **state)
{
	struct bench *b = *state;

	make_zones(b, ANVIL_DISK_HOST_MANAGED, APPEND_MAX);
	assert_false(guest_negotiate(&b->guest, features(-1)));
	assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER);
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(guest_negotiate(&b->guest, features(F_ZONED, -1)));
}

static void config_tells_of_the_zones(void **state)
{
	struct bench *b = *state;

	for (unsigned int model = 1; model <= 2; model++) {
		make_zones(b, model == 1 ? ANVIL_DISK_HOST_MANAGED : ANVIL_DISK_HOST_AWARE,
			   APPEND_MAX);
		bench_drive(b, features(F_ZONED, -1));
		assert_int_equal(config(b, AT_MODEL, 1), model);
		assert_int_equal(config(b, AT_ZONE, 4), ZONE);
		assert_int_equal(config(b, AT_OPEN, 4), model == 1 ? 2 : 0);
		assert_int_equal(config(b, AT_ACTIVE, 4), model == 1 ? 3 : 0);
		assert_int_equal(config(b, AT_APPEND, 4), APPEND_MAX);
		assert_int_equal(config(b, AT_GRANULARITY, 4), SECTOR);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(config(b, AT_PADDING + i, 1), 0);
	}
}

/* In the same unit: sectors of an append against bytes of a request. */
static void max_append_fits_a_request(void **state)
{
	struct bench *b = *state;
	struct anvil_blk_options o;
	struct anvil_blk blk;

	make_zones(b, ANVIL_DISK_HOST_MANAGED, APPEND_MAX);
	o = b->blk_options;
	o.size_max = SECTOR;
	o.seg_max = APPEND_MAX;
	assert_int_equal(anvil_blk_init(&blk, &o), 0);
	anvil_blk_destroy(&blk);
	o.seg_max = APPEND_MAX - 1;
	assert_int_equal(anvil_blk_init(&blk, &o), -EINVAL);
}

/* ---- zone commands (5.2.6.2) ---- */

static void conventional_zones_take_no_commands(void **state)
{
	static const uint32_t type[] = { T_OPEN, T_CLOSE, T_FINISH, T_RESET };
	struct bench *b = *state;

	drive_zones(b);
	for (size_t i = 0; i < ARRAY_SIZE(type); i++)
		assert_int_equal(zone_command(b, type[i], 0), INVALID);
	assert_int_equal(append(b, 0, 1), INVALID);
	assert_int_equal(out(b, 5, 2), OK);
}

static void fill_zone(struct bench *b, unsigned int zone)
{
	assert_int_equal(out(b, START(zone), CAPACITY), OK);
	assert_int_equal(state_of(b, zone), FULL);
}

static void impossible_transitions_are_invalid(void **state)
{
	struct bench *b = *state;

	drive_zones(b);
	fill_zone(b, 1);
	anvil_zoned_disk_fail_zone(&zoned, 2, ANVIL_DISK_ZONE_READ_ONLY);
	anvil_zoned_disk_fail_zone(&zoned, 3, ANVIL_DISK_ZONE_OFFLINE);
	assert_int_equal(zone_command(b, T_OPEN, 1), INVALID);
	assert_int_equal(zone_command(b, T_CLOSE, 1), INVALID);
	assert_int_equal(state_of(b, 1), FULL);
	for (unsigned int zone = 2; zone <= 3; zone++) {
		assert_int_equal(zone_command(b, T_OPEN, zone), INVALID);
		assert_int_equal(zone_command(b, T_CLOSE, zone), INVALID);
		assert_int_equal(zone_command(b, T_FINISH, zone), INVALID);
		assert_int_equal(zone_command(b, T_RESET, zone), INVALID);
		assert_int_equal(state_of(b, zone), zone == 2 ? RDONLY : OFFLINE);
	}
	/* possible ones */
	assert_int_equal(zone_command(b, T_OPEN, 4), OK);
	assert_int_equal(state_of(b, 4), EOPEN);
	assert_int_equal(out(b, START(4), 1), OK);
	assert_int_equal(zone_command(b, T_CLOSE, 4), OK);
	assert_int_equal(state_of(b, 4), CLOSED);
	assert_int_equal(zone_command(b, T_FINISH, 4), OK);
	assert_int_equal(state_of(b, 4), FULL);
	assert_int_equal(zone_command(b, T_RESET, 4), OK);
	assert_int_equal(state_of(b, 4), EMPTY);
	assert_int_equal(zone_command(b, T_RESET, 1), OK);
	assert_int_equal(state_of(b, 1), EMPTY);
}

static void zones_open_within_the_resources(void **state)
{
	struct bench *b = *state;

	drive_zones(b);
	assert_int_equal(zone_command(b, T_OPEN, 1), OK);
	assert_int_equal(zone_command(b, T_OPEN, 2), OK);
	assert_int_equal(zone_command(b, T_OPEN, 3), NO_OPEN);
	assert_int_equal(state_of(b, 3), EMPTY);
	/* three active ones: two open, one closed */
	assert_int_equal(out(b, START(1), 1), OK);
	assert_int_equal(zone_command(b, T_CLOSE, 1), OK);
	assert_int_equal(zone_command(b, T_OPEN, 3), OK);
	assert_int_equal(out(b, START(3), 1), OK);
	assert_int_equal(zone_command(b, T_CLOSE, 3), OK);
	assert_int_equal(zone_command(b, T_OPEN, 4), NO_ACTIVE);
	assert_int_equal(state_of(b, 4), EMPTY);
}

static void writes_open_within_the_resources(void **state)
{
	struct bench *b = *state;

	for (unsigned int by_append = 0; by_append < 2; by_append++) {
		drive_zones(b);
		assert_int_equal(zone_command(b, T_OPEN, 1), OK);
		assert_int_equal(zone_command(b, T_OPEN, 2), OK);
		assert_int_equal(by_append ? append(b, START(3), 1) : out(b, START(3), 1), NO_OPEN);
		assert_int_equal(state_of(b, 3), EMPTY);
		assert_int_equal(out(b, START(1), 1), OK);
		assert_int_equal(zone_command(b, T_CLOSE, 1), OK);
		assert_int_equal(by_append ? append(b, START(3), 1) : out(b, START(3), 1), OK);
		assert_int_equal(zone_command(b, T_CLOSE, 3), OK);
		assert_int_equal(by_append ? append(b, START(4), 1) : out(b, START(4), 1),
				 NO_ACTIVE);
		assert_int_equal(state_of(b, 4), EMPTY);
	}
}

static void reset_all_empties_sequential_zones(void **state)
{
	struct bench *b = *state;

	drive_zones(b);
	fill_zone(b, 1);
	assert_int_equal(zone_command(b, T_OPEN, 2), OK);
	assert_int_equal(out(b, START(3), 1), OK);
	assert_int_equal(zone_command(b, T_CLOSE, 3), OK);
	assert_int_equal(out(b, START(4), 1), OK);
	assert_int_equal(state_of(b, 4), IOPEN);
	assert_int_equal(zone_command(b, T_RESET_ALL, 0), OK);
	for (unsigned int zone = 1; zone < ZONES; zone++)
		assert_int_equal(state_of(b, zone), EMPTY);
	assert_int_equal(state_of(b, 0), 0);
}

/* ---- writes ---- */

static void appends_are_for_the_start_of_a_zone(void **state)
{
	struct bench *b = *state;

	drive_zones(b);
	for (uint64_t sector = START(1) + 1; sector < START(2); sector++)
		assert_int_equal(append(b, sector, 1), INVALID);
	assert_int_equal(append(b, START(1), 1), OK);
	assert_int_equal(append(b, START(1) + 1, 1), INVALID);
	assert_int_equal(append(b, TEST_DISK_SECTORS, 1), INVALID);
}

static void writes_stay_within_what_is_left_of_a_zone(void **state)
{
	struct bench *b = *state;

	drive_zones(b);
	assert_int_equal(out(b, START(1), 4), OK);
	assert_int_equal(out(b, START(1) + 4, 3), INVALID);
	assert_int_equal(append(b, START(1), 3), INVALID);
	assert_int_equal(append(b, START(1), 2), OK);
	assert_int_equal(state_of(b, 1), FULL);
	assert_int_equal(append(b, START(1), 1), INVALID);
}

static void appends_tell_where(void **state)
{
	struct bench *b = *state;

	drive_zones(b);
	for (unsigned int at = 0; at < CAPACITY; at += 2) {
		uint64_t place;

		assert_int_equal(append(b, START(2), 2), OK);
		ram_get(&b->guest.ram, BLK_IN, &place, sizeof(place));
		assert_int_equal(le64toh(place), START(2) + at);
		assert_int_equal(b->disk.data[(START(2) + at) * SECTOR], 0xa5);
		assert_int_equal(b->disk.data[(START(2) + at + 2) * SECTOR - 1], 0xa5);
	}
}

static void appends_are_limited(void **state)
{
	struct bench *b = *state;

	drive_zones(b);
	assert_int_equal(append(b, START(1), APPEND_MAX + 1), INVALID);
	assert_int_equal(append(b, START(1), APPEND_MAX), OK);
	make_zones(b, ANVIL_DISK_HOST_MANAGED, 0);
	bench_drive(b, features(F_ZONED, -1));
	assert_int_equal(append(b, START(1), 1), UNSUPP);
}

static void requests_stay_within_a_zone(void **state)
{
	struct bench *b = *state;

	drive_zones(b);
	fill_zone(b, 2);
	assert_int_equal(in(b, START(2) - 1, 2), INVALID);
	assert_int_equal(in(b, START(2) + 7, 2), INVALID);
	assert_int_equal(in(b, START(2), 8), OK);
	assert_int_equal(out(b, START(1), 9), INVALID);
	assert_int_equal(state_of(b, 1), EMPTY);
}

static void writes_are_at_the_write_pointer(void **state)
{
	struct bench *b = *state;

	drive_zones(b);
	for (uint64_t at = 1; at < CAPACITY; at++)
		assert_int_equal(out(b, START(1) + at, 1), UNALIGNED);
	assert_int_equal(out(b, START(1), 2), OK);
	for (uint64_t at = 0; at < CAPACITY; at++) {
		if (at != 2)
			assert_int_equal(out(b, START(1) + at, 1), UNALIGNED);
	}
	assert_int_equal(out(b, START(1) + 2, 1), OK);
}

static void dead_zones_take_nothing(void **state)
{
	static const uint32_t type[] = { T_OPEN, T_CLOSE, T_FINISH, T_RESET };
	struct bench *b = *state;

	drive_zones(b);
	assert_int_equal(out(b, START(1), 2), OK);
	anvil_zoned_disk_fail_zone(&zoned, 1, ANVIL_DISK_ZONE_READ_ONLY);
	anvil_zoned_disk_fail_zone(&zoned, 2, ANVIL_DISK_ZONE_OFFLINE);
	for (uint64_t at = 0; at < CAPACITY; at++)
		assert_int_equal(out(b, START(1) + at, 1), INVALID);
	assert_int_equal(append(b, START(1), 1), INVALID);
	assert_int_equal(in(b, START(1), 2), OK);
	assert_int_equal(out(b, START(2), 1), INVALID);
	assert_int_equal(append(b, START(2), 1), INVALID);
	assert_int_equal(in(b, START(2), 1), INVALID);
	for (size_t i = 0; i < ARRAY_SIZE(type); i++)
		assert_int_equal(zone_command(b, type[i], 2), INVALID);
}

/* What is read there is one byte over and over, whatever the disk has, or it is not read at all. */
static void unwritten_sectors_show_a_pattern(struct bench *b, uint64_t sector, uint32_t sectors)
{
	uint8_t got[8 * SECTOR];

	if (in(b, sector, sectors) != OK)
		return;
	ram_get(&b->guest.ram, BLK_IN, got, sectors * SECTOR);
	for (uint32_t i = 0; i < sectors * SECTOR; i++)
		assert_int_equal(got[i], got[0]);
}

static void what_is_beyond_the_pointer_is_unwritten(void **state)
{
	struct bench *b = *state;

	drive_zones(b);
	unwritten_sectors_show_a_pattern(b, START(1), 8);
	assert_int_equal(out(b, START(1), 2), OK);
	unwritten_sectors_show_a_pattern(b, START(1) + 2, 6);
	assert_int_equal(in(b, START(1), 2), OK);
	assert_int_equal(ram_get8(&b->guest.ram, BLK_IN + 2 * SECTOR - 1), 0x5a);
	assert_int_equal(zone_command(b, T_FINISH, 1), OK);
	unwritten_sectors_show_a_pattern(b, START(1) + 2, 6);
	fill_zone(b, 2);
	unwritten_sectors_show_a_pattern(b, START(2) + CAPACITY, 2);
	assert_int_equal(zone_command(b, T_RESET, 2), OK);
	unwritten_sectors_show_a_pattern(b, START(2), 8);
	assert_int_not_equal(b->disk.data[START(2) * SECTOR], 0); /* it is there below */
}

/* ---- secure erase ---- */

static uint8_t erase(struct bench *b, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_range range = { htole64(sector), htole32(sectors), htole32(flags) };

	return blk_request(b, T_ERASE, 0, &range, sizeof(range), 0);
}

static void erase_is_of_whole_zones_and_resets_them(void **state)
{
	struct bench *b = *state;
	struct anvil_blk_options o;
	struct anvil_blk blk;

	drive_zones(b);
	assert_int_equal(config(b, AT_ERASE_ALIGNMENT, 4) % ZONE, 0);
	o = b->blk_options;
	o.erase_sector_alignment = ZONE + 1;
	assert_int_equal(anvil_blk_init(&blk, &o), -EINVAL);
	fill_zone(b, 1);
	fill_zone(b, 2);
	for (uint32_t sectors = 1; sectors < ZONE; sectors++) {
		assert_int_not_equal(erase(b, START(1), sectors, 0), OK);
		assert_int_not_equal(erase(b, START(1), ZONE + sectors, 0), OK);
	}
	assert_int_equal(state_of(b, 1), FULL);
	assert_int_equal(erase(b, START(1), 2 * ZONE, 0), OK);
	assert_int_equal(state_of(b, 1), EMPTY);
	assert_int_equal(state_of(b, 2), EMPTY);
	assert_int_equal(out(b, START(1), 1), OK);
}

static void unknown_flags_of_an_erase_are_unsupported(void **state)
{
	struct bench *b = *state;
	uint8_t before;

	b->disk.disk.secure_erase = true;
	anvil_features_add(&b->blk_options.features, F_SECURE_ERASE);
	b->blk_options.erase_sectors_max = 16;
	b->blk_options.erase_segments_max = 4;
	b->blk_options.erase_sector_alignment = 1;
	bench_recreate(b);
	bench_drive(b, features(F_SECURE_ERASE, -1));
	before = b->disk.data[0];
	for (unsigned int bit = 1; bit < 32; bit++) {
		assert_int_equal(erase(b, 0, 1, 1u << bit), UNSUPP);
		assert_int_equal(b->disk.logs, 0);
	}
	assert_int_equal(b->disk.data[0], before);
	assert_int_equal(erase(b, 0, 1, 0), OK);
	assert_int_not_equal(b->disk.data[0], before);
}

/* ---- lifetime ---- */

static void lifetime_is_offered_where_it_is_known(void **state)
{
	static const struct anvil_disk_lifetime known = { 1, 2, 3 };
	struct bench *b = *state;
	struct anvil_blk_options o = b->blk_options;
	struct anvil_blk blk;

	anvil_features_add(&o.features, F_LIFETIME);
	assert_int_equal(anvil_blk_init(&blk, &o), -EINVAL);
	assert_false(anvil_device_offered(b->dev, 0) >> F_LIFETIME & 1);
	b->disk.disk.lifetime = &known;
	b->blk_options.features = o.features;
	bench_recreate(b);
	assert_true(anvil_device_offered(b->dev, 0) >> F_LIFETIME & 1);
	bench_drive(b, features(F_LIFETIME, -1));
	assert_int_equal(blk_request(b, T_LIFETIME, 0, NULL, 0, 6), OK);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(ram_get16(&b->guest.ram, BLK_IN + 2ull * i), i + 1);
}

static void lifetime_has_no_reserved_values(void **state)
{
	static struct anvil_disk_lifetime told;
	struct bench *b = *state;

	b->disk.disk.lifetime = &told;
	anvil_features_add(&b->blk_options.features, F_LIFETIME);
	bench_recreate(b);
	bench_drive(b, features(F_LIFETIME, -1));
	for (unsigned int value = 0; value < 0x10000; value += value < 20 ? 1 : 4095) {
		told = (struct anvil_disk_lifetime){ (uint16_t)value, (uint16_t)value,
						     (uint16_t)value };
		if (blk_request(b, T_LIFETIME, 0, NULL, 0, 6) != OK)
			continue;
		assert_in_range(ram_get16(&b->guest.ram, BLK_IN), 0, 3);
		assert_in_range(ram_get16(&b->guest.ram, BLK_IN + 2), 0, 11);
		assert_in_range(ram_get16(&b->guest.ram, BLK_IN + 4), 0, 11);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ZONED("5.2.5.2/7", host_aware_disks_work_without_zoned),
		ZONED("5.2.5.2/8", host_managed_disks_want_zoned),
		ZONED("5.2.5.2/9 5.2.5.2/10 5.2.5.2/12 5.2.5.2/13 5.2.5.2/14 5.2.5.2/17 "
		      "5.2.5.2/18",
		      config_tells_of_the_zones),
		ZONED("5.2.5.2/15", max_append_fits_a_request),
		ZONED("5.2.6.2/19 5.2.6.2/20", conventional_zones_take_no_commands),
		ZONED("5.2.6.2/21 5.2.6.2/23 5.2.6.2/24 5.2.6.2/25",
		      impossible_transitions_are_invalid),
		ZONED("5.2.6.2/22", zones_open_within_the_resources),
		ZONED("5.2.6.2/26", writes_open_within_the_resources),
		ZONED("5.2.6.2/b", reset_all_empties_sequential_zones),
		ZONED("5.2.6.2/27", appends_are_for_the_start_of_a_zone),
		ZONED("5.2.6.2/28", writes_stay_within_what_is_left_of_a_zone),
		ZONED("5.2.6.2/29", appends_tell_where),
		ZONED("5.2.6.2/30 5.2.6.2/31", appends_are_limited),
		ZONED("5.2.6.2/32", requests_stay_within_a_zone),
		ZONED("5.2.6.2/33", writes_are_at_the_write_pointer),
		ZONED("5.2.6.2/35 5.2.6.2/36", dead_zones_take_nothing),
		ZONED("5.2.6.2/37 5.2.6.2/38", what_is_beyond_the_pointer_is_unwritten),
		ZONED("5.2.6.2/39 5.2.6.2/40 5.2.6.2/41", erase_is_of_whole_zones_and_resets_them),
		BLK("5.2.6.2/a", unknown_flags_of_an_erase_are_unsupported),
		BLK("5.2.6.2/15 5.2.6.2/16", lifetime_is_offered_where_it_is_known),
		BLK("5.2.6.2/17", lifetime_has_no_reserved_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
