/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slots and queues: a request is taken, carried out in steps at the disk, and answered in one
 * place.
 */
#include "virtio_blk_internal.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct anvil_blk *to_blk(struct anvil_device *dev)
{
	return (struct anvil_blk *)((char *)dev - offsetof(struct anvil_blk, dev));
}

/* ---- carrying it out ---- */

/* Whether the guest still waits for this request. */
static bool wanted(const struct anvil_blk_slot *slot)
{
	return !slot->abandoned && anvil_device_queue_live(&slot->blk->dev, slot->queue);
}

/* 5.2.6: data goes out with a good status alone: else a guest could read what an earlier request
 * left. The status byte is the last there is: else it could go where a stale descriptor says. */
static void answer(struct anvil_blk_slot *slot, uint8_t status)
{
	struct anvil_device *dev = &slot->blk->dev;

	/* on each way out: else a guest could use up all slots by replies that have no room */
	slot->taken = false;
	if (!wanted(slot))
		return;

	int err = 0;

	if (status == VIRTIO_BLK_S_OK)
		err = anvil_descriptor_chain_write(&slot->chain, slot->data, slot->data_len);
	if (!err)
		err = anvil_descriptor_chain_write_last(&slot->chain, status);
	(void)err; /* no writable byte at all: there is no one to tell */
	/* the last use of the chain: else a guest could have us read what was freed with it */
	anvil_virtqueue_fill(&dev->queue[slot->queue], &slot->chain);
	anvil_device_publish(dev, slot->queue);
}

static void carry_on(struct anvil_blk_slot *slot)
{
	struct anvil_disk *disk = slot->blk->options.disk;

	while (!slot->result && wanted(slot) && anvil_blk_next_step(slot)) {
		anvil_device_charge(&slot->blk->dev, 1);
		slot->outstanding = true;
		slot->submitting = true;
		disk->ops->submit(disk, &slot->request);
		slot->submitting = false;
		if (slot->outstanding)
			return;
	}
	/* failures, too: else the host's disk could leave a guest waiting for ever */
	answer(slot, slot->result ? anvil_blk_failure(slot->blk, slot->result) : VIRTIO_BLK_S_OK);
}

static struct anvil_blk_slot *free_slot(struct anvil_blk *blk)
{
	for (unsigned int i = 0; i < blk->options.slots; i++) {
		if (!blk->slot[i].taken)
			return &blk->slot[i];
	}
	return NULL;
}

static void prepare_slot(struct anvil_blk_slot *slot, unsigned int queue)
{
	struct anvil_blk *blk = slot->blk;

	anvil_descriptor_chain_init(&slot->chain, blk->options.memory, slot->segment,
				    blk->options.queue_size_max);
	slot->queue = queue;
	slot->data_len = 0;
	slot->step = 0;
	slot->steps = 0;
	slot->ranges = false;
	slot->flush = false;
	slot->abandoned = false;
	slot->cancelled = false;
	slot->result = 0;
	slot->request.unmap = false;
}

/* Whether this queue has had its turn, and another one waits for its own. */
static bool turn_over(const struct anvil_blk *blk, unsigned int queue)
{
	return blk->took && blk->starved & ~(1ull << queue);
}

static enum anvil_served serve_one(struct anvil_device *dev, unsigned int queue)
{
	struct anvil_blk *blk = to_blk(dev);
	struct anvil_blk_slot *slot = free_slot(blk);

	if (!slot || turn_over(blk, queue)) {
		blk->starved |= 1ull << queue;
		return ANVIL_SERVED_LATER;
	}
	prepare_slot(slot, queue);

	enum anvil_served served = anvil_device_popped(
		dev, queue, anvil_virtqueue_pop(&dev->queue[queue], &slot->chain));

	/* an error is no chain: else a guest could have us give back one that we do not hold */
	if (served != ANVIL_SERVED_ONE)
		return served;
	slot->taken = true;
	blk->took = true;

	int status = anvil_blk_parse(slot);

	/* always one of them: else a guest could wait for ever for a chain that is no request */
	if (status == ANVIL_BLK_GO_ON)
		carry_on(slot);
	else
		answer(slot, (uint8_t)status);
	return ANVIL_SERVED_ONE;
}

static void serve_turn(struct anvil_blk *blk, unsigned int queue)
{
	blk->took = false;
	blk->serving = true;
	anvil_device_serve(&blk->dev, queue, serve_one);
	blk->serving = false;
}

