/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_file.h: ranges are worked off in bounded steps, behind a block device, too.
 */
#include "disk_file_rig.h"

#include <endian.h>
#include <poll.h>

#include "virtio_blk.h"

/* ---- how much at a time ---- */

#define MANY ((200u << 20) / ANVIL_DISK_SECTOR_BYTES + 3u)

/* The image becomes a large one that is one hole. */
static void make_large(struct fixture *f)
{
	anvil_disk_file_close(&f->file);
	assert_int_equal(truncate(f->path, 0), 0);
	assert_int_equal(truncate(f->path, (off_t)MANY * ANVIL_DISK_SECTOR_BYTES), 0);
	assert_int_equal(open_file(f, false), 0);
}

static bool readable(int fd)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };

	return poll(&event, 1, 0) == 1;
}

struct work {
	uint64_t written;
	uint64_t allocated;
};

static struct work work_so_far(void)
{
	return (struct work){ host.written, host.allocated };
}

static void expect_bounded(struct work before)
{
	assert_in_range(host.written - before.written, 0, ANVIL_DISK_RANGE_WRITE_BYTES);
	assert_in_range(host.allocated - before.allocated, 0, ANVIL_DISK_RANGE_HOLE_BYTES);
}

/* A guest could keep the caller's thread for as long as gigabytes of zeroes take to write. */
static void ranges_are_worked_off_in_bounded_steps(void **state)
{
	static const struct {
		enum anvil_disk_op op;
		bool unmap;
		int unsupported;
		unsigned int steps;
	} t[] = {
		{ ANVIL_DISK_WRITE_ZEROES, false, FALLOC_FL_ZERO_RANGE, 1 + 200 + 1 },
		{ ANVIL_DISK_WRITE_ZEROES, false, 0, 200 + 1 },
		{ ANVIL_DISK_WRITE_ZEROES, true, 0, 4 },
		{ ANVIL_DISK_WRITE_ZEROES, true, FALLOC_FL_PUNCH_HOLE, 1 + 200 + 1 },
		{ ANVIL_DISK_DISCARD, false, 0, 4 },
		{ ANVIL_DISK_DISCARD, false, FALLOC_FL_PUNCH_HOLE, 1 },
	};
	struct fixture *f = *state;
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];

	make_large(f);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct anvil_disk_request request = { .op = t[i].op,
						      .sectors = MANY,
						      .done = done };
		struct work work = work_so_far();
		unsigned int steps = 0;

		request.unmap = t[i].unmap;
		host.unsupported = t[i].unsupported;
		dones = 0;
		f->file.disk.ops->submit(&f->file.disk, &request);
		assert_int_equal(host.written - work.written, 0);
		assert_int_equal(host.allocated - work.allocated, 0);
		for (; !dones; steps++) {
			assert_true(readable(f->file.event_fd));
			work = work_so_far();
			anvil_disk_file_poll(&f->file);
			expect_bounded(work);
		}
		assert_int_equal(result, 0);
		assert_int_equal(steps, t[i].steps);
		assert_false(readable(f->file.event_fd));
	}
	assert_int_equal(submit(f, ANVIL_DISK_READ, MANY - 1, 1, data, false), 0);
}

static void others_are_carried_out_between_the_steps(void **state)
{
	struct fixture *f = *state;
	uint8_t data[ANVIL_DISK_SECTOR_BYTES] = { 0x5a };
	uint8_t back[ANVIL_DISK_SECTOR_BYTES];
	struct anvil_disk_request zeroes = { .op = ANVIL_DISK_WRITE_ZEROES,
					     .sectors = MANY,
					     .done = done };

	make_large(f);
	host.unsupported = FALLOC_FL_ZERO_RANGE;
	f->file.disk.ops->submit(&f->file.disk, &zeroes);
	anvil_disk_file_poll(&f->file);
	anvil_disk_file_poll(&f->file);
	assert_int_equal(submit(f, ANVIL_DISK_WRITE, 0, 1, data, false),
			 0); /* behind what is done */
	assert_int_equal(submit(f, ANVIL_DISK_READ, 0, 1, back, false), 0);
	assert_memory_equal(back, data, sizeof(data));
	dones = 0;
	anvil_disk_file_drain(&f->file);
	assert_int_equal(dones, 1);
	assert_int_equal(submit(f, ANVIL_DISK_READ, 0, 1, back, false), 0);
	assert_memory_equal(back, data, sizeof(data));
}

