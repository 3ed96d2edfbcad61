/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: USO, segmentation in UDP tunnels, GUEST_OFFLOADS, announcements, speed (5.1). */
#include "array_size.h"
#include "net.h"

static struct net_rig rig;

static struct anvil_features all(void)
{
	return features(VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM,
			VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_GUEST_TSO4,
			VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6,
			VIRTIO_NET_F_STATUS, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_GUEST_ANNOUNCE,
			VIRTIO_NET_F_GUEST_USO4, VIRTIO_NET_F_GUEST_USO6, VIRTIO_NET_F_HOST_USO,
			VIRTIO_NET_F_GUEST_HDRLEN, VIRTIO_NET_F_SPEED_DUPLEX,
			VIRTIO_NET_F_HASH_REPORT, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO,
			VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO,
			VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM, VIRTIO_NET_F_OUT_NET_HEADER, -1);
}

static struct anvil_features but(int a, int b)
{
	struct anvil_features set = all();

	set.word[a / 64] &= ~(1ull << (a % 64));
	if (b >= 0)
		set.word[b / 64] &= ~(1ull << (b % 64));
	return set;
}

static int setup(void **state)
{
	(void)state;
	net_start(&rig, all(), 1);
	net_drive(&rig, all());
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	net_stop(&rig);
	return 0;
}

/* UDP over IPv4 or IPv6, of NET_FRAME bytes; returns where the UDP header is. */
static uint32_t make_udp(uint8_t *frame, unsigned int version)
{
	static const uint8_t a[16] = { 0xfd };
	uint32_t at = version == 4 ? net_ip4(frame, net_eth(frame, 0x0800), 1, 2, 17)
				   : net_ip6(frame, net_eth(frame, 0x86dd), a, a, 17);

	net_ports(frame, at, false, 5, 6);
	return at;
}

/* 5.1.9.3.1: the length of the header follows from the features */
static void header_grows_with_features(void **state)
{
	static const struct {
		int feature[4];
		uint32_t bytes;
	} t[] = {
		{ { -1 }, 12 },
		{ { VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_HASH_REPORT, -1 }, 20 },
		{ { VIRTIO_NET_F_OUT_NET_HEADER, -1 }, 32 },
		{ { VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_HASH_REPORT, VIRTIO_NET_F_OUT_NET_HEADER,
		    -1 },
		  32 },
	};
	static const uint8_t zero[32];
	uint8_t frame[NET_FRAME];

	(void)state;
	make_udp(frame, 4);
	for (size_t i = 0; i <= ARRAY_SIZE(t); i++) {
		struct anvil_features set = features(-1);
		uint32_t bytes = i < ARRAY_SIZE(t) ? t[i].bytes : 24;

		for (unsigned int k = 0; i < ARRAY_SIZE(t) && t[i].feature[k] >= 0; k++)
			anvil_features_add(&set, (unsigned int)t[i].feature[k]);
		if (i == ARRAY_SIZE(t)) {
			set = but(VIRTIO_NET_F_OUT_NET_HEADER, VIRTIO_NET_F_HASH_REPORT);
			set.word[0] |= 1ull << VIRTIO_F_VERSION_1;
		}
		net_drive(&rig, set);
		assert_true(net_send(&rig, 0, zero, bytes, frame, 100));
		assert_int_equal(rig.nic.len, 100);
		assert_memory_equal(rig.nic.frame, frame, 100);
		/* a frame too short by what the header is longer */
		assert_false(net_send(&rig, 0, zero, bytes - 1, frame, 14));
		net_offer(&rig, 0);
		assert_int_equal(net_arrives_at(&rig, frame, 100, NULL), 0);
		ram_get(&rig.guest.ram, NET_RX_AT + bytes, rig.header, 32);
		assert_memory_equal(rig.header, frame, 32);
	}
}

static void outer_network_header_is_told(void **state)
{
	uint8_t frame[NET_FRAME];

	(void)state;
	net_offer(&rig, 0);
	make_udp(frame, 6);
	assert_int_equal(net_arrives_at(&rig, frame, 100, NULL), 0);
	assert_int_equal(rig.header[24] | rig.header[25] << 8, 14);
	net_eth(frame, 0x88b5);
	assert_int_equal(net_arrives_at(&rig, frame, 100, NULL), 0);
	assert_int_equal(rig.header[24] | rig.header[25] << 8, 0);
}

