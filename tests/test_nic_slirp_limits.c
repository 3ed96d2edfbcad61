/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_slirp.h: what a guest can have kept or opened is bounded: neighbours, fragments, flows,
 * descriptors.
 */
#include "nic_slirp_rig.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define NAME_SERVER 0x0a000203u

static void answers_come_from_neighbours_alone(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[IP + 8] = { [IP] = 8, [IP + 1] = 0 }; /* an echo request */
	unsigned int before;

	greet(f);
	put16(frame + IP + 2, 0xf7ff);
	before = inputs;
	for (unsigned int i = 0; i < 1000; i++) {
		put_ip(f, frame, sizeof(frame), 1, 0x0a000210 + i % 64, HOST);
		guest_sends(f, frame, sizeof(frame));
	}
	assert_int_equal(inputs - before, 64);
	put_ip(f, frame, sizeof(frame), 1, GUEST, HOST);
	guest_sends(f, frame, sizeof(frame)); /* who answered ARP goes on */
	assert_int_equal(inputs - before, 65);
}

/* Whether an answer to this address, which has not asked for anything, comes to libslirp. */
static bool passes(struct fixture *f, uint32_t from)
{
	uint8_t frame[IP + 8] = { [IP] = 8, [IP + 1] = 0 }; /* an echo request */
	unsigned int before = inputs;

	put16(frame + IP + 2, 0xf7ff);
	put_ip(f, frame, sizeof(frame), 1, from, HOST);
	guest_sends(f, frame, sizeof(frame));
	return inputs > before;
}

/*
 * As libslirp learns them: from a reply, from who asks for the host or the name server, and from
 * who asks for itself.
 */
static void neighbours_are_who_says_so(void **state)
{
	enum { NOBODY = 0x0a000290, ANNOUNCED, REPLIED, ASKED_OTHERS, ASKED_HOST, ASKED_NAMES };
	struct fixture *f = *state;

	greet(f);
	for (uint32_t other = 0x0a000210; passes(f, other); other++)
		assert_true(other < 0x0a000280);
	assert_false(passes(f, NOBODY));
	guest_arp_from(f, ANNOUNCED, 1, ANNOUNCED);
	assert_true(passes(f, ANNOUNCED));
	guest_arp_from(f, REPLIED, 2, NOBODY);
	assert_true(passes(f, REPLIED));
	guest_arp_from(f, ASKED_OTHERS, 1, NOBODY);
	assert_false(passes(f, ASKED_OTHERS));
	guest_arp_from(f, ASKED_HOST, 1, HOST);
	assert_true(passes(f, ASKED_HOST));
	guest_arp_from(f, ASKED_NAMES, 1, NAME_SERVER);
	assert_true(passes(f, ASKED_NAMES));
	assert_false(passes(f, NOBODY));
}

static void packets_of_other_versions_are_refused(void **state)
{
	static const uint8_t first[] = { 0x55, 0x65, 0x35, 0x05, 0x44, 0x40 };
	struct fixture *f = *state;
	uint8_t frame[IP + 8] = { 0 };
	unsigned int before;

	greet(f);
	before = inputs;
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		put_ip(f, frame, sizeof(frame), 17, GUEST, HOST);
		frame[ETH] = first[i];
		put16(frame + ETH + 10, 0);
		put16(frame + ETH + 10, ~folded(sum(frame + ETH, (first[i] & 0xfu) * 4)) & 0xffff);
		guest_sends(f, frame, sizeof(frame));
		assert_int_equal(f->nic.refused_from_guest, i + 1);
	}
	assert_int_equal(inputs, before);
}

/* One fragment; the next ones of a datagram have the same `id`. */
static void fragment(struct fixture *f, uint16_t id, uint32_t offset, uint32_t bytes, bool more)
{
	uint8_t frame[ANVIL_NIC_SLIRP_FRAME_BYTES] = { 0 };

	put_ip(f, frame, IP + bytes, 17, GUEST, HOST);
	put16(frame + ETH + 4, id);
	put16(frame + ETH + 6, (offset / 8 | (more ? 0x2000u : 0)) & 0xffff);
	put16(frame + ETH + 10, 0);
	put16(frame + ETH + 10, ~folded(sum(frame + ETH, 20)) & 0xffff);
	guest_sends(f, frame, IP + bytes);
}

