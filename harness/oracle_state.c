/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion on saved states: whether one may be taken back, and what the device then is.
 */
#include <stddef.h>
#include <string.h>

#include "oracle_net_internal.h"
#include "state_bytes.h"

#define HEADER_BYTES 18u

/* The bytes, front to back; beyond the end zeroes. */
struct image {
	const uint8_t *at;
	size_t left;
	bool ended;
};

static uint64_t number(struct image *im, unsigned int bytes)
{
	uint64_t value = 0;

	if (im->left < bytes) {
		im->ended = true;
		im->left = 0;
		return 0;
	}
	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)im->at[i] << (8 * i);
	im->at += bytes;
	im->left -= bytes;
	return value;
}

static void bytes(struct image *im, uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)number(im, 1);
}

static bool header_fine(const struct oracle *o, struct image *im)
{
	uint64_t magic = number(im, 4);
	uint64_t version = number(im, 2);
	uint64_t type = number(im, 4);
	uint64_t len = number(im, 4);
	uint64_t sum = number(im, 4);

	return !im->ended && magic == 0x564e4156 && version == 1 && len == im->left &&
	       state_checksum(im->at, im->left) == sum && type == oracle_device_id(o);
}

/* 3.1.1, 3.1.2: the bits of a status come in one order; the device's own only where it runs */
static bool status_fine(const struct oracle *o, uint32_t status)
{
	uint32_t steps = status & 0x3f;

	if (status & VIRTIO_STATUS_NEEDS_RESET && steps != 15 &&
	    !(o->p->legacy && (steps == 3 || steps == 7)))
		return false;
	if (steps == 0 || steps == 1 || steps == 3)
		return true;
	if (o->p->legacy)
		return steps == 7;
	return steps == 11 || steps == 15 ||
	       (steps == 27 && o->driver_features[0] >> VIRTIO_F_SUSPEND & 1);
}

/* When features are final, and that they are such as may be. */
static bool agreement_fine(const struct oracle *o)
{
	bool some = o->driver_features[0] || o->driver_features[1];

	if (!(o->status & VIRTIO_STATUS_DRIVER))
		return !some && !o->agreed;
	if (o->p->legacy && o->status & VIRTIO_STATUS_DRIVER_OK && !o->agreed)
		return false;
	if (!o->p->legacy && o->agreed)
		return false;
	return !oracle_final(o) || oracle_features_fine(o);
}

static bool load_status(struct oracle *o, struct image *im)
{
	uint64_t interface = number(im, 1);
	uint64_t wanted = o->p->big_endian ? 2 : o->p->legacy;
	uint32_t status = (uint32_t)number(im, 1);
	uint64_t agreed = number(im, 1);
	uint64_t suspending = number(im, 1);
	uint64_t late = number(im, 1);
	uint64_t most = o->p->kind == DEVICE_BLK ? 1 : o->p->kind == DEVICE_NET ? 3 : 0;

	o->driver_features[0] = number(im, 8);
	o->driver_features[1] = number(im, 8);
	o->generation = (uint32_t)number(im, 4);
	if (interface != wanted || agreed > 1 || suspending > 1 || late & ~most ||
	    !status_fine(o, status))
		return false;
	o->status = status;
	o->agreed = agreed;
	o->suspending = suspending;
	o->config_late = (unsigned int)late;
	if (!agreement_fine(o))
		return false;
	if (suspending && (status != 15 || !(o->driver_features[0] >> VIRTIO_F_SUSPEND & 1)))
		return false;
	if (late && !(status & VIRTIO_STATUS_SUSPEND))
		return false;
	if (oracle_final(o))
		oracle_agreed(o);
	return true;
}

/* A legacy device looks into its queues before that. */
static bool may_have_run(const struct oracle *o)
{
	return o->p->legacy || o->status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_SUSPEND);
}

/* Nothing was taken from a queue before DRIVER_OK; afterwards it has to ask the driver anew. */
static bool load_indices(const struct oracle *o, struct model_queue *q, uint16_t next,
			 uint16_t told)
{
	q->seen_idx = next;
	q->next_avail = next;
	q->next_used = next;
	q->ask_from = told;
	if (oracle_live(o)) {
		q->used_flags = 1;
		q->avail_event = (uint16_t)(next + 1);
	}
	return (next == 0 && told == 0) || may_have_run(o);
}

static bool load_packed_places(const struct oracle *o, struct model_queue *q, uint16_t next,
			       uint16_t told)
{
	q->at.avail = next;
	q->at.used = next;
	if (oracle_live(o))
		q->used_flags = RING_EVENT_FLAGS_DISABLE;
	if (next % 0x8000 >= q->size || told % 0x8000 >= q->size)
		return false;
	q->at.ask_first = told;
	if (next == 0x8000 && told == 0x8000)
		return true;
	hit(MILESTONE_STATE_PACKED);
	return may_have_run(o);
}

