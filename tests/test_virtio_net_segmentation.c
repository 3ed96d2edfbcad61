/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: TCP frames out that are to be segmented (5.1.9.2.2). */
#include "array_size.h"
#include "net_fixture.h"

/* A TCP frame with VLAN tags; returns its length. */
static uint32_t make_tcp(struct fixture *f, unsigned int tags, unsigned int version,
			 unsigned int ihl, unsigned int doff, unsigned int payload, uint32_t *tcp)
{
	uint8_t *p = f->frame;
	uint32_t at = 14 + 4 * tags;

	memset(p, 0, 300);
	memcpy(p, broadcast, 6);
	for (unsigned int i = 0; i < tags; i++)
		memcpy(p + 12 + (size_t)4 * i, "\x81\x00", 2);
	memcpy(p + at - 2, version == 4 ? "\x08\x00" : "\x86\xdd", 2);
	p[at] = (uint8_t)(version << 4 | (version == 4 ? ihl : 0));
	p[at + (version == 4 ? 9 : 6)] = 6;
	*tcp = at + (version == 4 ? ihl * 4 : 40);
	p[*tcp + 12] = (uint8_t)(doff << 4);
	return *tcp + doff * 4 + payload;
}

enum { V4 = VIRTIO_NET_HDR_GSO_TCPV4, V6 = VIRTIO_NET_HDR_GSO_TCPV6, ECN = 0x80 };

/* The rest is what is wrong with an otherwise good request. */
static const struct {
	const char *what;
	bool sent;
	uint8_t tags;
	uint8_t version, ihl, doff;
	uint8_t type;
	uint8_t patch_at, patch; /* one byte of the frame; at 0: none */
	uint8_t cut;		 /* bytes off the end of a frame without payload */
	int8_t start, field;	 /* added to csum_start and to csum_offset */
	bool no_csum, no_size;
	bool stag; /* the first tag is one of 802.1ad */
} requests[] = {
	{ "v4", true, 0, 4, 5, 5, V4, .cut = 0 },
	{ "v4 in VLAN", true, 1, 4, 5, 5, V4, .cut = 0 },
	{ "v4 in 802.1ad", true, 1, 4, 5, 5, V4, .stag = true },
	{ "v4 in a VLAN on a VLAN", true, 2, 4, 5, 5, V4, .cut = 0 },
	{ "v6 in 802.1ad and a VLAN", true, 2, 6, 0, 5, V6, .stag = true },
	{ "v4 in eight VLANs", true, 8, 4, 15, 15, V4, .cut = 0 },
	{ "v4 in nine VLANs", false, 9, 4, 5, 5, V4, .cut = 0 },
	{ "v4 with options", true, 0, 4, 15, 5, V4, .cut = 0 },
	{ "v4, TCP options", true, 0, 4, 5, 15, V4, .cut = 0 },
	{ "v4, most of all", true, 1, 4, 15, 15, V4, .cut = 0 },
	{ "v6", true, 0, 6, 0, 5, V6, .cut = 0 },
	{ "v6 in VLAN", true, 1, 6, 0, 8, V6, .cut = 0 },
	{ "v4 ECN", true, 0, 4, 5, 5, V4 | ECN, .cut = 0 },
	{ "v6 ECN", true, 0, 6, 0, 5, V6 | ECN, .cut = 0 },
	{ "do not fragment", true, 0, 4, 5, 5, V4, .patch_at = 20, .patch = 0x40 },
	{ "v4 as v6", false, 0, 4, 5, 5, V6, .cut = 0 },
	{ "v6 as v4", false, 0, 6, 0, 5, V4, .cut = 0 },
	{ "ECN alone", false, 0, 4, 5, 5, ECN, .cut = 0 },
	{ "UDP", false, 0, 4, 5, 5, 3, .cut = 0 },
	{ "UDP_L4", false, 0, 4, 5, 5, 5, .cut = 0 },
	{ "tunnel", false, 0, 4, 5, 5, V4 | 0x20, .cut = 0 },
	{ "unknown kind", false, 0, 4, 5, 5, V4 | 0x40, .cut = 0 },
	{ "header of 16 bytes", false, 0, 4, 4, 5, V4, .cut = 0 },
	{ "header of 0 bytes", false, 0, 4, 0, 5, V4, .cut = 0 },
	{ "TCP header of 16", false, 0, 4, 5, 4, V4, .cut = 0 },
	{ "TCP header of 0", false, 0, 6, 0, 0, V6, .cut = 0 },
	{ "version 5", false, 0, 4, 5, 5, V4, .patch_at = 14, .patch = 0x55 },
	{ "version 4 in v6", false, 0, 6, 0, 5, V6, .patch_at = 14, .patch = 0x40 },
	{ "UDP in v4", false, 0, 4, 5, 5, V4, .patch_at = 23, .patch = 17 },
	{ "UDP in v6", false, 0, 6, 0, 5, V6, .patch_at = 20, .patch = 17 },
	{ "hop-by-hop first", false, 0, 6, 0, 5, V6, .patch_at = 20, .patch = 0 },
	{ "ARP", false, 0, 4, 5, 5, V4, .patch_at = 13, .patch = 6 },
	{ "fragment", false, 0, 4, 5, 5, V4, .patch_at = 21, .patch = 1 },
	{ "far fragment", false, 0, 4, 5, 5, V4, .patch_at = 20, .patch = 0x10 },
	{ "first fragment", false, 0, 4, 5, 5, V4, .patch_at = 20, .patch = 0x20 },
	{ "TCP header cut", false, 0, 4, 5, 5, V4, .cut = 1 },
	{ "TCP options cut", false, 0, 4, 5, 15, V4, .cut = 1 },
	{ "TCP options cut off", false, 0, 4, 5, 15, V4, .cut = 40 },
	{ "v6 TCP header cut", false, 0, 6, 0, 5, V6, .cut = 4 },
	{ "v4 header cut", false, 0, 4, 5, 5, V4, .cut = 21 },
	{ "v6 header cut", false, 0, 6, 0, 5, V6, .cut = 21 },
	{ "nothing but Ethernet", false, 0, 4, 5, 5, V4, .cut = 40 },
	{ "nothing but VLAN", false, 1, 4, 5, 5, V4, .cut = 40 },
	{ "half a VLAN tag", false, 1, 4, 5, 5, V4, .cut = 43 },
	{ "half a second tag", false, 2, 4, 5, 5, V4, .cut = 43 },
	{ "checksum elsewhere", false, 0, 4, 5, 5, V4, .start = 1 },
	{ "checksum before", false, 0, 4, 5, 5, V4, .start = -20 },
	{ "checksum field elsewhere", false, 0, 4, 5, 5, V4, .field = -10 },
	{ "no checksum", false, 0, 4, 5, 5, V4, .no_csum = true },
	{ "no size", false, 0, 4, 5, 5, V4, .no_size = true },
};

