/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The register window as a table (4.2.2).
 */
#include "virtio_mmio.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "virtio_mmio_legacy.h"
#include "virtio_spec.h"

#define VENDOR_ID 0x4c56414eu /* "NAVL" */

static void update_irq(struct anvil_mmio *m, uint32_t interrupt_status)
{
	bool was = m->interrupt_status != 0;

	m->interrupt_status = interrupt_status;
	if (was == (interrupt_status != 0))
		return;
	m->dev->calls_out = true;
	m->host->set_irq(m->opaque, !was);
	m->dev->calls_out = false;
}

static void raise_interrupt(void *opaque, uint32_t events)
{
	struct anvil_mmio *m = opaque;

	update_irq(m, m->interrupt_status | events);
}

static void defer(void *opaque)
{
	struct anvil_mmio *m = opaque;

	m->dev->calls_out = true;
	m->host->defer(m->opaque);
	m->dev->calls_out = false;
}

static void refused(void *opaque, unsigned int queue, int err)
{
	struct anvil_mmio *m = opaque;

	if (!m->host->refused)
		return;
	m->dev->calls_out = true;
	m->host->refused(m->opaque, queue, err);
	m->dev->calls_out = false;
}

static const struct anvil_transport_ops transport_ops = {
	.interrupt = raise_interrupt,
	.defer = defer,
	.refused = refused,
};

void anvil_mmio_init(struct anvil_mmio *m, struct anvil_device *dev,
		     const struct anvil_mmio_host_ops *host, void *opaque)
{
	memset(m, 0, sizeof(*m));
	m->dev = dev;
	m->host = host;
	m->opaque = opaque;
	dev->transport = &transport_ops;
	dev->transport_opaque = m;
}

int anvil_mmio_init_legacy(struct anvil_mmio *m, struct anvil_device *dev,
			   const struct anvil_mmio_host_ops *host, void *opaque, bool big_endian)
{
	int err = anvil_device_make_legacy(dev, big_endian);

	if (!err)
		anvil_mmio_init(m, dev, host, opaque);
	return err;
}

void anvil_mmio_poll(struct anvil_mmio *m)
{
	assert(!m->dev->calls_out);
	anvil_device_poll(m->dev);
}

bool anvil_mmio_resetting(const struct anvil_mmio *m)
{
	return m->dev->draining != 0;
}

static struct anvil_virtqueue *selected(const struct anvil_mmio *m)
{
	return anvil_device_queue(m->dev, m->queue_sel);
}

/* ---- reads ---- */

static uint32_t read_magic(const struct anvil_mmio *m)
{
	(void)m;
	return VIRTIO_MMIO_MAGIC_VALUE;
}

static uint32_t read_version(const struct anvil_mmio *m)
{
	(void)m;
	return 2;
}

static uint32_t read_device_id(const struct anvil_mmio *m)
{
	return m->dev->ops->device_id;
}

static uint32_t read_vendor_id(const struct anvil_mmio *m)
{
	(void)m;
	return VENDOR_ID;
}

static uint32_t read_device_features(const struct anvil_mmio *m)
{
	return anvil_device_offered(m->dev, m->device_features_sel);
}

static uint32_t read_queue_size_max(const struct anvil_mmio *m)
{
	const struct anvil_virtqueue *vq = selected(m);

	return vq ? vq->size_max : 0;
}

static uint32_t read_queue_ready(const struct anvil_mmio *m)
{
	/* the device knows: else a guest could find queues ready that a reset has stopped */
	return anvil_device_queue_in_use(m->dev, m->queue_sel);
}

static uint32_t read_interrupt_status(const struct anvil_mmio *m)
{
	return m->interrupt_status;
}

static uint32_t read_status(const struct anvil_mmio *m)
{
	return anvil_device_status(m->dev);
}

/* We have no shared memory regions: length and base of any are -1 */
static uint32_t read_shm(const struct anvil_mmio *m)
{
	(void)m;
	return UINT32_MAX;
}

static uint32_t read_queue_reset(const struct anvil_mmio *m)
{
	return anvil_device_queue_resetting(m->dev, m->queue_sel);
}

static uint32_t read_config_generation(const struct anvil_mmio *m)
{
	return m->dev->config_generation;
}

/* ---- writes ---- */

static void write_device_features_sel(struct anvil_mmio *m, uint32_t value)
{
	m->device_features_sel = value;
}