/* The waiting queue whose turn it is; the one after it is next. */
static unsigned int next_turn(struct anvil_blk *blk)
{
	while (!(blk->starved >> blk->next_queue & 1))
		blk->next_queue = (blk->next_queue + 1) % blk->dev.queues;

	unsigned int queue = blk->next_queue;

	blk->next_queue = (queue + 1) % blk->dev.queues;
	return queue;
}

/*
 * While there is a free slot, queues that wait for one have their turns. Inside a serving loop
 * nothing is done: who serves comes here when that is over. As many turns as one notification of a
 * queue is worth; what is left then is deferred.
 */
static void serve_starved(struct anvil_blk *blk)
{
	unsigned int budget = blk->options.queue_size_max;

	while (!blk->serving && blk->starved && free_slot(blk)) {
		unsigned int queue = next_turn(blk);

		blk->starved &= ~(1ull << queue);
		if (!anvil_device_queue_takes(&blk->dev, queue))
			continue;
		if (budget-- == 0) {
			anvil_device_defer(&blk->dev, queue);
			return;
		}
		serve_turn(blk, queue);
	}
}

static void notified(struct anvil_device *dev, unsigned int queue)
{
	struct anvil_blk *blk = to_blk(dev);

	serve_turn(blk, queue);
	serve_starved(blk);
}

static bool at_disk(const struct anvil_blk *blk, unsigned int queue)
{
	for (unsigned int i = 0; i < blk->options.slots; i++) {
		if (blk->slot[i].outstanding && blk->slot[i].queue == queue)
			return true;
	}
	return false;
}

static void request_done(struct anvil_disk_request *request, int result)
{
	struct anvil_blk_slot *slot = (struct anvil_blk_slot *)(void *)request;

	slot->outstanding = false;
	slot->result = result;
	if (!result)
		anvil_blk_zone_told(slot);
	if (slot->submitting)
		return;
	if (!slot->blk->serving)
		anvil_device_begin(&slot->blk->dev);
	/* answers a failure, too: else the host's disk could have a chain given back twice */
	carry_on(slot);
	if (slot->abandoned && !at_disk(slot->blk, slot->queue))
		anvil_device_queue_drained(&slot->blk->dev, slot->queue);
	serve_starved(slot->blk);
}

/* ---- the device ---- */

/* Orphans all before it cancels one: the disk may complete others meanwhile. By number: else a
 * guest could by a reset have us follow the next pointer of a request that is gone. */
static void queue_stopped(struct anvil_device *dev, unsigned int queue)
{
	struct anvil_blk *blk = to_blk(dev);
	struct anvil_disk *disk = blk->options.disk;

	blk->starved &= ~(1ull << queue);
	for (unsigned int i = 0; i < blk->options.slots; i++) {
		/* at a reset, too: else a guest could have an old answer in its new memory */
		if (blk->slot[i].queue == queue)
			blk->slot[i].abandoned = true;
	}
	for (unsigned int i = 0; disk->ops->cancel && i < blk->options.slots; i++) {
		struct anvil_blk_slot *slot = &blk->slot[i];

		if (!slot->taken || slot->cancelled || slot->queue != queue)
			continue;
		slot->cancelled = true;
		disk->ops->cancel(disk, &slot->request);
	}
}

/* Cancelled or not, a write may reach the disk until it is back: else a guest could take a reset
 * for complete before. */
static bool queue_draining(const struct anvil_device *dev, unsigned int queue)
{
	return at_disk((const struct anvil_blk *)dev, queue);
}

/* 5.2.5.2; a cache whose mode the driver cannot see is write-back once it accepts FLUSH */
static void features_accepted(struct anvil_device *dev)
{
	struct anvil_blk *blk = to_blk(dev);

	if (!dev->legacy)
		blk->config.writeback = anvil_device_has(dev, VIRTIO_BLK_F_CONFIG_WCE) &&
					anvil_device_has(dev, VIRTIO_BLK_F_FLUSH);
	anvil_blk_config_zones(blk, anvil_device_has(dev, VIRTIO_BLK_F_ZONED));
	if (!anvil_device_has(dev, VIRTIO_BLK_F_MQ)) /* 5.2.2 */
		dev->queues_used = 1;
}

