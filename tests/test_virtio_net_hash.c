/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_net_hash.h: which fields of which packets are hashed, and how (5.1.9.4.3, 5.1.9.4.4). */
#include "net.h"

#include "array_size.h"
#include "virtio_net_hash.h"
#include "virtio_net_packet.h"

/* Microsoft, "Verifying the RSS Hash Calculation" */
static const struct anvil_net_rss config = {
	.hash_types = ANVIL_NET_HASH_TYPES,
	.key = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
		 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
		 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa },
};

struct vector4 {
	uint32_t to;
	unsigned int dport;
	uint32_t source;
	unsigned int sport;
	uint32_t ip;
	uint32_t tcp;
};

static const struct vector4 vector4[] = {
	{ 0xa18e6450, 1766, 0x420995bb, 2794, 0x323e8fc2, 0x51ccc178 },
	{ 0x41458c53, 4739, 0xc75c6f02, 14230, 0xd718262a, 0xc626b0ea },
	{ 0x0c16cfb8, 38024, 0x1813c65f, 12898, 0xd2d0a5de, 0x5c2b394a },
	{ 0xd18ea306, 2217, 0x261bcd1e, 48228, 0x82989176, 0xafc7327f },
	{ 0xcabc7f02, 1303, 0x9927a3bf, 44251, 0x5d1809c5, 0x10e828a2 },
};

static const struct vector6 {
	uint8_t to[16];
	unsigned int dport;
	uint8_t source[16];
	unsigned int sport;
	uint32_t ip;
	uint32_t tcp;
} vector6[] = {
	{ { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 1 },
	  1766,
	  { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7 },
	  2794,
	  0x2cc18cd5,
	  0x40207d3d },
	{ { 0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
	  4739,
	  { 0x3f, 0xfe, 0x05, 0x01, 0x00, 0x08, 0, 0, 0x02, 0x60, 0x97, 0xff, 0xfe, 0x40, 0xef,
	    0xab },
	  14230,
	  0x0f0c461c,
	  0xdde51bbf },
	{ { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x02, 0x00, 0xf8, 0xff, 0xfe, 0x21, 0x67, 0xcf },
	  38024,
	  { 0x3f, 0xfe, 0x19, 0x00, 0x45, 0x45, 0x00, 0x03, 0x02, 0x00, 0xf8, 0xff, 0xfe, 0x21,
	    0x67, 0xcf },
	  44251,
	  0x4b61e985,
	  0x02d1feef },
};

static struct anvil_net_hash hash_of(const uint8_t *frame, uint32_t len, uint32_t types,
				     uint32_t tunnels)
{
	struct anvil_net_rss c = config;
	struct anvil_net_hash h;
	/* of exactly this length, for the sanitizer */
	uint8_t *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, frame, len);
	c.hash_types = types;
	anvil_net_hash_frame(copy, len, &c, tunnels, &h);
	free(copy);
	return h;
}

static void expect(const uint8_t *frame, uint32_t len, uint32_t types, uint16_t report,
		   uint32_t value)
{
	struct anvil_net_hash h = hash_of(frame, len, types, ANVIL_NET_TUNNEL_TYPES);

	assert_int_equal(h.report, report);
	assert_int_equal(h.value, value);
}

/* 5.1.9.4.3.2: TCP, else UDP, else addresses, as enabled */
static void ipv4_is_hashed_as_enabled(void **state)
{
	uint8_t frame[NET_FRAME];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vector4); i++) {
		const struct vector4 *v = &vector4[i];

		for (unsigned int tcp = 0; tcp < 2; tcp++) {
			net_ports(frame,
				  net_ip4(frame, net_eth(frame, 0x0800), v->source, v->to,
					  tcp ? 6 : 17),
				  tcp, v->sport, v->dport);
			expect(frame, NET_FRAME, 0x1ff, tcp ? 2 : 3, v->tcp);
			expect(frame, NET_FRAME, 0x1f8, 0, 0);
			expect(frame, NET_FRAME, 1, 1, v->ip);
			expect(frame, NET_FRAME, tcp ? 5 : 3, 1, v->ip);
			expect(frame, NET_FRAME, tcp ? 4 : 2, 0, 0);
		}
	}
}

/* 5.1.9.4.3.3 */
static void ipv6_is_hashed_as_enabled(void **state)
{
	uint8_t frame[NET_FRAME];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vector6); i++) {
		const struct vector6 *v = &vector6[i];

		for (unsigned int tcp = 0; tcp < 2; tcp++) {
			net_ports(frame,
				  net_ip6(frame, net_eth(frame, 0x86dd), v->source, v->to,
					  tcp ? 6 : 17),
				  tcp, v->sport, v->dport);
			expect(frame, NET_FRAME, 0x1ff, tcp ? 5 : 6, v->tcp);
			expect(frame, NET_FRAME, 0x1c7, 0, 0); /* no extension headers */
			expect(frame, NET_FRAME, 8, 4, v->ip);
		}
	}
}

