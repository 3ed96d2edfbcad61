/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames out, frames in, and the control queue's answers.
 */
#include "virtio_net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_net_filter.h"
#include "virtio_net_header.h"

#define ETH_HEADER 14u
#define ETH_TYPE   12u
#define VLAN_TAG   4u

static struct virtio_net *to_net(struct virtio_device *dev)
{
	return (struct virtio_net *)((char *)dev - offsetof(struct virtio_net, dev));
}

static struct virtqueue *queue(struct virtio_net *net, unsigned int index)
{
	return &net->dev.queue[index];
}

static void use(struct virtio_net *net, unsigned int index, const struct descriptor_chain *chain)
{
	virtqueue_push(queue(net, index), chain);
	virtio_device_publish(&net->dev, index);
}

/* 5.1.9.1: num_buffers came with MRG_RXBUF, and is always there since VERSION_1 */
static size_t header_bytes(const struct virtio_net *net)
{
	if (net->dev.legacy && !virtio_device_has(&net->dev, VIRTIO_NET_F_MRG_RXBUF))
		return VIRTIO_NET_HEADER_LEGACY_BYTES;
	return sizeof(struct virtio_net_header);
}

/* The one chain of a request on the transmit or control queue. */
static enum virtio_served pop_one(struct virtio_net *net, unsigned int index,
				  struct descriptor_chain *chain)
{
	descriptor_chain_init(chain, net->options.memory, net->segment,
			      net->options.queue_size_max);
	return virtio_device_popped(&net->dev, virtqueue_pop(queue(net, index), chain));
}

static bool tagged(const uint8_t *frame)
{
	const uint8_t *type = frame + ETH_TYPE;

	return (type[0] == 0x81 && type[1] == 0x00) || (type[0] == 0x88 && type[1] == 0xa8);
}

/* 5.1.4.1, of a frame of at least NIC_FRAME_BYTES_MIN: longer ones only if they are segmented */
static bool length_passes(const struct virtio_net *net, const struct nic_frame *frame)
{
	if (frame->offload.gso != NIC_GSO_NONE)
		return frame->len <= NIC_FRAME_BYTES_MAX;
	return frame->len <= net->options.mtu + ETH_HEADER + (tagged(frame->data) ? VLAN_TAG : 0);
}

/* ---- transmit (5.1.6.2) ---- */

/* Fills in the frame to be sent; false: there is nothing to be sent. */
static bool read_frame(struct virtio_net *net, struct descriptor_chain *chain,
		       struct nic_frame *frame)
{
	struct virtio_net_header header;

	if (chain->writable_bytes || descriptor_chain_read(chain, &header, header_bytes(net)))
		return false;
	if (chain->read.left < NIC_FRAME_BYTES_MIN || chain->read.left > NIC_FRAME_BYTES_MAX)
		return false;
	frame->data = net->frame;
	frame->len = (uint32_t)chain->read.left;
	if (descriptor_chain_read(chain, net->frame, frame->len) ||
	    virtio_net_header_parse(&net->dev, &header, net->frame, frame->len, &frame->offload))
		return false;
	return length_passes(net, frame);
}

static enum virtio_served transmit_one(struct virtio_device *dev, unsigned int index)
{
	struct virtio_net *net = to_net(dev);
	struct nic *nic = net->options.nic;
	struct descriptor_chain chain;
	struct nic_frame frame;
	enum virtio_served served = pop_one(net, index, &chain);

	if (served != VIRTIO_SERVED_ONE)
		return served;
	if (read_frame(net, &chain, &frame) && net->options.link_up &&
	    nic->ops->send(nic, &frame) == -EAGAIN) {
		virtqueue_unpop(queue(net, index), &chain);
		net->tx_blocked = true;
		return VIRTIO_SERVED_LATER;
	}
	use(net, index, &chain);
	return VIRTIO_SERVED_ONE;
}

