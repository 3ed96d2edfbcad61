/* SPDX-License-Identifier: BSD-3-Clause */
/* The network device: configuration, frames out, frames in (5.1.4.1, 5.1.9.2 to 5.1.9.4). */
#include "array_size.h"
#include "bench.h"

#include <endian.h>

static const struct anvil_nic_offload no_offload;
static const struct virtio_net_header plain;

/* ---- configuration (5.1.4.1) ---- */

static uint16_t mtu_in_config(struct bench *b)
{
	return (uint16_t)anvil_mmio_read(
		&b->guest.mmio, VIRTIO_MMIO_CONFIG + offsetof(struct anvil_net_config, mtu), 2);
}

static void mtu_is_from_68_to_65535(void **state)
{
	static const uint16_t good[] = { 68, 1280, 1500, 9000, 65535 };
	static const uint16_t bad[] = { 0, 1, 67 };
	struct bench *b = *state;
	struct anvil_net_options o = b->net_options;
	struct anvil_net net;
	struct test_nic nic;

	test_nic_init(&nic);
	o.nic = &nic.nic;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		o.mtu = bad[i];
		assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		b->net_options.mtu = good[i];
		bench_recreate(b);
		assert_int_equal(mtu_in_config(b), good[i]);
	}
}

static void mtu_never_changes(void **state)
{
	struct bench *b = *state;

	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(mtu_in_config(b), BENCH_MTU);
		bench_drive(b, bench_features(b));
		assert_int_equal(mtu_in_config(b), BENCH_MTU);
		anvil_mmio_write(&b->guest.mmio,
				 VIRTIO_MMIO_CONFIG + offsetof(struct anvil_net_config, mtu), 2,
				 1000);
		anvil_net_set_link(&b->net, i);
		bench_request(b);
		assert_int_equal(mtu_in_config(b), BENCH_MTU);
		reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
	}
}

/* A TCP segment over IPv4 of `len` bytes in all, with the pseudo header's sum as its checksum. */
#define TCP4_START   34u
#define TCP4_FIELD   50u
#define TCP4_HEADERS 54u

static uint32_t sum16(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void make_tcp4(uint8_t *frame, uint32_t len)
{
	uint32_t tcp_len = len - TCP4_START;
	uint32_t pseudo;

	memcpy(frame, net_frame(net_broadcast, len), len);
	frame[12] = 0x08;
	frame[13] = 0x00;
	frame[14] = 0x45;
	frame[20] = 0; /* no fragment */
	frame[21] = 0;
	frame[23] = 6;
	frame[46] = 0x50;
	pseudo = sum16(frame + 26, 8, 6 + tcp_len);
	frame[TCP4_FIELD] = (uint8_t)(pseudo >> 8);
	frame[TCP4_FIELD + 1] = (uint8_t)pseudo;
}

static const struct anvil_nic_offload tcp4_csum = { .needs_csum = true,
						    .csum_start = TCP4_START,
						    .csum_offset = 16 };
static const struct anvil_nic_offload tcp4_gso = { .needs_csum = true,
						   .csum_start = TCP4_START,
						   .csum_offset = 16,
						   .gso = ANVIL_NIC_GSO_TCP4,
						   .gso_size = 700,
						   .header_len = TCP4_HEADERS };

static void longer_frames_do_not_reach_the_driver(void **state)
{
	struct bench *b = *state;
	uint8_t frame[4000];

	bench_drive(b, features(VIRTIO_NET_F_MTU, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4,
				-1));
	for (uint32_t len = BENCH_MTU + 10; len < BENCH_MTU + 40; len++) {
		memcpy(frame, net_frame(net_broadcast, len), len);
		assert_int_equal(net_arrives(b, frame, len, no_offload, NULL, NULL),
				 len <= BENCH_MTU + 14);
	}
	make_tcp4(frame, sizeof(frame));
	assert_true(net_arrives(b, frame, sizeof(frame), tcp4_gso, NULL, NULL));
	assert_false(net_arrives(b, frame, sizeof(frame), tcp4_csum, NULL, NULL));
}

static void frames_up_to_mtu_are_sent_whole(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_NET_F_MTU, -1));
	for (uint32_t len = ANVIL_NIC_FRAME_BYTES_MIN; len <= BENCH_MTU + 14;
	     len += len < 1400 ? 37 : 1) {
		const uint8_t *frame = net_frame(net_broadcast, len);

		assert_true(net_send(b, &plain, frame, len));
		assert_memory_equal(b->nic.frame, frame, len);
	}
}

