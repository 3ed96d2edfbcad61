/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the control queue (5.1.9.5), and what their parts share.
 */
#ifndef VIRTIO_NET_CONTROL_H
#define VIRTIO_NET_CONTROL_H

#include "virtio_net.h"

/* What goes behind the ack of a command that succeeded, as far as the driver left room for it. */
struct virtio_net_reply {
	uint8_t bytes[8];
	uint32_t len;
	/* or statistics, judged */
	struct virtio_net_stats_wish wish[VIRTIO_NET_STATS_WISHES];
	unsigned int wishes;
};

/*
 * Carries out the command in the device-readable bytes of `chain`, wholly or not at all, and
 * answers it: ack VIRTIO_NET_OK, or VIRTIO_NET_ERR for a command that was not negotiated, does not
 * exist, or has data of the wrong length or value. A command without room for an ack is not carried
 * out.
 */
void virtio_net_control_command(struct virtio_net *net, struct descriptor_chain *chain);

/* Reads exactly what is left of a command; false: it is of another length. */
bool virtio_net_control_rest(struct descriptor_chain *chain, void *data, size_t len)
	__attribute__((warn_unused_result));

/* The offloads of received frames that the driver accepted. */
struct virtio_features virtio_net_offloads(const struct virtio_net *net);

/* The driver has announced itself, or does not have to any more. */
void virtio_net_announced(struct virtio_net *net);

/* Sets a result, of at most 8 bytes. */
void virtio_net_control_result(struct virtio_net_reply *reply, const void *bytes, uint32_t len);

#endif