static void segmentation_request_must_fit_the_headers(void **state)
{
	struct fixture *f = *state;
	uint32_t tcp;

	drive(f, everything_split());
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		uint32_t len = make_tcp(f, requests[i].tags, requests[i].version, requests[i].ihl,
					requests[i].doff, 0, &tcp);
		struct virtio_net_header h = {
			.flags = !requests[i].no_csum,
			.gso_type = requests[i].type,
			.hdr_len = htole16(1), /* a lie; nobody believes it */
			.gso_size = htole16(requests[i].no_size ? 0 : 1400),
			.csum_start = htole16((uint16_t)((int)tcp + requests[i].start)),
			.csum_offset = htole16((uint16_t)(16 + requests[i].field)),
		};

		if (requests[i].patch_at)
			f->frame[requests[i].patch_at] = requests[i].patch;
		if (requests[i].stag)
			memcpy(f->frame + 12, "\x88\xa8", 2);
		if (transmit(f, &h, f->frame, len - requests[i].cut) != requests[i].sent)
			fail_msg("%s", requests[i].what);
		if (!requests[i].sent)
			continue;
		assert_int_equal(f->nic.offload.gso, requests[i].version == 4 ? ANVIL_NIC_GSO_TCP4
									      : ANVIL_NIC_GSO_TCP6);
		assert_int_equal(f->nic.offload.gso_ecn, requests[i].type >> 7);
		assert_int_equal(f->nic.offload.gso_size, 1400);
		assert_int_equal(f->nic.offload.header_len, len);
		assert_int_equal(f->nic.offload.csum_start, tcp);
		assert_true(f->nic.offload.needs_csum);
	}
}