static void ctrl_rx_extra_needs_ctrl_vq(void **state)
{
	struct bench *b = *state;
	struct anvil_net_options o = b->net_options;
	struct anvil_net net;

	o.features = features(VIRTIO_NET_F_CTRL_RX_EXTRA, -1);
	assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
	o.features.word[0] = b->net_options.features.word[0] & ~(1ull << VIRTIO_NET_F_CTRL_VQ);
	assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
}

/* ---- transmission (5.1.9.2.2) ---- */

#define UDP_TUNNEL_CSUM 8u /* a flag that says something without a feature, 5.1.9.2.2/11 */
#define TUNNEL_IPV4	0x20u
#define TUNNEL_IPV6	0x40u

static void assert_no_offload(const struct anvil_nic_offload *offload)
{
	assert_false(offload->needs_csum);
	assert_false(offload->csum_valid);
	assert_int_equal(offload->gso, ANVIL_NIC_GSO_NONE);
}

static void unknown_flags_are_ignored(void **state)
{
	struct bench *b = *state;
	const uint8_t *frame = net_frame(net_broadcast, 100);
	struct anvil_features set[] = { features(-1), features(VIRTIO_NET_F_CSUM, -1) };

	for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
		bench_drive(b, set[i]);
		for (unsigned int flags = 0; flags < 256; flags++) {
			struct virtio_net_header header = { .flags = (uint8_t)flags };

			if (flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | UDP_TUNNEL_CSUM))
				continue;
			assert_true(net_send(b, &header, frame, 100));
			assert_memory_equal(b->nic.frame, frame, 100);
			assert_no_offload(&b->nic.offload);
		}
	}
}

static void csum_fields_are_unused_without_needs_csum(void **state)
{
	static const uint16_t place[] = { 0, 34, 99, 100, 0x7fff, 0xffff };
	struct bench *b = *state;
	const uint8_t *frame = net_frame(net_broadcast, 100);

	bench_drive(b, features(VIRTIO_NET_F_CSUM, -1));
	for (size_t i = 0; i < ARRAY_SIZE(place) * ARRAY_SIZE(place); i++) {
		struct virtio_net_header header = {
			.csum_start = htole16(place[i / ARRAY_SIZE(place)]),
			.csum_offset = htole16(place[i % ARRAY_SIZE(place)]),
		};

		assert_true(net_send(b, &header, frame, 100));
		assert_memory_equal(b->nic.frame, frame, 100);
		assert_no_offload(&b->nic.offload);
		assert_int_equal(b->nic.offload.csum_start, 0);
		assert_int_equal(b->nic.offload.csum_offset, 0);
	}
}

static struct virtio_net_header tcp4_header(uint16_t hdr_len)
{
	return (struct virtio_net_header){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					   .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					   .hdr_len = htole16(hdr_len),
					   .gso_size = htole16(700),
					   .csum_start = htole16(TCP4_START),
					   .csum_offset = htole16(16) };
}

static void hdr_len_is_not_relied_on(void **state)
{
	static const uint16_t lie[] = { 0, 1, 14, 53, 54, 55, 1000, 3000, 0xffff };
	struct bench *b = *state;
	uint8_t frame[3000];

	make_tcp4(frame, sizeof(frame));
	bench_drive(b, features(VIRTIO_NET_F_CSUM, VIRTIO_NET_F_HOST_TSO4, -1));
	for (size_t i = 0; i < ARRAY_SIZE(lie); i++) {
		struct virtio_net_header header = tcp4_header(lie[i]);

		assert_true(net_send(b, &header, frame, sizeof(frame)));
		assert_int_equal(b->nic.offload.gso, ANVIL_NIC_GSO_TCP4);
		assert_int_equal(b->nic.offload.header_len, TCP4_HEADERS);
		header = (struct virtio_net_header){ .hdr_len = htole16(lie[i]) };
		assert_true(net_send(b, &header, frame, 1000));
		assert_no_offload(&b->nic.offload);
	}
}

static void tunnels_are_not_accepted(struct bench *b, unsigned int bits, unsigned int flags,
				     unsigned int type)
{
	struct virtio_net_header header = tcp4_header(TCP4_HEADERS);
	uint8_t frame[1000];

	make_tcp4(frame, sizeof(frame));
	header.flags = (uint8_t)flags;
	header.gso_type = (uint8_t)(type | bits);
	if (net_send(b, &header, frame, sizeof(frame)))
		fail_msg("flags %#x, type %#x", header.flags, header.gso_type);
}

static const unsigned int gso_types[] = { 0, 1, 3, 4, 5, 0x80, 0x81, 0x84, 0x85 };

