/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A header that says what follows, the registers that are the transport's own, and the device.
 */
#include "virtio_mmio_state.h"

#include <errno.h>
#include <string.h>

#include "virtio_mmio_legacy.h"
#include "virtio_spec.h"

#define MAGIC	     0x564e4156u /* "VANV" */
#define HEADER_BYTES 18u

/* the header: magic, version, type of device, length and checksum of the rest */
static void put_header(const struct anvil_mmio *m, uint8_t *bytes, size_t len)
{
	struct anvil_state_writer w = { .bytes = bytes, .room = HEADER_BYTES };

	anvil_state_put(&w, MAGIC, 4);
	anvil_state_put(&w, ANVIL_MMIO_STATE_VERSION, 2);
	anvil_state_put(&w, m->dev->ops->device_id, 4);
	anvil_state_put(&w, len - HEADER_BYTES, 4);
	anvil_state_put(&w, anvil_state_checksum(bytes + HEADER_BYTES, len - HEADER_BYTES), 4);
}

int anvil_mmio_save(const struct anvil_mmio *m, uint8_t *bytes, size_t room, size_t *len)
{
	struct anvil_state_writer w = { .bytes = bytes, .room = room, .len = HEADER_BYTES };
	int err;

	anvil_state_put(&w, m->device_features_sel, 4);
	anvil_state_put(&w, m->driver_features_sel, 4);
	anvil_state_put(&w, m->queue_sel, 4);
	anvil_state_put(&w, m->guest_page_size, 4);
	anvil_state_put(&w, m->interrupt_status, 4);
	err = anvil_device_save(m->dev, &w);
	if (err)
		return err;
	*len = w.len;
	if (w.len > room)
		return -ENOSPC;
	put_header(m, bytes, w.len);
	return 0;
}

static int check_header(const struct anvil_mmio *m, struct anvil_state_reader *r)
{
	uint32_t magic = (uint32_t)anvil_state_get(r, 4);
	uint32_t version = (uint32_t)anvil_state_get(r, 2);
	uint32_t device_id = (uint32_t)anvil_state_get(r, 4);
	uint32_t len = (uint32_t)anvil_state_get(r, 4);
	uint32_t sum = (uint32_t)anvil_state_get(r, 4);

	if (r->ended)
		return -ENODATA;
	if (magic != MAGIC || version == 0)
		return -EBADMSG;
	if (version > ANVIL_MMIO_STATE_VERSION)
		return -ENOTSUP;
	if (r->left < len)
		return -ENODATA;
	if (r->left > len || anvil_state_checksum(r->bytes, len) != sum)
		return -EBADMSG;
	return device_id == m->dev->ops->device_id ? 0 : -ENODEV;
}

/* Interrupts come last: the line changes when the device is what it was. */
static int restore_all(struct anvil_mmio *m, struct anvil_state_reader *r)
{
	uint32_t interrupts;
	int err;

	m->device_features_sel = (uint32_t)anvil_state_get(r, 4);
	m->driver_features_sel = (uint32_t)anvil_state_get(r, 4);
	m->queue_sel = (uint32_t)anvil_state_get(r, 4);
	m->guest_page_size = (uint32_t)anvil_state_get(r, 4);
	interrupts = (uint32_t)anvil_state_get(r, 4);
	if (interrupts & ~(VIRTIO_INTERRUPT_USED | VIRTIO_INTERRUPT_CONFIG) ||
	    (m->guest_page_size && !m->dev->legacy))
		return -EINVAL;
	err = anvil_device_restore(m->dev, r);
	if (!err && (r->left || (m->dev->legacy && !anvil_mmio_legacy_placed(m))))
		err = -EINVAL;
	if (err)
		return err;
	anvil_device_restored(m->dev);
	if (interrupts)
		m->dev->transport->interrupt(m->dev->transport_opaque, interrupts);
	return err;
}

int anvil_mmio_restore(struct anvil_mmio *m, const uint8_t *bytes, size_t len)
{
	struct anvil_state_reader r = { .bytes = bytes, .left = len };
	uint32_t generation = m->dev->config_generation;
	uint32_t guest_page_size = m->guest_page_size;
	int err = anvil_mmio_resetting(m) ? -EBUSY : check_header(m, &r);

	if (err)
		return err;
	err = restore_all(m, &r);
	if (err) {
		anvil_mmio_write(m, VIRTIO_MMIO_STATUS, 4, 0);
		m->dev->config_generation = generation;
		m->guest_page_size = guest_page_size;
	}
	return err;
}
