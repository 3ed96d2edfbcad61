/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames in.
 */
#include <errno.h>
#include <string.h>

#include "virtio_net_coalesce.h"
#include "virtio_net_filter.h"
#include "virtio_net_frames.h"
#include "virtio_net_header.h"
#include "virtio_net_stats.h"
#include "virtio_net_steering.h"

/* Chains taken for one frame, in net->chain; bad ones are only passed through. */
struct buffers {
	unsigned int queue;
	uint32_t header; /* bytes in front of the frame */
	unsigned int taken;
	unsigned int good;
	unsigned int segments;
	uint64_t bytes; /* of the good ones */
};

/* A receive buffer is writable only and has room for the header (5.1.9.3.1); were others fatal, a
 * guest could end the process. */
static bool buffer_good(const struct buffers *b, const struct anvil_descriptor_chain *chain)
{
	return chain->readable == 0 && chain->writable_bytes >= b->header;
}

static void give_back(struct anvil_net *net, struct buffers *b)
{
	while (b->taken > 0)
		anvil_virtqueue_unpop(&net->dev.queue[b->queue], &net->chain[--b->taken]);
}

/* Takes one more chain: 1, 0 or an error as anvil_virtqueue_pop. */
static int take_buffer(struct anvil_net *net, struct buffers *b)
{
	struct anvil_virtqueue *vq = &net->dev.queue[b->queue];
	struct anvil_descriptor_chain *chain = &net->chain[b->taken];

	anvil_descriptor_chain_init(chain, net->options.memory, net->segment + b->segments,
				    net->options.queue_size_max);

	/* also the last one: else a guest could wait for ever with one buffer */
	int popped = anvil_virtqueue_pop(vq, chain);

	if (popped <= 0)
		return popped;
	if (buffer_good(b, chain)) {
		b->bytes += chain->writable_bytes;
		b->good++;
	} else if (b->taken == 0) {
		anvil_virtqueue_fill(vq, chain); /* at once: those before it are gone already */
		anvil_net_coalesce_publish(net, b->queue);
		return 1;
	}
	b->segments += chain->count;
	b->taken++;
	return 1;
}

/*
 * Takes as many good chains as `need` bytes fill, without MRG_RXBUF one at most. Returns 0, or with
 * none held any more
 *   -EAGAIN   there are not enough now
 *   -EBUSY    a whole ring of bad ones was used up, or a call's work, and there may be more
 *   -EMSGSIZE there never will be enough
 *   -EPROTO   the guest broke the ring
 * Chains share a pool of twice as many segments as a queue has entries, enough for all descriptors
 * of the table and one more chain.
 */
static int take_buffers(struct anvil_net *net, uint64_t need, struct buffers *b)
{
	const struct anvil_virtqueue *vq = &net->dev.queue[b->queue];
	uint32_t work = vq->work; /* before: bad ones count, too */
	unsigned int size = vq->size;
	unsigned int most = anvil_device_has(&net->dev, VIRTIO_NET_F_MRG_RXBUF) ? size : 1;

	/* `size` of them: else a guest could have us write behind net->chain */
	for (unsigned int tries = size; tries > 0 && b->bytes < need && b->good < most; tries--) {
		if (b->taken == 0 && vq->work - work >= ANVIL_DEVICE_WORK)
			break;

		int taken = b->segments <= net->options.queue_size_max ? take_buffer(net, b)
								       : -EMSGSIZE;

		if (taken > 0)
			continue;
		/* on any error: else a guest could wait for ever for buffers left in flight */
		give_back(net, b);
		if (taken < 0 && taken != -EMSGSIZE) {
			anvil_device_break(&net->dev, b->queue, taken);
			return -EPROTO;
		}
		return taken ? taken : -EAGAIN;
	}
	if (b->bytes >= need)
		return 0;
	if (b->taken == 0)
		return -EBUSY;
	/* these, too: else a guest could wait for ever for its small buffers */
	give_back(net, b);
	return -EMSGSIZE;
}

/* In order, bad ones among the good ones are used in their place, and count (2.7.9). */
static uint16_t buffers_counted(const struct anvil_net *net, const struct buffers *b)
{
	return (uint16_t)(anvil_device_has(&net->dev, VIRTIO_F_IN_ORDER) ? b->taken : b->good);
}

