/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request is read whole, judged, carried out in steps at the disk, and answered in one place.
 */
#include "virtio_blk.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct virtio_blk_slot {
	struct disk_request request; /* first: done() comes back with its address */
	struct virtio_blk *blk;
	struct descriptor_chain chain;
	struct descriptor_segment *segment;
	uint8_t *data;
	unsigned int queue;
	uint32_t data_len; /* of `data`, to be stored in the guest with a good status */
	uint32_t step;
	uint32_t steps;
	bool ranges;	  /* each step is a struct virtio_blk_range in `data` */
	bool flush;	  /* a flush is the last step */
	bool taken;	  /* not free */
	bool orphan;	  /* the guest does not wait for it any more */
	bool cancelled;	  /* the disk was told so */
	bool submitting;  /* inside the disk's submit */
	bool outstanding; /* at the disk */
	int result;
};

/* A request may be answered right away; this is no status. */
#define GO_ON (-1)

static struct virtio_blk *to_blk(struct virtio_device *dev)
{
	return (struct virtio_blk *)((char *)dev - offsetof(struct virtio_blk, dev));
}

/* ---- arithmetic on guest numbers ---- */

static bool range_inside(uint64_t sector, uint64_t sectors, uint64_t capacity)
{
	return sectors <= capacity && sector <= capacity - sectors;
}

static bool transfer_valid(const struct virtio_blk *blk, uint64_t sector, uint64_t len)
{
	return len % DISK_SECTOR_BYTES == 0 && len <= blk->options.transfer_max &&
	       range_inside(sector, len / DISK_SECTOR_BYTES, blk->options.disk->capacity);
}

/* ---- judging a request (5.2.6) ---- */

static void one_step(struct virtio_blk_slot *slot, enum disk_op op, uint64_t sector, uint64_t len)
{
	slot->request.op = op;
	slot->request.sector = sector;
	slot->request.sectors = len / DISK_SECTOR_BYTES;
	slot->steps = len > 0;
}

/* 5.2.6.2: when a write has to be stable before it is reported complete */
static bool writes_stable(const struct virtio_blk *blk)
{
	if (blk->dev.legacy && virtio_features_has(&blk->dev.offered, VIRTIO_BLK_F_CONFIG_WCE))
		return blk->config.writeback == 0 ||
		       !virtio_device_has(&blk->dev, VIRTIO_BLK_F_FLUSH);
	if (virtio_device_has(&blk->dev, VIRTIO_BLK_F_CONFIG_WCE))
		return blk->config.writeback == 0;
	return virtio_features_has(&blk->dev.offered, VIRTIO_BLK_F_FLUSH) &&
	       !virtio_device_has(&blk->dev, VIRTIO_BLK_F_FLUSH);
}

static int judge_in(struct virtio_blk_slot *slot, uint64_t sector)
{
	uint64_t len = slot->chain.writable_bytes - 1;

	if (slot->chain.read.left || !transfer_valid(slot->blk, sector, len))
		return VIRTIO_BLK_S_IOERR;
	one_step(slot, DISK_READ, sector, len);
	slot->data_len = (uint32_t)len;
	return GO_ON;
}

static int judge_out(struct virtio_blk_slot *slot, uint64_t sector)
{
	uint64_t len = slot->chain.read.left;

	if (slot->chain.writable_bytes != 1 || !transfer_valid(slot->blk, sector, len) ||
	    descriptor_chain_read(&slot->chain, slot->data, (size_t)len))
		return VIRTIO_BLK_S_IOERR;
	one_step(slot, DISK_WRITE, sector, len);
	slot->flush = writes_stable(slot->blk);
	return GO_ON;
}

static int judge_flush(struct virtio_blk_slot *slot, uint64_t sector)
{
	(void)sector;
	if (slot->chain.writable_bytes != 1 || slot->chain.read.left)
		return VIRTIO_BLK_S_IOERR;
	slot->flush = true;
	return GO_ON;
}