static void both_kinds_of_tunnel_are_not_accepted(void **state)
{
	struct bench *b = *state;

	bench_drive(b, bench_features(b));
	for (size_t i = 0; i < ARRAY_SIZE(gso_types); i++) {
		for (unsigned int flags = 0; flags < 16; flags++)
			tunnels_are_not_accepted(b, TUNNEL_IPV4 | TUNNEL_IPV6, flags, gso_types[i]);
	}
}

static void tunnel_wants_checksum_and_segmentation(void **state)
{
	struct bench *b = *state;

	bench_drive(b, bench_features(b));
	for (unsigned int bits = TUNNEL_IPV4; bits <= TUNNEL_IPV6; bits *= 2) {
		for (size_t i = 0; i < ARRAY_SIZE(gso_types); i++) {
			tunnels_are_not_accepted(b, bits, 0, gso_types[i]);
			tunnels_are_not_accepted(
				b, bits, VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID,
				gso_types[i]);
		}
		tunnels_are_not_accepted(b, bits, VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
	}
}

static void checksum_of_the_driver_is_not_vouched_for(void **state)
{
	struct virtio_net_header header = { .flags = VIRTIO_NET_HDR_F_DATA_VALID };
	struct bench *b = *state;
	uint8_t frame[200];

	make_tcp4(frame, sizeof(frame));
	bench_drive(b, bench_features(b));
	assert_true(net_send(b, &plain, frame, sizeof(frame)));
	assert_false(b->nic.offload.csum_valid);
	assert_true(net_send(b, &header, frame, sizeof(frame)));
	assert_false(b->nic.offload.csum_valid);
}

/* ---- receive buffers (5.1.9.3.2, 5.1.9.4.1) ---- */

/* Offers `count` buffers of `each` bytes; has a frame of `len` bytes come in; checks all used. */
static void spread(struct bench *b, uint32_t each, unsigned int count, uint32_t len)
{
	struct ring *ring = &b->guest.ring[ANVIL_NET_RX];
	uint16_t first = ring->used_idx;
	uint32_t left = NET_HEADER + len;
	unsigned int buffers = (left + each - 1) / each;
	unsigned int published = 0;
	struct virtio_net_header header;
	uint16_t head[BENCH_QUEUE];
	uint8_t got[2048];

	for (unsigned int i = 0; i < count; i++)
		head[i] = net_offer(b, NET_RX_AT + 0x800ull * i, each);
	bench_watch(b);
	assert_int_equal(net_receive(b, net_frame(net_broadcast, len), len, no_offload), 0);
	for (unsigned int i = 0; i < b->accesses; i++) {
		if (b->log[i].store && b->log[i].gpa == ring->used + 2)
			published++;
	}
	/* all of them at one time */
	assert_int_equal(published, 1);
	assert_int_equal((uint16_t)(ring_published(ring) - first), buffers);
	for (unsigned int i = 0; i < buffers; i++) {
		uint32_t part = left < each ? left : each;

		ram_get(&b->guest.ram, NET_RX_AT + 0x800ull * i, got + i * each, part);
		ring_expect(ring, head[i], part);
		left -= part;
	}
	memcpy(&header, got, NET_HEADER);
	assert_int_equal(le16toh(header.num_buffers), buffers);
	assert_memory_equal(got + NET_HEADER, net_frame(net_broadcast, len), len);
}

static void frames_fill_buffer_after_buffer(void **state)
{
	static const uint32_t each[] = { 12, 13, 64, 100, 300, 1526 };
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(each); i++) {
		for (uint32_t len = 60; len < 150; len++) {
			unsigned int count = (NET_HEADER + len + each[i] - 1) / each[i];

			bench_drive(b, features(VIRTIO_NET_F_MRG_RXBUF, -1));
			spread(b, each[i], count < BENCH_QUEUE ? count + 1 : count, len);
		}
	}
}

static void frame_has_one_buffer_without_mrg_rxbuf(void **state)
{
	struct bench *b = *state;
	struct ring *ring = &b->guest.ring[ANVIL_NET_RX];

	bench_drive(b, features(-1));
	for (uint32_t len = 60; len < 1500; len += 101)
		spread(b, 1600, 1, len);
	/* two that would do together are not used */
	net_offer(b, NET_RX_AT, 200);
	net_offer(b, NET_RX_AT + 0x800, 200);
	net_receive(b, net_frame(net_broadcast, 300), 300, no_offload);
	ring_expect_none(ring);
}

/* ---- offloads of received frames (5.1.9.4.1) ---- */