/* Fills one chain after the other to the end, the last one as far as needed (5.1.9.4.1). */
static void fill_buffers(struct anvil_net *net, const struct buffers *b,
			 const struct anvil_nic_frame *frame,
			 const struct virtio_net_header_long *header)
{
	size_t done = 0;
	bool first = true;

	for (unsigned int i = 0; i < b->taken; i++) {
		struct anvil_descriptor_chain *chain = &net->chain[i];
		int err = 0;

		if (!buffer_good(b, chain))
			continue;
		/* whole: else a guest could have num_buffers stored in memory freed by then */
		if (first)
			err = anvil_descriptor_chain_write(chain, header, b->header);
		first = false;

		size_t left = frame->len - done;
		/* what has room: else a guest could have us go on behind its last descriptor */
		size_t part = left < chain->write.left ? left : (size_t)chain->write.left;

		if (!err)
			err = anvil_descriptor_chain_write(chain, frame->data + done, part);
		(void)err; /* lengths were counted by take_buffers */
		done += part;
		anvil_virtqueue_fill(&net->dev.queue[b->queue], chain);
	}
}

static void deliver(struct anvil_net *net, const struct buffers *b,
		    const struct anvil_nic_frame *frame,
		    const struct virtio_net_header_long *header)
{
	for (unsigned int i = 0; i < b->taken; i++) {
		if (!buffer_good(b, &net->chain[i]))
			anvil_virtqueue_fill(&net->dev.queue[b->queue], &net->chain[i]);
	}
	fill_buffers(net, b, frame, header);
	anvil_net_stats_received(net, b->queue, frame);
	/* all at once: else a guest could see a frame whose further buffers are not there */
	anvil_net_coalesce_publish(net, b->queue);
}

/* Not enough buffers: ask to be told of the next ones, and look again only if they just came: else
 * a guest could keep the host busy by giving none. */
static int wait_for_buffers(struct anvil_net *net, unsigned int queue, bool more)
{
	net->rx_blocked = true;
	if (anvil_virtqueue_want_notification(&net->dev.queue[queue]) || more)
		anvil_device_defer(&net->dev, queue);
	return -EAGAIN;
}

static bool wanted(const struct anvil_net *net, const struct anvil_nic_frame *frame)
{
	return net->link.up && frame->len >= ANVIL_NIC_FRAME_BYTES_MIN &&
	       anvil_net_frames_length_passes(net, frame) &&
	       anvil_net_header_gso_accepted(net, &frame->offload) &&
	       anvil_net_filter_passes(net, frame->data, frame->len);
}

/* 5.1.9.4.1: without GUEST_CSUM the driver gets complete frames */
static void complete_csum(struct anvil_net *net, struct anvil_nic_frame *frame)
{
	if (!frame->offload.needs_csum || anvil_net_header_guest_has(net, VIRTIO_NET_F_GUEST_CSUM))
		return;
	memcpy(net->frame, frame->data, frame->len);
	anvil_net_header_complete_csum(net->frame, frame->len, &frame->offload);
	frame->data = net->frame;
}

int anvil_net_frames_receive(struct anvil_nic *nic, const struct anvil_nic_frame *from_host)
{
	struct anvil_net *net = nic->device;
	struct anvil_nic_frame frame = *from_host;
	struct buffers buffers = { .header = anvil_net_header_bytes(net) };
	struct virtio_net_header_long header;
	struct anvil_net_hash hash;

	if (!wanted(net, &frame))
		return 0;
	anvil_net_steering_hash(net, &frame, &hash);

	int queue = anvil_net_steering_choose(net, &frame, &hash);

	if (queue < 0)
		return 0;
	buffers.queue = (unsigned int)queue;

	int err = take_buffers(net, buffers.header + frame.len, &buffers);
	bool scarce = err == -EAGAIN || err == -EBUSY;

	if (scarce && !anvil_net_steering_many(net))
		return wait_for_buffers(net, buffers.queue, err == -EBUSY);
	/* not tried again: else a guest could keep us at one frame for ever by small buffers */
	if (err) {
		anvil_net_stats_dropped(net, buffers.queue, scarce);
		return 0;
	}
	complete_csum(net, &frame);
	anvil_net_header_make(net, &frame, buffers_counted(net, &buffers), &hash, &header);
	deliver(net, &buffers, &frame, &header);
	return 0;
}

void anvil_net_frames_receivable(struct anvil_net *net)
{
	struct anvil_nic *nic = net->options.nic;

	if (!net->rx_blocked)
		return;
	net->rx_blocked = false;
	if (nic->ops->receivable)
		nic->ops->receivable(nic);
}