static void fragments_kept_are_bounded(void **state)
{
	struct fixture *f = *state;
	unsigned int before;
	size_t kept;

	greet(f);
	before = inputs;
	kept = mallinfo2().uordblks;
	for (uint32_t i = 0; i < 20000; i++)
		fragment(f, (uint16_t)i, 0, 1480, true);
	assert_int_equal(inputs - before, ANVIL_NIC_SLIRP_REASSEMBLIES);
	assert_int_equal(f->nic.refused_from_guest, 20000 - ANVIL_NIC_SLIRP_REASSEMBLIES);
	/* of one datagram: pieces of 8 bytes */
	for (uint32_t i = 0; i < 4000; i++)
		fragment(f, 0, 1480 + 8 * i, 8, true);
	assert_int_equal(inputs - before,
			 ANVIL_NIC_SLIRP_REASSEMBLIES + ANVIL_NIC_SLIRP_FRAGMENTS - 1);
	kept = mallinfo2().uordblks - kept;
	if (kept > 4096 * (ANVIL_NIC_SLIRP_REASSEMBLIES + ANVIL_NIC_SLIRP_FRAGMENTS))
		fail_msg("%zu bytes are kept", kept);
}

/* libslirp is not given them: they must not keep others out. */
static void empty_fragments_take_no_place(void **state)
{
	struct fixture *f = *state;
	unsigned int before;

	greet(f);
	before = inputs;
	for (uint32_t i = 0; i < 2 * ANVIL_NIC_SLIRP_REASSEMBLIES; i++)
		fragment(f, (uint16_t)i, 0, 0, true);
	assert_int_equal(inputs - before, 0);
	fragment(f, 100, 0, 64, true);
	fragment(f, 100, 64, 0, true);
	assert_int_equal(inputs - before, 1);
	fragment(f, 100, 64, 64, false);
	assert_int_equal(inputs - before, 2);
}

/* A datagram in another order is lost, as networks lose them. */
static void fragments_go_from_front_to_back(void **state)
{
	struct fixture *f = *state;
	unsigned int before;

	greet(f);
	before = inputs;
	fragment(f, 1, 64, 64, false);
	fragment(f, 1, 64, 64, true);
	assert_int_equal(inputs - before, 0);
	fragment(f, 1, 0, 64, true);
	assert_int_equal(inputs - before, 1);
	fragment(f, 1, 0, 64, true);	   /* once more */
	fragment(f, 1, 56, 64, false);	   /* overlaps */
	fragment(f, 1, 72, 64, false);	   /* leaves some out */
	fragment(f, 1, 64, 0, false);	   /* has nothing */
	fragment(f, 1, 0x40000, 64, true); /* a reserved bit */
	assert_int_equal(inputs - before, 1);
	fragment(f, 1, 64, 64, false);
	assert_int_equal(inputs - before, 2);
	fragment(f, 1, 128, 64, false);
	assert_int_equal(inputs - before, 2);
}

/* The guard keeps a fragment in mind for longer than it lets others follow. */
static void fragments_do_not_wait_for_long(void **state)
{
	struct fixture *f = *state;
	unsigned int before;

	greet(f);
	before = inputs;
	fragment(f, 1, 0, 64, true);
	fragment(f, 2, 0, 64, true);
	for (int64_t i = 1; i < 30; i++)
		anvil_nic_slirp_guard_tick(f->nic.guard, 1000000000 + i * 500);
	fragment(f, 1, 64, 64, false);
	assert_int_equal(inputs - before, 3);
	anvil_nic_slirp_guard_tick(f->nic.guard, 1000000000 + 30 * 500);
	fragment(f, 2, 64, 64, false);
	assert_int_equal(inputs - before, 3);
}

/* Whoever sends whole datagrams in pieces may send any number of them. */
static void complete_datagrams_make_room(void **state)
{
	struct fixture *f = *state;
	unsigned int before;

	greet(f);
	before = inputs;
	for (uint32_t i = 0; i < 10 * ANVIL_NIC_SLIRP_REASSEMBLIES; i++) {
		fragment(f, (uint16_t)i, 0, 1480, true);
		fragment(f, (uint16_t)i, 1480, 1480, true);
		fragment(f, (uint16_t)i, 2960, 100, false);
	}
	assert_int_equal(inputs - before, 30 * ANVIL_NIC_SLIRP_REASSEMBLIES);
	assert_int_equal(f->nic.refused_from_guest, 0);
}

/* What libslirp throws away must not look like the end of a datagram. */
static void fragments_with_bad_headers_do_not_count(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[IP + 100] = { 0 };
	unsigned int before;

	greet(f);
	before = inputs;
	for (uint32_t i = 0; i < 10 * ANVIL_NIC_SLIRP_REASSEMBLIES; i++) {
		fragment(f, (uint16_t)i, 0, 1480, true);
		put_ip(f, frame, sizeof(frame), 17, GUEST, HOST);
		put16(frame + ETH + 4, i);
		put16(frame + ETH + 6, 1480 / 8); /* the sum is wrong now */
		guest_sends(f, frame, sizeof(frame));
		put16(frame + ETH + 10, 0);
		frame[ETH + 8] = 0; /* no time to live */
		put16(frame + ETH + 10, ~folded(sum(frame + ETH, 20)) & 0xffff);
		guest_sends(f, frame, sizeof(frame));
	}
	assert_int_equal(inputs - before, ANVIL_NIC_SLIRP_REASSEMBLIES);
}

