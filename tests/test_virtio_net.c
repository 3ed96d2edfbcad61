/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: frames out, frames in, offloads, filters, the control queue (5.1). */
#include "support.h"

#include <endian.h>

#include "array_size.h"
#include "virtio_net.h"

#define QUEUE 16u
#define MTU   1500u
#define HDR   12u

#define TX_AT	RAM_LOW
#define RX_AT	(RAM_SEAM - 0x800) /* so that buffers cross the seam */
#define CTRL_AT (RAM_HIGH + 0x4000)

struct fixture {
	struct guest guest;
	struct test_nic nic;
	struct anvil_net_options options;
	struct anvil_net net;
	struct virtio_net_header header;	       /* of the last frame received */
	uint8_t frame[ANVIL_NIC_FRAME_BYTES_MAX + 16]; /* work space */
};

static const int all_features[] = { VIRTIO_NET_F_CSUM,
				    VIRTIO_NET_F_GUEST_CSUM,
				    VIRTIO_NET_F_MTU,
				    VIRTIO_NET_F_MAC,
				    VIRTIO_NET_F_GUEST_TSO4,
				    VIRTIO_NET_F_GUEST_TSO6,
				    VIRTIO_NET_F_GUEST_ECN,
				    VIRTIO_NET_F_HOST_TSO4,
				    VIRTIO_NET_F_HOST_TSO6,
				    VIRTIO_NET_F_HOST_ECN,
				    VIRTIO_NET_F_MRG_RXBUF,
				    VIRTIO_NET_F_STATUS,
				    VIRTIO_NET_F_CTRL_VQ,
				    VIRTIO_NET_F_CTRL_RX,
				    VIRTIO_NET_F_CTRL_VLAN,
				    VIRTIO_NET_F_CTRL_RX_EXTRA,
				    VIRTIO_NET_F_CTRL_MAC_ADDR,
				    VIRTIO_F_INDIRECT_DESC,
				    VIRTIO_F_EVENT_IDX,
				    VIRTIO_F_RING_RESET,
				    VIRTIO_F_RING_PACKED,
				    VIRTIO_F_IN_ORDER,
				    VIRTIO_F_NOTIFICATION_DATA,
				    VIRTIO_F_ORDER_PLATFORM,
				    VIRTIO_F_SUSPEND };

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

static struct anvil_features everything(void)
{
	struct anvil_features set = { { 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(all_features); i++)
		anvil_features_add(&set, (unsigned int)all_features[i]);
	return set;
}

/* The rings of support.h are split ones. */
static struct anvil_features everything_split(void)
{
	struct anvil_features set = everything();

