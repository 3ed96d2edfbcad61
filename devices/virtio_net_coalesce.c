/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets are counted from the first one that the driver was not told of. Time is the host's, as
 * old as the last tick: notifications come early rather than late.
 */
#include "virtio_net_coalesce.h"

#include <endian.h>
#include <string.h>

#include "virtio_net_stats.h"

static void tell(struct anvil_net *net, unsigned int queue)
{
	net->queue[queue].waiting = 0;
	if (anvil_device_notify_driver(&net->dev, queue))
		anvil_net_stats_interrupt(net, queue);
}

/* Before the ring has gone round, in any case: the driver's wish is told by position. */
static bool due(const struct anvil_net *net, unsigned int queue)
{
	const struct anvil_net_queue *q = &net->queue[queue];
	const struct anvil_virtqueue *vq = &net->dev.queue[queue];

	if (q->coalescing.max_packets == 0 || q->coalescing.max_usecs == 0)
		return true;
	return q->waiting >= q->coalescing.max_packets ||
	       net->now - q->since >= q->coalescing.max_usecs ||
	       anvil_virtqueue_unnotified(vq) >= vq->size;
}

void anvil_net_coalesce_publish(struct anvil_net *net, unsigned int queue)
{
	struct anvil_net_queue *q = &net->queue[queue];

	anvil_virtqueue_flush(&net->dev.queue[queue]);
	if (q->waiting == 0)
		q->since = net->now;
	q->waiting++;
	if (due(net, queue))
		tell(net, queue);
}

void anvil_net_coalesce_look(struct anvil_net *net)
{
	for (unsigned int i = 0; i < 2 * net->pairs; i++) {
		if (net->queue[i].waiting && anvil_device_queue_live(&net->dev, i) && due(net, i))
			tell(net, i);
	}
}

/* ---- time ---- */

bool anvil_net_next_tick(const struct anvil_net *net, uint64_t *next)
{
	bool some = false;

	for (unsigned int i = 0; i < 2 * net->pairs; i++) {
		const struct anvil_net_queue *q = &net->queue[i];
		uint64_t end = q->since + q->coalescing.max_usecs;

		if (!q->waiting || !anvil_device_queue_live(&net->dev, i))
			continue;
		if (end < q->since)
			end = UINT64_MAX;
		if (!some || end < *next)
			*next = end;
		some = true;
	}
	return some;
}

bool anvil_net_tick(struct anvil_net *net, uint64_t now, uint64_t *next)
{
	if (now > net->now)
		net->now = now;
	anvil_net_coalesce_look(net);
	return anvil_net_next_tick(net, next);
}

/* ---- commands ---- */

static struct anvil_net_coalescing from_wire(const struct virtio_net_ctrl_coal *coal)
{
	return (struct anvil_net_coalescing){
		.max_packets = le32toh(coal->max_packets),
		.max_usecs = le32toh(coal->max_usecs),
	};
}

/* All queues of one direction, also those that are not enabled now: 1 for transmit queues. */
static bool set_all(struct anvil_net *net, unsigned int direction,
		    struct anvil_descriptor_chain *chain)
{
	struct virtio_net_ctrl_coal coal;

	if (!anvil_device_has(&net->dev, VIRTIO_NET_F_NOTF_COAL) ||
	    !anvil_net_command_rest(chain, &coal, sizeof(coal)))
		return false;
	net->coalescing[direction] = from_wire(&coal);
	for (unsigned int i = direction; i < 2 * net->pairs; i += 2)
		net->queue[i].coalescing = net->coalescing[direction];
	return true;
}

static bool enabled(const struct anvil_net *net, unsigned int queue)
{
	return queue < 2 * net->pairs && anvil_device_queue_live(&net->dev, queue);
}

static bool set_one(struct anvil_net *net, struct anvil_descriptor_chain *chain)
{
	struct virtio_net_ctrl_coal_vq coal;

	if (!anvil_net_command_rest(chain, &coal, sizeof(coal)) ||
	    !enabled(net, le16toh(coal.vq_index)))
		return false;
	net->queue[le16toh(coal.vq_index)].coalescing = from_wire(&coal.coal);
	return true;
}

static bool get_one(struct anvil_net *net, struct anvil_descriptor_chain *chain,
		    struct anvil_net_reply *reply)
{
	struct virtio_net_ctrl_coal coal;
	uint16_t which[2]; /* the index, and what is reserved */

	if (!anvil_net_command_rest(chain, which, sizeof(which)) ||
	    !enabled(net, le16toh(which[0])))
		return false;

	const struct anvil_net_queue *q = &net->queue[le16toh(which[0])];

	coal.max_packets = htole32(q->coalescing.max_packets);
	coal.max_usecs = htole32(q->coalescing.max_usecs);
	anvil_net_command_result(reply, &coal, sizeof(coal));
	return true;
}

bool anvil_net_coalesce_command(struct anvil_net *net, uint8_t command,
				struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply)
{
	if (command == VIRTIO_NET_CTRL_NOTF_COAL_TX_SET)
		return set_all(net, ANVIL_NET_TX, chain);
	if (command == VIRTIO_NET_CTRL_NOTF_COAL_RX_SET)
		return set_all(net, ANVIL_NET_RX, chain);
	if (!anvil_device_has(&net->dev, VIRTIO_NET_F_VQ_NOTF_COAL))
		return false;
	if (command == VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET)
		return set_one(net, chain);
	return command == VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET && get_one(net, chain, reply);
}

void anvil_net_coalesce_stopped(struct anvil_net *net, unsigned int queue)
{
	net->queue[queue].waiting = 0;
	net->queue[queue].coalescing = net->coalescing[queue % 2];
}

bool anvil_net_coalesce_enabled(const struct anvil_device *dev, unsigned int queue)
{
	return queue < 2 * ((const struct anvil_net *)dev)->pairs;
}

void anvil_net_coalesce_notify(struct anvil_device *dev, unsigned int queue)
{
	tell((struct anvil_net *)dev, queue);
}

void anvil_net_coalesce_reset(struct anvil_net *net)
{
	memset(net->coalescing, 0, sizeof(net->coalescing));
	for (unsigned int i = 0; i < net->dev.queues; i++) {
		net->queue[i].waiting = 0;
		net->queue[i].coalescing = net->coalescing[0];
	}
}
