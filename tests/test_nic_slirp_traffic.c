/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_slirp.h, driven by a guest of hand-made frames: ARP, DHCP, UDP and TCP. Beside the network
 * inside the process, only sockets of 127.0.0.1 are reached.
 */
#include "nic_slirp_rig.h"

#include <unistd.h>

static void gateway_answers_arp(void **state)
{
	struct fixture *f = *state;

	greet(f);
	assert_int_equal(f->got, 1);
	assert_memory_equal(f->frame, guest_mac, 6);
	assert_int_equal(get16(f->frame + 12), 0x0806);
	assert_int_equal(get16(f->frame + ETH + 6), 2);
	assert_int_equal(get32(f->frame + ETH + 14), HOST);
	assert_int_equal(get32(f->frame + ETH + 24), GUEST);
}

/* Finds a DHCP option; fails without it. */
static const uint8_t *dhcp_option(struct fixture *f, uint8_t code)
{
	uint32_t at = UDP + 240;

	while (at + 2 < f->len && f->frame[at] != 255 && f->frame[at] != code)
		at += 2u + f->frame[at + 1];
	assert_true(at + 2 < f->len && f->frame[at] == code);
	return f->frame + at + 2;
}

static void dhcp_offers_the_usual_address(void **state)
{
	static const uint8_t options[] = { 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255 };
	struct fixture *f = *state;
	uint8_t frame[UDP + 300] = { 0 };

	frame[UDP] = 1; /* request, by Ethernet */
	frame[UDP + 1] = 1;
	frame[UDP + 2] = 6;
	put32(frame + UDP + 4, 0xcafe1234);
	memcpy(frame + UDP + 28, guest_mac, 6);
	memcpy(frame + UDP + 236, options, sizeof(options));
	memset(f->gateway_mac, 0xff, 6);
	guest_sends(f, frame, put_udp(f, frame, 300, 0xffffffff, 68, 67));
	expect_frame(f, 0);
	assert_int_equal(get16(f->frame + IP + 2), 68);
	assert_int_equal(get32(f->frame + UDP + 4), 0xcafe1234);
	assert_int_equal(get32(f->frame + UDP + 16), GUEST);
	assert_int_equal(*dhcp_option(f, 53), 2);
	assert_int_equal(get32(dhcp_option(f, 3)), HOST);
	assert_int_equal(get32(dhcp_option(f, 54)), HOST);
}

static void udp_reaches_a_host_socket_and_comes_back(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[UDP + 8], text[16];
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	unsigned int port;
	int fd = host_socket(SOCK_DGRAM, &port);

	greet(f);
	memcpy(frame + UDP, "question", 8);
	guest_sends(f, frame, put_udp(f, frame, 8, HOST, 1234, port));
	await(f, fd);
	assert_int_equal(recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&peer, &len), 8);
	assert_memory_equal(text, "question", 8);

	unsigned int had = f->got;

	assert_int_equal(sendto(fd, "answer", 6, 0, (struct sockaddr *)&peer, len), 6);
	expect_frame(f, had);
	assert_int_equal(get32(f->frame + ETH + 12), HOST);
	assert_int_equal(get16(f->frame + IP), port);
	assert_int_equal(get16(f->frame + IP + 2), 1234);
	assert_memory_equal(f->frame + UDP, "answer", 6);
	assert_int_equal(folded(sum(f->frame + ETH, 20)), 0xffff);
	assert_int_equal(close(fd), 0);
}

static void tcp_carries_text_both_ways(void **state)
{
	struct fixture *f = *state;
	struct tcp t = { .sent = 1000 };
	char text[16];
	int listener = host_socket(SOCK_STREAM, &t.port);

	assert_int_equal(listen(listener, 1), 0);
	greet(f);
	tcp_send(f, &t, 0x02, "");
	tcp_expect(f, 0x12); /* SYN, ACK */
	assert_int_equal(get32(f->frame + IP + 8), t.sent);
	t.seen = get32(f->frame + IP + 4) + 1;
	tcp_send(f, &t, 0x18, "to the host");

	int fd = accept(listener, NULL, NULL);

	assert_true(fd >= 0);
	await(f, fd);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 11);
	assert_memory_equal(text, "to the host", 11);
	assert_int_equal(send(fd, "to the guest", 12, 0), 12);
	tcp_expect(f, 0x18); /* PSH, ACK */
	assert_memory_equal(f->frame + IP + (f->frame[IP + 12] >> 4) * 4, "to the guest", 12);
	assert_int_equal(close(fd), 0);
	t.seen += 12;
	tcp_send(f, &t, 0x10, "");
	tcp_expect(f, 0x11); /* FIN, ACK */
	assert_int_equal(close(listener), 0);
}

/* Its timers run out while nothing else happens: poll must not sleep over them. */
static void libslirp_is_asked_again_in_time(void **state)
{
	struct fixture *f = *state;
	struct tcp t = { .sent = 1000 };
	struct pollfd pollfds[64];
	int listener = host_socket(SOCK_STREAM, &t.port);
	int timeout = -1;

	assert_int_equal(listen(listener, 1), 0);
	greet(f);
	tcp_send(f, &t, 0x02, "");
	tcp_expect(f, 0x12); /* SYN, ACK, which is not acknowledged */
	(void)anvil_nic_slirp_fill(&f->nic, pollfds, ARRAY_SIZE(pollfds), &timeout);
	assert_in_range(timeout, 1, 1000);
	assert_int_equal(close(listener), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(gateway_answers_arp),
		TEST(dhcp_offers_the_usual_address),
		TEST(udp_reaches_a_host_socket_and_comes_back),
		TEST(tcp_carries_text_both_ways),
		TEST(libslirp_is_asked_again_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
