/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table has a row for each type of hash: packets of which kind it is for, and so which addresses
 * and ports go into it. The first row that fits the packet and that the driver enabled counts.
 */
#include "virtio_net_hash.h"

#include <string.h>

#include "array_size.h"
#include "virtio_net_packet.h"
#include "virtio_spec.h"

#define PORTS_BYTES 4u
#define INPUT_MAX   (2u * 16 + PORTS_BYTES)
#define FLOW_FACTOR 0x9e3779b1u

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint32_t anvil_net_hash_toeplitz(const uint8_t *key, const uint8_t *bytes, uint32_t len)
{
	uint32_t window = get_be32(key);
	uint32_t result = 0;

	for (uint32_t i = 0; i < len; i++) {
		for (unsigned int bit = 8; bit-- > 0;) {
			if (bytes[i] >> bit & 1)
				result ^= window;
			window = window << 1 | (key[i + 4] >> bit & 1u);
		}
	}
	return result;
}

/* In the order in which a device has to look (5.1.9.4.3.2 to 5.1.9.4.3.4) */
static const struct row {
	uint8_t version;
	bool extended;	  /* for packets with extension headers alone, and with their addresses */
	uint8_t protocol; /* 0: any */
	uint16_t report;
} row[] = {
	{ 4, false, PACKET_TCP, VIRTIO_NET_HASH_REPORT_TCPV4 },
	{ 4, false, PACKET_UDP, VIRTIO_NET_HASH_REPORT_UDPV4 },
	{ 4, false, 0, VIRTIO_NET_HASH_REPORT_IPV4 },
	{ 6, true, PACKET_TCP, VIRTIO_NET_HASH_REPORT_TCPV6_EX },
	{ 6, true, PACKET_UDP, VIRTIO_NET_HASH_REPORT_UDPV6_EX },
	{ 6, true, 0, VIRTIO_NET_HASH_REPORT_IPV6_EX },
	{ 6, false, PACKET_TCP, VIRTIO_NET_HASH_REPORT_TCPV6 },
	{ 6, false, PACKET_UDP, VIRTIO_NET_HASH_REPORT_UDPV6 },
	{ 6, false, 0, VIRTIO_NET_HASH_REPORT_IPV6 },
};

static const struct row *find_row(const struct anvil_net_packet *p, uint32_t types)
{
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const struct row *r = &row[i];

		if (r->version == p->version && (!r->extended || p->extended) &&
		    (r->protocol == 0 || r->protocol == p->protocol) &&
		    types >> (r->report - 1) & 1)
			return r;
	}
	return NULL;
}

/* Gathers addresses and ports; the number of bytes. */
static uint32_t gather(const uint8_t *frame, const struct anvil_net_packet *p, const struct row *r,
		       uint8_t *input)
{
	uint32_t address = p->version == 4 ? 4 : 16;

	memcpy(input, frame + (r->extended ? p->home : p->source), address);
	memcpy(input + address, frame + (r->extended ? p->care : p->destination), address);
	if (r->protocol == 0)
		return 2 * address;
	memcpy(input + 2 * address, frame + p->transport, PORTS_BYTES);
	return 2 * address + PORTS_BYTES;
}

void anvil_net_hash_frame(const uint8_t *frame, uint32_t len, const struct anvil_net_rss *config,
			  uint32_t tunnel_types, struct anvil_net_hash *hash)
{
	struct anvil_net_packet outer;
	struct anvil_net_packet inner;
	const struct anvil_net_packet *p = &outer;
	uint8_t input[INPUT_MAX];

	memset(hash, 0, sizeof(*hash));
	if (config->hash_types == 0)
		return;
	anvil_net_packet_parse(frame, len, &outer);
	if (tunnel_types && anvil_net_packet_inside(frame, len, &outer, tunnel_types, &inner))
		p = &inner;

	const struct row *r = find_row(p, config->hash_types);

	if (!r)
		return;
	hash->report = r->report;
	hash->value = anvil_net_hash_toeplitz(config->key, input, gather(frame, p, r, input));
}

int anvil_net_hash_flow(const uint8_t *frame, uint32_t len)
{
	struct anvil_net_packet p;
	uint32_t sum = 0;

	anvil_net_packet_parse(frame, len, &p);
	if (p.version == 0)
		return -1;
	for (uint32_t i = 0; i < (p.version == 4 ? 4u : 16u); i += 4)
		sum ^= get_be32(frame + p.source + i) ^ get_be32(frame + p.destination + i);
	if (p.protocol == PACKET_TCP || p.protocol == PACKET_UDP) {
		uint32_t ports = get_be32(frame + p.transport);

		sum ^= ports + (ports << 16 | ports >> 16);
	}
	return (int)(sum * FLOW_FACTOR >> 24);
}