static void write_driver_features(struct anvil_mmio *m, uint32_t value)
{
	anvil_device_set_driver_features(m->dev, m->driver_features_sel, value);
}

static void write_driver_features_sel(struct anvil_mmio *m, uint32_t value)
{
	m->driver_features_sel = value;
}

static void write_queue_sel(struct anvil_mmio *m, uint32_t value)
{
	m->queue_sel = value;
}

static void write_queue_ready(struct anvil_mmio *m, uint32_t value)
{
	if (value == 1)
		anvil_device_start_queue(m->dev, m->queue_sel);
	else if (value == 0)
		anvil_device_stop_queue(m->dev, m->queue_sel);
}

static void write_queue_notify(struct anvil_mmio *m, uint32_t value)
{
	/* where the driver stands is a hint (2.9), which we do without: the ring itself tells */
	if (anvil_device_has(m->dev, VIRTIO_F_NOTIFICATION_DATA))
		value &= VIRTIO_NOTIFY_QUEUE_MASK;
	/* whichever is selected: were that one asserted to run, a guest could abort the process */
	anvil_device_notify(m->dev, value);
}

static void write_interrupt_ack(struct anvil_mmio *m, uint32_t value)
{
	update_irq(m, m->interrupt_status & ~value);
}

static void write_status(struct anvil_mmio *m, uint32_t value)
{
	anvil_device_set_status(m->dev, value);
	if (value != 0)
		return;
	update_irq(m, 0);
	/* else a guest could set up, without selecting, what the driver before it selected */
	m->device_features_sel = 0;
	m->driver_features_sel = 0;
	m->queue_sel = 0;
}

/* Any region: none exists */
static void write_shm_sel(struct anvil_mmio *m, uint32_t value)
{
	(void)m;
	(void)value;
}

static void write_queue_reset(struct anvil_mmio *m, uint32_t value)
{
	if (value == 1 && anvil_device_has(m->dev, VIRTIO_F_RING_RESET))
		anvil_device_reset_queue(m->dev, m->queue_sel);
}

/* The selected queue, if it may be set up now. */
static struct anvil_virtqueue *writable_queue(struct anvil_mmio *m)
{
	struct anvil_virtqueue *vq = selected(m);

	return vq && anvil_device_queue_writable(m->dev, vq) ? vq : NULL;
}

static void write_queue_size(struct anvil_mmio *m, uint32_t value)
{
	/* else a guest could make a running ring larger than what was found in RAM, where a load
	 * fails an assert */
	struct anvil_virtqueue *vq = writable_queue(m);

	/* as written: else a guest could have us look for event fields behind a larger ring */
	if (vq)
		vq->size = value;
}

