/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the driver is notified of used receive and transmit buffers, and the commands that set it
 * (5.1.9.5.10).
 */
#ifndef VIRTIO_NET_COALESCE_H
#define VIRTIO_NET_COALESCE_H

#include "virtio_net_command.h"

/* Shows what was pushed to this receive or transmit queue for one packet, and notifies the driver
 * now or later. */
void virtio_net_coalesce_publish(struct virtio_net *net, unsigned int queue);

/* Notifies of what a command made due; once the command itself is used. */
void virtio_net_coalesce_look(struct virtio_net *net);

/* Of class VIRTIO_NET_CTRL_NOTF_COAL. */
bool virtio_net_coalesce_command(struct virtio_net *net, uint8_t command,
				 struct descriptor_chain *chain, struct virtio_net_reply *reply);

/* A queue stops: nothing waits there any more, and it is as the last command for all queues said.
 */
void virtio_net_coalesce_stopped(struct virtio_net *net, unsigned int queue);

/* As in struct virtio_device_ops. */
bool virtio_net_coalesce_enabled(const struct virtio_device *dev, unsigned int queue);
void virtio_net_coalesce_notify(struct virtio_device *dev, unsigned int queue);

/* As after creation; all queues are stopped. */
void virtio_net_coalesce_reset(struct virtio_net *net);

#endif
