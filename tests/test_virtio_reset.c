/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reset of a device or of a queue is complete when the disk has none of its requests any more
 * (2.4, 2.6.1.1.1, 4.2.2.1): what a driver may take for gone does not reach the disk afterwards.
 */
#include "blk_rig.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array_size.h"
#include "virtio_mmio_state.h"

#define SECTOR	    3u
#define PAGE	    4096u
#define IMAGE_BYTES 4096u

#define LEGACY_LIVE (UP_TO_DRIVER | VIRTIO_STATUS_DRIVER_OK)

static int setup(void **state)
{
	struct rig *rig = rig_new();

	anvil_features_add(&rig->options.features, VIRTIO_BLK_F_MQ);
	anvil_features_add(&rig->options.features, VIRTIO_BLK_F_CONFIG_WCE);
	anvil_features_add(&rig->options.features, VIRTIO_F_SUSPEND);
	rig->options.num_queues = 2;
	rig->options.slots = 4;
	rig_create(rig);
	guest_drive(&rig->guest, rig->options.features, 2, RIG_QUEUE);
	rig->disk.defer = true;
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rig_free(*state);
	return 0;
}

/* Makes a write of `byte` available: its buffers are number `place`. */
static void offer_write(struct rig *rig, unsigned int queue, uint8_t byte, unsigned int place)
{
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];
	struct ask a = { .type = T_OUT,
			 .sector = SECTOR,
			 .out_len = sizeof(data),
			 .in_len = 1,
			 .data = data,
			 .queue = queue,
			 .place = place };

	memset(data, byte, sizeof(data));
	(void)rig_offer(rig, &a);
	guest_notify(&rig->guest, queue);
}

static uint8_t on_disk(const struct rig *rig)
{
	return rig->disk.data[SECTOR * ANVIL_DISK_SECTOR_BYTES];
}

static void select_queue(struct rig *rig, unsigned int queue)
{
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_SEL, queue);
}

static uint32_t ready(struct rig *rig)
{
	return reg_read(&rig->guest, VIRTIO_MMIO_QUEUE_READY);
}

static uint32_t queue_reset(struct rig *rig)
{
	return reg_read(&rig->guest, VIRTIO_MMIO_QUEUE_RESET);
}

static bool start_queue(struct rig *rig, unsigned int queue)
{
	ring_init(&rig->guest.ring[queue], &rig->guest.ram, RAM_HIGH + 0x1000ull * queue,
		  RIG_QUEUE);
	return guest_start_queue(&rig->guest, queue);
}

static int save(struct rig *rig, uint8_t *image, size_t *len)
{
	return anvil_mmio_save(&rig->guest.mmio, image, IMAGE_BYTES, len);
}

static void expect_busy(struct rig *rig, bool busy)
{
	uint8_t image[IMAGE_BYTES];
	size_t len;

	assert_int_equal(anvil_mmio_resetting(&rig->guest.mmio), busy);
	assert_int_equal(save(rig, image, &len), busy ? -EBUSY : 0);
}

/* ---- one queue ---- */

/* 4.2.2.1: "present 1 in QueueReset as long as the queue reset is ongoing", then 0 in both */
static void a_queue_reset_lasts_as_long_as_a_write_is_at_the_disk(void **state)
{
	struct rig *rig = *state;

	offer_write(rig, 0, 'A', 0);
	select_queue(rig, 0);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(rig->disk.cancels, 1);
	assert_int_equal(queue_reset(rig), 1);
	assert_int_equal(ready(rig), 1);
	expect_busy(rig, true);

	/* a driver that does not wait has no queue */
	ram_watch(&rig->guest.ram);
	(void)start_queue(rig, 0);
	offer_write(rig, 0, 'B', 1);
	assert_int_equal(rig->guest.ram.fetches + rig->guest.ram.stores, 0);
	assert_int_equal(rig->disk.pendings, 1);
	assert_int_equal(queue_reset(rig), 1);

	test_disk_finish(&rig->disk, 0, 0); /* it was too late to cancel it */
	assert_int_equal(on_disk(rig), 'A');
	assert_int_equal(queue_reset(rig), 0);
	assert_int_equal(ready(rig), 0);
	assert_int_equal(rig->guest.ram.fetches + rig->guest.ram.stores, 0);
	assert_false(rig->guest.irq);
	expect_busy(rig, false);

	assert_true(start_queue(rig, 0));
	assert_int_equal(queue_reset(rig), 0);
	offer_write(rig, 0, 'B', 1);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(on_disk(rig), 'B');
	ring_expect(&rig->guest.ring[0], 0, 1);
}

