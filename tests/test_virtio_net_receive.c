/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net.h: frames in, and frames that wait for buffers (5.1.9.4). */
#include "array_size.h"
#include "net_fixture.h"

/* ---- receive ---- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