static void flows_are_bounded_and_go_on(void **state)
{
	struct fixture *f = *state;
	const struct anvil_nic_slirp_options options = { .ring_frames = RING,
							 .host = true,
							 .flows = 20 };
	uint8_t frame[UDP + 8], text[16];
	struct tcp t = { .sent = 1000 };
	unsigned int port;
	int fd = host_socket(SOCK_DGRAM, &port);
	int listener = host_socket(SOCK_STREAM, &t.port);

	assert_int_equal(listen(listener, 1), 0);
	reopen(f, &options);
	memcpy(frame + UDP, "question", 8);
	for (unsigned int i = 0; i < 500; i++)
		guest_sends(f, frame, put_udp(f, frame, 8, HOST, 1000 + i, port));
	for (unsigned int i = 0; i < 50; i++) /* the port of DHCP, which is not asked there */
		guest_sends(f, frame, put_udp(f, frame, 8, 0x7f000001, 3000 + i, 67));
	tcp_send(f, &t, 0x02, "");
	assert_int_equal(anvil_nic_slirp_flows(&f->nic), 20);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(recv(fd, text, sizeof(text), 0), 8);
	assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
	/* those that there are go on */
	guest_sends(f, frame, put_udp(f, frame, 8, HOST, 1019, port));
	assert_int_equal(recv(fd, text, sizeof(text), 0), 8);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(listener), 0);
}

/* Who connects to a forward waits in the kernel: that is no way around the limit. */
static void connections_of_a_forward_wait(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct anvil_nic_slirp_forward forward = { .guest_port = 80 };
	const struct anvil_nic_slirp_options options = {
		.ring_frames = RING, .flows = 2, .forwards = &forward, .forward_count = 1
	};
	unsigned int port;
	int fd[6];

	assert_int_equal(close(host_socket(SOCK_STREAM, &port)), 0); /* was free just now */
	forward.host_port = (uint16_t)port;
	a.sin_port = htons(forward.host_port);
	reopen(f, &options);
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(fd[i] >= 0);
		(void)connect(fd[i], (struct sockaddr *)&a, sizeof(a));
		for (int n = 0; n < 4; n++)
			(void)turn(f, 10);
	}
	assert_int_equal(anvil_nic_slirp_flows(&f->nic), 2);
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++)
		assert_int_equal(close(fd[i]), 0);
}

/* A process may run out of descriptors, by a guest that opens sockets: then it goes on. */
static void few_descriptors_stop_no_card(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, few;
	const struct anvil_nic_slirp_options options = { .ring_frames = RING, .host = true };
	uint8_t frame[UDP + 8];
	unsigned int port;
	int fd = host_socket(SOCK_DGRAM, &port);
	int next = dup(fd);

	assert_int_equal(close(next), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)next + 10 + ANVIL_NIC_SLIRP_FDS_KEPT;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	reopen(f, &options);
	memcpy(frame + UDP, "question", 8);
	for (unsigned int i = 0; i < 500; i++)
		guest_sends(f, frame, put_udp(f, frame, 8, HOST, 1000 + i, port));
	assert_in_range(anvil_nic_slirp_flows(&f->nic), 6, 11);
	for (unsigned int i = 0; i + 4 < ANVIL_NIC_SLIRP_FDS_KEPT; i++) /* are left to others */
		assert_true(dup(fd) >= 0);
	assert_true(turn(f, 0)); /* poll takes what fill gave it */
	greet(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = fd + 1; i < next + 10 + (int)ANVIL_NIC_SLIRP_FDS_KEPT; i++)
		(void)(i != f->nic.wake && i > next + 10 && close(i));
	assert_int_equal(close(fd), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(answers_come_from_neighbours_alone),      TEST(neighbours_are_who_says_so),
		TEST(packets_of_other_versions_are_refused),   TEST(fragments_kept_are_bounded),
		TEST(empty_fragments_take_no_place),	       TEST(complete_datagrams_make_room),
		TEST(fragments_go_from_front_to_back),	       TEST(fragments_do_not_wait_for_long),
		TEST(fragments_with_bad_headers_do_not_count), TEST(flows_are_bounded_and_go_on),
		TEST(connections_of_a_forward_wait),	       TEST(few_descriptors_stop_no_card),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
