/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: frames in that the filters let pass: modes, addresses, VLANs (5.1.9.5). */
#include "array_size.h"
#include "net_fixture.h"

/* ---- receive ---- */

static bool passes_to(struct fixture *f, const uint8_t *to)
{
	return passes(f, make_frame(f, to, -1, 60), 60);
}

static bool passes_vlan(struct fixture *f, int tag)
{
	return passes(f, make_frame(f, f->options.mac, tag, 60), 60);
}

/* ---- filters ---- */

static const uint8_t other[6] = { 0x02, 0xaa, 0, 0, 0, 1 };
static const uint8_t group[6] = { 0x01, 0, 0x5e, 0, 0, 1 };

static void modes_pass_and_suppress_kinds_of_frames(void **state)
{
	enum { PROMISC = 1, ALLMULTI = 2, ALLUNI = 4, NOMULTI = 8, NOUNI = 16, NOBCAST = 32 };
	struct fixture *f = *state;

	for (unsigned int modes = 0; modes < 64; modes++) {
		bool all = modes & PROMISC;

		drive(f, ctrl(VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_RX_EXTRA));
		for (uint8_t i = 0; i < 6; i++) {
			if (modes >> i & 1)
				assert_int_equal(command(f, RX, i, "\1", 1), OK);
		}
		assert_int_equal(passes_to(f, broadcast), all || !(modes & NOBCAST));
		assert_int_equal(passes_to(f, group),
				 all || ((modes & ALLMULTI) && !(modes & NOMULTI)));
		assert_int_equal(passes_to(f, other),
				 all || ((modes & ALLUNI) && !(modes & NOUNI)));
		assert_int_equal(passes_to(f, f->options.mac), all || !(modes & NOUNI));
	}
	/* and each can be switched off again */
	for (uint8_t i = 0; i < 6; i++)
		assert_int_equal(command(f, RX, i, "\0", 1), OK);
	assert_true(passes_to(f, broadcast));
	assert_false(passes_to(f, group));
	assert_false(passes_to(f, other));
	assert_true(passes_to(f, f->options.mac));
}

static void driver_without_ctrl_rx_gets_every_address(void **state)
{
	struct fixture *f = *state;

	drive(f, none());
	assert_true(passes_to(f, broadcast));
	assert_true(passes_to(f, group));
	assert_true(passes_to(f, other));
	/* what it can suppress, it does not get */
	drive(f, ctrl(VIRTIO_NET_F_CTRL_RX_EXTRA, -1));
	assert_true(passes_to(f, group));
	assert_true(passes_to(f, other));
	for (uint8_t i = 3; i < 6; i++)
		assert_int_equal(command(f, RX, i, "\1", 1), OK);
	assert_false(passes_to(f, broadcast));
	assert_false(passes_to(f, group));
	assert_false(passes_to(f, other));
}

/* Two tables, of `unicasts` and `multicasts` numbered addresses; returns the bytes. */
static uint32_t mac_tables(uint8_t *data, uint32_t unicasts, uint32_t multicasts)
{
	uint32_t at = 0;

	for (unsigned int kind = 0; kind < 2; kind++) {
		uint32_t count = kind ? multicasts : unicasts, wire = htole32(count);

		memcpy(data + at, &wire, 4);
		at += 4;
		for (uint32_t i = 0; i < count; i++, at += 6) {
			uint8_t mac[6] = { kind ? 0x03 : 0x06, 0,	  0, 0,
					   (uint8_t)(i >> 8),  (uint8_t)i };

			memcpy(data + at, mac, 6);
		}
	}
	return at;
}

static bool passes_nr(struct fixture *f, bool multicast, uint32_t i)
{
	uint8_t mac[6] = { multicast ? 0x03 : 0x06, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i };

	return passes_to(f, mac);
}

static void mac_table_lets_its_addresses_pass(void **state)
{
	static const uint32_t count[] = { 0, 1, 63, 64, 65, 100 };
	struct fixture *f = *state;
	uint8_t data[8 + 6 * 200];

	drive(f, ctrl(VIRTIO_NET_F_CTRL_RX, -1));
	for (size_t u = 0; u < ARRAY_SIZE(count); u++) {
		for (size_t m = 0; m < ARRAY_SIZE(count); m++) {
			uint32_t len = mac_tables(data, count[u], count[m]);

			assert_int_equal(command(f, MAC, 0, data, len), OK);
			/* a table that overflows lets all of its kind pass, and of no other */
			assert_int_equal(passes_nr(f, false, 999), count[u] > 64);
			assert_int_equal(passes_nr(f, true, 999), count[m] > 64);
			assert_int_equal(passes_nr(f, false, 0), count[u] > 0);
			assert_int_equal(passes_nr(f, true, 0), count[m] > 0);
			assert_int_equal(passes_nr(f, false, 63), count[u] > 63);
			assert_int_equal(passes_nr(f, true, 63), count[m] > 63);
			assert_true(passes_to(f, f->options.mac));
			assert_true(passes_to(f, broadcast));
		}
	}
}

