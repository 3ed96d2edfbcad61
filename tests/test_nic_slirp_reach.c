/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_slirp.h: what of the host the guest reaches, and what comes in by forwards.
 */
#include "nic_slirp_rig.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>

static void forwards_bring_in_datagrams(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct anvil_nic_slirp_forward forward = { .udp = true, .guest_port = 7 };
	struct anvil_nic_slirp_options options = { .forwards = &forward,
						   .forward_count = 1,
						   .isolated = true };
	unsigned int port;

	assert_int_equal(close(host_socket(SOCK_DGRAM, &port)), 0); /* was free just now */
	anvil_nic_slirp_close(&f->nic);
	forward.host_port = (uint16_t)port;
	a.sin_port = htons(forward.host_port);
	assert_int_equal(open_nic(f, &options), 0);

	int fd = host_socket(SOCK_DGRAM, &port);

	greet(f);
	assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&a, sizeof(a)), 5);
	expect_frame(f, f->got);
	assert_int_equal(f->frame[ETH + 9], 17);
	assert_int_equal(get32(f->frame + ETH + 16), GUEST);
	assert_int_equal(get16(f->frame + IP + 2), 7);
	assert_memory_equal(f->frame + UDP, "hello", 5);
	assert_int_equal(close(fd), 0);
}

/* An address of the host's that is not 127.0.0.1, or 0. */
static uint32_t other_own_address(void)
{
	struct ifaddrs *all;
	uint32_t address = 0;

	assert_int_equal(getifaddrs(&all), 0);
	for (struct ifaddrs *a = all; a && !address; a = a->ifa_next) {
		struct sockaddr_in in;

		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET ||
		    a->ifa_flags & IFF_LOOPBACK)
			continue;
		memcpy(&in, a->ifa_addr, sizeof(in));
		address = ntohl(in.sin_addr.s_addr);
	}
	freeifaddrs(all);
	return address;
}

static int listen_everywhere(int type, unsigned int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 16), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* Whether a connection, and a datagram, from the guest to this address reach sockets of the host */
static bool reached(struct fixture *f, uint32_t to, int listener, struct tcp t, int datagrams,
		    unsigned int port)
{
	static unsigned int from_port = 20000;
	struct pollfd p[] = { { .fd = listener, .events = POLLIN },
			      { .fd = datagrams, .events = POLLIN } };
	uint8_t frame[UDP + 8], text[16];
	bool tcp;

	t.to = to;
	t.from_port = ++from_port;
	tcp_send(f, &t, 0x02, "");
	memcpy(frame + UDP, "question", 8);
	guest_sends(f, frame, put_udp(f, frame, 8, to, from_port, port));
	for (int i = 0; i < 3 && poll(p, 2, 0) < 2; i++)
		(void)turn(f, 20); /* a connection inside the host takes no time */
	(void)poll(p, 2, 0);
	tcp = p[0].revents & POLLIN;
	if (tcp)
		assert_int_equal(close(accept(listener, NULL, NULL)), 0);
	if (p[1].revents & POLLIN)
		assert_int_equal(recv(datagrams, text, sizeof(text), 0), 8);
	assert_int_equal(tcp, !!(p[1].revents & POLLIN));
	return tcp;
}

static void host_is_reached_only_when_asked_for(void **state)
{
	struct fixture *f = *state;
	uint32_t own = other_own_address();
	const uint32_t to[] = { HOST,	    0x7f000001, 0x7f000002, 0x7fffffff,
				0x00000000, 0x00000001, own };
	struct tcp t = { .sent = 1000 };
	unsigned int port;
	int listener = listen_everywhere(SOCK_STREAM, &t.port);
	int datagrams = listen_everywhere(SOCK_DGRAM, &port);

	for (unsigned int open = 0; open < 2; open++) {
		struct anvil_nic_slirp_options options = { .ring_frames = RING, .host = open };

		reopen(f, &options);
		for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
			/* who may reach the host reaches what is there: not all of 0.0.0.0/8 */
			bool there = open && (i < 3 || (i == 6 && own));

			if (i > 2 && open && !there)
				continue;
			if (reached(f, to[i], listener, t, datagrams, port) != there)
				fail_msg("%08x, %s", to[i], open ? "open" : "closed");
		}
	}
	assert_int_equal(close(listener), 0);
	assert_int_equal(close(datagrams), 0);
}

