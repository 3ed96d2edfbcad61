/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of a device: its queues (virtio_device.c), its status (virtio_device_status.c),
 * and how it is saved (virtio_device_state.c).
 */
#ifndef VIRTIO_DEVICE_INTERNAL_H
#define VIRTIO_DEVICE_INTERNAL_H

#include "virtio_device.h"
#include "virtio_spec.h"

/* What a driver has reached (2.1). */
#define STATUS_FOUND	 VIRTIO_STATUS_ACKNOWLEDGE
#define STATUS_DRIVEN	 (STATUS_FOUND | VIRTIO_STATUS_DRIVER)
#define STATUS_AGREED	 (STATUS_DRIVEN | VIRTIO_STATUS_FEATURES_OK)
#define STATUS_LIVE	 (STATUS_AGREED | VIRTIO_STATUS_DRIVER_OK)
#define STATUS_LEGACY	 (STATUS_DRIVEN | VIRTIO_STATUS_DRIVER_OK) /* 3.1.2: no FEATURES_OK */
#define STATUS_SUSPENDED (STATUS_AGREED | VIRTIO_STATUS_SUSPEND)

/* What the driver has to have said before its queues are served, no more and nothing bad. */
bool virtio_device_running(const struct virtio_device *dev);

/* Stops a queue that runs, and forgets all about it in either case. */
void virtio_device_halt_queue(struct virtio_device *dev, unsigned int index);

/* Those of the features accepted that shape queues. */
struct virtqueue_features virtio_device_queue_features(const struct virtio_device *dev);

/* Whether a driver may have what it wrote (2.2.1, 6.2). */
bool virtio_device_features_acceptable(const struct virtio_device *dev);

/* The driver wants to suspend, and perhaps nothing is in flight any more (3.4). */
void virtio_device_suspend_when_idle(struct virtio_device *dev);

#endif
