/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device without a purpose behind a register window: for test_virtio_mmio_*.c but those of
 * version 1, which have legacy_fixture.h.
 */
#ifndef TESTS_MMIO_FIXTURE_H
#define TESTS_MMIO_FIXTURE_H

#include "support.h"

struct fixture {
	struct guest guest;
	struct fake_device fake;
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guest_init(&f->guest);
	fake_device_init(&f->fake, &f->guest.ram.memory);
	guest_attach(&f->guest, &f->fake.dev);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_device_destroy(&f->fake.dev);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

/* As much of the state as a driver, or an embedder, can tell apart. */
struct snapshot {
	struct anvil_features driver;
	uint8_t status;
	uint32_t sel[3];
	struct anvil_virtqueue queue[3];
	uint32_t interrupts;
	unsigned int notified;
	unsigned int config_writes;
};

static inline void take(const struct fixture *f, struct snapshot *s)
{
	memset(s, 0, sizeof(*s));
	s->driver = f->fake.dev.driver;
	s->status = f->fake.dev.status;
	s->sel[0] = f->guest.mmio.device_features_sel;
	s->sel[1] = f->guest.mmio.driver_features_sel;
	s->sel[2] = f->guest.mmio.queue_sel;
	memcpy(s->queue, f->fake.dev.queue, sizeof(s->queue));
	s->interrupts = f->guest.mmio.interrupt_status;
	s->notified = f->fake.notified[0] + f->fake.notified[1] + f->fake.notified[2];
	s->config_writes = f->fake.config_writes;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
