/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nothing is taken back that the driver could not have set with the features it accepted.
 */
#include "virtio_net_state.h"

#include <string.h>

#include "array_size.h"
#include "virtio_net_header.h"
#include "virtio_net_link.h"

/* the modes in one byte; the first two need CTRL_RX, the others CTRL_RX_EXTRA */
#define MODES	   6u
#define MODES_BASE 0x03u

static const size_t mode_at[MODES] = {
	offsetof(struct anvil_net_filter, promisc), offsetof(struct anvil_net_filter, allmulti),
	offsetof(struct anvil_net_filter, alluni),  offsetof(struct anvil_net_filter, nomulti),
	offsetof(struct anvil_net_filter, nouni),   offsetof(struct anvil_net_filter, nobcast),
};

static void save_modes(const struct anvil_net_filter *f, struct anvil_state_writer *w)
{
	uint8_t modes = 0;

	for (unsigned int i = 0; i < MODES; i++)
		modes |= (uint8_t)(*(const bool *)((const char *)f + mode_at[i]) << i);
	anvil_state_put(w, modes, 1);
}

static bool restore_modes(struct anvil_net *net, struct anvil_state_reader *r)
{
	uint8_t modes = (uint8_t)anvil_state_get(r, 1);
	uint8_t may = 0;

	if (anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_RX))
		may |= MODES_BASE;
	if (anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_RX_EXTRA))
		may |= (uint8_t)((1u << MODES) - 1 - MODES_BASE);
	for (unsigned int i = 0; i < MODES; i++)
		*(bool *)((char *)net->filter + mode_at[i]) = modes >> i & 1;
	return !(modes & ~may);
}

static void save_table(const struct anvil_net_mac_table *t, struct anvil_state_writer *w)
{
	anvil_state_put(w, t->count, 4);
	anvil_state_put(w, t->all, 1);
	anvil_state_put_bytes(w, t->mac, sizeof(t->mac[0]) * t->count);
}

static bool restore_table(struct anvil_net *net, struct anvil_net_mac_table *t,
			  struct anvil_state_reader *r)
{
	uint64_t count = anvil_state_get(r, 4);
	uint64_t all = anvil_state_get(r, 1);

	if (count > ANVIL_NET_MAC_TABLE || all > 1)
		return false;
	if ((count || all) && !anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_RX))
		return false;
	t->count = (uint32_t)count;
	t->all = all;
	anvil_state_get_bytes(r, t->mac, sizeof(t->mac[0]) * t->count);
	return true;
}

/* One bit for each word that is not zero, then those */
static void save_vlans(const struct anvil_net_filter *f, struct anvil_state_writer *w)
{
	uint64_t some = 0;

	for (unsigned int i = 0; i < ANVIL_NET_VLANS / 64; i++)
		some |= (uint64_t)(f->vlan[i] != 0) << i;
	anvil_state_put(w, some, 8);
	for (; some; some &= some - 1)
		anvil_state_put(w, f->vlan[__builtin_ctzll(some)], 8);
}

static bool restore_vlans(struct anvil_net *net, struct anvil_state_reader *r)
{
	uint64_t some = anvil_state_get(r, 8);

	if (some && !anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_VLAN))
		return false;
	for (; some; some &= some - 1) {
		uint64_t *word = &net->filter->vlan[__builtin_ctzll(some)];

		*word = anvil_state_get(r, 8);
		if (!*word)
			return false;
	}
	return true;
}

/* A legacy driver writes it to the configuration space, with no features at all (5.1.4.3). */
static bool restore_mac(struct anvil_net *net, struct anvil_state_reader *r)
{
	anvil_state_get_bytes(r, net->config.mac, ANVIL_NIC_MAC_BYTES);
	return memcmp(net->config.mac, net->options.mac, ANVIL_NIC_MAC_BYTES) == 0 ||
	       net->dev.legacy || anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_MAC_ADDR);
}

/* ---- what the host sets: it may have changed since ---- */

