/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: options, features, configuration space, and the link (5.1.3, 5.1.4). */
#include "array_size.h"
#include "net_fixture.h"

/* beside these; see test_virtio_net_queues.c and others */
static const int more_features[] = {
	VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
	VIRTIO_NET_F_GUEST_ANNOUNCE,
	VIRTIO_NET_F_MQ,
	VIRTIO_NET_F_DEVICE_STATS,
	VIRTIO_NET_F_HASH_TUNNEL,
	VIRTIO_NET_F_VQ_NOTF_COAL,
	VIRTIO_NET_F_NOTF_COAL,
	VIRTIO_NET_F_GUEST_USO4,
	VIRTIO_NET_F_GUEST_USO6,
	VIRTIO_NET_F_HOST_USO,
	VIRTIO_NET_F_HASH_REPORT,
	VIRTIO_NET_F_GUEST_HDRLEN,
	VIRTIO_NET_F_RSS,
	VIRTIO_NET_F_SPEED_DUPLEX,
	VIRTIO_NET_F_RSS_CONTEXT,
	VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO,
	VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM,
	VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO,
	VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM,
	VIRTIO_NET_F_OUT_NET_HEADER,
};

/* ---- creation and configuration ---- */

/* 5.1.3.1: features, and what each needs */
static const struct {
	int feature;
	int needs[2]; /* any one of them */
	int with;     /* and what that one needs */
} rules[] = {
	{ VIRTIO_NET_F_GUEST_TSO4, { VIRTIO_NET_F_GUEST_CSUM, -1 }, -1 },
	{ VIRTIO_NET_F_GUEST_TSO6, { VIRTIO_NET_F_GUEST_CSUM, -1 }, -1 },
	{ VIRTIO_NET_F_GUEST_ECN,
	  { VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6 },
	  VIRTIO_NET_F_GUEST_CSUM },
	{ VIRTIO_NET_F_HOST_TSO4, { VIRTIO_NET_F_CSUM, -1 }, -1 },
	{ VIRTIO_NET_F_HOST_TSO6, { VIRTIO_NET_F_CSUM, -1 }, -1 },
	{ VIRTIO_NET_F_HOST_ECN,
	  { VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6 },
	  VIRTIO_NET_F_CSUM },
	{ VIRTIO_NET_F_CTRL_RX, { VIRTIO_NET_F_CTRL_VQ, -1 }, -1 },
	{ VIRTIO_NET_F_CTRL_VLAN, { VIRTIO_NET_F_CTRL_VQ, -1 }, -1 },
	{ VIRTIO_NET_F_CTRL_RX_EXTRA, { VIRTIO_NET_F_CTRL_VQ, -1 }, -1 },
	{ VIRTIO_NET_F_CTRL_MAC_ADDR, { VIRTIO_NET_F_CTRL_VQ, -1 }, -1 },
};

static void check_rules(struct fixture *f, struct anvil_net_options o)
{
	struct anvil_net net;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		o.features = features(rules[i].feature, rules[i].with, -1);
		assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
		/* nor does the driver get through with that */
		reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
		assert_false(guest_negotiate(&f->guest, o.features));
		for (size_t n = 0; n < 2 && rules[i].needs[n] >= 0; n++) {
			o.features =
				features(rules[i].feature, rules[i].needs[n], rules[i].with, -1);
			assert_int_equal(anvil_net_init(&net, &o), 0);
			anvil_net_destroy(&net);
			reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
			assert_true(guest_negotiate(&f->guest, o.features));
		}
	}
}

static bool is_known(int bit)
{
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(all_features); i++)
		known |= all_features[i] == bit;
	for (size_t i = 0; i < ARRAY_SIZE(more_features); i++)
		known |= more_features[i] == bit;
	return known;
}

static void init_checks_its_options(void **state)
{
	static const uint16_t mtu[] = { 0, 67, 68, 65535 };
	struct fixture *f = *state;
	struct anvil_net_options o = f->options;
	struct anvil_net net;
	struct test_nic nic;

	test_nic_init(&nic);
	o.nic = &nic.nic;
	check_rules(f, o);
	for (int bit = 0; bit < (int)ANVIL_FEATURE_BITS; bit++) {
		if (is_known(bit))
			continue;
		o.features = features(bit, -1);
		assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
	}
	o.features = none();
	for (unsigned int i = 0; i < ARRAY_SIZE(mtu); i++) {
		o.mtu = mtu[i];
		assert_int_equal(anvil_net_init(&net, &o), i < 2 ? -EINVAL : 0);
		if (i >= 2)
			anvil_net_destroy(&net);
	}
	o.queue_size_max = 17;
	assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
	o.queue_size_max = 1;
	assert_int_equal(anvil_net_init(&net, &o), 0);
	anvil_net_destroy(&net);
}

static void config_space_shows_mac_link_and_mtu(void **state)
{
	static const uint8_t expected[13] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 1,
					      0,    0,	  0,	0xdc, 0x05, 0 };
	struct fixture *f = *state;

	for (uint32_t i = 0; i < sizeof(expected); i++)
		assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + i, 1),
				 expected[i]);
	/* nothing in it is the driver's to write */
	drive(f, everything_split());
	for (uint32_t i = 0; i < sizeof(expected); i++) {
		anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + i, 1, 0x99);
		assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + i, 1),
				 expected[i]);
	}
}

static void control_queue_exists_if_negotiated(void **state)
{
	struct fixture *f = *state;

	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, ANVIL_NET_CTRL);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_QUEUE_SIZE_MAX), QUEUE);
	drive(f, none());
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, ANVIL_NET_CTRL);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
	drive(f, features(VIRTIO_NET_F_CTRL_VQ, -1));
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, ANVIL_NET_CTRL);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_QUEUE_READY), 1);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, 3);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
}

/* ---- the cable ---- */

static void link_stops_frames_both_ways(void **state)
{
	struct fixture *f = *state;
	const uint8_t *frame = make_frame(f, broadcast, -1, 60);

	drive(f, none());
	anvil_net_set_link(&f->net, false);
	assert_false(transmit(f, &plain, frame, 60));
	assert_int_equal(receive(f, frame, 60), 0); /* dropped, though there is no buffer */
	offer_buffer(f, RX_AT, 2000);
	assert_int_equal(receive(f, frame, 60), 0);
	ring_expect_none(&f->guest.ring[ANVIL_NET_RX]);
	anvil_net_set_link(&f->net, true);
	assert_true(transmit(f, &plain, frame, 60));
	assert_int_equal(receive(f, frame, 60), 0);
	ring_expect(&f->guest.ring[ANVIL_NET_RX], 0, HDR + 60);
}

static void link_changes_are_told_to_a_driver_that_wants_to_know(void **state)
{
	struct fixture *f = *state;
	uint32_t generation;

	drive(f, features(VIRTIO_NET_F_STATUS, -1));
	generation = reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION);
	anvil_net_set_link(&f->net, false);
	assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 6, 2), 0);
	assert_int_not_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
	anvil_net_set_link(&f->net, true);
	assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 6, 2), 1);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);

	drive(f, none()); /* STATUS was not accepted */
	anvil_net_set_link(&f->net, false);
	assert_false(f->guest.irq);
	/* but the next driver sees how it stands */
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 6, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(init_checks_its_options),
		TEST(config_space_shows_mac_link_and_mtu),
		TEST(control_queue_exists_if_negotiated),
		TEST(link_stops_frames_both_ways),
		TEST(link_changes_are_told_to_a_driver_that_wants_to_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
