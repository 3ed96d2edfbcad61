/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_io_uring.h behind a block device: requests, and a reset while they are under way.
 */
#include "disk_io_uring_rig.h"

#include <endian.h>

#include "virtio_blk.h"

#define REQUESTS 12u /* more than it has slots */

struct machine {
	struct guest guest;
	struct anvil_blk blk;
};

static struct machine *create_machine(struct fixture *f)
{
	struct machine *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	guest_init(&m->guest);

	struct anvil_blk_options options = {
		.memory = &m->guest.ram.memory,
		.disk = &f->uring.disk,
		.queue_size_max = 64,
		.slots = DEPTH,
		.transfer_max = ANVIL_DISK_SECTOR_BYTES,
		.blk_size = 512,
		.range_sectors_max = 1,
		.range_segments_max = 1,
	};

	assert_int_equal(anvil_blk_init(&m->blk, &options), 0);
	guest_attach(&m->guest, &m->blk.dev);
	guest_drive(&m->guest, features(-1), 1, 64);
	return m;
}

static void destroy_machine(struct machine *m)
{
	assert_true(anvil_blk_idle(&m->blk));
	anvil_blk_destroy(&m->blk);
	guest_destroy(&m->guest);
	free(m);
}

static uint64_t answer_gpa(unsigned int i)
{
	return RAM_LOW + i * 1024;
}

/* Request i reads sector i. */
static void offer_reads(struct machine *m)
{
	for (unsigned int i = 0; i < REQUESTS; i++) {
		struct virtio_blk_header header = { htole32(VIRTIO_BLK_T_IN), 0, htole64(i) };
		struct buffer buffer[] = { { RAM_SEAM + i * 16, sizeof(header), 0 },
					   { answer_gpa(i), ANVIL_DISK_SECTOR_BYTES + 1,
					     WRITABLE } };

		ram_put(&m->guest.ram, buffer[0].gpa, &header, sizeof(header));
		ring_chain(&m->guest.ring[0], buffer, ARRAY_SIZE(buffer));
	}
	guest_notify(&m->guest, 0);
}

static void device_is_served(void **state)
{
	struct fixture *f = opened(state);
	struct machine *m = create_machine(f);
	uint8_t got[ANVIL_DISK_SECTOR_BYTES];

	offer_reads(m);
	anvil_disk_io_uring_drain(&f->uring); /* those too that had to wait for a slot */
	assert_int_equal(ring_published(&m->guest.ring[0]), REQUESTS);
	for (unsigned int i = 0; i < REQUESTS; i++) {
		ram_get(&m->guest.ram, answer_gpa(i), got, sizeof(got));
		assert_memory_equal(got, f->content + i * 512, sizeof(got));
		assert_int_equal(ram_get8(&m->guest.ram, answer_gpa(i) + 512), VIRTIO_BLK_S_OK);
	}
	destroy_machine(m);
}

static void device_is_reset_with_requests_under_way(void **state)
{
	struct fixture *f = opened(state);
	struct machine *m = create_machine(f);
	int pipe_fd[2];

	put_pipe(f, pipe_fd);
	offer_reads(m);
	anvil_disk_io_uring_poll(&f->uring);
	assert_false(anvil_blk_idle(&m->blk));
	reg_write(&m->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(host.cancels, DEPTH);
	anvil_disk_io_uring_drain(&f->uring); /* would wait for ever if they were not cancelled */
	assert_int_equal(ring_published(&m->guest.ring[0]), 0);
	destroy_machine(m);
	assert_int_equal(close(pipe_fd[0]), 0);
	assert_int_equal(close(pipe_fd[1]), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_image, teardown_opened)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(device_is_served),
		TEST(device_is_reset_with_requests_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
