/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The block device, in front of a fake disk.
 */
#include "own_device_internal.h"

void own_blk_options(struct own_device *d, struct anvil_blk_options *o)
{
	const struct setup *p = &d->p;

	*o = (struct anvil_blk_options){
		.memory = &d->buffer.memory,
		.disk = &d->disk.disk,
		.features = own_asked(p),
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

static void create(struct own_device *d)
{
	fake_disk_create(&d->disk, d->oracle);
}

static void begin(struct own_device *d)
{
	fake_disk_start(&d->disk, &d->p);
}

static int start(struct own_device *d)
{
	struct anvil_blk_options o;

	own_blk_options(d, &o);
	d->dev = &d->blk.dev;
	return anvil_blk_init(&d->blk, &o);
}

static void stop(struct own_device *d)
{
	d->dev->status = 0; /* after a violation, there may be requests */
	fake_disk_return(&d->disk);
	anvil_blk_destroy(&d->blk);
	fake_disk_stop(&d->disk);
}

/* The embedder's question before it destroys a device; the disk knows the answer. */
static void check_idle(struct own_device *d)
{
	bool idle = fake_disk_idle(&d->disk);

	if (anvil_blk_idle(&d->blk) != idle)
		oracle_fail(d->oracle, 8, "the device says %s, %s", idle ? "busy" : "idle",
			    idle ? "nothing is at the disk" : "requests are at the disk");
}

static void complete(struct device_under_test *dut, unsigned int which, int result)
{
	struct own_device *d = to_own(dut);

	check_idle(d);
	fake_disk_complete(&d->disk, which, result);
}

static unsigned int waiting(struct device_under_test *dut)
{
	return to_own(dut)->disk.pendings;
}

static void defer(struct device_under_test *dut, bool deferred)
{
	to_own(dut)->disk.deferred = deferred;
}

static void resize(struct device_under_test *dut, uint64_t sectors)
{
	to_own(dut)->disk.disk.capacity = sectors;
	anvil_blk_resized(&to_own(dut)->blk);
}

const struct own_kind own_kind_blk = {
	.create = create,
	.begin = begin,
	.start = start,
	.stop = stop,
	.host = {
		.complete = complete,
		.waiting = waiting,
		.defer = defer,
		.resize = resize,
	},
};
