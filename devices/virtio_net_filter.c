/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands are read and checked whole; state changes only when all of a command is good.
 */
#include "virtio_net_filter.h"

#include <string.h>

#define ETH_TYPE       12u
#define ETHERTYPE_VLAN 0x8100u
#define VLAN_ID_MASK   0x0fffu

static unsigned int get_be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static bool vlan_listed(const struct anvil_net_filter *filter, unsigned int id)
{
	return filter->vlan[id / 64] >> (id % 64) & 1;
}

static bool mac_listed(const struct anvil_net_mac_table *table, const uint8_t *mac)
{
	for (uint32_t i = 0; i < table->count; i++) {
		if (memcmp(table->mac[i], mac, ANVIL_NIC_MAC_BYTES) == 0)
			return true;
	}
	return table->all;
}

static bool broadcast(const uint8_t *mac)
{
	static const uint8_t all[ANVIL_NIC_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	return memcmp(mac, all, ANVIL_NIC_MAC_BYTES) == 0;
}

/* A driver without CTRL_RX has no way to ask for addresses: it gets all that it does not suppress
 */
static bool address_passes(const struct anvil_net *net, const uint8_t *mac)
{
	const struct anvil_net_filter *f = net->filter;
	bool any = !anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_RX);

	if (broadcast(mac))
		return !f->nobcast;
	if (mac[0] & 1)
		return !f->nomulti && (any || f->allmulti || mac_listed(&f->multicast, mac));
	return !f->nouni && (any || f->alluni || mac_listed(&f->unicast, mac) ||
			     memcmp(net->config.mac, mac, ANVIL_NIC_MAC_BYTES) == 0);
}

bool anvil_net_filter_passes(const struct anvil_net *net, const uint8_t *frame, uint32_t len)
{
	const struct anvil_net_filter *f = net->filter;

	if (f->promisc)
		return true;
	if (anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_VLAN) &&
	    get_be16(frame + ETH_TYPE) == ETHERTYPE_VLAN) {
		if (len < ETH_TYPE + 4 ||
		    !vlan_listed(f, get_be16(frame + ETH_TYPE + 2) & VLAN_ID_MASK))
			return false;
	}
	return address_passes(net, frame);
}

/* ---- commands ---- */

/* 5.1.9.5.1: one byte, 0 or 1 */
static bool set_mode(struct anvil_net_filter *f, uint8_t command,
		     struct anvil_descriptor_chain *chain)
{
	bool *const mode[] = {
		[VIRTIO_NET_CTRL_RX_PROMISC] = &f->promisc,
		[VIRTIO_NET_CTRL_RX_ALLMULTI] = &f->allmulti,
		[VIRTIO_NET_CTRL_RX_ALLUNI] = &f->alluni,
		[VIRTIO_NET_CTRL_RX_NOMULTI] = &f->nomulti,
		[VIRTIO_NET_CTRL_RX_NOUNI] = &f->nouni,
		[VIRTIO_NET_CTRL_RX_NOBCAST] = &f->nobcast,
	};
	uint8_t on;

	if (!anvil_net_command_rest(chain, &on, sizeof(on)) || on > 1)
		return false;
	*mode[command] = on;
	return true;
}

bool anvil_net_filter_rx(struct anvil_net *net, uint8_t command,
			 struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply)
{
	(void)reply;
	unsigned int feature = command <= VIRTIO_NET_CTRL_RX_ALLMULTI ? VIRTIO_NET_F_CTRL_RX
								      : VIRTIO_NET_F_CTRL_RX_EXTRA;

	return command <= VIRTIO_NET_CTRL_RX_NOBCAST && anvil_device_has(&net->dev, feature) &&
	       set_mode(net->filter, command, chain);
}

/* 5.1.9.5.2: a count and that many addresses; more than fit are passed over */
static bool read_mac_table(const struct anvil_net *net, struct anvil_net_mac_table *table,
			   struct anvil_descriptor_chain *chain)
{
	uint32_t entries;

	if (anvil_descriptor_chain_read(chain, &entries, sizeof(entries)))
		return false;
	entries = anvil_device_u32(&net->dev, entries);
	memset(table, 0, sizeof(*table));
	/* no sum, no product that wraps: else a guest could have us write behind the table */
	if (entries > ANVIL_NET_MAC_TABLE) {
		table->all = true;
		return !anvil_descriptor_chain_skip(chain, (uint64_t)entries * ANVIL_NIC_MAC_BYTES);
	}
	table->count = entries;
	return !anvil_descriptor_chain_read(chain, table->mac,
					    (size_t)entries * ANVIL_NIC_MAC_BYTES);
}

static bool set_mac_table(struct anvil_net *net, struct anvil_descriptor_chain *chain)
{
	struct anvil_net_mac_table *next = net->proposed;

	/* no mode, both tables: else a guest could get all frames by a table that is too long */
	if (!read_mac_table(net, &next[0], chain) || !read_mac_table(net, &next[1], chain) ||
	    chain->read.left)
		return false;
	net->filter->unicast = next[0];
	net->filter->multicast = next[1];
	return true;
}

static bool set_mac(struct anvil_net *net, struct anvil_descriptor_chain *chain)
{
	uint8_t mac[ANVIL_NIC_MAC_BYTES];

	if (!anvil_net_command_rest(chain, mac, sizeof(mac)))
		return false;
	memcpy(net->config.mac, mac, sizeof(mac));
	net->dev.config_generation++;
	return true;
}

bool anvil_net_filter_mac(struct anvil_net *net, uint8_t command,
			  struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply)
{
	(void)reply;
	switch (command) {
	case VIRTIO_NET_CTRL_MAC_TABLE_SET:
		return anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_RX) &&
		       set_mac_table(net, chain);
	case VIRTIO_NET_CTRL_MAC_ADDR_SET:
		return anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_MAC_ADDR) &&
		       set_mac(net, chain);
	default:
		return false;
	}
}

bool anvil_net_filter_vlan(struct anvil_net *net, uint8_t command,
			   struct anvil_descriptor_chain *chain, struct anvil_net_reply *reply)
{
	(void)reply;
	uint16_t id;

	if (command > VIRTIO_NET_CTRL_VLAN_DEL ||
	    !anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_VLAN) ||
	    !anvil_net_command_rest(chain, &id, sizeof(id)))
		return false;
	id = anvil_device_u16(&net->dev, id);
	/* else a guest could flip bits up to 7.5 KiB behind the bitmap */
	if (id >= ANVIL_NET_VLANS)
		return false;

	uint64_t bit = 1ull << (id % 64);

	if (command == VIRTIO_NET_CTRL_VLAN_ADD)
		net->filter->vlan[id / 64] |= bit;
	else
		net->filter->vlan[id / 64] &= ~bit;
	return true;
}

void anvil_net_filter_reset(struct anvil_net *net)
{
	memset(net->filter, 0, sizeof(*net->filter));
}
