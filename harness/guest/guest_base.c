/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all parts of the pretend driver call: registers, memory, where it keeps things, and what
 * its features mean for a network device.
 */
#include "guest_internal.h"

void guest_store16(struct guest_driver *g, uint64_t gpa, uint64_t value)
{
	uint16_t raw = guest_u16(g, (uint16_t)value);

	g->bus->ops->store(g->bus, gpa, &raw, sizeof(raw));
}

uint16_t guest_load16(struct guest_driver *g, uint64_t gpa)
{
	uint16_t raw;

	g->bus->ops->load(g->bus, gpa, &raw, sizeof(raw));
	return guest_u16(g, raw);
}

void guest_reg(struct guest_driver *g, uint32_t offset, uint32_t value)
{
	g->bus->ops->write(g->bus, offset, 4, value);
}

uint32_t guest_get(struct guest_driver *g, uint32_t offset)
{
	return (uint32_t)g->bus->ops->read(g->bus, offset, 4);
}

/* How the parts of a queue lie, from where it begins */
struct ring_layout {
	uint32_t bytes; /* from one queue to the next */
	uint32_t avail;
	uint32_t used;
};

static const struct ring_layout usual = { GUEST_RING_BYTES, 0x1000, 0x1400 };
static const struct ring_layout of_many = { 0x300, 0x100, 0x180 };
static const struct ring_layout of_long = { 0x4000, 0x2000, 0x2800 };

/* Three queues before the indirect tables, the others high up. */
static const struct ring_layout *layout_of(const struct setup *p, unsigned int queue)
{
	if (p->queue_size_max > SETUP_SIZE_USUAL)
		return &of_long;
	return p->queues > SETUP_QUEUES_FEW && queue >= GUEST_RINGS_LOW ? &of_many : &usual;
}

uint64_t guest_desc(const struct setup *p, unsigned int queue)
{
	const struct ring_layout *l = layout_of(p, queue);

	if (l == &of_long)
		return GUEST_RINGS_MORE + (uint64_t)queue * l->bytes;
	if (queue >= GUEST_RINGS_LOW)
		return GUEST_RINGS_MORE + (queue - GUEST_RINGS_LOW) * (uint64_t)l->bytes;
	return MAP_LOW + (uint64_t)queue * l->bytes;
}

uint64_t guest_avail_ring(const struct setup *p, unsigned int queue)
{
	return guest_desc(p, queue) + layout_of(p, queue)->avail;
}

uint64_t guest_used_ring(const struct setup *p, unsigned int queue)
{
	return guest_desc(p, queue) + layout_of(p, queue)->used;
}

bool guest_has(const struct guest_driver *g, unsigned int feature)
{
	return g->features[feature / 64] >> (feature % 64) & 1;
}

unsigned int guest_net_pairs(const struct guest_driver *g)
{
	return guest_has(g, VIRTIO_NET_F_MQ) || guest_has(g, VIRTIO_NET_F_RSS) ? g->p->pairs : 1;
}

unsigned int guest_net_control(const struct guest_driver *g)
{
	return 2 * guest_net_pairs(g);
}

unsigned int guest_net_header(const struct guest_driver *g)
{
	if (guest_has(g, VIRTIO_NET_F_OUT_NET_HEADER))
		return 32;
	if (guest_has(g, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO) ||
	    guest_has(g, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO))
		return 24;
	if (g->p->legacy && !(g->features[0] >> VIRTIO_NET_F_MRG_RXBUF & 1))
		return VIRTIO_NET_HEADER_LEGACY_BYTES;
	return guest_has(g, VIRTIO_NET_F_HASH_REPORT) ? 20 : 12;
}

uint16_t guest_used_idx(struct guest_driver *g, unsigned int queue)
{
	return guest_load16(g, g->queue[queue].used + VIRTQ_USED_IDX);
}

uint16_t guest_avail_idx(struct guest_driver *g, unsigned int queue)
{
	return guest_load16(g, g->queue[queue].avail + VIRTQ_AVAIL_IDX);
}

unsigned int guest_pick_queue(const struct guest_driver *g, uint8_t queue)
{
	return queue % g->p->queues;
}
