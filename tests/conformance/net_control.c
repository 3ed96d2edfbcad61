/* SPDX-License-Identifier: BSD-3-Clause */
/* The network device's filters (5.1.9.5.1 to 5.1.9.5.3). */
#include "array_size.h"
#include "bench.h"

#include <endian.h>

#define OK  VIRTIO_NET_OK
#define ERR VIRTIO_NET_ERR

static const uint8_t other[6] = { 0x02, 0x99, 0x99, 0x99, 0x99, 0x99 };
static const uint8_t listed[6] = { 0x02, 0x12, 0x34, 0x56, 0x78, 0x9a };
static const uint8_t group[6] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 };
static const uint8_t listed_group[6] = { 0x33, 0x33, 0x00, 0x00, 0x00, 0x16 };

enum mode { PROMISC, ALLMULTI, ALLUNI, NOMULTI, NOUNI, NOBCAST, MODES };

static uint8_t set_mode(struct bench *b, enum mode mode, uint8_t on)
{
	return net_command(b, VIRTIO_NET_CTRL_RX, (uint8_t)mode, &on, 1);
}

/* A driver with these modes on and no other. */
static void modes(struct bench *b, unsigned int on)
{
	bench_drive(b, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX,
				VIRTIO_NET_F_CTRL_RX_EXTRA, -1));
	for (unsigned int mode = 0; mode < MODES; mode++) {
		if (on >> mode & 1)
			assert_int_equal(set_mode(b, mode, 1), OK);
	}
}

#define ON(mode) (1u << (mode))

static bool own(struct bench *b)
{
	return net_passes(b, b->net_options.mac);
}

/* ---- modes (5.1.9.5.1.1) ---- */

static void modes_are_set_and_cleared(struct bench *b, enum mode first, enum mode last)
{
	for (unsigned int mode = first; mode <= last; mode++) {
		assert_int_equal(set_mode(b, mode, 1), OK);
		assert_int_equal(set_mode(b, mode, 0), OK);
	}
	/* all of them off: as before */
	assert_true(own(b));
	assert_true(net_passes(b, net_broadcast));
	assert_false(net_passes(b, other));
	assert_false(net_passes(b, group));
}

static void ctrl_rx_has_promisc_and_allmulti(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX, -1));
	modes_are_set_and_cleared(b, PROMISC, ALLMULTI);
}

static void ctrl_rx_extra_has_the_others(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX,
				VIRTIO_NET_F_CTRL_RX_EXTRA, -1));
	modes_are_set_and_cleared(b, ALLUNI, NOBCAST);
}

static void promiscuous_mode_passes_everything(void **state)
{
	struct bench *b = *state;

	for (unsigned int others = 0; others < 1u << MODES; others += 2) {
		modes(b, ON(PROMISC) | others);
		assert_true(own(b));
		assert_true(net_passes(b, other));
		assert_true(net_passes(b, group));
		assert_true(net_passes(b, net_broadcast));
	}
}

static void allmulti_passes_every_group(void **state)
{
	struct bench *b = *state;

	modes(b, 0);
	assert_false(net_passes(b, group));
	modes(b, ON(ALLMULTI));
	assert_true(net_passes(b, group));
	assert_true(net_passes(b, listed_group));
	assert_false(net_passes(b, other));
}

static void alluni_passes_every_address(void **state)
{
	struct bench *b = *state;

	modes(b, 0);
	assert_false(net_passes(b, other));
	modes(b, ON(ALLUNI));
	assert_true(net_passes(b, other));
	assert_true(net_passes(b, listed));
	assert_false(net_passes(b, group));
}

static uint8_t set_tables(struct bench *b, const uint8_t *unicast, const uint8_t *multicast)
{
	const uint8_t *mac[2] = { unicast, multicast };
	uint8_t data[2 * (4 + 6)];
	uint32_t len = 0;

	for (unsigned int i = 0; i < 2; i++) {
		uint32_t entries = htole32(mac[i] ? 1 : 0);

		memcpy(data + len, &entries, 4);
		len += 4;
		if (mac[i]) {
			memcpy(data + len, mac[i], 6);
			len += 6;
		}
	}
	return net_command(b, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, data, len);
}