/* 5.1.9.4.3.4: the home address and the routing header's stand for the packet's own */
static void extension_headers_are_followed(void **state)
{
	const struct vector6 *v = &vector6[0];
	static const uint8_t other[16] = { 0xfd };
	uint8_t frame[NET_FRAME];
	uint32_t at;

	(void)state;
	at = net_ip6(frame, net_eth(frame, 0x86dd), other, other, 0);
	frame[at] = 60; /* hop-by-hop options: padding */
	frame[at + 2] = 1;
	frame[at + 3] = 4;
	at += 8;
	frame[at] = 43; /* destination options: padding, home address */
	frame[at + 1] = 2;
	frame[at + 3] = 1;
	frame[at + 4] = 1;
	frame[at + 6] = 0xc9;
	frame[at + 7] = 16;
	memcpy(frame + at + 8, v->source, 16);
	at += 24;
	frame[at] = 6; /* routing type 2 */
	frame[at + 1] = 2;
	frame[at + 2] = 2;
	frame[at + 3] = 1;
	memcpy(frame + at + 8, v->to, 16);
	net_ports(frame, at + 24, true, v->sport, v->dport);
	expect(frame, NET_FRAME, 0x1ff, 8, v->tcp);
	expect(frame, NET_FRAME, 0x40, 7, v->ip);
	/* 5.1.9.4.3.4, at the end: without an EX type as a packet without, its own addresses */
	assert_int_equal(hash_of(frame, NET_FRAME, 0x3f, 0).report, 5);
	assert_int_not_equal(hash_of(frame, NET_FRAME, 0x3f, 0).value, v->tcp);
	/* however short: as much as is there */
	for (uint32_t len = 14; len <= NET_FRAME; len++) {
		uint16_t report = hash_of(frame, len, 0x1ff, 0).report;

		assert_int_equal(report, len < 54 ? 0 : len < at + 24 + 20 ? 7 : 8);
	}
	frame[at + 2] = 0; /* another routing type: the destination is the packet's own */
	assert_int_equal(hash_of(frame, NET_FRAME, 0x1ff, 0).report, 8);
	assert_int_not_equal(hash_of(frame, NET_FRAME, 0x1ff, 0).value, v->tcp);
}

/* All fragments of a packet have the same hash: of the addresses. */
static void fragments_are_hashed_by_address(void **state)
{
	const struct vector4 *v = &vector4[0];
	uint8_t frame[NET_FRAME];

	(void)state;
	net_tcp4(frame, v->source, v->to, v->sport, v->dport);
	for (unsigned int bits = 1; bits < 0x10000; bits <<= 1) {
		net_put16(frame + 20, bits);
		if (bits >= 0x4000) /* do not fragment, and what is reserved */
			expect(frame, NET_FRAME, 0x1ff, 2, v->tcp);
		else
			expect(frame, NET_FRAME, 0x1ff, 1, v->ip);
	}
}

static void long_chains_of_extensions_are_not_followed(void **state)
{
	static const uint8_t a[16] = { 0xfd };
	uint8_t frame[NET_FRAME];

	(void)state;
	for (unsigned int n = 0; n <= 12; n++) {
		uint32_t at = net_ip6(frame, net_eth(frame, 0x86dd), a, a, n ? 60 : 6);

		for (unsigned int i = 0; i < n; i++, at += 8)
			frame[at] = i + 1 < n ? 60 : 6;
		net_ports(frame, at, true, 1, 2);
		assert_int_equal(hash_of(frame, NET_FRAME, 0x1ff, 0).report,
				 n == 0			      ? 5
				 : n <= PACKET_EXTENSIONS_MAX ? 8
							      : 7);
	}
}

static void tags_are_passed_over(void **state)
{
	const struct vector4 *v = &vector4[0];
	uint8_t frame[NET_FRAME];

	(void)state;
	net_eth(frame, 0x8100);
	net_put16(frame + 16, 0x0800);
	net_ports(frame, net_ip4(frame, 18, v->source, v->to, 6), true, v->sport, v->dport);
	expect(frame, NET_FRAME, 0x1ff, 2, v->tcp);
	expect(frame, 17, 0x1ff, 0, 0);
}

