/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: commands of the control queue, and their acks (5.1.9.5). */
#include "array_size.h"
#include "net_fixture.h"

static void commands_are_checked(void **state)
{
	static const struct {
		const char *what;
		uint8_t class, number;
		uint32_t len;
		uint8_t data[24];
		uint8_t ack;
	} t[] = {
		{ "promisc on", RX, 0, 1, { 1 }, OK },
		{ "promisc off", RX, 0, 1, { 0 }, OK },
		{ "promisc 2", RX, 0, 1, { 2 }, ERR },
		{ "promisc 255", RX, 0, 1, { 255 }, ERR },
		{ "promisc, no data", RX, 0, 0, { 0 }, ERR },
		{ "promisc, two bytes", RX, 0, 2, { 1, 1 }, ERR },
		{ "last mode", RX, 5, 1, { 0 }, OK },
		{ "no such mode", RX, 6, 1, { 0 }, ERR },
		{ "mode 255", RX, 255, 1, { 0 }, ERR },
		{ "empty tables", MAC, 0, 8, { 0 }, OK },
		{ "no tables", MAC, 0, 0, { 0 }, ERR },
		{ "half a count", MAC, 0, 3, { 0 }, ERR },
		{ "one table", MAC, 0, 4, { 0 }, ERR },
		{ "second count short", MAC, 0, 7, { 0 }, ERR },
		{ "one byte too many", MAC, 0, 9, { 0 }, ERR },
		{ "one address", MAC, 0, 14, { 1, 0, 0, 0, 2, 0, 0, 0, 0, 1 }, OK },
		{ "address short", MAC, 0, 13, { 1, 0, 0, 0, 2, 0, 0, 0, 0, 1 }, ERR },
		{ "huge count", MAC, 0, 24, { 255, 255, 255, 255 }, ERR },
		{ "huge second count", MAC, 0, 24, { 0, 0, 0, 0, 255, 255, 255, 255 }, ERR },
		{ "count whose bytes wrap at 2^32", MAC, 0, 14, { 0xab, 0xaa, 0xaa, 0x2a }, ERR },
		{ "address", MAC, 1, 6, { 2, 0, 0, 0, 0, 7 }, OK },
		{ "address short", MAC, 1, 5, { 2 }, ERR },
		{ "address long", MAC, 1, 7, { 2 }, ERR },
		{ "no such MAC command", MAC, 2, 6, { 2 }, ERR },
		{ "VLAN 0", VLAN, 0, 2, { 0, 0 }, OK },
		{ "VLAN 4095", VLAN, 0, 2, { 0xff, 0x0f }, OK },
		{ "VLAN 4096", VLAN, 0, 2, { 0, 0x10 }, ERR },
		{ "VLAN 65535", VLAN, 0, 2, { 0xff, 0xff }, ERR },
		{ "VLAN del", VLAN, 1, 2, { 0, 0 }, OK },
		{ "VLAN del 4096", VLAN, 1, 2, { 0, 0x10 }, ERR },
		{ "VLAN short", VLAN, 0, 1, { 0 }, ERR },
		{ "VLAN long", VLAN, 0, 3, { 0 }, ERR },
		{ "no such VLAN command", VLAN, 2, 2, { 0 }, ERR },
		{ "announce", 3, 0, 0, { 0 }, ERR },
		{ "multiqueue", 4, 0, 2, { 1 }, ERR },
		{ "class 255", 255, 0, 1, { 0 }, ERR },
	};
	struct fixture *f = *state;

	drive(f, everything_split());
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint8_t ack = command(f, t[i].class, t[i].number, t[i].data, t[i].len);

		if (ack != t[i].ack)
			fail_msg("%s: %u", t[i].what, ack);
	}
	assert_int_equal(guest_status(&f->guest), UP_TO_DRIVER_OK);
}