/* 5.1.9.2: UDP_L4 for both versions; hdr_len is not relied on */
static void uso_must_fit_the_headers(void **state)
{
	struct virtio_net_header_long h = { .base = { .flags = 1, .gso_type = 5 } };
	uint8_t frame[NET_FRAME];

	(void)state;
	for (unsigned int version = 4; version <= 6; version += 2) {
		uint32_t at = make_udp(frame, version);

		h.base.gso_size = htole16(60);
		h.base.hdr_len = 0xffff;
		h.base.csum_start = htole16((uint16_t)at);
		h.base.csum_offset = htole16(6);
		assert_true(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
		assert_int_equal(rig.nic.offload.gso,
				 version == 4 ? ANVIL_NIC_GSO_UDP4 : ANVIL_NIC_GSO_UDP6);
		assert_int_equal(rig.nic.offload.header_len, at + 8);
		assert_int_equal(rig.nic.offload.gso_size, 60);
		assert_false(rig.nic.offload.tunnel);
		assert_false(net_send(&rig, 0, &h, 32, frame, at + 7));
		assert_true(net_send(&rig, 0, &h, 32, frame, at + 8));
		h.base.csum_offset = htole16(16);
		assert_false(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
		h.base.csum_offset = htole16(6);
		h.base.gso_size = 0;
		assert_false(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
		h.base.gso_size = htole16(60);
		h.base.gso_type = 0x85; /* there is no ECN in UDP */
		assert_false(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
		h.base.gso_type = 3; /* fragmentation */
		assert_false(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
		h.base.gso_type = 5;
		h.base.flags = 0;
		assert_false(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
		h.base.flags = 1;
		frame[version == 4 ? 23 : 20] = 6;
		assert_false(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
	}
	make_udp(frame, 4);
	h.base.csum_start = htole16(34);
	net_drive(&rig, features(VIRTIO_NET_F_CSUM, VIRTIO_NET_F_HOST_TSO4, -1));
	assert_false(net_send(&rig, 0, &h, 12, frame, NET_FRAME));
}

/* TCP/IPv4 in VXLAN, the example of 5.1.9.2 with another tunnel. */
#define OUTER_TH 34u
#define INNER_NH (OUTER_TH + 8 + 8 + 14)
#define INNER_TH (INNER_NH + 20)

static void make_vxlan(uint8_t *frame)
{
	uint32_t at =
		net_ports(frame, net_ip4(frame, net_eth(frame, 0x0800), 1, 2, 17), false, 9, 4789);

	frame[at] = 8;
	net_put16(frame + at + 8 + 12, 0x0800);
	net_ports(frame, net_ip4(frame, at + 8 + 14, 3, 4, 6), true, 5, 6);
}

static struct virtio_net_header_long vxlan_header(void)
{
	return (struct virtio_net_header_long){
		.base = { .flags = 1,
			  .gso_type = 0x21,
			  .gso_size = htole16(50),
			  .csum_start = htole16(INNER_TH),
			  .csum_offset = htole16(16) },
		.outer_th_offset = htole16(OUTER_TH),
		.inner_nh_offset = htole16(INNER_NH),
	};
}

/* 5.1.9.2.2: each "the device MUST NOT accept the packet", and offsets that are not the frame's */
static void tunnels_must_fit_the_headers(void **state)
{
	enum what { FLAGS, TYPE, SIZE, START, OUTER, INNER };
	static const struct {
		enum what what;
		uint16_t value;
		bool sent;
	} t[] = {
		{ FLAGS, 1, true },	    { FLAGS, 9, true },
		{ FLAGS, 0x81, true },	    { FLAGS, 0, false },
		{ FLAGS, 3, false },	    { FLAGS, 8, false },
		{ TYPE, 0x61, false },	    { TYPE, 0x41, false },
		{ TYPE, 0x20, false },	    { TYPE, 0x40, false },
		{ TYPE, 0x24, false },	    { TYPE, 0x25, false },
		{ TYPE, 0x23, false },	    { TYPE, 0x80, false },
		{ TYPE, 1, false },	    { SIZE, 0, false },
		{ START, OUTER_TH, false }, { START, INNER_TH + 1, false },
		{ OUTER, 0, false },	    { OUTER, 33, false },
		{ OUTER, 42, false },	    { OUTER, 0xffff, false },
		{ INNER, 0, false },	    { INNER, 14, false },
		{ INNER, OUTER_TH, false }, { INNER, INNER_NH + 1, false },
		{ INNER, 0xffff, false },
	};
	uint8_t frame[NET_FRAME];

	(void)state;
	make_vxlan(frame);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct virtio_net_header_long h = vxlan_header();

		if (t[i].what == FLAGS)
			h.base.flags = (uint8_t)t[i].value;
		else if (t[i].what == TYPE)
			h.base.gso_type = (uint8_t)t[i].value;
		else
			*(t[i].what == SIZE    ? &h.base.gso_size
			  : t[i].what == START ? &h.base.csum_start
			  : t[i].what == OUTER ? &h.outer_th_offset
					       : &h.inner_nh_offset) = htole16(t[i].value);
		if (net_send(&rig, 0, &h, 32, frame, NET_FRAME) != t[i].sent)
			fail_msg("%u: 0x%x", t[i].what, t[i].value);
		if (!t[i].sent)
			continue;
		assert_true(rig.nic.offload.tunnel);
		assert_int_equal(rig.nic.offload.outer_csum, t[i].value >> 3 & 1);
		assert_int_equal(rig.nic.offload.outer_th, OUTER_TH);
		assert_int_equal(rig.nic.offload.inner_nh, INNER_NH);
		assert_int_equal(rig.nic.offload.header_len, INNER_TH + 20);
		assert_int_equal(rig.nic.offload.gso, ANVIL_NIC_GSO_TCP4);
	}
	for (uint32_t len = 14; len < NET_FRAME; len++) {
		struct virtio_net_header_long h = vxlan_header();

		assert_int_equal(net_send(&rig, 0, &h, 32, frame, len), len >= INNER_TH + 20);
	}
}

/* 5.1.9.2.2: UDP_TUNNEL_CSUM without a tunnel is not accepted; without the feature, not known */
static void tunnel_bits_need_their_features(void **state)
{
	struct virtio_net_header_long h = { .base.flags = 8 };
	uint8_t frame[NET_FRAME];

	(void)state;
	make_vxlan(frame);
	assert_false(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
	net_drive(&rig, but(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM, -1));
	assert_true(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
	h = vxlan_header();
	assert_true(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
	h.base.flags = 9;
	assert_false(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
	net_drive(&rig,
		  but(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO));
	h = vxlan_header();
	assert_false(net_send(&rig, 0, &h, 32, frame, NET_FRAME));
}

static const struct anvil_nic_offload in_tunnel = {
	.needs_csum = true,
	.csum_start = INNER_TH,
	.csum_offset = 16,
	.gso = ANVIL_NIC_GSO_TCP4,
	.gso_size = 50,
	.header_len = INNER_TH + 20,
	.tunnel = true,
	.outer_th = OUTER_TH,
	.inner_nh = INNER_NH,
};

/* 5.1.9.4.1 */
static void tunnels_are_received_as_accepted(void **state)
{
	struct anvil_nic_offload o = in_tunnel;
	struct virtio_net_header_long h;
	uint8_t frame[NET_FRAME];

	(void)state;
	make_vxlan(frame);
	net_offer(&rig, 0);
	for (unsigned int outer = 0; outer < 2; outer++) {
		o.outer_csum = outer;
		assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &o), 0);
		memcpy(&h, rig.header, sizeof(h));
		assert_int_equal(h.base.flags, outer ? 9 : 1);
		assert_int_equal(h.base.gso_type, 0x21);
		assert_int_equal(le16toh(h.base.hdr_len), INNER_TH + 20);
		assert_int_equal(le16toh(h.outer_th_offset), OUTER_TH);
		assert_int_equal(le16toh(h.inner_nh_offset), INNER_NH);
	}
	net_drive(&rig, but(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM, -1));
	net_offer(&rig, 0);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &o), -1);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &in_tunnel), 0);
	net_drive(&rig,
		  but(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO));
	net_offer(&rig, 0);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &in_tunnel), -1);
}

static uint8_t set_offloads(uint64_t bits)
{
	bits = htole64(bits);
	return net_command(&rig, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &bits, 8);
}

#define B(n)	   (1ull << (n))
#define NEGOTIATED (B(1) | B(7) | B(8) | B(46) | B(47) | B(54) | B(55))

/* 5.1.9.5.9: what was negotiated, bit by bit, and nothing else */
static void offloads_are_checked(void **state)
{
	uint8_t bytes[9] = { 0 };

	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++)
		assert_int_equal(set_offloads(B(bit)),
				 NEGOTIATED >> bit & 1 ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
	assert_int_equal(set_offloads(NEGOTIATED), VIRTIO_NET_OK);
	assert_int_equal(set_offloads(0), VIRTIO_NET_OK);
	for (uint32_t len = 0; len <= 9; len++)
		assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, bytes, len),
				 len == 8 ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
	assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 1, bytes, 8),
			 VIRTIO_NET_ERR);
	net_drive(&rig, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
				 VIRTIO_NET_F_GUEST_CSUM, -1));
	assert_int_equal(set_offloads(B(1) | B(7)), VIRTIO_NET_ERR);
	net_drive(&rig, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_GUEST_CSUM, -1));
	assert_int_equal(set_offloads(B(1)), VIRTIO_NET_ERR);
}