static void a_queue_that_is_stopped_is_in_use_as_long(void **state)
{
	struct rig *rig = *state;

	offer_write(rig, 1, 'A', 0);
	offer_write(rig, 1, 'A', 1);
	select_queue(rig, 1);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_READY, 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(ready(rig), 1);
		assert_int_equal(queue_reset(rig), 0);
		expect_busy(rig, true);
		test_disk_finish(&rig->disk, i == 0, i ? -ECANCELED : 0);
	}
	assert_int_equal(ready(rig), 0);
	expect_busy(rig, false);
	assert_true(start_queue(rig, 1));
}

/* What was stopped may be reset, too, and the other way round. */
static void a_queue_is_stopped_once(void **state)
{
	struct rig *rig = *state;

	offer_write(rig, 0, 'A', 0);
	select_queue(rig, 0);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_READY, 0);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(queue_reset(rig), 1);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_READY, 0);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 0);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(queue_reset(rig), 1);
	assert_int_equal(rig->disk.cancels, 1);
	test_disk_finish(&rig->disk, 0, -ECANCELED);
	assert_int_equal(queue_reset(rig), 0);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(queue_reset(rig), 0);
}

static void the_other_queue_goes_on(void **state)
{
	struct rig *rig = *state;

	offer_write(rig, 0, 'A', 0);
	offer_write(rig, 1, 'B', 1);
	select_queue(rig, 0);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	select_queue(rig, 1);
	assert_int_equal(queue_reset(rig), 0);
	test_disk_finish(&rig->disk, 1, 0);
	ring_expect(&rig->guest.ring[1], 0, 1);
	select_queue(rig, 0);
	assert_int_equal(queue_reset(rig), 1);
	select_queue(rig, 7);
	assert_int_equal(queue_reset(rig), 0);
	assert_int_equal(ready(rig), 0);

	/* what runs can be set up no more than before, and what does not is not in use */
	select_queue(rig, 1);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(queue_reset(rig), 0);
	assert_true(start_queue(rig, 1));
	test_disk_finish(&rig->disk, 0, 0);
	select_queue(rig, 0);
	assert_int_equal(queue_reset(rig), 0);
}

/* 3.4: a device is suspended when nothing of it is under way */
static void a_suspended_device_has_nothing_at_the_disk(void **state)
{
	struct rig *rig = *state;

	offer_write(rig, 0, 'A', 0);
	select_queue(rig, 0);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK | VIRTIO_STATUS_SUSPEND);
	assert_int_equal(guest_status(&rig->guest), UP_TO_DRIVER_OK);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(guest_status(&rig->guest), UP_TO_FEATURES_OK | VIRTIO_STATUS_SUSPEND);
}

/* ---- the device ---- */

