/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: the legacy interface of the network device, in both byte orders (5.1). */
#include "legacy_fixture.h"
#include "virtio_mmio_state.h"

static int setup_net(void **state, bool big)
{
	struct fixture *f = begin_fixture(big);
	struct anvil_net_options o = {
		.memory = &f->guest.ram.memory,
		.nic = &f->nic.nic,
		.queue_size_max = QUEUE,
		.mac = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 },
		.mtu = 1500,
		.link_up = true,
	};

	test_nic_init(&f->nic);
	o.features = features(VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_MTU,
			      VIRTIO_NET_F_MAC, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_MRG_RXBUF,
			      VIRTIO_NET_F_STATUS, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX,
			      VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_MAC_ADDR, -1);
	assert_int_equal(anvil_net_init(&f->net, &o), 0);
	attach(f, &f->net.dev);
	*state = f;
	return 0;
}

static int setup_net_little(void **state)
{
	return setup_net(state, false);
}

static int setup_net_big(void **state)
{
	return setup_net(state, true);
}

static int teardown_net(void **state)
{
	struct fixture *f = *state;

	anvil_net_destroy(&f->net);
	test_nic_destroy(&f->nic);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

#define MRG (1u << VIRTIO_NET_F_MRG_RXBUF)

/* 5.1.4.3: status and limits in the native endian of the guest */
static void net_configuration_is_in_the_guests_byte_order(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(config(f, 6, 2), VIRTIO_NET_S_LINK_UP);
	assert_int_equal(config(f, 10, 2), 1500);
	drive(f, 1u << VIRTIO_NET_F_STATUS, 2);
	anvil_net_set_link(&f->net, false);
	assert_int_equal(config(f, 6, 2), 0);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
	anvil_net_set_link(&f->net, true);
	assert_int_equal(config(f, 6, 2), VIRTIO_NET_S_LINK_UP);
}

/* A frame of 60 bytes behind a header with this much of a checksum to do. */
static void send(struct fixture *f, uint32_t header, uint16_t csum_start, uint16_t csum_offset)
{
	struct buffer b[] = { { DATA_AT, header, 0 }, { DATA_AT + header, 60, 0 } };

	ram_fill(&f->guest.ram, DATA_AT, 0, header);
	ram_fill(&f->guest.ram, DATA_AT + header, 0x42, 60);
	if (csum_start) {
		put(f, DATA_AT, VIRTIO_NET_HDR_F_NEEDS_CSUM, 1);
		put(f, DATA_AT + 6, csum_start, 2);
		put(f, DATA_AT + 8, csum_offset, 2);
	}
	submit(f, ANVIL_NET_TX, b, 2);
}

/* 5.1.9.1: "without that feature the structure was 2 bytes shorter" */
static void net_sends_behind_a_header_of_the_right_length(void **state)
{
	struct fixture *f = *state;

	for (unsigned int mrg = 0; mrg < 2; mrg++) {
		drive(f, 1u << VIRTIO_NET_F_CSUM | (mrg ? MRG : 0), 2);
		send(f, mrg ? 12 : 10, 34, 16);
		expect_used(f, ANVIL_NET_TX, 0);
		assert_int_equal(f->nic.sends, mrg + 1);
		assert_int_equal(f->nic.len, 60);
		assert_int_equal(f->nic.frame[0], 0x42);
		assert_int_equal(f->nic.frame[59], 0x42);
		assert_true(f->nic.offload.needs_csum);
		assert_int_equal(f->nic.offload.csum_start, 34);
		assert_int_equal(f->nic.offload.csum_offset, 16);
	}
}

/* One buffer for a frame, cut after the header (2.7.4.3: as drivers without ANY_LAYOUT do). */
static void offer_buffer(struct fixture *f, uint32_t header, uint32_t len)
{
	struct buffer b[] = { { IN_AT, header, WRITABLE }, { IN_AT + header, len, WRITABLE } };

	ram_fill(&f->guest.ram, IN_AT, 0xee, header + len);
	submit(f, ANVIL_NET_RX, b, len ? 2 : 1);
}

static int arrive(struct fixture *f, uint8_t first, bool needs_csum)
{
	uint8_t bytes[60] = { first, 0x11, 0x22, 0x33, 0x44, 0x55 };
	struct anvil_nic_frame frame = { .data = bytes, .len = sizeof(bytes) };

	frame.offload.needs_csum = needs_csum;
	frame.offload.csum_start = needs_csum ? 34 : 0;
	frame.offload.csum_offset = needs_csum ? 16 : 0;
	return f->nic.nic.receive(&f->nic.nic, &frame);
}

static void net_receives_behind_a_header_of_the_right_length(void **state)
{
	struct fixture *f = *state;

	for (unsigned int mrg = 0; mrg < 2; mrg++) {
		uint32_t header = mrg ? 12 : 10;

		drive(f, 1u << VIRTIO_NET_F_GUEST_CSUM | (mrg ? MRG : 0), 2);
		offer_buffer(f, header, 100);
		assert_int_equal(arrive(f, 2, true), 0);
		expect_used(f, ANVIL_NET_RX, header + 60);
		assert_int_equal(get(f, IN_AT, 1), VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(get(f, IN_AT + 6, 2), 34);
		assert_int_equal(get(f, IN_AT + 8, 2), 16);
		if (mrg)
			assert_int_equal(get(f, IN_AT + 10, 2), 1);
		assert_int_equal(ram_get8(&f->guest.ram, IN_AT + header), 2);
		assert_int_equal(ram_get8(&f->guest.ram, IN_AT + header + 5), 0x55);
		assert_int_equal(ram_get8(&f->guest.ram, IN_AT + header + 60), 0xee);
	}
}

static void net_receives_into_exactly_enough_room(void **state)
{
	struct fixture *f = *state;

	drive(f, 0, 2);
	offer_buffer(f, 10, 60);
	assert_int_equal(arrive(f, 2, false), 0);
	expect_used(f, ANVIL_NET_RX, 70);
	/* one byte less than a header: given back unused */
	offer_buffer(f, 9, 0);
	assert_int_equal(arrive(f, 2, false), -EAGAIN);
	expect_used(f, ANVIL_NET_RX, 0);
}

/* 5.1.4.3: "mac is driver-writable", byte by byte, also before any feature */
static void net_address_is_written_to_configuration_space(void **state)
{
	struct fixture *f = *state;

	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG, 1, 0x0a);
	drive(f, 1u << VIRTIO_NET_F_CTRL_VQ | 1u << VIRTIO_NET_F_CTRL_RX, 3);
	assert_int_equal(config(f, 0, 1), 2); /* the reset took it back */
	offer_buffer(f, 10, 100);
	assert_int_equal(arrive(f, 0x0a, false), 0);
	assert_int_equal(get(f, used_at(ANVIL_NET_RX) + 2, 2), 0);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG, 1, 0x0a);
	assert_int_equal(config(f, 0, 1), 0x0a);
	assert_int_equal(arrive(f, 0x0a, false), 0);
	expect_used(f, ANVIL_NET_RX, 70);
	/* nothing else is writable */
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 5, 2, 0xffff);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 6, 2, 0xffff);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 10, 2, 0xffff);
	assert_int_equal(config(f, 5, 1), 0x55);
	assert_int_equal(config(f, 6, 2), VIRTIO_NET_S_LINK_UP);
	assert_int_equal(config(f, 10, 2), 1500);
}

