/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a network device has to save beside features and queues: what the driver set through the
 * control queue, what it was last told of the link, and the counters. For virtio_net.c, see struct
 * virtio_device_ops.
 */
#ifndef VIRTIO_NET_STATE_H
#define VIRTIO_NET_STATE_H

#include "virtio_net.h"

void virtio_net_state_save(const struct virtio_device *dev, struct state_writer *w);
bool virtio_net_state_restore(struct virtio_device *dev, struct state_reader *r);

#endif
