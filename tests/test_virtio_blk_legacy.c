/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_blk.h: the legacy interface of the block device, in both byte orders (5.2). */
#include "legacy_fixture.h"

static int setup_blk(void **state, bool big)
{
	struct fixture *f = begin_fixture(big);
	struct anvil_blk_options o = {
		.memory = &f->guest.ram.memory,
		.disk = &f->disk.disk,
		.queue_size_max = QUEUE,
		.slots = 2,
		.transfer_max = 4096,
		.size_max = 0x1234,
		.seg_max = 126,
		.blk_size = 512,
		.cylinders = 0x0102,
		.heads = 3,
		.sectors = 4,
		.min_io_size = 0x0506,
		.opt_io_size = 0x0708090a,
		.range_sectors_max = 0x0b0c,
		.range_segments_max = 4,
	};

	test_disk_init(&f->disk);
	o.features =
		features(VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_GEOMETRY,
			 VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_TOPOLOGY,
			 VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES,
			 VIRTIO_F_RING_RESET, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX, -1);
	assert_int_equal(anvil_blk_init(&f->blk, &o), 0);
	attach(f, &f->blk.dev);
	*state = f;
	return 0;
}

static int setup_blk_little(void **state)
{
	return setup_blk(state, false);
}

static int setup_blk_big(void **state)
{
	return setup_blk(state, true);
}

static int teardown_blk(void **state)
{
	struct fixture *f = *state;

	anvil_blk_destroy(&f->blk);
	test_disk_destroy(&f->disk);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

/* 5.2.4.1: in the native endian of the guest */
static void blk_configuration_is_in_the_guests_byte_order(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(config(f, 0, 8), TEST_DISK_SECTORS);
	assert_int_equal(config(f, 8, 4), 0x1234);
	assert_int_equal(config(f, 12, 4), 126);
	assert_int_equal(config(f, 16, 2), 0x0102);
	assert_int_equal(config(f, 20, 4), 512);
	assert_int_equal(config(f, 26, 2), 0x0506);
	assert_int_equal(config(f, 28, 4), 0x0708090a);
	assert_int_equal(config(f, 36, 4), 0x0b0c);
	assert_int_equal(config(f, 52, 4), 4);

	drive(f, 0, 1);
	f->disk.disk.capacity = 32;
	anvil_blk_resized(&f->blk);
	assert_int_equal(config(f, 0, 8), 32);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
}

/* The status of a request: a header as 5.2.6.3 says, then `out` and `in` bytes of data. */
static uint8_t request(struct fixture *f, uint32_t type, uint64_t sector, uint32_t out, uint32_t in)
{
	struct buffer b[4] = { { DATA_AT, 16, 0 } };
	unsigned int count = 1;

	put(f, DATA_AT, type, 4);
	put(f, DATA_AT + 4, 0x77, 4); /* ioprio, not looked at */
	put(f, DATA_AT + 8, sector, 8);
	if (out)
		b[count++] = (struct buffer){ DATA_AT + 16, out, 0 };
	if (in)
		b[count++] = (struct buffer){ IN_AT, in, WRITABLE };
	b[count++] = (struct buffer){ IN_AT + in, 1, WRITABLE };
	ram_fill(&f->guest.ram, IN_AT + in, 0xee, 1);
	submit(f, 0, b, count);
	return ram_get8(&f->guest.ram, IN_AT + in);
}

static void blk_requests_are_in_the_guests_byte_order(void **state)
{
	struct fixture *f = *state;
	uint8_t sector[512];

	drive(f, 1u << VIRTIO_BLK_F_FLUSH, 1);
	ram_fill(&f->guest.ram, DATA_AT + 16, 0x5a, 512);
	assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 3, 512, 0), VIRTIO_BLK_S_OK);
	expect_used(f, 0, 1);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_USED);
	assert_int_equal(f->disk.data[3 * 512], 0x5a);
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, 3, 0, 512), VIRTIO_BLK_S_OK);
	expect_used(f, 0, 513);
	ram_get(&f->guest.ram, IN_AT, sector, sizeof(sector));
	assert_memory_equal(sector, f->disk.data + 3 * 512, sizeof(sector));
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, TEST_DISK_SECTORS, 0, 512),
			 VIRTIO_BLK_S_IOERR);
}

/* The ranges behind the header are le64 and le32 in any case: they are not in struct virtio_blk_req
 * itself (5.2.6.3), and drivers keep them so. */
