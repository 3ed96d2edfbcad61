/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device is made with, as the setup has it.
 */
#include <string.h>

#include "machine.h"

/* RO and VERSION_1 are the device's own to offer. */
static struct anvil_features asked(const struct setup *p)
{
	struct anvil_features f = p->offered;

	f.word[0] &= ~(1ull << VIRTIO_F_VERSION_1);
	if (p->legacy) { /* ANY_LAYOUT comes, and what is above bit 31 goes, by itself */
		f.word[0] &= ~(1ull << VIRTIO_F_ANY_LAYOUT);
		anvil_features_add(&f, VIRTIO_F_RING_RESET);
	}
	if (p->kind == DEVICE_BLK)
		f.word[0] &= ~(1ull << VIRTIO_BLK_F_RO);
	return f;
}

void machine_blk_options(struct machine *m, struct anvil_blk_options *o)
{
	const struct setup *p = &m->p;

	*o = (struct anvil_blk_options){
		.memory = &m->buffer.memory,
		.disk = &m->disk.disk,
		.features = asked(p),
		.queue_size_max = p->queue_size_max,
		.slots = p->slots,
		.transfer_max = p->transfer_max,
		.size_max = SETUP_SIZE_MAX,
		.seg_max = SETUP_SEG_MAX,
		.blk_size = p->blk_size,
		.cylinders = 7,
		.heads = 3,
		.sectors = 9,
		.physical_block_exp = 3,
		.alignment_offset = 1,
		.min_io_size = 8,
		.opt_io_size = 64,
		.range_sectors_max = p->range_sectors_max,
		.range_segments_max = p->range_segments_max,
		.num_queues = (uint16_t)p->queues,
		.erase_sectors_max = p->erase_sectors_max,
		.erase_segments_max = p->erase_segments_max,
		.erase_sector_alignment = p->erase_sector_alignment,
	};
}

void machine_net_options(struct machine *m, struct anvil_net_options *o)
{
	const struct setup *p = &m->p;

	*o = (struct anvil_net_options){
		.memory = &m->buffer.memory,
		.nic = &m->nic.nic,
		.features = asked(p),
		.queue_size_max = p->queue_size_max,
		.mtu = p->mtu,
		.link_up = !(p->flags & FLAG_LINK_DOWN),
		.queue_pairs_max = (uint16_t)p->pairs,
		.speed = SETUP_SPEED,
		.duplex = SETUP_DUPLEX,
	};

	memcpy(o->mac, setup_mac, sizeof(o->mac));
}