static void save_link(const struct anvil_net *net, struct anvil_state_writer *w)
{
	anvil_state_put(w, anvil_device_u16(&net->dev, net->config.status), 2);
	anvil_state_put(w, anvil_device_u32(&net->dev, net->config.speed), 4);
	anvil_state_put(w, net->config.duplex, 1);
	anvil_state_put(w, net->announce, 1);
}

static bool may_announce(const struct anvil_net *net)
{
	return anvil_device_has(&net->dev, VIRTIO_NET_F_GUEST_ANNOUNCE) &&
	       anvil_device_has(&net->dev, VIRTIO_NET_F_STATUS);
}

/* What the driver sees while it is suspended may be older. */
static bool status_possible(const struct anvil_net *net, uint16_t status, bool announce)
{
	bool told = status & VIRTIO_NET_S_ANNOUNCE;

	if (announce && !may_announce(net))
		return false;
	if (told != announce && !(announce && net->dev.status & VIRTIO_STATUS_SUSPEND))
		return false;
	return !(status & ~(VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE)) &&
	       (!status || anvil_features_has(&net->dev.offered, VIRTIO_NET_F_STATUS));
}

static bool restore_link(struct anvil_net *net, struct anvil_state_reader *r)
{
	uint16_t status = (uint16_t)anvil_state_get(r, 2);
	uint32_t speed = (uint32_t)anvil_state_get(r, 4);
	uint8_t duplex = (uint8_t)anvil_state_get(r, 1);
	uint64_t announce = anvil_state_get(r, 1);

	if (announce > 1 || !status_possible(net, status, announce))
		return false;
	net->announce = announce;
	return anvil_net_link_restore(net, status, speed, duplex);
}

/* ---- offloads and steering ---- */

static void save_offloads(const struct anvil_net *net, struct anvil_state_writer *w)
{
	anvil_state_put(w, net->guest.word[0], 8);
	anvil_state_put(w, net->guest.word[1], 8);
}

