/* SPDX-License-Identifier: BSD-3-Clause */
/* Segmentation inside UDP tunnels, and headers that say where the outer one is (5.1.9.2, 5.1.9.4).
 */
#include "array_size.h"
#include "bench.h"

#include <endian.h>

enum { /* feature bits (5.1.3) */
       F_GUEST_USO4 = 54,
       F_GUEST_USO6 = 55,
       F_HOST_USO = 56,
       F_HASH_REPORT = 57,
       F_GUEST_TUNNEL = 65,
       F_GUEST_TUNNEL_CSUM = 66,
       F_HOST_TUNNEL = 67,
       F_HOST_TUNNEL_CSUM = 68,
       F_OUT_NET_HEADER = 69,
};

enum { TUNNEL_IPV4 = 0x20, TUNNEL_IPV6 = 0x40 };
enum { NEEDS_CSUM = 1, DATA_VALID = 2, TUNNEL_CSUM = 8 };

/* struct virtio_net_hdr with all its fields (5.1.9) */
struct header {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
	uint32_t hash_value;
	uint16_t hash_report, padding, outer_th, inner_nh, outer_nh;
	uint8_t padding_2[6];
};

/* IPv4, UDP to port 4789, VXLAN, Ethernet, then IPv4 or IPv6, TCP */
#define OUTER_NH 14u
#define OUTER_TH 34u
#define INNER_NH 64u
#define FRAME	 1000u

static uint8_t frame[FRAME];

static uint32_t make_tunnel(bool v6)
{
	uint32_t tcp = INNER_NH + (v6 ? 40 : 20);

	memcpy(frame, net_frame(net_broadcast, FRAME), FRAME);
	memset(frame + OUTER_NH, 0, tcp + 20 - OUTER_NH);
	frame[12] = 0x08;
	frame[13] = 0;
	frame[OUTER_NH] = 0x45;
	frame[OUTER_NH + 2] = (FRAME - OUTER_NH) >> 8;
	frame[OUTER_NH + 3] = (uint8_t)(FRAME - OUTER_NH);
	frame[OUTER_NH + 9] = 17;
	frame[OUTER_TH + 2] = 4789 >> 8;
	frame[OUTER_TH + 3] = 4789 & 0xff;
	frame[OUTER_TH + 4] = (FRAME - OUTER_TH) >> 8;
	frame[OUTER_TH + 5] = (uint8_t)(FRAME - OUTER_TH);
	frame[OUTER_TH + 8] = 0x08;
	frame[INNER_NH - 2] = v6 ? 0x86 : 0x08;
	frame[INNER_NH - 1] = v6 ? 0xdd : 0x00;
	frame[INNER_NH] = v6 ? 0x60 : 0x45;
	frame[INNER_NH + (v6 ? 4 : 2)] = (uint8_t)((FRAME - INNER_NH - (v6 ? 40 : 0)) >> 8);
	frame[INNER_NH + (v6 ? 5 : 3)] = (uint8_t)(FRAME - INNER_NH - (v6 ? 40 : 0));
	frame[INNER_NH + (v6 ? 6 : 9)] = 6;
	frame[tcp + 12] = 0x50;
	return tcp;
}

/* The device with everything of this on offer, and a driver that accepts `set` of it. */
static void start(struct bench *b, struct anvil_features set)
{
	for (unsigned int bit = F_GUEST_USO4; bit <= F_HOST_USO; bit++)
		anvil_features_add(&b->net_options.features, bit);
	for (unsigned int bit = F_GUEST_TUNNEL; bit <= F_OUT_NET_HEADER; bit++)
		anvil_features_add(&b->net_options.features, bit);
	anvil_features_add(&b->net_options.features, F_HASH_REPORT);
	bench_recreate(b);
	bench_drive(b, set);
}

static struct anvil_features host_features(bool tunnel, bool csum)
{
	struct anvil_features set = features(VIRTIO_NET_F_CSUM, VIRTIO_NET_F_HOST_TSO4,
					     VIRTIO_NET_F_HOST_TSO6, F_HOST_USO, -1);

	if (tunnel)
		anvil_features_add(&set, F_HOST_TUNNEL);
	if (csum)
		anvil_features_add(&set, F_HOST_TUNNEL_CSUM);
	return set;
}

static struct anvil_features guest_features(bool tunnel, bool csum)
{
	struct anvil_features set =
		features(VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6,
			 F_GUEST_USO4, F_GUEST_USO6, -1);