/* ... and so no feature is needed for it to come back */
static void net_address_is_saved(void **state)
{
	struct fixture *f = *state;
	uint8_t image[4096];
	size_t len;

	drive(f, 0, 2);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG, 1, 0x0a);
	assert_int_equal(anvil_mmio_save(&f->guest.mmio, image, sizeof(image), &len), 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(config(f, 0, 1), 2);
	assert_int_equal(anvil_mmio_restore(&f->guest.mmio, image, len), 0);
	assert_int_equal(config(f, 0, 1), 0x0a);
}

static uint8_t command(struct fixture *f, uint8_t class, uint8_t number, uint32_t len)
{
	struct buffer b[] = { { DATA_AT, 2, 0 }, { DATA_AT + 2, len, 0 }, { IN_AT, 1, WRITABLE } };

	put(f, DATA_AT, class, 1);
	put(f, DATA_AT + 1, number, 1);
	submit(f, ANVIL_NET_CTRL, b, 3);
	return ram_get8(&f->guest.ram, IN_AT);
}

/* 5.1.9.5.2, 5.1.9.5.3: `entries` and the VLAN id in the native endian of the guest */
static void net_commands_are_in_the_guests_byte_order(void **state)
{
	struct fixture *f = *state;

	drive(f,
	      1u << VIRTIO_NET_F_CTRL_VQ | 1u << VIRTIO_NET_F_CTRL_RX |
		      1u << VIRTIO_NET_F_CTRL_VLAN,
	      3);
	put(f, DATA_AT + 2, 1, 4);
	ram_put(&f->guest.ram, DATA_AT + 6, "\x0a\x11\x22\x33\x44\x55", 6);
	put(f, DATA_AT + 12, 0, 4);
	assert_int_equal(command(f, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 14),
			 VIRTIO_NET_OK);
	offer_buffer(f, 10, 100);
	assert_int_equal(arrive(f, 0x0a, false), 0);
	expect_used(f, ANVIL_NET_RX, 70);
	put(f, DATA_AT + 2, 0x123, 2);
	assert_int_equal(command(f, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 2),
			 VIRTIO_NET_OK);
	assert_true(f->net.filter->vlan[0x123 / 64] == 1ull << (0x123 % 64));
}