static const struct anvil_nic_offload kinds[] = {
	{ .needs_csum = false },
	{ .csum_valid = true },
	{ .needs_csum = true, .csum_start = TCP4_START, .csum_offset = 16 },
	{ .needs_csum = true,
	  .csum_start = TCP4_START,
	  .csum_offset = 16,
	  .gso = ANVIL_NIC_GSO_TCP4,
	  .gso_size = 700,
	  .header_len = TCP4_HEADERS },
	{ .needs_csum = true,
	  .csum_start = TCP4_START,
	  .csum_offset = 16,
	  .gso = ANVIL_NIC_GSO_TCP4,
	  .gso_size = 700,
	  .header_len = TCP4_HEADERS,
	  .gso_ecn = true },
	{ .needs_csum = true,
	  .csum_start = 54,
	  .csum_offset = 16,
	  .gso = ANVIL_NIC_GSO_TCP6,
	  .gso_size = 700,
	  .header_len = 74 },
};

static const int guest_bits[] = { VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4,
				  VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_ECN };

/* Calls `check` for each kind of frame that reaches each kind of driver. */
static void each_kind(struct bench *b, void (*check)(const struct anvil_features *set,
						     const struct anvil_nic_offload *offload,
						     const struct virtio_net_header *header,
						     const uint8_t *sent, const uint8_t *got))
{
	uint8_t frame[1000];
	uint8_t got[sizeof(frame)];

	make_tcp4(frame, sizeof(frame));
	for (unsigned int mask = 0; mask < 16; mask++) {
		struct anvil_features set = { { 0 } };

		for (unsigned int i = 0; i < ARRAY_SIZE(guest_bits); i++) {
			if (mask >> i & 1)
				anvil_features_add(&set, (unsigned int)guest_bits[i]);
		}
		reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
		if (!guest_negotiate(&b->guest, set))
			continue; /* 5.1.3.1 */
		bench_drive(b, set);
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			struct virtio_net_header header;

			if (net_arrives(b, frame, sizeof(frame), kinds[i], &header, got))
				check(&set, &kinds[i], &header, frame, got);
			else
				assert_int_not_equal(mask, 15); /* takes all */
		}
	}
}

#define HAS(set, bit) anvil_features_has(set, VIRTIO_NET_F_##bit)