/* A frame of this offload arrives, or is dropped; the flags of its header. */
static void offloads_act_only_while_enabled(void **state)
{
	static const struct anvil_nic_offload uso = { .needs_csum = true,
						      .csum_start = 34,
						      .csum_offset = 6,
						      .gso = ANVIL_NIC_GSO_UDP4,
						      .gso_size = 60,
						      .header_len = 42 };
	static const struct anvil_nic_offload csum = { .needs_csum = true,
						       .csum_start = 34,
						       .csum_offset = 6 };
	uint8_t frame[NET_FRAME];

	(void)state;
	make_udp(frame, 4);
	net_offer(&rig, 0);
	/* all are enabled at first */
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &uso), 0);
	assert_int_equal(rig.header[0], 1);
	assert_int_equal(rig.header[1], 5);
	assert_int_equal(set_offloads(NEGOTIATED & ~B(54)), VIRTIO_NET_OK);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &uso), -1);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &csum), 0);
	assert_int_equal(rig.header[0], 1);
	/* segmentation is nothing without checksums */
	assert_int_equal(set_offloads(NEGOTIATED & ~B(1)), VIRTIO_NET_OK);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &uso), -1);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &csum), 0);
	assert_int_equal(rig.header[0], 0);
	/* refused: nothing changes */
	assert_int_equal(set_offloads(NEGOTIATED | B(10)), VIRTIO_NET_ERR);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &uso), -1);
	assert_int_equal(set_offloads(NEGOTIATED), VIRTIO_NET_OK);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &uso), 0);
	/* a reset enables them again */
	assert_int_equal(set_offloads(0), VIRTIO_NET_OK);
	net_drive(&rig, all());
	net_offer(&rig, 0);
	assert_int_equal(net_arrives_at(&rig, frame, NET_FRAME, &uso), 0);
}

