/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: frames out (5.1.9.2), and a nic that cannot take them yet. */
#include "array_size.h"
#include "net_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_of_legal_length_are_sent),
		TEST(tags_do_not_count_in_the_mtu_of_sent_frames),
		TEST(frames_are_sent_however_they_are_cut),
		TEST(malformed_transmit_buffers_are_dropped_and_returned),
		TEST(checksum_request_must_fit_the_frame),
		TEST(unused_header_fields_are_ignored),
		TEST(blocked_nic_gets_the_same_frame_again),
		TEST(blocked_frame_dies_with_a_reset),
		TEST(broken_transmit_ring_breaks_the_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