/* What would start anything has no effect. */
static void try_everything(struct rig *rig)
{
	static const uint32_t status[] = { 1, 3, 11, 15, 31, 0x40, 0x80, 0xff };

	for (size_t i = 0; i < ARRAY_SIZE(status); i++)
		reg_write(&rig->guest, VIRTIO_MMIO_STATUS, status[i]);
	reg_write(&rig->guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(&rig->guest, VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	for (unsigned int queue = 0; queue < 2; queue++) {
		(void)start_queue(rig, queue);
		reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_PFN, 1);
		offer_write(rig, queue, 'B', 1);
	}
	anvil_mmio_write(&rig->guest.mmio,
			 VIRTIO_MMIO_CONFIG + offsetof(struct anvil_blk_config, writeback), 1, 1);
	anvil_blk_resized(&rig->blk);
	anvil_mmio_poll(&rig->guest.mmio);
}

/* 2.4: the status is 0 at the end of a reset, and nothing of the guest is touched before */
static void a_device_reset_lasts_as_long_as_a_write_is_at_the_disk(void **state)
{
	struct rig *rig = *state;

	offer_write(rig, 0, 'A', 0);
	offer_write(rig, 1, 'A', 2);
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(rig->disk.cancels, 2);
	ram_watch(&rig->guest.ram);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(guest_status(&rig->guest), UP_TO_DRIVER_OK);
		try_everything(rig);
		assert_int_equal(guest_status(&rig->guest), UP_TO_DRIVER_OK);
		assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		assert_int_equal(rig->disk.pendings, 2 - i);
		expect_busy(rig, true);
		select_queue(rig, i); /* of those, the one that is not done yet */
		assert_int_equal(ready(rig), 1);
		assert_int_equal(queue_reset(rig), 0);
		test_disk_finish(&rig->disk, 0, 0);
		assert_int_equal(ready(rig), 0);
	}
	assert_int_equal(guest_status(&rig->guest), 0);
	assert_int_equal(rig->guest.ram.fetches + rig->guest.ram.stores, 0);
	assert_int_equal(
		anvil_mmio_read(&rig->guest.mmio,
				VIRTIO_MMIO_CONFIG + offsetof(struct anvil_blk_config, writeback),
				1),
		0);
	assert_false(rig->guest.irq);
	expect_busy(rig, false);
	guest_drive(&rig->guest, rig->options.features, 2, RIG_QUEUE);
	offer_write(rig, 0, 'B', 1);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(on_disk(rig), 'B');
}

static void a_second_reset_changes_nothing(void **state)
{
	struct rig *rig = *state;

	offer_write(rig, 0, 'A', 0);
	select_queue(rig, 0);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	for (unsigned int i = 0; i < 3; i++) {
		reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
		assert_int_equal(guest_status(&rig->guest), UP_TO_DRIVER_OK);
		select_queue(rig, 0);
		assert_int_equal(queue_reset(rig), 0);
	}
	assert_int_equal(rig->disk.cancels, 1);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(guest_status(&rig->guest), 0);
}

/* A guest that broke its ring resets like any other one. */
static void a_broken_device_is_reset_when_the_disk_is_done(void **state)
{
	struct rig *rig = *state;

	offer_write(rig, 0, 'A', 0);
	offer_write(rig, 1, 'A', 1);
	anvil_device_break(&rig->blk.dev, 0, -EPROTO);
	test_disk_finish(&rig->disk, 0, 0);
	assert_false(anvil_mmio_resetting(&rig->guest.mmio));
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(guest_status(&rig->guest), STATUS_BROKEN);
	assert_true(anvil_mmio_resetting(&rig->guest.mmio));
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(guest_status(&rig->guest), 0);
	expect_busy(rig, false);
}

/* With a disk that finishes at once what is cancelled, or everything else, too, and with one that
 * cannot cancel. */
static void it_is_the_disk_that_ends_a_reset(void **state)
{
	struct rig *rig = *state;
	const struct anvil_disk_ops *with_cancel = rig->disk.disk.ops;
	const struct anvil_disk_ops no_cancel = { .submit = with_cancel->submit };

	for (unsigned int kind = 0; kind < 3; kind++) {
		rig->disk.cancel_finishes = kind == 0;
		rig->disk.cancel_finishes_all = kind == 1;
		rig->disk.disk.ops = kind == 2 ? &no_cancel : with_cancel;
		offer_write(rig, 0, 'A', 0);
		offer_write(rig, 1, 'A', 1);
		reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
		assert_int_equal(guest_status(&rig->guest), kind == 2 ? UP_TO_DRIVER_OK : 0);
		assert_int_equal(rig->disk.pendings, kind == 2 ? 2 : 0);
		while (rig->disk.pendings)
			test_disk_finish(&rig->disk, 0, 0);
		assert_int_equal(guest_status(&rig->guest), 0);
		guest_drive(&rig->guest, rig->options.features, 2, RIG_QUEUE);
	}
	rig->disk.disk.ops = with_cancel;
}

