/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets are counted from the first one that the driver was not told of. Time is the host's, as
 * old as the last tick: notifications come early rather than late.
 */
#include "virtio_net_coalesce.h"

#include <endian.h>
#include <string.h>

#include "virtio_net_stats.h"

static void tell(struct virtio_net *net, unsigned int queue)
{
	net->queue[queue].waiting = 0;
	if (virtio_device_notify_driver(&net->dev, queue))
		virtio_net_stats_interrupt(net, queue);
}

/* Before the ring has gone round, in any case: the driver's wish is told by position. */
static bool due(const struct virtio_net *net, unsigned int queue)
{
	const struct virtio_net_queue *q = &net->queue[queue];
	const struct virtqueue *vq = &net->dev.queue[queue];

	if (q->coalescing.max_packets == 0 || q->coalescing.max_usecs == 0)
		return true;
	return q->waiting >= q->coalescing.max_packets ||
	       net->now - q->since >= q->coalescing.max_usecs ||
	       virtqueue_unnotified(vq) >= vq->size;
}

void virtio_net_coalesce_publish(struct virtio_net *net, unsigned int queue)
{
	struct virtio_net_queue *q = &net->queue[queue];

	virtqueue_flush(&net->dev.queue[queue]);
	if (q->waiting == 0)
		q->since = net->now;
	q->waiting++;
	if (due(net, queue))
		tell(net, queue);
}

void virtio_net_coalesce_look(struct virtio_net *net)
{
	for (unsigned int i = 0; i < 2 * net->pairs; i++) {
		if (net->queue[i].waiting && virtio_device_queue_live(&net->dev, i) && due(net, i))
			tell(net, i);
	}
}

/* ---- time ---- */

bool virtio_net_next_tick(const struct virtio_net *net, uint64_t *next)
{
	bool some = false;

	for (unsigned int i = 0; i < 2 * net->pairs; i++) {
		const struct virtio_net_queue *q = &net->queue[i];
		uint64_t end = q->since + q->coalescing.max_usecs;

		if (!q->waiting || !virtio_device_queue_live(&net->dev, i))
			continue;
		if (end < q->since)
			end = UINT64_MAX;
		if (!some || end < *next)
			*next = end;
		some = true;
	}
	return some;
}

bool virtio_net_tick(struct virtio_net *net, uint64_t now, uint64_t *next)
{
	if (now > net->now)
		net->now = now;
	virtio_net_coalesce_look(net);
	return virtio_net_next_tick(net, next);
}

/* ---- commands ---- */

static struct virtio_net_coalescing from_wire(const struct virtio_net_ctrl_coal *coal)
{
	return (struct virtio_net_coalescing){
		.max_packets = le32toh(coal->max_packets),
		.max_usecs = le32toh(coal->max_usecs),
	};
}

/* All queues of one direction, also those that are not enabled now: 1 for transmit queues. */
static bool set_all(struct virtio_net *net, unsigned int direction, struct descriptor_chain *chain)
{
	struct virtio_net_ctrl_coal coal;

	if (!virtio_device_has(&net->dev, VIRTIO_NET_F_NOTF_COAL) ||
	    !virtio_net_command_rest(chain, &coal, sizeof(coal)))
		return false;
	net->coalescing[direction] = from_wire(&coal);
	for (unsigned int i = direction; i < 2 * net->pairs; i += 2)
		net->queue[i].coalescing = net->coalescing[direction];
	return true;
}

static bool enabled(const struct virtio_net *net, unsigned int queue)
{
	return queue < 2 * net->pairs && virtio_device_queue_live(&net->dev, queue);
}

static bool set_one(struct virtio_net *net, struct descriptor_chain *chain)
{
	struct virtio_net_ctrl_coal_vq coal;

	if (!virtio_net_command_rest(chain, &coal, sizeof(coal)) ||
	    !enabled(net, le16toh(coal.vq_index)))
		return false;
	net->queue[le16toh(coal.vq_index)].coalescing = from_wire(&coal.coal);
	return true;
}

static bool get_one(struct virtio_net *net, struct descriptor_chain *chain,
		    struct virtio_net_reply *reply)
{
	struct virtio_net_ctrl_coal coal;
	uint16_t which[2]; /* the index, and what is reserved */

	if (!virtio_net_command_rest(chain, which, sizeof(which)) ||
	    !enabled(net, le16toh(which[0])))
		return false;

	const struct virtio_net_queue *q = &net->queue[le16toh(which[0])];

	coal.max_packets = htole32(q->coalescing.max_packets);
	coal.max_usecs = htole32(q->coalescing.max_usecs);
	virtio_net_command_result(reply, &coal, sizeof(coal));
	return true;
}

bool virtio_net_coalesce_command(struct virtio_net *net, uint8_t command,
				 struct descriptor_chain *chain, struct virtio_net_reply *reply)
{
	if (command == VIRTIO_NET_CTRL_NOTF_COAL_TX_SET)
		return set_all(net, VIRTIO_NET_TX, chain);
	if (command == VIRTIO_NET_CTRL_NOTF_COAL_RX_SET)
		return set_all(net, VIRTIO_NET_RX, chain);
	if (!virtio_device_has(&net->dev, VIRTIO_NET_F_VQ_NOTF_COAL))
		return false;
	if (command == VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET)
		return set_one(net, chain);
	return command == VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET && get_one(net, chain, reply);
}

void virtio_net_coalesce_stopped(struct virtio_net *net, unsigned int queue)
{
	net->queue[queue].waiting = 0;
	net->queue[queue].coalescing = net->coalescing[queue % 2];
}

bool virtio_net_coalesce_enabled(const struct virtio_device *dev, unsigned int queue)
{
	return queue < 2 * ((const struct virtio_net *)dev)->pairs;
}

void virtio_net_coalesce_notify(struct virtio_device *dev, unsigned int queue)
{
	tell((struct virtio_net *)dev, queue);
}

void virtio_net_coalesce_reset(struct virtio_net *net)
{
	memset(net->coalescing, 0, sizeof(net->coalescing));
	for (unsigned int i = 0; i < net->dev.queues; i++) {
		net->queue[i].waiting = 0;
		net->queue[i].coalescing = net->coalescing[0];
	}
}
