/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libslirp looks through lists of what it keeps: without limits its work grows with the square of
 * what a guest sends. Time is counted as libslirp counts it, so that what it has forgotten is
 * forgotten here no sooner.
 */
#include "nic_slirp_guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ETH_TYPE       12u
#define ETH_HEADER     14u
#define ETHERTYPE_IP4  0x0800u
#define ETHERTYPE_ARP  0x0806u
#define IP_HEADER      20u
#define IP_RESERVED    0x8000u
#define IP_MORE	       0x2000u
#define IP_OFFSET_MASK 0x1fffu
#define IP_MAX	       65535u
#define IP_TIME	       8u
#define PROTOCOL_ICMP  1u
#define PROTOCOL_TCP   6u
#define PROTOCOL_UDP   17u
#define TCP_FLAGS      13u
#define TCP_SYN	       0x02u
#define TCP_ACK	       0x10u
#define PORT_DHCP      67u
#define ARP_BYTES      28u
#define ARP_REQUEST    1u
#define ARP_REPLY      2u

#define TICK_MS	     499 /* libslirp's slow timer */
#define EXPIRE_TICKS 64u /* it forgets fragments after 60 */
#define FOLLOW_TICKS 30u /* until then it certainly has those that came before */
#define NEIGHBOURS   16u /* entries of its ARP table */
#define UNRESOLVED   64u /* frames a tick from addresses that are not in there */
#define VERDICTS     64u /* on addresses, kept for a tick */

struct packet {
	uint32_t from;
	uint32_t to;
	uint32_t bytes; /* of payload */
	uint32_t offset;
	uint16_t id;
	uint8_t protocol;
	bool more;
	uint16_t from_port; /* UDP and TCP; 0 in fragments */
	uint16_t to_port;
	uint8_t flags; /* TCP */
};

struct reassembly {
	bool used;
	uint8_t protocol;
	uint16_t id;
	uint32_t from;
	uint32_t to;
	uint32_t next; /* offset */
	unsigned int fragments;
	unsigned int since; /* the tick it began in */
};

struct flow {
	int fd; /* -1: none */
	bool listener;
	uint8_t protocol; /* 0: the other side opened it */
	uint16_t port;
	uint32_t from;
};

struct verdict {
	uint32_t address;
	bool own;
	bool valid;
};

struct anvil_nic_slirp_guard {
	struct anvil_nic_slirp_guard_options options;
	struct reassembly reassembly[ANVIL_NIC_SLIRP_REASSEMBLIES];
	uint32_t neighbour[NEIGHBOURS];
	unsigned int next_neighbour;
	unsigned int unresolved; /* in this tick */
	struct verdict verdict[VERDICTS];
	unsigned int tick;
	int64_t ticked; /* ms */
	struct flow opening;
	uint32_t flows;
	bool few_fds;
	size_t slots;
	struct flow flow[];
};

/* Room for what several listeners accept in one turn */
static size_t slots_for(const struct anvil_nic_slirp_guard_options *o)
{
	return (size_t)o->flows + 2 * o->listeners + 1;
}

struct anvil_nic_slirp_guard *
anvil_nic_slirp_guard_create(const struct anvil_nic_slirp_guard_options *options)
{
	size_t slots = slots_for(options);
	struct anvil_nic_slirp_guard *g = calloc(1, sizeof(*g) + slots * sizeof(g->flow[0]));

	if (!g)
		return NULL;
	g->options = *options;
	g->slots = slots;
	for (size_t i = 0; i < slots; i++)
		g->flow[i].fd = -1;
	return g;
}