/* The guest is told at once, rather than left to wait. */
static void connection_to_the_host_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct anvil_nic_slirp_options closed = { .ring_frames = RING };
	struct tcp t = { .sent = 1000 };
	int listener = host_socket(SOCK_STREAM, &t.port);

	assert_int_equal(listen(listener, 1), 0);
	reopen(f, &closed);
	tcp_send(f, &t, 0x02, "");
	expect_frame(f, f->got - (f->got > 1));
	assert_true(f->frame[ETH + 9] == 1 || f->frame[IP + 13] & 0x04); /* unreachable, or RST */
	assert_int_equal(anvil_nic_slirp_flows(&f->nic), 0);
	assert_int_equal(close(listener), 0);
}

static void forwards_come_in_though_the_host_is_closed(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct anvil_nic_slirp_forward forward = { .guest_port = 7 };
	const struct anvil_nic_slirp_options options = { .forwards = &forward, .forward_count = 1 };
	unsigned int port;

	assert_int_equal(close(host_socket(SOCK_STREAM, &port)), 0); /* was free just now */
	forward.host_port = (uint16_t)port;
	a.sin_port = htons(forward.host_port);
	reopen(f, &options);
	assert_int_equal(anvil_nic_slirp_flows(&f->nic), 0); /* who listens is none */

	int fd = host_socket(SOCK_STREAM, &port);

	(void)connect(fd, (struct sockaddr *)&a, sizeof(a));
	expect_frame(f, f->got);
	assert_int_equal(f->frame[ETH + 9], 6);
	assert_int_equal(get16(f->frame + IP + 2), 7);
	assert_int_equal(f->frame[IP + 13], 0x02);
	assert_int_equal(anvil_nic_slirp_flows(&f->nic), 1);
	assert_int_equal(close(fd), 0);
}

static void forwards_that_cannot_be_are_refused_with_advice(void **state)
{
	static const struct {
		struct anvil_nic_slirp_forward forward;
		const char *says;
	} t[] = {
		{ { false, "localhost", 1, NULL, 1 }, "localhost: is not an IPv4 address" },
		{ { false, NULL, 1, "10.0.3.1", 1 }, "10.0.3.1: is not an address of the guest's" },
		{ { true, NULL, 1, "x", 1 }, "x: is not an address of the guest's" },
		{ { true, NULL, 0, NULL, 1 }, "port 0 cannot be forwarded" },
		{ { true, NULL, 1, NULL, 0 }, "port 0 cannot be forwarded" },
	};
	struct fixture *f = *state;
	struct anvil_nic_slirp_forward busy = { .guest_port = 22 };
	struct anvil_nic_slirp_options options = { .forward_count = 1 };
	unsigned int port;
	int fd = host_socket(SOCK_STREAM, &port);

	assert_int_equal(listen(fd, 1), 0);
	anvil_nic_slirp_close(&f->nic);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		options.forwards = &t[i].forward;
		assert_int_equal(open_nic(f, &options), -EINVAL);
		assert_non_null(strstr(f->error, t[i].says));
	}
	busy.host_port = (uint16_t)port;
	options.forwards = &busy;
	assert_int_equal(open_nic(f, &options), -EADDRINUSE);
	assert_non_null(strstr(f->error, "cannot be forwarded: Address already in use; choose"));
	assert_null(strchr(f->error, '\n'));
	assert_int_equal(close(fd), 0);
	options.forward_count = 0;
	assert_int_equal(open_nic(f, &options), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(forwards_bring_in_datagrams),
		TEST(host_is_reached_only_when_asked_for),
		TEST(connection_to_the_host_is_refused),
		TEST(forwards_come_in_though_the_host_is_closed),
		TEST(forwards_that_cannot_be_are_refused_with_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