static void check_flags(const struct anvil_features *set, const struct anvil_nic_offload *offload,
			const struct virtio_net_header *header, const uint8_t *sent,
			const uint8_t *got)
{
	(void)sent;
	(void)got;
	if (!HAS(set, GUEST_CSUM))
		assert_int_equal(header->flags, 0);
	/* RSC_INFO, UDP_TUNNEL_CSUM, SECURITY and its companions never */
	assert_int_equal(
		header->flags & ~(VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID), 0);
	if (header->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		assert_true(offload->csum_valid);
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		assert_true(offload->needs_csum);
}

static void flags_are_those_negotiated_and_vouched_for(void **state)
{
	each_kind(*state, check_flags);
}

static void check_type(const struct anvil_features *set, const struct anvil_nic_offload *offload,
		       const struct virtio_net_header *header, const uint8_t *sent,
		       const uint8_t *got)
{
	unsigned int type = header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;

	(void)sent;
	(void)got;
	/* UDP, UDP_L4 and tunnels never */
	assert_true(type == VIRTIO_NET_HDR_GSO_NONE || type == VIRTIO_NET_HDR_GSO_TCPV4 ||
		    type == VIRTIO_NET_HDR_GSO_TCPV6);
	if (type == VIRTIO_NET_HDR_GSO_TCPV4)
		assert_true(HAS(set, GUEST_TSO4));
	if (type == VIRTIO_NET_HDR_GSO_TCPV6)
		assert_true(HAS(set, GUEST_TSO6));
	if (!HAS(set, GUEST_TSO4) && !HAS(set, GUEST_TSO6))
		assert_int_equal(header->gso_type, VIRTIO_NET_HDR_GSO_NONE);
	/* what has to be segmented does not come as if it had been */
	assert_int_equal(type == VIRTIO_NET_HDR_GSO_NONE, offload->gso == ANVIL_NIC_GSO_NONE);
}

static void gso_types_are_those_negotiated(void **state)
{
	each_kind(*state, check_type);
}

static void check_ecn(const struct anvil_features *set, const struct anvil_nic_offload *offload,
		      const struct virtio_net_header *header, const uint8_t *sent,
		      const uint8_t *got)
{
	(void)sent;
	(void)got;
	assert_int_equal(!!(header->gso_type & VIRTIO_NET_HDR_GSO_ECN), offload->gso_ecn);
	if (offload->gso_ecn)
		assert_true(HAS(set, GUEST_ECN));
}

static void ecn_segmentation_comes_with_guest_ecn_alone(void **state)
{
	each_kind(*state, check_ecn);
}

static void check_gso_fields(const struct anvil_features *set,
			     const struct anvil_nic_offload *offload,
			     const struct virtio_net_header *header, const uint8_t *sent,
			     const uint8_t *got)
{
	(void)set;
	(void)sent;
	(void)got;
	if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return;
	assert_int_equal(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(le16toh(header->gso_size), offload->gso_size);
	assert_true(le16toh(header->hdr_len) >= offload->header_len);
}

static void segmentation_comes_with_its_fields(void **state)
{
	each_kind(*state, check_gso_fields);
}

/* The checksum of the frame, had the sender made it. */
static uint16_t right_checksum(const uint8_t *sent, const struct anvil_nic_offload *offload)
{
	return (uint16_t)~sum16(sent + offload->csum_start, 1000u - offload->csum_start, 0);
}

static uint16_t field_of(const uint8_t *frame, uint32_t at)
{
	return (uint16_t)(frame[at] << 8 | frame[at + 1]);
}

static void check_checksum(const struct anvil_features *set,
			   const struct anvil_nic_offload *offload,
			   const struct virtio_net_header *header, const uint8_t *sent,
			   const uint8_t *got)
{
	uint32_t at = (uint32_t)offload->csum_start + offload->csum_offset;

	if (!offload->needs_csum) {
		assert_memory_equal(got, sent, 1000);
	} else if (!HAS(set, GUEST_CSUM)) {
		assert_int_equal(field_of(got, at), right_checksum(sent, offload));
		assert_memory_equal(got, sent, at);
		assert_memory_equal(got + at + 2, sent + at + 2, 1000 - at - 2);
	} else {
		/* the pseudo header's sum is there, and the fields lead to the right checksum */
		uint32_t start = le16toh(header->csum_start);

		assert_memory_equal(got, sent, 1000);
		assert_int_equal(header->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(start + le16toh(header->csum_offset), at);
		assert_int_equal((uint16_t)~sum16(got + start, 1000u - start, 0),
				 right_checksum(sent, offload));
	}
}

static void checksums_are_complete_or_can_be_completed(void **state)
{
	each_kind(*state, check_checksum);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		NET("5.1.4.1/2 5.1.4.1/3", mtu_is_from_68_to_65535),
		NET("5.1.4.1/4", mtu_never_changes),
		NET("5.1.4.1/5", longer_frames_do_not_reach_the_driver),
		NET("5.1.4.1/6", frames_up_to_mtu_are_sent_whole),
		NET("5.1.4.1/14", ctrl_rx_extra_needs_ctrl_vq),
		NET("5.1.9.2.2/1", unknown_flags_are_ignored),
		NET("5.1.9.2.2/2", csum_fields_are_unused_without_needs_csum),
		NET("5.1.9.2.2/7", hdr_len_is_not_relied_on),
		NET("5.1.9.2.2/8", both_kinds_of_tunnel_are_not_accepted),
		NET("5.1.9.2.2/10", tunnel_wants_checksum_and_segmentation),
		NET("5.1.9.2.2/12", checksum_of_the_driver_is_not_vouched_for),
		NET("5.1.9.3.2/1 5.1.9.4.1/2 5.1.9.4.1/3 5.1.9.4.1/4",
		    frames_fill_buffer_after_buffer),
		NET("5.1.9.3.2/2 5.1.9.4.1/1", frame_has_one_buffer_without_mrg_rxbuf),
		NET("5.1.9.4.1/5 5.1.9.4.1/12 5.1.9.4.1/18 5.1.9.4.1/30 5.1.9.4.1/33 "
		    "5.1.9.4.1/39 5.1.9.4.1/42",
		    flags_are_those_negotiated_and_vouched_for),
		NET("5.1.9.4.1/7 5.1.9.4.1/8 5.1.9.4.1/9 5.1.9.4.1/10 5.1.9.4.1/11 "
		    "5.1.9.4.1/21 5.1.9.4.1/26",
		    gso_types_are_those_negotiated),
		NET("5.1.9.4.1/13 5.1.9.4.1/14", ecn_segmentation_comes_with_guest_ecn_alone),
		NET("5.1.9.4.1/27 5.1.9.4.1/28 5.1.9.4.1/31", segmentation_comes_with_its_fields),
		NET("5.1.9.4.1/6 5.1.9.4.1/19 5.1.9.4.1/20",
		    checksums_are_complete_or_can_be_completed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