void anvil_nic_slirp_guard_destroy(struct anvil_nic_slirp_guard *guard)
{
	free(guard);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* ---- packets ---- */

static bool header_sums_up(const uint8_t *ip, uint32_t bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < bytes; i += 2)
		sum += get16(ip + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* False for what libslirp would not take, so that it keeps no other fragments than are counted. */
static bool parse(const uint8_t *ip, uint32_t len, struct packet *p)
{
	uint32_t header = (ip[0] & 0xfu) * 4;

	if (len < IP_HEADER || ip[0] >> 4 != 4 || header < IP_HEADER || header > len)
		return false;

	uint32_t total = get16(ip + 2);
	uint16_t fragment = get16(ip + 6);
	const uint8_t *payload = ip + header;

	if (total < header || total > len || ip[IP_TIME] == 0 || fragment & IP_RESERVED ||
	    !header_sums_up(ip, header))
		return false;
	*p = (struct packet){
		.from = get32(ip + 12),
		.to = get32(ip + 16),
		.bytes = total - header,
		.offset = (fragment & IP_OFFSET_MASK) * 8u,
		.id = get16(ip + 4),
		.protocol = ip[9],
		.more = fragment & IP_MORE,
	};
	if (p->offset + total > IP_MAX)
		return false;
	if (p->more || p->offset || p->bytes < 4)
		return true;
	p->from_port = get16(payload);
	p->to_port = get16(payload + 2);
	if (p->protocol == PROTOCOL_TCP && p->bytes > TCP_FLAGS)
		p->flags = payload[TCP_FLAGS];
	return true;
}

/* ---- fragments ---- */

/* The first fragment begins one, if there is room. */
static struct reassembly *find_reassembly(struct anvil_nic_slirp_guard *g, const struct packet *p)
{
	struct reassembly *free_one = NULL;

	for (unsigned int i = 0; i < ANVIL_NIC_SLIRP_REASSEMBLIES; i++) {
		struct reassembly *r = &g->reassembly[i];

		if (r->used && r->id == p->id && r->protocol == p->protocol && r->from == p->from &&
		    r->to == p->to)
			return r;
		if (!r->used)
			free_one = r;
	}
	if (!free_one || p->offset != 0)
		return NULL;
	*free_one = (struct reassembly){
		.used = true,
		.protocol = p->protocol,
		.id = p->id,
		.from = p->from,
		.to = p->to,
		.since = g->tick,
	};
	return free_one;
}

/*
 * Fragments go from front to back, each once, up to the end, when libslirp has the datagram whole.
 * A datagram in another order, or a late one, is lost, as networks lose them.
 */
static bool fragment_passes(struct anvil_nic_slirp_guard *g, const struct packet *p)
{
	struct reassembly *r = p->bytes ? find_reassembly(g, p) : NULL;

	if (!r || r->fragments == ANVIL_NIC_SLIRP_FRAGMENTS || p->offset != r->next ||
	    g->tick - r->since >= FOLLOW_TICKS)
		return false;
	r->fragments++;
	r->next += p->bytes;
	r->used = p->more;
	return true;
}

/* ---- neighbours ---- */

static bool resolved(const struct anvil_nic_slirp_guard *g, uint32_t address)
{
	for (unsigned int i = 0; i < NEIGHBOURS; i++) {
		if (g->neighbour[i] == address)
			return true;
	}
	return address == 0 || address == UINT32_MAX || address == g->options.broadcast;
}

/* As libslirp learns addresses. */
static void learn(struct anvil_nic_slirp_guard *g, const uint8_t *arp)
{
	unsigned int operation = get16(arp + 6);
	uint32_t sender = get32(arp + 14);
	uint32_t target = get32(arp + 24);

	if (resolved(g, sender) || (operation != ARP_REPLY && operation != ARP_REQUEST))
		return;
	if (operation == ARP_REQUEST && target != sender && target != g->options.gateway &&
	    target != g->options.name_server)
		return;
	g->neighbour[g->next_neighbour] = sender;
	g->next_neighbour = (g->next_neighbour + 1) % NEIGHBOURS;
}

/* Answers to anybody else wait a second in libslirp, which asks who that is for each of them. */
static bool neighbour_passes(struct anvil_nic_slirp_guard *g, uint32_t from)
{
	if (resolved(g, from))
		return true;
	if (g->unresolved == UNRESOLVED)
		return false;
	g->unresolved++;
	return true;
}

/* ---- destinations ---- */

/* A socket can have only such an address; if nobody can tell, it is none to be reached. */
static bool own_address(uint32_t address)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool foreign =
		fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) && errno == EADDRNOTAVAIL;

	if (fd >= 0)
		(void)close(fd);
	return !foreign;
}

static bool known_as_own(struct anvil_nic_slirp_guard *g, uint32_t address)
{
	struct verdict *v = &g->verdict[(address ^ address >> 8) % VERDICTS];

	if (!v->valid || v->address != address)
		*v = (struct verdict){ address, own_address(address), true };
	return v->own;
}

static bool is_fragment(const struct packet *p)
{
	return p->more || p->offset;
}

/* A segment that goes on with a connection. */
static bool opens_nothing(const struct packet *p)
{
	return p->protocol == PROTOCOL_TCP && !is_fragment(p) && !(p->flags & TCP_SYN);
}

static bool is_multicast(uint32_t address)
{
	return address >> 28 == 0xe;
}

/* libslirp itself looks after the gateway, which stands for the host, and the name server. */
static bool destination_passes(struct anvil_nic_slirp_guard *g, const struct packet *p)
{
	uint32_t to = p->to;

	if (g->options.host || to == g->options.gateway || to == g->options.name_server ||
	    to == UINT32_MAX || is_multicast(to))
		return true;
	if (to >> 24 == 0 || to >> 24 == 127)
		return false;
	return opens_nothing(p) || !known_as_own(g, to);
}

/* ---- flows ---- */

static bool full(const struct anvil_nic_slirp_guard *g)
{
	return g->flows >= g->options.flows || g->few_fds;
}

