/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which scripts the recorder writes: none twice, not without end, and into a folder that is there.
 */
#include "recorder_linux.h"

static void what_was_seen_is_not_written_again(void **state)
{
	struct script s;
	size_t files = 0;

	(void)state;
	start_blk(256, BLK_FEATURES);
	start_recorder();
	for (unsigned int i = 0; i < 3; i++) {
		if (i) /* the driver starts over; nobody looks for the device again */
			negotiate(~BIT(VIRTIO_F_RING_RESET));
		memset(ram[0] + 0x321000, 0, 0x8000);
		probe_blk(0x321000);
		some_blk_requests();
		if (i == 1)
			files = count_files();
	}
	do_blk(VIRTIO_BLK_T_IN, 0, 1, 1536);
	stop_device();
	/* the last one has something new */
	assert_int_equal(count_files(), files + 1);
	assert_true(recorded("requests_02", &s));
	remove_folder();
}

static void there_is_an_end_to_it(void **state)
{
	(void)state;
	start_blk(64, BLK_FEATURES);
	start_recorder();
	for (uint32_t i = 0; i < 2000; i++) {
		negotiate(UINT64_MAX);
		writel(VIRTIO_MMIO_DEVICE_FEATURES_SEL, i); /* something new each time */
		set_up_queue(0, 0x321000);
		add_status(VIRTIO_STATUS_DRIVER_OK);
	}
	stop_device();
	assert_int_equal(count_files(), RECORDER_SCRIPTS_MAX);
	remove_folder();
}

static void a_folder_that_is_not_there_is_told(void **state)
{
	(void)state;
	start_blk(64, BLK_FEATURES);
	remove_folder();
	start_recorder();
	probe_blk(0x321000);
	some_blk_requests();
	assert_false(recorder_finish(&rig.recorder));
	rig.recording = false;
	stop_device();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_seen_is_not_written_again),
		cmocka_unit_test(there_is_an_end_to_it),
		cmocka_unit_test(a_folder_that_is_not_there_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