static void blk_ranges_stay_little_endian(void **state)
{
	struct fixture *f = *state;
	struct virtio_blk_range range = { .sector = htole64(5), .num_sectors = htole32(2) };

	drive(f, 1u << VIRTIO_BLK_F_DISCARD, 1);
	ram_put(&f->guest.ram, DATA_AT + 16, &range, sizeof(range));
	assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, sizeof(range), 0), VIRTIO_BLK_S_OK);
	assert_int_equal(f->disk.log[0].op, ANVIL_DISK_DISCARD);
	assert_int_equal(f->disk.log[0].sector, 5);
	assert_int_equal(f->disk.log[0].sectors, 2);
}

/* 5.2.6.3: FLUSH_OUT is FLUSH; barriers and SCSI commands were not offered */
static void blk_types_of_old(void **state)
{
	struct fixture *f = *state;

	drive(f, 1u << VIRTIO_BLK_F_FLUSH | 1u | 1u << 7, 1);
	assert_int_equal(request(f, VIRTIO_BLK_T_FLUSH_OUT, 0, 0, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(f->disk.logs, 1);
	assert_int_equal(f->disk.log[0].op, ANVIL_DISK_FLUSH);
	assert_int_equal(request(f, 2, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(f, 3, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(f, 0x80000000, 0, 0, 512), VIRTIO_BLK_S_UNSUPP);
	drive(f, 0, 1);
	assert_int_equal(request(f, VIRTIO_BLK_T_FLUSH_OUT, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
}

static uint8_t mode(struct fixture *f)
{
	return (uint8_t)anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 32, 1);
}

static void set_mode(struct fixture *f, uint8_t value)
{
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 32, 1, value);
}

/* Whether a write is followed by a flush. */
static bool stable(struct fixture *f)
{
	f->disk.logs = 0;
	assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 1, 512, 0), VIRTIO_BLK_S_OK);
	return f->disk.logs == 2 && f->disk.log[1].op == ANVIL_DISK_FLUSH;
}

#define WCE   (1u << VIRTIO_BLK_F_CONFIG_WCE)
#define FLUSH (1u << VIRTIO_BLK_F_FLUSH)

/* 5.2.5.3 */
static void blk_cache_mode_is_the_drivers(void **state)
{
	struct fixture *f = *state;

	/* "the driver MAY read or write writeback before setting the DRIVER ... bit" */
	assert_int_equal(mode(f), 1);
	set_mode(f, 0);
	assert_int_equal(mode(f), 0);
	set_mode(f, 2);
	assert_int_equal(mode(f), 0);
	/* neither features nor status bits change it, but for DRIVER_OK without CONFIG_WCE */
	reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 3);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, WCE | FLUSH);
	place_well(f, 0);
	assert_int_equal(mode(f), 0);
	assert_true(stable(f));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	assert_int_equal(mode(f), 0);
	assert_true(stable(f));
	set_mode(f, 1);
	assert_false(stable(f));
	/* "for example if the driver sets ... CONFIG_WCE but does not set ... FLUSH" */
	drive(f, WCE, 1);
	assert_int_equal(mode(f), 1);
	assert_true(stable(f));
	/* drivers that cannot write it */
	drive(f, FLUSH, 1);
	assert_int_equal(mode(f), 1);
	assert_false(stable(f));
	set_mode(f, 0);
	assert_int_equal(mode(f), 1);
	begin(f, 0);
	place_well(f, 0);
	assert_int_equal(mode(f), 1);
	assert_true(stable(f));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	assert_int_equal(mode(f), 0);
	assert_true(stable(f));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(mode(f), 1);
}

static void blk_reset_with_a_request_at_the_disk(void **state)
{
	struct fixture *f = *state;
	uint64_t sum;

	f->disk.defer = true;
	drive(f, 0, 1);
	request(f, VIRTIO_BLK_T_IN, 0, 0, 512);
	assert_int_equal(f->disk.pendings, 1);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_PFN, 0);
	sum = ram_sum(&f->guest.ram);
	test_disk_finish(&f->disk, 0, 0);
	assert_true(sum == ram_sum(&f->guest.ram));
	assert_true(anvil_blk_idle(&f->blk));
}

#define BLK(name, end) cmocka_unit_test_setup_teardown(name, setup_blk_##end, teardown_blk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BLK(blk_configuration_is_in_the_guests_byte_order, little),
		BLK(blk_configuration_is_in_the_guests_byte_order, big),
		BLK(blk_requests_are_in_the_guests_byte_order, little),
		BLK(blk_requests_are_in_the_guests_byte_order, big),
		BLK(blk_ranges_stay_little_endian, little),
		BLK(blk_ranges_stay_little_endian, big),
		BLK(blk_types_of_old, little),
		BLK(blk_types_of_old, big),
		BLK(blk_cache_mode_is_the_drivers, little),
		BLK(blk_reset_with_a_request_at_the_disk, big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