static int judge_get_id(struct virtio_blk_slot *slot, uint64_t sector)
{
	(void)sector;
	if (slot->chain.writable_bytes != VIRTIO_BLK_ID_BYTES + 1 || slot->chain.read.left)
		return VIRTIO_BLK_S_IOERR;
	memcpy(slot->data, slot->blk->options.disk->id, VIRTIO_BLK_ID_BYTES);
	slot->data_len = VIRTIO_BLK_ID_BYTES;
	return VIRTIO_BLK_S_OK;
}

static void get_range(const struct virtio_blk_slot *slot, uint32_t index,
		      struct virtio_blk_range *range)
{
	memcpy(range, slot->data + index * sizeof(*range), sizeof(*range));
	range->sector = le64toh(range->sector);
	range->num_sectors = le32toh(range->num_sectors);
	range->flags = le32toh(range->flags);
}

static bool range_valid(const struct virtio_blk *blk, const struct virtio_blk_range *range)
{
	return range->num_sectors > 0 && range->num_sectors <= blk->options.range_sectors_max &&
	       range_inside(range->sector, range->num_sectors, blk->options.disk->capacity);
}

/* 5.2.6.2: an unknown flag in any segment makes the request unsupported */
static int judge_ranges(struct virtio_blk_slot *slot, uint32_t known_flags)
{
	struct virtio_blk_range range;
	uint64_t len = slot->chain.read.left;
	uint64_t count = len / sizeof(range);
	int status = GO_ON;

	if (slot->chain.writable_bytes != 1 || len % sizeof(range) || count == 0 ||
	    count > slot->blk->options.range_segments_max ||
	    descriptor_chain_read(&slot->chain, slot->data, (size_t)len))
		return VIRTIO_BLK_S_IOERR;
	for (uint32_t i = 0; i < count; i++) {
		get_range(slot, i, &range);
		if (range.flags & ~known_flags)
			return VIRTIO_BLK_S_UNSUPP;
		if (!range_valid(slot->blk, &range))
			status = VIRTIO_BLK_S_IOERR;
	}
	slot->ranges = true;
	slot->steps = (uint32_t)count;
	slot->flush = writes_stable(slot->blk);
	return status;
}

static int judge_discard(struct virtio_blk_slot *slot, uint64_t sector)
{
	(void)sector;
	slot->request.op = DISK_DISCARD;
	return judge_ranges(slot, 0);
}

static int judge_write_zeroes(struct virtio_blk_slot *slot, uint64_t sector)
{
	(void)sector;
	slot->request.op = DISK_WRITE_ZEROES;
	return judge_ranges(slot, VIRTIO_BLK_SEG_UNMAP);
}

#define NO_FEATURE VIRTIO_FEATURE_BITS

static const struct request_type {
	uint32_t type;
	unsigned int feature;
	bool changes_disk;
	int (*judge)(struct virtio_blk_slot *slot, uint64_t sector);
} request_type[] = {
	{ VIRTIO_BLK_T_IN, NO_FEATURE, false, judge_in },
	{ VIRTIO_BLK_T_OUT, NO_FEATURE, true, judge_out },
	{ VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_F_FLUSH, false, judge_flush },
	{ VIRTIO_BLK_T_GET_ID, NO_FEATURE, false, judge_get_id },
	{ VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_F_DISCARD, true, judge_discard },
	{ VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_F_WRITE_ZEROES, true, judge_write_zeroes },
};

/* 5.2.6.3: FLUSH_OUT is another name of FLUSH */
static uint32_t get_type(const struct virtio_device *dev, const struct virtio_blk_header *header)
{
	uint32_t type = virtio_device_u32(dev, header->type);

	return dev->legacy && type == VIRTIO_BLK_T_FLUSH_OUT ? VIRTIO_BLK_T_FLUSH : type;
}

static bool has_type(const struct virtio_device *dev, const struct request_type *t)
{
	return t->feature == NO_FEATURE || virtio_device_has(dev, t->feature);
}

