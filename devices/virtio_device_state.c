/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device in bytes. What comes back is checked as if the driver had written it, one after the
 * other.
 */
#include <errno.h>

#include "virtio_device_internal.h"

/* what the driver knows the device by: it must be the same one's */
#define INTERFACE_MODERN     0u
#define INTERFACE_LEGACY     1u
#define INTERFACE_BIG_ENDIAN 2u

static unsigned int interface_of(const struct anvil_device *dev)
{
	if (!dev->legacy)
		return INTERFACE_MODERN;
	return dev->big_endian ? INTERFACE_BIG_ENDIAN : INTERFACE_LEGACY;
}

int anvil_device_save(const struct anvil_device *dev, struct anvil_state_writer *w)
{
	for (unsigned int i = 0; i < dev->queues; i++) {
		if (dev->queue[i].in_flight)
			return -EBUSY;
	}
	if (dev->draining)
		return -EBUSY;
	anvil_state_put(w, interface_of(dev), 1);
	anvil_state_put(w, dev->status, 1);
	anvil_state_put(w, dev->legacy_final, 1);
	anvil_state_put(w, dev->suspending, 1);
	anvil_state_put(w, dev->config_held, 1);
	for (size_t i = 0; i < ANVIL_FEATURE_BITS / 64; i++)
		anvil_state_put(w, dev->driver.word[i], 8);
	anvil_state_put(w, dev->config_generation, 4);
	anvil_state_put(w, dev->queues, 1);
	for (unsigned int i = 0; i < dev->queues; i++)
		anvil_virtqueue_save(&dev->queue[i], w);
	dev->ops->save(dev, w);
	return 0;
}

/* ---- status and features, as far as one follows from the other (3.1.1, 3.1.2) ---- */

static bool reached_possible(const struct anvil_device *dev, uint8_t reached)
{
	switch (reached) {
	case 0:
	case UP_TO_ACKNOWLEDGE:
	case UP_TO_DRIVER:
		return true;
	case UP_TO_LEGACY_DRIVER_OK:
		return dev->legacy;
	case UP_TO_FEATURES_OK:
	case UP_TO_DRIVER_OK:
		return !dev->legacy;
	case UP_TO_SUSPEND:
		return anvil_features_has(&dev->driver, VIRTIO_F_SUSPEND);
	default:
		return false;
	}
}

/* Only what is served breaks. */
static bool status_possible(const struct anvil_device *dev, uint8_t status)
{
	uint8_t reached = status & (UINT8_MAX ^ (VIRTIO_STATUS_NEEDS_RESET | VIRTIO_STATUS_FAILED));

	if (!reached_possible(dev, reached))
		return false;
	if (!(status & VIRTIO_STATUS_NEEDS_RESET))
		return true;
	return reached == UP_TO_DRIVER_OK || (dev->legacy && reached >= UP_TO_DRIVER);
}

static bool no_features(const struct anvil_features *set)
{
	return !set->word[0] && !set->word[1];
}

/* Features are final with FEATURES_OK, or at some time before a legacy driver's DRIVER_OK. */
static bool agreement_possible(const struct anvil_device *dev)
{
	if (!(dev->status & VIRTIO_STATUS_DRIVER))
		return no_features(&dev->driver) && !dev->legacy_final;
	if (dev->legacy)
		return dev->legacy_final ? anvil_device_features_acceptable(dev)
					 : !(dev->status & VIRTIO_STATUS_DRIVER_OK);
	return !dev->legacy_final && (!(dev->status & VIRTIO_STATUS_FEATURES_OK) ||
				      anvil_device_features_acceptable(dev));
}

static bool suspending_possible(const struct anvil_device *dev)
{
	return !dev->suspending || (dev->status == UP_TO_DRIVER_OK &&
				    anvil_features_has(&dev->driver, VIRTIO_F_SUSPEND));
}