static unsigned int status_field(void)
{
	return (unsigned int)anvil_mmio_read(&rig.guest.mmio, VIRTIO_MMIO_CONFIG + 6, 2);
}

/* 5.1.9.5.4 */
static void announcements_are_asked_for_and_acknowledged(void **state)
{
	uint32_t generation = reg_read(&rig.guest, VIRTIO_MMIO_CONFIG_GENERATION);

	(void)state;
	assert_int_equal(status_field(), 1);
	anvil_net_announce(&rig.net);
	assert_int_equal(guest_take_interrupts(&rig.guest), VIRTIO_INTERRUPT_CONFIG);
	assert_int_equal(status_field(), 3);
	assert_int_not_equal(reg_read(&rig.guest, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_ANNOUNCE, 0, "", 1), VIRTIO_NET_ERR);
	assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_ANNOUNCE, 1, NULL, 0), VIRTIO_NET_ERR);
	assert_int_equal(status_field(), 3);
	assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_ANNOUNCE, 0, NULL, 0), VIRTIO_NET_OK);
	assert_int_equal(status_field(), 1);
	/* the link's bit is another matter */
	anvil_net_announce(&rig.net);
	anvil_net_set_link(&rig.net, false);
	assert_int_equal(status_field(), 2);
	reg_write(&rig.guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(status_field(), 0);
	net_drive(&rig, but(VIRTIO_NET_F_GUEST_ANNOUNCE, -1));
	anvil_net_announce(&rig.net);
	assert_int_equal(status_field(), 0);
	assert_int_equal(guest_take_interrupts(&rig.guest), 0);
	assert_int_equal(net_command(&rig, VIRTIO_NET_CTRL_ANNOUNCE, 0, NULL, 0), VIRTIO_NET_ERR);
}

