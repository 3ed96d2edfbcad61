/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recorder, told of requests and traffic as Linux has them: what it writes plays, and does the
 * same.
 */
#include "recorder_linux.h"

#include "array_size.h"

/* ---- virtio_net.c ---- */

static const struct virtio_net_header no_offload;

/* ---- requests ---- */

/* The same kinds in the same order, with no more sectors. */
static void assert_same_events(void)
{
	assert_int_equal(played.events, rig.log.events);
	for (unsigned int i = 0; i < played.events; i++) {
		assert_int_equal(played.event[i].kind, rig.log.event[i].kind);
		assert_true(played.event[i].len <= rig.log.event[i].len);
	}
}

static void requests_of_a_disk_are_made_again(void **state)
{
	struct script s;

	(void)state;
	start_blk(256, BLK_FEATURES);
	start_recorder();
	probe_blk(0x321000);
	some_blk_requests();
	stop_device();
	assert_int_equal(count_files(), 2);
	assert_true(recorded("requests_01", &s));
	assert_text(&s, "device blk size=7 slots=3 capacity=3 transfer=3 limits=3 hide=0x12\n"
			"init decline=0x10000000000\n"
			"blk type=3 flags=1\n"
			"used event=1\n"
			"blk flags=1 count=7\n"
			"used event=1\n"
			"blk split=9 flags=1 count=0xf sector=0x60\n"
			"used event=1\n"
			"blk type=1 flags=1 count=0xf sector=0x21\n"
			"used event=1\n"
			"blk type=1 split=0xe flags=1 count=0x27 sector=0x4e\n"
			"used event=1\n"
			"blk split=9 flags=1 count=0x7e sector=1\n"
			"used event=1\n"
			"blk flags=5 sector=8\n"
			"blk type=1 flags=5 count=1 sector=9\n"
			"blk type=2 flags=1\n"
			"used event=1\n"
			"blk type=4 flags=5 sector=0xf arg=0x10\n"
			"blk type=5 flags=5 bits=1 arg=0x80\n"
			"blk type=4 flags=1 count=3 sector=0x28 arg=8\n"
			"used event=1\n");
	assert_canonical(&s);
	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	play(&s);
	assert_same_events();
	assert_true(oracle_milestone[MILESTONE_BLK_GET_ID_OK]);
	assert_true(oracle_milestone[MILESTONE_BLK_MANY_RANGES]);
	assert_false(oracle_milestone[MILESTONE_BLK_IN_BAD]);
	assert_false(oracle_milestone[MILESTONE_BLK_OUT_BAD]);
	assert_false(oracle_milestone[MILESTONE_BLK_RANGE_BAD]);
	remove_folder();
}

static void chains_without_tables_and_event_indices_are_too(void **state)
{
	struct script s;

	(void)state;
	start_blk(64, BLK_FEATURES & ~RING_FEATURES);
	start_recorder();
	probe_blk(HIGH + 0x3000);
	put16(vq[0].avail, 1);
	some_blk_requests();
	stop_device();
	assert_true(recorded("requests_01", &s));
	for (unsigned int i = 0; i < s.ops; i++)
		assert_false(s.op[i].code == OP_BLK && s.op[i].blk.flags & CHAIN_INDIRECT);
	assert_int_equal(s.op[1].code, OP_AVAIL);
	assert_int_equal(s.op[1].avail.value, 1);
	play(&s);
	assert_same_events();
	remove_folder();
}