static void set_half(uint64_t *address, bool high, uint32_t value)
{
	unsigned int shift = high ? 32 : 0;

	*address = (*address & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
}

#define WRITE_ADDRESS(name, field, high)                                                           \
	static void name(struct anvil_mmio *m, uint32_t value)                                     \
	{                                                                                          \
		struct anvil_virtqueue *vq = writable_queue(m);                                    \
                                                                                                   \
		if (vq)                                                                            \
			set_half(&vq->field, high, value);                                         \
	}

WRITE_ADDRESS(write_desc_low, desc_area, false)
WRITE_ADDRESS(write_desc_high, desc_area, true)
WRITE_ADDRESS(write_driver_low, driver_area, false)
WRITE_ADDRESS(write_driver_high, driver_area, true)
WRITE_ADDRESS(write_device_low, device_area, false)
WRITE_ADDRESS(write_device_high, device_area, true)

/* ---- the table ---- */

#define REGS (VIRTIO_MMIO_CONFIG / 4)

static const struct anvil_mmio_reg regs[REGS] = {
	[VIRTIO_MMIO_MAGIC / 4] = { .read = read_magic },
	[VIRTIO_MMIO_VERSION / 4] = { .read = read_version },
	[VIRTIO_MMIO_DEVICE_ID / 4] = { .read = read_device_id },
	[VIRTIO_MMIO_VENDOR_ID / 4] = { .read = read_vendor_id },
	[VIRTIO_MMIO_DEVICE_FEATURES / 4] = { .read = read_device_features },
	[VIRTIO_MMIO_DEVICE_FEATURES_SEL / 4] = { .write = write_device_features_sel },
	[VIRTIO_MMIO_DRIVER_FEATURES / 4] = { .write = write_driver_features },
	[VIRTIO_MMIO_DRIVER_FEATURES_SEL / 4] = { .write = write_driver_features_sel },
	[VIRTIO_MMIO_QUEUE_SEL / 4] = { .write = write_queue_sel },
	[VIRTIO_MMIO_QUEUE_SIZE_MAX / 4] = { .read = read_queue_size_max },
	/* not for reading: else a guest could lose the size that it wrote by a look at it */
	[VIRTIO_MMIO_QUEUE_SIZE / 4] = { .write = write_queue_size },
	[VIRTIO_MMIO_QUEUE_READY / 4] = { .read = read_queue_ready, .write = write_queue_ready },
	[VIRTIO_MMIO_QUEUE_NOTIFY / 4] = { .write = write_queue_notify },
	[VIRTIO_MMIO_INTERRUPT_STATUS / 4] = { .read = read_interrupt_status },
	[VIRTIO_MMIO_INTERRUPT_ACK / 4] = { .write = write_interrupt_ack },
	[VIRTIO_MMIO_STATUS / 4] = { .read = read_status, .write = write_status },
	[VIRTIO_MMIO_QUEUE_DESC_LOW / 4] = { .write = write_desc_low },
	[VIRTIO_MMIO_QUEUE_DESC_HIGH / 4] = { .write = write_desc_high },
	[VIRTIO_MMIO_QUEUE_DRIVER_LOW / 4] = { .write = write_driver_low },
	[VIRTIO_MMIO_QUEUE_DRIVER_HIGH / 4] = { .write = write_driver_high },
	[VIRTIO_MMIO_QUEUE_DEVICE_LOW / 4] = { .write = write_device_low },
	[VIRTIO_MMIO_QUEUE_DEVICE_HIGH / 4] = { .write = write_device_high },
	[VIRTIO_MMIO_SHM_SEL / 4] = { .write = write_shm_sel },
	[VIRTIO_MMIO_SHM_LEN_LOW / 4] = { .read = read_shm },
	[VIRTIO_MMIO_SHM_LEN_HIGH / 4] = { .read = read_shm },
	[VIRTIO_MMIO_SHM_BASE_LOW / 4] = { .read = read_shm },
	[VIRTIO_MMIO_SHM_BASE_HIGH / 4] = { .read = read_shm },
	[VIRTIO_MMIO_QUEUE_RESET / 4] = { .read = read_queue_reset, .write = write_queue_reset },
	[VIRTIO_MMIO_CONFIG_GENERATION / 4] = { .read = read_config_generation },
};

static const struct anvil_mmio_reg *reg_at(const struct anvil_mmio *m, uint64_t offset)
{
	const struct anvil_mmio_reg *reg = &regs[offset / 4];

	return m->dev->legacy ? anvil_mmio_legacy_reg(offset, reg) : reg;
}

/* 4.2.2.2: control registers are 32 bits wide and aligned */
static bool reg_access(uint64_t offset, unsigned int width)
{
	return offset < VIRTIO_MMIO_CONFIG && offset % 4 == 0 && width == 4;
}

static bool config_access(uint64_t offset, unsigned int width)
{
	return offset >= VIRTIO_MMIO_CONFIG && (width == 1 || width == 2 || width == 4);
}

uint64_t anvil_mmio_read(struct anvil_mmio *m, uint64_t offset, unsigned int width)
{
	uint64_t value = 0;

	assert(!m->dev->calls_out);
	if (reg_access(offset, width)) {
		const struct anvil_mmio_reg *reg = reg_at(m, offset);

		return reg->read ? reg->read(m) : 0;
	}
	if (config_access(offset, width))
		anvil_device_config_read(m->dev, offset - VIRTIO_MMIO_CONFIG, (uint8_t *)&value,
					 width);
	return le64toh(value);
}

void anvil_mmio_write(struct anvil_mmio *m, uint64_t offset, unsigned int width, uint64_t value)
{
	assert(!m->dev->calls_out);
	if (reg_access(offset, width)) {
		const struct anvil_mmio_reg *reg = reg_at(m, offset);

		if (reg->write)
			reg->write(m, (uint32_t)value);
	} else if (config_access(offset, width)) {
		value = htole64(value);
		anvil_device_config_write(m->dev, offset - VIRTIO_MMIO_CONFIG,
					  (const uint8_t *)&value, width);
	}
}