static void refused_mac_tables_change_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t data[8 + 6 * 10];
	uint32_t len;

	drive(f, ctrl(VIRTIO_NET_F_CTRL_RX, -1));
	len = mac_tables(data, 1, 1);
	assert_int_equal(command(f, MAC, 0, data, len), OK);
	len = mac_tables(data, 3, 3);
	for (uint32_t cut = 0; cut < len; cut++)
		assert_int_equal(command(f, MAC, 0, data, cut), ERR);
	assert_int_equal(command(f, MAC, 0, data, len + 1), ERR);
	assert_true(passes_nr(f, false, 0));
	assert_true(passes_nr(f, true, 0));
	assert_false(passes_nr(f, false, 1));
	assert_false(passes_nr(f, true, 1));
}

static void mac_address_can_be_set(void **state)
{
	struct fixture *f = *state;
	uint32_t generation;

	drive(f, ctrl(VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_MAC_ADDR));
	generation = reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION);
	assert_false(passes_to(f, other));
	assert_int_equal(command(f, MAC, 1, other, 6), OK);
	assert_true(passes_to(f, other));
	assert_false(passes_to(f, f->options.mac));
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG), 0x0000aa02);
	assert_int_not_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	/* until the next reset */
	drive(f, ctrl(VIRTIO_NET_F_CTRL_RX, -1));
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG), 0x33221102);
	assert_true(passes_to(f, f->options.mac));
	assert_false(passes_to(f, other));
}

static void vlan_table_lets_its_tags_pass(void **state)
{
	struct fixture *f = *state;

	drive(f, none());
	assert_true(passes_vlan(f, 5));
	drive(f, ctrl(VIRTIO_NET_F_CTRL_VLAN, -1));
	assert_true(passes_to(f, other)); /* untagged */
	for (int tag = 0; tag < 4096; tag += 819)
		assert_false(passes_vlan(f, tag));
	assert_int_equal(command(f, VLAN, 0, "\x05\x00", 2), OK);
	assert_int_equal(command(f, VLAN, 0, "\xff\x0f", 2), OK);
	assert_int_equal(command(f, VLAN, 0, "\x40\x00", 2), OK);
	for (int tag = 0; tag < 4096; tag++) {
		if (passes_vlan(f, tag) != (tag == 5 || tag == 4095 || tag == 64))
			fail_msg("tag %d", tag);
	}
	/* priority and drop bits are no part of it */
	assert_true(passes_vlan(f, 5 | 0xf000));
	assert_false(passes_vlan(f, 6 | 0xf000));
	assert_int_equal(command(f, VLAN, 1, "\x05\x00", 2), OK);
	assert_int_equal(command(f, VLAN, 1, "\x06\x00", 2), OK); /* was not there */
	assert_false(passes_vlan(f, 5));
	assert_true(passes_vlan(f, 64));
	/* half a tag */
	assert_false(passes(f, make_frame(f, broadcast, 64, 15), 15));
	assert_false(passes(f, make_frame(f, broadcast, 64, 14), 14));
	assert_true(passes(f, make_frame(f, broadcast, 64, 16), 16));
}

static void each_vlan_comes_and_goes(void **state)
{
	struct fixture *f = *state;

	drive(f, ctrl(VIRTIO_NET_F_CTRL_VLAN, -1));
	for (int tag = 0; tag < 4096; tag++) {
		const uint8_t id[2] = { (uint8_t)tag, (uint8_t)(tag >> 8) };

		assert_int_equal(command(f, VLAN, 0, id, 2), OK);
		if (!passes_vlan(f, tag) || passes_vlan(f, tag ^ 1))
			fail_msg("tag %d is not let in, or not alone", tag);
		assert_int_equal(command(f, VLAN, 1, id, 2), OK);
		if (passes_vlan(f, tag))
			fail_msg("tag %d is let in for ever", tag);
	}
}

static void promiscuous_mode_passes_every_vlan(void **state)
{
	struct fixture *f = *state;

	drive(f, ctrl(VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_RX));
	assert_false(passes_vlan(f, 7));
	assert_int_equal(command(f, RX, 0, "\1", 1), OK);
	assert_true(passes_vlan(f, 7));
}

static void reset_empties_the_filters(void **state)
{
	struct anvil_net_filter empty;
	struct fixture *f = *state;
	uint8_t data[100];
	uint32_t len = mac_tables(data, 1, 1);

	memset(&empty, 0, sizeof(empty));
	drive(f, everything_split());
	for (uint8_t i = 0; i < 6; i++)
		assert_int_equal(command(f, RX, i, "\1", 1), OK);
	assert_int_equal(command(f, MAC, 0, data, len), OK);
	assert_int_equal(command(f, VLAN, 0, "\1\0", 2), OK);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_memory_equal(f->net.filter, &empty, sizeof(empty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(modes_pass_and_suppress_kinds_of_frames),
		TEST(driver_without_ctrl_rx_gets_every_address),
		TEST(mac_table_lets_its_addresses_pass),
		TEST(refused_mac_tables_change_nothing),
		TEST(mac_address_can_be_set),
		TEST(vlan_table_lets_its_tags_pass),
		TEST(each_vlan_comes_and_goes),
		TEST(promiscuous_mode_passes_every_vlan),
		TEST(reset_empties_the_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
