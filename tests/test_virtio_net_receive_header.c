/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: headers of frames in: checksums and segmentation (5.1.9.4.1). */
#include "array_size.h"
#include "net_fixture.h"

static const struct anvil_nic_offload valid = { .csum_valid = true };
static const struct anvil_nic_offload csum = { .needs_csum = true,
					       .csum_start = 34,
					       .csum_offset = 16 };
static const struct anvil_nic_offload tcp4 = { .needs_csum = true,
					       .csum_start = 34,
					       .csum_offset = 16,
					       .gso = ANVIL_NIC_GSO_TCP4,
					       .gso_size = 1400,
					       .header_len = 54 };
static const struct anvil_nic_offload tcp6 = { .needs_csum = true,
					       .csum_start = 54,
					       .csum_offset = 16,
					       .gso = ANVIL_NIC_GSO_TCP6,
					       .gso_size = 1200,
					       .header_len = 74 };
static const struct anvil_nic_offload ecn4 = { .needs_csum = true,
					       .csum_start = 34,
					       .csum_offset = 16,
					       .gso = ANVIL_NIC_GSO_TCP4,
					       .gso_size = 1400,
					       .header_len = 54,
					       .gso_ecn = true };

enum { C = 1, T4 = 2, T6 = 4, E = 8 };

static const struct {
	const char *what;
	unsigned int accepted;
	const struct anvil_nic_offload *offload;
	bool passes;
	struct virtio_net_header header; /* num_buffers is 1 */
} deliveries[] = {
	{ "valid, unwanted", 0, &valid, true, { 0 } },
	{ "valid", C, &valid, true, { .flags = 2 } },
	{ "checksum, done here", 0, &csum, true, { 0 } },
	{ "checksum", C, &csum, true, { .flags = 1, .csum_start = 34, .csum_offset = 16 } },
	{ "v4, unwanted", C, &tcp4, false, { 0 } },
	{ "v4 to a v6 driver", C | T6, &tcp4, false, { 0 } },
	{ "v4", C | T4, &tcp4, true, { 1, VIRTIO_NET_HDR_GSO_TCPV4, 54, 1400, 34, 16, 0 } },
	{ "v6 to a v4 driver", C | T4, &tcp6, false, { 0 } },
	{ "v6", C | T6, &tcp6, true, { 1, VIRTIO_NET_HDR_GSO_TCPV6, 74, 1200, 54, 16, 0 } },
	{ "ECN, unwanted", C | T4, &ecn4, false, { 0 } },
	{ "ECN",
	  C | T4 | E,
	  &ecn4,
	  true,
	  { 1, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, 54, 1400, 34, 16, 0 } },
};

static void received_header_says_what_the_driver_accepted(void **state)
{
	static const int bit[] = { VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4,
				   VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_ECN };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(deliveries); i++) {
		struct anvil_features set = none();
		struct virtio_net_header expected = deliveries[i].header;
		bool completed = deliveries[i].offload->needs_csum && !(deliveries[i].accepted & C);

		for (unsigned int n = 0; n < ARRAY_SIZE(bit); n++) {
			if (deliveries[i].accepted >> n & 1)
				anvil_features_add(&set, (unsigned int)bit[n]);
		}
		drive(f, set);
		if (arrives_with(f, make_frame(f, broadcast, -1, 1000), 1000,
				 *deliveries[i].offload,
				 completed ? 50 : 0) != deliveries[i].passes)
			fail_msg("%s", deliveries[i].what);
		if (!deliveries[i].passes)
			continue;
		expected.hdr_len = htole16(expected.hdr_len);
		expected.gso_size = htole16(expected.gso_size);
		expected.csum_start = htole16(expected.csum_start);
		expected.csum_offset = htole16(expected.csum_offset);
		expected.num_buffers = htole16(1);
		assert_memory_equal(&f->header, &expected, sizeof(expected));
	}
}

static void longest_segmented_frame_is_received(void **state)
{
	static const struct anvil_nic_offload gso = { .needs_csum = true,
						      .csum_start = 34,
						      .csum_offset = 16,
						      .gso = ANVIL_NIC_GSO_TCP4,
						      .gso_size = 1400,
						      .header_len = 54 };
	struct fixture *f = *state;
	uint32_t max = ANVIL_NIC_FRAME_BYTES_MAX;

	drive(f, features(VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4, -1));
	assert_true(arrives_with(f, make_frame(f, broadcast, -1, max), max, gso, 0));
	assert_false(arrives_with(f, make_frame(f, broadcast, -1, max + 1), max + 1, gso, 0));
}

/* RFC 1071, against sums made by hand; as on the wire, a sum of 0 is sent as 0xffff */
static void missing_checksums_are_completed(void **state)
{
	static const struct {
		uint32_t len;
		uint16_t start, offset;
		uint8_t bytes[8]; /* from start on; zeroes follow */
		uint16_t sum;
	} t[] = {
		{ 60, 14, 4, { 0x12, 0x34, 0, 0, 0, 0 }, 0xedcb },
		{ 60, 14, 4, { 0xff, 0xff, 0, 1, 0, 0 }, 0xfffe },    /* carry comes around */
		{ 60, 14, 4, { 0x12, 0x34, 0, 0, 0x10, 0 }, 0xddcb }, /* with the pseudo header */
		{ 19, 14, 0, { 0, 0, 1, 2, 3 }, 0xfbfd },	      /* odd: 0102 + 0300 */
		{ 60, 15, 4, { 0x12, 0x34 }, 0xedcb },		      /* from an odd start */
		{ 60, 14, 4, { 0, 0 }, 0xffff },
		{ 60, 14, 6, { 0xff, 0xff }, 0xffff }, /* not 0: that is "no checksum" in UDP */
		{ 60, 14, 44, { 0x80, 0, 0x80, 0 }, 0xfffe },
	};
	struct fixture *f = *state;

	drive(f, none());
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct anvil_nic_offload offload = { .needs_csum = true,
						     .csum_start = t[i].start,
						     .csum_offset = t[i].offset };
		uint32_t field = t[i].start + t[i].offset;
		uint64_t at = RX_AT + HDR + field;

		memset(f->frame, 0, 64);
		memcpy(f->frame, broadcast, 6);
		for (uint32_t n = 0; n < sizeof(t[i].bytes) && t[i].start + n < t[i].len; n++)
			f->frame[t[i].start + n] = t[i].bytes[n];
		assert_true(arrives_with(f, f->frame, t[i].len, offload, field));
		if ((ram_get8(&f->guest.ram, at) << 8 | ram_get8(&f->guest.ram, at + 1)) !=
		    t[i].sum)
			fail_msg("%zu: %02x%02x", i, ram_get8(&f->guest.ram, at),
				 ram_get8(&f->guest.ram, at + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(received_header_says_what_the_driver_accepted),
		TEST(longest_segmented_frame_is_received),
		TEST(missing_checksums_are_completed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
