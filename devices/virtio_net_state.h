/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a network device has to save beside features and queues: what the driver set through the
 * control queue, what it was last told of the link, and the counters. For virtio_net.c, see struct
 * virtio_device_ops.
 */
#ifndef ANVIL_NET_STATE_H
#define ANVIL_NET_STATE_H

#include "virtio_net.h"

void anvil_net_state_save(const struct anvil_device *dev, struct anvil_state_writer *w);
bool anvil_net_state_restore(struct anvil_device *dev, struct anvil_state_reader *r);

#endif