	set.word[0] &= ~(1ull << VIRTIO_F_RING_PACKED);
	return set;
}

static struct anvil_features none(void)
{
	return features(-1);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guest_init(&f->guest);
	test_nic_init(&f->nic);
	f->options = (struct anvil_net_options){
		.memory = &f->guest.ram.memory,
		.nic = &f->nic.nic,
		.features = everything(),
		.queue_size_max = QUEUE,
		.mac = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 },
		.mtu = MTU,
		.link_up = true,
	};
	assert_int_equal(anvil_net_init(&f->net, &f->options), 0);
	guest_attach(&f->guest, &f->net.dev);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_net_destroy(&f->net);
	test_nic_destroy(&f->nic);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

static void drive(struct fixture *f, struct anvil_features set)
{
	guest_drive(&f->guest, set, anvil_features_has(&set, VIRTIO_NET_F_CTRL_VQ) ? 3 : 2, QUEUE);
	guest_take_interrupts(&f->guest);
}

/* ---- creation and configuration ---- */

static void init_checks_its_options(void **state)
{
	/* 5.1.3.1 */
	static const struct {
		int feature;
		int needs[2]; /* any one of them */
		int with;     /* and what that one needs */
	} rule[] = {
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
	struct fixture *f = *state;
	struct anvil_net_options o = f->options;
	struct anvil_net net;
	struct test_nic nic;

	test_nic_init(&nic);
	o.nic = &nic.nic;
	for (size_t i = 0; i < ARRAY_SIZE(rule); i++) {
		o.features = features(rule[i].feature, rule[i].with, -1);
		assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
		/* nor does the driver get through with that */
		reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
		assert_false(guest_negotiate(&f->guest, o.features));
		for (size_t n = 0; n < 2 && rule[i].needs[n] >= 0; n++) {
			o.features = features(rule[i].feature, rule[i].needs[n], rule[i].with, -1);
			assert_int_equal(anvil_net_init(&net, &o), 0);
			anvil_net_destroy(&net);
			reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
			assert_true(guest_negotiate(&f->guest, o.features));
		}
	}
	for (int bit = 0; bit < (int)ANVIL_FEATURE_BITS; bit++) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(all_features); i++)
			known |= all_features[i] == bit;
		for (size_t i = 0; i < ARRAY_SIZE(more_features); i++)
			known |= more_features[i] == bit;
		if (known)
			continue;
		o.features = features(bit, -1);
		assert_int_equal(anvil_net_init(&net, &o), -EINVAL);
	}
	o.features = none();
	for (unsigned int i = 0; i < 4; i++) {
		static const uint16_t mtu[] = { 0, 67, 68, 65535 };

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

/* ---- frames ---- */

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* A frame to `to` of any content, with a VLAN tag if `vlan` >= 0; work space of the fixture. */
static const uint8_t *make_frame(struct fixture *f, const uint8_t *to, int vlan, uint32_t len)
{
	assert_true(len <= sizeof(f->frame));
	for (uint32_t i = 0; i < len; i++)
		f->frame[i] = (uint8_t)(i * 13 + i / 256);
	memcpy(f->frame, to, 6);
	if (len >= 14)
		memcpy(f->frame + 12, vlan >= 0 ? "\x81\x00" : "\x88\xb5", 2);
	if (len >= 16 && vlan >= 0) {
		f->frame[14] = (uint8_t)(vlan >> 8);
		f->frame[15] = (uint8_t)vlan;
	}
	return f->frame;
}

/* Frames that are as long as they may be, or longer by a byte (5.1.4.1). */
static const struct {
	const char *what;
	unsigned int tags;
	uint16_t outer, inner; /* types of the first tag, and of the others */
	uint32_t len;
	bool passes;
} tagged[] = {
	{ "802.1Q", 1, 0x8100, 0, MTU + 18, true },
	{ "802.1Q, longer", 1, 0x8100, 0, MTU + 19, false },
	{ "802.1ad", 1, 0x88a8, 0, MTU + 18, true },
	{ "802.1ad, longer", 1, 0x88a8, 0, MTU + 19, false },
	{ "two of 802.1Q", 2, 0x8100, 0x8100, MTU + 22, true },
	{ "two of 802.1Q, longer", 2, 0x8100, 0x8100, MTU + 23, false },
	{ "802.1ad and 802.1Q", 2, 0x88a8, 0x8100, MTU + 22, true },
	{ "802.1ad and 802.1Q, longer", 2, 0x88a8, 0x8100, MTU + 23, false },
	{ "802.1Q and 802.1ad", 2, 0x8100, 0x88a8, MTU + 22, true },
	{ "three", 3, 0x8100, 0x8100, MTU + 26, true },
	{ "three, longer", 3, 0x8100, 0x8100, MTU + 27, false },
	{ "eight", 8, 0x8100, 0x8100, MTU + 46, true },
	{ "eight, longer", 8, 0x8100, 0x8100, MTU + 47, false },
	{ "nine, of which one does not count", 9, 0x8100, 0x8100, MTU + 46, true },
	{ "nine, longer", 9, 0x8100, 0x8100, MTU + 47, false },
	{ "another type, no tag", 2, 0x9999, 0x8100, MTU + 14, true },
	{ "another type, longer", 2, 0x9999, 0x8100, MTU + 15, false },
	{ "tag, then another type", 2, 0x8100, 0x9999, MTU + 18, true },
	{ "tag, then another type, longer", 2, 0x8100, 0x9999, MTU + 19, false },
	{ "nothing but tags", 9, 0x8100, 0x8100, 50, true },
	{ "half a tag", 1, 0x8100, 0, 16, true },
};

static const uint8_t *make_tagged(struct fixture *f, size_t i)
{
	(void)make_frame(f, broadcast, -1, tagged[i].len + 64);
	for (unsigned int t = 0; t < tagged[i].tags; t++) {
		uint16_t type = t ? tagged[i].inner : tagged[i].outer;

		f->frame[12 + 4 * t] = (uint8_t)(type >> 8);
		f->frame[13 + 4 * t] = (uint8_t)type;
	}
	f->frame[12 + 4 * tagged[i].tags] = 0x08;
	return f->frame;
}

/* ---- transmit ---- */

/* Offers a frame; returns its head. */
static uint16_t offer_frame(struct fixture *f, const struct virtio_net_header *header,
			    const uint8_t *frame, uint32_t len)
{
	struct buffer b = { TX_AT, HDR + len, 0 };

	ram_put(&f->guest.ram, TX_AT, header, HDR);
	ram_put(&f->guest.ram, TX_AT + HDR, frame, len);
	return ring_chain(&f->guest.ring[ANVIL_NET_TX], &b, 1);
}

/* Sends it; whatever it is, its buffers come back. Returns whether the nic got it. */
static bool transmit(struct fixture *f, const struct virtio_net_header *header,
		     const uint8_t *frame, uint32_t len)
{
	uint16_t head = offer_frame(f, header, frame, len);
	unsigned int sends = f->nic.sends;

	guest_notify(&f->guest, ANVIL_NET_TX);
	ring_expect(&f->guest.ring[ANVIL_NET_TX], head, 0);
	ring_expect_none(&f->guest.ring[ANVIL_NET_TX]);
	assert_int_equal(guest_status(&f->guest), UP_TO_DRIVER_OK);
	if (f->nic.sends == sends)
		return false;
	assert_int_equal(f->nic.sends, sends + 1);
	assert_int_equal(f->nic.len, len);
	assert_memory_equal(f->nic.frame, frame, len);
	return true;
}

static const struct virtio_net_header plain;

static void frames_of_legal_length_are_sent(void **state)
{
	static const struct {
		uint32_t len;
		int vlan;
		bool sent;
	} t[] = { { 0, -1, false },	   { 1, -1, false },	  { 13, -1, false },
		  { 14, -1, true },	   { 15, -1, true },	  { MTU + 14, -1, true },
		  { MTU + 15, -1, false }, { MTU + 18, 5, true }, { MTU + 19, 5, false },
		  { 65535, -1, false } };
	struct fixture *f = *state;

	drive(f, none());
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		const uint8_t *frame = make_frame(f, broadcast, t[i].vlan, t[i].len);

		if (transmit(f, &plain, frame, t[i].len) != t[i].sent)
			fail_msg("%u bytes", t[i].len);
	}
}

static void tags_do_not_count_in_the_mtu_of_sent_frames(void **state)
{
	struct fixture *f = *state;

	drive(f, none());
	for (size_t i = 0; i < ARRAY_SIZE(tagged); i++) {
		if (transmit(f, &plain, make_tagged(f, i), tagged[i].len) != tagged[i].passes)
			fail_msg("%s", tagged[i].what);
	}
}

static void frames_are_sent_however_they_are_cut(void **state)
{
	struct fixture *f = *state;
	const uint8_t *frame = make_frame(f, broadcast, -1, 60);

	drive(f, none());
	ram_put(&f->guest.ram, RAM_SEAM - 40, &plain, HDR);
	ram_put(&f->guest.ram, RAM_SEAM - 40 + HDR, frame, 60);
	for (uint32_t first = 0; first <= HDR + 60; first++) {
		struct buffer b[] = { { RAM_SEAM - 40, first, 0 },
				      { RAM_SEAM - 40 + first, HDR + 60 - first, 0 } };
		uint16_t head = ring_chain(&f->guest.ring[ANVIL_NET_TX], b, 2);

		guest_notify(&f->guest, ANVIL_NET_TX);
		ring_expect(&f->guest.ring[ANVIL_NET_TX], head, 0);
		assert_int_equal(f->nic.sends, first + 1);
		assert_int_equal(f->nic.len, 60);
		assert_memory_equal(f->nic.frame, frame, 60);
	}
}

static void malformed_transmit_buffers_are_dropped_and_returned(void **state)
{
	static const struct buffer b[][2] = {
		{ { TX_AT, 0, 0 }, { TX_AT, 0, 0 } },
		{ { TX_AT, HDR - 1, 0 }, { TX_AT, 0, 0 } },
		{ { TX_AT, HDR, 0 }, { TX_AT, 0, 0 } },
		{ { TX_AT, HDR, 0 }, { TX_AT, 13, 0 } },
		{ { TX_AT, HDR + 60, 0 }, { TX_AT, 1, WRITABLE } },
		{ { TX_AT, 0, 0 }, { TX_AT, HDR + 60, WRITABLE } },
		{ { TX_AT, 60000, 0 }, { TX_AT, 60000, 0 } },
	};
	struct fixture *f = *state;

	drive(f, none());
	ram_fill(&f->guest.ram, TX_AT, 0, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(b); i++) {
		uint16_t head = ring_chain(&f->guest.ring[ANVIL_NET_TX], b[i], 2);

		guest_notify(&f->guest, ANVIL_NET_TX);
		ring_expect(&f->guest.ring[ANVIL_NET_TX], head, 0);
	}
	assert_int_equal(f->nic.sends, 0);
	assert_int_equal(guest_status(&f->guest), UP_TO_DRIVER_OK);
}

static void checksum_request_must_fit_the_frame(void **state)
{
	static const struct {
		uint16_t start, offset;
		bool fits;
	} t[] = { { 34, 16, true },	{ 0, 0, true },		 { 58, 0, true },
		  { 0, 58, true },	{ 57, 1, true },	 { 59, 0, false },
		  { 58, 1, false },	{ 0, 59, false },	 { 60, 0, false },
		  { 0xffff, 0, false }, { 0, 0xffff, false },	 { 0xffff, 0xffff, false },
		  { 0xfffe, 3, false }, { 0xffff, 0x3a, false }, { 0x8000, 0x8000, false } };
	struct fixture *f = *state;

	for (unsigned int accepted = 0; accepted < 2; accepted++) {
		drive(f, accepted ? features(VIRTIO_NET_F_CSUM, -1) : none());
		for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
			struct virtio_net_header h = { .flags = 1,
						       .csum_start = htole16(t[i].start),
						       .csum_offset = htole16(t[i].offset) };
			const uint8_t *frame = make_frame(f, broadcast, -1, 60);

			if (transmit(f, &h, frame, 60) != (t[i].fits && accepted))
				fail_msg("%u + %u", t[i].start, t[i].offset);
			if (!t[i].fits || !accepted)
				continue;
			assert_true(f->nic.offload.needs_csum);
			assert_false(f->nic.offload.csum_valid);
			assert_int_equal(f->nic.offload.csum_start, t[i].start);
			assert_int_equal(f->nic.offload.csum_offset, t[i].offset);
			assert_int_equal(f->nic.offload.gso, ANVIL_NIC_GSO_NONE);
		}
	}
}

