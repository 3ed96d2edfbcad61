/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a network device has beside its queues when it is saved and restored.
 */
#include <string.h>

#include "oracle_net_internal.h"

static bool load_table(struct oracle *o, struct model_mac_table *t, struct oracle_image *im)
{
	uint64_t count = oracle_image_number(im, 4);
	uint64_t all = oracle_image_number(im, 1);

	if (count > 64 || all > 1)
		return false;
	t->count = (uint32_t)count;
	t->all = all;
	oracle_image_bytes(im, t->mac[0], 6 * t->count);
	return (!count && !all) || oracle_accepted(o, VIRTIO_NET_F_CTRL_RX);
}

static bool load_modes(struct oracle *o, struct oracle_image *im)
{
	uint64_t modes = oracle_image_number(im, 1);

	for (unsigned int i = 0; i < 6; i++)
		o->net.mode[i] = modes >> i & 1;
	if (modes & 3 && !oracle_accepted(o, VIRTIO_NET_F_CTRL_RX))
		return false;
	return modes < 64 && (!(modes & 0x3c) || oracle_accepted(o, VIRTIO_NET_F_CTRL_RX_EXTRA));
}

static bool load_vlans(struct oracle *o, struct oracle_image *im)
{
	uint64_t some = oracle_image_number(im, 8);

	for (unsigned int i = 0; i < 64; i++) {
		if (!(some >> i & 1))
			continue;
		o->net.vlan[i] = oracle_image_number(im, 8);
		o->net.vlans = true;
		if (!o->net.vlan[i])
			return false;
	}
	return !some || oracle_accepted(o, VIRTIO_NET_F_CTRL_VLAN);
}

/* The driver sees what was saved, until it may see what the host has now. */
static bool load_link(struct oracle *o, struct oracle_image *im)
{
	uint64_t status = oracle_image_number(im, 2);
	uint64_t speed = oracle_image_number(im, 4);
	uint64_t duplex = oracle_image_number(im, 1);
	uint64_t announce = oracle_image_number(im, 1);
	bool suspended = o->status & VIRTIO_STATUS_SUSPEND;
	unsigned int late = 0;

	if (announce > 1 || status > (VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE) ||
	    (speed >> 31 && speed != UINT32_MAX) || (duplex > 1 && duplex != 255))
		return false;
	if ((status && !(o->p->offered.word[0] >> VIRTIO_NET_F_STATUS & 1)) ||
	    ((speed || duplex) && !(o->p->offered.word[0] >> VIRTIO_NET_F_SPEED_DUPLEX & 1)))
		return false;
	if (announce && !(oracle_accepted(o, VIRTIO_NET_F_GUEST_ANNOUNCE) &&
			  oracle_accepted(o, VIRTIO_NET_F_STATUS)))
		return false;
	if (announce ? !(status & VIRTIO_NET_S_ANNOUNCE) && !suspended
		     : status & VIRTIO_NET_S_ANNOUNCE)
		return false;
	o->net.announce = announce;
	if ((status ^ oracle_16(o, o->config + 6)) & VIRTIO_NET_S_LINK_UP ||
	    ((status & VIRTIO_NET_S_ANNOUNCE) != 0) != announce)
		late |= LATE_STATUS;
	if (speed != oracle_32(o, o->config + 12) || duplex != o->config[16])
		late |= LATE_SPEED;
	oracle_put_config(o, 6, status, 2);
	oracle_put_config(o, 12, speed, 4);
	oracle_put_config(o, 16, duplex, 1);
	if (suspended)
		o->config_late |= late;
	else
		oracle_net_shows(o, late);
	return true;
}

static bool load_offloads(struct oracle *o, struct oracle_image *im)
{
	uint64_t most[2] = { o->net.offloads[0], o->net.offloads[1] };
	bool may = oracle_accepted(o, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);

	for (unsigned int i = 0; i < 2; i++) {
		o->net.offloads[i] = oracle_image_number(im, 8);
		if (o->net.offloads[i] & ~most[i] || (!may && o->net.offloads[i] != most[i]))
			return false;
	}
	return true;
}

static bool load_steering(struct oracle *o, struct oracle_image *im)
{
	struct model_net *n = &o->net;
	bool with_rss = oracle_accepted(o, VIRTIO_NET_F_RSS);
	bool zero = true;
	uint64_t rss;
	uint64_t pairs;
	uint64_t contexts;

	n->pairs = (unsigned int)oracle_image_number(im, 2);
	rss = oracle_image_number(im, 1);
	n->rss = rss;
	n->hash_types = (uint32_t)oracle_image_number(im, 4);
	n->mask = (unsigned int)oracle_image_number(im, 2);
	n->unclassified = (unsigned int)oracle_image_number(im, 2);
	pairs = oracle_image_number(im, 2);
	if (rss > 1 || n->hash_types > 0x1ff || n->mask > 127 || ((n->mask + 1) & n->mask))
		return false;
	for (unsigned int i = 0; i <= n->mask; i++) {
		n->indirection[i] = (uint16_t)oracle_image_number(im, 2);
		if (n->indirection[i] >= oracle_net_pairs(o))
			return false;
		zero &= n->indirection[i] == 0;
	}
	oracle_image_bytes(im, n->key, 40);
	n->tunnels = (uint32_t)oracle_image_number(im, 4);
	contexts = oracle_image_number(im, 8);
	for (unsigned int i = 0; i < 4; i++)
		n->context[i + 1] = contexts >> i & 1;
	n->many = n->rss || n->pairs > 1;
	if (n->unclassified >= oracle_net_pairs(o) || pairs > oracle_net_pairs(o) || n->pairs < 1 ||
	    n->pairs > oracle_net_pairs(o) || (rss && pairs != n->pairs))
		return false;
	if (!with_rss && (!zero || n->mask || n->unclassified || pairs))
		return false;
	if (n->hash_types && !with_rss && !oracle_accepted(o, VIRTIO_NET_F_HASH_REPORT))
		return false;
	if (n->pairs > 1 && !rss && !oracle_accepted(o, VIRTIO_NET_F_MQ))
		return false;
	if (n->tunnels & ~0x1d3u || (n->tunnels && !oracle_accepted(o, VIRTIO_NET_F_HASH_TUNNEL)))
		return false;
	return contexts < 16 && (!contexts || oracle_accepted(o, VIRTIO_NET_F_RSS_CONTEXT));
}

