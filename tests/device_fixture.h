/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device without a purpose behind a transport that counts: for test_virtio_device_*.c.
 */
#ifndef TESTS_DEVICE_FIXTURE_H
#define TESTS_DEVICE_FIXTURE_H

#include "support.h"

struct fixture {
	struct ram ram;
	struct ring ring;
	struct fake_device fake;
	struct anvil_device *dev;
	unsigned int used_interrupts;
	unsigned int config_interrupts;
	unsigned int defers;
};

static inline void interrupt(void *opaque, uint32_t events)
{
	struct fixture *f = opaque;

	f->used_interrupts += events == VIRTIO_INTERRUPT_USED;
	f->config_interrupts += events == VIRTIO_INTERRUPT_CONFIG;
	assert_true(events == VIRTIO_INTERRUPT_USED || events == VIRTIO_INTERRUPT_CONFIG);
}

static inline void defer(void *opaque)
{
	((struct fixture *)opaque)->defers++;
}

static inline void refused(void *opaque, unsigned int queue, int err)
{
	(void)opaque, (void)queue;
	assert_true(err < 0);
}

static const struct anvil_transport_ops transport = {
	.interrupt = interrupt,
	.defer = defer,
	.refused = refused,
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	ram_init(&f->ram);
	fake_device_init(&f->fake, &f->ram.memory);
	f->dev = &f->fake.dev;
	f->dev->transport = &transport;
	f->dev->transport_opaque = f;
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_device_destroy(f->dev);
	ram_destroy(&f->ram);
	free(f);
	return 0;
}

static inline void accept(struct fixture *f, struct anvil_features set)
{
	anvil_device_set_status(f->dev, 0);
	anvil_device_set_status(f->dev, UP_TO_ACKNOWLEDGE);
	anvil_device_set_status(f->dev, UP_TO_DRIVER);
	for (uint32_t sel = 0; sel < 4; sel++)
		anvil_device_set_driver_features(f->dev, sel,
						 (uint32_t)(set.word[sel / 2] >> (sel % 2 * 32)));
	anvil_device_set_status(f->dev, UP_TO_FEATURES_OK);
}

static inline void program(struct fixture *f, unsigned int index)
{
	struct anvil_virtqueue *vq = &f->dev->queue[index];

	ring_init(&f->ring, &f->ram, RAM_LOW, 8);
	vq->size = 8;
	vq->desc_area = f->ring.desc;
	vq->driver_area = f->ring.avail;
	vq->device_area = f->ring.used;
}

/* Queue 0 runs, with `set` and VERSION_1. */
static inline void go_live(struct fixture *f, struct anvil_features set)
{
	anvil_features_add(&set, VIRTIO_F_VERSION_1);
	accept(f, set);
	program(f, 0);
	anvil_device_start_queue(f->dev, 0);
	anvil_device_set_status(f->dev, UP_TO_DRIVER_OK);
	assert_true(anvil_device_queue_live(f->dev, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
