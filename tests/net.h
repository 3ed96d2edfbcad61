/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network device with several queues, and a driver for it; the one of net_fixture.h has a pair.
 */
#ifndef TESTS_NET_H
#define TESTS_NET_H

#include "support.h"

#include <endian.h>

#include "virtio_net.h"

#define NET_QUEUE 16u
#define NET_MTU	  1500u

/* where buffers lie: receive buffers of each queue, then what is sent, then commands */
#define NET_RX_AT     RAM_LOW
#define NET_RX_BYTES  0x1800u
#define NET_TX_AT     RAM_SEAM
#define NET_CTRL_AT   (RAM_SEAM + 0x8000)
#define NET_RESULT_AT (RAM_SEAM + 0xc000)

struct net_rig {
	struct guest guest;
	struct test_nic nic;
	struct anvil_net_options options;
	struct anvil_net net;
	unsigned int queues; /* that the driver has set up */
	uint8_t header[32];  /* of the last frame received */
};

static inline void net_start(struct net_rig *r, struct anvil_features set, uint16_t pairs)
{
	memset(r, 0, sizeof(*r));
	guest_init(&r->guest);
	test_nic_init(&r->nic);
	r->options = (struct anvil_net_options){
		.memory = &r->guest.ram.memory,
		.nic = &r->nic.nic,
		.features = set,
		.queue_size_max = NET_QUEUE,
		.queue_pairs_max = pairs,
		.mac = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 },
		.mtu = NET_MTU,
		.link_up = true,
		.speed = 10000,
		.duplex = ANVIL_NET_DUPLEX_FULL,
	};
	assert_int_equal(anvil_net_init(&r->net, &r->options), 0);
	guest_attach(&r->guest, &r->net.dev);
}

static inline void net_stop(struct net_rig *r)
{
	anvil_net_destroy(&r->net);
	test_nic_destroy(&r->nic);
	guest_destroy(&r->guest);
}

/* The driver accepts these. */
static inline void net_drive(struct net_rig *r, struct anvil_features set)
{
	bool many = anvil_features_has(&set, VIRTIO_NET_F_MQ) ||
		    anvil_features_has(&set, VIRTIO_NET_F_RSS);

	r->queues = many ? 2u * r->options.queue_pairs_max : 2;
	guest_drive(&r->guest, set, r->queues + anvil_features_has(&set, VIRTIO_NET_F_CTRL_VQ),
		    NET_QUEUE);
	guest_take_interrupts(&r->guest);
}

/* Sends a command; `result` gets what the device wrote of `room` bytes, which is returned. */
static inline uint32_t net_ask(struct net_rig *r, uint8_t class, uint8_t number, const void *data,
			       uint32_t len, void *result, uint32_t room, uint8_t *ack)
{
	struct ring *ring = &r->guest.ring[r->queues];
	struct buffer b[] = { { NET_CTRL_AT, 2 + len, 0 }, { NET_RESULT_AT, 1 + room, WRITABLE } };
	uint8_t head[2] = { class, number };
	struct virtq_used_elem e;

	ram_put(&r->guest.ram, NET_CTRL_AT, head, 2);
	if (len)
		ram_put(&r->guest.ram, NET_CTRL_AT + 2, data, len);
	ram_fill(&r->guest.ram, NET_RESULT_AT, 0xee, 1 + room);
	ring_chain(ring, b, 2);
	guest_notify(&r->guest, r->queues);
	assert_int_equal(ring_published(ring), (uint16_t)(ring->used_idx + 1));
	ram_get(&r->guest.ram, ring->used + 4 + 8ull * (ring->used_idx % ring->size), &e,
		sizeof(e));
	ring->used_idx++;
	*ack = ram_get8(&r->guest.ram, NET_RESULT_AT);
	if (room)
		ram_get(&r->guest.ram, NET_RESULT_AT + 1, result, room);
	return le32toh(e.len) - 1;
}

static inline uint8_t net_command(struct net_rig *r, uint8_t class, uint8_t number,
				  const void *data, uint32_t len)
{
	uint8_t ack;

	assert_int_equal(net_ask(r, class, number, data, len, NULL, 0, &ack), 0);
	return ack;
}

static inline uint8_t net_set_pairs(struct net_rig *r, uint16_t pairs)
{
	pairs = htole16(pairs);
	return net_command(r, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2);
}

