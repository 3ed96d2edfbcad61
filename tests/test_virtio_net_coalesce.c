/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: notification coalescing (5.1.9.5.10) and device statistics (5.1.9.5.11). */
#include "array_size.h"
#include "net.h"

static struct net_rig rig;

static struct anvil_features wanted(void)
{
	return features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ, VIRTIO_NET_F_NOTF_COAL,
			VIRTIO_NET_F_VQ_NOTF_COAL, VIRTIO_NET_F_DEVICE_STATS, VIRTIO_NET_F_CSUM,
			VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4,
			VIRTIO_F_RING_RESET, -1);
}

static int setup(void **state)
{
	(void)state;
	net_start(&rig, wanted(), 2);
	net_drive(&rig, wanted());
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	net_stop(&rig);
	return 0;
}

static uint8_t set_all(unsigned int number, uint32_t packets, uint32_t usecs)
{
	struct virtio_net_ctrl_coal c = { htole32(packets), htole32(usecs) };
	uint8_t ack = net_command(&rig, VIRTIO_NET_CTRL_NOTF_COAL, (uint8_t)number, &c, sizeof(c));

	guest_take_interrupts(&rig.guest);
	return ack;
}

static uint8_t set_one(uint16_t queue, uint32_t packets, uint32_t usecs)
{
	struct virtio_net_ctrl_coal_vq c = { htole16(queue),
					     0xffff,
					     { htole32(packets), htole32(usecs) } };
	uint8_t ack = net_command(&rig, VIRTIO_NET_CTRL_NOTF_COAL, 2, &c, sizeof(c));

	guest_take_interrupts(&rig.guest);
	return ack;
}

static void expect_parameters(uint16_t queue, uint32_t packets, uint32_t usecs)
{
	uint16_t which[2] = { htole16(queue), 0xffff };
	struct virtio_net_ctrl_coal c;
	uint8_t ack;

	assert_int_equal(net_ask(&rig, VIRTIO_NET_CTRL_NOTF_COAL, 3, which, 4, &c, 8, &ack), 8);
	assert_int_equal(ack, VIRTIO_NET_OK);
	assert_int_equal(le32toh(c.max_packets), packets);
	assert_int_equal(le32toh(c.max_usecs), usecs);
	guest_take_interrupts(&rig.guest);
}

/* Sends one frame; whether there was a notification. */
static bool send_tells(unsigned int pair)
{
	static const uint8_t zero[12];
	uint8_t frame[NET_FRAME];

	net_eth(frame, 0x88b5);
	assert_true(net_send(&rig, pair, zero, 12, frame, NET_FRAME));
	return guest_take_interrupts(&rig.guest) & VIRTIO_INTERRUPT_USED;
}

static bool tick_tells(uint64_t now)
{
	uint64_t next;

	(void)anvil_net_tick(&rig.net, now, &next);
	return guest_take_interrupts(&rig.guest) & VIRTIO_INTERRUPT_USED;
}

/* 5.1.9.5.10.1 */
static void packets_are_counted(void **state)
{
	(void)state;
	assert_true(send_tells(0));
	assert_int_equal(set_all(0, 4, 100), VIRTIO_NET_OK);
	for (unsigned int i = 1; i <= 12; i++)
		assert_int_equal(send_tells(0), i % 4 == 0);
	/* each queue by itself */
	assert_false(send_tells(0));
	assert_false(send_tells(1));
	assert_false(send_tells(0));
	assert_false(send_tells(1));
	/* either 0: after every packet */
	assert_int_equal(set_all(0, 0, 100), VIRTIO_NET_OK);
	assert_true(send_tells(0));
	assert_int_equal(set_all(0, 4, 0), VIRTIO_NET_OK);
	assert_true(send_tells(0));
}

static void time_ends_the_wait(void **state)
{
	uint64_t next = 0;

	(void)state;
	assert_false(anvil_net_tick(&rig.net, 1000, &next));
	assert_int_equal(set_all(0, 100, 50), VIRTIO_NET_OK);
	assert_false(send_tells(0));
	assert_true(anvil_net_next_tick(&rig.net, &next));
	assert_int_equal(next, 1050);
	assert_false(tick_tells(1020));
	assert_false(send_tells(0));
	assert_false(tick_tells(1049));
	assert_true(tick_tells(1050));
	assert_false(anvil_net_next_tick(&rig.net, &next));
	/* it starts anew with the next packet */
	assert_false(tick_tells(2000));
	assert_false(send_tells(0));
	assert_false(tick_tells(2049));
	assert_true(tick_tells(2051));
	/* a clock that goes back, or at its end */
	assert_false(send_tells(0));
	assert_false(tick_tells(0));
	assert_true(tick_tells(UINT64_MAX));
	assert_false(send_tells(0));
	assert_true(anvil_net_next_tick(&rig.net, &next));
	assert_int_equal(next, UINT64_MAX);
}