/* Who cuts a frame up does work for each segment: of a byte each there would be 65,000. */
static void segments_of_a_frame_are_bounded(void **state)
{
	static const struct {
		uint16_t size;
		uint32_t payload;
		bool sent;
	} t[] = {
		{ 1, 1, true },
		{ 1, ANVIL_NIC_SEGMENTS_MAX, true },
		{ 1, ANVIL_NIC_SEGMENTS_MAX + 1, false },
		{ 1, ANVIL_NIC_FRAME_BYTES_MAX - 54, false },
		{ 2, 2 * ANVIL_NIC_SEGMENTS_MAX, true },
		{ 2, 2 * ANVIL_NIC_SEGMENTS_MAX + 1, false },
		{ 31, ANVIL_NIC_FRAME_BYTES_MAX - 54, false },
		{ 32, 32 * ANVIL_NIC_SEGMENTS_MAX - 1, true },
		{ 36, ANVIL_NIC_FRAME_BYTES_MAX - 54, true }, /* Linux's least, with time stamps */
		{ 0xffff, ANVIL_NIC_FRAME_BYTES_MAX - 54, true },
	};
	struct fixture *f = *state;
	uint32_t tcp;

	drive(f, everything_split());
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint32_t headers = make_tcp(f, 0, 4, 5, 5, 0, &tcp);
		struct virtio_net_header h = {
			.flags = 1,
			.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
			.gso_size = htole16(t[i].size),
			.csum_start = htole16((uint16_t)tcp),
			.csum_offset = htole16(16),
		};

		if (transmit(f, &h, f->frame, headers + t[i].payload) != t[i].sent)
			fail_msg("%u bytes in segments of %u", t[i].payload, t[i].size);
	}
}

static void segmentation_needs_its_feature(void **state)
{
	static const struct {
		uint8_t type;
		int needs[2];
	} t[] = { { 1, { VIRTIO_NET_F_HOST_TSO4, -1 } },
		  { 4, { VIRTIO_NET_F_HOST_TSO6, -1 } },
		  { 0x81, { VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_ECN } },
		  { 0x84, { VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_HOST_ECN } } };
	static const int host[] = { VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6,
				    VIRTIO_NET_F_HOST_ECN };
	struct fixture *f = *state;
	uint32_t tcp;

	for (unsigned int mask = 0; mask < 8; mask++) {
		struct anvil_features set = features(VIRTIO_NET_F_CSUM, -1);

		for (unsigned int i = 0; i < 3; i++) {
			if (mask >> i & 1)
				anvil_features_add(&set, (unsigned int)host[i]);
		}
		if (mask == 4)
			continue; /* ECN without TSO is not acceptable */
		drive(f, set);
		for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
			uint32_t len = make_tcp(f, 0, t[i].type & 4 ? 6 : 4, 5, 5, 100, &tcp);
			struct virtio_net_header h = { .flags = 1,
						       .gso_type = t[i].type,
						       .gso_size = htole16(50),
						       .csum_start = htole16((uint16_t)tcp),
						       .csum_offset = htole16(16) };
			bool has = anvil_features_has(&set, (unsigned int)t[i].needs[0]) &&
				   (t[i].needs[1] < 0 ||
				    anvil_features_has(&set, (unsigned int)t[i].needs[1]));

			assert_int_equal(transmit(f, &h, f->frame, len), has);
		}
	}
}

static void segmented_frames_may_be_long(void **state)
{
	struct fixture *f = *state;
	uint32_t tcp;
	struct virtio_net_header h = { .flags = 1, .gso_type = 4, .gso_size = htole16(1400) };
	struct ram *ram = &f->guest.ram;

	drive(f, everything_split());
	(void)make_tcp(f, 0, 6, 0, 5, 0, &tcp);
	h.csum_start = htole16((uint16_t)tcp);
	h.csum_offset = htole16(16);
	ram_put(ram, TX_AT, &h, HDR);
	ram_put(ram, TX_AT + HDR, f->frame, 300);
	for (uint32_t len = ANVIL_NIC_FRAME_BYTES_MAX - 1; len <= ANVIL_NIC_FRAME_BYTES_MAX + 1;
	     len++) {
		struct buffer b = { TX_AT, HDR + len, 0 };
		unsigned int sends = f->nic.sends;

		ring_chain(&f->guest.ring[ANVIL_NET_TX], &b, 1);
		guest_notify(&f->guest, ANVIL_NET_TX);
		assert_int_equal(f->nic.sends - sends, len <= ANVIL_NIC_FRAME_BYTES_MAX);
		assert_int_equal(f->nic.len, len <= ANVIL_NIC_FRAME_BYTES_MAX ? len : len - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(segmentation_request_must_fit_the_headers),
		TEST(segments_of_a_frame_are_bounded),
		TEST(segmentation_needs_its_feature),
		TEST(segmented_frames_may_be_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