	if (tunnel)
		anvil_features_add(&set, F_GUEST_TUNNEL);
	if (csum)
		anvil_features_add(&set, F_GUEST_TUNNEL_CSUM);
	return set;
}

/* ---- frames out (5.1.9.2.2) ---- */

/* Whether the nic gets the frame, behind a header of that length. */
static bool sends(struct bench *b, const struct header *header, uint32_t header_len)
{
	struct ring *ring = &b->guest.ring[ANVIL_NET_TX];
	struct buffer buffer = { NET_TX_AT, header_len + FRAME, 0 };
	unsigned int sends = b->nic.sends;

	ram_put(&b->guest.ram, NET_TX_AT, header, header_len);
	ram_put(&b->guest.ram, NET_TX_AT + header_len, frame, FRAME);
	ring_chain(ring, &buffer, 1);
	guest_notify(&b->guest, ANVIL_NET_TX);
	ring->used_idx++;
	ring_expect_none(ring);
	if (b->nic.sends == sends)
		return false;
	assert_int_equal(b->nic.len, FRAME);
	assert_memory_equal(b->nic.frame, frame, FRAME);
	return true;
}

static struct header tunnel_header(uint32_t tcp, unsigned int bits)
{
	return (struct header){ .flags = NEEDS_CSUM,
				.gso_type = (uint8_t)((bits == TUNNEL_IPV4 ? 1 : 4) | bits),
				.hdr_len = htole16((uint16_t)(tcp + 20)),
				.gso_size = htole16(500),
				.csum_start = htole16((uint16_t)tcp),
				.csum_offset = htole16(16),
				.outer_th = htole16(OUTER_TH),
				.inner_nh = htole16(INNER_NH) };
}

/* What there is to be refused below. */
static void tunnels_are_sent(struct bench *b)
{
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct header header =
			tunnel_header(make_tunnel(v6), v6 ? TUNNEL_IPV6 : TUNNEL_IPV4);

		assert_true(sends(b, &header, 24));
		assert_true(b->nic.offload.tunnel);
		assert_int_equal(b->nic.offload.outer_th, OUTER_TH);
		assert_int_equal(b->nic.offload.inner_nh, INNER_NH);
	}
}

static void both_kinds_of_tunnel_are_not_accepted(void **state)
{
	struct bench *b = *state;

	start(b, host_features(true, true));
	tunnels_are_sent(b);
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct header header =
			tunnel_header(make_tunnel(v6), v6 ? TUNNEL_IPV6 : TUNNEL_IPV4);

		header.gso_type |= TUNNEL_IPV4 | TUNNEL_IPV6;
		assert_false(sends(b, &header, 24));
	}
}

static void tunnel_wants_checksum_and_segmentation(void **state)
{
	struct bench *b = *state;

	start(b, host_features(true, true));
	tunnels_are_sent(b);
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct header good = tunnel_header(make_tunnel(v6), v6 ? TUNNEL_IPV6 : TUNNEL_IPV4);
		struct header header = good;

		header.flags = 0;
		assert_false(sends(b, &header, 24));
		header.flags = NEEDS_CSUM | DATA_VALID;
		assert_false(sends(b, &header, 24));
		header = good;
		header.gso_type &= TUNNEL_IPV4 | TUNNEL_IPV6;
		assert_false(sends(b, &header, 24));
	}
}

static void tunnel_csum_wants_a_tunnel(void **state)
{
	struct bench *b = *state;
	struct header header = { .flags = TUNNEL_CSUM };

	start(b, host_features(true, true));
	make_tunnel(false);
	assert_false(sends(b, &header, 24));
	header.flags = TUNNEL_CSUM | NEEDS_CSUM;
	header.csum_start = htole16(INNER_NH + 20);
	header.csum_offset = htole16(16);
	assert_false(sends(b, &header, 24));
	header.flags = NEEDS_CSUM;
	assert_true(sends(b, &header, 24));
}

