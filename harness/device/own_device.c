/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What our own devices share: the door's register window, the tap, and a new device.
 */
#include "own_device_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bad_options.h"
#include "base/complain.h"
#include "base/msan.h"

/* ---- the tap ---- */

static void fetching(void *opaque, uint64_t gpa, size_t len)
{
	struct own_device *d = ((struct own_tap *)opaque)->own;

	d->host->fetching(&d->dut, gpa, len);
}

static void ring_fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct own_tap *t = opaque;

	t->own->host->fetched(&t->own->dut, gpa, bytes, len);
	oracle_ring_fetched(t->own->oracle, t->queue, gpa, bytes, len);
}

static void ring_stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct own_tap *t = opaque;

	check_initialized(bytes, len);
	t->own->host->stored(&t->own->dut, gpa, bytes, len);
	oracle_ring_stored(t->own->oracle, t->queue, gpa, bytes, len);
}

static void buffer_fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct own_tap *t = opaque;

	t->own->host->fetched(&t->own->dut, gpa, bytes, len);
	oracle_buffer_fetched(t->own->oracle, gpa, bytes, len);
}

static void buffer_stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct own_tap *t = opaque;

	check_initialized(bytes, len);
	t->own->host->stored(&t->own->dut, gpa, bytes, len);
	oracle_buffer_stored(t->own->oracle, gpa, bytes, len);
}

static void create_tap(struct own_device *d, struct own_tap *t, unsigned int queue, bool ring)
{
	struct anvil_guest_memory_region region[MAP_REGIONS];

	for (unsigned int i = 0; i < MAP_REGIONS; i++)
		region[i] =
			(struct anvil_guest_memory_region){ d->dut.ram[i].gpa, d->dut.ram[i].bytes,
							    d->dut.ram[i].host };
	t->own = d;
	t->queue = queue;
	t->tap.opaque = t;
	t->tap.fetching = fetching;
	t->tap.fetched = ring ? ring_fetched : buffer_fetched;
	t->tap.stored = ring ? ring_stored : buffer_stored;
	if (anvil_guest_memory_init(&t->memory, region, MAP_REGIONS))
		abort();
	t->memory.tap = &t->tap;
}

/* ---- the window ---- */

static uint64_t window_read(struct device_under_test *dut, uint64_t offset, unsigned int width)
{
	return anvil_mmio_read(&to_own(dut)->mmio, offset, width);
}

static void window_write(struct device_under_test *dut, uint64_t offset, unsigned int width,
			 uint64_t value)
{
	anvil_mmio_write(&to_own(dut)->mmio, offset, width, value);
}

static bool poll_device(struct device_under_test *dut)
{
	struct own_device *d = to_own(dut);

	if (!d->deferred_work)
		return false;
	d->deferred_work = false;
	anvil_mmio_poll(&d->mmio);
	return d->deferred_work;
}

static void set_irq(void *opaque, bool asserted)
{
	struct own_device *d = opaque;

	d->host->set_irq(&d->dut, asserted);
}

static void defer(void *opaque)
{
	((struct own_device *)opaque)->deferred_work = true;
}

static const struct anvil_mmio_host_ops host_ops = { .set_irq = set_irq, .defer = defer };

/* ---- the device ---- */

static const struct own_kind *const kinds[DEVICE_KINDS] = {
	[DEVICE_BLK] = &own_kind_blk,
	[DEVICE_NET] = &own_kind_net,
	[DEVICE_ECHO] = &own_kind_echo,
};

static int create(struct device_under_test *dut, const struct dut_host *host)
{
	struct own_device *d = to_own(dut);

	d->host = host;
	for (unsigned int i = 0; i < SETUP_QUEUES; i++)
		create_tap(d, &d->ring[i], i, true);
	create_tap(d, &d->buffer, 0, false);
	for (unsigned int i = 0; i < DEVICE_KINDS; i++)
		kinds[i]->create(d);
	return 0;
}

void own_device_choose(struct own_device *d, const struct setup *p)
{
	const struct device_under_test *host = &kinds[p->kind]->host;

	d->p = *p;
	d->kind = kinds[p->kind];
	d->dut.frame = host->frame;
	d->dut.link = host->link;
	d->dut.announce = host->announce;
	d->dut.speed = host->speed;
	d->dut.stall = host->stall;
	d->dut.time = host->time;
	d->dut.resize = p->zones.zoned ? NULL : host->resize;
	d->dut.waiting = host->waiting;
	d->dut.complete = host->complete;
	d->dut.defer = host->defer;
}

static void power_cycle(struct device_under_test *dut)
{
	struct own_device *d = to_own(dut);
	int err;

	d->deferred_work = false;
	if (d->kind->begin)
		d->kind->begin(d);
	bad_options_try(d, d->p.bad_option);
	err = d->kind->start(d);
	if (err) {
		complain("cannot create the device: %s", strerror(-err));
		abort();
	}
	for (unsigned int i = 0; i < d->dev->queues; i++)
		d->dev->queue[i].memory = &d->ring[i].memory;
	if (!d->p.legacy)
		anvil_mmio_init(&d->mmio, d->dev, &host_ops, d);
	else if (anvil_mmio_init_legacy(&d->mmio, d->dev, &host_ops, d, d->p.big_endian))
		abort();
}

void own_device_stop(struct own_device *d)
{
	d->kind->stop(d);
}

void own_device_init(struct own_device *d, struct oracle *oracle, const struct dut_ram *ram)
{
	memset(d, 0, sizeof(*d));
	d->oracle = oracle;
	d->dut = (struct device_under_test){
		.version = DUT_VERSION,
		.traits = DUT_TAPPED | DUT_EXACT,
		.name = "virtio-anvil",
		.create = create,
		.power_cycle = power_cycle,
		.read = window_read,
		.write = window_write,
		.poll = poll_device,
	};
	memcpy(d->dut.ram, ram, MAP_REGIONS * sizeof(*ram));
}
