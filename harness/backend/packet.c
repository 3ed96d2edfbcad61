/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of a guest: Ethernet, ARP, IPv4, UDP, TCP, ICMP.
 */
#include "packet.h"

#include <string.h>

#include "array_size.h"
#include "host.h"

#define ETH	   14u
#define IP	   (ETH + 20u)
#define ARP_BYTES  28u
#define TCP_BYTES  20u
#define UDP_BYTES  8u
#define TCP	   6u
#define UDP	   17u
#define ICMP	   1u
#define SYN	   2u
#define ACK	   16u
#define PORT_MINE  20000u
#define URGENT	   0x20u
#define TICKS_MOST 31u

#define V(i) (line->v[i])

enum form {
	ARP_GATEWAY,
	ARP_OTHER,
	DHCP,
	UDP_TO,
	TCP_TO,
	PING,
	OTHER_TYPE,
	FRAGMENT,
	TFTP,
	BAD_SUM,
	LONG,
	OTHER_PROTOCOL,
	FORMS,
};

static const uint8_t guest_mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value & 0xffff);
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t sum(const uint8_t *p, uint32_t len)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < len; i++)
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return total;
}

static unsigned int folded(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* ---- parts ---- */

static void put_ethernet(struct packet *p, unsigned int type)
{
	memcpy(p->data, p->gateway_mac, 6);
	memcpy(p->data + 6, guest_mac, 6);
	put16(p->data + 12, type);
}

static uint32_t destination(uint8_t v)
{
	static const uint32_t to[] = {
		PACKET_GATEWAY,	  0x08080808, PACKET_NAME_SERVER, 0x7f000001,
		HOST_OWN_ADDRESS, 0x00000001, 0xe0000001,	  0xffffffff,
		0x0a0002ff,	  0x0a000209, 0xc0000202,	  0x7fffffff
	};

	return to[v % ARRAY_SIZE(to)];
}

/* Around `payload` bytes that are there already. */
static void put_ip(struct packet *p, uint8_t protocol, uint32_t from, uint32_t to, uint32_t payload)
{
	put_ethernet(p, 0x0800);
	memset(p->data + ETH, 0, 20);
	p->data[ETH] = 0x45;
	p->data[ETH + 8] = 64;
	p->data[ETH + 9] = protocol;
	put16(p->data + ETH + 2, 20 + payload);
	put16(p->data + ETH + 4, 1);
	put32(p->data + ETH + 12, from);
	put32(p->data + ETH + 16, to);
	put16(p->data + ETH + 10, ~folded(sum(p->data + ETH, 20)) & 0xffff);
	p->len = IP + payload;
}

/* The checksum at `at` of what is behind the IPv4 header. */
static void put_sum(struct packet *p, uint32_t at)
{
	uint32_t len = p->len - IP;

	put16(p->data + at, 0);
	put16(p->data + at, ~folded(sum(p->data + ETH + 12, 8) + p->data[ETH + 9] + len +
				    sum(p->data + IP, len)) &
				    0xffff);
}

static void put_arp(struct packet *p, const struct step *line)
{
	static const uint8_t start[] = { 0, 1, 8, 0, 6, 4, 0 };
	uint32_t target = V(0) % FORMS == ARP_GATEWAY ? PACKET_GATEWAY : destination(V(1));

	put_ethernet(p, 0x0806);
	memset(p->data, 0xff, 6);
	memset(p->data + ETH, 0, ARP_BYTES);
	memcpy(p->data + ETH, start, sizeof(start));
	p->data[ETH + 7] = (uint8_t)(1 + V(2) % 3);
	memcpy(p->data + ETH + 8, guest_mac, 6);
	put32(p->data + ETH + 14, PACKET_GUEST + V(3));
	put32(p->data + ETH + 24, target);
	p->len = ETH + ARP_BYTES - (V(4) & 1);
}

static void put_udp(struct packet *p, uint32_t from, uint32_t to, unsigned int port, uint32_t bytes)
{
	put16(p->data + IP, port == 67 ? 68 : PORT_MINE + port % 8);
	put16(p->data + IP + 2, port);
	put16(p->data + IP + 4, UDP_BYTES + bytes);
	put_ip(p, UDP, from, to, UDP_BYTES + bytes);
	put_sum(p, IP + 6);
}

static void put_dhcp(struct packet *p, const struct step *line)
{
	static const uint8_t cookie[] = { 99, 130, 83, 99, 53, 1 };
	uint8_t *bootp = p->data + IP + UDP_BYTES;

	memset(bootp, 0, 300);
	bootp[0] = 1;
	bootp[1] = 1;
	bootp[2] = 6;
	memcpy(bootp + 28, guest_mac, 6);
	memcpy(bootp + 236, cookie, sizeof(cookie));
	bootp[242] = (uint8_t)(1 + V(1) % 8);
	bootp[243] = 255;
	put_udp(p, 0, 0xffffffff, 67, 300);
}

static void put_tftp(struct packet *p, const struct step *line)
{
	static const char request[] = "\0\1file\0octet";

	memcpy(p->data + IP + UDP_BYTES, request, sizeof(request));
	p->data[IP + UDP_BYTES + 1] = (uint8_t)(1 + V(1) % 5);
	put_udp(p, PACKET_GUEST, PACKET_GATEWAY, 69, sizeof(request));
}

static void put_tcp(struct packet *p, const struct step *line)
{
	static const uint8_t flags[] = { SYN, ACK, ACK | 8, ACK | 1, 4, SYN | ACK, 0, 1, ACK | 4 };
	struct packet_connection *c = &p->connection[V(2) % PACKET_CONNECTIONS];
	uint8_t flag = flags[V(3) % ARRAY_SIZE(flags)];
	uint32_t bytes = flag == (ACK | 8) ? 1 + V(4) * 19u : 0;

	if (flag == SYN)
		*c = (struct packet_connection){ .sent = 1000 };
	memset(p->data + IP, 0, TCP_BYTES);
	put16(p->data + IP, PORT_MINE + V(2) % PACKET_CONNECTIONS);
	put16(p->data + IP + 2, 80);
	put32(p->data + IP + 4, c->sent);
	put32(p->data + IP + 8, c->seen);
	p->data[IP + 12] = 5 << 4;
	p->data[IP + 13] = flag & (uint8_t)~URGENT;
	put16(p->data + IP + 14, 8000);
	memset(p->data + IP + TCP_BYTES, 't', bytes);
	put_ip(p, TCP, PACKET_GUEST, destination(V(1)), TCP_BYTES + bytes);
	put_sum(p, IP + 16);
	c->sent += bytes + (flag & (SYN | 1) ? 1u : 0u);
}

static void put_ping(struct packet *p, const struct step *line)
{
	uint32_t bytes = V(2) * 20u;

	memset(p->data + IP, 0, 8 + bytes);
	p->data[IP] = V(3) & 1 ? 13 : 8;
	put_ip(p, ICMP, PACKET_GUEST, destination(V(1)), 8 + bytes);
	put16(p->data + IP + 2, ~folded(sum(p->data + IP, 8 + bytes)) & 0xffff);
}

static void put_fragment(struct packet *p, const struct step *line)
{
	memset(p->data + IP, 'f', 64);
	put_ip(p, UDP, PACKET_GUEST, destination(V(1)), 64);
	put16(p->data + ETH + 4, V(2));
	put16(p->data + ETH + 6,
	      (V(4) & 1 ? 0 : 0x2000u) | (V(4) & 2 ? 0x8000u : 0) | V(3) % 64u * 8);
	put16(p->data + ETH + 10, 0);
	put16(p->data + ETH + 10, ~folded(sum(p->data + ETH, 20)) & 0xffff);
}

static void put_other(struct packet *p, const struct step *line)
{
	static const uint16_t type[] = { 0x86dd, 0x8100, 0x88cc, 0x0800, 0x0806, 0, 0xffff };
	static const uint32_t length[] = { 60, 14, 15, 33, 34, 41, 42, 1514, 1500 };

	p->len = length[V(2) % ARRAY_SIZE(length)];
	memset(p->data, V(3), p->len);
	put_ethernet(p, type[V(1) % ARRAY_SIZE(type)]);
}

void packet_build(struct packet *p, const struct step *line)
{
	static const uint16_t port[] = { 7, 53, 67, 69, 80, 1, 65535 };
	static const uint32_t length[] = { 1514, 1515, 65589, 2000 };

	switch (V(0) % FORMS) {
	case ARP_GATEWAY:
	case ARP_OTHER:
		put_arp(p, line);
		break;
	case DHCP:
		put_dhcp(p, line);
		break;
	case TCP_TO:
		put_tcp(p, line);
		break;
	case PING:
		put_ping(p, line);
		break;
	case OTHER_TYPE:
		put_other(p, line);
		break;
	case FRAGMENT:
		put_fragment(p, line);
		break;
	case TFTP:
		put_tftp(p, line);
		break;
	default: /* UDP, and what is made of that */
		memset(p->data + IP + UDP_BYTES, 'u', PACKET_BYTES - IP - UDP_BYTES);
		put_udp(p, PACKET_GUEST + V(4) % 2 * 7u, destination(V(1)),
			port[V(2) % ARRAY_SIZE(port)],
			V(0) % FORMS == LONG ? length[V(3) % ARRAY_SIZE(length)] - IP - UDP_BYTES
					     : V(3) * 18u);
		p->data[ETH + 10] ^= V(0) % FORMS == BAD_SUM;
		if (V(0) % FORMS == OTHER_PROTOCOL)
			put_ip(p, (uint8_t)(V(4) + 2), PACKET_GUEST, destination(V(1)), 40);
		break;
	}
}

/* ---- what comes back ---- */

static void came_tcp(struct packet *p, const uint8_t *data, uint32_t len)
{
	uint32_t end = ETH + get16(data + ETH + 2);
	uint32_t header = (uint32_t)(data[IP + 12] >> 4) * 4;
	unsigned int port = get16(data + IP + 2);

	if (end > len || IP + header > end || port < PORT_MINE ||
	    port >= PORT_MINE + PACKET_CONNECTIONS)
		return;
	p->connection[port - PORT_MINE].seen =
		get32(data + IP + 4) + (end - IP - header) + (data[IP + 13] & 3 ? 1u : 0u);
}

void packet_came(struct packet *p, const uint8_t *data, uint32_t len)
{
	memcpy(p->gateway_mac, data + 6, 6);
	if (len >= IP + TCP_BYTES && get16(data + 12) == 0x0800 && data[ETH + 9] == TCP)
		came_tcp(p, data, len);
}

/* ---- what has to become of it ---- */

uint32_t packet_to(const struct packet *p)
{
	return p->len >= IP && get16(p->data + 12) == 0x0800 ? get32(p->data + ETH + 16) : 0;
}

static bool well_formed(const struct packet *p)
{
	const uint8_t *ip = p->data + ETH;
	uint32_t header = (ip[0] & 0xfu) * 4;
	uint32_t total = get16(ip + 2);

	return p->len >= IP && ip[0] >> 4 == 4 && header >= 20 && header <= p->len - ETH &&
	       total >= header && total <= p->len - ETH && ip[8] != 0 && !(ip[6] & 0x80) &&
	       folded(sum(ip, header)) == 0xffff;
}

/* ---- fragments ---- */

static uint32_t offset_of(const struct packet *p)
{
	return (get16(p->data + ETH + 6) & 0x1fff) * 8;
}

static bool is_fragment(const struct packet *p)
{
	return get16(p->data + 12) == 0x0800 && (get16(p->data + ETH + 6) & 0x3fff) != 0;
}

static struct packet_chain *chain_of(struct packet *p)
{
	for (unsigned int i = 0; i < PACKET_CHAINS; i++) {
		struct packet_chain *c = &p->chain[i];

		if (c->next && c->to == packet_to(p) && c->id == get16(p->data + ETH + 4))
			return c;
	}
	return NULL;
}

/* One that does not begin a datagram goes on where the last one ended, and within 15 s. */
static bool out_of_order(struct packet *p)
{
	const struct packet_chain *c = chain_of(p);

	return offset_of(p) != 0 &&
	       (!c || c->next != offset_of(p) || p->ticks - c->since > TICKS_MOST);
}

void packet_passed(struct packet *p)
{
	struct packet_chain *c;

	if (!is_fragment(p))
		return;
	c = chain_of(p);
	if (!c)
		c = &p->chain[p->chains++ % PACKET_CHAINS];
	if (offset_of(p) == 0)
		c->since = p->ticks;
	c->to = packet_to(p);
	c->id = (uint16_t)get16(p->data + ETH + 4);
	c->next = offset_of(p) + get16(p->data + ETH + 2) - 20;
	if (!(p->data[ETH + 6] & 0x20))
		c->next = 0;
}

static bool of_the_host(uint32_t to)
{
	return to >> 24 == 127 || to >> 24 == 0 || to == HOST_OWN_ADDRESS;
}

enum packet_fate packet_fate(struct packet *p, const struct packet_rules *rules)
{
	const uint8_t *ip = p->data + ETH;
	unsigned int type = get16(p->data + 12);
	bool whole;

	if (type == 0x0806)
		return p->len >= ETH + ARP_BYTES ? PACKET_PASSES : PACKET_IS_REFUSED;
	if (type != 0x0800 || !well_formed(p) || (ip[9] != TCP && ip[9] != UDP && ip[9] != ICMP))
		return PACKET_IS_REFUSED;
	whole = !is_fragment(p);
	if (!whole && out_of_order(p))
		return PACKET_IS_REFUSED;
	if (!rules->host && of_the_host(packet_to(p)) &&
	    (ip[9] != TCP || !whole || p->data[IP + 13] & SYN || packet_to(p) != HOST_OWN_ADDRESS))
		return PACKET_IS_REFUSED;
	if (rules->full && ip[9] == TCP && whole && (p->data[IP + 13] & (SYN | ACK)) == SYN)
		return PACKET_IS_REFUSED;
	if (whole && ip[9] == UDP && get32(ip + 12) == 0 && packet_to(p) == UINT32_MAX &&
	    get16(p->data + IP + 2) == 67)
		return PACKET_PASSES;
	return PACKET_EITHER;
}
