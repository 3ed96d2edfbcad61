/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A suspended device keeps a change in `options` and `announce`, and tells of it when it resumes.
 */
#include "virtio_net_link.h"

bool virtio_net_link_speed_valid(uint32_t speed, uint8_t duplex)
{
	return (speed <= INT32_MAX || speed == VIRTIO_NET_SPEED_UNKNOWN) &&
	       (duplex <= VIRTIO_NET_DUPLEX_FULL || duplex == VIRTIO_NET_DUPLEX_UNKNOWN);
}

/* Of interest to a driver that accepted the feature; without, nobody looks there. */
static void config_changed(struct virtio_net *net, unsigned int feature)
{
	if (virtio_device_has(&net->dev, feature))
		virtio_device_config_changed(&net->dev);
	else
		net->dev.config_generation++;
}

static uint16_t status_now(const struct virtio_net *net)
{
	if (!virtio_features_has(&net->dev.offered, VIRTIO_NET_F_STATUS))
		return 0;
	return (net->options.link_up ? VIRTIO_NET_S_LINK_UP : 0) |
	       (net->announce ? VIRTIO_NET_S_ANNOUNCE : 0);
}

void virtio_net_link_refresh(struct virtio_device *dev, unsigned int what)
{
	struct virtio_net *net = (struct virtio_net *)dev;

	if (what & HELD_STATUS && virtio_features_has(&dev->offered, VIRTIO_NET_F_STATUS)) {
		net->config.status = virtio_device_u16(dev, status_now(net));
		config_changed(net, VIRTIO_NET_F_STATUS);
	}
	if (what & HELD_SPEED && virtio_features_has(&dev->offered, VIRTIO_NET_F_SPEED_DUPLEX)) {
		net->config.speed = virtio_device_u32(dev, net->options.speed);
		net->config.duplex = net->options.duplex;
		config_changed(net, VIRTIO_NET_F_SPEED_DUPLEX);
	}
}

static void host_changes(struct virtio_net *net, unsigned int what)
{
	if (!virtio_device_hold_config(&net->dev, what))
		virtio_net_link_refresh(&net->dev, what);
}

void virtio_net_set_link(struct virtio_net *net, bool up)
{
	net->options.link_up = up;
	host_changes(net, HELD_STATUS);
}

void virtio_net_set_speed(struct virtio_net *net, uint32_t speed, uint8_t duplex)
{
	if (!virtio_net_link_speed_valid(speed, duplex))
		return;
	net->options.speed = speed;
	net->options.duplex = duplex;
	host_changes(net, HELD_SPEED);
}

void virtio_net_announce(struct virtio_net *net)
{
	if (!virtio_device_has(&net->dev, VIRTIO_NET_F_GUEST_ANNOUNCE) ||
	    !virtio_device_has(&net->dev, VIRTIO_NET_F_STATUS))
		return;
	net->announce = true;
	host_changes(net, HELD_STATUS);
}

bool virtio_net_link_restore(struct virtio_net *net, uint16_t status, uint32_t speed,
			     uint8_t duplex)
{
	struct virtio_net_config now = net->config;
	bool told = virtio_features_has(&net->dev.offered, VIRTIO_NET_F_SPEED_DUPLEX);

	if (!virtio_net_link_speed_valid(speed, duplex) || (!told && (speed || duplex)))
		return false;
	net->config.status = virtio_device_u16(&net->dev, status);
	net->config.speed = virtio_device_u32(&net->dev, speed);
	net->config.duplex = duplex;
	if (status != status_now(net))
		host_changes(net, HELD_STATUS);
	if (now.speed != net->config.speed || now.duplex != duplex)
		host_changes(net, HELD_SPEED);
	return true;
}

void virtio_net_link_announced(struct virtio_net *net)
{
	net->announce = false;
	net->config.status &= (uint16_t)~virtio_device_u16(&net->dev, VIRTIO_NET_S_ANNOUNCE);
}
