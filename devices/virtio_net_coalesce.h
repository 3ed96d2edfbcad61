/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the driver is notified of used receive and transmit buffers, and the commands that set it
 * (5.1.9.5.10).
 */
#ifndef ANVIL_NET_COALESCE_H
#define ANVIL_NET_COALESCE_H

#include "virtio_net_command.h"

/* Shows what was filled in this receive or transmit queue for one packet, and notifies the driver
 * now or later. */
void anvil_net_coalesce_publish(struct anvil_net *net, unsigned int queue);

/* Notifies of what a command made due; once the command itself is used. */
void anvil_net_coalesce_look(struct anvil_net *net);

/* Of class VIRTIO_NET_CTRL_NOTF_COAL. */
bool anvil_net_coalesce_command(struct anvil_net *net, uint8_t command,
				struct anvil_descriptor_chain *chain,
				struct anvil_net_reply *reply);

/* A queue stops: nothing waits there any more, and it is as the last command for all queues said.
 */
void anvil_net_coalesce_stopped(struct anvil_net *net, unsigned int queue);

/* As in struct anvil_device_ops. */
bool anvil_net_coalesce_enabled(const struct anvil_device *dev, unsigned int queue);
void anvil_net_coalesce_notify(struct anvil_device *dev, unsigned int queue);

/* As after creation; all queues are stopped. */
void anvil_net_coalesce_reset(struct anvil_net *net);

#endif