static void bad_requests_stay_bad(void **state)
{
	static const enum milestone reached[] = {
		MILESTONE_BLK_IN_BAD,	    MILESTONE_BLK_OUT_BAD,    MILESTONE_BLK_RANGE_BAD,
		MILESTONE_BLK_UNKNOWN_TYPE, MILESTONE_BLK_GET_ID_BAD, MILESTONE_BLK_FLUSH_BAD,
		MILESTONE_BLK_SHORT_HEADER, MILESTONE_BLK_NO_STATUS,  MILESTONE_BLK_RANGE_FLAG,
	};
	const struct sg short_request[] = { { 0x5000, 9, false }, { 0x6000, 513, true } };
	struct sg piece = { 0x5000, 9, false };
	struct script s;

	(void)state;
	start_blk(256, BLK_FEATURES);
	start_recorder();
	probe_blk(0x321000);
	do_blk(VIRTIO_BLK_T_IN, SECTORS, 1, 512);
	do_blk(VIRTIO_BLK_T_OUT, SECTORS - 1, 2, 512);
	queue_ranges(VIRTIO_BLK_T_DISCARD, SECTORS - 1, 2, 1, 0);
	queue_ranges(VIRTIO_BLK_T_DISCARD, 1, 2, 1, 2);
	do_blk(99, 0, 1, 512);
	do_blk(VIRTIO_BLK_T_GET_ID, 0, 1, 24);
	do_blk(VIRTIO_BLK_T_FLUSH, 0, 1, 1);
	add_chain(&vq[0], &piece, 1);
	add_chain(&vq[0], short_request, 2);
	piece.len = 16;
	add_chain(&vq[0], &piece, 1);
	kick(&vq[0]);
	stop_device();
	assert_int_equal(rig.log.events, 0);
	assert_true(recorded("requests_01", &s));
	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	play(&s);
	assert_int_equal(played.events, 0);
	for (size_t i = 0; i < ARRAY_SIZE(reached); i++) {
		if (!oracle_milestone[reached[i]])
			fail_msg("not reached: %s", oracle_milestone_text[reached[i]]);
	}
	remove_folder();
}

static void some_net_traffic(void)
{
	uint8_t frame[2000] = { 0 };

	fill_receive(256);
	command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "", 1);
	command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, "\1", 1);
	command_tables(0, 3);
	command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, "\5", 2);
	command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, "\2\xca\xfe\1\2\3", 6);
	queue_frame(&no_offload, false, 0);
	kick(&vq[ANVIL_NET_TX]);
	queue_frame(&csum_offload, true, 0);
	queue_frame(&tso_offload, true, 3);
	queue_frame(&csum_offload, true, 1);
	kick(&vq[ANVIL_NET_TX]);
	build(frame, false);
	arrives(frame, 42);
	interrupt();
	build(frame, true);
	memcpy(frame, "\2\xca\xfe\1\2\3", 6);
	arrives(frame, 1514);
	arrives(frame, 66);
	interrupt();
	fill_receive(3);
}

static void traffic_of_a_nic_is_made_again(void **state)
{
	struct script s;

	(void)state;
	start_net(256, NET_FEATURES);
	start_recorder();
	probe_net(0x321000);
	some_net_traffic();
	stop_device();
	assert_true(recorded("requests_01", &s));
	assert_text(&s, "device net size=7 hide=0x10000102200\n"
			"init\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x18\n"
			"ctrl flags=1\n"
			"ctrl command=1 flags=1 value=1\n"
			"ctrl class=1 split=4 flags=1 counts=0x30000\n"
			"ctrl class=2 flags=1 value=5\n"
			"ctrl class=1 command=1 flags=1 value=0x563412005452\n"
			"tx split=1 len=0x2a\n"
			"tx kind=1 split=1 flags=4 bits=1 len=0x42\n"
			"tx kind=1 split=0xf flags=5 offload=1 len=0x3042\n"
			"tx kind=1 split=7 flags=1 bits=1 len=0x1042\n"
			"frame to=1 len=0x29\n"
			"used event=1\n"
			"used queue=1 event=1\n"
			"used queue=2 event=1\n"
			"frame kind=1 len=0x5e9\n"
			"frame kind=1 len=0x41\n"
			"used event=1\n");
	assert_canonical(&s);
	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	play(&s);
	assert_same_events();
	assert_true(oracle_milestone[MILESTONE_NET_TX_TSO4]);
	assert_true(oracle_milestone[MILESTONE_NET_TX_CSUM]);
	assert_true(oracle_milestone[MILESTONE_NET_RX_OK]);
	assert_true(oracle_milestone[MILESTONE_NET_CTRL_MODE]);
	assert_true(oracle_milestone[MILESTONE_NET_CTRL_TABLE]);
	assert_true(oracle_milestone[MILESTONE_NET_CTRL_VLAN]);
	assert_true(oracle_milestone[MILESTONE_NET_CTRL_MAC]);
	assert_false(oracle_milestone[MILESTONE_NET_CTRL_BAD]);
	assert_false(oracle_milestone[MILESTONE_NET_TX_BAD]);
	remove_folder();
}