static void tunnel_offsets_are_unused_without_a_tunnel(void **state)
{
	static const uint16_t garbage[] = { 0, 1, 34, 999, 1000, 0xffff };
	struct bench *b = *state;

	start(b, host_features(true, true));
	make_tunnel(false);
	for (size_t i = 0; i < ARRAY_SIZE(garbage) * ARRAY_SIZE(garbage); i++) {
		struct header header = { .outer_th = htole16(garbage[i % ARRAY_SIZE(garbage)]),
					 .inner_nh = htole16(garbage[i / ARRAY_SIZE(garbage)]) };

		assert_true(sends(b, &header, 24));
		assert_false(b->nic.offload.tunnel);
		assert_int_equal(b->nic.offload.outer_th, 0);
		assert_int_equal(b->nic.offload.inner_nh, 0);
		assert_int_equal(b->nic.offload.gso, ANVIL_NIC_GSO_NONE);
	}
}

/* Without the feature the field is not there: what stands in its place is the frame. */
static void outer_nh_offset_is_unused_without_its_feature(void **state)
{
	static const uint16_t garbage[] = { 0, 1, 14, 999, 1000, 0xffff };
	struct bench *b = *state;

	make_tunnel(false);
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		struct header header = { .outer_nh = htole16(garbage[i]) };

		start(b, features(F_OUT_NET_HEADER, -1));
		assert_true(sends(b, &header, 32));
		start(b, host_features(true, false));
		assert_true(sends(b, &header, 24));
		start(b, features(VIRTIO_NET_F_CTRL_VQ, F_HASH_REPORT, -1));
		assert_true(sends(b, &header, 20));
		start(b, features(-1));
		assert_true(sends(b, &header, 12));
	}
}

/* ---- frames in (5.1.9.4.1) ---- */

static struct anvil_nic_offload tunnel_offload(bool v6, bool outer_csum)
{
	uint32_t tcp = make_tunnel(v6);

	return (struct anvil_nic_offload){ .needs_csum = true,
					   .csum_start = (uint16_t)tcp,
					   .csum_offset = 16,
					   .gso = v6 ? ANVIL_NIC_GSO_TCP6 : ANVIL_NIC_GSO_TCP4,
					   .gso_size = 500,
					   .header_len = (uint16_t)(tcp + 20),
					   .tunnel = true,
					   .outer_csum = outer_csum,
					   .outer_th = OUTER_TH,
					   .inner_nh = INNER_NH };
}

/* Whether the frame arrives behind a header of that length, byte for byte. */
static bool arrives(struct bench *b, struct anvil_nic_offload offload, uint32_t header_len,
		    struct header *header)
{
	struct ring *ring = &b->guest.ring[ANVIL_NET_RX];
	uint8_t got[FRAME];

	if (ring->avail_idx == ring->used_idx)
		net_offer(b, NET_RX_AT, 0x1000);
	assert_int_equal(net_receive(b, frame, FRAME, offload), 0);
	if (ring_published(ring) == ring->used_idx)
		return false;
	ring->used_idx++;
	memset(header, 0, sizeof(*header));
	ram_get(&b->guest.ram, NET_RX_AT, header, header_len);
	ram_get(&b->guest.ram, NET_RX_AT + header_len, got, FRAME);
	assert_memory_equal(got, frame, FRAME);
	return true;
}

static void tunnels_come_with_their_feature_alone(void **state)
{
	struct bench *b = *state;
	struct header header;

	for (unsigned int v6 = 0; v6 < 2; v6++) {
		start(b, guest_features(false, false));
		assert_false(arrives(b, tunnel_offload(v6, false), 12, &header));
		start(b, guest_features(true, false));
		assert_true(arrives(b, tunnel_offload(v6, false), 24, &header));
		/* with an outer checksum that is not done it takes another one */
		assert_false(arrives(b, tunnel_offload(v6, true), 24, &header));
		start(b, guest_features(true, true));
		assert_true(arrives(b, tunnel_offload(v6, true), 24, &header));
	}
}

static void tunnels_come_with_their_fields(void **state)
{
	struct bench *b = *state;
	struct header header;

	start(b, guest_features(true, true));
	for (unsigned int i = 0; i < 4; i++) {
		bool v6 = i % 2;
		bool csum = i / 2;

		assert_true(arrives(b, tunnel_offload(v6, csum), 24, &header));
		assert_int_equal(header.gso_type & (TUNNEL_IPV4 | TUNNEL_IPV6),
				 v6 ? TUNNEL_IPV6 : TUNNEL_IPV4);
		assert_int_equal(le16toh(header.outer_th), OUTER_TH);
		assert_int_equal(le16toh(header.inner_nh), INNER_NH);
		/* the outer checksum is as the host made it: 0, or the pseudo header's sum */
		assert_int_equal(!!(header.flags & TUNNEL_CSUM), csum);
		assert_int_equal(header.flags & DATA_VALID, 0);
		assert_int_equal(header.flags & NEEDS_CSUM, NEEDS_CSUM);
		assert_true(le16toh(header.hdr_len) >= INNER_NH + (v6 ? 60u : 40u));
	}
}