/* 5.1.9.5.10.6: not while the driver suppresses them, even if the conditions are met */
static void suppressed_notifications_stay_suppressed(void **state)
{
	(void)state;
	assert_int_equal(set_all(0, 2, 50), VIRTIO_NET_OK);
	ram_put16(&rig.guest.ram, rig.guest.ring[1].avail, 1);
	assert_false(send_tells(0));
	assert_false(send_tells(0));
	assert_false(send_tells(0));
	assert_false(tick_tells(50));
	ram_put16(&rig.guest.ram, rig.guest.ring[1].avail, 0);
	assert_false(send_tells(0));
	assert_true(send_tells(0));
}

/* 5.1.9.5.10.4 */
static void new_parameters_apply_at_once(void **state)
{
	struct virtio_net_ctrl_coal c = { htole32(2), htole32(1000) };

	(void)state;
	assert_int_equal(set_all(0, 15, 1000), VIRTIO_NET_OK);
	for (unsigned int i = 0; i < 3; i++)
		assert_false(send_tells(0));
	ram_put16(&rig.guest.ram, rig.guest.ring[4].avail, 1); /* not for the command itself */
	assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_NOTF_COAL, 0, &c, sizeof(c)),
			 VIRTIO_NET_OK);
	assert_true(guest_take_interrupts(&rig.guest) & VIRTIO_INTERRUPT_USED);
}

/* 5.1.9.5.10: the example with six commands */
static void last_command_for_a_queue_holds(void **state)
{
	(void)state;
	assert_int_equal(set_all(1, 1, 11), VIRTIO_NET_OK);
	expect_parameters(0, 1, 11);
	expect_parameters(2, 1, 11);
	expect_parameters(1, 0, 0);
	assert_int_equal(set_one(0, 2, 22), VIRTIO_NET_OK);
	expect_parameters(0, 2, 22);
	expect_parameters(2, 1, 11);
	assert_int_equal(set_one(1, 4, 44), VIRTIO_NET_OK);
	expect_parameters(1, 4, 44);
	expect_parameters(3, 0, 0);
	assert_int_equal(set_all(0, 5, 55), VIRTIO_NET_OK);
	expect_parameters(1, 5, 55);
	expect_parameters(3, 5, 55);
	/* 5.1.9.5.10.6: a queue that is enabled again has those for all */
	assert_int_equal(set_one(3, 6, 66), VIRTIO_NET_OK);
	reg_write(&rig.guest, VIRTIO_MMIO_QUEUE_SEL, 3);
	reg_write(&rig.guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(set_one(3, 7, 77), VIRTIO_NET_ERR);
	ring_init(&rig.guest.ring[3], &rig.guest.ram, RAM_HIGH + 0x3000, NET_QUEUE);
	assert_true(guest_start_queue(&rig.guest, 3));
	expect_parameters(3, 5, 55);
	/* and after a reset of the device, none */
	net_drive(&rig, wanted());
	expect_parameters(3, 0, 0);
}

static void coalescing_commands_are_checked(void **state)
{
	struct virtio_net_ctrl_coal_vq c = { 0, 0, { 1, 1 } };
	uint8_t more[13] = { 0 };

	(void)state;
	for (unsigned int queue = 0; queue < 0x10000; queue += queue < 8 ? 1 : 0x1001)
		assert_int_equal(set_one((uint16_t)queue, 1, 1),
				 queue < 4 ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
	for (uint32_t len = 0; len <= 13; len++) {
		assert_int_equal(net_command(&rig, 6, 0, more, len), len == 8 ? 0 : 1);
		assert_int_equal(net_command(&rig, 6, 1, more, len), len == 8 ? 0 : 1);
		assert_int_equal(net_command(&rig, 6, 2, more, len), len == 12 ? 0 : 1);
		assert_int_equal(net_command(&rig, 6, 4, more, len), 1);
	}
	net_drive(&rig, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_NOTF_COAL, -1));
	assert_int_equal(net_command(&rig, 6, 2, &c, sizeof(c)), 1);
	assert_int_equal(net_command(&rig, 6, 0, more, 8), 0);
	net_drive(&rig, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_VQ_NOTF_COAL, -1));
	assert_int_equal(net_command(&rig, 6, 2, &c, sizeof(c)), 0);
	assert_int_equal(net_command(&rig, 6, 0, more, 8), 1);
}

