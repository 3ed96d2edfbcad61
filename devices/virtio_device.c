/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device's queues and its configuration space. What happens in the queues changes the status,
 * too: a broken ring, and with the last chain in flight a device that is to be suspended.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_device_internal.h"

bool anvil_features_has(const struct anvil_features *set, unsigned int bit)
{
	return set->word[bit / 64] >> (bit % 64) & 1;
}

void anvil_features_add(struct anvil_features *set, unsigned int bit)
{
	set->word[bit / 64] |= 1ull << (bit % 64);
}

void anvil_features_remove(struct anvil_features *set, unsigned int bit)
{
	set->word[bit / 64] &= ~(1ull << (bit % 64));
}

static void destroy_queues(struct anvil_device *dev, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		anvil_virtqueue_destroy(&dev->queue[i]);
	free(dev->queue);
	dev->queue = NULL;
}

int anvil_device_init(struct anvil_device *dev, const struct anvil_device_ops *ops,
		      const struct anvil_guest_memory *memory, unsigned int queues,
		      uint16_t queue_size_max, const struct anvil_features *offered)
{
	memset(dev, 0, sizeof(*dev));
	if (queues == 0 || queues > ANVIL_DEVICE_QUEUES_MAX)
		return -EINVAL;
	dev->queue = calloc(queues, sizeof(*dev->queue));
	if (!dev->queue)
		return -ENOMEM;
	for (unsigned int i = 0; i < queues; i++) {
		int err = anvil_virtqueue_init(&dev->queue[i], memory, queue_size_max,
					       anvil_features_has(offered, VIRTIO_F_RING_PACKED));

		if (err) {
			destroy_queues(dev, i);
			return err;
		}
	}
	dev->ops = ops;
	dev->queues = queues;
	dev->queues_used = queues;
	dev->work = ANVIL_DEVICE_WORK;
	dev->offered = *offered;
	anvil_features_add(&dev->offered, VIRTIO_F_VERSION_1);
	return 0;
}

void anvil_device_destroy(struct anvil_device *dev)
{
	if (dev->queue)
		destroy_queues(dev, dev->queues);
}

struct anvil_virtqueue *anvil_device_queue(const struct anvil_device *dev, uint32_t index)
{
	/* all 32 bits, of those in use: else a guest could set up a queue behind the array, or one
	 * that nobody serves */
	return index < dev->queues_used ? &dev->queue[index] : NULL;
}

bool anvil_device_features_final(const struct anvil_device *dev)
{
	return dev->legacy ? dev->legacy_final : dev->status & VIRTIO_STATUS_FEATURES_OK;
}

bool anvil_device_has(const struct anvil_device *dev, unsigned int feature)
{
	return anvil_device_features_final(dev) && anvil_features_has(&dev->driver, feature);
}

/* ---- queues (2.6) ---- */

/* What the driver has to have said before its queues are served, no more and nothing bad. */
bool anvil_device_running(const struct anvil_device *dev)
{
	if (dev->legacy)
		return (dev->status & ~VIRTIO_STATUS_DRIVER_OK) == UP_TO_DRIVER;
	return dev->status == UP_TO_DRIVER_OK;
}

bool anvil_device_queue_writable(const struct anvil_device *dev, const struct anvil_virtqueue *vq)
{
	/* else a guest could start a running ring anew, with more requests than it has entries */
	if (anvil_device_queue_in_use(dev, (uint32_t)(vq - dev->queue)))
		return false;
	if (dev->legacy)
		return anvil_device_running(dev);
	return dev->status == UP_TO_FEATURES_OK ||
	       (dev->status == UP_TO_DRIVER_OK && anvil_device_has(dev, VIRTIO_F_RING_RESET));
}

struct anvil_virtqueue_features anvil_device_queue_features(const struct anvil_device *dev)
{
	return (struct anvil_virtqueue_features){
		.indirect = anvil_device_has(dev, VIRTIO_F_INDIRECT_DESC),
		.event_idx = anvil_device_has(dev, VIRTIO_F_EVENT_IDX),
		.packed = anvil_device_has(dev, VIRTIO_F_RING_PACKED),
		.in_order = anvil_device_has(dev, VIRTIO_F_IN_ORDER),
		.big_endian = dev->big_endian,
	};
}

void anvil_device_start_queue(struct anvil_device *dev, uint32_t index)
{
	struct anvil_virtqueue *vq = anvil_device_queue(dev, index);

	if (!vq || !anvil_device_queue_writable(dev, vq))
		return;

	int err = anvil_virtqueue_enable(vq, anvil_device_queue_features(dev));

	/* the driver reads back 0 from QueueReady or QueuePFN; were it fatal, a guest could end the
	 * process by a ring outside RAM */
	if (err)
		dev->transport->refused(dev->transport_opaque, index, err);
}

