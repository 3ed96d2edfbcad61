/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Saves the device, changes the saved bytes as the script says, resets the device, and restores it
 * from these bytes.
 */
#include <errno.h>
#include <string.h>

#include "machine_internal.h"
#include "virtio_mmio_state.h"
#include "virtio_spec.h"

#define HEADER_BYTES 18u /* of which the last 8 are length and checksum of the rest */

/* Whoever changes a state with a purpose makes its checksum right, too. */
static void seal(uint8_t *image, size_t len)
{
	struct anvil_state_writer w = { .bytes = image + HEADER_BYTES - 8, .room = 8 };

	anvil_state_put(&w, len - HEADER_BYTES, 4);
	anvil_state_put(&w, anvil_state_checksum(image + HEADER_BYTES, len - HEADER_BYTES), 4);
}

static void overwrite(uint8_t *image, size_t from, size_t len, const struct machine_damage *d)
{
	if (len <= from)
		return;
	for (size_t i = 0, at = from + d->at % (len - from); i < d->len && at < len; i++, at++)
		image[at] = (uint8_t)(d->bytes[i] + (d->how == DAMAGE_ADDED ? image[at] : 0u));
}

/* Returns how long the image is afterwards. */
static size_t damage(uint8_t *image, size_t len, const struct machine_damage *d)
{
	switch (d->how) {
	case DAMAGE_SEALED:
	case DAMAGE_ADDED:
		overwrite(image, HEADER_BYTES, len, d);
		seal(image, len);
		return len;
	case DAMAGE_ANYWHERE:
		overwrite(image, 0, len, d);
		return len;
	case DAMAGE_CUT:
		return (size_t)(d->at % len);
	case DAMAGE_CUT_SEALED:
		len = HEADER_BYTES + (size_t)(d->at % (len - HEADER_BYTES));
		seal(image, len);
		return len;
	case DAMAGE_LONGER:
		memcpy(image + len, d->bytes, 1 + d->len % 8);
		len += 1 + d->len % 8;
		seal(image, len);
		return len;
	default:
		return len;
	}
}

void machine_restore(struct machine *m, const struct machine_damage *d)
{
	size_t len = 0;
	int err;

	if (!m->exact || m->ground)
		return;
	err = anvil_mmio_save(&m->own.mmio, m->image, MACHINE_IMAGE_BYTES, &len);
	oracle_saved(&m->oracle, err);
	if (err) {
		oracle_milestone[MILESTONE_STATE_BUSY] = true;
		/* nothing is restored into a device whose reset is not complete */
		if (oracle_draining(&m->oracle))
			oracle_took_state_busy(&m->oracle,
					       anvil_mmio_restore(&m->own.mmio, m->image, 0));
		return;
	}
	len = damage(m->image, len, d);

	/* a reset leaves no trace: as good as a new one, and much quicker to be had */
	machine_write(m, VIRTIO_MMIO_STATUS, 4, 0);

	safety_restored(&m->safety);
	safety_work_begins(&m->safety);
	safety_work_given(len);

	bool fine = oracle_restored(&m->oracle, m->image, len);

	if (d->how == DAMAGE_NONE)
		oracle_restored_same(&m->oracle, fine);
	err = anvil_mmio_restore(&m->own.mmio, m->image, len);
	oracle_took_state(&m->oracle, fine, err);
	oracle_milestone[err	  ? MILESTONE_STATE_REFUSED
			 : d->how ? MILESTONE_STATE_ALTERED
				  : MILESTONE_STATE_TAKEN] = true;
	machine_settle(m);
}