/* One receive buffer for a frame of usual length. */
static inline void net_offer(struct net_rig *r, unsigned int pair)
{
	struct buffer b = { NET_RX_AT + pair * NET_RX_BYTES, NET_RX_BYTES, WRITABLE };

	ring_chain(&r->guest.ring[2 * pair], &b, 1);
}

static inline int net_receive(struct net_rig *r, const void *frame, uint32_t len,
			      const struct anvil_nic_offload *offload)
{
	struct anvil_nic_frame f = { .data = frame, .len = len };

	if (offload)
		f.offload = *offload;
	return r->nic.nic.receive(&r->nic.nic, &f);
}

/* The pair whose queue a frame came in on, or -1; its header is in r->header, and its buffer is
 * offered again. */
static inline int net_arrives_at(struct net_rig *r, const void *frame, uint32_t len,
				 const struct anvil_nic_offload *offload)
{
	int at = -1;

	assert_int_equal(net_receive(r, frame, len, offload), 0);
	for (unsigned int pair = 0; 2 * pair < r->queues; pair++) {
		struct ring *ring = &r->guest.ring[2 * pair];

		if (ring_published(ring) == ring->used_idx)
			continue;
		assert_int_equal(at, -1);
		assert_int_equal(ring_published(ring), (uint16_t)(ring->used_idx + 1));
		ring->used_idx++;
		at = (int)pair;
		ram_get(&r->guest.ram, NET_RX_AT + pair * NET_RX_BYTES, r->header,
			sizeof(r->header));
		net_offer(r, pair);
	}
	return at;
}

/* Sends a frame behind `header_len` bytes of header; whether the nic got it. */
static inline bool net_send(struct net_rig *r, unsigned int pair, const void *header,
			    uint32_t header_len, const void *frame, uint32_t len)
{
	struct ring *ring = &r->guest.ring[2 * pair + 1];
	struct buffer b = { NET_TX_AT, header_len + len, 0 };
	unsigned int sends = r->nic.sends;
	uint16_t head;

	ram_put(&r->guest.ram, NET_TX_AT, header, header_len);
	ram_put(&r->guest.ram, NET_TX_AT + header_len, frame, len);
	head = ring_chain(ring, &b, 1);
	guest_notify(&r->guest, 2 * pair + 1);
	ring_expect(ring, head, 0);
	return r->nic.sends == sends + 1;
}

/* ---- frames ---- */

#define NET_FRAME 200u

static inline void net_put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Broadcast; any protocol but IP. Returns where the next header goes. */
static inline uint32_t net_eth(uint8_t *frame, unsigned int type)
{
	memset(frame, 0, NET_FRAME);
	memset(frame, 0xff, 6);
	net_put16(frame + 12, type);
	return 14;
}

static inline uint32_t net_ip4(uint8_t *frame, uint32_t at, uint32_t source, uint32_t to,
			       uint8_t protocol)
{
	source = htobe32(source);
	to = htobe32(to);
	frame[at] = 0x45;
	frame[at + 9] = protocol;
	memcpy(frame + at + 12, &source, 4);
	memcpy(frame + at + 16, &to, 4);
	return at + 20;
}

static inline uint32_t net_ip6(uint8_t *frame, uint32_t at, const uint8_t *source,
			       const uint8_t *to, uint8_t next)
{
	frame[at] = 0x60;
	frame[at + 6] = next;
	memcpy(frame + at + 8, source, 16);
	memcpy(frame + at + 24, to, 16);
	return at + 40;
}

/* TCP if `tcp`, else UDP; returns the end of its header. */
static inline uint32_t net_ports(uint8_t *frame, uint32_t at, bool tcp, unsigned int source,
				 unsigned int to)
{
	net_put16(frame + at, source);
	net_put16(frame + at + 2, to);
	if (tcp)
		frame[at + 12] = 0x50;
	return at + (tcp ? 20 : 8);
}

/* A TCP/IPv4 frame of NET_FRAME bytes. */
static inline void net_tcp4(uint8_t *frame, uint32_t source, uint32_t to, unsigned int sport,
			    unsigned int dport)
{
	net_ports(frame, net_ip4(frame, net_eth(frame, 0x0800), source, to, 6), true, sport, dport);
}

#endif