/* 5.1.9.2.2: unknown flags, and fields that no flag makes valid, mean nothing */
static void unused_header_fields_are_ignored(void **state)
{
	static const struct anvil_nic_offload nothing;
	struct virtio_net_header h = { .hdr_len = 0xffff,
				       .gso_size = 0xffff,
				       .csum_start = 0xffff,
				       .csum_offset = 0xffff,
				       .num_buffers = 0xffff };
	struct fixture *f = *state;

	drive(f, everything_split());
	for (uint32_t flags = 0; flags < 256; flags += 2) {
		h.flags = (uint8_t)flags;
		assert_true(transmit(f, &h, make_frame(f, broadcast, -1, 60), 60));
		assert_memory_equal(&f->nic.offload, &nothing, sizeof(nothing));
	}
}

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

static void segmentation_request_must_fit_the_headers(void **state)
{
	enum { V4 = VIRTIO_NET_HDR_GSO_TCPV4, V6 = VIRTIO_NET_HDR_GSO_TCPV6, ECN = 0x80 };
	/* the rest is what is wrong with an otherwise good request */
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
	} t[] = {
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
	struct fixture *f = *state;
	uint32_t tcp;

	drive(f, everything_split());
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint32_t len = make_tcp(f, t[i].tags, t[i].version, t[i].ihl, t[i].doff, 0, &tcp);
		struct virtio_net_header h = {
			.flags = !t[i].no_csum,
			.gso_type = t[i].type,
			.hdr_len = htole16(1), /* a lie; nobody believes it */
			.gso_size = htole16(t[i].no_size ? 0 : 1400),
			.csum_start = htole16((uint16_t)((int)tcp + t[i].start)),
			.csum_offset = htole16((uint16_t)(16 + t[i].field)),
		};

		if (t[i].patch_at)
			f->frame[t[i].patch_at] = t[i].patch;
		if (t[i].stag)
			memcpy(f->frame + 12, "\x88\xa8", 2);
		if (transmit(f, &h, f->frame, len - t[i].cut) != t[i].sent)
			fail_msg("%s", t[i].what);
		if (!t[i].sent)
			continue;
		assert_int_equal(f->nic.offload.gso,
				 t[i].version == 4 ? ANVIL_NIC_GSO_TCP4 : ANVIL_NIC_GSO_TCP6);
		assert_int_equal(f->nic.offload.gso_ecn, t[i].type >> 7);
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

static void blocked_nic_gets_the_same_frame_again(void **state)
{
	struct fixture *f = *state;
	struct ring *ring = &f->guest.ring[ANVIL_NET_TX];
	const uint8_t *frame = make_frame(f, broadcast, -1, 60);
	uint16_t head[3];

	for (unsigned int event = 0; event < 2; event++) {
		drive(f, event ? features(VIRTIO_F_EVENT_IDX, -1) : none());
		f->nic.sends = 0;
		f->nic.verdict = -EAGAIN;
		for (unsigned int i = 0; i < 3; i++)
			head[i] = offer_frame(f, &plain, frame, 60);
		guest_notify(&f->guest, ANVIL_NET_TX);
		assert_int_equal(f->nic.sends, 1);
		guest_notify(&f->guest, ANVIL_NET_TX); /* the nic was not ready yet */
		assert_int_equal(f->nic.sends, 1);
		ring_expect_none(ring);
		f->nic.nic.sendable(&f->nic.nic); /* too early: once more */
		assert_int_equal(f->nic.sends, 2);
		ring_expect_none(ring);
		f->nic.verdict = 0;
		f->nic.nic.sendable(&f->nic.nic);
		assert_int_equal(f->nic.sends, 5);
		for (unsigned int i = 0; i < 3; i++)
			ring_expect(ring, head[i], 0);
		f->nic.nic.sendable(&f->nic.nic); /* spurious */
		assert_int_equal(f->nic.sends, 5);
		/* notifications count again */
		assert_true(transmit(f, &plain, frame, 60));
	}
}

static void blocked_frame_dies_with_a_reset(void **state)
{
	struct fixture *f = *state;
	const uint8_t *frame = make_frame(f, broadcast, -1, 60);

	drive(f, none());
	f->nic.verdict = -EAGAIN;
	offer_frame(f, &plain, frame, 60);
	guest_notify(&f->guest, ANVIL_NET_TX);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	ram_watch(&f->guest.ram);
	f->nic.verdict = 0;
	f->nic.nic.sendable(&f->nic.nic);
	assert_int_equal(f->nic.sends, 1);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
	drive(f, none());
	assert_true(transmit(f, &plain, frame, 60));
}

static void broken_transmit_ring_breaks_the_device(void **state)
{
	struct fixture *f = *state;
	uint16_t head;

	drive(f, none());
	head = offer_frame(f, &plain, make_frame(f, broadcast, -1, 60), 60);
	ring_offer(&f->guest.ring[ANVIL_NET_TX], QUEUE);
	guest_notify(&f->guest, ANVIL_NET_TX);
	ring_expect(&f->guest.ring[ANVIL_NET_TX], head, 0);
	assert_int_equal(guest_status(&f->guest), STATUS_BROKEN);
	assert_int_equal(f->guest.refusals, 1);
	assert_int_equal(f->guest.refused_queue, ANVIL_NET_TX);
	assert_int_equal(f->guest.refused_err, -EPROTO);
	assert_int_equal(f->nic.sends, 1);
}

/* ---- receive ---- */

static uint16_t offer_buffer(struct fixture *f, uint64_t gpa, uint32_t len)
{
	struct buffer b = { gpa, len, WRITABLE };

	ram_fill(&f->guest.ram, gpa, 0xee, len);
	return ring_chain(&f->guest.ring[ANVIL_NET_RX], &b, 1);
}

static int receive_with(struct fixture *f, const uint8_t *frame, uint32_t len,
			struct anvil_nic_offload offload)
{
	/* an allocation of exactly that length, so that a read beyond it is seen */
	uint8_t *copy = malloc(len ? len : 1);
	struct anvil_nic_frame from_host = { copy, len, offload };

	assert_non_null(copy);
	memcpy(copy, frame, len);

	int result = f->nic.nic.receive(&f->nic.nic, &from_host);

	assert_memory_equal(copy, frame, len);
	free(copy);
	return result;
}

static int receive(struct fixture *f, const uint8_t *frame, uint32_t len)
{
	return receive_with(f, frame, len, (struct anvil_nic_offload){ .gso = ANVIL_NIC_GSO_NONE });
}

/* Whether a frame arrives, with one large buffer there; the content is checked, save at `except`.
 */
static bool arrives_with(struct fixture *f, const uint8_t *frame, uint32_t len,
			 struct anvil_nic_offload offload, uint32_t except)
{
	struct ring *ring = &f->guest.ring[ANVIL_NET_RX];
	static uint8_t got[ANVIL_NIC_FRAME_BYTES_MAX];
	uint32_t room = RAM_BYTES + 0x800;
	uint16_t head;

	drive(f, f->net.dev.driver); /* a fresh ring */
	head = offer_buffer(f, RX_AT, room);
	assert_int_equal(receive_with(f, frame, len, offload), 0);
	if (ring_published(ring) == 0) {
		assert_int_equal(ram_get8(&f->guest.ram, RX_AT), 0xee);
		assert_int_equal(f->guest.irq, false);
		return false;
	}
	ring_expect(ring, head, HDR + len);
	assert_true(f->guest.irq);
	ram_get(&f->guest.ram, RX_AT, &f->header, HDR);
	assert_int_equal(le16toh(f->header.num_buffers), 1);
	ram_get(&f->guest.ram, RX_AT + HDR, got, len);
	if (except) {
		got[except] = frame[except];
		got[except + 1] = frame[except + 1];
	}
	assert_memory_equal(got, frame, len);
	assert_int_equal(ram_get8(&f->guest.ram, RX_AT + HDR + len), 0xee);
	return true;
}

/* The same without a reset before, since that empties the filters. */
static bool passes(struct fixture *f, const uint8_t *frame, uint32_t len)
{
	struct ring *ring = &f->guest.ring[ANVIL_NET_RX];

	if (ring->avail_idx == ring->used_idx)
		offer_buffer(f, RX_AT, 2048);
	assert_int_equal(receive(f, frame, len), 0);
	if (ring_published(ring) == ring->used_idx)
		return false;
	ring->used_idx++;
	return true;
}

static bool passes_to(struct fixture *f, const uint8_t *to)
{
	return passes(f, make_frame(f, to, -1, 60), 60);
}

static bool passes_vlan(struct fixture *f, int tag)
{
	return passes(f, make_frame(f, f->options.mac, tag, 60), 60);
}

static void frames_of_legal_length_are_received(void **state)
{
	static const struct {
		uint32_t len;
		int vlan;
		bool passes;
	} t[] = { { 0, -1, false },	  { 13, -1, false },	   { 14, -1, true },
		  { MTU + 14, -1, true }, { MTU + 15, -1, false }, { MTU + 18, 5, true },
		  { MTU + 19, 5, false }, { 65535, -1, false } };
	struct fixture *f = *state;

	drive(f, none());
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		const uint8_t *frame = make_frame(f, broadcast, t[i].vlan, t[i].len);

		if (arrives_with(f, frame, t[i].len, (struct anvil_nic_offload){ 0 }, 0) !=
		    t[i].passes)
			fail_msg("%u bytes", t[i].len);
	}
}