/* A host that also vouches for a checksum: the flag is left out all the same. */
static void tunnels_come_without_data_valid(void **state)
{
	struct bench *b = *state;
	struct header header;

	start(b, guest_features(true, true));
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct anvil_nic_offload offload = tunnel_offload(v6, true);

		offload.csum_valid = true;
		assert_true(arrives(b, offload, 24, &header));
		assert_int_equal(header.flags & DATA_VALID, 0);
	}
}

/* UDP datagrams of one length each; no tunnel here. */
static void udp_segmentation_comes_with_its_features_alone(void **state)
{
	struct bench *b = *state;
	struct header header;

	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct anvil_features with =
			features(VIRTIO_NET_F_GUEST_CSUM, v6 ? F_GUEST_USO6 : F_GUEST_USO4, -1);
		struct anvil_features without =
			features(VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4,
				 VIRTIO_NET_F_GUEST_TSO6, v6 ? F_GUEST_USO4 : F_GUEST_USO6, -1);
		struct anvil_nic_offload offload = { .needs_csum = true,
						     .csum_start = OUTER_TH,
						     .csum_offset = 6,
						     .gso = v6 ? ANVIL_NIC_GSO_UDP6
							       : ANVIL_NIC_GSO_UDP4,
						     .gso_size = 500,
						     .header_len = OUTER_TH + 8 };

		start(b, without);
		assert_false(arrives(b, offload, 12, &header));
		start(b, features(VIRTIO_NET_F_GUEST_CSUM, -1));
		assert_false(arrives(b, offload, 12, &header));
		start(b, with);
		assert_true(arrives(b, offload, 12, &header));
		assert_int_equal(header.gso_type, 5);
		assert_int_equal(header.flags, NEEDS_CSUM);
		assert_int_equal(le16toh(header.gso_size), 500);
	}
}

static void outer_nh_offset_comes_with_its_feature_alone(void **state)
{
	static const struct anvil_nic_offload none;
	struct bench *b = *state;
	struct header header;

	make_tunnel(false);
	start(b, features(F_OUT_NET_HEADER, -1));
	assert_true(arrives(b, none, 32, &header));
	assert_true(header.outer_nh == 0 || le16toh(header.outer_nh) == OUTER_NH);
	start(b, guest_features(true, false));
	assert_true(arrives(b, none, 24, &header));
	assert_int_equal(header.outer_th, 0);
	assert_int_equal(header.inner_nh, 0);
	start(b, features(-1));
	assert_true(arrives(b, none, 12, &header));
	/* nothing but a network header is pointed at */
	memcpy(frame, net_frame(net_broadcast, FRAME), FRAME);
	start(b, features(F_OUT_NET_HEADER, -1));
	assert_true(arrives(b, none, 32, &header));
	assert_int_equal(header.outer_nh, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		NET("5.1.9.2.2/4", outer_nh_offset_is_unused_without_its_feature),
		NET("5.1.9.2.2/8", both_kinds_of_tunnel_are_not_accepted),
		NET("5.1.9.2.2/9", tunnel_offsets_are_unused_without_a_tunnel),
		NET("5.1.9.2.2/10", tunnel_wants_checksum_and_segmentation),
		NET("5.1.9.2.2/11", tunnel_csum_wants_a_tunnel),
		NET("5.1.9.4.1/11 5.1.9.4.1/12 5.1.9.4.1/21 5.1.9.4.1/25",
		    tunnels_come_with_their_feature_alone),
		NET("5.1.9.4.1/22 5.1.9.4.1/23 5.1.9.4.1/24 5.1.9.4.1/36 5.1.9.4.1/37",
		    tunnels_come_with_their_fields),
		NET("5.1.9.4.1/34", tunnels_come_without_data_valid),
		NET("5.1.9.4.1/10 5.1.9.4.1/26 5.1.9.4.1/27 5.1.9.4.1/28",
		    udp_segmentation_comes_with_its_features_alone),
		NET("5.1.9.4.1/16", outer_nh_offset_comes_with_its_feature_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