static void full_ring_is_told_without_more(void **state)
{
	unsigned int told = 0;

	(void)state;
	assert_int_equal(set_all(0, 1000, 1000), VIRTIO_NET_OK);
	for (unsigned int i = 0; i < NET_QUEUE; i++)
		told += send_tells(0);
	assert_int_equal(told, 1);
}

/* ---- statistics ---- */

struct wish {
	uint16_t queue;
	uint64_t types;
};

static uint32_t get(const struct wish *wish, unsigned int wishes, uint8_t *reply, uint32_t room,
		    uint8_t *ack)
{
	struct virtio_net_stats_wish w[80] = { { 0 } };

	for (unsigned int i = 0; i < wishes; i++) {
		w[i].vq_index = htole16(wish[i].queue);
		w[i].types_bitmap = htole64(wish[i].types);
	}
	return net_ask(&rig, VIRTIO_NET_CTRL_STATS, 1, w, wishes * 16, reply, room, ack);
}

static uint64_t counter(const uint8_t *reply, unsigned int number)
{
	uint64_t value;

	memcpy(&value, reply + 8 + 8 * number, 8);
	return le64toh(value);
}

static void expect_stats(uint16_t queue, uint8_t type, unsigned int counters,
			 const uint64_t *expected)
{
	struct wish wish = { queue, 1ull << type };
	uint8_t reply[200];
	uint8_t ack;

	assert_int_equal(get(&wish, 1, reply, sizeof(reply), &ack), 8 + 8 * counters);
	assert_int_equal(ack, VIRTIO_NET_OK);
	assert_int_equal(reply[0], type);
	assert_int_equal(reply[2] | reply[3] << 8, queue);
	assert_int_equal(reply[6] | reply[7] << 8, 8 + 8 * counters);
	for (unsigned int i = 0; i < counters; i++)
		assert_int_equal(counter(reply, i), expected[i]);
}

/* 5.1.9.5.11.1 */
static void types_that_can_be_asked_for_are_told(void **state)
{
	uint64_t types;
	uint8_t ack;

	(void)state;
	assert_int_equal(net_ask(&rig, VIRTIO_NET_CTRL_STATS, 0, NULL, 0, &types, 8, &ack), 8);
	assert_int_equal(le64toh(types), 0x100070007);
	net_drive(&rig, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_DEVICE_STATS, -1));
	assert_int_equal(net_ask(&rig, VIRTIO_NET_CTRL_STATS, 0, NULL, 0, &types, 8, &ack), 8);
	assert_int_equal(le64toh(types), 0x100010001);
	assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_STATS, 0, "", 1), VIRTIO_NET_ERR);
	net_drive(&rig, features(VIRTIO_NET_F_CTRL_VQ, -1));
	assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_STATS, 0, NULL, 0), VIRTIO_NET_ERR);
}

