/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fields of the configuration space that the host changes (5.1.4): status, speed and duplex.
 * For virtio_net*.c; embedders call anvil_net_set_link, anvil_net_set_speed and
 * anvil_net_announce.
 */
#ifndef ANVIL_NET_LINK_H
#define ANVIL_NET_LINK_H

#include "virtio_net.h"

/* Kinds of change, for anvil_device_hold_config. */
#define HELD_STATUS 1u
#define HELD_SPEED  2u

/* As config_refresh in struct anvil_device_ops; `what` are bits HELD_*. */
void anvil_net_link_refresh(struct anvil_device *dev, unsigned int what);

/* Whether they are values that struct anvil_net_options allows. */
bool anvil_net_link_speed_valid(uint32_t speed, uint8_t duplex);

/* The driver has announced itself, or does not have to any more. */
void anvil_net_link_announced(struct anvil_net *net);

/* The driver saw these values last: it is told what is different now, or will be once it may be.
 * false: there can be no such values. */
bool anvil_net_link_restore(struct anvil_net *net, uint16_t status, uint32_t speed, uint8_t duplex);

#endif
