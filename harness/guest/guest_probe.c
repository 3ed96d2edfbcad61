/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The probe for life.
 */
#include <string.h>

#include "script/frames.h"
#include "guest_internal.h"

static uint8_t last_byte(struct guest_driver *g, uint64_t gpa)
{
	uint8_t byte;

	g->bus->ops->load(g->bus, gpa, &byte, 1);
	return byte;
}

/* One chain of `out` readable and `in` writable bytes; whether it came back. */
static bool round_trip(struct guest_driver *g, unsigned int queue, const void *out, size_t out_len,
		       uint64_t in_gpa, size_t in_len)
{
	struct chain_plan plan = { 0 };

	if (out_len) {
		g->bus->ops->store(g->bus, GUEST_DATA, out, out_len);
		guest_add_piece(&plan, GUEST_DATA, out_len, false);
	}
	if (in_len)
		guest_add_piece(&plan, in_gpa, in_len, true);
	/* a queue of one entry holds one piece: through a table if it may */
	if (plan.pieces > g->queue[queue].size)
		return true;
	guest_submit(g, queue, &plan);
	return guest_returned(g, queue);
}

static bool probe_blk(struct guest_driver *g)
{
	struct virtio_blk_header header = { .type = guest_u32(g, VIRTIO_BLK_T_GET_ID) };
	uint64_t in = GUEST_DATA + 64;

	if (g->queue[0].size < 2)
		return true;
	return round_trip(g, 0, &header, sizeof(header), in, 21) &&
	       last_byte(g, in + 20) == VIRTIO_BLK_S_OK;
}

static bool probe_net(struct guest_driver *g)
{
	uint8_t bytes[sizeof(struct virtio_net_header) + 14] = { 0 };
	struct frame_layout layout;
	uint8_t frame[FRAME_HEADERS_MAX];

	frame_build(frame, FRAME_PLAIN, setup_mac, 0, 0, &layout);
	memcpy(bytes + guest_net_header(g), frame, 14);
	return round_trip(g, ANVIL_NET_TX, bytes, guest_net_header(g) + 14, 0, 0);
}

bool guest_probe(struct guest_driver *g)
{
	unsigned int queue = g->p->kind == DEVICE_NET ? ANVIL_NET_TX : 0;
	/* the smallest set of features that has this ring */
	struct script_op init = script_op(OP_INIT);

	init.init.wrong = INIT_NO_RESET;
	init.init.only = (uint8_t)(queue + 1);
	init.init.decline = ~(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_RING_PACKED);
	init.init.decline64 = 0xff;
	/* a host-managed disk is not for drivers without ZONED */
	if (g->p->zones.zoned)
		init.init.decline &= ~(1ull << VIRTIO_BLK_F_ZONED);
	guest_start(g, g->bus, g->p);
	guest_init(g, &init);
	if (g->p->kind == DEVICE_BLK)
		return probe_blk(g);
	if (g->p->kind == DEVICE_NET)
		return probe_net(g);
	return round_trip(g, 0, "?", 1, 0, 0);
}
