/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames out.
 */
#include <errno.h>

#include "virtio_net_coalesce.h"
#include "virtio_net_frames.h"
#include "virtio_net_header.h"
#include "virtio_net_packet.h"
#include "virtio_net_stats.h"
#include "virtio_net_steering.h"

static struct virtio_net *to_net(struct virtio_device *dev)
{
	return (struct virtio_net *)((char *)dev - offsetof(struct virtio_net, dev));
}

enum virtio_served virtio_net_frames_pop(struct virtio_net *net, unsigned int queue,
					 struct descriptor_chain *chain)
{
	descriptor_chain_init(chain, net->options.memory, net->segment,
			      net->options.queue_size_max);
	return virtio_device_popped(&net->dev, virtqueue_pop(&net->dev.queue[queue], chain));
}

bool virtio_net_frames_length_passes(const struct virtio_net *net, const struct nic_frame *frame)
{
	if (frame->offload.gso != NIC_GSO_NONE)
		return frame->len <= NIC_FRAME_BYTES_MAX;
	return frame->len - virtio_net_packet_payload(frame->data, frame->len) <= net->options.mtu;
}

/* Fills in the frame to be sent; false: there is nothing to be sent. */
static bool read_frame(struct virtio_net *net, struct descriptor_chain *chain,
		       struct nic_frame *frame)
{
	struct virtio_net_header_long header = { .hash_value = 0 }; /* perhaps shorter */

	if (chain->writable_bytes ||
	    descriptor_chain_read(chain, &header, virtio_net_header_bytes(net)))
		return false;
	if (chain->read.left < NIC_FRAME_BYTES_MIN || chain->read.left > NIC_FRAME_BYTES_MAX)
		return false;
	frame->data = net->frame;
	frame->len = (uint32_t)chain->read.left;
	if (descriptor_chain_read(chain, net->frame, frame->len) ||
	    virtio_net_header_parse(net, &header, net->frame, frame->len, &frame->offload))
		return false;
	return virtio_net_frames_length_passes(net, frame);
}

/* Gives the frame to the nic: 0, or -EAGAIN for later. */
static int send(struct virtio_net *net, unsigned int queue, const struct nic_frame *frame)
{
	struct nic *nic = net->options.nic;

	if (!net->options.link_up) {
		virtio_net_stats_dropped(net, queue, false);
		return 0;
	}
	if (nic->ops->send(nic, frame) == -EAGAIN)
		return -EAGAIN;
	virtio_net_stats_sent(net, queue, frame);
	virtio_net_steering_sent(net, queue, frame->data, frame->len);
	return 0;
}

static enum virtio_served transmit_one(struct virtio_device *dev, unsigned int queue)
{
	struct virtio_net *net = to_net(dev);
	struct descriptor_chain chain;
	struct nic_frame frame;
	enum virtio_served served = virtio_net_frames_pop(net, queue, &chain);

	if (served != VIRTIO_SERVED_ONE)
		return served;
	if (!read_frame(net, &chain, &frame)) {
		virtio_net_stats_dropped(net, queue, true);
	} else if (send(net, queue, &frame) == -EAGAIN) {
		virtqueue_unpop(&dev->queue[queue], &chain);
		net->queue[queue].blocked = true;
		return VIRTIO_SERVED_LATER;
	}
	virtqueue_fill(&dev->queue[queue], &chain);
	virtio_net_coalesce_publish(net, queue);
	return VIRTIO_SERVED_ONE;
}

void virtio_net_frames_transmit(struct virtio_net *net, unsigned int queue)
{
	if (!net->queue[queue].blocked)
		virtio_device_serve(&net->dev, queue, transmit_one);
}

/* Each queue that waits gets its turn to be first, so that none waits for ever. */
void virtio_net_frames_sendable(struct nic *nic)
{
	struct virtio_net *net = nic->device;
	unsigned int first = net->next_tx_pair;

	virtio_device_begin(&net->dev);
	for (unsigned int i = 0; i < net->pairs; i++) {
		unsigned int pair = (first + i) % net->pairs;
		unsigned int queue = 2 * pair + VIRTIO_NET_TX;

		if (!net->queue[queue].blocked)
			continue;
		if (net->next_tx_pair == first)
			net->next_tx_pair = (pair + 1) % net->pairs;
		net->queue[queue].blocked = false;
		if (virtio_device_queue_takes(&net->dev, queue))
			virtio_net_frames_transmit(net, queue);
	}
}