/* The first, the middle and the last of those that wait. */
static void cancelled_range_ends_with_its_step(void **state)
{
	struct fixture *f = *state;
	struct anvil_disk_request zeroes[3] = { { 0 } };

	make_large(f);
	host.unsupported = FALLOC_FL_ZERO_RANGE;
	for (size_t first = 0; first < ARRAY_SIZE(zeroes); first++) {
		dones = 0;
		host.written = 0;
		for (size_t i = 0; i < ARRAY_SIZE(zeroes); i++) {
			zeroes[i] = (struct anvil_disk_request){ .op = ANVIL_DISK_WRITE_ZEROES,
								 .sectors = MANY,
								 .done = done };
			f->file.disk.ops->submit(&f->file.disk, &zeroes[i]);
		}
		anvil_disk_file_poll(&f->file);
		anvil_disk_file_poll(&f->file);
		for (size_t i = 0; i < ARRAY_SIZE(zeroes); i++) {
			result = 0;
			f->file.disk.ops->cancel(&f->file.disk,
						 &zeroes[(first + i) % ARRAY_SIZE(zeroes)]);
			assert_int_equal(dones, i + 1);
			assert_int_equal(result, -ECANCELED);
		}
		anvil_disk_file_poll(&f->file);
		assert_int_equal(host.written, ANVIL_DISK_RANGE_WRITE_BYTES);
		assert_false(readable(f->file.event_fd));
	}
}

/* ---- behind the device ---- */

#define SEGMENTS 256u

static void offer_zeroes(struct guest *guest)
{
	struct virtio_blk_header header = { htole32(VIRTIO_BLK_T_WRITE_ZEROES), 0, 0 };
	struct virtio_blk_range range = { 0, htole32(MANY), 0 };
	struct buffer buffer[] = { { RAM_LOW, sizeof(header) + SEGMENTS * sizeof(range), 0 },
				   { RAM_LOW + 8192, 1, WRITABLE } };

	ram_put(&guest->ram, RAM_LOW, &header, sizeof(header));
	for (unsigned int i = 0; i < SEGMENTS; i++)
		ram_put(&guest->ram, RAM_LOW + sizeof(header) + i * sizeof(range), &range,
			sizeof(range));
	ring_chain(&guest->ring[0], buffer, ARRAY_SIZE(buffer));
}

/* One request of 4 KiB means 51 GB of zeroes, and a reset of the device is the end of them. */
static void no_call_into_the_device_writes_more_than_a_step(void **state)
{
	struct fixture *f = *state;
	struct guest guest;
	struct anvil_blk blk;
	struct anvil_features set = features(VIRTIO_BLK_F_WRITE_ZEROES, -1);
	struct anvil_blk_options options = {
		.disk = &f->file.disk,
		.features = set,
		.queue_size_max = 64,
		.slots = 4,
		.transfer_max = ANVIL_DISK_SECTOR_BYTES,
		.blk_size = 512,
		.range_sectors_max = MANY,
		.range_segments_max = SEGMENTS,
	};

	make_large(f);
	host.unsupported = FALLOC_FL_ZERO_RANGE;
	guest_init(&guest);
	options.memory = &guest.ram.memory;
	assert_int_equal(anvil_blk_init(&blk, &options), 0);
	guest_attach(&guest, &blk.dev);
	guest_drive(&guest, set, 1, 64);
	offer_zeroes(&guest);
	host.written = 0;
	guest_notify(&guest, 0);
	assert_int_equal(host.written, 0);
	for (unsigned int i = 0; i < 250; i++) { /* into the second segment */
		struct work work = work_so_far();

		anvil_disk_file_poll(&f->file);
		expect_bounded(work);
	}
	assert_false(anvil_blk_idle(&blk));
	host.written = 0;
	reg_write(&guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(anvil_blk_idle(&blk));
	assert_int_equal(guest_status(&guest), 0);
	anvil_disk_file_drain(&f->file);
	assert_int_equal(host.written, 0);
	anvil_blk_destroy(&blk);
	guest_destroy(&guest);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(ranges_are_worked_off_in_bounded_steps),
		TEST(others_are_carried_out_between_the_steps),
		TEST(cancelled_range_ends_with_its_step),
		TEST(no_call_into_the_device_writes_more_than_a_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
