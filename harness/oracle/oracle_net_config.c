/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration of a network device (5.1.4), and what its host changes there.
 */
#include <string.h>

#include "oracle_net_internal.h"

unsigned int oracle_net_pairs(const struct oracle *o)
{
	if (!oracle_final(o))
		return o->p->pairs;
	return oracle_accepted(o, VIRTIO_NET_F_MQ) || oracle_accepted(o, VIRTIO_NET_F_RSS)
		       ? o->p->pairs
		       : 1;
}

bool oracle_net_is_rx(const struct oracle *o, unsigned int queue)
{
	return queue < 2 * oracle_net_pairs(o) && queue % 2 == 0;
}

/* The offloads of received frames; after FEATURES_OK all that were accepted. */
void oracle_net_agreed(struct oracle *o)
{
	static const uint8_t offload[] = {
		VIRTIO_NET_F_GUEST_CSUM,	   VIRTIO_NET_F_GUEST_TSO4,
		VIRTIO_NET_F_GUEST_TSO6,	   VIRTIO_NET_F_GUEST_ECN,
		VIRTIO_NET_F_GUEST_USO4,	   VIRTIO_NET_F_GUEST_USO6,
		VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM,
	};

	memset(o->net.offloads, 0, sizeof(o->net.offloads));
	for (size_t i = 0; i < sizeof(offload); i++) {
		if (oracle_accepted(o, offload[i]))
			o->net.offloads[offload[i] / 64] |= 1ull << (offload[i] % 64);
	}
}

/* Each of them is nothing without GUEST_CSUM, which it requires. */
bool oracle_net_guest_has(const struct oracle *o, unsigned int feature)
{
	const uint64_t *on = o->net.offloads;

	return on[feature / 64] >> (feature % 64) & on[0] >> VIRTIO_NET_F_GUEST_CSUM & 1;
}

/* ---- the configuration space ---- */

static bool offers(const struct oracle *o, unsigned int feature)
{
	return o->p->offered.word[feature / 64] >> (feature % 64) & 1;
}

/* What of configuration space depends on features, and on nobody's commands. */
void oracle_net_fixed_config(struct oracle *o)
{
	bool rss = offers(o, VIRTIO_NET_F_RSS);
	bool hash = rss || offers(o, VIRTIO_NET_F_HASH_REPORT);

	if (rss || offers(o, VIRTIO_NET_F_MQ))
		oracle_put_config(o, 8, o->p->pairs, 2);
	if (offers(o, VIRTIO_NET_F_MTU))
		oracle_put_config(o, 10, o->p->mtu, 2);
	if (offers(o, VIRTIO_NET_F_SPEED_DUPLEX)) {
		o->net.speed = SETUP_SPEED;
		o->net.duplex = SETUP_DUPLEX;
		oracle_put_config(o, 12, SETUP_SPEED, 4);
		oracle_put_config(o, 16, SETUP_DUPLEX, 1);
	}
	oracle_put_config(o, 17, hash ? 40 : 0, 1);
	oracle_put_config(o, 18, rss ? 128 : 0, 2);
	oracle_put_config(o, 20, hash ? 0x1ff : 0, 4);
	oracle_put_config(o, 24, offers(o, VIRTIO_NET_F_HASH_TUNNEL) ? 0x1d3 : 0, 4);
}

void oracle_net_put_status(struct oracle *o)
{
	if (offers(o, VIRTIO_NET_F_STATUS))
		oracle_put_config(o, 6, (o->net.link_up ? 1u : 0) | (o->net.announce ? 2u : 0), 2);
}

/* ---- what the host changes ---- */

static void changed(struct oracle *o, unsigned int feature)
{
	if (oracle_accepted(o, feature))
		oracle_config_changed(o);
	else
		o->generation++;
}

void oracle_net_shows(struct oracle *o, unsigned int what)
{
	if (what & LATE_STATUS && offers(o, VIRTIO_NET_F_STATUS)) {
		oracle_net_put_status(o);
		changed(o, VIRTIO_NET_F_STATUS);
	}
	if (what & LATE_SPEED && offers(o, VIRTIO_NET_F_SPEED_DUPLEX)) {
		oracle_put_config(o, 12, o->net.speed, 4);
		oracle_put_config(o, 16, o->net.duplex, 1);
		changed(o, VIRTIO_NET_F_SPEED_DUPLEX);
	}
}

/* The host changes some of LATE_*: shown now, or when the device is resumed. */
static void host_changes(struct oracle *o, unsigned int what)
{
	if (o->status & VIRTIO_STATUS_SUSPEND)
		o->config_late |= what;
	else
		oracle_net_shows(o, what);
}

void oracle_link(struct oracle *o, bool up)
{
	o->net.link_up = up;
	hit(MILESTONE_NET_LINK);
	host_changes(o, LATE_STATUS);
}

void oracle_announce(struct oracle *o)
{
	if (!oracle_accepted(o, VIRTIO_NET_F_GUEST_ANNOUNCE) ||
	    !oracle_accepted(o, VIRTIO_NET_F_STATUS))
		return;
	hit(MILESTONE_NET_ANNOUNCE);
	o->net.announce = true;
	host_changes(o, LATE_STATUS);
}

void oracle_speed(struct oracle *o, uint32_t speed, uint8_t duplex)
{
	if ((speed >> 31 && speed != UINT32_MAX) || (duplex > 1 && duplex != 255))
		return;
	if (offers(o, VIRTIO_NET_F_SPEED_DUPLEX))
		hit(MILESTONE_NET_SPEED);
	o->net.speed = speed;
	o->net.duplex = duplex;
	host_changes(o, LATE_SPEED);
}

/* A legacy driver's address. */
void oracle_net_config_written(struct oracle *o, uint64_t at, unsigned int width, uint64_t value)
{
	if (!o->p->legacy || at + width > 6)
		return;
	oracle_write_config(o, at, width, value);
	memcpy(o->net.mac, o->config, 6);
	o->generation++;
	hit(MILESTONE_LEGACY_MAC);
}
