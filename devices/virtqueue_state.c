/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue in bytes. With nothing in flight, what was taken has been given back, so that one place
 * says where the device stands in both rings, and another one what the driver was told of. How far
 * the driver is, the ring tells.
 */
#include <errno.h>

#include "virtqueue_layout.h"

void anvil_virtqueue_save(const struct anvil_virtqueue *vq, struct anvil_state_writer *w)
{
	anvil_state_put(w, vq->size, 4);
	anvil_state_put(w, vq->desc_area, 8);
	anvil_state_put(w, vq->driver_area, 8);
	anvil_state_put(w, vq->device_area, 8);
	anvil_state_put(w, vq->used_align, 4);
	anvil_state_put(w, vq->page_number, 4);
	anvil_state_put(w, anvil_virtqueue_enabled(vq), 1);
	anvil_state_put(w, vq->next_used, 2);
	anvil_state_put(w, vq->notified_used, 2);
}

/* Where it stands, and what the driver was told: all but the last lap. */
static bool places_possible(const struct anvil_virtqueue *vq, uint16_t next, uint16_t told)
{
	if (!anvil_virtqueue_enabled(vq))
		return next == 0 && told == 0;
	return vq->layout->has_place(vq, next) && vq->layout->has_place(vq, told) &&
	       vq->layout->distance(vq, told, next) < vq->size;
}

int anvil_virtqueue_restore(struct anvil_virtqueue *vq, struct anvil_virtqueue_features accepted,
			    struct anvil_state_reader *r)
{
	anvil_virtqueue_reset(vq);
	vq->size = (uint32_t)anvil_state_get(r, 4);
	vq->desc_area = anvil_state_get(r, 8);
	vq->driver_area = anvil_state_get(r, 8);
	vq->device_area = anvil_state_get(r, 8);
	vq->used_align = (uint32_t)anvil_state_get(r, 4);
	vq->page_number = (uint32_t)anvil_state_get(r, 4);

	uint64_t enabled = anvil_state_get(r, 1);
	uint16_t next = (uint16_t)anvil_state_get(r, 2);
	uint16_t told = (uint16_t)anvil_state_get(r, 2);
	int err = enabled > 1 ? -EINVAL : 0;

	if (!err && enabled)
		err = anvil_virtqueue_enable(vq, accepted);
	if (!err && !places_possible(vq, next, told))
		err = -EINVAL;
	if (err) {
		anvil_virtqueue_reset(vq);
		return err;
	}
	vq->next_avail = next;
	vq->avail_idx = next;
	vq->next_used = next;
	vq->flushed_used = next;
	vq->notified_used = told;
	return 0;
}
