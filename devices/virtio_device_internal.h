/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of a device: its queues (virtio_device.c), its status (virtio_device_status.c),
 * and how it is saved (virtio_device_state.c).
 */
#ifndef ANVIL_DEVICE_INTERNAL_H
#define ANVIL_DEVICE_INTERNAL_H

#include "virtio_device.h"
#include "virtio_spec.h"

/* Device Status after each step of the driver (2.1, 3.1.1). */
#define UP_TO_ACKNOWLEDGE VIRTIO_STATUS_ACKNOWLEDGE
#define UP_TO_DRIVER	  (UP_TO_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER)
#define UP_TO_FEATURES_OK (UP_TO_DRIVER | VIRTIO_STATUS_FEATURES_OK)
#define UP_TO_DRIVER_OK	  (UP_TO_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK)
#define UP_TO_SUSPEND	  (UP_TO_FEATURES_OK | VIRTIO_STATUS_SUSPEND)

/* The same without FEATURES_OK, which legacy drivers do not set (3.1.2). */
#define UP_TO_LEGACY_DRIVER_OK (UP_TO_DRIVER | VIRTIO_STATUS_DRIVER_OK)

/* What the driver has to have said before its queues are served, no more and nothing bad. */
bool anvil_device_running(const struct anvil_device *dev);

/* Stops a queue that runs, and forgets all about it in either case. */
void anvil_device_halt_queue(struct anvil_device *dev, unsigned int index);

/* Those of the features accepted that shape queues. */
struct anvil_virtqueue_features anvil_device_queue_features(const struct anvil_device *dev);

/* Whether a driver may have what it wrote (2.2.1, 6.2). */
bool anvil_device_features_acceptable(const struct anvil_device *dev);

/* The driver wants to suspend, and perhaps nothing is in flight any more (3.4). */
void anvil_device_suspend_when_idle(struct anvil_device *dev);

#endif