static void tags_do_not_count_in_the_mtu_of_received_frames(void **state)
{
	struct fixture *f = *state;

	drive(f, none());
	for (size_t i = 0; i < ARRAY_SIZE(tagged); i++) {
		if (arrives_with(f, make_tagged(f, i), tagged[i].len,
				 (struct anvil_nic_offload){ 0 }, 0) != tagged[i].passes)
			fail_msg("%s", tagged[i].what);
	}
}

static void small_buffer_is_kept_for_a_smaller_frame(void **state)
{
	struct fixture *f = *state;
	struct ring *ring = &f->guest.ring[ANVIL_NET_RX];
	uint16_t head;

	drive(f, none());
	head = offer_buffer(f, RX_AT, HDR + 60);
	offer_buffer(f, RX_AT + 0x400, 2000); /* without MRG_RXBUF one buffer has to do */
	assert_int_equal(receive(f, make_frame(f, broadcast, -1, 61), 61), 0);
	ring_expect_none(ring);
	assert_int_equal(receive(f, make_frame(f, broadcast, -1, 60), 60), 0);
	ring_expect(ring, head, HDR + 60);
	ring_expect_none(ring);
}

static void received_frames_fill_whatever_descriptors_there_are(void **state)
{
	struct fixture *f = *state;
	struct ring *ring = &f->guest.ring[ANVIL_NET_RX];
	uint8_t got[HDR + 60];

	drive(f, none());
	for (uint32_t first = 0; first <= HDR + 60; first++) {
		struct buffer b[] = { { RAM_SEAM - 30, first, WRITABLE },
				      { RAM_SEAM - 30 + first, HDR + 60 - first, WRITABLE } };
		uint16_t head = ring_chain(ring, b, 2);

		ram_fill(&f->guest.ram, RAM_SEAM - 30, 0xee, sizeof(got));
		assert_int_equal(receive(f, make_frame(f, broadcast, -1, 60), 60), 0);
		ring_expect(ring, head, HDR + 60);
		ram_get(&f->guest.ram, RAM_SEAM - 30, got, sizeof(got));
		assert_memory_equal(got, "\0\0\0\0\0\0\0\0\0\0\1\0", HDR);
		assert_memory_equal(got + HDR, f->frame, 60);
	}
}