static int judge(struct virtio_blk_slot *slot)
{
	struct virtio_blk *blk = slot->blk;
	struct virtio_blk_header header;

	if (slot->chain.writable_bytes == 0 ||
	    descriptor_chain_read(&slot->chain, &header, sizeof(header)))
		return VIRTIO_BLK_S_IOERR;
	for (size_t i = 0; i < sizeof(request_type) / sizeof(request_type[0]); i++) {
		const struct request_type *t = &request_type[i];

		if (t->type != get_type(&blk->dev, &header) || !has_type(&blk->dev, t))
			continue;
		/* what the disk is counts, not what the driver accepted */
		if (t->changes_disk && blk->options.disk->read_only)
			return VIRTIO_BLK_S_IOERR;
		return t->judge(slot, virtio_device_u64(&blk->dev, header.sector));
	}
	return VIRTIO_BLK_S_UNSUPP;
}

/* ---- carrying it out ---- */

/* The next step is in slot->request; false: there is none. */
static bool next_step(struct virtio_blk_slot *slot)
{
	if (slot->step < slot->steps) {
		struct virtio_blk_range range;

		if (slot->ranges) {
			get_range(slot, slot->step, &range);
			if (!range_valid(slot->blk, &range)) { /* the disk has shrunk since */
				slot->result = -EIO;
				return false;
			}
			slot->request.sector = range.sector;
			slot->request.sectors = range.num_sectors;
			slot->request.unmap = range.flags & VIRTIO_BLK_SEG_UNMAP;
		}
		slot->step++;
		return true;
	}
	if (slot->flush) {
		slot->flush = false;
		slot->request.op = DISK_FLUSH;
		slot->request.sector = 0;
		slot->request.sectors = 0;
		slot->request.unmap = false;
		return true;
	}
	return false;
}

/* Whether the guest still waits for this request. */
static bool wanted(const struct virtio_blk_slot *slot)
{
	return !slot->orphan && virtio_device_queue_live(&slot->blk->dev, slot->queue);
}

/* 5.2.6: data goes out with a good status alone; the status byte is the last one there is */
static void answer(struct virtio_blk_slot *slot, uint8_t status)
{
	struct virtio_device *dev = &slot->blk->dev;

	slot->taken = false;
	if (!wanted(slot))
		return;

	int err = 0;

	if (status == VIRTIO_BLK_S_OK)
		err = descriptor_chain_write(&slot->chain, slot->data, slot->data_len);
	if (!err)
		err = descriptor_chain_write_last(&slot->chain, status);
	(void)err; /* no writable byte at all: there is no one to tell */
	virtqueue_push(&dev->queue[slot->queue], &slot->chain);
	virtio_device_publish(dev, slot->queue);
}