static struct flow *find_flow(struct anvil_nic_slirp_guard *g, int fd)
{
	for (size_t i = 0; i < g->slots; i++) {
		if (g->flow[i].fd == fd)
			return &g->flow[i];
	}
	return NULL;
}

static bool datagrams_open(const struct anvil_nic_slirp_guard *g, const struct packet *p)
{
	for (size_t i = 0; i < g->slots; i++) {
		const struct flow *f = &g->flow[i];

		if (f->fd >= 0 && f->protocol == PROTOCOL_UDP && f->from == p->from &&
		    f->port == p->from_port)
			return true;
	}
	return false;
}

/* libslirp answers it itself; to anybody else it is a datagram like others. */
static bool is_dhcp(const struct anvil_nic_slirp_guard *g, const struct packet *p)
{
	return p->to_port == PORT_DHCP && (p->to == g->options.gateway || p->to == UINT32_MAX);
}

/* While no more may be open, what would open another one is dropped, and what cannot be told. */
static bool flow_passes(struct anvil_nic_slirp_guard *g, const struct packet *p)
{
	if (!full(g))
		return true;
	if (is_fragment(p))
		return false;
	if (p->protocol == PROTOCOL_TCP)
		return (p->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN;
	if (p->protocol == PROTOCOL_UDP)
		return is_dhcp(g, p) || datagrams_open(g, p);
	return p->to == g->options.gateway || p->to == g->options.name_server;
}

void anvil_nic_slirp_guard_opened(struct anvil_nic_slirp_guard *g, int fd)
{
	struct flow *f = fd >= 0 ? find_flow(g, -1) : NULL;

	if (!f)
		return;
	*f = g->opening;
	f->fd = fd;
	g->flows += !f->listener;
	g->few_fds = g->few_fds || fd >= g->options.fds;
}

void anvil_nic_slirp_guard_closed(struct anvil_nic_slirp_guard *g, int fd)
{
	struct flow *f = fd >= 0 ? find_flow(g, fd) : NULL;

	if (!f)
		return;
	g->flows -= !f->listener;
	f->fd = -1;
	g->few_fds = false; /* the next one shows */
}

bool anvil_nic_slirp_guard_polls(const struct anvil_nic_slirp_guard *g, int fd)
{
	if (!full(g))
		return true;
	for (size_t i = 0; i < g->slots; i++) {
		if (g->flow[i].fd == fd)
			return !g->flow[i].listener;
	}
	return false; /* libslirp does not tell of all that listen */
}

uint32_t anvil_nic_slirp_guard_flows(const struct anvil_nic_slirp_guard *guard)
{
	return guard->flows;
}

void anvil_nic_slirp_guard_listens(struct anvil_nic_slirp_guard *guard)
{
	guard->opening = (struct flow){ .listener = true };
}

/* ---- all of it ---- */

static bool packet_passes(struct anvil_nic_slirp_guard *g, const uint8_t *ip, uint32_t len)
{
	struct packet p;

	if (!parse(ip, len, &p))
		return false;
	if (p.protocol != PROTOCOL_TCP && p.protocol != PROTOCOL_UDP && p.protocol != PROTOCOL_ICMP)
		return false;
	if (!destination_passes(g, &p) || !neighbour_passes(g, p.from) || !flow_passes(g, &p))
		return false;
	g->opening = (struct flow){ .protocol = p.protocol, .port = p.from_port, .from = p.from };
	return !is_fragment(&p) || fragment_passes(g, &p);
}

bool anvil_nic_slirp_guard_admits(struct anvil_nic_slirp_guard *g, const uint8_t *frame,
				  uint32_t len)
{
	uint16_t type = get16(frame + ETH_TYPE);

	if (type == ETHERTYPE_IP4)
		return len >= ETH_HEADER + IP_HEADER &&
		       packet_passes(g, frame + ETH_HEADER, len - ETH_HEADER);
	if (type != ETHERTYPE_ARP || len < ETH_HEADER + ARP_BYTES)
		return false;
	learn(g, frame + ETH_HEADER);
	return true;
}

void anvil_nic_slirp_guard_done(struct anvil_nic_slirp_guard *g)
{
	g->opening = (struct flow){ .protocol = 0 };
}

void anvil_nic_slirp_guard_tick(struct anvil_nic_slirp_guard *g, int64_t now)
{
	if (g->ticked && now - g->ticked < TICK_MS)
		return;
	g->ticked = now;
	g->tick++;
	g->unresolved = 0;
	memset(g->verdict, 0, sizeof(g->verdict));
	for (unsigned int i = 0; i < ANVIL_NIC_SLIRP_REASSEMBLIES; i++) {
		if (g->tick - g->reassembly[i].since >= EXPIRE_TICKS)
			g->reassembly[i].used = false;
	}
}