/* 5.1.9.4.1: all but the last to the brim, published together, counted in the header */
static void mergeable_frames_fill_buffer_after_buffer(void **state)
{
	static const struct {
		uint32_t room[5];
		uint32_t used[5];
		unsigned int count;
	} t[] = {
		{ { 1000 }, { HDR + 100 }, 1 },
		{ { HDR + 100 }, { HDR + 100 }, 1 },
		{ { HDR + 99, 1000 }, { HDR + 99, 1 }, 2 },
		{ { HDR, 100 }, { HDR, 100 }, 2 },
		{ { HDR, 101 }, { HDR, 100 }, 2 },
		{ { HDR + 1, HDR, HDR + 38, 50 }, { HDR + 1, HDR, HDR + 38, 37 }, 4 },
		{ { 20, 25, 25, 25, 25 }, { 20, 25, 25, 25, 17 }, 5 },
	};
	struct fixture *f = *state;
	struct ring *ring = &f->guest.ring[ANVIL_NET_RX];

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint8_t got[HDR + 100];
		uint32_t at = 0;

		drive(f, features(VIRTIO_NET_F_MRG_RXBUF, -1));
		for (unsigned int n = 0; n < t[i].count; n++)
			offer_buffer(f, RX_AT + 0x400 * n, t[i].room[n]);
		offer_buffer(f, RX_AT + 0x4000, 1000); /* one more than is needed */
		ram_watch(&f->guest.ram);
		assert_int_equal(receive(f, make_frame(f, broadcast, -1, 100), 100), 0);
		for (uint16_t n = 0; n < t[i].count; n++) {
			ram_get(&f->guest.ram, RX_AT + 0x400u * n, got + at, t[i].used[n]);
			at += t[i].used[n];
			ring_expect(ring, n, t[i].used[n]);
			assert_int_equal(t[i].room[n] == t[i].used[n] ||
						 ram_get8(&f->guest.ram,
							  RX_AT + 0x400u * n + t[i].used[n]) ==
							 0xee,
					 true);
		}
		ring_expect_none(ring);
		assert_int_equal(at, sizeof(got));
		assert_int_equal(got[10], t[i].count);
		assert_int_equal(got[11], 0);
		assert_memory_equal(got + HDR, f->frame, 100);
	}
}