/* Some page size, a power of 2, and what follows from it and the alignment (2.7.2) */
static bool legacy_place_fine(const struct model_queue *q)
{
	uint64_t end = q->desc + 18ull * q->size + 6;
	uint64_t page = q->pfn ? q->desc / q->pfn : 0;

	if (!q->pfn || q->desc % q->pfn || !page || (page & (page - 1)) || page >> 32)
		return false;
	if (!q->align || (q->align & (q->align - 1)))
		return false;
	return q->driver == q->desc + 16ull * q->size &&
	       q->device == (end % q->align ? end - end % q->align + q->align : end);
}

static bool programming_fine(const struct oracle *o, unsigned int queue, bool on)
{
	const struct model_queue *q = &o->queue[queue];
	bool some = q->size || q->desc || q->driver || q->device || q->align || q->pfn;

	if (o->p->legacy) {
		if (on)
			return o->agreed && oracle_queue_exists(o, queue) && legacy_place_fine(q);
		return !some || o->status & VIRTIO_STATUS_DRIVER;
	}
	if (q->align || q->pfn)
		return false;
	return !some || (o->status & VIRTIO_STATUS_FEATURES_OK && oracle_queue_exists(o, queue));
}

static bool load_queue(struct oracle *o, unsigned int queue, struct image *im)
{
	struct model_queue *q = &o->queue[queue];
	uint64_t on;
	uint16_t next;
	uint16_t told;

	q->size = (uint32_t)number(im, 4);
	q->desc = number(im, 8);
	q->driver = number(im, 8);
	q->device = number(im, 8);
	q->align = (uint32_t)number(im, 4);
	q->pfn = (uint32_t)number(im, 4);
	on = number(im, 1);
	next = (uint16_t)number(im, 2);
	told = (uint16_t)number(im, 2);
	if (on > 1 || !programming_fine(o, queue, on))
		return false;
	if (on == 0)
		return next == 0 && told == 0;
	oracle_start_queue(o, q);
	if (!q->ready)
		return false;
	if (!(q->packed ? load_packed_places(o, q, next, told) : load_indices(o, q, next, told)))
		return false;
	return oracle_untold(q) < q->size;
}

/* ---- what each type has beside ---- */

/* Which of the cache's modes there can be: bit 0 write-through, bit 1 write-back */
static unsigned int modes(const struct oracle *o)
{
	bool offered = o->p->offered.word[0] >> VIRTIO_BLK_F_CONFIG_WCE & 1;

	if (oracle_accepted(o, VIRTIO_BLK_F_CONFIG_WCE))
		return 3;
	if (!o->p->legacy || !offered)
		return 1;
	if (!(o->status & VIRTIO_STATUS_DRIVER_OK)) /* a legacy driver may choose before */
		return 3;
	return oracle_accepted(o, VIRTIO_BLK_F_FLUSH) ? 2 : 1;
}

static bool load_blk(struct oracle *o, struct image *im)
{
	uint64_t writeback = number(im, 1);
	uint64_t capacity = number(im, 8);

	if (writeback > 1 || !(modes(o) >> writeback & 1))
		return false;
	o->writeback = writeback;
	oracle_put_config(o, 32, writeback, 1);
	if (capacity != o->capacity && o->status & VIRTIO_STATUS_SUSPEND) {
		oracle_put_config(o, 0, capacity, 8);
		o->config_late = LATE_STATUS;
	} else if (capacity != o->capacity) {
		oracle_config_changed(o);
	}
	return true;
}

static bool load_table(struct oracle *o, struct model_mac_table *t, struct image *im)
{
	uint64_t count = number(im, 4);
	uint64_t all = number(im, 1);

	if (count > 64 || all > 1)
		return false;
	t->count = (uint32_t)count;
	t->all = all;
	bytes(im, t->mac[0], 6 * t->count);
	return (!count && !all) || oracle_accepted(o, VIRTIO_NET_F_CTRL_RX);
}

static bool load_modes(struct oracle *o, struct image *im)
{
	uint64_t modes = number(im, 1);

	for (unsigned int i = 0; i < 6; i++)
		o->net.mode[i] = modes >> i & 1;
	if (modes & 3 && !oracle_accepted(o, VIRTIO_NET_F_CTRL_RX))
		return false;
	return modes < 64 && (!(modes & 0x3c) || oracle_accepted(o, VIRTIO_NET_F_CTRL_RX_EXTRA));
}

static bool load_vlans(struct oracle *o, struct image *im)
{
	uint64_t some = number(im, 8);

	for (unsigned int i = 0; i < 64; i++) {
		if (!(some >> i & 1))
			continue;
		o->net.vlan[i] = number(im, 8);
		o->net.vlans = true;
		if (!o->net.vlan[i])
			return false;
	}
	return !some || oracle_accepted(o, VIRTIO_NET_F_CTRL_VLAN);
}

