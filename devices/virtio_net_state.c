/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nothing is taken back that the driver could not have set with the features it accepted.
 */
#include "virtio_net_state.h"

#include <endian.h>
#include <string.h>

/* the modes in one byte; the first two need CTRL_RX, the others CTRL_RX_EXTRA */
#define MODES	   6u
#define MODES_BASE 0x03u

static const size_t mode_at[MODES] = {
	offsetof(struct virtio_net_filter, promisc), offsetof(struct virtio_net_filter, allmulti),
	offsetof(struct virtio_net_filter, alluni),  offsetof(struct virtio_net_filter, nomulti),
	offsetof(struct virtio_net_filter, nouni),   offsetof(struct virtio_net_filter, nobcast),
};

static void save_modes(const struct virtio_net_filter *f, struct state_writer *w)
{
	uint8_t modes = 0;

	for (unsigned int i = 0; i < MODES; i++)
		modes |= (uint8_t)(*(const bool *)((const char *)f + mode_at[i]) << i);
	state_put(w, modes, 1);
}

static bool restore_modes(struct virtio_net *net, struct state_reader *r)
{
	uint8_t modes = (uint8_t)state_get(r, 1);
	uint8_t may = 0;

	if (virtio_device_has(&net->dev, VIRTIO_NET_F_CTRL_RX))
		may |= MODES_BASE;
	if (virtio_device_has(&net->dev, VIRTIO_NET_F_CTRL_RX_EXTRA))
		may |= (uint8_t)((1u << MODES) - 1 - MODES_BASE);
	for (unsigned int i = 0; i < MODES; i++)
		*(bool *)((char *)net->filter + mode_at[i]) = modes >> i & 1;
	return !(modes & ~may);
}

static void save_table(const struct virtio_net_mac_table *t, struct state_writer *w)
{
	state_put(w, t->count, 4);
	state_put(w, t->all, 1);
	state_put_bytes(w, t->mac, sizeof(t->mac[0]) * t->count);
}

static bool restore_table(struct virtio_net *net, struct virtio_net_mac_table *t,
			  struct state_reader *r)
{
	uint64_t count = state_get(r, 4);
	uint64_t all = state_get(r, 1);

	if (count > VIRTIO_NET_MAC_TABLE || all > 1)
		return false;
	if ((count || all) && !virtio_device_has(&net->dev, VIRTIO_NET_F_CTRL_RX))
		return false;
	t->count = (uint32_t)count;
	t->all = all;
	state_get_bytes(r, t->mac, sizeof(t->mac[0]) * t->count);
	return true;
}

/* One bit for each word that is not zero, then those */
static void save_vlans(const struct virtio_net_filter *f, struct state_writer *w)
{
	uint64_t some = 0;

	for (unsigned int i = 0; i < VIRTIO_NET_VLANS / 64; i++)
		some |= (uint64_t)(f->vlan[i] != 0) << i;
	state_put(w, some, 8);
	for (; some; some &= some - 1)
		state_put(w, f->vlan[__builtin_ctzll(some)], 8);
}

static bool restore_vlans(struct virtio_net *net, struct state_reader *r)
{
	uint64_t some = state_get(r, 8);

	if (some && !virtio_device_has(&net->dev, VIRTIO_NET_F_CTRL_VLAN))
		return false;
	for (; some; some &= some - 1) {
		uint64_t *word = &net->filter->vlan[__builtin_ctzll(some)];

		*word = state_get(r, 8);
		if (!*word)
			return false;
	}
	return true;
}

static bool restore_mac(struct virtio_net *net, struct state_reader *r)
{
	state_get_bytes(r, net->config.mac, NIC_MAC_BYTES);
	return memcmp(net->config.mac, net->options.mac, NIC_MAC_BYTES) == 0 ||
	       virtio_device_has(&net->dev, VIRTIO_NET_F_CTRL_MAC_ADDR);
}

/* As when the link changes */
static void tell_link(struct virtio_net *net)
{
	if (virtio_device_has(&net->dev, VIRTIO_NET_F_STATUS))
		virtio_device_config_changed(&net->dev);
	else
		net->dev.config_generation++;
}

void virtio_net_state_save(const struct virtio_device *dev, struct state_writer *w)
{
	const struct virtio_net *net = (const struct virtio_net *)dev;

	state_put_bytes(w, net->config.mac, NIC_MAC_BYTES);
	state_put(w, le16toh(net->config.status), 2);
	save_modes(net->filter, w);
	save_table(&net->filter->unicast, w);
	save_table(&net->filter->multicast, w);
	save_vlans(net->filter, w);
}

bool virtio_net_state_restore(struct virtio_device *dev, struct state_reader *r)
{
	struct virtio_net *net = (struct virtio_net *)dev;
	bool good = restore_mac(net, r);
	uint64_t status = state_get(r, 2);

	good = good && restore_modes(net, r) && restore_table(net, &net->filter->unicast, r) &&
	       restore_table(net, &net->filter->multicast, r) && restore_vlans(net, r);
	net->rx_blocked = true; /* the nic may wait since a device before */
	if (good && status != le16toh(net->config.status))
		tell_link(net);
	return good;
}