/* A driver must not take a queue for stopped whose writes may still reach the disk: QueuePFN, too,
 * goes on to say where the queue was. */
void anvil_device_halt_queue(struct anvil_device *dev, unsigned int index)
{
	struct anvil_virtqueue *vq = &dev->queue[index];
	uint32_t page_number = vq->page_number;
	bool ran = anvil_virtqueue_enabled(vq);

	if (ran)
		dev->ops->queue_stopped(dev, index);
	dev->unserved &= ~(1ull << index);
	anvil_virtqueue_reset(vq);
	if (ran && dev->ops->queue_draining && dev->ops->queue_draining(dev, index))
		dev->draining |= 1ull << index;
	if (dev->draining >> index & 1)
		vq->page_number = page_number;
}

/* 3.4.2: all that was taken has to be used before. */
void anvil_device_suspend_when_idle(struct anvil_device *dev)
{
	if (!dev->suspending || dev->status != UP_TO_DRIVER_OK || dev->draining)
		return;
	for (unsigned int i = 0; i < dev->queues; i++) {
		if (dev->queue[i].in_flight)
			return;
	}
	for (unsigned int i = 0; i < dev->queues; i++) {
		if (anvil_virtqueue_unnotified(&dev->queue[i]))
			dev->ops->notify_coalesced(dev, i);
	}
	dev->suspending = false;
	dev->unserved = 0;
	dev->status = UP_TO_SUSPEND;
}

void anvil_device_queue_drained(struct anvil_device *dev, unsigned int queue)
{
	uint64_t bit = 1ull << queue;

	if (!(dev->draining & bit))
		return;
	dev->draining &= ~bit;
	dev->queue_resets &= ~bit;
	dev->queue[queue].page_number = 0;
	if (!dev->draining)
		dev->resetting = 0;
	anvil_device_suspend_when_idle(dev);
}

void anvil_device_stop_queue(struct anvil_device *dev, uint32_t index)
{
	struct anvil_virtqueue *vq = anvil_device_queue(dev, index);

	if (!vq || !anvil_virtqueue_enabled(vq))
		return;
	anvil_device_halt_queue(dev, index);
	anvil_device_suspend_when_idle(dev);
}

void anvil_device_reset_queue(struct anvil_device *dev, uint32_t index)
{
	if (!anvil_device_queue(dev, index))
		return;
	anvil_device_halt_queue(dev, index);
	dev->queue_resets |= dev->draining & 1ull << index;
	anvil_device_suspend_when_idle(dev);
}

bool anvil_device_queue_in_use(const struct anvil_device *dev, uint32_t index)
{
	const struct anvil_virtqueue *vq = anvil_device_queue(dev, index);

	return vq && (anvil_virtqueue_enabled(vq) || dev->draining >> index & 1);
}

bool anvil_device_queue_resetting(const struct anvil_device *dev, uint32_t index)
{
	return anvil_device_queue(dev, index) && dev->queue_resets >> index & 1;
}

bool anvil_device_queue_live(const struct anvil_device *dev, unsigned int queue)
{
	/* not of the one selected: else a guest could have a queue without rings served */
	return anvil_device_running(dev) && anvil_virtqueue_enabled(&dev->queue[queue]);
}

bool anvil_device_queue_takes(const struct anvil_device *dev, unsigned int queue)
{
	return anvil_device_queue_live(dev, queue) && !dev->suspending;
}

void anvil_device_begin(struct anvil_device *dev)
{
	assert(!dev->calls_out);
	dev->work = ANVIL_DEVICE_WORK;
}

void anvil_device_charge(struct anvil_device *dev, uint32_t work)
{
	dev->work -= work < dev->work ? work : dev->work;
}

static void look_into(struct anvil_device *dev, uint32_t index)
{
	/* unsigned, with rings: else a guest could have us use what lies around the array, or
	 * follow the NULL of a queue that has none */
	if (index < dev->queues && anvil_device_queue_takes(dev, index))
		dev->ops->notified(dev, index);
}

void anvil_device_notify(struct anvil_device *dev, uint32_t index)
{
	anvil_device_begin(dev);
	look_into(dev, index);
}

/* The queue behind the last one that got something is first the next time. */
static void poll_queue(struct anvil_device *dev, unsigned int queue)
{
	if (!dev->work && anvil_device_queue_takes(dev, queue)) {
		anvil_device_defer(dev, queue);
		return;
	}
	dev->next_poll = (queue + 1) % dev->queues;
	look_into(dev, queue);
}

