/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table has a row for each type of statistics: which queues have it, which features it requires,
 * how many counters it has.
 */
#include "virtio_net_stats.h"

#include <endian.h>
#include <string.h>

#include "array_size.h"

enum { NOTIFICATIONS, PACKETS, BYTES, INTERRUPTS, DROPS, DROPS_FOR_CAUSE };
enum { RX_CSUM_VALID, RX_NEEDS_CSUM, RX_CSUM_NONE };
enum { TX_CSUM_NONE, TX_NEEDS_CSUM };
enum { GSO_PACKETS, GSO_BYTES, TX_GSO_PACKETS_NOSEG = 4, TX_GSO_BYTES_NOSEG };

#define COUNTERS_MAX 6u

enum owner { OWNER_RX, OWNER_TX, OWNER_CONTROL };

static const struct stats_type {
	uint8_t type;
	enum owner owner;
	uint8_t counters;
	uint8_t any_of[3]; /* features, up to the first 0; none: always there */
} stats_type[] = {
	{ VIRTIO_NET_STATS_RX_BASIC, OWNER_RX, 6, { 0 } },
	{ VIRTIO_NET_STATS_RX_CSUM, OWNER_RX, 4, { VIRTIO_NET_F_GUEST_CSUM } },
	{ VIRTIO_NET_STATS_RX_GSO,
	  OWNER_RX,
	  4,
	  { VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6 } },
	{ VIRTIO_NET_STATS_TX_BASIC, OWNER_TX, 6, { 0 } },
	/* CSUM is feature 0 */
	{ VIRTIO_NET_STATS_TX_CSUM, OWNER_TX, 2, { 0 } },
	{ VIRTIO_NET_STATS_TX_GSO,
	  OWNER_TX,
	  6,
	  { VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_HOST_USO } },
	{ VIRTIO_NET_STATS_CVQ, OWNER_CONTROL, 2, { 0 } },
};

#define TYPES (ARRAY_SIZE(stats_type))

/* ---- counting ---- */

void anvil_net_stats_notified(struct anvil_net *net, unsigned int queue)
{
	net->queue[queue].basic[NOTIFICATIONS]++;
}

void anvil_net_stats_interrupt(struct anvil_net *net, unsigned int queue)
{
	net->queue[queue].basic[INTERRUPTS]++;
}

void anvil_net_stats_received(struct anvil_net *net, unsigned int queue,
			      const struct anvil_nic_frame *frame)
{
	struct anvil_net_queue *q = &net->queue[queue];
	const struct anvil_nic_offload *offload = &frame->offload;
	bool takes = anvil_features_has(&net->guest, VIRTIO_NET_F_GUEST_CSUM);

	q->basic[PACKETS]++;
	q->basic[BYTES] += frame->len;
	if (takes && offload->needs_csum)
		q->csum[RX_NEEDS_CSUM]++;
	else if (takes && offload->csum_valid)
		q->csum[RX_CSUM_VALID]++;
	else
		q->csum[RX_CSUM_NONE]++;
	if (offload->gso == ANVIL_NIC_GSO_NONE)
		return;
	q->gso[GSO_PACKETS]++;
	q->gso[GSO_BYTES] += frame->len;
}

void anvil_net_stats_sent(struct anvil_net *net, unsigned int queue,
			  const struct anvil_nic_frame *frame)
{
	struct anvil_net_queue *q = &net->queue[queue];

	q->basic[PACKETS]++;
	q->basic[BYTES] += frame->len;
	q->csum[frame->offload.needs_csum ? TX_NEEDS_CSUM : TX_CSUM_NONE]++;
	if (frame->offload.gso == ANVIL_NIC_GSO_NONE)
		return;
	q->gso[GSO_PACKETS]++;
	q->gso[GSO_BYTES] += frame->len;
	q->gso[TX_GSO_PACKETS_NOSEG]++;
	q->gso[TX_GSO_BYTES_NOSEG] += frame->len;
}

void anvil_net_stats_dropped(struct anvil_net *net, unsigned int queue, bool cause)
{
	net->queue[queue].basic[DROPS]++;
	net->queue[queue].basic[DROPS_FOR_CAUSE] += cause;
}

void anvil_net_stats_reset(struct anvil_net *net)
{
	memset(net->commands, 0, sizeof(net->commands));
	for (unsigned int i = 0; i < net->dev.queues; i++) {
		struct anvil_net_queue *q = &net->queue[i];

		memset(q->basic, 0, sizeof(q->basic));
		memset(q->csum, 0, sizeof(q->csum));
		memset(q->gso, 0, sizeof(q->gso));
	}
}

/* ---- commands ---- */

