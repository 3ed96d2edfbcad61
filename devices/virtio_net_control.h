/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the control queue (5.1.9.5).
 */
#ifndef ANVIL_NET_CONTROL_H
#define ANVIL_NET_CONTROL_H

#include "virtio_net.h"

/*
 * Carries out the command in the device-readable bytes of `chain`, wholly or not at all, and
 * answers it: ack VIRTIO_NET_OK, or VIRTIO_NET_ERR for a command that was not negotiated, does not
 * exist, or has data of the wrong length or value. A command without room for an ack is not carried
 * out.
 */
void anvil_net_control_command(struct anvil_net *net, struct anvil_descriptor_chain *chain);

#endif