/* 5.1.4.1 */
static void speed_is_told(void **state)
{
	static const struct {
		uint32_t speed;
		uint8_t duplex;
		bool fine;
	} t[] = { { 0, 0, true },	    { 0x7fffffff, 1, true },	{ 0x80000000, 1, false },
		  { 0xfffffffe, 1, false }, { 0xffffffff, 0xff, true }, { 100, 2, false },
		  { 100, 0xfe, false } };
	struct anvil_net_options o = rig.options;
	struct anvil_net net;

	(void)state;
	assert_int_equal(anvil_mmio_read(&rig.guest.mmio, VIRTIO_MMIO_CONFIG + 12, 4), 10000);
	assert_int_equal(anvil_mmio_read(&rig.guest.mmio, VIRTIO_MMIO_CONFIG + 16, 1), 1);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct test_nic nic;

		anvil_net_set_speed(&rig.net, t[i].speed, t[i].duplex);
		assert_int_equal(guest_take_interrupts(&rig.guest),
				 t[i].fine ? VIRTIO_INTERRUPT_CONFIG : 0);
		if (t[i].fine)
			assert_int_equal(
				anvil_mmio_read(&rig.guest.mmio, VIRTIO_MMIO_CONFIG + 12, 4),
				t[i].speed);
		test_nic_init(&nic);
		o.nic = &nic.nic;
		o.speed = t[i].speed;
		o.duplex = t[i].duplex;
		assert_int_equal(anvil_net_init(&net, &o), t[i].fine ? 0 : -EINVAL);
		if (t[i].fine)
			anvil_net_destroy(&net);
		test_nic_destroy(&nic);
	}
}

/* 5.1.3.1 */
static void features_require_others(void **state)
{
	static const struct {
		int feature;
		int without;
	} t[] = {
		{ VIRTIO_NET_F_GUEST_USO4, VIRTIO_NET_F_GUEST_CSUM },
		{ VIRTIO_NET_F_GUEST_USO6, VIRTIO_NET_F_GUEST_CSUM },
		{ VIRTIO_NET_F_HOST_USO, VIRTIO_NET_F_CSUM },
		{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, VIRTIO_NET_F_GUEST_TSO4 },
		{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, VIRTIO_NET_F_GUEST_TSO6 },
		{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, VIRTIO_NET_F_GUEST_USO4 },
		{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, VIRTIO_NET_F_GUEST_USO6 },
		{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO },
		{ VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, VIRTIO_NET_F_HOST_TSO4 },
		{ VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, VIRTIO_NET_F_HOST_TSO6 },
		{ VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, VIRTIO_NET_F_HOST_USO },
		{ VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO },
		{ VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_CTRL_VQ },
		{ VIRTIO_NET_F_HASH_REPORT, VIRTIO_NET_F_CTRL_VQ },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct anvil_net_options o = rig.options;
		struct anvil_net net;

		o.features = but(t[i].without, -1);
		assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
		reg_write(&rig.guest, VIRTIO_MMIO_STATUS, 0);
		assert_false(guest_negotiate(&rig.guest, o.features));
		reg_write(&rig.guest, VIRTIO_MMIO_STATUS, 0);
		assert_true(guest_negotiate(&rig.guest, all()));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(header_grows_with_features),
		T(outer_network_header_is_told),
		T(uso_must_fit_the_headers),
		T(tunnels_must_fit_the_headers),
		T(tunnel_bits_need_their_features),
		T(tunnels_are_received_as_accepted),
		T(offloads_are_checked),
		T(offloads_act_only_while_enabled),
		T(announcements_are_asked_for_and_acknowledged),
		T(speed_is_told),
		T(features_require_others),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