/* A request of several steps ends with the one that is at the disk. */
static void no_further_step_is_taken(void **state)
{
	struct rig *rig = *state;

	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	guest_drive(&rig->guest, features(VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_CONFIG_WCE, -1), 1,
		    RIG_QUEUE);
	anvil_mmio_write(&rig->guest.mmio,
			 VIRTIO_MMIO_CONFIG + offsetof(struct anvil_blk_config, writeback), 1, 0);
	offer_write(rig, 0, 'A', 0); /* write-through: a flush would follow */
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(rig->disk.pendings, 0);
	assert_int_equal(guest_status(&rig->guest), 0);
}

static void zones_in_front_change_nothing(void **state)
{
	static const struct anvil_zoned_disk_options zones = {
		.zoning = { ANVIL_DISK_HOST_AWARE, 8, 0, 0, 4, 512 },
	};
	struct rig *rig = *state;

	anvil_blk_destroy(&rig->blk);
	assert_int_equal(anvil_zoned_disk_init(&rig->zoned, &rig->disk.disk, &zones), 0);
	rig->options.disk = &rig->zoned.disk;
	anvil_features_add(&rig->options.features, VIRTIO_BLK_F_ZONED);
	rig_create(rig);
	guest_drive(&rig->guest, rig->options.features, 2, RIG_QUEUE);
	offer_write(rig, 0, 'A', 0);
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(guest_status(&rig->guest), UP_TO_DRIVER_OK);
	expect_busy(rig, true);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(guest_status(&rig->guest), 0);
}

/* ---- what the embedder does ---- */

static void no_state_is_restored_before_the_end_of_a_reset(void **state)
{
	struct rig *rig = *state;
	uint8_t image[IMAGE_BYTES];
	size_t len;

	assert_int_equal(save(rig, image, &len), 0);
	offer_write(rig, 0, 'A', 0);
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(anvil_mmio_restore(&rig->guest.mmio, image, len), -EBUSY);
	assert_int_equal(guest_status(&rig->guest), UP_TO_DRIVER_OK);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(guest_status(&rig->guest), 0);
	assert_int_equal(anvil_mmio_restore(&rig->guest.mmio, image, len), 0);
	assert_int_equal(guest_status(&rig->guest), UP_TO_DRIVER_OK);
}

/* In a process of its own: how that ended. */
static int status_of_destroying(struct rig *rig)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)close(STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL);
		anvil_blk_destroy(&rig->blk);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void a_device_with_requests_at_the_disk_is_not_destroyed(void **state)
{
	struct rig *rig = *state;
	int status;

	offer_write(rig, 0, 'A', 0);
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	status = status_of_destroying(rig);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(status_of_destroying(rig), 0);
}

/* ---- version 1 (4.2.4) ---- */

