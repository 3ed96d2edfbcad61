/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network device of one pair of queues with everything on offer, its driver, and a host that
 * sends and receives frames: for the tests of what needs no more queues. See net.h for several.
 */
#ifndef TESTS_NET_FIXTURE_H
#define TESTS_NET_FIXTURE_H

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

static inline struct anvil_features everything(void)
{
	struct anvil_features set = { { 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(all_features); i++)
		anvil_features_add(&set, (unsigned int)all_features[i]);
	return set;
}

/* The rings of support.h are split ones. */
static inline struct anvil_features everything_split(void)
{
	struct anvil_features set = everything();

	set.word[0] &= ~(1ull << VIRTIO_F_RING_PACKED);
	return set;
}

static inline struct anvil_features none(void)
{
	return features(-1);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_net_destroy(&f->net);
	test_nic_destroy(&f->nic);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

static inline void drive(struct fixture *f, struct anvil_features set)
{
	guest_drive(&f->guest, set, anvil_features_has(&set, VIRTIO_NET_F_CTRL_VQ) ? 3 : 2, QUEUE);
	guest_take_interrupts(&f->guest);
}

/* ---- frames ---- */

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* A frame to `to` of any content, with a VLAN tag if `vlan` >= 0; work space of the fixture. */
static inline const uint8_t *make_frame(struct fixture *f, const uint8_t *to, int vlan,
					uint32_t len)
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

static inline const uint8_t *make_tagged(struct fixture *f, size_t i)
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
static inline uint16_t offer_frame(struct fixture *f, const struct virtio_net_header *header,
				   const uint8_t *frame, uint32_t len)
{
	struct buffer b = { TX_AT, HDR + len, 0 };

	ram_put(&f->guest.ram, TX_AT, header, HDR);
	ram_put(&f->guest.ram, TX_AT + HDR, frame, len);
	return ring_chain(&f->guest.ring[ANVIL_NET_TX], &b, 1);
}

/* Sends it; whatever it is, its buffers come back. Returns whether the nic got it. */
static inline bool transmit(struct fixture *f, const struct virtio_net_header *header,
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

/* ---- receive ---- */

static inline uint16_t offer_buffer(struct fixture *f, uint64_t gpa, uint32_t len)
{
	struct buffer b = { gpa, len, WRITABLE };

	ram_fill(&f->guest.ram, gpa, 0xee, len);
	return ring_chain(&f->guest.ring[ANVIL_NET_RX], &b, 1);
}

static inline int receive_with(struct fixture *f, const uint8_t *frame, uint32_t len,
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

static inline int receive(struct fixture *f, const uint8_t *frame, uint32_t len)
{
	return receive_with(f, frame, len, (struct anvil_nic_offload){ .gso = ANVIL_NIC_GSO_NONE });
}

/* Whether a frame arrives, with one large buffer there; the content is checked, save at `except`.
 */
static inline bool arrives_with(struct fixture *f, const uint8_t *frame, uint32_t len,
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
static inline bool passes(struct fixture *f, const uint8_t *frame, uint32_t len)
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

/* ---- the control queue (5.1.9.5) ---- */

static inline uint8_t command(struct fixture *f, uint8_t class, uint8_t number, const void *data,
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

static inline struct anvil_features ctrl(int a, int b)
{
	return features(VIRTIO_NET_F_CTRL_VQ, a, b, -1);
}

/* ---- registration ---- */

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