static void nomulti_stops_groups_but_not_broadcast(void **state)
{
	struct bench *b = *state;

	for (unsigned int more = 0; more < 2; more++) {
		modes(b, ON(NOMULTI) | (more ? ON(ALLMULTI) : 0));
		assert_int_equal(set_tables(b, NULL, listed_group), OK);
		assert_false(net_passes(b, group));
		assert_false(net_passes(b, listed_group));
		assert_true(net_passes(b, net_broadcast));
		assert_true(own(b));
	}
}

static void nouni_stops_addresses(void **state)
{
	struct bench *b = *state;

	for (unsigned int more = 0; more < 2; more++) {
		modes(b, ON(NOUNI) | (more ? ON(ALLUNI) : 0));
		assert_int_equal(set_tables(b, listed, NULL), OK);
		assert_false(own(b));
		assert_false(net_passes(b, other));
		assert_false(net_passes(b, listed));
		assert_true(net_passes(b, net_broadcast));
	}
}

static void nobcast_stops_broadcast(void **state)
{
	struct bench *b = *state;

	for (unsigned int more = 0; more < 2; more++) {
		modes(b, ON(NOBCAST) | (more ? ON(ALLMULTI) : 0));
		assert_false(net_passes(b, net_broadcast));
		assert_true(own(b));
		assert_int_equal(net_passes(b, group), more);
	}
}

/* ---- addresses (5.1.9.5.2.1) ---- */

static struct anvil_features with_tables(void)
{
	return features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_MAC_ADDR,
			VIRTIO_NET_F_MAC, -1);
}

static void address_tables_are_empty_on_reset(void **state)
{
	struct bench *b = *state;

	for (unsigned int i = 0; i < 3; i++) {
		bench_drive(b, with_tables());
		assert_false(net_passes(b, listed));
		assert_false(net_passes(b, listed_group));
		assert_int_equal(set_tables(b, listed, listed_group), OK);
		assert_true(net_passes(b, listed));
		assert_true(net_passes(b, listed_group));
	}
}

static void other_addresses_are_dropped(void **state)
{
	struct bench *b = *state;

	bench_drive(b, with_tables());
	assert_int_equal(set_tables(b, listed, listed_group), OK);
	assert_true(own(b));
	for (unsigned int byte = 0; byte < 6; byte++) {
		uint8_t near[3][6];

		memcpy(near[0], b->net_options.mac, 6);
		memcpy(near[1], listed, 6);
		memcpy(near[2], listed_group, 6);
		for (unsigned int i = 0; i < 3; i++) {
			near[i][byte] ^= 0x10;
			assert_false(net_passes(b, near[i]));
		}
	}
	/* the next table takes the place of this one */
	assert_int_equal(set_tables(b, other, group), OK);
	assert_false(net_passes(b, listed));
	assert_false(net_passes(b, listed_group));
	assert_true(net_passes(b, other));
	assert_true(net_passes(b, group));
}

/*
 * "Before it consumes the command": at the moment at which the device stores the used index. The
 * tap calls us there, and a frame comes in, or the driver reads mac.
 */
struct moment {
	struct bench *b;
	uint64_t used_idx;
	const uint8_t *to;
	bool seen;
	bool arrived;
	uint8_t mac[6];
};

static void moment_fetching(void *opaque, uint64_t gpa, size_t len)
{
	(void)opaque;
	(void)gpa;
	(void)len;
}

static void moment_fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	(void)opaque;
	(void)gpa;
	(void)bytes;
	(void)len;
}

static void moment_stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct moment *m = opaque;

	(void)bytes;
	(void)len;
	if (gpa != m->used_idx || m->seen)
		return;
	m->seen = true;
	for (uint32_t i = 0; i < 6; i++)
		m->mac[i] = (uint8_t)anvil_mmio_read(&m->b->guest.mmio, VIRTIO_MMIO_CONFIG + i, 1);
	if (m->to)
		m->arrived = net_passes(m->b, m->to);
}

static const struct anvil_guest_memory_tap *moment_tap(struct moment *m)
{
	static struct anvil_guest_memory_tap tap;

	tap = (struct anvil_guest_memory_tap){ moment_fetching, moment_fetched, moment_stored, m };
	return &tap;
}

static void tables_are_in_force_when_their_command_is_used(void **state)
{
	struct bench *b = *state;
	struct moment m = { .b = b, .to = listed };

	bench_drive(b, with_tables());
	assert_false(net_passes(b, listed));
	m.used_idx = b->guest.ring[ANVIL_NET_CTRL].used + 2;
	b->guest.ram.memory.tap = moment_tap(&m);
	assert_int_equal(set_tables(b, listed, NULL), OK);
	b->guest.ram.memory.tap = NULL;
	assert_true(m.seen);
	assert_true(m.arrived);
}