static void drive_legacy(struct rig *rig)
{
	struct guest *guest = &rig->guest;

	reg_write(guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE);
	reg_write(guest, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
	reg_write(guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER);
	reg_write(guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(guest, VIRTIO_MMIO_DRIVER_FEATURES, 1u << VIRTIO_BLK_F_MQ);
	for (unsigned int queue = 0; queue < 2; queue++) {
		struct ring *ring = &guest->ring[queue];

		ring_init(ring, &guest->ram, RAM_SEAM + 0x8000 + 0x2000ull * queue, RIG_QUEUE);
		ring->avail = ring->desc + 16ull * RIG_QUEUE;
		ring->used = ring->desc + PAGE;
		select_queue(rig, queue);
		reg_write(guest, VIRTIO_MMIO_QUEUE_SIZE, RIG_QUEUE);
		reg_write(guest, VIRTIO_MMIO_QUEUE_ALIGN, PAGE);
		reg_write(guest, VIRTIO_MMIO_QUEUE_PFN, (uint32_t)(ring->desc / PAGE));
		assert_int_equal(reg_read(guest, VIRTIO_MMIO_QUEUE_PFN), ring->desc / PAGE);
	}
	reg_write(guest, VIRTIO_MMIO_STATUS, LEGACY_LIVE);
}

static int setup_legacy(void **state)
{
	struct rig *rig = rig_new();
	const struct anvil_mmio_host_ops *host;

	rig->options.features =
		features(VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_MQ, -1);
	rig->options.num_queues = 2;
	rig->options.slots = 4;
	rig_create(rig);
	host = rig->guest.mmio.host;
	rig->blk.dev.transport = NULL;
	assert_int_equal(
		anvil_mmio_init_legacy(&rig->guest.mmio, &rig->blk.dev, host, &rig->guest, false),
		0);
	rig->disk.defer = true;
	*state = rig;
	return 0;
}

static uint32_t pfn(struct rig *rig)
{
	return reg_read(&rig->guest, VIRTIO_MMIO_QUEUE_PFN);
}

static void a_legacy_queue_keeps_its_page_as_long(void **state)
{
	struct rig *rig = *state;
	uint32_t was;

	drive_legacy(rig);
	offer_write(rig, 0, 'A', 0);
	select_queue(rig, 0);
	was = pfn(rig);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_PFN, 0);
	assert_int_equal(pfn(rig), was);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_SIZE, RIG_QUEUE);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_ALIGN, PAGE);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_PFN, was + 1);
	assert_int_equal(pfn(rig), was);
	expect_busy(rig, true);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(pfn(rig), 0);
	expect_busy(rig, false);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_PFN, was); /* nothing of it was remembered */
	assert_int_equal(pfn(rig), 0);
}

static void a_legacy_reset_lasts_as_long(void **state)
{
	struct rig *rig = *state;
	uint64_t writeback = VIRTIO_MMIO_CONFIG + offsetof(struct anvil_blk_config, writeback);
	uint32_t was;

	drive_legacy(rig);
	offer_write(rig, 0, 'A', 0);
	select_queue(rig, 0);
	was = pfn(rig);
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(guest_status(&rig->guest), LEGACY_LIVE);
	assert_int_equal(pfn(rig), was);
	ram_watch(&rig->guest.ram);
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER);
	reg_write(&rig->guest, VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_PFN, was);
	guest_notify(&rig->guest, 0);
	anvil_mmio_write(&rig->guest.mmio, writeback, 1, 0);
	assert_int_equal(anvil_mmio_read(&rig->guest.mmio, writeback, 1), 1);
	assert_int_equal(rig->guest.ram.fetches + rig->guest.ram.stores, 0);
	assert_int_equal(guest_status(&rig->guest), LEGACY_LIVE);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(guest_status(&rig->guest), 0);
	assert_int_equal(pfn(rig), 0);
	assert_int_equal(rig->blk.dev.queue[0].page_number, 0);
	drive_legacy(rig);
}

#define TEST(name)	  cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_LEGACY(name) cmocka_unit_test_setup_teardown(name, setup_legacy, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_queue_reset_lasts_as_long_as_a_write_is_at_the_disk),
		TEST(a_queue_that_is_stopped_is_in_use_as_long),
		TEST(a_queue_is_stopped_once),
		TEST(the_other_queue_goes_on),
		TEST(a_suspended_device_has_nothing_at_the_disk),
		TEST(a_device_reset_lasts_as_long_as_a_write_is_at_the_disk),
		TEST(a_second_reset_changes_nothing),
		TEST(a_broken_device_is_reset_when_the_disk_is_done),
		TEST(it_is_the_disk_that_ends_a_reset),
		TEST(no_further_step_is_taken),
		TEST(zones_in_front_change_nothing),
		TEST(no_state_is_restored_before_the_end_of_a_reset),
		TEST(a_device_with_requests_at_the_disk_is_not_destroyed),
		TEST_LEGACY(a_legacy_queue_keeps_its_page_as_long),
		TEST_LEGACY(a_legacy_reset_lasts_as_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