/* The driver sees what was saved, until it may see what the host has now. */
static bool load_link(struct oracle *o, struct image *im)
{
	uint64_t status = number(im, 2);
	uint64_t speed = number(im, 4);
	uint64_t duplex = number(im, 1);
	uint64_t announce = number(im, 1);
	bool suspended = o->status & VIRTIO_STATUS_SUSPEND;
	unsigned int late = 0;

	if (announce > 1 || status > 3 || (speed >> 31 && speed != UINT32_MAX) ||
	    (duplex > 1 && duplex != 255))
		return false;
	if ((status && !(o->p->offered.word[0] >> VIRTIO_NET_F_STATUS & 1)) ||
	    ((speed || duplex) && !(o->p->offered.word[0] >> VIRTIO_NET_F_SPEED_DUPLEX & 1)))
		return false;
	if (announce && !(oracle_accepted(o, VIRTIO_NET_F_GUEST_ANNOUNCE) &&
			  oracle_accepted(o, VIRTIO_NET_F_STATUS)))
		return false;
	if (announce ? !(status & 2) && !suspended : status & 2)
		return false;
	o->net.announce = announce;
	if ((status ^ oracle_16(o, o->config + 6)) & 1 || (status & 2) != 2 * announce)
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

static bool load_offloads(struct oracle *o, struct image *im)
{
	uint64_t most[2] = { o->net.offloads[0], o->net.offloads[1] };
	bool may = oracle_accepted(o, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);

	for (unsigned int i = 0; i < 2; i++) {
		o->net.offloads[i] = number(im, 8);
		if (o->net.offloads[i] & ~most[i] || (!may && o->net.offloads[i] != most[i]))
			return false;
	}
	return true;
}

static bool load_steering(struct oracle *o, struct image *im)
{
	struct model_net *n = &o->net;
	bool with_rss = oracle_accepted(o, VIRTIO_NET_F_RSS);
	bool zero = true;
	uint64_t rss;
	uint64_t pairs;
	uint64_t contexts;

	n->pairs = (unsigned int)number(im, 2);
	rss = number(im, 1);
	n->rss = rss;
	n->hash_types = (uint32_t)number(im, 4);
	n->mask = (unsigned int)number(im, 2);
	n->unclassified = (unsigned int)number(im, 2);
	pairs = number(im, 2);
	if (rss > 1 || n->hash_types > 0x1ff || n->mask > 127 || ((n->mask + 1) & n->mask))
		return false;
	for (unsigned int i = 0; i <= n->mask; i++) {
		n->indirection[i] = (uint16_t)number(im, 2);
		if (n->indirection[i] >= oracle_net_pairs(o))
			return false;
		zero &= n->indirection[i] == 0;
	}
	bytes(im, n->key, 40);
	n->tunnels = (uint32_t)number(im, 4);
	contexts = number(im, 8);
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

static struct model_coalescing load_coalescing(struct image *im)
{
	struct model_coalescing c;

	c.packets = (uint32_t)number(im, 4);
	c.usecs = (uint32_t)number(im, 4);
	return c;
}

/* One queue's settings: its own ones only if it runs and may have them. */
static bool settings_fine(const struct oracle *o, unsigned int queue)
{
	const struct model_coalescing *all = &o->net.all[queue % 2];
	const struct model_coalescing *c = &o->net.each[queue];
	const struct model_queue *q = &o->queue[queue];

	if (q->ready && oracle_untold(q) && !(c->packets && c->usecs))
		return false;
	return (c->packets == all->packets && c->usecs == all->usecs) ||
	       (q->ready && oracle_accepted(o, VIRTIO_NET_F_VQ_NOTF_COAL));
}

static bool load_counters(uint64_t *counter, unsigned int count, struct image *im)
{
	uint64_t some = number(im, 1);

	memset(counter, 0, count * sizeof(*counter));
	for (unsigned int i = 0; some; some >>= 1, i++) {
		if (!(some & 1))
			continue;
		if (i >= count)
			return false;
		counter[i] = number(im, 8);
		if (counter[i] == 0)
			return false;
	}
	return true;
}

static bool load_net_queues(struct oracle *o, struct image *im)
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
		if (oracle_queue_live(o, i) && oracle_untold(&o->queue[i])) {
			hit(MILESTONE_STATE_UNTOLD);
			o->queue[i].must_ask = true;
		}
	}
	return load_counters(n->commands, 2, im);
}

