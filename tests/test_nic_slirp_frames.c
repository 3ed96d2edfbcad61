/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_slirp.h: frames wait, are dropped and counted, or are garbage; and libslirp is called under
 * the lock.
 */
#include "nic_slirp_rig.h"

#include <unistd.h>

/* libslirp has data for all networks of a process together. */
static void libslirp_is_called_under_the_lock(void **state)
{
	struct fixture *f = *state;
	struct anvil_nic_slirp_forward forward = { .udp = true, .guest_port = 7 };
	const struct anvil_nic_slirp_options options = { .forwards = &forward,
							 .forward_count = 1,
							 .lock = &all_networks };
	struct tcp t = { .sent = 1000, .port = 9 };
	unsigned int port;

	assert_int_equal(close(host_socket(SOCK_DGRAM, &port)), 0); /* was free just now */
	forward.host_port = (uint16_t)port;
	anvil_nic_slirp_close(&f->nic);
	calls = unlocked_calls = 0;
	assert_int_equal(open_nic(f, &options), 0);
	greet(f);
	tcp_send(f, &t, 0x02, "");
	(void)turn(f, 0);
	anvil_nic_slirp_close(&f->nic);
	assert_in_range(calls, 7, 100);
	assert_int_equal(unlocked_calls, 0);
	assert_int_equal(pthread_mutex_trylock(&all_networks), 0);
	assert_int_equal(pthread_mutex_unlock(&all_networks), 0);
	assert_int_equal(open_nic(f, &(struct anvil_nic_slirp_options){ 0 }), 0);
}

static void frames_wait_for_buffers_in_order(void **state)
{
	struct fixture *f = *state;

	f->full = true;
	for (uint32_t i = 0; i < RING; i++)
		guest_arp(f, 1, HOST + i % 2);
	assert_true(turn(f, 1000)); /* at once: send woke it */
	assert_int_equal(f->got, 0);
	assert_false(turn(f, 0)); /* and does not spin while the guest is full */
	assert_int_equal(f->nic.dropped_to_guest, 0);
	f->nic.nic.ops->receivable(&f->nic.nic);
	assert_int_equal(f->got, 0);
	f->full = false;
	f->nic.nic.ops->receivable(&f->nic.nic);
	assert_int_equal(f->got, RING);
	assert_int_equal(get32(f->frame + ETH + 14), HOST + (RING - 1) % 2);
}

static void frames_beyond_the_ring_are_dropped_and_counted(void **state)
{
	struct fixture *f = *state;

	for (unsigned int round = 0; round < 3; round++) { /* the ring wraps */
		f->full = true;
		for (unsigned int i = 0; i < RING + 3; i++)
			guest_arp(f, 1, HOST);
		(void)turn(f, 0);
		f->full = false;
		f->nic.nic.ops->receivable(&f->nic.nic);
		assert_int_equal(f->got, (round + 1) * RING);
		assert_int_equal(f->nic.dropped_to_guest, (round + 1) * 3);
		greet(f);
		f->got--;
	}
}

static void work_it_does_not_do_is_dropped(void **state)
{
	static uint8_t data[ANVIL_NIC_FRAME_BYTES_MAX];
	struct fixture *f = *state;
	struct anvil_nic_frame frame = { .data = data, .len = ANVIL_NIC_SLIRP_FRAME_BYTES + 1 };

	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	frame.len = ANVIL_NIC_FRAME_BYTES_MAX;
	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	frame.len = 60;
	frame.offload.needs_csum = true;
	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	frame.offload.gso = ANVIL_NIC_GSO_TCP4;
	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	assert_int_equal(f->nic.dropped_from_guest, 4);
	memset(&frame.offload, 0, sizeof(frame.offload));
	assert_int_equal(f->nic.nic.ops->send(&f->nic.nic, &frame), 0);
	assert_int_equal(f->nic.dropped_from_guest, 4);
}

/* Any bytes behind any Ethernet type: nothing but the process surviving is promised. */
static void garbage_from_the_guest_is_survived(void **state)
{
	static const unsigned int type[] = { 0x0800, 0x0806, 0x86dd, 0 };
	struct fixture *f = *state;
	uint8_t frame[200];
	uint32_t seed = 1;

	for (uint32_t round = 0; round < 4000; round++) {
		for (uint32_t i = 0; i < sizeof(frame); i++) {
			seed = seed * 1664525 + 1013904223;
			frame[i] = (uint8_t)(seed >> 24);
		}
		put_ethernet(f, frame, type[round % ARRAY_SIZE(type)]);
		frame[ETH] = 0x45;
		put32(frame + ETH + 16, 0x0a000209); /* nobody, should it be right by chance */
		guest_sends(f, frame, ETH + seed % (sizeof(frame) - ETH + 1));
	}
	(void)turn(f, 0);
	greet(f);
}

static void small_arrays_and_no_sockets_are_enough(void **state)
{
	struct fixture *f = *state;
	struct pollfd one;
	int timeout = -1;

	assert_int_equal(anvil_nic_slirp_fill(&f->nic, &one, 1, &timeout), 1);
	anvil_nic_slirp_dispatch(&f->nic, &one, 1);
	timeout = 0;
	(void)anvil_nic_slirp_fill(&f->nic, &one, 1, &timeout);
	assert_int_equal(timeout, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(libslirp_is_called_under_the_lock),
		TEST(frames_wait_for_buffers_in_order),
		TEST(frames_beyond_the_ring_are_dropped_and_counted),
		TEST(work_it_does_not_do_is_dropped),
		TEST(garbage_from_the_guest_is_survived),
		TEST(small_arrays_and_no_sockets_are_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