/* 5.2.5.3: legacy drivers may set the mode before they accept anything, until DRIVER_OK */
static bool mode_writable(const struct anvil_device *dev)
{
	if (dev->legacy && !(dev->status & VIRTIO_STATUS_DRIVER_OK))
		return anvil_features_has(&dev->offered, VIRTIO_BLK_F_CONFIG_WCE);
	return anvil_device_has(dev, VIRTIO_BLK_F_CONFIG_WCE);
}

static void config_written(struct anvil_device *dev, uint32_t offset, const uint8_t *bytes,
			   uint32_t len)
{
	/* other widths are passed over: were they asserted, a guest could abort the process */
	if (offset == offsetof(struct anvil_blk_config, writeback) && len == 1 && bytes[0] <= 1 &&
	    mode_writable(dev))
		to_blk(dev)->config.writeback = bytes[0];
}

/* For legacy drivers the mode starts as what the cache is; kept, a guest could start in the mode of
 * the driver before it. */
static void reset(struct anvil_device *dev)
{
	struct anvil_blk *blk = to_blk(dev);

	blk->config.writeback =
		dev->legacy && anvil_features_has(&dev->offered, VIRTIO_BLK_F_CONFIG_WCE);
	blk->next_queue = 0;
	anvil_blk_config_zones(blk, true);
}

/* 5.2.5.3: nothing but DRIVER_OK without CONFIG_WCE changes the mode by itself */
static void legacy_driver_ok(struct anvil_device *dev)
{
	if (anvil_features_has(&dev->offered, VIRTIO_BLK_F_CONFIG_WCE) &&
	    !anvil_device_has(dev, VIRTIO_BLK_F_CONFIG_WCE))
		to_blk(dev)->config.writeback = anvil_device_has(dev, VIRTIO_BLK_F_FLUSH);
}

static int make_legacy(struct anvil_device *dev)
{
	struct anvil_blk *blk = to_blk(dev);
	const struct anvil_disk *disk = blk->options.disk;

	if (disk->zoning && disk->zoning->model == ANVIL_DISK_HOST_MANAGED)
		return -EINVAL;
	anvil_features_remove(&dev->offered, VIRTIO_BLK_F_LIFETIME);
	anvil_features_remove(&dev->offered, VIRTIO_BLK_F_SECURE_ERASE);
	anvil_features_remove(&dev->offered, VIRTIO_BLK_F_ZONED);
	blk->options.features = dev->offered;
	memset(&blk->config, 0, sizeof(blk->config));
	anvil_blk_config_init(blk);
	reset(dev);
	return 0;
}

/* The capacity is all that changes. */
static void config_refresh(struct anvil_device *dev, unsigned int what)
{
	struct anvil_blk *blk = to_blk(dev);

	(void)what;
	blk->config.capacity = anvil_device_u64(dev, blk->options.disk->capacity);
	anvil_device_config_changed(dev);
}

/* ---- save and restore ---- */

static void save(const struct anvil_device *dev, struct anvil_state_writer *w)
{
	const struct anvil_blk *blk = (const struct anvil_blk *)dev;

	anvil_state_put(w, blk->config.writeback, 1);
	anvil_state_put(w, anvil_device_u64(dev, blk->config.capacity), 8);
}

/* Whether the driver can have the cache in this mode. */
static bool mode_possible(const struct anvil_device *dev, bool writeback)
{
	bool told = anvil_device_has(dev, VIRTIO_BLK_F_CONFIG_WCE);

	if (!dev->legacy)
		return !writeback || told;
	if (!anvil_features_has(&dev->offered, VIRTIO_BLK_F_CONFIG_WCE))
		return !writeback;
	return told || !(dev->status & VIRTIO_STATUS_DRIVER_OK) ||
	       writeback == anvil_device_has(dev, VIRTIO_BLK_F_FLUSH);
}

/* While suspended, a driver sees what it saw before. */
static void restore_capacity(struct anvil_blk *blk, uint64_t capacity)
{
	if (anvil_device_hold_config(&blk->dev, 1))
		blk->config.capacity = anvil_device_u64(&blk->dev, capacity);
	else
		anvil_device_config_changed(&blk->dev);
}