static void commands_need_their_feature(void **state)
{
	static const struct {
		uint8_t class, number;
		uint32_t len;
		int needs;
	} t[] = {
		{ RX, 0, 1, VIRTIO_NET_F_CTRL_RX },	  { RX, 1, 1, VIRTIO_NET_F_CTRL_RX },
		{ RX, 2, 1, VIRTIO_NET_F_CTRL_RX_EXTRA }, { RX, 3, 1, VIRTIO_NET_F_CTRL_RX_EXTRA },
		{ RX, 4, 1, VIRTIO_NET_F_CTRL_RX_EXTRA }, { RX, 5, 1, VIRTIO_NET_F_CTRL_RX_EXTRA },
		{ MAC, 0, 8, VIRTIO_NET_F_CTRL_RX },	  { MAC, 1, 6, VIRTIO_NET_F_CTRL_MAC_ADDR },
		{ VLAN, 0, 2, VIRTIO_NET_F_CTRL_VLAN },	  { VLAN, 1, 2, VIRTIO_NET_F_CTRL_VLAN }
	};
	static const int offer[] = { VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX,
				     VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_F_CTRL_MAC_ADDR,
				     VIRTIO_NET_F_CTRL_VLAN };
	struct fixture *f = *state;

	for (size_t o = 0; o < ARRAY_SIZE(offer); o++) {
		drive(f, ctrl(offer[o], -1));
		for (size_t i = 0; i < ARRAY_SIZE(t); i++)
			assert_int_equal(
				command(f, t[i].class, t[i].number, "\0\0\0\0\0\0\0", t[i].len),
				t[i].needs == offer[o] ? OK : ERR);
	}
}

static void commands_without_room_for_an_ack_are_not_carried_out(void **state)
{
	struct buffer b[] = { { CTRL_AT, 3, 0 }, { CTRL_AT + 8, 0, WRITABLE } };
	struct fixture *f = *state;

	drive(f, everything_split());
	ram_put(&f->guest.ram, CTRL_AT, "\0\0\1", 3); /* promisc on */
	ring_chain(&f->guest.ring[ANVIL_NET_CTRL], b, 2);
	guest_notify(&f->guest, ANVIL_NET_CTRL);
	ring_expect(&f->guest.ring[ANVIL_NET_CTRL], 0, 0);
	assert_false(f->net.filter->promisc);
	/* with more room than needed the ack is the first byte */
	b[1].len = 4;
	ram_fill(&f->guest.ram, CTRL_AT + 8, 0xee, 4);
	ring_chain(&f->guest.ring[ANVIL_NET_CTRL], b, 2);
	guest_notify(&f->guest, ANVIL_NET_CTRL);
	ring_expect(&f->guest.ring[ANVIL_NET_CTRL], 2, 1);
	assert_int_equal(ram_get8(&f->guest.ram, CTRL_AT + 8), OK);
	assert_int_equal(ram_get8(&f->guest.ram, CTRL_AT + 9), 0xee);
	assert_true(f->net.filter->promisc);
	/* and without a whole command there is an ack all the same */
	for (uint32_t len = 0; len < 2; len++) {
		b[0].len = len;
		ring_chain(&f->guest.ring[ANVIL_NET_CTRL], b, 2);
		guest_notify(&f->guest, ANVIL_NET_CTRL);
		ring_expect(&f->guest.ring[ANVIL_NET_CTRL], (uint16_t)(4 + 2 * len), 1);
		assert_int_equal(ram_get8(&f->guest.ram, CTRL_AT + 8), ERR);
	}
}

/* A count may be large, the command not: the bound is on all of its bytes. */
static void commands_are_bounded_in_length(void **state)
{
	struct fixture *f = *state;
	struct ring *ring = &f->guest.ring[ANVIL_NET_CTRL];
	uint32_t most = (ANVIL_NET_COMMAND_MAX - 2 - 8) / 6;

	drive(f, ctrl(VIRTIO_NET_F_CTRL_RX, -1));
	for (uint32_t extra = 0; extra < 2; extra++) {
		uint32_t addresses = htole32(most + extra), bytes = (most + extra) * 6;
		struct buffer b[] = { { CTRL_AT, 6, 0 },
				      { RAM_LOW, bytes, 0 },
				      { CTRL_AT + 6, 4, 0 },
				      { CTRL_AT + 16, 1, WRITABLE } };
		uint16_t head;

		ram_put(&f->guest.ram, CTRL_AT, "\1\0", 2);
		ram_put(&f->guest.ram, CTRL_AT + 2, &addresses, 4);
		ram_fill(&f->guest.ram, CTRL_AT + 6, 0, 4);
		head = ring_chain(ring, b, ARRAY_SIZE(b));
		guest_notify(&f->guest, ANVIL_NET_CTRL);
		ring_expect(ring, head, 1);
		assert_int_equal(ram_get8(&f->guest.ram, CTRL_AT + 16), extra ? ERR : OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commands_are_checked),
		TEST(commands_need_their_feature),
		TEST(commands_without_room_for_an_ack_are_not_carried_out),
		TEST(commands_are_bounded_in_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