static bool restore_agreement(struct anvil_device *dev, struct anvil_state_reader *r)
{
	uint64_t interface = anvil_state_get(r, 1);
	uint8_t status = (uint8_t)anvil_state_get(r, 1);
	uint64_t agreed = anvil_state_get(r, 1);
	uint64_t suspending = anvil_state_get(r, 1);
	uint8_t held;

	dev->legacy_final = agreed;
	dev->suspending = suspending;
	held = (uint8_t)anvil_state_get(r, 1);
	for (size_t i = 0; i < ANVIL_FEATURE_BITS / 64; i++)
		dev->driver.word[i] = anvil_state_get(r, 8);
	dev->config_generation = (uint32_t)anvil_state_get(r, 4);
	if (interface != interface_of(dev) || agreed > 1 || suspending > 1 ||
	    !status_possible(dev, status))
		return false;
	dev->status = status;
	if (!agreement_possible(dev) || !suspending_possible(dev) ||
	    held & ~dev->ops->config_kinds || (held && !(status & VIRTIO_STATUS_SUSPEND)))
		return false;
	dev->config_held = held;
	if (anvil_device_features_final(dev) && dev->ops->features_accepted)
		dev->ops->features_accepted(dev);
	return true;
}

/* ---- queues ---- */

static bool programmed(const struct anvil_virtqueue *vq)
{
	return vq->size || vq->desc_area || vq->driver_area || vq->device_area || vq->used_align ||
	       vq->page_number;
}

/* A legacy driver may program queues before it is known which of them there are. */
static bool queue_possible(const struct anvil_device *dev, unsigned int index)
{
	const struct anvil_virtqueue *vq = &dev->queue[index];

	if (dev->legacy) {
		if (anvil_virtqueue_enabled(vq))
			return dev->legacy_final && index < dev->queues_used;
		return !programmed(vq) || dev->status & VIRTIO_STATUS_DRIVER;
	}
	if (vq->used_align || vq->page_number)
		return false;
	if (anvil_virtqueue_moved(vq) &&
	    !(dev->status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_SUSPEND)))
		return false;
	return !programmed(vq) ||
	       (index < dev->queues_used && dev->status & VIRTIO_STATUS_FEATURES_OK);
}

static bool restore_queues(struct anvil_device *dev, struct anvil_state_reader *r)
{
	if (anvil_state_get(r, 1) != dev->queues)
		return false;
	for (unsigned int i = 0; i < dev->queues; i++) {
		if (anvil_virtqueue_restore(&dev->queue[i], anvil_device_queue_features(dev), r) ||
		    !queue_possible(dev, i))
			return false;
	}
	return true;
}

/* What was used and not told is for who put that off to tell: nobody else may have any, and a
 * device told all before it was suspended. One that failed or broke tells nothing any more. */
static bool untold_possible(const struct anvil_device *dev, unsigned int index)
{
	if (!anvil_virtqueue_unnotified(&dev->queue[index]))
		return true;
	if (dev->status & VIRTIO_STATUS_SUSPEND)
		return false;
	if (!anvil_device_queue_live(dev, index))
		return true;
	return dev->ops->coalesces && dev->ops->coalesces(dev, index);
}

int anvil_device_restore(struct anvil_device *dev, struct anvil_state_reader *r)
{
	if (!restore_agreement(dev, r) || !restore_queues(dev, r) || !dev->ops->restore(dev, r) ||
	    r->ended)
		return -EINVAL;
	for (unsigned int i = 0; i < dev->queues; i++) {
		if (!untold_possible(dev, i))
			return -EINVAL;
	}
	return 0;
}

void anvil_device_restored(struct anvil_device *dev)
{
	for (unsigned int i = 0; i < dev->queues; i++) {
		if (!anvil_device_queue_live(dev, i))
			continue;
		if (anvil_virtqueue_unnotified(&dev->queue[i]))
			dev->ops->notify_coalesced(dev, i);
		anvil_device_defer(dev, i);
	}
	anvil_device_suspend_when_idle(dev);
}