static bool restore(struct anvil_device *dev, struct anvil_state_reader *r)
{
	struct anvil_blk *blk = to_blk(dev);
	uint64_t writeback = anvil_state_get(r, 1);
	uint64_t capacity = anvil_state_get(r, 8);

	if (writeback > 1 || !mode_possible(dev, writeback))
		return false;
	blk->config.writeback = (uint8_t)writeback;
	if (capacity != blk->options.disk->capacity)
		restore_capacity(blk, capacity);
	return true;
}

/* 2.2.1: CONFIG_WCE is not said to require FLUSH of the driver, see 5.2.5.2 */
#define BLK_OPS                                                                                    \
	.device_id = VIRTIO_ID_BLOCK, .features_accepted = features_accepted,                      \
	.notified = notified, .queue_stopped = queue_stopped, .queue_draining = queue_draining,    \
	.config_written = config_written, .reset = reset, .config_refresh = config_refresh,        \
	.make_legacy = make_legacy, .config_kinds = 1, .legacy_driver_ok = legacy_driver_ok,       \
	.save = save, .restore = restore

static const struct anvil_device_ops blk_ops = { BLK_OPS };

/* 5.2.5.2: a driver that does not know zones must not drive a host-managed disk. What every driver
 * accepts requires ZONED then. */
static const struct anvil_feature_rule host_managed_rule[] = {
	{ VIRTIO_F_VERSION_1, { VIRTIO_BLK_F_ZONED } },
};

static const struct anvil_device_ops host_managed_ops = {
	BLK_OPS,
	.rule = host_managed_rule,
	.rules = 1,
};

static int init_slot(struct anvil_blk_slot *slot, struct anvil_blk *blk)
{
	const struct anvil_blk_options *o = &blk->options;

	slot->blk = blk;
	slot->request.done = request_done;
	slot->segment = malloc(o->queue_size_max * sizeof(*slot->segment));
	slot->data = malloc(anvil_blk_data_bytes(o));
	slot->request.data = slot->data;
	if (o->disk->zoning)
		slot->request.zone = malloc(anvil_blk_report_max(o) * sizeof(*slot->request.zone));
	if (!slot->segment || !slot->data || (o->disk->zoning && !slot->request.zone))
		return -ENOMEM;
	return 0;
}

static int init_slots(struct anvil_blk *blk)
{
	const struct anvil_blk_options *o = &blk->options;
	int err = 0;

	blk->slot = calloc(o->slots, sizeof(*blk->slot));
	if (!blk->slot)
		return -ENOMEM;
	for (unsigned int i = 0; i < o->slots && !err; i++)
		err = init_slot(&blk->slot[i], blk);
	return err;
}

int anvil_blk_init(struct anvil_blk *blk, const struct anvil_blk_options *options)
{
	struct anvil_features offered = options->features;

	memset(blk, 0, sizeof(*blk));
	if (!anvil_blk_options_valid(options))
		return -EINVAL;
	blk->options = *options;
	if (options->disk->read_only)
		anvil_features_add(&offered, VIRTIO_BLK_F_RO);

	const struct anvil_disk_zoning *zoning = options->disk->zoning;
	bool host_managed = zoning && zoning->model == ANVIL_DISK_HOST_MANAGED;
	bool mq = anvil_features_has(&offered, VIRTIO_BLK_F_MQ);
	int err = anvil_device_init(&blk->dev, host_managed ? &host_managed_ops : &blk_ops,
				    options->memory, mq ? options->num_queues : 1,
				    options->queue_size_max, &offered);

	if (!err)
		err = init_slots(blk);
	if (err) {
		anvil_blk_destroy(blk);
		return err;
	}
	anvil_blk_config_init(blk);
	return 0;
}

bool anvil_blk_idle(const struct anvil_blk *blk)
{
	for (unsigned int i = 0; blk->slot && i < blk->options.slots; i++) {
		if (blk->slot[i].outstanding)
			return false;
	}
	return true;
}

void anvil_blk_destroy(struct anvil_blk *blk)
{
	assert(anvil_blk_idle(blk));
	for (unsigned int i = 0; blk->slot && i < blk->options.slots; i++) {
		free(blk->slot[i].segment);
		free(blk->slot[i].data);
		free(blk->slot[i].request.zone);
	}
	free(blk->slot);
	blk->slot = NULL;
	anvil_device_destroy(&blk->dev);
}

void anvil_blk_resized(struct anvil_blk *blk)
{
	if (!anvil_device_hold_config(&blk->dev, 1))
		config_refresh(&blk->dev, 1);
}