static void sendable(struct nic *nic)
{
	struct virtio_net *net = nic->device;

	if (!net->tx_blocked)
		return;
	net->tx_blocked = false;
	virtio_device_notify(&net->dev, VIRTIO_NET_TX);
}

/* ---- receive (5.1.6.4) ---- */

/* A receive buffer is writable only and has room for the header (5.1.6.3.1) */
static bool buffer_good(const struct virtio_net *net, const struct descriptor_chain *chain)
{
	return chain->readable == 0 && chain->writable_bytes >= header_bytes(net);
}

/* Chains taken for one frame, in net->chain; bad ones are only passed through. */
struct buffers {
	unsigned int taken;
	unsigned int good;
	unsigned int segments;
	uint64_t bytes; /* of the good ones */
};

static void give_back(struct virtio_net *net, struct buffers *b)
{
	while (b->taken > 0)
		virtqueue_unpop(queue(net, VIRTIO_NET_RX), &net->chain[--b->taken]);
}

/* Takes one more chain: 1, 0 or an error as virtqueue_pop. */
static int take_buffer(struct virtio_net *net, struct buffers *b)
{
	struct descriptor_chain *chain = &net->chain[b->taken];

	descriptor_chain_init(chain, net->options.memory, net->segment + b->segments,
			      net->options.queue_size_max);

	int popped = virtqueue_pop(queue(net, VIRTIO_NET_RX), chain);

	if (popped <= 0)
		return popped;
	if (buffer_good(net, chain)) {
		b->bytes += chain->writable_bytes;
		b->good++;
	} else if (b->taken == 0) {
		use(net, VIRTIO_NET_RX, chain); /* at once: those before it are gone already */
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
 *   -EBUSY    a whole ring of bad ones was used up, there may be more
 *   -EMSGSIZE there never will be enough
 *   -EPROTO   the guest broke the ring
 * Chains share a pool of twice as many segments as a queue has entries, enough for all descriptors
 * of the table and one more chain.
 */
static int take_buffers(struct virtio_net *net, uint64_t need, struct buffers *b)
{
	unsigned int size = queue(net, VIRTIO_NET_RX)->size;
	unsigned int most = virtio_device_has(&net->dev, VIRTIO_NET_F_MRG_RXBUF) ? size : 1;

	memset(b, 0, sizeof(*b));
	for (unsigned int tries = size; tries > 0 && b->bytes < need && b->good < most; tries--) {
		int taken = b->segments <= net->options.queue_size_max ? take_buffer(net, b)
								       : -EMSGSIZE;

		if (taken > 0)
			continue;
		give_back(net, b);
		if (taken < 0 && taken != -EMSGSIZE) {
			virtio_device_break(&net->dev);
			return -EPROTO;
		}
		return taken ? taken : -EAGAIN;
	}
	if (b->bytes >= need)
		return 0;
	if (b->taken == 0)
		return -EBUSY;
	give_back(net, b);
	return -EMSGSIZE;
}

/* Fills one chain after the other to the end, the last one as far as needed (5.1.6.4.1). */
static void fill_buffers(struct virtio_net *net, const struct buffers *b,
			 const struct nic_frame *frame)
{
	struct virtio_net_header header;
	size_t done = 0;
	bool first = true;

	virtio_net_header_make(&net->dev, &frame->offload, (uint16_t)b->good, &header);
	for (unsigned int i = 0; i < b->taken; i++) {
		struct descriptor_chain *chain = &net->chain[i];
		int err = 0;

		if (!buffer_good(net, chain))
			continue;
		if (first)
			err = descriptor_chain_write(chain, &header, header_bytes(net));
		first = false;

		size_t left = frame->len - done;
		size_t part = left < chain->write.left ? left : (size_t)chain->write.left;

		if (!err)
			err = descriptor_chain_write(chain, frame->data + done, part);
		(void)err; /* lengths were counted by take_buffers */
		done += part;
		virtqueue_push(queue(net, VIRTIO_NET_RX), chain);
	}
}

static void deliver(struct virtio_net *net, const struct buffers *b, const struct nic_frame *frame)
{
	for (unsigned int i = 0; i < b->taken; i++) {
		if (!buffer_good(net, &net->chain[i]))
			virtqueue_push(queue(net, VIRTIO_NET_RX), &net->chain[i]);
	}
	fill_buffers(net, b, frame);
	virtio_device_publish(&net->dev, VIRTIO_NET_RX);
}

/* Not enough buffers: ask to be told of the next ones, and look again if they just came. */
static int wait_for_buffers(struct virtio_net *net, bool more)
{
	net->rx_blocked = true;
	if (virtqueue_want_notification(queue(net, VIRTIO_NET_RX)) || more)
		virtio_device_defer(&net->dev, VIRTIO_NET_RX);
	return -EAGAIN;
}

static bool wanted(const struct virtio_net *net, const struct nic_frame *frame)
{
	return net->options.link_up && virtio_device_queue_live(&net->dev, VIRTIO_NET_RX) &&
	       frame->len >= NIC_FRAME_BYTES_MIN && length_passes(net, frame) &&
	       virtio_net_header_gso_accepted(&net->dev, &frame->offload) &&
	       virtio_net_filter_passes(net, frame->data, frame->len);
}

/* 5.1.6.4.1: without GUEST_CSUM the driver gets complete frames */
static void complete_csum(struct virtio_net *net, struct nic_frame *frame)
{
	if (!frame->offload.needs_csum || virtio_device_has(&net->dev, VIRTIO_NET_F_GUEST_CSUM))
		return;
	memcpy(net->frame, frame->data, frame->len);
	virtio_net_header_complete_csum(net->frame, frame->len, &frame->offload);
	frame->data = net->frame;
}

static int receive(struct nic *nic, const struct nic_frame *from_host)
{
	struct virtio_net *net = nic->device;
	struct nic_frame frame = *from_host;
	struct buffers buffers;

	if (!wanted(net, &frame))
		return 0;

	int err = take_buffers(net, header_bytes(net) + frame.len, &buffers);

	if (err == -EAGAIN || err == -EBUSY)
		return wait_for_buffers(net, err == -EBUSY);
	if (err)
		return 0;
	complete_csum(net, &frame);
	deliver(net, &buffers, &frame);
	return 0;
}

static void receivable(struct virtio_net *net)
{
	struct nic *nic = net->options.nic;

	if (!net->rx_blocked)
		return;
	net->rx_blocked = false;
	if (nic->ops->receivable)
		nic->ops->receivable(nic);
}

/* ---- control (5.1.6.5) ---- */

/* A command that cannot be acknowledged is not carried out. */
static enum virtio_served control_one(struct virtio_device *dev, unsigned int index)
{
	struct virtio_net *net = to_net(dev);
	struct descriptor_chain chain;
	enum virtio_served served = pop_one(net, index, &chain);

	if (served != VIRTIO_SERVED_ONE)
		return served;
	if (chain.writable_bytes) {
		uint8_t ack = virtio_net_filter_command(net, &chain);
		int err = descriptor_chain_write(&chain, &ack, sizeof(ack));

		(void)err; /* there is room for a byte */
	}
	use(net, index, &chain);
	return VIRTIO_SERVED_ONE;
}

/* ---- the device ---- */

/* 5.1.2: the control queue is there if negotiated */
static void features_accepted(struct virtio_device *dev)
{
	if (!virtio_device_has(dev, VIRTIO_NET_F_CTRL_VQ))
		dev->queues_used = VIRTIO_NET_CTRL;
}

static void notified(struct virtio_device *dev, unsigned int index)
{
	struct virtio_net *net = to_net(dev);

	if (index == VIRTIO_NET_RX)
		receivable(net);
	else if (index == VIRTIO_NET_CTRL)
		virtio_device_serve(dev, index, control_one);
	else if (!net->tx_blocked)
		virtio_device_serve(dev, index, transmit_one);
}

/* A nic that waits for buffers goes on waiting, for those of the next driver. */
static void queue_stopped(struct virtio_device *dev, unsigned int index)
{
	struct virtio_net *net = to_net(dev);

	if (index == VIRTIO_NET_TX)
		net->tx_blocked = false;
}

static void reset(struct virtio_device *dev)
{
	struct virtio_net *net = to_net(dev);

	virtio_net_filter_reset(net);
	if (memcmp(net->config.mac, net->options.mac, NIC_MAC_BYTES) != 0)
		dev->config_generation++;
	memcpy(net->config.mac, net->options.mac, NIC_MAC_BYTES);
}

/* 5.1.4.3: a legacy driver sets the address here; the rest is read-only */
static void config_written(struct virtio_device *dev, uint32_t offset, const uint8_t *bytes,
			   uint32_t len)
{
	if (!dev->legacy || len > NIC_MAC_BYTES || offset > NIC_MAC_BYTES - len)
		return;
	memcpy(to_net(dev)->config.mac + offset, bytes, len);
	dev->config_generation++;
}

static int make_legacy(struct virtio_device *dev);
static void config_refresh(struct virtio_device *dev);

/* 5.1.3.1 */
static const struct virtio_feature_rule net_rules[] = {
	{ VIRTIO_NET_F_GUEST_TSO4, { VIRTIO_NET_F_GUEST_CSUM } },
	{ VIRTIO_NET_F_GUEST_TSO6, { VIRTIO_NET_F_GUEST_CSUM } },
	{ VIRTIO_NET_F_GUEST_ECN, { VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6 } },
	{ VIRTIO_NET_F_HOST_TSO4, { VIRTIO_NET_F_CSUM } },
	{ VIRTIO_NET_F_HOST_TSO6, { VIRTIO_NET_F_CSUM } },
	{ VIRTIO_NET_F_HOST_ECN, { VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6 } },
	{ VIRTIO_NET_F_CTRL_RX, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_CTRL_VLAN, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_CTRL_RX_EXTRA, { VIRTIO_NET_F_CTRL_VQ } },
	{ VIRTIO_NET_F_CTRL_MAC_ADDR, { VIRTIO_NET_F_CTRL_VQ } },
};

static const struct virtio_device_ops net_ops = {
	.device_id = VIRTIO_ID_NET,
	.rule = net_rules,
	.rules = sizeof(net_rules) / sizeof(net_rules[0]),
	.features_accepted = features_accepted,
	.notified = notified,
	.queue_stopped = queue_stopped,
	.config_written = config_written,
	.reset = reset,
	.config_refresh = config_refresh,
	.make_legacy = make_legacy,
};

static bool options_valid(const struct virtio_net_options *o)
{
	static const struct virtio_features can = {
		.word = { 1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM |
			  1ull << VIRTIO_NET_F_MTU | 1ull << VIRTIO_NET_F_MAC |
			  1ull << VIRTIO_NET_F_GUEST_TSO4 | 1ull << VIRTIO_NET_F_GUEST_TSO6 |
			  1ull << VIRTIO_NET_F_GUEST_ECN | 1ull << VIRTIO_NET_F_HOST_TSO4 |
			  1ull << VIRTIO_NET_F_HOST_TSO6 | 1ull << VIRTIO_NET_F_HOST_ECN |
			  1ull << VIRTIO_NET_F_MRG_RXBUF | 1ull << VIRTIO_NET_F_STATUS |
			  1ull << VIRTIO_NET_F_CTRL_VQ | 1ull << VIRTIO_NET_F_CTRL_RX |
			  1ull << VIRTIO_NET_F_CTRL_VLAN | 1ull << VIRTIO_NET_F_CTRL_RX_EXTRA |
			  1ull << VIRTIO_NET_F_CTRL_MAC_ADDR | 1ull << VIRTIO_F_INDIRECT_DESC |
			  1ull << VIRTIO_F_EVENT_IDX | 1ull << VIRTIO_F_RING_RESET |
			  1ull << VIRTIO_F_ORDER_PLATFORM | 1ull << VIRTIO_F_SUSPEND },
	};

	if (o->features.word[0] & ~can.word[0] || o->features.word[1] & ~can.word[1])
		return false;
	return o->mtu >= 68 &&
	       virtio_device_rules_hold(net_rules, sizeof(net_rules) / sizeof(net_rules[0]),
					&o->features);
}

static void fill_config(struct virtio_net *net)
{
	const struct virtio_net_options *o = &net->options;

	memcpy(net->config.mac, o->mac, NIC_MAC_BYTES);
	if (virtio_features_has(&o->features, VIRTIO_NET_F_MTU))
		net->config.mtu = virtio_device_u16(&net->dev, o->mtu);
	if (virtio_features_has(&o->features, VIRTIO_NET_F_STATUS) && o->link_up)
		net->config.status = virtio_device_u16(&net->dev, VIRTIO_NET_S_LINK_UP);
}

static int make_legacy(struct virtio_device *dev)
{
	struct virtio_net *net = to_net(dev);

	net->options.features = dev->offered;
	memset(&net->config, 0, sizeof(net->config));
	fill_config(net);
	return 0;
}

static int init_buffers(struct virtio_net *net)
{
	size_t entries = net->options.queue_size_max;

	net->filter = calloc(1, sizeof(*net->filter));
	net->proposed = calloc(2, sizeof(*net->proposed));
	net->segment = malloc(2 * entries * sizeof(*net->segment));
	net->chain = malloc(entries * sizeof(*net->chain));
	net->frame = malloc(NIC_FRAME_BYTES_MAX);
	if (!net->filter || !net->proposed || !net->segment || !net->chain || !net->frame)
		return -ENOMEM;
	return 0;
}

int virtio_net_init(struct virtio_net *net, const struct virtio_net_options *options)
{
	unsigned int queues = virtio_features_has(&options->features, VIRTIO_NET_F_CTRL_VQ) ? 3 : 2;

	memset(net, 0, sizeof(*net));
	if (!options_valid(options))
		return -EINVAL;
	net->options = *options;

	int err = virtio_device_init(&net->dev, &net_ops, options->memory, queues,
				     options->queue_size_max, &options->features);

	if (!err)
		err = init_buffers(net);
	if (err) {
		virtio_net_destroy(net);
		return err;
	}
	fill_config(net);
	net->dev.config = (uint8_t *)&net->config;
	net->dev.config_len = sizeof(net->config);
	options->nic->device = net;
	options->nic->receive = receive;
	options->nic->sendable = sendable;
	return 0;
}

void virtio_net_destroy(struct virtio_net *net)
{
	free(net->filter);
	free(net->proposed);
	free(net->segment);
	free(net->chain);
	free(net->frame);
	virtio_device_destroy(&net->dev);
	memset(net, 0, sizeof(*net));
}

static void config_refresh(struct virtio_device *dev)
{
	struct virtio_net *net = to_net(dev);

	net->config.status =
		virtio_device_u16(dev, net->options.link_up ? VIRTIO_NET_S_LINK_UP : 0);
	if (virtio_device_has(dev, VIRTIO_NET_F_STATUS))
		virtio_device_config_changed(dev);
	else
		dev->config_generation++; /* changed, but the driver does not look there */
}

void virtio_net_set_link(struct virtio_net *net, bool up)
{
	net->options.link_up = up;
	if (virtio_features_has(&net->dev.offered, VIRTIO_NET_F_STATUS) &&
	    !virtio_device_hold_config(&net->dev))
		config_refresh(&net->dev);
}
