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

static struct anvil_net *to_net(struct anvil_device *dev)
{
	return (struct anvil_net *)((char *)dev - offsetof(struct anvil_net, dev));
}

enum anvil_served anvil_net_frames_pop(struct anvil_net *net, unsigned int queue,
				       struct anvil_descriptor_chain *chain)
{
	anvil_descriptor_chain_init(chain, net->options.memory, net->segment,
				    net->options.queue_size_max);
	return anvil_device_popped(&net->dev, queue,
				   anvil_virtqueue_pop(&net->dev.queue[queue], chain));
}

bool anvil_net_frames_length_passes(const struct anvil_net *net,
				    const struct anvil_nic_frame *frame)
{
	if (frame->offload.gso != ANVIL_NIC_GSO_NONE)
		return frame->len <= ANVIL_NIC_FRAME_BYTES_MAX;
	return frame->len - anvil_net_packet_payload(frame->data, frame->len) <= net->options.mtu;
}

/* Fills in the frame to be sent; false: there is nothing to be sent. */
static bool read_frame(struct anvil_net *net, struct anvil_descriptor_chain *chain,
		       struct anvil_nic_frame *frame)
{
	/* the longest: else a guest could accept more fields and have us write behind it */
	struct virtio_net_header_long header = { .hash_value = 0 };

	/* dropped: else a guest could, by less than a header, have a negative length copied or,
	 * were it fatal, end the process */
	if (chain->writable_bytes ||
	    anvil_descriptor_chain_read(chain, &header, anvil_net_header_bytes(net)))
		return false;
	/* in 64 bits, before the copy: else a guest could have us write behind net->frame */
	if (chain->read.left < ANVIL_NIC_FRAME_BYTES_MIN ||
	    chain->read.left > ANVIL_NIC_FRAME_BYTES_MAX)
		return false;
	/* made once: else a guest could use up the host's memory, a frame at a time */
	frame->data = net->frame;
	frame->len = (uint32_t)chain->read.left;
	/* one walk from the header's end, all of it into copies: else a guest could have us read or
	 * write beyond its frame, or move the checksum out of it after the check */
	if (anvil_descriptor_chain_read(chain, net->frame, frame->len) ||
	    anvil_net_header_parse(net, &header, net->frame, frame->len, &frame->offload))
		return false;
	return anvil_net_frames_length_passes(net, frame);
}

/* Gives the frame to the nic: 0, or -EAGAIN for later. */
static int send(struct anvil_net *net, unsigned int queue, const struct anvil_nic_frame *frame)
{
	struct anvil_nic *nic = net->options.nic;

	if (!net->link.up) {
		anvil_net_stats_dropped(net, queue, false);
		return 0;
	}
	if (nic->ops->send(nic, frame) == -EAGAIN)
		return -EAGAIN;
	anvil_net_stats_sent(net, queue, frame);
	anvil_net_steering_sent(net, queue, frame->data, frame->len);
	return 0;
}

static enum anvil_served transmit_one(struct anvil_device *dev, unsigned int queue)
{
	struct anvil_net *net = to_net(dev);
	struct anvil_descriptor_chain chain;
	struct anvil_nic_frame frame;
	enum anvil_served served = anvil_net_frames_pop(net, queue, &chain);

	if (served != ANVIL_SERVED_ONE)
		return served;
	/* the next one is sent: else a guest could stop its queue for good by one short frame */
	if (!read_frame(net, &chain, &frame)) {
		anvil_net_stats_dropped(net, queue, true);
	} else if (send(net, queue, &frame) == -EAGAIN) {
		/* this one alone: else a guest could wait for ever for the rest of its frames */
		anvil_virtqueue_unpop(&dev->queue[queue], &chain);
		net->queue[queue].blocked = true;
		return ANVIL_SERVED_LATER;
	}
	anvil_virtqueue_fill(&dev->queue[queue], &chain);
	anvil_net_coalesce_publish(net, queue);
	return ANVIL_SERVED_ONE;
}

void anvil_net_frames_transmit(struct anvil_net *net, unsigned int queue)
{
	if (!net->queue[queue].blocked)
		anvil_device_serve(&net->dev, queue, transmit_one);
}

/* Each queue that waits gets its turn to be first, so that none waits for ever. */
void anvil_net_frames_sendable(struct anvil_nic *nic)
{
	struct anvil_net *net = nic->device;
	unsigned int first = net->next_tx_pair;

	anvil_device_begin(&net->dev);
	for (unsigned int i = 0; i < net->pairs; i++) {
		unsigned int pair = (first + i) % net->pairs;
		unsigned int queue = 2 * pair + ANVIL_NET_TX;

		if (!net->queue[queue].blocked)
			continue;
		if (net->next_tx_pair == first)
			net->next_tx_pair = (pair + 1) % net->pairs;
		net->queue[queue].blocked = false;
		if (anvil_device_queue_takes(&net->dev, queue))
			anvil_net_frames_transmit(net, queue);
	}
}