static bool negotiated(const struct anvil_net *net, const struct stats_type *t)
{
	if (t->type == VIRTIO_NET_STATS_TX_CSUM)
		return anvil_device_has(&net->dev, VIRTIO_NET_F_CSUM);
	for (unsigned int i = 0; i < sizeof(t->any_of) && t->any_of[i]; i++) {
		if (anvil_device_has(&net->dev, t->any_of[i]))
			return true;
	}
	return t->any_of[0] == 0;
}

/* The types that this owner's queues have now. */
static uint64_t types_of(const struct anvil_net *net, enum owner owner)
{
	uint64_t types = 0;

	for (size_t i = 0; i < TYPES; i++) {
		if (stats_type[i].owner == owner && negotiated(net, &stats_type[i]))
			types |= 1ull << stats_type[i].type;
	}
	return types;
}

static enum owner owner_of(const struct anvil_net *net, unsigned int queue)
{
	return queue == 2 * net->pairs ? OWNER_CONTROL : queue % 2 ? OWNER_TX : OWNER_RX;
}

/* All types that can be asked for with the features accepted. */
static bool query(struct anvil_net *net, struct anvil_descriptor_chain *chain,
		  struct anvil_net_reply *reply)
{
	uint64_t types = htole64(types_of(net, OWNER_RX) | types_of(net, OWNER_TX) |
				 types_of(net, OWNER_CONTROL));

	if (chain->read.left)
		return false;
	anvil_net_command_result(reply, &types, sizeof(types));
	return true;
}

static bool wish_good(const struct anvil_net *net, const struct virtio_net_stats_wish *wish)
{
	unsigned int queue = le16toh(wish->vq_index);

	return queue <= 2 * net->pairs &&
	       !(le64toh(wish->types_bitmap) & ~types_of(net, owner_of(net, queue)));
}

static bool get(struct anvil_net *net, struct anvil_descriptor_chain *chain,
		struct anvil_net_reply *reply)
{
	uint64_t len = chain->read.left;

	if (len % sizeof(reply->wish[0]) || len > sizeof(reply->wish) ||
	    !anvil_net_command_rest(chain, reply->wish, (size_t)len))
		return false;
	reply->wishes = (unsigned int)(len / sizeof(reply->wish[0]));
	for (unsigned int i = 0; i < reply->wishes; i++) {
		if (!wish_good(net, &reply->wish[i]))
			return false;
	}
	return true;
}

bool anvil_net_stats_command(struct anvil_net *net, uint8_t command,
			     struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply)
{
	if (!anvil_device_has(&net->dev, VIRTIO_NET_F_DEVICE_STATS))
		return false;
	if (command == VIRTIO_NET_CTRL_STATS_QUERY)
		return query(net, chain, reply);
	return command == VIRTIO_NET_CTRL_STATS_GET && get(net, chain, reply);
}

/* ---- replies ---- */

static const uint64_t *counters_of(const struct anvil_net *net, unsigned int queue, uint8_t type)
{
	const struct anvil_net_queue *q = &net->queue[queue];

	switch (type) {
	case VIRTIO_NET_STATS_CVQ:
		return net->commands;
	case VIRTIO_NET_STATS_RX_BASIC:
	case VIRTIO_NET_STATS_TX_BASIC:
		return q->basic;
	case VIRTIO_NET_STATS_RX_CSUM:
	case VIRTIO_NET_STATS_TX_CSUM:
		return q->csum;
	default:
		return q->gso;
	}
}

static bool reply_type(struct anvil_net *net, struct anvil_descriptor_chain *chain,
		       unsigned int queue, const struct stats_type *t)
{
	const uint64_t *counter = counters_of(net, queue, t->type);
	struct {
		struct anvil_net_stats_reply header;
		uint64_t counter[COUNTERS_MAX];
	} r = { .header.type = t->type };
	size_t size = sizeof(r.header) + t->counters * sizeof(r.counter[0]);

	r.header.vq_index = htole16((uint16_t)queue);
	r.header.size = htole16((uint16_t)size);
	for (unsigned int i = 0; i < t->counters; i++)
		r.counter[i] = htole64(counter[i]);
	return anvil_net_command_fill(chain, &r, size);
}

void anvil_net_stats_reply(struct anvil_net *net, struct anvil_descriptor_chain *chain,
			   const struct virtio_net_stats_wish *wish, unsigned int wishes)
{
	for (unsigned int i = 0; i < wishes; i++) {
		for (size_t t = 0; t < TYPES; t++) {
			if (le64toh(wish[i].types_bitmap) >> stats_type[t].type & 1 &&
			    !reply_type(net, chain, le16toh(wish[i].vq_index), &stats_type[t]))
				return;
		}
	}
}