void anvil_device_poll(struct anvil_device *dev)
{
	uint64_t unserved = dev->unserved;

	anvil_device_suspend_when_idle(dev);
	dev->unserved = 0;
	dev->polled = true;
	anvil_device_begin(dev);
	for (unsigned int i = 0, first = dev->next_poll; i < dev->queues; i++) {
		unsigned int queue = (first + i) % dev->queues;

		if (unserved >> queue & 1)
			poll_queue(dev, queue);
	}
	dev->polled = false;
}

void anvil_device_break(struct anvil_device *dev, unsigned int queue, int err)
{
	dev->status |= VIRTIO_STATUS_NEEDS_RESET;
	dev->unserved = 0;
	/* told though broken: else a guest could wait for its chains for ever */
	if (dev->status & VIRTIO_STATUS_DRIVER_OK)
		dev->transport->interrupt(dev->transport_opaque, VIRTIO_INTERRUPT_CONFIG);
	dev->transport->refused(dev->transport_opaque, queue, err);
}

enum anvil_served anvil_device_popped(struct anvil_device *dev, unsigned int queue, int popped)
{
	if (popped < 0) {
		anvil_device_break(dev, queue, popped);
		return ANVIL_SERVED_LATER;
	}
	return popped ? ANVIL_SERVED_ONE : ANVIL_SERVED_ALL;
}

void anvil_device_serve(struct anvil_device *dev, unsigned int queue,
			enum anvil_served (*one)(struct anvil_device *dev, unsigned int queue))
{
	struct anvil_virtqueue *vq = &dev->queue[queue];
	enum anvil_served served = ANVIL_SERVED_ONE;

	anvil_virtqueue_suppress_notification(vq);
	for (uint32_t budget = vq->size; budget > 0 && dev->work > 0; budget--) {
		uint32_t before = vq->work;

		served = one(dev, queue);
		anvil_device_charge(dev, vq->work - before);
		if (!anvil_device_queue_live(dev, queue) || served == ANVIL_SERVED_LATER)
			return;
		if (served == ANVIL_SERVED_ALL && !anvil_virtqueue_want_notification(vq))
			return;
	}
	/* the rest: else a guest could wait for ever for what one turn leaves */
	anvil_device_defer(dev, queue);
}

void anvil_device_defer(struct anvil_device *dev, unsigned int queue)
{
	dev->unserved |= 1ull << queue;
	dev->transport->defer(dev->transport_opaque);
}

void anvil_device_publish(struct anvil_device *dev, unsigned int queue)
{
	if (anvil_virtqueue_publish(&dev->queue[queue]))
		dev->transport->interrupt(dev->transport_opaque, VIRTIO_INTERRUPT_USED);
	anvil_device_suspend_when_idle(dev);
}

bool anvil_device_notify_driver(struct anvil_device *dev, unsigned int queue)
{
	bool wanted = anvil_virtqueue_need_notify(&dev->queue[queue]);

	if (wanted)
		dev->transport->interrupt(dev->transport_opaque, VIRTIO_INTERRUPT_USED);
	return wanted;
}

/* ---- configuration space (2.5) ---- */

static bool config_inside(const struct anvil_device *dev, uint64_t offset, uint32_t len)
{
	/* nothing that wraps: else a guest could read the host's memory behind the fields */
	return len <= dev->config_len && offset <= dev->config_len - len;
}

void anvil_device_config_read(const struct anvil_device *dev, uint64_t offset, uint8_t *bytes,
			      uint32_t len)
{
	if (config_inside(dev, offset, len))
		memcpy(bytes, dev->config + offset, len);
	else
		memset(bytes, 0, len);
}

void anvil_device_config_write(struct anvil_device *dev, uint64_t offset, const uint8_t *bytes,
			       uint32_t len)
{
	/* config_written: else a guest could have us call NULL where nothing can be written */
	if (!(dev->legacy || dev->status & VIRTIO_STATUS_FEATURES_OK) || dev->resetting ||
	    dev->status & VIRTIO_STATUS_SUSPEND || !dev->ops->config_written ||
	    !config_inside(dev, offset, len))
		return;
	dev->ops->config_written(dev, (uint32_t)offset, bytes, len);
}

void anvil_device_config_changed(struct anvil_device *dev)
{
	dev->config_generation++;
	if (dev->status & VIRTIO_STATUS_DRIVER_OK)
		dev->transport->interrupt(dev->transport_opaque, VIRTIO_INTERRUPT_CONFIG);
}