/* 5.1.3.1 without a way to refuse: TSO falls away with CSUM, and such frames are dropped */
static void net_offloads_fall_away_together(void **state)
{
	struct fixture *f = *state;

	drive(f, 1u << VIRTIO_NET_F_HOST_TSO4, 2);
	assert_false(anvil_device_has(&f->net.dev, VIRTIO_NET_F_HOST_TSO4));
	send(f, 10, 34, 16);
	expect_used(f, ANVIL_NET_TX, 0);
	assert_int_equal(f->nic.sends, 0);
	/* nor is there a control queue */
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, ANVIL_NET_CTRL);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
}

static int setup_net_modern(void **state)
{
	struct fixture *f = begin_fixture(false);
	struct anvil_net_options o = {
		.memory = &f->guest.ram.memory,
		.nic = &f->nic.nic,
		.queue_size_max = QUEUE,
		.link_up = true,
		.speed = 10000,
		.duplex = 1,
		.mtu = 1500,
	};

	test_nic_init(&f->nic);
	o.features = features(VIRTIO_NET_F_STATUS, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_SPEED_DUPLEX,
			      VIRTIO_NET_F_HASH_REPORT, -1);
	assert_int_equal(anvil_net_init(&f->net, &o), 0);
	attach(f, &f->net.dev);
	*state = f;
	return 0;
}

/* Fields exist if their feature is offered (5.1.4), and here only the first 32 can be. */
static void net_shows_no_fields_of_what_it_cannot_offer(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(config(f, 6, 2), VIRTIO_NET_S_LINK_UP);
	for (unsigned int at = 8; at < 24; at++)
		assert_int_equal(config(f, at, 1), 0);
}

#define NET(name, end) cmocka_unit_test_setup_teardown(name, setup_net_##end, teardown_net)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NET(net_configuration_is_in_the_guests_byte_order, little),
		NET(net_configuration_is_in_the_guests_byte_order, big),
		NET(net_sends_behind_a_header_of_the_right_length, little),
		NET(net_sends_behind_a_header_of_the_right_length, big),
		NET(net_receives_behind_a_header_of_the_right_length, little),
		NET(net_receives_behind_a_header_of_the_right_length, big),
		NET(net_receives_into_exactly_enough_room, little),
		NET(net_address_is_written_to_configuration_space, big),
		NET(net_address_is_saved, big),
		NET(net_commands_are_in_the_guests_byte_order, little),
		NET(net_commands_are_in_the_guests_byte_order, big),
		NET(net_offloads_fall_away_together, little),
		NET(net_shows_no_fields_of_what_it_cannot_offer, modern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