static void mac_is_changed_when_its_command_is_used(void **state)
{
	struct bench *b = *state;
	struct moment m = { .b = b, .to = other };

	bench_drive(b, with_tables());
	m.used_idx = b->guest.ring[ANVIL_NET_CTRL].used + 2;
	b->guest.ram.memory.tap = moment_tap(&m);
	assert_int_equal(net_command(b, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other,
				     sizeof(other)),
			 OK);
	b->guest.ram.memory.tap = NULL;
	assert_true(m.seen);
	assert_memory_equal(m.mac, other, sizeof(other));
	assert_true(m.arrived);
	assert_false(own(b));
}

/* ---- VLANs (5.1.9.5.3.1) ---- */

static bool tag_passes(struct bench *b, unsigned int tag)
{
	static const struct anvil_nic_offload none;
	uint8_t frame[64];

	memcpy(frame, net_frame(net_broadcast, sizeof(frame)), sizeof(frame));
	frame[12] = 0x81;
	frame[13] = 0x00;
	frame[14] = (uint8_t)(tag >> 8);
	frame[15] = (uint8_t)tag;
	return net_arrives(b, frame, sizeof(frame), none, NULL, NULL);
}

static uint8_t vlan(struct bench *b, uint8_t command, uint16_t id)
{
	id = htole16(id);
	return net_command(b, VIRTIO_NET_CTRL_VLAN, command, &id, sizeof(id));
}

static void every_tag_passes_without_ctrl_vlan(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX, -1));
	for (unsigned int tag = 0; tag < 0x10000; tag += 0x111)
		assert_true(tag_passes(b, tag));
	bench_drive(b, features(-1));
	for (unsigned int tag = 0; tag < 0x10000; tag += 0x111)
		assert_true(tag_passes(b, tag));
}

static void tags_in_the_table_pass_and_no_others(void **state)
{
	static const uint16_t id[] = { 0, 1, 63, 64, 65, 127, 128, 1000, 4094, 4095 };
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VLAN, -1));
	for (size_t i = 0; i < ARRAY_SIZE(id); i++) {
		assert_false(tag_passes(b, id[i]));
		assert_int_equal(vlan(b, VIRTIO_NET_CTRL_VLAN_ADD, id[i]), OK);
		for (unsigned int priority = 0; priority < 16; priority++)
			assert_true(tag_passes(b, id[i] | priority << 12));
		for (unsigned int tag = 0; tag < 4096; tag++)
			assert_int_equal(tag_passes(b, tag), tag == id[i]);
		assert_int_equal(vlan(b, VIRTIO_NET_CTRL_VLAN_DEL, id[i]), OK);
		assert_false(tag_passes(b, id[i]));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		NET("5.1.9.5.1.1/1", ctrl_rx_has_promisc_and_allmulti),
		NET("5.1.9.5.1.1/2 5.1.9.5.1.1/3", promiscuous_mode_passes_everything),
		NET("5.1.9.5.1.1/4", allmulti_passes_every_group),
		NET("5.1.9.5.1.1/5", ctrl_rx_extra_has_the_others),
		NET("5.1.9.5.1.1/6", alluni_passes_every_address),
		NET("5.1.9.5.1.1/7 5.1.9.5.1.1/8 5.1.9.5.1.1/9",
		    nomulti_stops_groups_but_not_broadcast),
		NET("5.1.9.5.1.1/10 5.1.9.5.1.1/11", nouni_stops_addresses),
		NET("5.1.9.5.1.1/12 5.1.9.5.1.1/13", nobcast_stops_broadcast),
		NET("5.1.9.5.2.1/1", address_tables_are_empty_on_reset),
		NET("5.1.9.5.2.1/2", tables_are_in_force_when_their_command_is_used),
		NET("5.1.9.5.2.1/3", mac_is_changed_when_its_command_is_used),
		NET("5.1.9.5.2.1/4", other_addresses_are_dropped),
		NET("5.1.9.5.3.1/1", every_tag_passes_without_ctrl_vlan),
		NET("5.1.9.5.3.1/2 5.1.9.5.3.1/3", tags_in_the_table_pass_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