static void what_happens_is_counted(void **state)
{
	static const struct anvil_nic_offload csum = { .needs_csum = true,
						       .csum_start = 34,
						       .csum_offset = 16 };
	static const struct anvil_nic_offload valid = { .csum_valid = true };
	struct anvil_nic_offload gso = csum;
	struct virtio_net_header h = { .flags = 1,
				       .gso_type = 1,
				       .gso_size = htole16(50),
				       .csum_start = htole16(34),
				       .csum_offset = htole16(16) };
	struct virtio_net_header bad = { .gso_type = 3 };
	struct virtio_net_header plain = { 0 };
	uint8_t frame[NET_FRAME];

	(void)state;
	gso.gso = ANVIL_NIC_GSO_TCP4;
	gso.gso_size = 50;
	gso.header_len = 54;
	assert_int_equal(net_set_pairs(&rig, 2), VIRTIO_NET_OK);
	net_tcp4(frame, 1, 2, 3, 4);
	assert_true(net_send(&rig, 1, &h, 12, frame, NET_FRAME));
	assert_true(net_send(&rig, 1, &plain, 12, frame, 100));
	assert_false(net_send(&rig, 1, &bad, 12, frame, 100));
	assert_false(net_send(&rig, 1, &plain, 12, frame, 10));
	anvil_net_set_link(&rig.net, false);
	assert_false(net_send(&rig, 1, &plain, 12, frame, 100));
	anvil_net_set_link(&rig.net, true);
	expect_stats(3, 16, 6, (uint64_t[]){ 5, 2, NET_FRAME + 100, 5, 3, 2 });
	expect_stats(3, 17, 2, (uint64_t[]){ 1, 1 });
	expect_stats(3, 18, 6, (uint64_t[]){ 1, NET_FRAME, 0, 0, 1, NET_FRAME });

	net_offer(&rig, 1);
	guest_notify(&rig.guest, 2);
	guest_notify(&rig.guest, 2);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &csum), 1);
	assert_int_equal(net_arrives_at(&rig, frame, 60, NULL), 1);
	assert_int_equal(net_arrives_at(&rig, frame, 60, &valid), 1);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &gso), 1);
	assert_int_equal(net_receive(&rig, frame, 60, NULL), 0);
	assert_int_equal(net_receive(&rig, frame, 60, NULL), 0); /* no buffer */
	expect_stats(2, 0, 6, (uint64_t[]){ 2, 5, 2 * NET_FRAME + 180, 5, 1, 1 });
	expect_stats(2, 1, 4, (uint64_t[]){ 1, 2, 2, 0 });
	expect_stats(2, 2, 4, (uint64_t[]){ 1, NET_FRAME, 0, 0 });
	/* 5.1.9.5.11.3: the command itself included; one of them was bad */
	assert_int_equal(net_set_pairs(&rig, 9), VIRTIO_NET_ERR);
	expect_stats(4, 32, 2, (uint64_t[]){ 9, 8 });
	/* a reset leaves no trace */
	net_drive(&rig, wanted());
	expect_stats(2, 0, 6, (uint64_t[]){ 0, 0, 0, 0, 0, 0 });
	expect_stats(4, 32, 2, (uint64_t[]){ 2, 2 });
}

/* 5.1.9.5.11.14: one mistake fails the command as a whole */
static void one_mistake_fails_the_command(void **state)
{
	static const struct {
		struct wish wish;
		bool fine;
	} t[] = {
		{ { 0, 7 }, true },	      { { 1, 0x70000 }, true },
		{ { 4, 1ull << 32 }, true },  { { 3, 0 }, true },
		{ { 5, 0 }, false },	      { { 0xffff, 0 }, false },
		{ { 0, 0x10000 }, false },    { { 1, 1 }, false },
		{ { 0, 8 }, false },	      { { 1, 0x80000 }, false },
		{ { 0, 1ull << 32 }, false }, { { 4, 1 }, false },
		{ { 0, 1ull << 63 }, false },
	};
	uint8_t reply[400];
	uint8_t ack;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct wish both[2] = { { 0, 1 }, t[i].wish };
		uint32_t len = get(both, 2, reply, sizeof(reply), &ack);

		assert_int_equal(ack, t[i].fine ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
		if (!t[i].fine)
			assert_int_equal(len, 0);
	}
	for (uint32_t len = 1; len < 48; len += len % 16 == 15 ? 2 : 1)
		assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_STATS, 1, reply, len),
				 VIRTIO_NET_ERR);
}

/* 5.1.9.5.11.14: an answer goes as far as there is room, and not a byte further */
static void answers_are_cut_to_their_room(void **state)
{
	static const struct wish wish[] = { { 0, 1 }, { 1, 0x10000 }, { 4, 1ull << 32 } };
	uint8_t reply[200];
	uint8_t ack;

	(void)state;
	for (uint32_t room = 0; room <= 160; room++) {
		uint32_t len = get(wish, 3, reply, room, &ack);

		assert_int_equal(ack, VIRTIO_NET_OK);
		assert_int_equal(len, room < 56 + 56 + 24 ? room : 56 + 56 + 24);
		if (room > len)
			assert_int_equal(reply[len], 0xee);
	}
}

static void more_wishes_than_the_limit_are_refused(void **state)
{
	struct wish wish[70] = { { 0, 0 } };
	uint8_t reply[8];
	uint8_t ack;

	(void)state;
	for (unsigned int i = 60; i < 70; i++) {
		get(wish, i, reply, 8, &ack);
		assert_int_equal(ack, i <= ANVIL_NET_STATS_WISHES ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(packets_are_counted),
		T(time_ends_the_wait),
		T(suppressed_notifications_stay_suppressed),
		T(new_parameters_apply_at_once),
		T(last_command_for_a_queue_holds),
		T(coalescing_commands_are_checked),
		T(full_ring_is_told_without_more),
		T(types_that_can_be_asked_for_are_told),
		T(what_happens_is_counted),
		T(one_mistake_fails_the_command),
		T(answers_are_cut_to_their_room),
		T(more_wishes_than_the_limit_are_refused),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