static bool restore_offloads(struct anvil_net *net, struct anvil_state_reader *r)
{
	struct anvil_features negotiated = anvil_net_header_offloads(net);

	net->guest.word[0] = anvil_state_get(r, 8);
	net->guest.word[1] = anvil_state_get(r, 8);
	if (!anvil_device_has(&net->dev, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
		return net->guest.word[0] == negotiated.word[0] &&
		       net->guest.word[1] == negotiated.word[1];
	return !(net->guest.word[0] & ~negotiated.word[0]) &&
	       !(net->guest.word[1] & ~negotiated.word[1]);
}

static void save_rss(const struct anvil_net_rss *c, struct anvil_state_writer *w)
{
	anvil_state_put(w, c->hash_types, 4);
	anvil_state_put(w, c->mask, 2);
	anvil_state_put(w, c->unclassified, 2);
	anvil_state_put(w, c->pairs, 2);
	for (unsigned int i = 0; i <= c->mask; i++)
		anvil_state_put(w, c->table[i], 2);
	anvil_state_put_bytes(w, c->key, sizeof(c->key));
}

static bool restore_table_of_pairs(const struct anvil_net *net, struct anvil_net_rss *c,
				   struct anvil_state_reader *r)
{
	if (c->mask >= ANVIL_NET_RSS_TABLE || c->mask & (c->mask + 1u))
		return false;
	for (unsigned int i = 0; i <= c->mask; i++) {
		c->table[i] = (uint16_t)anvil_state_get(r, 2);
		if (c->table[i] >= net->pairs)
			return false;
	}
	return c->unclassified < net->pairs && c->pairs <= net->pairs;
}

static bool restore_rss(struct anvil_net *net, struct anvil_net_rss *c,
			struct anvil_state_reader *r)
{
	bool rss = anvil_device_has(&net->dev, VIRTIO_NET_F_RSS);

	c->hash_types = (uint32_t)anvil_state_get(r, 4);
	c->mask = (uint16_t)anvil_state_get(r, 2);
	c->unclassified = (uint16_t)anvil_state_get(r, 2);
	c->pairs = (uint16_t)anvil_state_get(r, 2);
	if (c->hash_types & ~ANVIL_NET_HASH_TYPES || !restore_table_of_pairs(net, c, r))
		return false;
	anvil_state_get_bytes(r, c->key, sizeof(c->key));
	if (c->hash_types && !rss && !anvil_device_has(&net->dev, VIRTIO_NET_F_HASH_REPORT))
		return false;
	return rss || (c->mask == 0 && c->table[0] == 0 && c->unclassified == 0 && c->pairs == 0);
}

/* Which flow went where is not saved: the driver sends, and it is known again. */
static void save_steering(const struct anvil_net *net, struct anvil_state_writer *w)
{
	const struct anvil_net_steering *s = &net->steering;

	anvil_state_put(w, s->pairs, 2);
	anvil_state_put(w, s->rss, 1);
	save_rss(&s->config, w);
	anvil_state_put(w, s->tunnel_types, 4);
	anvil_state_put(w, s->contexts, 8);
}

static bool steering_possible(const struct anvil_net *net)
{
	const struct anvil_net_steering *s = &net->steering;

	if (s->pairs == 0 || s->pairs > net->pairs)
		return false;
	if (s->rss && s->config.pairs != s->pairs)
		return false;
	if (!s->rss && s->pairs > 1 && !anvil_device_has(&net->dev, VIRTIO_NET_F_MQ))
		return false;
	if (s->tunnel_types & ~ANVIL_NET_TUNNEL_TYPES ||
	    (s->tunnel_types && !anvil_device_has(&net->dev, VIRTIO_NET_F_HASH_TUNNEL)))
		return false;
	return !(s->contexts >> ANVIL_NET_RSS_CONTEXTS) &&
	       (!s->contexts || anvil_device_has(&net->dev, VIRTIO_NET_F_RSS_CONTEXT));
}

static bool restore_steering(struct anvil_net *net, struct anvil_state_reader *r)
{
	struct anvil_net_steering *s = &net->steering;
	uint64_t rss;

	s->pairs = (uint16_t)anvil_state_get(r, 2);
	rss = anvil_state_get(r, 1);
	s->rss = rss;
	if (rss > 1 || !restore_rss(net, &s->config, r))
		return false;
	s->tunnel_types = (uint32_t)anvil_state_get(r, 4);
	s->contexts = anvil_state_get(r, 8);
	return steering_possible(net);
}

/* ---- coalescing and statistics ---- */

static void save_coalescing(const struct anvil_net_coalescing *c, struct anvil_state_writer *w)
{
	anvil_state_put(w, c->max_packets, 4);
	anvil_state_put(w, c->max_usecs, 4);
}

static void restore_coalescing(struct anvil_net_coalescing *c, struct anvil_state_reader *r)
{
	c->max_packets = (uint32_t)anvil_state_get(r, 4);
	c->max_usecs = (uint32_t)anvil_state_get(r, 4);
}

static bool same(const struct anvil_net_coalescing *a, const struct anvil_net_coalescing *b)
{
	return a->max_packets == b->max_packets && a->max_usecs == b->max_usecs;
}

/* A queue that is not enabled is as the last command for all of them said (5.1.9.5.10). */
static bool coalescing_possible(const struct anvil_net *net, unsigned int index)
{
	const struct anvil_net_coalescing *c = &net->queue[index].coalescing;
	const struct anvil_virtqueue *vq = &net->dev.queue[index];

	if (anvil_virtqueue_unnotified(vq) && (c->max_packets == 0 || c->max_usecs == 0))
		return false;
	return same(c, &net->coalescing[index % 2]) ||
	       (anvil_virtqueue_enabled(vq) &&
		anvil_device_has(&net->dev, VIRTIO_NET_F_VQ_NOTF_COAL));
}

/* One bit for each counter that is not zero, then those */
static void save_counters(const uint64_t *counter, unsigned int count, struct anvil_state_writer *w)
{
	unsigned int some = 0;

	for (unsigned int i = 0; i < count; i++)
		some |= (unsigned int)(counter[i] != 0) << i;
	anvil_state_put(w, some, 1);
	for (unsigned int i = 0; i < count; i++) {
		if (counter[i])
			anvil_state_put(w, counter[i], 8);
	}
}

static bool restore_counters(uint64_t *counter, unsigned int count, struct anvil_state_reader *r)
{
	unsigned int some = (unsigned int)anvil_state_get(r, 1);

	for (unsigned int i = 0; i < count; i++) {
		counter[i] = some >> i & 1 ? anvil_state_get(r, 8) : 0;
		if (!counter[i] && some >> i & 1)
			return false;
	}
	return !(some >> count);
}

static void save_queues(const struct anvil_net *net, struct anvil_state_writer *w)
{
	save_coalescing(&net->coalescing[0], w);
	save_coalescing(&net->coalescing[1], w);
	for (unsigned int i = 0; i < 2 * net->pairs; i++) {
		const struct anvil_net_queue *q = &net->queue[i];

		save_coalescing(&q->coalescing, w);
		save_counters(q->basic, ARRAY_SIZE(q->basic), w);
		save_counters(q->csum, ARRAY_SIZE(q->csum), w);
		save_counters(q->gso, ARRAY_SIZE(q->gso), w);
	}
	save_counters(net->commands, ARRAY_SIZE(net->commands), w);
}

static bool restore_queues(struct anvil_net *net, struct anvil_state_reader *r)
{
	static const struct anvil_net_coalescing off;

	restore_coalescing(&net->coalescing[0], r);
	restore_coalescing(&net->coalescing[1], r);
	if (!anvil_device_has(&net->dev, VIRTIO_NET_F_NOTF_COAL) &&
	    (!same(&net->coalescing[0], &off) || !same(&net->coalescing[1], &off)))
		return false;
	for (unsigned int i = 0; i < 2 * net->pairs; i++) {
		struct anvil_net_queue *q = &net->queue[i];

		restore_coalescing(&q->coalescing, r);
		if (!coalescing_possible(net, i))
			return false;
		if (!restore_counters(q->basic, ARRAY_SIZE(q->basic), r) ||
		    !restore_counters(q->csum, ARRAY_SIZE(q->csum), r) ||
		    !restore_counters(q->gso, ARRAY_SIZE(q->gso), r))
			return false;
	}
	return restore_counters(net->commands, ARRAY_SIZE(net->commands), r);
}

/* ---- all of it ---- */

void anvil_net_state_save(const struct anvil_device *dev, struct anvil_state_writer *w)
{
	const struct anvil_net *net = (const struct anvil_net *)dev;

	anvil_state_put_bytes(w, net->config.mac, ANVIL_NIC_MAC_BYTES);
	save_link(net, w);
	save_modes(net->filter, w);
	save_table(&net->filter->unicast, w);
	save_table(&net->filter->multicast, w);
	save_vlans(net->filter, w);
	save_offloads(net, w);
	save_steering(net, w);
	save_queues(net, w);
}

static bool restore_filter(struct anvil_net *net, struct anvil_state_reader *r)
{
	return restore_modes(net, r) && restore_table(net, &net->filter->unicast, r) &&
	       restore_table(net, &net->filter->multicast, r) && restore_vlans(net, r);
}

bool anvil_net_state_restore(struct anvil_device *dev, struct anvil_state_reader *r)
{
	struct anvil_net *net = (struct anvil_net *)dev;

	if (!restore_mac(net, r) || !restore_link(net, r) || !restore_filter(net, r) ||
	    !restore_offloads(net, r) || !restore_steering(net, r) || !restore_queues(net, r) ||
	    r->ended)
		return false;
	net->rx_blocked = true; /* the nic may wait since a device before */
	return true;
}