static bool load_net(struct oracle *o, struct image *im)
{
	struct model_net *n = &o->net;

	bytes(im, n->mac, 6);
	if (memcmp(n->mac, o->config, 6) != 0 && !o->p->legacy &&
	    !oracle_accepted(o, VIRTIO_NET_F_CTRL_MAC_ADDR))
		return false;
	memcpy(o->config, n->mac, 6);
	return load_link(o, im) && load_modes(o, im) && load_table(o, &n->table[0], im) &&
	       load_table(o, &n->table[1], im) && load_vlans(o, im) && load_offloads(o, im) &&
	       load_steering(o, im) && load_net_queues(o, im);
}

/* Nobody else puts off what is to be told, and nobody is suspended with it (3.4.2). */
static bool all_told(const struct oracle *o)
{
	for (unsigned int i = 0; i < o->p->queues; i++) {
		bool may = o->p->kind == DEVICE_NET && i < 2 * oracle_net_pairs(o);

		if (!o->queue[i].ready || !oracle_untold(&o->queue[i]))
			continue;
		if (o->status & VIRTIO_STATUS_SUSPEND || (!may && oracle_queue_live(o, i)))
			return false;
	}
	return true;
}

static bool load_type(struct oracle *o, struct image *im)
{
	if (o->p->kind == DEVICE_BLK)
		return load_blk(o, im);
	if (o->p->kind == DEVICE_NET)
		return load_net(o, im);
	bytes(im, o->config, 8);
	return true;
}

static bool load(struct oracle *o, struct image *im)
{
	uint32_t interrupts;

	o->device_sel = (uint32_t)number(im, 4);
	o->driver_sel = (uint32_t)number(im, 4);
	o->queue_sel = (uint32_t)number(im, 4);
	o->page_size = (uint32_t)number(im, 4);
	interrupts = (uint32_t)number(im, 4);
	if (interrupts > 3 || (o->page_size && !o->p->legacy))
		return false;
	if (!load_status(o, im) || number(im, 1) != o->p->queues)
		return false;
	for (unsigned int i = 0; i < o->p->queues; i++) {
		if (!load_queue(o, i, im))
			return false;
	}
	if (!load_type(o, im) || !all_told(o))
		return false;
	o->interrupts |= interrupts;
	if (im->ended || im->left)
		return false;
	if (o->p->big_endian)
		hit(MILESTONE_LEGACY_BIG_ENDIAN_STATE);
	return true;
}

bool oracle_restored(struct oracle *o, const uint8_t *image, size_t len)
{
	struct image im = { .at = image, .left = len };

	uint32_t generation = o->generation;
	uint32_t page_size = o->page_size;

	oracle_event(o);
	if (!header_fine(o, &im))
		return false;
	if (load(o, &im))
		return true;
	oracle_reset(o);
	o->generation = generation;
	o->page_size = page_size;
	return false;
}

/* ---- what it saves is what it is ---- */

static uint64_t sum_of_registers(const struct oracle *o)
{
	const uint32_t number[] = {
		o->status,     o->agreed,     o->suspending, o->config_late, o->generation,
		o->interrupts, o->device_sel, o->driver_sel, o->queue_sel,   o->page_size,
	};
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		oracle_digest_number(&sum, number[i]);
	oracle_digest_bytes(&sum, o->driver_features, sizeof(o->driver_features));
	oracle_digest_bytes(&sum, o->config, o->config_bytes);
	return sum;
}

static uint64_t sum_of_queues(const struct oracle *o)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < o->p->queues; i++) {
		const struct model_queue *q = &o->queue[i];

		if (!oracle_queue_exists(o, i))
			continue;
		oracle_digest_number(&sum, q->size);
		oracle_digest_number(&sum, q->desc);
		oracle_digest_number(&sum, q->driver);
		oracle_digest_number(&sum, q->device);
		oracle_digest_number(&sum, (uint64_t)q->align << 32 | q->pfn);
		oracle_digest_number(&sum, q->ready);
		if (q->ready && !(o->status & VIRTIO_STATUS_NEEDS_RESET))
			oracle_digest_number(&sum, q->packed ? q->at.avail : q->next_avail);
	}
	return sum;
}

static uint64_t sum_of_net(const struct oracle *o)
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

static uint64_t sum_of_type(const struct oracle *o)
{
	if (o->p->kind == DEVICE_NET)
		return sum_of_net(o);
	return o->p->kind == DEVICE_BLK && o->writeback;
}

void oracle_saved(struct oracle *o)
{
	o->saved[0] = sum_of_registers(o);
	o->saved[1] = sum_of_queues(o);
	o->saved[2] = sum_of_type(o);
}

void oracle_came_back(struct oracle *o, bool fine)
{
	const char *what = o->saved[0] != sum_of_registers(o) ? "registers"
			   : o->saved[1] != sum_of_queues(o)  ? "queues"
			   : o->saved[2] != sum_of_type(o)    ? "settings"
							      : NULL;

	if (!fine)
		oracle_fail(o, 7, "it saved a state that is to be refused");
	if (what)
		oracle_fail(o, 7, "the %s that it saved are not those that it had", what);
}