static void unusable_receive_buffers_are_passed_through(void **state)
{
	/* used with length 0: device-readable, too small for a header, both */
	static const struct buffer bad[][2] = {
		{ { RX_AT, 2000, 0 }, { RX_AT, 0, 0 } },
		{ { RX_AT, HDR - 1, WRITABLE }, { RX_AT, 0, WRITABLE } },
		{ { RX_AT, 0, WRITABLE }, { RX_AT, 0, WRITABLE } },
		{ { RX_AT, 1, 0 }, { RX_AT, 2000, WRITABLE } },
		{ { RX_AT, 0, 0 }, { RX_AT, 2000, WRITABLE } },
	};
	struct fixture *f = *state;
	struct ring *ring = &f->guest.ring[ANVIL_NET_RX];

	for (unsigned int mergeable = 0; mergeable < 2; mergeable++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			uint16_t head[2];

			drive(f, mergeable ? features(VIRTIO_NET_F_MRG_RXBUF, -1) : none());
			head[0] = ring_chain(ring, bad[i], 2);
			head[1] = offer_buffer(f, RX_AT + 0x1000, 1000);
			assert_int_equal(receive(f, make_frame(f, broadcast, -1, 60), 60), 0);
			ring_expect(ring, head[0], 0);
			ring_expect(ring, head[1], HDR + 60);
			ring_expect_none(ring);
		}
	}
}

/* Nothing comes between the buffers of one frame, and the bad one is not counted. */
static void unusable_buffer_amid_mergeable_ones_is_passed_through(void **state)
{
	static const struct buffer bad = { RX_AT + 0x2000, 50, 0 };
	struct fixture *f = *state;
	struct ring *ring = &f->guest.ring[ANVIL_NET_RX];
	uint16_t head[3];

	drive(f, features(VIRTIO_NET_F_MRG_RXBUF, -1));
	head[0] = offer_buffer(f, RX_AT, 50);
	head[1] = ring_chain(ring, &bad, 1);
	head[2] = offer_buffer(f, RX_AT + 0x1000, 1000);
	assert_int_equal(receive(f, make_frame(f, broadcast, -1, 60), 60), 0);
	ring_expect(ring, head[1], 0);
	ring_expect(ring, head[0], 50);
	ring_expect(ring, head[2], HDR + 60 - 50);
	ring_expect_none(ring);
	assert_int_equal(ram_get16(&f->guest.ram, RX_AT + 10), 2);
}

static void frame_that_never_fits_is_dropped_and_costs_no_buffer(void **state)
{
	struct fixture *f = *state;
	struct ring *ring = &f->guest.ring[ANVIL_NET_RX];

	drive(f, features(VIRTIO_NET_F_MRG_RXBUF, -1));
	for (unsigned int i = 0; i < QUEUE; i++)
		offer_buffer(f, RX_AT + 0x100 * i, HDR + 1);
	ram_watch(&f->guest.ram);
	assert_int_equal(receive(f, make_frame(f, broadcast, -1, 13 * QUEUE), 13 * QUEUE), 0);
	ring_expect_none(ring);
	assert_int_equal(f->guest.ram.stores, 0);
	assert_true(f->guest.ram.fetches <= 1 + 2 * QUEUE);
	/* one that just fits takes all */
	assert_int_equal(
		receive(f, make_frame(f, broadcast, -1, 13 * QUEUE - HDR), 13 * QUEUE - HDR), 0);
	for (uint16_t i = 0; i < QUEUE; i++)
		ring_expect(ring, i, HDR + 1);
	assert_int_equal(ram_get16(&f->guest.ram, RX_AT + 10), QUEUE);
}

/* ---- waiting for buffers ---- */

static void frame_without_buffers_waits_and_the_nic_is_told_once(void **state)
{
	struct fixture *f = *state;

	for (unsigned int event = 0; event < 2; event++) {
		struct anvil_features set = features(VIRTIO_NET_F_MRG_RXBUF, -1);
		const uint8_t *frame = make_frame(f, broadcast, -1, 60);

		if (event)
			anvil_features_add(&set, VIRTIO_F_EVENT_IDX);
		drive(f, set);
		f->nic.receivables = 0;
		guest_notify(&f->guest, ANVIL_NET_RX); /* nobody waits yet */
		assert_int_equal(f->nic.receivables, 0);
		assert_int_equal(receive(f, frame, 60), -EAGAIN);
		offer_buffer(f, RX_AT, 50); /* not enough, and not to be lost */
		guest_notify(&f->guest, ANVIL_NET_RX);
		assert_int_equal(f->nic.receivables, 1);
		assert_int_equal(receive(f, frame, 60), -EAGAIN);
		ring_expect_none(&f->guest.ring[ANVIL_NET_RX]);
		if (event) /* asked for the next one, not for the one that is there */
			assert_int_equal(
				ram_get16(&f->guest.ram, f->guest.ring[0].used + 4 + 8 * QUEUE), 1);
		offer_buffer(f, RX_AT + 0x400, 50);
		guest_notify(&f->guest, ANVIL_NET_RX);
		guest_notify(&f->guest, ANVIL_NET_RX);
		assert_int_equal(f->nic.receivables, 2);
		assert_int_equal(receive(f, frame, 60), 0);
		ring_expect(&f->guest.ring[ANVIL_NET_RX], 0, 50);
		ring_expect(&f->guest.ring[ANVIL_NET_RX], 1, HDR + 60 - 50);
		assert_int_equal(f->guest.defers, 0);
	}
}