static struct model_coalescing load_coalescing(struct oracle_image *im)
{
	struct model_coalescing c;

	c.packets = (uint32_t)oracle_image_number(im, 4);
	c.usecs = (uint32_t)oracle_image_number(im, 4);
	return c;
}

/* One queue's settings: its own ones only if it runs and may have them. */
static bool settings_fine(const struct oracle *o, unsigned int queue)
{
	const struct model_coalescing *all = &o->net.all[queue % 2];
	const struct model_coalescing *c = &o->net.each[queue];
	const struct model_queue *q = &o->queue[queue];

	if (q->ready && oracle_unnotified(q) && !(c->packets && c->usecs))
		return false;
	return (c->packets == all->packets && c->usecs == all->usecs) ||
	       (q->ready && oracle_accepted(o, VIRTIO_NET_F_VQ_NOTF_COAL));
}

static bool load_counters(uint64_t *counter, unsigned int count, struct oracle_image *im)
{
	uint64_t some = oracle_image_number(im, 1);

	memset(counter, 0, count * sizeof(*counter));
	for (unsigned int i = 0; some; some >>= 1, i++) {
		if (!(some & 1))
			continue;
		if (i >= count)
			return false;
		counter[i] = oracle_image_number(im, 8);
		if (counter[i] == 0)
			return false;
	}
	return true;
}

static bool load_net_queues(struct oracle *o, struct oracle_image *im)
{
	struct model_net *n = &o->net;

	for (unsigned int i = 0; i < 2; i++) {
		n->all[i] = load_coalescing(im);
		if ((n->all[i].packets || n->all[i].usecs) &&
		    !oracle_accepted(o, VIRTIO_NET_F_NOTF_COAL))
			return false;
	}
	for (unsigned int i = 0; i < 2 * oracle_net_pairs(o); i++) {
		n->each[i] = load_coalescing(im);
		if (!settings_fine(o, i))
			return false;
		if (!load_counters(n->counters[i].basic, 6, im) ||
		    !load_counters(n->counters[i].csum, 4, im) ||
		    !load_counters(n->counters[i].gso, 6, im))
			return false;
		/* what was not told is to be told now */
		if (oracle_queue_live(o, i) && oracle_unnotified(&o->queue[i])) {
			hit(MILESTONE_STATE_UNTOLD);
			o->queue[i].must_ask = true;
		}
	}
	return load_counters(n->commands, 2, im);
}

bool oracle_net_restored(struct oracle *o, struct oracle_image *im)
{
	struct model_net *n = &o->net;

	oracle_image_bytes(im, n->mac, 6);
	if (memcmp(n->mac, o->config, 6) != 0 && !o->p->legacy &&
	    !oracle_accepted(o, VIRTIO_NET_F_CTRL_MAC_ADDR))
		return false;
	memcpy(o->config, n->mac, 6);
	return load_link(o, im) && load_modes(o, im) && load_table(o, &n->table[0], im) &&
	       load_table(o, &n->table[1], im) && load_vlans(o, im) && load_offloads(o, im) &&
	       load_steering(o, im) && load_net_queues(o, im);
}

uint64_t oracle_net_saved(const struct oracle *o)
{
	const struct model_net *n = &o->net;
	uint64_t sum = 0;

	oracle_digest_bytes(&sum, n->mode, sizeof(n->mode));
	for (unsigned int i = 0; i < 2; i++) {
		oracle_digest_number(&sum, n->table[i].all);
		oracle_digest_bytes(&sum, n->table[i].mac, 6ull * n->table[i].count);
	}
	for (unsigned int i = 0; n->vlans && i < 64; i++) {
		if (!n->vlan[i])
			continue;
		oracle_digest_number(&sum, i);
		oracle_digest_number(&sum, n->vlan[i]);
	}
	oracle_digest_bytes(&sum, n->mac, sizeof(n->mac));
	oracle_digest_bytes(&sum, n->offloads, sizeof(n->offloads));
	oracle_digest_number(&sum, 4ull * n->pairs + 2ull * n->announce + n->rss);
	oracle_digest_bytes(&sum, n->all, sizeof(n->all));
	oracle_digest_bytes(&sum, n->each, 2 * oracle_net_pairs(o) * sizeof(n->each[0]));
	oracle_digest_bytes(&sum, n->commands, sizeof(n->commands));
	/* a legacy driver cannot ask for the others; a broken device was at something, or not */
	if (!o->p->legacy && !(o->status & VIRTIO_STATUS_NEEDS_RESET))
		oracle_digest_bytes(&sum, n->counters,
				    2 * oracle_net_pairs(o) * sizeof(n->counters[0]));
	return sum;
}
