/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes by the host: link, speed, announcement. `link` and `announce` keep them; a suspended
 * device tells its driver of them when it resumes.
 */
#include "virtio_net_link.h"
#include "virtio_spec.h"

bool anvil_net_link_speed_valid(uint32_t speed, uint8_t duplex)
{
	return (speed <= INT32_MAX || speed == ANVIL_NET_SPEED_UNKNOWN) &&
	       (duplex <= ANVIL_NET_DUPLEX_FULL || duplex == ANVIL_NET_DUPLEX_UNKNOWN);
}

/* Of interest to a driver that accepted the feature; without, nobody looks there. */
static void config_changed(struct anvil_net *net, unsigned int feature)
{
	if (anvil_device_has(&net->dev, feature))
		anvil_device_config_changed(&net->dev);
	else
		net->dev.config_generation++;
}

static uint16_t status_now(const struct anvil_net *net)
{
	if (!anvil_features_has(&net->dev.offered, VIRTIO_NET_F_STATUS))
		return 0;
	return (net->link.up ? VIRTIO_NET_S_LINK_UP : 0) |
	       (net->announce ? VIRTIO_NET_S_ANNOUNCE : 0);
}

void anvil_net_link_refresh(struct anvil_device *dev, unsigned int what)
{
	struct anvil_net *net = (struct anvil_net *)dev;

	if (what & HELD_STATUS && anvil_features_has(&dev->offered, VIRTIO_NET_F_STATUS)) {
		net->config.status = anvil_device_u16(dev, status_now(net));
		config_changed(net, VIRTIO_NET_F_STATUS);
	}
	if (what & HELD_SPEED && anvil_features_has(&dev->offered, VIRTIO_NET_F_SPEED_DUPLEX)) {
		net->config.speed = anvil_device_u32(dev, net->link.speed);
		net->config.duplex = net->link.duplex;
		config_changed(net, VIRTIO_NET_F_SPEED_DUPLEX);
	}
}

static void host_changes(struct anvil_net *net, unsigned int what)
{
	if (!anvil_device_hold_config(&net->dev, what))
		anvil_net_link_refresh(&net->dev, what);
}

void anvil_net_set_link(struct anvil_net *net, bool up)
{
	net->link.up = up;
	host_changes(net, HELD_STATUS);
}

void anvil_net_set_speed(struct anvil_net *net, uint32_t speed, uint8_t duplex)
{
	if (!anvil_net_link_speed_valid(speed, duplex))
		return;
	net->link.speed = speed;
	net->link.duplex = duplex;
	host_changes(net, HELD_SPEED);
}

void anvil_net_announce(struct anvil_net *net)
{
	if (!anvil_device_has(&net->dev, VIRTIO_NET_F_GUEST_ANNOUNCE) ||
	    !anvil_device_has(&net->dev, VIRTIO_NET_F_STATUS))
		return;
	net->announce = true;
	host_changes(net, HELD_STATUS);
}

bool anvil_net_link_restore(struct anvil_net *net, uint16_t status, uint32_t speed, uint8_t duplex)
{
	struct anvil_net_config now = net->config;
	bool told = anvil_features_has(&net->dev.offered, VIRTIO_NET_F_SPEED_DUPLEX);

	if (!anvil_net_link_speed_valid(speed, duplex) || (!told && (speed || duplex)))
		return false;
	net->config.status = anvil_device_u16(&net->dev, status);
	net->config.speed = anvil_device_u32(&net->dev, speed);
	net->config.duplex = duplex;
	if (status != status_now(net))
		host_changes(net, HELD_STATUS);
	if (now.speed != net->config.speed || now.duplex != duplex)
		host_changes(net, HELD_SPEED);
	return true;
}

void anvil_net_link_announced(struct anvil_net *net)
{
	net->announce = false;
	net->config.status &= (uint16_t)~anvil_device_u16(&net->dev, VIRTIO_NET_S_ANNOUNCE);
}