static void buffer_that_comes_while_we_go_to_sleep_is_found(void **state)
{
	struct fixture *f = *state;
	struct ring *ring = &f->guest.ring[ANVIL_NET_RX];
	struct ram *ram = &f->guest.ram;

	drive(f, none());
	ring_desc(ring, 0, RX_AT, 2000, WRITABLE, 0);
	ram_watch(ram);
	ram->race_at = ram->race_gpa = ring->avail + 2;
	ram->race_after = 1;
	ram->race_value = 1;
	ram->race_len = 2;
	assert_int_equal(receive(f, make_frame(f, broadcast, -1, 60), 60), -EAGAIN);
	assert_int_equal(f->guest.defers, 1);
	assert_int_equal(f->nic.receivables, 0);
	anvil_mmio_poll(&f->guest.mmio);
	assert_int_equal(f->nic.receivables, 1);
	assert_int_equal(receive(f, make_frame(f, broadcast, -1, 60), 60), 0);
	assert_int_equal(ring_published(ring), 1);
}

/* The work for one frame is bounded; the frame waits, and nobody has to notify again. */
static void ring_of_unusable_buffers_is_passed_through_at_a_time(void **state)
{
	static const struct buffer bad = { RX_AT, 2000, 0 };
	struct fixture *f = *state;
	struct ring *ring = &f->guest.ring[ANVIL_NET_RX];
	const uint8_t *frame = make_frame(f, broadcast, -1, 60);

	drive(f, none());
	for (unsigned int i = 0; i < QUEUE; i++)
		ring_chain(ring, &bad, 1);
	assert_int_equal(receive(f, frame, 60), -EAGAIN);
	for (uint16_t i = 0; i < QUEUE; i++)
		ring_expect(ring, i, 0);
	assert_int_equal(f->guest.defers, 1);
	offer_buffer(f, RX_AT, 2000);
	assert_int_equal(f->nic.receivables, 0);
	anvil_mmio_poll(&f->guest.mmio);
	assert_int_equal(f->nic.receivables, 1);
	assert_int_equal(receive(f, frame, 60), 0);
	ring_expect(ring, 0, HDR + 60);
}

/* A nic that was told to wait must not wait for ever because the guest reset the device. */
static void waiting_nic_is_told_of_the_next_drivers_buffers(void **state)
{
	struct fixture *f = *state;

	for (unsigned int queue_only = 0; queue_only < 2; queue_only++) {
		drive(f, features(VIRTIO_F_RING_RESET, -1));
		f->nic.receivables = 0;
		assert_int_equal(receive(f, make_frame(f, broadcast, -1, 60), 60), -EAGAIN);
		if (queue_only) {
			reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, ANVIL_NET_RX);
			reg_write(&f->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
			ring_init(&f->guest.ring[0], &f->guest.ram, RAM_HIGH, QUEUE);
			assert_true(guest_start_queue(&f->guest, ANVIL_NET_RX));
		} else {
			drive(f, features(VIRTIO_F_RING_RESET, -1));
		}
		offer_buffer(f, RX_AT, 2000);
		guest_notify(&f->guest, ANVIL_NET_RX);
		assert_int_equal(f->nic.receivables, 1);
	}
}

static void frames_for_a_device_that_does_not_run_are_dropped(void **state)
{
	struct fixture *f = *state;
	const uint8_t *frame = make_frame(f, broadcast, -1, 60);

	assert_int_equal(receive(f, frame, 60), 0);
	assert_true(guest_negotiate(&f->guest, none()));
	ring_init(&f->guest.ring[0], &f->guest.ram, RAM_HIGH, QUEUE);
	assert_true(guest_start_queue(&f->guest, 0));
	offer_buffer(f, RX_AT, 2000);
	ram_watch(&f->guest.ram);
	assert_int_equal(receive(f, frame, 60), 0);
	assert_int_equal(f->guest.ram.fetches, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK);
	assert_int_equal(receive(f, frame, 60), 0);
	ring_expect(&f->guest.ring[0], 0, HDR + 60);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	ram_watch(&f->guest.ram);
	assert_int_equal(receive(f, frame, 60), 0);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
}

static void broken_receive_ring_breaks_the_device(void **state)
{
	struct fixture *f = *state;
	struct ring *ring = &f->guest.ring[ANVIL_NET_RX];

	drive(f, features(VIRTIO_NET_F_MRG_RXBUF, -1));
	offer_buffer(f, RX_AT, 50);
	ring_offer(ring, QUEUE);
	/* the first buffer was held when the second one showed the ring to be broken */
	assert_int_equal(receive(f, make_frame(f, broadcast, -1, 60), 60), 0);
	assert_int_equal(guest_status(&f->guest), STATUS_BROKEN);
	assert_int_equal(f->guest.refusals, 1);
	assert_int_equal(f->guest.refused_queue, ANVIL_NET_RX);
	assert_int_equal(f->guest.refused_err, -EPROTO);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
	ring_expect_none(ring);
	ram_watch(&f->guest.ram);
	assert_int_equal(receive(f, make_frame(f, broadcast, -1, 60), 60), 0);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
}

