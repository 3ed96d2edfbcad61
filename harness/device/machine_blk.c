/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The block device, in front of a fake disk.
 */
#include "machine_internal.h"

void machine_blk_options(struct machine *m, struct anvil_blk_options *o)
{
	const struct setup *p = &m->p;

	*o = (struct anvil_blk_options){
		.memory = &m->buffer.memory,
		.disk = &m->disk.disk,
		.features = machine_asked(p),
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
	anvil_features_remove(&o->features, VIRTIO_BLK_F_RO); /* the disk knows */
}

static void create(struct machine *m)
{
	fake_disk_create(&m->disk, &m->oracle);
}

static void begin(struct machine *m)
{
	fake_disk_start(&m->disk, &m->p);
}

static int start(struct machine *m)
{
	struct anvil_blk_options o;

	machine_blk_options(m, &o);
	m->dev = &m->blk.dev;
	return anvil_blk_init(&m->blk, &o);
}

static void stop(struct machine *m)
{
	m->dev->status = 0; /* after a violation, there may be requests */
	fake_disk_return(&m->disk);
	anvil_blk_destroy(&m->blk);
	fake_disk_stop(&m->disk);
}

/* The embedder's question before it destroys a device; the disk knows the answer. */
static void check_idle(struct machine *m)
{
	if (anvil_blk_idle(&m->blk) != (m->disk.pendings == 0))
		oracle_fail(&m->oracle, 8, "the device says %s, %u requests are at the disk",
			    m->disk.pendings ? "idle" : "busy", m->disk.pendings);
}

static void complete(struct machine *m, unsigned int which, int result)
{
	check_idle(m);
	fake_disk_complete(&m->disk, which, result);
}

static unsigned int waiting(const struct machine *m)
{
	return m->disk.pendings;
}

static void defer(struct machine *m, bool deferred)
{
	m->disk.deferred = deferred;
}

void machine_resize(struct machine *m, uint64_t capacity)
{
	if (m->kind != &machine_kind_blk || m->p.zones.zoned)
		return;
	machine_tell_number(m, MACHINE_RESIZE, capacity);
	oracle_event(&m->oracle);
	m->disk.disk.capacity = capacity;
	oracle_resized(&m->oracle, capacity);
	anvil_blk_resized(&m->blk);
	machine_settle(m);
}

const struct machine_kind machine_kind_blk = {
	.create = create,
	.begin = begin,
	.start = start,
	.stop = stop,
	.complete = complete,
	.waiting = waiting,
	.defer = defer,
};