/* The second script begins with receive buffers, or its frames would get lost. */
static void later_scripts_have_receive_buffers(void **state)
{
	uint8_t frame[66];
	struct script s;

	(void)state;
	start_net(256, NET_FEATURES);
	start_recorder();
	probe_net(0x321000);
	fill_receive(256);
	build(frame, false);
	for (unsigned int i = 0; i < RECORDER_REQUEST_OPS; i++)
		arrives(frame, 42);
	arrives(frame, 60);
	build(frame, true);
	arrives(frame, 60);
	stop_device();
	assert_true(recorded("requests_02", &s));
	assert_int_equal(s.op[1].code, OP_RX);
	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	play(&s);
	assert_true(oracle_milestone[MILESTONE_NET_RX_OK]);
	assert_false(oracle_milestone[MILESTONE_NET_RX_NO_BUFFERS]);
	remove_folder();
}

/* Added while the device was looking: no notification, and yet in the script, at the interrupt. */
static void chains_without_a_notification_are_not_lost(void **state)
{
	struct script s;

	(void)state;
	start_blk(256, BLK_FEATURES);
	start_recorder();
	probe_blk(0x321000);
	do_blk(VIRTIO_BLK_T_IN, 0, 1, 512);
	queue_blk(VIRTIO_BLK_T_IN, 0, 1, 1024);
	anvil_device_notify(&rig.blk.dev, 0); /* the device came by itself */
	interrupt();
	stop_device();
	assert_true(recorded("requests_01", &s));
	assert_text(&s, "device blk size=7 slots=3 capacity=3 transfer=3 limits=3 hide=0x12\n"
			"init decline=0x10000000000\n"
			"blk flags=1\n"
			"used event=1\n"
			"blk flags=1 count=1\n"
			"used event=1\n");
	play(&s);
	assert_same_events();
	remove_folder();
}

static void queues_stop_and_start_again(void **state)
{
	struct script s;

	(void)state;
	start_blk(64, BLK_FEATURES);
	start_recorder();
	identify();
	negotiate(UINT64_MAX);
	set_up_queue(0, 0x321000);
	add_status(VIRTIO_STATUS_DRIVER_OK);
	do_blk(VIRTIO_BLK_T_IN, 0, 1, 512);
	writel(VIRTIO_MMIO_QUEUE_SEL, 0);
	writel(VIRTIO_MMIO_QUEUE_RESET, 1);
	readl(VIRTIO_MMIO_QUEUE_RESET);
	memset(ram[0] + 0x321000, 0, 0x4000);
	set_up_queue(0, 0x321000);
	do_blk(VIRTIO_BLK_T_IN, 0, 1, 1024);
	stop_device();
	assert_true(recorded("requests_01", &s));
	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	play(&s);
	assert_same_events();
	assert_true(oracle_milestone[MILESTONE_RING_RESET]);
	assert_true(oracle_milestone[MILESTONE_RING_RESTARTED]);
	remove_folder();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_of_a_disk_are_made_again),
		cmocka_unit_test(chains_without_tables_and_event_indices_are_too),
		cmocka_unit_test(bad_requests_stay_bad),
		cmocka_unit_test(traffic_of_a_nic_is_made_again),
		cmocka_unit_test(later_scripts_have_receive_buffers),
		cmocka_unit_test(chains_without_a_notification_are_not_lost),
		cmocka_unit_test(queues_stop_and_start_again),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