/* ---- receive offloads (5.1.9.4.1) ---- */

static void received_header_says_what_the_driver_accepted(void **state)
{
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
	static const int bit[] = { VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4,
				   VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_ECN };
	static const struct {
		const char *what;
		unsigned int accepted;
		const struct anvil_nic_offload *offload;
		bool passes;
		struct virtio_net_header header; /* num_buffers is 1 */
	} t[] = {
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
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct anvil_features set = none();
		struct virtio_net_header expected = t[i].header;
		bool completed = t[i].offload->needs_csum && !(t[i].accepted & C);

		for (unsigned int n = 0; n < ARRAY_SIZE(bit); n++) {
			if (t[i].accepted >> n & 1)
				anvil_features_add(&set, (unsigned int)bit[n]);
		}
		drive(f, set);
		if (arrives_with(f, make_frame(f, broadcast, -1, 1000), 1000, *t[i].offload,
				 completed ? 50 : 0) != t[i].passes)
			fail_msg("%s", t[i].what);
		if (!t[i].passes)
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

/* ---- the control queue (5.1.9.5) ---- */

static uint8_t command(struct fixture *f, uint8_t class, uint8_t number, const void *data,
		       uint32_t len)
{
	struct buffer b[] = { { CTRL_AT, 2, 0 },
			      { CTRL_AT + 2, len, 0 },
			      { CTRL_AT + 0x2000, 1, WRITABLE } };
	uint16_t head;

	ram_put(&f->guest.ram, CTRL_AT, &class, 1);
	ram_put(&f->guest.ram, CTRL_AT + 1, &number, 1);
	ram_put(&f->guest.ram, CTRL_AT + 2, data, len);
	ram_fill(&f->guest.ram, CTRL_AT + 0x2000, 0xee, 1);
	head = ring_chain(&f->guest.ring[ANVIL_NET_CTRL], b, ARRAY_SIZE(b));
	guest_notify(&f->guest, ANVIL_NET_CTRL);
	ring_expect(&f->guest.ring[ANVIL_NET_CTRL], head, 1);
	return ram_get8(&f->guest.ram, CTRL_AT + 0x2000);
}

#define RX   VIRTIO_NET_CTRL_RX
#define MAC  VIRTIO_NET_CTRL_MAC
#define VLAN VIRTIO_NET_CTRL_VLAN
#define OK   VIRTIO_NET_OK
#define ERR  VIRTIO_NET_ERR

static struct anvil_features ctrl(int a, int b)
{
	return features(VIRTIO_NET_F_CTRL_VQ, a, b, -1);
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(init_checks_its_options),
		TEST(config_space_shows_mac_link_and_mtu),
		TEST(control_queue_exists_if_negotiated),
		TEST(frames_of_legal_length_are_sent),
		TEST(tags_do_not_count_in_the_mtu_of_sent_frames),
		TEST(frames_are_sent_however_they_are_cut),
		TEST(malformed_transmit_buffers_are_dropped_and_returned),
		TEST(checksum_request_must_fit_the_frame),
		TEST(unused_header_fields_are_ignored),
		TEST(segmentation_request_must_fit_the_headers),
		TEST(segments_of_a_frame_are_bounded),
		TEST(segmentation_needs_its_feature),
		TEST(segmented_frames_may_be_long),
		TEST(blocked_nic_gets_the_same_frame_again),
		TEST(blocked_frame_dies_with_a_reset),
		TEST(broken_transmit_ring_breaks_the_device),
		TEST(frames_of_legal_length_are_received),
		TEST(tags_do_not_count_in_the_mtu_of_received_frames),
		TEST(small_buffer_is_kept_for_a_smaller_frame),
		TEST(received_frames_fill_whatever_descriptors_there_are),
		TEST(mergeable_frames_fill_buffer_after_buffer),
		TEST(unusable_receive_buffers_are_passed_through),
		TEST(unusable_buffer_amid_mergeable_ones_is_passed_through),
		TEST(frame_that_never_fits_is_dropped_and_costs_no_buffer),
		TEST(frame_without_buffers_waits_and_the_nic_is_told_once),
		TEST(buffer_that_comes_while_we_go_to_sleep_is_found),
		TEST(ring_of_unusable_buffers_is_passed_through_at_a_time),
		TEST(waiting_nic_is_told_of_the_next_drivers_buffers),
		TEST(frames_for_a_device_that_does_not_run_are_dropped),
		TEST(broken_receive_ring_breaks_the_device),
		TEST(received_header_says_what_the_driver_accepted),
		TEST(longest_segmented_frame_is_received),
		TEST(missing_checksums_are_completed),
		TEST(commands_are_checked),
		TEST(commands_need_their_feature),
		TEST(commands_without_room_for_an_ack_are_not_carried_out),
		TEST(modes_pass_and_suppress_kinds_of_frames),
		TEST(driver_without_ctrl_rx_gets_every_address),
		TEST(mac_table_lets_its_addresses_pass),
		TEST(refused_mac_tables_change_nothing),
		TEST(commands_are_bounded_in_length),
		TEST(mac_address_can_be_set),
		TEST(vlan_table_lets_its_tags_pass),
		TEST(promiscuous_mode_passes_every_vlan),
		TEST(reset_empties_the_filters),
		TEST(link_stops_frames_both_ways),
		TEST(link_changes_are_told_to_a_driver_that_wants_to_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