static void carry_on(struct virtio_blk_slot *slot)
{
	struct disk *disk = slot->blk->options.disk;

	while (!slot->result && wanted(slot) && next_step(slot)) {
		slot->outstanding = true;
		slot->submitting = true;
		disk->ops->submit(disk, &slot->request);
		slot->submitting = false;
		if (slot->outstanding)
			return;
	}
	answer(slot, slot->result ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
}

static struct virtio_blk_slot *free_slot(struct virtio_blk *blk)
{
	for (unsigned int i = 0; i < blk->options.slots; i++) {
		if (!blk->slot[i].taken)
			return &blk->slot[i];
	}
	return NULL;
}

static void prepare_slot(struct virtio_blk_slot *slot, unsigned int queue)
{
	struct virtio_blk *blk = slot->blk;

	descriptor_chain_init(&slot->chain, blk->options.memory, slot->segment,
			      blk->options.queue_size_max);
	slot->queue = queue;
	slot->data_len = 0;
	slot->step = 0;
	slot->steps = 0;
	slot->ranges = false;
	slot->flush = false;
	slot->orphan = false;
	slot->cancelled = false;
	slot->result = 0;
	slot->request.unmap = false;
}

static enum virtio_served serve_one(struct virtio_device *dev, unsigned int queue)
{
	struct virtio_blk *blk = to_blk(dev);
	struct virtio_blk_slot *slot = free_slot(blk);

	if (!slot) {
		blk->starved |= 1ull << queue;
		return VIRTIO_SERVED_LATER;
	}
	prepare_slot(slot, queue);

	enum virtio_served served =
		virtio_device_popped(dev, virtqueue_pop(&dev->queue[queue], &slot->chain));

	if (served != VIRTIO_SERVED_ONE)
		return served;
	slot->taken = true;

	int status = judge(slot);

	if (status == GO_ON)
		carry_on(slot);
	else
		answer(slot, (uint8_t)status);
	return VIRTIO_SERVED_ONE;
}

static void notified(struct virtio_device *dev, unsigned int queue)
{
	struct virtio_blk *blk = to_blk(dev);

	blk->serving = true;
	virtio_device_serve(dev, queue, serve_one);
	blk->serving = false;
}

/* A slot is free again. Inside a serving loop that loop finds it. */
static void serve_starved(struct virtio_blk *blk)
{
	uint64_t starved = blk->starved;

	if (blk->serving)
		return;
	blk->starved = 0;
	for (unsigned int i = 0; i < blk->dev.queues; i++) {
		if (starved >> i & 1)
			virtio_device_notify(&blk->dev, i);
	}
}

static void request_done(struct disk_request *request, int result)
{
	struct virtio_blk_slot *slot = (struct virtio_blk_slot *)(void *)request;

	slot->outstanding = false;
	slot->result = result;
	if (slot->submitting)
		return;
	carry_on(slot);
	serve_starved(slot->blk);
}

/* ---- the device ---- */

/* Orphans all before it cancels one: the disk may complete others meanwhile. */
static void queue_stopped(struct virtio_device *dev, unsigned int queue)
{
	struct virtio_blk *blk = to_blk(dev);
	struct disk *disk = blk->options.disk;

	blk->starved &= ~(1ull << queue);
	for (unsigned int i = 0; i < blk->options.slots; i++) {
		if (blk->slot[i].queue == queue)
			blk->slot[i].orphan = true;
	}
	for (unsigned int i = 0; disk->ops->cancel && i < blk->options.slots; i++) {
		struct virtio_blk_slot *slot = &blk->slot[i];

		if (!slot->taken || slot->cancelled || slot->queue != queue)
			continue;
		slot->cancelled = true;
		disk->ops->cancel(disk, &slot->request);
	}
}

/* 5.2.5.2; a cache whose mode the driver cannot see is write-back once it accepts FLUSH */
static void features_accepted(struct virtio_device *dev)
{
	if (dev->legacy)
		return;
	to_blk(dev)->config.writeback = virtio_device_has(dev, VIRTIO_BLK_F_CONFIG_WCE) &&
					virtio_device_has(dev, VIRTIO_BLK_F_FLUSH);
}

/* 5.2.5.3: legacy drivers may set the mode before they accept anything, until DRIVER_OK */
static bool mode_writable(const struct virtio_device *dev)
{
	if (dev->legacy && !(dev->status & VIRTIO_STATUS_DRIVER_OK))
		return virtio_features_has(&dev->offered, VIRTIO_BLK_F_CONFIG_WCE);
	return virtio_device_has(dev, VIRTIO_BLK_F_CONFIG_WCE);
}

static void config_written(struct virtio_device *dev, uint32_t offset, const uint8_t *bytes,
			   uint32_t len)
{
	if (offset == offsetof(struct virtio_blk_config, writeback) && len == 1 && bytes[0] <= 1 &&
	    mode_writable(dev))
		to_blk(dev)->config.writeback = bytes[0];
}

/* For legacy drivers the mode starts as what the cache is */
static void reset(struct virtio_device *dev)
{
	to_blk(dev)->config.writeback =
		dev->legacy && virtio_features_has(&dev->offered, VIRTIO_BLK_F_CONFIG_WCE);
}

/* 5.2.5.3: nothing but DRIVER_OK without CONFIG_WCE changes the mode by itself */
static void legacy_driver_ok(struct virtio_device *dev)
{
	if (virtio_features_has(&dev->offered, VIRTIO_BLK_F_CONFIG_WCE) &&
	    !virtio_device_has(dev, VIRTIO_BLK_F_CONFIG_WCE))
		to_blk(dev)->config.writeback = virtio_device_has(dev, VIRTIO_BLK_F_FLUSH);
}

static int make_legacy(struct virtio_device *dev);
static void config_refresh(struct virtio_device *dev);

/* 2.2.1: CONFIG_WCE is not said to require FLUSH of the driver, see 5.2.5.2 */
static const struct virtio_device_ops blk_ops = {
	.device_id = VIRTIO_ID_BLOCK,
	.features_accepted = features_accepted,
	.notified = notified,
	.queue_stopped = queue_stopped,
	.config_written = config_written,
	.reset = reset,
	.config_refresh = config_refresh,
	.make_legacy = make_legacy,
	.legacy_driver_ok = legacy_driver_ok,
};

static void fill_config(struct virtio_blk *blk)
{
	const struct virtio_device *dev = &blk->dev;
	const struct virtio_blk_options *o = &blk->options;
	struct virtio_blk_config *c = &blk->config;

	c->capacity = virtio_device_u64(dev, o->disk->capacity);
	if (virtio_features_has(&o->features, VIRTIO_BLK_F_SIZE_MAX))
		c->size_max = virtio_device_u32(dev, o->size_max);
	if (virtio_features_has(&o->features, VIRTIO_BLK_F_SEG_MAX))
		c->seg_max = virtio_device_u32(dev, o->seg_max);
	if (virtio_features_has(&o->features, VIRTIO_BLK_F_GEOMETRY)) {
		c->geometry.cylinders = virtio_device_u16(dev, o->cylinders);
		c->geometry.heads = o->heads;
		c->geometry.sectors = o->sectors;
	}
	if (virtio_features_has(&o->features, VIRTIO_BLK_F_BLK_SIZE))
		c->blk_size = virtio_device_u32(dev, o->blk_size);
	if (virtio_features_has(&o->features, VIRTIO_BLK_F_TOPOLOGY)) {
		c->topology.physical_block_exp = o->physical_block_exp;
		c->topology.alignment_offset = o->alignment_offset;
		c->topology.min_io_size = virtio_device_u16(dev, o->min_io_size);
		c->topology.opt_io_size = virtio_device_u32(dev, o->opt_io_size);
	}
	if (virtio_features_has(&o->features, VIRTIO_BLK_F_DISCARD)) {
		c->max_discard_sectors = virtio_device_u32(dev, o->range_sectors_max);
		c->max_discard_seg = virtio_device_u32(dev, o->range_segments_max);
		c->discard_sector_alignment =
			virtio_device_u32(dev, o->blk_size / DISK_SECTOR_BYTES);
	}
	if (virtio_features_has(&o->features, VIRTIO_BLK_F_WRITE_ZEROES)) {
		c->max_write_zeroes_sectors = virtio_device_u32(dev, o->range_sectors_max);
		c->max_write_zeroes_seg = virtio_device_u32(dev, o->range_segments_max);
		c->write_zeroes_may_unmap = 1;
	}
}

static int make_legacy(struct virtio_device *dev)
{
	struct virtio_blk *blk = to_blk(dev);

	blk->options.features = dev->offered;
	memset(&blk->config, 0, sizeof(blk->config));
	fill_config(blk);
	reset(dev);
	return 0;
}

static bool options_valid(const struct virtio_blk_options *o)
{
	static const struct virtio_features can = {
		.word = { 1ull << VIRTIO_BLK_F_SIZE_MAX | 1ull << VIRTIO_BLK_F_SEG_MAX |
			  1ull << VIRTIO_BLK_F_GEOMETRY | 1ull << VIRTIO_BLK_F_BLK_SIZE |
			  1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_TOPOLOGY |
			  1ull << VIRTIO_BLK_F_CONFIG_WCE | 1ull << VIRTIO_BLK_F_DISCARD |
			  1ull << VIRTIO_BLK_F_WRITE_ZEROES | 1ull << VIRTIO_F_INDIRECT_DESC |
			  1ull << VIRTIO_F_EVENT_IDX | 1ull << VIRTIO_F_RING_RESET |
			  1ull << VIRTIO_F_ORDER_PLATFORM | 1ull << VIRTIO_F_SUSPEND },
	};

	if (o->features.word[0] & ~can.word[0] || o->features.word[1] & ~can.word[1])
		return false;
	if (virtio_features_has(&o->features, VIRTIO_BLK_F_CONFIG_WCE) &&
	    !virtio_features_has(&o->features, VIRTIO_BLK_F_FLUSH))
		return false;
	return o->slots > 0 && o->transfer_max > 0 && o->transfer_max % DISK_SECTOR_BYTES == 0 &&
	       o->blk_size >= DISK_SECTOR_BYTES && (o->blk_size & (o->blk_size - 1)) == 0 &&
	       o->range_sectors_max > 0 && o->range_segments_max > 0 &&
	       o->range_segments_max <= VIRTIO_BLK_RANGE_SEGMENTS_MAX;
}

static size_t data_bytes(const struct virtio_blk_options *o)
{
	size_t ranges = o->range_segments_max * sizeof(struct virtio_blk_range);
	size_t most = o->transfer_max > ranges ? o->transfer_max : ranges;

	return most > VIRTIO_BLK_ID_BYTES ? most : VIRTIO_BLK_ID_BYTES;
}

static int init_slots(struct virtio_blk *blk)
{
	const struct virtio_blk_options *o = &blk->options;

	blk->slot = calloc(o->slots, sizeof(*blk->slot));
	if (!blk->slot)
		return -ENOMEM;
	for (unsigned int i = 0; i < o->slots; i++) {
		struct virtio_blk_slot *slot = &blk->slot[i];

		slot->blk = blk;
		slot->request.done = request_done;
		slot->segment = malloc(o->queue_size_max * sizeof(*slot->segment));
		slot->data = malloc(data_bytes(o));
		slot->request.data = slot->data;
		if (!slot->segment || !slot->data)
			return -ENOMEM;
	}
	return 0;
}

int virtio_blk_init(struct virtio_blk *blk, const struct virtio_blk_options *options)
{
	struct virtio_features offered = options->features;

	memset(blk, 0, sizeof(*blk));
	if (!options_valid(options))
		return -EINVAL;
	blk->options = *options;
	if (options->disk->read_only)
		virtio_features_add(&offered, VIRTIO_BLK_F_RO);

	int err = virtio_device_init(&blk->dev, &blk_ops, options->memory, 1,
				     options->queue_size_max, &offered);

	if (!err)
		err = init_slots(blk);
	if (err) {
		virtio_blk_destroy(blk);
		return err;
	}
	fill_config(blk);
	blk->dev.config = (uint8_t *)&blk->config;
	blk->dev.config_len = sizeof(blk->config);
	return 0;
}

bool virtio_blk_idle(const struct virtio_blk *blk)
{
	for (unsigned int i = 0; i < blk->options.slots; i++) {
		if (blk->slot[i].outstanding)
			return false;
	}
	return true;
}

void virtio_blk_destroy(struct virtio_blk *blk)
{
	for (unsigned int i = 0; blk->slot && i < blk->options.slots; i++) {
		free(blk->slot[i].segment);
		free(blk->slot[i].data);
	}
	free(blk->slot);
	blk->slot = NULL;
	virtio_device_destroy(&blk->dev);
}

static void config_refresh(struct virtio_device *dev)
{
	struct virtio_blk *blk = to_blk(dev);

	blk->config.capacity = virtio_device_u64(dev, blk->options.disk->capacity);
	virtio_device_config_changed(dev);
}

void virtio_blk_resized(struct virtio_blk *blk)
{
	if (!virtio_device_hold_config(&blk->dev))
		config_refresh(&blk->dev);
}