/* 5.1.9.4.4: the inner packet if its encapsulation is enabled, else the outer one */
static void inner_headers_are_hashed_if_enabled(void **state)
{
	static const struct {
		uint32_t type;
		uint8_t outer;	   /* protocol */
		unsigned int port; /* of UDP */
		uint8_t bytes[20];
		uint32_t len;
		bool eth;
	} t[] = {
		{ VIRTIO_NET_HASH_TUNNEL_GRE_2784, 47, 0, { 0, 0, 0x08, 0 }, 4, false },
		{ VIRTIO_NET_HASH_TUNNEL_GRE_2784, 47, 0, { 0x80, 0, 0x08, 0 }, 8, false },
		{ VIRTIO_NET_HASH_TUNNEL_GRE_2784, 47, 0, { 0, 0, 0x65, 0x58 }, 4, true },
		{ VIRTIO_NET_HASH_TUNNEL_GRE_2890, 47, 0, { 0x20, 0, 0x08, 0 }, 8, false },
		{ VIRTIO_NET_HASH_TUNNEL_GRE_2890, 47, 0, { 0xb0, 0, 0x08, 0 }, 16, false },
		{ VIRTIO_NET_HASH_TUNNEL_GRE_2890, 47, 0, { 0x10, 0, 0x08, 0 }, 8, false },
		{ VIRTIO_NET_HASH_TUNNEL_NVGRE, 47, 0, { 0x20, 0, 0x65, 0x58 }, 8, true },
		{ VIRTIO_NET_HASH_TUNNEL_VXLAN, 17, 4789, { 8 }, 8, true },
		{ VIRTIO_NET_HASH_TUNNEL_GENEVE, 17, 6081, { 0, 0, 0x65, 0x58 }, 8, true },
		{ VIRTIO_NET_HASH_TUNNEL_GENEVE, 17, 6081, { 2, 0, 0x08, 0 }, 16, false },
		{ VIRTIO_NET_HASH_TUNNEL_IPIP, 4, 0, { 0 }, 0, false },
	};
	const struct vector4 *v = &vector4[1];
	uint8_t frame[NET_FRAME];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint32_t at = net_ip4(frame, net_eth(frame, 0x0800), 1, 2, t[i].outer);
		struct anvil_net_hash h;

		if (t[i].port)
			at = net_ports(frame, at, false, 9, t[i].port);
		memcpy(frame + at, t[i].bytes, sizeof(t[i].bytes));
		at += t[i].len;
		if (t[i].eth) {
			net_put16(frame + at + 12, 0x0800);
			at += 14;
		}
		memset(frame + at, 0, NET_FRAME - at);
		net_ports(frame, net_ip4(frame, at, v->source, v->to, 6), true, v->sport, v->dport);
		h = hash_of(frame, NET_FRAME, 0x1ff, t[i].type);
		assert_int_equal(h.report, 2);
		assert_int_equal(h.value, v->tcp);
		h = hash_of(frame, NET_FRAME, 0x1ff, ANVIL_NET_TUNNEL_TYPES & ~t[i].type);
		assert_int_equal(h.report, t[i].outer == 17 ? 3 : 1);
		/* cut off anywhere */
		for (uint32_t len = 14; len < NET_FRAME; len++)
			(void)hash_of(frame, len, 0x1ff, t[i].type);
	}
}

/* A frame of any bytes does not lead out of itself. */
static void any_bytes_are_survived(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (unsigned int n = 0; n < 20000; n++) {
		uint8_t frame[NET_FRAME];

		for (uint32_t i = 0; i < NET_FRAME; i++) {
			seed = seed * 1664525 + 1013904223;
			frame[i] = (uint8_t)(seed >> 24) & (n & 1 ? 0x3c : 0xff);
		}
		net_put16(frame + 12, n & 2 ? 0x0800 : 0x86dd);
		frame[14] = n & 2 ? 0x45 : 0x60;
		(void)hash_of(frame, 14 + n % (NET_FRAME - 14), 0x1ff, 0x1d3);
		(void)anvil_net_hash_flow(frame, 14 + n % (NET_FRAME - 14));
	}
}

static void flows_are_the_same_both_ways(void **state)
{
	uint8_t a[NET_FRAME];
	uint8_t b[NET_FRAME];
	unsigned int differ = 0;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		int last = i ? anvil_net_hash_flow(a, NET_FRAME) : -1;

		net_tcp4(a, 0x0a000000 + i, 0xc0a80001, 1024 + i, 443);
		net_tcp4(b, 0xc0a80001, 0x0a000000 + i, 443, 1024 + i);
		assert_in_range(anvil_net_hash_flow(a, NET_FRAME), 0, ANVIL_NET_FLOWS - 1);
		assert_int_equal(anvil_net_hash_flow(a, NET_FRAME),
				 anvil_net_hash_flow(b, NET_FRAME));
		differ += last != anvil_net_hash_flow(a, NET_FRAME);
	}
	assert_true(differ > 90);
	net_eth(a, 0x88b5);
	assert_int_equal(anvil_net_hash_flow(a, NET_FRAME), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_is_hashed_as_enabled),
		cmocka_unit_test(ipv6_is_hashed_as_enabled),
		cmocka_unit_test(extension_headers_are_followed),
		cmocka_unit_test(fragments_are_hashed_by_address),
		cmocka_unit_test(long_chains_of_extensions_are_not_followed),
		cmocka_unit_test(tags_are_passed_over),
		cmocka_unit_test(inner_headers_are_hashed_if_enabled),
		cmocka_unit_test(any_bytes_are_survived),
		cmocka_unit_test(flows_are_the_same_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
